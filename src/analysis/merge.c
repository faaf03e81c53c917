/*
 * The ways to many objects as few: those that differ in nothing but the index, the key or
 * the element become one. A node of the result is a way; the ways of a tree are given
 * their nodes in the tree's own order, a parent's before its children's.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

struct merge {
	const struct graph *g;
	const struct graph_tree *t;
	struct map node_of;   /* (parent's node, kind of step) to node */
	uint32_t *by_object;  /* node of each needed object */
	struct bitset needed; /* objects on a way to one of the set */
	VEC(struct merged_node) node;
	VEC(uint32_t) steps; /* by node: its kind of step */
};

static void
merge_fini(struct merge *m)
{
	map_fini(&m->node_of);
	free(m->by_object);
	bitset_fini(&m->needed);
	vec_fini(&m->node);
	vec_fini(&m->steps);
}

/* Kinds of step: a label without its marks, or a key of an object's __dict__. */
enum { STEP_KEY = 1u << 31, STEP_AGAIN = 1u << 30 | 0x1f, STEP_ENTRY = 1u << 30 | 0x1e };

static bool
is_item(enum ref_kind k)
{
	return k == RK_VALUE || k == RK_KEY || k == RK_INDEX || k == RK_MEMBER ||
		k == RK_STACK;
}

/* Whether an object is reached as the __dict__ of another. */
static bool
is_own_dict(const struct merge *m, objid i)
{
	objid parent = m->t->parent[i];

	if (parent == OBJID_NONE || m->t->via[i] == UINT32_MAX)
		return false;
	uint64_t r = m->g->h->first[parent] + m->t->via[i];
	return ref_kind(m->g->h->label[r]) == RK_DICT;
}

static uint32_t
step_of(const struct merge *m, objid from, uint64_t r)
{
	const struct heap *h = m->g->h;
	uint32_t label = h->label[r];
	enum ref_kind kind = ref_kind(label);

	if (kind == RK_VALUE && is_own_dict(m, from)) {
		objid key = heap_ref_key(h, from, r);
		if (key != OBJID_NONE)
			return (uint32_t)STEP_KEY | key;
	}
	if (is_item(kind))
		return kind;
	return kind | ref_payload(label) << 5;
}

/* Whether two items are of one index or key. */
static bool
is_same_item(const struct heap *h, const struct merged_node *n, objid from, uint64_t r)
{
	if (n->ref == r)
		return true;
	switch (ref_kind(h->label[r])) {
	case RK_INDEX:
	case RK_STACK:
		return heap_ref_index(h, n->from, n->ref) == heap_ref_index(h, from, r);
	case RK_VALUE:
		return heap_ref_key(h, n->from, n->ref) == heap_ref_key(h, from, r);
	default:
		return h->to[n->ref] == h->to[r];
	}
}

static uint32_t
node_get(struct merge *m, uint32_t parent, uint32_t step, struct merged_node fresh)
{
	uint64_t key = (uint64_t)parent << 32 | step;
	uint32_t node;

	if (map_get(&m->node_of, key, &node))
		return node;
	node = (uint32_t)m->node.n;
	fresh.parent = parent;
	vec_push(&m->node, fresh);
	vec_push(&m->steps, step);
	map_put(&m->node_of, key, node);
	return node;
}

/* The node of a step from a parent's node. The third equal step in a row, and all that
 * follow, are one. */
static uint32_t
node_step(struct merge *m, uint32_t parent, objid from, uint64_t r)
{
	uint32_t step = step_of(m, from, r);
	struct merged_node fresh = {.from = from, .ref = r};
	uint32_t above = m->node.at[parent].parent;

	if (m->node.at[parent].again && m->steps.at[above] == step)
		return parent;
	if (m->steps.at[parent] == step && above != HEAP_NONE &&
		m->steps.at[above] == step) {
		fresh.again = true;
		return node_get(m, parent, (uint32_t)STEP_AGAIN, fresh);
	}
	uint32_t node = node_get(m, parent, step, fresh);
	struct merged_node *n = &m->node.at[node];
	if (!n->varies && is_item(ref_kind(m->g->h->label[r])) && (step & STEP_KEY) == 0)
		n->varies = !is_same_item(m->g->h, n, from, r);
	return node;
}

static uint32_t
node_of_object(struct merge *m, objid i)
{
	const struct graph_tree *t = m->t;
	objid parent = t->parent[i];

	if (parent == OBJID_NONE) {
		struct merged_node fresh = {.entry = t->via[i]};
		return node_get(m, HEAP_NONE, (uint32_t)STEP_KEY | t->via[i], fresh);
	}
	uint64_t r = m->g->h->first[parent], end = m->g->h->first[parent + 1];
	if (t->via[i] != UINT32_MAX)
		r += t->via[i];
	else
		while (r + 1 < end && m->g->h->to[r] != i)
			r++;
	return node_step(m, m->by_object[parent], parent, r);
}

/* Mark all objects on the ways to the set, from below. */
static uint64_t
mark_needed(struct merge *m, const struct bitset *set)
{
	const struct graph_tree *t = m->t;
	uint64_t unreached = 0;

	for (objid i = 0; i < m->g->h->nobj; i++) {
		if (!bitset_has(set, i))
			continue;
		if (t->dist[i] == UINT32_MAX)
			unreached++;
		else
			bitset_add(&m->needed, i);
	}
	for (uint32_t k = t->n_order; k-- > 0;) {
		objid i = t->order[k];
		if (bitset_has(&m->needed, i) && t->parent[i] != OBJID_NONE)
			bitset_add(&m->needed, t->parent[i]);
	}
	return unreached;
}

static int
compare_rows(const void *pa, const void *pb)
{
	const struct merged_row *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->example < b->example ? -1 : a->example > b->example;
}

/* Count the set's objects by their nodes. */
static void
count_rows(struct merge *m, const struct bitset *set, struct merged *ret)
{
	const struct heap *h = m->g->h;
	VEC(struct merged_row) rows = {0};
	CLEAN_FREE uint32_t *row_of = xcalloc(m->node.n + 1, sizeof(*row_of));

	for (objid i = 0; i < h->nobj; i++) {
		if (!bitset_has(set, i) || m->t->dist[i] == UINT32_MAX)
			continue;
		uint32_t node = m->by_object[i];
		if (row_of[node] == 0) {
			vec_push(&rows, (struct merged_row){.node = node, .example = i});
			row_of[node] = (uint32_t)rows.n;
		}
		struct merged_row *row = &rows.at[row_of[node] - 1];
		row->count++;
		row->bytes += object_bytes(h, i);
	}
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_rows);
	ret->rows = rows.at;
	ret->n = rows.n;
}

enum status
paths_merge(const struct graph *g, const struct graph_tree *t, const struct bitset *set,
	struct merged *ret, struct errbuf *eb)
{
	CLEAN(merge_fini) struct merge m = {.g = g, .t = t};
	struct merged out = {0};

	enum status st = mem_array((size_t)g->h->nobj + 1, 4, &m.by_object, eb);
	if (st == MS_OK)
		st = bitset_init(&m.needed, g->h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "merged ways");
	out.unreached = mark_needed(&m, set);
	for (uint32_t k = 0; k < t->n_order; k++) {
		objid i = t->order[k];
		if (bitset_has(&m.needed, i))
			m.by_object[i] = node_of_object(&m, i);
	}
	count_rows(&m, set, &out);
	out.n_node = m.node.n;
	out.node = STEAL(m.node.at);
	*ret = out;
	return MS_OK;
}

void
merged_fini(struct merged *m)
{
	free(m->node);
	free(m->rows);
	*m = (struct merged){0};
}
