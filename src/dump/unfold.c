/*
 * Columns that are shorter in the file than in memory: the numbers of references, from
 * which an object's first one is a sum.
 */
#include "priv.h"

#include <stdlib.h>

#include "memscan/limits.h"
#include "memscan/mem.h"

enum status
refs_unfold(const uint8_t *counts, uint32_t nobj, const struct dumpfmt_many *many,
	uint64_t nmany, uint64_t nref, uint64_t **ret, struct errbuf *eb)
{
	CLEAN_FREE uint64_t *first = NULL;
	size_t cap = (LIM_OBJECTS + 1) * sizeof(*first);
	uint64_t sum = 0, k = 0;

	enum status st = mem_checked((size_t)nobj + 1, sizeof(*first), cap, &first, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t i = 0; i < nobj; i++) {
		uint64_t n = counts[i];
		first[i] = sum;
		if (n == DUMP_MANY) {
			if (k == nmany || many[k].id != i || many[k].n < DUMP_MANY)
				return errbuf_set(eb, MS_FORMAT,
					"column REFF, element %u: not in REFB", i);
			n = many[k++].n;
		}
		if (n > nref - sum)
			return errbuf_set(eb, MS_FORMAT,
				"column REFF, element %u: more references than there are", i);
		sum += n;
	}
	first[nobj] = sum;
	if (sum != nref)
		return errbuf_set(eb, MS_FORMAT,
			"column REFF: %llu references, REFT has %llu",
			(unsigned long long)sum, (unsigned long long)nref);
	if (k != nmany)
		return errbuf_set(eb, MS_FORMAT, "column REFB, element %llu: not needed",
			(unsigned long long)k);
	*ret = STEAL(first);
	return MS_OK;
}
