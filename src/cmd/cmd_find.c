/*
 * memscan find: the objects that a selection means, one a line, in the order in which
 * they were found.
 */
#include "memscan/mem.h"
#include "memscan/text.h"

#include "sel.h"

enum { TYPE_CAP = 512, VALUE_CAP = 160 };

static const struct cmd_opt opts[] = {
	{0, "limit", "N", "print N objects, 0: all (20 in text, else 0)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static const struct column columns[] = {
	{"address", "Address", CELL_ADDR},
	{"size", "Size", CELL_BYTES},
	{"refcount", NULL, CELL_COUNT},
	{"len", NULL, CELL_COUNT},
	{"flags", NULL, CELL_TEXT},
	{"type", "Type", CELL_TEXT},
	{"value", "Value", CELL_TEXT},
};

static void
put_object(struct rows *rows, const struct heap *h, objid i)
{
	char type[TYPE_CAP], value[VALUE_CAP], flags[128];
	struct heap_value v = heap_value(h, i);
	const struct cell cells[] = {
		{.u = h->addr[i]},
		{.u = heap_size(h, i)},
		{.u = heap_refcount(h, i)},
		{.u = v.len, .absent = v.len == VALUE_NO_LEN},
		cell_str(obj_flags_text(h->flags[i], ' ', flags, sizeof(flags))),
		cell_str(type_text(h, h->type[i], type, sizeof(type))),
		cell_value(h, i, value, sizeof(value)),
	};

	rows_put(rows, cells);
}

static enum status
print(const struct cmd_query *q, struct errbuf *eb)
{
	const struct heap *h = q->h;
	const struct bitset *set = &q->set;
	struct report *r = report_new(stdout, q->format);
	uint64_t count = bitset_count(set), n = 0, size = 0;
	char objects[TEXT_NUM], bytes[TEXT_NUM];

	BITSET_EACH(i, set)
	size += heap_size(h, (objid)i);
	report_number(r, "count", count);
	report_number(r, "size", size);
	if (count == 0)
		report_line(r, "No objects match.");
	else
		report_line(r, "%s object%s, %s bytes.", text_count(objects, count),
			count == 1 ? "" : "s", text_count(bytes, size));
	struct rows *rows = rows_begin(r, "objects", columns, ARRAY_LEN(columns));
	BITSET_EACH(i, set)
	{
		if (n++ == q->limit)
			break;
		put_object(rows, h, (objid)i);
	}
	rows_end(rows, count > q->limit ? count - q->limit : 0);
	return report_end(r, eb);
}

static enum status
run_find(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_query_fini) struct cmd_query q = {0};

	(void)exit_code;
	enum status st = cmd_query_open(a, 0, &q, eb);
	return st == MS_OK ? print(&q, eb) : st;
}

const struct cmd cmd_find = {
	.name = "find",
	.summary = "list the objects that a selection means",
	.page = "memscan-summary",
	.synopsis = "FILE SEL",
	.opts = opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_find,
};
