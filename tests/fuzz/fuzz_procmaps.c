/*
 * Any bytes as the text of /proc/PID/maps: what is accepted is in order and usable.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(regions_fini) struct regions r = {0};
	CLEAN_FREE char *text = xmalloc(size);
	struct errbuf eb = {0};

	/* A copy of exactly this size: a sanitizer sees one byte too many. */
	memcpy(text, data, size);
	if (procmaps_parse(text, size, &r, &eb) != MS_OK) {
		if (eb.msg[0] == '\0')
			abort();
		return 0;
	}
	for (size_t i = 0; i < r.n; i++) {
		if (r.at[i].start >= r.at[i].end || strlen(r.at[i].path) > size)
			abort();
		if (i > 0 && r.at[i - 1].end > r.at[i].start)
			abort();
	}
	return 0;
}
