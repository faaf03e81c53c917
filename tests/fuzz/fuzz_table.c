/*
 * Offset tables are given by users: any bytes must end in a layout whose fields all lie
 * within bounds, or in a message. What was accepted must print and parse again as equal.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "memscan/layout.h"
#include "memscan/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Offsets that code would use: each is read from a struct of 64 MiB at most. */
static void
check_fields(const struct layout *l)
{
	for (size_t i = 0; i < PYF_COUNT; i++) {
		const struct layout_field *f = &l->f[i];
		if (!f->present)
			continue;
		if (f->off > (64UL << 20) || (f->bit_width == 0 && f->size > (64UL << 20) - f->off) || f->bit_width > 64)
			abort();
		if (f->stride != 0 && f->count > f->size / f->stride)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(layout_fini) struct layout l = {0};
	CLEAN(layout_fini) struct layout again = {0};
	CLEAN_FREE char *text = NULL;
	struct errbuf eb = {0};
	size_t len;

	if (layout_parse("fuzz", (const char *)data, size, &l, &eb) != MS_OK)
		return 0;
	check_fields(&l);
	FILE *out = open_memstream(&text, &len);
	if (out == NULL)
		return 0;
	layout_print(&l, NULL, out);
	if (fclose(out) != 0)
		return 0;
	if (layout_parse("again", text, len, &again, &eb) != MS_OK || layout_compare(&l, &again, NULL) != 0)
		abort();
	return 0;
}
