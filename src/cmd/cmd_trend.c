/*
 * memscan trend: what only ever grew, over three dumps or more: kinds, and single
 * containers of one process.
 */
#include <stdlib.h>
#include <string.h>

#include "memscan/change.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"

#include "diff.h"
#include "holding.h"

enum { FILES_MIN = 3, KIND_CAP = 512, WAY_CAP = 4096, SPARK_CAP = 256 };
enum { SPARK_MAX = 40 /* points, the last ones */ };

static const struct cmd_opt opts[] = {
	{0, "by", "type|owner|module", "what makes a kind (owner)"},
	{0, "limit", "N", "print N rows of each table, 0: all (20)"},
	{0, "select", "SEL", "only these objects, of each dump"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

struct file {
	const char *path;
	struct dump *dump;
	uint64_t created;
	size_t number; /* on the command line */
	struct cmd_sel sel;
	struct bitset set; /* if it is partial */
	bool has_set;
};

struct answer {
	struct file *files; /* in order of time */
	const struct heap **h;
	struct kinds *kinds;
	size_t n;
	bool is_same;   /* all of one process */
	const char *cache; /* for holding_compute */
	struct graph g; /* of the last one */
	struct graph_tree tree;
	struct trend trend;
	uint64_t limit;
	enum rows_format format;
	bool is_utf8;
};

static void
answer_fini(struct answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		bitset_fini(&a->files[i].set);
		cmd_sel_fini(&a->files[i].sel);
		dump_close(a->files[i].dump);
		kinds_fini(&a->kinds[i]);
	}
	free(a->files);
	free(a->h);
	free(a->kinds);
	graph_fini(&a->g);
	graph_tree_fini(&a->tree);
	trend_fini(&a->trend);
}

/* What the environment says of characters on the terminal. */
static bool
speaks_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);
		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf-8") != NULL ||
				strcasestr(value, "utf8") != NULL;
	}
	return false;
}

/* ---- rows ---- */

static uint64_t
seconds_from(const struct answer *a, size_t first)
{
	return a->files[a->n - 1].created - a->files[first].created;
}

static struct cell
rate(uint64_t by, uint64_t seconds)
{
	double hourly = seconds == 0 ? 0 : (double)by * 3600 / (double)seconds;
	bool is_known = seconds > 0 && hourly < 1e18;

	return (struct cell){
		.u = is_known ? (uint64_t)(hourly + 0.5) : 0, .absent = !is_known};
}

static const char *
spark(const struct answer *a, const uint64_t *values, char buf[SPARK_CAP])
{
	size_t n = a->n < SPARK_MAX ? a->n : SPARK_MAX;

	return spark_text(values + (a->n - n), n, a->is_utf8, buf, SPARK_CAP);
}

static const struct column kind_columns[] = {
	{"count_then", NULL, CELL_COUNT},
	{"count", "Count", CELL_COUNT},
	{"count_change", "+Count", CELL_COUNT_CHANGE},
	{"size_then", NULL, CELL_BYTES},
	{"size", "Size", CELL_BYTES},
	{"size_change", "+Size", CELL_BYTES_CHANGE},
	{"count_per_hour", "Count/h", CELL_COUNT},
	{"size_per_hour", "Size/h", CELL_BYTES},
	{"kind", "Kind", CELL_TEXT},
	{"trend", "Size, over time", CELL_TEXT},
};

static void
put_kind(struct rows *rows, const struct answer *a, const struct trend_kind *k)
{
	const struct trend_point *p = &a->trend.points[k->point];
	const struct trend_point *first = p, *last = p + a->n - 1;
	CLEAN_FREE uint64_t *values = xcalloc(a->n, sizeof(*values));
	uint64_t seconds = seconds_from(a, 0);
	char kind[KIND_CAP], course[SPARK_CAP];

	for (size_t i = 0; i < a->n; i++)
		values[i] = p[i].bytes;
	const struct cell cells[ARRAY_LEN(kind_columns)] = {
		{.u = first->count},
		{.u = last->count},
		{.u = last->count - first->count},
		{.u = first->bytes},
		{.u = last->bytes},
		{.u = last->bytes - first->bytes},
		rate(last->count - first->count, seconds),
		rate(last->bytes - first->bytes, seconds),
		cell_str(kind_text(a->h[a->n - 1], &a->kinds[a->n - 1], k->last, kind,
			sizeof(kind))),
		cell_str(spark(a, values, course)),
	};
	rows_put(rows, cells);
}

static const struct column object_columns[] = {
	{"address", "Address", CELL_ADDR},
	{"len_then", NULL, CELL_COUNT},
	{"len", "Len", CELL_COUNT},
	{"len_change", "+Len", CELL_COUNT_CHANGE},
	{"len_per_hour", "Len/h", CELL_COUNT},
	{"size_then", NULL, CELL_BYTES},
	{"size", NULL, CELL_BYTES},
	{"dumps", NULL, CELL_COUNT},
	{"type", "Type", CELL_TEXT},
	{"held_as", "Held as", CELL_TEXT},
	{"trend", "Len, over time", CELL_TEXT},
};

/* Length and size of an object in heap number i; it is there from its first one on. */
static bool
point_of(const struct answer *a, const struct trend_object *o, size_t i, uint64_t *len,
	uint64_t *bytes)
{
	const struct heap *h = a->h[i];
	objid id = i >= o->from ? heap_find(h, a->h[a->n - 1]->addr[o->id]) : OBJID_NONE;

	if (id == OBJID_NONE)
		return false;
	*len = heap_value(h, id).len;
	*bytes = object_bytes(h, id);
	return true;
}

static void
put_object(struct rows *rows, const struct answer *a, const struct trend_object *o)
{
	const struct heap *h = a->h[a->n - 1];
	CLEAN_FREE uint64_t *values = xcalloc(a->n, sizeof(*values));
	char type[KIND_CAP], way[WAY_CAP], course[SPARK_CAP];
	uint64_t bytes;

	for (size_t i = 0; i < a->n; i++)
		if (!point_of(a, o, i, &values[i], &bytes))
			values[i] = UINT64_MAX;
	const struct cell cells[ARRAY_LEN(object_columns)] = {
		{.u = h->addr[o->id]},
		{.u = o->len[OLDER]},
		{.u = o->len[NEWER]},
		{.u = o->len[NEWER] - o->len[OLDER]},
		rate(o->len[NEWER] - o->len[OLDER], seconds_from(a, o->from)),
		{.u = o->bytes[OLDER]},
		{.u = o->bytes[NEWER]},
		{.u = a->n - o->from},
		cell_str(type_text(h, h->type[o->id], type, sizeof(type))),
		cell_str(way_text(&a->g, &a->tree, o->id, way, sizeof(way))),
		cell_str(spark(a, values, course)),
	};
	rows_put(rows, cells);
}

/* ---- tables ---- */

/* Machine formats have the numbers instead of the course. */
static size_t
columns_shown(const struct answer *a, size_t n)
{
	return a->format == ROWS_TEXT ? n : n - 1;
}

static void
put_kinds(struct report *r, const struct answer *a)
{
	size_t k = 0;

	if (a->trend.n_kinds == 0)
		report_line(r, "No kind only ever grew.");
	struct rows *rows = rows_begin(
		r, "kinds", kind_columns, columns_shown(a, ARRAY_LEN(kind_columns)));
	for (; k < a->trend.n_kinds && k < a->limit; k++)
		put_kind(rows, a, &a->trend.kinds[k]);
	rows_end(rows, a->trend.n_kinds - k);
}

static void
put_objects(struct report *r, const struct answer *a)
{
	size_t k = 0;

	report_gap(r);
	report_line(r, "%s",
		a->trend.n_objects > 0 ? "Containers that only ever grew:"
				       : "No container only ever grew.");
	struct rows *rows = rows_begin(r, "objects", object_columns,
		columns_shown(a, ARRAY_LEN(object_columns)));
	for (; k < a->trend.n_objects && k < a->limit; k++)
		put_object(rows, a, &a->trend.objects[k]);
	rows_end(rows, a->trend.n_objects - k);
}

/* JSON alone: for each row of the tables, one row for each dump. */
static void
put_points(struct report *r, const struct answer *a)
{
	static const struct column of_kind[] = {
		{"count", NULL, CELL_COUNT},
		{"size", NULL, CELL_BYTES},
	};
	static const struct column of_object[] = {
		{"len", NULL, CELL_COUNT},
		{"size", NULL, CELL_BYTES},
	};
	struct rows *rows = rows_begin(r, "kind_points", of_kind, ARRAY_LEN(of_kind));

	for (size_t k = 0; k < a->trend.n_kinds && k < a->limit; k++) {
		rows_group(rows);
		for (size_t i = 0; i < a->n; i++) {
			const struct trend_point *p =
				&a->trend.points[a->trend.kinds[k].point + i];
			rows_put(rows, (struct cell[]){{.u = p->count}, {.u = p->bytes}});
		}
	}
	rows_end(rows, 0);
	if (!a->is_same)
		return;
	rows = rows_begin(r, "object_points", of_object, ARRAY_LEN(of_object));
	for (size_t k = 0; k < a->trend.n_objects && k < a->limit; k++) {
		rows_group(rows);
		for (size_t i = 0; i < a->n; i++) {
			uint64_t len = 0, size = 0;
			bool has = point_of(a, &a->trend.objects[k], i, &len, &size);
			rows_put(rows,
				(struct cell[]){{.u = len, .absent = !has},
					{.u = size, .absent = !has}});
		}
	}
	rows_end(rows, 0);
}

static void
put_dumps(struct report *r, const struct answer *a)
{
	static const struct column columns[] = {
		{"file", "Dump", CELL_TEXT},
		{"created", "Taken", CELL_TIME},
		{"count", "Count", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
	};
	struct rows *rows = rows_begin(r, "dumps", columns, ARRAY_LEN(columns));

	for (size_t i = 0; i < a->n; i++) {
		const struct file *f = &a->files[i];
		struct amount all = objects_amount(a->h[i], f->has_set ? &f->set : NULL);
		const struct cell cells[] = {
			cell_str(f->path),
			{.u = f->created, .absent = f->created == 0},
			{.u = all.count},
			{.u = all.bytes},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

static enum status
print(const struct answer *a, struct errbuf *eb)
{
	struct report *r = report_new(stdout, a->format);
	char elapsed[64];

	report_value(r, &(struct column){"same_process", NULL, CELL_BOOL},
		(struct cell){.u = a->is_same});
	report_number(r, "seconds", seconds_from(a, 0));
	report_line(r, "%zu dumps over %s.", a->n,
		elapsed_text(seconds_from(a, 0), elapsed, sizeof(elapsed)));
	if (a->format == ROWS_JSON)
		put_dumps(r, a);
	put_kinds(r, a);
	if (a->is_same)
		put_objects(r, a);
	if (a->format == ROWS_JSON)
		put_points(r, a);
	return report_end(r, eb);
}

/* ---- the command ---- */

static int
compare_files(const void *pa, const void *pb)
{
	const struct file *a = pa, *b = pb;

	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static enum status
open_all(const struct cmd_args *args, struct answer *a, struct errbuf *eb)
{
	a->n = args->n_operands;
	a->files = xcalloc(a->n, sizeof(*a->files));
	a->h = xcalloc(a->n, sizeof(*a->h));
	a->kinds = xcalloc(a->n, sizeof(*a->kinds));
	for (size_t i = 0; i < a->n; i++) {
		struct file *f = &a->files[i];
		f->path = args->operands[i];
		f->number = i;
		/* Ways are told of the last one, which is not known yet. */
		uint32_t columns = diff_columns() | 1u << DC_ROOT | 1u << DC_THRD |
			1u << DC_FRAM | 1u << DC_OFLG;
		enum status st =
			cmd_sel_parse_text(args, cmd_value(args, "select"), &f->sel, eb);
		f->sel.cache = holding_cache(args, f->path);
		f->has_set = cmd_sel_is_partial(&f->sel);
		if (st == MS_OK)
			st = dump_open(
				f->path, f->has_set ? DUMP_ALL : columns, &f->dump, eb);
		if (st != MS_OK)
			return st;
		f->created = created_at(dump_heap(f->dump));
	}
	qsort(a->files, a->n, sizeof(*a->files), compare_files);
	a->cache = holding_cache(args, a->files[a->n - 1].path);
	a->is_same = true;
	for (size_t i = 0; i < a->n; i++) {
		a->h[i] = dump_heap(a->files[i].dump);
		a->is_same &= i == 0 || rel_same_process(a->h[i], a->h[i - 1]);
	}
	if (!a->is_same)
		log_at(LOG_NORMAL,
			"note: the dumps are of different processes: kinds alone are "
			"compared");
	return MS_OK;
}

static enum status
compute(struct answer *a, enum kinds_by by, struct errbuf *eb)
{
	enum status st = MS_OK;

	progress_begin((unsigned)a->n * 10 + (a->is_same ? 50 : 0));
	for (size_t i = 0; i < a->n && st == MS_OK; i++) {
		struct file *f = &a->files[i];
		progress_step("kinds", 10);
		/* Of the last dump alone it is told that it has not a type. */
		f->sel.is_quiet = i + 1 < a->n;
		if (f->has_set)
			st = cmd_sel_make(&f->sel, a->h[i], &f->set, eb);
		if (st == MS_OK)
			st = kinds_make(a->h[i], by, f->has_set ? &f->set : NULL,
				&a->kinds[i], eb);
	}
	if (st == MS_OK)
		trend_kinds(a->h, a->kinds, a->n, &a->trend);
	if (st == MS_OK && a->is_same) {
		const struct holding want = {.g = &a->g, .way = &a->tree};
		const struct file *last = &a->files[a->n - 1];
		progress_step("containers", 20);
		st = trend_objects(
			a->h, a->n, last->has_set ? &last->set : NULL, &a->trend, eb);
		progress_step("what holds them", 30);
		if (st == MS_OK)
			st = holding_compute(a->h[a->n - 1], a->cache, 0, &want, eb);
	}
	progress_end();
	return st;
}

static enum status
run_trend(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	CLEAN(answer_fini) struct answer a = {0};
	const char *by = cmd_value(args, "by");
	enum kinds_by kinds = by == NULL || *by == 'o' ? KINDS_OWNER
		: *by == 't'                           ? KINDS_TYPE
						       : KINDS_MODULE;

	(void)exit_code;
	a.is_utf8 = speaks_utf8();
	enum status st = cmd_format_limit(args, CMD_LIMIT, &a.format, &a.limit, eb);
	if (st == MS_OK)
		st = open_all(args, &a, eb);
	if (st == MS_OK)
		st = compute(&a, kinds, eb);
	return st == MS_OK ? print(&a, eb) : st;
}

const struct cmd cmd_trend = {
	.name = "trend",
	.summary = "say what only ever grew, over three dumps or more",
	.page = "memscan-diff",
	.synopsis = "FILE FILE FILE...",
	.opts = opts,
	.min_operands = FILES_MIN,
	.max_operands = SIZE_MAX,
	.run = run_trend,
};
