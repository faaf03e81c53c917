/*
 * The reference graph turned round: who refers to an object. Arrays in, arrays out; ids
 * only.
 */
#ifndef MEMSCAN_GRAPH_H
#define MEMSCAN_GRAPH_H

#include "memscan/heap.h"

/*
 * In-edges. Sources of the references to object i are from[first[i] .. first[i + 1] - 1],
 * in the order of the references' numbers.
 */
struct graph_in {
	uint64_t *first; /* nobj + 1; NULL from graph_in_of */
	uint32_t *from;  /* source object of each in-edge */
	uint64_t *ref;   /* number of the reference in heap.to, for its label */
	uint64_t n;      /* in-edges */
};

/*
 * Reverse all references of h (by counting, no sort). Needs first, to. Sources ascend
 * within one target; a source stands there once for each of its references.
 *
 * MS_NOMEM   12 bytes a reference and 8 an object are not to be had
 */
MUST_CHECK enum status graph_in_build(
	const struct heap *h, struct graph_in *ret, struct errbuf *eb);

/*
 * The in-edges of one object only: from[0 .. n - 1] and ref alike. Found by scanning all
 * references twice: no memory beyond the answer.
 */
MUST_CHECK enum status graph_in_of(
	const struct heap *h, objid of, struct graph_in *ret, struct errbuf *eb);
void graph_in_fini(struct graph_in *g);

#endif
