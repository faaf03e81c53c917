/*
 * The one test runner: every suite of the table that the build made, and the verdicts on
 * the scripts, in one Check run with one summary.
 *
 * With arguments it runs only the suites named. The environment's MEMSCAN_SCRIPTS names
 * the directory with the scripts' results; without it there is no suite "scripts".
 * MEMSCAN_CHECK_XML names a file for Check's results, from which a suite that ran nothing is seen.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* Bytes of one message of a test to the runner, which moves twice as many for every check passed. */
enum { MESSAGE_MAX = 2048 };

#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);

/*
 * Every test is forked from this process, and when it ends, the search for leaks looks at each block that was ever
 * freed here and waits in the quarantine: that of 256 MB, filled by the messages of millions of checks, cost more
 * than all tests. What ASAN_OPTIONS says comes after this.
 */
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=4";
}
#endif

/*
 * A limit is there for what hangs: machines are slow and busy at times, and sanitizers make slower. The environment
 * may say otherwise.
 */
static void
set_limits(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "30", 0);
#ifdef __SANITIZE_ADDRESS__
	setenv("CK_TIMEOUT_MULTIPLIER", "4", 0);
#endif
	check_set_max_msg_size(MESSAGE_MAX);
}

static bool
is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

int
main(int argc, char **argv)
{
	const char *scripts = getenv("MEMSCAN_SCRIPTS");
	const char *xml = getenv("MEMSCAN_CHECK_XML");
	set_limits();
	SRunner *sr = srunner_create(NULL);

	for (const struct suite_row *r = suite_table; r->name != NULL; r++)
		if (is_wanted(r->name, argc, argv))
			srunner_add_suite(sr, r->make());
	bool has_scripts = scripts != NULL && *scripts != '\0' && is_wanted("scripts", argc, argv);
	if (has_scripts)
		srunner_add_suite(sr, suite_scripts(scripts));
	if (xml != NULL && *xml != '\0')
		srunner_set_xml(sr, xml);

	srunner_run_all(sr, CK_SILENT);
	if (has_scripts)
		scripts_print_skips();
	srunner_print(sr, CK_NORMAL);
	int run = srunner_ntests_run(sr), failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return run == 0 || failed != 0;
}
