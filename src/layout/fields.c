/*
 * The rows of a layout, from the two .def lists. A field that is named in several places
 * is one row; the size of every type that is named is a row too, because the bounds
 * check needs it, and because its presence tells "this release has no such member" from
 * "this binary does not know the type".
 */
#include "layout/priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

#define NEED_REQ true
#define NEED_OPT false

struct name {
	const char *type, *member;
	uint8_t width;
	bool is_required;
};

/* Rows in the order of enum pyf. */
static const struct name pyf_names[PYF_COUNT] = {
#define P WIDTH_POINTER
#define PYF(id, type, member, width, need) {type, member, width, NEED_##need},
#include "memscan/pyfields.def"
#undef PYF
#undef P
};

static const struct name other_names[] = {
#define SHAPE(tp_name, type, size) {type, "", WIDTH_ANY, false},
#define REF(type, member, kind, name) {type, member, WIDTH_POINTER, false},
#define HID(type, member, kind, name) {type, member, WIDTH_POINTER, false},
#define FN(function)
#define TYPE()
#define LIKE(tp_name)
#include "memscan/shapes.def"
#undef SHAPE
#undef REF
#undef HID
#undef FN
#undef TYPE
#undef LIKE
	/*
	 * Evidence for derive.c alone. CPython: PyDictOrValues, the one tagged word
	 * before the GC head of 3.12, Include/internal/pycore_object.h.
	 */
	{"PyDictOrValues", "", WIDTH_ANY, false},
};

static int
compare_names(const char *type, const char *member, const struct row *r)
{
	int order = strcmp(type, r->type);
	return order != 0 ? order : strcmp(member, r->member);
}

static int
compare_rows(const void *a, const void *b)
{
	const struct row *r = a;
	return compare_names(r->type, r->member, b);
}

static void
rows_add(struct layout_rows *rows, const struct name *name)
{
	if (name->type[0] == '\0')
		return;
	rows->at[rows->n++] = (struct row){
		.type = name->type,
		.member = name->member,
		.width = name->width,
		.is_required = name->is_required,
	};
	if (name->member[0] != '\0')
		rows->at[rows->n++] = (struct row){.type = name->type, .member = ""};
}

/* One row out of two of the same name: the stricter demands of both. */
static void
row_unite(struct row *into, const struct row *r)
{
	if (into->width == WIDTH_ANY)
		into->width = r->width;
	into->is_required |= r->is_required;
}

struct layout_rows *
rows_new(void)
{
	size_t most = 2 * (PYF_COUNT + ARRAY_LEN(other_names));
	struct layout_rows *rows = xcalloc(1, sizeof(*rows) + most * sizeof(rows->at[0]));

	for (size_t i = 0; i < PYF_COUNT; i++)
		rows_add(rows, &pyf_names[i]);
	for (size_t i = 0; i < ARRAY_LEN(other_names); i++)
		rows_add(rows, &other_names[i]);
	qsort(rows->at, rows->n, sizeof(rows->at[0]), compare_rows);
	size_t n = 0;
	for (size_t i = 0; i < rows->n; i++) {
		if (n > 0 && compare_rows(&rows->at[n - 1], &rows->at[i]) == 0)
			row_unite(&rows->at[n - 1], &rows->at[i]);
		else
			rows->at[n++] = rows->at[i];
	}
	rows->n = n;
	return rows;
}

/* The place of a field, or rows->n. */
static size_t
rows_index(const struct layout_rows *rows, const char *type, const char *member)
{
	size_t low = 0, high = rows->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = compare_names(type, member, &rows->at[mid]);
		if (order == 0)
			return mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return rows->n;
}

struct row *
rows_find(struct layout_rows *rows, const char *type, const char *member)
{
	size_t i = rows_index(rows, type, member);
	return i < rows->n ? &rows->at[i] : NULL;
}

void
row_present(struct row *r, const struct layout_field *f, enum layout_source source)
{
	r->state = ROW_PRESENT;
	r->f = *f;
	r->f.present = true;
	r->f.source = source;
}

void
row_absent(struct row *r)
{
	r->state = ROW_ABSENT;
	r->f = (struct layout_field){0};
}

void
rows_publish(struct layout *l)
{
	for (size_t i = 0; i < PYF_COUNT; i++)
		l->f[i] = rows_find(l->rows, pyf_names[i].type, pyf_names[i].member)->f;
}

const char *
row_name(char buf[ROW_NAME], const struct row *r)
{
	snprintf(buf, ROW_NAME, "%s%s%s", r->type, r->member[0] != '\0' ? "." : "",
		r->member);
	return buf;
}

const struct layout_field *
layout_find(const struct layout *l, const char *type, const char *member)
{
	if (l->rows == NULL)
		return NULL;
	size_t i = rows_index(l->rows, type, member);
	if (i == l->rows->n || !l->rows->at[i].f.present)
		return NULL;
	return &l->rows->at[i].f;
}
