/*
 * numpy.ndarray: its struct is part of numpy's binary interface and has been the same
 * since 1.7, so it is known without debug information. The array is no object of the
 * collector's: what it holds, only this file knows.
 *
 * Source of truth: PyArrayObject_fields, PyArray_Descr, numpy/ndarraytypes.h.
 */
#include "priv.h"

#include <stdio.h>
#include <string.h>

/*
 * Words after the object's header: PyArrayObject_fields. nd and flags are ints in words
 * of their own.
 */
enum {
	NP_DATA,
	NP_ND,
	NP_DIMENSIONS,
	NP_STRIDES,
	NP_BASE,
	NP_DESCR,
	NP_FLAGS,
	NP_WEAKREFS,
	NP_WORDS
};

/* Later releases appended fields, and may append more. */
enum { NP_WORDS_MAX = 16 };

enum { NPY_ARRAY_OWNDATA = 0x4 };

/* enum NPY_TYPES */
enum { NPY_OBJECT = 17, NPY_VOID = 20 };

/* More than the address space is no array. */
#define NBYTES_MAX (UINT64_C(1) << 47)

struct array {
	taddr data, base, descr;
	size_t nd;
	uint64_t dims[BUFFER_DIMS];
	uint64_t n; /* product of dims: elements */
	bool is_owner;
};

/* What is needed of a PyArray_Descr. */
struct descr {
	const struct pytype *typeobj; /* of its scalars */
	char kind;
	uint32_t type_num;
	uint64_t elsize;
	taddr fields;   /* dict of a structured type, else 0 or None */
	taddr subarray; /* PyArray_ArrayDescr, or 0 */
};

bool
ndarray_fits(const struct py *p, const struct pytype *ty)
{
	uint64_t head = layout_size(p->l, PYF_SIZEOF_OBJECT),
		 width = p->l->machine.ptr_width;

	return ty->basicsize >= head + NP_WORDS * width &&
		ty->basicsize <= head + NP_WORDS_MAX * width;
}

static bool
read_dims(struct py *p, taddr at, struct array *a)
{
	size_t width = p->l->machine.ptr_width;
	uint8_t raw[BUFFER_DIMS * 8];

	a->n = 1;
	if (a->nd > BUFFER_DIMS ||
		(a->nd > 0 && target_read(p->t, at, raw, a->nd * width) != MS_OK))
		return false;
	for (size_t i = 0; i < a->nd; i++) {
		a->dims[i] = layout_word(p->l, raw + i * width);
		if (__builtin_mul_overflow(a->n, a->dims[i], &a->n) || a->n > NBYTES_MAX)
			return false;
	}
	return true;
}

static bool
read_array(struct py *p, const struct pyobj *o, struct array *a)
{
	size_t width = p->l->machine.ptr_width;
	const uint8_t *w = o->p + layout_size(p->l, PYF_SIZEOF_OBJECT);

	*a = (struct array){
		.data = layout_word(p->l, w + NP_DATA * width),
		.base = layout_word(p->l, w + NP_BASE * width),
		.descr = layout_word(p->l, w + NP_DESCR * width),
		.nd = load_uint(w + NP_ND * width, 4, p->l->swap),
		.is_owner = load_uint(w + NP_FLAGS * width, 4, p->l->swap) &
			NPY_ARRAY_OWNDATA,
	};
	return read_dims(p, layout_word(p->l, w + NP_DIMENSIONS * width), a);
}

/*
 * A PyArray_Descr begins with typeobj, four chars of which the first is the kind,
 * type_num. Then numpy 1 has the ints elsize and alignment, subarray, fields; numpy 2
 * flags of 64 bits, elsize, alignment, and further on, in types that have them, subarray
 * and fields. An alignment is never 0, and the upper half of the flags always is.
 */
static bool
read_descr(struct py *p, taddr addr, struct descr *d)
{
	enum { TYPEOBJ, CHARS, SIZES, NUMPY1_SUBARRAY, NUMPY1_FIELDS, WORDS = 13 };
	enum { NUMPY2_ELSIZE = 3, NUMPY2_SUBARRAY = 9, NUMPY2_FIELDS = 10 };
	size_t width = p->l->machine.ptr_width,
	       head = layout_size(p->l, PYF_SIZEOF_OBJECT);
	uint8_t w[WORDS * 8] = {0};
	const struct pytype *type = py_type_of(p, addr);

	if (type == NULL || type->basicsize < head + 9 * width)
		return false;
	size_t n = type->basicsize - head < WORDS * width ? (size_t)type->basicsize - head
							  : WORDS * width;
	if (target_read(p->t, addr + head, w, n) != MS_OK)
		return false;
#define WORD(i) layout_word(p->l, w + (i)*width)
	const uint8_t *sizes = w + CHARS * width + 8;
	bool is_numpy1 = load_uint(sizes + 4, 4, p->l->swap) != 0;
	*d = (struct descr){
		.typeobj = py_type(p, WORD(TYPEOBJ)),
		.kind = (char)w[CHARS * width],
		.type_num = (uint32_t)load_uint(w + CHARS * width + 4, 4, p->l->swap),
		.elsize =
			is_numpy1 ? load_uint(sizes, 4, p->l->swap) : WORD(NUMPY2_ELSIZE),
	};
	/* The two pointers stand where they do on machines of 64 bits alone. */
	if (width == 8 && d->type_num == NPY_VOID) {
		d->subarray = WORD(is_numpy1 ? NUMPY1_SUBARRAY : NUMPY2_SUBARRAY);
		d->fields = WORD(is_numpy1 ? NUMPY1_FIELDS : NUMPY2_FIELDS);
	}
#undef WORD
	return d->typeobj != NULL && d->elsize < NBYTES_MAX;
}

/*
 * dtype.name, as _name_get makes it, numpy/core/_dtype.py: a stem by the kind, and bits.
 */
static void
dtype_name(struct py *p, const struct descr *d, char *buf, size_t cap)
{
	static const struct {
		char kind;
		const char *stem;
		bool has_bits;
	} stems[] = {
		{'b', "bool", false},
		{'i', "int", true},
		{'u', "uint", true},
		{'f', "float", true},
		{'c', "complex", true},
		{'M', "datetime", true},
		{'m', "timedelta", true},
		{'O', "object", false},
		{'S', "bytes", true},
		{'U', "str", true},
	};
	const char *stem = strtab_get(p->names, d->typeobj->name, NULL);
	bool has_bits = d->kind == 'V';

	for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
		if (stems[i].kind != d->kind)
			continue;
		stem = stems[i].stem;
		has_bits = stems[i].has_bits;
	}
	if (has_bits && d->elsize > 0)
		snprintf(buf, cap, "%.60s%llu", stem, (unsigned long long)d->elsize * 8);
	else
		snprintf(buf, cap, "%.60s", stem);
}

bool
buffer_ndarray(struct py *p, const struct pyobj *o, struct bufinfo *b)
{
	struct array a;
	struct descr d;
	char name[96];

	if (!read_array(p, o, &a) || !read_descr(p, a.descr, &d) || a.data == 0)
		return false;
	if (__builtin_mul_overflow(a.n, d.elsize, &b->length) || b->length > NBYTES_MAX)
		return false;
	b->addr = b->block = a.data;
	b->room = b->counted = b->length;
	b->base = a.base;
	b->is_raw = true;
	if (!a.is_owner)
		b->flags = BUFFER_VIEW;
	dtype_name(p, &d, name, sizeof(name));
	b->name = buffer_name(p, name, a.dims, a.nd);
	return true;
}

/* ---- references ---- */

/* Where in an element pointers to objects lie. */
enum { OFFSETS = 64, DEPTH = 4 };
struct offsets {
	struct py *p;
	uint64_t at[OFFSETS];
	size_t n;
	uint64_t base; /* of the record whose fields are being looked at */
	unsigned depth;
};

static void add_offsets(struct offsets *s, taddr descr, uint64_t base);

/* An entry of a fields dict: name to (dtype, offset, ...). */
static bool
add_field(void *self, taddr key, taddr value)
{
	struct offsets *s = self;
	struct py *p = s->p;
	taddr items = value + layout_off(p->l, PYF_TUPLE_ITEMS);
	const struct pytype *ty = py_type_of(p, value);
	uint64_t descr, number, off;
	uint8_t bytes[PYINT_VIEW];

	(void)key;
	if (ty == NULL || !(ty->flags & TPF_TUPLE) ||
		py_word(p, items, &descr) != MS_OK ||
		py_word(p, items + p->l->machine.ptr_width, &number) != MS_OK)
		return true;
	if (target_read(p->t, number, bytes, sizeof(bytes)) == MS_OK &&
		py_int_value(p, bytes, &off) == MS_OK)
		add_offsets(s, descr, s->base + off);
	return true;
}

/* A field with a title is in the dict under both names: each offset counts once. */
static void
add_offset(struct offsets *s, uint64_t off)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i] == off)
			return;
	if (s->n < OFFSETS)
		s->at[s->n++] = off;
}

static void
add_offsets(struct offsets *s, taddr addr, uint64_t base)
{
	struct descr d, sub;
	uint64_t of;

	if (s->depth >= DEPTH || !read_descr(s->p, addr, &d))
		return;
	if (d.type_num == NPY_OBJECT) {
		add_offset(s, base);
		return;
	}
	s->depth++;
	/*
	 * PyArray_ArrayDescr: the type of its elements, and their shape, which the sizes
	 * tell as well.
	 */
	if (d.subarray != 0 && py_word(s->p, d.subarray, &of) == MS_OK &&
		read_descr(s->p, of, &sub) && sub.elsize > 0)
		for (uint64_t at = 0;
			at < d.elsize && s->n < OFFSETS && at / sub.elsize < OFFSETS;
			at += sub.elsize)
			add_offsets(s, of, base + at);
	const struct pytype *ty = d.fields != 0 ? py_type_of(s->p, d.fields) : NULL;
	/*
	 * It may be a dict, None, or (numpy 2.3) a proxy of a dict, whose fields are not
	 * looked for.
	 */
	if (ty != NULL && (ty->flags & TPF_DICT)) {
		uint64_t before = s->base;
		s->base = base;
		enum status st = py_dict_each(s->p, d.fields, add_field, s);
		(void)st; /* What could be read of it stands. */
		s->base = before;
	}
	s->depth--;
}

static enum status
put_records(struct py *p, const struct array *a, uint64_t elsize, const struct offsets *s,
	struct refout *out)
{
	if (s->n == 0 || a->n == 0)
		return MS_OK;
	if (elsize == 0 || a->n > NBYTES_MAX / elsize ||
		!target_is_mapped(p->t, a->data, (size_t)(a->n * elsize)))
		return MS_FAULT;
	for (uint64_t i = 0; i < a->n; i++) {
		enum status st = refout_room(out, s->n);
		if (st != MS_OK)
			return st;
		for (size_t k = 0; k < s->n; k++) {
			uint64_t to;
			if (s->at[k] < elsize &&
				py_word(p, a->data + i * elsize + s->at[k], &to) == MS_OK)
				refout_put(out, to, ref_label(RK_INDEX, i) | REF_HIDDEN);
		}
	}
	return MS_OK;
}

/*
 * No tp_traverse: what array_dealloc gives up, in memory order. A view's elements belong
 * to its base.
 */
enum status
refs_ndarray(struct py *p, const struct pyobj *o, struct refout *out)
{
	struct offsets s = {.p = p};
	struct array a;
	struct descr d;

	if (!read_array(p, o, &a))
		return MS_FORMAT;
	enum status st = refout_room(out, 2);
	if (st != MS_OK)
		return st;
	refout_put(out, a.base, py_label(p, RK_ATTR, "base") | REF_HIDDEN);
	refout_put(out, a.descr, py_label(p, RK_ATTR, "dtype") | REF_HIDDEN);
	if (!a.is_owner || a.data == 0 || !read_descr(p, a.descr, &d))
		return MS_OK;
	if (d.type_num == NPY_OBJECT)
		return refs_array(p, a.data, a.n, 0, REF_HIDDEN, out);
	if (d.type_num != NPY_VOID)
		return MS_OK;
	add_offsets(&s, a.descr, 0);
	return put_records(p, &a, d.elsize, &s, out);
}
