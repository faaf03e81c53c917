/*
 * One object: its header, and a view of its bytes that stays valid while it is decoded.
 */
#include "priv.h"

#include <string.h>

enum status
py_word(struct py *p, taddr addr, uint64_t *ret)
{
	const void *v = target_view(p->t, addr, p->l->machine.ptr_width);
	if (v == NULL)
		return MS_FAULT;
	*ret = layout_word(p->l, v);
	return MS_OK;
}

bool
py_is_mapped(struct py *p, taddr addr, uint64_t n)
{
	struct target_data d;

	/* What is at hand needs no search of the regions. */
	if (target_at(p->t, addr, &d) && n <= d.n)
		return true;
	return target_is_mapped(p->t, addr, (size_t)n);
}

const struct pytype *
py_type_of(struct py *p, taddr addr)
{
	if (!is_pointer_aligned(addr, p->l->machine.ptr_width) || addr == 0)
		return NULL;
	const uint8_t *v = target_view(p->t, addr, layout_size(p->l, PYF_SIZEOF_OBJECT));
	if (v == NULL)
		return NULL;
	return py_type(p, layout_get(p->l, PYF_OB_TYPE, v));
}

/*
 * Copy what is mapped of the view into to, zeros behind. It may go on in further regions,
 * for memory that was copied is divided where pages are absent or were left out. Of what
 * was left out the object's own `need` bytes alone are asked for.
 */
static enum status
copy_view(struct py *p, taddr addr, size_t need, uint8_t *to, bool *is_file)
{
	size_t have = 0;

	while (have < PYOBJ_VIEW) {
		const struct region *r = target_region(p->t, addr + have);
		size_t n = PYOBJ_VIEW - have;
		if (r != NULL && r->end - (addr + have) < n)
			n = (size_t)(r->end - (addr + have));
		if (r != NULL && r->is_left_out && have + n > need)
			n = need > have ? need - have : 0;
		if (have == 0 && r != NULL)
			*is_file = r->path[0] == '/';
		if (r == NULL || n == 0)
			break;
		enum status st = target_read(p->t, addr + have, to + have, n);
		if (st != MS_OK && have < need)
			return st;
		if (st != MS_OK)
			break;
		have += n;
	}
	if (have < need)
		return MS_FAULT;
	memset(to + have, 0, PYOBJ_VIEW - have);
	return MS_OK;
}

/*
 * CPython, free-threaded: the owner's count and that of all other threads, which has two
 * flags below it (Include/refcount.h); an object with a deferred count has a large bias
 * in it
 * (_Py_REF_DEFERRED, Include/internal/pycore_object_deferred.h, 3.14), or before that one
 * that nobody has (_PyObject_SetDeferredRefcount, Objects/object.c, 3.13).
 */
#define LOCAL_IMMORTAL UINT32_MAX
#define REF_DEFERRED (INT64_MAX / 8)
enum { SHARED_SHIFT = 2, GC_BIT_TRACKED = 1, GC_BIT_DEFERRED = 64 };

uint64_t
object_refcount(const struct layout *l, const uint8_t *v)
{
	if (!layout_has(l, PYF_OB_REF_LOCAL)) {
		/* Since 3.12 the low half counts, and its sign says immortal. */
		uint64_t n = layout_get(l, PYF_OB_REFCNT, v);
		return l->has_immortals ? (uint32_t)n : n;
	}
	uint64_t local = layout_get(l, PYF_OB_REF_LOCAL, v);
	int64_t shared = layout_get_signed(l, PYF_OB_REF_SHARED, v) >> SHARED_SHIFT;
	if (local == LOCAL_IMMORTAL)
		return local;
	if (shared > REF_DEFERRED / 2)
		shared -= REF_DEFERRED;
	else if (layout_has(l, PYF_OB_GC_BITS) && local > 0 &&
		(layout_get(l, PYF_OB_GC_BITS, v) & GC_BIT_DEFERRED))
		local--;
	return local + (uint64_t)shared;
}

void
py_object_head(const struct layout *l, struct object_head *ret)
{
	unsigned width = l->machine.ptr_width;
	bool has_two = layout_has(l, PYF_OB_REF_LOCAL);

	*ret = (struct object_head){.type = (unsigned)layout_off(l, PYF_OB_TYPE),
		.flags = (unsigned)layout_off(l, PYF_TP_FLAGS),
		.n_counts = has_two ? 2 : 1};
	if (!has_two) {
		ret->counts[0].off = (unsigned)layout_off(l, PYF_OB_REFCNT);
		ret->counts[0].width = width;
		return;
	}
	ret->counts[0].off = (unsigned)layout_off(l, PYF_OB_REF_LOCAL);
	ret->counts[0].width = 4;
	ret->counts[1].off = (unsigned)layout_off(l, PYF_OB_REF_SHARED);
	ret->counts[1].width = width;
	ret->counts[1].shift = SHARED_SHIFT;
}

/*
 * Bytes of the object itself, as far as the view goes. Only heap types are as large as
 * their type says: behind a static one nothing need be mapped.
 */
static size_t
needed(struct py *p, taddr addr, const struct pytype *type)
{
	uint64_t flags, n = type->basicsize;

	if ((type->flags & TPF_TYPE) &&
		py_word(p, addr + layout_off(p->l, PYF_TP_FLAGS), &flags) == MS_OK &&
		!(flags & TPF_HEAPTYPE))
		n = layout_size(p->l, PYF_SIZEOF_TYPE);
	return n < PYOBJ_VIEW ? (size_t)n : PYOBJ_VIEW;
}

static enum status
decode(struct py *p, taddr addr, uint8_t *view, struct pyobj *ret)
{
	const struct pytype *type = py_type_of(p, addr);
	if (type == NULL)
		return MS_FORMAT;

	struct target_data d;
	if (!target_at(p->t, addr, &d) || d.n < PYOBJ_VIEW) {
		enum status st =
			copy_view(p, addr, needed(p, addr, type), view, &d.is_file);
		if (st != MS_OK)
			return st;
		d.p = view;
	}
	p->str_at = 0;
	*ret = (struct pyobj){
		.addr = addr,
		.type = type,
		.p = d.p,
		.refcount = object_refcount(p->l, d.p),
		.is_file = d.is_file,
	};
	return MS_OK;
}

enum status
py_obj(struct py *p, taddr addr, struct pyobj *ret)
{
	return decode(p, addr, p->view, ret);
}

enum status
obj_aside(struct py *p, taddr addr, struct pyobj *ret)
{
	return decode(p, addr, p->aside, ret);
}

/*
 * CPython: _PyObject_GC_IS_TRACKED; up to 3.7 gc_refs says so (-2), above its flags.
 */
static bool
is_tracked(struct py *p, taddr obj)
{
	taddr head = obj - p->l->gc_head;
	uint64_t v;
	uint8_t bits;

	if (layout_has(p->l, PYF_OB_GC_BITS))
		return target_u8(p->t, obj + layout_off(p->l, PYF_OB_GC_BITS), &bits) ==
			MS_OK &&
			(bits & GC_BIT_TRACKED);
	if (!layout_has(p->l, PYF_GCHEAD_OLD_REFS))
		return py_word(p, head + layout_off(p->l, PYF_GCHEAD_NEXT), &v) ==
			MS_OK &&
			v != 0;
	if (py_word(p, head + layout_off(p->l, PYF_GCHEAD_OLD_REFS), &v) != MS_OK)
		return false;
	int64_t refs = p->l->machine.ptr_width == 8 ? (int64_t)v : (int32_t)v;
	return refs >> p->l->gc_refs_flags != -2;
}

/*
 * Of the builtin types only type has a tp_is_gc: type_is_gc, heap types. Of others
 * greenlet has one.
 */
bool
object_is_gc(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;
	bool is_gc = true;

	if (!(ty->flags & TPF_HAVE_GC))
		return false;
	if (ty->flags & TPF_TYPE)
		return layout_get(p->l, PYF_TP_FLAGS, o->p) & TPF_HEAPTYPE;
	if (ty->is_gc == 0 || p->hooks.is_gc == NULL ||
		p->hooks.is_gc(p->hooks.self, ty->is_gc, o->addr, &is_gc) != MS_OK)
		return true;
	return is_gc;
}

/*
 * CPython: _Py_IsImmortal, Include/refcount.h. Objects of 32-bit processes have so many
 * references or are immortal (3.12 and 3.13: UINT_MAX >> 2; 3.14: from 1 << 30 on).
 */
static bool
is_immortal(const struct layout *l, uint64_t refcount)
{
	if (layout_has(l, PYF_OB_REF_LOCAL))
		return refcount == LOCAL_IMMORTAL;
	if (!l->has_immortals)
		return false;
	return l->machine.ptr_width == 4 ? refcount >= UINT32_MAX >> 2
					 : (int32_t)refcount < 0;
}

uint32_t
py_flags(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;
	uint32_t flags = 0;

	if (object_is_gc(p, o)) {
		flags |= OF_GC;
		if (is_tracked(p, o->addr))
			flags |= OF_TRACKED;
	}
	if (o->is_file)
		flags |= OF_STATIC;
	if (p->rt->addr != 0 && o->addr >= p->rt->addr &&
		o->addr - p->rt->addr < p->rt->size)
		flags |= OF_STATIC;
	if (is_immortal(p->l, o->refcount))
		flags |= OF_IMMORTAL;
	const struct pystr *s;
	if (p->l->str_form == STR_PEP393 && (ty->flags & TPF_UNICODE) &&
		object_str(p, o, &s) == MS_OK && s->interned != 0)
		flags |= OF_INTERNED;
	return flags;
}

/* Nobody takes what does not fit a scratch refout: the call that fills it ends. */
static enum status
scratch_full(struct refout *o)
{
	(void)o;
	return MS_LIMIT;
}

struct refout *
refout_scratch(void)
{
	struct refout *o = xcalloc(1, sizeof(*o));
	o->flush = scratch_full;
	return o;
}

enum status
refout_room(struct refout *o, size_t n)
{
	if (o->n + n <= REFOUT_ROOM)
		return MS_OK;
	return o->flush(o);
}

bool
py_has_table(const struct pytype *ty)
{
	return ty->is_structseq || (ty->shape != NULL && !ty->shape->is_asked);
}

void
py_prefetch_head(const struct py *p, taddr addr)
{
	target_prefetch(p->t, addr);
}

void
py_prefetch(struct py *p, taddr addr)
{
	const struct layout *l = p->l;
	struct target_data d;
	enum pyf id = PYF_DICT_KEYS;

	if (!target_at(p->t, addr, &d) || d.n < PYOBJ_VIEW)
		return;
	const struct pytype *ty =
		py_type_recent(p, layout_get(l, PYF_OB_TYPE, d.p));
	if (ty == NULL)
		return;
	if (ty->flags & TPF_LIST)
		id = PYF_LIST_ITEMS;
	else if (!(ty->flags & TPF_DICT) || !layout_has(l, PYF_DICT_KEYS))
		return;
	taddr to = layout_get(l, id, d.p);
	target_prefetch(p->t, to);
	target_prefetch(p->t, to + 128);
}

/*
 * The tp_traverse that must be asked about an object: 0 if a shape knows, or if the
 * object is none of the collector's.
 */
taddr
py_asks(struct py *p, const struct pyobj *o)
{
	const struct pytype *ty = o->type;

	if (py_has_table(ty) || ty->cbase->traverse == 0 || !object_is_gc(p, o))
		return 0;
	return ty->cbase->traverse;
}

/*
 * What the type's T_OBJECT members name, where no shape does: owned, but not traversed.
 */
static enum status
member_refs(struct py *p, const struct pyobj *o, struct refout *out)
{
	const struct pytype *ty = o->type->cbase;
	enum status st = refout_room(out, ty->n_members);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < ty->n_members; i++) {
		uint64_t to;
		if (py_word(p, o->addr + ty->members[i].offset, &to) == MS_OK)
			refout_put(out, to, ty->members[i].label | REF_HIDDEN);
	}
	return MS_OK;
}

/* Smaller ones are a number or two. */
enum { UNSEEN_WORDS = 5 };

bool
py_unseen(const struct py *p, taddr addr, const struct pytype *ty, struct span *ret)
{
	const struct pytype *c = ty->cbase;
	uint64_t from = 2 * (uint64_t)p->l->machine.ptr_width;

	if (c->basicsize < UNSEEN_WORDS * (uint64_t)p->l->machine.ptr_width ||
		ty->is_structseq || (ty->flags & (TPF_LONG | TPF_BYTES | TPF_UNICODE)))
		return false;
	if (py_has_table(ty)) {
		const struct pytype *b = c;
		while (b != NULL && b->own_shape == NULL)
			b = b->base;
		if (b == NULL || b->basicsize >= c->basicsize)
			return false;
		from = b->basicsize;
	}
	*ret = (struct span){addr + from, addr + c->basicsize};
	return true;
}

enum status
py_refs(struct py *p, const struct pyobj *o, struct refout *out)
{
	const struct pytype *ty = o->type;
	enum status st;

	if (ty->is_python || ty->is_subtype) {
		st = refs_instance(p, o, out);
		if (st != MS_OK)
			return st;
	}
	if (ty->is_structseq)
		return refs_structseq(p, o, out);
	taddr ask = py_asks(p, o);
	if (py_has_table(ty))
		st = shape_refs(p, ty->shape, o, out);
	else if (ask != 0)
		st = p->hooks.traverse != NULL
			? p->hooks.traverse(p->hooks.self, ask, o->addr, 0, out)
			: MS_ABSENT;
	else
		st = member_refs(p, o, out);
	if (st == MS_OK && ty->buffer != NULL && ty->buffer->refs != NULL)
		st = ty->buffer->refs(p, o, out);
	if (st != MS_OK)
		return st;
	/* A heap type is owned by its instances, whether or not they report it. */
	bool base_reports = p->l->type_visit == TYPE_BY_BASE &&
		ty->cbase->traverse != 0 && (ty->cbase->flags & TPF_HEAPTYPE);
	bool reported = (ty->is_python || base_reports) && object_is_gc(p, o);
	if ((ty->flags & TPF_HEAPTYPE) && !reported) {
		st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		refout_put(out, ty->addr, ref_label(RK_TYPE, 0) | REF_HIDDEN);
	}
	return MS_OK;
}
