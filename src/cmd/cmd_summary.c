/*
 * memscan summary: objects by kind, the first thing to look at in a dump. Only the
 * columns that it needs are opened: it must answer at once for millions of objects.
 */
#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sel.h"

enum { SUB_TEXT = 5, KIND_MAX = 2048, KIND_TEXT = 400 };

#define KINDS "type|owner|module|size|referrers|via|value|shape|interpreter|generation"

static const struct cmd_opt opts[] = {
	{0, "by", KINDS, "what makes a kind (owner)"},
	{0, "then", KINDS, "divide each kind by this, too"},
	{0, "sort", "size|count|name", "order of the kinds (size)"},
	{0, "limit", "N", "print N kinds, 0: all (20 in text, else 0)"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static const struct column columns[] = {
	{"index", "Index", CELL_ID},
	{"count", "Count", CELL_COUNT},
	{"count_percent", "%", CELL_PERCENT},
	{"size", "Size", CELL_BYTES},
	{"size_percent", "%", CELL_PERCENT},
	{"cumulative_size", NULL, CELL_BYTES},
	{"cumulative_percent", "Cum %", CELL_PERCENT},
	{"buffers", "Buffers", CELL_BYTES},
	{"largest", "Largest", CELL_BYTES},
	{"largest_address", NULL, CELL_ADDR},
	{"kind", "Kind", CELL_TEXT},
	{"then", NULL, CELL_TEXT},
};

enum {
	COL_INDEX,
	COL_COUNT,
	COL_COUNT_PCT,
	COL_SIZE,
	COL_SIZE_PCT,
	COL_CUM,
	COL_CUM_PCT,
	COL_BUFFERS,
	COL_LARGEST,
	COL_LARGEST_AT,
	COL_KIND,
	COL_THEN,
	N_COLS
};

/* What a summary is printed from. */
struct shown {
	struct report *r;
	enum rows_format format;
	const struct heap *h;
	struct summary s;
	struct kinds by, then;
	bool has_then;
	uint64_t limit;
};

static void
shown_fini(struct shown *w)
{
	summary_fini(&w->s);
	kinds_fini(&w->by);
	kinds_fini(&w->then);
}

/* ---- order by name ---- */

struct named_row {
	char *name;
	struct summary_row row;
};

static int
compare_names(const void *pa, const void *pb)
{
	const struct named_row *a = pa, *b = pb;
	int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	return a->row.kind < b->row.kind ? -1 : a->row.kind > b->row.kind;
}

static void
sort_by_name(
	const struct heap *h, const struct kinds *k, struct summary_row *rows, size_t n)
{
	CLEAN_FREE struct named_row *named = xcalloc(n + 1, sizeof(*named));
	char name[KIND_MAX];

	for (size_t i = 0; i < n; i++) {
		named[i].name =
			xstrdup(kind_text(h, k, rows[i].kind, name, sizeof(name)));
		named[i].row = rows[i];
	}
	qsort(named, n, sizeof(*named), compare_names);
	for (size_t i = 0; i < n; i++) {
		free(named[i].name);
		rows[i] = named[i].row;
	}
}

static void
sort_all_by_name(struct shown *w)
{
	sort_by_name(w->h, &w->by, w->s.rows, w->s.n);
	for (size_t i = 0; w->has_then && i < w->s.n; i++)
		sort_by_name(
			w->h, &w->then, w->s.sub + w->s.rows[i].sub, w->s.rows[i].n_sub);
}

/* ---- rows ---- */

/*
 * One row; cumulative is NULL for one of the second division. In text that has an
 * indented kind, elsewhere both.
 */
static void
put_row(struct shown *w, struct rows *rows, size_t index, const struct summary_row *row,
	const uint64_t *cumulative, const char *kind, const char *then)
{
	const struct summary *s = &w->s;
	const struct heap *h = w->h;
	taddr largest_at = h->addr != NULL ? h->addr[row->largest_id] : 0;
	char indented[KIND_MAX + 8];
	bool is_sub = cumulative == NULL, is_text = w->format == ROWS_TEXT;

	if (is_sub && is_text) {
		snprintf(indented, sizeof(indented), "    %s", then);
		kind = indented;
	}
	const struct cell cells[N_COLS] = {
		[COL_INDEX] = {.u = index, .absent = is_sub && is_text},
		[COL_COUNT] = {.u = row->count},
		[COL_COUNT_PCT] = {.d = percent_of(row->count, s->count)},
		[COL_SIZE] = {.u = row->size},
		[COL_SIZE_PCT] = {.d = percent_of(row->size, s->size)},
		[COL_CUM] = {.u = is_sub ? 0 : *cumulative, .absent = is_sub},
		[COL_CUM_PCT] = {.d = is_sub ? 0 : percent_of(*cumulative, s->size),
			.absent = is_sub},
		[COL_BUFFERS] = {.u = row->buffers},
		[COL_LARGEST] = {.u = row->largest},
		[COL_LARGEST_AT] = {.u = largest_at},
		[COL_KIND] = cell_str(kind),
		[COL_THEN] = cell_str(then),
	};
	rows_put(rows, cells);
}

/* The second division of one row, the first few of it in text. */
static void
put_sub(struct shown *w, struct rows *rows, size_t index, const char *kind)
{
	const struct summary_row *row = &w->s.rows[index];
	size_t most =
		w->format == ROWS_TEXT && w->limit != UINT64_MAX ? SUB_TEXT : SIZE_MAX;
	size_t cap = w->format == ROWS_TEXT ? KIND_TEXT : KIND_MAX;
	char then[KIND_MAX], more[TEXT_NUM + 24], num[TEXT_NUM];

	for (size_t i = 0; i < row->n_sub && i < most; i++) {
		const struct summary_row *sub = &w->s.sub[row->sub + i];
		kind_text(w->h, &w->then, sub->kind, then, cap);
		put_row(w, rows, index, sub, NULL, kind, then);
	}
	if (row->n_sub <= most)
		return;
	struct cell cells[N_COLS];
	for (size_t c = 0; c < N_COLS; c++)
		cells[c] = (struct cell){.absent = true};
	snprintf(more, sizeof(more), "    ... and %s more",
		text_count(num, row->n_sub - most));
	cells[COL_KIND] = cell_str(more);
	rows_put(rows, cells);
}

static const char *
table_name(const struct shown *w)
{
	return w->by.by == KINDS_MODULE ? "modules" : "kinds";
}

static void
print_rows(struct shown *w)
{
	size_t cap = w->format == ROWS_TEXT ? KIND_TEXT : KIND_MAX;
	struct column shown[N_COLS];
	uint64_t cumulative = 0;

	memcpy(shown, columns, sizeof(shown));
	if (w->s.buffers == 0)
		shown[COL_BUFFERS].title = NULL;
	struct rows *rows =
		rows_begin(w->r, table_name(w), shown, w->has_then ? N_COLS : COL_THEN);

	for (size_t i = 0; i < w->s.n && i < w->limit; i++) {
		const struct summary_row *row = &w->s.rows[i];
		char kind[KIND_MAX];
		cumulative += row->size;
		kind_text(w->h, &w->by, row->kind, kind, cap);
		put_row(w, rows, i, row, &cumulative, kind, NULL);
		if (w->has_then)
			put_sub(w, rows, i, kind);
	}
	rows_end(rows, w->s.n > w->limit ? w->s.n - w->limit : 0);
}

static void
print_totals(struct shown *w)
{
	char objects[TEXT_NUM], kinds[TEXT_NUM], bytes[TEXT_NUM], buffers[TEXT_NUM];
	const struct summary *s = &w->s;
	bool is_one = w->s.n == 1;
	const char *what = w->by.by == KINDS_MODULE ? is_one ? "module" : "modules"
		: is_one                            ? "kind"
						    : "kinds";

	report_number(w->r, "objects", s->count);
	report_number(w->r, "size", s->size);
	report_number(w->r, "buffers", s->buffers);
	text_count(objects, s->count);
	text_count(kinds, s->n);
	text_count(bytes, s->size);
	text_count(buffers, s->buffers);
	if (s->count == 0)
		report_line(w->r, "No objects match.");
	else if (s->buffers == 0)
		report_line(w->r, "%s objects of %s %s take %s bytes.", objects, kinds,
			what, bytes);
	else
		report_line(w->r,
			"%s objects of %s %s take %s bytes, and %s bytes in buffers.",
			objects, kinds, what, bytes, buffers);
}

/* What the reader must know before trusting the numbers. */
static void
print_notes(const struct heap *h)
{
	const char *stopped = heap_meta_get(h, "stopped");
	uint64_t damage = 0, guessed = 0;

	for (uint32_t i = 0; i < h->ndamage; i++)
		damage += h->damage[i].count;
	for (uint64_t r = 0; r < h->nref; r++)
		guessed += (h->label[r] & REF_GUESS) != 0;
	if (damage > 0)
		log_at(LOG_NORMAL,
			"note: %" PRIu64 " things could not be read: see 'memscan info'",
			damage);
	if (guessed > 0)
		log_at(LOG_NORMAL,
			"note: %" PRIu64 " of %" PRIu64
			" references are guesses: see 'memscan info --types'",
			guessed, h->nref);
	if (stopped != NULL && strcmp(stopped, "no") == 0)
		log_at(LOG_NORMAL,
			"note: taken with --no-stop, while the process ran on: "
			"approximate");
}

/* A word of KINDS; owner without one. */
static enum kinds_by
kinds_by(const char *word)
{
	if (word == NULL)
		return KINDS_OWNER;
	for (unsigned by = 0; by < KINDS_COUNT; by++)
		if (strcmp(kinds_by_name((enum kinds_by)by), word) == 0)
			return (enum kinds_by)by;
	return KINDS_OWNER;
}

/* Columns without which a division cannot be made. */
static uint32_t
columns_of(enum kinds_by by)
{
	uint32_t needed = 1u << DC_STRS | 1u << DC_STRO | 1u << DC_TYPE | 1u << DC_OTYP |
		1u << DC_OSIZ | 1u << DC_OBIG | 1u << DC_OBUF | 1u << DC_REFF |
		1u << DC_REFT | 1u << DC_REFL | 1u << DC_DMGE | 1u << DC_META;

	if (by == KINDS_INTERPRETER)
		needed |= 1u << DC_OINT;
	else if (by == KINDS_GENERATION)
		needed |= 1u << DC_OGEN;
	else if (by >= KINDS_REFERRERS)
		needed |= 1u << DC_ROOT | 1u << DC_VALS | 1u << DC_VALA;
	return needed;
}

/* Open the dump, select, divide and count. */
static enum status
compute(const struct cmd_args *a, struct cmd_sel *sel, struct shown *w,
	struct dump **dump, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	enum kinds_by by = kinds_by(cmd_value(a, "by"));
	enum kinds_by then = kinds_by(cmd_value(a, "then"));
	const char *sort = cmd_value(a, "sort");
	bool is_partial = cmd_sel_is_partial(sel), has_then = cmd_has(a, "then");
	uint32_t needed = columns_of(by) | (has_then ? columns_of(then) : 0);

	/* Addresses are in machine formats alone. */
	if (w->format != ROWS_TEXT)
		needed |= 1u << DC_OADR;
	enum status st =
		dump_open(a->operands[0], is_partial ? DUMP_ALL : needed, dump, eb);
	if (st != MS_OK)
		return st;
	w->h = dump_heap(*dump);
	if (is_partial)
		st = cmd_sel_make(sel, w->h, &set, eb);
	progress_begin(has_then ? 2 : 1);
	progress_step("kinds", 1);
	if (st == MS_OK)
		st = kinds_make(w->h, by, is_partial ? &set : NULL, &w->by, eb);
	progress_step("parts of kinds", 1);
	if (st == MS_OK && has_then)
		st = kinds_make(w->h, then, is_partial ? &set : NULL, &w->then, eb);
	progress_end();
	if (st != MS_OK)
		return st;
	w->has_then = has_then;
	bool by_count = sort != NULL && *sort == 'c';
	summary_compute(w->h, &w->by, has_then ? &w->then : NULL,
		by_count ? SUMMARY_BY_COUNT : SUMMARY_BY_SIZE, &w->s);
	if (sort != NULL && *sort == 'n')
		sort_all_by_name(w);
	return MS_OK;
}

static enum status
run_summary(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_sel_fini) struct cmd_sel sel = {0};
	CLEAN(clean_dump) struct dump *dump = NULL;
	CLEAN(shown_fini) struct shown w = {0};

	(void)exit_code;
	enum status st = cmd_format_limit(a, 0, &w.format, &w.limit, eb);
	if (st == MS_OK)
		st = cmd_sel_parse(a, 1, &sel, eb);
	if (st == MS_OK)
		st = compute(a, &sel, &w, &dump, eb);
	if (st != MS_OK)
		return st;
	w.r = report_new(stdout, w.format);
	print_totals(&w);
	print_rows(&w);
	st = report_end(w.r, eb);
	if (st == MS_OK)
		print_notes(w.h);
	return st;
}

const struct cmd cmd_summary = {
	.name = "summary",
	.summary = "count objects and bytes by kind",
	.page = "memscan-summary",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_summary,
};
