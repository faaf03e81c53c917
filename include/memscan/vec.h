/*
 * A typed growable array, header only.
 *
 *	VEC(uint64_t) v = {0};
 *	vec_push(&v, 3);
 *	for (size_t i = 0; i < v.n; i++) use(v.at[i]);
 *	vec_fini(&v);
 *
 * Growth is by half again, through xrealloc: for counts that the program bounds itself.
 */
#ifndef MEMSCAN_VEC_H
#define MEMSCAN_VEC_H

#include <stdlib.h>

#include "memscan/mem.h"

#define VEC(type)                                                                        \
	struct {                                                                         \
		type *at;                                                                \
		size_t n, cap;                                                           \
	}

/* The capacity to grow to, so that want elements fit. */
static inline size_t
vec_grown(size_t cap, size_t want)
{
	size_t next = cap + cap / 2 + 16;
	return next < want ? want : next;
}

#define vec_reserve(v, want)                                                             \
	do {                                                                             \
		size_t vec_want_ = (want);                                               \
		if (vec_want_ > (v)->cap) {                                              \
			(v)->cap = vec_grown((v)->cap, vec_want_);                       \
			(v)->at = xrealloc((v)->at, (v)->cap * sizeof(*(v)->at));        \
		}                                                                        \
	} while (0)

#define vec_push(v, ...)                                                                 \
	do {                                                                             \
		vec_reserve((v), (v)->n + 1);                                            \
		(v)->at[(v)->n++] = (__VA_ARGS__);                                       \
	} while (0)

#define vec_fini(v)                                                                      \
	do {                                                                             \
		free((v)->at);                                                           \
		(v)->at = NULL;                                                          \
		(v)->n = (v)->cap = 0;                                                   \
	} while (0)

#endif
