/*
 * The exports of a small heap, byte for byte. meliae's lines are what its own scanner
 * writes for such objects; its loader's expression for a line is applied to every one.
 */
#include <check.h>
#include <stdio.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/mem.h"
#include "memscan/report.h"

#include "memsink.h"

Suite *suite_export(void);

#define NO_LEN VALUE_NO_LEN

static struct heap_value
value(enum value_kind kind, uint64_t len, const char *text)
{
	return (struct heap_value){
		.kind = kind, .len = len, .text = text, .text_len = strlen(text)};
}

static void
add(struct memsink *m, taddr addr, uint32_t type, uint64_t size, uint32_t flags,
	struct heap_value v)
{
	const struct heap_sink *sink = memsink_sink(m);
	struct heap_obj o = {.addr = addr, .size = size, .refcount = 2, .type = type};

	o.flags = flags;
	o.value = v;
	ck_assert_int_eq(sink->object(sink->self, &o), MS_OK);
}

static void
add_ref(struct memsink *m, objid to, uint32_t label)
{
	const struct heap_sink *sink = memsink_sink(m);

	ck_assert_int_eq(sink->refs(sink->self, &(struct heap_ref){to, label}, 1), MS_OK);
}

/*
 * 0 instance -> its type, its dict, weakly 5; 1 that dict: 'k' -> True, and its static
 * type hidden; 2 the class, which may refer to 5; 3 'k'; 4 True; 5 an int; other values.
 */
static void
add_objects(struct memsink *m)
{
	uint32_t foo = memsink_add_type(m, "app", "f.<locals>.Foo");
	uint32_t dict = memsink_add_type(m, "builtins", "dict");
	uint32_t type = memsink_add_type(m, "builtins", "type");
	uint32_t str = memsink_add_type(m, "builtins", "str");
	uint32_t boolean = memsink_add_type(m, "builtins", "bool");
	uint32_t integer = memsink_add_type(m, "builtins", "int");
	uint32_t floating = memsink_add_type(m, "builtins", "float");
	uint32_t bytes = memsink_add_type(m, "builtins", "bytes");
	struct heap_value cut = value(VK_STR, 5000, "\xc3\xa9");

	cut.cut = true;
	add(m, 4096, foo, 48, OF_GC | OF_TRACKED, value(VK_NONE, NO_LEN, ""));
	add_ref(m, 2, ref_label(RK_TYPE, 0));
	add_ref(m, 5, ref_label(RK_WEAK, 0) | REF_HIDDEN);
	add_ref(m, 1, ref_label(RK_DICT, 0));
	add(m, 8192, dict, 104, OF_GC, value(VK_NONE, 1, ""));
	add_ref(m, 3, ref_label(RK_KEY, KEY_SHARED) | REF_HIDDEN);
	add_ref(m, 4, ref_label(RK_VALUE, 0));
	add_ref(m, 2, ref_label(RK_TYPE, 0) | REF_HIDDEN);
	add(m, 12288, type, 1064, 0, value(VK_NAME, NO_LEN, "Gr\xc3\xb6\xc3\x9f\x65"));
	add_ref(m, 5, ref_label(RK_OFFSET, 40) | REF_GUESS);
	add(m, 16384, str, 50, OF_INTERNED, value(VK_STR, 1, "k"));
	add(m, 20480, boolean, 28, OF_IMMORTAL, value(VK_BOOL, NO_LEN, "True"));
	add(m, 24576, integer, 28, 0, value(VK_INT, NO_LEN, "-12"));
	add(m, 28672, floating, 24, 0, value(VK_FLOAT, NO_LEN, "1.5"));
	add(m, 32768, floating, 24, 0, value(VK_FLOAT, NO_LEN, "nan"));
	add(m, 36864, bytes, 35, 0, value(VK_BYTES, 2, "\xff\""));
	add(m, 40960, str, 5049, 0, cut);
	add(m, 45056, integer, 5000, 0, value(VK_INT, NO_LEN, "0xfff"));
}

static struct memsink *
make_heap(void)
{
	struct memsink *m = memsink_new();
	struct heap_sink *sink = memsink_sink(m);
	uint32_t name = memsink_str(m, "main"), path = memsink_str(m, "/srv/a.py");
	const struct heap_thread thread = {.ident = 9, .native_id = 41, .name = name};
	const struct heap_frame frame = {.code = OBJID_NONE,
		.lasti = -1,
		.line = 3,
		.function = name,
		.file = path};
	const struct heap_root root = {.to = 0, .kind = ROOT_LOCAL, .name = name};
	const struct heap_region region = {.start = 4096,
		.end = 8192,
		.resident = 4096,
		.prot = PROT_READ | PROT_EXEC,
		.path = path};
	const struct heap_buffer owned = {.object = 5,
		.flags = BUFFER_OWNED | BUFFER_IN_SIZE,
		.owner = OBJID_NONE,
		.name = path,
		.addr = 65536,
		.bytes = 104,
		.length = 100};
	const struct heap_buffer view = {
		.object = 6, .flags = BUFFER_VIEW, .owner = 5, .addr = 65540, .length = 8};
	const struct heap_damage damage = {
		.reason = name, .n_examples = 2, .count = 7, .examples = {16, 32}};

	add_objects(m);
	ck_assert_int_eq(sink->buffer(sink->self, &owned), MS_OK);
	ck_assert_int_eq(sink->buffer(sink->self, &view), MS_OK);
	ck_assert_int_eq(sink->thread(sink->self, &thread), MS_OK);
	ck_assert_int_eq(sink->frame(sink->self, &frame), MS_OK);
	ck_assert_int_eq(sink->root(sink->self, &root), MS_OK);
	ck_assert_int_eq(sink->region(sink->self, &region), MS_OK);
	ck_assert_int_eq(sink->damage(sink->self, &damage), MS_OK);
	ck_assert_int_eq(sink->meta(sink->self, "pid", "41"), MS_OK);
	return m;
}

typedef enum status write_fn(
	const struct heap *, const struct bitset *, FILE *, struct errbuf *);

static char *
export_of(write_fn *write, const struct bitset *of)
{
	struct memsink *m = make_heap();
	struct errbuf eb = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_int_eq(write(memsink_heap(m), of, out, &eb), MS_OK);
	fclose(out);
	memsink_free(m);
	return text;
}

static char *export(write_fn *write)
{
	return export_of(write, NULL);
}

/* Of a selection: the lines of its objects, and what is of no object, as they were. */
static void
check_selected(write_fn *write, const char *object_front)
{
	uint64_t words[1] = {1u << 1 | 1u << 6 | 1u << 9};
	const struct bitset of = {words, 11};
	CLEAN_FREE char *all = export(write), *some = export_of(write, &of);
	size_t front = strlen(object_front), n = 0;
	const char *at = some;

	for (const char *line = all; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t len = (size_t)(strchr(line, '\n') + 1 - line);
		bool is_object = strncmp(line, object_front, front) == 0;
		if (is_object && (words[0] >> n++ & 1) == 0)
			continue;
		ck_assert_int_eq(strncmp(at, line, len), 0);
		at += len;
	}
	ck_assert_uint_eq(n, 11);
	ck_assert_str_eq(at, "");
}

START_TEST(selected)
{
	check_selected(export_meliae, "{");
	check_selected(export_jsonl, "{\"record\": \"object\"");
}
END_TEST

/* clang-format off: what is expected, a line a line. */
START_TEST(meliae_lines)
{
	CLEAN_FREE char *text = export(export_meliae);

	ck_assert_str_eq(text,
		"{\"address\": 4096, \"type\": \"Foo\", \"size\": 48, \"refs\": [8192, "
		"12288]}\n"
		"{\"address\": 8192, \"type\": \"dict\", \"size\": 104, \"len\": 1, "
		"\"refs\": [16384, 20480]}\n"
		"{\"address\": 12288, \"type\": \"type\", \"size\": 1064, \"name\": "
		"\"Gr??e\", \"refs\": [24576]}\n"
		"{\"address\": 16384, \"type\": \"str\", \"size\": 50, \"len\": 1, "
		"\"value\": \"k\", \"refs\": []}\n"
		"{\"address\": 20480, \"type\": \"bool\", \"size\": 28, \"value\": "
		"\"True\", \"refs\": []}\n"
		"{\"address\": 24576, \"type\": \"int\", \"size\": 28, \"value\": -12, "
		"\"refs\": []}\n"
		"{\"address\": 28672, \"type\": \"float\", \"size\": 24, \"value\": 1.5, "
		"\"refs\": []}\n"
		"{\"address\": 32768, \"type\": \"float\", \"size\": 24, \"value\": "
		"\"nan\", \"refs\": []}\n"
		"{\"address\": 36864, \"type\": \"bytes\", \"size\": 35, \"len\": 2, "
		"\"value\": \"\\u00ff\\\"\", \"refs\": []}\n"
		"{\"address\": 40960, \"type\": \"str\", \"size\": 5049, \"len\": 5000, "
		"\"value\": \"\xc3\xa9\", \"refs\": []}\n"
		"{\"address\": 45056, \"type\": \"int\", \"size\": 5000, \"value\": "
		"\"0xfff\", \"refs\": []}\n");
}
END_TEST

/* clang-format on */

/* meliae/loader.py, _object_re. */
START_TEST(meliae_lines_match_its_loader)
{
	static const char pattern[] =
		"^\\{\"address\": [0-9]+, \"type\": \"[^\"]*\", \"size\": [0-9]+"
		"(, \"name\": \".*\")?(, \"len\": [0-9]+)?(, \"value\": \"?.*\"?)?, "
		"\"refs\": \\[[^]]*\\]\\}$";
	CLEAN_FREE char *text = export(export_meliae);
	char *rest = text;
	regex_t re;
	int n = 0;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; n++)
		ck_assert_msg(regexec(&re, line, 0, NULL, 0) == 0, "%s", line);
	ck_assert_int_eq(n, 11);
	regfree(&re);
}
END_TEST

/* clang-format off */
/* Lines that must be there as they are; the number of all lines is checked, too. */
static const char *const jsonl[] = {
	"{\"record\": \"meta\", \"key\": \"pid\", \"value\": \"41\"}\n",
	"\"name\": \"f.<locals>.Foo\", \"module\": \"app\"",
	("{\"record\": \"object\", \"address\": 4096, \"type\": \"app.f.<locals>.Foo\", \"size\": 48, \"refcount\": 2, "
	"\"flags\": [\"gc\", \"tracked\"], \"refs\": ["
	"{\"to\": 12288, \"kind\": \"type\", \"name\": \"__class__\"}, "
	"{\"to\": 24576, \"kind\": \"weak\", \"hidden\": true}, "
	"{\"to\": 8192, \"kind\": \"dict\", \"name\": \"__dict__\"}]}\n"),
	("{\"record\": \"object\", \"address\": 8192, \"type\": \"dict\", \"size\": 104, \"refcount\": 2, "
	"\"flags\": [\"gc\"], \"len\": 1, \"refs\": ["
	"{\"to\": 16384, \"kind\": \"dict-key\", \"name\": \"'k'\", \"shared\": true, \"hidden\": true}, "
	"{\"to\": 20480, \"kind\": \"dict-value\", \"name\": \"'k'\"}, "
	"{\"to\": 12288, \"kind\": \"type\", \"name\": \"__class__\", \"hidden\": true}]}\n"),
	("\"value_kind\": \"name\", \"value\": \"Gr\xc3\xb6\xc3\x9f" "e\", \"refs\": ["
	"{\"to\": 24576, \"kind\": \"offset\", \"name\": \"+0x28\", \"guess\": true}]}\n"),
	"\"value_kind\": \"bool\", \"value\": true, \"refs\": []}\n",
	("\"value_kind\": \"int\", \"value\": -12, \"buffer\": {\"address\": 65536, \"bytes\": 104, \"length\": 100, "
	"\"owned\": true, \"in_size\": true, \"mapped\": false, \"description\": \"/srv/a.py\"}, \"refs\": []}\n"),
	("\"value\": 1.5, \"buffer\": {\"address\": 65540, \"bytes\": 0, \"length\": 8, "
	"\"owned\": false, \"in_size\": false, \"mapped\": false, \"owner\": 24576}, \"refs\": []}\n"),
	"\"value_kind\": \"float\", \"value\": \"nan\", \"refs\": []}\n",
	"\"len\": 2, \"value_kind\": \"bytes\", \"value\": \"\\u00ff\\\"\", \"refs\": []}\n",
	"\"len\": 5000, \"value_kind\": \"str\", \"value\": \"\xc3\xa9\", \"cut\": true, \"refs\": []}\n",
	("{\"record\": \"thread\", \"thread\": 0, \"ident\": 9, \"native_id\": 41, \"name\": \"main\", \"interpreter\": 0, "
	"\"frames\": [{\"frame\": 0, \"function\": \"main\", \"file\": \"/srv/a.py\", \"line\": 3, \"lasti\": -1}]}\n"),
	"{\"record\": \"root\", \"to\": 4096, \"kind\": \"local\", \"name\": \"main\", \"thread\": 0, \"frame\": 0, \"interpreter\": 0}\n",
	"{\"record\": \"region\", \"start\": 4096, \"end\": 8192, \"resident\": 4096, \"prot\": \"r-x\", \"path\": \"/srv/a.py\"}\n",
	"{\"record\": \"damage\", \"reason\": \"main\", \"count\": 7, \"examples\": [16, 32]}\n",
};

/* clang-format on */

START_TEST(jsonl_records)
{
	CLEAN_FREE char *text = export(export_jsonl);

	ck_assert_msg(strstr(text, jsonl[_i]) != NULL, "not there: %s\nin: %s", jsonl[_i],
		text);
}
END_TEST

START_TEST(jsonl_has_every_record)
{
	CLEAN_FREE char *text = export(export_jsonl);
	size_t lines = 0;

	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	/* meta, 8 types, 11 objects, thread, root, region, damage */
	ck_assert_uint_eq(lines, 1 + 8 + 11 + 4);
}
END_TEST

START_TEST(exports_tell_a_full_disk)
{
	struct memsink *m = make_heap();
	struct errbuf eb = {0};
	FILE *out = fopen("/dev/full", "w");

	ck_assert_int_eq(export_meliae(memsink_heap(m), NULL, out, &eb), MS_IO);
	fclose(out);
	out = fopen("/dev/full", "w");
	ck_assert_int_eq(export_jsonl(memsink_heap(m), NULL, out, &eb), MS_IO);
	fclose(out);
	memsink_free(m);
}
END_TEST

Suite *
suite_export(void)
{
	Suite *s = suite_create("export");
	TCase *tc = tcase_create("export");

	tcase_add_test(tc, selected);
	tcase_add_test(tc, meliae_lines);
	tcase_add_test(tc, meliae_lines_match_its_loader);
	tcase_add_loop_test(tc, jsonl_records, 0, ARRAY_LEN(jsonl));
	tcase_add_test(tc, jsonl_has_every_record);
	tcase_add_test(tc, exports_tell_a_full_disk);
	suite_add_tcase(s, tc);
	return s;
}
