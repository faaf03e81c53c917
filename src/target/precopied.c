/*
 * In the stop: which pages are still what was copied before. That is seen from the kernel's
 * list of pages alone, 8 bytes for each; precopy.c says what makes it a proof.
 */
#include "precopypriv.h"

size_t
before_behind(const struct precopy *pre, taddr addr)
{
	size_t lo = 0, hi = pre->runs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pre->runs.at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
precopy_is_eligible(const struct snapshot *s, const struct piece *p)
{
	const struct region *r = &s->maps.at[p->region];
	const uint8_t *low = s->n_planned > 0 ? s->mappings.at[0].at : NULL;

	return p->absent == ABSENT_ZERO && r->inode == 0 && !r->is_shared && low != NULL &&
	       p->data >= low && p->data < low + s->mappings.at[0].len;
}

void
precopy_confirm(struct snapshot *s)
{
	if (s->pre == NULL)
		return;
	s->pre->same = 0;
	/* Room that a copy in a stop has gone over holds something else. */
	if (s->is_again || ksm_may_merge(s->reader.pid))
		s->pre->is_void = true;
}

bool
precopy_is_believed(const struct snapshot *s)
{
	return s->pre != NULL && !s->pre->is_void;
}

/* Is the page at addr of the same mapping, and its copy where that of the piece is? */
static bool
is_at_place(const struct snapshot *s, const struct piece *p, const struct before *b,
            taddr addr)
{
	const struct region *r = &s->maps.at[p->region];

	return r->start >= b->within.start && r->end <= b->within.end && r->prot == b->prot &&
	       p->data + (addr - p->start) == b->dest + (addr - b->start);
}

/* A page was not marked any more, though it had been. */
static bool
lost_mark(const struct precopy *pre, size_t i, uint64_t entry)
{
	return pre->marked.at[i] && pagemap_is_same(entry, entry_then(pre, i));
}

static void
append_page(span_vec *v, size_t first, taddr at, uint64_t page)
{
	if (v->n > first && v->at[v->n - 1].end == at)
		v->at[v->n - 1].end = at + page;
	else
		vec_push(v, (struct span){.start = at, .end = at + page});
}

/* Where a look at a piece is: the page at hand, and what was copied at or behind it. */
struct look {
	struct snapshot *s;
	const struct piece *p;
	size_t next;                 /* in runs */
	const struct before *before; /* of the page at hand, or NULL */
	taddr until;                 /* which holds so far */
};

/* What was copied of the page at `at` comes to be at hand. */
static void
move_look(struct look *l, taddr at)
{
	const struct precopy *pre = l->s->pre;

	if (at < l->until)
		return;
	while (l->next < pre->runs.n && pre->runs.at[l->next].end <= at)
		l->next++;
	const struct before *b = l->next < pre->runs.n ? &pre->runs.at[l->next] : NULL;
	bool is_here = b != NULL && b->start <= at;
	l->before = is_here && is_at_place(l->s, l->p, b, at) ? b : NULL;
	l->until = is_here ? b->end : b != NULL ? b->start : UINT64_MAX;
}

/* Need the page be copied? */
static bool
is_changed(struct look *l, taddr at, uint64_t entry)
{
	struct precopy *pre = l->s->pre;
	uint64_t page = l->s->pagemap.page;

	move_look(l, at);
	if (l->before == NULL)
		return true;
	size_t i = l->before->first + (size_t)((at - l->before->start) / page);
	if (lost_mark(pre, i, entry))
		pre->is_void = true;
	if (!pagemap_is_same(entry, entry_then(pre, i)))
		return true;
	pre->same += page;
	return false;
}

static void
look_at(struct look *l, struct span run, span_vec *changed)
{
	uint64_t entries[ENTRIES_AT_ONCE], page = l->s->pagemap.page;
	uint64_t unseen = ENTRY_PRESENT | ENTRY_SOFT_DIRTY;
	span_vec *runs = &l->s->runs;

	for (taddr at = run.start; at < run.end;) {
		uint64_t n = (run.end - at + page - 1) / page;
		n = n < ENTRIES_AT_ONCE ? n : ENTRIES_AT_ONCE;
		pagemap_entries(&l->s->pagemap, at, entries, (size_t)n);
		/* Seen too late, it says nothing of the time when the process stood still. */
		bool is_late = stop_is_over(l->s->stop);
		for (uint64_t i = 0; i < n; i++, at += page) {
			uint64_t entry = is_late ? unseen : entries[i];
			uint64_t frame = entry & ENTRY_FRAME;
			bool is_zero = frame != 0 && is_zero_frame(&l->s->pre->zeros, frame);
			if ((entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) == 0 || is_zero)
				continue;
			append_page(runs, l->p->first, at, page);
			if (is_changed(l, at, entry))
				append_page(changed, 0, at, page);
		}
	}
}

bool
precopy_list(struct snapshot *s, const struct piece *p, span_vec *changed)
{
	CLEAN(span_vec_fini) span_vec runs = {0};
	struct look l = {.s = s, .p = p};

	if (!precopy_is_believed(s) || s->pagemap.leaves_swapped || !precopy_is_eligible(s, p))
		return false;
	l.next = before_behind(s->pre, p->start);
	/* If the kernel does not skip holes, to look at all is to look once. */
	if (s->pagemap.has_scan)
		pagemap_some(&s->pagemap, PAGES_PRESENT | PAGES_SWAPPED, p->start, p->end,
		             &runs);
	else
		vec_push(&runs, (struct span){p->start, p->end});
	for (size_t i = 0; i < runs.n; i++)
		look_at(&l, runs.at[i], changed);
	return true;
}

/* What was copied where the process has no page now. */
static void
drop_between(const struct snapshot *s, const struct piece *p, taddr start, taddr end)
{
	const struct precopy *pre = s->pre;

	for (size_t i = before_behind(pre, start);
	     i < pre->runs.n && pre->runs.at[i].start < end; i++) {
		const struct before *b = &pre->runs.at[i];
		taddr from = b->start > start ? b->start : start;
		taddr to = b->end < end ? b->end : end;
		uint8_t *dest = b->dest + (from - b->start);
		if (dest == p->data + (from - p->start))
			rooms_drop(s, dest, (size_t)(to - from));
	}
}

void
precopy_drop(const struct snapshot *s, const struct piece *p)
{
	taddr at = p->start;

	for (size_t i = p->first; i <= p->last; i++) {
		taddr end = i < p->last ? s->runs.at[i].start : p->end;
		drop_between(s, p, at, end);
		at = i < p->last ? s->runs.at[i].end : p->end;
	}
}

uint64_t
precopy_same(const struct snapshot *s)
{
	return precopy_is_believed(s) ? s->pre->same : 0;
}
