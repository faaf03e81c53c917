/*
 * Decoding EVEX: what the C library's string functions use on processors with AVX-512,
 * that is moves, logic, minimum, comparison into masks, and sums. Operands that are
 * broadcast from memory, and masks elsewhere than in moves and comparisons, are not
 * known.
 */
#include "emu/x86_decode.h"
#include "emu/x86_vec.h"

/*
 * ModRM with vector registers 0-31; a displacement of one byte counts in units of n
 * bytes.
 */
static bool
evex_operands(struct dec *d, op_fn run, bool reg_is_dst, unsigned n)
{
	d->disp8_scale = (uint8_t)n;
	if (!dec_vec_operands(d, run, reg_is_dst))
		return false;
	uint8_t reg = d->reg | d->high_reg, rm = d->rm | d->high_rm;
	d->o->dst = reg_is_dst ? reg : rm;
	d->o->src = reg_is_dst ? rm : reg;
	return true;
}

/* Moves of whole vectors, under a mask in elements of n bytes. */
static bool
evex_move(struct dec *d, unsigned n, bool is_store, bool is_aligned)
{
	unsigned width = 16u << d->vex_l;

	if (d->vvvv != 0 ||
	    !evex_operands(d, is_store ? x86_avx_store : x86_avx_load, !is_store, width))
		return false;
	if (!d->o->is_mem)
		d->o->run = x86_avx_load;
	d->o->imm = n;
	d->o->extra = is_aligned && d->o->is_mem;
	d->o->mask = d->mask;
	d->o->kind = d->is_zeroing;
	return !(d->is_zeroing && (d->mask == 0 || (is_store && d->o->is_mem)));
}

/* 6f, 7f: the prefix and W choose the element and alignment. */
static bool
evex_integer_move(struct dec *d)
{
	bool w = dec_is_w(d);
	unsigned n = d->prefix == DEC_F2 ? (w ? 2 : 1) : (w ? 8 : 4);
	return d->prefix != DEC_NP &&
	       evex_move(d, n, d->opcode == 0x7f, d->prefix == DEC_66);
}

/* 10, 11, 28, 29 with no prefix and 66. */
static bool
evex_float_move(struct dec *d)
{
	bool w = dec_is_w(d), is_66 = d->prefix == DEC_66;

	if (d->prefix > DEC_66 || w != is_66)
		return false;
	return evex_move(d, w ? 8 : 4, (d->opcode & 1) != 0, d->opcode >= 0x28);
}

/* A row of the SSE table on vectors of any width, without a mask. */
static bool
evex_row(struct dec *d)
{
	const struct vec_row *row = vec_find(d->map, d->prefix, d->opcode);

	if (row == NULL || d->mask != 0 || d->is_zeroing ||
	    !evex_operands(d, x86_avx_op, true, 16u << d->vex_l))
		return false;
	d->o->vec = row->fn;
	d->o->kind = KIND_3;
	return true;
}

/* A comparison of elements of n bytes into a mask; how < 0: an immediate says it. */
static bool
evex_compare(struct dec *d, unsigned n, bool is_signed, int how)
{
	if (d->is_zeroing || !evex_operands(d, x86_avx_compare, true, 16u << d->vex_l))
		return false;
	d->o->dst = d->reg & 7;
	d->o->mask = d->mask;
	d->o->kind = (uint8_t)(n | (is_signed ? 16 : 0));
	d->o->imm = how >= 0 ? (uint64_t)how : (uint64_t)dec_imm(d, 1) & 7;
	return d->reg < 8 && d->high_reg == 0;
}

static bool
evex_broadcast(struct dec *d, unsigned n, bool is_reg)
{
	if (d->mask != 0 || d->is_zeroing || d->vvvv != 0 || d->prefix != DEC_66)
		return false;
	if (!evex_operands(d, x86_avx_broadcast, true, n) || (is_reg && d->o->is_mem))
		return false;
	d->o->sub = (uint8_t)n;
	d->o->kind = is_reg;
	if (is_reg)
		d->o->src = (uint8_t)(d->rm * 8);
	return true;
}

static bool
evex_ternary(struct dec *d)
{
	if (d->mask != 0 || d->is_zeroing || d->prefix != DEC_66)
		return false;
	return evex_operands(d, x86_avx_ternary, true, 16u << d->vex_l) &&
	       dec_with_imm(d);
}

/* vmovd and vmovq between low ends and general registers or memory. */
static bool
evex_low(struct dec *d)
{
	bool to_vec = d->opcode == 0x6e, w = dec_is_w(d);
	unsigned n = w ? 8 : 4;

	if (d->prefix != DEC_66 || d->vex_l != 0 || d->mask != 0 || d->is_zeroing ||
	    d->vvvv != 0)
		return false;
	if (!evex_operands(d, to_vec ? x86_vec_load_low : x86_vec_store, to_vec, n))
		return false;
	d->o->width = (uint8_t)n;
	if (!d->o->is_mem) {
		d->o->run = to_vec ? x86_vec_from_r : x86_vec_to_r;
		if (to_vec)
			d->o->src = (uint8_t)(d->rm * 8);
		else
			d->o->dst = (uint8_t)(d->rm * 8);
	}
	return !to_vec || dec_wrap(d, KIND_2);
}

static bool
evex_map1(struct dec *d)
{
	switch (d->opcode) {
	case 0x10:
	case 0x11:
	case 0x28:
	case 0x29:
		return evex_float_move(d);
	case 0x6f:
	case 0x7f:
		return evex_integer_move(d);
	case 0xe7:
		return d->prefix == DEC_66 && d->mask == 0 && !dec_is_w(d) &&
		       evex_move(d, 4, true, true) && d->o->is_mem;
	case 0x6e:
	case 0x7e:
		return evex_low(d);
	case 0x74:
	case 0x75:
	case 0x76:
		return d->prefix == DEC_66 && !(d->opcode == 0x76 && dec_is_w(d)) &&
		       evex_compare(d, 1u << (d->opcode - 0x74), true, 0);
	case 0x64:
	case 0x65:
	case 0x66:
		return d->prefix == DEC_66 && !(d->opcode == 0x66 && dec_is_w(d)) &&
		       evex_compare(d, 1u << (d->opcode - 0x64), true, 6);
	case 0xda:
	case 0xdb:
	case 0xde:
	case 0xdf:
	case 0xeb:
	case 0xef:
	case 0xd8:
	case 0xf8:
	case 0xf9:
	case 0xfc:
	case 0xfd:
		return d->prefix == DEC_66 && evex_row(d);
	case 0xfa:
	case 0xfe:
		return d->prefix == DEC_66 && !dec_is_w(d) && evex_row(d);
	case 0xd4:
	case 0xfb:
		return d->prefix == DEC_66 && dec_is_w(d) && evex_row(d);
	}
	return false;
}

static bool
evex_map2(struct dec *d)
{
	bool w = dec_is_w(d);

	switch (d->opcode) {
	case 0x26:
		return (d->prefix == DEC_66 || d->prefix == DEC_F3) &&
		       evex_compare(d, w ? 2 : 1, false, d->prefix == DEC_66 ? 8 : 9);
	case 0x27:
		return (d->prefix == DEC_66 || d->prefix == DEC_F3) &&
		       evex_compare(d, w ? 8 : 4, false, d->prefix == DEC_66 ? 8 : 9);
	case 0x29:
		return d->prefix == DEC_66 && w && evex_compare(d, 8, true, 0);
	case 0x58:
		return !w && evex_broadcast(d, 4, false);
	case 0x59:
		return w && evex_broadcast(d, 8, false);
	case 0x78:
		return !w && evex_broadcast(d, 1, false);
	case 0x79:
		return !w && evex_broadcast(d, 2, false);
	case 0x7a:
		return !w && evex_broadcast(d, 1, true);
	case 0x7b:
		return !w && evex_broadcast(d, 2, true);
	case 0x7c:
		return evex_broadcast(d, w ? 8 : 4, true);
	}
	return false;
}

bool
dec_evex(struct dec *d)
{
	bool w = dec_is_w(d);

	/* Broadcast memory operands and rounding are not known. */
	if (d->is_broadcast || d->vex_l > 2 || !d->is64)
		return false;
	if (d->map == 1)
		return evex_map1(d);
	if (d->map == 2)
		return evex_map2(d);
	if (d->map != 3 || d->prefix != DEC_66)
		return false;
	switch (d->opcode) {
	case 0x1e:
	case 0x1f:
		return evex_compare(d, w ? 8 : 4, d->opcode == 0x1f, -1);
	case 0x3e:
	case 0x3f:
		return evex_compare(d, w ? 2 : 1, d->opcode == 0x3f, -1);
	case 0x25:
		return evex_ternary(d);
	}
	return false;
}
