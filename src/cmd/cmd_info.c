/*
 * memscan info: what a dump is, how it was taken, and how far it can be trusted.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/mem.h"

#include "priv.h"

enum { NAME_MAX_LEN = 512 };

static const struct cmd_opt opts[] = {
	{0, "types", NULL, "list types, and how their references were found"},
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

/* ---- meta entries ---- */

/*
 * What the dump says of itself, in the order of printing. A number is printed as its
 * type says; what is not a number although it should be is left out.
 */
static const struct {
	const char *meta;
	struct column column;
} facts[] = {
	{"pid", {"pid", "pid", CELL_ID}},
	{"parent", {"parent", "parent process", CELL_ID}},
	{"command", {"command", "command", CELL_TEXT}},
	{"exe", {"exe", "executable", CELL_TEXT}},
	{"user", {"user", "user", CELL_TEXT}},
	{"uid", {"uid", "uid", CELL_ID}},
	{"start_time", {"start_time", "started", CELL_TIME}},
	{"rss", {"rss", "resident", CELL_BYTES}},
	{"pss", {"pss", "proportional share", CELL_BYTES}},
	{"own_bytes", {"own_bytes", "its own alone", CELL_BYTES}},
	{"shared_bytes", {"shared_bytes", "shared with others", CELL_BYTES}},
	{"group_shared_bytes",
		{"group_shared_bytes", "with those of the group", CELL_BYTES}},
	{"group_resident_bytes",
		{"group_resident_bytes", "resident of the group", CELL_BYTES}},
	{"group", {"group", "taken in group", CELL_TEXT}},
	{"group_pids", {"group_pids", "with processes", CELL_TEXT}},
	{"machine", {"machine", "machine", CELL_TEXT}},
	{"python", {"python", "python", CELL_TEXT}},
	{"hexversion", {"hexversion", NULL, CELL_TEXT}},
	{"flavour", {"flavour", "flavour", CELL_TEXT}},
	{"compiler", {"compiler", "compiled by", CELL_TEXT}},
	{"libc", {"libc", "C library", CELL_TEXT}},
	{"library", {"library", "interpreter in", CELL_TEXT}},
	{"found_by", {"found_by", "found by", CELL_TEXT}},
	{"offsets", {"offsets", "offsets from", CELL_TEXT}},
	{"memscan", {"memscan", "taken by memscan", CELL_TEXT}},
	{"created", {"created", "taken at", CELL_TIME}},
	{"took", {"took", "taken from", CELL_TEXT}},
	{"core_bytes", {"core_bytes", "size of the core", CELL_BYTES}},
	{"core_cut", {"core_cut", "cut off of the core", CELL_BYTES}},
	{"signal", {"signal", "ended by signal", CELL_ID}},
	{"signal_name", {"signal_name", "that is", CELL_TEXT}},
	{"fault_address", {"fault_address", "fault at", CELL_TEXT}},
	{"snapshot", {"snapshot", "snapshot", CELL_TEXT}},
	{"stopped", {"stopped", "process stopped", CELL_TEXT}},
	{"pause_ns", {"pause_ns", "stopped for", CELL_NANOS}},
	{"copy_ns", {"copy_ns", "copying took", CELL_NANOS}},
	{"copy_bytes", {"copy_bytes", "copied", CELL_BYTES}},
	{"precopy_bytes", {"precopy_bytes", "copied before", CELL_BYTES}},
	{"precopy_same_bytes", {"precopy_same_bytes", "of that, unchanged", CELL_BYTES}},
	{"precopy_rounds", {"precopy_rounds", "times copied before", CELL_COUNT}},
	{"precopy_ns", {"precopy_ns", "that took", CELL_NANOS}},
	{"precopy_obstacle", {"precopy_obstacle", "not copied before", CELL_TEXT}},
	{"known_bytes", {"known_bytes", "common, not copied", CELL_BYTES}},
	{"known_from", {"known_from", "taken from that of", CELL_ID}},
	{"missing_bytes", {"missing_bytes", "could not be copied", CELL_BYTES}},
	{"swapped_bytes", {"swapped_bytes", "swapped out", CELL_BYTES}},
	{"left_out_bytes", {"left_out_bytes", "raw buffers left out", CELL_BYTES}},
	{"compared_pages", {"compared_pages", "pages compared", CELL_COUNT}},
	{"torn_pages", {"torn_pages", "changed while copied", CELL_COUNT}},
	{"torn_containers", {"torn_containers", "lists, dicts, sets changed", CELL_COUNT}},
	{"gone_objects", {"gone_objects", "objects that went", CELL_COUNT}},
	{"torn_links", {"torn_links", "links broken", CELL_COUNT}},
	{"tries", {"tries", "attempts", CELL_COUNT}},
	{"total_ns", {"total_ns", "whole time", CELL_NANOS}},
};

static struct cell
meta_cell(const struct heap *h, const char *key, enum cell_type type)
{
	uint64_t v;

	if (type == CELL_TEXT)
		return cell_str(heap_meta_get(h, key));
	if (!meta_number(h, key, &v))
		return (struct cell){.absent = true};
	return (struct cell){.u = v};
}

static void
print_facts(struct report *r, const struct heap *h, enum rows_format format)
{
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		struct cell v = meta_cell(h, facts[i].meta, facts[i].column.type);
		bool is_absent =
			v.absent || (facts[i].column.type == CELL_TEXT && v.s == NULL);
		if (format == ROWS_JSON || !is_absent)
			report_value(r, &facts[i].column, v);
	}
}

static bool
is_fact(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (strcmp(facts[i].meta, key) == 0)
			return true;
	return false;
}

static const char offset_front[] = "offset.";

/* -v: where each offset came from, and entries that this version does not know. */
static void
print_meta(struct report *r, const struct heap *h, const char *name, bool want_offsets)
{
	static const struct column offset_columns[] = {{"field", "Field", CELL_TEXT},
		{"source", "Offset and source", CELL_TEXT}};
	static const struct column other_columns[] = {
		{"key", "Other entry", CELL_TEXT}, {"value", "Value", CELL_TEXT}};

	report_gap(r);
	struct rows *rows =
		rows_begin(r, name, want_offsets ? offset_columns : other_columns, 2);
	for (uint32_t i = 0; i < h->nmeta; i++) {
		const char *key = heap_str(h, h->meta[i].key, NULL);
		bool is_offset =
			strncmp(key, offset_front, sizeof(offset_front) - 1) == 0;
		if (is_offset != want_offsets || (!is_offset && is_fact(key)) ||
			info_is_registers(key))
			continue;
		const struct cell cells[] = {
			cell_str(is_offset ? key + sizeof(offset_front) - 1 : key),
			cell_str(heap_str(h, h->meta[i].value, NULL)),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

/* ---- counts ---- */

struct counts {
	uint64_t bytes, guessed, hidden, damage;
	uint64_t owned, in_size, mapped; /* bytes of buffers */
};

static struct counts
count_all(const struct heap *h)
{
	struct counts c = {0};

	for (objid i = 0; i < h->nobj; i++)
		c.bytes += heap_size(h, i);
	for (uint64_t r = 0; r < h->nref; r++) {
		c.guessed += (h->label[r] & REF_GUESS) != 0;
		c.hidden += (h->label[r] & REF_HIDDEN) != 0;
	}
	for (uint32_t i = 0; i < h->ndamage; i++)
		c.damage += h->damage[i].count;
	for (uint32_t i = 0; i < h->nbuffer; i++) {
		const struct heap_buffer *b = &h->buffers[i];
		c.owned += (b->flags & BUFFER_OWNED) != 0 ? b->bytes : 0;
		c.in_size += (b->flags & BUFFER_IN_SIZE) != 0 ? b->bytes : 0;
		c.mapped += (b->flags & BUFFER_MAPPED) != 0 ? b->bytes : 0;
	}
	return c;
}

static void
print_counts(struct report *r, const struct heap *h, uint64_t file_bytes)
{
	struct counts c = count_all(h);
	const struct {
		struct column column;
		uint64_t value;
	} rows[] = {
		{{"objects", "objects", CELL_COUNT}, h->nobj},
		{{"bytes", "in bytes", CELL_COUNT}, c.bytes},
		{{"buffers", "buffers and views", CELL_COUNT}, h->nbuffer},
		{{"buffer_bytes", "in bytes of their owners", CELL_COUNT}, c.owned},
		{{"buffer_bytes_in_size", "in the objects' sizes", CELL_COUNT}, c.in_size},
		{{"buffer_bytes_mapped", "in mappings", CELL_COUNT}, c.mapped},
		{{"references", "references", CELL_COUNT}, h->nref},
		{{"hidden", "hidden from the collector", CELL_COUNT}, c.hidden},
		{{"guessed", "guessed", CELL_COUNT}, c.guessed},
		{{"type_count", "types", CELL_COUNT}, h->ntype},
		{{"root_count", "roots", CELL_COUNT}, h->nroot},
		{{"thread_count", "threads", CELL_COUNT}, h->nthread},
		{{"frame_count", "frames", CELL_COUNT}, h->nframe},
		{{"damage", "could not be read", CELL_COUNT}, c.damage},
		{{"file_bytes", "size of the dump", CELL_BYTES}, file_bytes},
	};

	report_gap(r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		report_value(r, &rows[i].column, (struct cell){.u = rows[i].value});
}

/* ---- interpreters ---- */

struct interp_row {
	uint64_t threads, objects, size;
};

/* Of n interpreters, and behind them of all in common, and of whom is not known. */
static void
count_interps(const struct heap *h, struct interp_row *rows, uint32_t n)
{
	for (uint32_t i = 0; i < h->nthread; i++)
		if (h->threads[i].interp < n)
			rows[h->threads[i].interp].threads++;
	for (objid i = 0; i < h->nobj; i++) {
		uint32_t whose = heap_interp_of(h, i);
		struct interp_row *row = whose < n ? &rows[whose]
			: whose == INTERP_SHARED   ? &rows[n]
						   : &rows[n + 1];
		row->objects++;
		row->size += heap_size(h, i);
	}
}

/* In text only if there are several. */
static void
print_interps(struct report *r, const struct heap *h, enum rows_format format)
{
	static const struct column columns[] = {
		{"interpreter", "Interpreter", CELL_TEXT},
		{"address", "State at", CELL_ADDR},
		{"threads", "Threads", CELL_COUNT},
		{"objects", "Objects", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
	};
	uint32_t n = h->ninterp;
	CLEAN_FREE struct interp_row *counts = xcalloc(n + 2, sizeof(*counts));

	count_interps(h, counts, n);
	report_gap(r);
	struct rows *rows = rows_begin(r, "interpreters", columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < n + 2 && (n > 1 || format == ROWS_JSON); i++) {
		char name[INTERP_NAME];
		bool is_one = i < n;
		uint32_t whose = is_one ? i : i == n ? INTERP_SHARED : INTERP_UNKNOWN;
		if (!is_one && counts[i].objects == 0)
			continue;
		const struct cell cells[] = {
			cell_str(interp_name(h, whose, name)),
			{.u = is_one ? h->interps[i].addr : 0, .absent = !is_one},
			{.u = counts[i].threads, .absent = !is_one},
			{.u = counts[i].objects},
			{.u = counts[i].size},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

/* ---- the memory map ---- */

/* Kinds of mappings, as the name and the rights tell; the first that fits. */
enum map_kind { MK_HEAP, MK_STACK, MK_ANON, MK_CODE, MK_DATA, MK_FILE, MK_KERNEL, N_MK };

static const char *const map_kind_names[N_MK] = {
	[MK_HEAP] = "heap (brk)",
	[MK_STACK] = "stack of the main thread",
	[MK_ANON] = "anonymous: arenas, malloc, thread stacks",
	[MK_CODE] = "file: code",
	[MK_DATA] = "file: writable",
	[MK_FILE] = "file: read-only",
	[MK_KERNEL] = "the kernel's (vdso ...)",
};

static enum map_kind
map_kind_of(const struct heap_region *region, const char *path)
{
	if (strcmp(path, "[heap]") == 0)
		return MK_HEAP;
	if (strncmp(path, "[stack", 6) == 0)
		return MK_STACK;
	if (*path == '\0' || strncmp(path, "[anon", 5) == 0)
		return MK_ANON;
	if (*path == '[')
		return MK_KERNEL;
	if ((region->prot & PROT_EXEC) != 0)
		return MK_CODE;
	return (region->prot & PROT_WRITE) != 0 ? MK_DATA : MK_FILE;
}

static void
print_map(struct report *r, const struct heap *h)
{
	static const struct column columns[] = {
		{"kind", "Memory", CELL_TEXT},
		{"mappings", "Mappings", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"resident", "Resident", CELL_BYTES},
	};
	struct {
		uint64_t n, size, resident;
	} sums[N_MK + 1] = {0};

	for (uint32_t i = 0; i < h->nregion; i++) {
		const struct heap_region *region = &h->regions[i];
		enum map_kind kind = map_kind_of(region, heap_str(h, region->path, NULL));
		const size_t into[] = {kind, N_MK};
		for (size_t k = 0; k < ARRAY_LEN(into); k++) {
			sums[into[k]].n++;
			sums[into[k]].size += region->end - region->start;
			sums[into[k]].resident += region->resident;
		}
	}
	/* No process has nothing resident. */
	bool is_known = sums[N_MK].resident > 0;
	report_gap(r);
	struct rows *rows = rows_begin(r, "memory", columns, ARRAY_LEN(columns));
	for (size_t k = 0; k <= N_MK; k++) {
		if (sums[k].n == 0)
			continue;
		const struct cell cells[] = {
			cell_str(k < N_MK ? map_kind_names[k] : "all"),
			{.u = sums[k].n},
			{.u = sums[k].size},
			{.u = sums[k].resident, .absent = !is_known},
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

/* ---- damage ---- */

static void
print_damage(struct report *r, const struct heap *h)
{
	static const struct column columns[] = {
		{"reason", "Could not be read", CELL_TEXT},
		{"count", "Count", CELL_COUNT},
		{"examples", "For example at", CELL_TEXT},
	};

	report_gap(r);
	struct rows *rows =
		rows_begin(r, "damage_by_reason", columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < h->ndamage; i++) {
		const struct heap_damage *d = &h->damage[i];
		char examples[ARRAY_LEN(d->examples) * 24] = "";
		size_t n = 0;
		for (uint32_t k = 0; k < d->n_examples && k < ARRAY_LEN(d->examples); k++)
			n += (size_t)snprintf(examples + n, sizeof(examples) - n,
				"%s0x%llx", k > 0 ? " " : "",
				(unsigned long long)d->examples[k]);
		const struct cell cells[] = {
			cell_str(heap_str(h, d->reason, NULL)),
			{.u = d->count},
			cell_str(examples),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

/* ---- types ---- */

struct type_row {
	uint32_t type, how;
	uint64_t count, size, guessed;
};

/* Guessed types first, then by size; ties by id. */
static int
compare_types(const void *pa, const void *pb)
{
	const struct type_row *a = pa, *b = pb;
	bool a_guessed = a->how == HOW_SCAN, b_guessed = b->how == HOW_SCAN;

	if (a_guessed != b_guessed)
		return a_guessed ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->type < b->type ? -1 : 1;
}

static void
count_types(const struct heap *h, struct type_row *types)
{
	for (uint32_t t = 0; t < h->ntype; t++)
		types[t] = (struct type_row){.type = t, .how = h->types[t].how};
	for (objid i = 0; i < h->nobj; i++) {
		struct type_row *t = &types[h->type[i]];
		t->count++;
		t->size += heap_size(h, i);
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
			t->guessed += (h->label[r] & REF_GUESS) != 0;
	}
	if (h->ntype > 0)
		qsort(types, h->ntype, sizeof(*types), compare_types);
}

static void
print_types(struct report *r, const struct heap *h)
{
	static const struct column columns[] = {
		{"how", "References", CELL_TEXT},
		{"count", "Count", CELL_COUNT},
		{"size", "Size", CELL_BYTES},
		{"guessed", "Guessed", CELL_COUNT},
		{"type", "Type", CELL_TEXT},
	};
	CLEAN_FREE struct type_row *types = xcalloc(h->ntype, sizeof(*types));

	count_types(h, types);
	report_gap(r);
	struct rows *rows = rows_begin(r, "types", columns, ARRAY_LEN(columns));
	for (uint32_t t = 0; t < h->ntype; t++) {
		char name[NAME_MAX_LEN];
		const struct cell cells[] = {
			cell_str(type_how_name((enum type_how)types[t].how)),
			{.u = types[t].count},
			{.u = types[t].size},
			{.u = types[t].guessed},
			cell_str(type_text(h, types[t].type, name, sizeof(name))),
		};
		rows_put(rows, cells);
	}
	rows_end(rows, 0);
}

static enum status
run_info(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	static const uint32_t needed = 1u << DC_STRS | 1u << DC_STRO | 1u << DC_TYPE |
		1u << DC_OADR | 1u << DC_OTYP | 1u << DC_OSIZ | 1u << DC_OBIG |
		1u << DC_OBUF | 1u << DC_REFF | 1u << DC_REFL | 1u << DC_ROOT | 1u << DC_THRD |
		1u << DC_OINT | 1u << DC_INTR | 1u << DC_FRAM | 1u << DC_RGNS | 1u << DC_DMGE | 1u << DC_META;
	enum rows_format format;

	(void)exit_code;
	enum status st = cmd_format(a, &format, eb);
	if (st != MS_OK)
		return st;
	if (a->n_operands > 1 && cmd_has(a, "types"))
		return errbuf_set(eb, MS_USAGE, "--types is of one dump");
	if (a->n_operands > 1)
		return info_group(a, format, eb);
	CLEAN(clean_dump) struct dump *dump = NULL;
	st = dump_open(a->operands[0], needed, &dump, eb);
	if (st != MS_OK)
		return st;
	const struct heap *h = dump_heap(dump);

	struct report *r = report_new(stdout, format);
	print_facts(r, h, format);
	print_counts(r, h, dump_file_size(dump));
	print_interps(r, h, format);
	print_map(r, h);
	info_registers(r, h);
	print_damage(r, h);
	if (cmd_has(a, "verbose")) {
		print_meta(r, h, "offset_sources", true);
		print_meta(r, h, "other", false);
	}
	if (cmd_has(a, "types"))
		print_types(r, h);
	return report_end(r, eb);
}

const struct cmd cmd_info = {
	.name = "info",
	.summary = "say what a dump is and how it was taken",
	.page = "memscan-info",
	.synopsis = "FILE...",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_info,
};
