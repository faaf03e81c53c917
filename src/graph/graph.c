/*
 * References turned round. The references of a heap are sorted by their source already;
 * sorting them by target takes no comparison, only counting how many go to each object.
 */
#include "memscan/graph.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/progress.h"

/* first[i + 1] becomes the place of the next in-edge of i: where those of i begin. */
static void
count_targets(const struct heap *h, uint64_t *first)
{
	uint64_t sum = 0;

	/* One place further than the target, so that the sums below begin at 0. */
	for (uint64_t r = 0; r < h->nref; r++)
		first[(size_t)h->to[r] + 1]++;
	for (size_t i = 1; i <= h->nobj; i++) {
		uint64_t n = first[i];
		first[i] = sum;
		sum += n;
	}
}

/* Each first[i + 1] walks from the beginning of i to that of i + 1. */
static void
fill_sources(const struct heap *h, struct graph_in *g)
{
	for (objid i = 0; i < h->nobj; i++) {
		if (progress_due(i))
			progress_count(h->nobj / 4 + i, h->nobj + h->nobj / 4);
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			uint64_t at = g->first[(size_t)h->to[r] + 1]++;
			g->from[at] = i;
			g->ref[at] = r;
		}
	}
}

enum status
graph_in_build(const struct heap *h, struct graph_in *ret, struct errbuf *eb)
{
	CLEAN(graph_in_fini) struct graph_in g = {.n = h->nref};

	enum status st = mem_array((size_t)h->nobj + 1, 8, &g.first, eb);
	if (st == MS_OK)
		st = mem_array(h->nref, 4, &g.from, eb);
	if (st == MS_OK)
		st = mem_array(h->nref, 8, &g.ref, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "incoming references");
	count_targets(h, g.first);
	fill_sources(h, &g);
	*ret = g;
	g = (struct graph_in){0};
	return MS_OK;
}

void
graph_in_fini(struct graph_in *g)
{
	free(g->first);
	free(g->from);
	free(g->ref);
	*g = (struct graph_in){0};
}

/* The object that has reference number r: the last one whose references begin at or
 * before it. */
static objid
source_of(const struct heap *h, uint64_t r)
{
	size_t lo = 0, hi = h->nobj;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->first[mid + 1] <= r)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (objid)lo;
}

enum status
graph_in_of(const struct heap *h, objid of, struct graph_in *ret, struct errbuf *eb)
{
	CLEAN(graph_in_fini) struct graph_in g = {0};
	uint64_t at = 0;

	for (uint64_t r = 0; r < h->nref; r++)
		g.n += h->to[r] == of;
	enum status st = mem_array(g.n, 4, &g.from, eb);
	if (st == MS_OK)
		st = mem_array(g.n, 8, &g.ref, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "incoming references");

	for (uint64_t r = 0; at < g.n; r++) {
		if (h->to[r] != of)
			continue;
		g.from[at] = source_of(h, r);
		g.ref[at++] = r;
	}
	*ret = g;
	g = (struct graph_in){0};
	return MS_OK;
}
