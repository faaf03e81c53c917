/*
 * What the decoder's files share: the state of decoding one instruction, and the
 * functions that set the operands of its operation.
 */
#ifndef MEMSCAN_EMU_X86_DECODE_H
#define MEMSCAN_EMU_X86_DECODE_H

#include "emu/x86.h"

/* The prefix that selects among vector operations, as the tables have it. */
enum dec_prefix { DEC_NP, DEC_66, DEC_F3, DEC_F2 };

struct dec {
	const uint8_t *at, *end;
	struct op *o;
	bool is64;
	bool is_short;    /* the bytes ended inside the instruction */
	bool is_lockable; /* the lock prefix is allowed, with memory */
	bool is_relative; /* imm is relative to the next instruction */
	bool is_rip;      /* so is disp */
	bool has_modrm;

	bool opsize, addrsize, lock;
	uint8_t rep; /* f2, f3 or 0 */
	uint8_t rex; /* with 0x40 set if there was one */
	uint8_t vex; /* 0, or the first byte: c4, c5; 62 for EVEX */
	uint8_t vvvv, vex_l;
	uint8_t high_reg, high_rm; /* EVEX: 16 or 0, for vector registers */
	uint8_t mask, disp8_scale;
	bool is_zeroing, is_broadcast, is_reserved;
	uint8_t prefix; /* enum dec_prefix */

	uint8_t map, opcode; /* map 0 is one byte; 1 is 0f; 2 is 0f38; 3 is 0f3a */
	uint8_t modrm, mod, reg, rm; /* reg and rm with REX's bits */
};

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

/* Each finishes one kind of instruction; false: not known. */
typedef bool (*dec_fn)(struct dec *d, unsigned arg);
struct dec_row {
	dec_fn fn;
	uint8_t arg;
};

/* The next n bytes as a signed number. */
int64_t dec_imm(struct dec *d, unsigned n);

/* Read ModRM with what follows it; false if the address form is not known. */
bool dec_modrm(struct dec *d);

/* The operand width of most instructions, and that of stack operations. */
unsigned dec_width(const struct dec *d);
unsigned dec_stack_width(const struct dec *d);

/* The byte offset of general register no at width w. */
uint8_t dec_reg(const struct dec *d, unsigned no, unsigned w);

/* 8 if REX has the bit, to be added to a register's number. */
uint8_t dec_rex_bit(const struct dec *d, unsigned bit);

/* A width as the tables of operations are indexed by it. */
unsigned dec_log2(unsigned w);

/* An immediate of the operand's width: 4 bytes, sign-extended, where that is 8. */
void dec_imm_of_width(struct dec *d, unsigned w);

/* After dec_modrm: one operand, source and destination alike. Always true. */
bool dec_e(struct dec *d, op_fn run, unsigned w);

/* ModRM, the operand of `reg` being source or destination: sets run, width, operands. */
bool dec_e_g(struct dec *d, op_fn run, unsigned w);
bool dec_g_e(struct dec *d, op_fn run, unsigned w);

/* Two operands of an operation that exists in all forms. */
bool dec_alu_e_g(struct dec *d, unsigned k, unsigned w);
bool dec_alu_g_e(struct dec *d, unsigned k, unsigned w);

/* No operands. */
bool dec_plain(struct dec *d, op_fn run);

/* imm is a distance of n bytes' size. */
bool dec_jump(struct dec *d, op_fn run, unsigned n);

/* The maps: of one byte, behind 0f, of the vector operations, behind VEX and EVEX. */
bool dec_one_byte(struct dec *d);
bool dec_0f(struct dec *d);
bool dec_bmi(struct dec *d);
bool dec_vec(struct dec *d);
bool dec_vex(struct dec *d);
bool dec_evex(struct dec *d);

/* The W bit of REX, VEX or EVEX. */
bool dec_is_w(const struct dec *d);

/* Read an immediate of one byte, as the last thing. Always true. */
bool dec_with_imm(struct dec *d);

/* VEX's or EVEX's operands: sets run, dst, src, src1 and the vector's width. */
bool dec_vec_operands(struct dec *d, op_fn run, bool reg_is_dst);

/* Make of an SSE operation on 16 bytes, just decoded, the same in the newer encoding. */
bool dec_wrap(struct dec *d, enum x86_vec_kind kind);

#endif
