/*
 * What takes long to find of a dump, kept in a file beside it (--cache): the entries of
 * the graph, dominators, shortest ways. Never needed: what is wrong with the file, or
 * does not belong to this dump and this program, is told, and then it is made anew.
 */
#ifndef MEMSCAN_CMD_CACHE_H
#define MEMSCAN_CMD_CACHE_H

#include "memscan/analysis.h"
#include "memscan/graph.h"
#include "memscan/retained.h"

/* What is kept; found without guessed references being left out. */
struct cached {
	struct graph g;
	struct dominators d;
	struct graph_tree way;
};
void cached_fini(struct cached *c);

/* "FILE.cache"; free() it. */
char *cache_path(const char *dump);

/*
 * Read it. h must be whole, and from a file. *may_replace, after an error: nothing is
 * lost when another is written there.
 * MS_ABSENT   there is none
 * MS_VERSION  of another memscan, or of another dump
 * MS_DENIED   another user's
 * MS_FORMAT, MS_IO, MS_NOMEM   what is wrong with it
 */
MUST_CHECK enum status cache_read(const char *path, const struct heap *h,
	struct cached *ret, bool *may_replace, struct errbuf *eb);

/* Write it, whole or not at all. MS_IO */
MUST_CHECK enum status cache_write(const char *path, const struct heap *h,
	const struct cached *c, struct errbuf *eb);

#endif
