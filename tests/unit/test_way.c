/*
 * Ways as people read them: by hand, each kind of root and of step; foreign names
 * escaped.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/report.h"
#include "memscan/retained.h"
#include "memsink.h"

enum { TEXT = 4096 };

/* The way to the last object of a heap. */
static void
check_way(struct memsink *m, const char *expected)
{
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(graph_tree_fini) struct graph_tree t = {0};
	struct path p = {0};
	struct errbuf eb = {0};
	char text[TEXT];
	const struct heap *h = memsink_heap(m);

	ck_assert_int_eq(graph_build(h, 0, &g, &eb), MS_OK);
	ck_assert_int_eq(graph_tree_build(&g, NULL, &t, &eb), MS_OK);
	ck_assert(path_of(&g, &t, h->nobj - 1, &p));
	ck_assert_str_eq(path_text(&g, &p, text, sizeof(text)), expected);
	path_fini(&p);
	memsink_free(m);
}

/* A module "app" whose __dict__ is object 1; its keys come next. */
static struct memsink *
begin(uint32_t *type)
{
	struct memsink *m = memsink_new();

	*type = memsink_add_type(m, "builtins", "dict");
	memsink_add_obj(m, *type, 0x1000, 64);
	memsink_add_ref(m, 1, RK_DICT, 0);
	memsink_add_root(m, 0, ROOT_MODULE, "app");
	memsink_add_obj(m, *type, 0x2000, 64);
	return m;
}

/* What the key of the module's __dict__ is, and how its value is written then. */
static const struct {
	const char *key, *text;
} keys[] = {
	{"store", "app.store"},
	{"_x9", "app._x9"},
	{"\xc3\xa9t\xc3\xa9", "app.\xc3\xa9t\xc3\xa9"},
	{"9x", "app.__dict__['9x']"},
	{"two words", "app.__dict__['two words']"},
	{"", "app.__dict__['']"},
	{"\x1b[2J", "app.__dict__['\\x1b[2J']"},
	{"it's", "app.__dict__[\"it's\"]"},
};

START_TEST(key_of_a_module)
{
	uint32_t type;
	struct memsink *m = begin(&type);

	memsink_add_ref(m, 2, RK_KEY, 0);
	memsink_add_ref(m, 3, RK_VALUE, 0);
	memsink_add_value(m, type, 0x3000, 50, VK_STR, keys[_i].key);
	memsink_add_obj(m, type, 0x4000, 50);
	check_way(m, keys[_i].text);
}
END_TEST

/* One step from the module itself. */
static const struct {
	enum ref_kind kind;
	uint64_t payload; /* of a name: 1 */
	const char *text;
} steps[] = {
	{RK_ATTR, 1, "app.name"},
	{RK_SLOT, 1, "app.name"},
	{RK_INDEX, 7, "app[7]"},
	{RK_DICT, 0, "app.__dict__"},
	{RK_TYPE, 0, "app.__class__"},
	{RK_MEMBER, 0, "app{...}"},
	{RK_LOCAL, 1, "app, local name"},
	{RK_CLOSURE, 1, "app, closure name"},
	{RK_KEY, 0, "app, key <dict at 0x2000>"},
	{RK_OFFSET, 40, "app+0x28"},
	{RK_CELL, 0, "app.cell_contents"},
};

START_TEST(one_step)
{
	struct memsink *m = memsink_new();
	uint32_t type = memsink_add_type(m, "builtins", "dict");
	uint64_t payload = steps[_i].payload;

	if (payload == 1)
		payload = memsink_str(m, "name");
	memsink_add_obj(m, type, 0x1000, 64);
	memsink_add_ref(m, 1, steps[_i].kind, payload);
	memsink_add_root(m, 0, ROOT_MODULE, "app");
	memsink_add_obj(m, type, 0x2000, 64);
	check_way(m, steps[_i].text);
}
END_TEST

/* Equal steps are counted when there are more than four. */
START_TEST(long_list)
{
	static const char *const texts[] = {"app.next", "app.next.next",
		"app.next.next.next", "app.next.next.next.next",
		"app.next.next...(3 more)", "app.next.next...(4 more)"};
	struct memsink *m = memsink_new();
	uint32_t type = memsink_add_type(m, "app", "Node"), next = memsink_str(m, "next");
	objid length = (objid)_i + 1;

	for (objid i = 0; i <= length; i++) {
		memsink_add_obj(m, type, 0x1000 + 64 * i, 48);
		if (i < length)
			memsink_add_ref(m, i + 1, RK_SLOT, next);
	}
	memsink_add_root(m, 0, ROOT_MODULE, "app");
	check_way(m, texts[_i]);
}
END_TEST

START_TEST(unheld)
{
	struct memsink *m = memsink_new();
	uint32_t type = memsink_add_type(m, "app", "Node");

	memsink_add_obj(m, type, 0x1000, 48);
	memsink_add_ref(m, 1, RK_ATTR, memsink_str(m, "other"));
	memsink_add_obj(m, type, 0x2000, 48);
	memsink_add_ref(m, 0, RK_ATTR, memsink_str(m, "back"));
	memsink_add_root(m, 0, ROOT_TRACKED, "");
	check_way(m, "(held by nothing known).other");
}
END_TEST

/* References of a set, and to it. */
START_TEST(grouped)
{
	CLEAN(refs_fini) struct refs_groups out = {0}, in = {0};
	struct memsink *m = memsink_new();
	uint32_t a = memsink_add_type(m, "app", "A"), b = memsink_add_type(m, "app", "B");
	uint32_t x = memsink_str(m, "x");
	struct errbuf eb = {0};
	uint64_t words[1] = {0x3};
	char text[TEXT];

	for (objid i = 0; i < 2; i++) {
		memsink_add_obj(m, a, 0x1000 + 64 * i, 10);
		memsink_add_ref(m, 2, RK_INDEX, i);
		memsink_add_ref(m, 2, RK_INDEX, i + 5);
		memsink_add_ref(m, 3, RK_ATTR, x);
	}
	memsink_add_obj(m, b, 0x3000, 100);
	memsink_add_obj(m, b, 0x4000, 1000);
	memsink_add_ref(m, 1, RK_ATTR, x);
	const struct heap *h = memsink_heap(m);
	const struct bitset set = {.words = words, .n = h->nobj};
	ck_assert_int_eq(refs_compute(h, &set, REFS_OUT, &out, &eb), MS_OK);
	ck_assert_uint_eq(out.count, 6);
	ck_assert_uint_eq(out.others.count, 2);
	ck_assert_uint_eq(out.others.bytes, 1100);
	ck_assert_uint_eq(out.n, 2);
	ck_assert_uint_eq(out.rows[0].count, 4);
	ck_assert_uint_eq(out.rows[0].type, b);
	ck_assert_str_eq(step_text(h, out.rows[0].from, out.rows[0].ref,
				 out.rows[0].varies, text, sizeof(text)),
		"[*]");
	ck_assert_uint_eq(out.rows[1].count, 2);
	ck_assert_str_eq(step_text(h, out.rows[1].from, out.rows[1].ref,
				 out.rows[1].varies, text, sizeof(text)),
		".x");
	ck_assert_int_eq(refs_compute(h, &set, REFS_IN, &in, &eb), MS_OK);
	ck_assert_uint_eq(in.count, 1);
	ck_assert_uint_eq(in.others.bytes, 1000);
	memsink_free(m);
}
END_TEST

Suite *suite_way(void);

Suite *
suite_way(void)
{
	Suite *s = suite_create("way");
	TCase *t = tcase_create("way");

	tcase_add_loop_test(t, key_of_a_module, 0, ARRAY_LEN(keys));
	tcase_add_loop_test(t, one_step, 0, ARRAY_LEN(steps));
	tcase_add_loop_test(t, long_list, 0, 6);
	tcase_add_test(t, unheld);
	tcase_add_test(t, grouped);
	suite_add_tcase(s, t);
	return s;
}
