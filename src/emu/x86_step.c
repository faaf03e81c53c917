/*
 * Carrying out the operations that most code is made of: moves, arithmetic and logic,
 * the stack, jumps and calls.
 *
 * The frequent ones exist once for each width and each place of their operands, made by
 * macros out of one inline function; x86_decode.c picks them from the tables below. An
 * operation that writes memory does so before it changes a register, since the address
 * may depend on that.
 */
#include "emu/x86.h"

/* ---- arithmetic and logic ---- */

/* The result of k on a and b, both cut to w bytes; flags as the processor sets them. */
static ALWAYS_INLINE uint64_t
alu(struct x86_flags *f, enum x86_alu k, uint64_t a, uint64_t b, unsigned w)
{
	unsigned c = k == ALU_ADC || k == ALU_SBB ? f->cf : 0;
	uint64_t r;

	switch (k) {
	case ALU_ADD:
	case ALU_ADC:
		r = (a + b + c) & x86_mask(w);
		f->cf = c ? r <= a : r < a;
		f->of = (((a ^ r) & (b ^ r)) & x86_top_bit(w)) != 0;
		f->af = (a ^ b ^ r) >> 4 & 1;
		break;
	case ALU_SUB:
	case ALU_CMP:
	case ALU_SBB:
		r = (a - b - c) & x86_mask(w);
		f->cf = c ? a <= b : a < b;
		f->of = (((a ^ b) & (a ^ r)) & x86_top_bit(w)) != 0;
		f->af = (a ^ b ^ r) >> 4 & 1;
		break;
	case ALU_OR:
		r = a | b;
		f->cf = f->of = f->af = 0;
		break;
	case ALU_XOR:
		r = a ^ b;
		f->cf = f->of = f->af = 0;
		break;
	case ALU_MOV:
		return b;
	default:
		r = a & b;
		f->cf = f->of = f->af = 0;
		break;
	}
	x86_flags_result(f, r, w);
	return r;
}

static ALWAYS_INLINE int
op_alu(struct emu *e, const struct op *o, enum x86_alu k, unsigned w, enum x86_form form)
{
	bool to_mem = form == FORM_MR || form == FORM_MI;
	taddr at = to_mem || form == FORM_RM ? x86_ea(e, o) : 0;
	uint64_t a = 0, b;

	if (form == FORM_RI || form == FORM_MI) {
		b = o->imm;
	} else if (form == FORM_RM) {
		if (UNLIKELY(!x86_load(e, at, w, &b)))
			return OP_STOP;
	} else {
		b = x86_reg(e, o->src, w);
	}

	if (k != ALU_MOV && !to_mem)
		a = x86_reg(e, o->dst, w);
	else if (k != ALU_MOV && UNLIKELY(!x86_load(e, at, w, &a)))
		return OP_STOP;

	uint64_t r = alu(&e->x86.f, k, a, b, w);
	if (k == ALU_CMP || k == ALU_TEST)
		return OP_NEXT;
	if (to_mem)
		return LIKELY(x86_store(e, at, w, r)) ? OP_NEXT : OP_STOP;
	x86_reg_set(e, o->dst, w, r);
	return OP_NEXT;
}

#define ALU_FUNCTION(k, w, form)                                                         \
	static int alu_##k##_##w##_##form(struct emu *e, const struct op *o)             \
	{                                                                                \
		return op_alu(e, o, ALU_##k, w, FORM_##form);                            \
	}
#define ALU_FORMS(k, w)                                                                  \
	ALU_FUNCTION(k, w, RR)                                                           \
	ALU_FUNCTION(k, w, RM)                                                           \
	ALU_FUNCTION(k, w, MR)                                                           \
	ALU_FUNCTION(k, w, RI)                                                           \
	ALU_FUNCTION(k, w, MI)
#define ALU_WIDTHS(k) ALU_FORMS(k, 1) ALU_FORMS(k, 2) ALU_FORMS(k, 4) ALU_FORMS(k, 8)
X86_ALU(ALU_WIDTHS)

#define ALU_FORM_ROW(k, w)                                                               \
	{                                                                                \
		alu_##k##_##w##_RR, alu_##k##_##w##_RM, alu_##k##_##w##_MR,              \
		alu_##k##_##w##_RI, alu_##k##_##w##_MI,                                  \
	}
#define ALU_ROW(k)                                                                       \
	[ALU_##k] = {ALU_FORM_ROW(k, 1), ALU_FORM_ROW(k, 2), ALU_FORM_ROW(k, 4), ALU_FORM_ROW(k, 8)},
const op_fn x86_alu_ops[ALU_COUNT][4][FORM_COUNT] = {X86_ALU(ALU_ROW)};

int
x86_inc(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	unsigned w = o->width;
	uint64_t v;

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	v = (v + 1) & x86_mask(w);
	f->of = v == x86_top_bit(w);
	f->af = (v & 15) == 0;
	x86_flags_result(f, v, w);
	return x86_dst_set(e, o, w, v) ? OP_NEXT : OP_STOP;
}

int
x86_dec(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	unsigned w = o->width;
	uint64_t v;

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	f->of = v == x86_top_bit(w);
	v = (v - 1) & x86_mask(w);
	f->af = (v & 15) == 15;
	x86_flags_result(f, v, w);
	return x86_dst_set(e, o, w, v) ? OP_NEXT : OP_STOP;
}

int
x86_neg(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	v = alu(&e->x86.f, ALU_SUB, 0, v, w);
	return x86_dst_set(e, o, w, v) ? OP_NEXT : OP_STOP;
}

int
x86_not(struct emu *e, const struct op *o)
{
	uint64_t v;

	if (!x86_dst(e, o, o->width, &v))
		return OP_STOP;
	return x86_dst_set(e, o, o->width, ~v) ? OP_NEXT : OP_STOP;
}

/* ---- moves ---- */

static ALWAYS_INLINE int
op_extend(struct emu *e, const struct op *o, unsigned from, unsigned to, bool is_signed, bool is_mem)
{
	uint64_t v;

	if (is_mem) {
		if (UNLIKELY(!x86_load(e, x86_ea(e, o), from, &v)))
			return OP_STOP;
	} else {
		v = x86_reg(e, o->src, from);
	}
	x86_reg_set(e, o->dst, to, is_signed ? (uint64_t)x86_signed(v, from) : v);
	return OP_NEXT;
}

#define EXTEND_FUNCTION(name, from, to, is_signed, is_mem)                               \
	static int name(struct emu *e, const struct op *o)                               \
	{                                                                                \
		return op_extend(e, o, from, to, is_signed, is_mem);                     \
	}
EXTEND_FUNCTION(movzx_1_r, 1, 4, false, false)
EXTEND_FUNCTION(movzx_1_m, 1, 4, false, true)
EXTEND_FUNCTION(movzx_2_r, 2, 4, false, false)
EXTEND_FUNCTION(movzx_2_m, 2, 4, false, true)

/* To 4 bytes or 8 is the same: the rest is zero. */
const op_fn x86_movzx_ops[2][2] = {{movzx_1_r, movzx_1_m}, {movzx_2_r, movzx_2_m}};

#define MOVSX_PAIR(from, to)                                                             \
	EXTEND_FUNCTION(movsx_##from##_##to##_r, from, to, true, false)                  \
	EXTEND_FUNCTION(movsx_##from##_##to##_m, from, to, true, true)
#define MOVSX_ROW(from)                                                                  \
	{                                                                                \
		{movsx_##from##_2_r, movsx_##from##_2_m},                                \
		{movsx_##from##_4_r, movsx_##from##_4_m},                                \
		{movsx_##from##_8_r, movsx_##from##_8_m},                                \
	}
MOVSX_PAIR(1, 2)
MOVSX_PAIR(1, 4)
MOVSX_PAIR(1, 8)
MOVSX_PAIR(2, 2)
MOVSX_PAIR(2, 4)
MOVSX_PAIR(2, 8)
MOVSX_PAIR(4, 2)
MOVSX_PAIR(4, 4)
MOVSX_PAIR(4, 8)
const op_fn x86_movsx_ops[3][3][2] = {MOVSX_ROW(1), MOVSX_ROW(2), MOVSX_ROW(4)};

int
x86_movzx16(struct emu *e, const struct op *o)
{
	uint64_t v;

	if (!x86_src(e, o, o->extra, &v))
		return OP_STOP;
	x86_reg_set(e, o->dst, 2, v);
	return OP_NEXT;
}

int
x86_lea(struct emu *e, const struct op *o)
{
	const struct x86 *x = &e->x86;
	uint64_t a = (x->r[o->base] + (x->r[o->index] << o->scale) + (uint64_t)o->disp) & o->ea_mask;

	e->x86.r[o->dst / 8] = o->width == 8 ? a : (uint32_t)a;
	return OP_NEXT;
}

int
x86_lea16(struct emu *e, const struct op *o)
{
	const struct x86 *x = &e->x86;
	uint64_t a = x->r[o->base] + (x->r[o->index] << o->scale) + (uint64_t)o->disp;

	x86_reg_set(e, o->dst, 2, a);
	return OP_NEXT;
}

int
x86_cmov(struct emu *e, const struct op *o)
{
	uint64_t v;

	/* The source is read, and may fault, even if it is not taken. */
	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	if (!x86_condition(&e->x86.f, o->sub))
		v = x86_reg(e, o->dst, o->width);
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

int
x86_setcc(struct emu *e, const struct op *o)
{
	return x86_dst_set(e, o, 1, x86_condition(&e->x86.f, o->sub)) ? OP_NEXT : OP_STOP;
}

int
x86_xchg(struct emu *e, const struct op *o)
{
	uint64_t a, b = x86_reg(e, o->src, o->width);

	if (!x86_dst(e, o, o->width, &a) || !x86_dst_set(e, o, o->width, b))
		return OP_STOP;
	x86_reg_set(e, o->src, o->width, a);
	return OP_NEXT;
}

/* sub: 1 if it stores. */
int
x86_movbe(struct emu *e, const struct op *o)
{
	unsigned shift = 64 - o->width * 8u;
	uint64_t v;

	if (o->sub == 1) {
		v = __builtin_bswap64(x86_reg(e, o->src, o->width)) >> shift;
		return x86_store(e, x86_ea(e, o), o->width, v) ? OP_NEXT : OP_STOP;
	}
	if (!x86_load(e, x86_ea(e, o), o->width, &v))
		return OP_STOP;
	x86_reg_set(e, o->dst, o->width, __builtin_bswap64(v) >> shift);
	return OP_NEXT;
}

/* cbw, cwde, cdqe: width is that of the result. */
int
x86_widen(struct emu *e, const struct op *o)
{
	unsigned from = o->width / 2;
	x86_reg_set(e, 0, o->width, (uint64_t)x86_signed(e->x86.r[X86_AX], from));
	return OP_NEXT;
}

/* cwd, cdq, cqo. */
int
x86_widen_dx(struct emu *e, const struct op *o)
{
	bool is_negative = (e->x86.r[X86_AX] & x86_top_bit(o->width)) != 0;
	x86_reg_set(e, X86_DX * 8, o->width, is_negative ? UINT64_MAX : 0);
	return OP_NEXT;
}

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
	return pop(e, o->width, &v) && x86_store(e, x86_ea(e, o), o->width, v) ? OP_NEXT : OP_STOP;
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
	jcc_0, jcc_1, jcc_2, jcc_3, jcc_4, jcc_5, jcc_6, jcc_7,
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
	        (unsigned)(f->zero_of == 0) << 6 | (unsigned)f->sf << 7 | (unsigned)f->df << 10 |
	        (unsigned)f->of << 11 | (unsigned)f->id << 21;
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

int
x86_nop(struct emu *e, const struct op *o)
{
	(void)e;
	(void)o;
	return OP_NEXT;
}
