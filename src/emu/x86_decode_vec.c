/*
 * Decoding vector instructions: loads, stores and moves one by one, everything that
 * computes by the table in x86_vec.c.
 */
#include "emu/x86_decode.h"
#include "emu/x86_vec.h"

/* Vector registers are operands by number. */
static bool
vec_operands(struct dec *d, op_fn run, bool reg_is_dst)
{
	if (!dec_modrm(d))
		return false;
	d->o->run = run;
	d->o->dst = reg_is_dst ? d->reg : d->rm;
	d->o->src = reg_is_dst ? d->rm : d->reg;
	return true;
}

/* A load: of width bytes from memory, or the move between registers that goes with it. */
static bool
load(struct dec *d, op_fn run, unsigned width, bool is_aligned)
{
	if (!vec_operands(d, run, true))
		return false;
	d->o->width = (uint8_t)width;
	d->o->extra = is_aligned;
	if (d->o->is_mem)
		return true;

	const struct vec_row *move = vec_find_move(d->prefix, d->opcode);
	if (move == NULL)
		return false;
	d->o->run = x86_vec_rr;
	d->o->vec = move->fn;
	return true;
}

/* A store; between registers it is the move of the load, the other way round. */
static bool
store(struct dec *d, unsigned width, bool is_aligned, unsigned load_prefix,
      unsigned load_opcode)
{
	if (!vec_operands(d, x86_vec_store, false))
		return false;
	d->o->width = (uint8_t)width;
	d->o->extra = is_aligned;
	if (d->o->is_mem)
		return true;

	const struct vec_row *move = vec_find_move(load_prefix, load_opcode);
	if (move == NULL)
		return false;
	d->o->run = x86_vec_rr;
	d->o->vec = move->fn;
	return true;
}

/* 12, 13, 16, 17: one half, of which the opcode tells. */
static bool
half(struct dec *d)
{
	d->o->sub = (d->opcode & 4) != 0;
	if (d->prefix > DEC_66)
		return false;
	if ((d->opcode & 1) != 0)
		return vec_operands(d, x86_vec_store_half, false) && d->o->is_mem;
	return load(d, x86_vec_load_half, 8, false);
}

/* 10, 11, 28, 29, 2b, 6f, 7f, e7, f0 with all their prefixes. */
static bool
whole(struct dec *d)
{
	static const uint8_t widths[] = {16, 16, 4, 8};
	unsigned p = d->prefix;

	switch (d->opcode) {
	case 0x10:
		return load(d, p < DEC_F3 ? x86_vec_load : x86_vec_load_low, widths[p],
		            false);
	case 0x11:
		return store(d, widths[p], false, p, 0x10);
	case 0x28:
		return p <= DEC_66 && load(d, x86_vec_load, 16, true);
	case 0x29:
		return p <= DEC_66 && store(d, 16, true, p, 0x28);
	case 0x2b:
		return p <= DEC_66 && store(d, 16, true, p, 0) && d->o->is_mem;
	case 0xe7:
		return p == DEC_66 && store(d, 16, true, p, 0) && d->o->is_mem;
	case 0x6f:
		return (p == DEC_66 || p == DEC_F3) &&
		       load(d, x86_vec_load, 16, p == DEC_66);
	case 0x7f:
		return (p == DEC_66 || p == DEC_F3) && store(d, 16, p == DEC_66, p, 0x6f);
	default:
		return p == DEC_F2 && load(d, x86_vec_load, 16, false) && d->o->is_mem;
	}
}

/* 6e, 7e, d6: between a vector's low end and a general register or memory. */
static bool
low(struct dec *d)
{
	unsigned w = (d->rex & REX_W) != 0 ? 8 : 4;

	if (d->opcode == 0xd6)
		return d->prefix == DEC_66 && store(d, 8, false, DEC_F3, 0x7e);
	if (d->opcode == 0x7e && d->prefix == DEC_F3)
		return load(d, x86_vec_load_low, 8, false);
	if (d->prefix != DEC_66)
		return false;

	bool to_vec = d->opcode == 0x6e;
	if (!vec_operands(d, to_vec ? x86_vec_load_low : x86_vec_store, to_vec))
		return false;
	d->o->width = (uint8_t)w;
	if (d->o->is_mem)
		return true;
	d->o->run = to_vec ? x86_vec_from_r : x86_vec_to_r;
	if (to_vec)
		d->o->src = dec_reg(d, d->rm, w);
	else
		d->o->dst = dec_reg(d, d->rm, w);
	return true;
}

/* 2a, 2c-2f: numbers to integers and back, comparison. */
static bool
scalar(struct dec *d)
{
	unsigned w = (d->rex & REX_W) != 0 ? 8 : 4;
	bool is_compare = d->opcode >= 0x2e;

	if (is_compare ? d->prefix > DEC_66 : d->prefix < DEC_F3)
		return false;
	if (!vec_operands(d, x86_vec_from_int, true))
		return false;
	d->o->width = (uint8_t)w;
	d->o->sub = d->prefix == DEC_F3 || d->prefix == DEC_NP ? 4 : 8;
	if (is_compare) {
		d->o->run = x86_vec_compare;
	} else if (d->opcode == 0x2a) {
		d->o->src = dec_reg(d, d->rm, w);
	} else {
		d->o->run = x86_vec_to_int;
		d->o->dst = dec_reg(d, d->reg, w);
		d->o->imm = d->opcode == 0x2c;
	}
	return true;
}

/* 50, d7: top bits into a general register. */
static bool
mask(struct dec *d)
{
	if (d->prefix > DEC_66 || (d->opcode == 0xd7 && d->prefix != DEC_66))
		return false;
	if (!vec_operands(d, x86_vec_mask, true) || d->o->is_mem)
		return false;
	d->o->dst = dec_reg(d, d->reg, 8);
	d->o->sub = d->opcode == 0xd7 ? 1 : d->prefix == DEC_NP ? 4 : 8;
	return true;
}

/* A lane of w bytes in from, or out to, a general register or memory. */
static bool
lane(struct dec *d, unsigned w, bool is_in)
{
	if (d->prefix != DEC_66 ||
	    !vec_operands(d, is_in ? x86_vec_insert : x86_vec_extract, is_in))
		return false;
	d->o->width = (uint8_t)w;
	if (is_in)
		d->o->src = (uint8_t)(d->rm * 8);
	else
		d->o->dst = (uint8_t)(d->rm * 8);
	d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

/* c5: pextrw's first form has its operands the other way round. */
static bool
extract_word(struct dec *d)
{
	if (d->prefix != DEC_66 || !vec_operands(d, x86_vec_extract, true) ||
	    d->o->is_mem)
		return false;
	d->o->width = 2;
	d->o->dst = (uint8_t)(d->reg * 8);
	d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

static bool
shift_imm(struct dec *d)
{
	if (d->prefix != DEC_66 || !vec_operands(d, x86_vec_shift_i, false) ||
	    d->o->is_mem)
		return false;

	const struct vec_row *row = vec_find_shift(d->reg & 7, d->opcode);
	if (row == NULL)
		return false;
	d->o->vec = row->fn;
	d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

static bool
by_table(struct dec *d)
{
	const struct vec_row *row = vec_find(d->map, d->prefix, d->opcode);
	if (row == NULL || !vec_operands(d, x86_vec_rr, true))
		return false;

	d->o->vec = row->fn;
	if (d->o->is_mem) {
		d->o->run = x86_vec_rm;
		d->o->width = row->src_bytes;
		d->o->extra = row->src_bytes == 16;
	}
	if (row->has_imm)
		d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

static bool
vec_38_3a(struct dec *d)
{
	unsigned wide = (d->rex & REX_W) != 0 ? 8 : 4;

	if (d->map == 2 && d->opcode == 0x17) {
		d->o->extra = 1;
		return d->prefix == DEC_66 && vec_operands(d, x86_vec_test, true);
	}
	if (d->map == 3) {
		switch (d->opcode) {
		case 0x14:
			return lane(d, 1, false);
		case 0x15:
			return lane(d, 2, false);
		case 0x16:
			return lane(d, wide, false);
		case 0x20:
			return lane(d, 1, true);
		case 0x22:
			return lane(d, wide, true);
		}
	}
	return by_table(d);
}

bool
dec_vec(struct dec *d)
{
	if (d->map != 1)
		return vec_38_3a(d);

	switch (d->opcode) {
	case 0x10:
	case 0x11:
	case 0x28:
	case 0x29:
	case 0x2b:
	case 0x6f:
	case 0x7f:
	case 0xe7:
	case 0xf0:
		return whole(d);
	case 0x12:
	case 0x16:
		return d->prefix > DEC_66 ? by_table(d) : half(d);
	case 0x13:
	case 0x17:
		return half(d);
	case 0x6e:
	case 0x7e:
	case 0xd6:
		return low(d);
	case 0x2a:
	case 0x2c:
	case 0x2d:
	case 0x2e:
	case 0x2f:
		return scalar(d);
	case 0x50:
	case 0xd7:
		return mask(d);
	case 0xc4:
		return lane(d, 2, true);
	case 0xc5:
		return extract_word(d);
	case 0x71:
	case 0x72:
	case 0x73:
		return shift_imm(d);
	default:
		return by_table(d);
	}
}
