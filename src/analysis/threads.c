/*
 * Threads: whose each frame is, which variables it has, and what Python's threading
 * module calls the thread. Everything is in the roots of the dump and in the dicts they
 * lead to.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/map.h"
#include "memscan/mem.h"

/* ---- attributes, as a heap has them ---- */

static bool
is_text(const struct heap *h, objid i, const char *text)
{
	struct heap_value v = heap_value(h, i);
	size_t len = strlen(text);

	return (v.kind == VK_STR || v.kind == VK_BYTES) && !v.cut && v.text_len == len &&
		memcmp(v.text, text, len) == 0;
}

/* The value of a str key in a dict, or OBJID_NONE. */
static objid
dict_value(const struct heap *h, objid dict, const char *key)
{
	for (uint64_t r = h->first[dict]; r < h->first[dict + 1]; r++) {
		if (ref_kind(h->label[r]) != RK_VALUE)
			continue;
		objid k = heap_ref_key(h, dict, r);
		if (k != OBJID_NONE && is_text(h, k, key))
			return h->to[r];
	}
	return OBJID_NONE;
}

/* An attribute of an object: its own, or one in its __dict__. */
static objid
attribute(const struct heap *h, objid i, const char *name)
{
	objid dict = OBJID_NONE;

	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		enum ref_kind kind = ref_kind(h->label[r]);
		if (kind == RK_DICT)
			dict = h->to[r];
		if ((kind == RK_ATTR || kind == RK_SLOT) &&
			strcmp(heap_str(h, ref_payload(h->label[r]), NULL), name) == 0)
			return h->to[r];
	}
	return dict != OBJID_NONE ? dict_value(h, dict, name) : OBJID_NONE;
}

/* An int of the target; a negative one as the unsigned word of 32 or 64 bits that it is
 * in C. */
static bool
int_value(const struct heap *h, objid i, uint64_t *ret)
{
	struct heap_value v = heap_value(h, i);
	char text[24], *end;

	if (v.kind != VK_INT || v.cut || v.text_len == 0 || v.text_len >= sizeof(text))
		return false;
	memcpy(text, v.text, v.text_len);
	text[v.text_len] = '\0';
	bool is_negative = text[0] == '-';
	*ret = strtoull(text, &end, 0);
	if (is_negative && *ret >= (uint64_t)INT32_MIN)
		*ret = (uint32_t)*ret;
	return *end == '\0';
}

/* ---- names ---- */

/* What the Thread object t says of a thread. CPython: Lib/threading.py; the name is
 * mangled in 2.7. */
static void
take_thread(const struct heap *h, objid t, struct threads_row *row)
{
	objid name = attribute(h, t, "_name"), id = attribute(h, t, "_native_id");

	if (name == OBJID_NONE)
		name = attribute(h, t, "_Thread__name");
	if (name != OBJID_NONE)
		row->name = name;
	if (row->native_id == 0 && id != OBJID_NONE)
		(void)!int_value(h, id, &row->native_id);
}

/* One thread may run code of several interpreters: each has a row for it. */
static uint64_t
thread_key(uint64_t ident, uint32_t interp)
{
	return ident + interp;
}

/* threading._active of one interpreter: ident to Thread. */
static void
take_active(const struct heap *h, const struct map *by_ident, objid active,
	uint32_t interp, struct threads *t)
{
	for (uint64_t r = h->first[active]; r < h->first[active + 1]; r++) {
		uint64_t ident;
		if (ref_kind(h->label[r]) != RK_VALUE)
			continue;
		objid key = heap_ref_key(h, active, r);
		if (key == OBJID_NONE || !int_value(h, key, &ident))
			continue;
		uint32_t i;
		if (map_get(by_ident, thread_key(ident, interp), &i) &&
			h->threads[i].ident == ident && h->threads[i].interp == interp)
			take_thread(h, h->to[r], &t->rows[i]);
	}
}

static void
find_names(const struct heap *h, struct threads *t)
{
	CLEAN(map_fini) struct map by_ident = {0};

	for (uint32_t i = 0; i < h->nthread; i++)
		map_put(&by_ident, thread_key(h->threads[i].ident, h->threads[i].interp),
			i);
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		if (r->kind != ROOT_MODULE ||
			strcmp(heap_str(h, r->name, NULL), "threading") != 0)
			continue;
		objid active = attribute(h, r->to, "_active");
		if (active != OBJID_NONE)
			take_active(h, &by_ident, active, r->interp, t);
	}
}

static void
find_gil_holders(const struct heap *h, struct threads *t)
{
	const char *text = heap_meta_get(h, "gil_holders");

	t->knows_gil = text != NULL;
	while (text != NULL && *text >= '0' && *text <= '9') {
		char *end;
		unsigned long i = strtoul(text, &end, 10);
		if (i < h->nthread)
			t->rows[i].holds_gil = true;
		text = *end == ' ' ? end + 1 : end;
	}
}

/* ---- frames and their roots ---- */

/* Counting sorts: both keep the order of the dump. */
static void
sort_frames(const struct heap *h, struct threads *t)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->nframe; i++)
		if (h->frames[i].thread < h->nthread)
			t->rows[h->frames[i].thread].n++;
	for (uint32_t i = 0; i < h->nthread; i++) {
		t->rows[i].first = at;
		at += t->rows[i].n;
		t->rows[i].n = 0;
	}
	for (uint32_t i = 0; i < h->nframe; i++) {
		if (h->frames[i].thread >= h->nthread)
			continue;
		struct threads_row *row = &t->rows[h->frames[i].thread];
		t->order[row->first + row->n++] = i;
	}
}

static bool
is_of_frame(const struct heap *h, uint32_t root)
{
	const struct heap_root *r = &h->roots[root];
	return r->frame < h->nframe && (r->kind == ROOT_LOCAL || r->kind == ROOT_FRAME);
}

static void
sort_roots(const struct heap *h, struct threads *t)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->nroot; i++)
		if (is_of_frame(h, i))
			t->first[h->roots[i].frame]++;
	for (uint32_t i = 0; i <= h->nframe; i++) {
		uint32_t n = t->first[i];
		t->first[i] = at;
		at += n;
	}
	t->roots = xcalloc((size_t)at + 1, sizeof(*t->roots));
	for (uint32_t i = 0; i < h->nroot; i++)
		if (is_of_frame(h, i))
			t->roots[t->first[h->roots[i].frame]++] = i;
	/* Each now points where the next one began. */
	memmove(t->first + 1, t->first, h->nframe * sizeof(*t->first));
	t->first[0] = 0;
}

void
threads_compute(const struct heap *h, struct threads *ret)
{
	*ret = (struct threads){
		.rows = xcalloc((size_t)h->nthread + 1, sizeof(*ret->rows)),
		.order = xcalloc((size_t)h->nframe + 1, sizeof(*ret->order)),
		.first = xcalloc((size_t)h->nframe + 1, sizeof(*ret->first)),
	};
	for (uint32_t i = 0; i < h->nthread; i++) {
		ret->rows[i].name = OBJID_NONE;
		ret->rows[i].native_id = h->threads[i].native_id;
	}
	sort_frames(h, ret);
	sort_roots(h, ret);
	find_names(h, ret);
	find_gil_holders(h, ret);
}

void
threads_fini(struct threads *t)
{
	free(t->rows);
	free(t->order);
	free(t->first);
	free(t->roots);
	*t = (struct threads){0};
}

/* ---- variables ---- */

/*
 * What a variable's slot has: itself, or, of a variable that a nested function shares,
 * what its cell has. False if it has no value yet.
 */
static bool
out_of_cell(const struct heap *h, objid *value)
{
	const struct heap_type *ty = &h->types[h->type[*value]];

	if (strcmp(heap_str(h, ty->name, NULL), "cell") != 0)
		return true;
	for (uint64_t r = h->first[*value]; r < h->first[*value + 1]; r++) {
		if (ref_kind(h->label[r]) != RK_CELL)
			continue;
		*value = h->to[r];
		return true;
	}
	return false;
}

void
frame_locals(const struct heap *h, const struct threads *t, uint32_t frame,
	bool (*each)(void *self, const struct frame_local *l), void *self)
{
	for (uint32_t i = t->first[frame]; i < t->first[frame + 1]; i++) {
		const struct heap_root *r = &h->roots[t->roots[i]];
		struct frame_local l = {
			.name = r->name, .key = OBJID_NONE, .value = r->to};
		if (r->kind == ROOT_LOCAL) {
			if (out_of_cell(h, &l.value) && !each(self, &l))
				return;
			continue;
		}
		if (strcmp(heap_str(h, r->name, NULL), "f_locals") != 0)
			continue;
		l.name = 0;
		for (uint64_t k = h->first[r->to]; k < h->first[r->to + 1]; k++) {
			if (ref_kind(h->label[k]) != RK_VALUE)
				continue;
			l.key = heap_ref_key(h, r->to, k);
			l.value = h->to[k];
			if (l.key != OBJID_NONE && !each(self, &l))
				return;
		}
	}
}
