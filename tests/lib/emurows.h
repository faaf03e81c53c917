/*
 * How the instructions are encoded that the interpreter is tried with against the
 * processor: a row each, out of which random cases are made.
 */
#ifndef TEST_EMUROWS_H
#define TEST_EMUROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags by their bits. */
enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, DF = 0x400, OF = 0x800 };
enum { ARITH = CF | PF | AF | ZF | SF | OF };

/* How operands are encoded. */
enum shape {
	NONE,   /* no ModRM */
	REG,    /* ModRM, its reg field a register */
	DIGIT,  /* ModRM, its reg field the row's digit */
	INOP,   /* the register is in the opcode */
	ACC_AT, /* an address in the instruction */
};

enum { R = 1, M = 2, RM = R | M };                       /* what the rm operand may be */
/* Operand widths, 1, 2, 4 and 8 bytes. */
enum { B = 1, W = 2, D = 4, Q = 8, WDQ = 14, DQ = 12, ALL = 15 };

enum { IMM_PREDICATE = 9 }; /* one byte, below 8 */

/* What a case needs besides random registers. */
enum need {
	PLAIN,
	STACK,    /* rsp in memory */
	TO_END,   /* the same, and the end's address in the operand, or on the stack */
	SHIFTS,   /* flags depend on the count in imm or cl */
	SHIFT_1,  /* a shift by one */
	BITS,     /* the register operand is a bit number near memory */
	STRINGS,  /* rsi and rdi in memory, rcx small */
	DIVIDES,  /* a quotient that often fits */
	LOOPS,
	FLOATS,   /* vector registers and memory hold numbers */
	EXCHANGE, /* ax is often what memory holds */
};

struct emu_row {
	const char *name;
	uint8_t prefix; /* 66, f3, f2 or none */
	uint8_t map;    /* 0, 1: 0f, 2: 0f38, 3: 0f3a */
	uint8_t opcode;
	enum shape shape;
	uint8_t digit;
	uint8_t widths; /* 0: no prefixes for width */
	uint8_t rm;
	uint8_t imm; /* bytes; 4: 2 with a width of 2; 8: as wide as the operand; or: */
	unsigned undefined; /* flags */
	enum need need;
	bool is_vex;
	bool only64, only32;
};

extern const struct emu_row emu_rows[];
extern const size_t emu_n_rows;

#endif
