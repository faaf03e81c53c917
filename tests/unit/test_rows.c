/*
 * What the four formats make of the same rows, byte for byte, and JSON strings of hostile
 * bytes. What is expected is written out by hand, or is the definition of JSON's escapes.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "report/priv.h"

Suite *suite_rows(void);

static const struct column columns[] = {
	{"n", "N", CELL_COUNT},
	{"bytes", "Size", CELL_BYTES},
	{"hidden", NULL, CELL_ADDR},
	{"name", "Name", CELL_TEXT},
	{"share", "%", CELL_PERCENT},
};

/* A document with a value, a line and a table of the given names. */
static char *
render(enum rows_format format, const char *const *names, size_t n, uint64_t more)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct errbuf eb = {0};

	struct report *r = report_new(out, format);
	report_value(
		r, &(struct column){"pid", "process", CELL_ID}, (struct cell){.u = 4321});
	report_value(r, &(struct column){"user", "by", CELL_TEXT}, cell_str("ann"));
	report_line(r, "%d lines", 7);
	struct rows *rows = rows_begin(r, "things", columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < n; i++) {
		const struct cell cells[] = {
			{.u = 1234 * i},
			{.u = 2000000 * i},
			{.u = 0xabc},
			cell_str(names[i]),
			{.d = 12.5},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, more);
	ck_assert_int_eq(report_end(r, &eb), MS_OK);
	fclose(out);
	return text;
}

static void
assert_render(enum rows_format format, const char *const *names, size_t n, uint64_t more,
	const char *expected)
{
	CLEAN_FREE char *text = render(format, names, n, more);

	ck_assert_str_eq(text, expected);
}

static const char *const two[] = {"a", "long name"};

START_TEST(text_is_aligned)
{
	assert_render(ROWS_TEXT, two, 2, 0,
		"process: 4321\n"
		"by:      ann\n"
		"7 lines\n"
		"    N  Size  Name          %\n"
		"    0     0  a          12.5\n"
		"1,234  1.9M  long name  12.5\n");
}
END_TEST

START_TEST(text_says_what_is_left_out)
{
	assert_render(ROWS_TEXT, two, 1, 2000,
		"process: 4321\n"
		"by:      ann\n"
		"7 lines\n"
		"N  Size  Name     %\n"
		"0     0  a     12.5\n"
		"... and 2,000 more things\n");
}
END_TEST

START_TEST(text_counts_columns_of_wide_characters)
{
	/* Two characters of two columns each, and one of one with a combining accent. */
	static const char *const names[] = {
		"\xe6\x97\xa5\xe6\x9c\xac", "e\xcc\x81", "abcd"};

	assert_render(ROWS_TEXT, names, 3, 0,
		"process: 4321\n"
		"by:      ann\n"
		"7 lines\n"
		"    N  Size  Name     %\n"
		"    0     0  \xe6\x97\xa5\xe6\x9c\xac  12.5\n"
		"1,234  1.9M  e\xcc\x81     12.5\n"
		"2,468  3.8M  abcd  12.5\n");
}
END_TEST

START_TEST(text_is_safe_for_terminals)
{
	static const char *const names[] = {"\x1b[2J\n\xff\xe2\x80\xae\\"};

	assert_render(ROWS_TEXT, names, 1, 0,
		"process: 4321\n"
		"by:      ann\n"
		"7 lines\n"
		"N  Size  Name                     %\n"
		"0     0  \\x1b[2J\\n\\xff\\u202e\\  12.5\n");
}
END_TEST

START_TEST(tsv)
{
	static const char *const names[] = {"a\tb", NULL};

	assert_render(ROWS_TSV, names, 2, 5,
		"n\tbytes\thidden\tname\tshare\n"
		"0\t0\t0xabc\ta\\tb\t12.5000\n"
		"1234\t2000000\t0xabc\t\t12.5000\n");
}
END_TEST

START_TEST(csv)
{
	static const char *const names[] = {"a,b", "say \"x\"", "plain"};

	assert_render(ROWS_CSV, names, 3, 0,
		"n,bytes,hidden,name,share\n"
		"0,0,0xabc,\"a,b\",12.5000\n"
		"1234,2000000,0xabc,\"say \"\"x\"\"\",12.5000\n"
		"2468,4000000,0xabc,plain,12.5000\n");
}
END_TEST

/* clang-format off */
START_TEST(json)
{
	static const char *const names[] = {"q\"\\", NULL};

	assert_render(ROWS_JSON, names, 2, 3,
		"{\n"
		"  \"pid\": 4321,\n"
		"  \"user\": \"ann\",\n"
		"  \"things\": [\n"
		"    {\"n\": 0, \"bytes\": 0, \"hidden\": \"0xabc\", \"name\": \"q\\\"\\\\\", \"share\": 12.5000},\n"
		"    {\"n\": 1234, \"bytes\": 2000000, \"hidden\": \"0xabc\", \"name\": null, \"share\": 12.5000}\n"
		"  ],\n"
		"  \"things_more\": 3\n"
		"}\n");
}
END_TEST

/* clang-format on */

START_TEST(json_without_rows)
{
	assert_render(ROWS_JSON, NULL, 0, 0,
		"{\n"
		"  \"pid\": 4321,\n"
		"  \"user\": \"ann\",\n"
		"  \"things\": []\n"
		"}\n");
}
END_TEST

START_TEST(text_without_rows)
{
	assert_render(ROWS_TEXT, NULL, 0, 0, "process: 4321\nby:      ann\n7 lines\n");
}
END_TEST

/* An empty line comes between two parts, never at the end. */
START_TEST(gaps)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct errbuf eb = {0};
	const struct column c = {"k", "key", CELL_BOOL};

	struct report *r = report_new(out, ROWS_TEXT);
	report_value(r, &c, (struct cell){.u = 1});
	report_gap(r);
	report_gap(r);
	report_value(r, &c, (struct cell){.u = 0});
	report_gap(r);
	ck_assert_int_eq(report_end(r, &eb), MS_OK);
	fclose(out);
	ck_assert_str_eq(text, "key: yes\n\nkey: no\n");
	free(text);
}
END_TEST

/* Every cell type, as people and as machines read it. */
static const struct {
	struct cell cell;
	enum cell_type type;
	const char *text, *json;
} looks[] = {
	{{.u = 1234567}, CELL_COUNT, "1,234,567", "1234567"},
	{{.u = 1234567}, CELL_ID, "1234567", "1234567"},
	{{.u = 1536}, CELL_BYTES, "1.5K", "1536"},
	{{.u = 28300000}, CELL_NANOS, "28.3 ms", "28300000"},
	{{.u = 86400}, CELL_TIME, "1970-01-02 00:00:00 UTC", "86400"},
	{{.u = UINT64_MAX}, CELL_TIME, "18446744073709551615", "18446744073709551615"},
	{{.u = 1234567}, CELL_COUNT_CHANGE, "+1,234,567", "1234567"},
	{{.u = 0 - (uint64_t)17}, CELL_COUNT_CHANGE, "-17", "-17"},
	{{.u = 0}, CELL_COUNT_CHANGE, "0", "0"},
	{{.u = 0 - (uint64_t)1536}, CELL_BYTES_CHANGE, "-1.5K", "-1536"},
	{{.u = (uint64_t)1 << 63}, CELL_BYTES_CHANGE, "-8.0E", "-9223372036854775808"},
	{{.u = 0x7f0012}, CELL_ADDR, "0x7f0012", "\"0x7f0012\""},
	{{.u = 0}, CELL_ADDR, "0x0", "\"0x0\""},
	{{.u = 1}, CELL_BOOL, "yes", "true"},
	{{.d = 33.33333}, CELL_PERCENT, "33.3", "33.3333"},
	{{.absent = true}, CELL_COUNT, "", "null"},
};

static void
assert_value(size_t i, enum rows_format format, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct errbuf eb = {0};

	struct report *r = report_new(out, format);
	report_value(r, &(struct column){"k", "k", looks[i].type}, looks[i].cell);
	ck_assert_int_eq(report_end(r, &eb), MS_OK);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(cell_types)
{
	char expected[128];

	snprintf(expected, sizeof(expected), "k:%s%s\n",
		*looks[_i].text != '\0' ? " " : "", looks[_i].text);
	assert_value((size_t)_i, ROWS_TEXT, expected);
	snprintf(expected, sizeof(expected), "{\n  \"k\": %s\n}\n", looks[_i].json);
	assert_value((size_t)_i, ROWS_JSON, expected);
}
END_TEST

static const struct {
	const char *in;
	size_t len;
	const char *out;
} strings[] = {
	{"plain", 5, "\"plain\""},
	{"", 0, "\"\""},
	{"a\0b", 3, "\"a\\u0000b\""},
	{"\"\\/\n\r\t\b\f\x1f\x7f", 10, "\"\\\"\\\\/\\n\\r\\t\\b\\f\\u001f\\u007f\""},
	{"\xc3\xa9", 2, "\"\xc3\xa9\""},
	{"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
	{"\xff", 1, "\"\\udcff\""},
	{"\xc3", 1, "\"\\udcc3\""},
	{"\xc0\x80", 2, "\"\\udcc0\\udc80\""},                       /* overlong */
	{"\xf4\x90\x80\x80", 4, "\"\\udcf4\\udc90\\udc80\\udc80\""}, /* beyond U+10FFFF */
	{"\xed\xa0\x80", 3, "\"\\ud800\""}, /* a str with '\ud800' */
	{"\xed\xbf\xbf", 3, "\"\\udfff\""},
	{"\xed\xa0", 2, "\"\\udced\\udca0\""},
};

START_TEST(json_strings)
{
	CLEAN(out_fini) struct out o = {0};
	char text[128];

	out_json(&o, strings[_i].in, strings[_i].len);
	ck_assert_str_eq(out_copy(&o, text, sizeof(text)), strings[_i].out);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
	FILE *out = fopen("/dev/full", "w");
	struct errbuf eb = {0};

	ck_assert_ptr_nonnull(out);
	struct report *r = report_new(out, ROWS_JSON);
	ck_assert_int_eq(report_end(r, &eb), MS_IO);
	ck_assert_ptr_nonnull(strstr(eb.msg, "No space left"));
	fclose(out);
}
END_TEST

START_TEST(closed_pipe_is_no_error)
{
	int ends[2];
	struct errbuf eb = {0};

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(ends), 0);
	close(ends[0]);
	FILE *out = fdopen(ends[1], "w");
	struct report *r = report_new(out, ROWS_JSON);
	ck_assert_int_eq(report_end(r, &eb), MS_OK);
	fclose(out);
}
END_TEST

Suite *
suite_rows(void)
{
	Suite *s = suite_create("rows");
	TCase *tc = tcase_create("rows");

	tcase_add_test(tc, text_is_aligned);
	tcase_add_test(tc, text_says_what_is_left_out);
	tcase_add_test(tc, text_counts_columns_of_wide_characters);
	tcase_add_test(tc, text_is_safe_for_terminals);
	tcase_add_test(tc, tsv);
	tcase_add_test(tc, csv);
	tcase_add_test(tc, json);
	tcase_add_test(tc, json_without_rows);
	tcase_add_test(tc, text_without_rows);
	tcase_add_test(tc, gaps);
	tcase_add_loop_test(tc, cell_types, 0, ARRAY_LEN(looks));
	tcase_add_loop_test(tc, json_strings, 0, ARRAY_LEN(strings));
	tcase_add_test(tc, full_disk_is_an_error);
	tcase_add_test(tc, closed_pipe_is_no_error);
	suite_add_tcase(s, tc);
	return s;
}
