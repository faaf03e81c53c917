/*
 * Pre-copy: most of a process is copied while it runs, and in the stop only what it has
 * written to since, as virtual machines are moved. The copy is as exact as one that was
 * made in the stop alone: a page counts as unchanged if all of this is seen in the stop.
 *
 * - It is of a private anonymous mapping, which lies within the one that it was in when
 *   it was copied. (Memory of files, also hugetlbfs, and shared memory can be written to
 *   without this process: these are never copied beforehand.)
 * - It is present in the page frame that it was in when the marks of written pages had just
 *   been cleared, which was before it was copied, and it has no mark. A page that was replaced
 *   without a mark (by zeros after MADV_DONTNEED, by mremap()) is in another frame; a frame
 *   that was given back and came here again has a mark, as it was filled.
 * - No mark was seen to vanish: if somebody else clears them, nothing is believed.
 *
 * A mapping that grew is marked as a whole by the kernel, so all of it is copied again.
 */
#include "precopypriv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum {
	ROUNDS_MAX = 3,
	WORTH_BYTES = 8 << 20, /* to be copied in the stop: not worth another round */
	WORTH_PART = 4,        /* nor is this part of all */
	LOOK_NS = 25,          /* for each page, to see whether it changed: 11 to 20 were measured */
	STOP_NS = 1000000,     /* to stop, list the mappings and let go */
	PAGE_COST = 5,         /* bytes to remember it */
};

void
precopy_free(struct precopy *pre)
{
	if (pre == NULL)
		return;
	mem_clean_close(&pre->clear_fd);
	vec_fini(&pre->runs);
	vec_fini(&pre->frames);
	vec_fini(&pre->marked);
	free(pre);
}

/* ---- can it be done? ---- */

/* Memory that a device, or the kernel for it, writes to behind the page tables. */
static bool
has_rings(const struct snapshot *s)
{
	for (size_t i = 0; i < s->maps.n; i++) {
		const char *path = s->maps.at[i].path;
		if (strstr(path, "[io_uring]") != NULL || strstr(path, "[aio]") != NULL)
			return true;
	}
	return false;
}

static const char *
obstacle(struct snapshot *s, struct precopy *pre)
{
	bool is_busy;

	if (s->plan.mode == SNAPSHOT_NONE)
		return "no copy is made";
	if (s->pagemap.fd < 0)
		return "the kernel does not list the pages of the process";
	if (!zero_frames_get(&pre->zeros))
		return "the kernel tells only CAP_SYS_ADMIN where pages are, without which "
		       "one that was replaced looks like one that was not";
	if (!softdirty_works())
		return "the kernel does not mark pages that are written to "
		       "(CONFIG_MEM_SOFT_DIRTY)";
	if (ksm_may_merge(s->reader.pid))
		return "the kernel may merge equal pages of the process (KSM)";
	if (has_rings(s))
		return "the process uses io_uring or aio, which write to its memory unseen";
	pre->clear_fd = softdirty_open(s->reader.pid, &is_busy);
	if (is_busy)
		return "another memscan copies the process in this way";
	return pre->clear_fd < 0 ? "the marks of written pages cannot be cleared" : NULL;
}

void
precopy_open(struct snapshot *s)
{
	struct precopy *pre = xcalloc(1, sizeof(*pre));

	pre->clear_fd = -1;
	s->plan.precopy_obstacle = obstacle(s, pre);
	s->plan.is_precopy = s->plan.precopy_obstacle == NULL;
	if (s->plan.is_precopy) {
		uint64_t pages = s->plan.bytes / s->pagemap.page;
		s->plan.pause_ns = s->plan.pause_most_ns = STOP_NS + pages * LOOK_NS;
		s->plan.peak += pages * PAGE_COST;
		s->pre = STEAL(pre);
	}
	precopy_free(pre);
}

/* ---- beforehand ---- */

static void
record(struct snapshot *s, const struct piece *p, taddr at, uint64_t entry)
{
	const struct region *r = &s->maps.at[p->region];
	struct precopy *pre = s->pre;
	bool is_first = pre->runs.n == pre->first;
	struct before *last = is_first ? NULL : &pre->runs.at[pre->runs.n - 1];
	uint8_t *dest = p->data + (at - p->start);

	if (last != NULL && last->end == at)
		last->end = at + s->pagemap.page;
	else
		vec_push(&pre->runs, (struct before){.start = at,
					     .end = at + s->pagemap.page,
					     .dest = dest,
					     .first = pre->frames.n,
					     .within = {r->start, r->end},
					     .prot = r->prot});
	vec_push(&pre->frames, (uint32_t)(entry & ENTRY_FRAME));
}

/* Known at once to be of no use: not there, of others, in no frame that can be told. */
static bool
is_recordable(const struct precopy *pre, uint64_t entry)
{
	uint64_t frame = entry & ENTRY_FRAME;

	return (entry & (ENTRY_PRESENT | ENTRY_SWAPPED | ENTRY_FILE)) == ENTRY_PRESENT &&
	       frame != 0 && frame <= UINT32_MAX && !is_zero_frame(&pre->zeros, frame);
}

static void
record_run(struct snapshot *s, const struct piece *p, struct span run)
{
	uint64_t entries[ENTRIES_AT_ONCE], page = s->pagemap.page;

	for (taddr at = run.start; at < run.end; at += ENTRIES_AT_ONCE * page) {
		uint64_t n = (run.end - at + page - 1) / page;
		n = n < ENTRIES_AT_ONCE ? n : ENTRIES_AT_ONCE;
		pagemap_entries(&s->pagemap, at, entries, (size_t)n);
		for (size_t i = 0; i < n; i++)
			if (is_recordable(s->pre, entries[i]))
				record(s, p, at + i * page, entries[i]);
	}
}

/* What another process's copy has is taken from there. */
static void
record_piece(struct snapshot *s, const struct piece *p)
{
	CLEAN(span_vec_fini) span_vec present = {0};
	CLEAN(span_vec_fini) span_vec own = {0};
	const span_vec none = {0};
	bool has_base = s->opts.common != NULL && s->opts.base != NULL;
	const span_vec *common = has_base ? common_spans(s->opts.common) : &none;

	s->pre->first = s->pre->runs.n;
	pagemap_some(&s->pagemap, PAGES_PRESENT, p->start, p->end, &present);
	spans_without(&present, common, &own);
	for (size_t i = 0; i < own.n; i++)
		record_run(s, p, own.at[i]);
	for (size_t i = s->pre->first; i < s->pre->runs.n; i++)
		forked_list(s, p, s->pre->runs.at[i].start, s->pre->runs.at[i].end);
}

/* Pages that could not be read have not been copied. */
static void
forget_missing(struct snapshot *s)
{
	uint64_t page = s->pagemap.page;
	size_t m = 0;

	for (size_t i = 0; i < s->pre->runs.n; i++) {
		const struct before *b = &s->pre->runs.at[i];
		while (m < s->missing.n && s->missing.at[m].end <= b->start)
			m++;
		for (size_t k = m; k < s->missing.n && s->missing.at[k].start < b->end; k++) {
			const struct span *gone = &s->missing.at[k];
			for (taddr at = b->start; at < b->end; at += page)
				if (at + page > gone->start && at < gone->end)
					s->pre->frames.at[b->first + (at - b->start) / page] = 0;
		}
	}
	s->missing.n = 0;
}

/* An older copy of pages that are not copied any more. */
static void
drop_old(const struct snapshot *s, const before_vec *old)
{
	const struct precopy *pre = s->pre;

	for (size_t i = 0; i < old->n; i++) {
		const struct before *b = &old->at[i];
		taddr at = b->start;
		for (size_t k = before_behind(pre, at);
		     k < pre->runs.n && pre->runs.at[k].start < b->end; k++) {
			const struct before *now = &pre->runs.at[k];
			taddr both = now->start > b->start ? now->start : b->start;
			if (now->dest + (both - now->start) != b->dest + (both - b->start))
				continue;
			if (both > at)
				rooms_drop(s, b->dest + (at - b->start), (size_t)(both - at));
			at = now->end;
		}
		if (at < b->end)
			rooms_drop(s, b->dest + (at - b->start), (size_t)(b->end - at));
	}
}

static void
before_vec_fini(before_vec *v)
{
	vec_fini(v);
}

static enum status
copy_running(struct snapshot *s, struct errbuf *eb)
{
	struct precopy *pre = s->pre;
	CLEAN(before_vec_fini) before_vec old = pre->runs;

	pre->runs = (before_vec){0};
	pre->frames.n = pre->marked.n = 0;
	s->stop = NULL;
	if (!softdirty_clear(pre->clear_fd))
		pre->is_void = true;
	enum status st = snapshot_remap(s, eb);
	for (size_t i = 0; i < s->pieces.n && st == MS_OK; i++)
		if (precopy_is_eligible(s, &s->pieces.at[i]))
			record_piece(s, &s->pieces.at[i]);
	drop_old(s, &old);
	for (size_t i = 0; i < s->aside.n; i++)
		vec_push(&s->chunks, s->aside.at[i]);
	s->aside.n = 0;
	/* The process runs, and not only for its own sake: it is left half of the processors. */
	unsigned threads = (s->plan.threads + 1) / 2;
	if (st == MS_OK &&
	    copy_chunks(&s->reader, NULL, threads, &s->chunks, &s->missing) != MS_OK)
		st = errbuf_set(eb, MS_GONE, "process %d exited while it was copied",
		                s->reader.pid);
	if (st == MS_OK)
		forget_missing(s);
	return st;
}

/* Which pages have changed already? Returns their bytes. */
static uint64_t
look_running(struct snapshot *s)
{
	uint64_t entries[ENTRIES_AT_ONCE], page = s->pagemap.page, changed = 0;
	struct precopy *pre = s->pre;

	for (size_t i = 0; i < pre->runs.n; i++) {
		const struct before *b = &pre->runs.at[i];
		size_t n = (size_t)((b->end - b->start) / page);
		for (size_t k = 0; k < n; k++) {
			size_t at = k % ENTRIES_AT_ONCE;
			size_t left = n - k < ENTRIES_AT_ONCE ? n - k : ENTRIES_AT_ONCE;
			if (at == 0)
				pagemap_entries(&s->pagemap, b->start + k * page, entries,
				                left);
			bool is_same =
				pagemap_is_same(entries[at], entry_then(pre, b->first + k));
			vec_push(&pre->marked, (entries[at] & ENTRY_SOFT_DIRTY) != 0);
			changed += is_same ? 0 : page;
		}
	}
	return changed;
}

/* Is so little left for the stop, or of all, that it is not worth to begin anew? */
static bool
is_enough(const struct precopy_stats *now, uint64_t max_ns, uint64_t took)
{
	if (max_ns != STOP_NO_LIMIT && now->bytes > 0)
		return (double)now->changed * (double)took / (double)now->bytes <
		       (double)max_ns / 2;
	return now->changed <= WORTH_BYTES || now->changed <= now->bytes / WORTH_PART;
}

enum status
snapshot_precopy(struct snapshot *s, uint64_t max_ns, struct precopy_stats *ret,
                 struct errbuf *eb)
{
	uint64_t began = io_now_ns(), last = UINT64_MAX, at = began, took;
	struct precopy_stats stats = {0};

	while (s->pre != NULL && !s->pre->is_void) {
		enum status st = copy_running(s, eb);
		if (st != MS_OK)
			return st;
		took = io_now_ns() - at;
		at += took;
		stats.rounds++;
		stats.bytes = s->pre->frames.n * s->pagemap.page;
		stats.changed = look_running(s);
		if (is_enough(&stats, max_ns, took) || stats.rounds == ROUNDS_MAX ||
		    stats.changed > last)
			break;
		last = stats.changed;
	}
	stats.ns = io_now_ns() - began;
	*ret = stats;
	return MS_OK;
}
