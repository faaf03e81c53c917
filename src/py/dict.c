/*
 * Dicts: the keys block, combined and split tables, OrderedDict's order, and look-ups by
 * text.
 *
 * CPython: struct _dictkeysobject, Include/internal/pycore_dict.h; entries follow the
 * index table. A dict whose keys are all str reports values alone (dict_traverse); its
 * keys are references all the same, and put as hidden ones, in front of their values.
 */
#include "priv.h"

#include <stdlib.h>
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
	*index_bytes = *dk_size *
		(*dk_size <= 0xff                        ? 1
				: *dk_size <= 0xffff     ? 2
				: *dk_size <= 0xffffffff ? 4
							 : 8);
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
	bool has_kind = layout_has(p->l, PYF_KEYS_KIND);
	bool is_unicode =
		has_kind && layout_get(p->l, PYF_KEYS_KIND, v) != DICT_KEYS_GENERAL;
	*ret = (struct keys){
		.addr = addr,
		.entries = addr + layout_off(p->l, PYF_KEYS_INDICES) + index_bytes,
		.n = layout_get(p->l, PYF_KEYS_NENTRIES, v),
		.usable = layout_get(p->l, PYF_KEYS_USABLE, v),
		.refcnt = layout_get(p->l, PYF_KEYS_REFCNT, v),
		.is_unicode = is_unicode,
		.entry_size = (uint32_t)layout_size(
			p->l, is_unicode ? PYF_SIZEOF_UENTRY : PYF_SIZEOF_ENTRY),
		.key_off = (uint32_t)layout_off(
			p->l, is_unicode ? PYF_UENTRY_KEY : PYF_ENTRY_KEY),
		.value_off = (uint32_t)layout_off(
			p->l, is_unicode ? PYF_UENTRY_VALUE : PYF_ENTRY_VALUE),
	};
	/* CPython: USABLE_FRACTION, Objects/dictobject.c. */
	ret->room = (dk_size << 1) / 3;
	ret->size = layout_off(p->l, PYF_KEYS_INDICES) + index_bytes +
		ret->room * ret->entry_size;
	ret->lookup = has_kind ? 0 : layout_get(p->l, PYF_KEYS_LOOKUP, v);
	if (ret->n > dk_size ||
		!py_is_mapped(p, ret->entries, ret->n * ret->entry_size))
		return MS_FORMAT;
	return MS_OK;
}

/* 2.7: a table of entries, those with a value in use (dict_traverse). */
static enum status
table_27(struct py *p, const void *v, struct keys *ret)
{
	*ret = (struct keys){
		.entries = layout_get(p->l, PYF_DICT27_TABLE, v),
		.n = layout_get(p->l, PYF_DICT27_MASK, v) + 1,
		.entry_size = (uint32_t)layout_size(p->l, PYF_SIZEOF_ENTRY27),
		.key_off = (uint32_t)layout_off(p->l, PYF_ENTRY27_KEY),
		.value_off = (uint32_t)layout_off(p->l, PYF_ENTRY27_VALUE),
	};
	if (ret->n > 1ull << 40 ||
		!py_is_mapped(p, ret->entries, ret->n * ret->entry_size))
		return MS_FORMAT;
	return MS_OK;
}

/* Where the values of a split table begin. */
static taddr
split_values(const struct py *p, taddr values)
{
	return values +
		(layout_has(p->l, PYF_VALUES_VALUES) ? layout_off(p->l, PYF_VALUES_VALUES)
						     : 0);
}

enum status
dict_keys(struct py *p, const void *v, struct keys *ret, taddr *values)
{
	*values = 0;
	if (p->l->keys_form == KEYS_TABLE_27)
		return table_27(p, v, ret);
	*values = layout_get(p->l, PYF_DICT_VALUES, v);
	if (*values != 0)
		*values = split_values(p, *values);
	return keys_read(p, layout_get(p->l, PYF_DICT_KEYS, v), ret);
}

/*
 * Values inside an instance (3.13), which the instance may be the one to report. values
 * is past the prefix.
 */
static bool
is_embedded(struct py *p, taddr values)
{
	uint8_t v;
	taddr block = values - layout_off(p->l, PYF_VALUES_VALUES);
	return target_u8(p->t, block + layout_off(p->l, PYF_VALUES_EMBEDDED), &v) ==
		MS_OK &&
		v != 0;
}

struct entry {
	taddr key, value;
};

/* Entry i of a dict; `values` is 0 for a combined table. */
static enum status
entry_read(
	struct py *p, const struct keys *k, taddr values, uint64_t i, struct entry *ret)
{
	const uint8_t *e =
		target_view(p->t, k->entries + i * k->entry_size, k->entry_size);

	if (e == NULL)
		return MS_FAULT;
	ret->key = layout_word(p->l, e + k->key_off);
	ret->value = layout_word(p->l, e + k->value_off);
	if (values == 0)
		return MS_OK;
	return py_word(p, values + i * p->l->machine.ptr_width, &ret->value);
}

/* A refout that counts, and keeps nothing. */
struct counter {
	struct refout out;
	uint64_t n;
};

static enum status
count_refs(struct refout *o)
{
	struct counter *c = o->self;
	c->n += o->n;
	o->n = 0;
	return MS_OK;
}

/* Whether the machine code of dict_traverse visits more than the values of a dict of
 * `used` entries. */
static enum status
ask_keys(struct py *p, taddr dict, const struct keys *k, uint64_t used, bool *ret)
{
	const struct pytype *ty = py_type(p, p->dict_type);

	if (p->hooks.traverse == NULL || ty == NULL)
		return MS_ABSENT;
	struct counter *c = xcalloc(1, sizeof(*c));
	c->out.flush = count_refs;
	c->out.self = c;
	enum status st =
		p->hooks.traverse(p->hooks.self, ty->traverse, dict, k->size, &c->out);
	*ret = c->n + c->out.n > used;
	free(c);
	return st;
}

/* A key that no table of str keys has; only a general one would. */
static bool
has_other_key(struct py *p, const struct keys *k, taddr values)
{
	for (uint64_t i = 0; i < k->n; i++) {
		struct entry e;
		uint64_t type;
		if (entry_read(p, k, values, i, &e) != MS_OK)
			return false;
		if (e.key == 0 || e.value == 0 ||
			py_word(p, e.key + layout_off(p->l, PYF_OB_TYPE), &type) != MS_OK)
			continue;
		if (type != p->str_type && py_type(p, type) != NULL)
			return true;
	}
	return false;
}

/*
 * Up to 3.10 dk_lookup says whether all keys are str: lookdict is that of general dicts,
 * which report their keys (dict_traverse). The function has no exported name, but one key
 * that is no str tells; else the dict's own tp_traverse is asked: it visits keys or not.
 * Where it has too much to do for an answer, as in an empty dict, the next one will tell.
 */
static bool
reports_keys(struct py *p, const struct pyobj *o, const struct keys *k, taddr values)
{
	uint64_t used = layout_get(p->l, PYF_DICT_USED, o->p);
	uint32_t known;
	bool reports = true;

	if (k->lookup == 0)
		return !k->is_unicode;
	if (p->home != NULL)
		return lookup_of_home(p, k->lookup, &known) && known;
	if (map_get(&p->lookups, k->lookup, &known))
		return known;
	taddr addr = o->addr;
	if (used == 0 ||
		(!has_other_key(p, k, values) &&
			ask_keys(p, addr, k, used, &reports) != MS_OK))
		return false;
	pthread_mutex_lock(&p->lock);
	map_put(&p->lookups, k->lookup, reports);
	pthread_mutex_unlock(&p->lock);
	return reports;
}

enum status
refs_dict(struct py *p, const struct pyobj *o, struct refout *out)
{
	struct keys k;
	taddr values;
	enum status st = dict_keys(p, o->p, &k, &values);
	if (st != MS_OK)
		return st;

	uint32_t key_label =
		ref_label(RK_KEY, values != 0 ? KEY_SHARED : 0) |
		(reports_keys(p, o, &k, values) ? 0 : REF_HIDDEN);
	uint32_t value_label = ref_label(RK_VALUE, 0);
	if (values != 0 && p->l->attr_home == ATTR_INLINE_313 && is_embedded(p, values) &&
		values_owner(p) != VALUES_OF_DICT)
		value_label |= REF_HIDDEN;
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
		refout_put(out, e.value, value_label);
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
	struct loop loop = {0};

	for (uint64_t i = 0; node != 0 && i < bound; i++) {
		if (loop_seen(&loop, node))
			return MS_FORMAT;
		uint64_t key;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, node + layout_off(p->l, PYF_ODICTNODE_KEY), &key) !=
				MS_OK ||
			py_word(p, node + layout_off(p->l, PYF_ODICTNODE_NEXT), &node) !=
				MS_OK)
			return MS_FAULT;
		refout_put(out, key, label);
	}
	return MS_OK;
}

enum status
py_dict_each(struct py *p, taddr dict, bool (*each)(void *self, taddr key, taddr value),
	void *self)
{
	const uint8_t *v = target_view(p->t, dict, layout_size(p->l, PYF_SIZEOF_DICT));
	struct keys k;
	taddr values;

	if (v == NULL)
		return MS_FAULT;
	enum status st = dict_keys(p, v, &k, &values);
	if (st != MS_OK)
		return st;
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

	if (!str_is(l->p, key, l->key, l->len))
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
