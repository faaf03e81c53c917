/*
 * memscan summary: objects by kind, the first thing to look at in a dump. Only the
 * columns that it needs are opened: it must answer at once for millions of objects.
 */
#include "memscan/analysis.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#include <inttypes.h>
#include <string.h>

#include "priv.h"

enum { LIMIT_TEXT = 20, KIND_MAX = 512 };

static const struct cmd_opt opts[] = {
	{0, "by", "type|module", "what makes a kind (type)"},
	{0, "sort", "size|count|name", "order of the kinds (size)"},
	{0, "limit", "N", "print N kinds, 0: all (20 in text, else 0)"},
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
	N_COLS
};

static double
percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part * 100 / (double)whole;
}

/* "dict of Foo", a type, or a module. */
static char *
kind_text(const struct heap *h, enum summary_by by, const struct summary_row *row,
	char *buf, size_t cap)
{
	if (by == SUMMARY_MODULE) {
		const char *name = heap_str(h, row->name, NULL);
		snprintf(buf, cap, "%s", *name != '\0' ? name : "(none)");
		return buf;
	}
	type_text(h, row->type, buf, cap);
	if (row->owner == HEAP_NONE)
		return buf;
	size_t n = strlen(buf);
	snprintf(buf + n, cap - n, " of ");
	n = strlen(buf);
	type_text(h, row->owner, buf + n, cap - n);
	return buf;
}

static void
print_rows(struct report *r, const struct heap *h, const struct summary *s,
	enum summary_by by, size_t limit)
{
	struct column shown[N_COLS];
	uint64_t cumulative = 0;

	memcpy(shown, columns, sizeof(shown));
	if (s->buffers == 0)
		shown[COL_BUFFERS].title = NULL;
	struct rows *rows =
		rows_begin(r, by == SUMMARY_MODULE ? "modules" : "kinds", shown, N_COLS);

	for (size_t i = 0; i < s->n && i < limit; i++) {
		const struct summary_row *row = &s->rows[i];
		char kind[2 * KIND_MAX];
		taddr largest_at = h->addr != NULL ? h->addr[row->largest_id] : 0;
		cumulative += row->size;
		const struct cell cells[N_COLS] = {
			[COL_INDEX] = {.u = i},
			[COL_COUNT] = {.u = row->count},
			[COL_COUNT_PCT] = {.d = percent(row->count, s->count)},
			[COL_SIZE] = {.u = row->size},
			[COL_SIZE_PCT] = {.d = percent(row->size, s->size)},
			[COL_CUM] = {.u = cumulative},
			[COL_CUM_PCT] = {.d = percent(cumulative, s->size)},
			[COL_BUFFERS] = {.u = row->buffers},
			[COL_LARGEST] = {.u = row->largest},
			[COL_LARGEST_AT] = {.u = largest_at},
			[COL_KIND] = cell_str(kind_text(h, by, row, kind, sizeof(kind))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, s->n > limit ? s->n - limit : 0);
}

static void
print_totals(struct report *r, const struct summary *s, enum summary_by by)
{
	char objects[TEXT_NUM], kinds[TEXT_NUM], bytes[TEXT_NUM], buffers[TEXT_NUM];
	const char *what = by == SUMMARY_MODULE ? "modules" : "kinds";

	text_count(objects, s->count);
	text_count(kinds, s->n);
	text_count(bytes, s->size);
	text_count(buffers, s->buffers);
	if (s->buffers == 0)
		report_line(r, "%s objects of %s %s take %s bytes.", objects, kinds, what,
			bytes);
	else
		report_line(r, "%s objects of %s %s take %s bytes, and %s bytes in buffers.",
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

static enum status
run_summary(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	uint32_t needed = 1u << DC_STRS | 1u << DC_STRO | 1u << DC_TYPE | 1u << DC_OTYP |
		1u << DC_OSIZ | 1u << DC_OBIG | 1u << DC_OBUF | 1u << DC_REFF |
		1u << DC_REFT | 1u << DC_REFL | 1u << DC_DMGE | 1u << DC_META;
	const char *by_word = cmd_value(a, "by"), *sort_word = cmd_value(a, "sort");
	enum summary_by by =
		by_word != NULL && *by_word == 'm' ? SUMMARY_MODULE : SUMMARY_TYPE;
	enum summary_sort sort = SUMMARY_BY_SIZE;
	enum rows_format format;
	uint64_t limit;

	(void)exit_code;
	if (sort_word != NULL && *sort_word != 's')
		sort = *sort_word == 'c' ? SUMMARY_BY_COUNT : SUMMARY_BY_NAME;
	enum status st = cmd_format(a, &format, eb);
	if (st != MS_OK)
		return st;
	st = cmd_number(a, "limit", format == ROWS_TEXT ? LIMIT_TEXT : 0, 0, UINT64_MAX,
		&limit, eb);
	if (st != MS_OK)
		return st;
	/* Addresses are in machine formats alone. */
	if (format != ROWS_TEXT)
		needed |= 1u << DC_OADR;
	CLEAN(clean_dump) struct dump *dump = NULL;
	st = dump_open(a->operands[0], needed, &dump, eb);
	if (st != MS_OK)
		return st;
	const struct heap *h = dump_heap(dump);
	CLEAN(summary_fini) struct summary s = {0};
	st = summary_compute(h, by, sort, &s, eb);
	if (st != MS_OK)
		return st;

	struct report *r = report_new(stdout, format);
	report_value(r, &(struct column){"objects", NULL, CELL_COUNT},
		(struct cell){.u = s.count});
	report_value(r, &(struct column){"size", NULL, CELL_BYTES},
		(struct cell){.u = s.size});
	report_value(r, &(struct column){"buffers", NULL, CELL_BYTES},
		(struct cell){.u = s.buffers});
	print_totals(r, &s, by);
	print_rows(r, h, &s, by, limit == 0 ? SIZE_MAX : limit);
	st = report_end(r, eb);
	if (st == MS_OK)
		print_notes(h);
	return st;
}

const struct cmd cmd_summary = {
	.name = "summary",
	.summary = "count objects and bytes by kind",
	.synopsis = "FILE",
	.opts = opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_summary,
};
