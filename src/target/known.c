/*
 * What need not be copied: pages that the process has in common with another one, of
 * which a copy was taken since they were noted (common.c). During the stop it is seen
 * which of them still are common; their bytes come out of that copy when the process runs on.
 */
#include "snappriv.h"

#include <string.h>

/* Append what two lists of spans, both in order, have in common. */
static void
intersect(const span_vec *a, const span_vec *b, span_vec *ret)
{
	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		const struct span *x = &a->at[i], *y = &b->at[k];
		taddr start = x->start > y->start ? x->start : y->start;
		taddr end = x->end < y->end ? x->end : y->end;
		if (start < end)
			vec_push(ret, (struct span){.start = start, .end = end});
		if (x->end <= y->end)
			i++;
		else
			k++;
	}
}

uint64_t
known_measure(const struct snapshot *s, const span_vec *runs)
{
	CLEAN(span_vec_fini) span_vec both = {0};
	uint64_t bytes = 0;

	if (s->opts.common == NULL)
		return 0;
	intersect(common_spans(s->opts.common), runs, &both);
	for (size_t i = 0; i < both.n; i++)
		bytes += both.at[i].end - both.at[i].start;
	return bytes;
}

/* Append the parts of a run that could be read. */
static void
append_read(const span_vec *missing, size_t *at, struct span run, span_vec *ret)
{
	for (; *at < missing->n && missing->at[*at].start < run.end; ++*at) {
		const struct span *m = &missing->at[*at];
		if (m->start > run.start)
			vec_push(ret, (struct span){run.start, m->start});
		run.start = m->end > run.start ? m->end : run.start;
	}
	if (run.start < run.end)
		vec_push(ret, run);
}

/* The pages that a copy has, in order. */
static void
spans_of_copy(const struct snapshot *s, span_vec *ret)
{
	size_t missing = 0;

	for (size_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = &s->pieces.at[i];
		for (size_t k = p->first; k < p->last && p->absent != LEFT_OUT; k++)
			append_read(&s->missing, &missing, s->runs.at[k], ret);
	}
}

void
known_confirm(struct snapshot *s)
{
	CLEAN(span_vec_fini) span_vec common = {0};
	CLEAN(span_vec_fini) span_vec copied = {0};

	if (s->opts.common == NULL || s->opts.base == NULL || s->pieces.n == 0)
		return;
	spans_of_copy(s->opts.base, &copied);
	common_confirm(s->opts.common, &common);
	/* Seen too late, it says nothing of the time when the process stood still. */
	if (!stop_is_over(s->stop))
		intersect(&common, &copied, &s->same);
}

void
known_list(struct snapshot *s, const struct piece *p, struct span run)
{
	taddr at = run.start;

	for (size_t i = span_behind(&s->same, at);
	     i < s->same.n && s->same.at[i].start < run.end; i++) {
		const struct span *k = &s->same.at[i];
		taddr start = k->start > at ? k->start : at;
		taddr end = k->end < run.end ? k->end : run.end;
		forked_list(s, p, at, start);
		append_chunks(&s->fills, p, (struct span){start, end}, CHUNK_MAX, false);
		at = end;
	}
	forked_list(s, p, at, run.end);
}

/* The piece that holds an address; there is one. */
static const struct piece *
piece_at(const struct snapshot *s, taddr addr)
{
	size_t lo = 0, hi = s->pieces.n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->pieces.at[mid].start <= addr)
			lo = mid;
		else
			hi = mid;
	}
	return &s->pieces.at[lo];
}

void
known_fill(const struct snapshot *s)
{
	for (size_t i = 0; i < s->fills.n; i++) {
		struct chunk c = s->fills.at[i];
		while (c.len > 0) {
			const struct piece *p = piece_at(s->opts.base, c.addr);
			uint64_t left = p->end - c.addr;
			size_t n = left < c.len ? (size_t)left : c.len;
			memcpy(c.dest, p->data + (c.addr - p->start), n);
			c.addr += n;
			c.dest += n;
			c.len -= n;
		}
	}
}
