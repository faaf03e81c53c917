/*
 * Incoming references against the definition of the word, on random graphs: those
 * references of all that go to the object.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/graph.h"
#include "memscan/mem.h"
#include "memsink.h"
#include "samples.h"

static void
check_object(const struct heap *h, const struct graph_in *g, objid of)
{
	CLEAN(graph_in_fini) struct graph_in one = {0};
	struct errbuf eb = {0};
	uint64_t at = g->first[of], n = 0;

	ck_assert_int_eq(graph_in_of(h, of, &one, &eb), MS_OK);
	for (objid i = 0; i < h->nobj; i++) {
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (h->to[r] != of)
				continue;
			ck_assert_uint_lt(at, g->first[of + 1]);
			ck_assert_uint_eq(g->from[at], i);
			ck_assert_uint_eq(g->ref[at], r);
			ck_assert_uint_lt(n, one.n);
			ck_assert_uint_eq(one.from[n], i);
			ck_assert_uint_eq(one.ref[n], r);
			at++;
			n++;
		}
	}
	ck_assert_uint_eq(at, g->first[of + 1]);
	ck_assert_uint_eq(n, one.n);
}

START_TEST(random_graphs)
{
	uint64_t rng = 1;

	for (int round = 0; round < 200; round++) {
		CLEAN(graph_in_fini) struct graph_in g = {0};
		struct memsink *m = memsink_new();
		struct errbuf eb = {0};
		uint32_t n = (uint32_t)sample_below(&rng, 60);
		ck_assert_int_eq(
			sample_random(memsink_sink(m), sample_next(&rng), n), MS_OK);
		const struct heap *h = memsink_heap(m);
		ck_assert_int_eq(graph_in_build(h, &g, &eb), MS_OK);
		ck_assert_uint_eq(g.n, h->nref);
		ck_assert_uint_eq(g.first[0], 0);
		ck_assert_uint_eq(g.first[h->nobj], h->nref);
		for (objid i = 0; i < h->nobj; i++)
			check_object(h, &g, i);
		memsink_free(m);
	}
}
END_TEST

/* Loops to itself, references twice, and objects with no references between those that
 * have. */
START_TEST(by_hand)
{
	CLEAN(graph_in_fini) struct graph_in g = {0}, one = {0};
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	uint32_t t = memsink_add_type(m, "app", "Node");

	for (unsigned i = 0; i < 4; i++)
		memsink_add_obj(m, t, 0x1000 * (i + 1), 48);
	memsink_add_ref(m, 3, RK_INDEX, 0);
	memsink_add_ref(m, 1, RK_INDEX, 1);
	memsink_add_ref(m, 3, RK_INDEX, 2);
	memsink_add_obj(m, t, 0x9000, 48);
	memsink_add_obj(m, t, 0xa000, 48);
	memsink_add_ref(m, 3, RK_DICT, 0);
	const struct heap *h = memsink_heap(m);

	const uint64_t first[] = {0, 0, 1, 1, 4, 4, 4};
	const uint32_t from[] = {3, 3, 3, 5};
	const uint64_t ref[] = {1, 0, 2, 3};
	ck_assert_int_eq(graph_in_build(h, &g, &eb), MS_OK);
	ck_assert_mem_eq(g.first, first, sizeof(first));
	ck_assert_mem_eq(g.from, from, sizeof(from));
	ck_assert_mem_eq(g.ref, ref, sizeof(ref));
	ck_assert_int_eq(graph_in_of(h, 3, &one, &eb), MS_OK);
	ck_assert_uint_eq(one.n, 3);
	ck_assert_mem_eq(one.from, from + 1, 3 * sizeof(*from));
	ck_assert_mem_eq(one.ref, ref + 1, 3 * sizeof(*ref));
	memsink_free(m);
}
END_TEST

START_TEST(empty)
{
	CLEAN(graph_in_fini) struct graph_in g = {0}, one = {0};
	const uint64_t first[] = {0, 0};
	struct heap h = {.first = first};
	struct errbuf eb = {0};

	ck_assert_int_eq(graph_in_build(&h, &g, &eb), MS_OK);
	ck_assert_uint_eq(g.first[0], 0);
	graph_in_fini(&g);
	graph_in_fini(&g);
	h.nobj = 1;
	ck_assert_int_eq(graph_in_build(&h, &g, &eb), MS_OK);
	ck_assert_uint_eq(g.first[1], 0);
	ck_assert_int_eq(graph_in_of(&h, 0, &one, &eb), MS_OK);
	ck_assert_uint_eq(one.n, 0);
}
END_TEST

Suite *suite_graph(void);

Suite *
suite_graph(void)
{
	Suite *s = suite_create("graph");
	TCase *t = tcase_create("graph");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, random_graphs);
	tcase_add_test(t, by_hand);
	tcase_add_test(t, empty);
	suite_add_tcase(s, t);
	return s;
}
