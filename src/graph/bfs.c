/*
 * Breadth first, level by level. An object is put on a level at most once for each length
 * that it is given, and lengths only become less: the first settled one stands.
 */
#include "memscan/graph.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/vec.h"

struct search {
	const struct graph *g;
	const struct bitset *avoid;
	struct graph_tree t;
	struct bitset settled;
	VEC(objid) level, next;
};

static void
search_fini(struct search *s)
{
	graph_tree_fini(&s->t);
	bitset_fini(&s->settled);
	vec_fini(&s->level);
	vec_fini(&s->next);
}

/* A way of length dist to object i, if it is a better one. */
static bool
relax(struct search *s, objid i, uint32_t dist, objid parent, uint64_t via)
{
	if (s->t.dist[i] <= dist || (s->avoid != NULL && bitset_has(s->avoid, i)))
		return false;
	s->t.dist[i] = dist;
	s->t.parent[i] = parent;
	s->t.via[i] = via < UINT32_MAX ? (uint32_t)via : UINT32_MAX;
	return true;
}

static void
settle(struct search *s, objid i, uint32_t dist)
{
	const struct heap *h = s->g->h;
	uint64_t r, end = graph_refs(s->g, i, &r);

	bitset_add(&s->settled, i);
	s->t.order[s->t.n_order++] = i;
	if (progress_due(s->t.n_order))
		progress_count(s->t.n_order, h->nobj);
	for (uint64_t first = r; r < end; r++) {
		uint32_t label = h->label[r];
		bool is_own_dict = ref_kind(label) == RK_DICT;
		if (!graph_holds(s->g, label))
			continue;
		if (!relax(s, h->to[r], dist + !is_own_dict, i, r - first))
			continue;
		if (is_own_dict)
			vec_push(&s->level, h->to[r]);
		else
			vec_push(&s->next, h->to[r]);
	}
}

/* All that is at this distance, and what becomes so meanwhile. */
static void
settle_level(struct search *s, uint32_t dist)
{
	for (size_t k = 0; k < s->level.n; k++) {
		objid i = s->level.at[k];
		if (!bitset_has(&s->settled, i) && s->t.dist[i] == dist)
			settle(s, i, dist);
	}
	s->level.n = 0;
}

static void
run(struct search *s)
{
	const struct graph *g = s->g;
	uint32_t dist = 0, e = 0;

	while (e < g->n_entry || s->next.n > 0) {
		__typeof__(s->level) swap = s->level;
		s->level = s->next;
		s->next = swap;
		/* Those that nothing holds come when all else is done. */
		bool is_rest = s->level.n == 0 && e >= g->n_held;
		settle_level(s, dist);
		/* One by one: what belongs to a module is not told of a frame's globals.
		 */
		for (; e < g->n_entry; e++) {
			if (!is_rest && graph_entry_dist(g, e) > dist)
				break;
			if (relax(s, g->entry[e], dist, OBJID_NONE, e))
				vec_push(&s->level, g->entry[e]);
			settle_level(s, dist);
		}
		dist++;
	}
}

enum status
graph_tree_build(const struct graph *g, const struct bitset *avoid,
	struct graph_tree *ret, struct errbuf *eb)
{
	CLEAN(search_fini) struct search s = {.g = g, .avoid = avoid};
	size_t n = (size_t)g->h->nobj + 1;

	enum status st = mem_array(n, 4, &s.t.dist, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &s.t.parent, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &s.t.via, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &s.t.order, eb);
	if (st == MS_OK)
		st = bitset_init(&s.settled, g->h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "shortest ways");
	memset(s.t.dist, 0xff, n * 4);
	memset(s.t.parent, 0xff, n * 4);
	run(&s);
	*ret = s.t;
	s.t = (struct graph_tree){0};
	return MS_OK;
}

void
graph_tree_fini(struct graph_tree *t)
{
	free(t->dist);
	free(t->parent);
	free(t->via);
	free(t->order);
	*t = (struct graph_tree){0};
}
