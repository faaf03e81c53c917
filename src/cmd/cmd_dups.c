/*
 * memscan dups: equal values stored many times, and dicts of one shape that could be
 * __slots__; what one of each would save.
 */
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/saving.h"
#include "memscan/text.h"

#include "sel.h"

enum { TYPE_CAP = 512, NAME_CAP = 1024, VALUE_CAP = 160 };

static const struct cmd_opt opts[] = {
	{0, "limit", "N", "print N rows of each table, 0: all (20)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

struct answer {
	struct cmd_query in;
	struct kinds owners, shapes;
	struct equals equals;
	struct dups dups;
	struct slots slots;
	uint64_t n, unknown; /* objects selected, and of them not compared */
	uint64_t unknown_bytes;
};

static void
answer_fini(struct answer *a)
{
	kinds_fini(&a->owners);
	kinds_fini(&a->shapes);
	equals_fini(&a->equals);
	dups_fini(&a->dups);
	slots_fini(&a->slots);
	cmd_query_fini(&a->in);
}

/* "dict of Foo .name", "list [*]" */
static const char *
holder_text(const struct answer *a, uint32_t holder, char *buf, size_t cap)
{
	char kind[TYPE_CAP], step[NAME_CAP / 2];

	if (holder == HEAP_NONE)
		return NULL;
	const struct dups_holder *d = &a->dups.holders[holder];
	kind_text(a->in.h, &a->owners, d->kind, kind, sizeof(kind));
	step_text(a->in.h, d->from, d->ref, d->varies, step, sizeof(step));
	snprintf(buf, cap, "%s %s", kind, step);
	return buf;
}

/* ---- tables ---- */

static void
put_types(struct report *r, const struct answer *a)
{
	static const struct column columns[] = {
		{"saved", "Saves", CELL_BYTES},
		{"percent", "%", CELL_PERCENT},
		{"count", "Objects", CELL_COUNT},
		{"values", "Values", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"type", "Equal objects of type", CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "types", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < a->dups.n_types && k < a->in.limit; k++) {
		char type[TYPE_CAP];
		const struct dups_type *t = &a->dups.types[k];
		const struct cell cells[] = {
			{.u = t->saved},
			{.d = percent_of(t->saved, a->dups.saved)},
			{.u = t->count},
			{.u = t->values},
			{.u = t->bytes},
			cell_str(type_text(a->in.h, t->type, type, sizeof(type))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, a->dups.n_types - k);
}

static void
put_values(struct report *r, const struct answer *a)
{
	static const struct column columns[] = {
		{"saved", "Saves", CELL_BYTES},
		{"count", "Objects", CELL_COUNT},
		{"size", NULL, CELL_BYTES},
		{"type", "Type", CELL_TEXT},
		{"value", "Value", CELL_TEXT},
		{"holder", "Mostly held by", CELL_TEXT},
		{"held", NULL, CELL_COUNT},
		{"held_percent", "%", CELL_PERCENT},
		{"address", "Example", CELL_ADDR},
		{"by_digest", NULL, CELL_BOOL},
	};
	struct rows *rows = rows_begin(r, "values", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < a->dups.n && k < a->in.limit; k++) {
		char type[TYPE_CAP], value[VALUE_CAP], holder[NAME_CAP];
		const struct dups_row *d = &a->dups.rows[k];
		const struct cell cells[] = {
			{.u = d->saved},
			{.u = d->count},
			{.u = d->bytes},
			cell_str(type_text(
				a->in.h, a->in.h->type[d->first], type, sizeof(type))),
			cell_str(value_text(a->in.h, d->first, value, sizeof(value))),
			cell_str(holder_text(a, d->holder, holder, sizeof(holder))),
			{.u = d->held},
			{.d = percent_of(d->held, d->count),
				.absent = d->holder == HEAP_NONE},
			{.u = a->in.h->addr[d->first]},
			{.u = bitset_has(&a->equals.by_digest, d->first)},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, a->dups.n - k);
}

static void
put_holders(struct report *r, const struct answer *a)
{
	static const struct column columns[] = {
		{"saved", "Saves", CELL_BYTES},
		{"percent", "%", CELL_PERCENT},
		{"count", "Objects", CELL_COUNT},
		{"holder", "Held by", CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "holders", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < a->dups.n_holders && k < a->in.limit; k++) {
		char holder[NAME_CAP];
		uint32_t at = a->dups.holder_order[k];
		const struct dups_holder *d = &a->dups.holders[at];
		const struct cell cells[] = {
			{.u = d->saved},
			{.d = percent_of(d->saved, a->dups.saved)},
			{.u = d->count},
			cell_str(holder_text(a, at, holder, sizeof(holder))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, a->dups.n_holders - k);
}

static void
put_shapes(struct report *r, const struct answer *a)
{
	static const struct column columns[] = {
		{"saved", "Saves", CELL_BYTES},
		{"count", "Dicts", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"kind", "Kind", CELL_TEXT},
		{"shape", "Keys", CELL_TEXT},
		{"address", "Example", CELL_ADDR},
	};
	struct rows *rows = rows_begin(r, "shapes", columns, ARRAY_LEN(columns));
	size_t k = 0;

	for (; k < a->slots.n && k < a->in.limit; k++) {
		char kind[TYPE_CAP], shape[NAME_CAP];
		const struct slots_row *s = &a->slots.rows[k];
		const struct cell cells[] = {
			{.u = s->saved},
			{.u = s->count},
			{.u = s->bytes},
			cell_str(kind_text(
				a->in.h, &a->owners, s->kind, kind, sizeof(kind))),
			cell_str(kind_text(
				a->in.h, &a->shapes, s->shape, shape, sizeof(shape))),
			{.u = a->in.h->addr[s->first]},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, a->slots.n - k);
}

/* ---- the command ---- */

static void
put_totals(struct report *r, const struct answer *a)
{
	char count[TEXT_NUM], values[TEXT_NUM], saved[TEXT_NUM];
	const struct dups *d = &a->dups;

	report_number(r, "objects", a->n);
	report_number(r, "count", d->count);
	report_number(r, "values_count", d->n);
	report_number(r, "size", d->bytes);
	report_number(r, "saved", d->saved);
	report_number(r, "shapes_count", a->slots.count);
	report_number(r, "shapes_saved", a->slots.saved);
	report_number(r, "not_compared", a->unknown);
	report_number(r, "not_compared_size", a->unknown_bytes);
	if (a->n == 0)
		report_line(r, "No objects match.");
	else if (d->n == 0)
		report_line(r, "No two objects%s are equal.",
			a->unknown > 0 ? " that could be compared" : "");
	else
		report_line(r,
			"%s objects have %s value%s. One of each would save %s bytes.",
			text_count(count, d->count), text_count(values, d->n),
			d->n == 1 ? "" : "s", text_count(saved, d->saved));
	if (a->unknown == 0)
		return;
	report_line(r,
		"%s long value%s of %s bytes could not be compared: the dump has neither "
		"the whole nor a digest,",
		text_count(count, a->unknown), a->unknown == 1 ? "" : "s",
		text_count(values, a->unknown_bytes));
	report_line(r, "as large raw buffers are not copied from a process.");
}

static void
print_tables(struct report *r, const struct answer *a)
{
	char count[TEXT_NUM], saved[TEXT_NUM];

	if (a->dups.n > 0 || a->in.format != ROWS_TEXT) {
		put_types(r, a);
		report_gap(r);
		put_values(r, a);
		report_gap(r);
		put_holders(r, a);
	}
	if (a->in.format == ROWS_TEXT && a->slots.n == 0)
		return;
	report_gap(r);
	report_line(r, "%s dicts have keys in common. As __slots__, their values would "
		       "save %s bytes.",
		text_count(count, a->slots.count), text_count(saved, a->slots.saved));
	put_shapes(r, a);
}

/* What could not be compared. */
static void
print_notes(const struct answer *a)
{
	const struct equals *e = &a->equals;

	if (a->n > 0 && e->values == 0)
		log_at(LOG_NORMAL,
			"note: taken with --values none: only what holds the same "
			"objects is known to be equal");
	for (size_t k = 0; k < a->dups.n; k++)
		if (bitset_has(&e->by_digest, a->dups.rows[k].first)) {
			log_at(LOG_NORMAL,
				"note: values that the dump has in part are equal by a "
				"digest of 64 bits");
			break;
		}
}

static enum status
compute(struct answer *a, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset dicts = {0};
	const struct heap *h = a->in.h;
	const struct bitset *set = &a->in.set;

	progress_begin(100);
	progress_step("kinds", 5);
	enum status st = kinds_make(h, KINDS_OWNER, NULL, &a->owners, eb);
	progress_step("equal values", 45);
	if (st == MS_OK)
		st = equals_compute(h, &a->equals, eb);
	progress_step("what holds them", 25);
	if (st == MS_OK)
		st = dups_compute(h, set, &a->equals, &a->owners, &a->dups, eb);
	if (st == MS_OK)
		st = slots_dicts(h, set, &a->owners, &dicts, eb);
	progress_step("shapes", 25);
	if (st == MS_OK)
		st = kinds_make(h, KINDS_SHAPE, &dicts, &a->shapes, eb);
	progress_end();
	if (st != MS_OK)
		return st;
	slots_compute(h, &dicts, &a->owners, &a->shapes, &a->slots);
	a->n = bitset_count(set);
	BITSET_EACH(i, set)
	{
		if (!bitset_has(&a->equals.unknown, i))
			continue;
		a->unknown++;
		a->unknown_bytes += object_bytes(h, (objid)i);
	}
	return MS_OK;
}

static enum status
run_dups(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	CLEAN(answer_fini) struct answer a = {0};

	(void)exit_code;
	enum status st = cmd_query_open(args, CMD_LIMIT, &a.in, eb);
	if (st == MS_OK)
		st = compute(&a, eb);
	if (st != MS_OK)
		return st;
	struct report *r = report_new(stdout, a.in.format);
	put_totals(r, &a);
	print_tables(r, &a);
	st = report_end(r, eb);
	if (st == MS_OK)
		print_notes(&a);
	return st;
}

const struct cmd cmd_dups = {
	.name = "dups",
	.summary = "find equal values that are stored many times",
	.page = "memscan-summary",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_dups,
};
