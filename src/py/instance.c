/*
 * What an instance of a Python class owns beside its C part: slots, attribute values,
 * __dict__, its class.
 *
 * Mirrors subtype_traverse, Objects/typeobject.c, and _PyObject_VisitInstanceAttributes,
 * Objects/dictobject.c. Where the values are is a strategy of the layout (attr_home).
 */
#include "priv.h"

#include <stdlib.h>

/*
 * Words in front of the object and of its GC head, which free-threaded builds do not
 * have. 3.11: values, dict
 * (_PyObject_ValuesPointer, _PyObject_ManagedDictPointer); since 3.12 weak references,
 * dict (or tagged values).
 */
enum { WORDS_VALUES = 2, WORDS_DICT = 1, TAG_VALUES = 1 };

static taddr
word_before(const struct py *p, const struct pyobj *o, unsigned words)
{
	return o->addr - p->l->gc_head - words * p->l->machine.ptr_width;
}

/* Bytes of the items of a var-sized object. */
static uint64_t
items_size(struct py *p, const struct pyobj *o)
{
	int64_t n = layout_get_signed(p->l, PYF_OB_SIZE, o->p);

	return (n < 0 ? -(uint64_t)n : (uint64_t)n) * o->type->itemsize;
}

/* Where the pointer to the instance's __dict__ is, or 0. */
static taddr
dict_pointer(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;
	uint64_t width = p->l->machine.ptr_width;

	if (ty->flags & TPF_MANAGED_DICT)
		return p->l->attr_home != ATTR_DICTOFFSET ? word_before(p, o, WORDS_DICT)
							  : 0;
	if (ty->dictoffset > 0)
		return o->addr + (uint64_t)ty->dictoffset;
	if (ty->dictoffset == 0)
		return 0;
	/* Var-sized: counted from the end (_PyObject_DictPointer). */
	uint64_t size = ty->basicsize + items_size(p, o);
	size = (size + width - 1) / width * width;
	return o->addr + size + (uint64_t)ty->dictoffset;
}

taddr
instance_dict(struct py *p, const struct pyobj *o)
{
	taddr at = dict_pointer(p, o);
	uint64_t dict;

	if (at == 0 || py_word(p, at, &dict) != MS_OK)
		return 0;
	bool is_values = p->l->attr_home == ATTR_TAGGED_312 &&
		(o->type->flags & TPF_MANAGED_DICT) && (dict & TAG_VALUES);
	return is_values ? 0 : dict;
}

/*
 * The values block of an instance that has one of its own, or 0; *n is at most how many
 * values it holds.
 */
static taddr
instance_values(struct py *p, const struct pyobj *o, size_t *n)
{
	uint64_t word;
	uint8_t valid, capacity;

	switch (p->l->attr_home) {
	case ATTR_PREHEADER_311:
		return py_word(p, word_before(p, o, WORDS_VALUES), &word) == MS_OK ? word
										   : 0;
	case ATTR_TAGGED_312:
		if (py_word(p, word_before(p, o, WORDS_DICT), &word) != MS_OK ||
			!(word & TAG_VALUES))
			return 0;
		return word + TAG_VALUES;
	case ATTR_INLINE_313:
		if (!(o->type->flags & TPF_INLINE_VALUES))
			return 0;
		word = o->addr + o->type->basicsize;
		if (target_u8(p->t, word + layout_off(p->l, PYF_VALUES_VALID), &valid) !=
				MS_OK ||
			valid == 0 ||
			target_u8(p->t, word + layout_off(p->l, PYF_VALUES_CAPACITY),
				&capacity) != MS_OK)
			return 0;
		*n = capacity;
		return word;
	default:
		return 0;
	}
}

enum values_owner
values_owner(struct py *p)
{
	enum values_owner owner =
		SETTLED((p->home != NULL ? p->home : p)->values_owner);

	/* What others do while it is not known yet is home's to decide. */
	if (owner == VALUES_UNASKED)
		(void)left_to_home(p);
	return owner;
}

/*
 * Of an instance with valid inline values and a dict that shares them, one reports the
 * values: which one changed between micro releases (gh-130327), so its own code is asked,
 * once.
 */
static bool
values_are_dicts(struct py *p, const struct pyobj *o, taddr dict)
{
	if (values_owner(p) != VALUES_UNASKED || p->home != NULL)
		return values_owner(p) == VALUES_OF_DICT;
	struct refout *out = refout_scratch();
	bool is_dict = false;
	enum status st = MS_ABSENT;
	if (p->hooks.traverse != NULL)
		st = p->hooks.traverse(
			p->hooks.self, o->type->traverse, o->addr, 0, out);
	/* The dict is among the first, before what a C base may have in plenty. */
	if (st == MS_OK || st == MS_LIMIT) {
		for (size_t i = 0; i < out->n; i++)
			is_dict |= out->at[i].to == dict;
		SETTLE(p->values_owner, is_dict ? VALUES_OF_DICT : VALUES_OF_INSTANCE);
	}
	free(out);
	return is_dict;
}

static enum status
refs_values(struct py *p, const struct pyobj *o, taddr values, size_t capacity,
	struct refout *out)
{
	uint64_t width = p->l->machine.ptr_width;
	size_t n;
	const uint32_t *labels = type_attrs(p, o->type, &n);

	if (n > capacity)
		n = capacity;
	values += layout_off(p->l, PYF_VALUES_VALUES);
	for (size_t i = 0; i < n;) {
		size_t now = n - i < 512 ? n - i : 512;
		enum status st = refout_room(out, now);
		if (st != MS_OK)
			return st;
		const uint8_t *v = target_view(p->t, values + i * width, now * width);
		if (v == NULL)
			return MS_FAULT;
		for (size_t j = 0; j < now; j++)
			refout_put(out, layout_word(p->l, v + j * width), labels[i + j]);
		i += now;
	}
	return MS_OK;
}

/* Values and dict of a class with TPF_MANAGED_DICT. */
static enum status
refs_managed(struct py *p, const struct pyobj *o, uint32_t hidden, struct refout *out)
{
	size_t capacity = SIZE_MAX;
	taddr values = instance_values(p, o, &capacity), dict = instance_dict(p, o);

	bool by_dict = values != 0 && dict != 0 && values_are_dicts(p, o, dict);
	if (values != 0 && !by_dict) {
		enum status st = refs_values(p, o, values, capacity, out);
		if (st != MS_OK)
			return st;
		/* A dict beside values in use is owned, but not reported (3.13). */
		hidden |= dict != 0 ? REF_HIDDEN : 0;
	}
	enum status st = refout_room(out, 1);
	if (st != MS_OK)
		return st;
	refout_put(out, dict, ref_label(RK_DICT, 0) | hidden);
	return MS_OK;
}

enum status
refs_instance(struct py *p, const struct pyobj *o, struct refout *out)
{
	const struct pytype *ty = o->type, *c = ty->cbase;
	/* What is no object of the collector's reports nothing. */
	uint32_t hidden = object_is_gc(p, o) ? 0 : REF_HIDDEN;

	for (size_t i = 0; i < ty->n_slots; i++) {
		const struct pyslot *slot = &ty->slots[i];
		taddr items = slot->is_after_items ? items_size(p, o) : 0;
		uint64_t to;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, o->addr + items + slot->offset, &to) == MS_OK)
			refout_put(out, to, slot->label | hidden);
	}
	/* Since 3.13 a base that manages the dict, too, is the one to report it. */
	bool base_manages =
		p->l->attr_home == ATTR_INLINE_313 && ty->dictoffset == c->dictoffset;
	if ((ty->flags & TPF_MANAGED_DICT) && !base_manages) {
		enum status st = refs_managed(p, o, hidden, out);
		if (st != MS_OK)
			return st;
	}
	enum status st = refout_room(out, 2);
	if (st != MS_OK)
		return st;
	if (!(ty->flags & TPF_MANAGED_DICT) && ty->dictoffset != c->dictoffset)
		refout_put(out, instance_dict(p, o), ref_label(RK_DICT, 0) | hidden);
	bool base_reports = p->l->type_visit == TYPE_BY_BASE && c->traverse != 0 &&
		(c->flags & TPF_HEAPTYPE);
	if ((ty->flags & TPF_HEAPTYPE) && hidden == 0 && !base_reports)
		refout_put(out, ty->addr, ref_label(RK_TYPE, 0));
	return MS_OK;
}
