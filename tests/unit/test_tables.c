/*
 * The text of offset tables: what is refused, with which line; that printing and parsing
 * are inverse; and that a table is only ever taken for the build that it describes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "layout/priv.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

Suite *suite_tables(void);

#define HEAD   \
	"table cpython 3.11 x86_64 release\n" \
	"covers 030b02f0 030b07f0\n"          \
	"runtime-size 166688\n"               \
	"origin somewhere\n"

/* ---- syntax ---- */

static const struct {
	const char *text, *error;
} wrong[] = {
	{"", "t.tbl: this is no offset table"},
	{"# nothing\n\n", "t.tbl: this is no offset table"},
	{"covers 030b02f0 030b07f0\n", "t.tbl:1: this is no offset table"},
	{"\177ELF\002\001\001", "t.tbl:1: byte 0x7f"},
	{"# x\n\ntable cpython 3.11 x86_64\n", "t.tbl:3: the form is: table"},
	{"table pypy 3.11 x86_64 release\n", "t.tbl:1: the form is: table cpython"},
	{"table cpython 3 x86_64 release\n", "t.tbl:1: '3' is no series"},
	{"table cpython 3.11.2 x86_64 release\n", "t.tbl:1: '3.11.2' is no series"},
	{"table cpython 3.11 vax release\n", "t.tbl:1: 'vax' is no machine"},
	{"table cpython 3.11 x86_64 0123456789012345678901234567890123456789\n",
		"t.tbl:1: '01234"},
	{"table cpython 3.11 x86_64 release\n", "t.tbl: there is no covers line"},
	{"table cpython 3.11 x86_64 release\ntable cpython 3.11 x86_64 release\n",
		"t.tbl:2: a second table"},
	{"table cpython 3.11 x86_64 release\ncovers 030b02f0\n",
		"t.tbl:2: the form is: covers"},
	{"table cpython 3.11 x86_64 release\ncovers 030b02f0 30b07f0\n",
		"t.tbl:2: '30b07f0' is no PY_VERSION_HEX"},
	{"table cpython 3.11 x86_64 release\ncovers 030b02fg 030b07f0\n",
		"t.tbl:2: '030b02fg' is no PY_VERSION_HEX"},
	{"table cpython 3.11 x86_64 release\ncovers 030b07f0 030b02f0\n",
		"t.tbl:2: the first release covered is later"},
	{"table cpython 3.11 x86_64 release\ncovers 030b02f0 030c00f0\n",
		"t.tbl:2: '030c00f0' is not of the series"},
	{HEAD "covers 030b02f0 030b07f0\n", "t.tbl:5: a second covers"},
	{HEAD "runtime-size 1\n", "t.tbl:5: a second runtime-size"},
	{HEAD "origin x\n", "t.tbl:5: a second origin"},
	{"table cpython 3.11 x86_64 release\nruntime-size -1\n",
		"t.tbl:2: '-1' is no size"},
	{"table cpython 3.11 x86_64 release\nruntime-size 4294967296\n",
		"t.tbl:2: '4294967296' is no size"},
	{HEAD "size PyObject\n", "t.tbl:5: the form is: size"},
	{HEAD "size PyObject 16 8\n", "t.tbl:5: the form is: size"},
	{HEAD "size PyObject.ob_type 16\n", "t.tbl:5: the form is: size"},
	{HEAD "size PyObject 0x10\n", "t.tbl:5: '0x10' is no size"},
	{HEAD "size PyObject 18446744073709551616\n",
		"t.tbl:5: '18446744073709551616' is no size"},
	{HEAD "\nsize PyObject 16\r\nsize PyObject 16\n",
		"t.tbl:7: a second statement about PyObject"},
	{HEAD "field PyObject.ob_type 8\n", "t.tbl:5: the form is: field"},
	{HEAD "field PyObject 8 8\n", "t.tbl:5: the form is: field"},
	{HEAD "field .ob_type 8 8\n", "t.tbl:5: '.ob_type' is no field"},
	{HEAD "field PyObject. 8 8\n", "t.tbl:5: 'PyObject.' is no field"},
	{HEAD "field PyObject.ob_type 8 8 8\n", "t.tbl:5: '8' is not understood"},
	{HEAD "field PyObject.ob_type 8 8 stride 8\n",
		"t.tbl:5: 'stride' is not understood"},
	{HEAD "field PyObject.ob_type 8 8 stride x count 1\n",
		"t.tbl:5: 'x' is no stride"},
	{HEAD "field PyObject.ob_type 8 8 stride 0 count 1\n",
		"t.tbl:5: a stride of no bytes"},
	{HEAD "field PyObject.ob_type 8 8 bits 1 0\n", "t.tbl:5: a field of no bits"},
	{HEAD "field PyObject.ob_type 8 8 bits 64 1\n", "t.tbl:5: '64' is no first bit"},
	{HEAD "field PyObject.ob_type 8 8 bits 0 65\n",
		"t.tbl:5: '65' is no number of bits"},
	{HEAD "field PyObject.ob_type 8 8\nabsent PyObject.ob_type\n",
		"t.tbl:6: a second statement about PyObject.ob_type"},
	{HEAD "absent\n", "t.tbl:5: the form is: absent"},
	{HEAD "size PyObject \xc3\xa9\n", "t.tbl:5: byte 0xc3"},
	{HEAD "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g\n",
		"t.tbl:5: more than 32 words"},
};

START_TEST(refuses)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	enum status st = table_parse("t.tbl", wrong[_i].text, strlen(wrong[_i].text),
		LS_FILE, &l, &eb);
	ck_assert_msg(st == MS_FORMAT, "%s: %s", wrong[_i].text, status_name(st));
	ck_assert_msg(strncmp(eb.msg, wrong[_i].error, strlen(wrong[_i].error)) == 0,
		"got '%s', not '%s'", eb.msg, wrong[_i].error);
	ck_assert_ptr_null(l.rows);
}
END_TEST

START_TEST(refuses_nul_and_length)
{
	CLEAN(layout_fini) struct layout l = {0};
	static const char nul[] = HEAD "size PyObject\0 16\n";
	char line[2048];
	struct errbuf eb = {0};

	ck_assert_int_eq(table_parse("t", nul, sizeof(nul) - 1, LS_FILE, &l, &eb),
		MS_FORMAT);
	ck_assert_str_eq(eb.msg, "t:5: byte 0x00 has no place in a table");
	memset(line, 'x', sizeof(line));
	ck_assert_int_eq(table_parse("t", line, sizeof(line), LS_FILE, &l, &eb),
		MS_FORMAT);
	ck_assert_ptr_nonnull(strstr(eb.msg, "longer than 511 bytes"));
	/* A comment may be of any length and any bytes. */
	line[0] = '#';
	line[1] = '\0';
	ck_assert_int_eq(table_parse("t", line, sizeof(line), LS_FILE, &l, &eb),
		MS_FORMAT);
	ck_assert_str_eq(eb.msg, "t: this is no offset table: it has no table line");
	CLEAN_FREE char *big = xcalloc(1, LIM_TABLE_TEXT + 1);
	ck_assert_int_eq(table_parse("t", big, LIM_TABLE_TEXT + 1, LS_FILE, &l, &eb),
		MS_LIMIT);
}
END_TEST

START_TEST(reads_statements)
{
	static const char text[] =
		"# comment\n" HEAD
		"size PyASCIIObject 48 # and a comment\n"
		"\tfield  PyASCIIObject.state.kind 32 4 bits 2 3\n"
		"field _gc_runtime_state.generations 24 72 stride 24 count 3\n"
		"absent PyLongObject.long_value.lv_tag\n"
		"const managed_dict_word -3\n"
		"size NobodyAsksForThis 12\n"
		"field NobodyAsksForThis.x 4 4"; /* the last line may lack its newline */
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	ck_assert_msg(table_parse("t", text, sizeof(text) - 1, LS_TABLE, &l,
		&eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(l.machine.e_machine, 62); /* EM_X86_64, ELF specification */
	ck_assert_uint_eq(l.machine.ptr_width, 8);
	ck_assert_uint_eq(l.covers_first, 0x030b02f0);
	ck_assert_uint_eq(l.covers_last, 0x030b07f0);
	ck_assert_uint_eq(l.runtime_size, 166688);
	ck_assert_str_eq(l.flavour, "release");
	ck_assert_str_eq(l.origin, "somewhere");
	ck_assert_str_eq(l.version, "3.11.2");

	ck_assert_uint_eq(layout_find(&l, "PyASCIIObject", "")->size, 48);
	const struct layout_field *kind = layout_find(&l, "PyASCIIObject", "state.kind");
	ck_assert_uint_eq(kind->off, 32);
	ck_assert_uint_eq(kind->size, 4);
	ck_assert_uint_eq(kind->bit_first, 2);
	ck_assert_uint_eq(kind->bit_width, 3);
	ck_assert_int_eq(kind->source, LS_TABLE);
	const struct layout_field *gens = layout_find(&l, "_gc_runtime_state",
		"generations");
	ck_assert_uint_eq(gens->stride, 24);
	ck_assert_uint_eq(gens->count, 3);
	ck_assert_ptr_null(layout_find(&l, "PyLongObject", "long_value.lv_tag"));
	ck_assert_ptr_null(layout_find(&l, "PyObject", "ob_type"));
	ck_assert_ptr_null(layout_find(&l, "NobodyAsksForThis", "x"));
	ck_assert_int_eq(rows_find(l.rows, "PyLongObject", "long_value.lv_tag")->state,
		ROW_ABSENT);
	ck_assert_int_eq(rows_find(l.rows, "PyObject", "ob_type")->state, ROW_MISSING);
}
END_TEST

/* ---- whole tables: the embedded ones, and with one line changed ---- */

/* The text with the line that begins with `from` replaced by `to` ("": left out). */
static char *
edited(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	ck_assert_msg(at != NULL, "no line '%s'", from);
	const char *end = strchr(at, '\n') + 1;
	size_t cap = strlen(text) + strlen(to) + 2;
	char *out = xmalloc(cap);
	const char *eol = *to != '\0' ? "\n" : "";
	snprintf(out, cap, "%.*s%s%s%s", (int)(at - text), text, to, eol, end);
	return out;
}

static const char *
table_311(void)
{
	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++)
		if (strncmp(e->name, "cpython-3.11-x86_64", 19) == 0)
			return e->text;
	ck_abort_msg("no table of 3.11 is built in");
}

static const struct {
	const char *from, *to, *error;
	enum status st;
} edits[] = {
	{"field PyDictObject.ma_keys", "", "nothing is said of PyDictObject.ma_keys",
		MS_FORMAT},
	{"size PyDictObject", "", "nothing is said of PyDictObject;", MS_FORMAT},
	{"field partialobject.fn", "", "nothing is said of partialobject.fn", MS_FORMAT},
	{"field PyDictObject.ma_used", "absent PyDictObject.ma_used",
		"there is no PyDictObject.ma_used", MS_VERSION},
	{"field PyDictObject.ma_keys", "field PyDictObject.ma_keys 41 8",
		"PyDictObject.ma_keys at 41, 8 bytes, reaches beyond its struct of 48",
		MS_FORMAT},
	{"field PyDictObject.ma_keys", "field PyDictObject.ma_keys 4294967295 8",
		"reaches beyond its struct", MS_FORMAT},
	{"field PyDictObject.ma_keys", "field PyDictObject.ma_keys 32 4",
		"PyDictObject.ma_keys is 4 bytes wide, where 8 are expected", MS_FORMAT},
	{"field PyCodeObject.co_flags", "field PyCodeObject.co_flags 48 8",
		"PyCodeObject.co_flags is 8 bytes wide, where 4", MS_FORMAT},
	{"field partialobject.fn", "field partialobject.fn 16 2",
		"partialobject.fn is 2 bytes wide, where 8", MS_FORMAT},
	{"size pyruntimestate", "size pyruntimestate 67108865",
		"pyruntimestate at 0, 67108865 bytes, reaches beyond its struct of "
		"67108864", MS_FORMAT},
	{"field _gc_runtime_state.generations",
		"field _gc_runtime_state.generations 24 72 stride 24 count 4",
		"has 4 elements of 24 bytes in 72", MS_FORMAT},
	{"field PyASCIIObject.state.kind", "field PyASCIIObject.state.kind 47 4 bits 6 3",
		"PyASCIIObject.state.kind at 47", MS_FORMAT},
	{"absent PyLongObject.long_value.lv_tag",
		"field PyLongObject.long_value.lv_tag 16 8", "two strategies fit",
		MS_VERSION},
	{"field _PyCFrame.current_frame", "absent _PyCFrame.current_frame",
		"no strategy fits for the frames", MS_VERSION},
};

START_TEST(checks_facts)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	CLEAN_FREE char *text = edited(table_311(), edits[_i].from, edits[_i].to);
	enum status st = layout_parse("t.tbl", text, strlen(text), &l, &eb);
	ck_assert_msg(st == edits[_i].st, "%s: %s %s", edits[_i].to, status_name(st),
		eb.msg);
	ck_assert_msg(strstr(eb.msg, edits[_i].error) != NULL, "%s", eb.msg);
	ck_assert_msg(strncmp(eb.msg, "t.tbl: ", 7) == 0, "%s", eb.msg);
}
END_TEST

START_TEST(bit_field_may_end_with_its_struct)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	/* The declared type would reach beyond the struct; the bits do not. */
	CLEAN_FREE char *text = edited(table_311(), "field PyASCIIObject.state.kind",
		"field PyASCIIObject.state.kind 47 4 bits 5 3");
	ck_assert_msg(layout_parse("t", text, strlen(text), &l, &eb) == MS_OK, "%s",
		eb.msg);
}
END_TEST

static char *
printed(const struct layout *l, const struct pyruntime *rt)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	layout_print(l, rt, out);
	fclose(out);
	return text;
}

START_TEST(round_trip)
{
	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++) {
		CLEAN(layout_fini) struct layout a = {0};
		CLEAN(layout_fini) struct layout b = {0};
		struct errbuf eb = {0};

		ck_assert_msg(layout_parse(e->name, e->text, strlen(e->text), &a,
			&eb) == MS_OK, "%s", eb.msg);
		CLEAN_FREE char *text = printed(&a, NULL);
		/* The tables of the tree are exactly what is printed. */
		ck_assert_msg(strcmp(text, e->text) == 0,
			"%s is not as it would be printed", e->name);
		ck_assert_msg(layout_parse("again", text, strlen(text), &b, &eb) == MS_OK,
			"%s", eb.msg);
		ck_assert_uint_eq(layout_compare(&a, &b, NULL), 0);
		ck_assert_mem_eq(a.f, b.f, sizeof(a.f));
		ck_assert_str_eq(a.origin, b.origin);
	}
}
END_TEST

/* ---- two layouts ---- */

static size_t
compare_edited(const char *from, const char *to, char **out)
{
	CLEAN(layout_fini) struct layout a = {0};
	CLEAN(layout_fini) struct layout b = {0};
	CLEAN_FREE char *text = edited(table_311(), from, to);
	struct errbuf eb = {0};
	size_t len;

	ck_assert_int_eq(table_parse("a", table_311(), strlen(table_311()), LS_FILE, &a,
		&eb), MS_OK);
	ck_assert_int_eq(table_parse("b", text, strlen(text), LS_FILE, &b, &eb), MS_OK);
	snprintf(a.origin, sizeof(a.origin), "A");
	snprintf(b.origin, sizeof(b.origin), "B");
	FILE *f = open_memstream(out, &len);
	size_t n = layout_compare(&a, &b, f);
	fclose(f);
	return n;
}

START_TEST(compares)
{
	CLEAN_FREE char *moved = NULL;
	CLEAN_FREE char *sized = NULL;
	CLEAN_FREE char *bits = NULL;
	CLEAN_FREE char *gone = NULL;
	CLEAN_FREE char *unknown = NULL;

	ck_assert_uint_eq(compare_edited("field PyDictObject.ma_keys",
		"field PyDictObject.ma_keys 40 8", &moved), 1);
	ck_assert_str_eq(moved,
		"PyDictObject.ma_keys: offset 32 size 8 in A; offset 40 size 8 in B\n");
	ck_assert_uint_eq(compare_edited("size PyDictObject", "size PyDictObject 56",
		&sized), 1);
	ck_assert_str_eq(sized, "PyDictObject: size 48 in A; size 56 in B\n");
	ck_assert_uint_eq(compare_edited("field PyASCIIObject.state.kind",
		"field PyASCIIObject.state.kind 32 4 bits 3 3", &bits), 1);
	ck_assert_str_eq(bits,
		"PyASCIIObject.state.kind: offset 32 size 4 bits 2 3 in A; "
		"offset 32 size 4 bits 3 3 in B\n");
	ck_assert_uint_eq(compare_edited("field PyASCIIObject.wstr ",
		"absent PyASCIIObject.wstr", &gone), 1);
	ck_assert_str_eq(gone,
		"PyASCIIObject.wstr: offset 40 size 8 in A; absent in B\n");
	/* A type that one side does not know says nothing. */
	ck_assert_uint_eq(compare_edited("size PyASCIIObject", "absent PyASCIIObject",
		&unknown), 0);
	ck_assert_str_eq(unknown, "");
}
END_TEST

/* ---- which table ---- */

static const struct {
	struct machine m;
	uint32_t hex;
	const char *flavour;
	uint64_t runtime_size;
	const char *why; /* NULL: it matches */
} keys[] = {
	{{62, 8, false}, 0x030b02f0, "release", 166688, NULL},
	{{62, 8, false}, 0x030b05f0, "release", 166688, NULL},
	{{62, 8, false}, 0x030b07f0, "release", 166688, NULL},
	/* a size that is not known cannot speak against it */
	{{62, 8, false}, 0x030b07f0, "release", 0, NULL},
	{{62, 8, false}, 0x030b01f0, "release", 166688, "covers 3.11.2 to 3.11.7, not"},
	{{62, 8, false}, 0x030b08f0, "release", 166688, "covers 3.11.2 to 3.11.7, not"},
	{{62, 8, false}, 0x030b02c1, "release", 166688, "covers 3.11.2 to 3.11.7, not"},
	{{62, 8, false}, 0x030c02f0, "release", 166688, "covers 3.11.2 to 3.11.7, not"},
	{{62, 8, false}, 0x030b02f0, "debug", 166688, "for release builds, not debug"},
	{{62, 8, false}, 0x030b02f0, "release", 166696, "has 166688 bytes, not 166696"},
	{{3, 4, false}, 0x030b02f0, "release", 166688, "for x86_64, not i386"},
	{{62, 4, false}, 0x030b02f0, "release", 166688, "for x86_64, not x32"},
	{{183, 8, false}, 0x030b02f0, "release", 166688, "for x86_64, not aarch64"},
	{{4711, 8, false}, 0x030b02f0, "release", 166688, "for x86_64, not em4711"},
};

START_TEST(matches_exactly)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct pyruntime rt = {.hexversion = keys[_i].hex, .size = keys[_i].runtime_size};
	char why[128];

	snprintf(rt.flavour, sizeof(rt.flavour), "%s", keys[_i].flavour);
	ck_assert_int_eq(table_parse("t", HEAD, strlen(HEAD), LS_FILE, &l, &eb), MS_OK);
	const char *said = table_mismatch(&l, &rt, &keys[_i].m, why, sizeof(why));
	if (keys[_i].why == NULL)
		ck_assert_ptr_null(said);
	else
		ck_assert_msg(said != NULL &&
			strstr(said, keys[_i].why) != NULL, "%s", said);
}
END_TEST

START_TEST(widens_by_measurement)
{
	static const char b_text[] =
		"table cpython 3.11 x86_64 release\n"
		"covers 030b09f0 030b09f0\n"
		"runtime-size 166688\n"
		"origin b\n";
	CLEAN(layout_fini) struct layout a = {0};
	CLEAN(layout_fini) struct layout b = {0};
	CLEAN_FREE char *said = NULL;
	struct errbuf eb = {0};
	size_t len;

	ck_assert_int_eq(table_parse("a", HEAD, strlen(HEAD), LS_FILE, &a, &eb), MS_OK);
	ck_assert_int_eq(table_parse("b", b_text, strlen(b_text), LS_FILE, &b, &eb),
		MS_OK);
	ck_assert_msg(layout_widen(&a, &b, NULL, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(a.covers_first, 0x030b02f0);
	ck_assert_uint_eq(a.covers_last, 0x030b09f0);
	ck_assert_str_eq(a.origin, "somewhere, b");

	/* What one of them never measured keeps them apart. */
	struct layout_field f = {.size = 48};
	row_present(rows_find(a.rows, "PyDictObject", ""), &f, LS_DWARF);
	FILE *out = open_memstream(&said, &len);
	ck_assert_int_eq(layout_widen(&a, &b, out, &eb), MS_FORMAT);
	fclose(out);
	ck_assert_str_eq(said, "PyDictObject: unknown to b\n");

	snprintf(b.flavour, sizeof(b.flavour), "debug");
	ck_assert_int_eq(layout_widen(&a, &b, NULL, &eb), MS_FORMAT);
	ck_assert_ptr_nonnull(strstr(eb.msg, "need two tables"));
}
END_TEST

Suite *
suite_tables(void)
{
	Suite *s = suite_create("tables");
	TCase *t = tcase_create("tables");

	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_LEN(wrong));
	tcase_add_test(t, refuses_nul_and_length);
	tcase_add_test(t, reads_statements);
	tcase_add_loop_test(t, checks_facts, 0, (int)ARRAY_LEN(edits));
	tcase_add_test(t, bit_field_may_end_with_its_struct);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, compares);
	tcase_add_loop_test(t, matches_exactly, 0, (int)ARRAY_LEN(keys));
	tcase_add_test(t, widens_by_measurement);
	suite_add_tcase(s, t);
	return s;
}
