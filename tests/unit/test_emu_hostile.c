/*
 * Code that means harm, or is merely broken: every call ends, within its limit, with the
 * end that fits, and leaves the interpreter as good as before.
 */
#include <check.h>
#include <string.h>
#include <sys/mman.h>

#include "emubox.h"
#include "memscan/mem.h"

Suite *suite_emu_hostile(void);

/* rdi is BOX_MEM, rsi is 0. */
/* clang-format off */
static const struct {
	const char *what, *hex;
	enum emu_end end;
} cases[] = {
	{"jmp to itself", "eb fe", EMU_LIMIT},
	{"loop of calls and returns", "e8 02 00 00 00 eb f9 c3", EMU_LIMIT},
	{"rep lodsb: mov rcx,-1; mov rsi,rdi; rep lodsb", "48 c7 c1 ff ff ff ff 48 89 fe f3 ac", EMU_LIMIT},
	{"repe cmpsb of memory with itself", "48 c7 c1 ff ff ff ff 48 89 fe f3 a6 c3", EMU_LIMIT},
	{"jrcxz to itself", "31 c9 e3 fe", EMU_LIMIT},
	{"recursion: push rbp; call to itself", "55 e8 fa ff ff ff", EMU_FAULT},
	{"pushes without end", "50 eb fd", EMU_FAULT},
	{"pops without end", "58 eb fd", EMU_FAULT},
	{"sub rsp, 64 MiB; push rax", "48 81 ec 00 00 00 04 50", EMU_FAULT},
	{"rsp to nowhere: xor esp,esp; push rax", "31 e4 50", EMU_FAULT},
	{"rsp to nowhere: xor esp,esp; ret", "31 e4 c3", EMU_FAULT},
	{"read of null", "48 8b 04 25 00 00 00 00", EMU_FAULT},
	{"write to null", "48 89 04 25 00 00 00 00", EMU_FAULT},
	{"read of the last byte there could be: or rax,-1; mov al,[rax]", "48 83 c8 ff 8a 00", EMU_FAULT},
	{"read across the end of the address space: or rax,-1; mov rax,[rax]", "48 83 c8 ff 48 8b 00", EMU_FAULT},
	{"write across the end of the address space", "48 83 c8 ff 48 89 00", EMU_FAULT},
	{"jump to null: xor eax,eax; jmp rax", "31 c0 ff e0", EMU_FAULT},
	{"jump to data, that is not executable: jmp rdi", "ff e7", EMU_FAULT},
	{"jump to the stack: push -1; jmp rsp", "6a ff ff e4", EMU_FAULT},
	{"jump through null: jmp [rsi]", "ff 26", EMU_FAULT},
	{"call to the end of the address space: or rax,-1; call rax", "48 83 c8 ff ff d0", EMU_FAULT},
	{"return to data: push rdi; ret", "57 c3", EMU_FAULT},
	{"int3", "cc", EMU_TRAP},
	{"ud2", "0f 0b", EMU_TRAP},
	{"hlt", "f4", EMU_TRAP},
	{"cli", "fa", EMU_TRAP},
	{"int 3 in its long form", "cd 03", EMU_TRAP},
	{"int 0x80", "cd 80", EMU_SYSCALL},
	{"sysenter", "0f 34", EMU_SYSCALL},
	{"syscall: mov eax,60; syscall", "b8 3c 00 00 00 0f 05", EMU_SYSCALL},
	{"division by zero: div rsi", "48 f7 f6", EMU_TRAP},
	{"the one quotient too large: mov eax,0x80000000; cdq; or ecx,-1; idiv ecx", "b8 00 00 00 80 99 83 c9 ff f7 f9", EMU_TRAP},
	{"trap flag: push 0x100; popf", "68 00 01 00 00 9d", EMU_TRAP},
	{"an instruction of prefixes alone", "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", EMU_FAULT},
	{"in", "ec", EMU_UNKNOWN},
	{"far call", "ff 1f", EMU_UNKNOWN},
	{"mov ds, eax", "8e d8", EMU_UNKNOWN},
	{"movaps of an address that is not aligned", "0f 28 47 01", EMU_FAULT},
};
/* clang-format on */

static const unsigned words[] = {8, 4};

START_TEST(bad_code_ends)
{
	struct emubox box;

	emubox_open(&box, 8, 0, IMAGE_DATA);
	struct emu_stats before = emu_stats(box.e);
	enum emu_end end = emubox_run(&box, cases[_i].hex, BOX_MEM, 0);
	struct emu_stats after = emu_stats(box.e);
	if (strncmp(cases[_i].what, "pushes", 6) == 0 ||
	    strncmp(cases[_i].what, "recursion", 9) == 0) {
		/* The stack is larger than what the short limit can fill. */
		ck_assert_int_eq(end, EMU_LIMIT);
		end = emubox_call(&box, BOX_MEM, 0, 1000000);
		after = before;
	}
	ck_assert_msg(end == cases[_i].end, "%s: %s", cases[_i].what, emu_end_text(end));
	ck_assert_uint_le(after.instructions - before.instructions, 10000);

	/* And then: lea rax,[rdi+rsi]; ret */
	ck_assert_int_eq(emubox_run(&box, "48 8d 04 37 c3", 40, 2), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 42);
	emubox_close(&box);
}
END_TEST

static enum emu_verdict
count(void *self, struct emu *e, const uint64_t args[6], taddr return_to, uint64_t *value)
{
	(void)e;
	(void)args;
	(void)return_to;
	(void)value;
	++*(uint64_t *)self;
	return EMU_GO_ON;
}

START_TEST(a_traverse_that_visits_a_billion_times_ends)
{
	struct emubox box;
	uint64_t n = 0;

	emubox_open(&box, 8, 0, IMAGE_DATA);
	taddr hook = emu_magic(box.e);
	emu_hook_set(box.e, hook, count, &n);
	/* push rbx; mov rbx,rdi; mov ebp,1000000000; 9: call rbx; dec ebp; jnz 9; ret */
	emubox_code(&box, 0, "53 48 89 fb bd 00 ca 9a 3b ff d3 ff cd 75 fa c3");
	ck_assert_int_eq(emubox_call(&box, hook, 0, 400003), EMU_LIMIT);

	/* Four to a round: call, the hook, dec, jnz. */
	ck_assert_uint_eq(n, 100000);
	emubox_close(&box);
}
END_TEST

START_TEST(scratch_pages_have_an_end)
{
	struct emubox box;

	emubox_open(&box, 8, 0, IMAGE_DATA);
	/* 0: mov [rdi],rsi; add rdi,4096; dec rsi; jnz 0; ret */
	emubox_code(&box, 0, "48 89 37 48 81 c7 00 10 00 00 48 ff ce 75 f1 c3");
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 256, 10000), EMU_RETURNED);
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 257, 10000), EMU_DENIED);
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 256, 10000), EMU_RETURNED);

	emubox_close(&box);
}
END_TEST

/* 16 MiB may be kept; then nothing more is, and what was stays. */
START_TEST(kept_pages_have_an_end)
{
	struct emubox box;
	uint64_t v;

	emubox_open(&box, 8, 0, IMAGE_DATA);
	emubox_code(&box, 0, "48 89 37 48 81 c7 00 10 00 00 48 ff ce 75 f1 c3");
	for (unsigned i = 0; i < 16; i++) {
		ck_assert_int_eq(emubox_call(&box, BOX_MEM + 0x100000 * i, 256, 10000),
		                 EMU_RETURNED);
		ck_assert(emu_keep(box.e));
	}
	ck_assert_int_eq(emubox_call(&box, BOX_MEM + 0x1000000, 1, 10000), EMU_RETURNED);
	ck_assert(!emu_keep(box.e));

	/* Pages that are kept already can be kept anew. */
	ck_assert_int_eq(emubox_call(&box, BOX_MEM, 3, 10000), EMU_RETURNED);
	ck_assert(emu_keep(box.e));
	ck_assert_int_eq(emubox_call(&box, BOX_MEM + 0x1000000, 1, 10000), EMU_RETURNED);
	ck_assert_int_eq(emu_read(box.e, BOX_MEM, &v, 8), MS_OK);
	ck_assert_uint_eq(v, 3);
	ck_assert_int_eq(emu_read(box.e, BOX_MEM + 0x3000, &v, 8), MS_OK);
	ck_assert_uint_eq(v, 253);
	emubox_close(&box);
}
END_TEST

/* ---- code that writes code: the pages are writable here ---- */

START_TEST(code_sees_what_it_wrote_over_itself)
{
	struct emubox box;

	emubox_open(&box, 8, PROT_WRITE, IMAGE_DATA);
	/*
	 * mov byte [rip+1], 7; mov eax, 1: the 1 is what is written over, in the same
	 * block
	 */
	emubox_code(&box, 0, "c6 05 01 00 00 00 07 b8 01 00 00 00 c3");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_RETURNED);
		ck_assert_uint_eq(box.result, 7);
	}
	ck_assert_uint_eq(box.code[8], 1);
	emubox_close(&box);
}
END_TEST

START_TEST(code_that_was_written_is_gone_with_the_call)
{
	struct emubox box;

	emubox_open(&box, 8, PROT_WRITE, IMAGE_DATA);
	/* 0: test esi,esi; jz 7 ; mov [rip+1], dil (at 7+1); 11..: see below */
	/* 85 f6 74 07 | 40 88 3d 01 00 00 00 | b8 01 00 00 00 c3 */
	emubox_code(&box, 0, "85 f6 74 07 40 88 3d 01 00 00 00 b8 01 00 00 00 c3");
	ck_assert_int_eq(emubox_call(&box, 9, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 1);
	ck_assert_int_eq(emubox_call(&box, 9, 1, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 9);
	ck_assert_int_eq(emubox_call(&box, 9, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 1);

	/* Unless it is kept. */
	ck_assert_int_eq(emubox_call(&box, 5, 1, 100), EMU_RETURNED);
	ck_assert(emu_keep(box.e));
	ck_assert_int_eq(emubox_call(&box, 9, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 5);
	ck_assert_int_eq(emubox_call(&box, 9, 1, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 9);
	ck_assert_int_eq(emubox_call(&box, 9, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 5);
	emubox_close(&box);
}
END_TEST

/*
 * An instruction that begins in a page that nobody wrote to, and ends in one that was
 * written.
 */
START_TEST(an_instruction_across_a_written_page_is_new)
{
	struct emubox box;

	emubox_open(&box, 8, PROT_WRITE, IMAGE_DATA);
	/* 0: mov [rip+0xff9], dil (0x1000); jmp 0xffe;  0xffe: b8 01 | 00 00 00 c3 */
	emubox_code(&box, 0xffe, "b8 02 01 00 00 c3");
	emubox_code(&box, 0, "e9 f9 0f 00 00");
	ck_assert_int_eq(emubox_call(&box, 3, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x102);
	box.code[0] = 0xcc;
	emubox_code(&box, 0, "40 88 3d f9 0f 00 00 e9 f2 0f 00 00");
	ck_assert_int_eq(emubox_call(&box, 3, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x302);
	emubox_close(&box);
}
END_TEST

START_TEST(an_instruction_cut_off_by_the_end_of_memory_faults)
{
	struct emubox box;

	emubox_open(&box, 8, 0, IMAGE_DATA);
	/* At the very end: mov eax, ...; before it, two that are whole. */
	emubox_code(&box, BOX_CODE_LEN - 6, "90 90 b8 01 00 00");
	/* jmp there */
	emubox_code(&box, 0, "e9 f5 1f 00 00");
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_FAULT);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + BOX_CODE_LEN - 4);
	ck_assert_uint_eq(emu_last(box.e).n_bytes, 4);

	/* The same one byte earlier is whole, and then there is nothing. */
	emubox_code(&box, BOX_CODE_LEN - 6, "90 b8 01 00 00 00");
	ck_assert_int_eq(emubox_call(&box, 0, 0, 100), EMU_FAULT);
	ck_assert_uint_eq(emu_last(box.e).pc, BOX_CODE + BOX_CODE_LEN);
	ck_assert_uint_eq(emu_last(box.e).n_bytes, 0);
	emubox_close(&box);
}
END_TEST

/* Blocks of more code than the cache holds: it is emptied, and what comes is right. */
START_TEST(the_cache_of_blocks_has_an_end)
{
	struct emubox box;

	emubox_open(&box, words[_i], 0, IMAGE_DATA);
	memset(box.code, 0x90, BOX_CODE_LEN);
	box.code[BOX_CODE_LEN - 1] = 0xc3;
	for (unsigned i = 0; i < BOX_CODE_LEN - 1; i++) {
		uint64_t result;
		struct emu_stats before = emu_stats(box.e);
		ck_assert(emu_call(box.e, BOX_CODE + i, NULL, 0, 100000, &result) ==
		          EMU_RETURNED);
		ck_assert(emu_stats(box.e).instructions - before.instructions ==
		          BOX_CODE_LEN - i);
	}
	emubox_close(&box);
}
END_TEST

Suite *
suite_emu_hostile(void)
{
	Suite *s = suite_create("emu_hostile");
	TCase *tc = tcase_create("hostile");
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, bad_code_ends, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, a_traverse_that_visits_a_billion_times_ends);
	tcase_add_test(tc, scratch_pages_have_an_end);
	tcase_add_test(tc, kept_pages_have_an_end);
	tcase_add_test(tc, code_sees_what_it_wrote_over_itself);
	tcase_add_test(tc, code_that_was_written_is_gone_with_the_call);
	tcase_add_test(tc, an_instruction_across_a_written_page_is_new);
	tcase_add_test(tc, an_instruction_cut_off_by_the_end_of_memory_faults);
	tcase_add_loop_test(tc, the_cache_of_blocks_has_an_end, 0, ARRAY_LEN(words));
	suite_add_tcase(s, tc);
	return s;
}
