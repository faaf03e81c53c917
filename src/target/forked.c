/*
 * Pages that a process has in common with others since a fork(). Linux gives a process that
 * is read by process_vm_readv its own copy of each such page first (from 5.19 on: the page is
 * pinned), as if it had written to it: workers of a server would grow by all that they
 * share. A read of /proc/PID/mem leaves pages as they are, and takes twice as long; so it is
 * used for these pages alone.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

static void
append_page(span_vec *v, taddr at, uint64_t page)
{
	if (v->n > 0 && v->at[v->n - 1].end == at)
		v->at[v->n - 1].end = at + page;
	else
		vec_push(v, (struct span){.start = at, .end = at + page});
}

/* Anonymous, and of several processes. */
static bool
is_shared(uint64_t entry)
{
	return (entry & ENTRY_PRESENT) != 0 &&
	       (entry & (ENTRY_FILE | ENTRY_EXCLUSIVE)) == 0;
}

static void
find_in(struct snapshot *s, struct span run)
{
	uint64_t entries[ENTRIES_AT_ONCE];
	uint64_t page = s->pagemap.page;

	while (run.end - run.start >= page) {
		uint64_t n = (run.end - run.start) / page;
		if (n > ENTRIES_AT_ONCE)
			n = ENTRIES_AT_ONCE;
		pagemap_entries(&s->pagemap, run.start, entries, (size_t)n);
		for (size_t i = 0; i < n; i++) {
			if (is_shared(entries[i]))
				append_page(&s->forked, run.start + i * page, page);
		}
		run.start += n * page;
	}
}

void
forked_find(struct snapshot *s)
{
	CLEAN(span_vec_fini) span_vec runs = {0};

	if (s->pagemap.fd < 0 || !s->reader.caps.has_proc_mem)
		return;
	for (size_t i = 0; i < s->maps.n; i++) {
		const struct region *r = &s->maps.at[i];
		if (is_wanted(r) && !r->is_shared)
			pagemap_runs(&s->pagemap, r->start, r->end, &runs);
	}
	for (size_t i = 0; i < runs.n; i++)
		find_in(s, runs.at[i]);
}

/* ---- using ---- */

bool
forked_has(const struct snapshot *s, taddr start, taddr end)
{
	size_t i = span_behind(&s->forked, start);
	return i < s->forked.n && s->forked.at[i].start < end;
}

bool
pages_heads(const struct snapshot *s, taddr at, size_t n, uint8_t *ret)
{
	struct iovec there[HEADS_AT_ONCE];
	struct iovec here = {.iov_base = ret, .iov_len = n * PAGE_HEAD};
	uint64_t page = s->pagemap.page;

	for (size_t i = 0; i < n; i++) {
		uintptr_t addr = (uintptr_t)(at + i * page);
		memcpy(&there[i].iov_base, &addr, sizeof(addr));
		there[i].iov_len = PAGE_HEAD;
	}
	if (s->reader.caps.has_vm_readv && !forked_has(s, at, at + n * page))
		return process_vm_readv(s->reader.pid, &here, 1, there, n, 0) ==
		       (ssize_t)(n * PAGE_HEAD);
	for (size_t i = 0; i < n; i++) {
		if (reader_read(&s->reader, at + i * page, ret + i * PAGE_HEAD,
		                PAGE_HEAD) != MS_OK)
			return false;
	}
	return true;
}

void
append_chunks(chunk_vec *v, const struct piece *p, struct span run, size_t most,
              bool by_file)
{
	taddr at = run.start;

	while (at < run.end) {
		uint64_t left = run.end - at;
		struct chunk c = {
			.addr = at,
			.dest = p->data + (at - p->start),
			.len = left < most ? (size_t)left : most,
			.by_file = by_file,
		};
		vec_push(v, c);
		at += c.len;
	}
}

void
forked_list(struct snapshot *s, const struct piece *p, taddr at, taddr end)
{
	size_t most = stop_is_limited(s->stop) ? CHUNK_IN_HURRY : CHUNK_MAX;

	for (size_t i = span_behind(&s->forked, at);
	     i < s->forked.n && s->forked.at[i].start < end; i++) {
		const struct span *f = &s->forked.at[i];
		taddr from = f->start > at ? f->start : at;
		taddr to = f->end < end ? f->end : end;
		append_chunks(&s->chunks, p, (struct span){at, from}, most, false);
		append_chunks(&s->aside, p, (struct span){from, to}, most, true);
		at = to;
	}
	append_chunks(&s->chunks, p, (struct span){at, end}, most, false);
}
