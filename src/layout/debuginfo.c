/*
 * Rows out of what a binary says of its own structs. The strongest source: it was made
 * by the compiler that laid them out.
 */
#include "layout/priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

/* "libpython3.11.so.1.0 build-id 49da..": fit for an origin line, whatever its name. */
static void
describe_module(const struct module *m, char *buf, size_t cap)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	const char *slash = strrchr(m->path, '/');
	char name[96];

	snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : m->path);
	for (char *p = name; *p != '\0'; p++)
		if (strchr(plain, *p) == NULL)
			*p = '_';
	int n = snprintf(buf, cap, "%s", name);
	if (m->build_id_len == 0 || m->build_id_len > BUILD_ID_MAX || n < 0 ||
		(size_t)n >= cap)
		return;
	size_t used = (size_t)n;
	used += (size_t)snprintf(buf + used, cap - used, " build-id ");
	for (size_t i = 0; i < m->build_id_len && used + 2 < cap; i++, used += 2)
		snprintf(buf + used, cap - used, "%02x", m->build_id[i]);
}

enum status
rows_from_dwarf(struct layout_rows *rows, struct module *m, struct errbuf *eb)
{
	CLEAN_FREE struct dwarf_query *q = xcalloc(rows->n, sizeof(*q));
	CLEAN_FREE struct row **asked = xcalloc(rows->n, sizeof(struct row *));
	size_t n = 0;
	bool is_open = false;

	for (size_t i = 0; i < rows->n; i++) {
		struct row *r = &rows->at[i];
		/* The size of a type stands before its members. */
		if (r->member[0] == '\0')
			is_open = r->state != ROW_PRESENT;
		if (!is_open)
			continue;
		q[n] = (struct dwarf_query){
			.type = r->type,
			.member = r->member[0] != '\0' ? r->member : NULL,
		};
		asked[n++] = r;
	}
	if (n == 0)
		return MS_OK;
	enum status st = dwarf_resolve(m, q, n, eb);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		struct layout_field f = {
			.off = q[i].offset,
			.size = q[i].size,
			.stride = q[i].stride,
			.count = q[i].count,
			.bit_first = q[i].bit_first,
			.bit_width = q[i].bit_width,
		};
		if (q[i].found)
			row_present(asked[i], &f, LS_DWARF);
		else
			row_absent(asked[i]);
	}
	return MS_OK;
}

void
layout_identify(struct layout *l, const struct pyruntime *rt)
{
	l->machine = *elf_machine(rt->module);
	l->swap = l->machine.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	l->hexversion = l->covers_first = l->covers_last = rt->hexversion;
	l->runtime_size = rt->size;
	snprintf(l->version, sizeof(l->version), "%s", rt->version);
	snprintf(l->flavour, sizeof(l->flavour), "%s", rt->flavour);
}

enum status
dwarf_load(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {.rows = rows_new()};

	layout_identify(&l, rt);
	describe_module(rt->module, l.origin, sizeof(l.origin));
	enum status st = rows_from_dwarf(l.rows, rt->module, eb);
	if (st != MS_OK)
		return st;
	/*
	 * DWARF of something else (a program that embeds a stripped library statically)
	 * is none of Python.
	 */
	if (layout_find(&l, "PyTypeObject", "") == NULL)
		return errbuf_set(eb, MS_ABSENT,
			"%s: its debug information does not describe PyTypeObject",
			rt->module->path);
	layout_move(ret, &l);
	return MS_OK;
}

enum status
layout_from_dwarf(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {0};

	enum status st = dwarf_load(rt, &l, eb);
	if (st == MS_OK)
		st = layout_finish(&l, eb);
	if (st != MS_OK)
		return st;
	layout_move(ret, &l);
	return MS_OK;
}
