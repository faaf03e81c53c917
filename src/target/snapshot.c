/*
 * A private copy of what a process can write to.
 *
 * Before the stop, room is made for every writable region and the pages that the process
 * has there are touched. During the stop the list of mappings is read once more, cut into
 * pieces along that room, and the pages present are copied. Afterwards the pieces become
 * the regions of a target; whatever was not copied is read from the process on demand.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "memscan/io.h"
#include "memscan/mem.h"

static void
snapshot_clean(struct snapshot **at)
{
	snapshot_free(*at);
}

/* ---- before the stop ---- */

enum status
snapshot_prepare(pid_t pid, struct snapshot **ret, struct errbuf *eb)
{
	CLEAN(snapshot_clean) struct snapshot *s = NULL;
	pid_t via;

	enum status st = live_check(pid, &via, eb);
	if (st != MS_OK)
		return st;
	s = xcalloc(1, sizeof(*s));
	s->reader.mem_fd = -1;
	pagemap_open(via, &s->pagemap);
	st = live_machine(via, &s->machine, eb);
	if (st != MS_OK)
		return st;
	st = live_maps(via, &s->maps, eb);
	if (st != MS_OK)
		return st;
	st = reader_open(via, &s->maps, &s->reader, eb);
	if (st != MS_OK)
		return st;
	if (!s->reader.caps.has_pagemap)
		pagemap_fini(&s->pagemap);
	st = rooms_plan(s, eb);
	if (st != MS_OK)
		return st;
	*ret = STEAL(s);
	return MS_OK;
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
			madvise(p->data + (at - p->start), (size_t)(end - at),
			        MADV_DONTNEED);
		at = i < p->last ? s->runs.at[i].end : p->end;
	}
}

static void
list_pages(struct snapshot *s, struct piece *p)
{
	p->first = s->runs.n;
	pagemap_runs(&s->pagemap, p->start, p->end, &s->runs);
	p->last = s->runs.n;
	for (size_t i = p->first; i < p->last; i++) {
		struct span run = s->runs.at[i];
		for (taddr at = run.start; at < run.end; at += CHUNK_MAX) {
			uint64_t left = run.end - at;
			vec_push(&s->chunks, (struct chunk){
				.addr = at,
				.dest = p->data + (at - p->start),
				.len = left < CHUNK_MAX ? (size_t)left : CHUNK_MAX,
			});
		}
	}
	if (s->is_again && is_anonymous(&s->maps.at[p->region]))
		clear_gaps(s, p);
}

static enum status
remap(struct snapshot *s, struct errbuf *eb)
{
	rooms_unmap(s, s->n_planned);
	regions_fini(&s->maps);
	s->pieces.n = s->runs.n = s->missing.n = s->chunks.n = 0;
	enum status st = live_maps(s->reader.pid, &s->maps, eb);
	for (size_t i = 0; i < s->maps.n && st == MS_OK; i++) {
		if (is_wanted(&s->maps.at[i]))
			st = rooms_place(s, i, eb);
	}
	return st;
}

enum status
snapshot_copy(struct snapshot *s, struct snapshot_stats *ret, struct errbuf *eb)
{
	uint64_t began = io_now_ns();
	struct snapshot_stats stats = {0};

	enum status st = remap(s, eb);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < s->pieces.n; i++)
		list_pages(s, &s->pieces.at[i]);
	s->is_again = true;
	st = copy_chunks(&s->reader, &s->chunks, &s->missing);
	if (st == MS_OK && s->maps.n > 0 &&
	    !reader_is_alive(&s->reader, s->maps.at[0].start))
		st = MS_GONE;
	if (st != MS_OK)
		return errbuf_set(eb, st, "process %d exited while it was copied",
		                  s->reader.pid);

	for (size_t i = 0; i < s->chunks.n; i++)
		stats.bytes += s->chunks.at[i].len;
	for (size_t i = 0; i < s->missing.n; i++)
		stats.missing += s->missing.at[i].end - s->missing.at[i].start;
	stats.bytes -= stats.missing;
	stats.regions = s->pieces.n;
	stats.copy_ns = io_now_ns() - began;
	*ret = stats;
	return MS_OK;
}

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	rooms_unmap(s, 0);
	reader_fini(&s->reader);
	pagemap_fini(&s->pagemap);
	regions_fini(&s->maps);
	vec_fini(&s->mappings);
	vec_fini(&s->rooms);
	vec_fini(&s->pieces);
	vec_fini(&s->runs);
	vec_fini(&s->missing);
	vec_fini(&s->chunks);
	free(s);
}
