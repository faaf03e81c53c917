/*
 * How references, values, types and roots read. What is expected is what Python's own
 * repr() prints, or the words of heap.h.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/report.h"

#include "memsink.h"

Suite *suite_label(void);

/* Types of the heap that each test makes. */
struct fixture {
	struct memsink *m;
	uint32_t str, bytes, integer, none, tuple, list, user;
};

static struct fixture
fixture_new(void)
{
	struct fixture f = {.m = memsink_new()};

	f.str = memsink_add_type(f.m, "builtins", "str");
	f.bytes = memsink_add_type(f.m, "builtins", "bytes");
	f.integer = memsink_add_type(f.m, "builtins", "int");
	f.none = memsink_add_type(f.m, "builtins", "NoneType");
	f.tuple = memsink_add_type(f.m, "builtins", "tuple");
	f.list = memsink_add_type(f.m, "builtins", "list");
	f.user = memsink_add_type(f.m, "app.models", "User.Inner");
	return f;
}

/* An object with a value as the walker would find it. */
static void
add_value(struct memsink *m, uint32_t type, const struct heap_value *v)
{
	const struct heap_sink *sink = memsink_sink(m);
	const struct heap_obj o = {
		.addr = 0x1000, .size = 64, .refcount = 1, .type = type, .value = *v};

	ck_assert_int_eq(sink->object(sink->self, &o), MS_OK);
}

#define TEXT(s) .text = (s), .text_len = sizeof(s) - 1

static const struct {
	struct heap_value value;
	const char *expected;
} values[] = {
	{{.kind = VK_STR, .len = 5, TEXT("plain")}, "'plain'"},
	{{.kind = VK_STR, .len = 0, TEXT("")}, "''"},
	{{.kind = VK_STR, .len = 4, TEXT("it's")}, "\"it's\""},
	{{.kind = VK_STR, .len = 4, TEXT("'\"")}, "'\\'\"'"},
	{{.kind = VK_STR, .len = 4, TEXT("a\\b\n\t\r")}, "'a\\\\b\\n\\t\\r'"},
	{{.kind = VK_STR, .len = 1, TEXT("\x1b")}, "'\\x1b'"},
	{{.kind = VK_STR, .len = 1, TEXT("\xc3\xa9")}, "'\xc3\xa9'"},
	{{.kind = VK_STR, .len = 1, TEXT("\xed\xa0\x80")}, "'\\ud800'"},
	{{.kind = VK_STR, .len = 1, TEXT("\xe2\x80\xae")}, "'\\u202e'"},
	{{.kind = VK_STR, .len = 1, TEXT("\xff")}, "'\\xff'"},
	{{.kind = VK_STR, .len = 5000, .cut = true, TEXT("start")},
		"'start...' len 5000"},
	{{.kind = VK_BYTES, .len = 4, TEXT("a\0\xff'")}, "b\"a\\x00\\xff'\""},
	{{.kind = VK_BYTES, .len = 900, .cut = true, TEXT("x")}, "b'x...' len 900"},
	{{.kind = VK_INT, .len = VALUE_NO_LEN, TEXT("-17")}, "-17"},
	{{.kind = VK_INT, .len = VALUE_NO_LEN, .cut = true, TEXT("0x123")}, "0x123..."},
	{{.kind = VK_FLOAT, .len = VALUE_NO_LEN, TEXT("1e+16")}, "1e+16"},
	{{.kind = VK_BOOL, .len = VALUE_NO_LEN, TEXT("True")}, "True"},
	{{.kind = VK_NAME, .len = VALUE_NO_LEN, TEXT("main")}, "main"},
	{{.kind = VK_TEXT, .len = VALUE_NO_LEN, TEXT("no such file")}, "'no such file'"},
	{{.kind = VK_NONE, .len = 3}, "len 3"},
	{{.kind = VK_NONE, .len = VALUE_NO_LEN}, ""},
};

START_TEST(value_texts)
{
	struct fixture f = fixture_new();
	char buf[256];

	add_value(f.m, f.str, &values[_i].value);
	ck_assert_str_eq(
		value_text(memsink_heap(f.m), 0, buf, sizeof(buf)), values[_i].expected);
	memsink_free(f.m);
}
END_TEST

START_TEST(value_text_is_cut_at_a_character)
{
	struct fixture f = fixture_new();
	char buf[16];

	/* Room for 15 bytes: 'é is 3, each further é 2, then the dots. */
	add_value(f.m, f.str,
		&(struct heap_value){.kind = VK_STR,
			.len = 9,
			TEXT("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			     "\xc3\xa9\xc3\xa9")});
	value_text(memsink_heap(f.m), 0, buf, sizeof(buf));
	ck_assert_str_eq(buf, "'\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9...");
	memsink_free(f.m);
}
END_TEST

/* With any capacity the text is terminated, valid, and not longer than that. */
START_TEST(every_capacity)
{
	struct fixture f = fixture_new();

	add_value(f.m, f.str,
		&(struct heap_value){
			.kind = VK_STR, .len = 4, TEXT("\xe6\x97\xa5\xe6\x9c\xac\xff'")});
	for (size_t cap = 1; cap < 64; cap++) {
		char *buf = xmalloc(cap);
		memset(buf, 'X', cap);
		value_text(memsink_heap(f.m), 0, buf, cap);
		ck_assert_ptr_nonnull(memchr(buf, '\0', cap));
		free(buf);
	}
	memsink_free(f.m);
}
END_TEST

START_TEST(type_texts)
{
	struct fixture f = fixture_new();
	uint32_t bare = memsink_add_type(f.m, "", "Bare");
	uint32_t bad = memsink_add_type(f.m, "m\n", "C\x1b");
	const struct heap *h = memsink_heap(f.m);
	char buf[64], small[8];

	ck_assert_str_eq(type_text(h, f.str, buf, sizeof(buf)), "str");
	ck_assert_str_eq(type_text(h, f.user, buf, sizeof(buf)), "app.models.User.Inner");
	ck_assert_str_eq(type_text(h, bare, buf, sizeof(buf)), "Bare");
	ck_assert_str_eq(type_text(h, bad, buf, sizeof(buf)), "m\\n.C\\x1b");
	ck_assert_str_eq(type_text(h, f.user, small, sizeof(small)), "app....");
	memsink_free(f.m);
}
END_TEST

/* References of one object, with what they read as and their bare names. */
static const struct {
	enum ref_kind kind;
	const char *name; /* payload, if not NULL */
	uint64_t payload;
	const char *text, *bare;
} labels[] = {
	{RK_ATTR, "colour", 0, ".colour", "colour"},
	{RK_SLOT, "x", 0, ".x", "x"},
	{RK_FIELD, "func_code", 0, ".func_code", "func_code"},
	{RK_LOCAL, "request", 0, "local request", "request"},
	{RK_CLOSURE, "n", 0, "closure n", "n"},
	{RK_INDEX, NULL, 17, "[17]", "17"},
	{RK_STACK, NULL, 2, "stack [2]", "2"},
	{RK_MEMBER, NULL, 0, "{...}", ""},
	{RK_CELL, NULL, 0, ".cell_contents", "cell_contents"},
	{RK_TYPE, NULL, 0, ".__class__", "__class__"},
	{RK_BASE, NULL, 0, ".__base__", "__base__"},
	{RK_DICT, NULL, 0, ".__dict__", "__dict__"},
	{RK_WEAK, NULL, 0, "weakref", ""},
	{RK_OFFSET, NULL, 0x28, "+0x28", "+0x28"},
	{RK_ATTR, "evil\n", 0, ".evil\\n", "evil\\n"},
};

START_TEST(labels_without_key)
{
	struct fixture f = fixture_new();
	uint64_t payload = labels[_i].name != NULL ? memsink_str(f.m, labels[_i].name) :
						     labels[_i].payload;
	char buf[64];

	memsink_add_obj(f.m, f.user, 0x1000, 16);
	uint64_t r = memsink_add_ref(f.m, 0, labels[_i].kind, payload);
	const struct heap *h = memsink_heap(f.m);
	ck_assert_str_eq(label_text(h, 0, r, buf, sizeof(buf)), labels[_i].text);
	ck_assert_str_eq(label_name(h, 0, r, buf, sizeof(buf)), labels[_i].bare);
	memsink_free(f.m);
}
END_TEST

/* A dict of one entry for each kind of key. */
START_TEST(labels_with_key)
{
	struct fixture f = fixture_new();
	static const char *const texts[] = {"['name']", "[b'raw']", "[-3]", "[None]",
		"[<tuple at 0x5000>]", "[<app.models.User.Inner at 0x6000>]"};
	static const char *const keys[] = {"key 'name'", "key b'raw'", "key -3",
		"key None", "key <tuple at 0x5000>",
		"key <app.models.User.Inner at 0x6000>"};
	char buf[64];

	memsink_add_obj(f.m, memsink_add_type(f.m, "builtins", "dict"), 0x1000, 232);
	for (objid key = 1; key <= ARRAY_LEN(texts); key++) {
		memsink_add_ref(f.m, key, RK_KEY, 0);
		memsink_add_ref(f.m, 0, RK_VALUE, 0);
	}
	memsink_add_value(f.m, f.str, 0x2000, 53, VK_STR, "name");
	memsink_add_value(f.m, f.bytes, 0x3000, 36, VK_BYTES, "raw");
	memsink_add_value(f.m, f.integer, 0x4000, 28, VK_INT, "-3");
	memsink_add_obj(f.m, f.none, 0x4800, 16);
	memsink_add_obj(f.m, f.tuple, 0x5000, 40);
	/* The name of a class is no literal: the object stays what it is. */
	memsink_add_value(f.m, f.user, 0x6000, 16, VK_NAME, "Inner");
	const struct heap *h = memsink_heap(f.m);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		ck_assert_str_eq(label_text(h, 0, 2 * i, buf, sizeof(buf)), keys[i]);
		ck_assert_str_eq(label_text(h, 0, 2 * i + 1, buf, sizeof(buf)), texts[i]);
	}
	ck_assert_str_eq(label_name(h, 0, 1, buf, sizeof(buf)), "'name'");
	memsink_free(f.m);
}
END_TEST

/* A value that no key comes before (a damaged dict) has a label all the same. */
START_TEST(value_without_key)
{
	struct fixture f = fixture_new();
	char buf[64];

	memsink_add_obj(f.m, f.user, 0x1000, 16);
	memsink_add_ref(f.m, 0, RK_ATTR, 0);
	struct heap h = *memsink_heap(f.m);
	const uint32_t label = ref_label(RK_VALUE, 0);
	h.label = &label;
	ck_assert_str_eq(label_text(&h, 0, 0, buf, sizeof(buf)), "[?]");
	memsink_free(f.m);
}
END_TEST

START_TEST(long_key_is_cut)
{
	struct fixture f = fixture_new();
	CLEAN_FREE char *key = xmalloc(5001);
	char buf[4096];

	memset(key, 'k', 5000);
	key[5000] = '\0';
	memsink_add_obj(f.m, f.user, 0x1000, 16);
	memsink_add_ref(f.m, 1, RK_KEY, 0);
	memsink_add_value(f.m, f.str, 0x2000, 5049, VK_STR, key);
	label_text(memsink_heap(f.m), 0, 0, buf, sizeof(buf));
	ck_assert_uint_lt(strlen(buf), 300);
	ck_assert_ptr_nonnull(strstr(buf, "kkk...'"));
	memsink_free(f.m);
}
END_TEST

static const struct {
	enum root_kind kind;
	const char *name;
	bool has_place;
	const char *expected;
} roots[] = {
	{ROOT_MODULE, "os.path", false, "module sys.modules['os.path']"},
	{ROOT_LOCAL, "x", true, "local x of main in thread 41 (worker)"},
	{ROOT_STACK, "", true, "evaluation stack of main in thread 41 (worker)"},
	{ROOT_INTERP, "builtins", false, "interpreter builtins"},
	{ROOT_INTERNED, "", false, "interned strings"},
	{ROOT_STATIC, "PyType_Type", false, "static PyType_Type"},
};

START_TEST(root_texts)
{
	struct fixture f = fixture_new();
	struct heap_sink *sink = memsink_sink(f.m);
	uint32_t main_id = memsink_str(f.m, "main"), worker = memsink_str(f.m, "worker");
	uint32_t name = memsink_str(f.m, roots[_i].name);
	char buf[128];

	memsink_add_obj(f.m, f.user, 0x1000, 16);
	const struct heap_thread thread = {.ident = 7, .native_id = 41, .name = worker};
	const struct heap_frame frame = {.code = OBJID_NONE, .function = main_id};
	const struct heap_root root = {
		.kind = roots[_i].kind,
		.name = name,
		.thread = roots[_i].has_place ? 0 : HEAP_NONE,
		.frame = roots[_i].has_place ? 0 : HEAP_NONE,
	};
	ck_assert_int_eq(sink->thread(sink->self, &thread), MS_OK);
	ck_assert_int_eq(sink->frame(sink->self, &frame), MS_OK);
	ck_assert_int_eq(sink->root(sink->self, &root), MS_OK);
	ck_assert_str_eq(
		root_text(memsink_heap(f.m), 0, buf, sizeof(buf)), roots[_i].expected);
	memsink_free(f.m);
}
END_TEST

Suite *
suite_label(void)
{
	Suite *s = suite_create("label");
	TCase *tc = tcase_create("label");

	tcase_add_loop_test(tc, value_texts, 0, ARRAY_LEN(values));
	tcase_add_test(tc, value_text_is_cut_at_a_character);
	tcase_add_test(tc, every_capacity);
	tcase_add_test(tc, type_texts);
	tcase_add_loop_test(tc, labels_without_key, 0, ARRAY_LEN(labels));
	tcase_add_test(tc, labels_with_key);
	tcase_add_test(tc, value_without_key);
	tcase_add_test(tc, long_key_is_cut);
	tcase_add_loop_test(tc, root_texts, 0, ARRAY_LEN(roots));
	suite_add_tcase(s, tc);
	return s;
}
