/*
 * Dominators by the semi-NCA algorithm (Georgiadis, "Linear-Time Algorithms for
 * Dominators and Related Problems", 2005): semidominators as Lengauer and Tarjan have
 * them, then for each object in order the first one on the dominator path of its parent
 * that is not below its semidominator. Everything is in numbers of the depth-first order,
 * in which ancestors are less.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

/* The forest of what was worked on, with its paths made short as they are walked. */
struct link {
	uint32_t up;  /* an ancestor */
	uint32_t low; /* least semidominator from here up to before `up` */
};

/* In numbers: sources of the references to v are from[first[v] .. first[v + 1] - 1]. */
struct work {
	uint64_t *first;
	uint32_t *from;
	struct link *link;
	uint32_t *semi, *idom;
	VEC(uint32_t) stack;
};

static void
work_fini(struct work *w)
{
	free(w->first);
	free(w->from);
	free(w->link);
	free(w->semi);
	free(w->idom);
	vec_fini(&w->stack);
}

/* References that can say something: those to oneself cannot. */
static bool
is_worth(const struct graph *g, const struct graph_order *o, uint32_t v, uint64_t r)
{
	return graph_holds(g, g->h->label[r]) && o->number[g->h->to[r]] != v;
}

static enum status
turn_round(const struct graph *g, const struct graph_order *o, struct work *w,
	struct errbuf *eb)
{
	const struct heap *h = g->h;
	uint64_t sum = 0;

	enum status st = mem_checked((size_t)o->n + 2, 8, SIZE_MAX, &w->first, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t v = 1; v <= o->n; v++) {
		uint64_t r, end = graph_refs(g, o->at[v], &r);
		for (; r < end; r++)
			if (is_worth(g, o, v, r))
				w->first[o->number[h->to[r]] + 1]++;
	}
	for (size_t v = 0; v <= (size_t)o->n + 1; v++) {
		uint64_t n = w->first[v];
		w->first[v] = sum;
		sum += n;
	}
	st = mem_checked(sum, 4, SIZE_MAX, &w->from, eb);
	if (st != MS_OK)
		return st;
	/* first[v + 1] begins where v does, and ends where v does. */
	for (uint32_t v = 1; v <= o->n; v++) {
		uint64_t r, end = graph_refs(g, o->at[v], &r);
		for (; r < end; r++)
			if (is_worth(g, o, v, r))
				w->from[w->first[o->number[h->to[r]] + 1]++] = v;
	}
	return MS_OK;
}

/* The least semidominator on the path from v up to what was not worked on yet. */
static uint32_t
lowest(struct work *w, uint32_t v, uint32_t done)
{
	struct link *link = w->link;

	if (v < done)
		return v;
	uint32_t at = v;
	while (link[at].up >= done) {
		vec_push(&w->stack, at);
		at = link[at].up;
	}
	/* From the top down: each gets the top's way, and the least of all above it. */
	while (w->stack.n > 0) {
		uint32_t above = at;
		at = w->stack.at[--w->stack.n];
		link[at].up = link[above].up;
		if (link[above].low < link[at].low)
			link[at].low = link[above].low;
	}
	return link[v].low;
}

static void
find_semi(struct work *w, const struct graph_order *o)
{
	for (uint32_t v = o->n; v > 0; v--) {
		uint32_t semi = w->semi[v];
		for (uint64_t k = w->first[v]; k < w->first[v + 1] && semi > 0; k++) {
			uint32_t low = lowest(w, w->from[k], v + 1);
			if (low < semi)
				semi = low;
		}
		w->semi[v] = semi;
		w->link[v].low = semi;
	}
}

static void
find_idom(struct work *w, const struct graph_order *o)
{
	for (uint32_t v = 1; v <= o->n; v++) {
		uint32_t d = o->parent[v];
		while (d > w->semi[v])
			d = w->idom[d];
		w->idom[v] = d;
	}
}

/* Before anything is known the parent is the best; the root refers to the entries. */
static enum status
work_init(const struct graph *g, const struct graph_order *o, struct work *w,
	struct errbuf *eb)
{
	size_t n = (size_t)o->n + 1;

	enum status st = mem_checked(n, sizeof(*w->link), SIZE_MAX, &w->link, eb);
	if (st == MS_OK)
		st = mem_checked(n, 4, SIZE_MAX, &w->semi, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t v = 0; v <= o->n; v++) {
		w->link[v] = (struct link){.up = o->parent[v], .low = v};
		w->semi[v] = o->parent[v];
	}
	for (uint32_t e = 0; e < g->n_entry; e++)
		w->semi[o->number[g->entry[e]]] = 0;
	return MS_OK;
}

enum status
dominators_compute(const struct graph *g, const struct graph_order *o,
	struct dominators *ret, struct errbuf *eb)
{
	CLEAN(work_fini) struct work w = {0};
	CLEAN(dominators_fini) struct dominators d = {0};

	enum status st = turn_round(g, o, &w, eb);
	if (st == MS_OK)
		st = work_init(g, o, &w, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "dominators");
	find_semi(&w, o);
	free(STEAL(w.from));
	free(STEAL(w.first));
	free(STEAL(w.link));

	st = mem_checked((size_t)o->n + 1, 4, SIZE_MAX, &w.idom, eb);
	if (st == MS_OK)
		st = mem_checked((size_t)o->n + 1, 4, SIZE_MAX, &d.idom, eb);
	if (st == MS_OK)
		st = mem_checked((size_t)o->n + 1, 4, SIZE_MAX, &d.order, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "dominators");
	find_idom(&w, o);
	for (uint32_t v = 1; v <= o->n; v++)
		d.idom[o->at[v]] = o->at[w.idom[v]];
	memcpy(d.order, o->at + 1, (size_t)o->n * sizeof(*d.order));
	*ret = d;
	d = (struct dominators){0};
	return MS_OK;
}

void
dominators_fini(struct dominators *d)
{
	free(d->idom);
	free(d->order);
	*d = (struct dominators){0};
}
