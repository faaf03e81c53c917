/*
 * Dominators and retained sizes against "remove it and see what becomes unreachable", and
 * cycles against "each can be reached from the other", on thousands of small graphs.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/leaks.h"
#include "memscan/mem.h"
#include "memscan/retained.h"
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
		if (s->h->roots[k].kind != ROOT_TRACKED &&
			s->h->roots[k].kind != ROOT_WORD)
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

/* What goes with all objects of a type, of those in `in`. */
static struct retained_type
type_gone(const struct small *s, uint32_t type, uint32_t in)
{
	uint32_t gone = 0;

	for (objid i = 0; i < s->n; i++)
		gone |= (uint32_t)(s->h->type[i] == type) << i;
	gone &= in;
	uint32_t dead = ((1u << s->n) - 1) & ~small_reach(s, gone);
	return (struct retained_type){
		.type = type,
		.count = (unsigned)__builtin_popcount(gone),
		.size = small_bytes(s, gone),
		.retained = {(unsigned)__builtin_popcount(dead), small_bytes(s, dead)},
	};
}

static void
check_row(const struct small *s, const struct retained_type *row, uint32_t in)
{
	struct retained_type truth = type_gone(s, row->type, in);

	ck_assert_uint_eq(row->count, truth.count);
	ck_assert_uint_eq(row->size, truth.size);
	ck_assert_uint_eq(row->retained.count, truth.retained.count);
	ck_assert_uint_eq(row->retained.bytes, truth.retained.bytes);
}

/* However few are asked for, none of the others retains more. */
static void
check_most(const struct small *s, uint32_t in, const struct bitset *of)
{
	CLEAN(graph_tree_fini) struct graph_tree tree = {0};
	struct errbuf eb = {0};

	ck_assert_int_eq(graph_tree_build(&s->g, NULL, &tree, &eb), MS_OK);
	for (size_t limit = 1; limit < 5; limit++) {
		CLEAN(retained_types_fini) struct retained_types t = {0};
		uint32_t seen = 0, there = 0;
		ck_assert_int_eq(
			retained_types_most(&s->g, &tree, of, limit, &t, &eb), MS_OK);
		for (size_t k = 0; k < t.n; k++) {
			check_row(s, &t.rows[k], in);
			seen |= 1u << t.rows[k].type;
		}
		for (objid i = 0; i < s->n; i++)
			there |= (in >> i & 1) << s->h->type[i];
		ck_assert_uint_eq(t.n_all, (unsigned)__builtin_popcount(there));
		ck_assert_uint_eq(t.n, t.n_all < limit ? t.n_all : limit);
		ck_assert_uint_eq((unsigned)__builtin_popcount(seen), t.n);
		for (uint32_t type = 0; type < s->h->ntype && t.n > 0; type++)
			if ((seen >> type & 1) == 0 && (there >> type & 1) != 0)
				ck_assert_uint_le(type_gone(s, type, in).retained.bytes,
					t.rows[t.n - 1].retained.bytes);
	}
}

static void
check_types(const struct small *s, uint32_t in, bool is_partial)
{
	struct retained_type rows[3] = {{2}, {0}, {1}};
	struct errbuf eb = {0};
	uint64_t words[1];
	struct bitset of = small_set(s, words, in);

	in &= (1u << s->n) - 1;
	ck_assert_int_eq(
		retained_types(&s->g, is_partial ? &of : NULL, rows, 3, &eb), MS_OK);
	ck_assert_uint_eq(rows[0].type, 2);
	for (unsigned k = 0; k < 3; k++)
		check_row(s, &rows[k], in);
	check_most(s, in, is_partial ? &of : NULL);
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
		check_types(&s, UINT32_MAX, false);
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

/*
 * Lists whose links go down, in turn at both ends of the ids, of more types than one
 * batch has: what is to be looked at again lies behind, and far apart.
 */
START_TEST(long_types)
{
	enum { LONG = 60000, TYPES = 200, LIMIT = 3 };
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	char name[16];

	for (unsigned t = 0; t < TYPES; t++) {
		snprintf(name, sizeof(name), "Node%u", t);
		memsink_add_type(m, "app", name);
	}
	for (objid i = 0; i < LONG; i++) {
		bool is_low = i < LONG / 2;
		objid to = is_low ? i + LONG / 2 : i - LONG / 2 - 1;
		memsink_add_obj(m, i * TYPES / LONG, 0x1000 + 64 * (taddr)i, 10);
		if (is_low || i > LONG / 2)
			memsink_add_ref(m, to, RK_SLOT, 0);
	}
	memsink_add_root(m, LONG / 2 - 1, ROOT_MODULE, "app");
	const struct heap *h = memsink_heap(m);
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(graph_tree_fini) struct graph_tree tree = {0};
	CLEAN(retained_types_fini) struct retained_types t = {0};
	ck_assert_int_eq(graph_build(h, 0, &g, &eb), MS_OK);
	ck_assert_uint_eq(g.n_entry, 1);
	ck_assert_int_eq(graph_tree_build(&g, NULL, &tree, &eb), MS_OK);
	ck_assert_int_eq(retained_types_most(&g, &tree, NULL, LIMIT, &t, &eb), MS_OK);
	ck_assert_uint_eq(t.n, LIMIT);
	ck_assert_uint_eq(t.n_all, TYPES);
	/* The way begins with the middle's type, then comes the last one's. */
	ck_assert_uint_eq(t.rows[0].type, TYPES / 2 - 1);
	ck_assert_uint_eq(t.rows[0].retained.bytes, 10 * LONG);
	ck_assert_uint_eq(t.rows[1].type, TYPES - 1);
	ck_assert_uint_eq(t.rows[1].retained.bytes, 10 * (LONG - 1));
	ck_assert_uint_eq(t.rows[2].type, TYPES / 2 - 2);
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
	tcase_add_test(t, long_types);
	suite_add_tcase(s, t);
	return s;
}
