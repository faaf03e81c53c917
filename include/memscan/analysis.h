/*
 * What a heap answers: pure functions from const arrays to fresh arrays. They do not
 * print, do not call each other, do not write into their inputs; ties are broken by id,
 * so that the same dump gives the same bytes.
 */
#ifndef MEMSCAN_ANALYSIS_H
#define MEMSCAN_ANALYSIS_H

#include "memscan/heap.h"

/* By what objects are put together. */
enum summary_by { SUMMARY_TYPE, SUMMARY_MODULE };
enum summary_sort { SUMMARY_BY_SIZE /* and buffers */, SUMMARY_BY_COUNT, SUMMARY_BY_NAME };

/* One kind of objects. */
struct summary_row {
	uint32_t type;  /* type id of its objects; for modules that of the first */
	uint32_t owner; /* of instance dictionaries: type id of the class; HEAP_NONE */
	uint32_t name;  /* string id of the module, for SUMMARY_MODULE */
	uint64_t count;
	uint64_t size;    /* bytes, sum of shallow sizes */
	uint64_t buffers; /* bytes of memory that they own and that is not in their sizes */
	uint64_t largest; /* bytes of its largest object */
	objid largest_id;
};

struct summary {
	struct summary_row *rows;
	size_t n;
	uint64_t count, size, buffers; /* totals */
};

/*
 * Count and size by kind. A dict that is the __dict__ of an instance, type or module is a
 * kind of its own, "dict of Foo" (SUMMARY_TYPE). Needs type, size32, big, buffers, types
 * and strings; first, to and label for the owners (SUMMARY_TYPE).
 * MS_NOMEM   4 bytes an object are not to be had
 */
MUST_CHECK enum status summary_compute(const struct heap *h, enum summary_by by,
	enum summary_sort sort, struct summary *ret, struct errbuf *eb);
void summary_fini(struct summary *s);

#endif
