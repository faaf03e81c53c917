/*
 * What diff prints: the kinds that changed, what holds what is new, single objects.
 */
#include "diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/change.h"
#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

enum { KIND_CAP = 512, WAY_CAP = 4096, VALUE_CAP = 160, WAYS_TEXT = 10 };

char *
elapsed_text(uint64_t seconds, char *buf, size_t cap)
{
	unsigned long long s = seconds;

	if (s >= 86400)
		snprintf(buf, cap, "%llu d %llu h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(buf, cap, "%llu h %02llu min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(buf, cap, "%llu min %02llu s", s / 60, s % 60);
	else
		snprintf(buf, cap, "%llu s", s);
	return buf;
}

/* ---- totals ---- */

/* A count that there is of one process alone. */
static void
put_matched(struct report *r, const struct diff_answer *a, const char *key, uint64_t n)
{
	report_value(r, &(struct column){key, NULL, CELL_COUNT},
		(struct cell){.u = n, .absent = !a->is_same});
}

static void
put_lines(struct report *r, const struct diff_answer *a)
{
	const struct diff_row *t = &a->diff.total;
	char n[5][TEXT_NUM], elapsed[64];
	uint64_t then = created_at(a->side[OLDER].h), now = created_at(a->side[NEWER].h);
	int64_t growth = diff_growth(t);

	report_line(r, "%s objects of %s bytes;", text_count(n[0], t->all[OLDER].count),
		text_count(n[1], t->all[OLDER].bytes));
	report_line(r, "%s later %s of %s bytes: %s%s.",
		elapsed_text(now > then ? now - then : 0, elapsed, sizeof(elapsed)),
		text_count(n[2], t->all[NEWER].count),
		text_count(n[3], t->all[NEWER].bytes), growth < 0 ? "-" : "+",
		text_count(n[4], growth < 0 ? 0 - (uint64_t)growth : (uint64_t)growth));
	if (!a->is_same) {
		report_line(r, "The dumps are of different processes.");
		return;
	}
	report_line(r, "%s new, %s gone, %s survived: %s grown, %s shrunk.",
		text_count(n[0], t->fresh.count), text_count(n[1], t->gone.count),
		text_count(n[2], t->all[OLDER].count - t->gone.count),
		text_count(n[3], t->grown.count), text_count(n[4], t->shrunk.count));
}

static void
put_totals(struct report *r, const struct diff_answer *a)
{
	const struct diff_row *t = &a->diff.total;
	uint64_t then = created_at(a->side[OLDER].h), now = created_at(a->side[NEWER].h);

	report_value(r, &(struct column){"same_process", NULL, CELL_BOOL},
		(struct cell){.u = a->is_same});
	report_value(r, &(struct column){"seconds", NULL, CELL_COUNT_CHANGE},
		(struct cell){.u = now - then, .absent = now == 0 || then == 0});
	report_number(r, "count_then", t->all[OLDER].count);
	report_number(r, "count_now", t->all[NEWER].count);
	report_number(r, "size_then", t->all[OLDER].bytes);
	report_number(r, "size_now", t->all[NEWER].bytes);
	put_matched(r, a, "new", t->fresh.count);
	put_matched(r, a, "gone", t->gone.count);
	put_matched(r, a, "survived", t->all[OLDER].count - t->gone.count);
	put_matched(r, a, "grown", t->grown.count);
	put_matched(r, a, "shrunk", t->shrunk.count);
	put_lines(r, a);
}

/* ---- kinds ---- */

static const struct column kind_columns[] = {
	{"count_then", NULL, CELL_COUNT},
	{"count", "Count", CELL_COUNT},
	{"count_change", "+Count", CELL_COUNT_CHANGE},
	{"size_then", NULL, CELL_BYTES},
	{"size", "Size", CELL_BYTES},
	{"size_change", "+Size", CELL_BYTES_CHANGE},
	{"new", "New", CELL_COUNT},
	{"new_size", NULL, CELL_BYTES},
	{"gone", "Gone", CELL_COUNT},
	{"gone_size", NULL, CELL_BYTES},
	{"grown", NULL, CELL_COUNT},
	{"grown_by", NULL, CELL_BYTES},
	{"shrunk", NULL, CELL_COUNT},
	{"shrunk_by", NULL, CELL_BYTES},
	{"retained_then", NULL, CELL_BYTES},
	{"retained", "Retained", CELL_BYTES},
	{"retained_change", "+Retained", CELL_BYTES_CHANGE},
	{"kind", "Kind", CELL_TEXT},
	{"held_as_count", NULL, CELL_COUNT},
	{"held_as", NULL, CELL_TEXT},
};

enum {
	COL_COUNT = 1,
	COL_SIZE = 4,
	COL_NEW = 6,
	COL_GONE = 8,
	COL_RETAINED = 15,
	COL_RETAINED_CHANGE
};

/* The objects of a kind on one side; with `fresh`, the new ones alone. */
static enum status
kind_set(const struct diff_answer *a, int side, uint32_t kind, bool fresh,
	struct bitset *ret, struct errbuf *eb)
{
	const struct diff_side *s = &a->side[side];

	enum status st = bitset_init(ret, s->h->nobj, eb);
	for (objid i = 0; i < s->h->nobj && st == MS_OK && kind != HEAP_NONE; i++)
		if (s->kinds.of[i] == kind && !(fresh && a->match.then[i] != OBJID_NONE))
			bitset_add(ret, i);
	return st;
}

/* The most common way in which the new objects of a kind are held. */
static enum status
common_way(const struct diff_answer *a, uint32_t kind, char *buf, size_t cap,
	uint64_t *count, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset set = {0};
	CLEAN(merged_fini) struct merged m = {0};
	const struct diff_side *s = &a->side[NEWER];

	enum status st = kind_set(a, NEWER, kind, true, &set, eb);
	if (st == MS_OK)
		st = paths_merge(&s->g, &s->tree, &set, &m, eb);
	if (st == MS_OK && m.n > 0) {
		merged_text(&s->g, &m, m.rows[0].node, buf, cap);
		*count = m.rows[0].count;
	}
	return st;
}

static enum status
kind_retained(const struct diff_answer *a, const struct diff_row *row, uint64_t ret[2],
	struct errbuf *eb)
{
	enum status st = MS_OK;

	for (int k = OLDER; k <= NEWER && st == MS_OK; k++) {
		CLEAN(bitset_fini) struct bitset set = {0};
		struct amount amount = {0, 0};
		st = kind_set(a, k, row->kind[k], false, &set, eb);
		if (st == MS_OK && row->kind[k] != HEAP_NONE)
			st = retained_set(&a->side[k].g, &set, &amount, NULL, eb);
		ret[k] = amount.bytes;
	}
	return st;
}

static enum status
put_kind(struct rows *rows, const struct diff_answer *a, const struct diff_row *row,
	struct errbuf *eb)
{
	char kind[KIND_CAP], way[WAY_CAP];
	uint64_t retained[2] = {0, 0}, way_count = 0;
	int side = row->kind[NEWER] != HEAP_NONE ? NEWER : OLDER;
	bool is_other = !a->is_same, no_retained = !a->by_retained;
	enum status st = MS_OK;

	if (a->has_graph && row->fresh.count > 0 && a->format != ROWS_TEXT)
		st = common_way(a, row->kind[NEWER], way, sizeof(way), &way_count, eb);
	if (st == MS_OK && a->by_retained)
		st = kind_retained(a, row, retained, eb);
	const struct diff_side *s = &a->side[side];
	const struct cell cells[ARRAY_LEN(kind_columns)] = {
		{.u = row->all[OLDER].count},
		{.u = row->all[NEWER].count},
		{.u = row->all[NEWER].count - row->all[OLDER].count},
		{.u = row->all[OLDER].bytes},
		{.u = row->all[NEWER].bytes},
		{.u = (uint64_t)diff_growth(row)},
		{.u = row->fresh.count, .absent = is_other},
		{.u = row->fresh.bytes, .absent = is_other},
		{.u = row->gone.count, .absent = is_other},
		{.u = row->gone.bytes, .absent = is_other},
		{.u = row->grown.count, .absent = is_other},
		{.u = row->grown.bytes, .absent = is_other},
		{.u = row->shrunk.count, .absent = is_other},
		{.u = row->shrunk.bytes, .absent = is_other},
		{.u = retained[OLDER], .absent = no_retained},
		{.u = retained[NEWER], .absent = no_retained},
		{.u = retained[NEWER] - retained[OLDER], .absent = no_retained},
		cell_str(kind_text(s->h, &s->kinds, row->kind[side], kind, sizeof(kind))),
		{.u = way_count, .absent = way_count == 0},
		cell_str(way_count > 0 ? way : NULL),
	};
	rows_put(rows, cells);
	return st;
}

static bool
is_changed(const struct diff_answer *a, const struct diff_row *row)
{
	int64_t growth = diff_growth(row);
	uint64_t by = growth < 0 ? 0 - (uint64_t)growth : (uint64_t)growth;

	if (a->min > 0)
		return by >= a->min;
	return by > 0 || row->all[OLDER].count != row->all[NEWER].count ||
		row->fresh.count + row->gone.count + row->grown.count +
			row->shrunk.count >
		0;
}

static enum status
put_kinds(struct report *r, const struct diff_answer *a, struct errbuf *eb)
{
	struct column shown[ARRAY_LEN(kind_columns)];
	uint64_t n = 0;
	enum status st = MS_OK;

	memcpy(shown, kind_columns, sizeof(shown));
	if (!a->is_same)
		shown[COL_NEW].title = shown[COL_GONE].title = NULL;
	if (!a->by_retained)
		shown[COL_RETAINED].title = shown[COL_RETAINED_CHANGE].title = NULL;
	else
		shown[COL_COUNT].title = shown[COL_SIZE].title = NULL;
	for (size_t k = 0; k < a->diff.n; k++)
		n += is_changed(a, &a->diff.rows[k]);
	if (n == 0)
		report_line(r, "No kind changed%s.", a->min > 0 ? " by as much" : "");
	struct rows *rows = rows_begin(r, "kinds", shown, ARRAY_LEN(shown));
	uint64_t put = 0;
	for (size_t k = 0; k < a->diff.n && put < a->limit && st == MS_OK; k++) {
		if (!is_changed(a, &a->diff.rows[k]))
			continue;
		st = put_kind(rows, a, &a->diff.rows[k], eb);
		put++;
	}
	rows_end(rows, n - put);
	return st;
}

/*
 * In text: the commonest way of each kind in a table of its own. Elsewhere it is with the
 * kinds.
 */
static enum status
put_ways(struct report *r, const struct diff_answer *a, struct errbuf *eb)
{
	static const struct column columns[] = {
		{"new", "New", CELL_COUNT},
		{"held_as_count", "Of them", CELL_COUNT},
		{"kind", "Kind", CELL_TEXT},
		{"held_as", "Held as", CELL_TEXT},
	};
	const struct diff_side *s = &a->side[NEWER];
	char kind[KIND_CAP], way[WAY_CAP];
	uint64_t put = 0, n = 0;
	enum status st = MS_OK;

	report_gap(r);
	struct rows *rows = rows_begin(r, "ways", columns, ARRAY_LEN(columns));
	for (size_t k = 0; k < a->diff.n && n < a->limit && st == MS_OK; k++) {
		const struct diff_row *row = &a->diff.rows[k];
		uint64_t count = 0;
		if (!is_changed(a, row))
			continue;
		n++;
		if (row->fresh.count == 0 || put == WAYS_TEXT)
			continue;
		st = common_way(a, row->kind[NEWER], way, sizeof(way), &count, eb);
		const struct cell cells[] = {
			{.u = row->fresh.count},
			{.u = count},
			cell_str(kind_text(
				s->h, &s->kinds, row->kind[NEWER], kind, sizeof(kind))),
			cell_str(count > 0 ? way : NULL),
		};
		rows_put(rows, cells);
		put++;
	}
	rows_end(rows, 0);
	return st;
}

/* ---- what holds what is new ---- */

static const struct column holder_columns[] = {
	{"new", "New", CELL_COUNT},
	{"new_size", "Size", CELL_BYTES},
	{"retained_change", "+Retained", CELL_BYTES_CHANGE},
	{"address", "Address", CELL_ADDR},
	{"type", "Type", CELL_TEXT},
	{"held_as", "Held as", CELL_TEXT},
};

static void
put_holder(struct rows *rows, const struct diff_answer *a, const struct diff_holder *row)
{
	const struct diff_side *s = &a->side[NEWER];
	char type[KIND_CAP], way[WAY_CAP];
	objid i = row->id;
	bool is_none = i == OBJID_NONE;
	uint64_t growth =
		is_none ? 0 : s->retained[i] - a->side[OLDER].retained[a->match.then[i]];
	const struct cell cells[] = {
		{.u = row->fresh.count},
		{.u = row->fresh.bytes},
		{.u = growth, .absent = is_none},
		{.u = is_none ? 0 : s->h->addr[i], .absent = is_none},
		cell_str(is_none ? NULL
				 : type_text(s->h, s->h->type[i], type, sizeof(type))),
		cell_str(is_none ? NULL : way_text(&s->g, &s->tree, i, way, sizeof(way))),
	};

	rows_put(rows, cells);
}

static void
put_holders(struct report *r, const struct diff_answer *a)
{
	size_t k = 0;

	if (a->holders.n > 0) {
		report_gap(r);
		report_line(r,
			"New objects by the old one without which they would be freed:");
	}
	struct rows *rows =
		rows_begin(r, "holders", holder_columns, ARRAY_LEN(holder_columns));
	for (; k < a->holders.n && k < a->limit; k++)
		put_holder(rows, a, &a->holders.rows[k]);
	rows_end(rows, a->holders.n - k);
}

/* ---- single objects ---- */

struct changed {
	enum diff_state state;
	objid id;    /* in the dump that has it, the newer one of both */
	uint64_t by; /* bytes more, or less */
};

static int
compare_changed(const void *pa, const void *pb)
{
	const struct changed *a = pa, *b = pb;

	if (a->by != b->by)
		return a->by > b->by ? -1 : 1;
	if (a->state != b->state)
		return a->state < b->state ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

typedef VEC(struct changed) changed_vec;

static struct changed
change_of(const struct diff_answer *a, objid i)
{
	objid was = a->match.then[i];
	uint64_t now = object_bytes(a->side[NEWER].h, i), then;

	if (was == OBJID_NONE)
		return (struct changed){STATE_NEW, i, now};
	then = object_bytes(a->side[OLDER].h, was);
	if (now == then)
		return (struct changed){STATE_SURVIVED, i, 0};
	if (now > then)
		return (struct changed){STATE_GROWN, i, now - then};
	return (struct changed){STATE_SHRUNK, i, then - now};
}

static bool
is_asked(const struct diff_side *s, objid i)
{
	return !s->has_set || bitset_has(&s->set, i);
}

static void
collect(const struct diff_answer *a, changed_vec *ret)
{
	const struct heap *then = a->side[OLDER].h, *now = a->side[NEWER].h;

	for (objid i = 0; i < now->nobj; i++) {
		struct changed c = change_of(a, i);
		if (is_asked(&a->side[NEWER], i) && (a->states >> c.state & 1) != 0)
			vec_push(ret, c);
	}
	for (objid i = 0; i < then->nobj && (a->states >> STATE_GONE & 1) != 0; i++)
		if (a->match.now[i] == OBJID_NONE && is_asked(&a->side[OLDER], i))
			vec_push(ret,
				(struct changed){STATE_GONE, i, object_bytes(then, i)});
	if (ret->n > 0)
		qsort(ret->at, ret->n, sizeof(*ret->at), compare_changed);
}

static const struct column object_columns[] = {
	{"state", "State", CELL_TEXT},
	{"address", "Address", CELL_ADDR},
	{"size_then", NULL, CELL_BYTES},
	{"size", NULL, CELL_BYTES},
	{"change", "+Size", CELL_BYTES_CHANGE},
	{"retained_then", NULL, CELL_BYTES},
	{"retained", NULL, CELL_BYTES},
	{"retained_change", "+Retained", CELL_BYTES_CHANGE},
	{"type", "Type", CELL_TEXT},
	{"value", "Value", CELL_TEXT},
	{"held_as", "Held as", CELL_TEXT},
};

static void
put_object(struct rows *rows, const struct diff_answer *a, const struct changed *c)
{
	static const char *const words[] = {"new", "gone", "grown", "shrunk", "survived"};
	char type[KIND_CAP], way[WAY_CAP], value[VALUE_CAP];
	int side = c->state == STATE_GONE ? OLDER : NEWER;
	const struct diff_side *s = &a->side[side];
	objid id[2] = {c->id, c->id};

	id[!side] = side == OLDER ? OBJID_NONE : a->match.then[c->id];
	uint64_t size[2] = {0, 0}, retained[2] = {0, 0};
	for (int k = OLDER; k <= NEWER; k++) {
		if (id[k] == OBJID_NONE)
			continue;
		size[k] = object_bytes(a->side[k].h, id[k]);
		retained[k] = a->side[k].retained[id[k]];
	}
	const struct cell cells[] = {
		cell_str(words[c->state]),
		{.u = s->h->addr[c->id]},
		{.u = size[OLDER], .absent = id[OLDER] == OBJID_NONE},
		{.u = size[NEWER], .absent = id[NEWER] == OBJID_NONE},
		{.u = size[NEWER] - size[OLDER]},
		{.u = retained[OLDER], .absent = id[OLDER] == OBJID_NONE},
		{.u = retained[NEWER], .absent = id[NEWER] == OBJID_NONE},
		{.u = retained[NEWER] - retained[OLDER]},
		cell_str(type_text(s->h, s->h->type[c->id], type, sizeof(type))),
		cell_value(s->h, c->id, value, sizeof(value)),
		cell_str(way_text(&s->g, &s->tree, c->id, way, sizeof(way))),
	};
	rows_put(rows, cells);
}

static void
put_objects(struct report *r, const struct diff_answer *a)
{
	changed_vec list = {0};
	size_t k = 0;

	collect(a, &list);
	report_gap(r);
	if (list.n == 0)
		report_line(r, "No objects match.");
	struct rows *rows =
		rows_begin(r, "objects", object_columns, ARRAY_LEN(object_columns));
	for (; k < list.n && k < a->limit; k++)
		put_object(rows, a, &list.at[k]);
	rows_end(rows, list.n - k);
	vec_fini(&list);
}

enum status
diff_print(const struct diff_answer *a, struct errbuf *eb)
{
	struct report *r = report_new(stdout, a->format);

	put_totals(r, a);
	enum status st = put_kinds(r, a, eb);
	if (st == MS_OK && a->has_graph && a->format == ROWS_TEXT &&
		a->diff.total.fresh.count > 0)
		st = put_ways(r, a, eb);
	if (st == MS_OK && a->has_graph)
		put_holders(r, a);
	if (st == MS_OK && a->by_object)
		put_objects(r, a);
	return report_end_after(r, st, eb);
}
