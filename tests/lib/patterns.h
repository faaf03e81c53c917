/*
 * A child that writes patterns by rules the test knows, and snapshots of children: all
 * that can go wrong in making one ends the test.
 */
#ifndef MEMSCAN_TESTS_PATTERNS_H
#define MEMSCAN_TESTS_PATTERNS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "child.h"
#include "target/snappriv.h"

#define SPARSE_LEN (8ULL << 30)
#define SPARSE_STEP (256ULL << 20)

enum {
	DENSE_PAGES = 300,
	FILE_PAGES = 4,
	NEW_PAGES = 20,
};

/* Where the child has what. */
struct places {
	uint64_t dense;  /* page i is filled with i + generation */
	uint64_t sparse; /* a word every SPARSE_STEP */
	uint64_t file;   /* private mapping of a file of 'f'; page 1 written with 'w' */
	uint64_t shared; /* anonymous shared: page 0 written by another process alone */
	uint64_t fresh;  /* made at the command 'n' */
};

/* Memory of nothing but zeros; the process ends if there is none. */
uint8_t *map_anonymous(size_t len, int flags);

/* Page i is filled with i + generation. */
void fill_dense(uint8_t *p, size_t pages, unsigned generation);

/*
 * The child; `shared` is memory that it has from the test, or NULL. Commands: 'n' map
 * something new, 'c' change everything, 'd' drop dense page 7; anything is echoed.
 */
struct child patterns_start(struct places *at, void *shared);

/* Of a process: prepare a snapshot of it (opts NULL: as it is by default), stop and copy. */
struct snapshot *patterns_prepare(pid_t pid, const struct snapshot_opts *opts);
struct snapshot_stats patterns_copy(struct snapshot *s, pid_t pid);

/* What was copied, as a target; ends s. */
struct target *patterns_target(struct snapshot *s);

/* len bytes at addr are all there, and all `want`. */
void check_fill(struct target *t, uint64_t addr, size_t len, int want);

#endif
