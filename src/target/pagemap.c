/*
 * Which pages of a process exist, from /proc/PID/pagemap: a mapping of terabytes may hold
 * three pages, and only these are worth copying. Linux 6.7 can be asked for the runs of
 * pages themselves; before, there are 8 bytes to read for each page that could be.
 */
#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* linux/fs.h of Linux 6.7: struct pm_scan_arg, struct page_region and PAGE_IS_*. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct scan_region {
	uint64_t start, end, categories;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (1U << 3)
#define SCAN_SWAPPED (1U << 4)
#define SCAN_ZERO_PAGE (1U << 5)

enum {
	SCAN_AT_ONCE = 512, /* runs for each call */
};

void
pagemap_open(pid_t pid, struct pagemap *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	*ret = (struct pagemap){
		.fd = open(path, O_RDONLY | O_CLOEXEC),
		.page = (uint64_t)sysconf(_SC_PAGESIZE),
		.has_scan = true, /* until the first call says otherwise */
	};
}

void
pagemap_fini(struct pagemap *pm)
{
	mem_clean_close(&pm->fd);
	pm->fd = -1;
}

/* Append [start, end), joined to the run before if they touch. */
static void
append(span_vec *v, size_t first, taddr start, taddr end)
{
	if (start >= end)
		return;
	if (v->n > first && v->at[v->n - 1].end == start)
		v->at[v->n - 1].end = end;
	else
		vec_push(v, (struct span){.start = start, .end = end});
}

/*
 * Ask for pages, present or swapped out or both, that are not the kernel's page of zeros. False if the
 * kernel does not know the question; *at is how far the answer goes.
 */
static bool
scan(struct pagemap *pm, unsigned which, taddr *at, taddr end, span_vec *ret)
{
	struct scan_region found[SCAN_AT_ONCE];
	size_t first = ret->n;

	while (*at < end) {
		uintptr_t vec = (uintptr_t)found;
		struct scan_arg arg = {
			.size = sizeof(arg),
			.start = *at,
			.end = end,
			.vec = vec,
			.vec_len = SCAN_AT_ONCE,
			.category_inverted = SCAN_ZERO_PAGE,
			.category_mask = SCAN_ZERO_PAGE,
			.category_anyof_mask =
				(which & PAGES_PRESENT ? SCAN_PRESENT : 0) |
				(which & PAGES_SWAPPED ? SCAN_SWAPPED : 0),
			.return_mask = SCAN_PRESENT,
		};
		int n = ioctl(pm->fd, SCAN_IOCTL, &arg);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || n > SCAN_AT_ONCE || arg.walk_end <= *at)
			return false;
		for (int i = 0; i < n; i++)
			append(ret, first, found[i].start, found[i].end);
		*at = arg.walk_end;
	}
	return true;
}

/* Read the entries of [at, end); what cannot be told counts as present. */
static void
read_entries(struct pagemap *pm, unsigned which, taddr at, taddr end, span_vec *ret)
{
	uint64_t entries[ENTRIES_AT_ONCE];
	uint64_t mask = (which & PAGES_PRESENT ? ENTRY_PRESENT : 0) |
		(which & PAGES_SWAPPED ? ENTRY_SWAPPED : 0);
	size_t first = ret->n;

	while (at < end) {
		size_t want = (size_t)((end - at + pm->page - 1) / pm->page);
		if (want > ENTRIES_AT_ONCE)
			want = ENTRIES_AT_ONCE;
		ssize_t got = pread(pm->fd, entries, want * sizeof(*entries),
		                    (off_t)(at / pm->page * sizeof(*entries)));
		size_t n = got > 0 ? (size_t)got / sizeof(*entries) : 0;
		if (n == 0) {
			if (which & PAGES_PRESENT)
				append(ret, first, at, end);
			return;
		}
		for (size_t i = 0; i < n; i++, at += pm->page) {
			if ((entries[i] & mask) != 0)
				append(ret, first, at, at + pm->page);
		}
	}
}

void
pagemap_some(struct pagemap *pm, unsigned which, taddr start, taddr end, span_vec *ret)
{
	taddr at = start;

	if (pm->fd < 0) {
		if (which & PAGES_PRESENT)
			vec_push(ret, (struct span){.start = start, .end = end});
		return;
	}
	if (pm->has_scan) {
		pm->has_scan = scan(pm, which, &at, end, ret);
		if (pm->has_scan)
			return;
	}
	read_entries(pm, which, at, end, ret);
}

void
pagemap_runs(struct pagemap *pm, taddr start, taddr end, span_vec *ret)
{
	unsigned swapped = pm->leaves_swapped ? 0 : PAGES_SWAPPED;

	pagemap_some(pm, PAGES_PRESENT | swapped, start, end, ret);
}

void
pagemap_entries(const struct pagemap *pm, taddr at, uint64_t *ret, size_t n)
{
	size_t done = 0;

	while (done < n) {
		off_t from = (off_t)((at / pm->page + done) * sizeof(*ret));
		ssize_t got = pread(pm->fd, ret + done, (n - done) * sizeof(*ret), from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < (ssize_t)sizeof(*ret))
			break;
		done += (size_t)got / sizeof(*ret);
	}
	memset(ret + done, 0, (n - done) * sizeof(*ret));
}

bool
pagemap_is_same(uint64_t now, uint64_t then)
{
	uint64_t kind = ENTRY_PRESENT | ENTRY_SWAPPED | ENTRY_FILE;

	return (now & kind) == ENTRY_PRESENT && (then & kind) == ENTRY_PRESENT &&
	       (now & ENTRY_SOFT_DIRTY) == 0 && (now & ENTRY_FRAME) != 0 &&
	       (now & ENTRY_FRAME) == (then & ENTRY_FRAME);
}
