/*
 * The interpreter against the processor: interpret a case that the processor has run,
 * and compare what both say became of registers, flags and memory.
 */
#ifndef TEST_EMUCOMPARE_H
#define TEST_EMUCOMPARE_H

#include "emunative.h"
#include "memscan/emu.h"

/* An interpreter of the very memory that the processor uses; native_open comes first. */
struct emu *emu_compare_open(bool is64, struct target **t);

/*
 * Interpret c and end the test if anything is other than c->after.
 *
 * end   how it should end; only EMU_RETURNED has registers to compare
 * seen  the flags that are defined
 * what  names the case
 */
void emu_compare(struct emu *e, const struct native_case *c, bool is64, enum emu_end end,
                 unsigned seen, const char *what);

/*
 * The end that the interpreter comes to, and nothing else; memory is put in place for it.
 */
enum emu_end emu_compare_end(struct emu *e, const struct native_case *c, bool is64);

#endif
