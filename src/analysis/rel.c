/*
 * Which objects of a dump an older one of the same process has, too: heapy's relative
 * heap. An object is the same if it is at the same address, of a type of the same name,
 * and, where its value cannot change, of the same value: addresses are used again.
 */
#include "memscan/analysis.h"

#include <string.h>

#include "memscan/mem.h"

static bool
is_same_text(const struct heap *a, uint32_t x, const struct heap *b, uint32_t y)
{
	size_t alen, blen;
	const char *at = heap_str(a, x, &alen), *bt = heap_str(b, y, &blen);

	return alen == blen && memcmp(at, bt, alen) == 0;
}

static bool
is_same_type(const struct heap *a, uint32_t x, const struct heap *b, uint32_t y)
{
	const struct heap_type *at = &a->types[x], *bt = &b->types[y];

	return is_same_text(a, at->name, b, bt->name) &&
		is_same_text(a, at->module, b, bt->module);
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

bool
rel_same_process(const struct heap *h, const struct heap *older)
{
	return is_same_meta(h, older, "pid") && is_same_meta(h, older, "start_time");
}

enum status
rel_compute(const struct heap *h, const struct heap *older, struct bitset *ret,
	struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset b = {0};

	enum status st = bitset_init(&b, h->nobj, eb);
	if (st != MS_OK)
		return st;
	/* Both are in order of their addresses: go along the two at once. */
	uint32_t y = 0;
	for (uint32_t x = 0; x < h->nobj; x++) {
		objid i = h->by_addr[x];
		while (y < older->nobj && older->addr[older->by_addr[y]] < h->addr[i])
			y++;
		if (y == older->nobj)
			break;
		objid o = older->by_addr[y];
		if (older->addr[o] != h->addr[i] ||
			!is_same_type(h, h->type[i], older, older->type[o]))
			continue;
		struct heap_value now = heap_value(h, i), then = heap_value(older, o);
		if (is_same_value(&now, &then))
			bitset_add(&b, i);
	}
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}
