/*
 * How many objects there are is known in the end. How many bytes they are is known about:
 * nine tenths of what was copied are objects, and what was left out is in their sizes.
 */
#include "walked.h"

#include "memscan/dump.h"
#include "memscan/progress.h"

struct walked
walked_of(const struct acquired *a, const struct dump_writer *w)
{
	return (struct walked){w, a->stats.bytes / 10 * 9 + a->stats.left_out};
}

void
walked_progress(void *self, uint64_t objects)
{
	const struct walked *s = self;

	progress_amount(objects, "objects");
	progress_count(dump_writer_counts(s->w).bytes, s->expected);
}
