/*
 * Count and size by kind: one pass over the objects, whatever a kind is, then the kinds
 * in order.
 */
#include "memscan/analysis.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

#include "priv.h"

/* Ties go to the kind that was met first. */
static int
compare_size(const void *pa, const void *pb)
{
	const struct summary_row *a = pa, *b = pb;
	uint64_t a_all = a->size + a->buffers, b_all = b->size + b->buffers;

	if (a_all != b_all)
		return a_all > b_all ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

static int
compare_count(const void *pa, const void *pb)
{
	const struct summary_row *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return compare_size(pa, pb);
}

static void
sort_rows(struct summary_row *rows, size_t n, enum summary_sort sort)
{
	if (n > 0)
		qsort(rows, n, sizeof(*rows),
			sort == SUMMARY_BY_SIZE ? compare_size : compare_count);
}

static void
add(struct summary_row *row, objid i, uint64_t size, uint64_t buffers)
{
	if (row->count++ == 0 || size > row->largest) {
		row->largest = size;
		row->largest_id = i;
	}
	row->size += size;
	row->buffers += buffers;
}

/* Bytes that object i owns beside its size; *next is the first buffer that is not of an
 * object before. */
static uint64_t
buffer_bytes(const struct heap *h, objid i, uint32_t *next)
{
	while (*next < h->nbuffer && h->buffers[*next].object < i)
		(*next)++;
	if (*next >= h->nbuffer || h->buffers[*next].object != i)
		return 0;
	return buffer_beside(&h->buffers[*next]);
}

static uint64_t
size_of(const struct heap *h, objid i)
{
	return h->size32[i] != UINT32_MAX ? h->size32[i] : heap_size(h, i);
}

/* Rows of kinds that have objects, in order. */
static void
finish_rows(struct summary *s, struct summary_row *rows, size_t n, enum summary_sort sort)
{
	size_t used = 0;

	for (size_t k = 0; k < n; k++)
		if (rows[k].count > 0)
			rows[used++] = rows[k];
	sort_rows(rows, used, sort);
	s->rows = rows;
	s->n = used;
}

/* A row of the second division, before it stands in its place. */
struct pair {
	uint32_t by; /* kind of the first division */
	struct summary_row row;
};

/* Put the pairs in the order of the rows that they belong to, each group sorted. */
static void
place_pairs(struct summary *s, const struct pair *pairs, size_t n, uint32_t n_kinds,
	enum summary_sort sort)
{
	CLEAN_FREE size_t *at = xcalloc((size_t)n_kinds + 1, sizeof(*at));

	for (size_t p = 0; p < n; p++)
		at[pairs[p].by]++;
	size_t sum = 0;
	for (size_t k = 0; k < s->n; k++) {
		struct summary_row *row = &s->rows[k];
		row->sub = sum;
		row->n_sub = at[row->kind];
		at[row->kind] = sum;
		sum += row->n_sub;
	}
	s->sub = xcalloc(n + 1, sizeof(*s->sub));
	s->n_sub = n;
	for (size_t p = 0; p < n; p++)
		s->sub[at[pairs[p].by]++] = pairs[p].row;
	for (size_t k = 0; k < s->n; k++)
		sort_rows(s->sub + s->rows[k].sub, s->rows[k].n_sub, sort);
}

static void
count_pairs(const struct heap *h, const struct kinds *by, const struct kinds *then,
	enum summary_sort sort, struct summary *s)
{
	VEC(struct pair) pairs = {0};
	struct map row_of = {0};
	uint32_t next = 0;

	for (objid i = 0; i < h->nobj; i++) {
		if (by->of[i] == HEAP_NONE)
			continue;
		uint64_t key = (uint64_t)by->of[i] << 32 | then->of[i];
		uint32_t row;
		if (!map_get(&row_of, key, &row)) {
			row = (uint32_t)pairs.n;
			map_put(&row_of, key, row);
			vec_push(&pairs, (struct pair){by->of[i], {.kind = then->of[i]}});
		}
		add(&pairs.at[row].row, i, size_of(h, i), buffer_bytes(h, i, &next));
	}
	place_pairs(s, pairs.at, pairs.n, by->n, sort);
	vec_fini(&pairs);
	map_fini(&row_of);
}

void
summary_compute(const struct heap *h, const struct kinds *by, const struct kinds *then,
	enum summary_sort sort, struct summary *ret)
{
	struct summary_row *rows = xcalloc((size_t)by->n + 1, sizeof(*rows));
	struct summary s = {0};
	uint32_t next = 0;

	for (uint32_t k = 0; k < by->n; k++)
		rows[k].kind = k;
	for (objid i = 0; i < h->nobj; i++) {
		if (by->of[i] == HEAP_NONE)
			continue;
		uint64_t size = size_of(h, i), buffers = buffer_bytes(h, i, &next);
		add(&rows[by->of[i]], i, size, buffers);
		s.count++;
		s.size += size;
		s.buffers += buffers;
	}
	finish_rows(&s, rows, by->n, sort);
	if (then != NULL)
		count_pairs(h, by, then, sort, &s);
	*ret = s;
}

void
summary_fini(struct summary *s)
{
	free(s->rows);
	free(s->sub);
	*s = (struct summary){0};
}
