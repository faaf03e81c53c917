/*
 * References of a set, put together by what they are called and the type at their other
 * end.
 */
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

struct grouping {
	const struct heap *h;
	struct map row_of; /* type and name to row */
	VEC(struct refs_row) rows;
	struct bitset others;
	uint64_t count;
};

static void
grouping_fini(struct grouping *g)
{
	map_fini(&g->row_of);
	vec_fini(&g->rows);
	bitset_fini(&g->others);
}

/* A label without its marks; of items, which of them does not matter. */
static uint32_t
name_of(uint32_t label)
{
	switch (ref_kind(label)) {
	case RK_KEY:
	case RK_VALUE:
	case RK_INDEX:
	case RK_MEMBER:
	case RK_STACK:
		return ref_kind(label);
	default:
		return label & ~(REF_HIDDEN | REF_GUESS);
	}
}

static void
add(struct grouping *g, objid from, uint64_t r, objid other)
{
	uint32_t type = g->h->type[other], name = name_of(g->h->label[r]), at;
	uint64_t key = (uint64_t)type << 32 | name;

	g->count++;
	bitset_add(&g->others, other);
	if (!map_get(&g->row_of, key, &at)) {
		at = (uint32_t)g->rows.n;
		vec_push(&g->rows,
			(struct refs_row){.type = type, .from = from, .ref = r});
		map_put(&g->row_of, key, at);
	}
	struct refs_row *row = &g->rows.at[at];
	row->varies |= row->count > 0;
	row->count++;
}

static int
compare_rows(const void *pa, const void *pb)
{
	const struct refs_row *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->ref < b->ref ? -1 : a->ref > b->ref;
}

enum status
refs_compute(const struct heap *h, const struct bitset *set, enum refs_way way,
	struct refs_groups *ret, struct errbuf *eb)
{
	CLEAN(grouping_fini) struct grouping g = {.h = h};
	struct refs_groups out = {0};

	enum status st = bitset_init(&g.others, h->nobj, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "references of a set");
	for (objid i = 0; i < h->nobj; i++) {
		if (way == REFS_OUT && !bitset_has(set, i))
			continue;
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
			if (way == REFS_OUT || bitset_has(set, h->to[r]))
				add(&g, i, r, way == REFS_OUT ? h->to[r] : i);
	}
	if (g.rows.n > 0)
		qsort(g.rows.at, g.rows.n, sizeof(*g.rows.at), compare_rows);
	out.others = objects_amount(h, &g.others);
	out.count = g.count;
	out.n = g.rows.n;
	out.rows = STEAL(g.rows.at);
	*ret = out;
	return MS_OK;
}

void
refs_fini(struct refs_groups *g)
{
	free(g->rows);
	*g = (struct refs_groups){0};
}
