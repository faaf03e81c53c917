/*
 * Page frames: which processes have a page of memory in common is seen from where it
 * is. The kernel tells it in /proc/PID/pagemap, to CAP_SYS_ADMIN alone.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/bitset.h"
#include "memscan/mem.h"

enum { HUGE_PAGE = 2 << 20 };

/* ---- frames of zeros ---- */

/*
 * Memory that was read and never written to is the kernel's page of zeros, or its huge
 * one: look where that is in a mapping of memscan's own.
 */
static void
look_at_zeros(const struct pagemap *pm, uint8_t *at, struct zero_frames *ret)
{
	enum { PAGES = 512 };
	uint64_t *entries = xcalloc(PAGES, sizeof(*entries));

	madvise(at, HUGE_PAGE, MADV_NOHUGEPAGE);
	(void)*(volatile uint8_t *)at;
	pagemap_entries(pm, (taddr)(uintptr_t)at, entries, 1);
	ret->small = entries[0] & ENTRY_FRAME;
	at += HUGE_PAGE;
	madvise(at, HUGE_PAGE, MADV_HUGEPAGE);
	(void)*(volatile uint8_t *)at;
	pagemap_entries(pm, (taddr)(uintptr_t)at, entries, PAGES);
	uint64_t first = entries[0] & ENTRY_FRAME;
	if (first != ret->small && (entries[PAGES - 1] & ENTRY_FRAME) == first + PAGES - 1) {
		ret->huge = first;
		ret->huge_end = first + PAGES;
	}
	free(entries);
}

bool
zero_frames_get(struct zero_frames *ret)
{
	struct pagemap pm;
	size_t len = 3 * (size_t)HUGE_PAGE;

	*ret = (struct zero_frames){0};
	pagemap_open(getpid(), &pm);
	uint8_t *p = pm.fd < 0 ? MAP_FAILED
	                       : mmap(NULL, len, PROT_READ | PROT_WRITE,
	                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p != MAP_FAILED) {
		size_t skip = (size_t)(-(uintptr_t)p & (HUGE_PAGE - 1));
		look_at_zeros(&pm, p + skip, ret);
		munmap(p, len);
	}
	pagemap_fini(&pm);
	return ret->small != 0;
}

/* ---- a census ---- */

/* Sixteen terabytes in pages of four kilobytes: the sets have a bit for each frame. */
#define FRAMES_MAX (1ULL << 32)

struct frame_sets {
	struct bitset some, several, mine; /* seen at all, in several processes, in this one */
	struct zero_frames zeros;
	bool is_several_known; /* the second pass: count */
	uint64_t page, shared;
};

/* Room for numbers up to n. */
static enum status
widen(struct bitset *b, size_t n, struct errbuf *eb)
{
	struct bitset more = {0};

	if (n < b->n)
		return MS_OK;
	size_t want = b->n * 2 > n ? b->n * 2 : n + 1;
	enum status st = bitset_init(&more, want, eb);
	if (st != MS_OK)
		return st;
	if (b->n > 0)
		memcpy(more.words, b->words, bitset_words(b) * sizeof(*b->words));
	bitset_fini(b);
	*b = more;
	return MS_OK;
}

static enum status
take_frame(struct frame_sets *s, uint64_t frame, struct errbuf *eb)
{
	if (s->is_several_known) {
		bool is_known = frame < s->several.n;
		s->shared += is_known && bitset_has(&s->several, frame) ? s->page : 0;
		return MS_OK;
	}
	enum status st = widen(&s->some, frame, eb);
	if (st == MS_OK)
		st = widen(&s->several, frame, eb);
	if (st == MS_OK)
		st = widen(&s->mine, frame, eb);
	if (st != MS_OK || bitset_has(&s->mine, frame))
		return st;
	bitset_add(&s->mine, frame);
	bitset_add(bitset_has(&s->some, frame) ? &s->several : &s->some, frame);
	return MS_OK;
}

static enum status
take_run(struct frame_sets *s, const struct pagemap *pm, struct span run,
         struct errbuf *eb)
{
	uint64_t entries[ENTRIES_AT_ONCE];
	enum status st = MS_OK;

	while (run.start < run.end && st == MS_OK) {
		uint64_t n = (run.end - run.start) / pm->page;
		if (n > ENTRIES_AT_ONCE)
			n = ENTRIES_AT_ONCE;
		if (n == 0)
			break;
		pagemap_entries(pm, run.start, entries, (size_t)n);
		for (size_t i = 0; i < n && st == MS_OK; i++) {
			uint64_t frame = entries[i] & ENTRY_FRAME;
			if ((entries[i] & ENTRY_PRESENT) != 0 && frame < FRAMES_MAX &&
			    !is_zero_frame(&s->zeros, frame))
				st = take_frame(s, frame, eb);
		}
		run.start += n * pm->page;
	}
	return st;
}

/* All pages of a process; one that has gone has none. */
static enum status
take_process(struct frame_sets *s, pid_t pid, struct errbuf *eb)
{
	CLEAN(regions_fini) struct regions maps = {0};
	CLEAN(span_vec_fini) span_vec runs = {0};
	CLEAN(pagemap_fini) struct pagemap pm;
	enum status st = MS_OK;

	pagemap_open(pid, &pm);
	if (pm.fd < 0 || live_maps(pid, &maps, eb) != MS_OK)
		return MS_OK;
	s->page = pm.page;
	for (size_t i = 0; i < maps.n && st == MS_OK; i++) {
		const struct region *r = &maps.at[i];
		if (r->prot == 0 || region_is_kernel(r) || region_is_device(r))
			continue;
		runs.n = 0;
		pagemap_runs(&pm, r->start, r->end, &runs);
		for (size_t k = 0; k < runs.n && st == MS_OK; k++)
			st = take_run(s, &pm, runs.at[k], eb);
	}
	return st;
}

enum status
proc_census(const pid_t *pids, size_t n, uint64_t *shared, uint64_t *resident,
            struct errbuf *eb)
{
	struct frame_sets s = {0};
	enum status st = MS_OK;

	if (!zero_frames_get(&s.zeros))
		return errbuf_set(eb, MS_DENIED,
		                  "the kernel tells only CAP_SYS_ADMIN which pages of "
		                  "processes are the same");
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		st = take_process(&s, pids[i], eb);
		if (s.mine.n > 0)
			memset(s.mine.words, 0, bitset_words(&s.mine) * sizeof(*s.mine.words));
	}
	s.is_several_known = true;
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		s.shared = 0;
		st = take_process(&s, pids[i], eb);
		shared[i] = s.shared;
	}
	*resident = s.some.n > 0 ? bitset_count(&s.some) * s.page : 0;
	bitset_fini(&s.some);
	bitset_fini(&s.several);
	bitset_fini(&s.mine);
	return st;
}
