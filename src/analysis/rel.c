/*
 * Which objects of a dump an older one of the same process has, too: heapy's relative
 * heap. An object is the same if it is at the same address, of a type of the same name,
 * and, where its value cannot change, of the same value: addresses are used again.
 */
#include "memscan/analysis.h"
#include "memscan/change.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/strtab.h"
#include "memscan/vec.h"

#include "values.h"

/* What its name says, as a number that both heaps share, for each type. */
static enum status
number_types(const struct heap *h, struct strtab *t, uint32_t **ret, struct errbuf *eb)
{
	VEC(char) key = {0};

	enum status st =
		mem_checked((size_t)h->ntype + 1, sizeof(**ret), SIZE_MAX, ret, eb);
	for (uint32_t k = 0; k < h->ntype && st == MS_OK; k++) {
		size_t mlen, nlen;
		const char *module = heap_str(h, h->types[k].module, &mlen);
		const char *name = heap_str(h, h->types[k].name, &nlen);
		vec_reserve(&key, mlen + nlen + 1);
		memcpy(key.at, module, mlen);
		key.at[mlen] = '\0';
		memcpy(key.at + mlen + 1, name, nlen);
		(*ret)[k] = strtab_put(t, key.at, mlen + nlen + 1);
	}
	vec_fini(&key);
	return st;
}

/* Of dumps with values of different length, as much is compared as both have. */
static bool
is_same_value(const struct heap_value *a, const struct heap_value *b)
{
	bool is_constant = a->kind == VK_STR || a->kind == VK_BYTES ||
		a->kind == VK_INT || a->kind == VK_FLOAT || a->kind == VK_BOOL;

	if (a->kind != b->kind || !is_constant)
		return a->kind == b->kind || a->kind == VK_NONE || b->kind == VK_NONE;
	if (a->len != VALUE_NO_LEN && b->len != VALUE_NO_LEN && a->len != b->len)
		return false;
	if (!a->cut && !b->cut && a->text_len != b->text_len)
		return false;
	size_t n = a->text_len < b->text_len ? a->text_len : b->text_len;
	return n == 0 || memcmp(a->text, b->text, n) == 0;
}

static bool
is_same_meta(const struct heap *a, const struct heap *b, const char *key)
{
	const char *at = heap_meta_get(a, key), *bt = heap_meta_get(b, key);

	return at != NULL && bt != NULL && strcmp(at, bt) == 0;
}

/*
 * The system derives when a process began from when it itself did, and may be off by a
 * second from one time to the next.
 */
enum { START_SLACK = 2 };

bool
rel_same_process(const struct heap *h, const struct heap *older)
{
	const char *at = heap_meta_get(h, "start_time");
	const char *bt = heap_meta_get(older, "start_time");

	if (!is_same_meta(h, older, "pid") || at == NULL || bt == NULL)
		return false;
	long long a = strtoll(at, NULL, 10), b = strtoll(bt, NULL, 10);
	unsigned long long apart = a > b ? (unsigned long long)a - (unsigned long long)b
					 : (unsigned long long)b - (unsigned long long)a;
	return apart <= START_SLACK;
}

/* Two heaps that are gone along at once, in order of addresses. */
struct pairs {
	const struct heap *h, *older;
	struct values values, older_values;
	uint32_t *types, *older_types; /* by type: number of its name */
	uint32_t x, y;
};

static void
pairs_fini(struct pairs *p)
{
	free(p->types);
	free(p->older_types);
	values_fini(&p->values);
	values_fini(&p->older_values);
}

static enum status
pairs_init(struct pairs *p, const struct heap *h, const struct heap *older,
	struct errbuf *eb)
{
	struct strtab *t = strtab_new();

	*p = (struct pairs){.h = h, .older = older};
	enum status st = number_types(h, t, &p->types, eb);
	if (st == MS_OK)
		st = number_types(older, t, &p->older_types, eb);
	strtab_free(t);
	if (st == MS_OK)
		st = values_init(&p->values, h, eb);
	if (st == MS_OK)
		st = values_init(&p->older_values, older, eb);
	return st;
}

/* The next object that both have. */
static bool
pairs_next(struct pairs *p, objid *now, objid *then)
{
	const struct heap *h = p->h, *older = p->older;

	for (; p->x < h->nobj; p->x++) {
		objid i = h->by_addr[p->x];
		while (p->y < older->nobj &&
			older->addr[older->by_addr[p->y]] < h->addr[i])
			p->y++;
		if (p->y == older->nobj)
			return false;
		objid o = older->by_addr[p->y];
		if (older->addr[o] != h->addr[i] ||
			p->types[h->type[i]] != p->older_types[older->type[o]])
			continue;
		struct heap_value a = values_get(&p->values, i);
		struct heap_value b = values_get(&p->older_values, o);
		if (!is_same_value(&a, &b))
			continue;
		p->x++;
		*now = i;
		*then = o;
		return true;
	}
	return false;
}

enum status
rel_compute(const struct heap *h, const struct heap *older, struct bitset *ret,
	struct errbuf *eb)
{
	CLEAN(pairs_fini) struct pairs p = {0};
	CLEAN(bitset_fini) struct bitset b = {0};
	objid i, o;

	enum status st = bitset_init(&b, h->nobj, eb);
	if (st == MS_OK)
		st = pairs_init(&p, h, older, eb);
	if (st != MS_OK)
		return st;
	while (pairs_next(&p, &i, &o))
		bitset_add(&b, i);
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}

enum status
match_compute(const struct heap *h, const struct heap *older, struct match *ret,
	struct errbuf *eb)
{
	CLEAN(pairs_fini) struct pairs p = {0};
	CLEAN(match_fini) struct match m = {0};
	objid i, o;

	enum status st = mem_array(h->nobj, sizeof(*m.then), &m.then, eb);
	if (st == MS_OK)
		st = mem_array(older->nobj, sizeof(*m.now), &m.now, eb);
	if (st == MS_OK)
		st = pairs_init(&p, h, older, eb);
	if (st != MS_OK)
		return st;
	memset(m.then, 0xff, (size_t)h->nobj * sizeof(*m.then));
	memset(m.now, 0xff, (size_t)older->nobj * sizeof(*m.now));
	while (pairs_next(&p, &i, &o)) {
		m.then[i] = o;
		m.now[o] = i;
	}
	*ret = m;
	m = (struct match){0};
	return MS_OK;
}

void
match_fini(struct match *m)
{
	free(m->then);
	free(m->now);
	*m = (struct match){0};
}
