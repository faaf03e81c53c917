/*
 * Finding CPython in a process or file: the image that defines _PyRuntime, and which
 * release and flavour it is. All of it comes from names and texts that survive stripping.
 *
 * CPython: _PyRuntime is exported since 3.7, has its own section since 3.10
 * (Python/pylifecycle.c) and begins with a cookie since 3.13; Py_Version, an unsigned long in .rodata, is exported since 3.11
 * (Python/getversion.c).
 */
#include "memscan/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "layout/priv.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

enum status
image_read(const struct image *im, taddr addr, void *buf, size_t n)
{
	if (im->t != NULL && target_read(im->t, addr, buf, n) == MS_OK)
		return MS_OK;
	return elf_read(im->m, addr, buf, n);
}

const char *
module_name(const struct module *m)
{
	const char *slash = strrchr(m->path, '/');
	return slash != NULL ? slash + 1 : m->path;
}

/* Libraries are named *.so*; what is not is the program itself. */
static bool
is_library(const struct module *m)
{
	return strstr(module_name(m), ".so") != NULL;
}

/* ---- version ---- */

/* The word Py_Version. */
static bool
version_from_word(const struct image *im, uint32_t *hex)
{
	const struct machine *machine = elf_machine(im->m);
	bool swap = machine->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	char text[PYVERSION_TEXT];
	struct elf_symbol sym;
	uint8_t word[8];

	if (elf_symbol(im->m, "Py_Version", &sym) != MS_OK)
		return false;
	if (image_read(im, sym.addr, word, machine->ptr_width) != MS_OK)
		return false;
	uint64_t v = load_uint(word, machine->ptr_width, swap);
	if (v > UINT32_MAX || !pyversion_text((uint32_t)v, text))
		return false;
	*hex = (uint32_t)v;
	return true;
}

bool
image_scan(const struct image *im, taddr addr, uint64_t size, image_finder *find_in, void *arg)
{
	enum { PIECE = 64 * 1024, OVERLAP = 256 };
	const uint64_t most = 64UL << 20;
	CLEAN_FREE char *buf = xmalloc(PIECE);

	if (size > most)
		size = most;
	for (uint64_t at = 0; at < size; at += PIECE - OVERLAP) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
		if (image_read(im, addr + at, buf, n) == MS_OK && find_in(buf, n, arg))
			return true;
	}
	return false;
}

bool
image_scan_section(const struct image *im, const char *section, image_finder *find_in, void *arg)
{
	taddr addr;
	uint64_t size;

	return elf_section(im->m, section, &addr, &size) == MS_OK &&
		image_scan(im, addr, size, find_in, arg);
}

/* A version that is looked for in a run of bytes: of one series where that is known. */
struct wanted {
	uint32_t series;
	uint32_t *hex;
};

static bool
find_banner(const char *p, size_t n, void *arg)
{
	struct wanted *w = arg;
	return pyversion_find_banner(p, n, w->hex);
}

static bool
find_literal(const char *p, size_t n, void *arg)
{
	struct wanted *w = arg;
	return pyversion_find_literal(p, n, w->series, w->hex);
}

/* PY_VERSION_HEX >> 16 from "libpython3.9.so.1.0" or "python3.9", or 0. */
static uint32_t
series_from_path(const struct module *m)
{
	char text[PYVERSION_TEXT];
	uint32_t hex;
	const char *name = strstr(module_name(m), "python");

	if (name == NULL)
		return 0;
	name += strlen("python");
	size_t len = strspn(name, "0123456789.");
	while (len > 0 && name[len - 1] == '.')
		len--;
	int n = snprintf(text, sizeof(text), "%.*s.0", (int)(len < 8 ? len : 8), name);
	if (n <= 0 || pyversion_parse(text, (size_t)n, &hex) != (size_t)n)
		return 0;
	return hex >> 16;
}

bool
version_find(const struct image *im, const struct pyruntime *rt, uint32_t *hex)
{
	if (version_from_word(im, hex))
		return true;
	if (rt->debug.n > 0) {
		*hex = (uint32_t)rt->debug.word[1];
		return true;
	}
	/* Py_GetVersion, which makes sys.version, leaves its text in a static buffer. */
	struct wanted w = {.hex = hex};
	if (im->t != NULL && (image_scan_section(im, ".bss", find_banner, &w) ||
			image_scan_section(im, ".data", find_banner, &w)))
		return true;
	w.series = series_from_path(im->m);
	return w.series != 0 && image_scan_section(im, ".rodata", find_literal, &w);
}

/* ---- the image ---- */

static bool
runtime_in(struct target *t, struct module *m, struct pyruntime *ret)
{
	struct elf_symbol sym;

	*ret = (struct pyruntime){.module = m};
	struct image im = {t, m};
	if (elf_symbol(m, "_PyRuntime", &sym) == MS_OK) {
		ret->addr = sym.addr;
		ret->size = sym.size;
		snprintf(ret->found_by, sizeof(ret->found_by), "symbol _PyRuntime");
		if (!debugoffsets_read(&im, ret))
			log_at(LOG_DEBUG, "%s: the runtime says nothing of its own layout", m->path);
		return true;
	}
	/* CPython to 3.6 keeps its interpreters in static variables. */
	if (legacy_find(t, m, ret)) {
		snprintf(ret->found_by, sizeof(ret->found_by), "PyInterpreterState_Head");
		return true;
	}
	/* A program that was linked without exporting its symbols, and stripped: to 3.12 its section is left. */
	struct pyruntime by_cookie;
	if (elf_section(m, ".PyRuntime", &ret->addr, &ret->size) == MS_OK && debugoffsets_find(&im, &by_cookie)) {
		*ret = by_cookie;
		return true;
	}
	if (elf_section(m, ".PyRuntime", &ret->addr, &ret->size) == MS_OK) {
		(void)debugoffsets_read(&im, ret);
		snprintf(ret->found_by, sizeof(ret->found_by), "section .PyRuntime");
		return true;
	}
	return false;
}

/* ---- which one ---- */

/* A runtime, as it is named and chosen: two of one file differ by their addresses. */
enum { RUNTIME_NAME = 4096 + 32 };

static const char *
runtime_name(char buf[RUNTIME_NAME], const struct module *m)
{
	snprintf(buf, RUNTIME_NAME, "%s at 0x%" PRIx64, m->path, m->start);
	return buf;
}

/* By a part of its name, or by another name of its file here. */
static bool
is_wanted(const struct module *m, const char *library)
{
	char name[RUNTIME_NAME];

	if (library == NULL || strstr(runtime_name(name, m), library) != NULL)
		return true;
	CLEAN_FREE char *real = realpath(library, NULL);
	return real != NULL && strcmp(real, m->path) == 0;
}

struct runtimes {
	VEC(struct pyruntime) v;
};

static void
runtimes_fini(struct runtimes *r)
{
	vec_fini(&r->v);
}

/*
 * The images that define a runtime, the program's first: a definition there outranks one in
 * a library, for a copy relocation puts the live object there.
 */
static void
runtime_search(struct target *t, struct modules *list, struct runtimes *ret)
{
	struct pyruntime rt;

	for (int libraries = 0; libraries < 2; libraries++) {
		for (size_t i = 0; i < modules_count(list); i++) {
			struct module *m = modules_at(list, i);
			if (is_library(m) == (libraries == 1) && runtime_in(t, m, &rt))
				vec_push(&ret->v, rt);
		}
	}
}

/* Those whose writable data has the cookie, where nothing has a name: programs first, as above. */
static void
cookie_search(struct target *t, struct modules *list, const char *library, struct runtimes *ret)
{
	struct pyruntime rt;

	for (int libraries = 0; libraries < 2; libraries++) {
		for (size_t i = 0; i < modules_count(list); i++) {
			struct image im = {t, modules_at(list, i)};
			if (is_library(im.m) == (libraries == 1) && is_wanted(im.m, library) &&
				debugoffsets_find(&im, &rt))
				vec_push(&ret->v, rt);
		}
	}
}

/*
 * Whether anybody has called Py_Initialize, as far as that can be told without a layout. A
 * program that has the interpreter linked in may well load a library that has another.
 *
 * CPython: the first words of _PyRuntimeState say how far it is initialized (3.7 to 3.12).
 */
static bool
is_started(struct target *t, const struct pyruntime *rt)
{
	uint8_t head[32], all = 0;
	uint64_t word;
	taddr at;

	if (t == NULL)
		return false;
	if (rt->addr == 0)
		return target_word(t, rt->interp_head, &word) != MS_OK || word != 0;
	if (debugoffsets_interp_head(rt, &at))
		return target_word(t, at, &word) != MS_OK || word != 0;
	if (target_read(t, rt->addr, head, sizeof(head)) != MS_OK)
		return true;
	for (size_t i = 0; i < sizeof(head); i++)
		all |= head[i];
	return all != 0;
}

static void
list_names(char *buf, size_t cap, const struct runtimes *all)
{
	char name[RUNTIME_NAME];
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < all->v.n && len < cap; i++)
		len += (size_t)snprintf(buf + len, cap - len, "%s%s", i > 0 ? ", " : "",
			runtime_name(name, all->v.at[i].module));
}

/* The one that is wanted and has been started; if none has been, the first. */
static enum status
choose(struct target *t, const struct runtimes *all, const char *library, struct pyruntime *ret,
	struct errbuf *eb)
{
	const struct pyruntime *best = NULL;
	unsigned n_started = 0, n_wanted = 0;
	char names[400];

	for (size_t i = 0; i < all->v.n; i++) {
		const struct pyruntime *rt = &all->v.at[i];
		if (!is_wanted(rt->module, library))
			continue;
		n_wanted++;
		bool started = is_started(t, rt);
		n_started += started;
		if (best == NULL || (started && n_started == 1))
			best = rt;
		log_at(LOG_VERBOSE, "%s has a Python runtime%s", rt->module->path,
			started ? "" : ", which has not been started");
	}
	list_names(names, sizeof(names), all);
	if (n_wanted == 0)
		return errbuf_set(eb, MS_ABSENT, "no library with a Python runtime is called '%s', only %s",
			library, names);
	if (n_started > 1)
		return errbuf_set(eb, MS_USAGE, "%u CPythons run in this process; choose with --library: %s",
			n_started, names);
	*ret = *best;
	return MS_OK;
}

static enum status
find(struct target *t, struct modules *list, const char *library, struct pyruntime *ret,
	struct errbuf *eb)
{
	CLEAN(runtimes_fini) struct runtimes all = {0};
	struct pyruntime rt;

	runtime_search(t, list, &all);
	if (all.v.n == 0)
		cookie_search(t, list, library, &all);
	if (all.v.n == 0)
		return explain_absence(t, list, eb);
	enum status st = choose(t, &all, library, &rt, eb);
	if (st != MS_OK)
		return st;
	struct image im = {t, rt.module};
	/* Half made, its own words would pick the wrong table. */
	if (t != NULL && !is_started(t, &rt))
		return errbuf_set(eb, MS_BUSY,
			"Python is not ready: %s has no interpreter (it is starting, or has ended); "
			"try again when it has started",
			rt.module->path);
	if (!version_find(&im, &rt, &rt.hexversion) ||
		!pyversion_text(rt.hexversion, rt.version))
		return errbuf_set(eb, MS_VERSION,
			"%s defines a Python runtime (%s), but of which release cannot "
			"be found: there is no Py_Version and no text of Py_GetVersion",
			rt.module->path, rt.found_by);
	snprintf(rt.flavour, sizeof(rt.flavour), "%s", flavour_find(&im, &rt));
	compiler_find(&im, rt.compiler, sizeof(rt.compiler));
	libc_find(t, list, rt.libc, sizeof(rt.libc));
	log_at(LOG_VERBOSE, "CPython %s (%s) in %s, by %s", rt.version, rt.flavour,
		rt.module->path, rt.found_by);
	*ret = rt;
	return MS_OK;
}

enum status
pyruntime_find(struct target *t, struct modules *m, const char *library,
	struct pyruntime *ret, struct errbuf *eb)
{
	return find(t, m, library, ret, eb);
}

enum status
pyruntime_find_file(struct modules *m, struct pyruntime *ret, struct errbuf *eb)
{
	return find(NULL, m, NULL, ret, eb);
}
