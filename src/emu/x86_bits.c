/*
 * Operations on bits: shifts, single bits, counting, BMI. They are rarer than moves, so
 * each exists once and looks at its width.
 *
 * Where the processor leaves a flag undefined it is left alone or set as is convenient;
 * no compiler looks at such a flag.
 */
#include "emu/x86.h"

/* ---- shifts ---- */

/* Rotate v left by n, 0 <= n < 8w. */
static uint64_t
rotate_left(uint64_t v, unsigned n, unsigned w)
{
	if (n == 0)
		return v;
	return (v << n | v >> (w * 8 - n)) & x86_mask(w);
}

/* Rotate through the carry flag, a number of 8w + 1 bits, left by n. */
static uint64_t
rotate_carry(struct x86_flags *f, uint64_t v, unsigned n, unsigned w)
{
	for (; n > 0; n--) {
		bool out = (v & x86_top_bit(w)) != 0;
		v = (v << 1 | f->cf) & x86_mask(w);
		f->cf = out;
	}
	return v;
}

static uint64_t
rotate(struct x86_flags *f, enum x86_shift k, uint64_t v, unsigned n, unsigned w)
{
	unsigned bits = w * 8;
	bool top;

	switch (k) {
	case SHIFT_ROL:
		v = rotate_left(v, n % bits, w);
		f->cf = v & 1;
		break;
	case SHIFT_ROR:
		v = rotate_left(v, (bits - n % bits) % bits, w);
		f->cf = (v & x86_top_bit(w)) != 0;
		break;
	case SHIFT_RCL:
		v = rotate_carry(f, v, n % (bits + 1), w);
		break;
	default:
		v = rotate_carry(f, v, (bits + 1 - n % (bits + 1)) % (bits + 1), w);
		break;
	}

	top = (v & x86_top_bit(w)) != 0;
	if (k == SHIFT_ROL || k == SHIFT_RCL)
		f->of = top != f->cf;
	else
		f->of = top != ((v & x86_top_bit(w) >> 1) != 0);
	return v;
}

/* Shift v, of w bytes, by n, 0 < n < 64: the result with all flags. */
static uint64_t
shift(struct x86_flags *f, enum x86_shift k, uint64_t v, unsigned n, unsigned w)
{
	unsigned bits = w * 8;
	uint64_t r, before;
	int64_t sv = x86_signed(v, w);

	if (k <= SHIFT_RCR)
		return rotate(f, k, v, n, w);

	switch (k) {
	case SHIFT_SHR:
		before = n - 1 < bits ? v >> (n - 1) : 0;
		f->cf = before & 1;
		r = before >> 1;
		f->of = (v & x86_top_bit(w)) != 0;
		break;
	case SHIFT_SAR:
		f->cf = sv >> (n - 1) & 1;
		r = (uint64_t)(sv >> (n - 1) >> 1) & x86_mask(w);
		f->of = 0;
		break;
	default:
		before = n - 1 < bits ? v << (n - 1) : 0;
		f->cf = (before & x86_top_bit(w)) != 0;
		r = before << 1 & x86_mask(w);
		f->of = ((r & x86_top_bit(w)) != 0) != f->cf;
		break;
	}
	f->af = 0;
	x86_flags_result(f, r, w);
	return r;
}

static int
shift_by(struct emu *e, const struct op *o, unsigned n)
{
	unsigned w = o->width;
	uint64_t v;

	n &= w == 8 ? 63 : 31;
	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	if (n != 0)
		v = shift(&e->x86.f, (enum x86_shift)o->sub, v, n, w);
	return x86_dst_set(e, o, w, v) ? OP_NEXT : OP_STOP;
}

int
x86_shift(struct emu *e, const struct op *o)
{
	return shift_by(e, o, (unsigned)o->imm);
}

int
x86_shift_cl(struct emu *e, const struct op *o)
{
	return shift_by(e, o, (unsigned)e->x86.r[X86_CX]);
}

/* shld, or shrd if sub; by cl if extra, else by imm. */
int
x86_double_shift(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	unsigned w = o->width, bits = w * 8;
	unsigned n =
	        (unsigned)(o->extra ? e->x86.r[X86_CX] : o->imm) & (w == 8 ? 63 : 31);
	uint64_t in = x86_reg(e, o->src, w), v, r;

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	if (n == 0)
		return x86_dst_set(e, o, w, v) ? OP_NEXT : OP_STOP;
	if (n > bits)
		n %= bits; /* 16 bits by more than 16: undefined, anything without harm */
	if (n == 0)
		n = bits;

	if (o->sub == 0) {
		r = (n < 64 ? v << n : 0) | (n == bits ? in : in >> (bits - n));
		f->cf = v >> (bits - n) & 1;
	} else {
		r = (n < 64 ? v >> n : 0) | (n == bits ? in : in << (bits - n));
		f->cf = v >> (n - 1) & 1;
	}
	r &= x86_mask(w);
	f->of = ((r ^ v) & x86_top_bit(w)) != 0;
	f->af = 0;
	x86_flags_result(f, r, w);
	return x86_dst_set(e, o, w, r) ? OP_NEXT : OP_STOP;
}

/* ---- single bits ---- */

/* bt, bts, btr, btc by sub. A register as bit number reaches beyond a memory operand. */
int
x86_bit_test(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	bool by_reg = o->extra != 0;
	int64_t bit = by_reg ? x86_signed(x86_reg(e, o->src, w), w) : (int64_t)o->imm;
	taddr at = 0;
	uint64_t v;

	if (o->is_mem) {
		at = x86_ea(e, o);
		if (by_reg)
			at = (at + (uint64_t)((bit >> (w == 8   ? 6
			                               : w == 4 ? 5
			                                        : 4)) *
			                      w)) &
			     o->ea_mask & e->x86.linear_mask;
		if (!x86_load(e, at, w, &v))
			return OP_STOP;
	} else {
		v = x86_reg(e, o->dst, w);
	}

	uint64_t m = UINT64_C(1) << ((uint64_t)bit & (w * 8 - 1));
	bool was = (v & m) != 0;
	if (o->sub == BT_SET)
		v |= m;
	else if (o->sub == BT_RESET)
		v &= ~m;
	else if (o->sub == BT_COMPLEMENT)
		v ^= m;

	if (o->sub != BT_TEST && o->is_mem) {
		if (!x86_store(e, at, w, v))
			return OP_STOP;
	} else if (o->sub != BT_TEST) {
		x86_reg_set(e, o->dst, w, v);
	}
	e->x86.f.cf = was;
	return OP_NEXT;
}

/* bsf and bsr of zero leave the destination as it was, as every processor does. */
int
x86_bsf(struct emu *e, const struct op *o)
{
	uint64_t v;
	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	x86_set_zf_pf(&e->x86.f, v == 0, x86_pf(&e->x86.f));
	if (v != 0)
		x86_reg_set(e, o->dst, o->width, (uint64_t)__builtin_ctzll(v));
	return OP_NEXT;
}

int
x86_bsr(struct emu *e, const struct op *o)
{
	uint64_t v;
	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	x86_set_zf_pf(&e->x86.f, v == 0, x86_pf(&e->x86.f));
	if (v != 0)
		x86_reg_set(e, o->dst, o->width, 63 - (uint64_t)__builtin_clzll(v));
	return OP_NEXT;
}

/* Of tzcnt and lzcnt: CF tells of a zero source, ZF of a zero result. */
static int
count_done(struct emu *e, const struct op *o, uint64_t v, uint64_t r)
{
	e->x86.f.cf = v == 0;
	x86_set_zf_pf(&e->x86.f, r == 0, x86_pf(&e->x86.f));
	x86_reg_set(e, o->dst, o->width, r);
	return OP_NEXT;
}

int
x86_tzcnt(struct emu *e, const struct op *o)
{
	uint64_t v;
	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	return count_done(e, o, v, v == 0 ? o->width * 8u : (uint64_t)__builtin_ctzll(v));
}

int
x86_lzcnt(struct emu *e, const struct op *o)
{
	uint64_t v;
	unsigned bits = o->width * 8u;
	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	return count_done(e, o, v,
	                  v == 0 ? bits : (uint64_t)__builtin_clzll(v) - (64 - bits));
}

int
x86_popcnt(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	f->cf = f->of = f->af = f->sf = 0;
	x86_set_zf_pf(f, v == 0, false);
	x86_reg_set(e, o->dst, o->width, (uint64_t)__builtin_popcountll(v));
	return OP_NEXT;
}

int
x86_bswap(struct emu *e, const struct op *o)
{
	uint64_t v = x86_reg(e, o->dst, o->width);
	x86_reg_set(e, o->dst, o->width, __builtin_bswap64(v) >> (64 - o->width * 8u));
	return OP_NEXT;
}

/* ---- BMI1 and BMI2: extra is the register of VEX.vvvv ---- */

int
x86_andn(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	v &= ~x86_reg(e, o->extra, o->width);
	f->cf = f->of = f->af = 0;
	x86_flags_result(f, v, o->width);
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

/* blsr, blsmsk, blsi by sub. */
int
x86_bls(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t v, r;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	if (o->sub == BLS_R)
		r = (v - 1) & v;
	else
		r = o->sub == BLS_MSK ? (v - 1) ^ v : -v & v;
	r &= x86_mask(o->width);

	f->cf = o->sub == BLS_I ? v != 0 : v == 0;
	f->of = f->af = 0;
	x86_flags_result(f, r, o->width);
	x86_reg_set(e, o->dst, o->width, r);
	return OP_NEXT;
}

int
x86_bextr(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t v, how = x86_reg(e, o->extra, o->width);
	unsigned from = how & 0xff, n = how >> 8 & 0xff;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	v = from < 64 ? v >> from : 0;
	if (n < 64)
		v &= (UINT64_C(1) << n) - 1;
	f->cf = f->of = f->af = 0;
	x86_flags_result(f, v, o->width);
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

int
x86_bzhi(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	unsigned n = x86_reg(e, o->extra, 1) & 0xff, bits = o->width * 8u;
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	if (n < bits)
		v &= (UINT64_C(1) << n) - 1;
	f->cf = n > bits - 1;
	f->of = f->af = 0;
	x86_flags_result(f, v, o->width);
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

/* shlx, shrx, sarx by sub: no flags. */
int
x86_shift_x(struct emu *e, const struct op *o)
{
	struct x86_flags unused = {0};
	unsigned n = (unsigned)x86_reg(e, o->extra, 4) & (o->width * 8u - 1);
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	if (n != 0)
		v = shift(&unused, (enum x86_shift)o->sub, v, n, o->width);
	x86_reg_set(e, o->dst, o->width, v);
	return OP_NEXT;
}

int
x86_rorx(struct emu *e, const struct op *o)
{
	unsigned bits = o->width * 8u;
	unsigned n = (unsigned)o->imm & (bits - 1);
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	x86_reg_set(e, o->dst, o->width, rotate_left(v, (bits - n) % bits, o->width));
	return OP_NEXT;
}

/*
 * The high half goes to dst, the low half to extra; the high one last, should they be the
 * same.
 */
int
x86_mulx(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;
	unsigned __int128 p = (unsigned __int128)v * x86_reg(e, X86_DX * 8, w);
	x86_reg_set(e, o->extra, w, (uint64_t)p);
	x86_reg_set(e, o->dst, w, (uint64_t)(p >> (w * 8)));
	return OP_NEXT;
}

int
x86_pdep(struct emu *e, const struct op *o)
{
	uint64_t mask, from = x86_reg(e, o->extra, o->width), r = 0;

	if (!x86_src(e, o, o->width, &mask))
		return OP_STOP;
	for (; mask != 0; mask &= mask - 1, from >>= 1)
		if ((from & 1) != 0)
			r |= mask & -mask;
	x86_reg_set(e, o->dst, o->width, r);
	return OP_NEXT;
}

int
x86_pext(struct emu *e, const struct op *o)
{
	uint64_t mask, from = x86_reg(e, o->extra, o->width), r = 0;
	unsigned n = 0;

	if (!x86_src(e, o, o->width, &mask))
		return OP_STOP;
	for (; mask != 0; mask &= mask - 1, n++)
		if ((from & mask & -mask) != 0)
			r |= UINT64_C(1) << n;
	x86_reg_set(e, o->dst, o->width, r);
	return OP_NEXT;
}

/* adcx, or adox if sub: add with one flag as carry, the others untouched. */
int
x86_adx(struct emu *e, const struct op *o)
{
	uint8_t *carry = o->sub ? &e->x86.f.of : &e->x86.f.cf;
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	unsigned __int128 sum =
	        (unsigned __int128)v + x86_reg(e, o->dst, o->width) + *carry;
	*carry = (uint8_t)(sum >> (o->width * 8) & 1);
	x86_reg_set(e, o->dst, o->width, (uint64_t)sum);
	return OP_NEXT;
}

/* CRC-32C of a number of extra bytes, one bit at a time. */
int
x86_crc32(struct emu *e, const struct op *o)
{
	uint32_t crc = (uint32_t)x86_reg(e, o->dst, 4);
	uint64_t v;

	if (!x86_src(e, o, o->extra, &v))
		return OP_STOP;
	for (unsigned i = 0; i < o->extra * 8u; i++, v >>= 1)
		crc = crc >> 1 ^ (((crc ^ v) & 1) != 0 ? 0x82f63b78u : 0);
	x86_reg_set(e, o->dst, o->width, crc);
	return OP_NEXT;
}
