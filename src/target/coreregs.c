/*
 * struct elf_prstatus, which differs between processors: a table of where things are in
 * it. Linux: include/linux/elfcore.h; the registers behind it are each processor's
 * elf_gregset_t (arch/.../include/asm/elf.h, uapi/asm/ptrace.h).
 */
#include "corepriv.h"

#include <elf.h>

#include "memscan/bytes.h"

enum { NONE = 0xffff };

/* Offsets of registers from the first; their bytes in all. */
struct machine_regs {
	uint16_t e_machine;
	uint8_t ptr_width;
	uint16_t len, pc, sp, tls;
};

static const struct machine_regs machines[] = {
	{EM_X86_64, 8, 216, 128, 152, 168},
	/* x32: the registers are as wide, the rest is not. */
	{EM_X86_64, 4, 216, 128, 152, 168},
	{EM_386, 4, 68, 48, 60, NONE},
	{EM_AARCH64, 8, 272, 256, 248, NONE},
	{EM_ARM, 4, 72, 60, 52, NONE},
	{EM_RISCV, 8, 256, 0, 16, 32},
	{EM_RISCV, 4, 128, 0, 8, 16},
	{EM_PPC64, 8, 384, 256, 8, 104},
	{EM_S390, 8, 216, 8, 136, NONE},
	{EM_S390, 4, 0, NONE, NONE, NONE},
};

/* In front of the registers, by the width of a long. */
static const struct {
	uint8_t signal, pid, regs;
} fronts[] = {[4] = {12, 24, 72}, [8] = {12, 32, 112}};

const char *
machine_name(uint16_t e_machine)
{
	static const struct {
		uint16_t e_machine;
		const char *name;
	} names[] = {
		{EM_X86_64, "x86-64"}, {EM_386, "i386"},       {EM_AARCH64, "aarch64"},
		{EM_ARM, "arm"},       {EM_RISCV, "riscv"},    {EM_PPC64, "ppc64"},
		{EM_PPC, "ppc"},       {EM_S390, "s390x"},     {EM_MIPS, "mips"},
		{EM_SPARCV9, "sparc"}, {EM_LOONGARCH, "loongarch"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].e_machine == e_machine)
			return names[i].name;
	return NULL;
}

static uint64_t
reg(const uint8_t *regs, unsigned off, unsigned width, bool swap)
{
	return off != NONE ? load_uint(regs + off, width, swap) : 0;
}

bool
prstatus_parse(const uint8_t *p, size_t len, const struct machine *m,
               struct thread_regs *ret, int *signal)
{
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	unsigned front = fronts[m->ptr_width].regs;
	struct thread_regs r = {0};

	if (len < front)
		return false;
	r.tid = (pid_t)load_uint(p + fronts[m->ptr_width].pid, 4, swap);
	*signal = (int)load_uint(p + fronts[m->ptr_width].signal, 2, swap);
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		const struct machine_regs *k = &machines[i];
		if (k->e_machine != m->e_machine || k->ptr_width != m->ptr_width ||
		    len < front + k->len)
			continue;
		unsigned width = k->len == 216 ? 8 : k->ptr_width;
		r.pc = reg(p + front, k->pc, width, swap);
		r.sp = reg(p + front, k->sp, width, swap);
		r.fs_base = reg(p + front, k->tls, width, swap);
		for (unsigned at = 0; at < k->len && r.n_words < THREAD_WORDS; at += width)
			r.words[r.n_words++] = reg(p + front, at, width, swap);
		break;
	}
	*ret = r;
	return true;
}

bool
regs_note_tls(uint64_t type, const uint8_t *p, size_t len, const struct machine *m,
              struct thread_regs *ret)
{
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	if (type != NT_ARM_TLS || m->e_machine != EM_AARCH64 || len < 8)
		return false;
	ret->fs_base = load_uint(p, 8, swap);
	return true;
}
