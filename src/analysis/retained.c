/*
 * What would be freed: of one object, by summing up the dominator tree; of a set, by
 * looking what can still be reached without it, which no tree over single objects says.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/mem.h"

#include "priv.h"

uint64_t
object_bytes(const struct heap *h, objid i)
{
	uint64_t size = h->size32[i] != UINT32_MAX ? h->size32[i] : heap_size(h, i);
	const struct heap_buffer *b = h->nbuffer > 0 ? heap_buffer_of(h, i) : NULL;

	return size + buffer_beside(b);
}

struct amount
objects_amount(const struct heap *h, const struct bitset *of)
{
	struct amount a = {0};

	if (of == NULL) {
		a.count = h->nobj;
		for (objid i = 0; i < h->nobj; i++)
			a.bytes += object_bytes(h, i);
		return a;
	}
	BITSET_EACH(i, of)
	{
		a.count++;
		a.bytes += object_bytes(h, (objid)i);
	}
	return a;
}

enum status
retained_compute(const struct heap *h, const struct dominators *d, uint64_t **ret,
	struct errbuf *eb)
{
	CLEAN_FREE uint64_t *retained = NULL;

	enum status st = mem_array((size_t)h->nobj + 1, 8, &retained, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "retained sizes");
	for (uint32_t k = h->nobj; k-- > 0;) {
		objid i = d->order[k];
		retained[i] += object_bytes(h, i);
		if (d->idom[i] != OBJID_NONE)
			retained[d->idom[i]] += retained[i];
	}
	*ret = STEAL(retained);
	return MS_OK;
}

/* ---- the tree ---- */

static int
compare_children(const void *pa, const void *pb, void *arg)
{
	const objid *a = pa, *b = pb;
	const uint64_t *retained = arg;

	if (retained[*a] != retained[*b])
		return retained[*a] > retained[*b] ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static uint32_t
parent_of(const struct heap *h, const struct dominators *d, objid i)
{
	return d->idom[i] == OBJID_NONE ? h->nobj : d->idom[i];
}

enum status
domtree_build(const struct heap *h, const struct dominators *d, const uint64_t *retained,
	struct domtree *ret, struct errbuf *eb)
{
	CLEAN(domtree_fini) struct domtree t = {0};
	size_t n = h->nobj;
	uint32_t sum = 0;

	enum status st = mem_array(n + 3, 4, &t.first, eb);
	if (st == MS_OK)
		st = mem_array(n + 1, 4, &t.child, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "dominator tree");
	for (objid i = 0; i < n; i++)
		t.first[(size_t)parent_of(h, d, i) + 1]++;
	for (size_t i = 0; i < n + 2; i++) {
		uint32_t count = t.first[i];
		t.first[i] = sum;
		sum += count;
	}
	for (objid i = 0; i < n; i++)
		t.child[t.first[(size_t)parent_of(h, d, i) + 1]++] = i;
	for (size_t i = 0; i <= n; i++)
		if (t.first[i + 1] - t.first[i] > 1)
			qsort_r(t.child + t.first[i], t.first[i + 1] - t.first[i],
				sizeof(*t.child), compare_children,
				(void *)(uintptr_t)retained);
	*ret = t;
	t = (struct domtree){0};
	return MS_OK;
}

void
domtree_fini(struct domtree *t)
{
	free(t->first);
	free(t->child);
	*t = (struct domtree){0};
}

/* ---- sets ---- */

enum status
retained_set(const struct graph *g, const struct bitset *set, struct amount *ret,
	struct bitset *freed, struct errbuf *eb)
{
	const struct heap *h = g->h;
	CLEAN(bitset_fini) struct bitset reached = {0}, dead = {0};

	enum status st = bitset_init(&reached, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&dead, h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "retained size");
	bitset_or(&reached, set);
	graph_reach(g, g->entry, g->n_entry, &reached);
	/* What is marked now is the set and what is reached without it. */
	bitset_fill(&dead);
	bitset_minus(&dead, &reached);
	bitset_or(&dead, set);
	*ret = objects_amount(h, &dead);
	if (freed == NULL)
		return MS_OK;
	*freed = dead;
	dead = (struct bitset){0};
	return MS_OK;
}
