/*
 * Which objects of a dump an older one of the same process has, too: heapy's relative
 * heap. An object is the same if it is at the same address, of a type of the same name,
 * and, where its value cannot change, of the same value: addresses are used again.
 */
#include "memscan/change.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

#include "pair.h"

static bool
is_same_value(const struct heap_value *a, const struct heap_value *b)
{
	bool is_constant = a->kind == VK_STR || a->kind == VK_BYTES ||
		a->kind == VK_INT || a->kind == VK_FLOAT || a->kind == VK_BOOL;

	if (a->kind != b->kind || !is_constant)
		return a->kind == b->kind || a->kind == VK_NONE || b->kind == VK_NONE;
	if (a->len != VALUE_NO_LEN && b->len != VALUE_NO_LEN && a->len != b->len)
		return false;
	return pair_same_text(a, b);
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

/* How far the objects of two heaps have been gone along, in order of addresses. */
struct places {
	uint32_t now, then;
};

/* The next object that both have. */
static bool
next_of_both(const struct pair *both, struct places *p, objid *now, objid *then)
{
	const struct heap *h = both->h[NEWER], *older = both->h[OLDER];

	for (; p->now < h->nobj; p->now++) {
		objid i = h->by_addr[p->now];
		while (p->then < older->nobj &&
			older->addr[older->by_addr[p->then]] < h->addr[i])
			p->then++;
		if (p->then == older->nobj)
			return false;
		objid o = older->by_addr[p->then];
		if (older->addr[o] != h->addr[i] ||
			both->types[NEWER][h->type[i]] !=
				both->types[OLDER][older->type[o]])
			continue;
		struct heap_value a = values_get(&both->values[NEWER], i);
		struct heap_value b = values_get(&both->values[OLDER], o);
		if (!is_same_value(&a, &b))
			continue;
		p->now++;
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
	CLEAN(pair_fini) struct pair both = {0};
	CLEAN(bitset_fini) struct bitset b = {0};
	struct places at = {0};
	objid i, o;

	enum status st = bitset_init(&b, h->nobj, eb);
	if (st == MS_OK)
		st = pair_init(&both, older, h, false, eb);
	if (st != MS_OK)
		return st;
	while (next_of_both(&both, &at, &i, &o))
		bitset_add(&b, i);
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}

enum status
match_compute(const struct heap *h, const struct heap *older, struct match *ret,
	struct errbuf *eb)
{
	CLEAN(pair_fini) struct pair both = {0};
	CLEAN(match_fini) struct match m = {0};
	struct places at = {0};
	objid i, o;

	enum status st = mem_array(h->nobj, sizeof(*m.then), &m.then, eb);
	if (st == MS_OK)
		st = mem_array(older->nobj, sizeof(*m.now), &m.now, eb);
	if (st == MS_OK)
		st = pair_init(&both, older, h, false, eb);
	if (st != MS_OK)
		return st;
	memset(m.then, 0xff, (size_t)h->nobj * sizeof(*m.then));
	memset(m.now, 0xff, (size_t)older->nobj * sizeof(*m.now));
	while (next_of_both(&both, &at, &i, &o)) {
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
