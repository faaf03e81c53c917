/*
 * Symbols of this very program, which knows where its own functions are: by name and by
 * address, exported, static and in thread-local storage, from the file alone.
 */
#include <check.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/elf.h"
#include "memscan/mem.h"

Suite *suite_symbols(void);

/* Something of every kind, at addresses that C can tell. */
extern const uint64_t symbols_test_constant[4];
extern uint8_t symbols_test_zeros[100];
const uint64_t symbols_test_constant[4] = {0x1122334455667788, 2, 3, 4};
uint8_t symbols_test_zeros[100];
extern __thread int symbols_test_tls;
__thread int symbols_test_tls = 5;

static __attribute__((noinline, used)) unsigned
symbols_test_static(unsigned x)
{
	__asm__ volatile("");
	return x * 3 + 1;
}

static uint64_t
own_bias(void)
{
	/* The first entry of the loader's list is the program. */
	return _r_debug.r_map->l_addr;
}

static struct modules *
open_self(void)
{
	struct errbuf eb = {0};
	struct modules *ms;

	ck_assert_msg(elf_open_file("/proc/self/exe", &ms, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(modules_count(ms), 1);
	return ms;
}

START_TEST(test_by_name)
{
	struct modules *ms = open_self();
	struct module *m = modules_at(ms, 0);
	struct elf_symbol sym;

	ck_assert_uint_eq(m->bias, 0);
	ck_assert_int_eq(elf_symbol(m, "suite_symbols", &sym), MS_OK);
	ck_assert_uint_eq(sym.addr + own_bias(), (uintptr_t)suite_symbols);
	ck_assert_uint_eq(sym.type, STT_FUNC);
	ck_assert_uint_gt(sym.size, 0);
	ck_assert_int_eq(elf_symbol(m, "symbols_test_static", &sym), MS_OK);
	ck_assert_uint_eq(sym.addr + own_bias(), (uintptr_t)symbols_test_static);
	ck_assert(!sym.is_dynamic);
	ck_assert_int_eq(elf_symbol(m, "symbols_test_zeros", &sym), MS_OK);
	ck_assert_uint_eq(sym.addr + own_bias(), (uintptr_t)symbols_test_zeros);
	ck_assert_uint_eq(sym.type, STT_OBJECT);
	/* AddressSanitizer puts a red zone behind it, of which the size tells too. */
	ck_assert_uint_ge(sym.size, sizeof(symbols_test_zeros));
	ck_assert_uint_lt(sym.size, 2 * sizeof(symbols_test_zeros));
	/* Of a thread-local variable: its offset in the block, which is small. */
	symbols_test_tls++;
	ck_assert_int_eq(elf_symbol(m, "symbols_test_tls", &sym), MS_OK);
	ck_assert_uint_eq(sym.type, STT_TLS);
	ck_assert_uint_lt(sym.addr, 1 << 20);
	ck_assert_int_eq(elf_symbol(m, "no_such_symbol", &sym), MS_ABSENT);
	ck_assert_int_eq(elf_symbol(m, "", &sym), MS_ABSENT);
	/* Defined elsewhere: not here. */
	ck_assert_int_eq(elf_symbol(m, "getpid", &sym), MS_ABSENT);
	modules_free(ms);
}
END_TEST

START_TEST(test_sections_and_bytes)
{
	struct modules *ms = open_self();
	struct module *m = modules_at(ms, 0);
	taddr text, at;
	uint64_t size, v[4];
	uint8_t zeros[100];

	ck_assert_int_eq(elf_section(m, ".text", &text, &size), MS_OK);
	taddr code = (uintptr_t)symbols_test_static - own_bias();
	ck_assert_uint_ge(code, text);
	ck_assert_uint_lt(code, text + size);
	ck_assert_int_eq(elf_section(m, ".bss", &at, &size), MS_OK);
	taddr bss = (uintptr_t)symbols_test_zeros - own_bias();
	ck_assert_uint_ge(bss, at);
	ck_assert_uint_lt(bss, at + size);
	ck_assert_int_eq(elf_section(m, ".nothing", &at, &size), MS_ABSENT);
	/* Is in the file, but not in memory. */
	ck_assert_int_eq(elf_section(m, ".symtab", &at, &size), MS_ABSENT);

	at = (uintptr_t)symbols_test_constant - own_bias();
	ck_assert_int_eq(elf_read(m, at, v, sizeof(v)), MS_OK);
	ck_assert_mem_eq(v, symbols_test_constant, sizeof(v));
	memset(zeros, 1, sizeof(zeros));
	symbols_test_zeros[0] = 9; /* in memory, not in the file */
	ck_assert_int_eq(elf_read(m, bss, zeros, sizeof(zeros)), MS_OK);
	for (size_t i = 0; i < sizeof(zeros); i++)
		ck_assert_uint_eq(zeros[i], 0);
	ck_assert_int_eq(elf_read(m, m->end, zeros, 1), MS_FAULT);
	ck_assert_int_eq(elf_read(m, m->end - 1, zeros, 2), MS_FAULT);
	ck_assert_int_eq(elf_read(m, UINT64_MAX, zeros, 2), MS_FAULT);
	ck_assert_uint_eq(elf_machine(m)->ptr_width, sizeof(void *));
	modules_free(ms);
}
END_TEST

START_TEST(test_no_such_file)
{
	static const struct {
		const char *path;
		enum status want;
	} rows[] = {
		{"/no/such/file", MS_IO},
		{"/", MS_IO},
		{"/dev/null", MS_IO},
		{"/etc/passwd", MS_FORMAT},
	};
	struct modules *ms = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errbuf eb = {0};
		ck_assert_int_eq(elf_open_file(rows[i].path, &ms, &eb), rows[i].want);
		ck_assert_ptr_nonnull(strstr(eb.msg, rows[i].path));
		ck_assert_ptr_null(ms);
	}
	modules_free(NULL);
}
END_TEST

Suite *
suite_symbols(void)
{
	Suite *s = suite_create("symbols");
	TCase *tc = tcase_create("self");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_by_name);
	tcase_add_test(tc, test_sections_and_bytes);
	tcase_add_test(tc, test_no_such_file);
	suite_add_tcase(s, tc);
	return s;
}
