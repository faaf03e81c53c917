/*
 * The recipe of what holds what, from a dump to the arrays that commands ask; and whether
 * they come from the dump's cache.
 */
#include "holding.h"

#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"

#include "cache.h"

/* Parts of the time that each step takes, as measured on dumps of 5 million objects. */
enum { GRAPH = 8, ORDER = 21, DOMINATORS = 50, RETAINED = 3, WAYS = 15 };

static enum status
compute_dominators(const struct graph *g, struct dominators *ret, struct errbuf *eb)
{
	CLEAN(graph_order_fini) struct graph_order o = {0};

	progress_step("depth-first order", ORDER);
	enum status st = graph_order_build(g, &o, eb);
	if (st != MS_OK)
		return st;
	progress_step("dominators", DOMINATORS);
	return dominators_compute(g, &o, ret, eb);
}

/* Without retained sizes, which are as soon summed up as read. */
static enum status
compute(const struct heap *h, unsigned flags, const struct holding *want,
	struct errbuf *eb)
{
	progress_step("roots", GRAPH);
	enum status st = graph_build(h, flags, want->g, eb);
	if (st == MS_OK && want->d != NULL)
		st = compute_dominators(want->g, want->d, eb);
	if (st == MS_OK && want->way != NULL) {
		progress_step("shortest ways", WAYS);
		st = graph_tree_build(want->g, NULL, want->way, eb);
	}
	return st;
}

/* All that a cache has, from it or into it. */
static enum status
find_cached(const char *file, const struct heap *h, struct cached *c, struct errbuf *eb)
{
	CLEAN_FREE char *path = cache_path(file);
	const struct holding all = {.g = &c->g, .d = &c->d, .way = &c->way};
	struct errbuf why = {0};
	bool may_replace;

	progress_step("cache", 1);
	enum status st = cache_read(path, h, c, &may_replace, &why);
	if (st == MS_OK)
		return MS_OK;
	if (st != MS_ABSENT)
		log_at(LOG_NORMAL, "note: %s is not used: %s", path, why.msg);
	st = compute(h, 0, &all, eb);
	if (st == MS_OK && may_replace && cache_write(path, h, c, &why) != MS_OK)
		log_at(LOG_NORMAL, "note: there will be no cache: %s", why.msg);
	return st;
}

static enum status
from_cache(const char *file, const struct heap *h, const struct holding *want,
	struct errbuf *eb)
{
	CLEAN(cached_fini) struct cached c = {0};

	enum status st = find_cached(file, h, &c, eb);
	if (st != MS_OK)
		return st;
	*want->g = c.g;
	c.g = (struct graph){0};
	if (want->d != NULL) {
		*want->d = c.d;
		c.d = (struct dominators){0};
	}
	if (want->way != NULL) {
		*want->way = c.way;
		c.way = (struct graph_tree){0};
	}
	return MS_OK;
}

enum status
holding_compute(const struct heap *h, const char *cache, unsigned flags,
	const struct holding *want, struct errbuf *eb)
{
	bool is_cached = cache != NULL && flags == 0 && h->digest != 0;

	progress_begin(GRAPH + (is_cached ? 1 : 0) + RETAINED +
		(want->d != NULL || is_cached ? ORDER + DOMINATORS : 0) +
		(want->way != NULL || is_cached ? WAYS : 0));
	enum status st =
		is_cached ? from_cache(cache, h, want, eb) : compute(h, flags, want, eb);
	if (st == MS_OK && want->retained != NULL) {
		progress_step("retained sizes", RETAINED);
		st = retained_compute(h, want->d, want->retained, eb);
	}
	progress_end();
	return st;
}

const char *
holding_cache(const struct cmd_args *a, const char *dump)
{
	return cmd_has(a, "cache") ? dump : NULL;
}
