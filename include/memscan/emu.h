/*
 * Interpreting the target's own machine code, here.
 *
 * A type's tp_traverse or __sizeof__ is read as data out of the target and interpreted
 * over a copy-on-write view of its memory: nothing runs natively, nothing is written
 * outside the interpreter's scratch pages, every call ends by its limit. An instruction
 * that is not known is an ordinary outcome (EMU_UNKNOWN), never a guess.
 *
 * Knows processors and the C calling convention; knows nothing of Python. The processor
 * is behind struct emu_arch (src/emu/priv.h: decode, step, calling convention).
 */
#ifndef MEMSCAN_EMU_H
#define MEMSCAN_EMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/target.h"

/* How a call ended. */
#define EMU_ENDS(X)                                                                      \
	X(RETURNED, "returned")                                                          \
	X(STOPPED, "stopped by its hook")                                                \
	X(UNKNOWN, "unknown instruction")                                                \
	X(FAULT, "memory that is not there")                                             \
	X(LIMIT, "instruction limit")                                                    \
	X(SYSCALL, "system call")                                                        \
	X(DENIED, "wrote where it may not")                                              \
	X(TRAP, "trap instruction or division error")

enum emu_end {
#define EMU_END_ENUM(id, text) EMU_##id,
	EMU_ENDS(EMU_END_ENUM)
#undef EMU_END_ENUM
	EMU_END_COUNT
};

const char *emu_end_text(enum emu_end e);

/* Arguments of a hook, and what it answers. */
enum emu_verdict {
	EMU_GO_ON, /* return `value` to the caller of the hooked function */
	EMU_STOP,  /* end the call: EMU_STOPPED */
	EMU_PASS,  /* not mine: interpret the function's own code */
};

struct emu;

/*
 * A hook stands for a function: when control reaches its address it is called with the
 * first six integer arguments and the return address that lies on the stack (or in
 * the link register). *value is the result it hands back.
 */
typedef enum emu_verdict (*emu_hook)(void *self, struct emu *e, const uint64_t args[6],
                                     taddr return_to, uint64_t *value);

/*
 * An interpreter for a target. Borrowed: t must outlive it.
 * MS_VERSION  no interpreter for the target's processor: the message names it
 */
MUST_CHECK enum status emu_new(struct target *t, struct emu **ret, struct errbuf *eb);
void emu_free(struct emu *e);

/*
 * An address that no mapping has, another one each time: for callbacks that stand for no
 * code. 0 when 262,144 were given.
 */
taddr emu_magic(struct emu *e);

/*
 * Call hook when control reaches addr (a magic or a real function). At most 4096 hooks,
 * further ones are ignored; a second one at an address replaces the first. A hook may not
 * call emu_call.
 */
void emu_hook_set(struct emu *e, taddr addr, emu_hook hook, void *self);

/* The thread pointer (x86-64: FS base; i386: GS base) that TLS accesses see. */
void emu_set_tls(struct emu *e, taddr base);

/* What getpid and gettid answer; unless set, those end a call as any system call does. */
void emu_set_ids(struct emu *e, uint64_t pid, uint64_t tid);

/*
 * Call the function at fn with up to six integer arguments.
 *
 * limit    instructions before EMU_LIMIT; a repetition of a string instruction and a
 *          hook count as one each
 * *result  the integer return value, for EMU_RETURNED; of i386 its 32 bits
 *
 * Writes go to scratch pages that are dropped before the next call, unless emu_keep
 * follows; a call may write 1 MiB of pages (EMU_DENIED). Its stack has 1 MiB. Code is run
 * only where the target's regions are executable. The target's memory must stay as it is
 * for as long as the interpreter is used.
 */
enum emu_end emu_call(struct emu *e, taddr fn, const uint64_t *args, size_t n,
                      uint64_t limit, uint64_t *result);

/*
 * Keep the pages that the last call wrote, and that emu_write wrote since, for all later
 * calls. False, and none is kept, if that would be more than 16 MiB in all.
 */
bool emu_keep(struct emu *e);

/* Where a call that did not return stood: its pc, and the first bytes of code there. */
struct emu_where {
	taddr pc;
	uint8_t bytes[15];
	uint8_t n_bytes;
};
struct emu_where emu_last(const struct emu *e);

/* The return address that marks the end of a call: hooks compare `return_to` with it. */
taddr emu_return_magic(const struct emu *e);

/*
 * Read or write the interpreter's view, scratch pages over the target. What is written
 * outside emu_alloc's memory is dropped with the pages of the call.
 * MS_FAULT  not mapped, or no scratch page is left
 */
MUST_CHECK enum status emu_read(struct emu *e, taddr addr, void *buf, size_t n);
MUST_CHECK enum status emu_write(struct emu *e, taddr addr, const void *buf, size_t n);

/*
 * Scratch memory inside the view for a hook's or caller's structs, zeroed, kept until
 * emu_free. 0 if n is 0 or over 64 KiB, or when 16 MiB were given.
 */
taddr emu_alloc(struct emu *e, size_t n);

/* Counters, for reports and bench. */
struct emu_stats {
	uint64_t calls, instructions, decoded, unknown;
};
struct emu_stats emu_stats(const struct emu *e);

/* The i-th unknown opcode met, as text ("0f 38 f6"), and its count; false past the end. */
bool emu_unknown_at(const struct emu *e, size_t i, const char **text, uint64_t *count);

#endif
