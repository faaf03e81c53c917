/*
 * The operations that are more than one step or reach outside the registers: string
 * operations, atomic exchanges, what a processor says of itself, system calls and the
 * ends of a call.
 */
#include "emu/x86.h"

/* ---- string operations ---- */

/*
 * A repeated operation counts each repetition against the limit. It is a block of its
 * own, so e->left is exact here; the loop that runs blocks charges one instruction.
 * When the limit is used up, control stays where it is and the call ends there.
 */
struct repeat {
	uint64_t n; /* repetitions to do now */
	bool is_counted;
};

static struct repeat
repeat_begin(const struct emu *e, const struct op *o, unsigned addr_width)
{
	if (o->extra == REP_NONE)
		return (struct repeat){.n = 1};

	uint64_t n = x86_reg(e, X86_CX * 8, addr_width);
	return (struct repeat){.n = n < e->left ? n : e->left, .is_counted = true};
}

/* After done repetitions; is_over if the operation has met its condition. */
static int
repeat_end(struct emu *e, const struct op *o, const struct repeat *r, uint64_t done,
           bool is_over, unsigned addr_width)
{
	if (!r->is_counted)
		return OP_NEXT;

	uint64_t rest = x86_reg(e, X86_CX * 8, addr_width) - done;
	if (done > 0)
		x86_reg_set(e, X86_CX * 8, addr_width, rest);
	if (rest != 0 && !is_over)
		e->pc = o->pc;
	if (done > 1) {
		e->left -= done - 1;
		e->stats.instructions += done - 1;
	}
	return OP_NEXT;
}

static unsigned
string_addr_width(const struct op *o)
{
	return o->ea_mask == UINT64_MAX ? 8 : 4;
}

static uint64_t
string_step(const struct emu *e, const struct op *o)
{
	return e->x86.f.df ? -(uint64_t)o->width : o->width;
}

/* The source's address; only it can have another segment. */
static taddr
string_source(const struct emu *e, const struct op *o)
{
	taddr a = e->x86.r[X86_SI] & o->ea_mask;
	return (a + e->x86.seg[o->seg]) & e->x86.linear_mask;
}

static void
string_advance(struct emu *e, unsigned reg, unsigned addr_width, uint64_t step)
{
	x86_reg_set(e, reg * 8, addr_width, e->x86.r[reg] + step);
}

int
x86_movs(struct emu *e, const struct op *o)
{
	unsigned aw = string_addr_width(o);
	struct repeat rep = repeat_begin(e, o, aw);
	uint64_t done, v, step = string_step(e, o);

	for (done = 0; done < rep.n; done++) {
		if (!x86_load(e, string_source(e, o), o->width, &v))
			return OP_STOP;
		if (!x86_store(e, e->x86.r[X86_DI] & o->ea_mask, o->width, v))
			return OP_STOP;
		string_advance(e, X86_SI, aw, step);
		string_advance(e, X86_DI, aw, step);
	}
	return repeat_end(e, o, &rep, done, false, aw);
}

int
x86_stos(struct emu *e, const struct op *o)
{
	unsigned aw = string_addr_width(o);
	struct repeat rep = repeat_begin(e, o, aw);
	uint64_t done, step = string_step(e, o);

	for (done = 0; done < rep.n; done++) {
		if (!x86_store(e, e->x86.r[X86_DI] & o->ea_mask, o->width,
		               e->x86.r[X86_AX]))
			return OP_STOP;
		string_advance(e, X86_DI, aw, step);
	}
	return repeat_end(e, o, &rep, done, false, aw);
}

int
x86_lods(struct emu *e, const struct op *o)
{
	unsigned aw = string_addr_width(o);
	struct repeat rep = repeat_begin(e, o, aw);
	uint64_t done, v, step = string_step(e, o);

	for (done = 0; done < rep.n; done++) {
		if (!x86_load(e, string_source(e, o), o->width, &v))
			return OP_STOP;
		x86_reg_set(e, X86_AX * 8, o->width, v);
		string_advance(e, X86_SI, aw, step);
	}
	return repeat_end(e, o, &rep, done, false, aw);
}

/* Compare as cmp does; true if a repeated operation ends with that. */
static bool
string_compare(struct emu *e, const struct op *o, uint64_t a, uint64_t b)
{
	struct x86_flags *f = &e->x86.f;
	unsigned w = o->width;

	a &= x86_mask(w);
	uint64_t r = (a - b) & x86_mask(w);
	f->cf = a < b;
	f->of = (((a ^ b) & (a ^ r)) & x86_top_bit(w)) != 0;
	f->af = (a ^ b ^ r) >> 4 & 1;
	x86_flags_result(f, r, w);
	return o->extra != REP_NONE && (r == 0) != (o->extra == REP_E);
}

int
x86_scas(struct emu *e, const struct op *o)
{
	unsigned aw = string_addr_width(o);
	struct repeat rep = repeat_begin(e, o, aw);
	uint64_t done, v, step = string_step(e, o);
	bool is_over = false;

	for (done = 0; done < rep.n && !is_over; done++) {
		if (!x86_load(e, e->x86.r[X86_DI] & o->ea_mask, o->width, &v))
			return OP_STOP;
		is_over = string_compare(e, o, e->x86.r[X86_AX], v);
		string_advance(e, X86_DI, aw, step);
	}
	return repeat_end(e, o, &rep, done, is_over, aw);
}

int
x86_cmps(struct emu *e, const struct op *o)
{
	unsigned aw = string_addr_width(o);
	struct repeat rep = repeat_begin(e, o, aw);
	uint64_t done, a, b, step = string_step(e, o);
	bool is_over = false;

	for (done = 0; done < rep.n && !is_over; done++) {
		if (!x86_load(e, string_source(e, o), o->width, &a))
			return OP_STOP;
		if (!x86_load(e, e->x86.r[X86_DI] & o->ea_mask, o->width, &b))
			return OP_STOP;
		is_over = string_compare(e, o, a, b);
		string_advance(e, X86_SI, aw, step);
		string_advance(e, X86_DI, aw, step);
	}
	return repeat_end(e, o, &rep, done, is_over, aw);
}

/* ---- exchanges; alone on this processor, all are atomic ---- */

static uint64_t
add_flags(struct x86_flags *f, uint64_t a, uint64_t b, unsigned w)
{
	uint64_t r = (a + b) & x86_mask(w);
	f->cf = r < a;
	f->of = (((a ^ r) & (b ^ r)) & x86_top_bit(w)) != 0;
	f->af = (a ^ b ^ r) >> 4 & 1;
	x86_flags_result(f, r, w);
	return r;
}

int
x86_xadd(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v, add = x86_reg(e, o->src, w);

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	uint64_t r = add_flags(&e->x86.f, v, add, w);
	if (o->is_mem) {
		if (!x86_store(e, x86_ea(e, o), w, r))
			return OP_STOP;
		x86_reg_set(e, o->src, w, v);
		return OP_NEXT;
	}
	/* xadd of a register with itself leaves the sum. */
	x86_reg_set(e, o->src, w, v);
	x86_reg_set(e, o->dst, w, r);
	return OP_NEXT;
}

int
x86_cmpxchg(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	uint64_t v, expect = x86_reg(e, X86_AX * 8, w);
	struct op cmp = *o;

	if (!x86_dst(e, o, w, &v))
		return OP_STOP;
	cmp.extra = REP_NONE;
	(void)string_compare(e, &cmp, expect, v);
	if (expect == v)
		return x86_dst_set(e, o, w, x86_reg(e, o->src, w)) ? OP_NEXT : OP_STOP;

	/* Memory is written in any case; ax changes only if it was not equal. */
	if (o->is_mem && !x86_dst_set(e, o, w, v))
		return OP_STOP;
	x86_reg_set(e, X86_AX * 8, w, v);
	return OP_NEXT;
}

/* cmpxchg8b, cmpxchg16b: width is half of the operand's. */
int
x86_cmpxchg_pair(struct emu *e, const struct op *o)
{
	unsigned w = o->width;
	taddr at = x86_ea(e, o);
	uint64_t low, high;

	if (w == 8 && at % 16 != 0)
		return op_stop(e, EMU_FAULT);
	if (!x86_load(e, at, w, &low) || !x86_load(e, at + w, w, &high))
		return OP_STOP;

	bool is_equal =
	        low == x86_reg(e, X86_AX * 8, w) && high == x86_reg(e, X86_DX * 8, w);
	uint64_t to_low = is_equal ? x86_reg(e, X86_BX * 8, w) : low;
	uint64_t to_high = is_equal ? x86_reg(e, X86_CX * 8, w) : high;
	if (!x86_store(e, at, w, to_low) || !x86_store(e, at + w, w, to_high))
		return OP_STOP;
	if (!is_equal) {
		x86_reg_set(e, X86_AX * 8, w, low);
		x86_reg_set(e, X86_DX * 8, w, high);
	}
	x86_set_zf_pf(&e->x86.f, is_equal, x86_pf(&e->x86.f));
	return OP_NEXT;
}

/* ---- what the processor is ---- */

/*
 * The baseline of x86-64 and nothing more, so that code which asks takes the path that
 * is understood best.
 */
int
x86_cpuid(struct emu *e, const struct op *o)
{
	enum {
		FPU = 1u << 0,
		CX8 = 1u << 8,
		CMOV = 1u << 15,
		MMX = 1u << 23,
		FXSR = 1u << 24,
		SSE = 1u << 25,
		SSE2 = 1u << 26,
		NX = 1u << 20,
		LONG_MODE = 1u << 29,
		LAHF_LM = 1u << 0,
	};
	uint32_t a = 0, b = 0, c = 0, d = 0;
	(void)o;

	switch ((uint32_t)e->x86.r[X86_AX]) {
	case 0:
		a = 1;
		b = 0x756e6547; /* "GenuineIntel" */
		d = 0x49656e69;
		c = 0x6c65746e;
		break;
	case 1:
		a = 0x60f; /* the first of family 6 with 64 bits */
		d = FPU | CX8 | CMOV | MMX | FXSR | SSE | SSE2;
		break;
	case 0x80000000:
		a = 0x80000001;
		break;
	case 0x80000001:
		c = LAHF_LM;
		d = NX | LONG_MODE;
		break;
	}
	x86_reg_set(e, X86_AX * 8, 4, a);
	x86_reg_set(e, X86_BX * 8, 4, b);
	x86_reg_set(e, X86_CX * 8, 4, c);
	x86_reg_set(e, X86_DX * 8, 4, d);
	return OP_NEXT;
}

/* Register 0 alone exists: the state that is saved is that of x87 and SSE. */
int
x86_xgetbv(struct emu *e, const struct op *o)
{
	(void)o;
	if ((uint32_t)e->x86.r[X86_CX] != 0)
		return op_stop(e, EMU_FAULT);
	x86_reg_set(e, X86_AX * 8, 4, 3);
	x86_reg_set(e, X86_DX * 8, 4, 0);
	return OP_NEXT;
}

/* Never inside a transaction. */
int
x86_xtest(struct emu *e, const struct op *o)
{
	struct x86_flags *f = &e->x86.f;
	(void)o;

	f->cf = f->of = f->af = f->sf = 0;
	x86_set_zf_pf(f, true, false);
	return OP_NEXT;
}

/*
 * The legacy area of fxsave, xsave and xsavec: x87 as after its start, MXCSR as after
 * its start, the vectors. The dynamic linker saves and restores so around binding a
 * symbol. It says that only x87 and SSE are there, so only those are restored; nothing
 * that runs in between touches what is above.
 */
enum {
	STATE_LEGACY = 512,
	STATE_HEADER = 64,
	STATE_MXCSR_AT = 24,
	STATE_X_AT = 160,
	STATE_X87_AND_SSE = 3,
};

/* sub: 0 fxsave, 1 xsave, 2 xsavec. */
int
x86_state_save(struct emu *e, const struct op *o)
{
	uint8_t area[STATE_LEGACY + STATE_HEADER] = {0x7f, 3};
	const uint32_t mxcsr[2] = {0x1f80, 0xffff};
	unsigned n = e->x86.is64 ? 16 : 8;
	taddr at = x86_ea(e, o);
	uint64_t want = (uint32_t)e->x86.r[X86_AX] | e->x86.r[X86_DX] << 32;
	uint64_t has = want & STATE_X87_AND_SSE;
	uint64_t compact = o->sub == 2 ? want | UINT64_C(1) << 63 : 0;

	if (at % (o->sub == 0 ? 16 : 64) != 0)
		return op_stop(e, EMU_FAULT);
	if (o->sub != 0 && has != STATE_X87_AND_SSE)
		return op_stop(e, EMU_UNKNOWN);
	memcpy(area + STATE_MXCSR_AT, mxcsr, sizeof(mxcsr));
	memcpy(area + STATE_X_AT, e->x86.x, n * sizeof(e->x86.x[0]));
	memcpy(area + STATE_LEGACY, &has, 8);
	memcpy(area + STATE_LEGACY + 8, &compact, 8);
	return emu_store_slow(e, at, area, o->sub == 0 ? STATE_LEGACY : sizeof(area))
	               ? OP_NEXT
	               : OP_STOP;
}

/* What x86_state_save wrote; anything else is not known. sub: 0 fxrstor, 1 xrstor. */
int
x86_state_restore(struct emu *e, const struct op *o)
{
	uint8_t area[STATE_LEGACY + STATE_HEADER] = {0};
	unsigned n = e->x86.is64 ? 16 : 8;
	taddr at = x86_ea(e, o);

	if (!emu_load_slow(e, at, area, o->sub == 0 ? STATE_LEGACY : sizeof(area)))
		return OP_STOP;
	uint64_t has = load_u64(area + STATE_LEGACY);
	bool is_ours =
	        load_u16(area) == 0x37f && load_u16(area + STATE_MXCSR_AT) == 0x1f80;
	if (!is_ours || (o->sub != 0 && has != STATE_X87_AND_SSE))
		return op_stop(e, EMU_UNKNOWN);
	memcpy(e->x86.x, area + STATE_X_AT, n * sizeof(e->x86.x[0]));
	return OP_NEXT;
}

/* rdfsbase, rdgsbase. */
int
x86_rdbase(struct emu *e, const struct op *o)
{
	x86_reg_set(e, o->dst, o->width, e->x86.seg[o->sub]);
	return OP_NEXT;
}

/* ---- the outside ---- */

/* The calls that can be answered without doing anything: numbers of x86-64 and i386. */
enum { FUTEX_WAKE = 1, FUTEX_COMMAND = 0x7f };
static const struct {
	uint16_t getpid, gettid, futex;
} calls_64 = {39, 186, 202}, calls_32 = {20, 224, 240};

int
x86_syscall(struct emu *e, const struct op *o)
{
	struct x86 *x = &e->x86;
	uint64_t no = x->r[X86_AX], value = 0;
	bool is64 = x->is64;
	uint64_t futex_op = (is64 ? x->r[X86_SI] : x->r[X86_CX]) & FUTEX_COMMAND;

	if (no == (is64 ? calls_64.getpid : calls_32.getpid) && e->pid != 0)
		value = e->pid;
	else if (no == (is64 ? calls_64.gettid : calls_32.gettid) && e->tid != 0)
		value = e->tid;
	else if (no != (is64 ? calls_64.futex : calls_32.futex) || futex_op != FUTEX_WAKE)
		return op_stop(e, EMU_SYSCALL);

	/* Nobody waits here, so a wake wakes nobody. */
	x86_reg_set(e, X86_AX * 8, x86_word(e), value);
	if (is64) {
		x->r[X86_CX] = o->pc + o->len;
		x->r[11] = x86_flags_word(&x->f);
	}
	return OP_NEXT;
}

/* The ways to call the system that are not this mode's own. */
int
x86_syscall_stop(struct emu *e, const struct op *o)
{
	(void)o;
	return op_stop(e, EMU_SYSCALL);
}

int
x86_unknown(struct emu *e, const struct op *o)
{
	(void)o;
	return op_stop(e, EMU_UNKNOWN);
}

/* The instruction goes on where there is no executable memory. */
int
x86_fetch_fault(struct emu *e, const struct op *o)
{
	(void)o;
	return op_stop(e, EMU_FAULT);
}

int
x86_trap(struct emu *e, const struct op *o)
{
	(void)o;
	return op_stop(e, EMU_TRAP);
}
