/*
 * Vector operations: the table of those that compute a destination from a source, and
 * the floating-point functions in it.
 */
#ifndef MEMSCAN_EMU_X86_VEC_H
#define MEMSCAN_EMU_X86_VEC_H

#include "emu/priv.h"

struct vec_row {
	uint8_t map, prefix, opcode;
	uint8_t src_bytes; /* of a source in memory; 16 must be aligned */
	uint8_t has_imm;
	vec_fn fn;
};

/* prefix: 0 none, 1 for 66, 2 for f3, 3 for f2. NULL if there is no such operation. */
const struct vec_row *vec_find(unsigned map, unsigned prefix, unsigned opcode);
const struct vec_row *vec_find_move(unsigned prefix, unsigned opcode);
const struct vec_row *vec_find_shift(unsigned digit, unsigned opcode);

#define VEC_FP_DECLARE(name)                                                             \
	void vec_##name##ps(union xmm *d, const union xmm *s, unsigned imm);             \
	void vec_##name##pd(union xmm *d, const union xmm *s, unsigned imm);             \
	void vec_##name##ss(union xmm *d, const union xmm *s, unsigned imm);             \
	void vec_##name##sd(union xmm *d, const union xmm *s, unsigned imm);
VEC_FP_DECLARE(add)
VEC_FP_DECLARE(sub)
VEC_FP_DECLARE(mul)
VEC_FP_DECLARE(div)
VEC_FP_DECLARE(min)
VEC_FP_DECLARE(max)
VEC_FP_DECLARE(sqrt)
VEC_FP_DECLARE(cmp)
#undef VEC_FP_DECLARE

void vec_cvtps2pd(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtpd2ps(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtss2sd(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtsd2ss(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtdq2ps(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtdq2pd(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtps2dq(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvttps2dq(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvtpd2dq(union xmm *d, const union xmm *s, unsigned imm);
void vec_cvttpd2dq(union xmm *d, const union xmm *s, unsigned imm);

/* A number as an integer of w bytes, 4 or 8; cut off or rounded to nearest even. */
uint64_t vec_to_integer(double v, unsigned w, bool is_cut);

#endif
