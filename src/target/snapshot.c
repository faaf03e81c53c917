/*
 * A private copy of what a process can write to.
 *
 * Before the stop, room is made for every writable region and the pages that the process
 * has there are touched. During the stop the list of mappings is read once more, cut into
 * pieces along that room, and the pages present are copied. Afterwards the pieces become
 * the regions of a target; whatever was not copied is read from the process on demand.
 *
 * Where there is no room for a copy the same target is made of regions without bytes, and
 * the process is held until it is closed.
 */
#include "snappriv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum { FIRST_MAX = 128 << 10 };

static void
snapshot_clean(struct snapshot **at)
{
	snapshot_free(*at);
}

/* ---- before the stop ---- */

/* What can be known of the process before anything is decided. */
static enum status
look(struct snapshot *s, pid_t pid, struct errbuf *eb)
{
	pid_t via;

	enum status st = live_check(pid, &via, eb);
	if (st != MS_OK)
		return st;
	pagemap_open(via, &s->pagemap);
	st = live_machine(via, &s->machine, eb);
	if (st != MS_OK)
		return st;
	st = live_maps(via, &s->maps, eb);
	if (st != MS_OK)
		return st;
	st = reader_open(via, &s->maps, &s->reader, eb);
	if (st == MS_OK && !s->reader.caps.has_pagemap)
		pagemap_fini(&s->pagemap);
	return st;
}

enum status
snapshot_prepare(pid_t pid, const struct snapshot_opts *opts, struct snapshot **ret,
                 struct errbuf *eb)
{
	static const struct snapshot_opts plain = {.mode = SNAPSHOT_MEMORY, .whole = true};
	CLEAN(snapshot_clean) struct snapshot *s = xcalloc(1, sizeof(*s));
	CLEAN(span_vec_fini) span_vec runs = {0};

	s->opts = opts != NULL ? *opts : plain;
	s->reader.mem_fd = s->pagemap.fd = s->spool = -1;
	enum status st = look(s, pid, eb);
	if (st != MS_OK)
		return st;
	swapped_look(s);
	forked_find(s);
	bulk_find(s, &s->left, &s->left_runs);
	rooms_measure(s, &runs);
	st = mode_choose(s, &runs, eb);
	if (st == MS_OK && s->opts.precopy)
		precopy_open(s);
	if (st == MS_OK && s->plan.mode != SNAPSHOT_NONE && !s->opts.plan_only)
		st = rooms_plan(s, &runs, eb);
	if (st != MS_OK)
		return st;
	*ret = STEAL(s);
	return MS_OK;
}

const struct snapshot_plan *
snapshot_get_plan(const struct snapshot *s)
{
	return &s->plan;
}

/* ---- during the stop ---- */

/* An older copy leaves its bytes where the process has no pages now. */
static void
clear_gaps(struct snapshot *s, const struct piece *p)
{
	taddr at = p->start;

	for (size_t i = p->first; i <= p->last; i++) {
		taddr end = i < p->last ? s->runs.at[i].start : p->end;
		if (at < end)
			rooms_drop(s, p->data + (at - p->start), (size_t)(end - at));
		at = i < p->last ? s->runs.at[i].end : p->end;
	}
}

/* Cut runs of pages into chunks to copy. */
static void
list_chunks(struct snapshot *s, const struct piece *p, const struct span *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		known_list(s, p, runs[i]);
}

/* Pages that are swapped out and left alone are missing. */
static void
list_present(struct snapshot *s, const struct piece *p)
{
	CLEAN(span_vec_fini) span_vec present = {0};
	size_t n = s->missing.n;

	pagemap_some(&s->pagemap, PAGES_PRESENT, p->start, p->end, &present);
	list_chunks(s, p, present.at, present.n);
	pagemap_some(&s->pagemap, PAGES_SWAPPED, p->start, p->end, &s->missing);
	for (; n < s->missing.n; n++)
		s->swapped += s->missing.at[n].end - s->missing.at[n].start;
}

static void
list_pages(struct snapshot *s, struct piece *p)
{
	CLEAN(span_vec_fini) span_vec changed = {0};

	p->first = s->runs.n;
	bool is_listed = precopy_list(s, p, &changed);
	if (!is_listed)
		pagemap_some(&s->pagemap, PAGES_PRESENT | PAGES_SWAPPED, p->start, p->end,
		             &s->runs);
	p->last = s->runs.n;
	if (is_listed)
		list_chunks(s, p, changed.at, changed.n);
	else if (s->pagemap.leaves_swapped)
		list_present(s, p);
	else
		list_chunks(s, p, s->runs.at + p->first, p->last - p->first);
	if (s->pre != NULL)
		precopy_drop(s, p);
	if (s->is_again && is_anonymous(&s->maps.at[p->region]))
		clear_gaps(s, p);
}

/* Cut what is left out away from a piece; the parts take its place in v. */
static void
cut_piece(const struct snapshot *s, struct piece p, size_t *i, piece_vec *v)
{
	while (*i < s->left.n && s->left.at[*i].end <= p.start)
		++*i;
	for (size_t k = *i; k < s->left.n && s->left.at[k].start < p.end; k++) {
		const struct span *out = &s->left.at[k];
		struct piece part = p;
		if (out->start > p.start) {
			part.end = out->start;
			vec_push(v, part);
		}
		part.start = out->start > p.start ? out->start : p.start;
		part.end = out->end < p.end ? out->end : p.end;
		part.absent = LEFT_OUT;
		vec_push(v, part);
		p.data += part.end - p.start;
		p.start = part.end;
	}
	if (p.start < p.end)
		vec_push(v, p);
}

static void
cut_pieces(struct snapshot *s)
{
	piece_vec cut = {0};
	size_t at = 0;

	if (s->left.n == 0)
		return;
	for (size_t i = 0; i < s->pieces.n; i++)
		cut_piece(s, s->pieces.at[i], &at, &cut);
	vec_fini(&s->pieces);
	s->pieces = cut;
}

enum status
snapshot_remap(struct snapshot *s, struct errbuf *eb)
{
	rooms_unmap(s, s->n_planned);
	regions_fini(&s->maps);
	s->pieces.n = s->runs.n = s->missing.n = s->chunks.n = 0;
	s->same.n = s->fills.n = s->aside.n = 0;
	enum status st = live_maps(s->reader.pid, &s->maps, eb);
	if (st != MS_OK || s->plan.mode == SNAPSHOT_NONE)
		return st;
	for (size_t i = 0; i < s->maps.n && st == MS_OK; i++) {
		if (is_wanted(&s->maps.at[i]))
			st = rooms_place(s, i, eb);
	}
	bulk_confirm(s, &s->left);
	cut_pieces(s);
	return st;
}

/* Small, or data of a program: of a file, or behind that (what it does not initialize). */
static bool
is_first(const struct snapshot *s, const struct piece *p)
{
	const struct region *r = &s->maps.at[p->region];
	bool is_behind = p->region > 0 && r[-1].inode != 0 && r[-1].end == r->start;

	return !is_anonymous(r) || is_behind || p->end - p->start <= FIRST_MAX;
}

static bool
is_wanted_first(const struct snapshot *s, const struct chunk *c)
{
	for (size_t i = 0; i < s->opts.n_first; i++)
		if (s->opts.first[i].start < c->addr + c->len &&
		    s->opts.first[i].end > c->addr)
			return true;
	return false;
}

static bool
is_heap(const struct snapshot *s, const struct chunk *c)
{
	size_t i = regions_search(s->maps.at, s->maps.n, c->addr);

	return i < s->maps.n && strcmp(s->maps.at[i].path, "[heap]") == 0;
}

/*
 * Time is short: what the caller wants first comes first, and the heap, which is at the
 * lowest addresses and where types and the tables of large dicts are, from its beginning on
 * by turns with the other memory.
 */
static void
hurry(struct snapshot *s, size_t n_small)
{
	chunk_vec v = {0};

	for (int first = 1; first >= 0; first--) {
		for (size_t i = 0; i < (first ? s->chunks.n : n_small); i++)
			if (is_wanted_first(s, &s->chunks.at[i]) == first)
				vec_push(&v, s->chunks.at[i]);
	}
	size_t i = n_small, end = s->chunks.n;
	bool is_low = false;
	while (i < end) {
		is_low = !is_low && is_heap(s, &s->chunks.at[end - 1]);
		const struct chunk *c = &s->chunks.at[is_low ? --end : i++];
		if (!is_wanted_first(s, c))
			vec_push(&v, *c);
	}
	vec_fini(&s->chunks);
	s->chunks = v;
}

/* What is read in another way goes behind the rest. */
static void
take_aside(struct snapshot *s)
{
	for (size_t i = 0; i < s->aside.n; i++)
		vec_push(&s->chunks, s->aside.at[i]);
	s->aside.n = 0;
}

/*
 * In case there is no time for all: first the data of programs and what is small, from
 * which everything else hangs, then the others from the oldest on, which the kernel
 * puts at the highest addresses.
 */
static void
list_all(struct snapshot *s)
{
	s->runs.n = s->missing.n = s->chunks.n = s->fills.n = s->aside.n = 0;
	s->swapped = 0;
	for (size_t i = 0; i < s->pieces.n; i++) {
		struct piece *p = &s->pieces.at[i];
		if (p->absent != LEFT_OUT && is_first(s, p))
			list_pages(s, p);
	}
	take_aside(s);
	size_t first = s->chunks.n;
	for (size_t i = 0; i < s->pieces.n; i++) {
		struct piece *p = &s->pieces.at[i];
		if (p->absent != LEFT_OUT && !is_first(s, p))
			list_pages(s, p);
	}
	take_aside(s);
	for (size_t i = first, j = s->chunks.n; i + 1 < j; i++) {
		struct chunk last = s->chunks.at[--j];
		s->chunks.at[j] = s->chunks.at[i];
		s->chunks.at[i] = last;
	}
	if (stop_is_limited(s->stop))
		hurry(s, first);
}

static void
count(const struct snapshot *s, bool is_over, struct snapshot_stats *stats)
{
	for (size_t i = 0; i < s->chunks.n; i++)
		stats->bytes += s->chunks.at[i].len;
	for (size_t i = 0; i < s->missing.n; i++)
		stats->missing += s->missing.at[i].end - s->missing.at[i].start;
	for (size_t i = 0; i < s->left.n; i++)
		stats->left_out += s->left.at[i].end - s->left.at[i].start;
	for (size_t i = 0; i < s->fills.n; i++)
		stats->known += s->fills.at[i].len;
	stats->before = precopy_same(s);
	stats->swapped = s->swapped;
	stats->bytes -= stats->missing - s->swapped;
	stats->unseen = is_over ? stats->missing - s->swapped : 0;
	stats->regions = s->pieces.n;
}

enum status
snapshot_copy(struct snapshot *s, const struct stop *stop, struct snapshot_stats *ret,
              struct errbuf *eb)
{
	uint64_t began = io_now_ns();
	struct snapshot_stats stats = {0};

	enum status st = snapshot_remap(s, eb);
	if (st != MS_OK)
		return st;
	s->stop = stop;
	known_confirm(s);
	precopy_confirm(s);
	bool is_believed = precopy_is_believed(s);
	list_all(s);
	if (is_believed && !precopy_is_believed(s))
		list_all(s);
	s->is_again = true;
	st = copy_chunks(&s->reader, stop, s->opts.threads, &s->chunks, &s->missing);
	if (st == MS_OK && s->maps.n > 0 &&
	    !reader_is_alive(&s->reader, s->maps.at[0].start))
		st = MS_GONE;
	if (st != MS_OK)
		return errbuf_set(eb, st, "process %d exited while it was copied",
		                  s->reader.pid);
	stats.copy_ns = io_now_ns() - began;
	count(s, stop_is_over(stop), &stats);
	*ret = stats;
	return MS_OK;
}

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	rooms_unmap(s, 0);
	again_fini(s);
	precopy_free(s->pre);
	reader_fini(&s->reader);
	pagemap_fini(&s->pagemap);
	mem_clean_close(&s->spool);
	regions_fini(&s->maps);
	vec_fini(&s->mappings);
	vec_fini(&s->rooms);
	vec_fini(&s->pieces);
	vec_fini(&s->left);
	vec_fini(&s->runs);
	vec_fini(&s->missing);
	vec_fini(&s->chunks);
	vec_fini(&s->aside);
	vec_fini(&s->forked);
	vec_fini(&s->same);
	vec_fini(&s->fills);
	free(s);
}
