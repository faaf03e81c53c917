/*
 * What the progress line says, for times that nobody waits for. That it is drawn on a
 * terminal and nowhere else, tests/live/progress.sh shows.
 */
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "memscan/progress.h"

#define S ((uint64_t)1000000000)

static const struct {
	struct progress_line line;
	const char *text;
} lines[] = {
	{{"dominators", NULL, 0, 0, 0}, "dominators: 0%"},
	{{"dominators", NULL, 0, 0.459, S - 1}, "dominators: 45%"},
	/* The rest is told when there is something to tell it by. */
	{{"dominators", NULL, 0, 0.009, 5 * S}, "dominators: 0%, 5 s"},
	{{"dominators", NULL, 0, 0.25, S}, "dominators: 25%, 1 s, about 3 s to go"},
	{{"dominators", NULL, 0, 0.01, 2 * S},
		"dominators: 1%, 2 s, about 3 min 18 s to go"},
	{{"dominators", NULL, 0, 0.5, 4000 * S},
		"dominators: 50%, 1 h 06 min, about 1 h 06 min to go"},
	{{"dominators", NULL, 0, 1, 7 * S}, "dominators: 100%, 7 s, about 0 s to go"},
	{{"dominators", NULL, 0, 3, 7 * S}, "dominators: 100%, 7 s, about 0 s to go"},
	{{"walking", "objects", 1234567, 0.5, 2 * S},
		"walking, 1,234,567 objects: 50%, 2 s, about 2 s to go"},
	{{"walking", "objects", 7, -1, 0}, "walking, 7 objects"},
	{{"walking", "objects", 7, -1, 90 * S}, "walking, 7 objects: 1 min 30 s"},
	{{NULL, NULL, 0, -1, 0}, "working"},
};

START_TEST(text)
{
	char buf[128];

	ck_assert_ptr_eq(progress_text(&lines[_i].line, buf, sizeof(buf)), buf);
	ck_assert_str_eq(buf, lines[_i].text);
	progress_text(&lines[_i].line, buf, 6);
	ck_assert_uint_lt(strlen(buf), 6);
}
END_TEST

/* Without a job nothing is counted, and jobs may be deeper than what is kept of them. */
START_TEST(jobs)
{
	progress_count(1, 2);
	progress_step("nothing", 1);
	progress_amount(1, "objects");
	progress_end();
	for (int i = 0; i < 20; i++) {
		progress_begin(i % 3 == 0 ? 0 : 10);
		progress_step("step", 7);
		progress_step("more than all", 70);
		progress_count(5, 0);
		progress_count(7, 5);
	}
	for (int i = 0; i < 25; i++)
		progress_end();
	progress_begin(1);
	progress_stop();
	progress_clear();
}
END_TEST

Suite *suite_progress(void);

Suite *
suite_progress(void)
{
	Suite *s = suite_create("progress");
	TCase *tc = tcase_create("progress");

	tcase_add_loop_test(tc, text, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, jobs);
	suite_add_tcase(s, tc);
	return s;
}
