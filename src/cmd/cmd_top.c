/*
 * memscan top: single objects, largest first.
 */
#include <string.h>

#include "memscan/mem.h"
#include "memscan/text.h"

#include "sel.h"

enum { LIMIT = 20, TYPE_CAP = 512, VALUE_CAP = 160 };

static const struct cmd_opt opts[] = {
	{0, "by", "both|size|buffer", "what is large: object, memory beside it (both)"},
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
	{"percent", "%", CELL_PERCENT},
	{"type", "Type", CELL_TEXT},
	{"value", "Value", CELL_TEXT},
};

static void
put_object(struct rows *rows, const struct heap *h, const struct top *t, size_t k)
{
	char type[TYPE_CAP], value[VALUE_CAP];
	objid i = t->rows[k].id;
	struct heap_value v = heap_value(h, i);
	const struct heap_buffer *b = heap_buffer_of(h, i);
	bool has_any = v.kind != VK_NONE || v.len != VALUE_NO_LEN;
	bool has_buffer = b != NULL && (b->flags & BUFFER_OWNED) != 0;
	double share =
		t->bytes == 0 ? 0 : (double)t->rows[k].bytes * 100 / (double)t->bytes;
	const struct cell cells[] = {
		{.u = k},
		{.u = h->addr[i]},
		{.u = heap_size(h, i)},
		{.u = has_buffer ? b->bytes : 0, .absent = !has_buffer},
		{.d = share},
		cell_str(type_text(h, h->type[i], type, sizeof(type))),
		cell_str(has_any ? value_text(h, i, value, sizeof(value)) : NULL),
	};

	rows_put(rows, cells);
}

static enum status
print(const struct heap *h, const struct top *t, enum rows_format format,
	struct errbuf *eb)
{
	struct report *r = report_new(stdout, format);
	char objects[TEXT_NUM], bytes[TEXT_NUM];

	report_value(r, &(struct column){"count", NULL, CELL_COUNT},
		(struct cell){.u = t->count});
	report_value(r, &(struct column){"bytes", NULL, CELL_BYTES},
		(struct cell){.u = t->bytes});
	if (t->count == 0)
		report_line(r, "No objects match.");
	else
		report_line(r, "%s object%s, %s bytes.", text_count(objects, t->count),
			t->count == 1 ? "" : "s", text_count(bytes, t->bytes));
	struct rows *rows = rows_begin(r, "objects", columns, ARRAY_LEN(columns));
	for (size_t k = 0; k < t->n; k++)
		put_object(rows, h, t, k);
	rows_end(rows, t->count - t->n);
	return report_end(r, eb);
}

static enum status
run_top(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_sel_fini) struct cmd_sel sel = {0};
	CLEAN(bitset_fini) struct bitset set = {0};
	CLEAN(clean_dump) struct dump *dump = NULL;
	const char *word = cmd_value(a, "by");
	enum top_by by = TOP_BOTH;
	enum rows_format format;
	uint64_t limit;

	(void)exit_code;
	if (word != NULL && strcmp(word, "both") != 0)
		by = *word == 's' ? TOP_SIZE : TOP_BUFFER;
	enum status st = cmd_format(a, &format, eb);
	if (st == MS_OK)
		st = cmd_number(a, "limit", LIMIT, 0, UINT64_MAX, &limit, eb);
	if (st == MS_OK)
		st = cmd_sel_parse(a, 1, &sel, eb);
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &dump, eb);
	if (st == MS_OK)
		st = cmd_sel_make(&sel, dump_heap(dump), &set, eb);
	if (st != MS_OK)
		return st;
	CLEAN(top_fini) struct top t = {0};
	top_compute(dump_heap(dump), &set, by, NULL, limit == 0 ? SIZE_MAX : limit, &t);
	return print(dump_heap(dump), &t, format, eb);
}

const struct cmd cmd_top = {
	.name = "top",
	.summary = "list single objects, largest first",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_top,
};
