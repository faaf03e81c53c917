/*
 * Sets as words of bits. Those beyond the range stay 0, so that counting and looking for
 * the next one need not know where it ends.
 */
#include "memscan/bitset.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

enum status
bitset_init(struct bitset *ret, size_t n, struct errbuf *eb)
{
	struct bitset b = {.n = n};

	enum status st = mem_checked(bitset_words(&b), 8, SIZE_MAX, &b.words, eb);
	if (st != MS_OK)
		return st;
	*ret = b;
	return MS_OK;
}

void
bitset_fini(struct bitset *b)
{
	free(b->words);
	*b = (struct bitset){0};
}

size_t
bitset_next(const struct bitset *b, size_t i)
{
	if (i >= b->n)
		return b->n;
	size_t w = i / 64, words = bitset_words(b);
	uint64_t bits = b->words[w] & UINT64_MAX << (i % 64);

	while (bits == 0) {
		if (++w == words)
			return b->n;
		bits = b->words[w];
	}
	return w * 64 + (size_t)__builtin_ctzll(bits);
}

size_t
bitset_count(const struct bitset *b)
{
	size_t n = 0;

	for (size_t w = 0; w < bitset_words(b); w++)
		n += (size_t)__builtin_popcountll(b->words[w]);
	return n;
}

void
bitset_fill(struct bitset *b)
{
	if (b->n == 0)
		return;
	memset(b->words, 0xff, bitset_words(b) * 8);
	if (b->n % 64 != 0)
		b->words[b->n / 64] = ((uint64_t)1 << (b->n % 64)) - 1;
}

void
bitset_and(struct bitset *b, const struct bitset *with)
{
	for (size_t w = 0; w < bitset_words(b); w++)
		b->words[w] &= with->words[w];
}

void
bitset_or(struct bitset *b, const struct bitset *with)
{
	for (size_t w = 0; w < bitset_words(b); w++)
		b->words[w] |= with->words[w];
}

void
bitset_xor(struct bitset *b, const struct bitset *with)
{
	for (size_t w = 0; w < bitset_words(b); w++)
		b->words[w] ^= with->words[w];
}

void
bitset_minus(struct bitset *b, const struct bitset *with)
{
	for (size_t w = 0; w < bitset_words(b); w++)
		b->words[w] &= ~with->words[w];
}
