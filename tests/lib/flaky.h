/*
 * A target of which one read goes wrong: the Nth fails, or lies.
 *
 * It wraps another target and serves the same regions through its own backend, so that
 * a test can try N = 0, 1, 2, ... until nothing fails any more.
 */
#ifndef MEMSCAN_TESTS_FLAKY_H
#define MEMSCAN_TESTS_FLAKY_H

#include <stdbool.h>

#include "memscan/target.h"

struct flaky {
	unsigned reads;    /* calls of the backend so far */
	unsigned fail_at;  /* index of the call that goes wrong */
	bool is_for_good;  /* every later call goes wrong too */
	enum status
	        with; /* what it returns: MS_FAULT, MS_GONE; MS_OK: it lies, see below */
	uint64_t lie;      /* with MS_OK: every whole word read is replaced by this */
};

/*
 * Wrap t, which is taken: closing the result closes it. fl stays the caller's and must
 * outlive the result; it may be changed at any time.
 */
struct target *flaky_target(struct target *t, struct flaky *fl);

#endif
