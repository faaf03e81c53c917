/*
 * Bytes that contents would not need, as the dump's notes say, added up by what is wasted
 * and by kind of object.
 */
#include "memscan/analysis.h"
#include "memscan/saving.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

#include "priv.h"

const char *
waste_kind_name(enum waste_kind k)
{
	static const char *const names[WASTE_COUNT] = {
#define NAME(id, name, text) name,
		WASTE_KINDS(NAME)
#undef NAME
	};

	return k < WASTE_COUNT ? names[k] : "?";
}

const char *
waste_kind_text(enum waste_kind k)
{
	static const char *const texts[WASTE_COUNT] = {
#define TEXT(id, name, text) text,
		WASTE_KINDS(TEXT)
#undef TEXT
	};

	return k < WASTE_COUNT ? texts[k] : "?";
}

/* WASTE_COUNT: the note is about something else. */
static enum waste_kind
what_of(const struct heap *h, const struct heap_note *n)
{
	switch (n->kind) {
	case NOTE_EMPTY:
		return WASTE_EMPTY;
	case NOTE_ROOM: {
		uint32_t type = h->type[n->object];
		bool is_hashed = (h->types[type].flags & IS_DICT) != 0 ||
			type_is_builtin(h, type, "set") ||
			type_is_builtin(h, type, "frozenset");
		return is_hashed && n->n > heap_size(h, n->object) / 2 ? WASTE_SPARSE
								       : WASTE_ROOM;
	}
	case NOTE_WIDE:
		return WASTE_WIDE;
	case NOTE_FEW:
		return WASTE_FEW;
	case NOTE_COPY:
		return WASTE_COPY;
	case NOTE_MADE:
		return WASTE_MADE;
	default:
		return WASTE_COUNT;
	}
}

static int
compare_rows(const void *pa, const void *pb)
{
	const struct waste_row *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

static bool
is_worse(const struct waste_one *a, const struct waste_one *b)
{
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes;
	return a->id != b->id ? a->id < b->id : a->what < b->what;
}

static int
compare_ones(const void *pa, const void *pb)
{
	return is_worse(pa, pb) ? -1 : is_worse(pb, pa);
}

/* The worst n so far, as a heap: the least of them in front. */
static void
sift(struct waste_one *at, size_t n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && is_worse(&at[child], &at[child + 1]))
			child++;
		if (is_worse(&at[child], &at[i]))
			return;
		struct waste_one one = at[i];
		at[i] = at[child];
		at[child] = one;
	}
}

static void
keep(struct waste *w, size_t limit, struct waste_one one)
{
	if (w->n_worst < limit) {
		w->worst[w->n_worst++] = one;
		for (size_t i = w->n_worst / 2; w->n_worst == limit && i-- > 0;)
			sift(w->worst, limit, i);
		return;
	}
	if (limit > 0 && is_worse(&one, &w->worst[0])) {
		w->worst[0] = one;
		sift(w->worst, limit, 0);
	}
}

void
waste_compute(const struct heap *h, const struct bitset *set, const struct kinds *owners,
	size_t limit, struct waste *ret)
{
	VEC(struct waste_row) rows = {0};
	struct map row_of = {0};
	struct waste out = {0};

	if (limit > h->nnote)
		limit = h->nnote;
	out.worst = xcalloc(limit + 1, sizeof(*out.worst));
	for (uint32_t k = 0; k < h->nnote; k++) {
		const struct heap_note *n = &h->notes[k];
		enum waste_kind what = what_of(h, n);
		uint32_t kind = owners->of[n->object], at;
		if (what == WASTE_COUNT || !bitset_has(set, n->object))
			continue;
		uint64_t key = (uint64_t)kind << 32 | what;
		if (!map_get(&row_of, key, &at)) {
			at = (uint32_t)rows.n;
			vec_push(&rows, ((struct waste_row){.what = what, .kind = kind}));
			map_put(&row_of, key, at);
		}
		struct waste_row *row = &rows.at[at];
		row->count++;
		row->bytes += n->n;
		row->size += heap_size(h, n->object);
		if (n->n > row->most) {
			row->most = n->n;
			row->worst = n->object;
		}
		out.count++;
		out.bytes += n->n;
		keep(&out, limit, (struct waste_one){n->object, what, n->n});
	}
	map_fini(&row_of);
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_rows);
	qsort(out.worst, out.n_worst, sizeof(*out.worst), compare_ones);
	out.rows = rows.at;
	out.n = rows.n;
	*ret = out;
}

void
waste_fini(struct waste *w)
{
	free(w->rows);
	free(w->worst);
	*w = (struct waste){0};
}
