/*
 * Carrying out AVX and AVX-512 operations: what SSE has, on more lanes, with one more
 * operand, and the rest of the destination made zero; and mask registers. The C
 * library's string functions are written so for every recent processor, whatever the
 * program itself was compiled for.
 *
 * A register's low 16 bytes are those of SSE; what is above is kept beside them, so
 * that the older instructions need not know of it.
 */
#include "emu/x86.h"

#include <string.h>

struct wide {
	union xmm lane[4];
};

static void
wide_get(const struct emu *e, unsigned no, struct wide *w)
{
	w->lane[0] = e->x86.x[no];
	memcpy(&w->lane[1], e->x86.y[no], sizeof(e->x86.y[no]));
}

/* The first n bytes; what is above becomes zero. */
static void
wide_set(struct emu *e, unsigned no, const struct wide *w, unsigned n)
{
	struct wide r = {0};

	memcpy(&r, w, n);
	e->x86.x[no] = r.lane[0];
	memcpy(e->x86.y[no], &r.lane[1], sizeof(e->x86.y[no]));
	e->x86.is_wide = true;
}

/*
 * n bytes of memory; op.extra: the address must be a multiple of the operation's width.
 */
static bool
load_bytes(struct emu *e, const struct op *o, void *buf, unsigned n)
{
	taddr at = x86_ea(e, o);
	if (o->extra && at % o->width != 0) {
		e->end = EMU_FAULT;
		return false;
	}

	const uint8_t *p = view_hit(&e->view, at, n);
	if (LIKELY(p != NULL)) {
		memcpy(buf, p, n);
		return true;
	}
	return emu_load_slow(e, at, buf, n);
}

/* The register-or-memory operand; op.sub: its bytes in memory, 0 for the full width. */
static bool
source(struct emu *e, const struct op *o, struct wide *s)
{
	if (!o->is_mem) {
		wide_get(e, o->src, s);
		return true;
	}
	memset(s, 0, sizeof(*s));
	return load_bytes(e, o, s, o->sub != 0 ? o->sub : o->width);
}

/*
 * An SSE operation in VEX's encoding, whose source is no vector: the first source is
 * copied, the rest is zero.
 */
int
x86_avx_wrap(struct emu *e, const struct op *o)
{
	if (o->kind == KIND_3)
		e->x86.x[o->dst] = e->x86.x[o->src1];
	if (o->inner(e, o) != OP_NEXT)
		return OP_STOP;
	memset(e->x86.y[o->dst], 0, sizeof(e->x86.y[o->dst]));
	e->x86.is_wide = true;
	return OP_NEXT;
}

/* Lane by lane what SSE does in one. */
int
x86_avx_op(struct emu *e, const struct op *o)
{
	struct wide d = {0}, s;

	if (!source(e, o, &s))
		return OP_STOP;
	if (o->kind != KIND_2)
		wide_get(e, o->src1, &d);
	for (unsigned i = 0; i < o->width / 16; i++)
		o->vec(&d.lane[i], &s.lane[o->kind == KIND_COUNT ? 0 : i],
		       (unsigned)o->imm);
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

int
x86_avx_shift_i(struct emu *e, const struct op *o)
{
	const union xmm by = {.q = {o->imm & 0xff, 0}};
	struct wide d;

	if (!source(e, o, &d))
		return OP_STOP;
	for (unsigned i = 0; i < o->width / 16; i++)
		o->vec(&d.lane[i], &by, 0);
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

/*
 * ---- moves: under a mask, in elements of imm bytes; kind: what is masked out becomes
 * zero ----
 */

static bool
is_chosen(const struct emu *e, const struct op *o, unsigned i)
{
	return o->mask == 0 || (e->x86.k[o->mask] >> i & 1) != 0;
}

/* A move of nothing at all does not even look at its address. */
static bool
is_any_chosen(const struct emu *e, const struct op *o)
{
	if (o->mask == 0)
		return true;
	uint64_t all = o->width == o->imm * 64 ? UINT64_MAX
	                                       : (UINT64_C(1) << o->width / o->imm) - 1;
	return (e->x86.k[o->mask] & all) != 0;
}

int
x86_avx_load(struct emu *e, const struct op *o)
{
	unsigned size = (unsigned)o->imm;
	struct wide s = {0}, d = {0};

	if (o->mask == 0) {
		if (!source(e, o, &s))
			return OP_STOP;
		wide_set(e, o->dst, &s, o->width);
		return OP_NEXT;
	}
	if (!o->is_mem)
		wide_get(e, o->src, &s);
	if (o->kind == 0)
		wide_get(e, o->dst, &d);
	if (o->is_mem && o->extra && x86_ea(e, o) % o->width != 0 && is_any_chosen(e, o))
		return op_stop(e, EMU_FAULT);

	/* Memory that is masked out is not touched, and need not be there. */
	for (unsigned i = 0; i < o->width / size; i++) {
		uint8_t *to = (uint8_t *)&d + i * size;
		if (!is_chosen(e, o, i))
			continue;
		if (!o->is_mem)
			memcpy(to, (const uint8_t *)&s + i * size, size);
		else if (!emu_load_slow(e, x86_ea(e, o) + i * size, to, size))
			return OP_STOP;
	}
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

int
x86_avx_store(struct emu *e, const struct op *o)
{
	unsigned size = o->mask == 0 ? o->width : (unsigned)o->imm;
	taddr at = x86_ea(e, o);
	struct wide s;

	if (o->extra && at % o->width != 0 && is_any_chosen(e, o))
		return op_stop(e, EMU_FAULT);
	wide_get(e, o->src, &s);
	uint8_t *p = o->mask == 0 ? view_hit_write(&e->view, at, size) : NULL;
	if (p != NULL) {
		memcpy(p, &s, size);
		return OP_NEXT;
	}
	for (unsigned i = 0; i < o->width / size; i++)
		if (is_chosen(e, o, i) &&
		    !emu_store_slow(e, at + i * size, (const uint8_t *)&s + i * size,
		                    size))
			return OP_STOP;
	return OP_NEXT;
}

/* One element of sub bytes to all; kind: out of a general register. */
int
x86_avx_broadcast(struct emu *e, const struct op *o)
{
	unsigned n = o->sub;
	struct wide s = {0}, d;

	if (o->kind != 0) {
		uint64_t v = x86_reg(e, o->src, n);
		memcpy(&s, &v, sizeof(v));
	} else if (!source(e, o, &s)) {
		return OP_STOP;
	}
	for (unsigned i = 0; i < sizeof(d); i += n)
		memcpy((uint8_t *)&d + i, &s, n);
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

/* The lane that imm chooses. */
static unsigned
lane_of(const struct op *o)
{
	return (unsigned)o->imm & (o->width / 16 - 1u) & 3;
}

/* vinserti128: the source's low lane in the place of another. */
int
x86_avx_insert(struct emu *e, const struct op *o)
{
	struct wide s, d;

	if (!source(e, o, &s))
		return OP_STOP;
	wide_get(e, o->src1, &d);
	d.lane[lane_of(o)] = s.lane[0];
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

/* vextracti128. */
int
x86_avx_extract(struct emu *e, const struct op *o)
{
	struct wide s, d = {0};

	wide_get(e, o->src, &s);
	d.lane[0] = s.lane[lane_of(o)];
	if (o->is_mem)
		return emu_store_slow(e, x86_ea(e, o), &d, 16) ? OP_NEXT : OP_STOP;
	wide_set(e, o->dst, &d, 16);
	return OP_NEXT;
}

/* vperm2i128: each half is one of the four halves, or zero. */
int
x86_avx_permute(struct emu *e, const struct op *o)
{
	struct wide s, a, d = {0};

	if (!source(e, o, &s))
		return OP_STOP;
	wide_get(e, o->src1, &a);
	for (unsigned i = 0; i < 2; i++) {
		unsigned from = (unsigned)o->imm >> 4 * i & 15;
		if ((from & 8) == 0)
			d.lane[i] = ((from & 2) == 0 ? &a : &s)->lane[from & 1];
	}
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

/* vzeroupper; vzeroall if sub. Registers 16 to 31 stay. */
int
x86_avx_zero_upper(struct emu *e, const struct op *o)
{
	unsigned n = e->x86.is64 ? 16 : 8;

	memset(e->x86.y, 0, n * sizeof(e->x86.y[0]));
	if (o->sub)
		memset(e->x86.x, 0, n * sizeof(e->x86.x[0]));
	return OP_NEXT;
}

/* vpmovmskb, vmovmskps, vmovmskpd of 32 bytes: top bits of elements of sub bytes. */
int
x86_avx_mask(struct emu *e, const struct op *o)
{
	unsigned n = 0;
	uint64_t bits = 0;
	struct wide s;

	wide_get(e, o->src, &s);
	for (size_t at = o->sub - 1u; at < o->width && at < sizeof(s); at += o->sub)
		bits |= (uint64_t)(((const uint8_t *)&s)[at] >> 7) << n++;
	x86_reg_set(e, o->dst, 8, bits);
	return OP_NEXT;
}

/* vptest. */
int
x86_avx_test(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t both = 0, rest = 0;
	struct wide s, d;

	if (!source(e, o, &s))
		return OP_STOP;
	wide_get(e, o->dst, &d);
	for (unsigned i = 0; i < o->width / 16; i++) {
		both |= (d.lane[i].q[0] & s.lane[i].q[0]) |
		        (d.lane[i].q[1] & s.lane[i].q[1]);
		rest |= (~d.lane[i].q[0] & s.lane[i].q[0]) |
		        (~d.lane[i].q[1] & s.lane[i].q[1]);
	}
	f->of = f->af = f->sf = 0;
	f->cf = rest == 0;
	x86_set_zf_pf(f, both == 0, false);
	return OP_NEXT;
}

/* ---- AVX-512 ---- */

/* The i-th element of n bytes, as an unsigned number. */
static uint64_t
element(const struct wide *w, unsigned i, unsigned n)
{
	uint64_t v = 0;
	memcpy(&v, (const uint8_t *)w + i * n, n);
	return v;
}

/* Predicates 0-7 of vpcmp, then 8 vptestm and 9 vptestnm. */
static bool
compare(uint64_t a, uint64_t b, unsigned how)
{
	switch (how) {
	case 0:
		return a == b;
	case 1:
		return a < b;
	case 2:
		return a <= b;
	case 3:
		return false;
	case 4:
		return a != b;
	case 5:
		return a >= b;
	case 6:
		return a > b;
	case 7:
		return true;
	case 8:
		return (a & b) != 0;
	default:
		return (a & b) == 0;
	}
}

/*
 * Compare into a mask register. kind: bytes of an element, and 16 if they are signed;
 * imm: how.
 */
int
x86_avx_compare(struct emu *e, const struct op *o)
{
	unsigned size = o->kind & 15;
	uint64_t flip = (o->kind & 16) != 0 ? x86_top_bit(size) : 0, bits = 0;
	struct wide a, s;

	if (!source(e, o, &s))
		return OP_STOP;
	wide_get(e, o->src1, &a);
	for (unsigned i = 0; i < o->width / size; i++)
		if (is_chosen(e, o, i) &&
		    compare(element(&a, i, size) ^ flip, element(&s, i, size) ^ flip,
		            (unsigned)o->imm))
			bits |= UINT64_C(1) << i;
	e->x86.k[o->dst] = bits;
	e->x86.is_wide = true;
	return OP_NEXT;
}

/* vpternlog: imm is the table of a function of three bits. */
int
x86_avx_ternary(struct emu *e, const struct op *o)
{
	struct wide a, b, c, d = {0};

	if (!source(e, o, &c))
		return OP_STOP;
	wide_get(e, o->dst, &a);
	wide_get(e, o->src1, &b);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t x = a.lane[i / 2].q[i & 1], y = b.lane[i / 2].q[i & 1],
		         z = c.lane[i / 2].q[i & 1], r = 0;
		for (unsigned t = 0; t < 8; t++)
			if ((o->imm >> t & 1) != 0)
				r |= ((t & 4) != 0 ? x : ~x) & ((t & 2) != 0 ? y : ~y) &
				     ((t & 1) != 0 ? z : ~z);
		d.lane[i / 2].q[i & 1] = r;
	}
	wide_set(e, o->dst, &d, o->width);
	return OP_NEXT;
}

/* ---- mask registers: width is that of the operation, 1 to 8 bytes ---- */

static int
k_set(struct emu *e, const struct op *o, uint64_t v)
{
	e->x86.k[o->dst] = v & x86_mask(o->width);
	e->x86.is_wide = true;
	return OP_NEXT;
}

int
x86_k_move(struct emu *e, const struct op *o)
{
	return k_set(e, o, e->x86.k[o->src]);
}

int
x86_k_load(struct emu *e, const struct op *o)
{
	uint64_t v;
	return x86_load(e, x86_ea(e, o), o->width, &v) ? k_set(e, o, v) : OP_STOP;
}

int
x86_k_store(struct emu *e, const struct op *o)
{
	return x86_store(e, x86_ea(e, o), o->width, e->x86.k[o->src]) ? OP_NEXT : OP_STOP;
}

int
x86_k_from_r(struct emu *e, const struct op *o)
{
	return k_set(e, o, e->x86.r[o->src / 8]);
}

int
x86_k_to_r(struct emu *e, const struct op *o)
{
	x86_reg_set(e, o->dst, 8, e->x86.k[o->src] & x86_mask(o->width));
	return OP_NEXT;
}

int
x86_k_logic(struct emu *e, const struct op *o)
{
	uint64_t a = e->x86.k[o->src1], b = e->x86.k[o->src];
	unsigned half = o->width * 4u;

	switch ((enum x86_k)o->sub) {
	case K_AND:
		return k_set(e, o, a & b);
	case K_ANDN:
		return k_set(e, o, ~a & b);
	case K_OR:
		return k_set(e, o, a | b);
	case K_XNOR:
		return k_set(e, o, ~(a ^ b));
	case K_XOR:
		return k_set(e, o, a ^ b);
	case K_ADD:
		return k_set(e, o, a + b);
	case K_UNPACK:
		return k_set(e, o, a << half | (b & ((UINT64_C(1) << half) - 1)));
	case K_NOT:
		return k_set(e, o, ~b);
	}
	return op_stop(e, EMU_UNKNOWN);
}

/* kortest, or ktest if sub. */
int
x86_k_test(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	uint64_t a = e->x86.k[o->dst], b = e->x86.k[o->src], all = x86_mask(o->width);

	f->of = f->af = f->sf = 0;
	f->cf = o->sub ? (~a & b & all) == 0 : ((a | b) & all) == all;
	x86_set_zf_pf(f, ((o->sub ? a & b : a | b) & all) == 0, false);
	return OP_NEXT;
}

/* kshiftr, or kshiftl if sub. */
int
x86_k_shift(struct emu *e, const struct op *o)
{
	uint64_t v = e->x86.k[o->src] & x86_mask(o->width);
	unsigned by = (unsigned)o->imm & 0xff;

	if (by >= o->width * 8u)
		return k_set(e, o, 0);
	return k_set(e, o, o->sub ? v << by : v >> by);
}
