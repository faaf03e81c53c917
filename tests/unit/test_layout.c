/*
 * Layouts from their sources: what CPython's own headers say, what debug information
 * says, what the built-in table says; and which of them is taken when.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layout/priv.h"
#include "memscan/mem.h"

Suite *suite_layout(void);

/* ---- accessors ---- */

START_TEST(reads_fields)
{
	struct layout l = {.machine = {62, 8, false}};
	const uint8_t bytes[16] = {0x11, 0x22, 0x33, 0x44, 0xfe, 0xff, 0xff, 0xff, 0x80};

	l.f[PYF_CODE_FLAGS] = (struct layout_field){.off = 4, .size = 4, .present = true};
	l.f[PYF_KEYS_KIND] = (struct layout_field){.off = 8, .size = 1, .present = true};
	ck_assert(layout_has(&l, PYF_CODE_FLAGS));
	ck_assert(!layout_has(&l, PYF_OB_TYPE));
	ck_assert_uint_eq(layout_get(&l, PYF_CODE_FLAGS, bytes), 0xfffffffe);
	ck_assert_int_eq(layout_get_signed(&l, PYF_CODE_FLAGS, bytes), -2);
	ck_assert_int_eq(layout_get_signed(&l, PYF_KEYS_KIND, bytes), -128);
	ck_assert_uint_eq(layout_word(&l, bytes), 0xfffffffe44332211);
	l.machine.ptr_width = 4;
	l.swap = true;
	ck_assert_uint_eq(layout_word(&l, bytes), 0x11223344);
}
END_TEST

/* CPython 3.11, PyASCIIObject.state: interned:2, kind:3, compact:1, ascii:1, ready:1. */
START_TEST(reads_bits)
{
	struct layout l = {.machine = {62, 8, false}};
	/*
	 * interned 1, kind 4 (UCS4), compact 1, ascii 0, ready 1 in an unsigned int of a
	 * little-endian machine.
	 */
	const uint8_t bytes[4] = {1 | 4 << 2 | 1 << 5 | 0 << 6 | 1 << 7, 0, 0, 0};
	/* The same, where the compiler fills from the top: 01 100 1 0 1. */
	const uint8_t big[4] = {0x65, 0, 0, 0};

	l.f[PYF_STR_KIND] = (struct layout_field){.off = 0, .size = 4, .bit_first = 2,
		.bit_width = 3, .present = true};
	l.f[PYF_STR_IS_ASCII] = (struct layout_field){.off = 0, .size = 4, .bit_first = 6,
		.bit_width = 1, .present = true};
	l.f[PYF_STR_READY] = (struct layout_field){.off = 0, .size = 4, .bit_first = 7,
		.bit_width = 1, .present = true};
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_KIND, bytes), 4);
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_IS_ASCII, bytes), 0);
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_READY, bytes), 1);
	l.machine.big_endian = true;
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_KIND, big), 4);
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_READY, big), 1);

	/* A field that spans bytes: 12 bits from bit 6 of 0xc0 0x2a 0x01. */
	const uint8_t wide[3] = {0xc0, 0x2a, 0x01};
	l.machine.big_endian = false;
	l.f[PYF_STR_KIND] = (struct layout_field){.size = 4, .bit_first = 6,
		.bit_width = 12, .present = true};
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_KIND, wide), (0x012ac0 >> 6) & 0xfff);
	/* Where a release has a whole integer instead of bits. */
	l.f[PYF_STR_KIND] = (struct layout_field){.off = 1, .size = 1, .present = true};
	ck_assert_uint_eq(layout_bits(&l, PYF_STR_KIND, wide), 0x2a);
}
END_TEST

/* ---- the table against CPython's headers ---- */

/* Public and internal structs whose definition the installed headers have. */
static const char *const header_fields[][2] = {
	{"PyObject", "ob_refcnt"},
	{"PyObject", "ob_type"},
	{"PyVarObject", "ob_size"},
	{"PyTypeObject", "tp_name"},
	{"PyTypeObject", "tp_basicsize"},
	{"PyTypeObject", "tp_itemsize"},
	{"PyTypeObject", "tp_flags"},
	{"PyTypeObject", "tp_traverse"},
	{"PyTypeObject", "tp_members"},
	{"PyTypeObject", "tp_base"},
	{"PyTypeObject", "tp_dict"},
	{"PyTypeObject", "tp_dictoffset"},
	{"PyTypeObject", "tp_mro"},
	{"PyTypeObject", "tp_subclasses"},
	{"PyTypeObject", "tp_weaklistoffset"},
	{"PyHeapTypeObject", "ht_name"},
	{"PyHeapTypeObject", "ht_qualname"},
	{"PyHeapTypeObject", "ht_cached_keys"},
	{"PyHeapTypeObject", "ht_module"},
	{"PyListObject", "ob_item"},
	{"PyListObject", "allocated"},
	{"PyTupleObject", "ob_item"},
	{"PyDictObject", "ma_used"},
	{"PyDictObject", "ma_keys"},
	{"PyDictObject", "ma_values"},
	{"PyASCIIObject", "length"},
	{"PyASCIIObject", "state"},
	{"PyASCIIObject", "wstr"},
	{"PyCompactUnicodeObject", "utf8"},
	{"PyCompactUnicodeObject", "utf8_length"},
	{"PyUnicodeObject", "data"},
	{"PyBytesObject", "ob_sval"},
	{"PyByteArrayObject", "ob_start"},
	{"PyFloatObject", "ob_fval"},
	{"PySetObject", "table"},
	{"PySetObject", "smalltable"},
	{"PyCodeObject", "co_firstlineno"},
	{"PyCodeObject", "co_linetable"},
	{"PyCodeObject", "co_code_adaptive"},
	{"PyFunctionObject", "func_globals"},
	{"PyFunctionObject", "func_qualname"},
	{"PyCFunctionObject", "m_ml"},
	{"PyCFunctionObject", "m_self"},
	{"PyMemberDef", "offset"},
	{"PyGenObject", "gi_iframe"},
	{"PyWeakReference", "wr_object"},
	{"PyBaseExceptionObject", "args"},
	{"PyThreadState", "interp"},
	{"PyThreadState", "cframe"},
	{"PyThreadState", "thread_id"},
	{"PyThreadState", "native_thread_id"},
	{"PyThreadState", "exc_info"},
	{"PyInterpreterState", "next"},
	{"PyInterpreterState", "threads.head"},
	{"PyInterpreterState", "gc"},
	{"PyInterpreterState", "modules"},
	{"PyInterpreterState", "sysdict"},
	{"PyInterpreterState", "builtins"},
	{"PyGC_Head", "_gc_next"},
	{"PyGC_Head", "_gc_prev"},
	{"PyDictKeysObject", "dk_log2_size"},
	{"PyDictKeysObject", "dk_nentries"},
	{"PyDictKeysObject", "dk_usable"},
	{"PyDictKeyEntry", "me_key"},
	{"PyDictKeyEntry", "me_value"},
	{"PyDictUnicodeEntry", "me_value"},
	{"PyFrameObject", "f_frame"},
	{"PyFrameObject", "_f_frame_data"},
	{"_PyInterpreterFrame", "f_code"},
	{"_PyInterpreterFrame", "stacktop"},
	{"_PyInterpreterFrame", "localsplus"},
};

/* typedefs whose struct the headers name otherwise. */
static const char header_prelude[] =
	"#define Py_BUILD_CORE 1\n"
	"#include <Python.h>\n"
	"#include <frameobject.h>\n"
	"#include <structmember.h>\n"
	"#include <stddef.h>\n"
	"#include <stdio.h>\n"
	"#include <internal/pycore_interp.h>\n"
	"#include <internal/pycore_dict.h>\n"
	"#include <internal/pycore_frame.h>\n"
	"#include <internal/pycore_runtime.h>\n"
	"typedef struct _dictkeysobject KeysT;\n"
	"#define PyDictKeysObject KeysT\n";

static bool
run_headers(const char *dir)
{
	char command[1024], path[512];

	snprintf(path, sizeof(path), "%s/h.c", dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%sint main(void) {\n", header_prelude);
	for (size_t i = 0; i < ARRAY_LEN(header_fields); i++) {
		const char *type = header_fields[i][0], *member = header_fields[i][1];
		fprintf(f, "printf(\"%s %s %%zu %%zu %%zu\\n\", offsetof(%s, %s), "
			"sizeof(((%s *)0)->%s), sizeof(%s));\n",
			type, member, type, member, type, member, type);
	}
	fprintf(f, "return 0; }\n");
	fclose(f);
	snprintf(command, sizeof(command),
		"cc -w -I/usr/include/python3.11 -o %s/h %s 2>%s/err && %s/h >%s/out",
		dir, path, dir, dir, dir);
	return system(command) == 0;
}

static void
compare_headers(const struct layout *l, const char *dir)
{
	char path[512], type[64], member[64];
	size_t off, size, whole, n = 0;

	snprintf(path, sizeof(path), "%s/out", dir);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fscanf(f, "%63s %63s %zu %zu %zu", type, member, &off, &size,
		&whole) == 5) {
		const struct layout_field *field = layout_find(l, type, member);
		ck_assert_msg(field != NULL, "%s.%s", type, member);
		ck_assert_msg(field->off == off, "%s.%s at %zu in the headers", type,
			member, off);
		ck_assert_msg(field->size == size, "%s.%s has %zu bytes in the headers",
			type, member, size);
		ck_assert_uint_eq(layout_find(l, type, "")->size, whole);
		n++;
	}
	fclose(f);
	ck_assert_uint_eq(n, ARRAY_LEN(header_fields));
}

static void
remove_dir(const char *dir)
{
	char command[600];
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static const char *
table_311(void)
{
	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++)
		if (strcmp(e->name, "cpython-3.11-x86_64.tbl") == 0)
			return e->text;
	ck_abort_msg("no table of 3.11 is built in");
}

START_TEST(table_against_headers)
{
	CLEAN(layout_fini) struct layout l = {0};
	char dir[] = "/tmp/memscan-test-XXXXXX";
	struct errbuf eb = {0};

	ck_assert_msg(layout_parse("t", table_311(), strlen(table_311()), &l,
		&eb) == MS_OK, "%s", eb.msg);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	if (access("/usr/include/python3.11/internal/pycore_frame.h", R_OK) != 0 ||
		sizeof(void *) != 8)
		printf("skipped: layout: no headers of CPython 3.11 for this machine in "
			"/usr/include\n");
	else if (!run_headers(dir))
		printf("skipped: layout: the headers in /usr/include/python3.11 do not "
			"compile\n");
	else
		compare_headers(&l, dir);
	remove_dir(dir);
}
END_TEST

/* ---- the table against debug information ---- */

/*
 * Compare one binary with the table that would be chosen for it; false if it has no debug
 * information or no table.
 */
static bool
compare_dwarf(const char *path)
{
	CLEAN(layout_fini) struct layout dwarf = {0};
	CLEAN(layout_fini) struct layout table = {0};
	CLEAN(layout_fini) struct layout both = {0};
	CLEAN_FREE char *text = NULL;
	struct modules *m = NULL;
	struct errbuf eb = {0};
	struct pyruntime rt;
	size_t len;

	if (elf_open_file(path, &m, &eb) != MS_OK ||
		pyruntime_find_file(m, &rt, &eb) != MS_OK ||
		layout_embedded(&rt, &table, &eb) != MS_OK ||
		layout_from_dwarf(&rt, &dwarf, &eb) != MS_OK) {
		modules_free(m);
		return false;
	}
	FILE *out = open_memstream(&text, &len);
	layout_compare(&dwarf, &table, out);
	fclose(out);
	ck_assert_msg(len == 0, "%s:\n%.400s", path, text);
	ck_assert_int_eq(dwarf.gc_home, table.gc_home);
	ck_assert_int_eq(dwarf.attr_home, table.attr_home);
	ck_assert_int_eq(dwarf.frame_chain, table.frame_chain);

	/* Together they are debug information first, but where the table is of that build. */
	ck_assert_msg(layout_load(&rt, NULL, &both, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_int_eq(both.f[PYF_DICT_KEYS].source,
		table.is_of_build ? LS_TABLE : LS_DWARF);
	ck_assert_uint_eq(both.hexversion, rt.hexversion);
	modules_free(m);
	return true;
}

START_TEST(table_against_dwarf)
{
	char pattern[256];
	glob_t g = {0};
	const char *home = getenv("HOME");
	size_t n = 0;

	snprintf(pattern, sizeof(pattern),
		"%s/.pyenv/versions/3.11.*/lib/libpython3.11*.so.1.0",
		home != NULL ? home : "");
	glob("/usr/bin/python3.11", 0, NULL, &g);
	glob("/usr/lib/*/libpython3.11.so.1.0", GLOB_APPEND, NULL, &g);
	glob(pattern, GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		n += compare_dwarf(g.gl_pathv[i]);
	globfree(&g);
	if (n == 0)
		printf("skipped: layout: no CPython 3.11 with debug information is "
			"installed\n");
}
END_TEST

/* ---- which source is taken ---- */

struct fake {
	char dir[32];
	char table[64]; /* an offset table's path */
	char lib[64];
	struct modules *m;
	struct pyruntime rt;
};

static void
fake_end(struct fake *k)
{
	modules_free(k->m);
	remove_dir(k->dir);
}

/*
 * Compile a library that looks like an interpreter; false, with a note, where that is not
 * possible.
 */
static bool
fake_start(struct fake *k, const char *flags, const char *source)
{
	char command[512], path[64];
	struct errbuf eb = {0};

	*k = (struct fake){.dir = "/tmp/memscan-test-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(k->dir));
	snprintf(path, sizeof(path), "%s/x.c", k->dir);
	snprintf(k->lib, sizeof(k->lib), "%s/libpython3.so", k->dir);
	snprintf(k->table, sizeof(k->table), "%s/t.tbl", k->dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s\n", source);
	fclose(f);
	snprintf(command, sizeof(command), "cc -w -shared -fPIC %s -o %s %s 2>/dev/null",
		flags, k->lib, path);
	if (system(command) != 0) {
		printf("skipped: layout: cc %s cannot make a shared library\n", flags);
		fake_end(k);
		return false;
	}
	ck_assert_msg(elf_open_file(k->lib, &k->m, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(pyruntime_find_file(k->m, &k->rt, &eb) == MS_OK, "%s", eb.msg);
	return true;
}

/* Write the table of 3.11 with one line replaced, as the user's own. */
static void
fake_table(const struct fake *k, const char *from, const char *to)
{
	const char *text = table_311();
	const char *at = strstr(text, from);

	ck_assert_ptr_nonnull(at);
	FILE *f = fopen(k->table, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%.*s%s%s", (int)(at - text), text, to, strchr(at, '\n'));
	fclose(f);
}

#define LIKE_3115 \
	"unsigned long Py_Version = 0x030b05f0; char _PyRuntime[166688];" \
	"struct { void *p[2]; } _Py_NoneStruct;"

START_TEST(takes_table)
{
	CLEAN(layout_fini) struct layout l = {0};
	CLEAN(layout_fini) struct layout own = {0};
	struct errbuf eb = {0};
	struct fake k;

	/* Debug information of something else changes nothing. */
	if (!fake_start(&k, _i == 0 ? "" : "-g", LIKE_3115))
		return;
	ck_assert_msg(layout_load(&k.rt, NULL, &l, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_str_eq(l.version, "3.11.5");
	ck_assert_uint_eq(l.hexversion, 0x030b05f0);
	ck_assert_str_eq(l.origin, "table cpython-3.11-x86_64.tbl");
	ck_assert_int_eq(l.f[PYF_DICT_KEYS].source, LS_TABLE);
	ck_assert_uint_eq(layout_off(&l, PYF_DICT_KEYS), 32);
	ck_assert_int_eq(l.attr_home, ATTR_PREHEADER_311);
	ck_assert_int_eq(l.frame_chain, FRAMES_CFRAME);

	/* The user's own outranks the built-in one. */
	fake_table(&k, "field PyDictObject.ma_keys", "field PyDictObject.ma_keys 24 8");
	ck_assert_msg(layout_load(&k.rt, k.table, &own, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(layout_off(&own, PYF_DICT_KEYS), 24);
	ck_assert_int_eq(own.f[PYF_DICT_KEYS].source, LS_FILE);
	fake_end(&k);
}
END_TEST

START_TEST(refuses_table)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct fake k;

	if (!fake_start(&k, "", LIKE_3115))
		return;
	fake_table(&k, "covers", "covers 030b06f0 030b07f0");
	ck_assert_int_eq(layout_load(&k.rt, k.table, &l, &eb), MS_VERSION);
	ck_assert_ptr_nonnull(strstr(eb.msg,
		"does not describe the target: it covers 3.11.6 to 3.11.7, not 3.11.5"));
	fake_table(&k, "runtime-size", "runtime-size 166696");
	ck_assert_int_eq(layout_load(&k.rt, k.table, &l, &eb), MS_VERSION);
	fake_table(&k, "size PyDictObject", "size PyDictObject x");
	ck_assert_int_eq(layout_load(&k.rt, k.table, &l, &eb), MS_FORMAT);
	ck_assert_msg(strstr(eb.msg, "t.tbl:") != NULL &&
		strstr(eb.msg, "'x' is no size") != NULL, "%s", eb.msg);
	unlink(k.table);
	ck_assert_int_eq(layout_load(&k.rt, k.table, &l, &eb), MS_ABSENT);
	ck_assert_ptr_nonnull(strstr(eb.msg, "t.tbl: No such file"));
	fake_end(&k);
}
END_TEST

START_TEST(refuses_unknown_release)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct fake k;
	char expected[512];

	if (!fake_start(&k, "",
		"unsigned long Py_Version = 0x031000f0; char _PyRuntime[5000];"))
		return;
	ck_assert_int_eq(layout_load(&k.rt, NULL, &l, &eb), MS_VERSION);
	snprintf(expected, sizeof(expected),
		"CPython 3.16.0 (release, x86_64): no offset table covers it and its "
		"binary carries no debug information; with the debug symbols installed, "
		"make one: memscan offsets %s > cpython-3.16.tbl, "
		"then use --offsets cpython-3.16.tbl", k.lib);
	ck_assert_str_eq(eb.msg, expected);
	ck_assert_ptr_null(l.rows);
	fake_end(&k);
}
END_TEST

START_TEST(refuses_disagreement)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct fake k;

	if (!fake_start(&k, "-g", LIKE_3115
		    "typedef struct { char x[408]; } PyTypeObject;"
		    "PyTypeObject PyType_Type;"
		    "typedef struct { long x[2]; long ma_used, ma_keys, ma_values, tag; }"
		    "PyDictObject;"
		    "PyDictObject d;"))
		return;
	/*
	 * A table that was asked for must agree. The first in the order of names: CPython's
	 * PyDictObject has ma_version_tag before ma_keys.
	 */
	ck_assert_int_eq(layout_load(&k.rt, "offsets/cpython-3.11-x86_64.tbl", &l, &eb),
		MS_FORMAT);
	ck_assert_msg(strstr(eb.msg,
		"PyDictObject.ma_keys: offset 24 size 8 in libpython3.so") != NULL, "%s",
		eb.msg);
	ck_assert_msg(strstr(eb.msg, "; offset 32 size 8 in table offsets/cpython-3.11-x86_64.tbl") != NULL,
		"%s", eb.msg);
	ck_assert_ptr_null(l.rows);
	fake_end(&k);
}
END_TEST

START_TEST(fills_from_table)
{
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct fake k;

	/* A binary that knows some types in full: its own headers', which are true. */
	if (!fake_start(&k, "-g -I/usr/include/python3.11",
		    "#include <Python.h>\n"
		    "PyTypeObject t; PyDictObject d;\n"
		    "const unsigned long Py_Version = 0x030b05f0;"
		    "char _PyRuntime[166688];"))
		return;
	ck_assert_msg(layout_load(&k.rt, NULL, &l, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_int_eq(l.f[PYF_TP_NAME].source, LS_DWARF);
	ck_assert_int_eq(l.f[PYF_SIZEOF_INTERP].source, LS_TABLE);
	ck_assert_ptr_nonnull(strstr(l.origin, " and table cpython-3.11-x86_64.tbl"));
	fake_end(&k);
}
END_TEST

/*
 * A binary whose build-id is in an embedded table's origin has nothing to add to it; one
 * with any other build-id is believed. Its own words are wrong, to tell which it was.
 */
START_TEST(knows_the_build)
{
	static const struct {
		const char *flags;
		enum layout_source source;
	} builds[] = {
		{"-g -Wl,--build-id=0xc561f3aa7232f2bd6ac6d56bd475f1c154a00486", LS_TABLE},
		{"-g -Wl,--build-id=0x49daf84ed369fe589b73ea876f2591cd4c3588bb", LS_TABLE},
		{"-g -Wl,--build-id=0xc561f3aa7232f2bd6ac6d56bd475f1c154a00487", LS_DWARF},
		{"-g -Wl,--build-id=none", LS_DWARF},
	};
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};
	struct fake k;

	if (!fake_start(&k, builds[_i].flags, "typedef unsigned long size_t;"
		    "typedef struct { char x[408]; } PyTypeObject;"
		    "PyTypeObject PyType_Type;" LIKE_3115))
		return;
	enum status st = layout_load(&k.rt, NULL, &l, &eb);
	if (builds[_i].source == LS_DWARF) {
		/* The members of such a type are nowhere. */
		ck_assert_int_ne(st, MS_OK);
	} else {
		ck_assert_msg(st == MS_OK, "%s", eb.msg);
		ck_assert_int_eq(l.f[PYF_TP_NAME].source, LS_TABLE);
		ck_assert_str_eq(l.origin, "table cpython-3.11-x86_64.tbl");
	}
	fake_end(&k);
}
END_TEST

START_TEST(says_where_from)
{
	ck_assert_str_eq(layout_source_name(LS_DWARF), "debug information");
	ck_assert_str_eq(layout_source_name(LS_TABLE), "embedded table");
	ck_assert_str_eq(layout_source_name((enum layout_source)99), "?");
}
END_TEST

Suite *
suite_layout(void)
{
	Suite *s = suite_create("layout");
	TCase *pure = tcase_create("fields");
	TCase *sources = tcase_create("sources");

	tcase_add_test(pure, reads_fields);
	tcase_add_test(pure, reads_bits);
	tcase_add_test(pure, says_where_from);
	suite_add_tcase(s, pure);
	tcase_set_timeout(sources, 60);
	tcase_add_test(sources, table_against_headers);
	tcase_add_test(sources, table_against_dwarf);
	tcase_add_loop_test(sources, takes_table, 0, 2);
	tcase_add_test(sources, refuses_table);
	tcase_add_test(sources, refuses_unknown_release);
	tcase_add_test(sources, refuses_disagreement);
	tcase_add_test(sources, fills_from_table);
	tcase_add_loop_test(sources, knows_the_build, 0, 4);
	suite_add_tcase(s, sources);
	return s;
}
