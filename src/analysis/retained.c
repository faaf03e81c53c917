/*
 * What would be freed: of one object, by summing up the dominator tree; of a set, by
 * looking what can still be reached without it, which no tree over single objects says.
 */
#include "memscan/analysis.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/vec.h"

uint64_t
object_bytes(const struct heap *h, objid i)
{
	uint64_t size = h->size32[i] != UINT32_MAX ? h->size32[i] : heap_size(h, i);
	const struct heap_buffer *b = h->nbuffer > 0 ? heap_buffer_of(h, i) : NULL;

	if (b != NULL && (b->flags & (BUFFER_OWNED | BUFFER_IN_SIZE)) == BUFFER_OWNED)
		size += b->bytes;
	return size;
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
	struct amount a = {0};

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
	BITSET_EACH(i, &dead)
	{
		a.count++;
		a.bytes += object_bytes(h, (objid)i);
	}
	*ret = a;
	if (freed == NULL)
		return MS_OK;
	*freed = dead;
	dead = (struct bitset){0};
	return MS_OK;
}

/* ---- all objects of each type ---- */

/*
 * For up to 64 types at once. Bit t of alive[i]: object i can be reached without passing
 * an object of type t. The bits only ever become more, so that an object is looked at
 * again as long as they do.
 */
struct batch {
	const struct graph *g;
	const struct bitset *of; /* only these, if not NULL */
	const uint64_t *bit;     /* by type: its bit, or 0 */
	uint64_t *alive;
	struct bitset queued;
	VEC(objid) stack;
};

static void
batch_fini(struct batch *b)
{
	free(b->alive);
	bitset_fini(&b->queued);
	vec_fini(&b->stack);
}

/* The bit of the type that object i goes with, or 0. */
static uint64_t
bit_of(const struct batch *b, objid i)
{
	return b->of == NULL || bitset_has(b->of, i) ? b->bit[b->g->h->type[i]] : 0;
}

static void
revive(struct batch *b, objid i, uint64_t bits)
{
	bits &= ~bit_of(b, i);
	if ((bits & ~b->alive[i]) == 0)
		return;
	b->alive[i] |= bits;
	if (bitset_has(&b->queued, i))
		return;
	bitset_add(&b->queued, i);
	vec_push(&b->stack, i);
}

static void
spread(struct batch *b)
{
	const struct heap *h = b->g->h;

	while (b->stack.n > 0) {
		objid i = b->stack.at[--b->stack.n];
		uint64_t r, end = graph_refs(b->g, i, &r), bits = b->alive[i];
		bitset_remove(&b->queued, i);
		for (; r < end; r++)
			if (graph_holds(b->g, h->label[r]))
				revive(b, h->to[r], bits);
	}
}

static void
count_batch(const struct batch *b, struct retained_type *rows, size_t n)
{
	const struct heap *h = b->g->h;
	uint64_t all = n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;

	for (objid i = 0; i < h->nobj; i++) {
		uint64_t dead = ~b->alive[i] & all;
		if (dead == 0)
			continue;
		uint64_t bytes = object_bytes(h, i);
		for (; dead != 0; dead &= dead - 1) {
			struct retained_type *row = &rows[__builtin_ctzll(dead)];
			row->retained.count++;
			row->retained.bytes += bytes;
			if (h->type[i] != row->type || bit_of(b, i) == 0)
				continue;
			row->count++;
			row->size += bytes;
		}
	}
}

static enum status
run_batch(struct batch *b, uint64_t *bit, struct retained_type *rows, size_t n,
	struct errbuf *eb)
{
	const struct graph *g = b->g;

	enum status st = mem_array((size_t)g->h->nobj + 1, 8, &b->alive, eb);
	if (st == MS_OK)
		st = bitset_init(&b->queued, g->h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "retained by type");
	for (size_t k = 0; k < n; k++) {
		rows[k] = (struct retained_type){.type = rows[k].type};
		bit[rows[k].type] = (uint64_t)1 << k;
	}
	for (uint32_t e = 0; e < g->n_entry; e++) {
		revive(b, g->entry[e], UINT64_MAX);
		spread(b);
	}
	count_batch(b, rows, n);
	for (size_t k = 0; k < n; k++)
		bit[rows[k].type] = 0;
	return MS_OK;
}

enum status
retained_types(const struct graph *g, const struct bitset *of, struct retained_type *rows,
	size_t n, struct errbuf *eb)
{
	CLEAN_FREE uint64_t *bit = NULL;

	enum status st = mem_array((size_t)g->h->ntype + 1, 8, &bit, eb);
	for (size_t k = 0; k < n && st == MS_OK; k += 64) {
		progress_count(k, n);
		CLEAN(batch_fini) struct batch b = {.g = g, .of = of, .bit = bit};
		st = run_batch(&b, bit, rows + k, n - k < 64 ? n - k : 64, eb);
	}
	return st;
}
