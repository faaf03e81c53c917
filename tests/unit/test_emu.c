/*
 * The interpreter as its callers see it: calls and results, hooks, what becomes of
 * writes, the limit, the accounts. The code is assembled by hand; the comment beside it
 * says what it is.
 */
#include <check.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "emubox.h"
#include "memscan/mem.h"

Suite *suite_emu(void);

static struct emubox box;

static void
open_box(void)
{
	emubox_open(&box, 8, 0, IMAGE_DATA);
}

static void
close_box(void)
{
	emubox_close(&box);
}

/* lea rax, [rdi + rsi*2]; ret */
#define ADD_TWICE "48 8d 04 77 c3"

START_TEST(a_call_returns_its_result)
{
	ck_assert_int_eq(emubox_run(&box, ADD_TWICE, 10, 16), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 42);
}
END_TEST

START_TEST(six_arguments_arrive)
{
	/*
	 * shift and or all six: lea rax,[rdi]; shl rax,4; or rax,rsi; ... rdx rcx r8 r9
	 */
	emubox_code(
	        &box, 0,
	        "48 89 f8 48 c1 e0 04 48 09 f0 48 c1 e0 04 48 09 d0 48 c1 e0 04 48 09 c8"
	        " 48 c1 e0 04 4c 09 c0 48 c1 e0 04 4c 09 c8 c3");
	const uint64_t args[] = {1, 2, 3, 4, 5, 6};
	uint64_t result;
	ck_assert_int_eq(emu_call(box.e, BOX_CODE, args, 6, 100, &result), EMU_RETURNED);
	ck_assert_uint_eq(result, 0x123456);
}
END_TEST

START_TEST(the_stack_is_aligned_as_the_convention_says)
{
	/*
	 * mov rax, rsp; ret: at a function's first instruction rsp + 8 is a multiple of
	 * 16
	 */
	ck_assert_int_eq(emubox_run(&box, "48 89 e0 c3", 0, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result % 16, 8);
	ck_assert_ptr_null(target_region(box.t, box.result));
}
END_TEST

START_TEST(the_limit_is_exact)
{
	/* four instructions: xor eax,eax; inc eax; inc eax; ret */
	emubox_code(&box, 0, "31 c0 ff c0 ff c0 c3");
	ck_assert_int_eq(emubox_call(&box, 0, 0, 4), EMU_RETURNED);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 3), EMU_LIMIT);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + 6);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 0), EMU_LIMIT);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE);

	struct emu_stats before = emu_stats(box.e);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 3), EMU_LIMIT);
	ck_assert_uint_eq(emu_stats(box.e).instructions - before.instructions, 3);
	ck_assert_uint_eq(emu_stats(box.e).calls - before.calls, 1);
}
END_TEST

START_TEST(repetitions_count_against_the_limit)
{
	/* mov ecx, 100; xor eax,eax; rep stosb; mov rax, rcx; ret; and rdi is memory */
	emubox_code(&box, 0, "b9 64 00 00 00 31 c0 f3 aa 48 89 c8 c3");
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 0, 104), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0);
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 0, 101), EMU_LIMIT);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + 7);
}
END_TEST

/* ---- hooks ---- */

struct heard {
	unsigned n;
	uint64_t args[6];
	taddr return_to;
	enum emu_verdict say;
	uint64_t value;
};

static enum emu_verdict
hear(void *self, struct emu *e, const uint64_t args[6], taddr return_to, uint64_t *value)
{
	struct heard *h = self;
	(void)e;

	h->n++;
	memcpy(h->args, args, sizeof(h->args));
	h->return_to = return_to;
	*value = h->value;
	return h->say;
}

START_TEST(a_hook_stands_for_a_function)
{
	struct heard h = {.value = 5};
	taddr magic = emu_magic(box.e);

	ck_assert_uint_ne(magic, 0);
	ck_assert_uint_ne(magic, emu_magic(box.e));
	emu_hook_set(box.e, magic, hear, &h);
	/* push rbx; mov rax,rdi; mov edi,7; mov esi,8; call rax; inc rax; pop rbx; ret */
	ck_assert_int_eq(
	        emubox_run(
	                &box,
	                "53 48 89 f8 bf 07 00 00 00 be 08 00 00 00 ff d0 48 ff c0 5b c3",
	                magic, 0),
	        EMU_RETURNED);
	ck_assert_uint_eq(box.result, 6);
	ck_assert_uint_eq(h.n, 1);
	ck_assert_uint_eq(h.args[0], 7);
	ck_assert_uint_eq(h.args[1], 8);
	ck_assert_uint_eq(h.return_to, BOX_CODE + 16);
}
END_TEST

START_TEST(a_hook_can_stop_the_call)
{
	struct heard h = {.say = EMU_STOP};
	taddr magic = emu_magic(box.e);

	emu_hook_set(box.e, magic, hear, &h);
	/* jmp rdi */
	ck_assert_int_eq(emubox_run(&box, "ff e7", magic, 0), EMU_STOPPED);
	ck_assert_uint_eq(emu_last(box.e).pc, magic);
	ck_assert_uint_eq(h.return_to, emu_return_magic(box.e));
}
END_TEST

START_TEST(a_hook_on_real_code_can_pass)
{
	struct heard h = {.say = EMU_PASS};

	/* call +0x1b (to 0x20); inc rax; ret;   at 0x20: mov eax, 9; ret */
	emubox_code(&box, 0, "e8 1b 00 00 00 48 ff c0 c3");
	emubox_code(&box, 0x20, "b8 09 00 00 00 c3");
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 10);

	/* Set after the code was run, and so decoded. */
	emu_hook_set(box.e, BOX_CODE + 0x20, hear, &h);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 10);
	ck_assert_uint_eq(h.n, 1);

	h.say = EMU_GO_ON;
	h.value = 100;
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 101);

	struct heard other = {.value = 200};
	emu_hook_set(box.e, BOX_CODE + 0x20, hear, &other);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 201);
	ck_assert_uint_eq(h.n, 2);
}
END_TEST

START_TEST(control_that_falls_into_a_hook_finds_it)
{
	struct heard h = {.value = 3};

	emu_hook_set(box.e, BOX_CODE + 2, hear, &h);
	/* xor eax,eax; inc eax; ret: the second is hooked, and hands 3 to our caller */
	ck_assert_int_eq(emubox_run(&box, "31 c0 ff c0 c3", 0, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 3);
}
END_TEST

START_TEST(a_hook_that_only_calls_itself_ends_by_the_limit)
{
	struct heard h = {0};
	taddr magic = emu_magic(box.e);
	struct emu_stats before = emu_stats(box.e);

	emu_hook_set(box.e, magic, hear, &h);
	for (unsigned i = 0; i < BOX_MEM_LEN; i += 8)
		memcpy(box.mem + i, &magic, 8);
	/* mov rsp, rdi; ret: each return goes to the hook */
	ck_assert_int_eq(emubox_run(&box, "48 89 fc c3", BOX_MEM, 0), EMU_LIMIT);
	ck_assert_uint_eq(h.n, 10000 - 2);
	ck_assert_uint_eq(emu_stats(box.e).instructions - before.instructions, 10000);
}
END_TEST

static enum emu_verdict
call_again(void *self, struct emu *e, const uint64_t args[6], taddr return_to,
           uint64_t *value)
{
	enum emu_end *end = self;
	(void)return_to;

	*end = emu_call(e, BOX_CODE, args, 2, 100, value);
	*value = 8;
	return EMU_GO_ON;
}

START_TEST(a_call_within_a_call_is_refused)
{
	enum emu_end end = EMU_RETURNED;
	taddr magic = emu_magic(box.e);

	emu_hook_set(box.e, magic, call_again, &end);
	/* jmp rdi */
	ck_assert_int_eq(emubox_run(&box, "ff e7", magic, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 8);
	ck_assert_int_eq(end, EMU_DENIED);
}
END_TEST

/* ---- memory ---- */

/* mov rax,[rdi]; inc rax; mov [rdi],rax; ret */
#define COUNT "48 8b 07 48 ff c0 48 89 07 c3"

START_TEST(writes_are_dropped_before_the_next_call)
{
	uint64_t v;

	ck_assert_int_eq(emubox_run(&box, COUNT, BOX_MEM + 0x10, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 1);
	ck_assert_int_eq(emu_read(box.e, BOX_MEM + 0x10, &v, 8), MS_OK);
	ck_assert_uint_eq(v, 1);
	ck_assert_int_eq(emubox_run(&box, COUNT, BOX_MEM + 0x10, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 1);

	/* The target itself has nothing of it. */
	ck_assert_uint_eq(box.mem[0x10], 0);
}
END_TEST

START_TEST(writes_that_are_kept_stay)
{
	for (unsigned i = 1; i < 5; i++) {
		ck_assert_int_eq(emubox_run(&box, COUNT, BOX_MEM + 0x10, 0),
		                 EMU_RETURNED);
		ck_assert_uint_eq(box.result, i);
		ck_assert(emu_keep(box.e));
	}

	/* What is written over a kept page is dropped, down to what was kept. */
	ck_assert_int_eq(emubox_run(&box, COUNT, BOX_MEM + 0x10, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 5);
	ck_assert_int_eq(emubox_run(&box, COUNT, BOX_MEM + 0x10, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 5);
	ck_assert_uint_eq(box.mem[0x10], 0);
}
END_TEST

START_TEST(own_memory_is_kept)
{
	taddr a = emu_alloc(box.e, 100), b = emu_alloc(box.e, 0x10000);
	uint64_t v = 41;

	ck_assert_uint_ne(a, 0);
	ck_assert_uint_ge(b, a + 100);
	ck_assert_uint_eq(emu_alloc(box.e, 0x10001), 0);
	ck_assert_uint_eq(emu_alloc(box.e, 0), 0);
	ck_assert_int_eq(emu_write(box.e, a, &v, 8), MS_OK);
	for (unsigned i = 42; i < 45; i++) {
		ck_assert_int_eq(emubox_run(&box, COUNT, a, 0), EMU_RETURNED);
		ck_assert_uint_eq(box.result, i);
	}

	/* It ends some time, and what is behind it is nothing. */
	unsigned n = 0;
	while (emu_alloc(box.e, 0x10000) != 0)
		n++;
	ck_assert_uint_eq(n, 254);
	ck_assert_int_eq(emu_read(box.e, b + 0xffff, &v, 1), MS_OK);
	ck_assert_uint_eq(v & 0xff, 0);
}
END_TEST

START_TEST(reads_cross_pages_and_regions_end)
{
	uint64_t v;

	memcpy(box.mem + 0xffc, "\1\2\3\4\5\6\7\10", 8);
	/* mov rax,[rdi]; ret */
	ck_assert_int_eq(emubox_run(&box, "48 8b 07 c3", BOX_MEM + 0xffc, 0),
	                 EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x0807060504030201);
	ck_assert_int_eq(emubox_run(&box, "48 8b 07 c3", BOX_MEM + BOX_MEM_LEN - 8, 0),
	                 EMU_RETURNED);
	ck_assert_int_eq(emubox_run(&box, "48 8b 07 c3", BOX_MEM + BOX_MEM_LEN - 7, 0),
	                 EMU_FAULT);
	ck_assert_int_eq(emubox_run(&box, "48 8b 07 c3", BOX_MEM - 1, 0), EMU_FAULT);
	ck_assert_int_eq(emubox_run(&box, "48 8b 07 c3", (uint64_t)-4, 0), EMU_FAULT);
	ck_assert_int_eq(emu_read(box.e, (uint64_t)-4, &v, 8), MS_FAULT);
	ck_assert_int_eq(emu_write(box.e, BOX_MEM + BOX_MEM_LEN - 7, &v, 8), MS_FAULT);
}
END_TEST

START_TEST(a_region_may_be_a_part_of_a_page)
{
	struct image *im = image_new(8, false);
	struct errbuf eb = {0};
	struct target *t;
	struct emu *e;
	uint64_t result, args[] = {0x5000123};
	const uint8_t count[] = {0x48, 0x8b, 0x07, 0x48, 0xff,
	                         0xc0, 0x48, 0x89, 0x07, 0xc3};

	memcpy(image_region(im, 0x400123, sizeof(count), PROT_READ | PROT_EXEC, NULL),
	       count, sizeof(count));
	image_region(im, 0x5000123, 16, PROT_READ | PROT_WRITE, NULL);
	t = image_target(im, IMAGE_DATA);
	ck_assert_int_eq(emu_new(t, &e, &eb), MS_OK);
	ck_assert_int_eq(emu_call(e, 0x400123, args, 1, 100, &result), EMU_RETURNED);
	ck_assert_uint_eq(result, 1);
	ck_assert_int_eq(emu_read(e, 0x5000123, &result, 8), MS_OK);
	ck_assert_uint_eq(result, 1);

	/* The rest of the page is not there, written or not. */
	ck_assert_int_eq(emu_read(e, 0x5000123 + 9, &result, 8), MS_FAULT);
	args[0] = 0x5000123 + 9;
	ck_assert_int_eq(emu_call(e, 0x400123, args, 1, 100, &result), EMU_FAULT);
	args[0] = 0x5000122;
	ck_assert_int_eq(emu_call(e, 0x400123, args, 1, 100, &result), EMU_FAULT);
	emu_free(e);
	target_close(t);
}
END_TEST

START_TEST(thread_memory_is_where_it_was_set)
{
	uint64_t v = 77;

	memcpy(box.mem + 0x100, &v, 8);
	/* mov rax, fs:[0x100]; ret */
	emubox_code(&box, 0, "64 48 8b 04 25 00 01 00 00 c3");
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_FAULT);
	emu_set_tls(box.e, BOX_MEM);
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 77);

	/*
	 * A thread's variables lie below its pointer: mov rax, -8 ; mov rax, fs:[rax];
	 * ret
	 */
	emu_set_tls(box.e, BOX_MEM + 0x108);
	ck_assert_int_eq(emubox_run(&box, "48 c7 c0 f8 ff ff ff 64 48 8b 00 c3", 0, 0),
	                 EMU_RETURNED);
	ck_assert_uint_eq(box.result, 77);
}
END_TEST

/*
 * Through windows that are read, the same is seen as through bytes at hand; each is read
 * once.
 */
START_TEST(a_target_that_must_be_read_is_read_in_windows)
{
	struct emubox far;

	emubox_open(&far, 8, 0, IMAGE_READ);
	for (unsigned i = 0; i < BOX_MEM_LEN; i += 8)
		far.mem[i] = 1;
	/* xor eax,eax; 3: add rax,[rdi]; add rdi,8; dec rsi; jnz 3; ret */
	emubox_code(&far, 0, "31 c0 48 03 07 48 83 c7 08 48 ff ce 75 f4 c3");
	ck_assert_int_eq(emubox_call(&far, BOX_MEM, BOX_MEM_LEN / 8, 100000000),
	                 EMU_RETURNED);
	ck_assert_uint_eq(far.result, BOX_MEM_LEN / 8);
	ck_assert_int_eq(emubox_call(&far, BOX_MEM, BOX_MEM_LEN / 8 + 1, 100000000),
	                 EMU_FAULT);
	emubox_close(&far);

	emubox_open(&far, 8, 0, IMAGE_READ);
	emubox_code(&far, 0, COUNT);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(emubox_call(&far, BOX_MEM + 0x1000, 0, 100),
		                 EMU_RETURNED);
		ck_assert_uint_eq(far.result, 1);
	}
	emubox_close(&far);
}
END_TEST

/* ---- what is answered and counted ---- */

START_TEST(unknown_instructions_are_counted_by_name)
{
	const char *text;
	uint64_t count;

	ck_assert(!emu_unknown_at(box.e, 0, &text, &count));
	/* nop; fldz */
	ck_assert_int_eq(emubox_run(&box, "90 d9 ee", 0, 0), EMU_UNKNOWN);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + 1);
	ck_assert_uint_eq(emu_last(box.e).bytes[0], 0xd9);
	ck_assert_uint_eq(emu_last(box.e).n_bytes, 15);
	/* rdtsc; rdrand eax, twice */
	ck_assert_int_eq(emubox_run(&box, "0f 31", 0, 0), EMU_UNKNOWN);
	ck_assert_int_eq(emubox_run(&box, "0f c7 f0", 0, 0), EMU_UNKNOWN);
	ck_assert_int_eq(emubox_run(&box, "0f c7 f0", 0, 0), EMU_UNKNOWN);
	ck_assert_uint_eq(emu_stats(box.e).unknown, 4);

	ck_assert(emu_unknown_at(box.e, 0, &text, &count));
	ck_assert_str_eq(text, "d9 ee");
	ck_assert_uint_eq(count, 1);
	ck_assert(emu_unknown_at(box.e, 2, &text, &count));
	ck_assert_str_eq(text, "0f c7 /6");
	ck_assert_uint_eq(count, 2);
	ck_assert(!emu_unknown_at(box.e, 3, &text, &count));
}
END_TEST

/* The bytes of an instruction that is not known, and its name. */
/* clang-format off */
static const struct {
	const char *hex, *name;
} unknowns[] = {
	{"0f 31", "0f 31"},                         /* rdtsc */
	{"0f c7 f0", "0f c7 /6"},                   /* rdrand */
	{"66 41 0f 38 dc c1", "66 0f 38 dc"},       /* aesenc */
	{"0f ae 10", "0f ae /2"},                   /* ldmxcsr */
	{"0f 01 f9", "0f 01 f9"},                   /* rdtscp */
	{"d9 40 04", "d9 /0"},                      /* fld dword [rax+4] */
	{"c4 e2 6d 8c 07", "vex 256 66 0f 38 8c"},  /* vpmaskmovd ymm, ymm, [rdi] */
	{"62 f1 6c 48 58 c2", "evex 512 0f 58"},    /* vaddps zmm */
	{"f0 89 07", "lock 89"},                    /* lock mov is none */
	{"6c", "6c"},                               /* insb */
};
/* clang-format on */

START_TEST(unknown_instructions_have_names)
{
	const char *text;
	uint64_t count;

	ck_assert_int_eq(emubox_run(&box, unknowns[_i].hex, BOX_MEM, BOX_MEM),
	                 EMU_UNKNOWN);
	ck_assert(emu_unknown_at(box.e, 0, &text, &count));
	ck_assert_str_eq(text, unknowns[_i].name);
}
END_TEST

START_TEST(the_processor_is_a_plain_one)
{
	/* mov eax,edi; push rbx; cpuid; mov eax,edx; pop rbx; ret */
	emubox_code(&box, 0, "89 f8 53 0f a2 89 d0 5b c3");
	ck_assert_int_eq(emubox_call(&box, 1, 0, 100), EMU_RETURNED);
	ck_assert_uint_ne(box.result & 1u << 26, 0);
	/* ... mov eax,ecx: neither SSE3, nor SSSE3, SSE4, AVX, OSXSAVE, POPCNT */
	emubox_code(&box, 5, "89 c8");
	ck_assert_int_eq(emubox_call(&box, 1, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0);
	/* Leaf 7, which does not exist: all zero. */
	ck_assert_int_eq(emubox_call(&box, 7, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0);
}
END_TEST

START_TEST(state_that_is_saved_comes_back)
{
	/* movq xmm3,rsi; save [rdi]; xorps xmm3,xmm3; restore [rdi]; movq rax,xmm3; ret */
	static const char *const pairs[][2] = {
		{"0f ae 07", "0f ae 0f"}, /* fxsave, fxrstor */
		{"0f ae 27", "0f ae 2f"}, /* xsave, xrstor */
		{"0f c7 27", "0f ae 2f"}, /* xsavec, xrstor */
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		/* mov eax,0xe7; cdq: x87, SSE, AVX and AVX-512 are asked for */
		emubox_code(&box, 0, "b8 e7 00 00 00 99 66 48 0f 6e de 00 00 00 0f 57 db");
		emubox_code(&box, 11, pairs[i][0]);
		emubox_code(&box, 17, pairs[i][1]);
		emubox_code(&box, 20, "66 48 0f 7e d8 c3");
		enum emu_end end = emubox_call(&box, BOX_MEM, 0x1122334455667788, 100);
		ck_assert_int_eq(end, EMU_RETURNED);
		ck_assert_uint_eq(box.result, 0x1122334455667788);
		ck_assert_int_eq(emubox_call(&box, BOX_MEM + 8, 0, 100), EMU_FAULT);
	}
}
END_TEST

START_TEST(system_calls_end_the_call_but_for_some)
{
	/* mov eax,edi; syscall; ret */
	emubox_code(&box, 0, "89 f8 0f 05 c3");
	ck_assert_int_eq(emubox_call(&box, 39, 0, 100), EMU_SYSCALL);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + 2);
	emu_set_ids(box.e, 1234, 5678);
	ck_assert_int_eq(emubox_call(&box, 39, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 1234);
	ck_assert_int_eq(emubox_call(&box, 186, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 5678);
	/* futex: wake, wake of the process alone, wait; then kill */
	ck_assert_int_eq(emubox_call(&box, 202, 1, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0);
	ck_assert_int_eq(emubox_call(&box, 202, 129, 100), EMU_RETURNED);
	ck_assert_int_eq(emubox_call(&box, 202, 0, 100), EMU_SYSCALL);
	ck_assert_int_eq(emubox_call(&box, 62, 0, 100), EMU_SYSCALL);
}
END_TEST

START_TEST(other_machines_are_refused_by_name)
{
	struct image *im = image_new(8, true);
	struct target *t = image_target(im, IMAGE_DATA);
	struct errbuf eb = {0};
	struct emu *e = NULL;

	ck_assert_int_eq(emu_new(t, &e, &eb), MS_VERSION);
	ck_assert_ptr_nonnull(strstr(eb.msg, "big-endian"));
	ck_assert_ptr_null(e);
	emu_free(e);
	target_close(t);
}
END_TEST

START_TEST(every_end_has_a_text)
{
	for (int i = 0; i < EMU_END_COUNT; i++)
		ck_assert_uint_gt(strlen(emu_end_text((enum emu_end)i)), 3);
	ck_assert_str_eq(emu_end_text(EMU_SYSCALL), "system call");
}
END_TEST

Suite *
suite_emu(void)
{
	Suite *s = suite_create("emu");
	TCase *tc = tcase_create("calls");
	tcase_add_checked_fixture(tc, open_box, close_box);
	tcase_add_test(tc, a_call_returns_its_result);
	tcase_add_test(tc, six_arguments_arrive);
	tcase_add_test(tc, the_stack_is_aligned_as_the_convention_says);
	tcase_add_test(tc, the_limit_is_exact);
	tcase_add_test(tc, repetitions_count_against_the_limit);
	tcase_add_test(tc, a_hook_stands_for_a_function);
	tcase_add_test(tc, a_hook_can_stop_the_call);
	tcase_add_test(tc, a_hook_on_real_code_can_pass);
	tcase_add_test(tc, control_that_falls_into_a_hook_finds_it);
	tcase_add_test(tc, a_hook_that_only_calls_itself_ends_by_the_limit);
	tcase_add_test(tc, a_call_within_a_call_is_refused);
	tcase_add_test(tc, writes_are_dropped_before_the_next_call);
	tcase_add_test(tc, writes_that_are_kept_stay);
	tcase_add_test(tc, own_memory_is_kept);
	tcase_add_test(tc, reads_cross_pages_and_regions_end);
	tcase_add_test(tc, a_region_may_be_a_part_of_a_page);
	tcase_add_test(tc, thread_memory_is_where_it_was_set);
	tcase_add_test(tc, a_target_that_must_be_read_is_read_in_windows);
	tcase_add_test(tc, unknown_instructions_are_counted_by_name);
	tcase_add_loop_test(tc, unknown_instructions_have_names, 0, ARRAY_LEN(unknowns));
	tcase_add_test(tc, the_processor_is_a_plain_one);
	tcase_add_test(tc, state_that_is_saved_comes_back);
	tcase_add_test(tc, system_calls_end_the_call_but_for_some);
	tcase_add_test(tc, other_machines_are_refused_by_name);
	tcase_add_test(tc, every_end_has_a_text);
	suite_add_tcase(s, tc);
	return s;
}
