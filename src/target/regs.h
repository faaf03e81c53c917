/*
 * Registers of a stopped thread: the part of stopping that differs between processors.
 */
#ifndef MEMSCAN_TARGET_REGS_H
#define MEMSCAN_TARGET_REGS_H

#include "memscan/target.h"

/*
 * Fill in what can be read of r->tid, which the calling thread has stopped; the rest
 * stays 0.
 */
void regs_read(struct thread_regs *r);

#endif
