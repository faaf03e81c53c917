/*
 * A sink that records a heap in memory and yields it as a struct heap, as the dump
 * reader would. For tests of whatever emits a heap (what was emitted?) and of whatever
 * takes one (make a heap by hand, without a file).
 *
 * It is strict where the writer trusts: a call that breaks the order that heap.h
 * promises fails the test at once.
 */
#ifndef MEMSCAN_TESTS_MEMSINK_H
#define MEMSCAN_TESTS_MEMSINK_H

#include "memscan/heap.h"

struct memsink;

struct memsink *memsink_new(void);
void memsink_free(struct memsink *m);

/* The sink to emit into; owned by m. */
struct heap_sink *memsink_sink(struct memsink *m);

/*
 * What was recorded so far. The view dies with the next call on m or its sink, and
 * with m. Every id is checked against what was emitted; a wrong one fails the test.
 */
const struct heap *memsink_heap(struct memsink *m);

/*
 * Making a heap by hand. Strings are interned, "" is there from the start; do not mix
 * these with string calls on the sink. Each returns the id of what it made.
 */
uint32_t memsink_str(struct memsink *m, const char *text);
uint32_t memsink_add_type(struct memsink *m, const char *module, const char *name);
objid memsink_add_obj(struct memsink *m, uint32_t type, taddr addr, uint64_t size);
objid memsink_add_value(struct memsink *m, uint32_t type, taddr addr, uint64_t size,
	enum value_kind kind, const char *text);

/* A reference of the object made last; returns its number. */
uint64_t memsink_add_ref(
	struct memsink *m, objid to, enum ref_kind kind, uint64_t payload);
/* One that tp_traverse does not report. */
uint64_t memsink_add_hidden(
	struct memsink *m, objid to, enum ref_kind kind, uint64_t payload);
void memsink_add_root(struct memsink *m, objid to, enum root_kind kind, const char *name);

#endif
