/*
 * Memory that objects have beside themselves: whose it is, how much, and what a view
 * looks into. buffers.def says where a type keeps its pointer; the functions here say
 * what the pointer means. The memory itself is never read.
 */
#include "priv.h"

#include <stdio.h>
#include <string.h>

enum { PYF_NONE = PYF_COUNT };

/*
 * Bases of bases: numpy and memoryview keep their chains short, ctypes has one link for
 * each member access.
 */
enum { CHAIN_MAX = 64 };

/* A mapping takes whole pages. */
enum { PAGE = 4096 };

static buffer_fn buffer_bytearray, buffer_array, buffer_mapped, buffer_heap,
	buffer_bytesio, buffer_passing;
static buffer_fn buffer_ucs4, buffer_ctypes, buffer_memoryview, buffer_picklebuffer;
static shape_fn refs_bytesio;
#define refs_none NULL

static const struct buffer_row rows[] = {
#define BUFFER(name, str, data, length, room, counted, how, refs)                        \
	{name, (enum pyf)PYF_##str, (enum pyf)PYF_##data, (enum pyf)PYF_##length,        \
		(enum pyf)PYF_##room, counted, buffer_##how, refs_##refs},
#include "memscan/buffers.def"
};

/* ---- fields ---- */

struct words {
	enum pyf id;
	unsigned least, most;
};
static const struct words structs[] = {
#define WORDS(str, least, most) {PYF_##str, least, most},
#include "memscan/buffers.def"
};

struct word {
	enum pyf id;
	unsigned word, width;
};
#define P 0
static const struct word words[] = {
#define WORD(field, word, width) {PYF_##field, word, width},
#include "memscan/buffers.def"
};
#undef P

/* Where a field lies: as the layout says, else as it always has. size 0: nowhere. */
static struct layout_field
field_at(const struct py *p, enum pyf id)
{
	uint8_t width = p->l->machine.ptr_width;

	if (layout_has(p->l, id))
		return p->l->f[id];
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].id == id)
			return (struct layout_field){
				.off = layout_size(p->l, PYF_SIZEOF_OBJECT) +
					words[i].word * (uint64_t)width,
				.size = words[i].width != 0 ? words[i].width : width,
			};
	return (struct layout_field){0};
}

static bool
has_field(const struct py *p, enum pyf id)
{
	return id == (enum pyf)PYF_NONE || field_at(p, id).size > 0;
}

/* The field's value in the object at v; it is there. */
static uint64_t
field_get(const struct py *p, enum pyf id, const uint8_t *v)
{
	struct layout_field f = field_at(p, id);
	return load_uint(v + f.off, (unsigned)f.size, p->l->swap);
}

/* tp_basicsize is that of the struct, as far as it is known. */
static bool
size_fits(const struct py *p, enum pyf id, uint64_t basicsize)
{
	uint64_t head = layout_size(p->l, PYF_SIZEOF_OBJECT),
		 width = p->l->machine.ptr_width;

	if (id == (enum pyf)PYF_NONE)
		return true;
	if (layout_has(p->l, id))
		return layout_size(p->l, id) == basicsize;
	for (size_t i = 0; i < ARRAY_LEN(structs); i++)
		if (structs[i].id == id)
			return basicsize >= head + structs[i].least * width &&
				basicsize <= head + structs[i].most * width;
	return false;
}

/* ---- which row ---- */

/*
 * The row is of this very type: its name, the size of its struct, and for a bare name
 * that it is the interpreter's own.
 */
static bool
row_fits(const struct py *p, const struct buffer_row *r, const struct pytype *ty,
	const char *tp_name)
{
	if (strcmp(r->tp_name, tp_name) != 0)
		return false;
	if (r->how == buffer_ndarray)
		return ndarray_fits(p, ty);
	if (!has_field(p, r->data) || !has_field(p, r->length) ||
		!has_field(p, r->room) || !size_fits(p, r->size, ty->basicsize))
		return false;
	bool is_core = ty->addr >= p->rt->module->start && ty->addr < p->rt->module->end;
	return is_core || strchr(tp_name, '.') != NULL;
}

const struct buffer_row *
buffer_row_of(struct py *p, const struct pytype *ty, const char *tp_name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows) && !ty->is_python; i++)
		if (row_fits(p, &rows[i], ty, tp_name))
			return &rows[i];
	return ty->base != NULL ? ty->base->buffer : NULL;
}

/* ---- descriptions ---- */

uint32_t
buffer_name(struct py *p, const char *front, const uint64_t *dims, size_t n)
{
	char text[160];
	size_t at = (size_t)snprintf(text, sizeof(text), "%.80s (", front);

	for (size_t i = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu",
			i > 0 ? ", " : "", (unsigned long long)dims[i]);
	if (at < sizeof(text))
		at += (size_t)snprintf(text + at, sizeof(text) - at, n == 1 ? ",)" : ")");
	if (at >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	return strtab_puts(p->names, text);
}

/* ---- what the fields mean ---- */

/* Owned, as the fields say. */
static bool
buffer_heap(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	(void)p;
	(void)o;
	return b->addr != 0;
}

static bool
buffer_mapped(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	(void)p;
	(void)o;
	b->flags |= BUFFER_MAPPED;
	return b->addr != 0;
}

/*
 * Code points of four bytes. CPython: stringio, Modules/_io/stringio.c; the text may
 * still be in pieces elsewhere.
 */
static bool
buffer_ucs4(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	(void)p;
	(void)o;
	b->length *= 4;
	b->room *= 4;
	return b->addr != 0;
}

/*
 * The block begins at ob_bytes, the data at ob_start; since 3.15 the block is a bytes
 * object, that nobody else sees.
 */
static bool
buffer_bytearray(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	if (b->addr == 0 || b->room == 0)
		return false;
	if (layout_has(p->l, PYF_BYTEARRAY_OBJECT)) {
		b->block = layout_get(p->l, PYF_BYTEARRAY_OBJECT, o->p);
		b->room += layout_off(p->l, PYF_BYTES_DATA) + 1;
	}
	if (layout_has(p->l, PYF_BYTEARRAY_START))
		b->addr = layout_get(p->l, PYF_BYTEARRAY_START, o->p);
	return true;
}

/* Lengths are in items. CPython: struct arraydescr, Modules/arraymodule.c */
static bool
buffer_array(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	enum {
		TYPECODE_AT = 0,
		ITEMSIZE_AT = 4
	}; /* in every release, where the layout does not say */
	uint64_t n = b->length;
	taddr descr = field_get(p, PYF_ARRAY_DESCR, o->p);
	taddr code_at = descr +
		(layout_has(p->l, PYF_ARRAYDESCR_TYPECODE)
				? layout_off(p->l, PYF_ARRAYDESCR_TYPECODE)
				: TYPECODE_AT);
	taddr size_at = descr +
		(layout_has(p->l, PYF_ARRAYDESCR_ITEMSIZE)
				? layout_off(p->l, PYF_ARRAYDESCR_ITEMSIZE)
				: ITEMSIZE_AT);
	uint32_t width;
	uint8_t code; /* an int in 2.7: its first byte, on machines that begin with the
			 lowest */

	if (b->addr == 0 || target_u32(p->t, size_at, &width) != MS_OK ||
		target_u8(p->t, code_at, &code) != MS_OK)
		return false;
	if (width == 0 || width > 64 || b->room >= UINT64_MAX / 64 || n > b->room)
		return false;
	b->length *= width;
	b->room *= width;
	b->counted = b->room;
	char front[2] = {(char)code, '\0'};
	b->name = buffer_name(p, front, &n, 1);
	return true;
}

/*
 * Small values lie in the object itself; b_needsfree says whose memory it is in either
 * case.
 */
static bool
buffer_ctypes(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	if (field_get(p, PYF_CDATA_NEEDSFREE, o->p) == 0) {
		b->flags = BUFFER_VIEW;
		b->base = field_get(p, PYF_CDATA_BASE, o->p);
	}
	return b->addr != 0;
}

/*
 * Since 3.3 the exporter is in the managed buffer, one for all views made of each other.
 */
static bool
buffer_memoryview(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	enum { RELEASED = 1 }; /* _Py_MEMORYVIEW_RELEASED, Include/memoryobject.h */
	char format[32] = "B";
	uint64_t dims[BUFFER_DIMS];

	if (!layout_has(p->l, PYF_MEMVIEW_MBUF) || !layout_has(p->l, PYF_MBUF_OBJ) ||
		!layout_has(p->l, PYF_MEMVIEW_FLAGS) ||
		!layout_has(p->l, PYF_MEMVIEW_NDIM) ||
		!layout_has(p->l, PYF_MEMVIEW_FORMAT) ||
		!layout_has(p->l, PYF_MEMVIEW_SHAPE))
		return false;
	if (layout_get(p->l, PYF_MEMVIEW_FLAGS, o->p) & RELEASED)
		return false;
	b->flags = BUFFER_VIEW;
	taddr mbuf = layout_get(p->l, PYF_MEMVIEW_MBUF, o->p);
	if (mbuf != 0 &&
		py_word(p, mbuf + layout_off(p->l, PYF_MBUF_OBJ), &b->base) != MS_OK)
		b->base = 0;
	taddr format_at = layout_get(p->l, PYF_MEMVIEW_FORMAT, o->p),
	      shape = layout_get(p->l, PYF_MEMVIEW_SHAPE, o->p);
	uint64_t nd = layout_get(p->l, PYF_MEMVIEW_NDIM, o->p);
	if (format_at != 0 &&
		target_str(p->t, format_at, format, sizeof(format)) != MS_OK)
		return true;
	for (uint64_t i = 0; i < nd; i++)
		if (nd > BUFFER_DIMS ||
			py_word(p, shape + i * p->l->machine.ptr_width, &dims[i]) !=
				MS_OK)
			return true;
	b->name = buffer_name(p, format, dims, (size_t)nd);
	return true;
}

static bool
buffer_picklebuffer(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	b->flags = BUFFER_VIEW;
	if (layout_has(p->l, PYF_PICKLEBUFFER_OBJ))
		b->base = layout_get(p->l, PYF_PICKLEBUFFER_OBJ, o->p);
	return b->base != 0;
}

/* Not a buffer, but a link in a chain. */
static bool
buffer_passing(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	(void)p;
	(void)o;
	b->base = b->addr;
	return false;
}

/* Whether nobody else has the object at addr. */
static bool
is_sole(struct py *p, taddr addr)
{
	const uint8_t *v = target_view(p->t, addr, layout_size(p->l, PYF_SIZEOF_OBJECT));

	return v != NULL && object_refcount(p->l, v) == 1;
}

/*
 * Its memory is a bytes object since 3.5: its own, or one that it was made from and
 * shares until it is written to (SHARED_BUF); in 2.7 plain memory.
 */
static bool
buffer_bytesio(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	taddr bytes = b->addr;
	uint64_t n;

	if (layout_has(p->l, PYF_BYTESIO_SIZE)) {
		b->room = b->counted = layout_get(p->l, PYF_BYTESIO_SIZE, o->p);
		return b->addr != 0;
	}
	const struct pytype *ty = py_type_of(p, bytes);
	if (ty == NULL || !(ty->flags & TPF_BYTES) ||
		py_word(p, bytes + layout_off(p->l, PYF_OB_SIZE), &n) != MS_OK)
		return false;
	b->addr = bytes + layout_off(p->l, PYF_BYTES_DATA);
	if (b->length > n)
		b->length = n;
	if (is_sole(p, bytes)) {
		b->room = b->counted = n + layout_off(p->l, PYF_BYTES_DATA) + 1;
		return true;
	}
	b->flags = BUFFER_VIEW;
	b->base = bytes;
	return b->length > 0;
}

/*
 * What it shares it holds, though bytesio_traverse reports it since 3.12 only. What is
 * its own is in its size.
 */
static enum status
refs_bytesio(struct py *p, const struct pyobj *o, struct refout *out)
{
	taddr bytes = layout_get(p->l, PYF_BYTESIO_BUF, o->p);
	const struct pytype *ty =
		layout_has(p->l, PYF_BYTESIO_SIZE) ? NULL : py_type_of(p, bytes);

	if (ty == NULL || !(ty->flags & TPF_BYTES) || is_sole(p, bytes))
		return MS_OK;
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].to == bytes)
			return MS_OK;
	enum status st = refout_room(out, 1);
	if (st == MS_OK)
		refout_put(out, bytes, py_label(p, RK_FIELD, "buf") | REF_HIDDEN);
	return st;
}

/* ---- the buffer ---- */

static bool
is_within(taddr addr, taddr start, uint64_t n)
{
	return addr >= start && addr - start <= n;
}

/*
 * What the row and its function say; false if there is no memory beside the object.
 * b->base stands in either case.
 */
static bool
read_info(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	const struct buffer_row *r = o->type->buffer;

	*b = (struct bufinfo){.flags = BUFFER_OWNED};
	if (r->data != (enum pyf)PYF_NONE)
		b->addr = b->block = field_get(p, r->data, o->p);
	if (r->length != (enum pyf)PYF_NONE)
		b->length = field_get(p, r->length, o->p);
	if (r->room != (enum pyf)PYF_NONE)
		b->room = b->counted = field_get(p, r->room, o->p);
	if (!r->how(p, o, b))
		return false;
	if ((b->flags & BUFFER_OWNED) && b->length > b->room)
		b->length = b->room;
	return b->addr < o->addr || b->addr - o->addr >= o->type->basicsize;
}

/*
 * Both ends lie in mappings, whatever their rights: nothing more is needed of memory that
 * may be of any size.
 */
static bool
is_mapped(struct py *p, taddr addr, uint64_t n)
{
	if (n == 0)
		return true;
	return target_region(p->t, addr) != NULL && addr + n >= addr &&
		target_region(p->t, addr + n - 1) != NULL;
}

/*
 * Follow the bases to the object whose memory `addr` is. Objects without a row end the
 * chain: bytes, which have the memory in them, and what exports memory in ways that are
 * not known (capsules, Arrow).
 */
static taddr
find_owner(struct py *p, taddr at, taddr addr, bool *is_sure)
{
	struct pyobj o;
	struct bufinfo b;

	for (unsigned i = 0; i < CHAIN_MAX && at != 0; i++, at = b.base) {
		if (obj_aside(p, at, &o) != MS_OK)
			return 0;
		if (o.type->flags & TPF_BYTES) {
			uint64_t n = layout_off(p->l, PYF_BYTES_DATA) +
				layout_get(p->l, PYF_OB_SIZE, o.p);
			*is_sure = is_within(addr, at, n);
			return *is_sure ? at : 0;
		}
		if (o.type->buffer == NULL)
			return at;
		bool has_memory = read_info(p, &o, &b);
		if (is_within(addr, at, o.type->basicsize) ||
			(has_memory && (b.flags & BUFFER_OWNED))) {
			*is_sure = is_within(addr, at, o.type->basicsize) ||
				is_within(addr, b.addr, b.length) ||
				is_within(addr, b.block, b.room);
			return *is_sure ? at : 0;
		}
	}
	return 0;
}

enum status
py_buffer(struct py *p, const struct pyobj *o, uint64_t size, struct pybuffer *ret)
{
	const struct pytype *ty = o->type;
	struct bufinfo b;

	if (!read_info(p, o, &b))
		return MS_ABSENT;
	bool is_owned = b.flags & BUFFER_OWNED;
	if (is_owned &&
		(!is_mapped(p, b.addr, b.length) || !is_mapped(p, b.block, b.room)))
		return MS_FORMAT;
	/*
	 * Of a view only the beginning is certain: it may go backwards, or over the same
	 * bytes again and again.
	 */
	if (!is_owned && !is_mapped(p, b.addr, b.length > 0))
		return MS_ABSENT;
	*ret = (struct pybuffer){
		.addr = b.addr, .length = b.length, .flags = b.flags, .name = b.name};
	if (!is_owned) {
		ret->owner = find_owner(p, b.base, b.addr, &ret->is_owner_sure);
		return MS_OK;
	}
	ret->bytes = b.flags & BUFFER_MAPPED ? (b.room + PAGE - 1) / PAGE * PAGE
					     : usable_size(p, b.block, b.room, b.is_raw);
	/* If __sizeof__ could not be asked, the size is without it. */
	if (ty->buffer->is_counted && b.counted > 0 && size >= b.counted &&
		size - b.counted >= ty->basicsize)
		ret->flags |= BUFFER_IN_SIZE;
	return MS_OK;
}
