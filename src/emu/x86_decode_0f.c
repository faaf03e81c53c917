/*
 * Decoding the opcodes behind 0f, 0f 38 and 0f 3a that work on general registers, and
 * the few of those kind that VEX encodes.
 */
#include "emu/x86_decode.h"

static unsigned
byte_or_full(const struct dec *d)
{
	return (d->opcode & 1) != 0 ? dec_width(d) : 1;
}

static bool
d_nop(struct dec *d, unsigned arg)
{
	(void)arg;
	dec_plain(d, x86_nop);
	return dec_modrm(d);
}

static bool
d_trap(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->flags = OP_ENDS;
	return dec_plain(d, x86_trap);
}

static bool
d_syscall(struct dec *d, unsigned arg)
{
	(void)arg;
	return d->is64 && dec_plain(d, x86_syscall);
}

static bool
d_sysenter(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_plain(d, x86_syscall_stop);
}

/* 0f 01: of all that, xgetbv and xtest. */
static bool
d_system(struct dec *d, unsigned arg)
{
	enum { XGETBV = 0xd0, XTEST = 0xd6 };
	(void)arg;
	if (!dec_modrm(d) || d->prefix != DEC_NP ||
	    (d->modrm != XGETBV && d->modrm != XTEST))
		return false;
	return dec_plain(d, d->modrm == XGETBV ? x86_xgetbv : x86_xtest);
}

static bool
d_cpuid(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_plain(d, x86_cpuid);
}

static bool
d_cmov(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->sub = d->opcode & 15;
	return dec_g_e(d, x86_cmov, dec_width(d));
}

static bool
d_setcc(struct dec *d, unsigned arg)
{
	(void)arg;
	d->o->sub = d->opcode & 15;
	return dec_e_g(d, x86_setcc, 1);
}

static bool
d_jcc(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_jump(d, x86_jcc_ops[d->opcode & 15], 4);
}

/* Bits by a register: a3, ab, b3, bb. */
static bool
d_bit_reg(struct dec *d, unsigned sub)
{
	d->o->sub = (uint8_t)sub;
	d->o->extra = 1;
	d->is_lockable = sub != BT_TEST;
	return dec_e_g(d, x86_bit_test, dec_width(d));
}

/* ba: by an immediate. */
static bool
d_bit_imm(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_e_g(d, x86_bit_test, dec_width(d)) || (d->reg & 4) == 0)
		return false;
	d->o->sub = d->reg & 3;
	d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	d->is_lockable = d->o->sub != BT_TEST;
	return true;
}

/* a4, a5, ac, ad. */
static bool
d_double_shift(struct dec *d, unsigned is_right)
{
	if (!dec_e_g(d, x86_double_shift, dec_width(d)))
		return false;
	d->o->sub = (uint8_t)is_right;
	d->o->extra = d->opcode & 1;
	if (!d->o->extra)
		d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
	return true;
}

static bool
d_imul(struct dec *d, unsigned arg)
{
	(void)arg;
	return dec_g_e(d, x86_imul_2, dec_width(d));
}

static bool
d_cmpxchg(struct dec *d, unsigned arg)
{
	(void)arg;
	d->is_lockable = true;
	return dec_e_g(d, x86_cmpxchg, byte_or_full(d));
}

static bool
d_xadd(struct dec *d, unsigned arg)
{
	(void)arg;
	d->is_lockable = true;
	return dec_e_g(d, x86_xadd, byte_or_full(d));
}

/* ae and c7 in memory: fxsave, fxrstor, xsave, xrstor; xsavec. */
static bool
state(struct dec *d, op_fn run, unsigned sub)
{
	d->o->sub = (uint8_t)sub;
	d->o->run = run;
	return true;
}

/* c7 /1: cmpxchg8b and cmpxchg16b; /4: xsavec. */
static bool
d_cmpxchg_pair(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_e_g(d, x86_cmpxchg_pair, (d->rex & REX_W) != 0 ? 8 : 4))
		return false;
	if ((d->reg & 7) == 4 && d->o->is_mem && d->prefix == DEC_NP)
		return state(d, x86_state_save, 2);
	d->is_lockable = true;
	return (d->reg & 7) == 1 && d->o->is_mem && d->rep == 0;
}

/* b6, b7, be, bf. */
static bool
d_extend(struct dec *d, unsigned is_signed)
{
	unsigned from = (d->opcode & 1) != 0 ? 2 : 1, w = dec_width(d);

	if (!dec_g_e(d, NULL, w))
		return false;
	d->o->src = dec_reg(d, d->rm, from);
	d->o->extra = (uint8_t)from;
	if (is_signed)
		d->o->run = x86_movsx_ops[from - 1][w == 8 ? 2 : w / 4][d->o->is_mem];
	else
		d->o->run = w == 2 ? x86_movzx16 : x86_movzx_ops[from - 1][d->o->is_mem];
	return true;
}

/* b8, bc, bd: with f3 they are other instructions. */
static bool
d_bit_scan(struct dec *d, unsigned arg)
{
	bool is_f3 = d->rep == 0xf3;
	unsigned w = dec_width(d);
	(void)arg;

	if (d->opcode == 0xb8)
		return is_f3 && dec_g_e(d, x86_popcnt, w);
	if (d->opcode == 0xbc)
		return dec_g_e(d, is_f3 ? x86_tzcnt : x86_bsf, w);
	return dec_g_e(d, is_f3 ? x86_lzcnt : x86_bsr, w);
}

static bool
d_movnti(struct dec *d, unsigned arg)
{
	(void)arg;
	return d->prefix == DEC_NP && dec_alu_e_g(d, ALU_MOV, dec_width(d)) &&
	       d->o->is_mem;
}

static bool
d_bswap(struct dec *d, unsigned arg)
{
	unsigned no = (d->opcode & 7) | ((d->rex & REX_B) != 0 ? 8 : 0);
	(void)arg;
	dec_plain(d, x86_bswap);
	d->o->dst = (uint8_t)(no * 8);
	return d->o->width != 2;
}

/* ae with memory: also cache flushes. What would change the rounding is not known. */
static bool
ae_memory(struct dec *d)
{
	switch (d->reg & 7) {
	case 0:
		return d->prefix == DEC_NP && state(d, x86_state_save, 0);
	case 1:
		return d->prefix == DEC_NP && state(d, x86_state_restore, 0);
	case 4:
		return d->prefix == DEC_NP && state(d, x86_state_save, 1);
	case 5:
		return d->prefix == DEC_NP && state(d, x86_state_restore, 1);
	case 6:
		return d->prefix == DEC_66 && dec_plain(d, x86_nop);
	case 7:
		return d->rep == 0 && dec_plain(d, x86_nop);
	default:
		return false;
	}
}

/* ae: fences and the segment bases. */
static bool
d_ae(struct dec *d, unsigned arg)
{
	(void)arg;
	if (!dec_modrm(d))
		return false;

	unsigned digit = d->reg & 7;
	if (d->o->is_mem)
		return ae_memory(d);
	if (d->prefix == DEC_NP && digit >= 5)
		return dec_plain(d, x86_nop);
	if (d->prefix != DEC_F3 || digit > 1 || !d->is64)
		return false;
	d->o->dst = (uint8_t)(d->rm * 8);
	d->o->sub = digit == 0 ? X86_SEG_FS : X86_SEG_GS;
	return dec_plain(d, x86_rdbase);
}

/* clang-format off */
static const struct dec_row two_bytes[256] = {
	[0x01] = {d_system, 0},
	[0x05] = {d_syscall, 0},
	[0x0b] = {d_trap, 0},
	[0x0d] = {d_nop, 0},
	[0x18 ... 0x1f] = {d_nop, 0},
	[0x34] = {d_sysenter, 0},
	[0x40 ... 0x4f] = {d_cmov, 0},
	[0x80 ... 0x8f] = {d_jcc, 0},
	[0x90 ... 0x9f] = {d_setcc, 0},
	[0xa2] = {d_cpuid, 0},
	[0xa3] = {d_bit_reg, BT_TEST},
	[0xa4 ... 0xa5] = {d_double_shift, 0},
	[0xab] = {d_bit_reg, BT_SET},
	[0xac ... 0xad] = {d_double_shift, 1},
	[0xae] = {d_ae, 0},
	[0xaf] = {d_imul, 0},
	[0xb0 ... 0xb1] = {d_cmpxchg, 0},
	[0xb3] = {d_bit_reg, BT_RESET},
	[0xb6 ... 0xb7] = {d_extend, 0},
	[0xb8] = {d_bit_scan, 0},
	[0xb9] = {d_trap, 0},
	[0xba] = {d_bit_imm, 0},
	[0xbb] = {d_bit_reg, BT_COMPLEMENT},
	[0xbc ... 0xbd] = {d_bit_scan, 0},
	[0xbe ... 0xbf] = {d_extend, 1},
	[0xc0 ... 0xc1] = {d_xadd, 0},
	[0xc3] = {d_movnti, 0},
	[0xc7] = {d_cmpxchg_pair, 0},
	[0xc8 ... 0xcf] = {d_bswap, 0},
	[0xff] = {d_trap, 0},
};
/* clang-format on */

/* 0f 38 f0, f1: movbe, or crc32 with f2. */
static bool
movbe_or_crc32(struct dec *d)
{
	unsigned w = dec_width(d);

	if (d->rep == 0xf2) {
		unsigned from = byte_or_full(d);
		if (!dec_g_e(d, x86_crc32, (d->rex & REX_W) != 0 ? 8 : 4))
			return false;
		d->o->src = dec_reg(d, d->rm, from);
		d->o->extra = (uint8_t)from;
		return true;
	}
	if (d->rep != 0)
		return false;
	d->o->sub = d->opcode & 1;
	bool is_known = d->o->sub ? dec_e_g(d, x86_movbe, w) : dec_g_e(d, x86_movbe, w);
	return is_known && d->o->is_mem;
}

bool
dec_0f(struct dec *d)
{
	if (d->map == 1 && two_bytes[d->opcode].fn != NULL)
		return two_bytes[d->opcode].fn(d, two_bytes[d->opcode].arg);
	if (d->map == 2 && (d->opcode == 0xf0 || d->opcode == 0xf1))
		return movbe_or_crc32(d);
	if (d->map == 2 && d->opcode == 0xf6 &&
	    (d->prefix == DEC_66 || d->prefix == DEC_F3)) {
		d->o->sub = d->prefix == DEC_F3;
		return dec_g_e(d, x86_adx, (d->rex & REX_W) != 0 ? 8 : 4);
	}
	return dec_vec(d);
}

/* ---- VEX ---- */

struct bmi_row {
	uint8_t map, prefix, opcode, sub;
	op_fn run;
};

/* clang-format off */
static const struct bmi_row bmi[] = {
	{2, DEC_NP, 0xf2, 0, x86_andn},
	{2, DEC_NP, 0xf3, 0, x86_bls},
	{2, DEC_NP, 0xf5, 0, x86_bzhi},
	{2, DEC_F3, 0xf5, 0, x86_pext},
	{2, DEC_F2, 0xf5, 0, x86_pdep},
	{2, DEC_F2, 0xf6, 0, x86_mulx},
	{2, DEC_NP, 0xf7, 0, x86_bextr},
	{2, DEC_66, 0xf7, SHIFT_SHL, x86_shift_x},
	{2, DEC_F3, 0xf7, SHIFT_SAR, x86_shift_x},
	{2, DEC_F2, 0xf7, SHIFT_SHR, x86_shift_x},
	{3, DEC_F2, 0xf0, 0, x86_rorx},
};
/* clang-format on */

bool
dec_bmi(struct dec *d)
{
	const struct bmi_row *row = NULL;
	unsigned w = (d->rex & REX_W) != 0 && d->is64 ? 8 : 4;

	for (size_t i = 0; i < ARRAY_LEN(bmi); i++)
		if (bmi[i].map == d->map && bmi[i].prefix == d->prefix &&
		    bmi[i].opcode == d->opcode)
			row = &bmi[i];
	if (row == NULL)
		return dec_vex(d);
	if (d->vex_l != 0 || !dec_g_e(d, row->run, w))
		return false;

	d->o->sub = row->sub;
	d->o->extra = (uint8_t)(d->vvvv * 8);
	if (row->run == x86_bls) {
		d->o->dst = d->o->extra;
		d->o->sub = d->reg & 7;
		return d->o->sub >= BLS_R && d->o->sub <= BLS_I;
	}
	if (row->run == x86_rorx) {
		d->o->imm = (uint64_t)dec_imm(d, 1) & 0xff;
		return d->vvvv == 0;
	}
	return true;
}
