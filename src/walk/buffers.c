/*
 * Buffers of all objects: collected while walking, and emitted when all are known. Only
 * then can it be said whose memory a view looks into that names no owner, and only then
 * that no memory counts twice, whatever its objects claim.
 */
#include "priv.h"

#include <stdlib.h>

void
buffers_add(struct walker *w, objid id, taddr addr, uint64_t size)
{
	struct pyobj o;
	struct pybuffer b;

	if (py_obj(w->p, addr, &o) != MS_OK || o.type->buffer == NULL)
		return;
	enum status st = py_buffer(w->p, &o, size, &b);
	if (st == MS_FORMAT)
		walk_damage(w, "buffer is not where its object says", addr);
	if (st != MS_OK)
		return;
	struct found_buffer f = {
		.row =
			{
				.object = id,
				.flags = b.flags,
				.owner = b.owner != 0 ? walk_discover(w, b.owner)
						      : OBJID_NONE,
				.name = b.name,
				.addr = b.addr,
				.bytes = b.bytes,
				.length = b.length,
			},
		.is_owner_sure = b.is_owner_sure,
	};
	vec_push(&w->buffers, f);
}

/* Owned memory, by address. */
struct extent {
	taddr start, end;
	objid object;
	size_t index; /* in w->buffers */
};

static int
compare_spans(const void *pa, const void *pb)
{
	const struct extent *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->object < b->object ? -1 : a->object > b->object;
}

/*
 * An owner whose memory begins inside another's does not own it: it becomes a view.
 * Returns how many are left.
 */
static size_t
drop_overlaps(struct walker *w, struct extent *spans, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || spans[i].start >= spans[kept - 1].end) {
			spans[kept++] = spans[i];
			continue;
		}
		struct heap_buffer *row = &w->buffers.at[spans[i].index].row;
		row->flags = BUFFER_VIEW;
		row->bytes = 0;
		row->owner = spans[kept - 1].object;
		w->buffers.at[spans[i].index].is_owner_sure = true;
	}
	return kept;
}

/* The owned memory that addr lies in, or NULL. */
static const struct extent *
find_span(const struct extent *spans, size_t n, taddr addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (spans[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr < spans[lo - 1].end ? &spans[lo - 1] : NULL;
}

static void
settle_owners(struct walker *w)
{
	CLEAN_FREE struct extent *spans = xcalloc(w->buffers.n, sizeof(*spans));
	size_t n = 0;

	for (size_t i = 0; i < w->buffers.n; i++) {
		const struct heap_buffer *row = &w->buffers.at[i].row;
		if ((row->flags & BUFFER_OWNED) && row->length > 0)
			spans[n++] = (struct extent){
				row->addr, row->addr + row->length, row->object, i};
	}
	if (n > 0)
		qsort(spans, n, sizeof(*spans), compare_spans);
	n = drop_overlaps(w, spans, n);
	for (size_t i = 0; i < w->buffers.n; i++) {
		struct found_buffer *f = &w->buffers.at[i];
		if ((f->row.flags & BUFFER_OWNED) ||
			(f->is_owner_sure && f->row.owner != OBJID_NONE))
			continue;
		const struct extent *s = find_span(spans, n, f->row.addr);
		if (s != NULL)
			f->row.owner = s->object;
	}
}

enum status
buffers_emit(struct walker *w)
{
	enum status st = MS_OK;

	settle_owners(w);
	for (size_t i = 0; i < w->buffers.n && st == MS_OK; i++)
		st = w->sink->buffer(w->sink->self, &w->buffers.at[i].row);
	return st;
}
