/*
 * What the files of the emu layer share: the view of memory, decoded operations, blocks
 * of them, and the small interface behind which a processor stands.
 *
 * The one idea: machine code is decoded once into blocks of struct op, each with the
 * function that carries it out; running is calling those functions in a row. Memory is
 * reached through a table of recently used pages, so the usual access is a compare and
 * a load.
 */
#ifndef MEMSCAN_EMU_PRIV_H
#define MEMSCAN_EMU_PRIV_H

#include "memscan/bytes.h"
#include "memscan/emu.h"
#include "memscan/map.h"
#include "memscan/vec.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- the view (view.c) ---- */

enum {
	VIEW_PAGE_BITS = 12,
	VIEW_PAGE = 1 << VIEW_PAGE_BITS,
	VIEW_TLB = 1024,             /* recently used pages; 4 MiB of reach */
	VIEW_WINDOW = 64 * 1024,     /* one read of a target that must be read */
	VIEW_WINDOW_SETS = 32,       /* times the ways: at most 8 MiB of windows */
	VIEW_WINDOW_WAYS = 4,
	VIEW_SCRATCH_PAGES = 256,    /* one call may write 1 MiB of the target's pages */
	VIEW_KEPT_PAGES = 4096,      /* and 16 MiB may be kept over all calls */
	VIEW_MAGIC_LEN = 4 << 20,    /* addresses that stand for no code, */
	VIEW_MAGIC_STEP = 16,        /* so far apart */
	VIEW_CHUNK = 64 * 1024,      /* emu_alloc takes memory in such pieces, */
	VIEW_CHUNKS = 256,           /* at most this many */
	VIEW_STACK_LEN = 1 << 20,
	VIEW_GUARD = 1 << 20,        /* unmapped, around each part of the arena */
};

struct tlb_read {
	uint64_t page;
	const uint8_t *host;
};

struct tlb_write {
	uint64_t page;
	uint8_t *host;
};

/* A page that was written: its bytes hide the target's. */
struct page {
	uint64_t no;
	uint8_t *bytes;
	bool is_code; /* of an executable region: decoded blocks of it are stale */
	bool is_part; /* a region begins or ends inside: each access asks the target */
};

/* Pages by number: a fixed array and an open-addressing index into it. */
struct pageset {
	struct page *at;
	uint16_t *index; /* place in at + 1; 0 is free */
	uint32_t n, cap;
	uint32_t n_code;
};

struct window {
	uint64_t no; /* address / VIEW_WINDOW; UINT64_MAX is empty */
	uint8_t *bytes;
	uint16_t present; /* a bit for each page that was read */
};

struct view {
	struct tlb_read rd[VIEW_TLB];
	struct tlb_write wr[VIEW_TLB];
	struct target *t;
	const struct region *last; /* where the last page was found */

	/* The interpreter's own memory, in a gap of the target's address space. */
	taddr arena, arena_end;
	taddr magic_at, alloc_at, stack_at;
	uint8_t *stack;
	uint8_t *chunks[VIEW_CHUNKS];
	size_t alloc_used;

	struct pageset call; /* written by the call in progress, or by the last one */
	struct pageset kept; /* by earlier calls that were kept */
	VEC(uint8_t *) spare; /* buffers of dropped pages */

	struct window win[VIEW_WINDOW_SETS][VIEW_WINDOW_WAYS];
	uint8_t next_way[VIEW_WINDOW_SETS];
};

/* MS_LIMIT if the address space, which ends at top, has no gap for the arena. */
MUST_CHECK enum status view_init(struct view *v, struct target *t, taddr top,
                                 struct errbuf *eb);
void view_fini(struct view *v);

/* All of [addr, addr + n) or false; any n, any address. */
bool view_read(struct view *v, taddr addr, void *buf, size_t n);

/* How a write went. */
enum view_wrote {
	VIEW_WROTE,
	VIEW_WROTE_CODE, /* and made a page of code differ from what blocks may hold */
	VIEW_UNMAPPED,
	VIEW_FULL,       /* no scratch page is left */
};
enum view_wrote view_write(struct view *v, taddr addr, const void *buf, size_t n);

/* Bytes of code at pc, at most n: fewer where executable memory ends. */
size_t view_fetch(struct view *v, taddr pc, uint8_t *buf, size_t n);

/* True if the page of pc, or the one after it, holds code that was written over. */
bool view_code_changed_at(const struct view *v, taddr pc);

static inline bool
view_code_changed(const struct view *v, taddr pc)
{
	bool is_any = v->call.n_code + v->kept.n_code != 0;
	return UNLIKELY(is_any) && view_code_changed_at(v, pc);
}

void view_drop(struct view *v);
bool view_keep(struct view *v);
taddr view_alloc(struct view *v, size_t n);

/* The n bytes at addr if they lie in one recently used page, else NULL: ask view_read. */
static inline const uint8_t *
view_hit(const struct view *v, taddr addr, unsigned n)
{
	uint64_t no = addr >> VIEW_PAGE_BITS;
	const struct tlb_read *s = &v->rd[no % VIEW_TLB];
	unsigned off = addr % VIEW_PAGE;
	return LIKELY(s->page == no && off <= VIEW_PAGE - n) ? s->host + off : NULL;
}

/* The same for writing. */
static inline uint8_t *
view_hit_write(const struct view *v, taddr addr, unsigned n)
{
	uint64_t no = addr >> VIEW_PAGE_BITS;
	const struct tlb_write *s = &v->wr[no % VIEW_TLB];
	unsigned off = addr % VIEW_PAGE;
	return LIKELY(s->page == no && off <= VIEW_PAGE - n) ? s->host + off : NULL;
}

/* ---- decoded operations ---- */

struct op;
union xmm;

/* Carry out one operation. OP_STOP: the call ends, emu.end says how. */
enum { OP_NEXT, OP_STOP };
typedef int (*op_fn)(struct emu *e, const struct op *o);

/* What a vector operation does to its destination. */
typedef void (*vec_fn)(union xmm *d, const union xmm *s, unsigned imm);

enum {
	OP_ENDS = 1,  /* last of its block: control may go elsewhere */
	OP_ALONE = 2, /* a block of its own: it counts its own repetitions */
};

struct op {
	op_fn run;
	taddr pc;
	uint64_t imm;
	int64_t disp;
	uint64_t ea_mask; /* how wide an address is computed */
	union {
		vec_fn vec;
		op_fn inner; /* what an operation in another encoding wraps */
	};
	uint8_t len, flags;
	uint8_t dst, src; /* byte offsets in the register file, or vectors' numbers */
	uint8_t base, index, scale, seg;
	uint8_t width; /* of the operands, bytes */
	uint8_t sub;   /* which of a family */
	bool is_mem;   /* the register-or-memory operand is memory */
	uint8_t extra; /* a second width, register or prefix, as the family needs */
	uint8_t src1;  /* the first source of an operation with three operands */
	uint8_t mask;  /* mask register, 0 if none */
	uint8_t kind;  /* how a vector operation takes its operands */
};

/* ---- blocks (block.c) ---- */

enum { BLOCK_OPS = 64, BLOCK_FAST = 4096, BLOCK_CACHE_OPS = 1 << 18 };

struct block {
	taddr pc, end;
	uint32_t n;   /* 0: no code, but a hook or the end of the call */
	int32_t hook; /* index in emu.hooks, or -1 */
	struct op ops[];
};

struct blocks {
	struct block *fast[BLOCK_FAST]; /* by a hash of pc */
	struct map by_pc;               /* index in at */
	struct map past_hook;           /* the same for code under a hook */
	VEC(struct block *) at;
	size_t n_ops;
	struct block *one; /* the single operation of code that changes under us */
};

void blocks_init(struct blocks *b);
void blocks_fini(struct blocks *b);

/* Forget every block, because a hook now stands where code may have been decoded. */
void blocks_flush(struct blocks *b);

/* Run from e->pc until the call ends; e->left is what it may still do. */
enum emu_end block_run(struct emu *e);

/* ---- processors ---- */

union xmm {
	uint8_t b[16];
	uint16_t h[8];
	uint32_t w[4];
	uint64_t q[2];
	int8_t sb[16];
	int16_t sh[8];
	int32_t sw[4];
	float f[4];
	double d[2];
};

struct x86_flags {
	uint64_t zero_of; /* ZF: this is zero */
	uint8_t parity_of; /* PF: even number of bits here */
	uint8_t cf, of, af, sf, df;
	uint8_t id; /* can be changed where there is a cpuid instruction: code asks so */
};

enum { X86_SEG_NONE, X86_SEG_FS, X86_SEG_GS, X86_SEGS };

struct x86 {
	uint64_t r[17]; /* the last is always zero: "no register" in an address */
	struct x86_flags f;
	taddr seg[X86_SEGS];
	uint64_t linear_mask; /* of an address with its segment's base */
	bool is64;
	bool is_wide;        /* something beyond the first 16 low lanes may not be zero */
	union xmm x[32];     /* the low 16 bytes of the vector registers, */
	union xmm y[32][3];  /* and what AVX and AVX-512 add to each */
	uint64_t k[8];       /* AVX-512's masks */
};

/*
 * A processor with its C calling convention. Everything outside the files of a
 * processor goes through this.
 */
struct emu_arch {
	const char *name;
	uint16_t e_machine;
	uint8_t ptr_width;
	taddr top; /* no process has memory from here on */

	/* Decode what is in bytes[0..n) into *o, if only to an op that ends the call. */
	void (*decode)(const uint8_t *bytes, size_t n, taddr pc, struct op *o);
	/* Name the opcode in bytes[0..n), without operands. */
	void (*describe)(const uint8_t *bytes, size_t n, char *text, size_t cap);
	void (*set_tls)(struct emu *e, taddr base);

	/* Fresh registers, the arguments, and return_magic as return address. */
	bool (*enter)(struct emu *e, taddr fn, const uint64_t args[6]);
	/* At a function's first instruction: its arguments and return address. */
	bool (*args)(struct emu *e, uint64_t args[6], taddr *return_to);
	/* There too: return value at once. */
	bool (*leave)(struct emu *e, uint64_t value);
	uint64_t (*result)(const struct emu *e);
};

extern const struct emu_arch arch_x86_64, arch_i386;

/* ---- the interpreter ---- */

enum { EMU_HOOKS = 4096, EMU_UNKNOWNS = 512 };

struct hook {
	taddr addr;
	emu_hook fn;
	void *self;
};

struct unknown {
	char text[40];
	uint64_t count;
};

struct emu {
	struct x86 x86;

	taddr pc;              /* where the next block begins */
	const struct op *stop; /* the running block ends here; NULL: after this op */
	uint64_t left;         /* instructions of the limit */
	enum emu_end end;      /* set by an op that answers OP_STOP */
	bool in_call;

	const struct emu_arch *arch;
	taddr return_magic;
	size_t n_magic;
	uint64_t pid, tid; /* what getpid and gettid answer; 0: not known */

	VEC(struct hook) hooks;
	struct map hook_at;
	VEC(struct unknown) unknowns;
	struct emu_where where;
	struct emu_stats stats;

	struct blocks blocks;
	struct view view;
};

/* End the call. */
static inline int
op_stop(struct emu *e, enum emu_end end)
{
	e->end = end;
	return OP_STOP;
}

/* The slow halves of a memory access; false after setting e->end. */
bool emu_load_slow(struct emu *e, taddr addr, void *buf, size_t n);
bool emu_store_slow(struct emu *e, taddr addr, const void *buf, size_t n);

#endif
