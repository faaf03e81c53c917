/*
 * A layout out of its sources. What the binary says of itself (DWARF) outranks a table,
 * unless that was measured on this very build and therefore says the same; a table that
 * the user names outranks the embedded ones. Sources are not mixed at will:
 * where two state the same field they have to agree, and only types that the stronger
 * source does not know at all (a C module linked elsewhere) are taken from the weaker.
 */
#include "memscan/layout.h"

#include <stdlib.h>
#include <string.h>

#include "layout/priv.h"
#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/log.h"
#include "memscan/mem.h"

const char *
layout_source_name(enum layout_source s)
{
	static const char *const names[] = {
		[LS_NONE] = "nowhere",
		[LS_DWARF] = "debug information",
		[LS_DEBUG_OFFSETS] = "_Py_DebugOffsets",
		[LS_TABLE] = "embedded table",
		[LS_FILE] = "table file",
	};
	return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

void
layout_fini(struct layout *l)
{
	free(l->rows);
	*l = (struct layout){0};
}

uint64_t
layout_bits(const struct layout *l, enum pyf id, const void *p)
{
	const struct layout_field *f = &l->f[id];
	const uint8_t *from = (const uint8_t *)p + layout_off(l, id);
	uint64_t v = 0;

	if (f->bit_width == 0)
		return layout_get(l, id, p);
	unsigned shift = f->bit_first % 8;
	if (!l->machine.big_endian && shift + f->bit_width <= 8)
		return from[f->bit_first / 8] >> shift & ((1u << f->bit_width) - 1);
	/* Bit by bit: no further byte is touched; big-endian counts from the top. */
	for (unsigned i = 0; i < f->bit_width; i++) {
		unsigned at = f->bit_first + i;
		if (l->machine.big_endian)
			v = v << 1 | (from[at / 8] >> (7 - at % 8) & 1);
		else
			v |= (uint64_t)(from[at / 8] >> (at % 8) & 1) << i;
	}
	return v;
}

/* ---- by precedence ---- */

/* The user's table outranks the embedded ones, but has to be of this very release. */
static enum status
file_load(const struct pyruntime *rt, const char *file, struct layout *ret,
	struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {0};
	CLEAN_FREE char *text = NULL;
	char why[128];
	size_t len;

	enum status st = io_slurp(file, LIM_TABLE_TEXT, &text, &len, eb);
	if (st == MS_OK)
		st = table_parse(file, text, len, LS_FILE, &l, eb);
	if (st != MS_OK)
		return st;
	if (table_mismatch(&l, rt, elf_machine(rt->module), why, sizeof(why)) != NULL)
		return errbuf_set(eb, MS_VERSION,
			"%s: this table does not describe the target: %s", file, why);
	snprintf(l.origin, sizeof(l.origin), "table %s", file);
	layout_move(ret, &l);
	return MS_OK;
}

/* The first disagreement of two sources, as an error. */
static enum status
sources_disagree(const struct layout *dwarf, const struct layout *table,
	struct errbuf *eb)
{
	CLEAN_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return errbuf_set(eb, MS_NOMEM, "out of memory");
	size_t n = layout_compare(dwarf, table, out);
	if (fclose(out) != 0)
		return errbuf_set(eb, MS_NOMEM, "out of memory");
	if (n == 0)
		return MS_OK;
	text[strcspn(text, "\n")] = '\0';
	return errbuf_set(eb, MS_FORMAT,
		"the debug information and the table disagree about %zu field%s; the "
		"first: %s",
		n, n == 1 ? "" : "s", text);
}

/* Take from the table the types that the binary does not know. */
static void
fill_unknown(struct layout *l, const struct layout *table)
{
	bool is_unknown = false, was_used = false;

	for (size_t i = 0; i < l->rows->n; i++) {
		const struct row *from = &table->rows->at[i];
		if (from->member[0] == '\0')
			is_unknown = l->rows->at[i].state != ROW_PRESENT;
		if (!is_unknown)
			continue;
		l->rows->at[i] = *from;
		was_used |= from->state == ROW_PRESENT;
	}
	if (!was_used)
		return;
	size_t n = strlen(l->origin);
	snprintf(l->origin + n, sizeof(l->origin) - n, " and %s", table->origin);
}

/* No source: say what is known, what was tried, and the one thing that helps; eb holds what the embedded tables lack. */
static enum status
refuse(const struct pyruntime *rt, struct errbuf *eb)
{
	char arch[32], near[256];
	unsigned major = rt->hexversion >> 24, minor = (rt->hexversion >> 16) & 0xff;

	/* A table of the same release that is of another build: what told them apart. */
	const char *built = strchr(eb->msg, ';');
	snprintf(near, sizeof(near), "%s", built != NULL ? built : "");
	return errbuf_set(eb, MS_VERSION,
		"CPython %s (%s, %s): no offset table covers it%s%s and its binary carries "
		"no debug information; with the debug symbols installed, make one: "
		"memscan offsets %s > cpython-%u.%u.tbl, "
		"then use --offsets cpython-%u.%u.tbl",
		rt->version, rt->flavour, arch_name(elf_machine(rt->module), arch),
		near, near[0] != '\0' ? "," : "", rt->module->path,
		major, minor, major, minor);
}

/* A table that was measured on this build has all that its debug information says, unless it was made for fewer rows. */
static bool
needs_dwarf(const struct layout *table)
{
	if (!table->is_of_build)
		return true;
	for (size_t i = 0; i < table->rows->n; i++)
		if (table->rows->at[i].state == ROW_MISSING)
			return true;
	return false;
}

/*
 * The stronger of both sources into *dwarf. A status of MS_ABSENT for one of them is no
 * failure; both absent is. Debug information that is damaged counts as absent only where
 * a table describes this very build.
 */
static enum status
sources_load(const struct pyruntime *rt, const char *file, struct layout *dwarf,
	struct layout *table, struct errbuf *eb)
{
	struct errbuf dwarf_eb = {0};

	enum status st = file != NULL ? file_load(rt, file, table, eb) :
		embedded_find(rt, elf_machine(rt->module), table, eb);
	if (st != MS_OK && st != MS_ABSENT)
		return st;
	/* A path that does not exist is no "absent source". */
	if (st == MS_ABSENT && file != NULL)
		return st;
	/* Unpacking and searching megabytes of it is most of what a small dump takes. */
	if (st == MS_OK && !needs_dwarf(table)) {
		log_at(LOG_DEBUG, "%s was measured on this build: its debug information is not read",
			table->origin);
		return MS_OK;
	}
	st = dwarf_load(rt, dwarf, &dwarf_eb);
	if (st == MS_OK)
		return MS_OK;
	if (st != MS_ABSENT && table->rows == NULL) {
		*eb = dwarf_eb;
		return st;
	}
	log_at(st == MS_ABSENT ? LOG_DEBUG : LOG_VERBOSE,
		"no debug information is used: %s", dwarf_eb.msg);
	return table->rows != NULL ? MS_OK : refuse(rt, eb);
}

enum status
layout_load(const struct pyruntime *rt, const char *file, struct layout *ret,
	struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout dwarf = {0};
	CLEAN(layout_fini) struct layout table = {0};

	enum status st = sources_load(rt, file, &dwarf, &table, eb);
	if (st != MS_OK)
		return st;
	struct layout *l = dwarf.rows != NULL ? &dwarf : &table;
	if (l == &dwarf && table.rows != NULL) {
		st = sources_disagree(&dwarf, &table, eb);
		/*
		 * Distributors patch structs without a trace in the version or the size of
		 * the runtime (Debian's 3.13 packs PyGC_Head): an embedded table may be of
		 * another build than this one, whose own word counts. A table that was asked for is an error.
		 */
		if (st != MS_OK && (st != MS_FORMAT || file != NULL))
			return st;
		if (st == MS_OK)
			fill_unknown(&dwarf, &table);
		else
			log_at(LOG_VERBOSE, "%s: the table is not used", eb->msg);
	}
	layout_identify(l, rt);
	st = layout_finish(l, eb);
	if (st != MS_OK)
		return st;
	log_at(LOG_VERBOSE, "CPython %s (%s): offsets from %s", l->version, l->flavour,
		l->origin);
	layout_move(ret, l);
	return MS_OK;
}
