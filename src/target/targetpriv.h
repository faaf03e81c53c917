/*
 * A target from the inside: what target.c, which finds the bytes, shares with windows.c, which
 * reads those that are not at hand.
 */
#ifndef MEMSCAN_TARGET_TARGETPRIV_H
#define MEMSCAN_TARGET_TARGETPRIV_H

#include <assert.h>

#include "priv.h"

enum {
	MEMO_BITS = 7,
	MEMO_SLOTS = 1 << MEMO_BITS,
	MEMO_SHIFT = 20, /* Python's arenas are 256 KiB to 1 MiB */
	WINDOW_SLOTS = 2 * TARGET_VIEW_KEEP,
	WINDOW_SHIFT = 16,
	WINDOW_BUCKETS = 256,
	MISSED_MAX = 1 << 15,
	PAGE = 4096,     /* no machine has smaller ones; only a unit of reading */
};

static_assert(TARGET_VIEW_MAX == 1 << WINDOW_SHIFT,
              "a window is as large as the largest view");

/* A region with data, as short as the hot path needs it; len 0 is a free place. */
struct memo {
	taddr start;
	uint64_t len;
	const uint8_t *data;
	bool is_file;
};

/* Bytes [start, start + len) read from the backend; in the chain of one bucket. */
struct window {
	taddr start;
	size_t len;    /* 0: unused */
	uint64_t used; /* value of target.views when it was last handed out, 0 if never */
	uint16_t next; /* index + 1 of the next window in the bucket, 0 at its end */
	uint8_t *buf;
};

struct target {
	struct memo memo[MEMO_SLOTS];
	const struct target_ops *ops;
	void *self;
	struct region *regions;
	size_t n;
	char *paths;
	struct machine machine;
	bool swap;
	bool is_gone;
	bool is_beside; /* regions and paths are another target's */
	uint64_t unanswered; /* beside: reads of what is not at hand */
	bool has_data; /* some region has */
	struct pagecache *cache; /* of a process that is held: its memory does not change; or NULL */
	VEC(struct span) missed; /* reads of what was left out of a copy */
	uint64_t views; /* views of windows handed out */
	size_t hand;    /* where the search for a window to reuse goes on */
	struct window windows[WINDOW_SLOTS];
	uint16_t buckets[WINDOW_BUCKETS]; /* index + 1 */
};

/*
 * A window that holds [addr, addr + n) of r, which has no data: valid until it is used
 * again, which it is not as long as its view may be. NULL if it cannot be read.
 */
struct window *window_get(struct target *t, const struct region *r, taddr addr, size_t n);

/* A window that none of the last TARGET_VIEW_KEEP views used, not yet found by any address. */
struct window *window_reuse(struct target *t);

/* The bytes [addr, addr + n) of r from the cache of t, into which they are read first; NULL: there is none, or not so. */
const uint8_t *target_cached(struct target *t, const struct region *r, taddr addr, size_t n, uint64_t view);

/* Read n bytes at addr, wholly inside one region that has no data. */
MUST_CHECK enum status target_read_region(struct target *t, const struct region *r, taddr addr, void *buf, size_t n);

#endif
