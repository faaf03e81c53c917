/*
 * Dominators by the semi-NCA algorithm (Georgiadis, "Linear-Time Algorithms for
 * Dominators and Related Problems", 2005): semidominators as Lengauer and Tarjan have
 * them, then for each object in order the first one on the dominator path of its parent
 * that is not below its semidominator. Everything is in numbers of the depth-first order,
 * in which ancestors are less.
 */
#include "memscan/retained.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/vec.h"

enum { AHEAD = 8 };

/* Sixteenths of the time: references turned round in two passes, semidominators, dominators. */
enum { FIRST = 2, SECOND = 3, SEMI = 9, IDOM = 2 };

/* The forest of what was worked on, with its paths made short as they are walked. */
struct link {
	uint32_t up;  /* an ancestor */
	uint32_t low; /* least semidominator from here up to before `up` */
};

/*
 * Sources of the references to object i, in numbers, are from[first[i] .. first[i + 1] -
 * 1]. By object, because those who refer come in that order, and near each other.
 */
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

/* `done` of n rounds of a part of the work, which begins after so many sixteenths. */
static void
tell(uint64_t done, uint64_t n, uint64_t before, uint64_t sixteenths)
{
	if (progress_due(done))
		progress_count(before * n + sixteenths * done, 16 * n);
}

static enum status
turn_round(const struct graph *g, const struct graph_order *o, struct work *w,
	struct errbuf *eb)
{
	const struct heap *h = g->h;
	uint64_t sum = 0;

	enum status st = mem_array((size_t)o->n + 2, 8, &w->first, eb);
	if (st != MS_OK)
		return st;
	for (objid i = 0; i < o->n; i++) {
		tell(i, o->n, 0, FIRST);
		uint64_t r, end = graph_refs(g, i, &r);
		for (; r < end; r++)
			if (graph_holds(g, h->label[r]) && h->to[r] != i)
				w->first[(size_t)h->to[r] + 1]++;
	}
	for (size_t i = 0; i <= (size_t)o->n + 1; i++) {
		uint64_t n = w->first[i];
		w->first[i] = sum;
		sum += n;
	}
	st = mem_array(sum + 1, 4, &w->from, eb);
	if (st != MS_OK)
		return st;
	/* first[i + 1] begins where i does, and ends where i does. */
	for (objid i = 0; i < o->n; i++) {
		tell(i, o->n, FIRST, SECOND);
		uint64_t r, end = graph_refs(g, i, &r);
		for (; r < end; r++)
			if (graph_holds(g, h->label[r]) && h->to[r] != i)
				w->from[w->first[(size_t)h->to[r] + 1]++] = o->number[i];
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

/* Memory that the object some numbers on will need. */
static void
look_ahead(const struct work *w, const struct graph_order *o, uint32_t v)
{
	if (v > 2 * AHEAD)
		__builtin_prefetch(&w->first[o->at[v - 2 * AHEAD]]);
	if (v <= AHEAD)
		return;
	__builtin_prefetch(&w->from[w->first[o->at[v - AHEAD]]]);
	__builtin_prefetch(&w->link[w->from[w->first[o->at[v - AHEAD / 2]]]]);
}

static void
find_semi(struct work *w, const struct graph_order *o)
{
	for (uint32_t v = o->n; v > 0; v--) {
		uint32_t semi = w->semi[v];
		objid i = o->at[v];
		tell(o->n - v, o->n, FIRST + SECOND, SEMI);
		look_ahead(w, o, v);
		for (uint64_t k = w->first[i]; k < w->first[i + 1] && semi > 0; k++) {
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
		tell(v, o->n, FIRST + SECOND + SEMI, IDOM);
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

	enum status st = mem_array(n, sizeof(*w->link), &w->link, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &w->semi, eb);
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

	st = mem_array((size_t)o->n + 1, 4, &w.idom, eb);
	if (st == MS_OK)
		st = mem_array((size_t)o->n + 1, 4, &d.idom, eb);
	if (st == MS_OK)
		st = mem_array((size_t)o->n + 1, 4, &d.order, eb);
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

enum status
dominators_check(const struct heap *h, const struct dominators *d, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset seen = {0};

	enum status st = bitset_init(&seen, h->nobj, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t k = 0; k < h->nobj; k++) {
		objid i = d->order[k];
		if (i >= h->nobj || bitset_has(&seen, i))
			return errbuf_set(eb, MS_FORMAT, "object %u of the order", k);
		bitset_add(&seen, i);
		objid dom = d->idom[i];
		if (dom != OBJID_NONE &&
			(dom >= h->nobj || dom == i || !bitset_has(&seen, dom)))
			return errbuf_set(eb, MS_FORMAT, "dominator of object %u", i);
	}
	return MS_OK;
}
