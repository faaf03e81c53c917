/*
 * One way to print: a report is a sequence of values, lines and tables, and the format
 * decides how each looks. Machine formats are written as they come; text tables wait for
 * their last row, because the widths of the columns are those of the widest cells.
 */
#include "memscan/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

#include "priv.h"

/* A cell of a text table: where its text lies, and how wide it is on a terminal. */
struct drawn {
	size_t at, len, width;
};

struct report {
	enum rows_format format;
	struct out out;
	size_t n_members;  /* JSON: members written so far */
	size_t n_tables;   /* TSV, CSV: tables so far */
	bool owes_gap;     /* text: an empty line comes before what is printed next */
	struct out values; /* text: pending values, title and value alternating */
	VEC(struct drawn) drawn;
};

struct rows {
	struct report *r;
	const struct column *columns;
	size_t n;
	char *name;
	size_t n_rows, n_groups;
	bool is_first; /* of its group, JSON */
	struct out cells; /* text: what all cells say */
	VEC(struct drawn) drawn;
};

static bool
is_left(const struct column *c)
{
	return c->type == CELL_TEXT || c->type == CELL_ADDR || c->type == CELL_BOOL ||
		c->type == CELL_TIME;
}

/* ---- the document ---- */

struct report *
report_new(FILE *out, enum rows_format format)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->format = format;
	r->out.f = out;
	if (format == ROWS_JSON)
		out_char(&r->out, '{');
	return r;
}

/* JSON: begin a member of the document. */
static void
json_member(struct report *r, const char *name, const char *suffix)
{
	CLEAN(out_fini) struct out key = {0};

	out_str(&r->out, r->n_members++ > 0 ? ",\n  " : "\n  ");
	out_str(&key, name);
	out_str(&key, suffix);
	out_json(&r->out, key.b.at, key.b.n);
	out_str(&r->out, ": ");
}

/* Note the text that was put into o from `from` on. */
static struct drawn
drawn_since(const struct out *o, size_t from)
{
	size_t len = o->b.n - from;

	return (struct drawn){from, len, len > 0 ? utf8_width(o->b.at + from, len) : 0};
}

/* Text: something is printed now. */
static void
pay_gap(struct report *r)
{
	if (r->owes_gap)
		out_char(&r->out, '\n');
	r->owes_gap = false;
}

/* Text: print the values that wait, their titles padded to the longest. */
static void
values_print(struct report *r)
{
	size_t widest = 0;

	if (r->drawn.n > 0)
		pay_gap(r);
	for (size_t i = 0; i < r->drawn.n; i += 2)
		if (r->drawn.at[i].width > widest)
			widest = r->drawn.at[i].width;
	for (size_t i = 0; i < r->drawn.n; i += 2) {
		const struct drawn *title = &r->drawn.at[i], *value = title + 1;
		out_bytes(&r->out, r->values.b.at + title->at, title->len);
		if (value->len > 0)
			out_pad(&r->out, widest - title->width + 1);
		out_bytes(&r->out, r->values.b.at + value->at, value->len);
		out_char(&r->out, '\n');
	}
	r->drawn.n = 0;
	r->values.b.n = 0;
}

void
report_value(struct report *r, const struct column *c, struct cell value)
{
	if (r->format == ROWS_JSON) {
		json_member(r, c->key, "");
		cell_put_json(&r->out, c, &value);
	}
	if (r->format != ROWS_TEXT || c->title == NULL)
		return;
	size_t from = r->values.b.n;
	out_str(&r->values, c->title);
	out_char(&r->values, ':');
	vec_push(&r->drawn, drawn_since(&r->values, from));
	from = r->values.b.n;
	cell_put_text(&r->values, c, &value);
	vec_push(&r->drawn, drawn_since(&r->values, from));
}

void
report_number(struct report *r, const char *key, uint64_t n)
{
	report_value(r, &(struct column){key, NULL, CELL_COUNT}, (struct cell){.u = n});
}

void
report_line(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r->format != ROWS_TEXT)
		return;
	values_print(r);
	va_start(ap, fmt);
	char *line = NULL;
	int n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	pay_gap(r);
	out_bytes(&r->out, line, (size_t)n);
	out_char(&r->out, '\n');
	free(line);
}

void
report_gap(struct report *r)
{
	if (r->format != ROWS_TEXT)
		return;
	values_print(r);
	r->owes_gap = true;
}

enum status
report_end(struct report *r, struct errbuf *eb)
{
	if (r->format == ROWS_TEXT)
		values_print(r);
	if (r->format == ROWS_JSON)
		out_str(&r->out, "\n}\n");
	enum status st = out_finish(&r->out, eb);
	out_fini(&r->out);
	out_fini(&r->values);
	vec_fini(&r->drawn);
	free(r);
	return st;
}

enum status
report_end_after(struct report *r, enum status st, struct errbuf *eb)
{
	struct errbuf end_eb;
	enum status end = report_end(r, &end_eb);

	if (st != MS_OK || end == MS_OK)
		return st;
	*eb = end_eb;
	return end;
}

/* ---- tables ---- */

struct rows *
rows_begin(struct report *r, const char *name, const struct column *columns, size_t n)
{
	struct rows *rows = xcalloc(1, sizeof(*rows));

	*rows = (struct rows){.r = r, .columns = columns, .n = n, .name = xstrdup(name)};
	if (r->format == ROWS_JSON) {
		json_member(r, name, "");
		out_char(&r->out, '[');
	}
	if (r->format == ROWS_TEXT)
		values_print(r);
	if (r->format == ROWS_TSV || r->format == ROWS_CSV) {
		if (r->n_tables++ > 0)
			out_char(&r->out, '\n');
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				out_char(&r->out, r->format == ROWS_CSV ? ',' : '\t');
			out_str(&r->out, columns[i].key);
		}
		out_char(&r->out, '\n');
	}
	return rows;
}

static void
put_json_row(struct rows *rows, const struct cell *cells)
{
	struct out *o = &rows->r->out;
	bool is_next = rows->n_groups > 0 ? !rows->is_first : rows->n_rows > 0;

	rows->is_first = false;
	out_str(o, is_next ? ",\n    {" : "\n    {");
	for (size_t i = 0; i < rows->n; i++) {
		if (i > 0)
			out_str(o, ", ");
		out_json(o, rows->columns[i].key, strlen(rows->columns[i].key));
		out_str(o, ": ");
		cell_put_json(o, &rows->columns[i], &cells[i]);
	}
	out_char(o, '}');
}

void
rows_put(struct rows *rows, const struct cell *cells)
{
	struct report *r = rows->r;

	if (r->format == ROWS_JSON)
		put_json_row(rows, cells);
	for (size_t i = 0; i < rows->n && r->format == ROWS_TEXT; i++) {
		size_t from = rows->cells.b.n;
		if (rows->columns[i].title != NULL)
			cell_put_text(&rows->cells, &rows->columns[i], &cells[i]);
		vec_push(&rows->drawn, drawn_since(&rows->cells, from));
	}
	if (r->format == ROWS_TSV || r->format == ROWS_CSV) {
		for (size_t i = 0; i < rows->n; i++) {
			if (i > 0)
				out_char(&r->out, r->format == ROWS_CSV ? ',' : '\t');
			cell_put_field(&r->out, r->format, &rows->columns[i], &cells[i]);
		}
		out_char(&r->out, '\n');
	}
	rows->n_rows++;
}

void
rows_group(struct rows *rows)
{
	if (rows->r->format == ROWS_JSON)
		out_str(&rows->r->out, rows->n_groups > 0 ? "],\n   [" : "\n   [");
	rows->n_groups++;
	rows->is_first = true;
}

/* Columns of the terminal that f is, or 0 if it is none. */
static size_t
terminal_width(FILE *f)
{
	struct winsize w;

	if (fileno(f) < 0 || !isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &w) != 0)
		return 0;
	return w.ws_col;
}

enum { GAP = 2, CUT_MIN = 12 };

/*
 * Make columns of text narrower, so that a row fits the terminal: the widest first, until
 * several are equally wide.
 */
static void
fit_terminal(const struct rows *rows, size_t *widths)
{
	size_t room = terminal_width(rows->r->out.f), total = 0, widest = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (rows->columns[i].title == NULL)
			continue;
		total += widths[i] + GAP;
		if (rows->columns[i].type != CELL_TEXT)
			continue;
		widest = widths[i] > widest ? widths[i] : widest;
	}
	if (room == 0 || total < GAP || total - GAP <= room)
		return;
	size_t over = total - GAP - room;
	/* One character at a time off all that are as wide as the widest. */
	for (; over > 0 && widest > CUT_MIN; widest--)
		for (size_t i = 0; i < rows->n && over > 0; i++) {
			if (rows->columns[i].title == NULL ||
				rows->columns[i].type != CELL_TEXT || widths[i] < widest)
				continue;
			widths[i]--;
			over--;
		}
}

/* One line of a text table; spaces at its end are left out. */
static void
print_line(struct rows *rows, const size_t *widths, const char *texts,
	const struct drawn *cells)
{
	struct out *o = &rows->r->out;
	size_t owed = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (rows->columns[i].title == NULL)
			continue;
		struct drawn d = cells[i];
		const char *p = d.len > 0 ? texts + d.at : "";
		bool is_cut = d.width > widths[i];
		if (is_cut) {
			d.len = utf8_fit(p, d.len, widths[i] - 3);
			d.width = utf8_width(p, d.len) + 3;
		}
		size_t fill = widths[i] - d.width;
		if (!is_left(&rows->columns[i]))
			owed += fill;
		if (d.len > 0 || is_cut) {
			out_pad(o, owed);
			owed = 0;
			out_bytes(o, p, d.len);
			if (is_cut)
				out_str(o, "...");
		}
		if (is_left(&rows->columns[i]))
			owed += fill;
		owed += GAP;
	}
	out_char(o, '\n');
}

/* Text: the whole table, now that all of it is known. */
static void
print_table(struct rows *rows)
{
	CLEAN_FREE size_t *widths = xcalloc(rows->n, sizeof(*widths));
	CLEAN_FREE struct drawn *heads = xcalloc(rows->n, sizeof(*heads));
	CLEAN(out_fini) struct out titles = {0};

	for (size_t i = 0; i < rows->n; i++) {
		size_t from = titles.b.n;
		if (rows->columns[i].title != NULL)
			out_str(&titles, rows->columns[i].title);
		heads[i] = drawn_since(&titles, from);
		widths[i] = heads[i].width;
	}
	for (size_t k = 0; k < rows->drawn.n; k++)
		if (rows->drawn.at[k].width > widths[k % rows->n])
			widths[k % rows->n] = rows->drawn.at[k].width;
	fit_terminal(rows, widths);
	pay_gap(rows->r);
	print_line(rows, widths, titles.b.at, heads);
	for (size_t k = 0; k < rows->drawn.n; k += rows->n)
		print_line(rows, widths, rows->cells.b.at, rows->drawn.at + k);
}

void
rows_end(struct rows *rows, uint64_t more)
{
	struct report *r = rows->r;
	char num[TEXT_NUM];

	if (r->format == ROWS_JSON) {
		if (rows->n_groups > 0)
			out_char(&r->out, ']');
		out_str(&r->out, rows->n_rows > 0 ? "\n  ]" : "]");
		if (more > 0) {
			json_member(r, rows->name, "_more");
			out_u64(&r->out, more);
		}
	}
	if (r->format == ROWS_TEXT && rows->n_rows > 0)
		print_table(rows);
	if (r->format == ROWS_TEXT && more > 0)
		out_printf(&r->out, "... and %s more %s\n", text_count(num, more),
			rows->name);
	out_fini(&rows->cells);
	vec_fini(&rows->drawn);
	free(rows->name);
	free(rows);
}
