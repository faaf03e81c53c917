/*
 * str: where its characters are, and their text as UTF-8.
 *
 * CPython: PyASCIIObject and its relatives, Include/cpython/unicodeobject.h (PEP 393).
 */
#include "priv.h"

#include <string.h>

#include "memscan/limits.h"

/*
 * 2.7: unicode has its characters in a block of its own, 2 or 4 bytes each; str has bytes
 * inside.
 */
static enum status
str_read_27(struct py *p, const void *obj, taddr addr, bool is_bytes, struct pystr *ret)
{
	const struct layout *l = p->l;

	*ret = (struct pystr){.kind = is_bytes ? 1 : p->ucs_width, .is_ready = true};
	ret->length = layout_get(l, is_bytes ? PYF_OB_SIZE : PYF_UNI27_LENGTH, obj);
	ret->data = is_bytes ? addr + layout_off(l, PYF_BYTES_DATA)
			     : layout_get(l, PYF_UNI27_STR, obj);
	return ret->length <= 1ull << 40 ? MS_OK : MS_FORMAT;
}

enum status
str_read(struct py *p, const void *obj, taddr addr, struct pystr *ret)
{
	const struct layout *l = p->l;

	if (l->str_form == STR_27)
		return str_read_27(p, obj, addr, false, ret);
	*ret = (struct pystr){
		.length = layout_get(l, PYF_STR_LENGTH, obj),
		.kind = (unsigned)layout_bits(l, PYF_STR_KIND, obj),
		.is_ascii = layout_bits(l, PYF_STR_IS_ASCII, obj),
		.is_compact = layout_bits(l, PYF_STR_COMPACT, obj),
		.is_ready = !layout_has(l, PYF_STR_READY) ||
			layout_bits(l, PYF_STR_READY, obj),
		.interned = (unsigned)layout_bits(l, PYF_STR_INTERNED, obj),
	};
	if (ret->kind == 3 || ret->kind > 4 || ret->length > 1ull << 40)
		return MS_FORMAT;
	if (ret->is_compact) {
		ret->data = addr +
			layout_size(
				l, ret->is_ascii ? PYF_SIZEOF_ASCII : PYF_SIZEOF_COMPACT);
		return MS_OK;
	}
	uint64_t data;
	if (py_word(p, addr + layout_off(l, PYF_STR_DATA), &data) != MS_OK)
		return MS_FAULT;
	ret->data = data;
	return MS_OK;
}

enum status
object_str(struct py *p, const struct pyobj *o, const struct pystr **ret)
{
	if (p->str_at != o->addr) {
		enum status st = str_read(p, o->p, o->addr, &p->str);
		if (st != MS_OK)
			return st;
		p->str_at = o->addr;
	}
	*ret = &p->str;
	return MS_OK;
}

/* Bytes of a text object that str_read looks at. */
static size_t
str_header(const struct py *p)
{
	if (p->l->str_form == STR_PEP393)
		return layout_size(p->l, PYF_SIZEOF_ASCII);
	return layout_off(p->l, PYF_UNI27_STR) + p->l->machine.ptr_width;
}

bool
str_is(struct py *p, taddr addr, const char *text, size_t len)
{
	char have[64];
	size_t n;

	if (len >= sizeof(have))
		return false;
	return py_str_text(p, addr, have, len + 1, &n) == MS_OK && n == len &&
		memcmp(have, text, len) == 0;
}

/* One code point as UTF-8; lone surrogates keep their three-byte form (ED xx xx). */
static size_t
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (c >> 18 & 0x07));
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* n characters at c, as far as they fit behind *len; false at the first that does not. */
static bool
put_text(const struct py *p, const struct pystr *s, const uint8_t *c, uint64_t n, char *buf,
	size_t cap, size_t *len)
{
	if (s->is_ascii) {
		size_t fits = n < cap - *len ? (size_t)n : cap - *len;
		memcpy(buf + *len, c, fits);
		*len += fits;
		return fits == n;
	}
	for (uint64_t j = 0; j < n; j++, c += s->kind) {
		char one[4];
		uint32_t point = s->kind == 1 ? *c
					      : (uint32_t)load_uint(c, s->kind, p->l->swap);
		size_t size = put_utf8(one, point);
		if (size > cap - *len)
			return false;
		for (size_t k = 0; k < size; k++)
			buf[(*len)++] = one[k];
	}
	return true;
}

enum status
str_text(struct py *p, const struct pystr *s, char *buf, size_t cap, size_t *len, bool *is_cut)
{
	*len = 0;
	*is_cut = false;
	if (s->kind == 0 || s->data == 0)
		return MS_OK; /* not ready: a legacy wchar_t string that was never looked
				 at */
	for (uint64_t i = 0; i < s->length && !*is_cut;) {
		uint64_t now = s->length - i < 1024 ? s->length - i : 1024;
		const uint8_t *c =
			target_view(p->t, s->data + i * s->kind, (size_t)now * s->kind);
		if (c == NULL)
			return MS_FAULT;
		*is_cut = !put_text(p, s, c, now, buf, cap, len);
		i += now;
	}
	return MS_OK;
}

enum status
py_str_text(struct py *p, taddr addr, char *buf, size_t cap, size_t *len)
{
	const struct pytype *ty = py_type_of(p, addr);
	struct pystr s;
	bool is_cut;

	*len = 0;
	if (ty == NULL)
		return MS_FORMAT;
	/* 2.7 names things with its 8-bit str. */
	bool is_bytes = p->l->str_form == STR_27 && (ty->flags & TPF_BYTES);
	if (!is_bytes && !(ty->flags & TPF_UNICODE))
		return MS_FORMAT;
	const void *v = target_view(p->t, addr, str_header(p));
	if (v == NULL)
		return MS_FAULT;
	enum status st =
		is_bytes ? str_read_27(p, v, addr, true, &s) : str_read(p, v, addr, &s);
	if (st != MS_OK)
		return st;
	return str_text(p, &s, buf, cap, len, &is_cut);
}

uint32_t
str_intern(struct py *p, taddr addr)
{
	char text[LIM_NAME];
	size_t len;

	if (left_to_home(p) || py_str_text(p, addr, text, sizeof(text), &len) != MS_OK)
		return 0;
	return strtab_put(p->names, text, len);
}
