/*
 * The one root above all roots. Which references hold and what is held from outside is
 * decided here and nowhere else.
 *
 * The walker makes a root of each object on a GC list that it has not met yet, in the
 * order of the list. Later ones often lead to earlier ones. Those kept here are the few
 * from which all of them can be reached: going backwards, one that was not reached from
 * a later one cannot be reached from an earlier one either, or it would not have become
 * a root.
 */
#include "memscan/graph.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

#include "priv.h"

struct entry {
	objid to;
	uint32_t root;
	unsigned rank;
};

/* What roots say to people, best first; and the length that ways from them begin with. */
static const struct {
	unsigned rank;
	uint32_t dist;
} looks[ROOT_COUNT] = {
	[ROOT_MODULE] = {0, 0},
	[ROOT_LOCAL] = {1, 0},
	[ROOT_STACK] = {2, 0},
	[ROOT_THREAD] = {3, 0},
	[ROOT_FRAME] = {4, 0},
	[ROOT_INTERP] = {5, 2},
	[ROOT_NATIVE] = {6, 4},
	[ROOT_STATIC] = {7, 3},
	[ROOT_SMALL] = {8, 3},
	[ROOT_INTERNED] = {9, 4},
};

enum { DIST_NEVER_FREED = 4 };

/* Those on the way to be made: entries in their order, and which objects are some. */
struct entries {
	VEC(objid) to;
	VEC(uint32_t) root;
};

static void
entries_fini(struct entries *e)
{
	vec_fini(&e->to);
	vec_fini(&e->root);
}

static void
put(struct entries *e, objid to, uint32_t root)
{
	vec_push(&e->to, to);
	vec_push(&e->root, root);
}

static int
compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->root < b->root ? -1 : a->root > b->root;
}

/*
 * Whether a root is one of something that is known to hold. A word in a library's data
 * may be stale, or a copy: it is looked at where nothing else holds.
 */
static bool
is_known(const struct heap_root *r)
{
	return r->kind != ROOT_TRACKED && r->kind != ROOT_NATIVE &&
		r->kind != ROOT_WORD && r->kind < ROOT_COUNT;
}

static void
put_roots(const struct heap *h, struct entries *e, struct bitset *seen)
{
	CLEAN_FREE struct entry *roots = xcalloc((size_t)h->nroot + 1, sizeof(*roots));
	size_t n = 0;

	for (uint32_t k = 0; k < h->nroot; k++)
		if (is_known(&h->roots[k]))
			roots[n++] = (struct entry){
				h->roots[k].to, k, looks[h->roots[k].kind].rank};
	qsort(roots, n, sizeof(*roots), compare_entries);
	for (size_t k = 0; k < n; k++) {
		if (bitset_has(seen, roots[k].to))
			continue;
		bitset_add(seen, roots[k].to);
		put(e, roots[k].to, roots[k].root);
	}
}

static void
put_never_freed(const struct heap *h, struct entries *e, struct bitset *seen)
{
	for (objid i = 0; i < h->nobj; i++) {
		if ((h->flags[i] & (OF_STATIC | OF_IMMORTAL)) == 0 || bitset_has(seen, i))
			continue;
		bitset_add(seen, i);
		put(e, i, HEAP_NONE);
	}
}

/* As few of the candidates as all of them can be reached from; `held` is what needs none.
 */
static void
put_fewest(const struct graph *g, struct entries *e, const struct entries *candidates,
	struct bitset *held)
{
	size_t from = e->to.n;

	for (size_t k = candidates->to.n; k-- > 0;) {
		objid i = candidates->to.at[k];
		if (bitset_has(held, i))
			continue;
		graph_reach(g, &i, 1, held);
		put(e, i, candidates->root.at[k]);
	}
	/* The order of the walk again. */
	for (size_t a = from, b = e->to.n; a + 1 < b; a++) {
		b--;
		objid to = e->to.at[a];
		uint32_t root = e->root.at[a];
		e->to.at[a] = e->to.at[b];
		e->root.at[a] = e->root.at[b];
		e->to.at[b] = to;
		e->root.at[b] = root;
	}
}

/* Roots of a kind that lead to what is not marked; what they lead to becomes so. */
static void
collect(const struct graph *g, enum root_kind kind, struct bitset *seen,
	struct entries *candidates)
{
	const struct heap *h = g->h;

	for (uint32_t k = 0; k < h->nroot; k++) {
		objid to = h->roots[k].to;
		if (h->roots[k].kind != kind || bitset_has(seen, to))
			continue;
		graph_reach(g, &to, 1, seen);
		put(candidates, to, k);
	}
}

/*
 * What is left: first what words in libraries' data may hold, which counts as held; then
 * garbage and what only native code holds.
 */
static enum status
put_unheld(struct graph *g, struct entries *e, struct errbuf *eb)
{
	const struct heap *h = g->h;
	CLEAN(bitset_fini) struct bitset held = {0}, seen = {0};
	CLEAN(entries_fini) struct entries natives = {0}, candidates = {0};

	enum status st = bitset_init(&held, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&seen, h->nobj, eb);
	if (st != MS_OK)
		return st;
	graph_reach(g, e->to.at, e->to.n, &held);
	bitset_or(&seen, &held);
	collect(g, ROOT_NATIVE, &seen, &natives);
	put_fewest(g, e, &natives, &held);
	g->n_held = (uint32_t)e->to.n;
	collect(g, ROOT_TRACKED, &seen, &candidates);
	for (objid i = 0; i < h->nobj; i++) {
		if (bitset_has(&seen, i))
			continue;
		graph_reach(g, &i, 1, &seen);
		put(&candidates, i, HEAP_NONE);
	}
	put_fewest(g, e, &candidates, &held);
	return MS_OK;
}

void
graph_find_quiet(struct graph *g)
{
	const struct heap *h = g->h;
	VEC(objid) quiet = {0};

	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].kind == ROOT_INTERNED &&
			(quiet.n == 0 || quiet.at[quiet.n - 1] != h->roots[k].to))
			vec_push(&quiet, h->roots[k].to);
	g->quiet = quiet.at;
	g->n_quiet = (uint32_t)quiet.n;
}

enum status
graph_build(const struct heap *h, unsigned flags, struct graph *ret, struct errbuf *eb)
{
	CLEAN(graph_fini) struct graph g = {.h = h};
	CLEAN(entries_fini) struct entries e = {0};
	CLEAN(bitset_fini) struct bitset seen = {0};

	if ((flags & GRAPH_NO_GUESS) != 0)
		g.skip = REF_GUESS;
	enum status st = bitset_init(&seen, h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "roots");
	graph_find_quiet(&g);
	put_roots(h, &e, &seen);
	put_never_freed(h, &e, &seen);
	st = put_unheld(&g, &e, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "roots");
	g.n_entry = (uint32_t)e.to.n;
	g.entry = STEAL(e.to.at);
	g.root = STEAL(e.root.at);
	*ret = g;
	g = (struct graph){0};
	return MS_OK;
}

void
graph_fini(struct graph *g)
{
	free(g->entry);
	free(g->root);
	free(g->quiet);
	*g = (struct graph){0};
}

uint32_t
graph_entry_dist(const struct graph *g, uint32_t e)
{
	if (e >= g->n_held)
		return UINT32_MAX;
	if (g->root[e] == HEAP_NONE)
		return DIST_NEVER_FREED;
	return looks[g->h->roots[g->root[e]].kind].dist;
}
