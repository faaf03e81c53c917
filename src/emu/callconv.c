/*
 * What differs between processors besides their instructions: how a C function is
 * entered, where its arguments lie, how it returns. System V AMD64 passes six integers
 * in registers; i386 passes all on the stack.
 */
#include "emu/x86.h"

#include <elf.h>
#include <string.h>

enum {
	STACK_TOP_ROOM = 1024
}; /* above the first frame: what a callee may read of its caller's */

static const uint8_t amd64_args[6] = {X86_DI, X86_SI, X86_DX, X86_CX, 8, 9};

/* All registers zero but those that say where we are; thread pointers stay. */
static void
x86_reset(struct emu *e, bool is64)
{
	struct x86 *x = &e->x86;

	memset(x->r, 0, sizeof(x->r));
	memset(x->x, 0, sizeof(x->x) / 2);
	if (x->is_wide) {
		memset(x->x + 16, 0, sizeof(x->x) / 2);
		memset(x->y, 0, sizeof(x->y));
		memset(x->k, 0, sizeof(x->k));
		x->is_wide = false;
	}
	x->f = (struct x86_flags){.zero_of = 1, .parity_of = 1};
	x->is64 = is64;
	x->linear_mask = is64 ? UINT64_MAX : UINT32_MAX;
}

static bool
amd64_enter(struct emu *e, taddr fn, const uint64_t args[6])
{
	x86_reset(e, true);
	for (size_t i = 0; i < 6; i++)
		e->x86.r[amd64_args[i]] = args[i];

	/* The stack is aligned to 16 before the return address goes on it. */
	taddr sp = e->view.stack_at + VIEW_STACK_LEN - STACK_TOP_ROOM - 8;
	e->x86.r[X86_SP] = sp;
	e->pc = fn;
	return x86_store(e, sp, 8, e->return_magic);
}

static bool
amd64_args_get(struct emu *e, uint64_t args[6], taddr *return_to)
{
	for (size_t i = 0; i < 6; i++)
		args[i] = e->x86.r[amd64_args[i]];
	return x86_load(e, e->x86.r[X86_SP], 8, return_to);
}

static bool
amd64_leave(struct emu *e, uint64_t value)
{
	uint64_t to;
	if (!x86_load(e, e->x86.r[X86_SP], 8, &to))
		return false;

	e->x86.r[X86_SP] += 8;
	e->x86.r[X86_AX] = value;
	e->pc = to;
	return true;
}

static bool
i386_enter(struct emu *e, taddr fn, const uint64_t args[6])
{
	uint32_t frame[7] = {(uint32_t)e->return_magic};

	x86_reset(e, false);
	for (size_t i = 0; i < 6; i++)
		frame[1 + i] = (uint32_t)args[i];

	taddr sp = e->view.stack_at + VIEW_STACK_LEN - STACK_TOP_ROOM - 4;
	e->x86.r[X86_SP] = sp;
	e->pc = (uint32_t)fn;
	return emu_store_slow(e, sp, frame, sizeof(frame));
}

/* Arguments that would lie past the end of the stack are zero: the function has fewer. */
static bool
i386_args_get(struct emu *e, uint64_t args[6], taddr *return_to)
{
	taddr sp = e->x86.r[X86_SP];

	for (size_t i = 0; i < 6; i++) {
		uint32_t v = 0;
		if (!view_read(&e->view, sp + 4 + 4 * i, &v, 4))
			v = 0;
		args[i] = v;
	}
	return x86_load(e, sp, 4, return_to);
}

static bool
i386_leave(struct emu *e, uint64_t value)
{
	uint64_t to;
	if (!x86_load(e, e->x86.r[X86_SP], 4, &to))
		return false;

	e->x86.r[X86_SP] = (uint32_t)(e->x86.r[X86_SP] + 4);
	e->x86.r[X86_AX] = (uint32_t)value;
	e->pc = to;
	return true;
}

static uint64_t
x86_result(const struct emu *e)
{
	return e->x86.r[X86_AX];
}

static void
amd64_set_tls(struct emu *e, taddr base)
{
	e->x86.seg[X86_SEG_FS] = base;
}

static void
i386_set_tls(struct emu *e, taddr base)
{
	e->x86.seg[X86_SEG_GS] = (uint32_t)base;
}

static void
amd64_decode(const uint8_t *bytes, size_t n, taddr pc, struct op *o)
{
	x86_decode(true, bytes, n, pc, o);
}

static void
i386_decode(const uint8_t *bytes, size_t n, taddr pc, struct op *o)
{
	x86_decode(false, bytes, n, pc, o);
}

static void
amd64_describe(const uint8_t *bytes, size_t n, char *text, size_t cap)
{
	x86_describe(true, bytes, n, text, cap);
}

static void
i386_describe(const uint8_t *bytes, size_t n, char *text, size_t cap)
{
	x86_describe(false, bytes, n, text, cap);
}

const struct emu_arch arch_x86_64 = {
        .name = "x86-64",
        .e_machine = EM_X86_64,
        .ptr_width = 8,
        .top = 0x7ffffffff000,
        .decode = amd64_decode,
        .describe = amd64_describe,
        .set_tls = amd64_set_tls,
        .enter = amd64_enter,
        .args = amd64_args_get,
        .leave = amd64_leave,
        .result = x86_result,
};

const struct emu_arch arch_i386 = {
        .name = "i386",
        .e_machine = EM_386,
        .ptr_width = 4,
        .top = 0xfffff000,
        .decode = i386_decode,
        .describe = i386_describe,
        .set_tls = i386_set_tls,
        .enter = i386_enter,
        .args = i386_args_get,
        .leave = i386_leave,
        .result = x86_result,
};
