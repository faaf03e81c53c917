/*
 * What the files of the x86 interpreter share: register numbers, flags, operand access,
 * and the tables by which the decoder finds the function of an operation.
 *
 * Flags are stored as what they are computed from where that is cheaper: the zero and
 * parity flags are a value to look at, the others are bytes of 0 or 1. A register
 * operand is a byte offset in the register file, which makes ah as easy as al; the
 * host is little-endian, as is everything that reads a target here.
 */
#ifndef MEMSCAN_EMU_X86_H
#define MEMSCAN_EMU_X86_H

#include "emu/priv.h"

enum { X86_AX, X86_CX, X86_DX, X86_BX, X86_SP, X86_BP, X86_SI, X86_DI, X86_NOREG = 16 };

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- decoding (x86_decode.c) ---- */

void x86_decode(bool is64, const uint8_t *bytes, size_t n, taddr pc, struct op *o);
void x86_describe(bool is64, const uint8_t *bytes, size_t n, char *text, size_t cap);

/* Where the operands of a two-operand operation are: destination, source. */
enum x86_form { FORM_RR, FORM_RM, FORM_MR, FORM_RI, FORM_MI, FORM_COUNT };

/* In the order of opcodes and of the /digit of 80-83; then what shares their forms. */
#define X86_ALU(X) X(ADD) X(OR) X(ADC) X(SBB) X(AND) X(SUB) X(XOR) X(CMP) X(TEST) X(MOV)
enum x86_alu {
#define X86_ALU_ENUM(k) ALU_##k,
	X86_ALU(X86_ALU_ENUM)
#undef X86_ALU_ENUM
	ALU_COUNT
};

/* In the order of the /digit of C0-D3; 6 is an alias of 4. */
enum x86_shift {
	SHIFT_ROL,
	SHIFT_ROR,
	SHIFT_RCL,
	SHIFT_RCR,
	SHIFT_SHL,
	SHIFT_SHR,
	SHIFT_SAL,
	SHIFT_SAR,
};

/* The tables' second index is the operand width: log2 of its bytes. */
extern const op_fn x86_alu_ops[ALU_COUNT][4][FORM_COUNT];
extern const op_fn x86_movzx_ops[2][2];    /* from 1 or 2 bytes; register or memory */
extern const op_fn x86_movsx_ops[3][3][2]; /* from 1, 2, 4; to 2, 4, 8; likewise */
extern const op_fn x86_jcc_ops[16];

/* Operations that look at op.width and op.sub themselves. */
#define X86_OPS(X)                                                                       \
	X(unknown) X(fetch_fault) X(trap) X(nop) X(lea) X(lea16) X(push_r)               \
	X(push_i) X(push_m) X(pop_r) X(pop_m) X(leave) X(call) X(call_r)                 \
	X(call_m) X(jmp) X(jmp_r) X(jmp_m) X(ret) X(loop) X(movzx16) X(inc)              \
	X(dec) X(neg) X(not) X(cmov) X(setcc) X(xchg) X(movbe) X(widen)                  \
	X(widen_dx) X(flag) X(pushf) X(popf) X(lahf) X(sahf) X(shift)                    \
	X(shift_cl) X(double_shift) X(bit_test) X(bsf) X(bsr) X(tzcnt)                   \
	X(lzcnt) X(popcnt) X(bswap) X(mul) X(imul) X(imul_2) X(div) X(idiv)              \
	X(andn) X(bls) X(bextr) X(bzhi) X(shift_x) X(rorx) X(mulx) X(pdep)               \
	X(pext) X(adx) X(crc32) X(movs) X(stos) X(lods) X(scas) X(cmps)                  \
	X(xadd) X(cmpxchg) X(cmpxchg_pair) X(cpuid) X(xgetbv) X(xtest)                   \
	X(state_save) X(state_restore) X(syscall) X(syscall_stop) X(rdbase)              \
	X(vec_rr) X(vec_rm) X(vec_shift_i) X(vec_load) X(vec_load_low)                   \
	X(vec_load_half) X(vec_store) X(vec_store_half) X(vec_from_r)                    \
	X(vec_to_r) X(vec_mask) X(vec_insert) X(vec_extract) X(vec_from_int)             \
	X(vec_to_int) X(vec_compare) X(vec_test) X(avx_wrap) X(avx_op)                   \
	X(avx_load) X(avx_store) X(avx_mask) X(avx_test) X(avx_shift_i)                  \
	X(avx_broadcast) X(avx_insert) X(avx_extract) X(avx_permute)                     \
	X(avx_zero_upper) X(avx_compare) X(avx_ternary) X(k_move) X(k_load)              \
	X(k_store) X(k_from_r) X(k_to_r) X(k_logic) X(k_test) X(k_shift)
#define X86_OP_DECLARE(name) int x86_##name(struct emu *e, const struct op *o);
X86_OPS(X86_OP_DECLARE)
#undef X86_OP_DECLARE

/* op.sub of the families above. */
enum x86_flag_op { FLAG_CLC, FLAG_STC, FLAG_CMC, FLAG_CLD, FLAG_STD };
enum x86_bt { BT_TEST, BT_SET, BT_RESET, BT_COMPLEMENT };
enum x86_bls { BLS_R = 1, BLS_MSK, BLS_I };
enum x86_rep { REP_NONE, REP_NE, REP_E };

/* op.kind of a vector operation: where its operands come from. */
enum x86_vec_kind {
	KIND_2,     /* destination, source */
	KIND_3,     /* destination, first source, source */
	KIND_COUNT, /* the same, its source the one count for all lanes */
};

/* op.sub of k_logic. */
enum x86_k { K_AND, K_ANDN, K_OR, K_XNOR, K_XOR, K_ADD, K_UNPACK, K_NOT };

/* ---- flags ---- */

static ALWAYS_INLINE uint64_t
x86_mask(unsigned w)
{
	return w == 8 ? UINT64_MAX : (UINT64_C(1) << w * 8) - 1;
}

static ALWAYS_INLINE uint64_t
x86_top_bit(unsigned w)
{
	return UINT64_C(1) << (w * 8 - 1);
}

/* The low w bytes of v as a signed number. */
static ALWAYS_INLINE int64_t
x86_signed(uint64_t v, unsigned w)
{
	uint64_t top = x86_top_bit(w);
	return (int64_t)(((v & x86_mask(w)) ^ top) - top);
}

/* ZF, SF, PF from a result that is cut to w bytes already. */
static ALWAYS_INLINE void
x86_flags_result(struct x86_flags *f, uint64_t r, unsigned w)
{
	f->zero_of = r;
	f->parity_of = (uint8_t)r;
	f->sf = (r & x86_top_bit(w)) != 0;
}

static inline bool
x86_pf(const struct x86_flags *f)
{
	return !__builtin_parity(f->parity_of);
}

/* Set ZF and PF themselves. */
static inline void
x86_set_zf_pf(struct x86_flags *f, bool zf, bool pf)
{
	f->zero_of = !zf;
	f->parity_of = !pf;
}

/* Condition cc of jcc, cmovcc, setcc. */
static ALWAYS_INLINE bool
x86_condition(const struct x86_flags *f, unsigned cc)
{
	bool is;

	switch (cc >> 1) {
	case 0:
		is = f->of;
		break;
	case 1:
		is = f->cf;
		break;
	case 2:
		is = f->zero_of == 0;
		break;
	case 3:
		is = f->cf || f->zero_of == 0;
		break;
	case 4:
		is = f->sf;
		break;
	case 5:
		is = x86_pf(f);
		break;
	case 6:
		is = f->sf != f->of;
		break;
	default:
		is = f->zero_of == 0 || f->sf != f->of;
		break;
	}
	return is != (cc & 1);
}

/* All flags as EFLAGS has them, bit 1 and the interrupt flag set. */
uint64_t x86_flags_word(const struct x86_flags *f);
void x86_flags_load(struct x86_flags *f, uint64_t word);

/* ---- operands ---- */

/* A register by its byte offset; w is a constant wherever speed matters. */
static ALWAYS_INLINE uint64_t
x86_reg(const struct emu *e, unsigned off, unsigned w)
{
	const uint8_t *p = (const uint8_t *)e->x86.r + off;

	if (w == 8)
		return load_u64(p);
	if (w == 4)
		return load_u32(p);
	return w == 2 ? load_u16(p) : *p;
}

/* Writing 4 bytes clears the upper half; 1 and 2 leave the rest as it is. */
static ALWAYS_INLINE void
x86_reg_set(struct emu *e, unsigned off, unsigned w, uint64_t v)
{
	uint8_t *p = (uint8_t *)e->x86.r + off;

	if (w == 4)
		v = (uint32_t)v;
	if (w >= 4)
		memcpy(p, &v, 8);
	else if (w == 2)
		memcpy(p, &v, 2);
	else
		*p = (uint8_t)v;
}

/* The address of the memory operand. */
static ALWAYS_INLINE taddr
x86_ea(const struct emu *e, const struct op *o)
{
	const struct x86 *x = &e->x86;
	taddr a = x->r[o->base] + (x->r[o->index] << o->scale) + (uint64_t)o->disp;
	a &= o->ea_mask;
	if (UNLIKELY(o->seg != X86_SEG_NONE))
		a = (a + x->seg[o->seg]) & x->linear_mask;
	return a;
}

static ALWAYS_INLINE bool
x86_load(struct emu *e, taddr a, unsigned w, uint64_t *v)
{
	const uint8_t *p = view_hit(&e->view, a, w);
	if (LIKELY(p != NULL)) {
		if (w == 8)
			*v = load_u64(p);
		else if (w == 4)
			*v = load_u32(p);
		else
			*v = w == 2 ? load_u16(p) : *p;
		return true;
	}
	*v = 0;
	return emu_load_slow(e, a, v, w);
}

static ALWAYS_INLINE bool
x86_store(struct emu *e, taddr a, unsigned w, uint64_t v)
{
	uint8_t *p = view_hit_write(&e->view, a, w);
	if (LIKELY(p != NULL)) {
		if (w == 8)
			memcpy(p, &v, 8);
		else if (w == 4)
			memcpy(p, &v, 4);
		else if (w == 2)
			memcpy(p, &v, 2);
		else
			*p = (uint8_t)v;
		return true;
	}
	return emu_store_slow(e, a, &v, w);
}

/* The register-or-memory operand of an operation that reads it (register in src). */
static inline bool
x86_src(struct emu *e, const struct op *o, unsigned w, uint64_t *v)
{
	if (o->is_mem)
		return x86_load(e, x86_ea(e, o), w, v);
	*v = x86_reg(e, o->src, w);
	return true;
}

/* The same of an operation that also writes it (register in dst). */
static inline bool
x86_dst(struct emu *e, const struct op *o, unsigned w, uint64_t *v)
{
	if (o->is_mem)
		return x86_load(e, x86_ea(e, o), w, v);
	*v = x86_reg(e, o->dst, w);
	return true;
}

static inline bool
x86_dst_set(struct emu *e, const struct op *o, unsigned w, uint64_t v)
{
	if (o->is_mem)
		return x86_store(e, x86_ea(e, o), w, v);
	x86_reg_set(e, o->dst, w, v);
	return true;
}

/* Bytes of a stack slot. */
static inline unsigned
x86_word(const struct emu *e)
{
	return e->x86.is64 ? 8 : 4;
}

#endif
