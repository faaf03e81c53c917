/*
 * Objects put together by kind. A kind is a type, but the dict that holds the attributes
 * of a Foo is "dict of Foo", as in heapy: otherwise most of a program's memory would be
 * under "dict", which tells nobody anything.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

#include "priv.h"

/* What rows are being counted into. */
struct kinds {
	const struct heap *h;
	enum summary_by by;
	VEC(struct summary_row) rows;
	struct map row_of;  /* type (and owner), or module, to row */
	uint32_t *row_memo; /* by type: 1 + its row if it has no owner; 0: not met */
};

static void
kinds_fini(struct kinds *k)
{
	vec_fini(&k->rows);
	map_fini(&k->row_of);
	free(k->row_memo);
}

void
owners_find(const struct heap *h, uint32_t *owner)
{
	for (objid i = 0; i < h->nobj; i++) {
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (ref_kind(h->label[r]) != RK_DICT || owner[h->to[r]] != 0)
				continue;
			owner[h->to[r]] = h->type[i] + 1;
		}
	}
}

static uint32_t
row_new(struct kinds *k, uint64_t key, uint32_t type, uint32_t owner)
{
	uint32_t row;

	if (map_get(&k->row_of, key, &row))
		return row;
	row = (uint32_t)k->rows.n;
	uint32_t name = k->by == SUMMARY_MODULE ? k->h->types[type].module : 0;
	struct summary_row fresh = {.type = type, .owner = owner, .name = name};
	fresh.largest_id = OBJID_NONE;
	vec_push(&k->rows, fresh);
	map_put(&k->row_of, key, row);
	return row;
}

/* The row of an object of this type; owner as find_owners leaves it. */
static uint32_t
row_of(struct kinds *k, uint32_t type, uint32_t owner)
{
	if (k->by == SUMMARY_TYPE && owner != 0)
		return row_new(k, (uint64_t)owner << 32 | type, type, owner - 1);
	if (k->row_memo[type] != 0)
		return k->row_memo[type] - 1;
	uint64_t key = k->by == SUMMARY_MODULE ? k->h->types[type].module : type;
	uint32_t row = row_new(k, key, type, HEAP_NONE);
	k->row_memo[type] = row + 1;
	return row;
}

/* Ascending by id of type, then of owner: what is equal in everything else. */
static int
compare_ids(const struct summary_row *a, const struct summary_row *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	return 0;
}

static int
compare_size(const void *pa, const void *pb)
{
	const struct summary_row *a = pa, *b = pb;
	uint64_t a_all = a->size + a->buffers, b_all = b->size + b->buffers;

	if (a_all != b_all)
		return a_all > b_all ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return compare_ids(a, b);
}

static int
compare_count(const void *pa, const void *pb)
{
	const struct summary_row *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return compare_size(pa, pb);
}

static int
compare_strings(const struct heap *h, uint32_t a, uint32_t b)
{
	size_t alen, blen;
	const char *at = heap_str(h, a, &alen), *bt = heap_str(h, b, &blen);
	int order = memcmp(at, bt, alen < blen ? alen : blen);

	if (order != 0)
		return order;
	return alen < blen ? -1 : alen > blen;
}

/* By qualified name, as types are printed: builtins go without their module. */
static int
compare_types(const struct heap *h, uint32_t a, uint32_t b)
{
	const struct heap_type *at = &h->types[a], *bt = &h->types[b];
	bool a_bare = strcmp(heap_str(h, at->module, NULL), "builtins") == 0;
	bool b_bare = strcmp(heap_str(h, bt->module, NULL), "builtins") == 0;
	int order = compare_strings(
		h, a_bare ? at->name : at->module, b_bare ? bt->name : bt->module);

	if (order != 0)
		return order;
	if (a_bare != b_bare)
		return a_bare ? -1 : 1;
	return compare_strings(h, at->name, bt->name);
}

static int
compare_name(const void *pa, const void *pb, void *arg)
{
	const struct summary_row *a = pa, *b = pb;
	const struct kinds *k = arg;
	int order;

	if (k->by == SUMMARY_MODULE)
		order = compare_strings(k->h, a->name, b->name);
	else
		order = compare_types(k->h, a->type, b->type);
	if (order == 0 && a->owner != HEAP_NONE && b->owner != HEAP_NONE)
		order = compare_types(k->h, a->owner, b->owner);
	if (order == 0 && (a->owner == HEAP_NONE) != (b->owner == HEAP_NONE))
		return a->owner == HEAP_NONE ? -1 : 1;
	return order != 0 ? order : compare_ids(a, b);
}

static void
sort_rows(struct kinds *k, enum summary_sort sort)
{
	if (k->rows.n == 0)
		return;
	switch (sort) {
	case SUMMARY_BY_SIZE:
		qsort(k->rows.at, k->rows.n, sizeof(*k->rows.at), compare_size);
		return;
	case SUMMARY_BY_COUNT:
		qsort(k->rows.at, k->rows.n, sizeof(*k->rows.at), compare_count);
		return;
	case SUMMARY_BY_NAME:
		qsort_r(k->rows.at, k->rows.n, sizeof(*k->rows.at), compare_name, k);
		return;
	}
}

/* Bytes that object i owns beside its size; *next is the first buffer that is not of an object before. */
static uint64_t
buffer_bytes(const struct heap *h, objid i, uint32_t *next)
{
	if (*next >= h->nbuffer || h->buffers[*next].object != i)
		return 0;
	const struct heap_buffer *b = &h->buffers[(*next)++];
	bool is_beside = (b->flags & (BUFFER_OWNED | BUFFER_IN_SIZE)) == BUFFER_OWNED;
	return is_beside ? b->bytes : 0;
}

enum status
summary_compute(const struct heap *h, enum summary_by by, enum summary_sort sort,
	struct summary *ret, struct errbuf *eb)
{
	CLEAN(kinds_fini) struct kinds k = {.h = h, .by = by};
	CLEAN_FREE uint32_t *owner = NULL;
	struct summary s = {0};

	enum status st = mem_checked(h->nobj, sizeof(*owner), SIZE_MAX, &owner, eb);
	if (st != MS_OK)
		return st;
	st = mem_checked(h->ntype, sizeof(*k.row_memo), SIZE_MAX, &k.row_memo, eb);
	if (st != MS_OK)
		return st;
	if (by == SUMMARY_TYPE)
		owners_find(h, owner);
	uint32_t next = 0;
	for (objid i = 0; i < h->nobj; i++) {
		uint32_t at = row_of(&k, h->type[i], owner[i]);
		struct summary_row *row = &k.rows.at[at];
		uint64_t size =
			h->size32[i] != UINT32_MAX ? h->size32[i] : heap_size(h, i);
		uint64_t buffers = buffer_bytes(h, i, &next);
		row->count++;
		row->size += size;
		row->buffers += buffers;
		if (row->largest_id == OBJID_NONE || size > row->largest) {
			row->largest = size;
			row->largest_id = i;
		}
		s.count++;
		s.size += size;
		s.buffers += buffers;
	}
	sort_rows(&k, sort);
	s.rows = STEAL(k.rows.at);
	s.n = k.rows.n;
	*ret = s;
	return MS_OK;
}

void
summary_fini(struct summary *s)
{
	free(s->rows);
	*s = (struct summary){0};
}
