/*
 * memscan show: all that is known of one object, and what it holds and is held by. The
 * referrers are found by a pass over all references; the graph is not turned round.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/graph.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/retained.h"
#include "memscan/text.h"
#include "memscan/vec.h"

#include "sel.h"

enum { TYPE_CAP = 512, LABEL_CAP = 512, VALUE_CAP = 160, GC_HEAD = 16, DEPTH_MAX = 1000 };

static const struct cmd_opt opts[] = {
	{0, "depth", "N", "also what is N references away, each way"},
	{0, "dot", NULL, "print its neighbourhood as a graph for Graphviz"},
	{0, "limit", "N", "print N references each way, 0: all (20)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

/* ---- which object ---- */

/* 0x7f.., 140.., or hexadecimal digits of which one is a letter. */
static enum status
parse_addr(const char *s, taddr *ret, struct errbuf *eb)
{
	size_t len = strlen(s);
	bool is_decimal = len > 0 && strspn(s, "0123456789") == len;
	const char *digits =
		!is_decimal && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? s + 2 : s;
	size_t n = strlen(digits);
	bool is_hex = n > 0 && n <= 16 && strspn(digits, "0123456789abcdefABCDEF") == n;

	if (!is_decimal && !is_hex)
		return errbuf_set(eb, MS_USAGE, "'%s' is no address", s);
	char with_front[32];
	if (!is_decimal) {
		snprintf(with_front, sizeof(with_front), "0x%s", digits);
		s = with_front;
	}
	if (text_parse_u64(s, ret) != MS_OK)
		return errbuf_set(eb, MS_USAGE, "'%s' is no address", s);
	return MS_OK;
}

/* Whether the operands after the dump are one address, with 0x or without. */
static bool
is_address(const struct cmd_args *a)
{
	struct errbuf eb;
	taddr addr;

	return a->n_operands == 2 && !cmd_has(a, "rel") &&
		parse_addr(a->operands[1], &addr, &eb) == MS_OK;
}

/* The one object of a selection. */
static enum status
find_only(struct cmd_sel *sel, const struct heap *h, objid *ret, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};

	enum status st = cmd_sel_make(sel, h, &set, eb);
	if (st != MS_OK)
		return st;
	size_t n = bitset_count(&set);
	if (n == 0)
		return errbuf_set(eb, MS_ABSENT, "no objects match");
	if (n > 1)
		return errbuf_set(eb, MS_USAGE,
			"%zu objects match, and one is shown: see 'memscan find'", n);
	*ret = (objid)bitset_next(&set, 0);
	return MS_OK;
}

/* Number of objects at addresses up to and with addr. */
static uint32_t
count_up_to(const struct heap *h, taddr addr)
{
	uint32_t lo = 0, hi = h->nobj;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->addr[h->by_addr[mid]] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Bytes from an object's address that are its own for certain. Its size may
 * count memory that lies elsewhere (a list's items), and the GC head before it.
 */
static uint64_t
extent(const struct heap *h, objid i)
{
	const struct heap_type *t = &h->types[h->type[i]];
	uint64_t head = (h->flags[i] & OF_GC) != 0 ? GC_HEAD : 0, size = heap_size(h, i);

	size = size > head ? size - head : 0;
	bool is_inline = t->itemsize != 0 || heap_value(h, i).kind == VK_STR;
	if (is_inline || t->basicsize == 0 || t->basicsize > size)
		return size;
	return t->basicsize;
}

static size_t
describe_near(const struct heap *h, objid i, taddr addr, char *buf, size_t cap)
{
	char type[128];
	bool is_before = h->addr[i] < addr;
	uint64_t away = is_before ? addr - h->addr[i] : h->addr[i] - addr;
	int n = snprintf(buf, cap, "%s at 0x%" PRIx64 " (%" PRIu64 " bytes %s)",
		type_text(h, h->type[i], type, sizeof(type)), h->addr[i], away,
		is_before ? "before" : "after");

	return n < 0 || (size_t)n >= cap ? cap - 1 : (size_t)n;
}

/* The object at addr or around it; the error names its neighbours. */
static enum status
find_object(const struct heap *h, taddr addr, objid *ret, struct errbuf *eb)
{
	uint32_t at = count_up_to(h, addr);

	if (at > 0) {
		objid i = h->by_addr[at - 1];
		if (h->addr[i] == addr || addr - h->addr[i] < extent(h, i)) {
			*ret = i;
			return MS_OK;
		}
	}
	char near[400] = "the dump has no objects";
	size_t n = 0;
	if (at > 0)
		n = describe_near(h, h->by_addr[at - 1], addr, near, sizeof(near));
	if (at > 0 && at < h->nobj)
		n += (size_t)snprintf(
			near + n, sizeof(near) - n, n + 6 < sizeof(near) ? " and " : "");
	if (at < h->nobj)
		describe_near(h, h->by_addr[at], addr, near + n, sizeof(near) - n);
	return errbuf_set(
		eb, MS_ABSENT, "no object at 0x%" PRIx64 "; nearest: %s", addr, near);
}

/* ---- what is printed ---- */

static void
print_object(struct report *r, const struct heap *h, objid i, taddr asked)
{
	char type[TYPE_CAP], value[4096], flags[128];
	struct heap_value v = heap_value(h, i);
	bool is_immortal = (h->flags[i] & OF_IMMORTAL) != 0;

	if (asked != h->addr[i])
		report_line(r,
			"0x%" PRIx64 " is %" PRIu64 " bytes inside this object:", asked,
			asked - h->addr[i]);
	report_value(r, &(struct column){"address", "address", CELL_ADDR},
		(struct cell){.u = h->addr[i]});
	report_number(r, "inside", asked - h->addr[i]);
	report_value(r, &(struct column){"type", "type", CELL_TEXT},
		cell_str(type_text(h, h->type[i], type, sizeof(type))));
	bool has_value = v.kind != VK_NONE;
	report_value(r, &(struct column){"value", has_value ? "value" : NULL, CELL_TEXT},
		cell_str(has_value ? value_text(h, i, value, sizeof(value)) : NULL));
	report_value(r,
		&(struct column){"len", v.len != VALUE_NO_LEN ? "len" : NULL, CELL_COUNT},
		(struct cell){.u = v.len, .absent = v.len == VALUE_NO_LEN});
	report_value(r, &(struct column){"size", "size in bytes", CELL_COUNT},
		(struct cell){.u = heap_size(h, i)});
	report_value(r,
		&(struct column){
			"refcount", is_immortal ? NULL : "reference count", CELL_COUNT},
		(struct cell){.u = heap_refcount(h, i)});
	report_value(r, &(struct column){"flags", "flags", CELL_TEXT},
		cell_str(obj_flags_text(h->flags[i], ' ', flags, sizeof(flags))));
	enum heap_generation g = heap_generation_of(h, i);
	bool has_generation = g != GENERATION_NONE;
	report_value(r,
		&(struct column){"generation", has_generation ? "generation" : NULL, CELL_TEXT},
		cell_str(has_generation ? generation_name(g) : NULL));
	char interp[INTERP_NAME];
	report_value(r,
		&(struct column){
			"interpreter", h->ninterp > 1 ? "interpreter" : NULL, CELL_TEXT},
		cell_str(interp_name(h, heap_interp_of(h, i), interp)));
	uint32_t how = h->types[h->type[i]].how;
	report_value(r, &(struct column){"how", "references found by", CELL_TEXT},
		cell_str(type_how_name((enum type_how)how)));
}

/* The memory beside it: one row, or none. */
static void
print_buffer(struct report *r, const struct heap *h, objid i)
{
	static const struct column columns[] = {
		{"address", "Memory at", CELL_ADDR},
		{"bytes", "Bytes", CELL_COUNT},
		{"length", "Length", CELL_COUNT},
		{"flags", "Marks", CELL_TEXT},
		{"description", "What", CELL_TEXT},
		{"owner", "Owner", CELL_ADDR},
		{"owner_type", "Type", CELL_TEXT},
	};
	const struct heap_buffer *b = heap_buffer_of(h, i);

	report_gap(r);
	struct rows *rows = rows_begin(r, "buffer", columns, ARRAY_LEN(columns));
	if (b != NULL) {
		char flags[64], type[TYPE_CAP];
		bool has_owner = b->owner != OBJID_NONE;
		const struct cell cells[] = {
			{.u = b->addr},
			{.u = b->bytes, .absent = (b->flags & BUFFER_OWNED) == 0},
			{.u = b->length},
			cell_str(buffer_flags_text(b->flags, ' ', flags, sizeof(flags))),
			cell_str(b->name != 0 ? heap_str(h, b->name, NULL) : NULL),
			{.u = has_owner ? h->addr[b->owner] : 0, .absent = !has_owner},
			cell_str(has_owner ?
					type_text(h, h->type[b->owner], type, sizeof(type)) :
					NULL),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

static uint64_t
print_roots(struct report *r, const struct heap *h, objid i, uint64_t limit)
{
	static const struct column columns[] = {
		{"kind", NULL, CELL_TEXT},
		{"root", "Root", CELL_TEXT},
	};
	uint64_t n = 0;

	report_gap(r);
	struct rows *rows = rows_begin(r, "roots", columns, ARRAY_LEN(columns));
	for (uint32_t k = 0; k < h->nroot; k++) {
		if (h->roots[k].to != i || n++ >= limit)
			continue;
		char text[LABEL_CAP];
		uint32_t kind = h->roots[k].kind;
		const struct cell cells[] = {
			cell_str(root_kind_name((enum root_kind)kind)),
			cell_str(root_text(h, k, text, sizeof(text))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, n > limit ? n - limit : 0);
	return n;
}

/* One reference of a table: which, and the object at its other end. */
struct edge {
	objid from, other;
	uint64_t ref, size;
};

/* Largest object first; ties by number of the reference. */
static int
compare_edges(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->ref < b->ref ? -1 : a->ref > b->ref;
}

/* "weak hidden guess", as far as they are so. */
static char *
marks_text(uint32_t label, char buf[24])
{
	snprintf(buf, 24, "%s%s%s", ref_kind(label) == RK_WEAK ? "weak " : "",
		(label & REF_HIDDEN) != 0 ? "hidden " : "",
		(label & REF_GUESS) != 0 ? "guess " : "");
	size_t n = strlen(buf);
	if (n > 0)
		buf[n - 1] = '\0';
	return buf;
}

static void
print_edges(struct report *r, const struct heap *h, const char *name, const char *title,
	struct edge *edges, size_t n, uint64_t limit)
{
	const struct column columns[] = {
		{"name", title, CELL_TEXT},
		{"kind", NULL, CELL_TEXT},
		{"address", "Address", CELL_ADDR},
		{"size", "Size", CELL_BYTES},
		{"marks", "Marks", CELL_TEXT},
		{"type", "Type", CELL_TEXT},
		{"value", "Value", CELL_TEXT},
	};

	if (n > 0)
		qsort(edges, n, sizeof(*edges), compare_edges);
	report_gap(r);
	struct rows *rows = rows_begin(r, name, columns, ARRAY_LEN(columns));
	for (size_t k = 0; k < n && k < limit; k++) {
		char label[LABEL_CAP], type[TYPE_CAP], value[VALUE_CAP], marks[24];
		uint32_t bits = h->label[edges[k].ref];
		objid other = edges[k].other;
		const struct cell cells[] = {
			cell_str(label_text(
				h, edges[k].from, edges[k].ref, label, sizeof(label))),
			cell_str(ref_kind_name(ref_kind(bits))),
			{.u = h->addr[other]},
			{.u = edges[k].size},
			cell_str(marks_text(bits, marks)),
			cell_str(type_text(h, h->type[other], type, sizeof(type))),
			cell_str(value_text(h, other, value, sizeof(value))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, n > limit ? n - limit : 0);
}

static size_t
print_references(struct report *r, const struct heap *h, objid i, uint64_t limit)
{
	uint64_t first = h->first[i], n = h->first[i + 1] - first;
	CLEAN_FREE struct edge *edges = xcalloc(n, sizeof(*edges));

	for (uint64_t k = 0; k < n; k++) {
		objid to = h->to[first + k];
		edges[k] = (struct edge){i, to, first + k, heap_size(h, to)};
	}
	print_edges(r, h, "references", "Refers to", edges, n, limit);
	return n;
}

static enum status
print_referrers(struct report *r, const struct heap *h, objid i, uint64_t limit,
	size_t *n, struct errbuf *eb)
{
	CLEAN(graph_in_fini) struct graph_in in = {0};
	enum status st = graph_in_of(h, i, &in, eb);
	if (st != MS_OK)
		return st;

	CLEAN_FREE struct edge *edges = xcalloc(in.n, sizeof(*edges));
	for (uint64_t k = 0; k < in.n; k++)
		edges[k] = (struct edge){
			in.from[k], in.from[k], in.ref[k], heap_size(h, in.from[k])};
	print_edges(r, h, "referrers", "Held by its", edges, in.n, limit);
	*n = in.n;
	return MS_OK;
}

/* ---- the neighbourhood ---- */

static void
put_near(struct rows *rows, const struct heap *h, const struct near *n, size_t k,
	bool is_text)
{
	const struct near_row *row = &n->rows[k];
	char label[LABEL_CAP], indented[LABEL_CAP + 64], type[TYPE_CAP], value[VALUE_CAP];
	bool is_first = row->parent == HEAP_NONE;
	int indent = is_text && row->depth < 30 ? 2 * (int)(row->depth - 1) : 0;

	label_text(h, row->from, row->ref, label, sizeof(label));
	snprintf(indented, sizeof(indented), "%*s%s", indent, "", label);
	const struct cell cells[] = {
		{.u = row->depth},
		cell_str(indented),
		{.u = h->addr[row->id]},
		{.u = heap_size(h, row->id)},
		cell_str(type_text(h, h->type[row->id], type, sizeof(type))),
		cell_str(value_text(h, row->id, value, sizeof(value))),
		{.u = is_first ? 0 : h->addr[n->rows[row->parent].id],
			.absent = is_first},
		{.u = row->more},
	};
	rows_put(rows, cells);
}

/* As a tree: the rows that lie below one are a run, somewhere after it. */
static void
print_near(struct report *r, const struct heap *h, const struct near *n, const char *name,
	const char *title, bool is_text)
{
	const struct column columns[] = {
		{"depth", NULL, CELL_ID},
		{"name", title, CELL_TEXT},
		{"address", "Address", CELL_ADDR},
		{"size", "Size", CELL_BYTES},
		{"type", "Type", CELL_TEXT},
		{"value", "Value", CELL_TEXT},
		{"parent", NULL, CELL_ADDR},
		{"more", NULL, CELL_COUNT},
	};
	CLEAN_FREE size_t *below = xcalloc(n->n + 1, sizeof(*below));
	VEC(size_t) up = {0};

	report_gap(r);
	struct rows *rows = rows_begin(r, name, columns, ARRAY_LEN(columns));
	for (size_t k = n->n; k-- > 0;)
		if (n->rows[k].parent != HEAP_NONE)
			below[n->rows[k].parent] = k;
	for (size_t k = 0; k < n->n;) {
		put_near(rows, h, n, k, is_text);
		if (below[k] != 0) {
			vec_push(&up, k);
			k = below[k];
			continue;
		}
		/* The next of its run, or of the one above. */
		while (k + 1 == n->n || n->rows[k + 1].parent != n->rows[k].parent) {
			if (up.n == 0)
				break;
			k = up.at[--up.n];
		}
		if (k + 1 == n->n || n->rows[k + 1].parent != n->rows[k].parent)
			break;
		k++;
	}
	vec_fini(&up);
	rows_end(rows, n->more);
}

/* The neighbourhood as tables of r, or as a graph if r is NULL. */
static enum status
print_neighbourhood(struct report *r, const struct heap *h, objid i, uint32_t depth,
	uint64_t limit, bool is_text, struct errbuf *eb)
{
	CLEAN(graph_in_fini) struct graph_in turned = {0};
	CLEAN(near_fini) struct near out = {0}, in = {0};

	progress_begin(1);
	progress_step("reverse references", 1);
	enum status st = graph_in_build(h, &turned, eb);
	progress_end();
	if (st == MS_OK)
		st = near_compute(h, NULL, i, depth, limit, &out, eb);
	if (st == MS_OK)
		st = near_compute(h, &turned, i, depth, limit, &in, eb);
	if (st != MS_OK)
		return st;
	if (r == NULL)
		return dot_put(h, i, &in, &out, stdout, eb);
	print_near(r, h, &out, "around_out", "Refers to, step by step", is_text);
	print_near(r, h, &in, "around_in", "Held by, step by step", is_text);
	return MS_OK;
}

static enum status
run_show(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	enum rows_format format;
	uint64_t limit, depth;
	taddr addr;

	(void)exit_code;
	enum status st = cmd_format_limit(a, CMD_LIMIT, &format, &limit, eb);
	if (st == MS_OK)
		st = cmd_number(a, "depth", 1, 1, DEPTH_MAX, &depth, eb);
	if (st != MS_OK)
		return st;
	CLEAN(cmd_sel_fini) struct cmd_sel sel = {0};
	CLEAN(clean_dump) struct dump *dump = NULL;
	bool is_addr = is_address(a);
	if (is_addr)
		st = parse_addr(a->operands[1], &addr, eb);
	else
		st = cmd_sel_parse(a, 1, &sel, eb);
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &dump, eb);
	if (st != MS_OK)
		return st;
	const struct heap *h = dump_heap(dump);
	objid i = OBJID_NONE;
	if (is_addr)
		st = find_object(h, addr, &i, eb);
	else
		st = find_only(&sel, h, &i, eb);
	if (st != MS_OK)
		return st;
	if (!is_addr)
		addr = h->addr[i];

	if (cmd_has(a, "dot"))
		return print_neighbourhood(NULL, h, i, (uint32_t)depth, limit, false, eb);
	struct report *r = report_new(stdout, format);
	size_t n_in = 0;
	print_object(r, h, i, addr);
	print_buffer(r, h, i);
	uint64_t n_roots = print_roots(r, h, i, limit);
	size_t n_out = print_references(r, h, i, limit);
	st = print_referrers(r, h, i, limit, &n_in, eb);
	if (st == MS_OK && n_in == 0 && n_roots == 0)
		report_line(r, "Nothing known holds it.");
	if (st == MS_OK && n_out == 0)
		report_line(r, "It refers to nothing.");
	if (st == MS_OK && depth > 1)
		st = print_neighbourhood(
			r, h, i, (uint32_t)depth, limit, format == ROWS_TEXT, eb);
	return report_end_after(r, st, eb);
}

const struct cmd cmd_show = {
	.name = "show",
	.summary = "show one object: value, references out and in, roots",
	.page = "memscan-path",
	.synopsis = "FILE SEL",
	.opts = opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_show,
};
