/*
 * info's table of threads as the kernel knows them: where each of them stood when the
 * process was stopped, or ended. What they do in Python is for `threads` to say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "priv.h"

static const char front[] = "thread.";

bool
info_is_registers(const char *key)
{
	return strncmp(key, front, sizeof(front) - 1) == 0;
}

/* The file, or other name, of the mapping that holds addr; NULL if there is none. */
static const char *
mapping_of(const struct heap *h, uint64_t addr)
{
	uint32_t lo = 0, hi = h->nregion;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->regions[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == h->nregion || h->regions[lo].start > addr)
		return NULL;
	return heap_str(h, h->regions[lo].path, NULL);
}

static void
put_row(struct rows *rows, const struct heap *h, const char *tid, const char *value)
{
	uint64_t id, pc, sp;

	if (sscanf(tid, "%" SCNu64, &id) != 1 ||
		sscanf(value, "pc 0x%" SCNx64 " sp 0x%" SCNx64, &pc, &sp) != 2)
		return;
	const struct cell cells[] = {
		{.u = id},
		{.u = pc, .absent = pc == 0},
		{.u = sp, .absent = sp == 0},
		cell_str(mapping_of(h, pc)),
	};
	rows_put(rows, cells);
}

void
info_registers(struct report *r, const struct heap *h)
{
	static const struct column columns[] = {
		{"native_id", "Kernel thread", CELL_ID},
		{"pc", "At", CELL_ADDR},
		{"sp", "Stack", CELL_ADDR},
		{"in", "In", CELL_TEXT},
	};

	report_gap(r);
	struct rows *rows = rows_begin(r, "registers", columns, 4);
	for (uint32_t i = 0; i < h->nmeta; i++) {
		const char *key = heap_str(h, h->meta[i].key, NULL);
		if (info_is_registers(key))
			put_row(rows, h, key + sizeof(front) - 1,
				heap_str(h, h->meta[i].value, NULL));
	}
	rows_end(rows, 0);
}
