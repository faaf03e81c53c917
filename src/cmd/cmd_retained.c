/*
 * memscan retained: what would be freed without an object, without all objects of a type,
 * without a set.
 */
#include <stdlib.h>
#include <string.h>

#include "memscan/graph.h"
#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/text.h"
#include "memscan/vec.h"

#include "holding.h"
#include "sel.h"

enum { DEPTH_MAX = 1000, TYPE_CAP = 512, NAME_CAP = 512, VALUE_CAP = 160 };
enum { NAME_LOOK = 100000 /* references that are looked at for one name */ };

static const struct cmd_opt opts[] = {
	{0, "by", "object|type",
		"what would go: each object, or all of each type (object)"},
	{0, "depth", "N", "unfold the tree N levels deep (1)"},
	{0, "min", "SIZE", "leave out what retains less: bytes, or a share as 1% (0)"},
	{0, "limit", "N", "print N rows, and N below each, 0: all (20)"},
	{0, "no-guess", NULL, "guessed references keep nothing alive"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

/* All that is known when rows are printed. */
struct answer {
	struct cmd_query in;
	struct graph g;
	struct dominators d;
	struct domtree tree;
	uint64_t *retained;
	struct graph_tree way;
	uint64_t total; /* bytes of all objects */
	uint64_t min, depth;
};

static void
answer_fini(struct answer *a)
{
	graph_fini(&a->g);
	dominators_fini(&a->d);
	domtree_fini(&a->tree);
	free(a->retained);
	graph_tree_fini(&a->way);
	cmd_query_fini(&a->in);
}

/* ---- computing ---- */

/* What single objects retain, as a tree; of types, the ways to them are enough. */
static enum status
compute(struct answer *a, unsigned flags, bool is_by_type, struct errbuf *eb)
{
	const struct holding want = {.g = &a->g,
		.d = is_by_type ? NULL : &a->d,
		.retained = is_by_type ? NULL : &a->retained,
		.way = &a->way};

	progress_begin(100);
	progress_step("what holds what", is_by_type ? 100 : 95);
	enum status st = holding_compute(a->in.h, a->in.sel.cache, flags, &want, eb);
	progress_step("tree", 5);
	if (st == MS_OK && !is_by_type)
		st = domtree_build(a->in.h, &a->d, a->retained, &a->tree, eb);
	progress_end();
	a->total = objects_amount(a->in.h, NULL).bytes;
	return st;
}

/* ---- rows of objects ---- */

static const struct column columns[] = {
	{"depth", NULL, CELL_ID},
	{"retained", "Retained", CELL_BYTES},
	{"percent", "%", CELL_PERCENT},
	{"size", "Size", CELL_BYTES},
	{"address", "Address", CELL_ADDR},
	{"type", "Type", CELL_TEXT},
	{"name", "Held as", CELL_TEXT},
	{"value", "Value", CELL_TEXT},
	{"dominator", NULL, CELL_ADDR},
};

/* How an object is held: by its dominator, if that refers to it, or from a root on. */
static const char *
name_of(const struct answer *a, objid i, uint64_t ref, char *buf, size_t cap)
{
	objid dom = a->d.idom[i];
	uint64_t lo = 0, hi = 0;

	if (dom != OBJID_NONE)
		hi = graph_refs(&a->g, dom, &lo);
	if (ref == UINT64_MAX && hi - lo < NAME_LOOK)
		for (uint64_t r = lo; r < hi && ref == UINT64_MAX; r++)
			if (a->in.h->to[r] == i && graph_holds(&a->g, a->in.h->label[r]))
				ref = r;
	if (ref != UINT64_MAX)
		return label_text(a->in.h, dom, ref, buf, cap);
	return way_text(&a->g, &a->way, i, buf, cap);
}

static void
put_object(
	struct rows *rows, const struct answer *a, objid i, uint64_t depth, uint64_t ref)
{
	char type[TYPE_CAP], indented[TYPE_CAP + 64], name[NAME_CAP], value[VALUE_CAP];
	const struct heap *h = a->in.h;
	objid dom = a->d.idom[i];

	type_text(h, h->type[i], type, sizeof(type));
	int indent = a->in.format == ROWS_TEXT ? (int)(2 * (depth < 30 ? depth : 30)) : 0;
	snprintf(indented, sizeof(indented), "%*s%s", indent, "", type);
	const struct cell cells[] = {
		{.u = depth},
		{.u = a->retained[i]},
		{.d = percent_of(a->retained[i], a->total)},
		{.u = object_bytes(h, i)},
		{.u = h->addr[i]},
		cell_str(indented),
		cell_str(name_of(a, i, ref, name, sizeof(name))),
		cell_value(h, i, value, sizeof(value)),
		{.u = dom != OBJID_NONE ? h->addr[dom] : 0, .absent = dom == OBJID_NONE},
	};
	rows_put(rows, cells);
}

/* A node of the tree that is being unfolded, and which of its children are next. */
struct level {
	uint32_t next, end;
	uint64_t left;     /* rows that may still be printed */
	struct map ref_of; /* child to 1 + reference, counted from the first of its
			      dominator */
	uint64_t first_ref;
};

/* The references by which an object holds those of its children that will be printed. */
static void
find_names(const struct answer *a, objid parent, struct level *l)
{
	struct map shown = {0};
	uint32_t shown_end =
		l->end - l->next > l->left ? l->next + (uint32_t)l->left : l->end;
	uint64_t r, end = graph_refs(&a->g, parent, &r);

	l->first_ref = r;
	for (uint32_t k = l->next; k < shown_end; k++)
		map_put(&shown, a->tree.child[k], 0);
	for (; r < end && shown_end > l->next; r++) {
		uint32_t had;
		objid to = a->in.h->to[r];
		if (!map_get(&shown, to, &had) || map_get(&l->ref_of, to, &had) ||
			!graph_holds(&a->g, a->in.h->label[r]))
			continue;
		if (r - l->first_ref < UINT32_MAX - 1)
			map_put(&l->ref_of, to, (uint32_t)(r - l->first_ref));
	}
	map_fini(&shown);
}

/* The children of a node (nobj: the root) as a level. */
static struct level
level_of(const struct answer *a, objid node)
{
	struct level l = {
		.next = a->tree.first[node],
		.end = a->tree.first[(size_t)node + 1],
		.left = a->in.limit,
	};

	if (node < a->in.h->nobj)
		find_names(a, node, &l);
	return l;
}

/* The level's rows with what is below them; returns how many of its own were left out. */
static uint64_t
put_tree(struct rows *rows, const struct answer *a, objid node, uint64_t depth)
{
	VEC(struct level) levels = {0};
	uint64_t left_out = 0, above = depth;

	vec_push(&levels, level_of(a, node));
	while (levels.n > 0) {
		struct level *l = &levels.at[levels.n - 1];
		bool is_out = l->next == l->end || l->left == 0 ||
			a->retained[a->tree.child[l->next]] < a->min;
		if (is_out) {
			if (levels.n == 1)
				left_out = l->end - l->next;
			map_fini(&l->ref_of);
			levels.n--;
			continue;
		}
		objid i = a->tree.child[l->next++];
		uint32_t off;
		uint64_t ref =
			map_get(&l->ref_of, i, &off) ? l->first_ref + off : UINT64_MAX;
		l->left--;
		put_object(rows, a, i, above + levels.n - 1, ref);
		if (above + levels.n < a->depth)
			vec_push(&levels, level_of(a, i));
	}
	vec_fini(&levels);
	return left_out;
}

/* Members of the set, most retained first. */
static int
compare_members(const void *pa, const void *pb, void *arg)
{
	const objid *x = pa, *y = pb;
	const struct answer *a = arg;

	if (a->retained[*x] != a->retained[*y])
		return a->retained[*x] > a->retained[*y] ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static uint64_t
put_set(struct rows *rows, struct answer *a)
{
	size_t n = bitset_count(&a->in.set), k = 0;
	CLEAN_FREE objid *members = xcalloc(n + 1, sizeof(*members));

	BITSET_EACH(i, &a->in.set)
	members[k++] = (objid)i;
	qsort_r(members, n, sizeof(*members), compare_members, a);
	for (k = 0; k < n && k < a->in.limit && a->retained[members[k]] >= a->min; k++) {
		put_object(rows, a, members[k], 0, UINT64_MAX);
		if (a->depth > 1)
			put_tree(rows, a, members[k], 1);
	}
	return n - k;
}

/* ---- rows of types ---- */

static void
put_type(struct rows *rows, const struct answer *a, const struct retained_type *t)
{
	char type[TYPE_CAP];
	const struct cell cells[] = {
		{.u = t->retained.bytes},
		{.d = percent_of(t->retained.bytes, a->total)},
		{.u = t->retained.count},
		{.u = t->count},
		{.u = t->size},
		cell_str(type_text(a->in.h, t->type, type, sizeof(type))),
	};

	rows_put(rows, cells);
}

static enum status
put_types(struct report *r, const struct answer *a, struct errbuf *eb)
{
	static const struct column type_columns[] = {
		{"retained", "Retained", CELL_BYTES},
		{"percent", "%", CELL_PERCENT},
		{"retained_count", "Objects", CELL_COUNT},
		{"count", "Count", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"type", "All of type", CELL_TEXT},
	};
	CLEAN(retained_types_fini) struct retained_types t = {0};

	progress_begin(1);
	progress_step("what types retain", 1);
	enum status st =
		retained_types_most(&a->g, &a->way, a->in.of, a->in.limit, &t, eb);
	progress_end();
	if (st != MS_OK)
		return st;
	struct rows *rows = rows_begin(r, "types", type_columns, ARRAY_LEN(type_columns));
	size_t k = 0;
	for (; k < t.n && t.rows[k].retained.bytes >= a->min; k++)
		put_type(rows, a, &t.rows[k]);
	rows_end(rows, t.n_all - k);
	return MS_OK;
}

/* ---- the command ---- */

/* "10M", "1%" */
static enum status
parse_min(const struct cmd_args *args, struct answer *a, struct errbuf *eb)
{
	const char *text = cmd_value(args, "min");
	char *end;

	if (text == NULL)
		return MS_OK;
	size_t len = strlen(text);
	if (len > 1 && text[len - 1] == '%') {
		double part = strtod(text, &end);
		if (end != text + len - 1 || !(part >= 0 && part <= 100))
			return errbuf_set(
				eb, MS_USAGE, "'%s' is no share of 100%%", text);
		a->min = (uint64_t)(part / 100 * (double)a->total);
		return MS_OK;
	}
	if (text_parse_u64(text, &a->min) != MS_OK)
		return errbuf_set(
			eb, MS_USAGE, "--min is a size or a share, not '%s'", text);
	return MS_OK;
}

static enum status
put_amounts(struct report *r, const struct answer *a, struct errbuf *eb)
{
	char count[TEXT_NUM], size[TEXT_NUM], bytes[TEXT_NUM], objects[TEXT_NUM];
	struct amount freed = {a->in.h->nobj, a->total};
	struct amount own = freed;

	if (a->in.of != NULL) {
		enum status st = retained_set(&a->g, &a->in.set, &freed, NULL, eb);
		if (st != MS_OK)
			return st;
		own = objects_amount(a->in.h, &a->in.set);
	}
	report_number(r, "objects", a->in.h->nobj);
	report_number(r, "bytes", a->total);
	report_number(r, "count", own.count);
	report_number(r, "size", own.bytes);
	report_number(r, "retained", freed.bytes);
	report_number(r, "retained_count", freed.count);
	if (own.count == 0)
		report_line(r, "No objects match.");
	else if (a->in.of != NULL)
		report_line(r,
			"%s object%s of %s bytes. Without %s, %s objects and %s bytes "
			"would be freed.",
			text_count(count, own.count), own.count == 1 ? "" : "s",
			text_count(size, own.bytes), own.count == 1 ? "it" : "them",
			text_count(objects, freed.count), text_count(bytes, freed.bytes));
	else
		report_line(r, "%s objects of %s bytes.", text_count(count, own.count),
			text_count(size, own.bytes));
	return MS_OK;
}

static enum status
print(struct answer *a, bool is_by_type, struct errbuf *eb)
{
	struct report *r = report_new(stdout, a->in.format);

	enum status st = put_amounts(r, a, eb);
	if (st == MS_OK && is_by_type) {
		st = put_types(r, a, eb);
	} else if (st == MS_OK) {
		struct rows *rows = rows_begin(r, "rows", columns, ARRAY_LEN(columns));
		uint64_t more = a->in.of != NULL ? put_set(rows, a)
						 : put_tree(rows, a, a->in.h->nobj, 0);
		rows_end(rows, more);
	}
	return report_end_after(r, st, eb);
}

static enum status
run_retained(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	CLEAN(answer_fini) struct answer a = {0};
	const char *by = cmd_value(args, "by");
	bool is_by_type = by != NULL && *by == 't';

	(void)exit_code;
	enum status st = cmd_number(args, "depth", 1, 1, DEPTH_MAX, &a.depth, eb);
	if (st == MS_OK)
		st = cmd_query_open(args, CMD_LIMIT, &a.in, eb);
	if (st == MS_OK)
		st = compute(&a, cmd_has(args, "no-guess") ? GRAPH_NO_GUESS : 0,
			is_by_type, eb);
	if (st == MS_OK)
		st = parse_min(args, &a, eb);
	return st == MS_OK ? print(&a, is_by_type, eb) : st;
}

const struct cmd cmd_retained = {
	.name = "retained",
	.summary = "say what would be freed without an object, a type or a set",
	.page = "memscan-path",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_retained,
};
