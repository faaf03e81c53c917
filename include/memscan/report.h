/*
 * One way to print. A command declares columns, puts rows, ends; the backend renders
 * text, TSV, CSV or JSON. Everything that came from a target is escaped here.
 */
#ifndef MEMSCAN_REPORT_H
#define MEMSCAN_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "memscan/analysis.h"
#include "memscan/heap.h"
#include "memscan/retained.h"

enum rows_format { ROWS_TEXT, ROWS_TSV, ROWS_CSV, ROWS_JSON };

/* What a cell holds: how it is aligned and written in text. Machine formats are exact. */
enum cell_type {
	CELL_TEXT,    /* foreign or own text: left; escaped */
	CELL_COUNT,   /* right; thousands separated in text */
	CELL_BYTES,   /* right; 1.5M in text, exact elsewhere */
	CELL_PERCENT, /* right; one decimal */
	CELL_ADDR,    /* 0x7f..; a string in JSON, too */
	CELL_BOOL,    /* yes or no in text, true or false elsewhere */
	CELL_ID,      /* right; a plain number everywhere: a pid */
	CELL_NANOS,   /* right; 28.3 ms in text, nanoseconds elsewhere */
	CELL_TIME,    /* seconds since 1970; 2026-01-31 12:00:00 UTC in text */
	CELL_COUNT_CHANGE, /* right; +1,024 or -17 in text; u is an int64_t made unsigned */
	CELL_BYTES_CHANGE, /* right; +1.5M in text */
};

struct column {
	const char *key;   /* machine name: JSON key, TSV header */
	const char *title; /* text header; NULL leaves the column out of text output */
	enum cell_type type;
};

/*
 * One value: `d` for CELL_PERCENT, `s` and `len` for CELL_TEXT (NULL: absent), else `u`.
 * Absent is null in JSON, empty elsewhere.
 */
struct cell {
	uint64_t u;
	double d;
	const char *s;
	size_t len;
	bool absent;
};

/* A CELL_TEXT of a NUL-terminated string, or of NULL. */
struct cell cell_str(const char *s);

/* What a CELL_PERCENT holds, of two counts or sizes; 0 of nothing. */
double percent_of(uint64_t part, uint64_t whole);

struct rows;

/*
 * A document on `out` (borrowed): values, lines and tables, one after the other. In JSON
 * it is one object, a table an array named `name` in it. Text tables are held until their
 * end, for the widths; on a terminal columns of text are cut, the widest first, so that a
 * row fits.
 */
struct report;
struct report *report_new(FILE *out, enum rows_format format);

/* A value beside the tables. JSON: a member; text: "title: value"; TSV, CSV: left out. */
void report_value(struct report *r, const struct column *c, struct cell value);

/* The same of a number that is for machines alone: JSON has it. */
void report_number(struct report *r, const char *key, uint64_t n);

/* A line between tables, for people: text alone has it. */
void report_line(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Text: an empty line before what is printed next, if anything is. */
void report_gap(struct report *r);

/* A table; the columns are borrowed until its end. */
struct rows *rows_begin(
	struct report *r, const char *name, const struct column *columns, size_t n);
void rows_put(struct rows *rows, const struct cell *cells);

/*
 * The rows that follow, up to the next call, belong together. JSON: the table is an array
 * of arrays of rows, if this is called before the first row; other formats: nothing.
 */
void rows_group(struct rows *rows);

/*
 * End a table; frees rows. `more` rows were left out: text says "... and N more NAME",
 * JSON has a member NAME_more.
 */
void rows_end(struct rows *rows, uint64_t more);

/*
 * Finish, flush and check the output; frees r.
 * MS_IO   something could not be written; a pipe closed by its reader is no error
 */
MUST_CHECK enum status report_end(struct report *r, struct errbuf *eb);

/* The same after what ended with `st`: if that failed, it is the error, with its text. */
MUST_CHECK enum status report_end_after(
	struct report *r, enum status st, struct errbuf *eb);

/*
 * ---- names of references and kinds, as Python people read them ----
 *
 * All write a terminated text into buf and return it; what does not fit is cut ("...").
 * Control characters and invalid bytes of the target are escaped.
 */

/* Reference number r of object i: ".name", "['key']", "[3]", "local x", "+0x28". */
char *label_text(const struct heap *h, objid i, uint64_t r, char *buf, size_t cap);

/* The bare name for machine formats: "name", "'key'", "3"; "" if it has none. */
char *label_name(const struct heap *h, objid i, uint64_t r, char *buf, size_t cap);

/* Why a root holds its object: "module sys.modules['x']", "local x of f in thread 12". */
char *root_text(const struct heap *h, uint32_t root, char *buf, size_t cap);

/* "dict", "myapp.models.User" (builtins without the module). */
char *type_text(const struct heap *h, uint32_t type, char *buf, size_t cap);

/*
 * ---- ways from the roots, as Python writes them ----
 *
 * "myapp.cache._store['user:17'].orders[3]"; `thread "worker-3", f at file.py:12, local x`.
 */
/* What an entry of the graph is: a root's kind, or static, immortal, interned, unknown. */
const char *entry_kind(const struct graph *g, uint32_t entry);

/* The bare name of an entry, for machine formats; "" if it has none. */
char *entry_name(const struct graph *g, uint32_t entry, char *buf, size_t cap);

/* A whole way; many equal steps one after the other are counted. */
char *path_text(const struct graph *g, const struct path *p, char *buf, size_t cap);

/* The way to an object in a tree of g; NULL if there is none. */
char *way_text(const struct graph *g, const struct graph_tree *t, objid i, char *buf,
	size_t cap);

/* A way from an object back to it: "x.next[0] is x". */
char *cycle_text(const struct graph *g, const struct path *p, char *buf, size_t cap);

/* One step, as it is written in a way; if it varies, "[*]" and the like. */
char *step_text(const struct heap *h, objid from, uint64_t ref, bool varies, char *buf,
	size_t cap);

/* The merged way that a node stands for: what varies is "*". */
char *merged_text(const struct graph *g, const struct merged *m, uint32_t node, char *buf,
	size_t cap);

/*
 * A value preview in one line: 'text', b'..', 17; 'te...' len 42 if it is cut; len 3 for
 * a list. "" if there is none.
 */
char *value_text(const struct heap *h, objid i, char *buf, size_t cap);

/* That as a CELL_TEXT, absent if the dump has no value of the object. */
struct cell cell_value(const struct heap *h, objid i, char *buf, size_t cap);

/*
 * A kind of objects: "dict of myapp.User", a module, 1,024; of sets "list, dict of User",
 * ".name, ['key'], [*]", "{id, name}".
 */
char *kind_text(const struct heap *h, const struct kinds *k, uint32_t kind, char *buf,
	size_t cap);

/*
 * The course of n numbers in n characters from the smallest to the largest: blocks of
 * eighths, or ASCII. UINT64_MAX: there is none, a blank.
 */
char *spark_text(const uint64_t *values, size_t n, bool is_utf8, char *buf, size_t cap);

/* ---- graphs ---- */

/*
 * An object with what refers to it and what it refers to, for Graphviz.
 * MS_IO   it could not be written
 */
MUST_CHECK enum status dot_put(const struct heap *h, objid center, const struct near *in,
	const struct near *out, FILE *f, struct errbuf *eb);

/* ---- whole-heap exports ---- */

/*
 * meliae's format: one JSON object a line; see memscan-info(1), EXPORT. Needs all columns;
 * writes the objects in `of` (NULL: all) with all their references.
 * MS_IO, MS_FORMAT
 */
MUST_CHECK enum status export_meliae(const struct heap *h, const struct bitset *of,
	FILE *out, struct errbuf *eb);

/* Everything in the dump, but of objects those in `of` alone. As export_meliae. */
MUST_CHECK enum status export_jsonl(const struct heap *h, const struct bitset *of,
	FILE *out, struct errbuf *eb);

#endif
