/*
 * Suspects. Each kind is a set of objects and what would be freed without it; sizes come
 * from dominators where one object is suspected, from retained_set where many are.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

/* FAN: children from which on a dominator is a container. */
enum { FAN = 16, TYPES_MAX = 64, CYCLE_GROUPS = 64 };

struct finder {
	const struct leaks_in *in;
	const struct heap *h;
	VEC(struct leak) found;
	struct bitset unheld;  /* reached from nothing that is known to hold */
	struct bitset garbage; /* of those: held by each other alone */
	uint8_t *has_del;      /* by type: 0 not known, 1 no, 2 yes */
};

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
#define LEAK_NAME(id, name, text) name,
		LEAK_KINDS(LEAK_NAME)
#undef LEAK_NAME
	};
	return k < LEAK_COUNT ? names[k] : "";
}

const char *
leak_kind_text(enum leak_kind k)
{
	static const char *const texts[] = {
#define LEAK_TEXT(id, name, text) text,
		LEAK_KINDS(LEAK_TEXT)
#undef LEAK_TEXT
	};
	return k < LEAK_COUNT ? texts[k] : "";
}

static bool
is_builtin_type(const struct heap *h, uint32_t type)
{
	const char *module = heap_str(h, h->types[type].module, NULL);

	return strcmp(module, "builtins") == 0 || strcmp(module, "__builtin__") == 0;
}

static bool
is_type_named(const struct heap *h, uint32_t type, const char *name)
{
	return is_builtin_type(h, type) &&
		strcmp(heap_str(h, h->types[type].name, NULL), name) == 0;
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
		if (in->retained[i] < in->min || bitset_has(&f->garbage, i))
			continue;
		/* Children are in order of what they retain. */
		if (lo < hi && in->retained[in->tree->child[lo]] >= in->min)
			continue;
		struct leak l = {
			.kind = hi - lo >= FAN ? LEAK_CONTAINER : LEAK_OBJECT,
			.object = i,
			.type = f->h->type[i],
			.count = 1,
			.kept = {hi - lo, in->retained[i]},
		};
		if (l.kind == LEAK_CONTAINER)
			l.type = main_type(f, i, &l.count);
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
first_of_type(const struct heap *h, uint32_t type)
{
	for (objid i = 0; i < h->nobj; i++)
		if (h->type[i] == type)
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
		if (!is_builtin_type(h, h->type[i]))
			c[h->type[i]].bytes += f->in->retained[i];
	qsort(c, h->ntype, sizeof(*c), compare_candidates);
	for (; n < TYPES_MAX && n < h->ntype && c[n].bytes >= f->in->min; n++)
		rows[n].type = c[n].type;
	if (n == 0 || c[0].bytes == 0)
		return MS_OK;
	enum status st = retained_types(f->in->g, NULL, rows, n, eb);
	for (size_t k = 0; k < n && st == MS_OK; k++) {
		if (rows[k].retained.bytes < f->in->min || rows[k].count < 2)
			continue;
		vec_push(&f->found,
			(struct leak){
				.kind = LEAK_TYPE,
				.object = first_of_type(h, rows[k].type),
				.type = rows[k].type,
				.count = rows[k].count,
				.kept = rows[k].retained,
			});
	}
	return st;
}

/* ---- what nothing known holds ---- */

static enum status
find_unheld(struct finder *f, struct errbuf *eb)
{
	const struct graph *g = f->in->g;
	const struct refcounts *c = f->in->counts;
	CLEAN(bitset_fini) struct bitset held = {0};
	CLEAN(bitset_fini) struct bitset native = {0};
	uint32_t n = 0;

	enum status st = bitset_init(&held, f->h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&native, f->h->nobj, eb);
	if (st != MS_OK)
		return st;
	/* Words in libraries' data may be stale: the counts say what is held by them. */
	for (; n < g->n_held; n++)
		if (g->root[n] == HEAP_NONE ||
			f->h->roots[g->root[n]].kind != ROOT_NATIVE)
			graph_reach(g, &g->entry[n], 1, &held);
	bitset_fill(&f->unheld);
	bitset_minus(&f->unheld, &held);
	bitset_or(&native, &held);
	BITSET_EACH(i, &f->unheld)
	{
		objid id = (objid)i;
		if (c->left[i] > 0 || c->native[i] > 0)
			graph_reach(g, &id, 1, &native);
	}
	bitset_fill(&f->garbage);
	bitset_minus(&f->garbage, &native);
	return MS_OK;
}

/* A set as one suspect, if it has members. */
static enum status
put_set(struct finder *f, enum leak_kind kind, const struct bitset *set, uint64_t count,
	struct errbuf *eb)
{
	size_t first = bitset_next(set, 0);
	struct leak l = {.kind = kind, .object = (objid)first, .count = count};

	if (first >= set->n)
		return MS_OK;
	l.type = f->h->type[first];
	enum status st = retained_set(f->in->g, set, &l.kept, NULL, eb);
	if (st == MS_OK)
		vec_push(&f->found, l);
	return st;
}

/* Those that are held by native code alone, or leaked: entries of their own. */
static enum status
find_native(struct finder *f, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	uint64_t count = 0;

	enum status st = bitset_init(&set, f->h->nobj, eb);
	if (st != MS_OK)
		return st;
	BITSET_EACH(i, &f->unheld)
	{
		if (f->in->counts->left[i] <= 0)
			continue;
		bitset_add(&set, i);
		count++;
	}
	return put_set(f, LEAK_NATIVE, &set, count, eb);
}

/* ---- cycles ---- */

static bool
is_del(const struct heap *h, objid key)
{
	static const char name[] = "__del__";
	struct heap_value v = heap_value(h, key);

	return v.kind == VK_STR && v.text_len == sizeof(name) - 1 &&
		memcmp(v.text, name, sizeof(name) - 1) == 0;
}

static bool
dict_has_del(const struct heap *h, objid dict)
{
	for (uint64_t r = h->first[dict]; r < h->first[(size_t)dict + 1]; r++)
		if (ref_kind(h->label[r]) == RK_KEY && is_del(h, h->to[r]))
			return true;
	return false;
}

/* Whether a class, an object of the heap, defines __del__ itself. */
static bool
class_has_del(const struct heap *h, objid cls)
{
	for (uint64_t r = h->first[cls]; r < h->first[(size_t)cls + 1]; r++)
		if (ref_kind(h->label[r]) == RK_DICT && dict_has_del(h, h->to[r]))
			return true;
	return false;
}

/* Whether one of the classes in the __mro__ of a type does. */
static bool
type_has_del(struct finder *f, uint32_t type)
{
	const struct heap *h = f->h;
	objid cls = heap_find(h, h->types[type].addr);

	if (f->has_del[type] != 0)
		return f->has_del[type] == 2;
	f->has_del[type] = 1;
	if (cls == OBJID_NONE)
		return false;
	bool has = class_has_del(h, cls);
	for (uint64_t r = h->first[cls]; r < h->first[(size_t)cls + 1] && !has; r++) {
		if (ref_kind(h->label[r]) != RK_ATTR ||
			strcmp(heap_str(h, ref_payload(h->label[r]), NULL), "__mro__") !=
				0)
			continue;
		objid mro = h->to[r];
		for (uint64_t b = h->first[mro]; b < h->first[(size_t)mro + 1]; b++)
			has |= class_has_del(h, h->to[b]);
	}
	f->has_del[type] = has ? 2 : 1;
	return has;
}

/* A cycle of garbage: what stands for it, and whether it has a __del__. */
struct cycle {
	objid first;
	bool has_del;
};

/* Each component's first object of the program's own, one with __del__ before others. */
static void
describe_cycles(struct finder *f, const struct cycles *c, struct cycle *at)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k <= c->n; k++)
		at[k].first = OBJID_NONE;
	BITSET_EACH(i, &f->garbage)
	{
		struct cycle *k = &at[c->component[i]];
		bool has_del = type_has_del(f, h->type[i]);
		bool is_better = k->first == OBJID_NONE || (has_del && !k->has_del) ||
			(has_del == k->has_del && is_builtin_type(h, h->type[k->first]) &&
				!is_builtin_type(h, h->type[i]));
		if (is_better)
			k->first = (objid)i;
		k->has_del |= has_del;
	}
}

struct cycle_group {
	uint32_t type;
	bool has_del;
};

/* Cycles put together by the type of what stands for them. */
static enum status
put_cycle_group(struct finder *f, const struct cycles *c, const struct cycle *at,
	const struct cycle_group *group, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	uint64_t n = 0;
	objid example = OBJID_NONE;

	enum status st = bitset_init(&set, f->h->nobj, eb);
	if (st != MS_OK)
		return st;
	BITSET_EACH(i, &f->garbage)
	{
		const struct cycle *k = &at[c->component[i]];
		if (c->component[i] == 0 || f->h->type[k->first] != group->type ||
			k->has_del != group->has_del)
			continue;
		bitset_add(&set, i);
		n += k->first == i;
		if (k->first == i && example == OBJID_NONE)
			example = (objid)i;
	}
	size_t before = f->found.n;
	st = put_set(f, group->has_del ? LEAK_CYCLE_DEL : LEAK_CYCLE, &set, n, eb);
	if (st == MS_OK && f->found.n > before) {
		f->found.at[before].object = example;
		f->found.at[before].type = group->type;
	}
	return st;
}

static enum status
find_cycles(struct finder *f, struct errbuf *eb)
{
	CLEAN(cycles_fini) struct cycles c = {0};
	CLEAN(bitset_fini) struct bitset outside = {0};
	CLEAN_FREE struct cycle *at = NULL;
	struct cycle_group groups[CYCLE_GROUPS];
	size_t n = 0;

	enum status st = bitset_init(&outside, f->h->nobj, eb);
	if (st != MS_OK)
		return st;
	bitset_fill(&outside);
	bitset_minus(&outside, &f->garbage);
	st = cycles_compute(f->in->g, &outside, &c, eb);
	if (st == MS_OK)
		st = mem_array((size_t)c.n + 1, sizeof(*at), &at, eb);
	if (st != MS_OK)
		return st;
	describe_cycles(f, &c, at);
	for (uint32_t k = 1; k <= c.n && n < CYCLE_GROUPS; k++) {
		struct cycle_group g = {f->h->type[at[k].first], at[k].has_del};
		bool is_new = true;
		for (size_t j = 0; j < n; j++)
			is_new &= groups[j].type != g.type ||
				groups[j].has_del != g.has_del;
		if (is_new)
			groups[n++] = g;
	}
	for (size_t k = 0; k < n && st == MS_OK; k++)
		st = put_cycle_group(f, &c, at, &groups[k], eb);
	return st;
}

/* ---- gc.garbage ---- */

/* The value of a str key in a dict, or OBJID_NONE. */
static objid
dict_value(const struct heap *h, objid dict, const char *key)
{
	for (uint64_t r = h->first[dict]; r < h->first[(size_t)dict + 1]; r++) {
		objid k = ref_kind(h->label[r]) == RK_VALUE ? heap_ref_key(h, dict, r)
							    : OBJID_NONE;
		if (k == OBJID_NONE)
			continue;
		struct heap_value v = heap_value(h, k);
		if (v.text_len == strlen(key) && memcmp(v.text, key, v.text_len) == 0)
			return h->to[r];
	}
	return OBJID_NONE;
}

static enum status
find_garbage_list(struct finder *f, struct errbuf *eb)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k < h->nroot; k++) {
		objid list = OBJID_NONE, module = h->roots[k].to;
		const char *name = heap_str(h, h->roots[k].name, NULL);
		if (h->roots[k].kind == ROOT_INTERP && strcmp(name, "gc.garbage") == 0)
			list = module;
		if (h->roots[k].kind == ROOT_MODULE && strcmp(name, "gc") == 0)
			for (uint64_t r = h->first[module];
				r < h->first[(size_t)module + 1]; r++)
				if (ref_kind(h->label[r]) == RK_DICT)
					list = dict_value(h, h->to[r], "garbage");
		if (list == OBJID_NONE || h->first[list] == h->first[(size_t)list + 1])
			continue;
		CLEAN(bitset_fini) struct bitset set = {0};
		enum status st = bitset_init(&set, h->nobj, eb);
		if (st != MS_OK)
			return st;
		for (uint64_t r = h->first[list]; r < h->first[(size_t)list + 1]; r++)
			bitset_add(&set, h->to[r]);
		return put_set(f, LEAK_GARBAGE, &set,
			h->first[(size_t)list + 1] - h->first[list], eb);
	}
	return MS_OK;
}

/* ---- frames that are over ---- */

/* Marks frames that a thread runs; its own frame objects and those below generators. */
static void
mark_running(const struct finder *f, struct bitset *running)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].kind == ROOT_FRAME && h->roots[k].frame != HEAP_NONE)
			bitset_add(running, h->roots[k].to);
	for (objid i = 0; i < h->nobj; i++) {
		if (!is_type_named(h, h->type[i], "generator") &&
			!is_type_named(h, h->type[i], "coroutine") &&
			!is_type_named(h, h->type[i], "async_generator"))
			continue;
		for (uint64_t r = h->first[i]; r < h->first[(size_t)i + 1]; r++)
			if (is_type_named(h, h->type[h->to[r]], "frame"))
				bitset_add(running, h->to[r]);
	}
}

static enum status
find_frames(struct finder *f, struct errbuf *eb)
{
	const struct heap *h = f->h;
	CLEAN(bitset_fini) struct bitset running = {0}, tracebacks = {0}, frames = {0};
	uint64_t n_tracebacks = 0, n_frames = 0;

	enum status st = bitset_init(&running, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&tracebacks, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&frames, h->nobj, eb);
	if (st != MS_OK)
		return st;
	mark_running(f, &running);
	for (objid i = 0; i < h->nobj; i++) {
		if (bitset_has(&f->garbage, i) ||
			!is_type_named(h, h->type[i], "traceback"))
			continue;
		for (uint64_t r = h->first[i]; r < h->first[(size_t)i + 1]; r++) {
			if (!is_type_named(h, h->type[h->to[r]], "frame") ||
				bitset_has(&running, h->to[r]))
				continue;
			n_tracebacks += !bitset_has(&tracebacks, i);
			bitset_add(&tracebacks, i);
			bitset_add(&running, h->to[r]);
		}
	}
	for (objid i = 0; i < h->nobj; i++) {
		if (bitset_has(&f->garbage, i) || bitset_has(&running, i) ||
			!is_type_named(h, h->type[i], "frame"))
			continue;
		bitset_add(&frames, i);
		n_frames++;
	}
	st = put_set(f, LEAK_TRACEBACK, &tracebacks, n_tracebacks, eb);
	return st == MS_OK ? put_set(f, LEAK_FRAME, &frames, n_frames, eb) : st;
}

/* ---- all ---- */

static int
compare_leaks(const void *pa, const void *pb)
{
	const struct leak *a = pa, *b = pb;

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
		st = find_unheld(&f, eb);
	if (st == MS_OK)
		st = find_cycles(&f, eb);
	if (st == MS_OK)
		st = find_garbage_list(&f, eb);
	if (st == MS_OK)
		st = find_frames(&f, eb);
	if (st == MS_OK)
		st = find_native(&f, eb);
	if (st == MS_OK)
		st = find_types(&f, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "suspects");
	find_dominators(&f);
	for (objid i = 0; i < h->nobj; i++)
		out.total += object_bytes(h, i);
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
