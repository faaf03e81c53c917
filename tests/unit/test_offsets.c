/*
 * memscan offsets: that the tables in the tree are what the binaries say, byte for byte,
 * where those binaries are installed; that --check sees what differs; and its refusals.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/priv.h"
#include "layout/priv.h"
#include "memscan/io.h"
#include "memscan/mem.h"

Suite *suite_offsets(void);

#define DEBIAN_3112 "/usr/bin/python3.11"
#define DEBIAN_3112_DEBUG "/usr/bin/python3.11-dbg"

enum { WORDS_MAX = 300, TEXT_MAX = 1 << 20 };

/* Run a command line; what it printed into *out (free() it). */
static int
run(const char *const words[WORDS_MAX], char **out)
{
	char path[] = "/tmp/memscan-test-XXXXXX";
	char *argv[WORDS_MAX + 3] = {NULL};
	struct errbuf eb = {0};
	int argc = 0;

	argv[argc++] = xstrdup("memscan");
	argv[argc++] = xstrdup("offsets");
	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[argc++] = xstrdup(words[i]);
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	fflush(stdout);
	int saved = dup(1);
	ck_assert_int_ge(dup2(fd, 1), 0);
	int rc = cmd_main(argc, argv);
	fflush(stdout);
	ck_assert_int_ge(dup2(saved, 1), 0);
	close(saved);
	close(fd);
	ck_assert_msg(io_slurp(path, TEXT_MAX, out, NULL, &eb) == MS_OK, "%s", eb.msg);
	unlink(path);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return rc;
}

/* True if the binary is there and has debug information. */
static bool
has_dwarf(const char *path)
{
	const char *words[WORDS_MAX] = {path};
	CLEAN_FREE char *out = NULL;
	bool has = access(path, R_OK) == 0 && run(words, &out) == 0;

	if (!has)
		printf("skipped: offsets: no %s with debug information\n", path);
	return has;
}

/* pyenv's 3.11.7, from which the table in the tree was made. */
static const char *
pyenv_3117(char buf[512])
{
	const char *home = getenv("HOME");
	snprintf(buf, 512, "%s/.pyenv/versions/3.11.7/lib/libpython3.11.so.1.0",
		home != NULL ? home : "");
	return buf;
}

/* The line that begins with these words, without its newline. */
static const char *
line_of(const char *text, const char *front, char buf[256])
{
	const char *at = strstr(text, front);
	ck_assert_msg(at != NULL, "no line '%s'", front);
	snprintf(buf, 256, "%.*s", (int)strcspn(at, "\n"), at);
	return buf;
}

/* What follows the head: one line for each field. */
static const char *
rows_of(const char *text)
{
	const char *origin = strstr(text, "\norigin ");
	ck_assert_ptr_nonnull(origin);
	return strchr(origin + 1, '\n');
}

static const char *
table_311(void)
{
	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++)
		if (strcmp(e->name, "cpython-3.11-x86_64.tbl") == 0)
			return e->text;
	ck_abort_msg("no table of 3.11 is built in");
}

/* Add what a pattern matches to a command line. */
static size_t
add_glob(const char **words, size_t n, const char *pattern)
{
	static glob_t g[2];
	static size_t used;

	ck_assert_uint_lt(used, ARRAY_LEN(g));
	if (glob(pattern, 0, NULL, &g[used]) != 0)
		return n;
	for (size_t i = 0; i < g[used].gl_pathc && n < WORDS_MAX; i++)
		words[n++] = g[used].gl_pathv[i];
	used++;
	return n;
}

/* The command of offsets/make.sh. */
START_TEST(makes_the_table_of_the_tree)
{
	char path[512], modules[600], line[256];
	const char *words[WORDS_MAX] = {DEBIAN_3112};
	CLEAN_FREE char *out = NULL;

	if (!has_dwarf(DEBIAN_3112) || !has_dwarf(pyenv_3117(path)))
		return;
	size_t n = add_glob(words, 1, "/usr/lib/python3.11/lib-dynload/*.cpython-311-x*.so");
	words[n++] = path;
	snprintf(modules, sizeof(modules), "%.*s/python3.11/lib-dynload/*.so",
		(int)(strrchr(path, '/') - path), path);
	add_glob(words, n, modules);
	ck_assert_int_eq(run(words, &out), 0);
	ck_assert_msg(strcmp(rows_of(out), rows_of(table_311())) == 0,
		"offsets/cpython-3.11-x86_64.tbl has to be made anew");
	ck_assert_str_eq(line_of(out, "table ", line), "table cpython 3.11 x86_64 release");
	ck_assert_str_eq(line_of(out, "covers ", line), "covers 030b02f0 030b07f0");
	ck_assert_str_eq(line_of(out, "runtime-size ", line), "runtime-size 166688");
}
END_TEST

START_TEST(checks)
{
	const char *same[WORDS_MAX] = {"-q", "--check", DEBIAN_3112};
	const char *other[WORDS_MAX] = {"-q", "--check", DEBIAN_3112_DEBUG};
	const char *both[WORDS_MAX] = {"-q", DEBIAN_3112, DEBIAN_3112_DEBUG};
	CLEAN_FREE char *said = NULL;
	CLEAN_FREE char *debug = NULL;
	CLEAN_FREE char *apart = NULL;

	if (has_dwarf(DEBIAN_3112)) {
		ck_assert_int_eq(run(same, &said), 0);
		ck_assert_str_eq(said, "");
	}
	/* A debug build has a table of its own. */
	if (has_dwarf(DEBIAN_3112) && has_dwarf(DEBIAN_3112_DEBUG)) {
		ck_assert_int_eq(run(other, &debug), 0);
		ck_assert_str_eq(debug, "");
		ck_assert_int_eq(run(both, &apart), status_exit_code(MS_FORMAT));
		ck_assert_str_eq(apart, "");
	}
}
END_TEST

/*
 * Compile a C module with debug information; false, with a note, where that is not
 * possible.
 */
static bool
module_start(const char *source, char dir[32], struct modules **m)
{
	char command[512];
	struct errbuf eb = {0};

	snprintf(dir, 32, "/tmp/memscan-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(command, sizeof(command),
		"echo '%s' | cc -w -g -shared -fPIC -x c -o %s/m.so - 2>/dev/null",
		source, dir);
	if (system(command) != 0) {
		printf("skipped: offsets: cc cannot make a shared library\n");
		rmdir(dir);
		return false;
	}
	snprintf(command, sizeof(command), "%s/m.so", dir);
	ck_assert_msg(elf_open_file(command, m, &eb) == MS_OK, "%s", eb.msg);
	unlink(command);
	rmdir(dir);
	return true;
}

START_TEST(adds_modules)
{
	CLEAN(layout_fini) struct layout l = {0};
	CLEAN(layout_fini) struct layout before = {0};
	char path[512], dir[32];
	struct modules *m = NULL, *known = NULL, *new = NULL;
	struct errbuf eb = {0};
	struct pyruntime rt;

	if (!has_dwarf(pyenv_3117(path)))
		return;
	ck_assert_int_eq(elf_open_file(path, &m, &eb), MS_OK);
	ck_assert_int_eq(pyruntime_find_file(m, &rt, &eb), MS_OK);
	ck_assert_int_eq(layout_from_dwarf(&rt, &l, &eb), MS_OK);
	ck_assert_int_eq(layout_from_dwarf(&rt, &before, &eb), MS_OK);

	/* What the interpreter itself knows is not taken from a module. */
	if (module_start("typedef struct { char x[7]; } PyListObject; PyListObject l;",
		dir, &known)) {
		ck_assert_msg(layout_add_dwarf(&l, modules_at(known, 0), &eb) == MS_OK,
			"%s", eb.msg);
		ck_assert_uint_eq(layout_compare(&l, &before, NULL), 0);
	}
	/*
	 * A type that it does not know is; this one says that instances are those of
	 * another release.
	 */
	if (module_start("typedef union { void *p; } PyDictOrValues; PyDictOrValues v;",
		dir, &new)) {
		ck_assert_int_eq(l.attr_home, ATTR_PREHEADER_311);
		ck_assert_msg(layout_add_dwarf(&l, modules_at(new, 0), &eb) == MS_OK,
			"%s", eb.msg);
		ck_assert_int_eq(l.attr_home, ATTR_TAGGED_312);
		ck_assert_uint_eq(layout_find(&l, "PyDictOrValues", "")->size,
			sizeof(void *));
	}
	modules_free(new);
	modules_free(known);
	modules_free(m);
}
END_TEST

static const struct {
	const char *words[WORDS_MAX];
	enum status st;
} refusals[] = {
	{{NULL}, MS_USAGE},
	{{"--pid", "1", "/bin/true"}, MS_USAGE},
	{{"--pid", "x"}, MS_USAGE},
	{{"/bin/true"}, MS_ABSENT},
	{{"/nonexistent"}, MS_IO},
	{{"--check", "/bin/true"}, MS_ABSENT},
};

START_TEST(refuses)
{
	CLEAN_FREE char *out = NULL;

	ck_assert_int_eq(run(refusals[_i].words, &out),
		status_exit_code(refusals[_i].st));
	ck_assert_str_eq(out, "");
}
END_TEST

Suite *
suite_offsets(void)
{
	Suite *s = suite_create("offsets");
	TCase *t = tcase_create("offsets");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, makes_the_table_of_the_tree);
	tcase_add_test(t, checks);
	tcase_add_test(t, adds_modules);
	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_LEN(refusals));
	suite_add_tcase(s, t);
	return s;
}
