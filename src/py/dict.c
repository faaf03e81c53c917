/*
 * Dicts: the keys block, combined and split tables, OrderedDict's order, and look-ups by text.
 *
 * CPython: struct _dictkeysobject, Include/internal/pycore_dict.h; entries follow the index
 * table. A dict whose keys are all str reports values alone (dict_traverse); its keys are
 * references all the same, and put as hidden ones, in front of their values.
 */
#include "priv.h"

#include <string.h>

#include "memscan/limits.h"

enum { CHUNK = 512, DICT_KEYS_GENERAL = 0 };

/* The header's sizes: index table, and DK_SIZE. False if they are absurd. */
static bool
keys_sizes(struct py *p, const uint8_t *v, uint64_t *dk_size, uint64_t *index_bytes)
{
	if (p->l->keys_size == KEYS_LOG2) {
		uint64_t log2_size = layout_get(p->l, PYF_KEYS_LOG2_SIZE, v);
		uint64_t log2_index = layout_get(p->l, PYF_KEYS_LOG2_INDEX, v);
		if (log2_size > 40 || log2_index > 43)
			return false;
		*dk_size = 1ull << log2_size;
		*index_bytes = 1ull << log2_index;
		return true;
	}
	*dk_size = layout_get(p->l, PYF_KEYS_SIZE, v);
	if (*dk_size > 1ull << 40)
		return false;
	*index_bytes = *dk_size * (*dk_size <= 0xff ? 1 : *dk_size <= 0xffff ? 2 : *dk_size <= 0xffffffff ? 4 : 8);
	return true;
}

enum status
keys_read(struct py *p, taddr addr, struct keys *ret)
{
	const uint8_t *v = target_view(p->t, addr, layout_size(p->l, PYF_SIZEOF_KEYS));
	uint64_t dk_size, index_bytes;

	if (v == NULL)
		return MS_FAULT;
	if (!keys_sizes(p, v, &dk_size, &index_bytes))
		return MS_FORMAT;
	bool is_unicode = layout_has(p->l, PYF_KEYS_KIND) && layout_get(p->l, PYF_KEYS_KIND, v) != DICT_KEYS_GENERAL;
	*ret = (struct keys){
		.addr = addr,
		.entries = addr + layout_off(p->l, PYF_KEYS_INDICES) + index_bytes,
		.n = layout_get(p->l, PYF_KEYS_NENTRIES, v),
		.usable = layout_get(p->l, PYF_KEYS_USABLE, v),
		.refcnt = layout_get(p->l, PYF_KEYS_REFCNT, v),
		.is_unicode = is_unicode,
		.entry_size = (uint32_t)layout_size(p->l, is_unicode ? PYF_SIZEOF_UENTRY : PYF_SIZEOF_ENTRY),
		.key_off = (uint32_t)layout_off(p->l, is_unicode ? PYF_UENTRY_KEY : PYF_ENTRY_KEY),
		.value_off = (uint32_t)layout_off(p->l, is_unicode ? PYF_UENTRY_VALUE : PYF_ENTRY_VALUE),
	};
	/* CPython: USABLE_FRACTION, Objects/dictobject.c. */
	ret->size = layout_off(p->l, PYF_KEYS_INDICES) + index_bytes + (dk_size << 1) / 3 * ret->entry_size;
	if (ret->n > dk_size || !target_is_mapped(p->t, ret->entries, (size_t)(ret->n * ret->entry_size)))
		return MS_FORMAT;
	return MS_OK;
}

/* Where the values of a split table begin. */
static taddr
split_values(const struct py *p, taddr values)
{
	return values + (layout_has(p->l, PYF_VALUES_VALUES) ? layout_off(p->l, PYF_VALUES_VALUES) : 0);
}

struct entry {
	taddr key, value;
};

/* Entry i of a dict; `values` is 0 for a combined table. */
static enum status
entry_read(struct py *p, const struct keys *k, taddr values, uint64_t i, struct entry *ret)
{
	const uint8_t *e = target_view(p->t, k->entries + i * k->entry_size, k->entry_size);

	if (e == NULL)
		return MS_FAULT;
	ret->key = layout_word(p->l, e + k->key_off);
	ret->value = layout_word(p->l, e + k->value_off);
	if (values == 0)
		return MS_OK;
	return py_word(p, values + i * p->l->machine.ptr_width, &ret->value);
}

enum status
refs_dict(struct py *p, const struct pyobj *o, struct refout *out)
{
	struct keys k;
	enum status st = keys_read(p, layout_get(p->l, PYF_DICT_KEYS, o->p), &k);
	if (st != MS_OK)
		return st;

	taddr values = layout_get(p->l, PYF_DICT_VALUES, o->p);
	if (values != 0)
		values = split_values(p, values);
	uint32_t key_label = ref_label(RK_KEY, 0) | (k.is_unicode ? REF_HIDDEN : 0);
	for (uint64_t i = 0; i < k.n; i++) {
		if (i % CHUNK == 0) {
			st = refout_room(out, 2 * CHUNK);
			if (st != MS_OK)
				return st;
		}
		struct entry e;
		st = entry_read(p, &k, values, i, &e);
		if (st != MS_OK)
			return st;
		if (e.value == 0 || e.key == 0)
			continue;
		refout_put(out, e.key, key_label);
		refout_put(out, e.value, ref_label(RK_VALUE, 0));
	}
	return MS_OK;
}

/* odict_traverse, Objects/odictobject.c: the keys in order, before the dict's own. */
enum status
refs_odict(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t node = layout_get(p->l, PYF_ODICT_FIRST, o->p);
	uint64_t bound = layout_get(p->l, PYF_DICT_USED, o->p);
	uint32_t label = py_label(p, RK_FIELD, "od_node");

	for (uint64_t i = 0; node != 0 && i < bound; i++) {
		uint64_t key;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, node + layout_off(p->l, PYF_ODICTNODE_KEY), &key) != MS_OK ||
			py_word(p, node + layout_off(p->l, PYF_ODICTNODE_NEXT), &node) != MS_OK)
			return MS_FAULT;
		refout_put(out, key, label);
	}
	return MS_OK;
}

enum status
py_dict_each(struct py *p, taddr dict, bool (*each)(void *self, taddr key, taddr value), void *self)
{
	const uint8_t *v = target_view(p->t, dict, layout_size(p->l, PYF_SIZEOF_DICT));
	struct keys k;

	if (v == NULL)
		return MS_FAULT;
	taddr values = layout_get(p->l, PYF_DICT_VALUES, v);
	enum status st = keys_read(p, layout_get(p->l, PYF_DICT_KEYS, v), &k);
	if (st != MS_OK)
		return st;
	if (values != 0)
		values = split_values(p, values);
	for (uint64_t i = 0; i < k.n; i++) {
		struct entry e;
		st = entry_read(p, &k, values, i, &e);
		if (st != MS_OK)
			return st;
		if (e.key != 0 && e.value != 0 && !each(self, e.key, e.value))
			break;
	}
	return MS_OK;
}

struct lookup {
	struct py *p;
	const char *key;
	size_t len;
	taddr found;
};

static bool
lookup_each(void *self, taddr key, taddr value)
{
	struct lookup *l = self;
	const uint8_t *v = target_view(l->p->t, key, layout_size(l->p->l, PYF_SIZEOF_ASCII));
	struct pystr s;

	/* Keys that are no str, or not plain ASCII, are not what is looked for here. */
	if (v == NULL || layout_get(l->p->l, PYF_STR_LENGTH, v) != l->len || str_read(l->p, v, key, &s) != MS_OK ||
		!s.is_ascii || !s.is_compact)
		return true;
	const char *text = target_view(l->p->t, s.data, l->len);
	if (text == NULL || memcmp(text, l->key, l->len) != 0)
		return true;
	l->found = value;
	return false;
}

taddr
py_dict_get(struct py *p, taddr dict, const char *key)
{
	struct lookup l = {.p = p, .key = key, .len = strlen(key)};

	if (dict == 0 || py_dict_each(p, dict, lookup_each, &l) != MS_OK)
		return 0;
	return l.found;
}
