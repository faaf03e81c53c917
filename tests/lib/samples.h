/*
 * Heaps to test with: one small one of which every detail is known, and random ones of
 * any size. Each is emitted into a sink, so that the same heap can go to a memsink and to
 * a dump and be compared.
 */
#ifndef MEMSCAN_TESTS_SAMPLES_H
#define MEMSCAN_TESTS_SAMPLES_H

#include "memscan/heap.h"
#include "memscan/io.h"

struct dump;

/* The heap of tests/data/golden.dump; samples.c is its description. */
MUST_CHECK enum status sample_golden(const struct heap_sink *s);

/*
 * A valid heap of nobj objects that depends on the seed alone: sizes and counts over 32
 * bits, values of all kinds, refs of all kinds, in calls of any length.
 */
MUST_CHECK enum status sample_random(
	const struct heap_sink *s, uint64_t seed, uint32_t nobj);

/* The next number of a sequence made of *state alone (splitmix64); one below n. */
uint64_t sample_next(uint64_t *state);
uint64_t sample_below(uint64_t *state, uint64_t n);

/* Fail the test unless two heaps have equal columns, byte for byte. */
void sample_assert_same(const struct heap *a, const struct heap *b);

/* Look at everything in a heap, as the most curious analysis would; returns a sum of it
 * all. */
uint64_t sample_walk(const struct heap *h);

/*
 * Write a heap as a dump into anonymous memory: the file's descriptor. The heap is
 * golden (nobj 0) or random.
 */
int sample_dump(uint64_t seed, uint32_t nobj);

/* The same, see dump_writer_tune. */
int sample_dump_tuned(uint64_t seed, uint32_t nobj, unsigned threads, bool compress);

/* The whole contents of a file by descriptor; free() it. */
uint8_t *sample_bytes(int fd, size_t *len);

/* dump_open of the file behind a descriptor. */
MUST_CHECK enum status sample_open(
	int fd, uint32_t columns, struct dump **ret, struct errbuf *eb);

#endif
