/*
 * The bounds-checked cursor and integers of any width and byte order.
 */
#include "memscan/bytes.h"

uint64_t
load_uint_any(const void *p, unsigned width, bool swap)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (width) {
	case 8:
		memcpy(&v64, p, 8);
		return swap ? __builtin_bswap64(v64) : v64;
	case 4:
		memcpy(&v32, p, 4);
		return swap ? __builtin_bswap32(v32) : v32;
	case 2:
		memcpy(&v16, p, 2);
		return swap ? __builtin_bswap16(v16) : v16;
	default:
		return *(const uint8_t *)p;
	}
}

int64_t
load_int(const void *p, unsigned width, bool swap)
{
	uint64_t v = load_uint(p, width, swap);
	switch (width) {
	case 8:
		return (int64_t)v;
	case 4:
		return (int32_t)v;
	case 2:
		return (int16_t)v;
	default:
		return (int8_t)v;
	}
}

size_t
bytes_left(const struct bytes *b)
{
	return (size_t)(b->end - b->p);
}

const void *
bytes_take(struct bytes *b, size_t n)
{
	if (b->bad || bytes_left(b) < n) {
		b->bad = true;
		return NULL;
	}
	const void *p = b->p;
	b->p += n;
	return p;
}

uint64_t
bytes_uint(struct bytes *b, unsigned width)
{
	const void *p = bytes_take(b, width);
	return p != NULL ? load_uint(p, width, b->swap) : 0;
}

uint64_t
bytes_varint(struct bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = bytes_take(b, 1);
		if (p == NULL)
			return 0;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if ((*p & 0x80) == 0)
			return v;
	}
	b->bad = true;
	return 0;
}

size_t
varint_put(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}
