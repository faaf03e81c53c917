/*
 * Value records: how the preview of an object's value lies in memory and in a dump.
 *
 * A record is a LEB128 length and that many bytes; length 0 is "no value", one byte for
 * most objects. The bytes are one of kind and flags, the LEB128 len() if there is one,
 * and the text to the end of the record: skipping a record needs its length alone.
 */
#include "memscan/heap.h"

#include <assert.h>
#include <string.h>

#include "memscan/bytes.h"

enum {
	KIND_MASK = 0x0f,
	HAS_CUT = 0x10,
	HAS_LEN = 0x20,
	KNOWN_BITS = KIND_MASK | HAS_CUT | HAS_LEN,
	VARINT_MAX = 10, /* bytes of a LEB128 of 64 bits */
};
static_assert(VK_COUNT <= KIND_MASK + 1, "a value kind is four bits");

static const struct heap_value no_value = {
	.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""};

/* VK_NONE has no text, whatever the caller left in the struct. */
static size_t
text_len_of(const struct heap_value *v)
{
	return v->kind == VK_NONE ? 0 : v->text_len;
}

size_t
value_record_max(const struct heap_value *v)
{
	return VARINT_MAX + 1 + VARINT_MAX + text_len_of(v);
}

size_t
value_record_put(uint8_t *out, const struct heap_value *v)
{
	size_t text_len = text_len_of(v), head_len = 1;
	uint8_t head[1 + VARINT_MAX];

	if (v->kind == VK_NONE && v->len == VALUE_NO_LEN) {
		out[0] = 0;
		return 1;
	}
	head[0] = (uint8_t)((unsigned)v->kind & KIND_MASK);
	if (v->cut)
		head[0] |= HAS_CUT;
	if (v->len != VALUE_NO_LEN) {
		head[0] |= HAS_LEN;
		head_len += varint_put(head + 1, v->len);
	}
	size_t n = varint_put(out, head_len + text_len);
	memcpy(out + n, head, head_len);
	n += head_len;
	if (text_len > 0)
		memcpy(out + n, v->text, text_len);
	return n + text_len;
}

enum status
value_record_get(const uint8_t *p, const uint8_t *end, struct heap_value *ret,
	const uint8_t **next)
{
	/* Most records are empty, and most others shorter than 128 bytes. */
	if (p < end && *p == 0) {
		*ret = no_value;
		*next = p + 1;
		return MS_OK;
	}
	struct bytes b = bytes_of(p, (size_t)(end - p));
	uint64_t n = p < end && *p < 0x80 ? bytes_uint(&b, 1) : bytes_varint(&b);
	if (b.bad || n > bytes_left(&b))
		return MS_FORMAT;
	if (n == 0) {
		*ret = no_value;
		*next = b.p;
		return MS_OK;
	}
	struct bytes body = bytes_of(b.p, (size_t)n);
	unsigned head = (unsigned)bytes_uint(&body, 1);
	struct heap_value v = {
		.kind = (enum value_kind)(head & KIND_MASK),
		.cut = (head & HAS_CUT) != 0,
		.len = (head & HAS_LEN) != 0 ? bytes_varint(&body) : VALUE_NO_LEN,
	};
	if (body.bad || (head & ~(unsigned)KNOWN_BITS) != 0 ||
		(unsigned)v.kind >= VK_COUNT)
		return MS_FORMAT;
	v.text = (const char *)body.p;
	v.text_len = bytes_left(&body);
	if (v.kind == VK_NONE && v.text_len != 0)
		return MS_FORMAT;
	*ret = v;
	*next = b.p + n;
	return MS_OK;
}
