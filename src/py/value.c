/*
 * Value previews: what an object is to a reader, in a line; and its len().
 */
#include "priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"

enum { DECIMAL_DIGITS = 2 };

/* CPython: PyLong_SHIFT. */
static unsigned
digit_bits(const struct py *p)
{
	return p->l->digit_width == 2 ? 15 : 30;
}

static uint32_t
digit_at(const struct py *p, const uint8_t *obj, uint64_t i)
{
	unsigned width = p->l->digit_width;
	return (uint32_t)load_uint(
		obj + layout_off(p->l, PYF_INT_DIGITS) + i * width, width, p->l->swap);
}

/* The preview's text lives in p->text; grown to hold max bytes and some. */
static char *
text_room(struct py *p, size_t max)
{
	vec_reserve(&p->text, max + 64);
	return p->text.at;
}

static struct heap_value
value_len(uint64_t len)
{
	return (struct heap_value){.kind = VK_NONE, .len = len};
}

static struct heap_value
value_str(struct py *p, const struct pyobj *o, size_t max)
{
	const struct pystr *s;
	struct heap_value v = value_len(VALUE_NO_LEN);

	if (object_str(p, o, &s) != MS_OK)
		return v;
	v.len = s->length;
	if (max == 0)
		return v;
	size_t n = s->length < max ? (size_t)s->length : max;
	const void *whole = s->is_ascii ? target_view(p->t, s->data, n) : NULL;
	if (whole != NULL) {
		v.text = whole;
		v.text_len = n;
		v.cut = n < s->length;
	} else {
		v.text = text_room(p, max);
		if (str_text(p, s, p->text.at, max, &v.text_len, &v.cut) != MS_OK)
			return value_len(s->length);
		v.cut |= s->length > 0 && v.text_len == 0;
	}
	v.kind = VK_STR;
	return v;
}

/* n raw bytes at addr. */
static struct heap_value
value_bytes(struct py *p, taddr addr, uint64_t n, size_t max)
{
	struct heap_value v = value_len(n);
	size_t have = n < max ? (size_t)n : max;

	if (max == 0)
		return v;
	v.text = text_room(p, max);
	if (have > 0 && target_read(p->t, addr, p->text.at, have) != MS_OK)
		return v;
	v.kind = VK_BYTES;
	v.text_len = have;
	v.cut = have < n;
	return v;
}

/*
 * Number of digits, negative for a negative int: ob_size, or since 3.12 lv_tag's count
 * and sign (0 plus, 1 zero, 2 minus).
 */
int64_t
int_digits(const struct py *p, const void *obj)
{
	if (p->l->int_form == INT_OB_SIZE)
		return layout_get_signed(p->l, PYF_OB_SIZE, obj);
	uint64_t tag = layout_get(p->l, PYF_INT_TAG, obj);
	if ((tag & 3) == 1)
		return 0;
	int64_t n = (int64_t)(tag >> 3);
	return (tag & 3) == 2 ? -n : n;
}

enum status
py_int_value(struct py *p, const uint8_t bytes[PYINT_VIEW], uint64_t *ret)
{
	if (layout_has(p->l, PYF_INT27_VALUE)) {
		const struct pytype *ty =
			py_type(p, layout_get(p->l, PYF_OB_TYPE, bytes));
		if (ty != NULL && (ty->flags & TPF_INT27)) {
			*ret = layout_get(p->l, PYF_INT27_VALUE, bytes);
			return MS_OK;
		}
	}
	int64_t n = int_digits(p, bytes);
	uint64_t at = layout_off(p->l, PYF_INT_DIGITS);

	if (n < 0 || n > DECIMAL_DIGITS || at + 8 > PYINT_VIEW)
		return MS_FORMAT;
	*ret = 0;
	for (int64_t i = n; i-- > 0;)
		*ret = *ret << digit_bits(p) | digit_at(p, bytes, (uint64_t)i);
	return MS_OK;
}

/* A number in at most 21 characters; returns how many. */
static size_t
put_decimal(char *out, bool is_negative, uint64_t v)
{
	char digits[20];
	size_t n = 0, at = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	if (is_negative)
		out[at++] = '-';
	while (n > 0)
		out[at++] = digits[--n];
	return at;
}

/* bool cannot be subclassed; a class of that name can be written. */
static bool
is_bool(const struct py *p, const struct pytype *ty)
{
	return ty->name == p->bool_name && (ty->flags & TPF_HEAPTYPE) == 0;
}


/* 2.7: an int is a C long; bool is one. */
static struct heap_value
value_int_27(struct py *p, const struct pyobj *o, size_t max)
{
	struct heap_value v = value_len(VALUE_NO_LEN);
	int64_t n = layout_get_signed(p->l, PYF_INT27_VALUE, o->p);

	if (max == 0)
		return v;
	char *text = text_room(p, max);
	bool is_truth = is_bool(p, o->type);
	if (is_truth)
		v.text_len = (size_t)snprintf(text, 64, "%s", n != 0 ? "True" : "False");
	else
		v.text_len = (size_t)snprintf(text, 64, "%" PRId64, n);
	v.kind = is_truth ? VK_BOOL : VK_INT;
	v.text = text;
	return v;
}

/* Digits, least first. */
static struct heap_value
value_int(struct py *p, const struct pyobj *o, size_t max)
{
	int64_t n = int_digits(p, o->p);
	uint64_t digits = (n < 0 ? -(uint64_t)n : (uint64_t)n), v = 0;
	struct heap_value ret = value_len(VALUE_NO_LEN);

	if (max == 0 || digits > 1ull << 32)
		return ret;
	char *text = text_room(p, max);
	if (digits <= DECIMAL_DIGITS) {
		for (uint64_t i = digits; i-- > 0;)
			v = v << digit_bits(p) | digit_at(p, o->p, i);
		ret.text_len = put_decimal(text, n < 0, v);
	} else {
		/* Long ones in hexadecimal: the top digits, as many as fit. */
		size_t at = (size_t)snprintf(text, max + 64, "%s0x", n < 0 ? "-" : "");
		VEC(uint8_t) nibbles = {0};
		uint64_t acc = 0, bits = 0, cap = digits < 16384 ? digits : 16384;
		for (uint64_t i = digits - cap; i < digits; i++) {
			uint8_t raw[8];
			unsigned width = p->l->digit_width;
			if (target_read(p->t,
				    o->addr + layout_off(p->l, PYF_INT_DIGITS) +
					    i * width,
				    raw, width) != MS_OK)
				break;
			acc |= load_uint(raw, width, p->l->swap) << bits;
			bits += digit_bits(p);
			for (; bits >= 4; bits -= 4, acc >>= 4)
				vec_push(&nibbles, (uint8_t)(acc & 15));
		}
		vec_push(&nibbles, (uint8_t)(acc & 15));
		while (nibbles.n > 1 && nibbles.at[nibbles.n - 1] == 0)
			nibbles.n--;
		ret.cut = digits > cap;
		while (nibbles.n > 0 && at < max)
			text[at++] = "0123456789abcdef"[nibbles.at[--nibbles.n]];
		ret.cut |= nibbles.n > 0;
		ret.text_len = at;
		vec_fini(&nibbles);
	}
	ret.kind = VK_INT;
	ret.text = text;
	return ret;
}

/*
 * The shortest decimal digits that read back as the same double, and the power of ten of
 * the first. 15 digits are never ambiguous, so that fewer are 15 with zeros behind; only
 * the tiniest numbers have less precision than that.
 */
static int
float_digits(double d, char digits[32], size_t *n)
{
	char text[64];

	for (int have = isnormal(d) ? 15 : 1; have <= 17; have++) {
		snprintf(text, sizeof(text), "%.*e", have - 1, d);
		if (strtod(text, NULL) == d)
			break;
	}
	const char *at = text;
	*n = 0;
	for (; *at != 'e'; at++)
		if (*at >= '0' && *at <= '9')
			digits[(*n)++] = *at;
	while (*n > 1 && digits[*n - 1] == '0')
		(*n)--;
	return atoi(at + 1);
}

/* As repr() lays it out (format_float_short, Python/pystrtod.c). d is finite. */
static size_t
put_float(char *out, size_t cap, double d)
{
	char digits[32];
	size_t n, at = 0;
	double whole = fabs(d);

	if (whole < 1e15 && whole == (double)(uint64_t)whole) {
		at = put_decimal(out, signbit(d), (uint64_t)whole);
		return at + (size_t)snprintf(out + at, cap - at, ".0");
	}
	int ten = float_digits(whole, digits, &n);
	if (signbit(d))
		out[at++] = '-';
	if (ten < -4 || ten >= 16) {
		out[at++] = digits[0];
		return at +
			(size_t)snprintf(out + at, cap - at, "%s%.*se%+03d",
				n > 1 ? "." : "", (int)(n - 1), digits + 1, ten);
	}
	if (ten < 0)
		return at +
			(size_t)snprintf(out + at, cap - at, "0.%.*s%.*s", -ten - 1,
				"000", (int)n, digits);
	size_t front = (size_t)ten + 1;
	for (size_t i = 0; i < front; i++)
		out[at++] = i < n ? digits[i] : '0';
	return at +
		(size_t)snprintf(out + at, cap - at, ".%.*s",
			n > front ? (int)(n - front) : 1,
			n > front ? digits + front : "0");
}

/* The shortest text that reads back as the same double, as repr() writes it. */
static struct heap_value
value_float(struct py *p, const struct pyobj *o, size_t max)
{
	double d;
	uint64_t raw = load_uint(o->p + layout_off(p->l, PYF_FLOAT_VALUE), 8, p->l->swap);
	struct heap_value v = value_len(VALUE_NO_LEN);

	if (max == 0)
		return v;
	memcpy(&d, &raw, sizeof(d));
	v.kind = VK_FLOAT;
	v.text = text_room(p, max);
	if (isfinite(d)) {
		v.text_len = put_float(p->text.at, max + 64, d);
		return v;
	}
	v.text = isnan(d) ? "nan" : d < 0 ? "-inf" : "inf";
	v.text_len = strlen(v.text);
	return v;
}

/* The text of the str that a field points to, as a name or a message. */
static struct heap_value
value_of_str_at(struct py *p, taddr addr, enum value_kind kind, size_t max)
{
	struct heap_value v = value_len(VALUE_NO_LEN);

	if (max == 0)
		return v;
	v.text = text_room(p, max);
	if (addr == 0 || py_str_text(p, addr, p->text.at, max, &v.text_len) != MS_OK)
		return value_len(VALUE_NO_LEN);
	v.kind = kind;
	v.cut = v.text_len + 3 >= max;
	return v;
}

static struct heap_value
value_c_name(struct py *p, taddr def, size_t max)
{
	struct heap_value v = value_len(VALUE_NO_LEN);
	uint64_t name;

	if (max == 0 ||
		py_word(p, def + layout_off(p->l, PYF_METHODDEF_NAME), &name) != MS_OK)
		return v;
	char *text = text_room(p, max);
	if (target_str(p->t, name, text, max) != MS_OK)
		return v;
	return (struct heap_value){.kind = VK_NAME,
		.len = VALUE_NO_LEN,
		.text = text,
		.text_len = strlen(text)};
}

/* str(exception), where it is plain: its only argument, if that is a str. */
static struct heap_value
value_exception(struct py *p, const struct pyobj *o, size_t max)
{
	taddr args = layout_get(p->l, PYF_EXC_ARGS, o->p);
	uint64_t n, first;

	if (args == 0 || py_word(p, args + layout_off(p->l, PYF_OB_SIZE), &n) != MS_OK ||
		n == 0 ||
		py_word(p,
			args + layout_off(p->l, PYF_TUPLE_ITEMS) +
				(n == 1 ? 0 : 1) * p->l->machine.ptr_width,
			&first) != MS_OK)
		return value_len(VALUE_NO_LEN);
	return value_of_str_at(p, first, VK_TEXT, max);
}

static struct heap_value
value_type(struct py *p, const struct pyobj *o, size_t max)
{
	const struct pytype *ty = py_type(p, o->addr);
	struct heap_value v = value_len(VALUE_NO_LEN);
	size_t len;

	if (ty == NULL || max == 0 || left_to_home(p))
		return v;
	const char *name = strtab_get(p->names, ty->name, &len);
	v.kind = VK_NAME;
	v.text = name;
	v.cut = len > max;
	v.text_len = v.cut ? max : len;
	return v;
}

enum value_rule
value_rule_of(const char *tp_name)
{
	static const struct {
		const char *tp_name;
		enum value_rule rule;
	} rules[] = {
		{"float", VR_FLOAT},
		{"bool", VR_BOOL},
		{"function", VR_FUNCTION},
		{"code", VR_CODE},
		{"module", VR_MODULE},
		{"builtin_function_or_method", VR_CFUNCTION},
		{"builtin_method", VR_CFUNCTION},
		{"set", VR_SET},
		{"frozenset", VR_SET},
		{"collections.deque", VR_DEQUE},
		{"bytearray", VR_BYTEARRAY},
	};
	static const char descriptor[] = "_descriptor";
	size_t n = strlen(tp_name), tail = sizeof(descriptor) - 1;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(tp_name, rules[i].tp_name) == 0)
			return rules[i].rule;
	return n > tail && strcmp(tp_name + n - tail, descriptor) == 0 ? VR_DESCRIPTOR
								       : VR_NONE;
}

/* The name that the first of two fields has, where this release has it. */
static struct heap_value
value_name(struct py *p, const struct pyobj *o, enum pyf field, enum pyf or_else, size_t max)
{
	enum pyf id = layout_has(p->l, field) ? field : or_else;
	return value_of_str_at(p, layout_get(p->l, id, o->p), VK_NAME, max);
}

/* By the shape that decodes the object: kinds that no flag of the type tells. */
static struct heap_value
value_by_shape(struct py *p, const struct pyobj *o, size_t max)
{
	const struct layout *l = p->l;

	switch (o->type->shape != NULL ? o->type->shape->value_rule : VR_NONE) {
	case VR_FLOAT:
		return value_float(p, o, max);
	case VR_FUNCTION:
		return value_name(p, o, PYF_FUNC_QUALNAME, PYF_FUNC_NAME, max);
	case VR_CODE:
		return value_name(p, o, PYF_CODE_QUALNAME, PYF_CODE_NAME, max);
	case VR_DESCRIPTOR:
		return value_name(p, o, PYF_DESCR_NAME, PYF_DESCR_NAME, max);
	case VR_MODULE:
		if (!layout_has(l, PYF_MODULE_NAME))
			break;
		return value_name(p, o, PYF_MODULE_NAME, PYF_MODULE_NAME, max);
	case VR_CFUNCTION:
		return value_c_name(p, layout_get(l, PYF_CFUNC_DEF, o->p), max);
	case VR_SET:
		return value_len(layout_get(l, PYF_SET_USED, o->p));
	case VR_DEQUE:
		return value_len(layout_get(l, PYF_OB_SIZE, o->p));
	case VR_BYTEARRAY:
		if (!layout_has(l, PYF_BYTEARRAY_START))
			break;
		return value_bytes(p, layout_get(l, PYF_BYTEARRAY_START, o->p),
			layout_get(l, PYF_OB_SIZE, o->p), max);
	case VR_BOOL:
	case VR_NONE:
		break;
	}
	return value_len(VALUE_NO_LEN);
}

struct heap_value
py_value(struct py *p, const struct pyobj *o, size_t max)
{
	uint32_t flags = o->type->flags;
	const struct layout *l = p->l;

	if (flags & TPF_UNICODE)
		return value_str(p, o, max);
	if (flags & TPF_BYTES)
		return value_bytes(p, o->addr + layout_off(l, PYF_BYTES_DATA),
			layout_get(l, PYF_OB_SIZE, o->p), max);
	if (layout_has(l, PYF_INT27_VALUE) && (flags & TPF_INT27))
		return value_int_27(p, o, max);
	if (flags & TPF_LONG) {
		struct heap_value v = value_int(p, o, max);
		if (v.kind != VK_INT || !is_bool(p, o->type))
			return v;
		v.kind = VK_BOOL;
		bool is_true = int_digits(p, o->p) != 0;
		v.text = is_true ? "True" : "False";
		v.text_len = strlen(v.text);
		return v;
	}
	if (flags & TPF_DICT)
		return value_len(layout_get(l, PYF_DICT_USED, o->p));
	if (flags & (TPF_LIST | TPF_TUPLE))
		return value_len(layout_get(l, PYF_OB_SIZE, o->p));
	if (flags & TPF_TYPE)
		return value_type(p, o, max);
	if (flags & TPF_BASE_EXC)
		return value_exception(p, o, max);
	return value_by_shape(p, o, max);
}
