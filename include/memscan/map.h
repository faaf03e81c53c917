/*
 * An open-addressing map from uint64_t to uint32_t, for addresses to indices.
 *
 * Any key is legal. The map only grows; it is emptied by map_fini. All-zero is an
 * empty map. Iteration order is not defined: keep a vector beside it where order matters.
 */
#ifndef MEMSCAN_MAP_H
#define MEMSCAN_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
	uint64_t *keys;
	uint32_t *vals; /* value + 1; 0 is a free place */
	size_t n, cap;  /* cap is 0 or a power of two */
};

/* The value of key into *ret (untouched if absent); values are below UINT32_MAX. */
bool map_get(const struct map *m, uint64_t key, uint32_t *ret);

/* Set key to val, replacing an older value. */
void map_put(struct map *m, uint64_t key, uint32_t val);

void map_fini(struct map *m);

#endif
