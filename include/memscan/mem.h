/*
 * Allocation and cleanup guards.
 *
 * Two families. The x* allocators end the program with a message when memory is
 * out; they are for sizes that the program itself chooses. mem_checked is for any
 * size that came from a target, core, table or dump: overflow, the caller's cap
 * and exhaustion are one status with a text.
 */
#ifndef MEMSCAN_MEM_H
#define MEMSCAN_MEM_H

#include <stddef.h>

#include "memscan/status.h"

/* Never NULL. xcalloc's memory is zero; n * size is checked for overflow. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

/*
 * Allocate n elements of size bytes each, zeroed, into *ret; free() it.
 *
 * cap        the largest byte count that is acceptable here (limits.h)
 * MS_LIMIT   n * size overflows or is over cap
 * MS_NOMEM   the system has no such memory
 */
MUST_CHECK enum status mem_checked(size_t n, size_t size, size_t cap, void *ret, struct errbuf *eb);

/*
 * The same for an array by object or reference of a heap, all of which will be used, in
 * any order: large ones are put into large pages, if the system has them.
 */
MUST_CHECK enum status mem_array(size_t n, size_t size, void *ret, struct errbuf *eb);

/* Cleanup guards: the variable is released when it goes out of scope. */
#define CLEAN(fini) __attribute__((cleanup(fini)))
#define CLEAN_FREE CLEAN(mem_clean_free)
#define CLEAN_CLOSE CLEAN(mem_clean_close)
#define CLEAN_FCLOSE CLEAN(mem_clean_fclose)
void mem_clean_free(void *pp);
void mem_clean_close(int *fd);    /* ignores -1 */
void mem_clean_fclose(void *fpp); /* a FILE **; ignores NULL */

/* Hand a guarded pointer over: yields its value and leaves NULL behind. */
#define STEAL(p)                                                                         \
	__extension__({                                                                  \
		__typeof__(p) *steal_at_ = &(p);                                         \
		__typeof__(p) steal_value_ = *steal_at_;                                 \
		*steal_at_ = NULL;                                                       \
		steal_value_;                                                            \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
