/*
 * The last resort for a type whose layout is unknown and whose code could not be
 * interpreted: every aligned word of the object that points to an object is taken for a
 * reference, marked as a guess.
 */
#include "priv.h"

#include "memscan/limits.h"

enum status
opaque_refs(struct walker *w, const struct pyobj *o, uint64_t size)
{
	uint64_t width = target_machine(w->t)->ptr_width;

	if (size > LIM_VALUE_FULL)
		size = LIM_VALUE_FULL;
	/* The header is no reference but the type; two words hold it on every machine. */
	for (uint64_t at = 2 * width; at + width <= size; at += width) {
		uint64_t to;
		enum status st = refout_room(&w->out, 1);
		if (st != MS_OK)
			return st;
		/* There are no objects in what a copy has left out. */
		if (target_word(w->t, o->addr + at, &to) != MS_OK ||
			target_is_left_out(w->t, to, width) || py_type_of(w->p, to) == NULL)
			continue;
		refout_put(&w->out, to, ref_label(RK_OFFSET, at) | REF_GUESS);
	}
	return MS_OK;
}
