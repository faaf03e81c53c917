/*
 * Frames: running ones in a thread's chain, suspended ones inside generators, and those
 * that frame objects own; their locals by name; the line an instruction belongs to.
 *
 * CPython: _PyInterpreterFrame, Include/internal/pycore_frame.h; _PyFrame_Traverse,
 * Python/frame.c; _PyFrame_PushTrampolineUnchecked for what calls an __init__.
 */
#include "priv.h"

#include "memscan/limits.h"

enum { OWNED_BY_FRAME_OBJECT = 2, OWNED_BY_C = 3, FRAME_CLEARED = 4, STACKREF_TAG = 3 };

/*
 * What frames hold since 3.14 (_PyStackRef): the low bits say whether the reference is
 * counted; both of them set is a plain number, and the rest of a word below 4 is none.
 */
static taddr
untagged(const struct py *p, uint64_t word)
{
	if (!layout_has(p->l, PYF_IFRAME_STACKPOINTER))
		return word;
	return (word & STACKREF_TAG) == STACKREF_TAG ? 0 : word & ~(uint64_t)STACKREF_TAG;
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

taddr
iframe_code(struct py *p, taddr iframe)
{
	taddr code = frame_word(p, iframe, PYF_IFRAME_CODE);
	return code != 0 && is_code(p, code) ? code : 0;
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
	const uint32_t *labels = code_locals(p, code, &named);

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

/* How many slots stacktop or stackpointer says are in use; false while the eval loop
 * keeps that to itself. */
static bool
stack_height(struct py *p, taddr iframe, uint64_t *ret)
{
	uint32_t top;
	uint64_t pointer;

	if (layout_has(p->l, PYF_IFRAME_STACKTOP)) {
		/* -1 while the frame runs. */
		enum status st = target_u32(
			p->t, iframe + layout_off(p->l, PYF_IFRAME_STACKTOP), &top);
		*ret = top;
		return st == MS_OK;
	}
	taddr slots = iframe + layout_off(p->l, PYF_IFRAME_LOCALSPLUS);
	if (!layout_has(p->l, PYF_IFRAME_STACKPOINTER) ||
		py_word(p, iframe + layout_off(p->l, PYF_IFRAME_STACKPOINTER),
			&pointer) != MS_OK ||
		pointer < slots)
		return false;
	*ret = (pointer - slots) / p->l->machine.ptr_width;
	return true;
}

/*
 * Slots that hold references: as many as are in use, or the local variables alone while
 * it runs. A frame that is not at rest has a stack pointer of an earlier time (3.14).
 */
static uint64_t
slots_in_use(struct py *p, taddr iframe, taddr code, bool at_rest, bool *is_sure)
{
	uint64_t nlocals, stack, top;

	code_slots(p, code, &nlocals, &stack);
	*is_sure = false;
	if (nlocals > LIM_MEMBERS || stack > LIM_MEMBERS)
		return 0;
	if (!at_rest && !layout_has(p->l, PYF_IFRAME_STACKTOP))
		return nlocals;
	*is_sure = stack_height(p, iframe, &top) && top <= nlocals + stack;
	return *is_sure ? top : nlocals;
}

/*
 * A function's variables are in its slots, and what f_locals is of its frame is a copy
 * that somebody asked for; other code has them there and nowhere else.
 */
static uint32_t
f_locals_label(struct py *p, taddr code)
{
	if (code != 0 && code_is_function(p, code))
		return py_label(p, RK_FIELD, "copy of f_locals");
	return py_label(p, RK_ATTR, "f_locals");
}

static enum status
iframe_refs(struct py *p, taddr iframe, bool is_visible, struct refout *out)
{
	uint32_t hide = is_visible ? 0 : REF_HIDDEN;

	enum status st = refout_room(out, 8);
	if (st != MS_OK)
		return st;
	taddr code = iframe_code(p, iframe);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_OBJ),
		py_label(p, RK_FIELD, "frame_obj") | hide);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_LOCALS),
		f_locals_label(p, code) | hide);
	taddr func = frame_word(p, iframe, PYF_IFRAME_FUNC);
	refout_put(out, func, py_label(p, RK_FIELD, "f_func") | hide);
	refout_put(out, frame_word(p, iframe, PYF_IFRAME_CODE),
		py_label(p, RK_ATTR, "f_code") | hide);
	/* A trampoline has no function, and what is there was never set. */
	if (func == 0 || func != p->none) {
		refout_put(out, frame_word(p, iframe, PYF_IFRAME_GLOBALS),
			py_label(p, RK_ATTR, "f_globals") | REF_HIDDEN);
		refout_put(out, frame_word(p, iframe, PYF_IFRAME_BUILTINS),
			py_label(p, RK_ATTR, "f_builtins") | REF_HIDDEN);
	}
	if (code == 0)
		return MS_OK;
	bool is_sure;
	uint64_t n = slots_in_use(p, iframe, code, is_visible, &is_sure);
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
	struct pyframe f = {.addr = at, .lasti = PYFRAME_NO_LASTI};
	/* CPython: f_lasti counts instructions in 3.10, which brought ranges of lines. */
	int64_t unit = p->l->line_form == LINES_RANGES ? 2 : 1;
	uint32_t lasti;

	f.code = frame_word(p, at, PYF_FRAME_CODE);
	if (!is_code(p, f.code))
		f.code = 0;
	if (target_u32(p->t, at + layout_off(p->l, PYF_FRAME_LASTI), &lasti) == MS_OK)
		f.lasti = (int32_t)lasti * unit;
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
	struct pyframe f = {.addr = at, .lasti = PYFRAME_NO_LASTI};
	uint64_t instr;
	uint32_t copy = 0;
	uint8_t owner;

	*back = frame_word(p, at, PYF_IFRAME_PREVIOUS);
	if (target_u8(p->t, at + layout_off(p->l, PYF_IFRAME_OWNER), &owner) == MS_OK &&
		owner >= OWNED_BY_C)
		return f;
	f.code = iframe_code(p, at);
	if (f.code == 0 || !layout_has(p->l, PYF_CODE_ADAPTIVE) ||
		!layout_has(p->l, PYF_IFRAME_PREV_INSTR))
		return f;
	if (layout_has(p->l, PYF_IFRAME_TLBC_INDEX) &&
		target_u32(p->t, at + layout_off(p->l, PYF_IFRAME_TLBC_INDEX), &copy) !=
			MS_OK)
		return f;
	if (py_word(p, at + layout_off(p->l, PYF_IFRAME_PREV_INSTR), &instr) == MS_OK)
		f.lasti = code_offset(p, f.code, instr, copy);
	return f;
}

bool
loop_seen(struct loop *l, taddr at)
{
	if (l->steps > 0 && at == l->mark)
		return true;
	if (l->steps++ >= l->until) {
		l->mark = at;
		l->until = 2 * l->until + 1;
		l->steps = 1;
	}
	return false;
}

enum status
py_frames(struct py *p, taddr tstate,
	enum status (*each)(void *self, const struct pyframe *f), void *self)
{
	taddr at = innermost(p, tstate), back = 0;
	bool is_linked = p->l->frame_chain == FRAMES_LINKED;
	size_t size =
		layout_size(p->l, is_linked ? PYF_SIZEOF_OBJECT : PYF_SIZEOF_IFRAME);
	struct loop loop = {0};

	for (uint64_t i = 0; at != 0; i++, at = back) {
		if (i >= LIM_FRAMES || loop_seen(&loop, at))
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

/* A frame object to 3.10: its variables, and f_locals if that is where they are. */
static enum status
linked_refs(struct py *p, taddr frame, struct refout *out)
{
	taddr code = frame_word(p, frame, PYF_FRAME_CODE);
	size_t n;

	if (!is_code(p, code) || !layout_has(p->l, PYF_FRAME_LOCALSPLUS))
		return MS_OK;
	code_locals(p, code, &n);
	enum status st = refout_room(out, 1);
	if (st != MS_OK)
		return st;
	if (!code_is_function(p, code))
		refout_put(out, frame_word(p, frame, PYF_FRAME_LOCALS),
			py_label(p, RK_ATTR, "f_locals"));
	return slot_refs(
		p, frame + layout_off(p->l, PYF_FRAME_LOCALSPLUS), code, n, 0, out);
}

enum status
py_frame_refs(struct py *p, const struct pyframe *f, struct refout *out)
{
	if (p->l->frame_chain != FRAMES_LINKED)
		return iframe_refs(p, f->addr, false, out);
	enum status st = refout_room(out, 1);
	if (st != MS_OK)
		return st;
	refout_put(out, f->addr, py_label(p, RK_FIELD, "frame"));
	return linked_refs(p, f->addr, out);
}

bool
py_frame_rest(struct py *p, const struct pyframe *f, struct span *ret)
{
	uint64_t width = p->l->machine.ptr_width, nlocals, stack;
	bool is_linked = p->l->frame_chain == FRAMES_LINKED, is_sure = false;
	enum pyf slots = is_linked ? PYF_FRAME_LOCALSPLUS : PYF_IFRAME_LOCALSPLUS;
	uint32_t depth;

	if (f->code == 0 || !layout_has(p->l, slots) ||
		target_u32(p->t, f->code + layout_off(p->l, PYF_CODE_STACKSIZE),
			&depth) != MS_OK)
		return false;
	if (is_linked) {
		size_t n;
		code_locals(p, f->code, &n);
		nlocals = n;
	} else {
		slots_in_use(p, f->addr, f->code, false, &is_sure);
		code_slots(p, f->code, &nlocals, &stack);
	}
	if (is_sure || nlocals > LIM_MEMBERS || depth > LIM_MEMBERS)
		return false;
	ret->start = f->addr + layout_off(p->l, slots) + nlocals * width;
	ret->end = ret->start + depth * width;
	return true;
}

/* ---- names for what frames and generators report when asked ---- */

void
py_named_parts(struct py *p, const struct pyobj *o, struct refout *out)
{
	const struct shape *s = o->type->shape;
	enum status st = MS_OK;
	uint64_t iframe;

	if (s == NULL || (s->size_rule != SR_frame && s->size_rule != SR_gen))
		return;
	if (s->size_rule == SR_gen && layout_has(p->l, PYF_GEN_IFRAME))
		st = iframe_refs(
			p, o->addr + layout_off(p->l, PYF_GEN_IFRAME), true, out);
	else if (s->size_rule == SR_frame && p->l->frame_chain == FRAMES_LINKED)
		st = linked_refs(p, o->addr, out);
	else if (s->size_rule == SR_frame && layout_has(p->l, PYF_FRAME_IFRAME) &&
		py_word(p, o->addr + layout_off(p->l, PYF_FRAME_IFRAME), &iframe) ==
			MS_OK)
		st = iframe_refs(p, iframe, true, out);
	/* What could not be read has no name. */
	(void)st;
}
