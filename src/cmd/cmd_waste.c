/*
 * memscan waste: bytes that objects take and their contents would not need.
 */
#include "memscan/mem.h"
#include "memscan/saving.h"
#include "memscan/text.h"

#include "sel.h"

enum { TYPE_CAP = 512, VALUE_CAP = 160 };

static const struct cmd_opt opts[] = {
	{0, "limit", "N", "print N rows of each table, 0: all (20)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static void
put_kinds(struct report *r, const struct heap *h, const struct kinds *owners,
	const struct waste *w, size_t limit)
{
	static const struct column columns[] = {
		{"bytes", "Wasted", CELL_BYTES},
		{"percent", "%", CELL_PERCENT},
		{"count", "Objects", CELL_COUNT},
		{"size", NULL, CELL_BYTES},
		{"largest", "Worst", CELL_BYTES},
		{"address", "At", CELL_ADDR},
		{"waste", NULL, CELL_TEXT},
		{"what", "What", CELL_TEXT},
		{"kind", "Kind", CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "kinds", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < w->n && k < limit; k++) {
		char kind[TYPE_CAP];
		const struct waste_row *row = &w->rows[k];
		const struct cell cells[] = {
			{.u = row->bytes},
			{.d = percent_of(row->bytes, w->bytes)},
			{.u = row->count},
			{.u = row->size},
			{.u = row->most},
			{.u = h->addr[row->worst]},
			cell_str(waste_kind_name(row->what)),
			cell_str(waste_kind_text(row->what)),
			cell_str(kind_text(h, owners, row->kind, kind, sizeof(kind))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, w->n - k);
}

static void
put_worst(struct report *r, const struct heap *h, const struct kinds *owners,
	const struct waste *w)
{
	static const struct column columns[] = {
		{"bytes", "Wasted", CELL_BYTES},
		{"size", "Of size", CELL_BYTES},
		{"address", "Address", CELL_ADDR},
		{"waste", NULL, CELL_TEXT},
		{"what", "What", CELL_TEXT},
		{"kind", "Kind", CELL_TEXT},
		{"value", "Value", CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "places", columns, ARRAY_LEN(columns));

	for (size_t k = 0; k < w->n_worst; k++) {
		char kind[TYPE_CAP], value[VALUE_CAP];
		const struct waste_one *o = &w->worst[k];
		const struct cell cells[] = {
			{.u = o->bytes},
			{.u = heap_size(h, o->id)},
			{.u = h->addr[o->id]},
			cell_str(waste_kind_name(o->what)),
			cell_str(waste_kind_text(o->what)),
			cell_str(kind_text(
				h, owners, owners->of[o->id], kind, sizeof(kind))),
			cell_str(value_text(h, o->id, value, sizeof(value))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, w->count - w->n_worst);
}

static void
put_totals(struct report *r, const struct waste *w, uint64_t n)
{
	char count[TEXT_NUM], bytes[TEXT_NUM];

	report_number(r, "objects", n);
	report_number(r, "count", w->count);
	report_number(r, "bytes", w->bytes);
	if (n == 0)
		report_line(r, "No objects match.");
	else if (w->count == 0)
		report_line(r, "Nothing is wasted.");
	else
		report_line(r, "%s place%s where %s bytes are not needed.",
			text_count(count, w->count), w->count == 1 ? "" : "s",
			text_count(bytes, w->bytes));
}

static enum status
run_waste(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_query_fini) struct cmd_query q = {0};
	CLEAN(kinds_fini) struct kinds owners = {0};
	CLEAN(waste_fini) struct waste w = {0};

	(void)exit_code;
	enum status st = cmd_query_open(a, CMD_LIMIT, &q, eb);
	if (st == MS_OK)
		st = kinds_make(q.h, KINDS_OWNER, NULL, &owners, eb);
	if (st != MS_OK)
		return st;
	waste_compute(q.h, &q.set, &owners, q.limit, &w);
	struct report *r = report_new(stdout, q.format);
	put_totals(r, &w, bitset_count(&q.set));
	if (w.count > 0 || q.format != ROWS_TEXT) {
		put_kinds(r, q.h, &owners, &w, q.limit);
		report_gap(r);
		put_worst(r, q.h, &owners, &w);
	}
	return report_end(r, eb);
}

const struct cmd cmd_waste = {
	.name = "waste",
	.summary = "say which bytes of objects their contents do not need",
	.page = "memscan-summary",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_waste,
};
