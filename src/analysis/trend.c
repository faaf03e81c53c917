/*
 * What only ever grows, over three heaps of a process or more: kinds, and single
 * containers, which are followed from heap to heap by their addresses.
 */
#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/retained.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

#include "values.h"

enum { HEAPS_MIN = 3 };

/* ---- kinds ---- */

struct series {
	struct strtab *names;
	struct trend_point *points; /* n of each name */
	uint32_t *last;             /* by name: kind of the last division, or HEAP_NONE */
	size_t n_names;
};

/* The number of each kind of each heap, one heap after the other. */
static uint32_t **
number_all(const struct heap *const *h, const struct kinds *k, size_t n, struct series *s)
{
	uint32_t **number = xcalloc(n, sizeof(*number));

	s->names = strtab_new();
	for (size_t i = 0; i < n; i++) {
		number[i] = xcalloc((size_t)k[i].n + 1, sizeof(**number));
		kinds_number(s->names, h[i], &k[i], number[i]);
	}
	s->n_names = strtab_count(s->names);
	s->points = xcalloc(s->n_names * n, sizeof(*s->points));
	s->last = xcalloc(s->n_names, sizeof(*s->last));
	memset(s->last, 0xff, s->n_names * sizeof(*s->last));
	return number;
}

static void
count_all(const struct heap *const *h, const struct kinds *k, size_t n, struct series *s)
{
	uint32_t **number = number_all(h, k, n, s);

	for (size_t i = 0; i < n; i++) {
		for (objid o = 0; o < h[i]->nobj; o++) {
			if (k[i].of[o] == HEAP_NONE)
				continue;
			struct trend_point *p = &s->points[number[i][k[i].of[o]] * n + i];
			p->count++;
			p->bytes += object_bytes(h[i], o);
		}
		for (uint32_t kind = k[i].n; i == n - 1 && kind-- > 0;)
			s->last[number[i][kind]] = kind;
		free(number[i]);
	}
	free(number);
}

static bool
only_grows(const struct trend_point *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (p[i].count < p[i - 1].count || p[i].bytes < p[i - 1].bytes)
			return false;
	return p[n - 1].bytes > p[0].bytes;
}

struct kind_order {
	const struct trend_point *points;
	size_t n;
};

static int
compare_kinds(const void *pa, const void *pb, void *arg)
{
	const struct trend_kind *a = pa, *b = pb;
	const struct kind_order *o = arg;
	const struct trend_point *x = &o->points[a->point], *y = &o->points[b->point];
	uint64_t by_x = x[o->n - 1].bytes - x[0].bytes;
	uint64_t by_y = y[o->n - 1].bytes - y[0].bytes;

	if (by_x != by_y)
		return by_x > by_y ? -1 : 1;
	return a->last < b->last ? -1 : a->last > b->last;
}

void
trend_kinds(
	const struct heap *const *h, const struct kinds *k, size_t n, struct trend *ret)
{
	VEC(struct trend_kind) rows = {0};
	struct series s = {0};

	count_all(h, k, n, &s);
	for (size_t i = 1; i < s.n_names; i++)
		if (s.last[i] != HEAP_NONE && only_grows(&s.points[i * n], n))
			vec_push(&rows, (struct trend_kind){s.last[i], i * n});
	struct kind_order order = {s.points, n};
	if (rows.n > 0)
		qsort_r(rows.at, rows.n, sizeof(*rows.at), compare_kinds, &order);
	ret->kinds = rows.at;
	ret->n_kinds = rows.n;
	ret->points = s.points;
	free(s.last);
	strtab_free(s.names);
}

/* ---- containers ---- */

/* Those that are followed, in order of their addresses; `shrank` ones are to stay out. */
struct followed {
	struct trend_object o;
	bool shrank;
};

typedef VEC(struct followed) followed_vec;

/* The objects that have a length which can change. */
static enum status
find_containers(const struct heap *h, struct bitset *ret, struct errbuf *eb)
{
	struct values_cursor values = {0};

	enum status st = bitset_init(ret, h->nobj, eb);
	for (objid i = 0; i < h->nobj && st == MS_OK; i++) {
		struct heap_value v = values_next(&values, h, i);
		if (v.kind == VK_NONE && v.len != VALUE_NO_LEN)
			bitset_add(ret, i);
	}
	return st;
}

/* The same object one heap later. */
static struct followed
follow(const struct followed *was, objid i, uint64_t len, uint64_t bytes)
{
	struct followed f = *was;

	f.shrank |= len < f.o.len[1];
	f.o.id = i;
	f.o.len[1] = len;
	f.o.bytes[1] = bytes;
	return f;
}

/* Of those in heap a, `had`, and what is new in heap b, those to be followed from b on.
 */
static enum status
step(const struct heap *a, const struct heap *b, const followed_vec *had, uint32_t number,
	bool takes_new, followed_vec *ret, struct errbuf *eb)
{
	CLEAN(match_fini) struct match m = {0};
	CLEAN(bitset_fini) struct bitset containers = {0};
	size_t k = 0;

	enum status st = find_containers(b, &containers, eb);
	if (st == MS_OK && a != NULL)
		st = match_compute(b, a, &m, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t x = 0; x < b->nobj; x++) {
		objid i = b->by_addr[x];
		if (!bitset_has(&containers, i))
			continue;
		uint64_t len = heap_value(b, i).len;
		uint64_t bytes = object_bytes(b, i);
		while (k < had->n && a->addr[had->at[k].o.id] < b->addr[i])
			k++;
		bool is_had = a != NULL && k < had->n && m.then[i] == had->at[k].o.id;
		if (is_had)
			vec_push(ret, follow(&had->at[k], i, len, bytes));
		else if (takes_new)
			vec_push(ret,
				(struct followed){
					.o = {i, number, {len, len}, {bytes, bytes}}});
	}
	return MS_OK;
}

static int
compare_objects(const void *pa, const void *pb)
{
	const struct trend_object *a = pa, *b = pb;
	uint64_t by_a = a->len[1] - a->len[0], by_b = b->len[1] - b->len[0];

	if (by_a != by_b)
		return by_a > by_b ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

enum status
trend_objects(const struct heap *const *h, size_t n, const struct bitset *of,
	struct trend *ret, struct errbuf *eb)
{
	followed_vec had = {0};
	VEC(struct trend_object) rows = {0};
	enum status st = MS_OK;

	for (size_t i = 0; i < n && st == MS_OK; i++) {
		followed_vec next = {0};
		st = step(i > 0 ? h[i - 1] : NULL, h[i], &had, (uint32_t)i,
			i + HEAPS_MIN <= n, &next, eb);
		vec_fini(&had);
		had.at = next.at;
		had.n = next.n;
		had.cap = next.cap;
	}
	for (size_t k = 0; k < had.n && st == MS_OK; k++)
		if (!had.at[k].shrank && had.at[k].o.len[1] > had.at[k].o.len[0] &&
			(of == NULL || bitset_has(of, had.at[k].o.id)))
			vec_push(&rows, had.at[k].o);
	vec_fini(&had);
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_objects);
	ret->objects = rows.at;
	ret->n_objects = rows.n;
	return st;
}

void
trend_fini(struct trend *t)
{
	free(t->kinds);
	free(t->objects);
	free(t->points);
	*t = (struct trend){0};
}
