/*
 * Ids in order of address, in time that is linear in their number.
 *
 * Addresses of a heap lie in few blocks of a megabyte. So the ids are first dealt out to
 * their blocks, each as (offset in block, id) in one word; then each block, which fits a
 * cache, is sorted by its offsets. That is half the memory of sorting pairs of address
 * and id.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"
#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

enum {
	BLOCK_BITS = 20,
	DIGIT_BITS = 10, /* two digits are a block offset */
	DIGITS = 1 << DIGIT_BITS,
	ID_BITS = 32, /* below the offset in a dealt word */
	FEW = 64,     /* fewer words than this are sorted by insertion */
};

struct block {
	uint64_t number; /* address >> BLOCK_BITS */
	uint32_t index;  /* order of first sight */
	uint64_t n;      /* ids in it */
};

struct blocks {
	VEC(struct block) v; /* in order of first sight, then by number */
	struct map index_of; /* number to index */
	uint64_t last_number;
	uint32_t last_index;
};

static void
blocks_fini(struct blocks *b)
{
	vec_fini(&b->v);
	map_fini(&b->index_of);
}

/* The index of an address's block; neighbours in discovery order often share it. */
static inline uint32_t
block_of(struct blocks *b, uint64_t addr)
{
	uint64_t number = addr >> BLOCK_BITS;

	if (number == b->last_number && b->v.n > 0)
		return b->last_index;
	uint32_t index;
	if (!map_get(&b->index_of, number, &index)) {
		index = (uint32_t)b->v.n;
		map_put(&b->index_of, number, index);
		vec_push(&b->v, (struct block){.number = number, .index = index});
	}
	b->last_number = number;
	b->last_index = index;
	return index;
}

static int
compare_blocks(const void *pa, const void *pb)
{
	const struct block *a = pa, *b = pb;

	return a->number < b->number ? -1 : a->number > b->number;
}

/* Deal the ids out: words[] holds the blocks in ascending order, ids ascending within
 * each. */
static enum status
deal(struct blocks *b, const uint64_t *addr, uint32_t n, uint64_t *words,
	struct errbuf *eb)
{
	CLEAN_FREE uint64_t *next = NULL; /* by index: where the block's next word goes */
	uint64_t at = 0, offset_mask = (UINT64_C(1) << BLOCK_BITS) - 1;

	for (uint32_t id = 0; id < n; id++) {
		uint32_t index = block_of(b, addr[id]); /* may move b->v.at */
		b->v.at[index].n++;
	}
	enum status st = mem_checked(
		b->v.n, sizeof(*next), LIM_OBJECTS * sizeof(*next), &next, eb);
	if (st != MS_OK)
		return st;
	qsort(b->v.at, b->v.n, sizeof(*b->v.at), compare_blocks);
	for (size_t i = 0; i < b->v.n; i++) {
		next[b->v.at[i].index] = at;
		at += b->v.at[i].n;
	}
	for (uint32_t id = 0; id < n; id++)
		words[next[block_of(b, addr[id])]++] = (addr[id] & offset_mask)
				<< ID_BITS |
			id;
	return MS_OK;
}

static void
sort_few(uint64_t *words, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t word = words[i];
		size_t at = i;
		for (; at > 0 && words[at - 1] > word; at--)
			words[at] = words[at - 1];
		words[at] = word;
	}
}

/* One stable pass over the digit at this bit. */
static void
sort_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned bit)
{
	size_t next[DIGITS] = {0}, at = 0;

	for (size_t i = 0; i < n; i++)
		next[from[i] >> bit & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t count = next[d];
		next[d] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++)
		to[next[from[i] >> bit & (DIGITS - 1)]++] = from[i];
}

enum status
addr_sort(const uint64_t *addr, uint32_t n, uint32_t *ids, struct errbuf *eb)
{
	CLEAN(blocks_fini) struct blocks b = {0};
	CLEAN_FREE uint64_t *words = NULL, *scratch = NULL;
	size_t cap = LIM_OBJECTS * sizeof(*words);
	uint64_t most = 0;

	if (n == 0)
		return MS_OK;
	enum status st = mem_checked(n, sizeof(*words), cap, &words, eb);
	if (st == MS_OK)
		st = deal(&b, addr, n, words, eb);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < b.v.n; i++)
		most = b.v.at[i].n > most ? b.v.at[i].n : most;
	st = mem_checked(most, sizeof(*scratch), cap, &scratch, eb);
	if (st != MS_OK)
		return st;

	uint64_t *at = words;
	for (size_t i = 0; i < b.v.n; at += b.v.at[i].n, i++) {
		if (b.v.at[i].n < FEW) {
			sort_few(at, b.v.at[i].n);
			continue;
		}
		sort_digit(at, scratch, b.v.at[i].n, ID_BITS);
		sort_digit(scratch, at, b.v.at[i].n, ID_BITS + DIGIT_BITS);
	}
	for (uint32_t i = 0; i < n; i++)
		ids[i] = (uint32_t)words[i];
	return MS_OK;
}
