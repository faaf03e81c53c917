/*
 * The test runner's table of suites, and what it asks of the suite of scripts.
 */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <check.h>

/* One unit test suite; the table ends with an all-zero row. */
struct suite_row {
	const char *name;
	Suite *(*make)(void);
};
extern const struct suite_row suite_table[];

/*
 * A suite with one test for each script that tests/scripts.sh ran, judged by what it left
 * in the directory dir (<test>.rc, <test>.log; the file "list" names them).
 */
Suite *suite_scripts(const char *dir);

/* Print what scripts skipped and why, one line each, then how many. */
void scripts_print_skips(void);

#endif
