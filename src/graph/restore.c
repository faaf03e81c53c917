/*
 * Graphs and ways that were kept in a file. Whoever wrote that is not trusted: what comes
 * through here is as good for every reader as what was computed, wrong answers
 * included, but no id leads out of an array and no way goes round.
 */
#include "memscan/graph.h"

#include "memscan/mem.h"

#include "priv.h"

static enum status
bad(const char *what, uint32_t at, struct errbuf *eb)
{
	return errbuf_set(eb, MS_FORMAT, "%s %u is none of this dump", what, at);
}

static enum status
check_entries(const struct graph *g, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset seen = {0};
	const struct heap *h = g->h;

	if (g->n_held > g->n_entry || g->n_entry > h->nobj)
		return bad("number of entries", g->n_entry, eb);
	enum status st = bitset_init(&seen, h->nobj, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t e = 0; e < g->n_entry; e++) {
		objid i = g->entry[e];
		uint32_t root = g->root[e];
		if (i >= h->nobj || bitset_has(&seen, i))
			return bad("entry", e, eb);
		bitset_add(&seen, i);
		if (root != HEAP_NONE &&
			(root >= h->nroot || h->roots[root].to != i ||
				h->roots[root].kind >= ROOT_COUNT))
			return bad("root of entry", e, eb);
	}
	return MS_OK;
}

enum status
graph_restore(unsigned flags, struct graph *ret, struct errbuf *eb)
{
	ret->skip = (flags & GRAPH_NO_GUESS) != 0 ? REF_GUESS : 0;
	graph_find_quiet(ret);
	return check_entries(ret, eb);
}

/* Whether the way's last step to object i is a reference, or an entry, that holds it. */
static bool
step_is_real(const struct graph *g, const struct graph_tree *t, objid i)
{
	const struct heap *h = g->h;
	objid parent = t->parent[i];
	uint64_t lo, end;

	if (parent == OBJID_NONE)
		return t->via[i] < g->n_entry && g->entry[t->via[i]] == i;
	end = graph_refs(g, parent, &lo);
	if (t->via[i] >= end - lo)
		return false;
	uint64_t r = lo + t->via[i];
	bool is_own_dict = ref_kind(h->label[r]) == RK_DICT;
	return h->to[r] == i && graph_holds(g, h->label[r]) &&
		t->dist[i] == t->dist[parent] + !is_own_dict;
}

enum status
graph_tree_check(const struct graph *g, const struct graph_tree *t, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset seen = {0};
	const struct heap *h = g->h;

	if (t->n_order > h->nobj)
		return bad("number of ways", t->n_order, eb);
	enum status st = bitset_init(&seen, h->nobj, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t k = 0; k < t->n_order; k++) {
		objid i = t->order[k];
		if (i >= h->nobj || bitset_has(&seen, i) || t->dist[i] == UINT32_MAX)
			return bad("way", k, eb);
		objid parent = t->parent[i];
		/* Parents first: so a way ends. */
		if (parent != OBJID_NONE &&
			(parent >= h->nobj || !bitset_has(&seen, parent)))
			return bad("parent on way", k, eb);
		if (!step_is_real(g, t, i))
			return bad("step of way", k, eb);
		bitset_add(&seen, i);
	}
	for (objid i = 0; i < h->nobj && t->n_order < h->nobj; i++)
		if (!bitset_has(&seen, i) &&
			(t->dist[i] != UINT32_MAX || t->parent[i] != OBJID_NONE))
			return bad("object", i, eb);
	return MS_OK;
}
