/*
 * Equal objects put together: how many bytes one of each would save, by value, by type and
 * by what holds them.
 */
#include "memscan/analysis.h"
#include "memscan/retained.h"
#include "memscan/saving.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/vec.h"

#include "priv.h"

enum { RECORD_MAX = 64 /* entries of a dict whose keys are names of fields */ };

struct grouping {
	const struct heap *h;
	const struct equals *e;
	const struct kinds *owners;
	uint32_t *row_of; /* by first equal object: 1 + row; while counting: how many */
	uint64_t *largest; /* by row */
	VEC(struct dups_row) rows;
	VEC(struct dups_type) types;
	VEC(struct dups_holder) holders;
	struct map holder_of; /* kind and name to holder */
	struct map pair_of;   /* row and holder to pair */
	VEC(uint64_t) pairs, pair_key; /* how many; row and holder */
};

static void
grouping_fini(struct grouping *g)
{
	free(g->row_of);
	free(g->largest);
	vec_fini(&g->rows);
	vec_fini(&g->types);
	vec_fini(&g->holders);
	map_fini(&g->holder_of);
	map_fini(&g->pair_of);
	vec_fini(&g->pairs);
	vec_fini(&g->pair_key);
}

static bool
counts(const struct grouping *g, const struct bitset *set, objid i)
{
	return g->e->as[i] != OBJID_NONE && bitset_has(set, i) &&
		(g->h->flags[i] & OF_STATIC) == 0;
}

/* ---- rows ---- */

static void
count_rows(struct grouping *g, const struct bitset *set)
{
	const struct heap *h = g->h;
	uint64_t many = 0;

	for (objid i = 0; i < h->nobj; i++)
		if (counts(g, set, i) && ++g->row_of[g->e->as[i]] == 2)
			many++;
	g->largest = xcalloc(many + 1, sizeof(*g->largest));
	for (objid i = 0; i < h->nobj; i++)
		if (g->row_of[i] < 2)
			g->row_of[i] = 0;
		else {
			vec_push(&g->rows, ((struct dups_row){.first = OBJID_NONE}));
			g->row_of[i] = (uint32_t)g->rows.n;
		}
	for (objid i = 0; i < h->nobj; i++) {
		if (!counts(g, set, i) || g->row_of[g->e->as[i]] == 0)
			continue;
		uint32_t k = g->row_of[g->e->as[i]] - 1;
		struct dups_row *row = &g->rows.at[k];
		uint64_t bytes = object_bytes(h, i);
		if (row->first == OBJID_NONE)
			row->first = i;
		row->count++;
		row->bytes += bytes;
		if (bytes > g->largest[k])
			g->largest[k] = bytes;
	}
	for (size_t k = 0; k < g->rows.n; k++)
		g->rows.at[k].saved = g->rows.at[k].bytes - g->largest[k];
}

/* ---- types ---- */

static void
count_types(struct grouping *g)
{
	struct map type_of = {0};

	for (size_t k = 0; k < g->rows.n; k++) {
		const struct dups_row *row = &g->rows.at[k];
		uint32_t type = g->h->type[row->first], at;
		if (!map_get(&type_of, type, &at)) {
			at = (uint32_t)g->types.n;
			vec_push(&g->types, ((struct dups_type){.type = type}));
			map_put(&type_of, type, at);
		}
		struct dups_type *t = &g->types.at[at];
		t->values++;
		t->count += row->count;
		t->bytes += row->bytes;
		t->saved += row->saved;
	}
	map_fini(&type_of);
}

/* ---- holders ---- */

/* A reference's name: keys of records and of __dict__s are names, others are not. */
static uint64_t
name_of(const struct grouping *g, objid i, uint64_t r)
{
	const struct heap *h = g->h;
	uint32_t label = h->label[r], kind = ref_kind(label);

	switch (ref_kind(label)) {
	case RK_VALUE: {
		objid key = heap_ref_key(h, i, r);
		bool is_record = g->owners->at[g->owners->of[i]].owner != HEAP_NONE ||
			h->first[i + 1] - h->first[i] <= 2 * RECORD_MAX;
		return is_record && key != OBJID_NONE && g->e->as[key] != OBJID_NONE
			? (uint64_t)(g->e->as[key] + 1) << 5 | kind
			: kind;
	}
	case RK_KEY:
	case RK_INDEX:
	case RK_MEMBER:
	case RK_STACK:
		return kind;
	default:
		return label & ~(REF_HIDDEN | REF_GUESS);
	}
}

/* Kind and name together are more than 64 bits: names get numbers first. */
static uint32_t
holder_number(struct grouping *g, struct map *names, uint32_t *n_names, objid i, uint64_t r)
{
	uint64_t name = name_of(g, i, r);
	uint32_t number, at, kind = g->owners->of[i];

	if (!map_get(names, name, &number)) {
		number = (*n_names)++;
		map_put(names, name, number);
	}
	uint64_t key = (uint64_t)kind << 32 | number;
	if (!map_get(&g->holder_of, key, &at)) {
		at = (uint32_t)g->holders.n;
		vec_push(&g->holders,
			((struct dups_holder){.kind = kind, .from = i, .ref = r}));
		map_put(&g->holder_of, key, at);
	}
	struct dups_holder *holder = &g->holders.at[at];
	/* Names that are numbers stand for all of their kind. */
	holder->varies |= holder->count > 0 && name == ref_kind(g->h->label[r]);
	holder->count++;
	return at;
}

static void
count_pair(struct grouping *g, uint32_t row, uint32_t holder)
{
	uint64_t key = (uint64_t)row << 32 | holder;
	uint32_t at;

	if (!map_get(&g->pair_of, key, &at)) {
		at = (uint32_t)g->pairs.n;
		vec_push(&g->pairs, 0);
		vec_push(&g->pair_key, key);
		map_put(&g->pair_of, key, at);
	}
	g->pairs.at[at]++;
}

/* The first reference to each copy decides who holds it. */
static enum status
find_holders(struct grouping *g, const struct bitset *set, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset left = {0};
	const struct heap *h = g->h;
	struct map names = {0};
	uint32_t n_names = 0;

	enum status st = bitset_init(&left, h->nobj, eb);
	if (st != MS_OK)
		return st;
	for (objid i = 0; i < h->nobj; i++)
		if (counts(g, set, i) && g->row_of[g->e->as[i]] != 0)
			bitset_add(&left, i);
	for (objid i = 0; i < h->nobj; i++) {
		if (progress_due(i))
			progress_count(i, h->nobj);
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			objid to = h->to[r];
			if (!bitset_has(&left, to) || ref_kind(h->label[r]) == RK_WEAK ||
				(h->label[r] & REF_GUESS) != 0)
				continue;
			bitset_remove(&left, to);
			count_pair(g, g->row_of[g->e->as[to]] - 1,
				holder_number(g, &names, &n_names, i, r));
		}
	}
	map_fini(&names);
	return MS_OK;
}

static void
share_out(struct grouping *g)
{
	for (size_t k = 0; k < g->rows.n; k++)
		g->rows.at[k].holder = HEAP_NONE;
	for (size_t k = 0; k < g->pairs.n; k++) {
		struct dups_row *row = &g->rows.at[g->pair_key.at[k] >> 32];
		uint32_t holder = (uint32_t)g->pair_key.at[k];
		uint64_t n = g->pairs.at[k];
		g->holders.at[holder].saved += (uint64_t)((double)row->saved *
			(double)n / (double)row->count);
		if (row->holder == HEAP_NONE || n > row->held) {
			row->holder = holder;
			row->held = n;
		}
	}
}

/* ---- order ---- */

static int
compare_rows(const void *pa, const void *pb)
{
	const struct dups_row *a = pa, *b = pb;

	if (a->saved != b->saved)
		return a->saved > b->saved ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static int
compare_types(const void *pa, const void *pb)
{
	const struct dups_type *a = pa, *b = pb;

	if (a->saved != b->saved)
		return a->saved > b->saved ? -1 : 1;
	return a->type < b->type ? -1 : a->type > b->type;
}

static int
compare_holders(const void *pa, const void *pb, void *arg)
{
	const uint32_t *x = pa, *y = pb;
	const struct dups_holder *a = (const struct dups_holder *)arg + *x;
	const struct dups_holder *b = (const struct dups_holder *)arg + *y;

	if (a->saved != b->saved)
		return a->saved > b->saved ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static void
give(struct grouping *g, struct dups *ret)
{
	struct dups out = {
		.n = g->rows.n, .n_types = g->types.n, .n_holders = g->holders.n};

	for (size_t k = 0; k < g->rows.n; k++) {
		out.count += g->rows.at[k].count;
		out.bytes += g->rows.at[k].bytes;
		out.saved += g->rows.at[k].saved;
	}
	out.holder_order = xcalloc(out.n_holders + 1, sizeof(*out.holder_order));
	for (uint32_t k = 0; k < out.n_holders; k++)
		out.holder_order[k] = k;
	if (out.n > 0)
		qsort(g->rows.at, out.n, sizeof(*g->rows.at), compare_rows);
	if (out.n_types > 0)
		qsort(g->types.at, out.n_types, sizeof(*g->types.at), compare_types);
	qsort_r(out.holder_order, out.n_holders, sizeof(uint32_t), compare_holders,
		g->holders.at);
	out.rows = STEAL(g->rows.at);
	out.types = STEAL(g->types.at);
	out.holders = STEAL(g->holders.at);
	*ret = out;
}

enum status
dups_compute(const struct heap *h, const struct bitset *set, const struct equals *e,
	const struct kinds *owners, struct dups *ret, struct errbuf *eb)
{
	CLEAN(grouping_fini) struct grouping g = {.h = h, .e = e, .owners = owners};

	enum status st =
		mem_checked(h->nobj, sizeof(*g.row_of), SIZE_MAX, &g.row_of, eb);
	if (st == MS_OK) {
		count_rows(&g, set);
		count_types(&g);
		st = find_holders(&g, set, eb);
	}
	if (st != MS_OK)
		return errbuf_wrap(eb, "equal values");
	share_out(&g);
	give(&g, ret);
	return MS_OK;
}

void
dups_fini(struct dups *d)
{
	free(d->rows);
	free(d->types);
	free(d->holders);
	free(d->holder_order);
	*d = (struct dups){0};
}
