/*
 * memscan leaks: what is probably leaked, each with the way that holds it and what it
 * means; or the audit of reference counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/graph.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/text.h"

#include "memscan/analysis.h"
#include "memscan/leaks.h"
#include "memscan/retained.h"

#include "holding.h"
#include "sel.h"

enum { SHARE = 10, TYPE_CAP = 512, PATH_CAP = 8192, VALUE_CAP = 160 };
enum { WHAT_CAP = 4 * TYPE_CAP };

static const struct cmd_opt opts[] = {
	{0, "refcounts", NULL, "compare stored reference counts with references found"},
	{0, "min", "PERCENT", "suspect what keeps this share of the heap (10)"},
	{0, "limit", "N", "print N rows, 0: all (20)"},
	{0, "no-guess", NULL, "guessed references keep nothing alive"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

struct question {
	struct cmd_query in;
	uint64_t share;
	struct graph g;
	struct refcounts counts;
	struct dominators d;
	struct domtree tree;
	uint64_t *retained;
	struct graph_tree way;
	struct leaks leaks;
};

static void
question_fini(struct question *q)
{
	graph_fini(&q->g);
	refcounts_fini(&q->counts);
	dominators_fini(&q->d);
	domtree_fini(&q->tree);
	free(q->retained);
	graph_tree_fini(&q->way);
	leaks_fini(&q->leaks);
	cmd_query_fini(&q->in);
}

/* ---- suspects ---- */

static enum status
find(struct question *q, struct errbuf *eb)
{
	const struct heap *h = q->in.h;

	enum status st = domtree_build(h, &q->d, q->retained, &q->tree, eb);
	if (st != MS_OK)
		return st;
	uint64_t total = objects_amount(h, NULL).bytes;
	const struct leaks_in in = {
		.g = &q->g,
		.d = &q->d,
		.tree = &q->tree,
		.retained = q->retained,
		.counts = &q->counts,
		.of = q->in.of,
		.min = (uint64_t)((double)total * (double)q->share / 100) + 1,
	};
	return leaks_compute(&in, &q->leaks, eb);
}

/* The most frequent pattern of the ways to all objects of a type. */
static enum status
way_of_type(
	const struct question *q, uint32_t type, char *buf, size_t cap, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	CLEAN(merged_fini) struct merged m = {0};
	const struct heap *h = q->in.h;

	enum status st = bitset_init(&set, h->nobj, eb);
	if (st != MS_OK)
		return st;
	for (objid i = 0; i < h->nobj; i++)
		if (h->type[i] == type && bitset_has(&q->in.set, i))
			bitset_add(&set, i);
	st = paths_merge(&q->g, &q->way, &set, &m, eb);
	if (st == MS_OK && m.n > 0)
		merged_text(&q->g, &m, m.rows[0].node, buf, cap);
	return st;
}

/* The way to the suspect; of garbage, the way round; empty if nothing known holds it. */
static enum status
way_of(const struct question *q, const struct leak *l, char *buf, size_t cap,
	struct errbuf *eb)
{
	struct path p = {0};

	buf[0] = '\0';
	if (l->kind == LEAK_TYPE)
		return way_of_type(q, l->type, buf, cap, eb);
	if (l->kind == LEAK_CYCLE || l->kind == LEAK_CYCLE_DEL) {
		if (cycle_through(&q->g, l->object, &p))
			cycle_text(&q->g, &p, buf, cap);
	} else if (path_of(&q->g, &q->way, l->object, &p) && p.entry < q->g.n_held) {
		path_text(&q->g, &p, buf, cap);
	}
	path_fini(&p);
	return MS_OK;
}

static const struct column suspect_columns[] = {
	{"kind", "Kind", CELL_TEXT},
	{"retained", "Retained", CELL_BYTES},
	{"percent", "%", CELL_PERCENT},
	{"count", "Count", CELL_COUNT},
	{"type", "Type", CELL_TEXT},
	{"address", "Address", CELL_ADDR},
	{"object_type", "Type", CELL_TEXT},
	{"path", "Held as", CELL_TEXT},
	{"meaning", "Meaning", CELL_TEXT},
	{"retained_count", "Objects", CELL_COUNT},
	{"of_type", "Of type", CELL_COUNT},
	{"value", "Value", CELL_TEXT},
	{"small", "Small", CELL_BOOL},
};

/* The value of an object; of a frame, the function that it is of. */
static char *
suspect_value(const struct heap *h, objid i, char *buf, size_t cap)
{
	char type[TYPE_CAP];

	if (strcmp(type_text(h, h->type[i], type, sizeof(type)), "frame") != 0)
		return value_text(h, i, buf, cap);
	for (uint64_t r = h->first[i]; r < h->first[(size_t)i + 1]; r++)
		if (strcmp(type_text(h, h->type[h->to[r]], type, sizeof(type)), "code") ==
			0)
			return value_text(h, h->to[r], buf, cap);
	buf[0] = '\0';
	return buf;
}

/* What is suspected: the object, or how many of what, and one of them. */
static void
what_text(const struct question *q, const struct leak *l, char buf[WHAT_CAP])
{
	char count[TEXT_NUM], some[TEXT_NUM], type[TYPE_CAP], one[2 * TYPE_CAP];
	char value[VALUE_CAP];
	const struct heap *h = q->in.h;
	bool is_cycle = l->kind == LEAK_CYCLE || l->kind == LEAK_CYCLE_DEL;

	text_count(count, l->count);
	text_count(some, l->of_type);
	type_text(h, l->type, type, sizeof(type));
	type_text(h, h->type[l->object], one, sizeof(one));
	suspect_value(h, l->object, value, sizeof(value));
	size_t n = strlen(one);
	snprintf(one + n, sizeof(one) - n, " at 0x%llx%s%s",
		(unsigned long long)h->addr[l->object], value[0] != '\0' ? ", " : "",
		value);
	if (l->kind == LEAK_CONTAINER)
		snprintf(buf, WHAT_CAP, "%s; right below it %s of %s", one, count, type);
	else if (is_cycle && l->count == 1)
		snprintf(buf, WHAT_CAP, "a cycle through x, %s", one);
	else if (is_cycle)
		snprintf(buf, WHAT_CAP, "%s cycles, one of them through x, %s", count,
			one);
	else if (l->count == 1)
		snprintf(buf, WHAT_CAP, "%s", one);
	else if (l->of_type == l->count)
		snprintf(buf, WHAT_CAP, "%s objects of type %s: one is %s", count, type,
			one);
	else
		snprintf(buf, WHAT_CAP, "%s objects, %s of them of type %s: one is %s",
			count, some, type, one);
}

/* In text a suspect is a paragraph, a small one a line or two. */
static void
put_lines(struct report *r, const struct question *q, size_t k, const char *way)
{
	const struct leak *l = &q->leaks.at[k];
	char size[TEXT_NUM], bytes[TEXT_NUM], objects[TEXT_NUM], what[WHAT_CAP];
	bool is_cycle = l->kind == LEAK_CYCLE || l->kind == LEAK_CYCLE_DEL;
	bool is_first = k == 0 || !q->leaks.at[k - 1].is_small;

	text_size(size, l->kept.bytes);
	what_text(q, l, what);
	if (l->is_small && is_first) {
		report_gap(r);
		report_line(r,
			"Of no weight, as any program has it (less than %s bytes, fewer "
			"than %s objects):",
			text_count(bytes, LEAK_SMALL_BYTES),
			text_count(objects, LEAK_SMALL_OBJECTS));
	}
	if (!l->is_small)
		report_gap(r);
	report_line(r, "%zu. %s: %s retained, %.1f%%", k + 1, leak_kind_name(l->kind),
		size, percent_of(l->kept.bytes, q->leaks.total));
	report_line(r, "   %s", what);
	if (way[0] != '\0')
		report_line(r, "   %s%s", is_cycle ? "" : "held as ", way);
	if (!l->is_small)
		report_line(r, "   %s", leak_kind_text(l->kind, l->count == 1));
}

static void
put_row(struct rows *rows, const struct question *q, const struct leak *l,
	const char *way)
{
	char type[TYPE_CAP], object[TYPE_CAP], value[VALUE_CAP];
	const struct heap *h = q->in.h;

	suspect_value(h, l->object, value, sizeof(value));
	const struct cell cells[] = {
		cell_str(leak_kind_name(l->kind)),
		{.u = l->kept.bytes},
		{.d = percent_of(l->kept.bytes, q->leaks.total)},
		{.u = l->count},
		cell_str(type_text(h, l->type, type, sizeof(type))),
		{.u = h->addr[l->object]},
		cell_str(type_text(h, h->type[l->object], object, sizeof(object))),
		cell_str(way[0] != '\0' ? way : NULL),
		cell_str(leak_kind_text(l->kind, l->count == 1)),
		{.u = l->kept.count},
		{.u = l->of_type},
		cell_str(value[0] != '\0' ? value : NULL),
		{.u = l->is_small},
	};
	rows_put(rows, cells);
}

static enum status
put_suspects(struct report *r, const struct question *q, struct errbuf *eb)
{
	CLEAN_FREE char *way = xmalloc(PATH_CAP);
	struct rows *rows = NULL;
	size_t k = 0;
	enum status st = MS_OK;

	report_number(r, "objects", q->in.h->nobj);
	report_number(r, "bytes", q->leaks.total);
	if (q->leaks.n == 0 || q->leaks.at[0].is_small)
		report_line(r, "No suspects.");
	if (q->in.format != ROWS_TEXT)
		rows = rows_begin(
			r, "suspects", suspect_columns, ARRAY_LEN(suspect_columns));
	for (; k < q->leaks.n && k < q->in.limit && st == MS_OK; k++) {
		const struct leak *l = &q->leaks.at[k];
		st = way_of(q, l, way, PATH_CAP, eb);
		if (st == MS_OK && rows == NULL)
			put_lines(r, q, k, way);
		else if (st == MS_OK)
			put_row(rows, q, l, way);
	}
	if (rows != NULL)
		rows_end(rows, q->leaks.n - k);
	else if (q->leaks.n > k)
		report_line(r, "... and %zu more suspects", q->leaks.n - k);
	return st;
}

/* ---- reference counts ---- */

static const struct column type_columns[] = {
	{"refs", "References", CELL_COUNT},
	{"objects", "Objects", CELL_COUNT},
	{"count", "Of", CELL_COUNT},
	{"type", "Type", CELL_TEXT},
	{"address", "Most in", CELL_ADDR},
	{"stored", "Stored", CELL_COUNT},
	{"difference", "Not found", CELL_COUNT},
	{"value", "Value", CELL_TEXT},
};

static const struct column missing_columns[] = {
	{"refs", "References", CELL_COUNT},
	{"objects", "Objects", CELL_COUNT},
	{"count", "Of", CELL_COUNT},
	{"type", "Type", CELL_TEXT},
	{"address", "Most in", CELL_ADDR},
	{"stored", "Stored", CELL_COUNT},
	{"difference", "Too few", CELL_COUNT},
	{"value", "Value", CELL_TEXT},
};

static void
put_type_rows(struct report *r, const struct question *q, const struct refcounts_row *at,
	size_t n, bool is_over)
{
	char type[TYPE_CAP], value[VALUE_CAP];
	const struct heap *h = q->in.h;
	struct rows *rows = rows_begin(r, is_over ? "unexplained" : "missing",
		is_over ? type_columns : missing_columns, ARRAY_LEN(type_columns));
	size_t k = 0;

	for (; k < n && k < q->in.limit; k++) {
		type_text(h, at[k].type, type, sizeof(type));
		for (size_t e = 0; e < ARRAY_LEN(at[k].example); e++) {
			objid i = at[k].example[e];
			/* People see the first. */
			if (i == OBJID_NONE || (e > 0 && q->in.format == ROWS_TEXT))
				break;
			int64_t left = q->counts.left[i];
			value_text(h, i, value, sizeof(value));
			const struct cell cells[] = {
				{.u = at[k].refs},
				{.u = at[k].objects},
				{.u = at[k].count},
				cell_str(type),
				{.u = h->addr[i]},
				{.u = heap_refcount(h, i)},
				{.u = left < 0 ? (uint64_t)-left : (uint64_t)left},
				cell_str(value[0] != '\0' ? value : NULL),
			};
			rows_put(rows, cells);
		}
	}
	rows_end(rows, n - k);
}

static void
put_refcounts(struct report *r, const struct question *q)
{
	const struct refcounts *c = &q->counts;
	char a[TEXT_NUM], b[TEXT_NUM], d[TEXT_NUM];

	report_number(r, "objects", q->in.h->nobj);
	report_number(r, "audited", c->audited);
	report_number(r, "never_freed", c->never_freed);
	report_number(r, "uncounted", c->uncounted);
	report_number(r, "exact", c->exact);
	report_number(r, "found", c->found);
	report_number(r, "by_native", c->by_native);
	report_number(r, "unexplained_objects", c->over_objects);
	report_number(r, "unexplained_refs", c->over_refs);
	report_number(r, "missing_objects", c->under_objects);
	report_number(r, "missing_refs", c->under_refs);
	report_line(r,
		"%s objects audited; the counts of %s are those of the references found.",
		text_count(a, c->audited), text_count(b, c->exact));
	report_line(r,
		"%s references are words in the data of libraries, on C stacks and the "
		"like.",
		text_count(a, c->by_native));
	report_line(r,
		"%s reference%s to %s object%s not found: native code holds them, or "
		"leaked them.",
		text_count(a, c->over_refs), c->over_refs == 1 ? "" : "s",
		text_count(b, c->over_objects),
		c->over_objects == 1 ? (c->over_refs == 1 ? " was" : " were") : "s were");
	report_gap(r);
	put_type_rows(r, q, c->over, c->n_over, true);
	if (c->n_under == 0 && q->in.format == ROWS_TEXT)
		return;
	report_gap(r);
	report_line(r, "%s objects have %s references more than their counts say.",
		text_count(a, c->under_objects), text_count(d, c->under_refs));
	put_type_rows(r, q, c->under, c->n_under, false);
}

/* ---- the command ---- */

static enum status
print(struct question *q, bool wants_counts, struct errbuf *eb)
{
	struct report *r = report_new(stdout, q->in.format);
	enum status st = MS_OK;

	if (wants_counts)
		put_refcounts(r, q);
	else
		st = put_suspects(r, q, eb);
	return report_end_after(r, st, eb);
}

/* The audit of reference counts is a part of the suspects, and an answer of its own. */
static enum status
compute(struct question *q, unsigned flags, bool is_audit, struct errbuf *eb)
{
	const struct holding graph = {.g = &q->g},
			     all = {.g = &q->g,
				     .d = &q->d,
				     .retained = &q->retained,
				     .way = &q->way};

	progress_begin(100);
	progress_step("what holds what", is_audit ? 30 : 70);
	enum status st = holding_compute(q->in.h, is_audit ? NULL : q->in.sel.cache,
		flags, is_audit ? &graph : &all, eb);
	progress_step("reference counts", is_audit ? 70 : 15);
	if (st == MS_OK)
		st = refcounts_compute(&q->g, q->in.of, &q->counts, eb);
	progress_step("suspects", 15);
	if (st == MS_OK && !is_audit)
		st = find(q, eb);
	progress_end();
	return st;
}

static enum status
run_leaks(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(question_fini) struct question q = {0};

	(void)exit_code;
	enum status st = cmd_number(a, "min", SHARE, 0, 100, &q.share, eb);
	if (st == MS_OK)
		st = cmd_query_open(a, CMD_LIMIT, &q.in, eb);
	if (st == MS_OK)
		st = compute(&q, cmd_has(a, "no-guess") ? GRAPH_NO_GUESS : 0,
			cmd_has(a, "refcounts"), eb);
	return st == MS_OK ? print(&q, cmd_has(a, "refcounts"), eb) : st;
}

const struct cmd cmd_leaks = {
	.name = "leaks",
	.summary = "name what is probably leaked; audit reference counts",
	.page = "memscan-path",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_leaks,
};
