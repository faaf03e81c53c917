/*
 * One cell as each format has it: readable in text, exact elsewhere.
 */
#include "priv.h"

#include <time.h>

#include "memscan/text.h"

struct cell
cell_str(const char *s)
{
	return (struct cell){.s = s, .len = s != NULL ? strlen(s) : 0};
}

double
percent_of(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part * 100 / (double)whole;
}

static bool
is_absent(const struct column *c, const struct cell *v)
{
	return v->absent || (c->type == CELL_TEXT && v->s == NULL);
}

static void
put_time(struct out *o, uint64_t seconds)
{
	char buf[64];
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > INT64_MAX || gmtime_r(&t, &tm) == NULL ||
		strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		out_u64(o, seconds);
	else
		out_str(o, buf);
}

/* The sign, then the amount; none of what did not change. */
static void
put_change(struct out *o, const struct column *c, uint64_t change)
{
	bool is_less = (int64_t)change < 0;
	uint64_t by = is_less ? 0 - change : change;
	char num[TEXT_NUM];

	out_str(o, by == 0 ? "" : is_less ? "-" : "+");
	out_str(o,
		c->type == CELL_COUNT_CHANGE ? text_count(num, by) : text_size(num, by));
}

void
cell_put_text(struct out *o, const struct column *c, const struct cell *v)
{
	char num[TEXT_NUM];

	if (is_absent(c, v))
		return;
	switch (c->type) {
	case CELL_TEXT:
		out_safe(o, v->s, v->len);
		return;
	case CELL_COUNT:
		out_str(o, text_count(num, v->u));
		return;
	case CELL_BYTES:
		out_str(o, text_size(num, v->u));
		return;
	case CELL_PERCENT:
		out_printf(o, "%.1f", v->d);
		return;
	case CELL_ADDR:
		out_hex(o, v->u);
		return;
	case CELL_BOOL:
		out_str(o, v->u != 0 ? "yes" : "no");
		return;
	case CELL_ID:
		out_u64(o, v->u);
		return;
	case CELL_NANOS:
		out_str(o, text_duration(num, v->u));
		return;
	case CELL_TIME:
		put_time(o, v->u);
		return;
	case CELL_COUNT_CHANGE:
	case CELL_BYTES_CHANGE:
		put_change(o, c, v->u);
		return;
	}
}

/* Exactly: numbers of JSON, TSV and CSV are the same. Texts are the caller's. */
static void
put_exact(struct out *o, const struct column *c, const struct cell *v)
{
	switch (c->type) {
	case CELL_TEXT:
		return;
	case CELL_PERCENT:
		out_printf(o, "%.4f", v->d);
		return;
	case CELL_ADDR:
		out_hex(o, v->u);
		return;
	case CELL_BOOL:
		out_str(o, v->u != 0 ? "true" : "false");
		return;
	case CELL_COUNT:
	case CELL_BYTES:
	case CELL_ID:
	case CELL_NANOS:
	case CELL_TIME:
		out_u64(o, v->u);
		return;
	case CELL_COUNT_CHANGE:
	case CELL_BYTES_CHANGE:
		if ((int64_t)v->u < 0)
			out_char(o, '-');
		out_u64(o, (int64_t)v->u < 0 ? 0 - v->u : v->u);
		return;
	}
}

void
cell_put_json(struct out *o, const struct column *c, const struct cell *v)
{
	bool is_quoted = c->type == CELL_ADDR;

	if (is_absent(c, v)) {
		out_str(o, "null");
		return;
	}
	if (c->type == CELL_TEXT) {
		out_json(o, v->s, v->len);
		return;
	}
	if (is_quoted)
		out_char(o, '"');
	put_exact(o, c, v);
	if (is_quoted)
		out_char(o, '"');
}

void
cell_put_field(struct out *o, enum rows_format format, const struct column *c,
	const struct cell *v)
{
	CLEAN(out_fini) struct out safe = {0};

	if (is_absent(c, v))
		return;
	if (c->type != CELL_TEXT) {
		put_exact(o, c, v);
		return;
	}
	out_safe(&safe, v->s, v->len);
	bool is_quoted = false;
	for (size_t i = 0; format == ROWS_CSV && i < safe.b.n; i++)
		is_quoted |= safe.b.at[i] == '"' || safe.b.at[i] == ',';
	if (!is_quoted) {
		out_bytes(o, safe.b.at, safe.b.n);
		return;
	}
	out_char(o, '"');
	for (size_t i = 0; i < safe.b.n; i++) {
		if (safe.b.at[i] == '"')
			out_char(o, '"');
		out_char(o, safe.b.at[i]);
	}
	out_char(o, '"');
}
