/*
 * Multiplication and division, by way of integers twice as wide. A quotient that does
 * not fit is a trap, as is division by zero.
 */
#include "emu/x86.h"

/* The double-width product or dividend lies in dx:ax, or in ax alone for bytes. */
static unsigned __int128
wide_get(const struct emu *e, unsigned w)
{
	if (w == 1)
		return x86_reg(e, X86_AX * 8, 2);
	return (unsigned __int128)x86_reg(e, X86_DX * 8, w) << (w * 8) |
	       x86_reg(e, X86_AX * 8, w);
}

static void
wide_set(struct emu *e, unsigned w, uint64_t low, uint64_t high)
{
	if (w == 1) {
		x86_reg_set(e, X86_AX * 8, 2, (low & 0xff) | high << 8);
		return;
	}
	x86_reg_set(e, X86_AX * 8, w, low);
	x86_reg_set(e, X86_DX * 8, w, high);
}

/* A number of 2w bytes as a signed one. */
static __int128
wide_signed(unsigned __int128 v, unsigned w)
{
	unsigned unused = 128 - w * 16;
	return (__int128)(v << unused) >> unused;
}

int
x86_mul(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;
	unsigned __int128 p = (unsigned __int128)v * x86_reg(e, X86_AX * 8, w);
	uint64_t high = (uint64_t)(p >> (w * 8)) & x86_mask(w);
	wide_set(e, w, (uint64_t)p, high);
	e->x86.f.cf = e->x86.f.of = high != 0;
	return OP_NEXT;
}

/*
 * The signed product of two numbers of w bytes, with CF and OF telling if it needs more.
 */
static __int128
signed_product(struct emu *e, uint64_t a, uint64_t b, unsigned w)
{
	__int128 p = (__int128)x86_signed(a, w) * x86_signed(b, w);
	e->x86.f.cf = e->x86.f.of = p != x86_signed((uint64_t)p, w);
	return p;
}

int
x86_imul(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;
	__int128 p = signed_product(e, v, x86_reg(e, X86_AX * 8, w), w);
	wide_set(e, w, (uint64_t)p, (uint64_t)(p >> (w * 8)) & x86_mask(w));
	return OP_NEXT;
}

/* Two or three operands: times imm if extra, else times the destination. */
int
x86_imul_2(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;
	uint64_t by = o->extra ? o->imm : x86_reg(e, o->dst, w);
	x86_reg_set(e, o->dst, w, (uint64_t)signed_product(e, v, by, w));
	return OP_NEXT;
}

int
x86_div(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t by;

	if (!x86_src(e, o, w, &by))
		return OP_STOP;
	unsigned __int128 n = wide_get(e, w);
	if (by == 0 || n / by > x86_mask(w))
		return op_stop(e, EMU_TRAP);
	wide_set(e, w, (uint64_t)(n / by), (uint64_t)(n % by));
	return OP_NEXT;
}

int
x86_idiv(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;

	/* By magnitudes: the most negative dividend by -1 has no quotient in C either. */
	__int128 n = wide_signed(wide_get(e, w), w);
	int64_t by = x86_signed(v, w);
	unsigned __int128 un = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
	uint64_t uby = by < 0 ? -(uint64_t)by : (uint64_t)by;
	if (uby == 0)
		return op_stop(e, EMU_TRAP);

	unsigned __int128 uq = un / uby;
	bool is_negative = (n < 0) != (by < 0);
	if (uq > (unsigned __int128)x86_top_bit(w) - (is_negative ? 0 : 1))
		return op_stop(e, EMU_TRAP);

	uint64_t q = (uint64_t)uq, rest = (uint64_t)(un % uby);
	wide_set(e, w, is_negative ? -q : q, (n < 0 ? -rest : rest) & x86_mask(w));
	return OP_NEXT;
}
