/*
 * Every instruction the interpreter knows against the processor: random operands,
 * registers and flags, run on both, compared to the last bit that the manual defines.
 *
 * A row says how an instruction is encoded; cases are made from it with a seeded
 * generator, so a failure can be repeated.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/x86.h"
#include "emucompare.h"
#include "emunative.h"
#include "emurows.h"
#include "memscan/mem.h"

Suite *suite_emu_native(void);

enum { HLT = 0xf4 };
enum { REX_B_BIT = 1, REX_X_BIT = 2, REX_R_BIT = 4, REX_W_BIT = 8 };

/* ---- random values ---- */

static uint64_t seed;

static uint64_t
rnd(void)
{
	seed += 0x9e3779b97f4a7c15ULL;
	uint64_t z = seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned
below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

/* The values at which instructions go wrong, and any other. */
static uint64_t
rnd_value(void)
{
	static const uint64_t edges[] = {
	        0,          1,
	        2,          0x7f,
	        0x80,       0xff,
	        0x7fff,     0x8000,
	        0xffff,     0x7fffffff,
	        0x80000000, 0xffffffff,
	        INT64_MAX,  UINT64_C(1) << 63,
	        UINT64_MAX, UINT64_MAX - 1,
	};
	return below(3) == 0 ? edges[below(ARRAY_LEN(edges))] : rnd();
}

static uint64_t
rnd_double(void)
{
	static const uint64_t edges[] = {
	        0,
	        UINT64_C(0x8000000000000000),
	        UINT64_C(0x7ff0000000000000),
	        UINT64_C(0xfff0000000000000),
	        UINT64_C(0x7ff8000000000123),
	        UINT64_C(0xfff4000000000321),
	        1,
	        UINT64_C(0x000fffffffffffff),
	        UINT64_C(0x3fe0000000000000),
	        UINT64_C(0x4004000000000000),
	        UINT64_C(0xc00c000000000000),
	        UINT64_C(0x41dfffffffc00000),
	        UINT64_C(0xc1e0000000000000),
	        UINT64_C(0x43e0000000000000),
	        UINT64_C(0x3ff0000000000000),
	        UINT64_C(0x4010000000000000),
	};
	if (below(3) == 0)
		return edges[below(ARRAY_LEN(edges))];
	return (rnd() & UINT64_C(0x800fffffffffffff)) | (uint64_t)(1023 - 40 + below(80))
	                                                        << 52;
}

static uint32_t
rnd_float(void)
{
	static const uint32_t edges[] = {
	        0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00123,
	        0xffa00321, 1,          0x007fffff, 0x3f000000, 0x40200000,
	        0x4effffff, 0xcf000000, 0x5f000000, 0x3f800000,
	};
	if (below(3) == 0)
		return edges[below(ARRAY_LEN(edges))];
	return ((uint32_t)rnd() & 0x807fffff) | (127 - 20 + below(60)) << 23;
}

/* Eight bytes that are numbers of the row's kind. */
static uint64_t
rnd_number(const struct emu_row *row)
{
	bool is_double = row->prefix == 0x66 || row->prefix == 0xf2;
	if (row->opcode == 0x5b || row->opcode == 0xe6)
		is_double = row->opcode == 0xe6 && row->prefix != 0xf3;
	return is_double ? rnd_double() : (uint64_t)rnd_float() << 32 | rnd_float();
}

/* ---- making a case ---- */

struct maker {
	const struct emu_row *row;
	struct native_case *c;
	bool is64;
	unsigned w; /* operand width in bytes */
	uint8_t rex;
	bool is_mem;
	unsigned no_base; /* a register that may not be in an address */
	taddr operand;    /* where the memory operand is */
	unsigned rip_at;  /* place of a displacement relative to the instruction's end, or
	                     0 */
	uint8_t reg, rm, vvvv;
};

static void
put(struct maker *m, uint64_t v, unsigned n)
{
	memcpy(m->c->code + m->c->n, &v, n);
	m->c->n += (uint8_t)n;
}

static unsigned
rnd_reg(const struct maker *m)
{
	return below(m->is64 ? 16 : 8);
}

/* A register to be set to the value an address needs. */
static unsigned
address_reg(const struct maker *m, unsigned not_this)
{
	for (;;) {
		unsigned r = rnd_reg(m);
		if (m->row->need == EXCHANGE && (r == X86_AX || r == X86_DX))
			continue;
		if (r != not_this && r != m->no_base &&
		    !(r == X86_SP && (m->row->need == STACK || m->row->need == TO_END)))
			return r;
	}
}

struct address {
	uint8_t modrm, sib, disp_len;
	bool has_sib;
	uint64_t disp;
	uint8_t rex;
	bool is_rip;
};

/* A random form of address for m->operand, with registers set to fit. */
static struct address
make_address(struct maker *m)
{
	struct address a = {0};
	uint64_t *r = m->c->before.r;
	uint64_t mask = m->is64 ? UINT64_MAX : UINT32_MAX;
	unsigned form = below(5);

	if (form == 0) {
		a.modrm = 5;
		a.disp_len = 4;
		a.is_rip = m->is64;
		a.disp = m->operand;
		return a;
	}

	unsigned base = address_reg(m, 99), index = address_reg(m, base),
	         scale = below(4);
	bool has_index = form >= 3 && index != X86_SP;
	if (has_index)
		r[index] = below(2) ? rnd() & mask : below(1000);
	a.disp_len = (uint8_t)((const uint8_t[]){0, 1, 4}[below(3)]);
	if (a.disp_len == 0 && (base & 7) == X86_BP)
		a.disp_len = 1;
	a.disp = a.disp_len == 1   ? (uint64_t)(int8_t)rnd()
	         : a.disp_len == 4 ? (uint64_t)(int32_t)rnd()
	                           : 0;
	r[base] = (m->operand - a.disp - (has_index ? r[index] << scale : 0)) & mask;

	a.modrm = (uint8_t)(a.disp_len == 0 ? 0 : a.disp_len == 1 ? 0x40 : 0x80);
	a.has_sib = has_index || (base & 7) == X86_SP;
	a.rex = base >= 8 ? REX_B_BIT : 0;
	if (!a.has_sib) {
		a.modrm |= base & 7;
		return a;
	}
	a.modrm |= 4;
	a.sib = (uint8_t)(scale << 6 | (has_index ? index & 7 : 4) << 3 | (base & 7));
	if (has_index && index >= 8)
		a.rex |= REX_X_BIT;
	return a;
}

static void
put_opcode(struct maker *m, uint8_t rex)
{
	const struct emu_row *row = m->row;

	if (row->is_vex) {
		uint8_t pp = row->prefix == 0x66   ? 1
		             : row->prefix == 0xf3 ? 2
		             : row->prefix == 0xf2 ? 3
		                                   : 0;
		put(m, 0xc4, 1);
		put(m, (uint8_t)(~rex & 7) << 5 | row->map, 1);
		put(m, (m->w == 8 ? 0x80 : 0) | (~m->vvvv & 15) << 3 | pp, 1);
	} else {
		static const char maps[] = {0, 0, 0x38, 0x3a};
		if (m->w == 2)
			put(m, 0x66, 1);
		if (row->prefix != 0)
			put(m, row->prefix, 1);
		if (rex != 0)
			put(m, rex | 0x40, 1);
		if (row->map > 0)
			put(m, 0x0f, 1);
		if (row->map > 1)
			put(m, (uint8_t)maps[row->map], 1);
	}
	put(m, row->opcode | (row->shape == INOP ? m->rm & 7 : 0), 1);
}

static void
put_instruction(struct maker *m)
{
	const struct emu_row *row = m->row;
	struct address a = {0};
	uint8_t rex = m->rex;

	if (m->w == 8 && !row->is_vex)
		rex |= REX_W_BIT;
	if (row->shape == REG && m->reg >= 8)
		rex |= REX_R_BIT;
	if (m->is_mem && row->shape != ACC_AT)
		a = make_address(m);
	else if (row->shape != NONE && row->shape != ACC_AT && m->rm >= 8)
		rex |= REX_B_BIT;
	put_opcode(m, rex | a.rex);

	uint8_t reg = (uint8_t)((row->shape == DIGIT ? row->digit : m->reg & 7) << 3);
	if (row->shape == ACC_AT)
		put(m, m->operand, m->is64 ? 8 : 4);
	if (row->shape == REG || row->shape == DIGIT) {
		put(m, m->is_mem ? a.modrm | reg : 0xc0 | reg | (m->rm & 7), 1);
		if (a.has_sib)
			put(m, a.sib, 1);
		if (a.is_rip)
			m->rip_at = m->c->n;
		put(m, a.disp, a.disp_len);
	}
}

/* Whether the flags that a shift by the count in c leaves are undefined. */
static unsigned
shift_undefined(const struct maker *m, unsigned count)
{
	unsigned n = count & (m->w == 8 ? 63 : 31);
	bool is_rotate = m->row->map == 0 && m->row->digit < 4;
	unsigned undefined = 0;

	if (n == 0)
		return 0;
	if (n != 1)
		undefined |= OF;
	if (!is_rotate) {
		undefined |= AF;
		if (n >= m->w * 8)
			undefined |= CF;
	}
	return undefined;
}

/*
 * Registers and memory that the row needs. Before the address is made, so that it may
 * come to differ.
 */
static void
set_up(struct maker *m, unsigned *count)
{
	struct native_regs *b = &m->c->before;
	uint64_t seen_mid = NATIVE_SEEN + NATIVE_SEEN_LEN / 2;

	switch (m->row->need) {
	case STACK:
	case TO_END:
		b->r[X86_SP] = seen_mid + 8 * below(8);
		if (m->row->opcode == 0xc9)
			b->r[X86_BP] = seen_mid + 8 * below(8);
		break;
	case SHIFTS:
		*count = below(2) ? below(70) & 0xff : (unsigned)rnd() & 0xff;
		if (m->row->map == 1 && m->w == 2)
			*count = below(17);
		b->r[X86_CX] = (b->r[X86_CX] & ~UINT64_C(0xff)) | *count;
		m->no_base = X86_CX;
		break;
	case BITS:
		m->no_base = m->reg;
		if (m->is_mem)
			b->r[m->reg] = (b->r[m->reg] & 0x700) - 0x300;
		break;
	case STRINGS:
		b->r[X86_SI] = seen_mid + below(64) - 32;
		b->r[X86_DI] = seen_mid + below(64) - 32;
		b->r[X86_CX] = below(20);
		if (m->row->opcode == 0xae || m->row->opcode == 0xaf)
			b->r[X86_AX] = below(2) ? 0 : b->r[X86_AX];
		break;
	case DIVIDES:
		if (below(2))
			b->r[X86_DX] = below(2) ? 0 : UINT64_MAX;
		if (m->w == 1 && below(2))
			b->r[X86_AX] &= 0xff;
		break;
	case LOOPS:
		b->r[X86_CX] = below(3);
		break;
	default:
		break;
	}
	if (!m->is64)
		for (unsigned i = 0; i < 8; i++)
			b->r[i] = (uint32_t)b->r[i];
}

static void
fill(struct maker *m)
{
	struct native_regs *b = &m->c->before;

	for (unsigned i = 0; i < 16; i++) {
		b->r[i] = m->is64 ? rnd_value() : (uint32_t)rnd_value();
		for (unsigned k = 0; k < 8; k++)
			b->v[i][k] =
			        m->row->need == FLOATS ? rnd_number(m->row) : rnd_value();
	}
	b->flags = 0x202 | (rnd() & ARITH) |
	           (below(4) == 0 && m->row->need == STRINGS ? DF : 0);
	for (unsigned i = 0; i < NATIVE_SEEN_LEN; i += 8) {
		uint64_t v = m->row->need == FLOATS ? rnd_number(m->row)
		             : below(3) == 0        ? 0
		                                    : rnd_value();
		memcpy(m->c->mem_before + i, &v, 8);
	}
}

static void
poke(struct native_case *c, taddr at, uint64_t v, unsigned n)
{
	memcpy(c->mem_before + (at - NATIVE_SEEN), &v, n);
}

/* A row whose instruction goes on at NATIVE_END, or at the two bytes before it. */
static bool
is_branch(const struct emu_row *row)
{
	return row->need == TO_END || row->need == LOOPS;
}

/* The immediate of a branch, and the end's address wherever the branch may take it from.
 */
static void
finish_branch(struct maker *m, unsigned imm)
{
	struct native_case *c = m->c;
	unsigned word = m->is64 ? 8 : 4;
	taddr sp = c->before.r[X86_SP];

	put(m, m->row->opcode == 0xc2 ? 8 * below(3) : 2, imm);
	if (sp >= NATIVE_SEEN && sp < NATIVE_SEEN + 0x300)
		poke(c, sp, NATIVE_END, word);
	if (m->row->shape != DIGIT)
		return;
	if (m->is_mem)
		poke(c, m->operand, NATIVE_END, word);
	else
		c->before.r[m->rm] = NATIVE_END;
}

/* Often the comparison of an exchange should find both equal. */
static void
finish_exchange(struct maker *m)
{
	struct native_case *c = m->c;
	const uint8_t *at = c->mem_before + (m->operand - NATIVE_SEEN);
	uint64_t v = 0, high = 0;

	memcpy(&v, at, 8);
	memcpy(&high, at + m->w, m->w);
	c->before.r[X86_AX] = m->is64 ? v : (uint32_t)v;
	c->before.r[X86_DX] = m->is64 ? high : (uint32_t)high;
}

/* What comes after ModRM: immediates, the end of a relative address, where a branch
 * lands. */
static void
finish(struct maker *m, unsigned count)
{
	const struct emu_row *row = m->row;
	unsigned imm = row->imm == 4 && m->w == 2 ? 2 : row->imm == 8 ? m->w : row->imm;
	unsigned tail = is_branch(row) ? 2 : 0;

	if (is_branch(row))
		finish_branch(m, imm);
	else if (imm == IMM_PREDICATE)
		put(m, below(8), 1);
	else
		put(m, row->need == SHIFTS ? count : rnd_value(), imm);
	if (m->rip_at != 0) {
		uint32_t rel = (uint32_t)(m->operand - (NATIVE_END - tail));
		memcpy(m->c->code + m->rip_at, &rel, 4);
	}

	/* mov al, 0x55: a branch that is not taken comes by here. */
	if (tail != 0)
		put(m, 0x55b0, tail);
	if (row->need == EXCHANGE && below(2))
		finish_exchange(m);
}

/* One random case of the row at width w; the flags that are undefined after it. */
static unsigned
make_case(const struct emu_row *row, unsigned w, bool is64, struct native_case *c)
{
	struct maker m = {.row = row, .c = c, .is64 = is64, .w = w, .no_base = 99};
	bool has_reg = row->shape != NONE && row->shape != ACC_AT;
	unsigned count = 1;

	*c = (struct native_case){0};
	m.reg = (uint8_t)rnd_reg(&m);
	m.rm = (uint8_t)rnd_reg(&m);
	m.vvvv = (uint8_t)(strcmp(row->name, "rorx") == 0 ? 0 : rnd_reg(&m));
	if (row->need == TO_END && m.rm == X86_SP)
		m.rm = X86_AX; /* a jump to the stack would run what lies there */
	m.is_mem = row->rm == M || (row->rm == RM && below(2));
	if (is64 && !row->is_vex && (row->widths & B) != 0 && has_reg)
		m.rex = below(2) ? 0x40 : 0;

	fill(&m);
	m.operand = NATIVE_SEEN + 0x200 + (below(4) == 0 ? below(64) : 16 * below(4));
	set_up(&m, &count);
	put_instruction(&m);
	finish(&m, count);

	/* A count in cl may have become part of an address; what it is now counts. */
	if (row->need == SHIFTS && row->imm == 0)
		count = (unsigned)c->before.r[X86_CX];
	return row->need == SHIFTS ? shift_undefined(&m, count) : row->undefined;
}

/* ---- running and comparing ---- */

enum { CASES = 60, BATCH = 64 };

/* What the interpreter should say of a signal. */
static enum emu_end
end_of_signal(int signal, const struct emu_row *row)
{
	if (signal == 0)
		return EMU_RETURNED;
	if ((signal == SIGSEGV || signal == SIGBUS) &&
	    !(row->map == 0 && row->opcode == HLT))
		return EMU_FAULT;
	return EMU_TRAP;
}

static void
compare(struct emu *e, const struct emu_row *row, unsigned w, bool is64,
        const struct native_case *c, unsigned undefined)
{
	char what[80];

	snprintf(what, sizeof(what), "%s (%02x) width %u", row->name, row->opcode, w);
	emu_compare(e, c, is64, end_of_signal(c->signal, row), (ARITH | DF) & ~undefined,
	            what);
}

static bool
can_do(const struct emu_row *row, bool is64)
{
	return is64 ? !row->only32 : !row->only64;
}

/* What one child runs: the cases of up to BATCH rows at a width each. */
struct batch {
	struct emu *e;
	bool is64;
	const struct emu_row *row[BATCH];
	unsigned w[BATCH];
	unsigned n, n_done;
	struct native_case cases[BATCH * CASES];
	unsigned undefined[BATCH * CASES];
};

static void
batch_run(struct batch *b)
{
	ck_assert_msg(native_run(b->cases, (size_t)b->n * CASES, b->is64),
	              "the child died");

	for (unsigned i = 0; i < b->n; i++) {
		const struct emu_row *row = b->row[i];
		bool is_trap = row->map == 1 && row->opcode == 0x0b, is_done = true;
		for (unsigned k = i * CASES; k < (i + 1) * CASES && is_done; k++) {
			/* A processor without the instruction has no opinion. */
			if (b->cases[k].signal == SIGILL && !is_trap)
				is_done = false;
			else
				compare(b->e, row, b->w[i], b->is64, &b->cases[k],
				        b->undefined[k]);
		}
		b->n_done += is_done;
	}
	b->n = 0;
}

static void
batch_add(struct batch *b, const struct emu_row *row, unsigned w)
{
	for (unsigned k = b->n * CASES; k < (b->n + 1) * CASES; k++)
		b->undefined[k] = make_case(row, w, b->is64, &b->cases[k]);
	b->row[b->n] = row;
	b->w[b->n++] = w;
	if (b->n == BATCH)
		batch_run(b);
}

static void
check_rows(bool is64)
{
	struct target *t;

	if (!native_open())
		return;
	struct batch *b = xcalloc(1, sizeof(*b));
	b->is64 = is64;
	b->e = emu_compare_open(is64, &t);
	for (size_t i = 0; i < emu_n_rows; i++) {
		const struct emu_row *row = &emu_rows[i];
		if (!can_do(row, is64))
			continue;
		seed = i * 2 + is64;
		unsigned widths = row->widths & ALL;
		for (unsigned k = 0; k < (is64 ? 4 : 3); k++)
			if ((widths >> k & 1) != 0 || (widths == 0 && k == 2))
				batch_add(b, row, 1u << k);
	}
	batch_run(b);
	ck_assert_uint_gt(b->n_done, is64 ? 500 : 400);
	emu_free(b->e);
	target_close(t);
	free(b);
}

START_TEST(every_instruction_in_64_bits)
{
	check_rows(true);
}
END_TEST

START_TEST(every_instruction_in_32_bits)
{
	check_rows(false);
}
END_TEST

Suite *
suite_emu_native(void)
{
	Suite *s = suite_create("emu_native");
	TCase *tc = tcase_create("processor");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, every_instruction_in_64_bits);
	tcase_add_test(tc, every_instruction_in_32_bits);
	suite_add_tcase(s, tc);
	return s;
}
