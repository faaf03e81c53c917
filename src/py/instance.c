/*
 * What an instance of a Python class owns beside its C part: slots, attribute values,
 * __dict__, its class.
 *
 * Mirrors subtype_traverse, Objects/typeobject.c, and _PyObject_VisitInstanceAttributes,
 * Objects/dictobject.c. Where the values are is a strategy of the layout (attr_home).
 */
#include "priv.h"

/* CPython 3.11: words before the object: values, dict, GC head (_PyObject_ValuesPointer, _PyObject_ManagedDictPointer). */
enum { WORDS_VALUES = 4, WORDS_DICT = 3 };

/* Where the pointer to the instance's __dict__ is, or 0. */
static taddr
dict_pointer(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;
	uint64_t width = p->l->machine.ptr_width;

	if (ty->flags & TPF_MANAGED_DICT)
		return p->l->attr_home == ATTR_PREHEADER_311 ? o->addr - WORDS_DICT * width : 0;
	if (ty->dictoffset > 0)
		return o->addr + (uint64_t)ty->dictoffset;
	if (ty->dictoffset == 0)
		return 0;
	/* Var-sized: counted from the end (_PyObject_DictPointer). */
	int64_t n = layout_get_signed(p->l, PYF_OB_SIZE, o->p);
	uint64_t items = (uint64_t)(n < 0 ? -n : n);
	uint64_t size = ty->basicsize + items * ty->itemsize;
	size = (size + width - 1) / width * width;
	return o->addr + size + (uint64_t)ty->dictoffset;
}

taddr
instance_dict(struct py *p, const struct pyobj *o)
{
	taddr at = dict_pointer(p, o);
	uint64_t dict;
	return at != 0 && py_word(p, at, &dict) == MS_OK ? dict : 0;
}

static enum status
refs_values(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t width = p->l->machine.ptr_width, values;
	size_t n;

	if (p->l->attr_home != ATTR_PREHEADER_311)
		return MS_OK;
	if (py_word(p, o->addr - WORDS_VALUES * width, &values) != MS_OK || values == 0)
		return MS_OK;
	const uint32_t *labels = type_attrs(p, o->type, &n);
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

enum status
refs_instance(struct py *p, const struct pyobj *o, struct refout *out)
{
	const struct pytype *ty = o->type, *c = ty->cbase;
	/* Instances of a class that is not GC report nothing. */
	uint32_t hidden = ty->flags & TPF_HAVE_GC ? 0 : REF_HIDDEN;

	for (size_t i = 0; i < ty->n_slots; i++) {
		uint64_t to;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, o->addr + ty->slots[i].offset, &to) == MS_OK)
			refout_put(out, to, ty->slots[i].label | hidden);
	}
	if (ty->flags & TPF_MANAGED_DICT) {
		enum status st = refs_values(p, o, out);
		if (st != MS_OK)
			return st;
	}
	enum status st = refout_room(out, 2);
	if (st != MS_OK)
		return st;
	if (ty->dictoffset != c->dictoffset)
		refout_put(out, instance_dict(p, o), ref_label(RK_DICT, 0) | hidden);
	if ((ty->flags & TPF_HEAPTYPE) && hidden == 0 && (c->traverse == 0 || !(c->flags & TPF_HEAPTYPE)))
		refout_put(out, ty->addr, ref_label(RK_TYPE, 0));
	return MS_OK;
}
