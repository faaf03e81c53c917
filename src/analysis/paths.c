/*
 * Ways from the root to one object: the shortest, from a tree that is there already, and
 * as many as can be had that share no object.
 *
 * The latter is a flow in which each object lets one unit through (Menger). One way after
 * the other is found by a breadth-first search that may also go back along the ways that
 * are there, and then these are laid anew. As the flow is a set of ways, it needs no more
 * than the object before and after each object on one of them.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

#define ROOT_ITSELF (OBJID_NONE - 1) /* what is before an entry on a way */

void
path_fini(struct path *p)
{
	free(p->at);
	free(p->ref);
	*p = (struct path){0};
}

void
paths_fini(struct paths *p)
{
	for (size_t k = 0; k < p->n; k++)
		path_fini(&p->at[k]);
	free(p->at);
	*p = (struct paths){0};
}

/* The number of a reference of `from` to `to` that holds. */
static uint64_t
find_ref(const struct graph *g, objid from, objid to)
{
	uint64_t r, end = graph_refs(g, from, &r);

	while (r < end && (g->h->to[r] != to || !graph_holds(g, g->h->label[r])))
		r++;
	return r;
}

bool
path_of(const struct graph *g, const struct graph_tree *t, objid i, struct path *ret)
{
	struct path p = {0};

	if (t->dist[i] == UINT32_MAX)
		return false;
	for (objid at = i; at != OBJID_NONE; at = t->parent[at])
		p.n++;
	p.at = xcalloc(p.n, sizeof(*p.at));
	p.ref = xcalloc(p.n, sizeof(*p.ref));
	objid at = i;
	for (size_t k = p.n - 1; k > 0; k--) {
		objid parent = t->parent[at];
		p.at[k] = at;
		p.ref[k] = t->via[at] != UINT32_MAX ? g->h->first[parent] + t->via[at]
						    : find_ref(g, parent, at);
		at = parent;
	}
	p.at[0] = at;
	p.entry = t->via[at];
	*ret = p;
	return true;
}

/* ---- ways that share nothing ---- */

/*
 * A state of the search: object i arrived at (2 * i), or left (2 * i + 1). They differ
 * for objects on a way alone, which are full: who arrives there can only go back.
 */
struct flow {
	const struct graph *g;
	const struct bitset *avoid;
	objid target;
	objid *before, *after; /* on a way; OBJID_NONE: on none */
	uint32_t *from; /* by state: the state before it, OBJID_NONE: not reached */
	VEC(uint32_t) queue;
	VEC(objid) last; /* the objects before the target */
	uint32_t found;  /* the state from which the target was reached */
};

static void
flow_fini(struct flow *f)
{
	free(f->before);
	free(f->after);
	free(f->from);
	vec_fini(&f->queue);
	vec_fini(&f->last);
}

static void
arrive(struct flow *f, uint32_t state, uint32_t from)
{
	if (f->from[state] != OBJID_NONE)
		return;
	f->from[state] = from;
	vec_push(&f->queue, state);
}

/* Go on from object u, which is left; true if that leads to the target. */
static bool
leave(struct flow *f, objid u, uint32_t state)
{
	const struct graph *g = f->g;
	uint64_t r, end = graph_refs(g, u, &r);

	for (; r < end; r++) {
		objid to = g->h->to[r];
		if (to == u || to == f->after[u] || !graph_holds(g, g->h->label[r]))
			continue;
		if (to == f->target) {
			f->found = state;
			return true;
		}
		if (f->avoid == NULL || !bitset_has(f->avoid, to))
			arrive(f, 2 * to, state);
	}
	return false;
}

static bool
search(struct flow *f)
{
	const struct graph *g = f->g;

	memset(f->from, 0xff, ((size_t)g->h->nobj + 1) * 2 * sizeof(*f->from));
	f->queue.n = 0;
	for (uint32_t e = 0; e < g->n_entry; e++) {
		objid i = g->entry[e];
		bool is_avoided = f->avoid != NULL && bitset_has(f->avoid, i);
		if (i != f->target && f->before[i] != ROOT_ITSELF && !is_avoided)
			arrive(f, 2 * i, ROOT_ITSELF);
	}
	for (size_t k = 0; k < f->queue.n; k++) {
		uint32_t state = f->queue.at[k];
		objid i = state / 2;
		bool is_full = f->before[i] != OBJID_NONE, is_left = (state & 1) != 0;
		if ((!is_full || is_left) && leave(f, i, state))
			return true;
		/* Undo the step that leads here. */
		if (is_full && f->before[i] != ROOT_ITSELF)
			arrive(f, 2 * f->before[i] + 1, state);
	}
	return false;
}

/* Lay the ways anew: first take away the steps that were undone, then put the new ones.
 */
static void
augment(struct flow *f)
{
	for (uint32_t s = f->found; s != ROOT_ITSELF; s = f->from[s]) {
		if ((s & 1) == 0)
			continue;
		f->before[f->after[s / 2]] = OBJID_NONE;
		f->after[s / 2] = OBJID_NONE;
	}
	objid to = f->target;
	for (uint32_t s = f->found; s != ROOT_ITSELF;) {
		uint32_t from = f->from[s];
		objid i = s / 2;
		f->after[i] = to;
		if (to != f->target)
			f->before[to] = i;
		/* Steps that were undone stand between one put step and the next. */
		while ((s & 1) != 0) {
			s = from;
			from = f->from[s];
			i = s / 2;
		}
		to = i;
		s = from;
		if (s == ROOT_ITSELF)
			f->before[i] = ROOT_ITSELF;
	}
}

static uint32_t
entry_of(const struct graph *g, objid i)
{
	uint32_t e = 0;

	while (g->entry[e] != i)
		e++;
	return e;
}

/* The way that begins at entry e and is laid down to the target. */
static struct path
follow(const struct flow *f, uint32_t e)
{
	struct path p = {.entry = e, .n = 1};

	for (objid i = f->g->entry[e]; i != f->target; i = f->after[i])
		p.n++;
	p.at = xcalloc(p.n, sizeof(*p.at));
	p.ref = xcalloc(p.n, sizeof(*p.ref));
	p.at[0] = f->g->entry[e];
	for (size_t k = 1; k < p.n; k++) {
		p.at[k] = f->after[p.at[k - 1]];
		p.ref[k] = find_ref(f->g, p.at[k - 1], p.at[k]);
	}
	return p;
}

static int
compare_paths(const void *pa, const void *pb)
{
	const struct path *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static enum status
flow_init(struct flow *f, struct errbuf *eb)
{
	size_t n = (size_t)f->g->h->nobj + 1;

	enum status st = mem_array(n, 4, &f->before, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &f->after, eb);
	if (st == MS_OK)
		st = mem_array(n, 8, &f->from, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "disjoint ways");
	memset(f->before, 0xff, n * 4);
	memset(f->after, 0xff, n * 4);
	return MS_OK;
}

enum status
paths_disjoint(const struct graph *g, objid i, size_t max, const struct bitset *avoid,
	struct paths *ret, struct errbuf *eb)
{
	CLEAN(flow_fini) struct flow f = {.g = g, .avoid = avoid, .target = i};
	struct paths p = {0};
	size_t n = 0;

	enum status st = flow_init(&f, eb);
	if (st != MS_OK)
		return st;
	if (avoid != NULL && bitset_has(avoid, i)) {
		*ret = (struct paths){.is_all = true};
		return MS_OK;
	}
	bool is_entry = false;
	for (uint32_t e = 0; e < g->n_entry; e++)
		is_entry |= g->entry[e] == i;
	n += is_entry;
	while (n < max && search(&f)) {
		augment(&f);
		n++;
	}
	p.is_all = n < max || !search(&f);
	p.at = xcalloc(n + 1, sizeof(*p.at));
	if (is_entry && max > 0)
		p.at[p.n++] = follow(&f, entry_of(g, i));
	for (uint32_t e = 0; e < g->n_entry; e++)
		if (f.before[g->entry[e]] == ROOT_ITSELF)
			p.at[p.n++] = follow(&f, e);
	if (p.n > 0)
		qsort(p.at, p.n, sizeof(*p.at), compare_paths);
	*ret = p;
	return MS_OK;
}
