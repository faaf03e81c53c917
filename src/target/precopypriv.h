/*
 * What was copied of a process before it was stopped, and where that stands.
 */
#ifndef MEMSCAN_TARGET_PRECOPYPRIV_H
#define MEMSCAN_TARGET_PRECOPYPRIV_H

#include "snappriv.h"

/* Pages side by side that were copied. */
struct before {
	taddr start, end;
	uint8_t *dest;
	size_t first;       /* index in frames */
	struct span within; /* the mapping */
	uint32_t prot;
};

typedef VEC(struct before) before_vec;

struct precopy {
	int clear_fd;
	struct zero_frames zeros;
	before_vec runs;         /* by address */
	VEC(uint32_t) frames;    /* of all pages in them; 0: it does not count */
	VEC(uint8_t) marked;     /* a mark was seen there after the copy */
	size_t first;            /* of runs: those of the piece at hand */
	bool is_void;            /* it cannot be believed */
	uint64_t same;           /* bytes that were found unchanged in the stop */
};

/* As an entry of /proc/PID/pagemap, what the ith page was just before it was copied. */
static inline uint64_t
entry_then(const struct precopy *pre, size_t i)
{
	return ENTRY_PRESENT | pre->frames.at[i];
}

/* ---- precopied.c ---- */

/* The first run that ends behind addr. */
size_t before_behind(const struct precopy *pre, taddr addr);

/* Only memory that nobody but this process writes to, and room that stays. */
bool precopy_is_eligible(const struct snapshot *s, const struct piece *p);

#endif
