/*
 * What the commands refs and referrers have in common: all but the direction.
 */
#include "refs.h"

#include "memscan/mem.h"
#include "memscan/text.h"

#include "sel.h"

enum { LIMIT = 20, TYPE_CAP = 512, NAME_CAP = 512 };

const struct cmd_opt refs_opts[] = {
	{0, "limit", "N", "print N rows, 0: all (20)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static void
put_rows(struct report *r, const struct heap *h, const struct refs_groups *g,
	enum refs_way way, uint64_t limit)
{
	const struct column columns[] = {
		{"count", "References", CELL_COUNT},
		{"percent", "%", CELL_PERCENT},
		{"kind", NULL, CELL_TEXT},
		{"name", "As", CELL_TEXT},
		{"type", way == REFS_OUT ? "To objects of type" : "By objects of type",
			CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "groups", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < g->n && k < limit; k++) {
		char type[TYPE_CAP], name[NAME_CAP];
		const struct refs_row *row = &g->rows[k];
		const struct cell cells[] = {
			{.u = row->count},
			{.d = percent_of(row->count, g->count)},
			cell_str(ref_kind_name(ref_kind(h->label[row->ref]))),
			cell_str(step_text(
				h, row->from, row->ref, row->varies, name, sizeof(name))),
			cell_str(type_text(h, row->type, type, sizeof(type))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, g->n - k);
}

static enum status
print(const struct heap *h, const struct bitset *set, const struct refs_groups *g,
	enum refs_way way, const struct cmd_args *a, struct errbuf *eb)
{
	char n[TEXT_NUM], refs[TEXT_NUM], others[TEXT_NUM], bytes[TEXT_NUM];
	uint64_t count = bitset_count(set), limit;
	enum rows_format format;

	enum status st = cmd_format(a, &format, eb);
	if (st == MS_OK)
		st = cmd_number(a, "limit", LIMIT, 0, UINT64_MAX, &limit, eb);
	if (st != MS_OK)
		return st;
	struct report *r = report_new(stdout, format);
	report_number(r, "count", count);
	report_number(r, "references", g->count);
	report_number(r, "objects", g->others.count);
	report_number(r, "size", g->others.bytes);
	if (count == 0)
		report_line(r, "No objects match.");
	else
		report_line(r, "%s object%s, %s reference%s %s %s object%s of %s bytes.",
			text_count(n, count), count == 1 ? "" : "s",
			text_count(refs, g->count), g->count == 1 ? "" : "s",
			way == REFS_OUT ? "to" : "by",
			text_count(others, g->others.count),
			g->others.count == 1 ? "" : "s",
			text_count(bytes, g->others.bytes));
	put_rows(r, h, g, way, limit == 0 ? UINT64_MAX : limit);
	return report_end(r, eb);
}

enum status
refs_run(const struct cmd_args *a, enum refs_way way, struct errbuf *eb)
{
	CLEAN(cmd_sel_fini) struct cmd_sel sel = {0};
	CLEAN(bitset_fini) struct bitset set = {0};
	CLEAN(clean_dump) struct dump *dump = NULL;
	CLEAN(refs_fini) struct refs_groups g = {0};

	enum status st = cmd_sel_parse(a, 1, &sel, eb);
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &dump, eb);
	if (st == MS_OK)
		st = cmd_sel_make(&sel, dump_heap(dump), &set, eb);
	if (st == MS_OK)
		st = refs_compute(dump_heap(dump), &set, way, &g, eb);
	return st == MS_OK ? print(dump_heap(dump), &set, &g, way, a, eb) : st;
}
