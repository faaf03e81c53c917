/*
 * A set of small numbers: one bit each, of a fixed range 0 .. n - 1. What a selection of
 * objects is.
 */
#ifndef MEMSCAN_BITSET_H
#define MEMSCAN_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/status.h"

struct bitset {
	uint64_t *words;
	size_t n; /* numbers, not words; bits beyond it are 0 */
};

/* An empty set of the range 0 .. n - 1; bitset_fini() it. MS_NOMEM: n / 8 bytes are not
 * to be had */
MUST_CHECK enum status bitset_init(struct bitset *ret, size_t n, struct errbuf *eb);
void bitset_fini(struct bitset *b);

static inline size_t
bitset_words(const struct bitset *b)
{
	return (b->n + 63) / 64;
}

static inline bool
bitset_has(const struct bitset *b, size_t i)
{
	return (b->words[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
bitset_add(struct bitset *b, size_t i)
{
	b->words[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void
bitset_remove(struct bitset *b, size_t i)
{
	b->words[i / 64] &= ~((uint64_t)1 << (i % 64));
}

/* The smallest member that is i or more; b->n if there is none. */
size_t bitset_next(const struct bitset *b, size_t i);

/* for (size_t i; ...): members in ascending order. */
#define BITSET_EACH(i, b)                                                                \
	for (size_t i = bitset_next((b), 0); i < (b)->n; i = bitset_next((b), i + 1))

size_t bitset_count(const struct bitset *b);

/* All numbers of the range, and operations in place; both sets have the same range. */
void bitset_fill(struct bitset *b);
void bitset_and(struct bitset *b, const struct bitset *with);
void bitset_or(struct bitset *b, const struct bitset *with);
void bitset_xor(struct bitset *b, const struct bitset *with);
void bitset_minus(struct bitset *b, const struct bitset *with);

#endif
