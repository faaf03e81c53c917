/*
 * The recipe of what holds what, from a dump to the arrays that commands ask.
 */
#include "holding.h"

#include "memscan/mem.h"
#include "memscan/progress.h"

/* Parts of the time that each step takes, as measured on dumps of 5 million objects. */
enum { GRAPH = 8, ORDER = 21, DOMINATORS = 50, RETAINED = 3, WAYS = 15 };

static enum status
compute_dominators(const struct heap *h, const struct holding *want, struct errbuf *eb)
{
	CLEAN(graph_order_fini) struct graph_order o = {0};

	progress_step("depth-first order", ORDER);
	enum status st = graph_order_build(want->g, &o, eb);
	if (st != MS_OK)
		return st;
	progress_step("dominators", DOMINATORS);
	st = dominators_compute(want->g, &o, want->d, eb);
	if (st != MS_OK || want->retained == NULL)
		return st;
	graph_order_fini(&o);
	progress_step("retained sizes", RETAINED);
	return retained_compute(h, want->d, want->retained, eb);
}

enum status
holding_compute(const struct heap *h, unsigned flags, const struct holding *want,
	struct errbuf *eb)
{
	progress_begin(GRAPH + (want->d != NULL ? ORDER + DOMINATORS + RETAINED : 0) +
		(want->way != NULL ? WAYS : 0));
	progress_step("roots", GRAPH);
	enum status st = graph_build(h, flags, want->g, eb);
	if (st == MS_OK && want->d != NULL)
		st = compute_dominators(h, want, eb);
	if (st == MS_OK && want->way != NULL) {
		progress_step("shortest ways", WAYS);
		st = graph_tree_build(want->g, NULL, want->way, eb);
	}
	progress_end();
	return st;
}
