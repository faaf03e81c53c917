/*
 * Decoding VEX. What it encodes of SSE is decoded as SSE and then given its further
 * operand and width; what is AVX's own, and the operations on masks, is listed here.
 */
#include "emu/x86_decode.h"
#include "emu/x86_vec.h"

bool
dec_is_w(const struct dec *d)
{
	return (d->rex & REX_W) != 0;
}

bool
dec_with_imm(struct dec *d)
{
	d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

/* ---- VEX of what SSE has ---- */

/* How a row of the table takes its operands here; -1 if it does not work lane by lane. */
static int
kind_of(const struct dec *d, bool is_256)
{
	unsigned op = d->opcode;

	if (d->map == 1) {
		bool is_scalar = d->prefix >= DEC_F3;
		if (op == 0x70 || op == 0x5b || op == 0x12 || op == 0x10 || op == 0x11 ||
		    op == 0x28 || op == 0x29 || op == 0x6f || op == 0x7f || op == 0x7e ||
		    op == 0xd6)
			return (op == 0x10 || op == 0x11) && is_scalar ? KIND_3
			       : op == 0x12 && !is_scalar              ? KIND_3
			                                               : KIND_2;
		if (op == 0x51 && !is_scalar)
			return KIND_2;
		if (op == 0xe6 || (op == 0x5a && !is_scalar))
			return is_256 ? -1 : KIND_2;
		if (op == 0xc6 && d->prefix == DEC_66 && is_256)
			return -1; /* vshufpd has bits of its own for each lane */
		if ((op >= 0xd1 && op <= 0xd3) || op == 0xe1 || op == 0xe2 ||
		    (op >= 0xf1 && op <= 0xf3))
			return KIND_COUNT;
		return KIND_3;
	}
	if (d->map == 2 && op >= 0x1c && op <= 0x1e)
		return KIND_2;
	if (d->map == 2 && ((op >= 0x20 && op <= 0x25) || (op >= 0x30 && op <= 0x35)))
		return is_256 ? -1 : KIND_2;
	return KIND_3;
}

/* An operation of the table, decoded as SSE's, on more lanes. */
static bool
widen_row(struct dec *d, unsigned width)
{
	struct op *o = d->o;
	int kind = kind_of(d, width > 16);
	bool is_scalar = d->map == 1 && d->prefix >= DEC_F3 && d->opcode != 0x70 &&
	                 d->opcode != 0x6f && d->opcode != 0x7f;

	/* Comparisons have 32 predicates here, of which SSE has 8. */
	bool is_half = d->map == 1 &&
	               (d->opcode == 0x7e || d->opcode == 0xd6 || d->opcode == 0x16 ||
	                (d->opcode == 0x12 && d->prefix != DEC_F2));
	if (kind < 0 || ((is_scalar || is_half) && width > 16) ||
	    (d->map == 1 && d->opcode == 0xc2 && o->imm > 7))
		return false;
	if (kind == KIND_2 && d->vvvv != 0)
		return false;
	if (o->is_mem) {
		bool is_full = o->width == 16 && kind != KIND_COUNT;
		o->sub = is_full ? 0 : o->width;
	} else {
		o->sub = 0;
	}
	o->kind = (uint8_t)kind;
	o->src1 = d->vvvv;
	o->width = (uint8_t)width;
	o->extra = 0;
	o->run = x86_avx_op;
	return true;
}

bool
dec_wrap(struct dec *d, enum x86_vec_kind kind)
{
	if (d->vex_l != 0 || (kind == KIND_2 && d->vvvv != 0))
		return false;
	d->o->inner = d->o->run;
	d->o->run = x86_avx_wrap;
	d->o->kind = (uint8_t)kind;
	d->o->src1 = d->vvvv;
	return true;
}

/* Loads, stores and what else has a 256-bit form besides the table. */
static bool
widen_other(struct dec *d)
{
	struct op *o = d->o;

	o->width = 32;
	o->mask = o->kind = 0;
	if (d->vvvv != 0)
		return false;
	if (o->run == x86_vec_load)
		o->run = x86_avx_load;
	else if (o->run == x86_vec_mask)
		o->run = x86_avx_mask;
	else if (o->run == x86_vec_test)
		o->run = x86_avx_test;
	else
		return false;
	if (o->run == x86_avx_test)
		o->extra = 0;
	return true;
}

static bool
vex_of_sse(struct dec *d)
{
	struct op *o = d->o;
	bool is_256 = d->vex_l != 0;

	if (!dec_vec(d))
		return false;
	if (o->run == x86_vec_rr || o->run == x86_vec_rm)
		return widen_row(d, is_256 ? 32 : 16);
	if (o->run == x86_vec_shift_i) {
		/* The destination is in vvvv, the source in rm. */
		o->run = x86_avx_shift_i;
		o->src = d->rm;
		o->dst = d->vvvv;
		o->width = is_256 ? 32 : 16;
		return true;
	}
	if (o->run == x86_vec_store && is_256 && o->width == 16 && d->vvvv == 0) {
		o->run = x86_avx_store;
		o->width = 32;
		return true;
	}
	if (is_256)
		return widen_other(d);
	if (o->run == x86_vec_load || o->run == x86_vec_load_low ||
	    o->run == x86_vec_from_r)
		return dec_wrap(d, KIND_2);
	if (o->run == x86_vec_load_half || o->run == x86_vec_insert ||
	    o->run == x86_vec_from_int)
		return dec_wrap(d, KIND_3);
	if (o->run == x86_vec_test)
		o->extra = 0;
	return d->vvvv == 0;
}

/* ---- VEX of its own ---- */

bool
dec_vec_operands(struct dec *d, op_fn run, bool reg_is_dst)
{
	if (!dec_modrm(d))
		return false;
	d->o->run = run;
	d->o->dst = reg_is_dst ? d->reg : d->rm;
	d->o->src = reg_is_dst ? d->rm : d->reg;
	d->o->src1 = d->vvvv;
	d->o->width = (uint8_t)(16u << d->vex_l);
	return true;
}

static bool
broadcast(struct dec *d, unsigned n, bool is_reg)
{
	if (d->prefix != DEC_66 || d->vvvv != 0 || dec_is_w(d) ||
	    !dec_vec_operands(d, x86_avx_broadcast, true))
		return false;
	d->o->sub = (uint8_t)n;
	d->o->kind = is_reg;
	if (is_reg)
		d->o->src = (uint8_t)((d->rm & 15) * 8);
	return !(is_reg && d->o->is_mem);
}

/* A lane in or out. */
static bool
lane(struct dec *d, bool is_in)
{
	if (d->prefix != DEC_66 || d->vex_l == 0 || dec_is_w(d) || (!is_in && d->vvvv != 0))
		return false;
	if (!dec_vec_operands(d, is_in ? x86_avx_insert : x86_avx_extract, is_in))
		return false;
	d->o->sub = 16;
	return dec_with_imm(d);
}

static bool
permute(struct dec *d)
{
	return d->prefix == DEC_66 && d->vex_l == 1 && !dec_is_w(d) &&
	       dec_vec_operands(d, x86_avx_permute, true) && dec_with_imm(d);
}

/* The width of a mask operation, by prefix and W. */
static uint8_t
k_width(const struct dec *d)
{
	bool is_wide = dec_is_w(d);

	if (d->prefix == DEC_66)
		return is_wide ? 4 : 1;
	return is_wide ? 8 : 2;
}

/* 90-93: between masks, memory and general registers. */
static bool
k_moves(struct dec *d)
{
	struct op *o = d->o;

	if (d->vvvv != 0 || d->vex_l != 0 || !dec_modrm(d))
		return false;
	o->dst = d->reg & 7;
	o->src = d->rm & 7;
	o->width = k_width(d);
	if (d->opcode <= 0x91 && d->reg > 7)
		return false;
	if (d->opcode == 0x90) {
		o->run = o->is_mem ? x86_k_load : x86_k_move;
		return d->prefix <= DEC_66;
	}
	if (d->opcode == 0x91) {
		o->run = x86_k_store;
		o->src = d->reg & 7;
		return o->is_mem && d->prefix <= DEC_66;
	}
	if (d->prefix == DEC_F2)
		o->width = dec_is_w(d) ? 8 : 4;
	else if (dec_is_w(d) || d->prefix == DEC_F3)
		return false;
	o->run = d->opcode == 0x92 ? x86_k_from_r : x86_k_to_r;
	if (d->opcode == 0x92)
		o->src = (uint8_t)(d->rm * 8);
	else
		o->dst = (uint8_t)(d->reg * 8);
	return !o->is_mem && (d->opcode == 0x93 || d->reg < 8);
}

/* 41-4b, 98, 99. */
static bool
k_operations(struct dec *d)
{
	static const uint8_t subs[] = {
	        [1] = K_AND,  [2] = K_ANDN, [4] = K_NOT,  [5] = K_OR,
	        [6] = K_XNOR, [7] = K_XOR,  [10] = K_ADD, [11] = K_UNPACK,
	};
	bool is_test = d->opcode >= 0x98, is_not = d->opcode == 0x44;

	if (d->prefix > DEC_66 || !dec_modrm(d) || d->o->is_mem || d->vvvv > 7 ||
	    d->reg > 7)
		return false;
	if (d->vex_l != (is_test || is_not ? 0 : 1) ||
	    ((is_test || is_not) && d->vvvv != 0))
		return false;
	d->o->run = is_test ? x86_k_test : x86_k_logic;
	d->o->dst = d->reg & 7;
	d->o->src = d->rm & 7;
	d->o->src1 = d->vvvv;
	d->o->width = k_width(d);
	d->o->sub = is_test ? d->opcode & 1 : subs[d->opcode & 15];
	if (d->o->sub == K_UNPACK && !is_test) {
		/* 66 W0 makes 2 bytes of 1, W0 4 of 2, W1 8 of 4. */
		if (d->prefix == DEC_66 && dec_is_w(d))
			return false;
		d->o->width = d->prefix == DEC_66 ? 2 : dec_is_w(d) ? 8 : 4;
	}
	return true;
}

/* 0f 3a 30-33: kshift. */
static bool
k_shifts(struct dec *d)
{
	static const uint8_t widths[2][2] = {{1, 2}, {4, 8}};

	if (d->prefix != DEC_66 || d->vex_l != 0 || d->vvvv != 0 || !dec_modrm(d) ||
	    d->o->is_mem || d->reg > 7)
		return false;
	d->o->run = x86_k_shift;
	d->o->dst = d->reg & 7;
	d->o->src = d->rm & 7;
	d->o->width = widths[d->opcode & 1][dec_is_w(d)];
	d->o->sub = d->opcode >= 0x32;
	return dec_with_imm(d);
}

static bool
zero_upper(struct dec *d)
{
	d->o->sub = d->vex_l;
	return d->prefix == DEC_NP && d->vvvv == 0 && dec_plain(d, x86_avx_zero_upper);
}

bool
dec_vex(struct dec *d)
{
	unsigned op = d->opcode;

	if (d->map == 1) {
		if (op == 0x77)
			return zero_upper(d);
		if (op >= 0x90 && op <= 0x93)
			return k_moves(d);
		if ((op >= 0x41 && op <= 0x4b && op != 0x43 && op != 0x48 &&
		     op != 0x49) ||
		    op == 0x98 || op == 0x99)
			return k_operations(d);
		return vex_of_sse(d);
	}
	if (d->map == 2) {
		switch (op) {
		case 0x18:
		case 0x58:
			return broadcast(d, 4, false);
		case 0x19:
			return d->vex_l == 1 && broadcast(d, 8, false);
		case 0x59:
			return broadcast(d, 8, false);
		case 0x1a:
		case 0x5a:
			return d->vex_l == 1 && broadcast(d, 16, false) && d->o->is_mem;
		case 0x78:
			return broadcast(d, 1, false);
		case 0x79:
			return broadcast(d, 2, false);
		}
		return vex_of_sse(d);
	}
	if (d->map != 3)
		return false;
	switch (op) {
	case 0x06:
	case 0x46:
		return permute(d);
	case 0x18:
	case 0x38:
		return lane(d, true);
	case 0x19:
	case 0x39:
		return lane(d, false);
	case 0x30:
	case 0x31:
	case 0x32:
	case 0x33:
		return k_shifts(d);
	}
	return vex_of_sse(d);
}
