/*
 * Finding the runtime: versions as texts; libraries made up by the compiler, each with
 * what one kind of Python shows; and real interpreters, which say themselves what they
 * are and where their _PyRuntime is.
 */
#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "layout/priv.h"
#include "memscan/mem.h"

Suite *suite_locate(void);

/* ---- versions ---- */

/*
 * Values of PY_VERSION_HEX and PY_VERSION as Include/patchlevel.h of these releases has
 * them.
 */
static const struct {
	uint32_t hex;
	const char *text; /* NULL: no version */
} versions[] = {
	{0x02071200 | 0xf0, "2.7.18"},
	{0x030b02f0, "3.11.2"},
	{0x030d00c1, "3.13.0rc1"},
	{0x030c00a7, "3.12.0a7"},
	{0x030e00b4, "3.14.0b4"},
	{0, NULL},
	{0x010502f0, NULL},
	{0x030b0200, NULL},
	{0x030b02d0, NULL},
	{0xffffffff, NULL},
};

START_TEST(version_texts)
{
	char text[PYVERSION_TEXT];
	uint32_t hex;

	ck_assert_int_eq(pyversion_text(versions[_i].hex, text),
		versions[_i].text != NULL);
	if (versions[_i].text == NULL)
		return;
	ck_assert_str_eq(text, versions[_i].text);
	ck_assert_uint_eq(pyversion_parse(text, strlen(text), &hex), strlen(text));
	ck_assert_uint_eq(hex, versions[_i].hex);
}
END_TEST

static const struct {
	const char *text;
	size_t used;
	uint32_t hex;
} parses[] = {
	{"3.11.2+ (heads", 7, 0x030b02f0},
	{"3.11.2", 6, 0x030b02f0},
	{"3.11.2.1", 6, 0x030b02f0},
	{"3.11", 0, 0},
	{"3.11.", 0, 0},
	{"3.11.x", 0, 0},
	{"3..2", 0, 0},
	{"4.1.2", 0, 0},
	{"3.256.2", 0, 0},
	{"3.11.1000", 0, 0},
	{"3.13.0rc99", 0, 0},
	{"", 0, 0},
	{"3", 0, 0},
};

START_TEST(version_parses)
{
	uint32_t hex = 0;
	size_t len = strlen(parses[_i].text);
	/* The bytes end where they are said to end: nothing behind them is read. */
	CLEAN_FREE char *exact = xmalloc(len + (len == 0));

	memcpy(exact, parses[_i].text, len);
	size_t used = pyversion_parse(exact, len, &hex);
	ck_assert_uint_eq(used, parses[_i].used);
	if (parses[_i].used != 0)
		ck_assert_uint_eq(hex, parses[_i].hex);
}
END_TEST

START_TEST(version_banners)
{
	static const char deb[] =
		"\0\0libz 1.2.13\0" "3.11.2 (main, Mar  5 2023, 08:28:49) [GCC 12.2.0]\0";
	static const char old[] =
		"xx2.7.18 (default, Apr 20 2020, 20:30:41) \n[GCC 9.3.0]";
	static const char sqlite[] = "3.40.1 2022-12-28\0" "3.40.1 (x) y";
	uint32_t hex = 0;

	ck_assert(pyversion_find_banner(deb, sizeof(deb), &hex));
	ck_assert_uint_eq(hex, 0x030b02f0);
	ck_assert(pyversion_find_banner(old, sizeof(old), &hex));
	ck_assert_uint_eq(hex, 0x020712f0);
	ck_assert(!pyversion_find_banner(sqlite, sizeof(sqlite), &hex));
	ck_assert(!pyversion_find_banner(deb, 20, &hex));
	ck_assert(!pyversion_find_banner("", 0, &hex));
}
END_TEST

START_TEST(version_literals)
{
	static const char bytes[] =
		"3.40.1\0x3.9.18x\0" "13.9.17\0version 3.9.18\0" "3.9.16";
	uint32_t hex = 0;

	ck_assert(pyversion_find_literal(bytes, sizeof(bytes) - 1, 0x0309, &hex));
	ck_assert_uint_eq(hex, 0x030912f0);
	ck_assert(!pyversion_find_literal(bytes, sizeof(bytes) - 1, 0x030a, &hex));
	/* The last one is not terminated within these bytes. */
	ck_assert(!pyversion_find_literal("3.9.16", 6, 0x0309, &hex));
}
END_TEST

/* ---- made-up libraries ---- */

static const struct fake {
	const char *name, *source;
	enum status st;
	const char *version, *flavour; /* MS_OK */
	const char *error;
	const char *compiler; /* NULL: none */
} fakes[] = {
	{"libpython3.16.so", "unsigned long Py_Version = 0x031000f0; char "
		"_PyRuntime[1000]; struct { void *p[2]; } _Py_NoneStruct;",
		MS_OK, "3.16.0", "release", NULL},
	{"embeds", "unsigned long Py_Version = 0x030b05f0; char _PyRuntime[1000]; long "
		"_Py_RefTotal;",
		MS_OK, "3.11.5", "debug", NULL},
	{"libpython3.14t.so",
		"unsigned long Py_Version = 0x030e04f0; char _PyRuntime[1000]; struct { "
		"void *p[4]; } _Py_NoneStruct; void _Py_MergeZeroLocalRefcount(void) {}",
		MS_OK, "3.14.4", "free-threaded", NULL},
	{"libpython3.12.so", "unsigned long Py_Version = 0x030c01f0; char "
		"_PyRuntime[1000]; struct { void *p[4]; } _Py_NoneStruct; long "
		"_Py_RefTotal;",
		MS_OK, "3.12.1", "trace-refs-debug", NULL},
	/* With debug offsets the names of sys tell, and neither a header nor a symbol. */
	{"libpython3.16r.so",
		"struct { char cookie[8]; unsigned long w[200]; } _PyRuntime = {\"xdebugpy\", "
		"{0x031000f0}}; struct { void *p[2]; } _Py_NoneStruct; const char v[] = "
		"\"[Clang 14.0.6 ]\\0getobjects\";",
		MS_OK, "3.16.0", "trace-refs", NULL, "Clang 14.0.6"},
	{"libpython3.16d.so",
		"struct { char cookie[8]; unsigned long w[200]; } _PyRuntime = {\"xdebugpy\", "
		"{0x031000f0}}; const char v[] = \"[GCC \\1]\\0[GCC 12.2.0]\\0PyGC_getobjects\\0"
		"gettotalrefcount\";",
		MS_OK, "3.16.0", "debug", NULL, "GCC 12.2.0"},
	{"libpython3.9.so.1.0",
		"char _PyRuntime[656]; const char v[] = \"3.40.1\\0it is 3.9.18\";",
		MS_OK, "3.9.18", "release", NULL},
	{"libpy-lost.so", "char _PyRuntime[656]; const char v[] = \"3.9.18\";",
		MS_VERSION, NULL, NULL, "of which release cannot be found"},
	{"libpython-odd.so", "unsigned long Py_Version = 7; char _PyRuntime[656];",
		MS_VERSION, NULL, NULL, "of which release cannot be found"},
	{"libpython2.7.so.1.0",
		"void *PyInterpreterState_Head(void) { return 0; } const char v[] = "
		"\"2.7.18\";",
		MS_VERSION, NULL, NULL,
		"this is CPython 2.7.18 (libpython2.7.so.1.0); it has no _PyRuntime"},
	{"libold.so", "void *PyInterpreterState_Head(void) { return 0; }",
		MS_VERSION, NULL, NULL, "this is CPython of some release before 3.7"},
	{"libpypy3-c.so", "int pypy_setup_home;",
		MS_ABSENT, NULL, NULL, "this is PyPy, not CPython"},
	{"libother.so", "extern char _PyRuntime[]; char *x(void) { return _PyRuntime; }",
		MS_ABSENT, NULL, NULL, "no _PyRuntime and no PyInterpreterState_Head"},
};

/* Compile a library; false, with a note, where there is no compiler. */
static bool
compile(const char *dir, const char *name, const char *source, char path[512])
{
	char command[1200], source_path[512];

	snprintf(source_path, sizeof(source_path), "%s/x.c", dir);
	FILE *f = fopen(source_path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s\n", source);
	fclose(f);
	snprintf(path, 512, "%s/%s", dir, name);
	snprintf(command, sizeof(command), "cc -w -shared -fPIC -o '%s' '%s' 2>/dev/null",
		path, source_path);
	int rc = system(command);
	unlink(source_path);
	if (rc != 0)
		printf("skipped: locate: cc cannot make a shared library\n");
	return rc == 0;
}

START_TEST(made_up_libraries)
{
	const struct fake *k = &fakes[_i];
	char dir[] = "/tmp/memscan-test-XXXXXX", path[512];
	struct modules *m = NULL;
	struct errbuf eb = {0};
	struct pyruntime rt;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	if (compile(dir, k->name, k->source, path)) {
		ck_assert_msg(elf_open_file(path, &m, &eb) == MS_OK, "%s", eb.msg);
		unlink(path);
		enum status st = pyruntime_find_file(m, &rt, &eb);
		ck_assert_msg(st == k->st, "%s: %s %s", k->name, status_name(st), eb.msg);
		if (st == MS_OK) {
			ck_assert_str_eq(rt.version, k->version);
			ck_assert_str_eq(rt.flavour, k->flavour);
			ck_assert_str_eq(rt.compiler, k->compiler != NULL ? k->compiler : "");
			ck_assert_uint_eq(rt.size, strstr(k->source, "[1000]") != NULL ?
				1000 : strstr(k->source, "w[200]") != NULL ? 1608 : 656);
		} else {
			ck_assert_msg(strstr(eb.msg, k->error) != NULL, "%s", eb.msg);
		}
		modules_free(m);
	}
	rmdir(dir);
}
END_TEST

/* ---- real ones ---- */

/* The path's part "versions/X.Y.Z": pyenv names its directories so. */
static bool
version_of_path(const char *path, char out[32])
{
	const char *at = strstr(path, "/versions/");
	if (at == NULL)
		return false;
	at += strlen("/versions/");
	snprintf(out, 32, "%.*s", (int)strcspn(at, "/"), at);
	return true;
}

static void
check_library(const char *path)
{
	struct modules *m = NULL;
	struct errbuf eb = {0};
	struct pyruntime rt;
	char version[32];

	if (!version_of_path(path, version))
		return;
	ck_assert_msg(elf_open_file(path, &m, &eb) == MS_OK, "%s", eb.msg);
	enum status st = pyruntime_find_file(m, &rt, &eb);
	bool is_old = version[0] == '2' || strncmp(version, "3.6.", 4) == 0;
	ck_assert_msg(st == MS_OK, "%s: %s", path, eb.msg);
	ck_assert_str_eq(rt.version, version);
	ck_assert_str_eq(rt.flavour, "release");
	/* What stands for _PyRuntime to 3.6. */
	struct elf_symbol interp_head;
	if (is_old && elf_symbol(rt.module, "interp_head", &interp_head) == MS_OK)
		ck_assert_uint_eq(rt.interp_head, interp_head.addr);
	ck_assert_int_eq(rt.addr == 0, is_old);
	modules_free(m);
}

START_TEST(installed_libraries)
{
	char pattern[256];
	glob_t g = {0};
	const char *home = getenv("HOME");

	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/lib/libpython?.*.so.1.0",
		home != NULL ? home : "");
	if (glob(pattern, 0, NULL, &g) != 0)
		printf("skipped: locate: no %s\n", pattern);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_library(g.gl_pathv[i]);
	globfree(&g);
}
END_TEST

/* A process that prints what it is, then waits for its standard input to end. */
struct child {
	pid_t pid;
	FILE *from;
	int to;
};

static void
child_start(const char *python, struct child *c)
{
	static const char script[] =
		"import sys, ctypes\n"
		"at = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "
			"'_PyRuntime'))\n"
		"print(sys.hexversion, at, 'debug' if hasattr(sys, 'gettotalrefcount') "
			"else 'release', flush=True)\n"
		"sys.stdin.read()\n";
	int in[2], out[2];

	ck_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	c->pid = fork();
	ck_assert_int_ge(c->pid, 0);
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(python, python, "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = fdopen(out[0], "r");
}

static void
child_end(struct child *c)
{
	close(c->to);
	fclose(c->from);
	waitpid(c->pid, NULL, 0);
}

static void
check_process(const char *python)
{
	struct child c;
	struct target *t = NULL;
	struct modules *m = NULL;
	struct live_caps caps;
	struct errbuf eb = {0};
	struct pyruntime rt;
	unsigned long hexversion, at;
	char flavour[32];

	child_start(python, &c);
	if (fscanf(c.from, "%lu %lu %31s", &hexversion, &at, flavour) != 3) {
		printf("skipped: locate: %s does not run, or has no ctypes\n", python);
		child_end(&c);
		return;
	}
	ck_assert_msg(live_open(c.pid, &t, &caps, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(modules_load(t, c.pid, &m, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(pyruntime_find(t, m, NULL, &rt, &eb) == MS_OK, "%s: %s", python, eb.msg);
	ck_assert_uint_eq(rt.hexversion, hexversion);
	ck_assert_uint_eq(rt.addr, at);
	ck_assert_str_eq(rt.flavour, flavour);
	ck_assert_ptr_eq(modules_find(m, rt.addr), rt.module);
	modules_free(m);
	target_close(t);
	child_end(&c);
}

START_TEST(running_interpreters)
{
	char pattern[256];
	glob_t g = {0};
	const char *home = getenv("HOME");

	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.*/bin/python3",
		home != NULL ? home : "");
	glob("/usr/bin/python3", 0, NULL, &g);
	glob(pattern, GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (strstr(g.gl_pathv[i], "/3.6.") == NULL)
			check_process(g.gl_pathv[i]);
	if (g.gl_pathc == 0)
		printf("skipped: locate: no python3 is installed\n");
	globfree(&g);
}
END_TEST

START_TEST(other_processes)
{
	struct target *t = NULL;
	struct modules *m = NULL;
	struct live_caps caps;
	struct errbuf eb = {0};
	struct pyruntime rt;

	/* This test program is none. */
	ck_assert_msg(live_open(getpid(), &t, &caps, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(modules_load(t, getpid(), &m, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_int_eq(pyruntime_find(t, m, NULL, &rt, &eb), MS_ABSENT);
	ck_assert_msg(strncmp(eb.msg, "not a CPython process", 21) == 0, "%s", eb.msg);
	modules_free(m);
	target_close(t);
}
END_TEST

Suite *
suite_locate(void)
{
	Suite *s = suite_create("locate");
	TCase *pure = tcase_create("versions");
	TCase *real = tcase_create("images");

	tcase_add_loop_test(pure, version_texts, 0, (int)ARRAY_LEN(versions));
	tcase_add_loop_test(pure, version_parses, 0, (int)ARRAY_LEN(parses));
	tcase_add_test(pure, version_banners);
	tcase_add_test(pure, version_literals);
	suite_add_tcase(s, pure);
	tcase_set_timeout(real, 60);
	tcase_add_loop_test(real, made_up_libraries, 0, (int)ARRAY_LEN(fakes));
	tcase_add_test(real, installed_libraries);
	tcase_add_test(real, running_interpreters);
	tcase_add_test(real, other_processes);
	suite_add_tcase(s, real);
	return s;
}
