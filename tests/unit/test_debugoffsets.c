/*
 * What a runtime says of itself: the words of a real build, the same spoiled in every way,
 * and libraries that have nothing but the cookie: no symbols, and no section headers either.
 */
#include <check.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layout/priv.h"
#include "memscan/mem.h"

Suite *suite_debugoffsets(void);

struct word {
	unsigned at; /* byte */
	uint64_t v;
};

/* As the file of CPython 3.13.5 has them at the start of .PyRuntime (readelf -x), built by Debian and as released alike. */
static const struct word of_3135[] = {
	{8, 0x030d05f0}, {24, 283376}, {32, 608}, {40, 632}, {48, 194976}, {56, 7272}, {64, 7264},
	{72, 7344}, {80, 7400}, {88, 7656}, {96, 7640}, {104, 7648}, {168, 8}, {176, 16}, {184, 72},
	{192, 152}, {200, 160}, {232, 8}, {248, 56}, {256, 72}, {264, 70}, {272, 208}, {280, 112},
	{288, 120}, {296, 128}, {304, 136}, {312, 68}, {328, 96}, {336, 104}, {344, 200}, {352, 16},
	{360, 8}, {368, 416}, {376, 24}, {392, 168}, {400, 32}, {408, 24}, {424, 40}, {432, 24},
	{448, 48}, {456, 32}, {464, 40}, {472, 24}, {480, 16}, {488, 32}, {496, 16}, {504, 24},
	{512, 40}, {528, 32}, {536, 64}, {552, 16}, {560, 40}, {568, 240}, {576, 200},
};
enum { LEN_313 = 584 };

static void
fill(uint8_t *p, size_t len, const struct word *w, size_t n, bool big)
{
	memset(p, 0, len);
	memcpy(p, "xdebugpy", 8);
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 8; k++)
			p[w[i].at + k] = (uint8_t)(w[i].v >> 8 * (big ? 7 - k : k));
}

START_TEST(reads_words)
{
	uint8_t *p = xmalloc(LEN_313);
	struct pydebug d;

	fill(p, LEN_313, of_3135, ARRAY_LEN(of_3135), _i == 1);
	bool swap = (_i == 1) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	ck_assert(debugoffsets_parse(p, LEN_313, swap, &d));
	ck_assert_uint_eq(d.n, LEN_313 / 8);
	for (size_t i = 0; i < ARRAY_LEN(of_3135); i++)
		ck_assert_uint_eq(d.word[of_3135[i].at / 8], of_3135[i].v);
	/* Not a byte may be missing; the other byte order has no such version. */
	for (size_t len = 0; len < LEN_313; len++)
		ck_assert(!debugoffsets_parse(p, len, swap, &d));
	ck_assert(!debugoffsets_parse(p, LEN_313, !swap, &d));
	free(p);
}
END_TEST

static const struct word lies[] = {
	{0, 0x7970677562656479}, /* the cookie */
	{8, 0}, {8, 0x030c05f0}, {8, 0x030d0500}, {8, 0x1030d05f0}, {8, UINT64_MAX},
	{16, 2}, {16, UINT64_MAX},
	{24, 0}, {24, 194976}, {24, UINT64_MAX}, {24, 1ULL << 40},
	{48, 283376}, {48, UINT64_MAX}, {48, 7400 + 239}, {48, 0},
	{80, 194976}, {80, UINT64_MAX - 100}, {80, 194976 - 239},
	{568, 1025}, {568, UINT64_MAX},
};

START_TEST(refuses_lies)
{
	uint8_t p[LEN_313];
	struct pydebug d = {.n = 4711};

	fill(p, LEN_313, of_3135, ARRAY_LEN(of_3135), false);
	for (unsigned k = 0; k < 8; k++)
		p[lies[_i].at + k] = (uint8_t)(lies[_i].v >> 8 * k);
	ck_assert(!debugoffsets_parse(p, LEN_313, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, &d));
	ck_assert_uint_eq(d.n, 4711);
}
END_TEST

/* Of a release whose struct is not known its name alone is taken. */
START_TEST(knows_next_by_name)
{
	const struct word w[] = {{8, 0x031001f0}, {24, UINT64_MAX}};
	uint8_t p[LEN_313];
	struct pydebug d;

	fill(p, LEN_313, w, ARRAY_LEN(w), false);
	ck_assert(debugoffsets_parse(p, 24, false, &d));
	ck_assert_uint_eq(d.word[1], 0x031001f0);
	ck_assert_uint_eq(d.n, 3);
}
END_TEST

/* ---- against the tables ---- */

static const char *
table_text(const char *name)
{
	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++)
		if (strcmp(e->name, name) == 0)
			return e->text;
	ck_abort_msg("%s is not built in", name);
}

static const struct {
	struct word w;
	bool has_first;
	uint64_t first;
	const char *why; /* NULL: the table of Debian's 3.13.5 describes it */
} builds[] = {
	{{8, 0x030d05f0}, false, 0, NULL},
	{{8, 0x030d05f0}, true, 20, NULL},
	{{8, 0x030d05f0}, true, 24, "its _gc_runtime_state.generations is at 20, not 24"},
	{{24, 283384}, false, 0, "its pyruntimestate has 283376 bytes, not 283384"},
	{{48, 194984}, false, 0, "its PyInterpreterState has 194976 bytes, not 194984"},
	{{88, 7664}, false, 0, "its PyInterpreterState.imports.modules is at 7656, not 7664"},
	{{456, 0}, false, 0, "its PyDictObject.ma_keys is at 32, not 0"},
	{{352, 32}, false, 0, "its PyObject has 16 bytes, not 32"},
	{{576, UINT64_MAX}, false, 0, "its _gc_runtime_state.collecting is at 200, not 18446744073709551615"},
	/* A size of nothing is not stated. */
	{{488, 0}, false, 0, NULL},
};

START_TEST(tells_builds_apart)
{
	CLEAN(layout_fini) struct layout l = {0};
	const char *text = table_text("cpython-3.13.5-x86_64.tbl");
	struct pyruntime rt = {.has_gc_first = builds[_i].has_first, .gc_first = builds[_i].first};
	struct errbuf eb = {0};
	uint8_t p[LEN_313];
	char why[128];

	ck_assert_msg(table_parse("t", text, strlen(text), LS_TABLE, &l, &eb) == MS_OK, "%s", eb.msg);
	fill(p, LEN_313, of_3135, ARRAY_LEN(of_3135), false);
	ck_assert(debugoffsets_parse(p, LEN_313, false, &rt.debug));
	rt.debug.word[builds[_i].w.at / 8] = builds[_i].w.v;
	const char *said = debugoffsets_mismatch(&l, &rt, why, sizeof(why));
	if (builds[_i].why == NULL)
		ck_assert_msg(said == NULL, "%s", said);
	else
		ck_assert_str_eq(said != NULL ? said : "", builds[_i].why);
}
END_TEST

START_TEST(credits_what_agrees)
{
	CLEAN(layout_fini) struct layout l = {0};
	const char *text = table_text("cpython-3.13.5-x86_64.tbl");
	struct pyruntime rt = {0};
	struct errbuf eb = {0};
	uint8_t p[LEN_313];

	ck_assert_msg(table_parse("t", text, strlen(text), LS_TABLE, &l, &eb) == MS_OK, "%s", eb.msg);
	fill(p, LEN_313, of_3135, ARRAY_LEN(of_3135), false);
	ck_assert(debugoffsets_parse(p, LEN_313, false, &rt.debug));
	rt.debug.word[464 / 8] = 4;
	debugoffsets_credit(&l, &rt);
	ck_assert_int_eq(layout_find(&l, "PyDictObject", "ma_keys")->source, LS_DEBUG_OFFSETS);
	ck_assert_int_eq(layout_find(&l, "PyDictObject", "ma_values")->source, LS_TABLE);
	ck_assert_int_eq(layout_find(&l, "PyDictObject", "ma_used")->source, LS_TABLE);
}
END_TEST

/* ---- libraries with nothing but the cookie ---- */

enum { RUNTIME = 8192, INTERP = 4096, GC_AT = 1024, STATE = RUNTIME - INTERP + GC_AT };

/*
 * A runtime of 3.13.7 without a name, in this section; when it is loaded its collector's
 * lists are empty and begin at `first`, 20 or 24 bytes into the state.
 */
static void
write_source(const char *path, const char *section, unsigned first, bool has_bait)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	/* A copy of the cookie in front, as in the code that looks for it: nothing follows. */
	fprintf(f, "static volatile unsigned long long bait[4] = {%s};\n",
		has_bait ? "0x7970677562656478, 7" : "1");
	fprintf(f, "static volatile unsigned long long r[%d] __attribute__((section(\"%s\"))) = {"
		"0x7970677562656478, 0x030d07f0, 0, %d, 608, 632, %d, [10] = %d, [71] = 240};\n"
		"static const unsigned t[] = {2000, 10, 10};\n", RUNTIME / 8, section, RUNTIME, INTERP, GC_AT);
	fprintf(f, "__attribute__((constructor)) static void start(void) {\n"
		"\tchar *s = (char *)r + %d;\n\tbait[3] = r[632 / 8] = 1;\n"
		"\tfor (int i = 0; i < 3; i++) {\n"
		"\t\tchar *h = s + %u + 24 * i;\n"
		"\t\t__builtin_memcpy(h, &h, 8); __builtin_memcpy(h + 8, &h, 8);\n"
		"\t\t__builtin_memcpy(h + 16, &t[i], 4);\n\t}\n"
		"\tchar *g = s + %u;\n\t__builtin_memcpy(s + 96, &g, 8);\n"
		"\t*(char **)(s + 104) = s + 104; *(char **)(s + 112) = s + 104;\n}\n",
		STATE, first, first);
	fclose(f);
}

/* Cut the section headers off; the loader needs none. */
static void
cut_sections(const char *path)
{
	Elf64_Ehdr h;
	int fd = open(path, O_RDWR);

	ck_assert(fd >= 0 && pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h));
	off_t end = (off_t)h.e_shoff;
	h.e_shoff = 0;
	h.e_shnum = h.e_shstrndx = 0;
	ck_assert(pwrite(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) && ftruncate(fd, end) == 0);
	close(fd);
}

static const struct {
	const char *section, *found_by;
	unsigned first;
	bool has_bait, has_sections;
} images[] = {
	{".PyRuntime", "cookie xdebugpy in .PyRuntime", 24, false, true},
	{".PyRuntime", "cookie xdebugpy in .PyRuntime", 20, true, true},
	{".data", "cookie xdebugpy in .data", 24, true, true},
	{".elsewhere", "cookie xdebugpy in writable memory", 20, true, true},
	{".PyRuntime", "cookie xdebugpy in writable memory", 24, true, false},
};

/* Load the library into this process, and look at this process. */
static void
check_loaded(const char *path, int _i)
{
	struct target *t = NULL;
	struct modules *m = NULL;
	struct live_caps caps;
	struct errbuf eb = {0};
	struct pyruntime rt;

	void *lib = dlopen(path, RTLD_NOW);
	ck_assert_msg(lib != NULL, "%s", dlerror());
	ck_assert_msg(live_open(getpid(), &t, &caps, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(modules_load(t, getpid(), &m, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(pyruntime_find(t, m, NULL, &rt, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_str_eq(rt.found_by, images[_i].found_by);
	ck_assert_str_eq(rt.version, "3.13.7");
	ck_assert_str_eq(rt.flavour, "release");
	ck_assert_str_eq(rt.module->path, path);
	ck_assert_uint_eq(rt.size, RUNTIME);
	ck_assert(rt.has_gc_first);
	ck_assert_uint_eq(rt.gc_first, images[_i].first);
	modules_free(m);
	target_close(t);
	dlclose(lib);
}

START_TEST(found_by_cookie)
{
	char dir[] = "/tmp/memscan-test-XXXXXX", source[64], path[64], command[256];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(source, sizeof(source), "%s/x.c", dir);
	snprintf(path, sizeof(path), "%s/plugin.so", dir);
	write_source(source, images[_i].section, images[_i].first, images[_i].has_bait);
	snprintf(command, sizeof(command), "cc -w -O1 -s -shared -fPIC -o %s %s 2>/dev/null", path, source);
	if (sizeof(void *) != 8 || system(command) != 0) {
		printf("skipped: debugoffsets: cc cannot make a 64-bit shared library\n");
	} else {
		if (!images[_i].has_sections)
			cut_sections(path);
		check_loaded(path, _i);
	}
	unlink(path);
	unlink(source);
	rmdir(dir);
}
END_TEST

Suite *
suite_debugoffsets(void)
{
	Suite *s = suite_create("debugoffsets");
	TCase *pure = tcase_create("words");
	TCase *real = tcase_create("images");

	tcase_add_loop_test(pure, reads_words, 0, 2);
	tcase_add_loop_test(pure, refuses_lies, 0, (int)ARRAY_LEN(lies));
	tcase_add_test(pure, knows_next_by_name);
	tcase_add_loop_test(pure, tells_builds_apart, 0, (int)ARRAY_LEN(builds));
	tcase_add_test(pure, credits_what_agrees);
	suite_add_tcase(s, pure);
	tcase_set_timeout(real, 60);
	tcase_add_loop_test(real, found_by_cookie, 0, (int)ARRAY_LEN(images));
	suite_add_tcase(s, real);
	return s;
}
