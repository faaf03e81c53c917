/*
 * What is different in 32-bit mode: where arguments are, addresses that wrap, opcodes
 * that mean something else, the thread pointer. Values are worked out by hand.
 */
#include <check.h>
#include <string.h>
#include <sys/mman.h>

#include "emubox.h"
#include "memscan/mem.h"

Suite *suite_emu_i386(void);

static struct emubox box;

static void
open_box(void)
{
	emubox_open(&box, 4, 0, IMAGE_DATA);
}

static void
close_box(void)
{
	emubox_close(&box);
}

/*
 * The code, called with BOX_MEM + 0x10, where 0x11223344 lies, and 0x80000001; what it
 * returns.
 */
/* clang-format off */
static const struct {
	const char *what, *hex;
	uint64_t result;
} rows[] = {
	{"mov eax,[esp+4]; ret", "8b 44 24 04 c3", BOX_MEM + 0x10},
	{"mov eax,[esp+8]; ret", "8b 44 24 08 c3", 0x80000001},
	{"mov eax,[esp+8]; inc eax; ret", "8b 44 24 08 40 c3", 0x80000002},
	{"mov eax,[esp+8]; dec eax; dec eax; ret", "8b 44 24 08 48 48 c3", 0x7fffffff},
	{"mov eax,[moffs]; ret", "a1 10 00 00 10 c3", 0x11223344},
	{"mov eax,[disp32]: absolute, not relative", "8b 05 10 00 00 10 c3", 0x11223344},
	{"mov ecx,[esp+4]; movzx eax, byte [ecx+1]", "8b 4c 24 04 0f b6 41 01 c3", 0x33},
	{"mov ecx,[esp+4]; mov eax,[ecx+ecx*8+0x7fffff70]: (9*0x10000010 + 0x7fffff70) wraps to 0x10000000",
	        "8b 4c 24 04 8b 84 c9 80 ff ff 7f c3", 0x11223344},
	{"push ebp; mov ebp,esp; mov eax,[ebp+8]; leave; ret", "55 89 e5 8b 45 08 c9 c3", BOX_MEM + 0x10},
	{"push imm8; pop eax: sign-extended to 4 bytes", "6a ff 58 c3", 0xffffffff},
	{"call next; pop eax; ret: the way to one's own address", "e8 00 00 00 00 58 c3", BOX_CODE + 5},
	{"mov eax,esp; sub eax,[esp+4]... push eax; sub eax,esp; pop ecx; ret", "89 e0 50 29 e0 59 c3", 4},
	{"mov ax,0x1234 (66): eax was zero", "66 b8 34 12 c3", 0x1234},
	{"mov eax,[esp+8]; cdq; mov eax,edx", "8b 44 24 08 99 89 d0 c3", 0xffffffff},
	{"mov eax,[esp+8]; mul eax; mov eax,edx: high half of 0x80000001 squared", "8b 44 24 08 f7 e0 89 d0 c3", 0x40000001},
	{"mov eax,[esp+8]; add eax,eax; sbb eax,eax", "8b 44 24 08 01 c0 19 c0 c3", 0xffffffff},
	{"shrd: mov eax,[esp+8]; or edx,-1; shrd eax,edx,4", "8b 44 24 08 83 ca ff 0f ac d0 04 c3", 0xf8000000},
	{"mov ecx,[esp+4]; cmpxchg8b twin: xor eax,eax; cdq; lock cmpxchg8b [ecx]; returns what is there",
	        "8b 4c 24 04 31 c0 99 f0 0f c7 09 c3", 0x11223344},
	{"movd xmm0,[esp+8]; pshufd xmm0,xmm0,0; movd eax,xmm0", "66 0f 6e 44 24 08 66 0f 70 c0 00 66 0f 7e c0 c3", 0x80000001},
	{"endbr32; nop; nop [eax]; xor eax,eax", "f3 0f 1e fb 90 0f 1f 00 31 c0 c3", 0},
	{"lea esp arithmetic wraps: lea eax,[esp-1]; sub eax,esp", "8d 44 24 ff 29 e0 c3", 0xffffffff},
	{"ret 8 takes its arguments: call f; ret  f: mov eax,[esp+4] with push 7, push 9",
	        "6a 09 6a 07 e8 01 00 00 00 c3 8b 44 24 04 c2 08 00", 7},
	{"sahf and lahf: mov ah,0xd5; sahf; lahf; shr eax,8; and eax,255", "b4 d5 9e 9f c1 e8 08 25 ff 00 00 00 c3", 0xd7},
};
/* clang-format on */

START_TEST(code_does_what_i386_does)
{
	uint32_t v = 0x11223344;

	memcpy(box.mem + 0x10, &v, 4);
	enum emu_end end = emubox_run(&box, rows[_i].hex, BOX_MEM + 0x10, 0x80000001);
	ck_assert_msg(end == EMU_RETURNED, "%s: %s at %llx", rows[_i].what,
	              emu_end_text(end), (unsigned long long)emu_last(box.e).pc);
	ck_assert_msg(box.result == rows[_i].result, "%s: %llx", rows[_i].what,
	              (unsigned long long)box.result);
}
END_TEST

static const struct {
	const char *what, *hex;
	enum emu_end end;
} ends[] = {
        {"syscall is not of this mode", "0f 05", EMU_UNKNOWN},
        {"int 0x80: mov eax,1; int 0x80 (exit)", "b8 01 00 00 00 cd 80", EMU_SYSCALL},
        {"arpl, which is movsxd in the other mode", "63 c0", EMU_UNKNOWN},
        {"les, which is VEX in the other mode", "c4 00", EMU_UNKNOWN},
        {"16-bit addresses", "67 8b 07", EMU_UNKNOWN},
        {"push es", "06", EMU_UNKNOWN},
        {"a call with 16-bit operand", "66 e8 00 00", EMU_UNKNOWN},
        {"read beyond the top: or eax,-1; mov eax,[eax]", "83 c8 ff 8b 00", EMU_FAULT},
        {"recursion", "55 e8 fa ff ff ff", EMU_FAULT},
};

START_TEST(code_ends_as_on_i386)
{
	emubox_code(&box, 0, ends[_i].hex);
	enum emu_end end = emubox_call(&box, BOX_MEM, 0, 1000000);
	ck_assert_msg(end == ends[_i].end, "%s: %s", ends[_i].what, emu_end_text(end));
}
END_TEST

START_TEST(thread_memory_is_behind_gs)
{
	uint32_t v = 0x55667788;

	memcpy(box.mem + 0x100, &v, 4);
	emu_set_tls(box.e, BOX_MEM + 0x104);
	/* mov eax, gs:[0xfffffffc]: four bytes below the thread pointer */
	ck_assert_int_eq(emubox_run(&box, "65 a1 fc ff ff ff c3", 0, 0), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x55667788);
	/* mov eax,-4; mov eax, gs:[eax] */
	ck_assert_int_eq(emubox_run(&box, "b8 fc ff ff ff 65 8b 00 c3", 0, 0),
	                 EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x55667788);
}
END_TEST

static enum emu_verdict
sum(void *self, struct emu *e, const uint64_t args[6], taddr return_to, uint64_t *value)
{
	(void)e;
	*(taddr *)self = return_to;
	*value = args[0] + args[1] * 0x100 + args[2] * 0x10000;
	return EMU_GO_ON;
}

START_TEST(a_hook_finds_its_arguments_on_the_stack)
{
	taddr magic = emu_magic(box.e), from = 0;

	ck_assert_uint_le(magic, UINT32_MAX);
	emu_hook_set(box.e, magic, sum, &from);
	/* mov ecx,[esp+4]; push 3; push 2; push 1; call ecx; add esp,12; inc eax; ret */
	ck_assert_int_eq(emubox_run(&box,
	                            "8b 4c 24 04 6a 03 6a 02 6a 01 ff d1 83 c4 0c 40 c3",
	                            magic, 0),
	                 EMU_RETURNED);
	ck_assert_uint_eq(box.result, 0x30202);
	ck_assert_uint_eq(from, BOX_CODE + 12);
}
END_TEST

START_TEST(process_ids_have_numbers_of_their_own)
{
	emu_set_ids(box.e, 11, 22);
	/* mov eax,[esp+4]; int 0x80; ret: getpid, gettid */
	emubox_code(&box, 0, "8b 44 24 04 cd 80 c3");
	ck_assert_int_eq(emubox_call(&box, 20, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 11);
	ck_assert_int_eq(emubox_call(&box, 224, 0, 100), EMU_RETURNED);
	ck_assert_uint_eq(box.result, 22);
	ck_assert_int_eq(emubox_call(&box, 39, 0, 100), EMU_SYSCALL);
}
END_TEST

Suite *
suite_emu_i386(void)
{
	Suite *s = suite_create("emu_i386");
	TCase *tc = tcase_create("i386");
	tcase_add_checked_fixture(tc, open_box, close_box);
	tcase_add_loop_test(tc, code_does_what_i386_does, 0, ARRAY_LEN(rows));
	tcase_add_loop_test(tc, code_ends_as_on_i386, 0, ARRAY_LEN(ends));
	tcase_add_test(tc, thread_memory_is_behind_gs);
	tcase_add_test(tc, a_hook_finds_its_arguments_on_the_stack);
	tcase_add_test(tc, process_ids_have_numbers_of_their_own);
	suite_add_tcase(s, tc);
	return s;
}
