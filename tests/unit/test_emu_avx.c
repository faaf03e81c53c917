/*
 * VEX and EVEX against the processor, over the whole space of their opcodes: every map,
 * prefix, opcode, length and width with random operands. What the interpreter does not
 * know is passed over; what it claims to know must be right to the last bit.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/x86.h"
#include "emucompare.h"
#include "memscan/mem.h"

Suite *suite_emu_avx(void);

enum { FLAGS_SEEN = 0x8d5, BATCH = 4096, INT3 = 0xcc };

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

/* Bytes that often are equal to others, and often numbers. */
static uint64_t
rnd_word(void)
{
	switch (below(4)) {
	case 0:
		return 0;
	case 1:
		return rnd() & UINT64_C(0x0101010101010101);
	case 2:
		return (rnd() & UINT64_C(0x800fffffffffffff)) |
		       UINT64_C(0x3ff0000000000000);
	default:
		return rnd();
	}
}

/* One point of the space of encodings. */
struct point {
	unsigned map, prefix, opcode, length, w;
	bool is_evex;
};

/*
 * An instruction at that point with random registers and ModRM, and bytes enough after
 * it.
 */
static void
encode(const struct point *p, uint8_t b[15])
{
	bool has_first = below(2) != 0, high = below(2) != 0;
	uint8_t vvvv = has_first ? below(16) : 0;

	for (unsigned i = 0; i < 15; i++)
		b[i] = (uint8_t)rnd();
	if (!p->is_evex) {
		b[0] = 0xc4;
		b[1] = (uint8_t)((b[1] & 0xe0) | p->map);
		b[2] = (uint8_t)(p->w << 7 | (~vvvv & 15u) << 3 | p->length << 2 |
		                 p->prefix);
		b[3] = (uint8_t)p->opcode;
		return;
	}
	b[0] = 0x62;
	b[1] = (uint8_t)((b[1] & 0xf0) | p->map);
	b[2] = (uint8_t)(p->w << 7 | (~vvvv & 15u) << 3 | 4 | p->prefix);
	b[3] = (uint8_t)(p->length << 5 | (has_first && high ? 0 : 8));
	if (below(2) != 0)
		b[3] |= (uint8_t)below(8) | (uint8_t)(below(3) == 0) << 7;
	b[4] = (uint8_t)p->opcode;
}

/* Operations with flags that are undefined, which another test looks at. */
static bool
is_elsewhere(const struct op *o)
{
	static const op_fn fns[] = {
	        x86_andn, x86_bls,  x86_bextr, x86_bzhi,    x86_shift_x,     x86_rorx,
	        x86_mulx, x86_pdep, x86_pext,  x86_unknown, x86_fetch_fault,
	};
	for (size_t i = 0; i < ARRAY_LEN(fns); i++)
		if (o->run == fns[i])
			return true;
	return false;
}

/* Registers such that the memory operand of o lies in the memory that is looked at. */
static bool
aim(const struct op *o, struct native_case *c)
{
	taddr to = NATIVE_SEEN + 0x200 + (below(4) == 0 ? below(64) : 64 * below(2));

	if (!o->is_mem)
		return true;
	if (o->base == X86_NOREG || o->base == o->index || o->seg != X86_SEG_NONE)
		return false;
	if (o->index != X86_NOREG)
		c->before.r[o->index] = below(0x10000);
	c->before.r[o->base] =
	        to - (uint64_t)o->disp -
	        (o->index != X86_NOREG ? c->before.r[o->index] << o->scale : 0);
	return true;
}

/* A case at this point, if it is one that the interpreter knows. */
static bool
make_case(const struct point *p, struct native_case *c)
{
	uint8_t b[15];
	struct op o = {0};

	encode(p, b);
	x86_decode(true, b, sizeof(b), 0, &o);
	if (is_elsewhere(&o))
		return false;

	memset(c, 0, sizeof(*c));
	c->n = o.len;
	memcpy(c->code, b, o.len);
	for (unsigned i = 0; i < 16; i++)
		c->before.r[i] = rnd_word();
	for (unsigned i = 0; i < 32; i++)
		for (unsigned k = 0; k < 8; k++)
			c->before.v[i][k] = i > 0 && below(3) == 0 ? c->before.v[i - 1][k]
			                                           : rnd_word();
	for (unsigned i = 0; i < 8; i++)
		c->before.k[i] = below(3) == 0 ? UINT64_MAX : rnd_word();
	for (unsigned i = 0; i < NATIVE_SEEN_LEN; i += 8) {
		uint64_t v = below(2) ? c->before.v[below(32)][i / 8 % 8] : rnd_word();
		memcpy(c->mem_before + i, &v, 8);
	}
	c->before.flags = 0x202 | (rnd() & FLAGS_SEEN);
	return aim(&o, c);
}

struct batch {
	struct emu *e;
	unsigned n, n_done;
	struct native_case cases[BATCH];
};

static void
batch_run(struct batch *b)
{
	ck_assert_msg(native_run(b->cases, b->n, true), "the child died");
	for (unsigned i = 0; i < b->n; i++) {
		const struct native_case *c = &b->cases[i];
		enum emu_end end = c->signal == 0        ? EMU_RETURNED
		                   : c->signal == SIGILL ? EMU_UNKNOWN
		                                         : EMU_FAULT;
		emu_compare(b->e, c, true, end, FLAGS_SEEN,
		            c->code[0] == 0x62 ? "EVEX" : "VEX");
		b->n_done += c->signal == 0;
	}
	b->n = 0;
}

/* All points of one encoding, some cases each; how many were carried out. */
static unsigned
check_space(bool is_evex, unsigned tries)
{
	struct target *t;
	struct batch *b = xcalloc(1, sizeof(*b));
	struct point p = {.is_evex = is_evex};

	b->e = emu_compare_open(true, &t);
	seed = is_evex;
	for (unsigned i = 0; i < 3u * 256 * 4 * 2 * 4 * tries; i++) {
		unsigned at = i / tries;
		p.opcode = at % 256;
		p.map = 1 + at / 256 % 3;
		p.prefix = at / 768 % 4;
		p.w = at / 3072 % 2;
		p.length = at / 6144 % 4;
		if (p.length > (is_evex ? 2 : 1))
			continue;
		b->n += make_case(&p, &b->cases[b->n]);
		if (b->n == BATCH)
			batch_run(b);
	}
	batch_run(b);

	unsigned n = b->n_done;
	emu_free(b->e);
	target_close(t);
	free(b);
	return n;
}

START_TEST(every_vex_encoding_that_is_known)
{
	if (!native_open() || native_vector_len() < 64)
		return;
	ck_assert_uint_gt(check_space(false, 24), 10000);
}
END_TEST

START_TEST(every_evex_encoding_that_is_known)
{
	if (!native_open() || native_vector_len() < 64)
		return;
	ck_assert_uint_gt(check_space(true, 64), 4000);
}
END_TEST

Suite *
suite_emu_avx(void)
{
	Suite *s = suite_create("emu_avx");
	TCase *tc = tcase_create("processor");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, every_vex_encoding_that_is_known);
	tcase_add_test(tc, every_evex_encoding_that_is_known);
	suite_add_tcase(s, tc);
	return s;
}
