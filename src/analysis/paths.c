/*
 * The shortest way from the root to one object, from a tree that is there already.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/mem.h"

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
