/*
 * Inside the layout layer: the rows that every source fills in, and the steps between
 * a source and a finished struct layout.
 *
 * A layout is made in three steps: rows_new (every field somebody asks for, nothing
 * stated), a source states each of them (DWARF, a table), layout_finish (checks, copies
 * the fields with an id to their places, derives the strategies).
 */
#ifndef MEMSCAN_LAYOUT_PRIV_H
#define MEMSCAN_LAYOUT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "memscan/layout.h"

/* ---- rows: fields.c ---- */

enum {
	WIDTH_ANY = 0,       /* an aggregate, or a bit-field */
	WIDTH_POINTER = 255, /* as wide as the machine's pointers */
};

/* What a source said of a row. Nothing is a gap in a table, and an error. */
enum row_state { ROW_MISSING, ROW_ABSENT, ROW_PRESENT };

struct row {
	const char *type, *member; /* literals; member "" is the size of the type */
	uint8_t width;
	bool is_required;
	enum row_state state;
	struct layout_field f;
};

/* Sorted by type, then member; the size of a type stands before its members. */
struct layout_rows {
	size_t n;
	struct row at[];
};

/* One row for each field of pyfields.def, shapes.def and derive.c, and the size of each type named; free() it. */
struct layout_rows *rows_new(void);

/* The row of a field, or NULL if nobody asks for it. */
struct row *rows_find(struct layout_rows *rows, const char *type, const char *member);

/* State a row: present with these facts, or absent. */
void row_present(struct row *r, const struct layout_field *f, enum layout_source source);
void row_absent(struct row *r);

/* Copy the rows that have an id to l->f. */
void rows_publish(struct layout *l);

/* "PyDictObject.ma_keys", or "PyDictObject" for its size; into buf, returned. */
enum { ROW_NAME = 160 };
const char *row_name(char buf[ROW_NAME], const struct row *r);

/* ---- checks and strategies: check.c, derive.c ---- */

/* Choose the strategies by the presence of fields. MS_VERSION names the axis that none or two fit. */
MUST_CHECK enum status layout_derive(struct layout *l, struct errbuf *eb);

/* rows_check, rows_publish, layout_derive. */
MUST_CHECK enum status layout_finish(struct layout *l, struct errbuf *eb);

/* ---- DWARF: debuginfo.c ---- */

/* All that the binary's DWARF states, not yet finished. MS_ABSENT if that is nothing about Python. */
MUST_CHECK enum status dwarf_load(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb);

/*
 * State the rows that the module's DWARF knows. Only types of which nothing is known yet
 * are asked for, so a further module adds to the first and cannot contradict it.
 */
MUST_CHECK enum status rows_from_dwarf(struct layout_rows *rows, struct module *m, struct errbuf *eb);

/* What is known without any field: the machine and the runtime's version. */
void layout_identify(struct layout *l, const struct pyruntime *rt);

/* Hand the rows over: *l is left empty. */
static inline void
layout_move(struct layout *ret, struct layout *l)
{
	*ret = *l;
	*l = (struct layout){0};
}

/* ---- images: locate.c ---- */

/* The address space to read (NULL: the file alone) and one module of it. */
struct image {
	struct target *t;
	struct module *m;
};

/* Bytes of the module: from the process, or if it lacks them (a core) from the file. */
MUST_CHECK enum status image_read(const struct image *im, taddr addr, void *buf, size_t n);

/* Looks at a run of bytes; true ends the search. */
typedef bool image_finder(const char *p, size_t n, void *arg);

/* Show a range, or a section, to find_in, in pieces that overlap by more than any text that is looked for is long. */
bool image_scan(const struct image *im, taddr addr, uint64_t size, image_finder *find_in, void *arg);
bool image_scan_section(const struct image *im, const char *section, image_finder *find_in, void *arg);

/* ---- how it was built: build.c ---- */

/* The flavour's name; rt->debug has been read. */
const char *flavour_find(const struct image *im, const struct pyruntime *rt);

/* "GCC 12.2.0" as the interpreter has it in sys.version, "" if that is not to be found. */
void compiler_find(const struct image *im, char *buf, size_t cap);

/* "musl", or "glibc", by the loader that the program asks for; "" where none says. t may be NULL. */
void libc_find(struct target *t, struct modules *list, char *buf, size_t cap);

/* The release that an image says it is, by any of the texts that survive stripping. */
bool version_find(const struct image *im, const struct pyruntime *rt, uint32_t *hex);

/* The last part of its path. */
const char *module_name(const struct module *m);

/* Say what this is, if it has no runtime that could be found: sets MS_ABSENT or MS_VERSION. absence.c */
MUST_CHECK enum status explain_absence(struct target *t, struct modules *list, struct errbuf *eb);

/* ---- what a runtime says of itself: debugoffsets.c ---- */

/* The words of a _Py_DebugOffsets; false if these bytes are none. A pure function of them. */
bool debugoffsets_parse(const void *p, size_t len, bool swap, struct pydebug *ret);

/* What rt->addr says of itself: rt->debug, gc_first, and the size where it is not known. False if it says nothing. */
bool debugoffsets_read(const struct image *im, struct pyruntime *rt);

/* Where the runtime keeps the head of its list of interpreters, by its own word; false if it says nothing. */
bool debugoffsets_interp_head(const struct pyruntime *rt, taddr *ret);

/* Find a runtime in the image by its cookie: rt becomes it. */
bool debugoffsets_find(const struct image *im, struct pyruntime *rt);

/* Why a table cannot be of this runtime, into buf; NULL if what both state agrees. */
const char *debugoffsets_mismatch(const struct layout *table, const struct pyruntime *rt, char *buf, size_t cap);

/* Note with the rows of an embedded table that the runtime states the same. */
void debugoffsets_credit(struct layout *l, const struct pyruntime *rt);

/* ---- tables: table.c, embedded.c ---- */

struct embedded_table {
	const char *name, *text;
};

/* Made from offsets/ at build; ends with an all-zero entry. */
extern const struct embedded_table embedded_tables[];

/* layout_parse without layout_finish: syntax alone. */
MUST_CHECK enum status table_parse(const char *name, const char *text, size_t len, enum layout_source source, struct layout *ret, struct errbuf *eb);

/* What stands before its rows alone, which says what it is a table of: ret has no rows, and nothing to be freed. */
MUST_CHECK enum status table_parse_head(const char *name, const char *text, size_t len, struct layout *ret, struct errbuf *eb);

/* Why a table does not describe this runtime, into buf; NULL if it does. */
const char *table_mismatch(const struct layout *table, const struct pyruntime *rt, const struct machine *m, char *buf, size_t cap);

/*
 * The embedded table that describes this runtime exactly, not yet finished.
 *
 * MS_ABSENT  there is none
 * MS_FORMAT  two do, and disagree about a field; or one of them is malformed
 */
MUST_CHECK enum status embedded_find(const struct pyruntime *rt, const struct machine *m, struct layout *ret, struct errbuf *eb);

/* ---- names: key.c ---- */

/* "x86_64" ... and back; "em62" for machines without a name. */
const char *arch_name(const struct machine *m, char buf[32]);
bool arch_find(const char *name, struct machine *ret);
bool machine_equal(const struct machine *a, const struct machine *b);

/* ---- versions as text: pyversion.c ---- */

enum { PYVERSION_TEXT = 32 };

/* "3.11.2", "3.13.0rc1" from PY_VERSION_HEX; false if it is no such number. */
bool pyversion_text(uint32_t hex, char buf[PYVERSION_TEXT]);

/* Parse a version at the start of [p, p + len); returns the bytes it takes, a trailing + included, or 0. */
size_t pyversion_parse(const char *p, size_t len, uint32_t *hex);

/* The first "3.9.18 (main, ...) [..." in these bytes: what Py_GetVersion makes. */
bool pyversion_find_banner(const char *p, size_t len, uint32_t *hex);

/* The first NUL-terminated version of this major and minor (hex >> 16) in these bytes: PY_VERSION in .rodata. */
bool pyversion_find_literal(const char *p, size_t len, uint32_t series, uint32_t *hex);

/* legacy.c: the static variables of CPython to 3.6, found through exported names; false if the module is none such. t may be NULL. */
bool legacy_find(struct target *t, struct module *m, struct pyruntime *ret);

#endif
