/*
 * Shared inside the report layer: one growing output buffer, and UTF-8 told apart by
 * character. Everything the layer prints is put together in a struct out.
 */
#ifndef MEMSCAN_REPORT_PRIV_H
#define MEMSCAN_REPORT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "memscan/report.h"
#include "memscan/vec.h"

/*
 * Bytes on their way out. With a file, the buffer is passed on whenever it is full;
 * without one it grows and the caller reads b.at[0 .. b.n - 1]. All-zero is an empty
 * buffer with no file. Write errors stay in the FILE until out_finish looks.
 */
struct out {
	FILE *f;
	VEC(char) b;
};

enum { OUT_FULL = 256 * 1024 };

void out_fini(struct out *o);
void out_flush(struct out *o);

/* Flush all and say whether it arrived. A pipe closed by its reader is no error. */
MUST_CHECK enum status out_finish(struct out *o, struct errbuf *eb);

static inline void
out_room(struct out *o, size_t n)
{
	if (o->f != NULL && o->b.n + n > OUT_FULL)
		out_flush(o);
	vec_reserve(&o->b, o->b.n + n);
}

static inline void
out_bytes(struct out *o, const char *p, size_t n)
{
	out_room(o, n);
	if (n > 0)
		memcpy(o->b.at + o->b.n, p, n);
	o->b.n += n;
}

static inline void
out_char(struct out *o, char c)
{
	out_room(o, 1);
	o->b.at[o->b.n++] = c;
}

static inline void
out_str(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

void out_pad(struct out *o, size_t n);
void out_u64(struct out *o, uint64_t v);
void out_hex(struct out *o, uint64_t v); /* with 0x */
void out_printf(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What was put together into the caller's buffer, cut at a whole character. */
char *out_copy(const struct out *o, char *buf, size_t cap);

/*
 * A JSON string literal, quotes included. A lone surrogate in the bytes (ED A0..BF xx)
 * becomes its escape, another invalid byte \udcXX: Python gets the text back by
 * surrogateescape.
 */
void out_json(struct out *o, const char *p, size_t len);

/* Bytes as a JSON string literal with one character (U+0000 to U+00FF) a byte. */
void out_json_bytes(struct out *o, const char *p, size_t len);

/* True if text is a number as JSON writes them, whole. */
bool json_is_number(const char *p, size_t len);

/*
 * Copy foreign text; what a terminal would obey (controls, direction marks) and invalid
 * bytes become \n, \xNN or \uNNNN. Backslashes stay: applying it twice changes nothing.
 */
void out_safe(struct out *o, const char *p, size_t len);

/* The character at p (p < end) and its length in bytes; else UTF8_BAD and 1. */
#define UTF8_BAD UINT32_MAX
uint32_t utf8_next(const char *p, const char *end, size_t *used);

/* The lone surrogate that three bytes ED A0..BF 80..BF at p stand for, or 0. */
unsigned surrogate_at(const char *p, const char *end);

/* True for what must not reach a terminal as it is. */
bool utf8_is_unsafe(uint32_t c);

/* Terminal columns of [p, p + len), which is valid UTF-8. */
size_t utf8_width(const char *p, size_t len);

/* The longest start of [p, p + len) that is at most `columns` wide, in bytes. */
size_t utf8_fit(const char *p, size_t len, size_t columns);

/* ---- cell.c: one cell, for rows.c ---- */

/* As people read it. */
void cell_put_text(struct out *o, const struct column *c, const struct cell *v);

void cell_put_json(struct out *o, const struct column *c, const struct cell *v);

/* A field of CSV (RFC 4180) or TSV. A row is one line, so newlines are escaped. */
void cell_put_field(struct out *o, enum rows_format format, const struct column *c,
	const struct cell *v);

/* ---- label.c, for the exports ---- */

/* As repr() of a str or bytes; at most max bytes are shown. Returns whether all were. */
bool repr_put(struct out *o, const char *p, size_t len, size_t max, bool is_bytes);

/* Put the label of a reference; `bare` as label_name does. */
void label_put(struct out *o, const struct heap *h, objid i, uint64_t r, bool bare);

/* "module.name" without "builtins.", unescaped. */
void type_put(struct out *o, const struct heap *h, uint32_t type);

#endif
