/*
 * From a mapping back to the file it was made of. Names lie: the process may live in
 * another mount namespace or chroot, and the file may have been replaced by an upgrade.
 */
#include "priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/mem.h"

/* Not O_NOCTTY only: a name may have become a fifo, on which an open would wait. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/*
 * The device is not compared: overlay file systems and btrfs report another one to stat
 * than in the list of mappings, while the inode number is the same.
 */
static bool
is_the_file(int fd, const struct region *r)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == r->inode;
}

static bool
is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

enum status
live_open_file(pid_t pid, const struct region *r, int *fd)
{
	char path[64 + 4096];

	if (r->path[0] != '/' || r->inode == 0 || region_is_device(r))
		return MS_ABSENT;

	/* The kernel's own link to the mapping; for root only. */
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid,
	         (unsigned long long)r->start, (unsigned long long)r->end);
	CLEAN_CLOSE int f = open(path, OPEN_FLAGS);
	if (f >= 0 && is_regular(f)) {
		*fd = f;
		f = -1;
		return MS_OK;
	}
	mem_clean_close(&f);
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, r->path);
	f = open(path, OPEN_FLAGS);
	if (f < 0 || !is_the_file(f, r)) {
		mem_clean_close(&f);
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		f = open(path, OPEN_FLAGS);
	}
	if (f < 0 || !is_the_file(f, r))
		return MS_ABSENT;
	*fd = f;
	f = -1;
	return MS_OK;
}
