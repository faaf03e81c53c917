/*
 * What can be said of a layout without looking at a process: each field lies in its
 * struct, has the width that code will load, and nothing is missing. After this the hot
 * accessors of layout.h check nothing.
 */
#include "layout/priv.h"

#include <inttypes.h>

/* No struct of CPython is near this; it keeps every later sum far from overflow. */
#define STRUCT_MAX (64UL << 20)

/* A value is loaded as one integer of its own size. */
static bool
is_loadable(uint64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* A pointer row may be an array of pointers, as PyObject *ob_item[1]. */
static uint64_t
element_size(const struct row *r)
{
	return r->f.stride != 0 ? r->f.stride : r->f.size;
}

static bool
has_width(const struct row *r, uint64_t width)
{
	uint64_t size = element_size(r);
	return r->f.bit_width == 0 && size == width && is_loadable(size);
}

static enum status
check_width(const struct layout *l, const struct row *r, struct errbuf *eb)
{
	char name[ROW_NAME];
	uint64_t width = r->width == WIDTH_POINTER ? l->machine.ptr_width : r->width;

	if (width == WIDTH_ANY || has_width(r, width))
		return MS_OK;
	return errbuf_set(eb, MS_FORMAT,
		"%s: %s is %" PRIu64 " bytes wide, where %" PRIu64 " are expected",
		l->origin, row_name(name, r), element_size(r), width);
}

/* The size of the struct, or the limit where it is not known. */
static uint64_t
room_of(const struct layout *l, const struct row *r)
{
	const struct layout_field *f = layout_find(l, r->type, "");
	return f != NULL && f->size <= STRUCT_MAX ? f->size : STRUCT_MAX;
}

static bool
lies_within(const struct layout_field *f, uint64_t room)
{
	if (f->off > room)
		return false;
	/* Of a bit-field only the bits count: its declared type may reach further. */
	if (f->bit_width != 0)
		return f->off * 8 + f->bit_first + f->bit_width <= room * 8;
	return f->size <= room - f->off;
}

static enum status
check_bounds(const struct layout *l, const struct row *r, struct errbuf *eb)
{
	char name[ROW_NAME];
	const struct layout_field *f = &r->f;
	uint64_t room = room_of(l, r);

	if (!lies_within(f, room))
		return errbuf_set(eb, MS_FORMAT,
			"%s: %s at %" PRIu64 ", %" PRIu64 " bytes, reaches beyond its "
			"struct of %" PRIu64,
			l->origin, row_name(name, r), f->off, f->size, room);
	if (f->stride != 0 && f->count > f->size / f->stride)
		return errbuf_set(eb, MS_FORMAT,
			"%s: %s has %" PRIu64 " elements of %" PRIu64 " bytes in "
			"%" PRIu64 " bytes",
			l->origin, row_name(name, r), f->count, f->stride, f->size);
	if (f->bit_width > 64)
		return errbuf_set(eb, MS_FORMAT, "%s: %s is a field of %u bits",
			l->origin, row_name(name, r), f->bit_width);
	return MS_OK;
}

/*
 * Every row stated; the required ones present; widths as the list says; every field
 * within its struct and every struct below 64 MiB.
 *
 * MS_FORMAT   a row is missing or cannot be true
 * MS_VERSION  a field is absent that every supported release has
 */
static enum status
rows_check(const struct layout *l, struct errbuf *eb)
{
	char name[ROW_NAME];

	for (size_t i = 0; i < l->rows->n; i++) {
		const struct row *r = &l->rows->at[i];
		if (r->state == ROW_MISSING)
			return errbuf_set(eb, MS_FORMAT,
				"%s: nothing is said of %s; a table made by another "
				"release of memscan has to be made anew",
				l->origin, row_name(name, r));
		if (r->state == ROW_ABSENT && r->is_required)
			return errbuf_set(eb, MS_VERSION,
				"%s: there is no %s, which every supported CPython has",
				l->origin, row_name(name, r));
		if (r->state == ROW_ABSENT)
			continue;
		enum status st = check_bounds(l, r, eb);
		if (st != MS_OK)
			return st;
		st = check_width(l, r, eb);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

enum status
layout_finish(struct layout *l, struct errbuf *eb)
{
	enum status st = rows_check(l, eb);
	if (st != MS_OK)
		return st;
	rows_publish(l);
	return layout_derive(l, eb);
}
