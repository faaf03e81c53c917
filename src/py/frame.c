/*
 * Frames: running ones in a thread's chain, suspended ones inside generators, and those
 * that frame objects own; their locals by name; the line an instruction belongs to.
 *
 * CPython: _PyInterpreterFrame, Include/internal/pycore_frame.h; _PyFrame_Traverse,
 * Python/frame.c.
 */
#include "priv.h"

#include "memscan/limits.h"

enum { OWNED_BY_FRAME_OBJECT = 2, OWNED_BY_C = 3, FRAME_CLEARED = 4, STACKREF_TAG = 3 };

/*
 * What frames hold since 3.14 (_PyStackRef): the low bits say whether the reference is
 * counted.
 */
static taddr
untagged(const struct py *p, uint64_t word)
{
	return layout_has(p->l, PYF_IFRAME_STACKPOINTER) ? word & ~(uint64_t)STACKREF_TAG
							 : word;
}

/* A word of the frame at addr, 0 where this release has no such field. */
static taddr
frame_word(struct py *p, taddr iframe, enum pyf id)
{
	uint64_t to;

	if (!layout_has(p->l, id) ||
		py_word(p, iframe + layout_off(p->l, id), &to) != MS_OK)
		return 0;
	return untagged(p, to);
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

/* Labels of a code object's local variables, read once from co_localsplusnames. */
static const uint32_t *
local_labels(struct py *p, taddr code, size_t *n)
{
	uint32_t i;

	if (!map_get(&p->locals_index, code, &i)) {
		struct pylocals l = {.first = (uint32_t)p->local_labels.n};
		uint64_t names, count;
		if (py_word(p, code + layout_off(p->l, PYF_CODE_LOCALSPLUSNAMES),
			    &names) == MS_OK &&
			py_word(p, names + layout_off(p->l, PYF_OB_SIZE), &count) ==
				MS_OK &&
			count <= LIM_MEMBERS) {
			taddr at = names + layout_off(p->l, PYF_TUPLE_ITEMS);
			for (; l.n < count; l.n++, at += p->l->machine.ptr_width) {
				uint64_t name;
				if (py_word(p, at, &name) != MS_OK)
					break;
				vec_push(&p->local_labels,
					ref_label(RK_LOCAL, str_intern(p, name)));
			}
		}
		i = (uint32_t)p->locals.n;
		vec_push(&p->locals, l);
		map_put(&p->locals_index, code, i);
	}
	*n = p->locals.at[i].n;
	return p->local_labels.at + p->locals.at[i].first;
}

/*
 * The n slots of a frame from localsplus on: local variables by name, then the evaluation
 * stack.
 */
static enum status
slot_refs(struct py *p, taddr localsplus, taddr code, uint64_t n, uint32_t flags,
	struct refout *out)
{
	uint64_t width = p->l->machine.ptr_width;
	size_t named;
	const uint32_t *labels = local_labels(p, code, &named);

	if (!target_is_mapped(p->t, localsplus, (size_t)(n * width)))
		return MS_FAULT;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t to;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		if (py_word(p, localsplus + i * width, &to) != MS_OK)
			return MS_FAULT;
		refout_put(out, untagged(p, to),
			(i < named ? labels[i] : ref_label(RK_STACK, i - named)) | flags);
	}
	return MS_OK;
}

/*
 * Slots that hold references: what stacktop says, or the local variables alone while it
 * is in use by the eval loop.
 */
static uint64_t
slots_in_use(struct py *p, taddr iframe, taddr code, bool *is_sure)
{
	uint64_t nlocals, stack;
	uint32_t top;

	code_slots(p, code, &nlocals, &stack);
	*is_sure = false;
	if (nlocals > LIM_MEMBERS || stack > LIM_MEMBERS)
		return 0;
	if (!layout_has(p->l, PYF_IFRAME_STACKTOP) ||
		target_u32(p->t, iframe + layout_off(p->l, PYF_IFRAME_STACKTOP), &top) !=
			MS_OK)
		return nlocals;
	/* stacktop is -1 while the frame runs. */
	*is_sure = top <= nlocals + stack;
	return *is_sure ? top : nlocals;
}

enum status
iframe_refs(struct py *p, taddr iframe, bool is_visible, struct refout *out)
{
	uint32_t hide = is_visible ? 0 : REF_HIDDEN;

	enum status st = refout_room(out, 8);
	if (st != MS_OK)
		return st;
	taddr code = frame_word(p, iframe, PYF_IFRAME_CODE);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_OBJ),
		py_label(p, RK_FIELD, "frame_obj") | hide);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_LOCALS),
		py_label(p, RK_ATTR, "f_locals") | hide);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_FUNC),
		py_label(p, RK_FIELD, "f_func") | hide);
	refout_put(out, code, py_label(p, RK_ATTR, "f_code") | hide);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_GLOBALS),
		py_label(p, RK_ATTR, "f_globals") | REF_HIDDEN);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_BUILTINS),
		py_label(p, RK_ATTR, "f_builtins") | REF_HIDDEN);
	if (code == 0)
		return MS_OK;
	bool is_sure;
	uint64_t n = slots_in_use(p, iframe, code, &is_sure);
	/* A frame whose stacktop is in use reports no slots at all. */
	return slot_refs(p, iframe + layout_off(p->l, PYF_IFRAME_LOCALSPLUS), code, n,
		is_sure ? hide : REF_HIDDEN, out);
}

/* frame_traverse: the interpreter frame is reported by its owner alone. */
enum status
refs_frame(struct py *p, const struct pyobj *o, struct refout *out)
{
	uint64_t iframe = layout_get(p->l, PYF_FRAME_IFRAME, o->p);
	uint8_t owner;

	if (iframe == 0)
		return MS_OK;
	if (target_u8(p->t, iframe + layout_off(p->l, PYF_IFRAME_OWNER), &owner) != MS_OK)
		return MS_FAULT;
	return iframe_refs(p, iframe, owner == OWNED_BY_FRAME_OBJECT, out);
}

/* gen_traverse: while the generator has not finished, its frame is inside it. */
enum status
refs_gen(struct py *p, const struct pyobj *o, struct refout *out)
{
	int8_t state = (int8_t)layout_get(p->l, PYF_GEN_STATE, o->p);

	if (state >= FRAME_CLEARED)
		return MS_OK;
	return iframe_refs(p, o->addr + layout_off(p->l, PYF_GEN_IFRAME), true, out);
}

/* ---- threads' stacks ---- */

static taddr
innermost(struct py *p, taddr tstate)
{
	uint64_t at;

	if (p->l->frame_chain == FRAMES_CFRAME) {
		if (py_word(p, tstate + layout_off(p->l, PYF_TSTATE_CFRAME), &at) !=
				MS_OK ||
			at == 0)
			return 0;
		return py_word(p, at + layout_off(p->l, PYF_CFRAME_CURRENT), &at) == MS_OK
			? at
			: 0;
	}
	enum pyf field = p->l->frame_chain == FRAMES_TSTATE ? PYF_TSTATE_CURRENT_FRAME
							    : PYF_TSTATE_FRAME;
	return py_word(p, tstate + layout_off(p->l, field), &at) == MS_OK ? at : 0;
}

/* A frame object of the chain (to 3.10), and the one it was called from. */
static struct pyframe
linked_frame(struct py *p, taddr at, taddr *back)
{
	struct pyframe f = {.addr = at, .lasti = -1};
	uint32_t lasti;

	f.code = frame_word(p, at, PYF_FRAME_CODE);
	if (target_u32(p->t, at + layout_off(p->l, PYF_FRAME_LASTI), &lasti) == MS_OK)
		f.lasti = (int32_t)lasti;
	*back = frame_word(p, at, PYF_FRAME_BACK);
	return f;
}

/*
 * An interpreter frame of the chain; its code is 0 for those that stand for C code
 * (owner).
 */
static struct pyframe
inter_frame(struct py *p, taddr at, taddr *back)
{
	struct pyframe f = {.addr = at, .lasti = -1};
	uint64_t instr;
	uint8_t owner;

	*back = frame_word(p, at, PYF_IFRAME_PREVIOUS);
	if (target_u8(p->t, at + layout_off(p->l, PYF_IFRAME_OWNER), &owner) == MS_OK &&
		owner >= OWNED_BY_C)
		return f;
	f.code = frame_word(p, at, PYF_IFRAME_CODE);
	if (f.code != 0 && layout_has(p->l, PYF_CODE_ADAPTIVE) &&
		layout_has(p->l, PYF_IFRAME_PREV_INSTR) &&
		py_word(p, at + layout_off(p->l, PYF_IFRAME_PREV_INSTR), &instr) == MS_OK)
		f.lasti = (int64_t)(instr - f.code - layout_off(p->l, PYF_CODE_ADAPTIVE));
	return f;
}

enum status
py_frames(struct py *p, taddr tstate,
	enum status (*each)(void *self, const struct pyframe *f), void *self)
{
	taddr at = innermost(p, tstate), back = 0;
	bool is_linked = p->l->frame_chain == FRAMES_LINKED;
	size_t size =
		layout_size(p->l, is_linked ? PYF_SIZEOF_OBJECT : PYF_SIZEOF_IFRAME);

	for (uint64_t i = 0; at != 0; i++, at = back) {
		if (i >= LIM_FRAMES)
			return MS_LIMIT;
		if (!target_is_mapped(p->t, at, size))
			return MS_FAULT;
		struct pyframe f = is_linked ? linked_frame(p, at, &back)
					     : inter_frame(p, at, &back);
		if (f.code == 0)
			continue;
		enum status st = each(self, &f);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

enum status
py_frame_refs(struct py *p, const struct pyframe *f, struct refout *out)
{
	if (p->l->frame_chain != FRAMES_LINKED)
		return iframe_refs(p, f->addr, false, out);
	enum status st = refout_room(out, 1);
	if (st == MS_OK)
		refout_put(out, f->addr, py_label(p, RK_FIELD, "frame"));
	return st;
}
