/*
 * Reading integers out of bytes that somebody else wrote.
 *
 * The load functions take any alignment. struct bytes is a bounds-checked cursor:
 * reading past the end sets `bad` and yields zeros, so a parser checks once at its end.
 */
#ifndef MEMSCAN_BYTES_H
#define MEMSCAN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
load_u16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
load_u32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
load_u64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* An unsigned integer of width bytes (1, 2, 4, 8), in the other byte order if swap. */
uint64_t load_uint_any(const void *p, unsigned width, bool swap);

/* The same; the words of 64-bit machines of our own byte order cost no call. */
static inline uint64_t
load_uint(const void *p, unsigned width, bool swap)
{
	return width == 8 && !swap ? load_u64(p) : load_uint_any(p, width, swap);
}

/* The same, sign-extended to 64 bits. */
int64_t load_int(const void *p, unsigned width, bool swap);

struct bytes {
	const uint8_t *p, *end;
	bool bad, swap;
};

static inline struct bytes
bytes_of(const void *p, size_t n)
{
	return (struct bytes){.p = p, .end = (const uint8_t *)p + n};
}

size_t bytes_left(const struct bytes *b);
const void *bytes_take(struct bytes *b, size_t n); /* NULL if there are no n bytes */
uint64_t bytes_uint(struct bytes *b, unsigned width);
uint64_t bytes_varint(struct bytes *b); /* LEB128, at most 10 bytes */

/* Write v as LEB128 to out (at least 10 bytes); returns the bytes used. */
size_t varint_put(uint8_t *out, uint64_t v);

#endif
