/*
 * sys.getsizeof: the rule of the first class in the MRO that has a __sizeof__, plus what
 * stands before the object (PySys_GetSizeOf, _PySys_GetSizeOf, Python/sysmodule.c).
 */
#include "priv.h"

#include "memscan/limits.h"

static uint64_t
size_std(struct py *p, const struct pyobj *o)
{
	uint64_t size = o->type->basicsize;
	/* In Py_ssize_t, so that a negative ob_size (2.7's long) subtracts. */
	if (o->type->itemsize > 0)
		size += (uint64_t)layout_get_signed(p->l, PYF_OB_SIZE, o->p) *
			o->type->itemsize;
	return size;
}

/* _PyDict_SizeOf, Objects/dictobject.c: shared keys belong to nobody. */
static enum status
size_dict(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	struct keys k;
	enum status st = keys_read(p, layout_get(p->l, PYF_DICT_KEYS, o->p), &k);
	if (st != MS_OK)
		return st;
	*ret = o->type->basicsize;
	if (layout_get(p->l, PYF_DICT_VALUES, o->p) != 0)
		*ret += (p->l->keys_size == KEYS_LOG2 ? k.n + k.usable : k.room) *
			p->l->machine.ptr_width;
	if (k.refcnt == 1)
		*ret += k.size;
	return MS_OK;
}

static enum status
size_odict(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	enum status st = size_dict(p, o, ret);
	if (st != MS_OK)
		return st;
	/* odict_sizeof, Objects/odictobject.c */
	*ret += layout_get(p->l, PYF_ODICT_FAST_SIZE, o->p) * p->l->machine.ptr_width;
	if (layout_get(p->l, PYF_ODICT_FIRST, o->p) != 0)
		*ret += layout_size(p->l, PYF_SIZEOF_ODICTNODE) *
			layout_get(p->l, PYF_DICT_USED, o->p);
	return MS_OK;
}

/* unicode_sizeof, Objects/unicodeobject.c */
static enum status
size_str(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	const struct layout *l = p->l;
	const struct pystr *s;
	enum status st = object_str(p, o, &s);
	if (st != MS_OK)
		return st;

	if (s->is_compact && s->is_ascii)
		*ret = layout_size(l, PYF_SIZEOF_ASCII) + s->length + 1;
	else if (s->is_compact)
		*ret = layout_size(l, PYF_SIZEOF_COMPACT) + (s->length + 1) * s->kind;
	else
		*ret = layout_size(l, PYF_SIZEOF_UNICODE) +
			(s->data != 0 ? (s->length + 1) * s->kind : 0);

	if (layout_has(l, PYF_STR_WSTR)) {
		taddr wstr = layout_get(l, PYF_STR_WSTR, o->p);
		uint64_t n = s->is_compact && s->is_ascii
			? s->length
			: layout_get(l, PYF_STR_WSTR_LENGTH, o->p);
		if (wstr != 0 && (!s->is_ready || wstr != s->data))
			*ret += (n + 1) * 4;
	}
	if (s->is_compact && s->is_ascii)
		return MS_OK;
	taddr utf8 = layout_get(l, PYF_STR_UTF8, o->p);
	if (utf8 != 0 && utf8 != s->data)
		*ret += layout_get(l, PYF_STR_UTF8_LENGTH, o->p) + 1;
	return MS_OK;
}

/*
 * int___sizeof___impl, Objects/longobject.c. Up to 3.11 a constant, since 3.12 the
 * basicsize is what stands before the digits; at least one digit is counted since 3.11,
 * which int's own method is asked about, once, with the first 0 that comes.
 */
static enum status
size_int(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	uint64_t front = layout_off(p->l, PYF_INT_DIGITS), digits;

	if (p->l->int_form == INT_LV_TAG) {
		digits = layout_get(p->l, PYF_INT_TAG, o->p) >> 3;
		*ret = o->type->basicsize + (digits > 0 ? digits : 1) * 4;
		return MS_OK;
	}
	int64_t n = layout_get_signed(p->l, PYF_OB_SIZE, o->p);
	digits = (n < 0 ? -(uint64_t)n : (uint64_t)n);
	if (digits > 0) {
		*ret = front + digits * p->l->digit_width;
		return MS_OK;
	}
	*ret = SETTLED((p->home != NULL ? p->home : p)->int_zero_size);
	if (*ret != 0)
		return MS_OK;
	if (p->hooks.size_of == NULL ||
		p->hooks.size_of(p->hooks.self, o->type->size_fn, o->addr, 0, ret) !=
			MS_OK)
		return MS_ABSENT;
	SETTLE(p->int_zero_size, *ret);
	return MS_OK;
}

/* type___sizeof___impl, Objects/typeobject.c */
static enum status
size_type(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	struct keys k;

	if (!(layout_get(p->l, PYF_TP_FLAGS, o->p) & TPF_HEAPTYPE)) {
		*ret = layout_size(p->l, PYF_SIZEOF_TYPE);
		return MS_OK;
	}
	*ret = layout_size(p->l, PYF_SIZEOF_HEAPTYPE);
	taddr keys_at = layout_has(p->l, PYF_HT_CACHED_KEYS)
		? layout_get(p->l, PYF_HT_CACHED_KEYS, o->p)
		: 0;
	if (keys_at == 0)
		return MS_OK;
	enum status st = keys_read(p, keys_at, &k);
	if (st == MS_OK)
		*ret += k.size;
	return st;
}

/* code_sizeof, Objects/codeobject.c: ob_size counts code units of two bytes. */
static uint64_t
size_code(struct py *p, const struct pyobj *o)
{
	uint64_t n,
		size = o->type->basicsize +
		layout_get(p->l, PYF_OB_SIZE, o->p) * o->type->itemsize;
	taddr extra = layout_has(p->l, PYF_CODE_EXTRA)
		? layout_get(p->l, PYF_CODE_EXTRA, o->p)
		: 0;

	uint64_t width = p->l->machine.ptr_width;
	size = (size + width - 1) / width * width;
	if (extra != 0 &&
		py_word(p, extra + layout_off(p->l, PYF_CODEEXTRA_SIZE), &n) == MS_OK &&
		n > 0)
		size += layout_size(p->l, PYF_SIZEOF_CODEEXTRA) +
			(n - 1) * p->l->machine.ptr_width;
	return size;
}

/*
 * frame_sizeof and gen_sizeof: the frame is counted even if the object does not own it.
 * MS_ABSENT  the frame has no code
 */
static enum status
size_slots(struct py *p, taddr code, uint64_t front, uint64_t *ret)
{
	uint64_t nlocals, stack, slots = code_slots(p, code, &nlocals, &stack);

	if (code == 0)
		return MS_ABSENT;
	*ret = front + layout_off(p->l, PYF_IFRAME_LOCALSPLUS) +
		slots * p->l->machine.ptr_width;
	return MS_OK;
}

static enum status
size_frame(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	taddr iframe = layout_get(p->l, PYF_FRAME_IFRAME, o->p);
	return size_slots(
		p, iframe_code(p, iframe), layout_off(p->l, PYF_FRAME_DATA), ret);
}

static enum status
size_gen(struct py *p, const struct pyobj *o, uint64_t *ret)
{
	uint64_t front = layout_off(p->l, PYF_GEN_IFRAME);
	/* Since 3.12 the frame alone has it. */
	taddr code = layout_has(p->l, PYF_GEN_CODE) ? layout_get(p->l, PYF_GEN_CODE, o->p)
						    : iframe_code(p, o->addr + front);
	return size_slots(p, code, front, ret);
}

/* deque_sizeof, Modules/_collectionsmodule.c */
static uint64_t
size_deque(struct py *p, const struct pyobj *o)
{
	uint64_t per = layout_size(p->l, PYF_DEQUEBLOCK_DATA) / p->l->machine.ptr_width;
	if (per == 0)
		return o->type->basicsize;
	uint64_t used = layout_get(p->l, PYF_DEQUE_LEFTINDEX, o->p) +
		layout_get(p->l, PYF_OB_SIZE, o->p);
	return o->type->basicsize +
		(used + per - 1) / per * layout_size(p->l, PYF_SIZEOF_DEQUEBLOCK);
}

static uint64_t
size_set(struct py *p, const struct pyobj *o)
{
	uint64_t size = o->type->basicsize;
	taddr table = layout_get(p->l, PYF_SET_TABLE, o->p);
	if (table != o->addr + layout_off(p->l, PYF_SET_SMALLTABLE))
		size += (layout_get(p->l, PYF_SET_MASK, o->p) + 1) *
			layout_size(p->l, PYF_SIZEOF_SETENTRY);
	return size;
}

static enum status
size_apply(struct py *p, const struct pyobj *o, enum size_rule rule, uint64_t *ret)
{
	switch (rule) {
	case SR_std:
		*ret = size_std(p, o);
		return MS_OK;
	case SR_list:
		*ret = o->type->basicsize +
			layout_get(p->l, PYF_LIST_ALLOCATED, o->p) *
				p->l->machine.ptr_width;
		return MS_OK;
	case SR_dict:
		return size_dict(p, o, ret);
	case SR_odict:
		return size_odict(p, o, ret);
	case SR_set:
		*ret = size_set(p, o);
		return MS_OK;
	case SR_int:
		return size_int(p, o, ret);
	case SR_str:
		return size_str(p, o, ret);
	case SR_bytearray:
		*ret = o->type->basicsize + layout_get(p->l, PYF_BYTEARRAY_ALLOC, o->p);
		return MS_OK;
	case SR_type:
		return size_type(p, o, ret);
	case SR_code:
		*ret = size_code(p, o);
		return MS_OK;
	case SR_frame:
		return size_frame(p, o, ret);
	case SR_gen:
		return size_gen(p, o, ret);
	case SR_deque:
		*ret = size_deque(p, o);
		return MS_OK;
	}
	return MS_ABSENT;
}

/* ---- which rule a type's instances follow ---- */

/*
 * True if a release has the fields that a rule looks at; where it has not, the method
 * itself is asked.
 */
static bool
rule_fits(const struct layout *l, enum size_rule rule)
{
	switch (rule) {
	case SR_dict:
		return layout_has(l, PYF_DICT_KEYS);
	case SR_str:
		return l->str_form == STR_PEP393;
	case SR_bytearray:
		/* Since 3.15 a bytes object holds the buffer. */
		return !layout_has(l, PYF_BYTEARRAY_OBJECT);
	case SR_odict:
		return layout_has(l, PYF_ODICT_FAST_SIZE) &&
			layout_has(l, PYF_SIZEOF_ODICTNODE);
	case SR_code:
		return layout_has(l, PYF_CODE_ADAPTIVE);
	case SR_frame:
		return layout_has(l, PYF_FRAME_IFRAME) && layout_has(l, PYF_FRAME_DATA) &&
			layout_has(l, PYF_CODE_NLOCALSPLUS);
	case SR_gen:
		return layout_has(l, PYF_GEN_IFRAME) &&
			layout_has(l, PYF_CODE_NLOCALSPLUS);
	case SR_deque:
		return layout_has(l, PYF_DEQUE_LEFTINDEX) &&
			layout_has(l, PYF_SIZEOF_DEQUEBLOCK) &&
			!layout_has(l, PYF_SIZEOF_INSTANCE27);
	default:
		return true;
	}
}

/*
 * True if the first class in the MRO with a __sizeof__ was found at ty: *w says how it is
 * answered.
 */
static bool
settle_at(struct py *p, struct pytype *w, const struct pytype *ty)
{
	if (ty->is_python) {
		/*
		 * A method written in Python cannot be evaluated: the next C one stands
		 * for it.
		 */
		if (py_dict_get(p, ty->tp_dict, "__sizeof__") != 0)
			w->size_is_base = true;
		return false;
	}
	if (ty->sizeof_meth == 0)
		return false;
	if (ty->base == NULL) {
		w->size_how = SIZE_RULE;
		w->size_rule = SR_std;
		return true;
	}
	const struct shape *s = ty->own_shape;
	w->size_fn = ty->sizeof_meth;
	w->size_class = ty->sizeof_takes_class ? ty->addr : 0;
	w->size_how = SIZE_FOREIGN;
	if (s != NULL && s->size_rule != SR_std && rule_fits(p->l, s->size_rule)) {
		w->size_how = SIZE_RULE;
		w->size_rule = s->size_rule;
	}
	return true;
}

static void
settle_size(struct py *p, struct pytype *w)
{
	uint64_t mro, n, at;

	w->size_how = SIZE_UNKNOWN;
	/*
	 * A type that is not ready has no MRO yet; its own method or object's rule is
	 * what it will get.
	 */
	if (!(w->flags & TPF_READY) && settle_at(p, w, w))
		return;
	if (!(w->flags & TPF_READY)) {
		w->size_how = SIZE_RULE;
		w->size_rule = SR_std;
		return;
	}
	if (py_word(p, w->addr + layout_off(p->l, PYF_TP_MRO), &mro) != MS_OK ||
		py_word(p, mro + layout_off(p->l, PYF_OB_SIZE), &n) != MS_OK ||
		n > LIM_MRO)
		n = 0;
	for (uint64_t i = 0; i < n; i++) {
		if (py_word(p,
			    mro + layout_off(p->l, PYF_TUPLE_ITEMS) +
				    i * p->l->machine.ptr_width,
			    &at) != MS_OK)
			break;
		const struct pytype *ty = py_type(p, at);
		if (ty != NULL && settle_at(p, w, ty))
			return;
	}
}

/*
 * _PyType_PreHeaderSize, or before it the GC head of an object that has one
 * (PyObject_IS_GC).
 */
static uint64_t
preheader(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;
	uint64_t size = 0;
	bool is_static = (ty->flags & TPF_TYPE) &&
		!(layout_get(p->l, PYF_TP_FLAGS, o->p) & TPF_HEAPTYPE);

	if (p->l->preheader == PREHEADER_OBJECT && !object_is_gc(p, o))
		return 0;
	if (is_static && p->l->preheader == PREHEADER_TYPE_HEAP &&
		ty->addr == p->type_type)
		return 0;
	if (ty->flags & TPF_HAVE_GC)
		size += p->l->gc_head;
	uint32_t words = p->l->attr_home == ATTR_PREHEADER_311
		? TPF_MANAGED_DICT
		: TPF_MANAGED_DICT | TPF_MANAGED_WEAKREF;
	if ((ty->flags & words) && p->l->preheader != PREHEADER_OBJECT)
		size += 2 * p->l->machine.ptr_width;
	return size;
}

enum status
py_size(struct py *p, const struct pyobj *o, uint64_t *ret, bool *is_base)
{
	const struct pytype *ty = o->type;
	enum status st = MS_ABSENT;

	if (!SETTLED(ty->sizes_known)) {
		if (left_to_home(p))
			return MS_ABSENT;
		settle_size(p, p->types.at[ty->id]);
		SETTLE(p->types.at[ty->id]->sizes_known, true);
	}
	*is_base = ty->size_is_base;
	if (ty->size_how == SIZE_RULE)
		st = size_apply(p, o, ty->size_rule, ret);
	else if (ty->size_how == SIZE_FOREIGN && p->hooks.size_of != NULL)
		st = p->hooks.size_of(
			p->hooks.self, ty->size_fn, o->addr, ty->size_class, ret);
	if (st == MS_FAULT || st == MS_FORMAT)
		return st;
	if (st != MS_OK) {
		*is_base = true;
		*ret = size_std(p, o);
	}
	/* More than the address space is no size: the object lies. */
	if (*ret > 1ull << 47)
		return MS_FORMAT;
	*ret += preheader(p, o);
	return MS_OK;
}
