/*
 * Small random heaps of many shapes, and what their graph says by the definitions alone:
 * a matrix of which object holds which, and reachability by trying again until nothing
 * changes. Nothing here is shared with the graph and analysis layers.
 */
#ifndef MEMSCAN_TESTS_SMALLGRAPH_H
#define MEMSCAN_TESTS_SMALLGRAPH_H

#include "memscan/graph.h"
#include "memsink.h"

enum { SMALL_MAX = 24 };

struct small {
	struct memsink *m;
	const struct heap *h;
	struct graph g;
	uint32_t n;
	bool edge[SMALL_MAX][SMALL_MAX]; /* holds */
	bool own_dict[SMALL_MAX][SMALL_MAX]; /* and one of the references is a __dict__ */
	bool entry[SMALL_MAX];
};

/* A heap of up to max objects that depends on the seed alone; free it with small_fini. */
void small_init(struct small *s, uint64_t seed, uint32_t max);
void small_fini(struct small *s);

/* What is reached from the entries without objects of the set `gone` (bit i: object i). */
uint32_t small_reach(const struct small *s, uint32_t gone);

/* Sum of the sizes of a set of objects. */
uint64_t small_bytes(const struct small *s, uint32_t set);

/* A set of objects, as analyses take it; the words are borrowed. */
struct bitset small_set(const struct small *s, uint64_t words[1], uint32_t set);

#endif
