/*
 * NT_PRSTATUS of a stopped thread, decoded by its size: a 64-bit kernel answers for a
 * 32-bit thread in that thread's own format.
 */
#include "regs.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "memscan/bytes.h"

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)

enum { REGSET_MAX = 1024 }; /* the general registers of no processor are as large */

/* The kernel's answer, or 0 bytes. */
static size_t
get_regset(pid_t tid, int type, uint8_t *buf, size_t cap)
{
	struct iovec iov = {.iov_base = buf, .iov_len = cap};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)(intptr_t)type, &iov) != 0)
		return 0;
	return iov.iov_len;
}

/* All of a register set, as words of so many bytes. */
static void
keep_words(struct thread_regs *r, const uint8_t *buf, size_t len, unsigned width)
{
	r->n_words = 0;
	for (size_t at = 0; at + width <= len && r->n_words < THREAD_WORDS; at += width)
		r->words[r->n_words++] = width == 8 ? load_u64(buf + at) : load_u32(buf + at);
}

#endif

#if defined(__x86_64__) || defined(__i386__)

enum {
	I386_REGS = 68, /* struct user_regs_struct32, arch/x86/include/asm/user_32.h */
	I386_EIP = 48,
	I386_ESP = 60,
	AMD64_REGS = 216, /* struct user_regs_struct, arch/x86/include/asm/user_64.h */
	AMD64_RIP = 128,
	AMD64_RSP = 152,
	AMD64_FS_BASE = 168,
};

void
regs_read(struct thread_regs *r)
{
	uint8_t buf[REGSET_MAX];

	switch (get_regset(r->tid, NT_PRSTATUS, buf, sizeof(buf))) {
	case AMD64_REGS:
		r->pc = load_u64(buf + AMD64_RIP);
		r->sp = load_u64(buf + AMD64_RSP);
		r->fs_base = load_u64(buf + AMD64_FS_BASE);
		keep_words(r, buf, AMD64_REGS, 8);
		break;
	case I386_REGS:
		r->pc = load_u32(buf + I386_EIP);
		r->sp = load_u32(buf + I386_ESP);
		keep_words(r, buf, I386_REGS, 4);
		break;
	default:
		break;
	}
}

#elif defined(__aarch64__)

enum {
	ARM64_REGS = 272, /* struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h */
	ARM64_SP = 248,
	ARM64_PC = 256,
	ARM32_REGS = 72, /* struct pt_regs of 32-bit threads: r0-r15, cpsr, orig_r0 */
	ARM32_SP = 52,
	ARM32_PC = 60,
};

void
regs_read(struct thread_regs *r)
{
	uint8_t buf[REGSET_MAX];

	switch (get_regset(r->tid, NT_PRSTATUS, buf, sizeof(buf))) {
	case ARM64_REGS:
		r->pc = load_u64(buf + ARM64_PC);
		r->sp = load_u64(buf + ARM64_SP);
		keep_words(r, buf, ARM64_REGS, 8);
		break;
	case ARM32_REGS:
		r->pc = load_u32(buf + ARM32_PC);
		r->sp = load_u32(buf + ARM32_SP);
		keep_words(r, buf, ARM32_REGS, 4);
		return;
	default:
		return;
	}
	/* The thread pointer: what fs_base is on x86-64. */
	if (get_regset(r->tid, NT_ARM_TLS, buf, sizeof(buf)) >= 8)
		r->fs_base = load_u64(buf);
}

#else

/* Which register is which is not known here; stopping works all the same. */
void
regs_read(struct thread_regs *r)
{
	(void)r;
}

#endif
