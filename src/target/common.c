/*
 * Pages that two processes have in common by copy-on-write.
 *
 * A fork() gives both processes the same page frames. The first to write to one gets a
 * frame of its own, and what remains belongs to the other. So long as both have it,
 * neither can write to it; and once one has parted from it, nothing makes it common again:
 * but the kernel's merging of equal pages, of which processes are left alone.
 *
 * So a page that is common at one time and still is at a later one was not written to in
 * between, and a copy of the one process has what the other has, too. The kernel need not be
 * asked about both at the same moment: each has had the frame from when it was seen
 * there first until it was seen there last, and these times overlap.
 */
#include "priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/mem.h"

#include "snappriv.h"

enum { GAP_MAX = 64 }; /* pages that are not asked for, but read rather than left out */

struct common {
	struct pagemap of[2]; /* base, and the other */
	span_vec spans;       /* by address */
	VEC(uint32_t) frames; /* of all pages in them; of each the low bits */
	uint64_t bytes;
};

/* What the kernel says of some pages of both. */
struct look {
	const struct common *c;
	taddr start, end; /* the pages below */
	uint64_t entries[2][ENTRIES_AT_ONCE];
};

static void
common_clean(struct common **c)
{
	common_free(*c);
}

/* Look at the pages from `at`, in span i, on: as many as one read has, with small gaps. */
static void
look_from(struct look *l, const span_vec *spans, size_t i, taddr at)
{
	uint64_t page = l->c->of[0].page;
	taddr most = at + ENTRIES_AT_ONCE * page;

	l->start = at;
	l->end = spans->at[i].end;
	for (i++; i < spans->n && l->end < most &&
	     spans->at[i].start - l->end <= GAP_MAX * page;
	     i++)
		l->end = spans->at[i].end;
	l->end = l->end < most ? l->end : most;
	for (size_t k = 0; k < 2; k++)
		pagemap_entries(&l->c->of[k], at, l->entries[k],
		                (size_t)((l->end - at) / page));
}

/* The frame that both have at an address that is looked at, or 0. */
static uint64_t
common_frame(const struct look *l, taddr at)
{
	size_t i = (size_t)((at - l->start) / l->c->of[0].page);
	uint64_t a = l->entries[0][i], b = l->entries[1][i];
	uint64_t unwanted = ENTRY_FILE | ENTRY_EXCLUSIVE | ENTRY_SWAPPED;

	if ((a & b & ENTRY_PRESENT) == 0 || ((a | b) & unwanted) != 0)
		return 0;
	return (a & ENTRY_FRAME) == (b & ENTRY_FRAME) ? a & ENTRY_FRAME : 0;
}

static void
append_page(span_vec *v, taddr at, uint64_t page)
{
	if (v->n > 0 && v->at[v->n - 1].end == at)
		v->at[v->n - 1].end = at + page;
	else
		vec_push(v, (struct span){.start = at, .end = at + page});
}

/* ---- noting ---- */

/* Among the pages of runs. */
static void
note_runs(struct common *c, const span_vec *runs, const struct zero_frames *zeros)
{
	CLEAN_FREE struct look *l = xcalloc(1, sizeof(*l));
	uint64_t page = c->of[0].page;

	l->c = c;
	for (size_t i = 0; i < runs->n; i++) {
		for (taddr at = runs->at[i].start; at < runs->at[i].end; at += page) {
			if (at < l->start || at >= l->end)
				look_from(l, runs, i, at);
			uint64_t frame = common_frame(l, at);
			if (frame == 0 || is_zero_frame(zeros, frame))
				continue;
			append_page(&c->spans, at, page);
			vec_push(&c->frames, (uint32_t)frame);
		}
	}
	c->bytes = c->frames.n * page;
}

bool
ksm_may_merge(pid_t pid)
{
	CLEAN_FREE char *run = NULL;
	CLEAN_FREE char *stat = NULL;
	struct errbuf eb;
	char path[64];

	if (io_slurp("/sys/kernel/mm/ksm/run", 4096, &run, NULL, &eb) != MS_OK ||
	    *run == '0')
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ksm_stat", pid); /* Linux 6.1 */
	return io_slurp(path, 65536, &stat, NULL, &eb) != MS_OK ||
	       strncmp(stat, "ksm_rmap_items 0\n", 17) != 0;
}

/* Pages of pid that could have come from a fork. */
static enum status
candidates(pid_t pid, struct pagemap *pm, span_vec *ret, struct errbuf *eb)
{
	CLEAN(regions_fini) struct regions maps = {0};

	enum status st = live_maps(pid, &maps, eb);
	for (size_t i = 0; i < maps.n && st == MS_OK; i++) {
		const struct region *r = &maps.at[i];
		if (is_wanted(r) && !r->is_shared)
			pagemap_runs(pm, r->start, r->end, ret);
	}
	return st;
}

enum status
common_note(pid_t base, pid_t pid, struct common **ret, struct errbuf *eb)
{
	CLEAN(common_clean) struct common *c = xcalloc(1, sizeof(*c));
	CLEAN(span_vec_fini) span_vec runs = {0};
	struct zero_frames zeros;

	pagemap_open(base, &c->of[0]);
	pagemap_open(pid, &c->of[1]);
	if (c->of[0].fd < 0 || c->of[1].fd < 0 || !zero_frames_get(&zeros))
		return errbuf_set(eb, MS_DENIED,
		                  "the kernel tells only CAP_SYS_ADMIN which pages of "
		                  "processes are the same");
	if (ksm_may_merge(base) || ksm_may_merge(pid))
		return errbuf_set(eb, MS_ABSENT,
		                  "the kernel may merge equal pages of the processes");
	enum status st = candidates(pid, &c->of[1], &runs, eb);
	if (st != MS_OK)
		return st;
	note_runs(c, &runs, &zeros);
	*ret = STEAL(c);
	return MS_OK;
}

uint64_t
common_bytes(const struct common *c)
{
	return c->bytes;
}

const span_vec *
common_spans(const struct common *c)
{
	return &c->spans;
}

void
common_confirm(struct common *c, span_vec *ret)
{
	CLEAN_FREE struct look *l = xcalloc(1, sizeof(*l));
	uint64_t page = c->of[0].page;
	size_t k = 0;

	l->c = c;
	for (size_t i = 0; i < c->spans.n; i++) {
		const struct span *s = &c->spans.at[i];
		for (taddr at = s->start; at < s->end; at += page, k++) {
			if (at < l->start || at >= l->end)
				look_from(l, &c->spans, i, at);
			uint64_t frame = common_frame(l, at);
			if (frame != 0 && (uint32_t)frame == c->frames.at[k])
				append_page(ret, at, page);
		}
	}
}

void
common_free(struct common *c)
{
	if (c == NULL)
		return;
	pagemap_fini(&c->of[0]);
	pagemap_fini(&c->of[1]);
	vec_fini(&c->spans);
	vec_fini(&c->frames);
	free(c);
}
