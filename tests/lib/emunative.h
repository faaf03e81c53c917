/*
 * The processor itself as the truth of what an instruction does: run the bytes of one,
 * on registers and memory that are given, and tell what became of them.
 *
 * Code and memory lie at fixed addresses below 4 GiB, so that the same bytes can be run
 * in 64-bit and in 32-bit mode, and be interpreted at the same addresses. An
 * instruction ends where NATIVE_END is.
 */
#ifndef TEST_EMUNATIVE_H
#define TEST_EMUNATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__linux__)
#define HAVE_NATIVE 1
#else
#define HAVE_NATIVE 0
#endif

#define NATIVE_CODE 0x20000000UL
#define NATIVE_END (NATIVE_CODE + 0x100)
#define NATIVE_CODE_LEN 0x1000UL
#define NATIVE_MEM 0x20010000UL
#define NATIVE_MEM_LEN 0x2000UL

/* The part of the memory that a case fills and looks at. */
#define NATIVE_SEEN (NATIVE_MEM + 0x800)
enum { NATIVE_SEEN_LEN = 0x400 };

struct native_regs {
	uint64_t r[16];
	uint64_t flags;
	uint64_t unused[7];
	uint64_t v[32][8]; /* vectors: as much of them as the processor has */
	uint64_t k[8];
};

struct native_case {
	uint8_t code[48]; /* laid so that it ends at NATIVE_END */
	uint8_t n;
	struct native_regs before, after;
	uint8_t mem_before[NATIVE_SEEN_LEN], mem_after[NATIVE_SEEN_LEN];
	int signal; /* that it ended with, or 0 */
};

/* What of the vector registers there is: 16, 32 or 64 bytes of each. */
unsigned native_vector_len(void);

/* Map code and memory; false if that cannot be had here. */
bool native_open(void);

/* Put the code and the memory of a case in place, as native_run does. */
void native_place(const struct native_case *c, bool is64);

/* Carry out the n cases in a child; false if the child did not survive. */
bool native_run(struct native_case *cases, size_t n, bool is64);

#endif
