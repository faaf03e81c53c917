/*
 * memscan info of several dumps: a server and its workers side by side, and what they have
 * in common.
 */
#include <stdlib.h>
#include <string.h>

#include "memscan/change.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#include "priv.h"

struct file {
	struct dump *dump;
	const struct heap *h;
	uint64_t pid, parent;
	size_t above;      /* index of its parent's file, or SIZE_MAX */
	unsigned depth;
	uint64_t size;     /* sum of the objects' sizes */
	uint64_t as_parent; /* objects that are the same in the parent's */
};

struct files {
	struct file *at;
	size_t n;
	struct bitset same; /* objects of the first that all others have, too */
};

static void
files_fini(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		dump_close(f->at[i].dump);
	free(f->at);
	bitset_fini(&f->same);
}

static enum status
open_files(const struct cmd_args *a, struct files *f, struct errbuf *eb)
{
	enum status st = MS_OK;

	f->at = xcalloc(a->n_operands, sizeof(*f->at));
	for (; f->n < a->n_operands && st == MS_OK; f->n++) {
		struct file *file = &f->at[f->n];
		st = dump_open(a->operands[f->n], DUMP_ALL, &file->dump, eb);
		if (st != MS_OK)
			return st;
		file->h = dump_heap(file->dump);
		file->above = SIZE_MAX;
		(void)meta_number(file->h, "pid", &file->pid);
		(void)meta_number(file->h, "parent", &file->parent);
		for (objid i = 0; i < file->h->nobj; i++)
			file->size += heap_size(file->h, i);
	}
	return st;
}

/* Are they of one run of memscan? A process number alone may be another one's by now. */
static bool
is_one_group(const struct heap *a, const struct heap *b)
{
	const char *x = heap_meta_get(a, "group"), *y = heap_meta_get(b, "group");

	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool
is_all_one_group(const struct files *f)
{
	for (size_t i = 1; i < f->n; i++)
		if (!is_one_group(f->at[0].h, f->at[i].h))
			return false;
	return true;
}

static void
find_parents(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->n; k++)
			if (k != i && f->at[k].pid == f->at[i].parent &&
				is_one_group(f->at[i].h, f->at[k].h))
				f->at[i].above = k;
	for (size_t i = 0; i < f->n; i++) {
		/* A dump may say anything: no way up is longer than there are files. */
		for (size_t k = f->at[i].above; k != SIZE_MAX && f->at[i].depth < f->n;
			k = f->at[k].above)
			f->at[i].depth++;
	}
}

static enum status
compare(struct files *f, struct errbuf *eb)
{
	enum status st = bitset_init(&f->same, f->at[0].h->nobj, eb);

	if (st == MS_OK)
		bitset_fill(&f->same);
	for (size_t i = 1; i < f->n && st == MS_OK; i++) {
		CLEAN(bitset_fini) struct bitset one = {0};
		st = same_compute(f->at[0].h, f->at[i].h, &one, eb);
		if (st != MS_OK)
			return st;
		bitset_and(&f->same, &one);
		if (f->at[i].above == 0)
			f->at[i].as_parent = bitset_count(&one);
	}
	for (size_t i = 0; i < f->n && st == MS_OK; i++) {
		CLEAN(bitset_fini) struct bitset one = {0};
		size_t above = f->at[i].above;
		if (above == SIZE_MAX || (above == 0 && i > 0))
			continue;
		st = same_compute(f->at[above].h, f->at[i].h, &one, eb);
		if (st == MS_OK)
			f->at[i].as_parent = bitset_count(&one);
	}
	return st;
}

static struct cell
number(const struct heap *h, const char *key)
{
	uint64_t v = 0;

	bool is_there = meta_number(h, key, &v);
	return (struct cell){.u = v, .absent = !is_there};
}

/* What it shares: with the group, where that is known, else with whomever. */
static struct cell
shared_bytes(const struct heap *h)
{
	struct cell c = number(h, "group_shared_bytes");

	return c.absent ? number(h, "shared_bytes") : c;
}

static void
put_file(struct rows *rows, const struct file *f, const char *path, enum rows_format format)
{
	const char *command = heap_meta_get(f->h, "command");
	char text[512];
	/* A tree, to the eye. */
	int indent = format == ROWS_TEXT ? 2 * (int)(f->depth < 20 ? f->depth : 20) : 0;

	snprintf(text, sizeof(text), "%*s%s", indent, "", command != NULL ? command : "");
	const struct cell cells[] = {
		number(f->h, "pid"),
		number(f->h, "parent"),
		{.u = f->h->nobj},
		{.u = f->size},
		{.u = f->as_parent, .absent = f->above == SIZE_MAX},
		number(f->h, "rss"),
		number(f->h, "pss"),
		shared_bytes(f->h),
		number(f->h, "own_bytes"),
		number(f->h, "copy_bytes"),
		number(f->h, "known_bytes"),
		number(f->h, "pause_ns"),
		cell_str(text),
		cell_str(path),
	};
	rows_put(rows, cells);
}

static void
print_files(struct report *r, const struct cmd_args *a, const struct files *f,
	enum rows_format format)
{
	static const struct column columns[] = {
		{"pid", "Process", CELL_ID},
		{"parent", "Parent", CELL_ID},
		{"objects", "Objects", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"as_parent", "As parent", CELL_COUNT},
		{"rss", "Resident", CELL_BYTES},
		{"pss", "PSS", CELL_BYTES},
		{"shared", "Shared", CELL_BYTES},
		{"own", "Own", CELL_BYTES},
		{"copied", "Copied", CELL_BYTES},
		{"known", "Known", CELL_BYTES},
		{"pause_ns", "Held", CELL_NANOS},
		{"command", "Command", CELL_TEXT},
		{"file", NULL, CELL_TEXT},
	};
	struct rows *rows = rows_begin(r, "processes", columns, ARRAY_LEN(columns));

	for (size_t i = 0; i < f->n; i++)
		put_file(rows, &f->at[i], a->operands[i], format);
	rows_end(rows, 0);
}

static void
print_common(struct report *r, const struct files *f, enum rows_format format)
{
	static const struct column same = {"same", NULL, CELL_COUNT};
	static const struct column same_bytes = {"same_bytes", NULL, CELL_BYTES};
	static const struct column group = {"group", NULL, CELL_TEXT};
	static const struct column resident = {"group_resident_bytes", NULL, CELL_BYTES};
	const struct heap *first = f->at[0].h;
	bool is_group = is_all_one_group(f);
	uint64_t n = 0, bytes = 0;
	char count[TEXT_NUM], size[TEXT_NUM], all[TEXT_NUM];

	BITSET_EACH(i, &f->same) {
		n++;
		bytes += heap_size(first, (objid)i);
	}
	struct cell together = number(first, resident.key);
	together.absent |= !is_group;
	if (format == ROWS_JSON) {
		report_value(r, &group,
			cell_str(is_group ? heap_meta_get(first, "group") : NULL));
		report_value(r, &same, (struct cell){.u = n});
		report_value(r, &same_bytes, (struct cell){.u = bytes});
		report_value(r, &resident, together);
		return;
	}
	report_gap(r);
	report_line(r,
		"%s objects, %s, are the same in all: address, type, size, value and "
		"references.",
		text_count(count, n), text_size(size, bytes));
	if (!together.absent)
		report_line(r, "The group has %s resident, each page counted once.",
			text_size(all, together.u));
	if (!is_group)
		report_line(r, "The dumps were not taken in one go.");
}

enum status
info_group(const struct cmd_args *a, enum rows_format format, struct errbuf *eb)
{
	CLEAN(files_fini) struct files f = {0};

	enum status st = open_files(a, &f, eb);
	if (st != MS_OK)
		return st;
	find_parents(&f);
	st = compare(&f, eb);
	if (st != MS_OK)
		return st;
	struct report *r = report_new(stdout, format);
	print_files(r, a, &f, format);
	print_common(r, &f, format);
	return report_end(r, eb);
}
