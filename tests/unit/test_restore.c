/*
 * Graphs, dominators and ways that come from a file: on thousands of small graphs, what
 * was computed passes; and whatever one number is changed to, what still passes can be
 * used by anybody: no id leads out of an array, no way and no line of dominators goes
 * round.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/retained.h"
#include "samples.h"
#include "smallgraph.h"

enum { GRAPHS = 3000, CHANGES = 20 };

/* What a file would have. */
struct kept {
	struct graph g;
	struct dominators d;
	struct graph_tree t;
};

static void
kept_fini(struct kept *k)
{
	graph_fini(&k->g);
	dominators_fini(&k->d);
	graph_tree_fini(&k->t);
}

static void
keep(const struct small *s, struct kept *k)
{
	CLEAN(graph_order_fini) struct graph_order o = {0};
	struct errbuf eb = {0};

	k->g = (struct graph){.h = s->h, .n_entry = s->g.n_entry, .n_held = s->g.n_held};
	k->g.entry = xcalloc((size_t)s->g.n_entry + 1, 4);
	k->g.root = xcalloc((size_t)s->g.n_entry + 1, 4);
	memcpy(k->g.entry, s->g.entry, (size_t)s->g.n_entry * 4);
	memcpy(k->g.root, s->g.root, (size_t)s->g.n_entry * 4);
	ck_assert_int_eq(graph_order_build(&s->g, &o, &eb), MS_OK);
	ck_assert_int_eq(dominators_compute(&s->g, &o, &k->d, &eb), MS_OK);
	ck_assert_int_eq(graph_tree_build(&s->g, NULL, &k->t, &eb), MS_OK);
}

static enum status
check(struct kept *k)
{
	struct errbuf eb = {0};

	free(STEAL(k->g.quiet));
	enum status st = graph_restore(0, &k->g, &eb);
	if (st == MS_OK)
		st = dominators_check(k->g.h, &k->d, &eb);
	if (st == MS_OK)
		st = graph_tree_check(&k->g, &k->t, &eb);
	if (st != MS_OK) {
		ck_assert_int_eq(st, MS_FORMAT);
		ck_assert_uint_gt(strlen(eb.msg), 0);
	}
	return st;
}

/* Ask it as the commands do. */
static void
use(const struct small *s, const struct kept *k)
{
	CLEAN_FREE uint64_t *retained = NULL;
	CLEAN(domtree_fini) struct domtree tree = {0};
	struct errbuf eb = {0};

	ck_assert_int_eq(retained_compute(s->h, &k->d, &retained, &eb), MS_OK);
	ck_assert_int_eq(domtree_build(s->h, &k->d, retained, &tree, &eb), MS_OK);
	for (objid i = 0; i < s->n; i++) {
		struct path p = {0};
		uint32_t steps = 0;
		for (objid at = i; k->d.idom[at] != OBJID_NONE; at = k->d.idom[at])
			ck_assert_uint_lt(steps++, s->n);
		if (!path_of(&k->g, &k->t, i, &p))
			continue;
		ck_assert_uint_le(p.n, s->n);
		ck_assert_uint_lt(p.entry, k->g.n_entry);
		ck_assert_uint_eq(p.at[p.n - 1], i);
		path_fini(&p);
	}
	for (uint32_t e = 0; e < k->g.n_entry; e++)
		graph_entry_dist(&k->g, e);
}

/* One number of one array, to one that is likely to do harm. */
static void
change(struct kept *k, uint32_t n, uint64_t *rng)
{
	const struct {
		uint32_t *at;
		size_t n;
	} arrays[] = {{k->g.entry, k->g.n_entry}, {k->g.root, k->g.n_entry},
		{k->d.idom, n}, {k->d.order, n}, {k->t.dist, n}, {k->t.parent, n},
		{k->t.via, n}, {k->t.order, k->t.n_order}, {&k->g.n_held, 1}};
	const uint32_t values[] = {0, 1, n - 1, n, n + 1, UINT32_MAX, UINT32_MAX - 1,
		(uint32_t)sample_below(rng, n), (uint32_t)sample_next(rng)};
	size_t a = sample_below(rng, ARRAY_LEN(arrays));

	if (arrays[a].n > 0)
		arrays[a].at[sample_below(rng, arrays[a].n)] =
			values[sample_below(rng, ARRAY_LEN(values))];
}

START_TEST(kept_well)
{
	uint64_t rng = 11;

	for (int round = 0; round < GRAPHS; round++) {
		CLEAN(kept_fini) struct kept k = {0};
		struct small s;
		small_init(&s, sample_next(&rng), SMALL_MAX);
		keep(&s, &k);
		ck_assert_int_eq(check(&k), MS_OK);
		ck_assert_uint_eq(k.g.n_quiet, s.g.n_quiet);
		ck_assert_uint_eq(k.g.skip, s.g.skip);
		use(&s, &k);
		small_fini(&s);
	}
}
END_TEST

START_TEST(changed)
{
	uint64_t rng = 12;
	int refused = 0;

	for (int round = 0; round < GRAPHS; round++) {
		struct small s;
		small_init(&s, sample_next(&rng), SMALL_MAX);
		for (int i = 0; i < CHANGES; i++) {
			CLEAN(kept_fini) struct kept k = {0};
			keep(&s, &k);
			for (uint64_t n = sample_below(&rng, 3) + 1; n > 0; n--)
				change(&k, (uint32_t)s.n, &rng);
			if (check(&k) == MS_OK)
				use(&s, &k);
			else
				refused++;
		}
		small_fini(&s);
	}
	/* Most changes cannot be right. */
	ck_assert_int_gt(refused, GRAPHS * CHANGES / 2);
}
END_TEST

Suite *suite_restore(void);

Suite *
suite_restore(void)
{
	Suite *s = suite_create("restore");
	TCase *t = tcase_create("restore");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, kept_well);
	tcase_add_test(t, changed);
	suite_add_tcase(s, t);
	return s;
}
