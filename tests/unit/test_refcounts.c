/*
 * The audit of reference counts: what counts as a reference, one case each. Objects made
 * by hand have a stored count of 1.
 */
#include <check.h>

#include "memscan/analysis.h"
#include "memscan/leaks.h"
#include "memscan/mem.h"

#include "memsink.h"

Suite *suite_refcounts(void);

#define NO_REF RK_COUNT
#define NO_ROOT ROOT_COUNT

static const struct {
	enum ref_kind ref;
	uint64_t payload;
	enum root_kind root;
	const char *name;
	int64_t left;
	uint32_t native;
} cases[] = {
	{NO_REF, 0, NO_ROOT, "", 1, 0},
	{RK_MEMBER, 0, NO_ROOT, "", 0, 0},
	{RK_WEAK, 0, NO_ROOT, "", 1, 0},
	{RK_KEY, 0, NO_ROOT, "", 0, 0},
	{RK_KEY, KEY_SHARED, NO_ROOT, "", 1, 0},
	{NO_REF, 0, ROOT_LOCAL, "x", 0, 0},
	{NO_REF, 0, ROOT_MODULE, "x", 1, 0},
	{NO_REF, 0, ROOT_TRACKED, "", 1, 0},
	{NO_REF, 0, ROOT_INTERP, "modules", 0, 0},
	{NO_REF, 0, ROOT_INTERP, "callable_cache.len", 1, 0},
	{NO_REF, 0, ROOT_FRAME, "f_locals", 0, 0},
	{NO_REF, 0, ROOT_FRAME, "f_globals", 1, 0},
	{NO_REF, 0, ROOT_NATIVE, "libx.so", 0, 1},
	{RK_MEMBER, 0, ROOT_NATIVE, "libx.so", 0, 0},
	{RK_MEMBER, 0, ROOT_INTERP, "modules", -1, 0},
	/* A variable may have borrowed it. */
	{RK_MEMBER, 0, ROOT_LOCAL, "x", 0, 0},
	{NO_REF, 0, ROOT_WORD, "C stack", 0, 1},
	{RK_MEMBER, 0, ROOT_WORD, "C stack", 0, 0},
};

START_TEST(what_counts)
{
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(refcounts_fini) struct refcounts c = {0};
	uint32_t set = memsink_add_type(m, "builtins", "set");
	uint32_t thing = memsink_add_type(m, "app", "Thing");
	objid of = memsink_add_obj(m, set, 0x1000, 200);

	memsink_add_root(m, of, ROOT_LOCAL, "holder");
	if (cases[_i].ref != NO_REF)
		memsink_add_ref(m, of + 1, cases[_i].ref, cases[_i].payload);
	objid it = memsink_add_obj(m, thing, 0x2000, 48);
	if (cases[_i].root != NO_ROOT)
		memsink_add_root(m, it, cases[_i].root, cases[_i].name);
	ck_assert_int_eq(graph_build(memsink_heap(m), 0, &g, &eb), MS_OK);
	ck_assert_int_eq(refcounts_compute(&g, NULL, &c, &eb), MS_OK);
	ck_assert_int_eq(c.left[of], 0);
	ck_assert_int_eq(c.left[it], cases[_i].left);
	ck_assert_uint_eq(c.native[it], cases[_i].native);
	ck_assert_uint_eq(c.audited, 2);
	ck_assert_uint_eq(c.exact, 1 + (cases[_i].left == 0));
	ck_assert_uint_eq(c.n_over, cases[_i].left > 0);
	ck_assert_uint_eq(c.n_under, cases[_i].left < 0);
	if (c.n_over > 0) {
		ck_assert_uint_eq(c.over[0].type, thing);
		ck_assert_uint_eq(c.over[0].refs, 1);
		ck_assert_uint_eq(c.over[0].example[0], it);
		ck_assert_uint_eq(c.over[0].example[1], OBJID_NONE);
	}
	memsink_free(m);
}
END_TEST

/* A dict that shows an instance's values: what reports them holds them, the instance or, where it does not, the dict. */
START_TEST(shared_values)
{
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(refcounts_fini) struct refcounts c = {0};
	uint32_t dict = memsink_add_type(m, "builtins", "dict");
	uint32_t thing = memsink_add_type(m, "app", "Thing");
	objid of = memsink_add_obj(m, dict, 0x1000, 200);

	memsink_add_root(m, of, ROOT_LOCAL, "holder");
	memsink_add_ref(m, of + 1, RK_KEY, KEY_SHARED);
	if (_i == 0)
		memsink_add_hidden(m, of + 2, RK_VALUE, 0);
	else
		memsink_add_ref(m, of + 2, RK_VALUE, 0);
	memsink_add_obj(m, thing, 0x2000, 48);
	objid value = memsink_add_obj(m, thing, 0x3000, 48);
	ck_assert_int_eq(graph_build(memsink_heap(m), 0, &g, &eb), MS_OK);
	ck_assert_int_eq(refcounts_compute(&g, NULL, &c, &eb), MS_OK);
	ck_assert_int_eq(c.left[value], _i == 0 ? 1 : 0);
	memsink_free(m);
}
END_TEST

Suite *
suite_refcounts(void)
{
	Suite *s = suite_create("refcounts");
	TCase *tc = tcase_create("refcounts");

	tcase_add_loop_test(tc, what_counts, 0, (int)ARRAY_LEN(cases));
	tcase_add_loop_test(tc, shared_values, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}
