/*
 * References of list, tuple, structseq, set and deque: arrays of pointers, in chunks that
 * fit the room of a refout, so that a view is never held across a flush.
 */
#include "priv.h"

#include "memscan/limits.h"

enum { CHUNK = 512 };

/*
 * The whole array must be mapped before it is believed: a lying length costs one damage
 * line, not a walk.
 */
static bool
is_array(struct py *p, taddr addr, uint64_t n, uint64_t width)
{
	return n <= LIM_REFS && addr != 0 &&
		py_is_mapped(p, addr, n * width);
}

enum status
refs_array(struct py *p, taddr addr, uint64_t n, uint64_t first, uint32_t flags,
	struct refout *out)
{
	size_t width = p->l->machine.ptr_width;

	if (n == 0)
		return MS_OK;
	if (!is_array(p, addr, n, width))
		return MS_FAULT;
	for (uint64_t i = 0; i < n; i += CHUNK) {
		size_t now = n - i < CHUNK ? (size_t)(n - i) : CHUNK;
		enum status st = refout_room(out, now);
		if (st != MS_OK)
			return st;
		const uint8_t *v = target_view(p->t, addr + i * width, now * width);
		if (v == NULL)
			return MS_FAULT;
		for (size_t j = 0; j < now; j++)
			refout_put(out, layout_word(p->l, v + j * width),
				ref_label(RK_INDEX, first + i + j) | flags);
	}
	return MS_OK;
}

/* list_traverse. During list.sort ob_item is NULL and ob_size 0. */
enum status
refs_list(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t n = layout_get(p->l, PYF_OB_SIZE, o->p);
	return refs_array(p, layout_get(p->l, PYF_LIST_ITEMS, o->p), n, 0, 0, out);
}

/* tupletraverse */
enum status
refs_tuple(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t n = layout_get(p->l, PYF_OB_SIZE, o->p);
	return refs_array(p, o->addr + layout_off(p->l, PYF_TUPLE_ITEMS), n, 0, 0, out);
}

/*
 * structseq_traverse, Objects/structseq.c: the fields that ob_size hides are traversed,
 * too.
 */
enum status
refs_structseq(struct py *p, const struct pyobj *o, struct refout *out)
{
	enum status st = refout_room(out, 1);
	if (st != MS_OK)
		return st;
	if ((o->type->cbase->flags & TPF_HEAPTYPE) && p->l->type_visit == TYPE_BY_BASE)
		refout_put(out, o->type->addr, ref_label(RK_TYPE, 0));
	return refs_array(p, o->addr + layout_off(p->l, PYF_TUPLE_ITEMS),
		o->type->n_structseq, 0, 0, out);
}

uint64_t
type_n_structseq(struct py *p, const struct pytype *ty)
{
	taddr n_fields = py_dict_get(p, ty->tp_dict, "n_fields");
	struct pyobj o;

	if (n_fields == 0 || obj_aside(p, n_fields, &o) != MS_OK ||
		!(o.type->flags & TPF_LONG))
		return 0;
	uint32_t digit = (uint32_t)load_uint(
		o.p + layout_off(p->l, PYF_INT_DIGITS), 4, p->l->swap);
	return digit <= 4096 ? digit : 0;
}

/*
 * set_traverse, Objects/setobject.c. A deleted entry holds the dummy, whose hash is -1.
 */
enum status
refs_set(struct py *p, const struct pyobj *o, struct refout *out)
{
	size_t width = layout_size(p->l, PYF_SIZEOF_SETENTRY);
	uint64_t n = layout_get(p->l, PYF_SET_MASK, o->p) + 1;
	taddr table = layout_get(p->l, PYF_SET_TABLE, o->p);

	if (n == 0 || !is_array(p, table, n, width))
		return MS_FAULT;
	for (uint64_t i = 0; i < n; i += CHUNK) {
		size_t now = n - i < CHUNK ? (size_t)(n - i) : CHUNK;
		enum status st = refout_room(out, now);
		if (st != MS_OK)
			return st;
		const uint8_t *v = target_view(p->t, table + i * width, now * width);
		if (v == NULL)
			return MS_FAULT;
		for (size_t j = 0; j < now; j++, v += width) {
			if (layout_get_signed(p->l, PYF_SETENTRY_HASH, v) != -1)
				refout_put(out, layout_get(p->l, PYF_SETENTRY_KEY, v),
					ref_label(RK_MEMBER, 0));
		}
	}
	return MS_OK;
}

/* deque_traverse, Modules/_collectionsmodule.c: a chain of blocks. */
enum status
refs_deque(struct py *p, const struct pyobj *o, struct refout *out)
{
	size_t width = p->l->machine.ptr_width;
	uint64_t per = layout_size(p->l, PYF_DEQUEBLOCK_DATA) / width;
	uint64_t n = layout_get(p->l, PYF_OB_SIZE, o->p);
	taddr block = layout_get(p->l, PYF_DEQUE_LEFTBLOCK, o->p);
	uint64_t at = layout_get(p->l, PYF_DEQUE_LEFTINDEX, o->p);

	if (n > 0 && (per == 0 || at >= per || n > LIM_REFS))
		return MS_FORMAT;
	for (uint64_t i = 0; i < n;) {
		uint64_t now = per - at < n - i ? per - at : n - i;
		enum status st = refs_array(p,
			block + layout_off(p->l, PYF_DEQUEBLOCK_DATA) + at * width, now,
			i, 0, out);
		if (st != MS_OK)
			return st;
		i += now;
		at = 0;
		if (i < n &&
			py_word(p, block + layout_off(p->l, PYF_DEQUEBLOCK_RIGHT),
				&block) != MS_OK)
			return MS_FAULT;
	}
	return MS_OK;
}
