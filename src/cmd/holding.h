/*
 * What keeps what alive in a dump: the graph, dominators, retained sizes, shortest ways.
 * Several commands ask for some of these; they take long, so that they show progress.
 */
#ifndef MEMSCAN_CMD_HOLDING_H
#define MEMSCAN_CMD_HOLDING_H

#include "memscan/analysis.h"
#include "memscan/cmd.h"
#include "memscan/graph.h"
#include "memscan/retained.h"

/* Where to put what is wanted; NULL: it is not. */
struct holding {
	struct graph *g; /* always wanted */
	struct dominators *d;
	uint64_t **retained; /* bytes, by object; needs d */
	struct graph_tree *way;
};

/*
 * Compute it, as a job of the progress line; or take it from the cache beside the file
 * `cache`, the dump of h, and put it there (NULL: do without). `flags` are those of graph_build;
 * with any there is no cache. All is the caller's to end, after an error, too.
 * MS_NOMEM
 */
MUST_CHECK enum status holding_compute(const struct heap *h, const char *cache,
	unsigned flags, const struct holding *want, struct errbuf *eb);

/* The file to give it, of a command that has --cache: NULL if that was not given. */
const char *holding_cache(const struct cmd_args *a, const char *dump);

#endif
