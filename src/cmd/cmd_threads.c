/*
 * memscan threads: the Python stack of every thread, with the variables of each frame.
 */
#include <inttypes.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#include "priv.h"

enum { NAME_CAP = 512, TEXT_CAP = 256, FILE_CAP = 4096 };

static const struct cmd_opt opts[] = {
	{0, "thread", "ID", "only the thread of this native id or ident"},
	{0, "no-locals", NULL, "leave out variables"},
	{0, "limit", "N", "print N variables a frame, 0: all (20 in text, else 0)"},
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

/* What is printed, and where. */
struct printer {
	struct report *r;
	const struct heap *h;
	const struct threads *t;
	uint64_t only;  /* native id or ident; 0: all */
	uint64_t limit; /* variables of a frame */
	bool no_locals;
	struct rows *rows;
	uint32_t thread, frame; /* at hand: index, and number in the thread's stack */
	uint64_t n;             /* variables of the frame so far */
};

static bool
is_wanted(const struct printer *p, uint32_t thread)
{
	return p->only == 0 || p->t->rows[thread].native_id == p->only ||
		p->h->threads[thread].ident == p->only;
}

/* ---- names and values, escaped ---- */

static char *
str_text(const struct heap *h, uint32_t id, char *buf, size_t cap)
{
	size_t len;
	const char *s = heap_str(h, id, &len);
	return text_vis(buf, cap, s, len);
}

/* The text of a str object, without quotes. */
static char *
object_text(const struct heap *h, objid i, char *buf, size_t cap)
{
	struct heap_value v = heap_value(h, i);
	return text_vis(buf, cap, v.text, v.text_len);
}

/* The name of a variable, as it is: buf is for keys that are no text. */
static struct cell
local_name(const struct heap *h, const struct frame_local *l, char *buf, size_t cap)
{
	if (l->key == OBJID_NONE) {
		size_t len;
		const char *s = heap_str(h, l->name, &len);
		return (struct cell){.s = s, .len = len};
	}
	struct heap_value v = heap_value(h, l->key);
	if (v.kind == VK_STR || v.kind == VK_BYTES)
		return (struct cell){.s = v.text, .len = v.text_len};
	return cell_str(value_text(h, l->key, buf, cap)[0] != '\0' ? buf : "?");
}

/* "17", "'text'", "list len 3 at 0x7f..": a value by its text, anything else by what it
 * is. */
static char *
local_text(const struct heap *h, objid i, char *buf, size_t cap)
{
	char type[NAME_CAP], value[TEXT_CAP];
	enum value_kind kind = heap_value(h, i).kind;

	type_text(h, h->type[i], type, sizeof(type));
	value_text(h, i, value, sizeof(value));
	if (strcmp(type, "NoneType") == 0)
		snprintf(buf, cap, "None");
	else if (kind != VK_NONE && kind != VK_NAME && kind != VK_TEXT)
		snprintf(buf, cap, "%s", value);
	else
		snprintf(buf, cap, "%s%s%s at 0x%" PRIx64, type,
			value[0] != '\0' ? " " : "", value, h->addr[i]);
	return buf;
}

/* ---- for people ---- */

static bool
print_local(void *self, const struct frame_local *l)
{
	struct printer *p = self;
	char buf[NAME_CAP], name[NAME_CAP], value[NAME_CAP + TEXT_CAP + 64];

	if (p->n++ >= p->limit)
		return true;
	struct cell c = local_name(p->h, l, buf, sizeof(buf));
	report_line(p->r, "      %s = %s", text_vis(name, sizeof(name), c.s, c.len),
		local_text(p->h, l->value, value, sizeof(value)));
	return true;
}

static void
print_frame(struct printer *p, uint32_t frame)
{
	const struct heap_frame *f = &p->h->frames[frame];
	char function[NAME_CAP], file[FILE_CAP], line[16] = "?";

	if (f->line != 0)
		snprintf(line, sizeof(line), "%" PRIu32, f->line);
	report_line(p->r, "  File \"%s\", line %s, in %s",
		str_text(p->h, f->file, file, sizeof(file)), line,
		str_text(p->h, f->function, function, sizeof(function)));
	p->n = 0;
	if (p->no_locals)
		return;
	frame_locals(p->h, p->t, frame, print_local, p);
	if (p->n > p->limit)
		report_line(p->r, "      ... and %" PRIu64 " more", p->n - p->limit);
}

/* "Thread 0x7f.. "worker" (native 17, python3), holds the GIL (most recent call first):"
 */
static void
print_thread(struct printer *p, uint32_t i)
{
	const struct heap_thread *th = &p->h->threads[i];
	const struct threads_row *row = &p->t->rows[i];
	char name[NAME_CAP] = "", kernel[TEXT_CAP], native[64] = "", interp[64] = "";
	char id[INTERP_NAME];

	if (row->name != OBJID_NONE)
		object_text(p->h, row->name, name, sizeof(name));
	str_text(p->h, th->name, kernel, sizeof(kernel));
	if (row->native_id != 0)
		snprintf(native, sizeof(native), " native id %" PRIu64 "%s",
			row->native_id, kernel[0] != '\0' ? "," : "");
	if (th->interp != 0)
		snprintf(interp, sizeof(interp), ", interpreter %s",
			interp_name(p->h, th->interp, id));
	report_line(p->r,
		"Thread 0x%" PRIx64 "%s%s%s%s%s%s%s%s (most recent call first):",
		th->ident, name[0] != '\0' ? " \"" : "", name,
		name[0] != '\0' ? "\"" : "", native, kernel[0] != '\0' ? " " : "", kernel,
		interp, row->holds_gil ? ", holds the GIL" : "");
	for (uint32_t k = 0; k < row->n; k++)
		print_frame(p, p->t->order[row->first + k]);
	if (row->n == 0)
		report_line(p->r, "  no Python frame");
}

static void
print_text(struct printer *p)
{
	bool is_first = true;

	for (uint32_t i = 0; i < p->h->nthread; i++) {
		if (!is_wanted(p, i))
			continue;
		if (!is_first)
			report_line(p->r, "%s", "");
		is_first = false;
		print_thread(p, i);
	}
}

/* ---- for machines ---- */

static void
put_threads(struct printer *p)
{
	static const struct column columns[] = {
		{"thread", NULL, CELL_ID},
		{"interpreter", NULL, CELL_ID},
		{"ident", NULL, CELL_ID},
		{"native_id", NULL, CELL_ID},
		{"name", NULL, CELL_TEXT},
		{"kernel_name", NULL, CELL_TEXT},
		{"holds_gil", NULL, CELL_BOOL},
		{"frames", NULL, CELL_COUNT},
	};

	p->rows = rows_begin(p->r, "threads", columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < p->h->nthread; i++) {
		const struct heap_thread *th = &p->h->threads[i];
		const struct threads_row *row = &p->t->rows[i];
		struct cell name = cell_str(NULL), kernel = cell_str(NULL);
		if (!is_wanted(p, i))
			continue;
		if (row->name != OBJID_NONE) {
			struct heap_value v = heap_value(p->h, row->name);
			if (v.kind != VK_NONE)
				name = (struct cell){.s = v.text, .len = v.text_len};
		}
		if (th->name != 0)
			kernel = cell_str(heap_str(p->h, th->name, NULL));
		const struct cell cells[] = {
			{.u = i},
			{.u = th->interp},
			{.u = th->ident},
			{.u = row->native_id, .absent = row->native_id == 0},
			name,
			kernel,
			{.u = row->holds_gil, .absent = !p->t->knows_gil},
			{.u = row->n},
		};
		rows_put(p->rows, cells);
	}
	rows_end(p->rows, 0);
}

static void
put_frame(struct printer *p, uint32_t frame)
{
	const struct heap_frame *f = &p->h->frames[frame];
	bool has_code = f->code != OBJID_NONE;
	const struct cell cells[] = {
		{.u = p->thread},
		{.u = p->frame},
		cell_str(heap_str(p->h, f->function, NULL)),
		cell_str(heap_str(p->h, f->file, NULL)),
		{.u = f->line, .absent = f->line == 0},
		{.u = has_code ? p->h->addr[f->code] : 0, .absent = !has_code},
	};

	rows_put(p->rows, cells);
}

static bool
put_local(void *self, const struct frame_local *l)
{
	struct printer *p = self;
	char name[NAME_CAP], type[NAME_CAP], value[TEXT_CAP];
	const struct heap *h = p->h;

	if (p->n++ >= p->limit)
		return false;
	uint64_t len = heap_value(h, l->value).len;
	const struct cell cells[] = {
		{.u = p->thread},
		{.u = p->frame},
		local_name(h, l, name, sizeof(name)),
		{.u = h->addr[l->value]},
		cell_str(type_text(h, h->type[l->value], type, sizeof(type))),
		cell_str(value_text(h, l->value, value, sizeof(value))),
		{.u = len, .absent = len == VALUE_NO_LEN},
	};
	rows_put(p->rows, cells);
	return true;
}

static void
put_locals(struct printer *p, uint32_t frame)
{
	p->n = 0;
	frame_locals(p->h, p->t, frame, put_local, p);
}

/* Call each for the frames of the threads that are wanted. */
static void
each_frame(struct printer *p, void (*each)(struct printer *p, uint32_t frame))
{
	for (p->thread = 0; p->thread < p->h->nthread; p->thread++) {
		const struct threads_row *row = &p->t->rows[p->thread];
		if (!is_wanted(p, p->thread))
			continue;
		for (p->frame = 0; p->frame < row->n; p->frame++)
			each(p, p->t->order[row->first + p->frame]);
	}
}

static void
put_tables(struct printer *p)
{
	static const struct column frames[] = {
		{"thread", NULL, CELL_ID},
		{"frame", NULL, CELL_ID},
		{"function", NULL, CELL_TEXT},
		{"file", NULL, CELL_TEXT},
		{"line", NULL, CELL_ID},
		{"code", NULL, CELL_ADDR},
	};
	static const struct column locals[] = {
		{"thread", NULL, CELL_ID},
		{"frame", NULL, CELL_ID},
		{"name", NULL, CELL_TEXT},
		{"address", NULL, CELL_ADDR},
		{"type", NULL, CELL_TEXT},
		{"value", NULL, CELL_TEXT},
		{"len", NULL, CELL_COUNT},
	};

	put_threads(p);
	p->rows = rows_begin(p->r, "frames", frames, ARRAY_LEN(frames));
	each_frame(p, put_frame);
	rows_end(p->rows, 0);
	if (p->no_locals)
		return;
	p->rows = rows_begin(p->r, "locals", locals, ARRAY_LEN(locals));
	each_frame(p, put_locals);
	rows_end(p->rows, 0);
}

/* ---- the recipe ---- */

static enum status
find_only(const struct printer *p, struct errbuf *eb)
{
	for (uint32_t i = 0; i < p->h->nthread; i++)
		if (is_wanted(p, i))
			return MS_OK;
	if (p->only == 0)
		return MS_OK;
	return errbuf_set(eb, MS_ABSENT,
		"no thread of the dump has the native id or ident %" PRIu64, p->only);
}

static enum status
run_threads(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	enum rows_format format;
	struct printer p = {.no_locals = cmd_has(a, "no-locals")};

	(void)exit_code;
	enum status st = cmd_format_limit(a, 0, &format, &p.limit, eb);
	if (st == MS_OK)
		st = cmd_number(a, "thread", 0, 1, UINT64_MAX, &p.only, eb);
	CLEAN(clean_dump) struct dump *dump = NULL;
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &dump, eb);
	if (st != MS_OK)
		return st;
	p.h = dump_heap(dump);
	CLEAN(threads_fini) struct threads t = {0};
	threads_compute(p.h, &t);
	p.t = &t;
	st = find_only(&p, eb);
	if (st != MS_OK)
		return st;

	p.r = report_new(stdout, format);
	if (format == ROWS_TEXT)
		print_text(&p);
	else
		put_tables(&p);
	return report_end(p.r, eb);
}

const struct cmd cmd_threads = {
	.name = "threads",
	.summary = "print the Python stack of every thread",
	.page = "memscan-info",
	.synopsis = "FILE",
	.opts = opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_threads,
};
