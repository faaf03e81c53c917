/*
 * The largest objects of a set. A heap of as many as are asked for is kept, the smallest
 * on top: one pass, and no sorting of millions to see twenty.
 */
#include "memscan/analysis.h"
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/vec.h"

#include "priv.h"

/* Larger first; of equals the one that was found first. */
static bool
is_before(const struct top_row *a, const struct top_row *b)
{
	return a->bytes != b->bytes ? a->bytes > b->bytes : a->id < b->id;
}

static int
compare_rows(const void *pa, const void *pb)
{
	return is_before(pa, pb) ? -1 : 1;
}

/* Move the row at the root down to its place. */
static void
sift_down(struct top_row *rows, size_t n)
{
	size_t at = 0;

	for (;;) {
		size_t last = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
			if (is_before(&rows[last], &rows[child]))
				last = child;
		if (last == at)
			return;
		struct top_row row = rows[at];
		rows[at] = rows[last];
		rows[last] = row;
		at = last;
	}
}

static void
sift_up(struct top_row *rows, size_t at)
{
	while (at > 0 && is_before(&rows[(at - 1) / 2], &rows[at])) {
		struct top_row row = rows[at];
		rows[at] = rows[(at - 1) / 2];
		rows[(at - 1) / 2] = row;
		at = (at - 1) / 2;
	}
}

static uint64_t
bytes_of_object(const struct heap *h, enum top_by by, const uint64_t *retained, objid i)
{
	switch (by) {
	case TOP_SIZE:
		return heap_size(h, i);
	case TOP_BUFFER:
		return buffer_owned(heap_buffer_of(h, i));
	case TOP_BOTH:
		return object_bytes(h, i);
	case TOP_RETAINED:
		return retained[i];
	}
	return 0;
}

void
top_compute(const struct heap *h, const struct bitset *of, enum top_by by,
	const uint64_t *retained, size_t limit, struct top *ret)
{
	VEC(struct top_row) rows = {0};

	*ret = (struct top){0};
	BITSET_EACH(i, of)
	{
		struct top_row row = {
			(objid)i, bytes_of_object(h, by, retained, (objid)i)};
		ret->count++;
		ret->bytes += row.bytes;
		if (rows.n < limit) {
			vec_push(&rows, row);
			sift_up(rows.at, rows.n - 1);
		} else if (is_before(&row, &rows.at[0])) {
			rows.at[0] = row;
			sift_down(rows.at, rows.n);
		}
	}
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_rows);
	ret->rows = rows.at;
	ret->n = rows.n;
}

void
top_fini(struct top *t)
{
	free(t->rows);
	*t = (struct top){0};
}
