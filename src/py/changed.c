/*
 * An object seen twice, while its process ran on: is it the same, and if it is a list, dict
 * or set, has it the same items as far as its own fields tell?
 */
#include "priv.h"

#include <string.h>

/* Where the fields of a list, dict or set end; 0 if it is none. */
static size_t
container_end(const struct py *p, const struct pytype *ty)
{
	size_t end = 0;

	switch (ty->shape != NULL ? ty->shape->size_rule : SR_std) {
	case SR_list:
		end = layout_off(p->l, PYF_LIST_ITEMS) + p->l->machine.ptr_width;
		break;
	case SR_dict:
	case SR_odict:
		end = layout_size(p->l, PYF_SIZEOF_DICT);
		break;
	case SR_set:
		end = layout_size(p->l, PYF_SIZEOF_SET);
		break;
	default:
		break;
	}
	return end < PYCHANGE_VIEW ? end : PYCHANGE_VIEW;
}

/*
 * An allocator puts the link to the next free block over the first word of a block that is
 * freed, which is the reference count of objects without a head of the collector's.
 */
static bool
is_freed(struct py *p, const uint8_t *then, const uint8_t *now)
{
	if (object_refcount(p->l, now) == 0)
		return object_refcount(p->l, then) != 0;
	uint64_t word = layout_word(p->l, now);
	return !layout_has(p->l, PYF_OB_REF_LOCAL) && word != layout_word(p->l, then) &&
		target_is_mapped(p->t, word, 1);
}

enum pychange
py_changed(struct py *p, const struct pytype *ty, const uint8_t then[PYCHANGE_VIEW],
	const uint8_t now[PYCHANGE_VIEW])
{
	size_t head = layout_size(p->l, PYF_SIZEOF_OBJECT);
	size_t end = container_end(p, ty);

	if (layout_get(p->l, PYF_OB_TYPE, now) != layout_get(p->l, PYF_OB_TYPE, then) ||
		is_freed(p, then, now))
		return PY_GONE;
	if (end > head && memcmp(then + head, now + head, end - head) != 0)
		return PY_CHANGED;
	return PY_SAME;
}
