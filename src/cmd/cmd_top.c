/*
 * memscan top: single objects, largest first.
 */
#include <string.h>

#include "memscan/mem.h"
#include "memscan/text.h"

#include "sel.h"

enum { TYPE_CAP = 512, VALUE_CAP = 160 };

static const struct cmd_opt opts[] = {
	{0, "by", "both|size|buffer|retained", "what is large (both: object and buffer)"},
	{0, "limit", "N", "print N objects, 0: all (20)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static const struct column columns[] = {
	{"index", "Index", CELL_ID},
	{"address", "Address", CELL_ADDR},
	{"size", "Size", CELL_BYTES},
	{"buffer", "Buffer", CELL_BYTES},
	{"retained", "Retained", CELL_BYTES},
	{"percent", "%", CELL_PERCENT},
	{"type", "Type", CELL_TEXT},
	{"value", "Value", CELL_TEXT},
};

enum { COL_RETAINED = 4 };

/* What is printed. */
struct shown {
	const struct heap *h;
	enum top_by by;
	struct top t;
	uint64_t whole; /* bytes that percentages are of */
};

static void
put_object(struct rows *rows, const struct shown *w, size_t k)
{
	char type[TYPE_CAP], value[VALUE_CAP];
	const struct heap *h = w->h;
	const struct top_row *row = &w->t.rows[k];
	objid i = row->id;
	const struct heap_buffer *b = heap_buffer_of(h, i);
	bool has_buffer = b != NULL && (b->flags & BUFFER_OWNED) != 0;
	const struct cell cells[] = {
		{.u = k},
		{.u = h->addr[i]},
		{.u = heap_size(h, i)},
		{.u = has_buffer ? b->bytes : 0, .absent = !has_buffer},
		{.u = row->bytes, .absent = w->by != TOP_RETAINED},
		{.d = percent_of(row->bytes, w->whole)},
		cell_str(type_text(h, h->type[i], type, sizeof(type))),
		cell_value(h, i, value, sizeof(value)),
	};

	rows_put(rows, cells);
}

static enum status
print(const struct shown *w, enum rows_format format, struct errbuf *eb)
{
	struct report *r = report_new(stdout, format);
	struct column shown[ARRAY_LEN(columns)];
	char objects[TEXT_NUM], bytes[TEXT_NUM];
	const struct top *t = &w->t;

	memcpy(shown, columns, sizeof(shown));
	if (w->by != TOP_RETAINED)
		shown[COL_RETAINED].title = NULL;
	report_number(r, "count", t->count);
	report_number(r, "bytes", w->whole);
	if (t->count == 0)
		report_line(r, "No objects match.");
	else
		report_line(r, "%s object%s%s%s bytes.", text_count(objects, t->count),
			t->count == 1 ? "" : "s",
			w->by == TOP_RETAINED ? "; all in the dump: " : ", ",
			text_count(bytes, w->whole));
	struct rows *rows = rows_begin(r, "objects", shown, ARRAY_LEN(shown));
	for (size_t k = 0; k < t->n; k++)
		put_object(rows, w, k);
	rows_end(rows, t->count - t->n);
	return report_end(r, eb);
}

/* A word of --by. */
static enum top_by
top_by(const char *word)
{
	static const char *const words[] = {
		[TOP_SIZE] = "size",
		[TOP_BUFFER] = "buffer",
		[TOP_BOTH] = "both",
		[TOP_RETAINED] = "retained",
	};

	for (unsigned by = 0; word != NULL && by < ARRAY_LEN(words); by++)
		if (strcmp(word, words[by]) == 0)
			return (enum top_by)by;
	return TOP_BOTH;
}

static enum status
run_top(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_query_fini) struct cmd_query q = {0};
	struct shown w = {.by = top_by(cmd_value(a, "by"))};
	const uint64_t *retained = NULL;

	(void)exit_code;
	enum status st = cmd_query_open(a, CMD_LIMIT, &q, eb);
	if (st == MS_OK && w.by == TOP_RETAINED)
		st = cmd_sel_retained(&q.sel, &retained, eb);
	if (st != MS_OK)
		return st;
	w.h = q.h;
	top_compute(w.h, &q.set, w.by, retained, q.limit, &w.t);
	/* What objects retain overlaps: shares are those of the whole heap. */
	w.whole = w.by == TOP_RETAINED ? objects_amount(w.h, NULL).bytes : w.t.bytes;
	st = print(&w, q.format, eb);
	top_fini(&w.t);
	return st;
}

const struct cmd cmd_top = {
	.name = "top",
	.summary = "list single objects, largest first",
	.page = "memscan-summary",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_top,
};
