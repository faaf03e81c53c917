/*
 * The kernel's marks of written pages (Documentation/admin-guide/mm/soft-dirty.rst):
 * writing to /proc/PID/clear_refs takes them all away, and bit 55 in /proc/PID/pagemap is
 * set again for a page that is written to. Whether that works here is not a matter of
 * versions: it is tried on memory of memscan's own.
 */
#include "priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"

int
softdirty_open(pid_t pid, bool *is_busy)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	/* Two that clear each other's marks would both miss what is written. */
	*is_busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (*is_busy)
		mem_clean_close(&fd);
	return *is_busy ? -1 : fd;
}

bool
softdirty_clear(int fd)
{
	return pwrite(fd, "4", 1, 0) == 1;
}

/* ---- does it work? ---- */

enum { UNTOUCHED, WRITTEN, PROTECTED, PROBE_PAGES };

/*
 * A page that is written to is marked, also one that could not be for a while (Linux 5.19
 * forgot these); one that is not, is not, and stays where it was.
 */
static bool
are_marked(const struct pagemap *pm, volatile uint8_t *p, int fd)
{
	uint64_t before[PROBE_PAGES], after[PROBE_PAGES];
	size_t page = (size_t)pm->page;
	taddr at = (taddr)(uintptr_t)p;
	void *protected = (void *)(uintptr_t)(at + PROTECTED * page);

	for (size_t i = 0; i < PROBE_PAGES; i++)
		p[i * page] = 1;
	if (!softdirty_clear(fd))
		return false;
	pagemap_entries(pm, at, before, PROBE_PAGES);
	if (mprotect(protected, page, PROT_READ) != 0 ||
	    mprotect(protected, page, PROT_READ | PROT_WRITE) != 0)
		return false;
	p[WRITTEN * page] = 2;
	p[PROTECTED * page] = 2;
	pagemap_entries(pm, at, after, PROBE_PAGES);
	for (size_t i = 0; i < PROBE_PAGES; i++) {
		bool is_same = pagemap_is_same(after[i], before[i]);
		if ((before[i] & ENTRY_SOFT_DIRTY) != 0 || is_same != (i == UNTOUCHED))
			return false;
	}
	return true;
}

bool
softdirty_works(void)
{
	CLEAN(pagemap_fini) struct pagemap pm;
	size_t len;
	bool is_busy;

	pagemap_open(getpid(), &pm);
	CLEAN_CLOSE int fd = softdirty_open(getpid(), &is_busy);
	len = PROBE_PAGES * (size_t)pm.page;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	               0);
	if (p == MAP_FAILED)
		return false;
	madvise(p, len, MADV_NOHUGEPAGE);
	bool works = pm.fd >= 0 && fd >= 0 && are_marked(&pm, p, fd);
	munmap(p, len);
	return works;
}
