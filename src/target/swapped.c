/*
 * Pages that are swapped out. Reading one brings it back, which takes a disk's time and
 * memory of the process's own cgroup. So they are brought back before the process is
 * held, or, where there is no room for them, left where they are and out of the dump; what only
 * looks (a plan, the search for raw buffers) goes by pages that are present.
 */
#include "snappriv.h"

#include <stdio.h>

#include "memscan/io.h"
#include "memscan/mem.h"
#include "memscan/progress.h"

enum { STATUS_MAX = 1 << 16 };

void
swapped_look(struct snapshot *s)
{
	char path[64];
	CLEAN_FREE char *text = NULL;
	struct errbuf eb;
	uint64_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", s->reader.pid);
	if (io_slurp(path, STATUS_MAX, &text, NULL, &eb) != MS_OK ||
		!status_field(text, "VmSwap", 10, &kib))
		return;
	s->plan.swapped = kib * 1024;
	/* The copy takes as much again. */
	s->plan.leaves_swapped = s->plan.swapped > 0 && s->pagemap.fd >= 0 &&
		s->plan.swapped > budget_of_target(s->reader.pid) / 2;
	s->pagemap.leaves_swapped = s->plan.leaves_swapped;
}

void
swapped_drop(const struct snapshot *s, const span_vec *runs, span_vec *ret)
{
	struct pagemap pm = s->pagemap;

	if (s->plan.swapped == 0) {
		for (size_t i = 0; i < runs->n; i++)
			vec_push(ret, runs->at[i]);
		return;
	}
	for (size_t i = 0; i < runs->n; i++)
		pagemap_some(&pm, PAGES_PRESENT, runs->at[i].start, runs->at[i].end, ret);
}

void
snapshot_bring_back(struct snapshot *s)
{
	CLEAN(span_vec_fini) span_vec all = {0}, runs = {0};
	uint8_t heads[HEADS_AT_ONCE * PAGE_HEAD];
	struct pagemap pm = s->pagemap;

	if (s->plan.swapped == 0 || s->plan.leaves_swapped || pm.fd < 0)
		return;
	for (size_t i = 0; i < s->maps.n; i++)
		if (is_wanted(&s->maps.at[i]))
			pagemap_some(&pm, PAGES_SWAPPED, s->maps.at[i].start,
				s->maps.at[i].end, &all);
	spans_without(&all, &s->left, &runs);
	uint64_t done = 0, total = spans_bytes(&runs);
	for (size_t i = 0; i < runs.n; i++) {
		taddr at = runs.at[i].start;
		while (at < runs.at[i].end) {
			uint64_t left = (runs.at[i].end - at) / pm.page;
			size_t n = left < HEADS_AT_ONCE ? (size_t)left : HEADS_AT_ONCE;
			/* What cannot be read is for the copy to say. */
			(void)pages_heads(s, at, n, heads);
			at += n * pm.page;
			progress_count(done += n * pm.page, total);
		}
	}
}
