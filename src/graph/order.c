/*
 * Depth first without recursion: a list of ten million nodes is a legal heap.
 */
#include "memscan/graph.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

void
graph_reach(const struct graph *g, const objid *seeds, size_t n, uint64_t *marks)
{
	const struct heap *h = g->h;
	VEC(objid) stack = {0};

	for (size_t k = 0; k < n; k++) {
		if (mark_get(marks, seeds[k]))
			continue;
		mark_set(marks, seeds[k]);
		vec_push(&stack, seeds[k]);
		while (stack.n > 0) {
			uint64_t r, end = graph_refs(g, stack.at[--stack.n], &r);
			for (; r < end; r++) {
				objid to = h->to[r];
				if (mark_get(marks, to) || !graph_holds(g, h->label[r]))
					continue;
				mark_set(marks, to);
				vec_push(&stack, to);
			}
		}
	}
	vec_fini(&stack);
}

/* An object on the way down, and its references that were not looked at yet. */
struct frame {
	uint32_t number, unused;
	uint64_t next, end;
};

static struct frame
visit(const struct graph *g, struct graph_order *o, objid i, uint32_t parent)
{
	struct frame f = {.number = ++o->n};

	o->at[f.number] = i;
	o->number[i] = f.number;
	o->parent[f.number] = parent;
	f.end = graph_refs(g, i, &f.next);
	return f;
}

static void
search(const struct graph *g, struct graph_order *o, objid from)
{
	const struct heap *h = g->h;
	VEC(struct frame) stack = {0};

	vec_push(&stack, visit(g, o, from, 0));
	while (stack.n > 0) {
		struct frame *f = &stack.at[stack.n - 1];
		if (f->next == f->end) {
			stack.n--;
			continue;
		}
		uint64_t r = f->next++;
		objid to = h->to[r];
		if (o->number[to] != 0 || !graph_holds(g, h->label[r]))
			continue;
		struct frame down = visit(g, o, to, f->number);
		vec_push(&stack, down);
	}
	vec_fini(&stack);
}

enum status
graph_order_build(const struct graph *g, struct graph_order *ret, struct errbuf *eb)
{
	CLEAN(graph_order_fini) struct graph_order o = {0};
	size_t n = g->h->nobj;

	enum status st = mem_checked(n + 1, 4, SIZE_MAX, &o.at, eb);
	if (st == MS_OK)
		st = mem_checked(n + 1, 4, SIZE_MAX, &o.number, eb);
	if (st == MS_OK)
		st = mem_checked(n + 1, 4, SIZE_MAX, &o.parent, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "depth-first order");
	o.at[0] = OBJID_NONE;
	for (uint32_t k = 0; k < g->n_entry; k++)
		if (o.number[g->entry[k]] == 0)
			search(g, &o, g->entry[k]);
	*ret = o;
	o = (struct graph_order){0};
	return MS_OK;
}

void
graph_order_fini(struct graph_order *o)
{
	free(o->at);
	free(o->number);
	free(o->parent);
	*o = (struct graph_order){0};
}
