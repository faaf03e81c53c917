/*
 * Floating point as SSE2 does it: the host's own arithmetic, with the processor's rules
 * for what is not a number stated where C leaves them open.
 */
#include "emu/x86_vec.h"

#include <string.h>

static bool
is_nan64(uint64_t v)
{
	return (v & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

static bool
is_nan32(uint32_t v)
{
	return (v & INT32_MAX) > 0x7f800000;
}

/*
 * The first operand that is no number, made quiet, is the result; if none was, a fixed
 * one.
 */
static uint64_t
nan_rule64(uint64_t a, uint64_t b, uint64_t r)
{
	const uint64_t quiet = UINT64_C(1) << 51;

	if (!is_nan64(r))
		return r;
	if (is_nan64(a))
		return a | quiet;
	return is_nan64(b) ? b | quiet : UINT64_C(0xfff8000000000000);
}

static uint32_t
nan_rule32(uint32_t a, uint32_t b, uint32_t r)
{
	const uint32_t quiet = 1u << 22;

	if (!is_nan32(r))
		return r;
	if (is_nan32(a))
		return a | quiet;
	return is_nan32(b) ? b | quiet : 0xffc00000;
}

#define ARITHMETIC(name, oper)                                                           \
	static void name##_64(union xmm *d, const union xmm *s, unsigned i)              \
	{                                                                                \
		union xmm r;                                                             \
		r.d[i] = d->d[i] oper s->d[i];                                           \
		d->q[i] = nan_rule64(d->q[i], s->q[i], r.q[i]);                          \
	}                                                                                \
	static void name##_32(union xmm *d, const union xmm *s, unsigned i)              \
	{                                                                                \
		union xmm r;                                                             \
		r.f[i] = d->f[i] oper s->f[i];                                           \
		d->w[i] = nan_rule32(d->w[i], s->w[i], r.w[i]);                          \
	}
ARITHMETIC(add, +)
ARITHMETIC(sub, -)
ARITHMETIC(mul, *)
ARITHMETIC(div, /)

/* The source, unless the destination is truly less or greater. */
#define CHOICE(name, oper)                                                               \
	static void name##_64(union xmm *d, const union xmm *s, unsigned i)              \
	{                                                                                \
		if (!(d->d[i] oper s->d[i]))                                             \
			d->q[i] = s->q[i];                                               \
	}                                                                                \
	static void name##_32(union xmm *d, const union xmm *s, unsigned i)              \
	{                                                                                \
		if (!(d->f[i] oper s->f[i]))                                             \
			d->w[i] = s->w[i];                                               \
	}
CHOICE(min, <)
CHOICE(max, >)

/*
 * The root of v, correctly rounded, digit by digit: the C library's is in a library of
 * its own.
 */
static uint64_t
root(uint64_t v)
{
	const uint64_t inf = UINT64_C(0x7ff0000000000000);

	if ((v & INT64_MAX) == 0 || v == inf)
		return v;
	if (is_nan64(v))
		return v | UINT64_C(1) << 51;
	if ((int64_t)v < 0)
		return UINT64_C(0xfff8000000000000);

	int exponent = (int)(v >> 52);
	uint64_t m = v & ((UINT64_C(1) << 52) - 1);
	if (exponent == 0) {
		exponent = 1 - (__builtin_clzll(m) - 11);
		m <<= __builtin_clzll(m) - 11;
	} else {
		m |= UINT64_C(1) << 52;
	}

	/*
	 * The value is m * 2^(exponent - 1075); make the power even and take 54 bits of
	 * root.
	 */
	int power = exponent - 1075;
	unsigned __int128 n = (unsigned __int128)m << (54 + (power & 1));
	power = (power - (54 + (power & 1))) / 2;

	uint64_t r = 0;
	for (uint64_t bit = UINT64_C(1) << 53; bit != 0; bit >>= 1)
		if ((unsigned __int128)(r | bit) * (r | bit) <= n)
			r |= bit;

	/* One digit more than fits: a root is never half way, so it alone decides. */
	r = (r + 1) >> 1;
	power++;
	if (r == UINT64_C(1) << 53) {
		r >>= 1;
		power++;
	}
	return (uint64_t)(power + 1075) << 52 | (r & ((UINT64_C(1) << 52) - 1));
}

static void
sqrt_64(union xmm *d, const union xmm *s, unsigned i)
{
	d->q[i] = root(s->q[i]);
}

/*
 * Twice rounded is rightly rounded here: a double has more than twice a float's digits.
 */
static void
sqrt_32(union xmm *d, const union xmm *s, unsigned i)
{
	union xmm wide;

	if (is_nan32(s->w[i])) {
		d->w[i] = s->w[i] | 1u << 22;
		return;
	}
	wide.d[0] = (double)s->f[i];
	wide.q[0] = root(wide.q[0]);
	if (is_nan64(wide.q[0]))
		d->w[i] = 0xffc00000;
	else
		d->f[i] = (float)wide.d[0];
}

#define EVERY_SHAPE(name)                                                                \
	void vec_##name##ss(union xmm *d, const union xmm *s, unsigned imm)              \
	{                                                                                \
		(void)imm;                                                               \
		name##_32(d, s, 0);                                                      \
	}                                                                                \
	void vec_##name##sd(union xmm *d, const union xmm *s, unsigned imm)              \
	{                                                                                \
		(void)imm;                                                               \
		name##_64(d, s, 0);                                                      \
	}                                                                                \
	void vec_##name##ps(union xmm *d, const union xmm *s, unsigned imm)              \
	{                                                                                \
		(void)imm;                                                               \
		for (unsigned i = 0; i < 4; i++)                                         \
			name##_32(d, s, i);                                              \
	}                                                                                \
	void vec_##name##pd(union xmm *d, const union xmm *s, unsigned imm)              \
	{                                                                                \
		(void)imm;                                                               \
		for (unsigned i = 0; i < 2; i++)                                         \
			name##_64(d, s, i);                                              \
	}
EVERY_SHAPE(add)
EVERY_SHAPE(sub)
EVERY_SHAPE(mul)
EVERY_SHAPE(div)
EVERY_SHAPE(min)
EVERY_SHAPE(max)
EVERY_SHAPE(sqrt)

/* ---- comparisons to a mask ---- */

static bool
compare(double a, double b, unsigned how)
{
	bool is;

	switch (how & 3) {
	case 0:
		is = a == b;
		break;
	case 1:
		is = a < b;
		break;
	case 2:
		is = a <= b;
		break;
	default:
		is = a != a || b != b;
		break;
	}
	return is != ((how & 4) != 0);
}

void
vec_cmpss(union xmm *d, const union xmm *s, unsigned imm)
{
	d->w[0] = compare((double)d->f[0], (double)s->f[0], imm) ? UINT32_MAX : 0;
}

void
vec_cmpsd(union xmm *d, const union xmm *s, unsigned imm)
{
	d->q[0] = compare(d->d[0], s->d[0], imm) ? UINT64_MAX : 0;
}

void
vec_cmpps(union xmm *d, const union xmm *s, unsigned imm)
{
	for (unsigned i = 0; i < 4; i++)
		d->w[i] = compare((double)d->f[i], (double)s->f[i], imm) ? UINT32_MAX : 0;
}

void
vec_cmppd(union xmm *d, const union xmm *s, unsigned imm)
{
	for (unsigned i = 0; i < 2; i++)
		d->q[i] = compare(d->d[i], s->d[i], imm) ? UINT64_MAX : 0;
}

/* ---- conversions ---- */

/* To the nearest integer, halves to even: adding 2^52 leaves no place for a fraction. */
static double
round_even(double v)
{
	const double big = 4503599627370496.0;
	bool is_negative = v < 0;
	double a = is_negative ? -v : v;

	if (!(a < big))
		return v;
	a = (a + big) - big;
	return is_negative ? -a : a;
}

uint64_t
vec_to_integer(double v, unsigned w, bool is_cut)
{
	double limit = w == 4 ? 2147483648.0 : 9223372036854775808.0;

	if (!is_cut)
		v = round_even(v);
	if (w == 4 ? !(v > -limit - 1 && v < limit) : !(v >= -limit && v < limit))
		return UINT64_C(1) << (w * 8 - 1);
	return w == 4 ? (uint32_t)(int32_t)v : (uint64_t)(int64_t)v;
}

static uint64_t
widen(uint32_t bits)
{
	union xmm x = {.w = {bits}};
	uint64_t r;

	if (is_nan32(bits))
		return (uint64_t)(bits & 0x80000000) << 32 |
		       UINT64_C(0x7ff8000000000000) | (uint64_t)(bits & 0x7fffff) << 29;
	double v = (double)x.f[0];
	memcpy(&r, &v, 8);
	return r;
}

static uint32_t
narrow(uint64_t bits)
{
	union xmm x = {.q = {bits}};
	uint32_t r;

	if (is_nan64(bits))
		return (uint32_t)(bits >> 32 & 0x80000000) | 0x7fc00000 |
		       (uint32_t)(bits >> 29 & 0x7fffff);
	float v = (float)x.d[0];
	memcpy(&r, &v, 4);
	return r;
}

void
vec_cvtps2pd(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	*d = (union xmm){.q = {widen(s->w[0]), widen(s->w[1])}};
}

void
vec_cvtpd2ps(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	*d = (union xmm){.w = {narrow(s->q[0]), narrow(s->q[1])}};
}

void
vec_cvtss2sd(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->q[0] = widen(s->w[0]);
}

void
vec_cvtsd2ss(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->w[0] = narrow(s->q[0]);
}

void
vec_cvtdq2ps(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	for (unsigned i = 0; i < 4; i++)
		d->f[i] = (float)s->sw[i];
}

void
vec_cvtdq2pd(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	union xmm r = {.d = {s->sw[0], s->sw[1]}};
	*d = r;
}

static void
ps_to_integers(union xmm *d, const union xmm *s, bool is_cut)
{
	for (unsigned i = 0; i < 4; i++)
		d->w[i] = (uint32_t)vec_to_integer((double)s->f[i], 4, is_cut);
}

static void
pd_to_integers(union xmm *d, const union xmm *s, bool is_cut)
{
	uint32_t a = (uint32_t)vec_to_integer(s->d[0], 4, is_cut);
	uint32_t b = (uint32_t)vec_to_integer(s->d[1], 4, is_cut);
	*d = (union xmm){.w = {a, b}};
}

void
vec_cvtps2dq(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	ps_to_integers(d, s, false);
}

void
vec_cvttps2dq(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	ps_to_integers(d, s, true);
}

void
vec_cvtpd2dq(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	pd_to_integers(d, s, false);
}

void
vec_cvttpd2dq(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	pd_to_integers(d, s, true);
}
