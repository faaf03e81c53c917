/*
 * Carrying out the operations that most code is made of: moves, arithmetic and logic.
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
		        alu_##k##_##w##_RI, alu_##k##_##w##_MI,                          \
	}
#define ALU_ROW(k)                                                                       \
	[ALU_##k] = {ALU_FORM_ROW(k, 1), ALU_FORM_ROW(k, 2), ALU_FORM_ROW(k, 4),         \
	             ALU_FORM_ROW(k, 8)},
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
op_extend(struct emu *e, const struct op *o, unsigned from, unsigned to, bool is_signed,
          bool is_mem)
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
		        {movsx_##from##_4_r, movsx_##from##_4_m},                        \
		        {movsx_##from##_8_r, movsx_##from##_8_m},                        \
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
	uint64_t a = (x->r[o->base] + (x->r[o->index] << o->scale) + (uint64_t)o->disp) &
	             o->ea_mask;

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

int
x86_nop(struct emu *e, const struct op *o)
{
	(void)e;
	(void)o;
	return OP_NEXT;
}
