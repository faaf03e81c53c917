/*
 * References of type objects, modules and weak references: those whose rows need a
 * decision.
 */
#include "priv.h"

#include "memscan/limits.h"

static void
put_field(struct py *p, const struct pyobj *o, enum pyf id, uint32_t label,
	struct refout *out)
{
	if (layout_has(p->l, id))
		refout_put(out, layout_get(p->l, id, o->p), label);
}

/* The names of attributes that instances share: keys of ht_cached_keys. */
static enum status
cached_keys(struct py *p, taddr keys_at, struct refout *out)
{
	struct keys k;

	if (keys_at == 0 || keys_read(p, keys_at, &k) != MS_OK)
		return MS_OK;
	uint32_t label = py_label(p, RK_FIELD, "ht_cached_keys") | REF_HIDDEN;
	for (uint64_t i = 0; i < k.n; i++) {
		uint64_t key;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, k.entries + i * k.entry_size + k.key_off, &key) == MS_OK)
			refout_put(out, key, label);
	}
	return MS_OK;
}

/* type_traverse, Objects/typeobject.c: static types are not GC and report nothing. */
enum status
refs_type(struct py *p, const struct pyobj *o, struct refout *out)
{
	bool is_heap = layout_get(p->l, PYF_TP_FLAGS, o->p) & TPF_HEAPTYPE;
	uint32_t hide = is_heap ? 0 : REF_HIDDEN;

	if (left_to_home(p))
		return MS_ABSENT;

	enum status st = refout_room(out, 16);
	if (st != MS_OK)
		return st;
	const struct pytype *self = py_type(p, o->addr);
	taddr state =
		!is_heap && (layout_get(p->l, PYF_TP_FLAGS, o->p) & TPF_STATIC_BUILTIN)
		? type_state(p, o->addr)
		: 0;
	uint64_t subclasses;
	if (self != NULL)
		refout_put(out, self->tp_dict, ref_label(RK_DICT, 0) | hide);
	put_field(p, o, PYF_TP_CACHE, py_label(p, RK_FIELD, "tp_cache") | hide, out);
	put_field(p, o, PYF_TP_MRO, py_label(p, RK_ATTR, "__mro__") | hide, out);
	put_field(p, o, PYF_TP_BASES, py_label(p, RK_ATTR, "__bases__") | hide, out);
	put_field(p, o, PYF_TP_BASE, ref_label(RK_BASE, 0) | hide, out);
	/* The word in the type is an index where the interpreter keeps the dict. */
	if (state == 0)
		put_field(p, o, PYF_TP_SUBCLASSES,
			py_label(p, RK_FIELD, "tp_subclasses") | REF_HIDDEN, out);
	else if (py_word(p, state + layout_off(p->l, PYF_BUILTIN_SUBCLASSES),
			 &subclasses) == MS_OK)
		refout_put(out, subclasses,
			py_label(p, RK_FIELD, "tp_subclasses") | REF_HIDDEN);
	if (!is_heap)
		return MS_OK;
	put_field(p, o, PYF_HT_MODULE, py_label(p, RK_FIELD, "ht_module"), out);
	put_field(p, o, PYF_HT_NAME, py_label(p, RK_ATTR, "__name__") | REF_HIDDEN, out);
	put_field(p, o, PYF_HT_QUALNAME,
		py_label(p, RK_ATTR, "__qualname__") | REF_HIDDEN, out);
	put_field(
		p, o, PYF_HT_SLOTS, py_label(p, RK_FIELD, "ht_slots") | REF_HIDDEN, out);
	if (!layout_has(p->l, PYF_HT_CACHED_KEYS))
		return MS_OK;
	return cached_keys(p, layout_get(p->l, PYF_HT_CACHED_KEYS, o->p), out);
}

/*
 * A module's traverse function and the size of its state: in its definition, or
 * since 3.15 in itself.
 */
static bool
module_state(struct py *p, const struct pyobj *o, uint64_t *traverse, uint64_t *size)
{
	if (layout_has(p->l, PYF_MODULE_STATE_TRAVERSE)) {
		*traverse = layout_get(p->l, PYF_MODULE_STATE_TRAVERSE, o->p);
		*size = layout_get(p->l, PYF_MODULE_STATE_SIZE, o->p);
		return true;
	}
	taddr def = layout_has(p->l, PYF_MODULE_DEF)
		? layout_get(p->l, PYF_MODULE_DEF, o->p)
		: 0;
	return def != 0 &&
		py_word(p, def + layout_off(p->l, PYF_MODDEF_TRAVERSE), traverse) ==
		MS_OK &&
		py_word(p, def + layout_off(p->l, PYF_MODDEF_SIZE), size) == MS_OK;
}

/*
 * module_traverse, Objects/moduleobject.c: the state of a C module, by its own
 * m_traverse.
 */
enum status
refs_module(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t traverse, size;
	taddr state = layout_has(p->l, PYF_MODULE_STATE)
		? layout_get(p->l, PYF_MODULE_STATE, o->p)
		: 0;

	if (!module_state(p, o, &traverse, &size))
		return MS_OK;
	if (traverse == 0 || ((int64_t)size > 0 && state == 0))
		return MS_OK;
	if (p->hooks.traverse != NULL &&
		p->hooks.traverse(p->hooks.self, traverse, o->addr, 0, out) == MS_OK)
		return MS_OK;

	/* Its code could not be interpreted: the words of the state, as guesses. */
	uint64_t width = p->l->machine.ptr_width;
	if (state == 0 || (int64_t)size <= 0 || size > LIM_VALUE_FULL)
		return MS_ABSENT;
	for (uint64_t at = 0; at + width <= size; at += width) {
		uint64_t to;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, state + at, &to) == MS_OK)
			refout_put(out, to, ref_label(RK_OFFSET, at) | REF_GUESS);
	}
	return MS_OK;
}

/*
 * The weak edge of gc_traverse's type, Objects/weakrefobject.c; a dead one points to
 * None.
 */
enum status
refs_weakref(struct py *p, const struct pyobj *o, struct refout *out)
{
	taddr to = layout_get(p->l, PYF_WEAKREF_OBJECT, o->p);

	enum status st = refout_room(out, 1);
	if (st != MS_OK)
		return st;
	if (to != p->none)
		refout_put(out, to, ref_label(RK_WEAK, 0) | REF_HIDDEN);
	return MS_OK;
}

/*
 * memory_traverse, Objects/memoryobject.c: nothing beside mbuf; 2.7, which has none, is
 * asked.
 */
enum status
refs_memoryview(struct py *p, const struct pyobj *o, struct refout *out)
{
	(void)p;
	(void)o;
	(void)out;
	return MS_OK;
}
