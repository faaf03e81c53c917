/*
 * What would be freed if all objects of a type went: for up to 64 types at once, by
 * spreading 64 bits along the references until nothing changes. Which types retain the
 * most is decided without asking of all: the subtrees of any tree of ways say how much
 * each can retain at most.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/progress.h"

enum { BATCH = 64, CLIMB = 64 /* steps up a way that are looked at */ };

/* ---- a set that is worked off in ascending order while it grows ---- */

struct dirty {
	struct bitset set;
	struct bitset words; /* which words of the set are not 0 */
	size_t n, behind;    /* members; of them those below `at` */
	size_t at, low;      /* where the sweep is; no member behind is less */
};

static enum status
dirty_init(struct dirty *d, size_t n, struct errbuf *eb)
{
	enum status st = bitset_init(&d->set, n, eb);

	return st == MS_OK ? bitset_init(&d->words, bitset_words(&d->set) + 1, eb) : st;
}

static void
dirty_fini(struct dirty *d)
{
	bitset_fini(&d->set);
	bitset_fini(&d->words);
}

static void
dirty_add(struct dirty *d, size_t i)
{
	if (bitset_has(&d->set, i))
		return;
	bitset_add(&d->set, i);
	bitset_add(&d->words, i / 64);
	d->n++;
	if (i >= d->at)
		return;
	d->behind++;
	if (i < d->low)
		d->low = i;
}

/* Take out the next member upwards; from the lowest again when there is none. */
static bool
dirty_next(struct dirty *d, size_t *ret)
{
	if (d->n == 0)
		return false;
	if (d->behind == d->n) {
		d->at = d->low;
		d->low = d->set.n;
		d->behind = 0;
	}
	uint64_t left = d->set.words[d->at / 64] & UINT64_MAX << (d->at % 64);
	size_t word = d->at / 64;
	if (left == 0) {
		word = bitset_next(&d->words, word + 1);
		left = d->set.words[word];
	}
	size_t i = word * 64 + (size_t)__builtin_ctzll(left);
	bitset_remove(&d->set, i);
	if (d->set.words[word] == 0)
		bitset_remove(&d->words, word);
	d->n--;
	d->at = i + 1;
	*ret = i;
	return true;
}

/* ---- up to 64 types ---- */

/*
 * Bit t of alive[i]: object i can be reached without passing an object of type t. The
 * bits only ever become more, so that an object is looked at again as long as they do;
 * in the order of ids, which is nearly that in which the walk came to them, that is
 * seldom.
 */
struct batch {
	const struct graph *g;
	const struct bitset *of; /* only these, if not NULL */
	const uint64_t *bit;     /* by type: its bit, or 0 */
	uint64_t *alive;
	struct dirty dirty;
};

static void
batch_fini(struct batch *b)
{
	free(b->alive);
	dirty_fini(&b->dirty);
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
	if ((bits & ~b->alive[i]) == 0)
		return;
	bits &= ~bit_of(b, i);
	if ((bits & ~b->alive[i]) == 0)
		return;
	b->alive[i] |= bits;
	dirty_add(&b->dirty, i);
}

static void
spread(struct batch *b)
{
	const struct heap *h = b->g->h;
	size_t i;

	while (dirty_next(&b->dirty, &i)) {
		uint64_t r, end = graph_refs(b->g, (objid)i, &r), bits = b->alive[i];
		for (; r < end; r++)
			if (graph_holds(b->g, h->label[r]))
				revive(b, h->to[r], bits);
	}
}

static void
count_batch(const struct batch *b, struct retained_type *rows, size_t n)
{
	const struct heap *h = b->g->h;
	uint64_t all = n < BATCH ? ((uint64_t)1 << n) - 1 : UINT64_MAX;

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
		st = dirty_init(&b->dirty, g->h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "retained by type");
	for (size_t k = 0; k < n; k++) {
		rows[k] = (struct retained_type){.type = rows[k].type};
		bit[rows[k].type] = (uint64_t)1 << k;
	}
	for (uint32_t e = 0; e < g->n_entry; e++)
		revive(b, g->entry[e], UINT64_MAX);
	spread(b);
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
	for (size_t k = 0; k < n && st == MS_OK; k += BATCH) {
		progress_count(k, n);
		CLEAN(batch_fini) struct batch b = {.g = g, .of = of, .bit = bit};
		st = run_batch(&b, bit, rows + k, n - k < BATCH ? n - k : BATCH, eb);
	}
	return st;
}

/* ---- which types ---- */

static int
compare_types(const void *pa, const void *pb)
{
	const struct retained_type *a = pa, *b = pb;

	if (a->retained.bytes != b->retained.bytes)
		return a->retained.bytes > b->retained.bytes ? -1 : 1;
	return a->type < b->type ? -1 : a->type > b->type;
}

/* Whether one of the next above on the object's way is of its type and in the set. */
static bool
is_below_own_type(const struct heap *h, const struct graph_tree *t,
	const struct bitset *of, objid i)
{
	objid at = t->parent[i];

	for (int step = 0; step < CLIMB && at != OBJID_NONE; step++) {
		if (h->type[at] == h->type[i] && (of == NULL || bitset_has(of, at)))
			return true;
		at = t->parent[at];
	}
	return false;
}

/*
 * Into rows[t].retained.bytes what type t can retain at most: an object that goes with it
 * has one of the type on every way to it, so on that of the tree, too.
 */
static enum status
find_bounds(const struct graph *g, const struct graph_tree *t, const struct bitset *of,
	struct retained_type *rows, struct errbuf *eb)
{
	const struct heap *h = g->h;
	CLEAN_FREE uint64_t *below = NULL; /* bytes of the subtree */

	enum status st = mem_array((size_t)h->nobj + 1, 8, &below, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "retained by type");
	for (uint32_t k = t->n_order; k-- > 0;) {
		objid i = t->order[k];
		below[i] += object_bytes(h, i);
		if (t->parent[i] != OBJID_NONE)
			below[t->parent[i]] += below[i];
		if (of != NULL && !bitset_has(of, i))
			continue;
		struct retained_type *row = &rows[h->type[i]];
		row->count++;
		if (!is_below_own_type(h, t, of, i))
			row->retained.bytes += below[i];
	}
	return MS_OK;
}

enum status
retained_types_most(const struct graph *g, const struct graph_tree *t,
	const struct bitset *of, size_t limit, struct retained_types *ret,
	struct errbuf *eb)
{
	CLEAN_FREE struct retained_type *rows =
		xcalloc((size_t)g->h->ntype + 1, sizeof(*rows));
	size_t n = 0, done = 0;

	for (uint32_t k = 0; k < g->h->ntype; k++)
		rows[k].type = k;
	enum status st = find_bounds(g, t, of, rows, eb);
	for (uint32_t k = 0; k < g->h->ntype; k++)
		if (rows[k].count > 0)
			rows[n++] = rows[k];
	qsort(rows, n, sizeof(*rows), compare_types);
	while (done < n && st == MS_OK) {
		if (done >= limit && limit > 0 &&
			rows[limit - 1].retained.bytes > rows[done].retained.bytes)
			break;
		size_t more = n - done < BATCH ? n - done : BATCH;
		st = retained_types(g, of, rows + done, more, eb);
		done += more;
		qsort(rows, done, sizeof(*rows), compare_types);
	}
	if (st != MS_OK)
		return st;
	*ret = (struct retained_types){
		.rows = STEAL(rows), .n = done < limit ? done : limit, .n_all = n};
	return MS_OK;
}

void
retained_types_fini(struct retained_types *t)
{
	free(t->rows);
	*t = (struct retained_types){0};
}
