/*
 * Dominators and retained sizes against "remove it and see what becomes unreachable", and
 * cycles against "each can be reached from the other", on thousands of small graphs.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "samples.h"
#include "smallgraph.h"

enum { GRAPHS = 3000 };

/* What the entries are: nothing is missed, none is there without need. */
static void
check_entries(const struct small *s)
{
	uint32_t all = s->n < 32 ? (1u << s->n) - 1 : UINT32_MAX, known = 0;

	ck_assert_uint_eq(small_reach(s, 0), all);
	for (uint32_t k = 0; k < s->h->nroot; k++)
		if (s->h->roots[k].kind != ROOT_TRACKED)
			known |= 1u << s->h->roots[k].to;
	for (uint32_t e = 0; e < s->g.n_entry; e++) {
		objid i = s->g.entry[e];
		ck_assert_int_eq(e < s->g.n_held, known >> i & 1);
		if (e < s->g.n_held)
			continue;
		struct small without = *s;
		without.entry[i] = false;
		ck_assert_uint_eq(small_reach(&without, 0) >> i & 1, 0);
	}
}

/* dies[v]: what goes when v goes. */
static void
find_deaths(const struct small *s, uint32_t dies[SMALL_MAX])
{
	uint32_t all = small_reach(s, 0);

	for (objid v = 0; v < s->n; v++)
		dies[v] = all & ~small_reach(s, 1u << v);
}

/* The one that dies with all others that i dies with. */
static objid
nearest(const struct small *s, const uint32_t dies[SMALL_MAX], objid i)
{
	objid best = OBJID_NONE;

	for (objid v = 0; v < s->n; v++) {
		if (v == i || (dies[v] >> i & 1) == 0)
			continue;
		if (best == OBJID_NONE || (dies[best] >> v & 1) != 0)
			best = v;
	}
	return best;
}

static void
check_tree(const struct small *s, const struct dominators *d, const uint64_t *retained)
{
	CLEAN(domtree_fini) struct domtree t = {0};
	struct errbuf eb = {0};
	uint32_t seen = 0;

	ck_assert_int_eq(domtree_build(s->h, d, retained, &t, &eb), MS_OK);
	for (objid i = 0; i <= s->n; i++) {
		objid of = i == s->n ? OBJID_NONE : i;
		for (uint32_t k = t.first[i]; k < t.first[i + 1]; k++) {
			ck_assert_uint_eq(d->idom[t.child[k]], of);
			seen |= 1u << t.child[k];
			if (k > t.first[i])
				ck_assert_uint_ge(
					retained[t.child[k - 1]], retained[t.child[k]]);
		}
	}
	ck_assert_uint_eq(seen, (1u << s->n) - 1);
}

static void
check_sets(const struct small *s, uint64_t *rng)
{
	struct errbuf eb = {0};

	for (int k = 0; k < 4; k++) {
		uint64_t words[1];
		CLEAN(bitset_fini) struct bitset freed = {0};
		struct amount a;
		uint32_t gone = (uint32_t)sample_next(rng) & ((1u << s->n) - 1);
		gone &= (uint32_t)sample_next(rng);
		struct bitset set = small_set(s, words, gone);
		ck_assert_int_eq(retained_set(&s->g, &set, &a, &freed, &eb), MS_OK);
		uint32_t dead = ((1u << s->n) - 1) & ~small_reach(s, gone);
		ck_assert_uint_eq(a.count, (unsigned)__builtin_popcount(dead));
		ck_assert_uint_eq(a.bytes, small_bytes(s, dead));
		ck_assert_uint_eq(freed.words[0], dead);
	}
}

static void
check_types(const struct small *s, uint32_t in, bool is_partial)
{
	const uint32_t types[] = {2, 0, 1};
	struct retained_type rows[3] = {{2}, {0}, {1}};
	struct errbuf eb = {0};
	uint64_t words[1];
	struct bitset of = small_set(s, words, in);

	ck_assert_int_eq(
		retained_types(&s->g, is_partial ? &of : NULL, rows, 3, &eb), MS_OK);
	for (unsigned k = 0; k < 3; k++) {
		uint32_t gone = 0;
		for (objid i = 0; i < s->n; i++)
			gone |= (uint32_t)(s->h->type[i] == types[k]) << i;
		gone &= is_partial ? in : UINT32_MAX;
		uint32_t dead = ((1u << s->n) - 1) & ~small_reach(s, gone);
		ck_assert_uint_eq(rows[k].type, types[k]);
		ck_assert_uint_eq(rows[k].count, (unsigned)__builtin_popcount(gone));
		ck_assert_uint_eq(rows[k].size, small_bytes(s, gone));
		ck_assert_uint_eq(
			rows[k].retained.count, (unsigned)__builtin_popcount(dead));
		ck_assert_uint_eq(rows[k].retained.bytes, small_bytes(s, dead));
	}
}

START_TEST(removed)
{
	uint64_t rng = 7;

	for (int round = 0; round < GRAPHS; round++) {
		CLEAN(graph_order_fini) struct graph_order o = {0};
		CLEAN(dominators_fini) struct dominators d = {0};
		CLEAN_FREE uint64_t *retained = NULL;
		struct errbuf eb = {0};
		struct small s;
		uint32_t dies[SMALL_MAX];
		small_init(&s, sample_next(&rng), SMALL_MAX);
		check_entries(&s);
		ck_assert_int_eq(graph_order_build(&s.g, &o, &eb), MS_OK);
		ck_assert_uint_eq(o.n, s.n);
		ck_assert_int_eq(dominators_compute(&s.g, &o, &d, &eb), MS_OK);
		ck_assert_int_eq(retained_compute(s.h, &d, &retained, &eb), MS_OK);
		find_deaths(&s, dies);
		for (objid i = 0; i < s.n; i++) {
			ck_assert_uint_eq(retained[i], small_bytes(&s, dies[i]));
			ck_assert_uint_eq(d.idom[i], nearest(&s, dies, i));
		}
		check_tree(&s, &d, retained);
		check_sets(&s, &rng);
		check_types(&s, 0, false);
		check_types(&s, (uint32_t)sample_next(&rng), true);
		small_fini(&s);
	}
}
END_TEST

/* to[i]: what can be reached from i by at least one reference. */
static void
find_reach(const struct small *s, uint32_t outside, uint32_t to[SMALL_MAX])
{
	bool is_more = true;

	for (objid i = 0; i < s->n; i++) {
		to[i] = 0;
		for (objid j = 0; j < s->n; j++)
			if (s->edge[i][j] && ((outside >> i | outside >> j) & 1) == 0)
				to[i] |= 1u << j;
	}
	while (is_more) {
		is_more = false;
		for (objid i = 0; i < s->n; i++) {
			uint32_t before = to[i];
			for (objid j = 0; j < s->n; j++)
				if ((before >> j & 1) != 0)
					to[i] |= to[j];
			is_more |= to[i] != before;
		}
	}
}

START_TEST(mutual)
{
	uint64_t rng = 11;

	for (int round = 0; round < GRAPHS; round++) {
		CLEAN(cycles_fini) struct cycles c = {0};
		struct errbuf eb = {0};
		struct small s;
		uint32_t to[SMALL_MAX], seen = 0;
		small_init(&s, sample_next(&rng), SMALL_MAX);
		uint32_t outside = (uint32_t)(sample_next(&rng) & sample_next(&rng));
		uint64_t words[1];
		struct bitset marks = small_set(&s, words, outside);
		ck_assert_int_eq(cycles_compute(&s.g, &marks, &c, &eb), MS_OK);
		find_reach(&s, outside, to);
		for (objid i = 0; i < s.n; i++) {
			ck_assert_int_eq(c.component[i] != 0, to[i] >> i & 1);
			ck_assert_uint_le(c.component[i], c.n);
			seen |= c.component[i] != 0 ? 1u << (c.component[i] - 1) : 0;
			for (objid j = 0; j < s.n && c.component[i] != 0; j++) {
				bool is_mutual = (to[i] >> j & to[j] >> i & 1) != 0;
				ck_assert_int_eq(
					c.component[i] == c.component[j], is_mutual);
			}
		}
		ck_assert_uint_eq((unsigned)__builtin_popcount(seen), c.n);
		small_fini(&s);
	}
}
END_TEST

/* A long list, forward and back: nothing here may be recursive or square.
 */
START_TEST(long_list)
{
	enum { LONG = 300000 };
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	uint32_t type = memsink_add_type(m, "app", "Node");

	for (objid i = 0; i < LONG; i++) {
		memsink_add_obj(m, type, 0x1000 + 64 * (taddr)i, 10);
		if (i + 1 < LONG)
			memsink_add_ref(m, i + 1, RK_SLOT, 0);
		if (i > 0)
			memsink_add_ref(m, i - 1, RK_SLOT, 0);
	}
	memsink_add_root(m, 0, ROOT_MODULE, "app");
	const struct heap *h = memsink_heap(m);
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(graph_order_fini) struct graph_order o = {0};
	CLEAN(dominators_fini) struct dominators d = {0};
	CLEAN(cycles_fini) struct cycles c = {0};
	CLEAN(graph_tree_fini) struct graph_tree t = {0};
	CLEAN_FREE uint64_t *retained = NULL;
	ck_assert_int_eq(graph_build(h, 0, &g, &eb), MS_OK);
	ck_assert_int_eq(graph_order_build(&g, &o, &eb), MS_OK);
	ck_assert_int_eq(dominators_compute(&g, &o, &d, &eb), MS_OK);
	ck_assert_int_eq(retained_compute(h, &d, &retained, &eb), MS_OK);
	ck_assert_int_eq(cycles_compute(&g, NULL, &c, &eb), MS_OK);
	ck_assert_int_eq(graph_tree_build(&g, NULL, &t, &eb), MS_OK);
	ck_assert_uint_eq(retained[0], 10 * LONG);
	ck_assert_uint_eq(retained[LONG - 1], 10);
	ck_assert_uint_eq(d.idom[LONG - 1], LONG - 2);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_uint_eq(t.dist[LONG - 1], LONG - 1);
	memsink_free(m);
}
END_TEST

Suite *suite_dominators(void);

Suite *
suite_dominators(void)
{
	Suite *s = suite_create("dominators");
	TCase *t = tcase_create("dominators");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, removed);
	tcase_add_test(t, mutual);
	tcase_add_test(t, long_list);
	suite_add_tcase(s, t);
	return s;
}
