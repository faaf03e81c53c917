/*
 * Suspects that nothing known holds: garbage in cycles, and what native code alone holds.
 */
#include <string.h>

#include "leaks.h"
#include "memscan/leaks.h"
#include "memscan/mem.h"

enum { CYCLE_GROUPS = 64 };

enum status
leaks_find_unheld(struct finder *f, struct errbuf *eb)
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

/* Those that are held by native code alone, or leaked: entries of their own. */
enum status
leaks_find_native(struct finder *f, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	uint64_t count = 0;

	enum status st = bitset_init(&set, f->h->nobj, eb);
	if (st != MS_OK)
		return st;
	BITSET_EACH(i, &f->unheld)
	{
		if (f->in->counts->left[i] <= 0 || !leaks_wants(f, i))
			continue;
		bitset_add(&set, i);
		count++;
	}
	return leaks_put_set(f, LEAK_NATIVE, &set, count, eb);
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
	bool has_del, is_wanted;
};

static bool
is_builtin_type(const struct heap *h, uint32_t type)
{
	const char *module = heap_str(h, h->types[type].module, NULL);

	return strcmp(module, "builtins") == 0 || strcmp(module, "__builtin__") == 0;
}

/* Each component's first object of the program's own, one with __del__ before others. */
static void
describe_cycles(struct finder *f, const struct cycles *c, struct cycle *at)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k <= c->n; k++)
		at[k] = (struct cycle){.first = OBJID_NONE};
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
		k->is_wanted |= leaks_wants(f, i);
	}
}

/* Cycles put together by the type of what stands for them; the last group has the rest.
 */
struct cycle_groups {
	struct {
		uint32_t type;
		bool has_del;
	} at[CYCLE_GROUPS];
	size_t n;
};

static size_t
group_of(struct cycle_groups *g, uint32_t type, bool has_del)
{
	size_t k = 0;

	while (k < g->n && (g->at[k].type != type || g->at[k].has_del != has_del))
		k++;
	if (k == CYCLE_GROUPS)
		return CYCLE_GROUPS - 1;
	g->at[k].type = type;
	g->at[k].has_del = has_del;
	g->n = k < g->n ? g->n : k + 1;
	return k;
}

static enum status
put_cycle_group(struct finder *f, const struct cycles *c, const struct cycle *at,
	struct cycle_groups *groups, size_t group, struct errbuf *eb)
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
		if (c->component[i] == 0 || !k->is_wanted ||
			group_of(groups, f->h->type[k->first], k->has_del) != group)
			continue;
		bitset_add(&set, i);
		n += k->first == i;
		if (k->first == i && example == OBJID_NONE)
			example = (objid)i;
	}
	size_t before = f->found.n;
	st = leaks_put_set(
		f, groups->at[group].has_del ? LEAK_CYCLE_DEL : LEAK_CYCLE, &set, n, eb);
	if (st == MS_OK && f->found.n > before && example != OBJID_NONE) {
		f->found.at[before].object = example;
		f->found.at[before].type = f->h->type[example];
		f->found.at[before].of_type = n;
	}
	return st;
}

enum status
leaks_find_cycles(struct finder *f, struct errbuf *eb)
{
	CLEAN(cycles_fini) struct cycles c = {0};
	CLEAN(bitset_fini) struct bitset outside = {0};
	CLEAN_FREE struct cycle *at = NULL;
	struct cycle_groups groups = {.n = 0};

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
	for (uint32_t k = 1; k <= c.n; k++)
		if (at[k].is_wanted)
			group_of(&groups, f->h->type[at[k].first], at[k].has_del);
	for (size_t k = 0; k < groups.n && st == MS_OK; k++)
		st = put_cycle_group(f, &c, at, &groups, k, eb);
	return st;
}
