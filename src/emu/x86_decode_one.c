/*
 * Decoding the one-byte opcodes: what most code consists of. The source of truth is the
 * processor's manual, volume 2, appendix A; a row that is missing is not known.
 */
#include "emu/x86_decode.h"

static bool
d_alu(struct dec *d, unsigned k)
{
	unsigned form = d->opcode & 7;
	unsigned w = (form & 1) != 0 ? dec_width(d) : 1;

	if (form < 2)
		return dec_alu_e_g(d, k, w);
	if (form < 4)
		return dec_alu_g_e(d, k, w);
	dec_imm_of_width(d, w);
	d->o->run = x86_alu_ops[k][dec_log2(w)][FORM_RI];
	return true;
}

/* 80-83: arithmetic with an immediate. */
static bool
d_alu_imm(struct dec *d, unsigned arg)
{
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;

	if (d->opcode == 0x82 && d->is64)
		return false;
	if (!dec_modrm(d))
		return false;
	unsigned k = d->reg & 7;
	dec_e(d, x86_alu_ops[k][dec_log2(w)][d->o->is_mem ? FORM_MI : FORM_RI], w);
	if (d->opcode == 0x81)
		dec_imm_of_width(d, w);
	else
		d->o->imm = (uint64_t)dec_imm(d, 1) & x86_mask(w);
	d->is_lockable = k < ALU_CMP;
	return true;
}

/* 84, 85, 88-8b: test and mov. */
static bool
d_e_g(struct dec *d, unsigned k)
{
	return dec_alu_e_g(d, k, (d->opcode & 1) != 0 ? dec_width(d) : 1);
}

static bool
d_g_e(struct dec *d, unsigned k)
{
	return dec_alu_g_e(d, k, (d->opcode & 1) != 0 ? dec_width(d) : 1);
}

static bool
d_xchg(struct dec *d, unsigned arg)
{
	(void)arg;
	d->is_lockable = true;
	return dec_e_g(d, x86_xchg, (d->opcode & 1) != 0 ? dec_width(d) : 1);
}

/* 90-97, of which 90 is nop and pause. */
static bool
d_xchg_ax(struct dec *d, unsigned arg)
{
	unsigned no = (d->opcode & 7) | dec_rex_bit(d, REX_B);
	(void)arg;

	if (no == 0)
		return dec_plain(d, x86_nop);
	dec_plain(d, x86_xchg);
	d->o->dst = (uint8_t)(no * 8);
	return true;
}

static bool
d_lea(struct dec *d, unsigned arg)
{
	unsigned w = dec_width(d);
	(void)arg;
	return dec_g_e(d, w == 2 ? x86_lea16 : x86_lea, w) && d->o->is_mem;
}

/* 40-4f: inc and dec of i386; REX in 64-bit mode, which never gets here. */
static bool
d_inc_dec_reg(struct dec *d, unsigned arg)
{
	(void)arg;
	dec_plain(d, d->opcode < 0x48 ? x86_inc : x86_dec);
	d->o->dst = (uint8_t)((d->opcode & 7) * 8);
	return true;
}

static bool
d_push_pop_reg(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->run = d->opcode < 0x58 ? x86_push_r : x86_pop_r;
	d->o->width = (uint8_t)dec_stack_width(d);
	d->o->dst = (uint8_t)(((d->opcode & 7) | dec_rex_bit(d, REX_B)) * 8);
	return true;
}

static bool
d_push_imm(struct dec *d, unsigned arg)
{
	unsigned w = dec_stack_width(d);
	(void)arg;
	d->o->run = x86_push_i;
	d->o->width = (uint8_t)w;
	d->o->imm = (uint64_t)dec_imm(d, d->opcode == 0x6a ? 1 : w == 2 ? 2 : 4);
	return true;
}

static bool
d_pop_e(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_modrm(d) || (d->reg & 7) != 0)
		return false;
	return dec_e(d, d->o->is_mem ? x86_pop_m : x86_pop_r, dec_stack_width(d));
}

static bool
d_imul_imm(struct dec *d, unsigned arg)
{
	unsigned w = dec_width(d);
	(void)arg;
	if (!dec_g_e(d, x86_imul_2, w))
		return false;
	d->o->extra = 1;
	if (d->opcode == 0x69)
		dec_imm_of_width(d, w);
	else
		d->o->imm = (uint64_t)dec_imm(d, 1);
	return true;
}

static bool
d_movsxd(struct dec *d, unsigned arg)
{
	unsigned w = dec_width(d);
	(void)arg;
	if (!d->is64 || w == 2 || !dec_g_e(d, NULL, w))
		return false;
	d->o->run = x86_movsx_ops[2][w == 8 ? 2 : 1][d->o->is_mem];
	d->o->src = dec_reg(d, d->rm, 4);
	return true;
}

static bool
d_jcc(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_jump(d, x86_jcc_ops[d->opcode & 15], 1);
}

/* e8, e9, eb. */
static bool
d_branch(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_jump(d, d->opcode == 0xe8 ? x86_call : x86_jmp,
	                d->opcode == 0xeb ? 1 : 4);
}

static bool
d_loop(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_jump(d, x86_loop, 1) || (d->addrsize && !d->is64))
		return false;
	d->o->sub = d->opcode & 3;
	if (d->addrsize)
		d->o->width = 4;
	return true;
}

static bool
d_ret(struct dec *d, unsigned arg)
{
	(void)arg;
	if (d->opsize && (d->rex & REX_W) == 0)
		return false;
	d->o->run = x86_ret;
	d->o->width = d->is64 ? 8 : 4;
	d->o->imm = d->opcode == 0xc2 ? (uint64_t)dec_imm(d, 2) & 0xffff : 0;
	d->o->flags = OP_ENDS;
	return true;
}

static bool
d_leave(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->run = x86_leave;
	d->o->width = (uint8_t)dec_stack_width(d);
	return d->o->width != 2;
}

static bool
d_widen(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_plain(d, d->opcode == 0x98 ? x86_widen : x86_widen_dx);
}

static bool
d_flag(struct dec *d, unsigned sub)
{
	d->o->sub = (uint8_t)sub;
	return dec_plain(d, x86_flag);
}

/* 9c-9f. */
static bool
d_flags(struct dec *d, unsigned arg)
{
	static const op_fn run[] = {x86_pushf, x86_popf, x86_sahf, x86_lahf};
	(void)arg;
	d->o->run = run[d->opcode & 3];
	d->o->width = (uint8_t)dec_stack_width(d);
	return true;
}

/* a0-a3: an address instead of ModRM. */
static bool
d_mov_at(struct dec *d, unsigned arg)
{
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;
	if (d->addrsize && !d->is64)
		return false;
	d->o->disp = dec_imm(d, d->is64 && !d->addrsize ? 8 : 4);
	d->o->is_mem = true;
	d->o->run =
	        x86_alu_ops[ALU_MOV][dec_log2(w)][d->opcode < 0xa2 ? FORM_RM : FORM_MR];
	return true;
}

static bool
d_string(struct dec *d, unsigned arg)
{
	static const op_fn run[] = {
	        [2] = x86_movs, [3] = x86_cmps, [5] = x86_stos,
	        [6] = x86_lods, [7] = x86_scas,
	};
	(void)arg;
	if (d->addrsize && !d->is64)
		return false;
	d->o->run = run[d->opcode >> 1 & 7];
	d->o->width = (uint8_t)((d->opcode & 1) != 0 ? dec_width(d) : 1);
	if (d->rep != 0) {
		d->o->extra = d->rep == 0xf3 ? REP_E : REP_NE;
		d->o->flags = OP_ALONE | OP_ENDS;
	}
	return true;
}

static bool
d_test_imm(struct dec *d, unsigned arg)
{
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;
	dec_imm_of_width(d, w);
	d->o->run = x86_alu_ops[ALU_TEST][dec_log2(w)][FORM_RI];
	return true;
}

/* b0-bf: the one instruction with an immediate of 8 bytes. */
static bool
d_mov_reg_imm(struct dec *d, unsigned arg)
{
	unsigned w = d->opcode >= 0xb8 ? dec_width(d) : 1;
	(void)arg;
	d->o->imm = (uint64_t)dec_imm(d, w) & x86_mask(w);
	d->o->dst = dec_reg(d, (d->opcode & 7) | dec_rex_bit(d, REX_B), w);
	d->o->run = x86_alu_ops[ALU_MOV][dec_log2(w)][FORM_RI];
	return true;
}

static bool
d_mov_imm(struct dec *d, unsigned arg)
{
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;
	if (!dec_modrm(d) || (d->reg & 7) != 0)
		return false;
	dec_e(d, x86_alu_ops[ALU_MOV][dec_log2(w)][d->o->is_mem ? FORM_MI : FORM_RI], w);
	dec_imm_of_width(d, w);
	return true;
}

/* c0, c1 by an immediate; d0, d1 by one; d2, d3 by cl. */
static bool
d_shift(struct dec *d, unsigned arg)
{
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;
	if (!dec_modrm(d))
		return false;
	dec_e(d, d->opcode >= 0xd2 ? x86_shift_cl : x86_shift, w);
	d->o->sub = d->reg & 7;
	d->o->imm = d->opcode < 0xd0 ? (uint64_t)dec_imm(d, 1) & 0xff : 1;
	return true;
}

/* f6, f7. */
static bool
d_group3(struct dec *d, unsigned arg)
{
	static const op_fn run[] = {
	        NULL, NULL, x86_not, x86_neg, x86_mul, x86_imul, x86_div, x86_idiv,
	};
	unsigned w = (d->opcode & 1) != 0 ? dec_width(d) : 1;
	(void)arg;

	if (!dec_modrm(d))
		return false;
	unsigned digit = d->reg & 7;
	dec_e(d, run[digit], w);
	d->is_lockable = digit == 2 || digit == 3;
	if (digit < 2) {
		d->o->run = x86_alu_ops[ALU_TEST][dec_log2(w)]
		                       [d->o->is_mem ? FORM_MI : FORM_RI];
		dec_imm_of_width(d, w);
	}
	return true;
}

/* fe, ff. */
static bool
d_group5(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_modrm(d))
		return false;

	bool is_mem = d->o->is_mem;
	unsigned digit = d->reg & 7;
	if (digit < 2) {
		d->is_lockable = true;
		return dec_e(d, digit == 0 ? x86_inc : x86_dec,
		             d->opcode == 0xfe ? 1 : dec_width(d));
	}
	if (d->opcode == 0xfe)
		return false;
	if (digit == 6)
		return dec_e(d, is_mem ? x86_push_m : x86_push_r, dec_stack_width(d));
	if (digit != 2 && digit != 4)
		return false;

	/* A far jump is not known. A 2-byte target is none that a compiler makes. */
	if (d->opsize && !d->is64)
		return false;
	d->o->flags = OP_ENDS;
	if (digit == 2)
		return dec_e(d, is_mem ? x86_call_m : x86_call_r, d->is64 ? 8 : 4);
	return dec_e(d, is_mem ? x86_jmp_m : x86_jmp_r, d->is64 ? 8 : 4);
}

static bool
d_trap(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->flags = OP_ENDS;
	return dec_plain(d, x86_trap);
}

/* int n: 0x80 is the system call of i386. */
static bool
d_int(struct dec *d, unsigned arg)
{
	bool is_system = (uint8_t)dec_imm(d, 1) == 0x80;
	(void)arg;
	if (!is_system)
		return d_trap(d, 0);
	return dec_plain(d, d->is64 ? x86_syscall_stop : x86_syscall);
}

/* clang-format off */
static const struct dec_row one_byte[256] = {
	[0x00 ... 0x05] = {d_alu, ALU_ADD},
	[0x08 ... 0x0d] = {d_alu, ALU_OR},
	[0x10 ... 0x15] = {d_alu, ALU_ADC},
	[0x18 ... 0x1d] = {d_alu, ALU_SBB},
	[0x20 ... 0x25] = {d_alu, ALU_AND},
	[0x28 ... 0x2d] = {d_alu, ALU_SUB},
	[0x30 ... 0x35] = {d_alu, ALU_XOR},
	[0x38 ... 0x3d] = {d_alu, ALU_CMP},
	[0x40 ... 0x4f] = {d_inc_dec_reg, 0},
	[0x50 ... 0x5f] = {d_push_pop_reg, 0},
	[0x63] = {d_movsxd, 0},
	[0x68] = {d_push_imm, 0},
	[0x69] = {d_imul_imm, 0},
	[0x6a] = {d_push_imm, 0},
	[0x6b] = {d_imul_imm, 0},
	[0x70 ... 0x7f] = {d_jcc, 0},
	[0x80 ... 0x83] = {d_alu_imm, 0},
	[0x84 ... 0x85] = {d_e_g, ALU_TEST},
	[0x86 ... 0x87] = {d_xchg, 0},
	[0x88 ... 0x89] = {d_e_g, ALU_MOV},
	[0x8a ... 0x8b] = {d_g_e, ALU_MOV},
	[0x8d] = {d_lea, 0},
	[0x8f] = {d_pop_e, 0},
	[0x90 ... 0x97] = {d_xchg_ax, 0},
	[0x98 ... 0x99] = {d_widen, 0},
	[0x9c ... 0x9f] = {d_flags, 0},
	[0xa0 ... 0xa3] = {d_mov_at, 0},
	[0xa4 ... 0xa7] = {d_string, 0},
	[0xa8 ... 0xa9] = {d_test_imm, 0},
	[0xaa ... 0xaf] = {d_string, 0},
	[0xb0 ... 0xbf] = {d_mov_reg_imm, 0},
	[0xc0 ... 0xc1] = {d_shift, 0},
	[0xc2 ... 0xc3] = {d_ret, 0},
	[0xc6 ... 0xc7] = {d_mov_imm, 0},
	[0xc9] = {d_leave, 0},
	[0xcc] = {d_trap, 0},
	[0xcd] = {d_int, 0},
	[0xd0 ... 0xd3] = {d_shift, 0},
	[0xe0 ... 0xe3] = {d_loop, 0},
	[0xe8 ... 0xe9] = {d_branch, 0},
	[0xeb] = {d_branch, 0},
	[0xf1] = {d_trap, 0},
	[0xf4] = {d_trap, 0},
	[0xf5] = {d_flag, FLAG_CMC},
	[0xf6 ... 0xf7] = {d_group3, 0},
	[0xf8] = {d_flag, FLAG_CLC},
	[0xf9] = {d_flag, FLAG_STC},
	[0xfa ... 0xfb] = {d_trap, 0},
	[0xfc] = {d_flag, FLAG_CLD},
	[0xfd] = {d_flag, FLAG_STD},
	[0xfe ... 0xff] = {d_group5, 0},
};
/* clang-format on */

bool
dec_one_byte(struct dec *d)
{
	const struct dec_row *row = &one_byte[d->opcode];
	return row->fn != NULL && row->fn(d, row->arg);
}
