/*
 * Two heaps whose objects are compared, one by one: what that takes of both.
 */
#ifndef MEMSCAN_ANALYSIS_PAIR_H
#define MEMSCAN_ANALYSIS_PAIR_H

#include "memscan/heap.h"

#include "values.h"

struct pair {
	const struct heap *h[2];
	struct values values[2];
	uint32_t *types[2]; /* by type: a number, the same for the same type in both */
};

/*
 * Types are the same if their modules and names are, and, if asked for, their addresses.
 * pair_fini() it, after an error, too. MS_NOMEM
 */
MUST_CHECK enum status pair_init(struct pair *p, const struct heap *a,
	const struct heap *b, bool by_addr, struct errbuf *eb);
void pair_fini(struct pair *p);

/*
 * Are two values of one kind of the same text? Of dumps with values of different length,
 * as much is compared as both have.
 */
bool pair_same_text(const struct heap_value *a, const struct heap_value *b);

#endif
