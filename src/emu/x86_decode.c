/*
 * Decoding x86: prefixes, ModRM, operands, and which map an opcode is in; and the name
 * of one that is not known.
 *
 * The source of truth is the processor's manual, volume 2. i386 is the same decoder with
 * other defaults: no REX, no address relative to the instruction, a stack of 4 bytes.
 * What is not in the tables is not known; nothing is guessed from its neighbours.
 */
#include "emu/x86_decode.h"

#include <stdio.h>

/* ---- bytes, ModRM ---- */

static uint8_t
next(struct dec *d)
{
	if (d->at == d->end) {
		d->is_short = true;
		return 0;
	}
	return *d->at++;
}

int64_t
dec_imm(struct dec *d, unsigned n)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)next(d) << 8 * i;
	return x86_signed(v, n);
}

uint8_t
dec_rex_bit(const struct dec *d, unsigned bit)
{
	return (d->rex & bit) != 0 ? 8 : 0;
}

static void
sib(struct dec *d)
{
	struct op *o = d->o;
	uint8_t b = next(d);
	uint8_t index = (b >> 3 & 7) | dec_rex_bit(d, REX_X);

	if (index != X86_SP) {
		o->index = index;
		o->scale = b >> 6;
	}
	if ((b & 7) == X86_BP && d->mod == 0)
		o->disp = dec_imm(d, 4);
	else
		o->base = (b & 7) | dec_rex_bit(d, REX_B);
}

bool
dec_modrm(struct dec *d)
{
	struct op *o = d->o;

	d->modrm = next(d);
	d->has_modrm = true;
	d->mod = d->modrm >> 6;
	d->reg = (d->modrm >> 3 & 7) | dec_rex_bit(d, REX_R);
	d->rm = (d->modrm & 7) | dec_rex_bit(d, REX_B);
	if (d->mod == 3)
		return true;

	if (d->addrsize && !d->is64)
		return false;
	o->is_mem = true;
	if ((d->modrm & 7) == X86_SP) {
		sib(d);
	} else if ((d->modrm & 7) == X86_BP && d->mod == 0) {
		o->disp = dec_imm(d, 4);
		d->is_rip = d->is64;
	} else {
		o->base = d->rm;
	}
	if (d->mod == 1)
		o->disp += dec_imm(d, 1) * (d->disp8_scale == 0 ? 1 : d->disp8_scale);
	else if (d->mod == 2)
		o->disp += dec_imm(d, 4);
	return true;
}

/* ---- operands ---- */

unsigned
dec_width(const struct dec *d)
{
	if ((d->rex & REX_W) != 0)
		return 8;
	return d->opsize ? 2 : 4;
}

unsigned
dec_stack_width(const struct dec *d)
{
	if (d->opsize && (d->rex & REX_W) == 0)
		return 2;
	return d->is64 ? 8 : 4;
}

uint8_t
dec_reg(const struct dec *d, unsigned no, unsigned w)
{
	if (w == 1 && d->rex == 0 && no >= 4 && no < 8)
		return (uint8_t)((no - 4) * 8 + 1);
	return (uint8_t)(no * 8);
}

unsigned
dec_log2(unsigned w)
{
	return w == 8 ? 3 : w >> 1;
}

void
dec_imm_of_width(struct dec *d, unsigned w)
{
	d->o->imm = (uint64_t)dec_imm(d, w == 8 ? 4 : w) & x86_mask(w);
}

bool
dec_e_g(struct dec *d, op_fn run, unsigned w)
{
	if (!dec_modrm(d))
		return false;
	d->o->run = run;
	d->o->width = (uint8_t)w;
	d->o->dst = dec_reg(d, d->rm, w);
	d->o->src = dec_reg(d, d->reg, w);
	return true;
}

bool
dec_g_e(struct dec *d, op_fn run, unsigned w)
{
	if (!dec_modrm(d))
		return false;
	d->o->run = run;
	d->o->width = (uint8_t)w;
	d->o->dst = dec_reg(d, d->reg, w);
	d->o->src = dec_reg(d, d->rm, w);
	return true;
}

bool
dec_alu_e_g(struct dec *d, unsigned k, unsigned w)
{
	if (!dec_e_g(d, NULL, w))
		return false;
	d->o->run = x86_alu_ops[k][dec_log2(w)][d->o->is_mem ? FORM_MR : FORM_RR];
	d->is_lockable = k < ALU_CMP;
	return true;
}

bool
dec_alu_g_e(struct dec *d, unsigned k, unsigned w)
{
	if (!dec_g_e(d, NULL, w))
		return false;
	d->o->run = x86_alu_ops[k][dec_log2(w)][d->o->is_mem ? FORM_RM : FORM_RR];
	return true;
}

bool
dec_e(struct dec *d, op_fn run, unsigned w)
{
	d->o->run = run;
	d->o->width = (uint8_t)w;
	d->o->dst = d->o->src = dec_reg(d, d->rm, w);
	return true;
}

bool
dec_plain(struct dec *d, op_fn run)
{
	d->o->run = run;
	d->o->width = (uint8_t)dec_width(d);
	return true;
}

bool
dec_jump(struct dec *d, op_fn run, unsigned n)
{
	/*
	 * The operand size prefix is ignored in 64-bit mode and cuts the address in
	 * i386's.
	 */
	if (d->opsize && !d->is64)
		return false;
	d->o->run = run;
	d->o->width = d->is64 ? 8 : 4;
	d->o->imm = (uint64_t)dec_imm(d, n);
	d->o->flags = OP_ENDS;
	d->is_relative = true;
	return true;
}

/* ---- prefixes and the whole ---- */

/* True if b is a prefix, which is noted. REX counts only right before the opcode. */
static bool
take_prefix(struct dec *d, uint8_t b)
{
	if (d->is64 && (b & 0xf0) == 0x40) {
		d->rex = b;
		return true;
	}

	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* Segments that begin at zero; also the hints and notrack. */
		if (!d->is64)
			d->o->seg = X86_SEG_NONE;
		break;
	case 0x64:
		d->o->seg = X86_SEG_FS;
		break;
	case 0x65:
		d->o->seg = X86_SEG_GS;
		break;
	case 0x66:
		d->opsize = true;
		break;
	case 0x67:
		d->addrsize = true;
		break;
	case 0xf0:
		d->lock = true;
		break;
	case 0xf2:
	case 0xf3:
		d->rep = b;
		break;
	default:
		return false;
	}
	d->rex = 0;
	return true;
}

/* The bytes after c4 or c5: prefix, map and register bits in one. */
static void
take_vex(struct dec *d, uint8_t first)
{
	uint8_t a = next(d), b = a;

	d->vex = first;
	d->map = 1;
	d->rex = 0x40 | ((a & 0x80) != 0 ? 0 : REX_R);
	if (first == 0xc4) {
		b = next(d);
		d->map = a & 0x1f;
		d->rex |= (uint8_t)(((a & 0x40) != 0 ? 0 : REX_X) |
		                    ((a & 0x20) != 0 ? 0 : REX_B) |
		                    ((b & 0x80) != 0 ? REX_W : 0));
	}
	d->vvvv = ~b >> 3 & 15;
	d->vex_l = b >> 2 & 1;
	if (!d->is64) {
		d->rex &= 0x40 | REX_W;
		d->vvvv &= 7;
	}
	d->prefix = (uint8_t)((const uint8_t[]){DEC_NP, DEC_66, DEC_F3, DEC_F2}[b & 3]);
}

/* The three bytes after 62. */
static void
take_evex(struct dec *d)
{
	uint8_t a = next(d), b = next(d), c = next(d);

	d->vex = 0x62;
	d->map = a & 7;
	d->rex = (uint8_t)(0x40 | (~a >> 5 & 7) | ((b & 0x80) != 0 ? REX_W : 0));
	d->high_reg = (a & 0x10) != 0 ? 0 : 16;
	d->high_rm = (a & 0x40) != 0 ? 0 : 16;
	d->vvvv = (uint8_t)((~b >> 3 & 15) | ((c & 8) != 0 ? 0 : 16));
	d->prefix = (uint8_t)((const uint8_t[]){DEC_NP, DEC_66, DEC_F3, DEC_F2}[b & 3]);
	d->is_zeroing = (c & 0x80) != 0;
	d->vex_l = c >> 5 & 3;
	d->is_broadcast = (c & 0x10) != 0;
	d->mask = c & 7;
	d->is_reserved = (a & 8) != 0 || (b & 4) == 0;
}

/* Read up to the opcode, map and opcode included. */
static void
take_opcode(struct dec *d)
{
	uint8_t b = next(d);
	while (!d->is_short && take_prefix(d, b))
		b = next(d);

	/*
	 * In i386's mode these bytes are les, lds and bound, if what follows says memory.
	 */
	bool is_vex_byte = b == 0xc4 || b == 0xc5 || b == 0x62;
	if (is_vex_byte && (d->is64 || (d->at < d->end && *d->at >= 0xc0))) {
		if (b == 0x62)
			take_evex(d);
		else
			take_vex(d, b);
		d->opcode = next(d);
		return;
	}

	if (d->rep != 0)
		d->prefix = d->rep == 0xf3 ? DEC_F3 : DEC_F2;
	else
		d->prefix = d->opsize ? DEC_66 : DEC_NP;
	if (b == 0x0f) {
		b = next(d);
		d->map = 1;
		if (b == 0x38 || b == 0x3a) {
			d->map = b == 0x38 ? 2 : 3;
			b = next(d);
		}
	}
	d->opcode = b;
}

static bool
decode(struct dec *d)
{
	take_opcode(d);
	if (d->is_short)
		return true;
	d->o->ea_mask = d->is64 && !d->addrsize ? UINT64_MAX : UINT32_MAX;

	if (d->vex != 0) {
		/* No prefix may stand before these. */
		if (d->opsize || d->rep != 0 || d->lock)
			return false;
		if (d->vex == 0x62)
			return !d->is_reserved && dec_evex(d);
		return dec_bmi(d);
	}
	if (d->map != 0)
		return dec_0f(d);

	return dec_one_byte(d);
}

void
x86_decode(bool is64, const uint8_t *bytes, size_t n, taddr pc, struct op *o)
{
	struct dec d = {.at = bytes, .end = bytes + n, .o = o, .is64 = is64};

	o->base = o->index = X86_NOREG;
	bool is_known = decode(&d);
	if (d.lock && !(d.is_lockable && o->is_mem))
		is_known = false;

	o->len = (uint8_t)(d.at - bytes);
	if (d.is_short || !is_known || o->run == NULL) {
		o->run = d.is_short ? x86_fetch_fault : x86_unknown;
		o->flags = OP_ENDS;
		return;
	}
	if (d.is_rip)
		o->disp = (int64_t)((uint64_t)o->disp + pc + o->len);
	if (d.is_relative)
		o->imm = (o->imm + pc + o->len) & (is64 ? UINT64_MAX : UINT32_MAX);
}

/* ---- naming an opcode ---- */

/* Opcodes that the digit in ModRM is a part of. */
static bool
has_digit(const struct dec *d)
{
	unsigned op = d->opcode;

	if (d->map == 0)
		return (op >= 0x80 && op <= 0x83) || op == 0x8f || op == 0xc0 ||
		       op == 0xc1 || op == 0xc6 || op == 0xc7 ||
		       (op >= 0xd0 && op <= 0xd3) || (op >= 0xd8 && op <= 0xdf) ||
		       op == 0xf6 || op == 0xf7 || op >= 0xfe;
	if (d->map == 1)
		return op <= 0x01 || op == 0x18 || (op >= 0x71 && op <= 0x73) ||
		       op == 0xae || op == 0xba || op == 0xc7;
	return d->map == 2 && d->vex != 0 && op == 0xf3;
}

void
x86_describe(bool is64, const uint8_t *bytes, size_t n, char *text, size_t cap)
{
	static const char *const prefixes[] = {"", "66 ", "f3 ", "f2 "};
	static const char *const maps[] = {"", "0f ", "0f 38 ", "0f 3a "};
	static const char *const lengths[] = {"128 ", "256 ", "512 ", "? "};
	struct op unused = {0};
	struct dec d = {.at = bytes, .end = bytes + n, .o = &unused, .is64 = is64};

	take_opcode(&d);
	const char *prefix = d.map != 0 || d.vex != 0 ? prefixes[d.prefix] : "";
	const char *map = d.map < 4 ? maps[d.map] : "map? ";
	const char *family = d.vex == 0 ? "" : d.vex == 0x62 ? "evex " : "vex ";
	const char *length = d.vex == 0 ? "" : lengths[d.vex_l];
	char digit[8] = "";

	/* An x87 opcode with registers has the whole byte as its second. */
	bool is_x87 = d.map == 0 && d.vex == 0 && d.opcode >= 0xd8 && d.opcode <= 0xdf;
	bool is_system = d.map == 1 && d.opcode == 0x01;
	if (has_digit(&d) && d.at < d.end) {
		if (*d.at >= 0xc0 && (is_x87 || is_system))
			snprintf(digit, sizeof(digit), " %02x", *d.at);
		else
			snprintf(digit, sizeof(digit), " /%u", *d.at >> 3 & 7u);
	}
	snprintf(text, cap, "%s%s%s%s%s%02x%s", d.lock ? "lock " : "", family, length,
	         prefix, map, d.opcode, digit);
}
