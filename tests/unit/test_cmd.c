/*
 * The option parser on command lines of every form that memscan(1) promises, and the
 * table of commands.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/group.h"
#include "cmd/priv.h"
#include "memscan/mem.h"

Suite *suite_cmd(void);

static const struct cmd_opt opts[] = {
	{'o', "output", "FILE", "where"},
	{'l', "long", NULL, "a switch"},
	{0, "limit", "N", "a number"},
	{0, "by", "type|module", "a word"},
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static enum status
run_nothing(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	(void)a;
	(void)exit_code;
	(void)eb;
	return MS_OK;
}

static const struct cmd test_cmd = {
	.name = "test",
	.summary = "be tested",
	.synopsis = "A [B]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = 2,
	.run = run_nothing,
};

enum { MAX_WORDS = 10 };

/* What a command line means, or why it is refused (error: a part of the message). */
struct parse_case {
	const char *words[MAX_WORDS];
	const char *error;
	const char *output, *limit, *by;
	unsigned verbose;
	bool is_long;
	const char *operands[2];
};

static const struct parse_case cases[] = {
	{{"a"}, .operands = {"a"}},
	{{"a", "b"}, .operands = {"a", "b"}},
	{{"--output=f", "a"}, .output = "f", .operands = {"a"}},
	{{"--output", "f", "a"}, .output = "f", .operands = {"a"}},
	{{"-of", "a"}, .output = "f", .operands = {"a"}},
	{{"-o", "f", "a"}, .output = "f", .operands = {"a"}},
	{{"-o", "-", "a"}, .output = "-", .operands = {"a"}},
	{{"-o", "-x", "a"}, .output = "-x", .operands = {"a"}},
	{{"--output=", "a"}, .output = "", .operands = {"a"}},
	{{"a", "-o", "f"}, .output = "f", .operands = {"a"}},
	{{"-vv", "a"}, .verbose = 2, .operands = {"a"}},
	{{"-v", "a", "-v"}, .verbose = 2, .operands = {"a"}},
	{{"-lvof", "a"}, .is_long = true, .verbose = 1, .output = "f", .operands = {"a"}},
	{{"-lo", "f", "a"}, .is_long = true, .output = "f", .operands = {"a"}},
	{{"-of", "-og", "a"}, .output = "g", .operands = {"a"}},
	{{"--", "-o", "--by"}, .operands = {"-o", "--by"}},
	{{"a", "--", "-v"}, .operands = {"a", "-v"}},
	{{"-"}, .operands = {"-"}},
	{{"--by=module", "a"}, .by = "module", .operands = {"a"}},
	{{"--limit", "0", "a"}, .limit = "0", .operands = {"a"}},
	{{"--limit=a=b", "x"}, .limit = "a=b", .operands = {"x"}},
	{{"-h"}, .operands = {NULL}},

	{{"--by=mod", "a"}, .error = "--by is one of type|module, not 'mod'"},
	{{"--by=", "a"}, .error = "--by is one of type|module"},
	{{"--by=type|module", "a"}, .error = "--by is one of"},
	{{"a", "b", "c"}, .error = "unexpected operand 'c'"},
	{{NULL}, .error = "an operand is missing: A [B]"},
	{{"--outputs=f", "a"}, .error = "unknown option --outputs"},
	{{"--out", "f", "a"}, .error = "unknown option --out"},
	{{"--=f", "a"}, .error = "unknown option --"},
	{{"-lx", "a"}, .error = "unknown option -x"},
	{{"a", "--output"}, .error = "--output needs a value: FILE"},
	{{"a", "-o"}, .error = "--output needs a value: FILE"},
	{{"--long=yes", "a"}, .error = "--long takes no value"},
};

static void
assert_text(const char *found, const char *expected)
{
	if (expected == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found, expected);
}

/* Parse the case's words, copied into an argv of their own. */
static enum status
parse(const char *const *words, struct cmd_args *a, struct errbuf *eb)
{
	static char copies[MAX_WORDS][32];
	static char *argv[MAX_WORDS + 1];
	int argc = 0;

	for (; argc < MAX_WORDS && words[argc] != NULL; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
		argv[argc] = copies[argc];
	}
	return cmd_parse(&test_cmd, argc, argv, a, eb);
}

START_TEST(parse_cases)
{
	const struct parse_case *c = &cases[_i];
	CLEAN(cmd_args_fini) struct cmd_args a = {0};
	struct errbuf eb = {0};

	enum status st = parse(c->words, &a, &eb);
	if (c->error != NULL) {
		ck_assert_int_eq(st, MS_USAGE);
		ck_assert_msg(strstr(eb.msg, c->error) != NULL, "'%s' is not in '%s'",
			c->error, eb.msg);
		return;
	}
	ck_assert_msg(st == MS_OK, "%s", eb.msg);
	assert_text(cmd_value(&a, "output"), c->output);
	assert_text(cmd_value(&a, "limit"), c->limit);
	assert_text(cmd_value(&a, "by"), c->by);
	ck_assert_uint_eq(cmd_times(&a, "verbose"), c->verbose);
	ck_assert_int_eq(cmd_has(&a, "long"), c->is_long);
	ck_assert_uint_eq(a.n_operands,
		(size_t)(c->operands[0] != NULL) + (c->operands[1] != NULL));
	for (size_t i = 0; i < a.n_operands; i++)
		ck_assert_str_eq(a.operands[i], c->operands[i]);
}
END_TEST

static const struct {
	const char *word;
	uint64_t min, max;
	bool is_good;
	uint64_t expected;
} numbers[] = {
	{NULL, 0, 10, true, 7},
	{"--limit=3", 0, 10, true, 3},
	{"--limit=0x10", 0, 100, true, 16},
	{"--limit=2K", 0, 10000, true, 2048},
	{"--limit=0", 1, 10, false, 0},
	{"--limit=11", 1, 10, false, 0},
	{"--limit=-1", 0, 10, false, 0},
	{"--limit=", 0, 10, false, 0},
	{"--limit=ten", 0, 10, false, 0},
	{"--limit=18446744073709551616", 0, UINT64_MAX, false, 0},
};

START_TEST(number_cases)
{
	const char *words[] = {"a", numbers[_i].word, NULL};
	CLEAN(cmd_args_fini) struct cmd_args a = {0};
	struct errbuf eb = {0};
	uint64_t v = 99;

	ck_assert_int_eq(parse(words, &a, &eb), MS_OK);
	enum status st =
		cmd_number(&a, "limit", 7, numbers[_i].min, numbers[_i].max, &v, &eb);
	ck_assert_int_eq(st, numbers[_i].is_good ? MS_OK : MS_USAGE);
	ck_assert_uint_eq(v, numbers[_i].is_good ? numbers[_i].expected : 99);
	ck_assert(numbers[_i].is_good || strstr(eb.msg, "--limit") != NULL);
}
END_TEST

START_TEST(formats)
{
	CLEAN(cmd_args_fini) struct cmd_args none = {0}, one = {0}, two = {0};
	struct errbuf eb = {0};
	enum rows_format format;

	ck_assert_int_eq(parse((const char *const[]){"a", NULL}, &none, &eb), MS_OK);
	ck_assert_int_eq(cmd_format(&none, &format, &eb), MS_OK);
	ck_assert_int_eq(format, ROWS_TEXT);
	ck_assert_int_eq(
		parse((const char *const[]){"a", "--tsv", NULL}, &one, &eb), MS_OK);
	ck_assert_int_eq(cmd_format(&one, &format, &eb), MS_OK);
	ck_assert_int_eq(format, ROWS_TSV);
	ck_assert_int_eq(
		parse((const char *const[]){"a", "--tsv", "--json", NULL}, &two, &eb),
		MS_OK);
	ck_assert_int_eq(cmd_format(&two, &format, &eb), MS_USAGE);
}
END_TEST

START_TEST(limits)
{
	static const struct {
		const char *words[4];
		uint64_t others, expected;
	} looks[] = {
		{{"a", NULL}, 0, CMD_LIMIT},
		{{"a", "--tsv", NULL}, 0, UINT64_MAX},
		{{"a", "--tsv", NULL}, 7, 7},
		{{"a", "--limit=0", NULL}, 7, UINT64_MAX},
		{{"a", "--tsv", "--limit=3", NULL}, 0, 3},
	};
	CLEAN(cmd_args_fini) struct cmd_args a = {0};
	struct errbuf eb = {0};
	enum rows_format format;
	uint64_t limit;

	ck_assert_int_eq(parse(looks[_i].words, &a, &eb), MS_OK);
	ck_assert_int_eq(
		cmd_format_limit(&a, looks[_i].others, &format, &limit, &eb), MS_OK);
	ck_assert_uint_eq(limit, looks[_i].expected);
}
END_TEST

START_TEST(table_is_sorted_and_whole)
{
	for (size_t i = 0; i < cmd_count; i++) {
		const struct cmd *c = cmd_table[i];
		ck_assert(i == 0 || strcmp(cmd_table[i - 1]->name, c->name) < 0);
		ck_assert_ptr_eq(cmd_by_name(c->name), c);
		ck_assert_ptr_nonnull(c->run);
		ck_assert_ptr_nonnull(c->synopsis);
		ck_assert_ptr_nonnull(c->page);
		ck_assert_uint_le(c->min_operands, c->max_operands);
	}
	ck_assert_ptr_null(cmd_by_name("summaries"));
	ck_assert_ptr_null(cmd_by_name(""));
}
END_TEST

/* Every command answers -h, has what cmd_main asks for, and names no option twice. */
START_TEST(options_are_unambiguous)
{
	for (size_t i = 0; i < cmd_count; i++) {
		const struct cmd_opt *all = cmd_table[i]->opts;
		bool has_help = false, has_quiet = false, has_verbose = false;
		for (const struct cmd_opt *a = all; a->name != NULL; a++) {
			has_help |= strcmp(a->name, "help") == 0;
			has_quiet |= strcmp(a->name, "quiet") == 0;
			has_verbose |= strcmp(a->name, "verbose") == 0;
			for (const struct cmd_opt *b = all; b != a; b++) {
				ck_assert_str_ne(a->name, b->name);
				ck_assert(a->letter == 0 || a->letter != b->letter);
			}
		}
		ck_assert_msg(
			has_help && has_quiet && has_verbose, "%s", cmd_table[i]->name);
	}
}
END_TEST

START_TEST(nearest)
{
	ck_assert_str_eq(cmd_nearest("sumary")->name, "summary");
	ck_assert_str_eq(cmd_nearest("dmup")->name, "dump");
	ck_assert_str_eq(cmd_nearest("shwo")->name, "show");
	ck_assert_str_eq(cmd_nearest("inf")->name, "info");
	ck_assert_ptr_null(cmd_nearest("frobnicate"));
	ck_assert_ptr_null(cmd_nearest("completions")); /* hidden */
	ck_assert_ptr_null(cmd_nearest("a word that is much longer than any command is"));
}
END_TEST

START_TEST(test_output_names)
{
	static const struct {
		const char *pattern, *alone, *group;
	} names[] = {
		{"heap.dump", "heap.dump", "heap.42.dump"},
		{"heap", "heap", "heap.42"},
		{"a.b/heap", "a.b/heap", "a.b/heap.42"},
		{"a.b/heap.tar.dump", "a.b/heap.tar.dump", "a.b/heap.tar.42.dump"},
		{".heap", ".heap", ".heap.42"},
		{"a/.heap", "a/.heap", "a/.heap.42"},
		{"heap.", "heap.", "heap.42."},
		{"%p", "42", "42"},
		{"x%p.y%p", "x42.y42", "x42.y42"},
		{"%%p.%", "%42.%", "%42.%"},
		{"p%", "p%", "p%.42"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEAN_FREE char *alone = group_output(names[i].pattern, 42, false);
		CLEAN_FREE char *group = group_output(names[i].pattern, 42, true);
		ck_assert_str_eq(alone, names[i].alone);
		ck_assert_str_eq(group, names[i].group);
	}
}
END_TEST

/* Each value of an option, in order; and a list of processes of them. */
START_TEST(test_all_values)
{
	const char *words[] = {"--pid", "7,0x10", "-vp", "7", "--pid=9"};
	const char *bad[] = {"-p", "7,,8"};
	CLEAN(cmd_args_fini) struct cmd_args a = {0};
	CLEAN(cmd_args_fini) struct cmd_args b = {0};
	CLEAN_FREE pid_t *pids = NULL;
	struct errbuf eb = {0};
	char *argv[ARRAY_LEN(words)];
	size_t n;

	memcpy(argv, words, sizeof(words));
	ck_assert_int_eq(cmd_parse(&cmd_dump, ARRAY_LEN(words), argv, &a, &eb), MS_OK);
	ck_assert_str_eq(cmd_nth(&a, "pid", 0), "7,0x10");
	ck_assert_str_eq(cmd_nth(&a, "pid", 2), "9");
	ck_assert_ptr_null(cmd_nth(&a, "pid", 3));
	ck_assert_int_eq(group_pids(&a, &pids, &n, &eb), MS_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(pids[0], 7);
	ck_assert_int_eq(pids[1], 16);
	ck_assert_int_eq(pids[2], 9);
	memcpy(argv, bad, sizeof(bad));
	ck_assert_int_eq(cmd_parse(&cmd_dump, ARRAY_LEN(bad), argv, &b, &eb), MS_OK);
	ck_assert_int_eq(group_pids(&b, &pids, &n, &eb), MS_USAGE);
}
END_TEST

Suite *
suite_cmd(void)
{
	Suite *s = suite_create("cmd");
	TCase *tc = tcase_create("cmd");

	tcase_add_loop_test(tc, parse_cases, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(tc, number_cases, 0, ARRAY_LEN(numbers));
	tcase_add_test(tc, formats);
	tcase_add_loop_test(tc, limits, 0, 5);
	tcase_add_test(tc, table_is_sorted_and_whole);
	tcase_add_test(tc, options_are_unambiguous);
	tcase_add_test(tc, nearest);
	tcase_add_test(tc, test_output_names);
	tcase_add_test(tc, test_all_values);
	suite_add_tcase(s, tc);
	return s;
}
