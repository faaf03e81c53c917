/*
 * Code objects: the names of their variables, and where in them a frame is.
 *
 * CPython: PyCodeObject, Include/cpython/code.h; co_localsplusnames since 3.11, before
 * that co_varnames, co_cellvars and co_freevars, one after the other.
 */
#include "priv.h"

#include "memscan/limits.h"

/* CO_OPTIMIZED, Include/cpython/code.h (2.7: Include/code.h). */
enum { CO_OPTIMIZED = 0x1, CODE_UNIT = 2 };

bool
is_code(struct py *p, taddr addr)
{
	const struct pytype *ty = py_type_of(p, addr);
	return ty != NULL && ty->shape != NULL && ty->shape->size_rule == SR_code;
}

uint64_t
code_slots(struct py *p, taddr code, uint64_t *nlocalsplus, uint64_t *stacksize)
{
	const uint8_t *c = target_view(p->t, code, layout_size(p->l, PYF_SIZEOF_CODE));

	*nlocalsplus = *stacksize = 0;
	if (c == NULL || !layout_has(p->l, PYF_CODE_NLOCALSPLUS))
		return 0;
	*nlocalsplus = layout_get(p->l, PYF_CODE_NLOCALSPLUS, c);
	*stacksize = layout_get(p->l, PYF_CODE_STACKSIZE, c);
	return *nlocalsplus + *stacksize;
}

bool
code_is_function(struct py *p, taddr code)
{
	uint32_t flags;
	return target_u32(p->t, code + layout_off(p->l, PYF_CODE_FLAGS), &flags) ==
		MS_OK &&
		(flags & CO_OPTIMIZED) != 0;
}

/* The names in one tuple of a code object. */
static void
add_names(struct py *p, taddr code, enum pyf id, struct pylocals *l)
{
	uint64_t width = p->l->machine.ptr_width, names, count;

	if (!layout_has(p->l, id) ||
		py_word(p, code + layout_off(p->l, id), &names) != MS_OK ||
		py_word(p, names + layout_off(p->l, PYF_OB_SIZE), &count) != MS_OK ||
		count > LIM_MEMBERS)
		return;
	taddr at = names + layout_off(p->l, PYF_TUPLE_ITEMS);
	for (uint64_t i = 0; i < count; i++, l->n++) {
		uint64_t name;
		if (py_word(p, at + i * width, &name) != MS_OK)
			break;
		vec_push(&p->local_labels, ref_label(RK_LOCAL, str_intern(p, name)));
	}
}

const uint32_t *
code_locals(struct py *p, taddr code, size_t *n)
{
	uint32_t i;

	*n = 0;
	if (left_to_home(p))
		return NULL;
	if (!map_get(&p->locals_index, code, &i)) {
		struct pylocals l = {.first = (uint32_t)p->local_labels.n};
		if (layout_has(p->l, PYF_CODE_LOCALSPLUSNAMES)) {
			add_names(p, code, PYF_CODE_LOCALSPLUSNAMES, &l);
		} else {
			add_names(p, code, PYF_CODE_VARNAMES, &l);
			add_names(p, code, PYF_CODE_CELLVARS, &l);
			add_names(p, code, PYF_CODE_FREEVARS, &l);
		}
		i = (uint32_t)p->locals.n;
		vec_push(&p->locals, l);
		map_put(&p->locals_index, code, i);
	}
	*n = p->locals.at[i].n;
	return p->local_labels.at + p->locals.at[i].first;
}

/*
 * Where the instructions begin that a thread runs: in the code object, or in a copy of
 * its own (free-threaded since 3.14). 0 if that cannot be told. CPython: struct
 * _PyCodeArray, Include/cpython/code.h: its length, and then pointers.
 */
static taddr
instructions(struct py *p, taddr code, uint64_t copy)
{
	uint64_t width = p->l->machine.ptr_width, array, n, at;

	if (copy == 0 || !layout_has(p->l, PYF_CODE_TLBC))
		return code + layout_off(p->l, PYF_CODE_ADAPTIVE);
	if (py_word(p, code + layout_off(p->l, PYF_CODE_TLBC), &array) != MS_OK ||
		py_word(p, array, &n) != MS_OK || copy >= n ||
		py_word(p, array + width + copy * width, &at) != MS_OK)
		return 0;
	return at;
}

int64_t
code_offset(struct py *p, taddr code, taddr instr, uint64_t copy)
{
	uint64_t units;
	taddr first = instructions(p, code, copy);

	if (first == 0 ||
		py_word(p, code + layout_off(p->l, PYF_OB_SIZE), &units) != MS_OK)
		return PYFRAME_NO_LASTI;
	/* To 3.12 it is the last one that ran: at the start, the one before the first. */
	int64_t off = (int64_t)(instr - first);
	if (off < -CODE_UNIT || off >= INT32_MAX ||
		(off >= 0 && (uint64_t)off / CODE_UNIT > units))
		return PYFRAME_NO_LASTI;
	return off;
}

taddr
py_code_filename(struct py *p, taddr code)
{
	uint64_t name;
	return py_word(p, code + layout_off(p->l, PYF_CODE_FILENAME), &name) == MS_OK
		? name
		: 0;
}
