/*
 * Depth first without recursion: a list of ten million nodes is a legal heap.
 */
#include "memscan/graph.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/vec.h"

enum { QUEUE_MIN = 4096, AHEAD = 16 };

/*
 * First in, first out: ids are in order of discovery, so that this goes through the
 * heap's arrays from front to back. What was taken out is dropped when it is more than
 * what is left.
 */
struct queue {
	VEC(objid) q;
	size_t head;
};

static bool
queue_next(struct queue *q, objid *ret)
{
	if (q->head == q->q.n)
		return false;
	*ret = q->q.at[q->head++];
	if (q->head > QUEUE_MIN && q->head > q->q.n / 2) {
		q->q.n -= q->head;
		memmove(q->q.at, q->q.at + q->head, q->q.n * sizeof(*q->q.at));
		q->head = 0;
	}
	return true;
}

void
graph_reach(const struct graph *g, const objid *seeds, size_t n, struct bitset *marks)
{
	const struct heap *h = g->h;
	struct queue queue = {0};
	objid i;

	for (size_t k = 0; k < n; k++) {
		if (bitset_has(marks, seeds[k]))
			continue;
		bitset_add(marks, seeds[k]);
		vec_push(&queue.q, seeds[k]);
	}
	while (queue_next(&queue, &i)) {
		uint64_t r, end = graph_refs(g, i, &r);
		for (; r < end; r++) {
			objid to = h->to[r];
			if (bitset_has(marks, to) || !graph_holds(g, h->label[r]))
				continue;
			bitset_add(marks, to);
			vec_push(&queue.q, to);
		}
	}
	vec_fini(&queue.q);
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

	if (progress_due(f.number))
		progress_count(f.number, g->h->nobj);
	o->at[f.number] = i;
	o->number[i] = f.number;
	o->parent[f.number] = parent;
	f.end = graph_refs(g, i, &f.next);
	for (uint64_t r = f.next; r < f.end && r < f.next + AHEAD; r++) {
		__builtin_prefetch(&o->number[g->h->to[r]]);
		__builtin_prefetch(&g->h->first[g->h->to[r]]);
	}
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

	enum status st = mem_array(n + 1, 4, &o.at, eb);
	if (st == MS_OK)
		st = mem_array(n + 1, 4, &o.number, eb);
	if (st == MS_OK)
		st = mem_array(n + 1, 4, &o.parent, eb);
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
