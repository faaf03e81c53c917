/*
 * A layout as the text of a table, and two layouts side by side. Rows come in the order
 * of their names, so that the same binary gives the same bytes.
 */
#include "layout/priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static void
print_row(const struct row *r, FILE *out)
{
	char name[ROW_NAME];
	const struct layout_field *f = &r->f;

	row_name(name, r);
	if (r->state != ROW_PRESENT) {
		fprintf(out, "absent %s\n", name);
		return;
	}
	if (r->member[0] == '\0') {
		fprintf(out, "size %s %" PRIu64 "\n", name, f->size);
		return;
	}
	fprintf(out, "field %s %" PRIu64 " %" PRIu64, name, f->off, f->size);
	if (f->stride != 0)
		fprintf(out, " stride %" PRIu64 " count %" PRIu64, f->stride, f->count);
	if (f->bit_width != 0)
		fprintf(out, " bits %u %u", f->bit_first, f->bit_width);
	fputc('\n', out);
}

void
layout_print(const struct layout *l, const struct pyruntime *rt, FILE *out)
{
	char arch[32];
	uint64_t runtime_size = rt != NULL ? rt->size : l->runtime_size;

	fprintf(out, "# Made by memscan offsets; how, and how to make one, is in "
		"offsets/README.md.\n");
	fprintf(out, "table cpython %u.%u %s %s\n", l->covers_first >> 24,
		(l->covers_first >> 16) & 0xff,
		arch_name(&l->machine, arch), l->flavour);
	fprintf(out, "covers %08" PRIx32 " %08" PRIx32 "\n", l->covers_first,
		l->covers_last);
	fprintf(out, "runtime-size %" PRIu64 "\n", runtime_size);
	fprintf(out, "origin %s\n", l->origin);
	for (size_t i = 0; i < l->rows->n; i++)
		print_row(&l->rows->at[i], out);
}

/* ---- two layouts ---- */

static void
describe(const struct row *r, FILE *out)
{
	const struct layout_field *f = &r->f;

	if (!f->present) {
		fputs("absent", out);
		return;
	}
	if (r->member[0] != '\0')
		fprintf(out, "offset %" PRIu64 " ", f->off);
	fprintf(out, "size %" PRIu64, f->size);
	if (f->stride != 0)
		fprintf(out, " stride %" PRIu64 " count %" PRIu64, f->stride, f->count);
	if (f->bit_width != 0)
		fprintf(out, " bits %u %u", f->bit_first, f->bit_width);
}

/* True if the binary that a layout was made from knows the type at all. */
static bool
knows_type(const struct layout *l, const struct row *r)
{
	return layout_find(l, r->type, "") != NULL;
}

static bool
rows_agree(const struct layout *a, const struct layout *b, size_t i)
{
	const struct row *ra = &a->rows->at[i], *rb = &b->rows->at[i];
	const struct layout_field *fa = &ra->f, *fb = &rb->f;

	if (!knows_type(a, ra) || !knows_type(b, rb))
		return true;
	if (!fa->present || !fb->present)
		return fa->present == fb->present;
	return fa->off == fb->off && fa->size == fb->size && fa->stride == fb->stride &&
		fa->count == fb->count && fa->bit_first == fb->bit_first &&
		fa->bit_width == fb->bit_width;
}

size_t
layout_compare(const struct layout *a, const struct layout *b, FILE *out)
{
	char name[ROW_NAME];
	size_t differences = 0;

	/* Both have the rows of this program, in the same order. */
	for (size_t i = 0; i < a->rows->n; i++) {
		if (rows_agree(a, b, i))
			continue;
		differences++;
		if (out == NULL)
			continue;
		fprintf(out, "%s: ", row_name(name, &a->rows->at[i]));
		describe(&a->rows->at[i], out);
		fprintf(out, " in %s; ", a->origin);
		describe(&b->rows->at[i], out);
		fprintf(out, " in %s\n", b->origin);
	}
	return differences;
}
