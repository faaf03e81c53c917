/*
 * The neighbourhood of an object: what can be come to in a few steps, along references or
 * against them. Breadth first, so that each object is there once, as near as it is.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

struct walk {
	const struct heap *h;
	const struct graph_in *in; /* NULL: along references */
	size_t limit;
	struct bitset seen;
	VEC(struct near_row) rows;
};

static void
walk_fini(struct walk *w)
{
	bitset_fini(&w->seen);
	vec_fini(&w->rows);
}

/* The references of one object, as far as they may be shown; the others are counted. */
static void
expand(struct walk *w, uint32_t at, objid i, uint32_t depth)
{
	const uint64_t *first = w->in != NULL ? w->in->first : w->h->first;
	size_t n = 0;

	for (uint64_t k = first[i]; k < first[i + 1]; k++) {
		uint64_t r = w->in != NULL ? w->in->ref[k] : k;
		objid from = w->in != NULL ? w->in->from[k] : i;
		objid other = w->in != NULL ? from : w->h->to[r];
		if (n++ >= w->limit)
			continue;
		struct near_row row = {
			.id = other, .from = from, .ref = r, .depth = depth};
		row.parent = at;
		row.is_again = bitset_has(&w->seen, other);
		bitset_add(&w->seen, other);
		vec_push(&w->rows, row);
	}
	if (at != HEAP_NONE && n > w->limit)
		w->rows.at[at].more = n - w->limit;
}

enum status
near_compute(const struct heap *h, const struct graph_in *in, objid of, uint32_t depth,
	size_t limit, struct near *ret, struct errbuf *eb)
{
	CLEAN(walk_fini) struct walk w = {.h = h, .in = in, .limit = limit};
	const uint64_t *first = in != NULL ? in->first : h->first;

	enum status st = bitset_init(&w.seen, h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "neighbourhood");
	bitset_add(&w.seen, of);
	expand(&w, HEAP_NONE, of, 1);
	for (size_t k = 0; k < w.rows.n && k < NEAR_MAX; k++) {
		struct near_row row = w.rows.at[k];
		if (row.depth < depth && !row.is_again)
			expand(&w, (uint32_t)k, row.id, row.depth + 1);
	}
	uint64_t all = first[of + 1] - first[of];
	ret->more = all > limit ? all - limit : 0;
	ret->n = w.rows.n;
	ret->rows = STEAL(w.rows.at);
	return MS_OK;
}

void
near_fini(struct near *n)
{
	free(n->rows);
	*n = (struct near){0};
}
