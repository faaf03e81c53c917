/*
 * Values of objects: in any order, for which it is kept where each record begins, or in
 * passing.
 */
#ifndef MEMSCAN_ANALYSIS_VALUES_H
#define MEMSCAN_ANALYSIS_VALUES_H

#include "memscan/heap.h"

struct values {
	const struct heap *h;
	uint32_t *at; /* from the record of every HEAP_VALUE_STRIDE-th; UINT32_MAX: look */
};

/* MS_NOMEM: 4 bytes an object are not to be had. A heap without values has none. */
MUST_CHECK enum status values_init(struct values *v, const struct heap *h,
	struct errbuf *eb);
struct heap_value values_get(const struct values *v, objid i);
void values_fini(struct values *v);

/* In ascending order, each record looked at once. All-zero is a start. */
struct values_cursor {
	const uint8_t *p;
	objid next;
};
struct heap_value values_next(struct values_cursor *c, const struct heap *h, objid i);

#endif
