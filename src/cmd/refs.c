/*
 * What the commands refs and referrers have in common: all but the direction.
 */
#include "refs.h"

#include "memscan/mem.h"
#include "memscan/text.h"

#include "sel.h"

enum { TYPE_CAP = 512, NAME_CAP = 512 };

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
print(const struct cmd_query *q, const struct refs_groups *g, enum refs_way way,
	struct errbuf *eb)
{
	char n[TEXT_NUM], refs[TEXT_NUM], others[TEXT_NUM], bytes[TEXT_NUM];
	uint64_t count = bitset_count(&q->set);
	struct report *r = report_new(stdout, q->format);
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
	put_rows(r, q->h, g, way, q->limit);
	return report_end(r, eb);
}

enum status
refs_run(const struct cmd_args *a, enum refs_way way, struct errbuf *eb)
{
	CLEAN(cmd_query_fini) struct cmd_query q = {0};
	CLEAN(refs_fini) struct refs_groups g = {0};

	enum status st = cmd_query_open(a, CMD_LIMIT, &q, eb);
	if (st == MS_OK)
		st = refs_compute(q.h, &q.set, way, &g, eb);
	return st == MS_OK ? print(&q, &g, way, eb) : st;
}
