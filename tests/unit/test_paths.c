/*
 * Ways to objects: their lengths against trying until nothing becomes shorter; how many
 * share nothing against the smallest set of objects that cuts all ways (Menger); and
 * each step of each against the references that there are.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/retained.h"
#include "samples.h"
#include "smallgraph.h"

enum { GRAPHS = 4000, CUT_MAX = 10 };

static void
find_distances(const struct small *s, uint32_t gone, uint64_t dist[SMALL_MAX])
{
	bool is_more = true;

	for (objid i = 0; i < s->n; i++)
		dist[i] = UINT64_MAX;
	for (uint32_t e = 0; e < s->g.n_held; e++)
		if ((gone >> s->g.entry[e] & 1) == 0)
			dist[s->g.entry[e]] = graph_entry_dist(&s->g, e);
	while (is_more) {
		is_more = false;
		for (objid i = 0; i < s->n; i++) {
			for (objid j = 0; j < s->n && dist[i] != UINT64_MAX; j++) {
				uint64_t d = dist[i] + !s->own_dict[i][j];
				if (!s->edge[i][j] || (gone >> j & 1) != 0 ||
					d >= dist[j])
					continue;
				dist[j] = d;
				is_more = true;
			}
		}
	}
}

/* Each step is a reference that holds, of the object before it. */
static void
check_path(const struct small *s, const struct path *p, objid to, uint32_t gone)
{
	ck_assert_uint_ge(p->n, 1);
	ck_assert_uint_eq(p->at[0], s->g.entry[p->entry]);
	ck_assert_uint_eq(p->at[p->n - 1], to);
	for (size_t k = 0; k < p->n; k++)
		ck_assert_uint_eq(gone >> p->at[k] & 1, 0);
	for (size_t k = 1; k < p->n; k++) {
		ck_assert_uint_ge(p->ref[k], s->h->first[p->at[k - 1]]);
		ck_assert_uint_lt(p->ref[k], s->h->first[p->at[k - 1] + 1]);
		ck_assert_uint_eq(s->h->to[p->ref[k]], p->at[k]);
		ck_assert_int_ne(ref_kind(s->h->label[p->ref[k]]), RK_WEAK);
	}
}

START_TEST(shortest)
{
	uint64_t rng = 3;

	for (int round = 0; round < GRAPHS; round++) {
		CLEAN(graph_tree_fini) struct graph_tree t = {0};
		struct errbuf eb = {0};
		struct small s;
		uint64_t dist[SMALL_MAX], words[1];
		small_init(&s, sample_next(&rng), SMALL_MAX);
		uint32_t gone = round % 2 == 0
			? 0
			: (uint32_t)(sample_next(&rng) & sample_next(&rng));
		struct bitset avoid = small_set(&s, words, gone);
		ck_assert_int_eq(
			graph_tree_build(&s.g, round % 2 == 0 ? NULL : &avoid, &t, &eb),
			MS_OK);
		find_distances(&s, gone, dist);
		uint32_t reached = small_reach(&s, gone), n = 0;
		for (objid i = 0; i < s.n; i++) {
			struct path p = {0};
			ck_assert_int_eq(t.dist[i] != UINT32_MAX, reached >> i & 1);
			n += t.dist[i] != UINT32_MAX;
			if (dist[i] != UINT64_MAX)
				ck_assert_uint_eq(t.dist[i], dist[i]);
			ck_assert_int_eq(path_of(&s.g, &t, i, &p), reached >> i & 1);
			if (p.n > 0)
				check_path(&s, &p, i, gone);
			/* Held by nothing known: no way from what is known. */
			if (p.n > 0)
				ck_assert_int_eq(
					p.entry < s.g.n_held, dist[i] != UINT64_MAX);
			path_fini(&p);
		}
		ck_assert_uint_eq(t.n_order, n);
		small_fini(&s);
	}
}
END_TEST

/* The fewest objects, i not among them, without which i is not reached. */
static size_t
smallest_cut(const struct small *s, objid i, uint32_t gone)
{
	size_t best = SMALL_MAX;

	for (uint32_t cut = 0; cut < 1u << s->n; cut++) {
		size_t n = (size_t)__builtin_popcount(cut);
		if (n >= best || (cut >> i & 1) != 0)
			continue;
		if ((small_reach(s, cut | gone) >> i & 1) == 0)
			best = n;
	}
	return best;
}

static void
check_disjoint(const struct small *s, struct disjoint *d, objid i, uint32_t gone)
{
	struct small direct = *s;
	struct paths p = {0};
	uint32_t used = 0;
	size_t n = 0;

	disjoint_find(d, i, 100, &p);
	if ((gone >> i & 1) == 0) {
		n = s->entry[i];
		direct.entry[i] = false;
		n += smallest_cut(&direct, i, gone);
	}
	ck_assert_uint_eq(p.n, n);
	ck_assert(p.is_all);
	for (size_t k = 0; k < p.n; k++) {
		check_path(s, &p.at[k], i, gone);
		if (k > 0)
			ck_assert_uint_le(p.at[k - 1].n, p.at[k].n);
		for (size_t j = 0; j + 1 < p.at[k].n; j++) {
			ck_assert_uint_ne(p.at[k].at[j], i);
			ck_assert_uint_eq(used >> p.at[k].at[j] & 1, 0);
			used |= 1u << p.at[k].at[j];
		}
	}
	if (n > 1) {
		paths_fini(&p);
		disjoint_find(d, i, n - 1, &p);
		ck_assert_uint_eq(p.n, n - 1);
		ck_assert(!p.is_all);
	}
	paths_fini(&p);
}

START_TEST(disjoint)
{
	uint64_t rng = 5;

	for (int round = 0; round < GRAPHS; round++) {
		struct small s;
		small_init(&s, sample_next(&rng), CUT_MAX);
		uint32_t gone = round % 3 != 0
			? 0
			: (uint32_t)(sample_next(&rng) & sample_next(&rng));
		/* One after the other: none leaves anything behind for the next. */
		struct disjoint *d;
		struct errbuf eb = {0};
		uint64_t words[1];
		struct bitset avoid = small_set(&s, words, gone);
		ck_assert_int_eq(disjoint_new(&s.g, &avoid, &d, &eb), MS_OK);
		for (int k = 0; k < 3; k++)
			check_disjoint(&s, d, (objid)sample_below(&rng, s.n), gone);
		disjoint_free(d);
		small_fini(&s);
	}
}
END_TEST

/* Every object of the set is in one row, and rows are counted right. */
START_TEST(merged_sums)
{
	uint64_t rng = 9;

	for (int round = 0; round < GRAPHS; round++) {
		CLEAN(graph_tree_fini) struct graph_tree t = {0};
		CLEAN(merged_fini) struct merged m = {0};
		struct errbuf eb = {0};
		struct small s;
		uint64_t words[2], count = 0, bytes = 0;
		small_init(&s, sample_next(&rng), SMALL_MAX);
		uint32_t in = (uint32_t)sample_next(&rng) & ((1u << s.n) - 1);
		uint32_t gone = (uint32_t)(sample_next(&rng) & sample_next(&rng));
		struct bitset set = small_set(&s, words, in);
		struct bitset avoid = small_set(&s, words + 1, gone);
		ck_assert_int_eq(graph_tree_build(&s.g, &avoid, &t, &eb), MS_OK);
		ck_assert_int_eq(paths_merge(&s.g, &t, &set, &m, &eb), MS_OK);
		uint32_t found = in & small_reach(&s, gone);
		for (size_t k = 0; k < m.n; k++) {
			count += m.rows[k].count;
			bytes += m.rows[k].bytes;
			ck_assert_uint_lt(m.rows[k].node, m.n_node);
			ck_assert_uint_eq(found >> m.rows[k].example & 1, 1);
		}
		ck_assert_uint_eq(count, (unsigned)__builtin_popcount(found));
		ck_assert_uint_eq(bytes, small_bytes(&s, found));
		ck_assert_uint_eq(m.unreached, (unsigned)__builtin_popcount(in & ~found));
		small_fini(&s);
	}
}
END_TEST

/* module -> list -> 5 objects -> one each: two ways to say, whatever the index. */
START_TEST(merged_by_hand)
{
	CLEAN(graph_tree_fini) struct graph_tree t = {0};
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(merged_fini) struct merged m = {0};
	struct memsink *sink = memsink_new();
	struct errbuf eb = {0};
	uint32_t type = memsink_add_type(sink, "app", "T");
	uint32_t x = memsink_str(sink, "x");

	memsink_add_obj(sink, type, 0x1000, 1);
	memsink_add_ref(sink, 1, RK_ATTR, memsink_str(sink, "all"));
	memsink_add_obj(sink, type, 0x2000, 1);
	for (objid i = 0; i < 5; i++)
		memsink_add_ref(sink, 2 + i, RK_INDEX, i);
	for (objid i = 0; i < 5; i++) {
		memsink_add_obj(sink, type, 0x3000 + 64 * i, 1);
		memsink_add_ref(sink, 7 + i, RK_ATTR, x);
	}
	for (objid i = 0; i < 5; i++)
		memsink_add_obj(sink, type, 0x4000 + 64 * i, 10);
	memsink_add_root(sink, 0, ROOT_MODULE, "app");
	const struct heap *h = memsink_heap(sink);
	uint64_t words[1] = {0xf88}; /* one of the five, and all of the last */
	const struct bitset set = {.words = words, .n = h->nobj};
	ck_assert_int_eq(graph_build(h, 0, &g, &eb), MS_OK);
	ck_assert_int_eq(graph_tree_build(&g, NULL, &t, &eb), MS_OK);
	ck_assert_int_eq(paths_merge(&g, &t, &set, &m, &eb), MS_OK);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_uint_eq(m.rows[0].count, 5);
	ck_assert_uint_eq(m.rows[0].bytes, 50);
	ck_assert_uint_eq(m.rows[0].example, 7);
	ck_assert_uint_eq(m.rows[1].count, 1);
	const struct merged_node *last = &m.node[m.rows[0].node];
	ck_assert(!last->varies && m.node[last->parent].varies);
	ck_assert_uint_eq(last->parent, m.rows[1].node);
	memsink_free(sink);
}
END_TEST

Suite *suite_paths(void);

Suite *
suite_paths(void)
{
	Suite *s = suite_create("paths");
	TCase *t = tcase_create("paths");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, shortest);
	tcase_add_test(t, disjoint);
	tcase_add_test(t, merged_sums);
	tcase_add_test(t, merged_by_hand);
	suite_add_tcase(s, t);
	return s;
}
