/*
 * What vector instructions compute: functions of a destination, a source and an
 * immediate byte, and the table that says which opcode is which.
 *
 * Only what compilers use around integer code is here: SSE2 nearly whole, a little of
 * what came after. Rounding is to nearest, as it is unless a program changes it; an
 * instruction that would change it is not known.
 */
#include "emu/x86.h"
#include "emu/x86_vec.h"

/* ---- lane by lane: a and b are the lanes of destination and source ---- */

#define LANES(name, field, n, expr)                                                      \
	static void name(union xmm *d, const union xmm *s, unsigned imm)                 \
	{                                                                                \
		(void)imm;                                                               \
		for (unsigned i = 0; i < (n); i++) {                                     \
			__typeof__(d->field[0]) a = d->field[i], b = s->field[i];        \
			(void)a;                                                         \
			d->field[i] = (__typeof__(a))(expr);                             \
		}                                                                        \
	}

#define LANES_OF_EACH_WIDTH(name, expr)                                                  \
	LANES(name##_b, b, 16, expr)                                                     \
	LANES(name##_w, h, 8, expr)                                                      \
	LANES(name##_d, w, 4, expr)                                                      \
	LANES(name##_q, q, 2, expr)

static int
clamp(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

LANES_OF_EACH_WIDTH(padd, a + b)
LANES_OF_EACH_WIDTH(psub, a - b)
LANES_OF_EACH_WIDTH(pcmpeq, a == b ? UINT64_MAX : 0)
LANES(pcmpgt_b, sb, 16, a > b ? -1 : 0)
LANES(pcmpgt_w, sh, 8, a > b ? -1 : 0)
LANES(pcmpgt_d, sw, 4, a > b ? -1 : 0)
LANES(pand, q, 2, a &b)
LANES(pandn, q, 2, ~a &b)
LANES(por, q, 2, a | b)
LANES(pxor, q, 2, a ^ b)
LANES(copy, q, 2, b)

LANES(padds_b, sb, 16, clamp(a + b, INT8_MIN, INT8_MAX))
LANES(padds_w, sh, 8, clamp(a + b, INT16_MIN, INT16_MAX))
LANES(paddus_b, b, 16, clamp(a + b, 0, UINT8_MAX))
LANES(paddus_w, h, 8, clamp(a + b, 0, UINT16_MAX))
LANES(psubs_b, sb, 16, clamp(a - b, INT8_MIN, INT8_MAX))
LANES(psubs_w, sh, 8, clamp(a - b, INT16_MIN, INT16_MAX))
LANES(psubus_b, b, 16, clamp(a - b, 0, UINT8_MAX))
LANES(psubus_w, h, 8, clamp(a - b, 0, UINT16_MAX))

#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define MOST(a, b) ((a) > (b) ? (a) : (b))
LANES(pminub, b, 16, LEAST(a, b))
LANES(pmaxub, b, 16, MOST(a, b))
LANES(pminsw, sh, 8, LEAST(a, b))
LANES(pmaxsw, sh, 8, MOST(a, b))
LANES(pminsb, sb, 16, LEAST(a, b))
LANES(pmaxsb, sb, 16, MOST(a, b))
LANES(pminuw, h, 8, LEAST(a, b))
LANES(pmaxuw, h, 8, MOST(a, b))
LANES(pminsd, sw, 4, LEAST(a, b))
LANES(pmaxsd, sw, 4, MOST(a, b))
LANES(pminud, w, 4, LEAST(a, b))
LANES(pmaxud, w, 4, MOST(a, b))

LANES(pavgb, b, 16, (a + b + 1) >> 1)
LANES(pavgw, h, 8, (a + b + 1) >> 1)
LANES(pmullw, sh, 8, a *b)
LANES(pmulhw, sh, 8, (a * b) >> 16)
LANES(pmulhuw, h, 8, ((uint32_t)a * b) >> 16)
LANES(pmulld, w, 4, a *b)
LANES(pmuludq, q, 2, (uint64_t)(uint32_t)a *(uint32_t)b)
LANES(pabsb, sb, 16, b < 0 ? -b : b)
LANES(pabsw, sh, 8, b < 0 ? -b : b)
LANES(pabsd, sw, 4, b < 0 ? -(uint32_t)b : (uint32_t)b)

static void
pmaddwd(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	for (unsigned i = 0; i < 4; i++)
		d->w[i] = (uint32_t)(d->sh[2 * i] * s->sh[2 * i]) +
		          (uint32_t)(d->sh[2 * i + 1] * s->sh[2 * i + 1]);
}

static void
psadbw(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = {.q = {0, 0}};
	(void)imm;
	for (unsigned i = 0; i < 16; i++)
		r.q[i / 8] += (unsigned)(d->b[i] > s->b[i] ? d->b[i] - s->b[i]
		                                           : s->b[i] - d->b[i]);
	*d = r;
}

/* ---- shifts: of every lane by the source's low 64 bits ---- */

#define VEC_SHIFT(name, field, n, bits, expr)                                            \
	static void name(union xmm *d, const union xmm *s, unsigned imm)                 \
	{                                                                                \
		uint64_t by = s->q[0];                                                   \
		(void)imm;                                                               \
		for (unsigned i = 0; i < (n); i++) {                                     \
			__typeof__(d->field[0]) a = d->field[i];                         \
			d->field[i] = (__typeof__(a))(by < (bits) ? (expr) : 0);         \
		}                                                                        \
	}
VEC_SHIFT(psllw, h, 8, 16, (unsigned)a << by)
VEC_SHIFT(pslld, w, 4, 32, a << by)
VEC_SHIFT(psllq, q, 2, 64, a << by)
VEC_SHIFT(psrlw, h, 8, 16, a >> by)
VEC_SHIFT(psrld, w, 4, 32, a >> by)
VEC_SHIFT(psrlq, q, 2, 64, a >> by)

static void
psraw(union xmm *d, const union xmm *s, unsigned imm)
{
	unsigned by = s->q[0] < 16 ? (unsigned)s->q[0] : 15;
	(void)imm;
	for (unsigned i = 0; i < 8; i++)
		d->sh[i] = (int16_t)(d->sh[i] >> by);
}

static void
psrad(union xmm *d, const union xmm *s, unsigned imm)
{
	unsigned by = s->q[0] < 32 ? (unsigned)s->q[0] : 31;
	(void)imm;
	for (unsigned i = 0; i < 4; i++)
		d->sw[i] >>= by;
}

/* By bytes; the count is in the source too. */
static void
pslldq(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = {.q = {0, 0}};
	(void)imm;
	for (uint64_t i = s->q[0]; i < 16; i++)
		r.b[i] = d->b[i - s->q[0]];
	*d = r;
}

static void
psrldq(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = {.q = {0, 0}};
	(void)imm;
	for (uint64_t i = s->q[0]; i < 16; i++)
		r.b[i - s->q[0]] = d->b[i];
	*d = r;
}

/* ---- shuffles ---- */

#define UNPACK(name, field, n, from)                                                     \
	static void name(union xmm *d, const union xmm *s, unsigned imm)                 \
	{                                                                                \
		union xmm r;                                                             \
		(void)imm;                                                               \
		for (unsigned i = 0; i < (n) / 2; i++) {                                 \
			r.field[2 * i] = d->field[(from) + i];                           \
			r.field[2 * i + 1] = s->field[(from) + i];                       \
		}                                                                        \
		*d = r;                                                                  \
	}
UNPACK(punpcklbw, b, 16, 0)
UNPACK(punpcklwd, h, 8, 0)
UNPACK(punpckldq, w, 4, 0)
UNPACK(punpcklqdq, q, 2, 0)
UNPACK(punpckhbw, b, 16, 8)
UNPACK(punpckhwd, h, 8, 4)
UNPACK(punpckhdq, w, 4, 2)
UNPACK(punpckhqdq, q, 2, 1)

#define PACK(name, to, from, n, low, high)                                               \
	static void name(union xmm *d, const union xmm *s, unsigned imm)                 \
	{                                                                                \
		union xmm r;                                                             \
		(void)imm;                                                               \
		for (unsigned i = 0; i < (n); i++) {                                     \
			r.to[i] = (__typeof__(r.to[0]))clamp(d->from[i], low, high);     \
			r.to[(n) + i] =                                                  \
			        (__typeof__(r.to[0]))clamp(s->from[i], low, high);       \
		}                                                                        \
		*d = r;                                                                  \
	}
PACK(packsswb, sb, sh, 8, INT8_MIN, INT8_MAX)
PACK(packuswb, b, sh, 8, 0, UINT8_MAX)
PACK(packssdw, sh, sw, 4, INT16_MIN, INT16_MAX)
PACK(packusdw, h, sw, 4, 0, UINT16_MAX)

static void
pshufd(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r;
	for (unsigned i = 0; i < 4; i++)
		r.w[i] = s->w[imm >> 2 * i & 3];
	*d = r;
}

static void
pshuflw(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = *s;
	for (unsigned i = 0; i < 4; i++)
		r.h[i] = s->h[imm >> 2 * i & 3];
	*d = r;
}

static void
pshufhw(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = *s;
	for (unsigned i = 0; i < 4; i++)
		r.h[4 + i] = s->h[4 + (imm >> 2 * i & 3)];
	*d = r;
}

static void
shufps(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r;
	for (unsigned i = 0; i < 4; i++)
		r.w[i] = (i < 2 ? d : s)->w[imm >> 2 * i & 3];
	*d = r;
}

static void
shufpd(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r = {.q = {d->q[imm & 1], s->q[imm >> 1 & 1]}};
	*d = r;
}

static void
pshufb(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r;
	(void)imm;
	for (unsigned i = 0; i < 16; i++)
		r.b[i] = (s->b[i] & 0x80) != 0 ? 0 : d->b[s->b[i] & 15];
	*d = r;
}

static void
palignr(union xmm *d, const union xmm *s, unsigned imm)
{
	union xmm r;
	for (unsigned i = 0; i < 16; i++) {
		unsigned at = imm + i;
		r.b[i] = at < 16 ? s->b[at] : at < 32 ? d->b[at - 16] : 0;
	}
	*d = r;
}

/* Widen the low lanes of the source. */
#define WIDEN(name, to, n, from)                                                         \
	static void name(union xmm *d, const union xmm *s, unsigned imm)                 \
	{                                                                                \
		union xmm r;                                                             \
		(void)imm;                                                               \
		for (unsigned i = 0; i < (n); i++)                                       \
			r.to[i] = (__typeof__(r.to[0]))s->from[i];                       \
		*d = r;                                                                  \
	}
WIDEN(pmovzxbw, h, 8, b)
WIDEN(pmovzxbd, w, 4, b)
WIDEN(pmovzxbq, q, 2, b)
WIDEN(pmovzxwd, w, 4, h)
WIDEN(pmovzxwq, q, 2, h)
WIDEN(pmovzxdq, q, 2, w)
WIDEN(pmovsxbw, sh, 8, sb)
WIDEN(pmovsxbd, sw, 4, sb)
WIDEN(pmovsxbq, q, 2, sb)
WIDEN(pmovsxwd, sw, 4, sh)
WIDEN(pmovsxwq, q, 2, sh)
WIDEN(pmovsxdq, q, 2, sw)

/* ---- moves between registers that leave a part ---- */

static void
move_ss(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->w[0] = s->w[0];
}

static void
move_sd(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->q[0] = s->q[0];
}

static void
move_q(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	*d = (union xmm){.q = {s->q[0], 0}};
}

static void
movhlps(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->q[0] = s->q[1];
}

static void
movlhps(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	d->q[1] = s->q[0];
}

static void
movddup(union xmm *d, const union xmm *s, unsigned imm)
{
	(void)imm;
	*d = (union xmm){.q = {s->q[0], s->q[0]}};
}

/* ---- the table ---- */

enum { NP, P66, PF3, PF2 };

/* clang-format off */
#define FP_ROWS(op, name)                                                                \
	{1, NP, op, 16, 0, vec_##name##ps}, {1, P66, op, 16, 0, vec_##name##pd},         \
	{1, PF3, op, 4, 0, vec_##name##ss}, {1, PF2, op, 8, 0, vec_##name##sd},

/* Map (1: 0f, 2: 0f38, 3: 0f3a), prefix, opcode, bytes of memory, has an immediate. */
static const struct vec_row rows[] = {
	{1, NP, 0x14, 16, 0, punpckldq}, {1, P66, 0x14, 16, 0, punpcklqdq},
	{1, NP, 0x15, 16, 0, punpckhdq}, {1, P66, 0x15, 16, 0, punpckhqdq},
	{1, PF2, 0x12, 8, 0, movddup},
	{1, NP, 0x54, 16, 0, pand}, {1, P66, 0x54, 16, 0, pand},
	{1, NP, 0x55, 16, 0, pandn}, {1, P66, 0x55, 16, 0, pandn},
	{1, NP, 0x56, 16, 0, por}, {1, P66, 0x56, 16, 0, por},
	{1, NP, 0x57, 16, 0, pxor}, {1, P66, 0x57, 16, 0, pxor},
	FP_ROWS(0x51, sqrt) FP_ROWS(0x58, add) FP_ROWS(0x59, mul) FP_ROWS(0x5c, sub)
	FP_ROWS(0x5d, min) FP_ROWS(0x5e, div) FP_ROWS(0x5f, max)
	{1, NP, 0xc2, 16, 1, vec_cmpps}, {1, P66, 0xc2, 16, 1, vec_cmppd},
	{1, PF3, 0xc2, 4, 1, vec_cmpss}, {1, PF2, 0xc2, 8, 1, vec_cmpsd},
	{1, NP, 0x5a, 8, 0, vec_cvtps2pd}, {1, P66, 0x5a, 16, 0, vec_cvtpd2ps},
	{1, PF3, 0x5a, 4, 0, vec_cvtss2sd}, {1, PF2, 0x5a, 8, 0, vec_cvtsd2ss},
	{1, NP, 0x5b, 16, 0, vec_cvtdq2ps}, {1, P66, 0x5b, 16, 0, vec_cvtps2dq},
	{1, PF3, 0x5b, 16, 0, vec_cvttps2dq}, {1, PF3, 0xe6, 8, 0, vec_cvtdq2pd},
	{1, P66, 0xe6, 16, 0, vec_cvttpd2dq}, {1, PF2, 0xe6, 16, 0, vec_cvtpd2dq},
	{1, P66, 0x60, 16, 0, punpcklbw}, {1, P66, 0x61, 16, 0, punpcklwd},
	{1, P66, 0x62, 16, 0, punpckldq}, {1, P66, 0x63, 16, 0, packsswb},
	{1, P66, 0x64, 16, 0, pcmpgt_b}, {1, P66, 0x65, 16, 0, pcmpgt_w},
	{1, P66, 0x66, 16, 0, pcmpgt_d}, {1, P66, 0x67, 16, 0, packuswb},
	{1, P66, 0x68, 16, 0, punpckhbw}, {1, P66, 0x69, 16, 0, punpckhwd},
	{1, P66, 0x6a, 16, 0, punpckhdq}, {1, P66, 0x6b, 16, 0, packssdw},
	{1, P66, 0x6c, 16, 0, punpcklqdq}, {1, P66, 0x6d, 16, 0, punpckhqdq},
	{1, P66, 0x70, 16, 1, pshufd}, {1, PF3, 0x70, 16, 1, pshufhw},
	{1, PF2, 0x70, 16, 1, pshuflw},
	{1, P66, 0x74, 16, 0, pcmpeq_b}, {1, P66, 0x75, 16, 0, pcmpeq_w},
	{1, P66, 0x76, 16, 0, pcmpeq_d},
	{1, NP, 0xc6, 16, 1, shufps}, {1, P66, 0xc6, 16, 1, shufpd},
	{1, P66, 0xd1, 16, 0, psrlw}, {1, P66, 0xd2, 16, 0, psrld},
	{1, P66, 0xd3, 16, 0, psrlq}, {1, P66, 0xd4, 16, 0, padd_q},
	{1, P66, 0xd5, 16, 0, pmullw}, {1, P66, 0xd8, 16, 0, psubus_b},
	{1, P66, 0xd9, 16, 0, psubus_w}, {1, P66, 0xda, 16, 0, pminub},
	{1, P66, 0xdb, 16, 0, pand}, {1, P66, 0xdc, 16, 0, paddus_b},
	{1, P66, 0xdd, 16, 0, paddus_w}, {1, P66, 0xde, 16, 0, pmaxub},
	{1, P66, 0xdf, 16, 0, pandn}, {1, P66, 0xe0, 16, 0, pavgb},
	{1, P66, 0xe1, 16, 0, psraw}, {1, P66, 0xe2, 16, 0, psrad},
	{1, P66, 0xe3, 16, 0, pavgw}, {1, P66, 0xe4, 16, 0, pmulhuw},
	{1, P66, 0xe5, 16, 0, pmulhw}, {1, P66, 0xe8, 16, 0, psubs_b},
	{1, P66, 0xe9, 16, 0, psubs_w}, {1, P66, 0xea, 16, 0, pminsw},
	{1, P66, 0xeb, 16, 0, por}, {1, P66, 0xec, 16, 0, padds_b},
	{1, P66, 0xed, 16, 0, padds_w}, {1, P66, 0xee, 16, 0, pmaxsw},
	{1, P66, 0xef, 16, 0, pxor}, {1, P66, 0xf1, 16, 0, psllw},
	{1, P66, 0xf2, 16, 0, pslld}, {1, P66, 0xf3, 16, 0, psllq},
	{1, P66, 0xf4, 16, 0, pmuludq}, {1, P66, 0xf5, 16, 0, pmaddwd},
	{1, P66, 0xf6, 16, 0, psadbw}, {1, P66, 0xf8, 16, 0, psub_b},
	{1, P66, 0xf9, 16, 0, psub_w}, {1, P66, 0xfa, 16, 0, psub_d},
	{1, P66, 0xfb, 16, 0, psub_q}, {1, P66, 0xfc, 16, 0, padd_b},
	{1, P66, 0xfd, 16, 0, padd_w}, {1, P66, 0xfe, 16, 0, padd_d},
	{2, P66, 0x00, 16, 0, pshufb}, {2, P66, 0x1c, 16, 0, pabsb},
	{2, P66, 0x1d, 16, 0, pabsw}, {2, P66, 0x1e, 16, 0, pabsd},
	{2, P66, 0x20, 8, 0, pmovsxbw}, {2, P66, 0x21, 4, 0, pmovsxbd},
	{2, P66, 0x22, 2, 0, pmovsxbq}, {2, P66, 0x23, 8, 0, pmovsxwd},
	{2, P66, 0x24, 4, 0, pmovsxwq}, {2, P66, 0x25, 8, 0, pmovsxdq},
	{2, P66, 0x29, 16, 0, pcmpeq_q}, {2, P66, 0x2b, 16, 0, packusdw},
	{2, P66, 0x30, 8, 0, pmovzxbw}, {2, P66, 0x31, 4, 0, pmovzxbd},
	{2, P66, 0x32, 2, 0, pmovzxbq}, {2, P66, 0x33, 8, 0, pmovzxwd},
	{2, P66, 0x34, 4, 0, pmovzxwq}, {2, P66, 0x35, 8, 0, pmovzxdq},
	{2, P66, 0x38, 16, 0, pminsb}, {2, P66, 0x39, 16, 0, pminsd},
	{2, P66, 0x3a, 16, 0, pminuw}, {2, P66, 0x3b, 16, 0, pminud},
	{2, P66, 0x3c, 16, 0, pmaxsb}, {2, P66, 0x3d, 16, 0, pmaxsd},
	{2, P66, 0x3e, 16, 0, pmaxuw}, {2, P66, 0x3f, 16, 0, pmaxud},
	{2, P66, 0x40, 16, 0, pmulld}, {3, P66, 0x0f, 16, 1, palignr},
};

/* Moves between registers, which with a memory operand are loads of their own kind. */
static const struct vec_row register_moves[] = {
	{1, NP, 0x10, 0, 0, copy}, {1, P66, 0x10, 0, 0, copy},
	{1, PF3, 0x10, 0, 0, move_ss}, {1, PF2, 0x10, 0, 0, move_sd},
	{1, NP, 0x28, 0, 0, copy}, {1, P66, 0x28, 0, 0, copy},
	{1, P66, 0x6f, 0, 0, copy}, {1, PF3, 0x6f, 0, 0, copy},
	{1, PF3, 0x7e, 0, 0, move_q}, {1, NP, 0x12, 0, 0, movhlps},
	{1, NP, 0x16, 0, 0, movlhps},
};

/* Shifts by an immediate: the opcode's /digit is in the prefix's place. */
static const struct vec_row immediate_shifts[] = {
	{1, 2, 0x71, 0, 1, psrlw}, {1, 4, 0x71, 0, 1, psraw}, {1, 6, 0x71, 0, 1, psllw},
	{1, 2, 0x72, 0, 1, psrld}, {1, 4, 0x72, 0, 1, psrad}, {1, 6, 0x72, 0, 1, pslld},
	{1, 2, 0x73, 0, 1, psrlq}, {1, 3, 0x73, 0, 1, psrldq},
	{1, 6, 0x73, 0, 1, psllq}, {1, 7, 0x73, 0, 1, pslldq},
};
/* clang-format on */

static const struct vec_row *
find(const struct vec_row *at, size_t n, unsigned map, unsigned prefix, unsigned opcode)
{
	for (size_t i = 0; i < n; i++)
		if (at[i].map == map && at[i].prefix == prefix && at[i].opcode == opcode)
			return &at[i];
	return NULL;
}

const struct vec_row *
vec_find(unsigned map, unsigned prefix, unsigned opcode)
{
	return find(rows, ARRAY_LEN(rows), map, prefix, opcode);
}

const struct vec_row *
vec_find_move(unsigned prefix, unsigned opcode)
{
	return find(register_moves, ARRAY_LEN(register_moves), 1, prefix, opcode);
}

const struct vec_row *
vec_find_shift(unsigned digit, unsigned opcode)
{
	return find(immediate_shifts, ARRAY_LEN(immediate_shifts), 1, digit, opcode);
}
