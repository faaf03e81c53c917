/*
 * Shared inside the analysis layer: small things that several analyses look up.
 */
#ifndef MEMSCAN_ANALYSIS_PRIV_H
#define MEMSCAN_ANALYSIS_PRIV_H

#include <string.h>

#include "memscan/heap.h"

/*
 * owner[i] becomes 1 + the type of the first object whose __dict__ is i; it is zeroed
 * before. Only a reference that says so makes an owner; being an attribute does not.
 */
void owners_find(const struct heap *h, uint32_t *owner);

/* Of struct heap_type.flags, tp_flags of CPython: what an object is a kind of. */
enum {
	IS_TUPLE = 1 << 26,
	IS_BYTES = 1 << 27,
	IS_DICT = 1 << 29,
};
#define IS_TYPE (1u << 31)

/* A type of the builtins module (2.7: __builtin__) by name. */
static inline bool
type_is_builtin(const struct heap *h, uint32_t type, const char *name)
{
	const char *module = heap_str(h, h->types[type].module, NULL);
	bool is_builtin =
		strcmp(module, "builtins") == 0 || strcmp(module, "__builtin__") == 0;

	return is_builtin && strcmp(heap_str(h, h->types[type].name, NULL), name) == 0;
}

/* Bytes that a buffer's object owns (NULL: 0), and those of them that are not in its
 * size. */
static inline uint64_t
buffer_owned(const struct heap_buffer *b)
{
	return b != NULL && (b->flags & BUFFER_OWNED) != 0 ? b->bytes : 0;
}

static inline uint64_t
buffer_beside(const struct heap_buffer *b)
{
	return b != NULL && (b->flags & BUFFER_IN_SIZE) == 0 ? buffer_owned(b) : 0;
}

#endif
