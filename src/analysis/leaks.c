/*
 * Suspects. Each kind is a set of objects and what would be freed without it; sizes come
 * from dominators where one object is suspected, from retained_set where many are.
 */
#include "leaks.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/leaks.h"
#include "memscan/mem.h"

/* FAN: children from which on a dominator is a container. */
enum { FAN = 16, TYPES_MAX = 64 };

static void
finder_fini(struct finder *f)
{
	vec_fini(&f->found);
	bitset_fini(&f->unheld);
	bitset_fini(&f->garbage);
	free(f->has_del);
}

const char *
leak_kind_name(enum leak_kind k)
{
	static const char *const names[] = {
#define LEAK_NAME(id, name, one, many) name,
		LEAK_KINDS(LEAK_NAME)
#undef LEAK_NAME
	};
	return k < LEAK_COUNT ? names[k] : "";
}

const char *
leak_kind_text(enum leak_kind k, bool is_one)
{
	static const char *const texts[][2] = {
#define LEAK_TEXT(id, name, one, many) {many, one},
		LEAK_KINDS(LEAK_TEXT)
#undef LEAK_TEXT
	};
	return k < LEAK_COUNT ? texts[k][is_one] : "";
}

static bool
is_builtin_type(const struct heap *h, uint32_t type)
{
	const char *module = heap_str(h, h->types[type].module, NULL);

	return strcmp(module, "builtins") == 0 || strcmp(module, "__builtin__") == 0;
}

/* ---- one object that dominates much ---- */

/* The type whose objects right below a dominator keep most; its share of their number. */
static uint32_t
main_type(const struct finder *f, objid i, uint64_t *count)
{
	const struct domtree *t = f->in->tree;
	CLEAN_FREE uint64_t *bytes = xcalloc((size_t)f->h->ntype + 1, 8);
	CLEAN_FREE uint64_t *n = xcalloc((size_t)f->h->ntype + 1, 8);
	uint32_t best = f->h->type[i];

	for (uint32_t k = t->first[i]; k < t->first[(size_t)i + 1]; k++) {
		uint32_t type = f->h->type[t->child[k]];
		bytes[type] += f->in->retained[t->child[k]];
		n[type]++;
		if (n[best] == 0 || bytes[type] > bytes[best])
			best = type;
	}
	*count = n[best];
	return best;
}

/* Dominators that keep enough while nothing below them does: there it accumulates. */
static void
find_dominators(struct finder *f)
{
	const struct leaks_in *in = f->in;

	for (objid i = 0; i < f->h->nobj; i++) {
		uint32_t lo = in->tree->first[i], hi = in->tree->first[(size_t)i + 1];
		if (in->retained[i] < in->min || bitset_has(&f->garbage, i) ||
			!leaks_wants(f, i))
			continue;
		/* Children are in order of what they retain. */
		if (lo < hi && in->retained[in->tree->child[lo]] >= in->min)
			continue;
		struct leak l = {
			.kind = hi - lo >= FAN ? LEAK_CONTAINER : LEAK_OBJECT,
			.object = i,
			.type = f->h->type[i],
			.count = 1,
			.of_type = 1,
			.kept = {hi - lo, in->retained[i]},
		};
		if (l.kind == LEAK_CONTAINER)
			l.type = main_type(f, i, &l.count);
		l.of_type = l.count;
		vec_push(&f->found, l);
	}
}

/* ---- all objects of a type ---- */

struct candidate {
	uint32_t type;
	uint64_t bytes;
};

static int
compare_candidates(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->type < b->type ? -1 : a->type > b->type;
}

static objid
first_of_type(const struct finder *f, uint32_t type)
{
	for (objid i = 0; i < f->h->nobj; i++)
		if (f->h->type[i] == type && leaks_wants(f, i))
			return i;
	return OBJID_NONE;
}

/* Types of the program's own, by the sum of what their objects retain one by one. */
static enum status
find_types(struct finder *f, struct errbuf *eb)
{
	const struct heap *h = f->h;
	CLEAN_FREE struct candidate *c = xcalloc((size_t)h->ntype + 1, sizeof(*c));
	CLEAN_FREE struct retained_type *rows = xcalloc(TYPES_MAX, sizeof(*rows));
	size_t n = 0;

	for (uint32_t t = 0; t < h->ntype; t++)
		c[t].type = t;
	for (objid i = 0; i < h->nobj; i++)
		if (!is_builtin_type(h, h->type[i]) && leaks_wants(f, i))
			c[h->type[i]].bytes += f->in->retained[i];
	qsort(c, h->ntype, sizeof(*c), compare_candidates);
	for (; n < TYPES_MAX && n < h->ntype && c[n].bytes >= f->in->min; n++)
		rows[n].type = c[n].type;
	if (n == 0 || c[0].bytes == 0)
		return MS_OK;
	enum status st = retained_types(f->in->g, f->in->of, rows, n, eb);
	for (size_t k = 0; k < n && st == MS_OK; k++) {
		if (rows[k].retained.bytes < f->in->min || rows[k].count < 2)
			continue;
		vec_push(&f->found,
			(struct leak){
				.kind = LEAK_TYPE,
				.object = first_of_type(f, rows[k].type),
				.type = rows[k].type,
				.count = rows[k].count,
				.of_type = rows[k].count,
				.kept = rows[k].retained,
			});
	}
	return st;
}

/* ---- sets ---- */

enum status
leaks_put_set(struct finder *f, enum leak_kind kind, const struct bitset *set,
	uint64_t count, struct errbuf *eb)
{
	CLEAN_FREE uint64_t *n = xcalloc((size_t)f->h->ntype + 1, sizeof(*n));
	struct leak l = {.kind = kind, .count = count};

	BITSET_EACH(i, set)
	n[f->h->type[i]]++;
	for (uint32_t t = 0; t < f->h->ntype; t++)
		if (n[t] > n[l.type])
			l.type = t;
	l.of_type = f->h->ntype > 0 ? n[l.type] : 0;
	if (l.of_type == 0)
		return MS_OK;
	size_t first = bitset_next(set, 0);
	while (f->h->type[first] != l.type)
		first = bitset_next(set, first + 1);
	l.object = (objid)first;
	enum status st = retained_set(f->in->g, set, &l.kept, NULL, eb);
	if (st != MS_OK)
		return st;
	l.is_small = kind != LEAK_GARBAGE && l.kept.bytes < LEAK_SMALL_BYTES &&
		l.kept.count < LEAK_SMALL_OBJECTS;
	vec_push(&f->found, l);
	return MS_OK;
}

/* ---- all ---- */

static int
compare_leaks(const void *pa, const void *pb)
{
	const struct leak *a = pa, *b = pb;

	if (a->is_small != b->is_small)
		return a->is_small ? 1 : -1;
	if (a->kept.bytes != b->kept.bytes)
		return a->kept.bytes > b->kept.bytes ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->object < b->object ? -1 : a->object > b->object;
}

enum status
leaks_compute(const struct leaks_in *in, struct leaks *ret, struct errbuf *eb)
{
	const struct heap *h = in->g->h;
	CLEAN(finder_fini) struct finder f = {.in = in, .h = h};
	struct leaks out = {0};

	f.has_del = xcalloc((size_t)h->ntype + 1, 1);
	enum status st = bitset_init(&f.unheld, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&f.garbage, h->nobj, eb);
	if (st == MS_OK)
		st = leaks_find_unheld(&f, eb);
	if (st == MS_OK)
		st = leaks_find_cycles(&f, eb);
	if (st == MS_OK)
		st = leaks_find_garbage_list(&f, eb);
	if (st == MS_OK)
		st = leaks_find_frames(&f, eb);
	if (st == MS_OK)
		st = leaks_find_native(&f, eb);
	if (st == MS_OK)
		st = find_types(&f, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "suspects");
	find_dominators(&f);
	out.total = objects_amount(h, NULL).bytes;
	if (f.found.n > 0)
		qsort(f.found.at, f.found.n, sizeof(*f.found.at), compare_leaks);
	out.n = f.found.n;
	out.at = STEAL(f.found.at);
	*ret = out;
	return MS_OK;
}

void
leaks_fini(struct leaks *l)
{
	free(l->at);
	*l = (struct leaks){0};
}
