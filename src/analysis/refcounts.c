/*
 * The audit of reference counts: stored against found. Which references CPython does not
 * count is said by the tables below.
 */
#include "memscan/leaks.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

/* A count like this is a mark that the object is not counted (free-threaded builds). */
#define COUNT_DEFERRED ((uint64_t)1 << 40)

/* Roots that are borrowed pointers. */
static const struct {
	enum root_kind kind;
	const char *name;
} borrowed_roots[] = {
	{ROOT_INTERP, "callable_cache.isinstance"},
	{ROOT_INTERP, "callable_cache.len"},
	{ROOT_INTERP, "callable_cache.list_append"},
	{ROOT_INTERP, "interned_strings"}, /* again a root of its own */
	{ROOT_FRAME, "f_globals"},
	{ROOT_FRAME, "f_builtins"},
};

/*
 * References that are borrowed pointers: hidden ones of this kind (RK_COUNT: any) and
 * name, in objects of the type.
 */
static const struct {
	const char *type;
	enum ref_kind kind;
	const char *name; /* NULL: any */
} borrowed_refs[] = {
	/* Of a frame that lies elsewhere, which holds them; or globals and builtins. */
	{"frame", RK_COUNT, NULL},
	{"generator", RK_ATTR, "f_globals"},
	{"generator", RK_ATTR, "f_builtins"},
	{"coroutine", RK_ATTR, "f_globals"},
	{"coroutine", RK_ATTR, "f_builtins"},
	{"async_generator", RK_ATTR, "f_globals"},
	{"async_generator", RK_ATTR, "f_builtins"},
	/* Their lru_cache reports it in their place. */
	{"_lru_list_elem", RK_TYPE, NULL},
	{"functools._lru_list_elem", RK_TYPE, NULL},
};

/* Types whose objects are all held once by a C structure of their owner. */
static const char *const held_once[] = {"_lru_list_elem", "functools._lru_list_elem"};

struct audit {
	const struct graph *g;
	const struct heap *h;
	const struct bitset *of; /* the objects that are audited, or NULL */
	struct refcounts c;
	uint8_t *type_is_special; /* ntype */
	uint32_t name[ARRAY_LEN(borrowed_refs)], root_name[ARRAY_LEN(borrowed_roots)];
	struct bitset is_linked; /* frames that are frame objects: those are what holds */
};

static void
audit_fini(struct audit *a)
{
	refcounts_fini(&a->c);
	free(a->type_is_special);
	bitset_fini(&a->is_linked);
}

static uint32_t
find_string(const struct heap *h, const char *text)
{
	size_t len, want = strlen(text);

	for (uint32_t i = 0; i < h->nstr; i++) {
		const char *s = heap_str(h, i, &len);
		if (len == want && memcmp(s, text, len) == 0)
			return i;
	}
	return HEAP_NONE;
}

static void
resolve(struct audit *a)
{
	const struct heap *h = a->h;

	for (size_t k = 0; k < ARRAY_LEN(borrowed_refs); k++)
		a->name[k] = borrowed_refs[k].name != NULL
			? find_string(h, borrowed_refs[k].name)
			: HEAP_NONE;
	for (size_t k = 0; k < ARRAY_LEN(borrowed_roots); k++)
		a->root_name[k] = find_string(h, borrowed_roots[k].name);
	for (uint32_t t = 0; t < h->ntype; t++)
		for (size_t k = 0; k < ARRAY_LEN(borrowed_refs); k++)
			if (strcmp(heap_str(h, h->types[t].name, NULL),
				    borrowed_refs[k].type) == 0)
				a->type_is_special[t] = 1;
}

/* Of objects of the types in borrowed_refs alone. */
static bool
is_borrowed(const struct audit *a, uint32_t type, uint32_t label)
{
	const char *name = heap_str(a->h, a->h->types[type].name, NULL);

	for (size_t k = 0; k < ARRAY_LEN(borrowed_refs); k++)
		if ((label & REF_HIDDEN) != 0 &&
			(borrowed_refs[k].kind == RK_COUNT ||
				ref_kind(label) == borrowed_refs[k].kind) &&
			(borrowed_refs[k].name == NULL ||
				ref_payload(label) == a->name[k]) &&
			strcmp(name, borrowed_refs[k].type) == 0)
			return true;
	return false;
}

static bool
is_asked(const struct audit *a, objid i)
{
	return a->of == NULL || bitset_has(a->of, i);
}

/*
 * The values that an instance reports are shown in its dict, too, which shares them: they
 * come behind a shared key there, and are not reported.
 */
static bool
is_shared(const struct heap *h, uint64_t r, uint64_t first)
{
	uint32_t label = h->label[r];

	if (ref_kind(label) == RK_VALUE)
		return (label & REF_HIDDEN) != 0 && r > first &&
			ref_kind(h->label[r - 1]) == RK_KEY &&
			ref_payload(h->label[r - 1]) == KEY_SHARED;
	return ref_kind(label) == RK_KEY && ref_payload(label) == KEY_SHARED;
}

static void
count_refs(struct audit *a)
{
	const struct heap *h = a->h;

	for (objid i = 0; i < h->nobj; i++) {
		bool is_special = a->type_is_special[h->type[i]] != 0;
		uint64_t first, end = graph_refs(a->g, i, &first);
		for (uint64_t r = first; r < end; r++) {
			uint32_t label = h->label[r];
			if (!graph_holds(a->g, label) || is_shared(h, r, first) ||
				(is_special && is_borrowed(a, h->type[i], label)))
				continue;
			a->c.left[h->to[r]]--;
			a->c.found += is_asked(a, h->to[r]);
		}
	}
}

/* Whether a root is a reference that its object's count has. */
static bool
root_counts(const struct audit *a, const struct heap_root *r)
{
	static const char frame[] = "frame";
	bool is_frame = r->frame != HEAP_NONE && r->frame < a->h->nframe;

	switch (r->kind) {
	case ROOT_MODULE: /* sys.modules is a dict, and has them */
	case ROOT_TRACKED:
	case ROOT_STATIC:
	case ROOT_SMALL:
	case ROOT_NATIVE:
	case ROOT_WORD:
		return false;
	default:
		break;
	}
	for (size_t k = 0; k < ARRAY_LEN(borrowed_roots); k++)
		if (r->kind == borrowed_roots[k].kind && r->name == a->root_name[k])
			return false;
	if (is_frame && bitset_has(&a->is_linked, r->frame))
		return r->kind == ROOT_FRAME &&
			strcmp(heap_str(a->h, r->name, NULL), frame) == 0;
	return true;
}

static void
count_roots(struct audit *a)
{
	const struct heap *h = a->h;

	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].kind == ROOT_FRAME && h->roots[k].frame < h->nframe &&
			strcmp(heap_str(h, h->roots[k].name, NULL), "frame") == 0)
			bitset_add(&a->is_linked, h->roots[k].frame);
	for (uint32_t k = 0; k < h->nroot; k++) {
		objid to = h->roots[k].to;
		if (h->roots[k].kind == ROOT_NATIVE || h->roots[k].kind == ROOT_WORD)
			a->c.native[to]++;
		if (!root_counts(a, &h->roots[k]))
			continue;
		a->c.left[to]--;
		a->c.found += is_asked(a, to);
	}
}

static bool
is_held_once(const struct heap *h, objid i)
{
	const char *name = heap_str(h, h->types[h->type[i]].name, NULL);

	for (size_t k = 0; k < ARRAY_LEN(held_once); k++)
		if (strcmp(name, held_once[k]) == 0)
			return true;
	return false;
}

static bool
is_audited(const struct heap *h, objid i)
{
	return (h->flags[i] & (OF_STATIC | OF_IMMORTAL)) == 0 &&
		heap_refcount(h, i) < COUNT_DEFERRED;
}

/*
 * Since 3.14 a variable may borrow what the caller holds for as long as the call lasts:
 * no reference is missing on account of one.
 */
static void
forgive_locals(struct audit *a)
{
	const struct heap *h = a->h;

	for (uint32_t k = 0; k < h->nroot; k++) {
		const struct heap_root *r = &h->roots[k];
		if ((r->kind != ROOT_LOCAL && r->kind != ROOT_STACK) ||
			!root_counts(a, r) || a->c.left[r->to] >= 0 ||
			!is_audited(h, r->to))
			continue;
		a->c.left[r->to]++;
		a->c.found -= is_asked(a, r->to);
	}
}

/* left, of which the references that were found have been taken, becomes what it says. */
static void
settle(struct audit *a, objid i)
{
	struct refcounts *c = &a->c;
	uint64_t one = is_asked(a, i);

	if ((a->h->flags[i] & (OF_STATIC | OF_IMMORTAL)) != 0) {
		c->never_freed += one;
		c->left[i] = c->native[i] = 0;
		return;
	}
	if (!is_audited(a->h, i)) {
		c->uncounted += one;
		c->left[i] = c->native[i] = 0;
		return;
	}
	c->audited += one;
	if (c->left[i] > 0 && a->type_is_special[a->h->type[i]] && is_held_once(a->h, i))
		c->left[i]--;
	uint64_t left = c->left[i] > 0 ? (uint64_t)c->left[i] : 0;
	uint64_t native = left < a->c.native[i] ? left : a->c.native[i];
	c->by_native += native * one;
	c->left[i] -= (int64_t)native;
	c->native[i] = (uint32_t)native;
	c->exact += c->left[i] == 0 ? one : 0;
}

/* ---- by type ---- */

static int
compare_rows(const void *pa, const void *pb)
{
	const struct refcounts_row *a = pa, *b = pb;

	if (a->refs != b->refs)
		return a->refs > b->refs ? -1 : 1;
	return a->type < b->type ? -1 : a->type > b->type;
}

static uint64_t
size_of_left(const struct refcounts *c, objid i)
{
	return c->left[i] < 0 ? (uint64_t)0 - (uint64_t)c->left[i] : (uint64_t)c->left[i];
}

/* The example among the row's, which are in order. */
static void
put_example(const struct refcounts *c, struct refcounts_row *row, objid i)
{
	for (size_t k = 0; k < ARRAY_LEN(row->example); k++) {
		objid had = row->example[k];
		if (had != OBJID_NONE && size_of_left(c, had) >= size_of_left(c, i))
			continue;
		row->example[k] = i;
		if (had == OBJID_NONE)
			return;
		i = had;
	}
}

/* Rows of the types with something left over, or (sign -1) missing. */
static struct refcounts_row *
make_rows(const struct audit *a, int sign, size_t *n)
{
	const struct heap *h = a->h;
	const struct refcounts *c = &a->c;
	struct refcounts_row *rows = xcalloc((size_t)h->ntype + 1, sizeof(*rows));

	for (uint32_t t = 0; t < h->ntype; t++) {
		rows[t].type = t;
		for (size_t k = 0; k < ARRAY_LEN(rows[t].example); k++)
			rows[t].example[k] = OBJID_NONE;
	}
	for (objid i = 0; i < h->nobj; i++) {
		struct refcounts_row *row = &rows[h->type[i]];
		if (!is_asked(a, i))
			continue;
		row->count += is_audited(h, i);
		if (sign > 0 ? c->left[i] <= 0 : c->left[i] >= 0)
			continue;
		row->objects++;
		row->refs += size_of_left(c, i);
		put_example(c, row, i);
	}
	qsort(rows, h->ntype, sizeof(*rows), compare_rows);
	*n = 0;
	while (*n < h->ntype && rows[*n].refs > 0)
		++*n;
	return rows;
}

static void
sum(const struct refcounts_row *rows, size_t n, uint64_t *objects, uint64_t *refs)
{
	for (size_t k = 0; k < n; k++) {
		*objects += rows[k].objects;
		*refs += rows[k].refs;
	}
}

enum status
refcounts_compute(const struct graph *g, const struct bitset *of, struct refcounts *ret,
	struct errbuf *eb)
{
	const struct heap *h = g->h;
	CLEAN(audit_fini) struct audit a = {.g = g, .h = h, .of = of};

	enum status st = mem_array((size_t)h->nobj + 1, 8, &a.c.left, eb);
	if (st == MS_OK)
		st = mem_array((size_t)h->nobj + 1, 4, &a.c.native, eb);
	if (st == MS_OK)
		st = bitset_init(&a.is_linked, h->nframe, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "reference counts");
	a.type_is_special = xcalloc((size_t)h->ntype + 1, 1);
	resolve(&a);
	count_refs(&a);
	count_roots(&a);
	for (objid i = 0; i < h->nobj; i++)
		if (is_audited(h, i))
			a.c.left[i] += (int64_t)heap_refcount(h, i);
	forgive_locals(&a);
	for (objid i = 0; i < h->nobj; i++)
		settle(&a, i);
	a.c.over = make_rows(&a, 1, &a.c.n_over);
	a.c.under = make_rows(&a, -1, &a.c.n_under);
	sum(a.c.over, a.c.n_over, &a.c.over_objects, &a.c.over_refs);
	sum(a.c.under, a.c.n_under, &a.c.under_objects, &a.c.under_refs);
	*ret = a.c;
	a.c = (struct refcounts){0};
	return MS_OK;
}

void
refcounts_fini(struct refcounts *c)
{
	free(c->left);
	free(c->native);
	free(c->over);
	free(c->under);
	*c = (struct refcounts){0};
}
