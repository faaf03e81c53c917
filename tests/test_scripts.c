/*
 * Verdicts on test scripts, as tests of Check.
 *
 * The scripts have run by now, side by side, which Check cannot do; this suite reads what
 * became of each. A script without a result counts as failed: it was
 * listed, so it should have run.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

enum { SCRIPTS_MAX = 1000, NAME_MAX_LEN = 300, SKIPPED = 77 };

struct script {
	char file[NAME_MAX_LEN]; /* below the directory, without ending */
	char name[NAME_MAX_LEN]; /* as people know it */
};
static struct script scripts[SCRIPTS_MAX];
static int n_scripts;
static const char *results;

static FILE *
result_open(const struct script *s, const char *ending)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s.%s", results, s->file, ending);
	return fopen(path, "r");
}

/* The exit status that a script left, or -1. */
static int
script_status(const struct script *s)
{
	int rc = -1;
	FILE *f = result_open(s, "rc");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%d", &rc) != 1)
		rc = -1;
	fclose(f);
	return rc;
}

static void
log_show(const struct script *s)
{
	char line[4096];
	FILE *f = result_open(s, "log");
	if (f == NULL)
		return;
	printf("---- %s said:\n", s->name);
	while (fgets(line, sizeof(line), f) != NULL)
		fputs(line, stdout);
	printf("----\n");
	fclose(f);
	fflush(stdout);
}

START_TEST(script_passes)
{
	const struct script *s = &scripts[_i];
	int rc = script_status(s);
	if (rc == 0 || rc == SKIPPED)
		return;
	log_show(s);
	if (rc == -1)
		ck_abort_msg("%s was not run to its end", s->name);
	ck_abort_msg("%s: exit status %d%s", s->name, rc, rc == 124 ? ": time ran out" : "");
}
END_TEST

Suite *
suite_scripts(const char *dir)
{
	Suite *suite = suite_create("scripts");
	char path[PATH_MAX];
	results = dir;
	snprintf(path, sizeof(path), "%s/list", dir);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return suite;
	while (n_scripts < SCRIPTS_MAX) {
		struct script *s = &scripts[n_scripts];
		if (fscanf(f, "%299s %299s", s->file, s->name) != 2)
			break;
		TCase *tc = tcase_create(s->name);
		tcase_add_loop_test(tc, script_passes, n_scripts, n_scripts + 1);
		suite_add_tcase(suite, tc);
		n_scripts++;
	}
	fclose(f);
	return suite;
}

/* Lines "skip: reason": a script that ends with 77 has one, others may skip a part of what they do. */
static int
script_print_skips(const struct script *s)
{
	char line[4096], last[4096] = "no reason given\n";
	int n = 0;
	FILE *f = result_open(s, "log");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "skip: ", 6) == 0) {
			printf("skipped: %s: %s", s->name, line + 6);
			n++;
		}
		memcpy(last, line, sizeof(last));
	}
	if (f != NULL)
		fclose(f);
	if (n == 0 && script_status(s) == SKIPPED) {
		printf("skipped: %s: %s", s->name, last);
		n++;
	}
	return n;
}

void
scripts_print_skips(void)
{
	int n = 0;
	for (int i = 0; i < n_scripts; i++)
		n += script_print_skips(&scripts[i]);
	printf("Skipped: %d\n", n);
	fflush(stdout);
}
