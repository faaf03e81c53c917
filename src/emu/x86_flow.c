/*
 * Carrying out what moves the stack pointer and the program counter, and the flags as
 * such. Stack slots of 8 bytes, the usual ones, have a path of their own.
 */
#include "emu/x86.h"

/* ---- the stack ---- */

static ALWAYS_INLINE int
push(struct emu *e, unsigned w, uint64_t v)
{
	taddr sp = (e->x86.r[X86_SP] - w) & e->x86.linear_mask;
	if (UNLIKELY(!x86_store(e, sp, w, v)))
		return OP_STOP;
	e->x86.r[X86_SP] = sp;
	return OP_NEXT;
}

static ALWAYS_INLINE bool
pop(struct emu *e, unsigned w, uint64_t *v)
{
	taddr sp = e->x86.r[X86_SP];
	if (UNLIKELY(!x86_load(e, sp, w, v)))
		return false;
	e->x86.r[X86_SP] = (sp + w) & e->x86.linear_mask;
	return true;
}

int
x86_push_r(struct emu *e, const struct op *o)
{
	uint64_t v = e->x86.r[o->dst / 8];
	return LIKELY(o->width == 8) ? push(e, 8, v) : push(e, o->width, v);
}

int
x86_push_i(struct emu *e, const struct op *o)
{
	return push(e, o->width, o->imm);
}

int
x86_push_m(struct emu *e, const struct op *o)
{
	uint64_t v;
	return x86_load(e, x86_ea(e, o), o->width, &v) ? push(e, o->width, v) : OP_STOP;
}

int
x86_pop_r(struct emu *e, const struct op *o)
{
	uint64_t v;

	if (LIKELY(o->width == 8)) {
		if (!pop(e, 8, &v))
			return OP_STOP;
		e->x86.r[o->dst / 8] = v;
		return OP_NEXT;
	}
	if (!pop(e, o->width, &v))
		return OP_STOP;
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

/* The address is computed with the stack pointer as it is after the pop. */
int
x86_pop_m(struct emu *e, const struct op *o)
{
	uint64_t v;
	return pop(e, o->width, &v) && x86_store(e, x86_ea(e, o), o->width, v) ? OP_NEXT
	                                                                       : OP_STOP;
}

int
x86_leave(struct emu *e, const struct op *o)
{
	uint64_t v;

	e->x86.r[X86_SP] = e->x86.r[X86_BP];
	if (!pop(e, o->width, &v))
		return OP_STOP;
	x86_reg_set(e, X86_BP * 8, o->width, v);
	return OP_NEXT;
}

int
x86_pushf(struct emu *e, const struct op *o)
{
	return push(e, o->width, x86_flags_word(&e->x86.f));
}

int
x86_popf(struct emu *e, const struct op *o)
{
	enum { TRAP_FLAG = 0x100 };
	uint64_t v;

	if (!pop(e, o->width, &v))
		return OP_STOP;
	if ((v & TRAP_FLAG) != 0)
		return op_stop(e, EMU_TRAP);
	if (o->width == 2)
		v |= (uint64_t)e->x86.f.id << 21;
	x86_flags_load(&e->x86.f, v);
	return OP_NEXT;
}

/* ---- jumps and calls: imm is the address to go to ---- */

#define JCC_FUNCTION(cc)                                                                 \
	static int jcc_##cc(struct emu *e, const struct op *o)                           \
	{                                                                                \
		if (x86_condition(&e->x86.f, cc))                                        \
			e->pc = o->imm;                                                  \
		return OP_NEXT;                                                          \
	}
JCC_FUNCTION(0)
JCC_FUNCTION(1)
JCC_FUNCTION(2)
JCC_FUNCTION(3)
JCC_FUNCTION(4)
JCC_FUNCTION(5)
JCC_FUNCTION(6)
JCC_FUNCTION(7)
JCC_FUNCTION(8)
JCC_FUNCTION(9)
JCC_FUNCTION(10)
JCC_FUNCTION(11)
JCC_FUNCTION(12)
JCC_FUNCTION(13)
JCC_FUNCTION(14)
JCC_FUNCTION(15)
const op_fn x86_jcc_ops[16] = {
        jcc_0, jcc_1, jcc_2,  jcc_3,  jcc_4,  jcc_5,  jcc_6,  jcc_7,
        jcc_8, jcc_9, jcc_10, jcc_11, jcc_12, jcc_13, jcc_14, jcc_15,
};

int
x86_jmp(struct emu *e, const struct op *o)
{
	e->pc = o->imm;
	return OP_NEXT;
}

int
x86_jmp_r(struct emu *e, const struct op *o)
{
	e->pc = e->x86.r[o->dst / 8];
	return OP_NEXT;
}

int
x86_jmp_m(struct emu *e, const struct op *o)
{
	uint64_t to;
	if (!x86_load(e, x86_ea(e, o), o->width, &to))
		return OP_STOP;
	e->pc = to;
	return OP_NEXT;
}

static ALWAYS_INLINE int
call_to(struct emu *e, const struct op *o, taddr to)
{
	if (push(e, o->width, o->pc + o->len) != OP_NEXT)
		return OP_STOP;
	e->pc = to;
	return OP_NEXT;
}

int
x86_call(struct emu *e, const struct op *o)
{
	return call_to(e, o, o->imm);
}

int
x86_call_r(struct emu *e, const struct op *o)
{
	return call_to(e, o, e->x86.r[o->dst / 8]);
}

int
x86_call_m(struct emu *e, const struct op *o)
{
	uint64_t to;
	return x86_load(e, x86_ea(e, o), o->width, &to) ? call_to(e, o, to) : OP_STOP;
}

/* imm: bytes of arguments to take off the stack. */
int
x86_ret(struct emu *e, const struct op *o)
{
	uint64_t to;
	if (!pop(e, o->width, &to))
		return OP_STOP;
	e->x86.r[X86_SP] = (e->x86.r[X86_SP] + o->imm) & e->x86.linear_mask;
	e->pc = to;
	return OP_NEXT;
}

/* loopne, loope, loop, jcxz by sub; width is the counter's. */
int
x86_loop(struct emu *e, const struct op *o)
{
	uint64_t n = x86_reg(e, X86_CX * 8, o->width);
	bool zf = e->x86.f.zero_of == 0;

	if (o->sub == 3) {
		if (n == 0)
			e->pc = o->imm;
		return OP_NEXT;
	}
	n = (n - 1) & x86_mask(o->width);
	x86_reg_set(e, X86_CX * 8, o->width, n);
	if (n != 0 && (o->sub == 2 || zf == (o->sub == 1)))
		e->pc = o->imm;
	return OP_NEXT;
}

/* ---- the flags as such ---- */

uint64_t
x86_flags_word(const struct x86_flags *f)
{
	return 0x202u | f->cf | (unsigned)x86_pf(f) << 2 | (unsigned)f->af << 4 |
	       (unsigned)(f->zero_of == 0) << 6 | (unsigned)f->sf << 7 |
	       (unsigned)f->df << 10 | (unsigned)f->of << 11 | (unsigned)f->id << 21;
}

void
x86_flags_load(struct x86_flags *f, uint64_t word)
{
	f->cf = word & 1;
	f->af = word >> 4 & 1;
	f->sf = word >> 7 & 1;
	f->df = word >> 10 & 1;
	f->of = word >> 11 & 1;
	f->id = word >> 21 & 1;
	x86_set_zf_pf(f, (word >> 6 & 1) != 0, (word >> 2 & 1) != 0);
}

int
x86_flag(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;

	switch ((enum x86_flag_op)o->sub) {
	case FLAG_CLC:
		f->cf = 0;
		break;
	case FLAG_STC:
		f->cf = 1;
		break;
	case FLAG_CMC:
		f->cf = !f->cf;
		break;
	case FLAG_CLD:
		f->df = 0;
		break;
	case FLAG_STD:
		f->df = 1;
		break;
	}
	return OP_NEXT;
}

int
x86_lahf(struct emu *e, const struct op *o)
{
	(void)o;
	x86_reg_set(e, X86_AX * 8 + 1, 1, x86_flags_word(&e->x86.f) & 0xff);
	return OP_NEXT;
}

int
x86_sahf(struct emu *e, const struct op *o)
{
	(void)o;
	uint64_t high = x86_flags_word(&e->x86.f) & ~UINT64_C(0xff);
	x86_flags_load(&e->x86.f, high | x86_reg(e, X86_AX * 8 + 1, 1));
	return OP_NEXT;
}
