/*
 * memscan path: why objects are alive. The shortest way to each from a root with a name;
 * of many objects, their ways put together; of one, all ways that share nothing.
 */
#include "memscan/graph.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#include "holding.h"
#include "sel.h"

enum { STEPS_MAX = 40, TYPE_CAP = 512, TEXT_CAP = 8192, NAME_CAP = 512 };

static const struct cmd_opt opts[] = {
	{0, "all", NULL, "all ways to each object that share nothing but it"},
	{0, "avoid", "SEL", "ways that pass none of these objects"},
	{0, "limit", "N", "print N ways, 0: all (20)"},
	{0, "no-guess", NULL, "guessed references keep nothing alive"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

struct question {
	struct cmd_query in;
	struct graph g;
	struct graph_tree way; /* unless each object has all its ways, or some are avoided */
	struct bitset avoid;
	bool has_avoid;
	uint64_t count;
};

static void
question_fini(struct question *q)
{
	graph_fini(&q->g);
	graph_tree_fini(&q->way);
	bitset_fini(&q->avoid);
	cmd_query_fini(&q->in);
}

/* ---- one way, step by step ---- */

static void
put_steps(struct rows *rows, const struct question *q, const struct path *p,
	uint64_t number)
{
	char type[TYPE_CAP], name[NAME_CAP];
	const struct heap *h = q->in.h;

	for (size_t k = 0; k < p->n; k++) {
		objid i = p->at[k];
		const char *kind = k == 0 ? entry_kind(&q->g, p->entry)
					  : ref_kind_name(ref_kind(h->label[p->ref[k]]));
		if (k == 0)
			entry_name(&q->g, p->entry, name, sizeof(name));
		else
			label_name(h, p->at[k - 1], p->ref[k], name, sizeof(name));
		const struct cell cells[] = {
			{.u = number},
			{.u = h->addr[i]},
			cell_str(type_text(h, h->type[i], type, sizeof(type))),
			cell_str(kind),
			cell_str(name),
		};
		/* The number of the way is for formats in which the steps do not lie
		 * together. */
		rows_put(rows, q->in.format == ROWS_JSON ? cells + 1 : cells);
	}
}

static const struct column step_columns[] = {
	{"path", NULL, CELL_ID},
	{"address", "Address", CELL_ADDR},
	{"type", "Type", CELL_TEXT},
	{"kind", "By", CELL_TEXT},
	{"name", "Name", CELL_TEXT},
};

static struct rows *
begin_steps(struct report *r, const struct question *q)
{
	unsigned skip = q->in.format == ROWS_JSON ? 1 : 0;

	return rows_begin(
		r, "paths", step_columns + skip, ARRAY_LEN(step_columns) - skip);
}

/* In text: what the object is, above its ways. */
static void
put_object_line(struct report *r, const struct question *q, objid i)
{
	char type[TYPE_CAP], size[TEXT_NUM];

	report_line(r, "0x%llx %s, %s bytes", (unsigned long long)q->in.h->addr[i],
		type_text(q->in.h, q->in.h->type[i], type, sizeof(type)),
		text_count(size, object_bytes(q->in.h, i)));
}

/* In text: a way in one line, then, if it is the only one, its steps. */
static void
put_path_line(struct report *r, const struct question *q, const struct path *p)
{
	CLEAN_FREE char *text = xmalloc(TEXT_CAP);

	report_line(r, "  %s", path_text(&q->g, p, text, TEXT_CAP));
}

/* ---- all ways to each ---- */

static enum status
put_all(struct report *r, const struct question *q, struct errbuf *eb)
{
	struct disjoint *d;
	uint64_t n_objects = 0, n_paths = 0;

	enum status st = disjoint_new(&q->g, q->has_avoid ? &q->avoid : NULL, &d, eb);
	if (st != MS_OK)
		return st;
	struct rows *rows = q->in.format != ROWS_TEXT ? begin_steps(r, q) : NULL;
	BITSET_EACH(i, &q->in.set)
	{
		CLEAN(paths_fini) struct paths p = {0};
		if (n_objects++ == q->in.limit)
			break;
		disjoint_find(d, (objid)i, (size_t)q->in.limit, &p);
		if (rows == NULL)
			put_object_line(r, q, (objid)i);
		for (size_t k = 0; k < p.n; k++) {
			if (rows == NULL) {
				put_path_line(r, q, &p.at[k]);
				continue;
			}
			rows_group(rows);
			put_steps(rows, q, &p.at[k], n_paths++);
		}
		if (rows == NULL && p.n == 0)
			report_line(r, "  no way");
		if (rows == NULL && !p.is_all)
			report_line(r, "  ... and more ways");
	}
	uint64_t more = q->count > q->in.limit ? q->count - q->in.limit : 0;
	if (rows != NULL)
		rows_end(rows, more);
	else if (more > 0)
		report_line(r, "... and %llu more objects", (unsigned long long)more);
	disjoint_free(d);
	return MS_OK;
}

/* ---- the shortest ---- */

static void
put_merged(struct report *r, const struct question *q, const struct merged *m)
{
	static const struct column merged_columns[] = {
		{"count", "Count", CELL_COUNT},
		{"percent", "%", CELL_PERCENT},
		{"bytes", "Size", CELL_BYTES},
		{"example", "One of them", CELL_ADDR},
		{"path", "Held as", CELL_TEXT},
	};
	CLEAN_FREE char *text = xmalloc(TEXT_CAP);
	struct rows *rows =
		rows_begin(r, "patterns", merged_columns, ARRAY_LEN(merged_columns));
	size_t k = 0;

	for (; k < m->n && k < q->in.limit; k++) {
		const struct merged_row *row = &m->rows[k];
		const struct cell cells[] = {
			{.u = row->count},
			{.d = percent_of(row->count, q->count)},
			{.u = row->bytes},
			{.u = q->in.h->addr[row->example]},
			cell_str(merged_text(&q->g, m, row->node, text, TEXT_CAP)),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, m->n - k);
}

/* The one object's way, in one line and in steps. */
static void
put_single(struct report *r, const struct question *q, const struct graph_tree *t)
{
	struct path p = {0};
	objid i = (objid)bitset_next(&q->in.set, 0);

	put_object_line(r, q, i);
	if (!path_of(&q->g, t, i, &p)) {
		report_line(r, "  no way");
		return;
	}
	put_path_line(r, q, &p);
	report_gap(r);
	struct rows *rows = begin_steps(r, q);
	if (p.n <= STEPS_MAX)
		put_steps(rows, q, &p, 0);
	rows_end(rows, 0);
	path_fini(&p);
}

static void
put_each(struct report *r, const struct question *q, const struct graph_tree *t)
{
	struct rows *rows = begin_steps(r, q);
	uint64_t n = 0, reached = 0;

	BITSET_EACH(i, &q->in.set)
	{
		struct path p = {0};
		if (!path_of(&q->g, t, (objid)i, &p))
			continue;
		if (reached++ < q->in.limit) {
			rows_group(rows);
			put_steps(rows, q, &p, n++);
		}
		path_fini(&p);
	}
	rows_end(rows, reached - n);
}

static enum status
put_shortest(struct report *r, const struct question *q, struct errbuf *eb)
{
	CLEAN(merged_fini) struct merged m = {0};

	enum status st = paths_merge(&q->g, &q->way, &q->in.set, &m, eb);
	if (st != MS_OK)
		return st;
	report_number(r, "unreached", m.unreached);
	if (q->in.format == ROWS_TEXT && q->count == 1) {
		put_single(r, q, &q->way);
		return MS_OK;
	}
	if (m.unreached > 0)
		report_line(r, "%llu of them are held in no such way.",
			(unsigned long long)m.unreached);
	put_merged(r, q, &m);
	if (q->in.format != ROWS_TEXT)
		put_each(r, q, &q->way);
	return MS_OK;
}

/* ---- the command ---- */

static enum status
print(struct question *q, bool wants_all, struct errbuf *eb)
{
	struct report *r = report_new(stdout, q->in.format);
	char num[TEXT_NUM];
	enum status st;

	report_number(r, "count", q->count);
	if (q->count == 0)
		report_line(r, "No objects match.");
	else if (q->count > 1)
		report_line(r, "%s objects.", text_count(num, q->count));
	st = wants_all ? put_all(r, q, eb) : MS_OK;
	if (!wants_all && (q->count > 0 || q->in.format != ROWS_TEXT))
		st = put_shortest(r, q, eb);
	return report_end_after(r, st, eb);
}

/* The set of --avoid. */
static enum status
make_avoid(const struct cmd_args *a, struct question *q, struct errbuf *eb)
{
	const char *text = cmd_value(a, "avoid");

	if (text == NULL)
		return MS_OK;
	q->has_avoid = true;
	enum status st = sel_eval(q->in.h, text, NULL, &q->avoid, eb);
	return st == MS_OK ? MS_OK : errbuf_wrap(eb, "--avoid");
}

static enum status
find_ways(struct question *q, unsigned flags, bool wants_all, struct errbuf *eb)
{
	const struct holding want = {
		.g = &q->g, .way = wants_all || q->has_avoid ? NULL : &q->way};

	enum status st = holding_compute(q->in.h, q->in.sel.cache, flags, &want, eb);
	if (st == MS_OK && q->has_avoid && !wants_all)
		st = graph_tree_build(&q->g, &q->avoid, &q->way, eb);
	return st;
}

static enum status
run_path(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(question_fini) struct question q = {0};

	(void)exit_code;
	enum status st = cmd_query_open(a, CMD_LIMIT, &q.in, eb);
	if (st == MS_OK)
		st = make_avoid(a, &q, eb);
	if (st == MS_OK)
		st = find_ways(&q, cmd_has(a, "no-guess") ? GRAPH_NO_GUESS : 0,
			cmd_has(a, "all"), eb);
	if (st != MS_OK)
		return st;
	q.count = bitset_count(&q.in.set);
	return print(&q, cmd_has(a, "all"), eb);
}

const struct cmd cmd_path = {
	.name = "path",
	.summary = "say why objects are alive: the ways from named roots",
	.page = "memscan-path",
	.synopsis = "FILE SEL",
	.opts = opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_path,
};
