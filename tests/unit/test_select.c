/*
 * The selection language: what expressions mean on a heap small enough to know, and what
 * is said of wrong ones, where. tests/live/selection.sh compares it with plain loops over
 * a real dump.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"

#include "memsink.h"
#include "samples.h"

/* 0 User, 1 its dict, 2 'name', 3 'eve', 4 plain dict, 5 list, 6 int 7, 7 None */
static struct memsink *
small_heap(void)
{
	struct memsink *m = memsink_new();
	uint32_t user = memsink_add_type(m, "app", "User");
	uint32_t dict = memsink_add_type(m, "builtins", "dict");
	uint32_t str = memsink_add_type(m, "builtins", "str");
	uint32_t list = memsink_add_type(m, "builtins", "list");
	uint32_t num = memsink_add_type(m, "builtins", "int");
	uint32_t none = memsink_add_type(m, "builtins", "NoneType");

	memsink_add_obj(m, user, 0x100, 48);
	memsink_add_ref(m, 1, RK_DICT, 0);
	memsink_add_ref(m, 6, RK_SLOT, memsink_str(m, "age"));
	memsink_add_obj(m, dict, 0x200, 104);
	memsink_add_ref(m, 2, RK_KEY, 0);
	memsink_add_ref(m, 3, RK_VALUE, 0);
	memsink_add_value(m, str, 0x300, 53, VK_STR, "name");
	memsink_add_value(m, str, 0x400, 52, VK_STR, "eve");
	memsink_add_obj(m, dict, 0x500, 2048);
	memsink_add_ref(m, 2, RK_KEY, 0);
	memsink_add_ref(m, 6, RK_VALUE, 0);
	memsink_add_obj(m, list, 0x600, 72);
	memsink_add_ref(m, 0, RK_INDEX, 0);
	memsink_add_ref(m, 4, RK_INDEX, 1);
	memsink_add_ref(m, 7, RK_WEAK, 0);
	memsink_add_value(m, num, 0x700, 28, VK_INT, "7");
	memsink_add_obj(m, none, 0x800, 16);
	memsink_add_root(m, 5, ROOT_MODULE, "app");
	memsink_add_root(m, 7, ROOT_TRACKED, "");
	return m;
}

/* Members as digits: "03" is the User and 'eve'. */
static const struct {
	const char *expr, *members;
} meanings[] = {
	{"all", "01234567"},
	{"*", "01234567"},
	{"dict", "14"},
	{"User", "0"},
	{"app.User", "0"},
	{"app.*", "0"},
	{"Us?r", "0"},
	{"'app.*'", ""},
	{"\"dict\"", "14"},
	{"builtins.dict", ""},
	{"0x100", "0"},
	{"1024", "3"},
	{"dict or list minus dict", "5"},
	{"dict or (list minus dict)", "145"},
	{"list minus dict or dict", "145"},
	{"dict or list and size > 100", "14"},
	{"(dict or list) and size > 100", "14"},
	{"not dict and size > 50", "235"},
	{"not (dict and size > 1K)", "0123567"},
	{"! dict & size>50", "235"},
	{"dict ^ (dict and size > 1000)", "1"},
	{"dict xor dict", ""},
	{"dict | User", "014"},
	{"not not dict", "14"},
	{"dict of User", "1"},
	{"dict of dict", ""},
	{"* of User", "1"},
	{"dict minus dict of User", "4"},
	{"referents of User", "16"},
	{"referents of list", "04"},
	{"referents of referents of list", "126"},
	{"referents of dict of User", "23"},
	{"referents of dict and int", "6"},
	{"referrers of int", "04"},
	{"referrers of (str and value == eve)", "1"},
	{"referrers of NoneType", ""},
	{"reachable from User", "01236"},
	{"reachable from dict", "12346"},
	{"size == 0x68", "1"},
	{"size >= 2K", "4"},
	{"size > 1.9K", "4"},
	{"references == 2", "014"},
	{"type == dict", "14"},
	{"type != 'dict'", "023567"},
	{"type ~ '^[dl]i'", "145"},
	{"module == app", "0"},
	{"module == a*", "0"},
	{"module == 'a*'", ""},
	{"module !~ app", "1234567"},
	{"owner == User", "1"},
	{"owner ~ User", "1"},
	{"value == 'eve'", "3"},
	{"value = eve", "3"},
	{"value != 'eve'", "267"},
	{"value ~ 'e$'", "237"},
	{"value == 7", "6"},
	{"value == '7'", ""},
	{"value < 7.5", "6"},
	{"value == None", "7"},
	{"value > -1", "6"},
	{"attr.name", "0"},
	{"attr.age", "0"},
	{"attr.age == 7", "0"},
	{"attr.age == 8", ""},
	{"attr.'name' ~ '^e'", "0"},
	{"key.name", "14"},
	{"key.name == 7", "4"},
	{"rooted", "5"},
	{"owned", "1"},
	{"tracked", ""},
	/* Words that are types where no operator follows. */
	{"size", ""},
	{"referents", ""},
	{"len >= 4", "2"},
};

START_TEST(means)
{
	struct memsink *m = small_heap();
	struct bitset b = {0};
	struct errbuf eb = {0};
	char members[16] = "";

	ck_assert_msg(
		sel_eval(memsink_heap(m), meanings[_i].expr, NULL, &b, &eb) == MS_OK,
		"%s: %s", meanings[_i].expr, eb.msg);
	size_t n = 0;
	BITSET_EACH(i, &b)
	members[n++] = (char)('0' + i);
	ck_assert_msg(strcmp(members, meanings[_i].members) == 0, "%s: %s, not %s",
		meanings[_i].expr, members, meanings[_i].members);
	ck_assert_uint_eq(bitset_count(&b), n);
	bitset_fini(&b);
	memsink_free(m);
}
END_TEST

/* The column of the caret, and what the message begins with. */
static const struct {
	const char *expr;
	int caret;
	const char *message;
} wrong[] = {
	{"", 0, "a set of objects is missing"},
	{"  ", 2, "a set of objects is missing"},
	{"dict and", 8, "a set of objects is missing"},
	{"dict and or list", 9, "a set of objects is missing before 'or'"},
	{"(dict", 0, "this parenthesis is not closed"},
	{"dict)", 4, "this parenthesis was not opened"},
	{"(dict list)", 6, "'and', 'or', 'minus' or ')' belongs here"},
	{"dict list", 5, "'and', 'or' or 'minus' belongs here"},
	{"dict $ list", 5, "this character has no meaning here"},
	{"size > x", 7, "a number belongs here"},
	{"size >", 6, "what to compare size with is missing"},
	{"size > 1X", 7, "this is no number"},
	{"size > 1KK", 7, "this is no number"},
	{"size ~ 'x'", 5, "size is a number"},
	{"type < dict", 5, "type is a text"},
	{"value > 'x'", 8, "a number belongs here"},
	{"sice > 4", 0, "there is no field 'sice' to compare"},
	{"'dict", 0, "this quote is not closed"},
	{"value == 'a\\", 9, "this quote is not closed"},
	{"value ~ 'a('", 8, "Unmatched"},
	{"value ~ '((a{999}){999}){999}'", 8, "this regular expression is too long"},
	{"attr. == 3", 0, "attr. needs a name"},
	{"0x12z", 0, "this is no address"},
	{"-3", 0, "this is no address"},
	{"dict or 0xdead", 8, "no object begins at 0xdead"},
	{"retained > 1", 0, "retained sizes are not to be had here"},
	{"dict and new", 9, "'new' needs an older dump"},
	{"\xc3\xa4 and \xc3\xb6 $", 8, "this character has no meaning here"},
	{"> 3", 0, "a set of objects belongs here"},
};

START_TEST(is_wrong)
{
	struct memsink *m = small_heap();
	struct bitset b = {0};
	struct errbuf eb = {0};

	enum status st = sel_eval(memsink_heap(m), wrong[_i].expr, NULL, &b, &eb);
	ck_assert_msg(st == MS_USAGE || st == MS_ABSENT, "%s", wrong[_i].expr);
	ck_assert_ptr_null(b.words);
	size_t len = strlen(wrong[_i].message);
	ck_assert_msg(strncmp(eb.msg, wrong[_i].message, len) == 0, "%s: %s",
		wrong[_i].expr, eb.msg);
	/* Message, expression, caret. */
	const char *line = strchr(eb.msg, '\n');
	ck_assert_ptr_nonnull(line);
	const char *caret = strchr(line + 1, '\n');
	ck_assert_ptr_nonnull(caret);
	ck_assert_uint_eq((size_t)(caret - line - 1), strlen(wrong[_i].expr));
	ck_assert_msg(strspn(caret + 1, " ") == (size_t)wrong[_i].caret &&
			strcmp(caret + 1 + wrong[_i].caret, "^") == 0,
		"%s: the caret is at %zu", wrong[_i].expr, strspn(caret + 1, " "));
	memsink_free(m);
}
END_TEST

/* Of a long expression the part around the place is shown. */
START_TEST(long_expression)
{
	struct errbuf eb = {0};
	struct sel *s = NULL;
	char text[5000];

	memset(text, ' ', sizeof(text));
	memcpy(text + 3000, "dict $", 6);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(sel_parse(text, &s, &eb), MS_USAGE);
	ck_assert_ptr_null(s);
	const char *line = strchr(eb.msg, '\n') + 1, *caret = strchr(line, '\n') + 1;
	ck_assert_uint_lt(strlen(line), 400);
	ck_assert_int_eq(line[strspn(caret, " ")], '$');
}
END_TEST

START_TEST(deep_expressions)
{
	struct memsink *m = small_heap();
	struct errbuf eb = {0};
	struct bitset b = {0};
	enum { N = 20000 };
	CLEAN_FREE char *text = xcalloc(N + 100, 4);

	/* Parentheses have a depth, operators one after the other have none. */
	memset(text, '(', N);
	ck_assert_int_eq(sel_eval(memsink_heap(m), text, NULL, &b, &eb), MS_USAGE);
	ck_assert_ptr_nonnull(strstr(eb.msg, "nested too deeply"));
	memset(text, '!', N);
	ck_assert_int_eq(sel_eval(memsink_heap(m), text, NULL, &b, &eb), MS_USAGE);
	ck_assert_ptr_nonnull(strstr(eb.msg, "nested too deeply"));
	memset(text, 0, N);
	for (size_t i = 0; i < N; i += 4)
		memcpy(text + i, i == 0 ? "  a " : "|*& ", 4);
	memcpy(text + N, "*", 2);
	for (size_t i = 4; i < N; i += 4)
		memcpy(text + i, i % 8 == 0 ? "| * " : "& * ", 4);
	text[N - 1] = '\0';
	ck_assert_msg(
		sel_eval(memsink_heap(m), text, NULL, &b, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(bitset_count(&b), 8);
	bitset_fini(&b);
	memsink_free(m);
}
END_TEST

/* What an expression needs is asked of its environment, and only then. */
struct asked {
	int retained, older;
	uint64_t sizes[8];
	struct bitset old;
};

static enum status
give_retained(void *self, const uint64_t **ret, struct errbuf *eb)
{
	struct asked *a = self;

	(void)eb;
	a->retained++;
	*ret = a->sizes;
	return MS_OK;
}

static enum status
give_older(void *self, const struct bitset **ret, struct errbuf *eb)
{
	struct asked *a = self;

	a->older++;
	*ret = &a->old;
	return a->older < 3 ? MS_OK : errbuf_set(eb, MS_IO, "no more");
}

START_TEST(environment)
{
	struct memsink *m = small_heap();
	struct asked a = {.sizes = {0, 10, 20, 30, 40, 50, 60, 70}};
	const struct sel_env env = {&a, give_retained, give_older};
	const struct heap *h = memsink_heap(m);
	struct bitset b = {0};
	struct errbuf eb = {0};

	ck_assert_int_eq(bitset_init(&a.old, h->nobj, &eb), MS_OK);
	bitset_add(&a.old, 4);
	ck_assert_int_eq(sel_eval(h, "dict and size > 3", &env, &b, &eb), MS_OK);
	ck_assert_int_eq(a.retained + a.older, 0);
	bitset_fini(&b);
	ck_assert_int_eq(sel_eval(h, "retained > 20 and dict", &env, &b, &eb), MS_OK);
	ck_assert_uint_eq(bitset_count(&b), 1);
	ck_assert(bitset_has(&b, 4));
	bitset_fini(&b);
	ck_assert_int_eq(sel_eval(h, "dict and new", &env, &b, &eb), MS_OK);
	ck_assert_uint_eq(bitset_count(&b), 1);
	ck_assert(bitset_has(&b, 1));
	bitset_fini(&b);
	ck_assert_int_eq(a.retained, 1);
	ck_assert_int_eq(sel_eval(h, "new and new", &env, &b, &eb), MS_IO);
	bitset_fini(&a.old);
	memsink_free(m);
}
END_TEST

/* Every kind of test on heaps of any make: no crash, and members in range. */
START_TEST(random_heaps)
{
	static const char *const exprs[] = {"size > 100 or len > 2", "value ~ 'a'",
		"attr.a or key.a", "referents of (refcount > 5)",
		"referrers of (value > 3)", "reachable from tracked", "* of all",
		"buffer > 1 or owner ~ '.'", "module ~ 'a' and not type ~ 'b'"};
	struct memsink *m = memsink_new();

	ck_assert_int_eq(sample_random(memsink_sink(m), (uint64_t)_i, 200), MS_OK);
	const struct heap *h = memsink_heap(m);
	for (size_t k = 0; k < ARRAY_LEN(exprs); k++) {
		struct bitset b = {0};
		struct errbuf eb = {0};
		ck_assert_int_eq(sel_eval(h, exprs[k], NULL, &b, &eb), MS_OK);
		ck_assert_uint_le(bitset_count(&b), h->nobj);
		bitset_fini(&b);
	}
	memsink_free(m);
}
END_TEST

Suite *suite_select(void);

Suite *
suite_select(void)
{
	Suite *s = suite_create("select");
	TCase *tc = tcase_create("select");

	tcase_add_loop_test(tc, means, 0, ARRAY_LEN(meanings));
	tcase_add_loop_test(tc, is_wrong, 0, ARRAY_LEN(wrong));
	tcase_add_test(tc, long_expression);
	tcase_add_test(tc, deep_expressions);
	tcase_add_test(tc, environment);
	tcase_add_loop_test(tc, random_heaps, 0, 20);
	suite_add_tcase(s, tc);
	return s;
}
