/*
 * What keeps what alive in a dump: the graph, dominators, retained sizes, shortest ways.
 * Several commands ask for some of these; they take long, so that they show progress.
 */
#ifndef MEMSCAN_CMD_HOLDING_H
#define MEMSCAN_CMD_HOLDING_H

#include "memscan/analysis.h"
#include "memscan/graph.h"

/* Where to put what is wanted; NULL: it is not. */
struct holding {
	struct graph *g; /* always wanted */
	struct dominators *d;
	uint64_t **retained; /* bytes, by object; needs d */
	struct graph_tree *way;
};

/*
 * Compute it, as a job of the progress line. `flags` are those of graph_build. All is the
 * caller's to end, after an error, too.
 * MS_NOMEM
 */
MUST_CHECK enum status holding_compute(const struct heap *h, unsigned flags,
	const struct holding *want, struct errbuf *eb);

#endif
