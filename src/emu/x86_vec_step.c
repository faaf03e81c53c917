/*
 * Carrying out vector operations: fetching their operands, and the moves between
 * vectors, memory and general registers.
 */
#include "emu/x86.h"
#include "emu/x86_vec.h"

static union xmm *
dst_of(struct emu *e, const struct op *o)
{
	return &e->x86.x[o->dst];
}

/* n bytes at the memory operand; op.extra: the address must be a multiple of 16. */
static bool
load_bytes(struct emu *e, const struct op *o, void *buf, unsigned n)
{
	taddr at = x86_ea(e, o);
	if (o->extra && at % 16 != 0) {
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

int
x86_vec_rr(struct emu *e, const struct op *o)
{
	o->vec(dst_of(e, o), &e->x86.x[o->src], (unsigned)o->imm);
	return OP_NEXT;
}

int
x86_vec_rm(struct emu *e, const struct op *o)
{
	union xmm s = {.q = {0, 0}};

	if (!load_bytes(e, o, &s, o->width))
		return OP_STOP;
	o->vec(dst_of(e, o), &s, (unsigned)o->imm);
	return OP_NEXT;
}

int
x86_vec_shift_i(struct emu *e, const struct op *o)
{
	union xmm s = {.q = {o->imm & 0xff, 0}};
	o->vec(dst_of(e, o), &s, 0);
	return OP_NEXT;
}

int
x86_vec_load(struct emu *e, const struct op *o)
{
	union xmm s;
	if (!load_bytes(e, o, &s, 16))
		return OP_STOP;
	*dst_of(e, o) = s;
	return OP_NEXT;
}

/* movss, movsd, movd, movq from memory: the rest becomes zero. */
int
x86_vec_load_low(struct emu *e, const struct op *o)
{
	union xmm s = {.q = {0, 0}};

	if (!load_bytes(e, o, &s, o->width))
		return OP_STOP;
	*dst_of(e, o) = s;
	return OP_NEXT;
}

/* movlps, movhps: one half, by sub, stays. */
int
x86_vec_load_half(struct emu *e, const struct op *o)
{
	return load_bytes(e, o, &dst_of(e, o)->q[o->sub], 8) ? OP_NEXT : OP_STOP;
}

static int
store_bytes(struct emu *e, const struct op *o, const void *buf, unsigned n)
{
	taddr at = x86_ea(e, o);
	if (o->extra && at % 16 != 0)
		return op_stop(e, EMU_FAULT);

	uint8_t *p = view_hit_write(&e->view, at, n);
	if (LIKELY(p != NULL)) {
		memcpy(p, buf, n);
		return OP_NEXT;
	}
	return emu_store_slow(e, at, buf, n) ? OP_NEXT : OP_STOP;
}

int
x86_vec_store(struct emu *e, const struct op *o)
{
	return store_bytes(e, o, &e->x86.x[o->src], o->width);
}

int
x86_vec_store_half(struct emu *e, const struct op *o)
{
	return store_bytes(e, o, &e->x86.x[o->src].q[o->sub], 8);
}

/* movd, movq from a general register. */
int
x86_vec_from_r(struct emu *e, const struct op *o)
{
	*dst_of(e, o) = (union xmm){.q = {x86_reg(e, o->src, o->width), 0}};
	return OP_NEXT;
}

int
x86_vec_to_r(struct emu *e, const struct op *o)
{
	x86_reg_set(e, o->dst, o->width, e->x86.x[o->src].q[0]);
	return OP_NEXT;
}

/* pmovmskb, movmskps, movmskpd: the top bit of each lane of sub bytes. */
int
x86_vec_mask(struct emu *e, const struct op *o)
{
	const union xmm *s = &e->x86.x[o->src];
	unsigned bits = 0;

	for (unsigned i = 0; i < 16u / o->sub; i++)
		bits |= (unsigned)(s->b[(i + 1) * o->sub - 1] >> 7) << i;
	x86_reg_set(e, o->dst, 8, bits);
	return OP_NEXT;
}

/* pinsrb, pinsrw, pinsrd, pinsrq: a lane of width bytes. */
int
x86_vec_insert(struct emu *e, const struct op *o)
{
	unsigned w = o->width, lane = (unsigned)o->imm & (16 / w - 1);
	uint64_t v;

	if (!x86_src(e, o, w, &v))
		return OP_STOP;
	memcpy(&dst_of(e, o)->b[lane * w], &v, w);
	return OP_NEXT;
}

/* pextrb, pextrw, pextrd, pextrq. */
int
x86_vec_extract(struct emu *e, const struct op *o)
{
	unsigned w = o->width, lane = (unsigned)o->imm & (16 / w - 1);
	uint64_t v = 0;

	memcpy(&v, &e->x86.x[o->src].b[lane * w], w);
	if (o->is_mem)
		return x86_store(e, x86_ea(e, o), w, v) ? OP_NEXT : OP_STOP;
	x86_reg_set(e, o->dst, 8, v);
	return OP_NEXT;
}

/* cvtsi2ss, cvtsi2sd: width is the integer's, sub the result's bytes. */
int
x86_vec_from_int(struct emu *e, const struct op *o)
{
	uint64_t v;

	if (!x86_src(e, o, o->width, &v))
		return OP_STOP;
	int64_t n = x86_signed(v, o->width);
	if (o->sub == 4)
		dst_of(e, o)->f[0] = (float)n;
	else
		dst_of(e, o)->d[0] = (double)n;
	return OP_NEXT;
}

/* The low number of a vector or memory operand; op.sub: its bytes. */
static bool
load_number(struct emu *e, const struct op *o, double *v)
{
	union xmm s = {.q = {0, 0}};

	if (!o->is_mem)
		s = e->x86.x[o->src];
	else if (!load_bytes(e, o, &s, o->sub))
		return false;
	*v = o->sub == 4 ? (double)s.f[0] : s.d[0];
	return true;
}

/* cvttss2si, cvtsd2si and so on: cut off if imm. */
int
x86_vec_to_int(struct emu *e, const struct op *o)
{
	double v;

	if (!load_number(e, o, &v))
		return OP_STOP;
	x86_reg_set(e, o->dst, o->width, vec_to_integer(v, o->width, o->imm != 0));
	return OP_NEXT;
}

/* ucomiss, comisd and so on: unordered is as if equal and less, with parity. */
int
x86_vec_compare(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	union xmm d = e->x86.x[o->dst];
	double b, a = o->sub == 4 ? (double)d.f[0] : d.d[0];

	if (!load_number(e, o, &b))
		return OP_STOP;
	bool is_unordered = a != a || b != b;
	f->of = f->af = f->sf = 0;
	f->cf = is_unordered || a < b;
	x86_set_zf_pf(f, is_unordered || a == b, is_unordered);
	return OP_NEXT;
}

/* ptest. */
int
x86_vec_test(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	union xmm s = e->x86.x[o->src], d = e->x86.x[o->dst];

	if (o->is_mem && !load_bytes(e, o, &s, 16))
		return OP_STOP;
	f->of = f->af = f->sf = 0;
	f->cf = ((~d.q[0] & s.q[0]) | (~d.q[1] & s.q[1])) == 0;
	x86_set_zf_pf(f, ((d.q[0] & s.q[0]) | (d.q[1] & s.q[1])) == 0, false);
	return OP_NEXT;
}
