/*
 * How a runtime was built: its flavour, which is part of a table's key, and for reports
 * the compiler and the C library. All of it comes from names and texts that survive
 * stripping.
 */
#include <string.h>
#include <sys/mman.h>

#include "layout/priv.h"
#include "memscan/mem.h"

/* ---- names of functions of sys ---- */

/* CPython: sys_methods, Python/sysmodule.c: gettotalrefcount with Py_REF_DEBUG, getobjects with Py_TRACE_REFS. */
struct sys_names {
	bool has_totalrefcount, has_getobjects;
};

static bool
find_sys_names(const char *p, size_t n, void *arg)
{
	/* With the byte in front of it, where texts are not shared: "PyGC_Getobjects" is no such name. */
	static const char total[] = "gettotalrefcount", objects[] = "\0getobjects";
	struct sys_names *s = arg;

	s->has_totalrefcount |= memmem(p, n, total, sizeof(total)) != NULL;
	s->has_getobjects |= memmem(p, n, objects, sizeof(objects)) != NULL;
	return s->has_totalrefcount && s->has_getobjects;
}

/* Among the constants of the image; without section headers, in what is mapped of it to be read only. */
static struct sys_names
sys_names_in(const struct image *im)
{
	struct sys_names s = {0};
	taddr addr;
	uint64_t size;
	size_t n = 0;

	if (elf_section(im->m, ".rodata", &addr, &size) == MS_OK) {
		image_scan(im, addr, size, find_sys_names, &s);
		return s;
	}
	const struct region *r = im->t != NULL ? target_regions(im->t, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		if (r[i].start >= im->m->start && r[i].end <= im->m->end && r[i].prot == PROT_READ)
			image_scan(im, r[i].start, r[i].end - r[i].start, find_sys_names, &s);
	return s;
}

/* ---- flavour ---- */

/*
 * CPython: _Py_RefTotal exists with Py_REF_DEBUG alone; an object header is two words,
 * and longer without a GIL or, to 3.12, with Py_TRACE_REFS, which shows in the size of
 * None; later releases keep traced objects in a table of their own, and only the names of sys tell.
 * _Py_MergeZeroLocalRefcount is exported for Py_DECREF of builds without a GIL (3.13),
 * which say so in their debug offsets, too.
 */
const char *
flavour_find(const struct image *im, const struct pyruntime *rt)
{
	struct module *m = im->m;
	struct elf_symbol sym;
	unsigned header = 2u * elf_machine(m)->ptr_width;
	/* Whoever has debug offsets may have neither symbols nor traces in its headers. */
	struct sys_names names = {0};
	if (rt->debug.n > 0)
		names = sys_names_in(im);

	bool is_debug = elf_symbol(m, "_Py_RefTotal", &sym) == MS_OK || names.has_totalrefcount;
	if ((rt->debug.n > 0 && rt->debug.word[2] != 0) ||
		elf_symbol(m, "_Py_MergeZeroLocalRefcount", &sym) == MS_OK)
		return is_debug ? "free-threaded-debug" : "free-threaded";
	bool is_longer = elf_symbol(m, "_Py_NoneStruct", &sym) == MS_OK && sym.size > header;
	if (is_longer || names.has_getobjects)
		return is_debug ? "trace-refs-debug" : "trace-refs";
	return is_debug ? "debug" : "release";
}

/* ---- compiler ---- */

struct found_text {
	char *buf;
	size_t cap;
};

/* A bracket's text of printable characters up to its end, from p on. */
static bool
take_bracket(const char *p, size_t n, const struct found_text *to)
{
	size_t len = 0;

	while (len < n && p[len] >= ' ' && p[len] < 127 && p[len] != ']')
		len++;
	if (len == n || p[len] != ']')
		return false;
	while (len > 0 && p[len - 1] == ' ')
		len--;
	if (len == 0 || len >= to->cap)
		return false;
	memcpy(to->buf, p, len);
	to->buf[len] = '\0';
	return true;
}

static bool
find_compiler(const char *p, size_t n, void *arg)
{
	static const char *const starts[] = {"[GCC ", "[Clang "};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		const char *at = p, *end = p + n;
		while ((at = memmem(at, (size_t)(end - at), starts[i], strlen(starts[i]))) != NULL) {
			at++;
			if (take_bracket(at, (size_t)(end - at), arg))
				return true;
		}
	}
	return false;
}

/* CPython: COMPILER, Python/getcompiler.c: "[GCC 12.2.0]", "[Clang 14.0.6 ]". */
void
compiler_find(const struct image *im, char *buf, size_t cap)
{
	struct found_text to = {buf, cap};

	buf[0] = '\0';
	image_scan_section(im, ".rodata", find_compiler, &to);
}

/* ---- C library ---- */

void
libc_find(struct target *t, struct modules *list, char *buf, size_t cap)
{
	char text[256];
	taddr addr;
	uint64_t size;

	buf[0] = '\0';
	for (size_t i = 0; i < modules_count(list); i++) {
		struct image im = {t, modules_at(list, i)};
		if (elf_section(im.m, ".interp", &addr, &size) != MS_OK || size == 0 || size > sizeof(text) ||
			image_read(&im, addr, text, (size_t)size) != MS_OK || text[size - 1] != '\0')
			continue;
		const char *slash = strrchr(text, '/');
		const char *name = slash != NULL ? slash + 1 : text;
		if (strncmp(name, "ld-musl-", 8) == 0)
			snprintf(buf, cap, "musl");
		else if (strncmp(name, "ld-linux", 8) == 0)
			snprintf(buf, cap, "glibc");
		if (buf[0] != '\0')
			return;
	}
}
