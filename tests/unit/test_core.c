/*
 * Core files made by hand (mkcore): both widths, both byte orders, and all that can be
 * wrong with one.
 */
#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"
#include "mkcore.h"
#include "target/corepriv.h"

enum { PAGE = 4096 };

static char path[64]; /* of the core of the running test, by way of an open file */
static int core_fd = -1;

/* Make mk the file that path names. */
static void
use_bytes(const uint8_t *p, size_t len)
{
	mem_clean_close(&core_fd);
	core_fd = memfd_create("core", MFD_CLOEXEC);
	ck_assert_int_ge(core_fd, 0);
	ck_assert_int_eq(write(core_fd, p, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", core_fd);
}

static struct core *
open_bytes(const uint8_t *p, size_t len)
{
	struct errbuf eb = {0};
	struct core *c = NULL;

	use_bytes(p, len);
	ck_assert_msg(core_open(path, &c, &eb) == MS_OK, "%s", eb.msg);
	return c;
}

/* Seeds of the fuzzer: MEMSCAN_UPDATE=1 build/release/check core. */
static void
save_seed(const uint8_t *p, size_t len)
{
	uint32_t sum = 5381;
	char name[200];

	if (getenv("MEMSCAN_UPDATE") == NULL || len > 1 << 16)
		return;
	for (size_t i = 0; i < len; i++)
		sum = sum * 33 + p[i];
	snprintf(name, sizeof(name), "tests/fuzz/corpus/core/core-%08x", sum);
	CLEAN_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_msg(fd >= 0, "%s", name);
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
}

static struct core *
open_made(const struct mkcore *mk)
{
	size_t len;
	CLEAN_FREE uint8_t *p = mkcore_bytes(mk, &len);
	save_seed(p, len);
	return open_bytes(p, len);
}

static struct target *
target_of(struct core *c)
{
	struct errbuf eb = {0};
	struct target *t = NULL;

	ck_assert_msg(core_target(c, &t, &eb) == MS_OK, "%s", eb.msg);
	return t;
}

/* ---- what is right ---- */

static const struct {
	unsigned width;
	bool big;
	uint16_t machine;
	const char *name;
	bool has_tls;
} kinds[] = {
	{8, false, EM_X86_64, "x86-64", true},
	{4, false, EM_386, "i386", false},
	{8, false, EM_AARCH64, "aarch64", false},
	{8, true, EM_S390, "s390x", false},
};

START_TEST(test_kinds)
{
	uint8_t page[PAGE] = {1, 2, 3, 4, 5, 6, 7, 8};
	CLEAN(mkcore_fini) struct mkcore mk;
	const uint64_t auxv[] = {AT_PAGESZ, PAGE, AT_PHDR, 0x10040, AT_UID, 1000};
	const struct mkcore_file files[] = {
		{0x10000, 0x11000, 0, "/bin/program"},
		{0x11000, 0x13000, 1, "/bin/program"},
		{0x20000, 0x21000, 0, "/lib/gone (deleted)"},
	};
	struct target *t;
	size_t n;

	mkcore_init(&mk, kinds[_i].width, kinds[_i].big, kinds[_i].machine);
	mkcore_prstatus(&mk, 77, SIGSEGV, 0x10123, 0x30800);
	mkcore_psinfo(&mk, 70, 1000, "program", "program --with arguments ");
	mkcore_siginfo(&mk, SIGSEGV, 1, 0xdead0);
	mkcore_auxv(&mk, auxv, 3);
	mkcore_files(&mk, files, 3);
	mkcore_prstatus(&mk, 70, 0, 0x10456, 0x30900);
	mkcore_load(&mk, 0x10000, page, PAGE, PAGE, PF_R);
	mkcore_load(&mk, 0x11000, NULL, 0, 0x2000, PF_R | PF_X);
	mkcore_load(&mk, 0x30000, page, PAGE, PAGE, PF_R | PF_W);
	struct core *c = open_made(&mk);

	const struct core_info *info = core_info(c);
	ck_assert_str_eq(machine_name(core_machine(c)->e_machine), kinds[_i].name);
	ck_assert_int_eq(info->pid, 70);
	ck_assert_uint_eq(info->uid, 1000);
	ck_assert_str_eq(info->comm, "program");
	ck_assert_str_eq(info->cmdline, "program --with arguments");
	ck_assert_str_eq(info->exe, "/bin/program");
	ck_assert_int_eq(info->signal.number, SIGSEGV);
	ck_assert(info->signal.has_addr);
	ck_assert_uint_eq(info->signal.addr, 0xdead0);
	ck_assert_uint_eq(info->n_threads, 2);
	ck_assert_int_eq(info->threads[0].tid, 77);
	ck_assert_uint_eq(info->threads[0].pc, 0x10123);
	ck_assert_uint_eq(info->threads[0].sp, 0x30800);
	ck_assert_uint_eq(info->threads[0].fs_base,
	                  kinds[_i].has_tls ? 0x7f0000001000 : 0);
	ck_assert_uint_eq(info->threads[1].pc, 0x10456);
	ck_assert_uint_eq(info->bad, 0);
	ck_assert_uint_eq(info->cut, 0);

	const struct core_file *f = core_files(c, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(f[0].path, "/bin/program");
	ck_assert(f[0].is_exe);
	ck_assert_uint_eq(f[0].n, 2);
	ck_assert_str_eq(f[1].path, "/lib/gone");
	ck_assert(f[1].is_deleted);

	t = target_of(c);
	uint64_t v;
	ck_assert_int_eq(target_word(t, 0x30000, &v), MS_OK);
	ck_assert_uint_eq(v, load_uint(page, kinds[_i].width, kinds[_i].big));
	ck_assert_int_eq(target_word(t, 0x11000, &v), MS_FAULT);
	const struct region *r = target_region(t, 0x20000);
	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(r->path, "/lib/gone");
	ck_assert(r->is_deleted);
	ck_assert_int_eq(target_region(t, 0x30000)->prot, PROT_READ | PROT_WRITE);
	target_close(t);
	core_close(c);
}
END_TEST

/* More segments than fit into 16 bits are counted in the first section. */
START_TEST(test_many_segments)
{
	uint8_t page[PAGE] = {42};
	CLEAN(mkcore_fini) struct mkcore mk;

	mkcore_init(&mk, 8, false, EM_X86_64);
	mk.xnum = true;
	for (uint64_t i = 0; i < 0x10010; i++)
		mkcore_load(&mk, (i + 1) * PAGE, NULL, 0, PAGE, PF_R);
	mkcore_load(&mk, 0x7f0000000000, page, PAGE, PAGE, PF_R);
	struct core *c = open_made(&mk);
	struct target *t = target_of(c);
	size_t n;
	uint8_t byte;
	target_regions(t, &n);
	ck_assert_uint_eq(n, 0x10011);
	ck_assert_int_eq(target_u8(t, 0x7f0000000000, &byte), MS_OK);
	ck_assert_uint_eq(byte, 42);
	target_close(t);
	core_close(c);
}
END_TEST

/* The command line comes off the stack, where it is whole. */
START_TEST(test_arguments)
{
	enum { STACK = 0x7ffe0000 };
	uint8_t stack[PAGE] = {0};
	const char *const args[] = {"python3", "-c", "a very long argument that is "
	                            "longer than the eighty bytes which the kernel keeps "
	                            "of all of them together"};
	const uint64_t auxv[] = {AT_PAGESZ, PAGE, AT_UID, 5, AT_PHDR, 0x40,
		AT_ENTRY, 0x80, AT_RANDOM, STACK + 0x400};
	CLEAN(mkcore_fini) struct mkcore mk;
	uint64_t words[32] = {3};
	size_t n = 1, at = 0x500;

	for (size_t i = 0; i < 3; i++) {
		words[n++] = STACK + at;
		memcpy(stack + at, args[i], strlen(args[i]));
		at += strlen(args[i]) + 1;
	}
	words[n++] = 0;
	words[n++] = STACK + 0x700; /* the environment */
	words[n++] = 0;
	memcpy(words + n, auxv, sizeof(auxv));
	memcpy(stack + 0x100, words, sizeof(words));
	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_psinfo(&mk, 1, 0, "python3", "python3 -c a very long argument that");
	mkcore_auxv(&mk, auxv, 5);
	mkcore_load(&mk, STACK, stack, PAGE, PAGE, PF_R | PF_W);
	struct core *c = open_made(&mk);
	ck_assert_str_eq(core_info(c)->cmdline,
	                 "python3 -c a very long argument that is longer than the eighty "
	                 "bytes which the kernel keeps of all of them together");
	struct target *t = target_of(c);
	ck_assert_str_eq(target_region(t, STACK)->path, "[stack]");
	target_close(t);
	core_close(c);
}
END_TEST

/* ---- files ---- */

/* What the core lacks comes from the file, zeros behind its end, and nothing behind its last page. */
START_TEST(test_attached)
{
	uint8_t first[PAGE], whole[2 * PAGE + 100];
	const struct mkcore_file files[] = {{0x10000, 0x14000, 0, "/lib/x.so"}};
	CLEAN(mkcore_fini) struct mkcore mk;

	memset(first, 'c', sizeof(first));
	memset(whole, 'f', sizeof(whole));
	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_files(&mk, files, 1);
	mkcore_load(&mk, 0x10000, first, PAGE, 4 * PAGE, PF_R | PF_X);
	struct core *c = open_made(&mk);
	int fd = memfd_create("x.so", MFD_CLOEXEC);
	ck_assert_int_eq(write(fd, whole, sizeof(whole)), sizeof(whole));
	core_attach(c, 0, fd, "elsewhere");
	struct target *t = target_of(c);
	uint8_t buf[3 * PAGE];
	ck_assert_int_eq(target_read(t, 0x10000, buf, sizeof(buf)), MS_OK);
	ck_assert_int_eq(buf[PAGE - 1], 'c');
	ck_assert_int_eq(buf[PAGE], 'f');
	ck_assert_int_eq(buf[2 * PAGE + 99], 'f');
	ck_assert_int_eq(buf[2 * PAGE + 100], 0);
	ck_assert_int_eq(target_read(t, 0x13000, buf, 1), MS_FAULT);
	int again = -1;
	ck_assert_int_eq(target_open_file(t, target_region(t, 0x10000), &again), MS_OK);
	ck_assert_int_eq(pread(again, buf, 1, 0), 1);
	ck_assert_int_eq(buf[0], 'f');
	close(again);
	target_close(t);
	core_close(c);
}
END_TEST

/* Ranges that only NT_FILE has (gcore) are regions, too. */
START_TEST(test_ranges_without_segment)
{
	uint8_t page[PAGE] = {0};
	const struct mkcore_file files[] = {
		{0x10000, 0x12000, 0, "/lib/x.so"},
		{0x14000, 0x15000, 4, "/lib/x.so"},
	};
	CLEAN(mkcore_fini) struct mkcore mk;

	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_files(&mk, files, 2);
	mkcore_load(&mk, 0x11000, page, PAGE, 2 * PAGE, PF_R | PF_W);
	struct core *c = open_made(&mk);
	struct target *t = target_of(c);
	size_t n;
	const struct region *r = target_regions(t, &n);
	const struct {
		taddr start, end;
		const char *path;
	} want[] = {
		{0x10000, 0x11000, "/lib/x.so"},
		{0x11000, 0x12000, "/lib/x.so"},
		{0x12000, 0x13000, ""},
		{0x14000, 0x15000, "/lib/x.so"},
	};
	ck_assert_uint_eq(n, ARRAY_LEN(want));
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(r[i].start, want[i].start);
		ck_assert_uint_eq(r[i].end, want[i].end);
		ck_assert_str_eq(r[i].path, want[i].path);
	}
	ck_assert_uint_eq(r[3].file_off, 4 * PAGE);
	target_close(t);
	core_close(c);
}
END_TEST

/* ---- what is wrong ---- */

static void
refused(const uint8_t *p, size_t len, enum status st, const char *text)
{
	struct errbuf eb = {0};
	struct core *c = NULL;

	use_bytes(p, len);
	ck_assert_int_eq(core_open(path, &c, &eb), st);
	ck_assert_ptr_null(c);
	ck_assert_msg(strstr(eb.msg, text) != NULL, "%s", eb.msg);
}

START_TEST(test_no_core)
{
	CLEAN(mkcore_fini) struct mkcore mk;
	struct errbuf eb = {0};
	struct core *c = NULL;
	size_t len;

	refused((const uint8_t *)"", 0, MS_FORMAT, "empty");
	refused((const uint8_t *)"#!/bin/sh\necho no core\n", 23, MS_FORMAT,
	        "not a core file: it is no ELF file");
	mkcore_init(&mk, 8, false, EM_X86_64);
	CLEAN_FREE uint8_t *none = mkcore_bytes(&mk, &len);
	refused(none, len, MS_FORMAT, "without segments");
	refused(none, 30, MS_FORMAT, "cut off within its first header");
	mkcore_load(&mk, 0x1000, NULL, 0, 0x1000, PF_R);
	mk.e_type = ET_DYN;
	CLEAN_FREE uint8_t *library = mkcore_bytes(&mk, &len);
	refused(library, len, MS_FORMAT, "not a core file: it is a program or a library");
	mk.e_type = ET_CORE;
	mk.e_phoff = 1 << 20;
	CLEAN_FREE uint8_t *far = mkcore_bytes(&mk, &len);
	refused(far, len, MS_FORMAT, "cut off within its headers");
	mk.e_phoff = 0;
	mk.e_phentsize = 16;
	CLEAN_FREE uint8_t *small = mkcore_bytes(&mk, &len);
	refused(small, len, MS_FORMAT, "without segments");
	small[EI_CLASS] = 9;
	refused(small, len, MS_FORMAT, "unknown class 9");
	ck_assert_int_eq(core_open("/nonexistent/core", &c, &eb), MS_ABSENT);
	ck_assert_int_eq(core_open("/dev/null", &c, &eb), MS_FORMAT);
	ck_assert_int_eq(core_open("/tmp", &c, &eb), MS_FORMAT);
}
END_TEST

/* Cut off in the middle of a segment: what is there is there. */
START_TEST(test_cut_off)
{
	uint8_t pages[3 * PAGE];
	CLEAN(mkcore_fini) struct mkcore mk;
	size_t len;
	uint8_t byte;

	memset(pages, 'm', sizeof(pages));
	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_load(&mk, 0x10000, pages, sizeof(pages), sizeof(pages), PF_R | PF_W);
	mkcore_load(&mk, 0x20000, pages, sizeof(pages), sizeof(pages), PF_R | PF_W);
	CLEAN_FREE uint8_t *p = mkcore_bytes(&mk, &len);
	struct core *c = open_bytes(p, len - 4 * PAGE - 10);
	ck_assert_uint_eq(core_info(c)->cut, 4 * PAGE + 10);
	ck_assert_uint_eq(core_info(c)->cut_at, 0x10000 + 2 * PAGE - 10);
	struct target *t = target_of(c);
	ck_assert_int_eq(target_u8(t, 0x10000 + 2 * PAGE - 11, &byte), MS_OK);
	ck_assert_int_eq(byte, 'm');
	ck_assert_int_eq(target_u8(t, 0x10000 + 2 * PAGE - 10, &byte), MS_FAULT);
	ck_assert_ptr_nonnull(target_view(t, 0x10000, 2 * PAGE - 10));
	ck_assert_ptr_null(target_view(t, 0x10000, 2 * PAGE));
	ck_assert_ptr_nonnull(target_region(t, 0x20000));
	ck_assert_int_eq(target_u8(t, 0x20000, &byte), MS_FAULT);
	target_close(t);
	core_close(c);
}
END_TEST

/* Segments that contradict the file, the address space or each other are left out. */
START_TEST(test_bad_segments)
{
	uint8_t page[PAGE] = {9};
	CLEAN(mkcore_fini) struct mkcore mk;
	uint8_t byte;

	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_load(&mk, 0x10000, page, PAGE, PAGE, PF_R);
	mkcore_load(&mk, 0x10800, page, PAGE, PAGE, PF_R);            /* overlaps */
	mkcore_load(&mk, UINT64_MAX - 100, page, PAGE, PAGE, PF_R);   /* wraps */
	mkcore_load(&mk, 0x50000, page, PAGE, 16, PF_R);              /* larger than memory */
	mkcore_load(&mk, 0x60000, page, PAGE, PAGE, PF_R)->wrong_off = UINT64_MAX - 5;
	mkcore_load(&mk, 0x70000, page, PAGE, PAGE, PF_R)->wrong_off = 1ULL << 40;
	mkcore_load(&mk, 0x80000, page, PAGE, UINT64_MAX, PF_R);
	mkcore_load(&mk, 0x90000, page, 0, 0, PF_R);                  /* of nothing */
	mkcore_load(&mk, 0x08000, page, PAGE, PAGE, PF_R);            /* out of order */
	struct core *c = open_made(&mk);
	ck_assert_uint_eq(core_info(c)->bad, 5);
	ck_assert_uint_gt(core_info(c)->cut, 0);
	struct target *t = target_of(c);
	size_t n;
	target_regions(t, &n);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(target_u8(t, 0x10000, &byte), MS_OK);
	ck_assert_int_eq(byte, 9);
	ck_assert_int_eq(target_u8(t, 0x8000, &byte), MS_OK);
	ck_assert_int_eq(target_u8(t, 0x70000, &byte), MS_FAULT);
	target_close(t);
	core_close(c);
}
END_TEST

/* Of a 32-bit process nothing lies behind 4 GiB. */
START_TEST(test_narrow)
{
	uint8_t page[PAGE] = {9};
	CLEAN(mkcore_fini) struct mkcore mk;

	mkcore_init(&mk, 4, false, EM_386);
	mkcore_load(&mk, 0xfffff000, page, PAGE, PAGE, PF_R);
	mkcore_load(&mk, 0xffffe000, page, PAGE, 0x3000, PF_R);
	struct core *c = open_made(&mk);
	ck_assert_uint_eq(core_info(c)->bad, 1);
	struct target *t = target_of(c);
	ck_assert_uint_eq(target_region(t, 0xffffffff)->end, 0x100000000);
	target_close(t);
	core_close(c);
}
END_TEST

START_TEST(test_bad_notes)
{
	CLEAN(mkcore_fini) struct mkcore mk;
	const struct mkcore_file files[] = {
		{0x20000, 0x21000, 0, "/a"},
		{0x10000, 0x11000, 0, "/before"},
		{0x20800, 0x22000, 0, "/overlaps"},
		{0x31000, 0x30000, 0, "/reversed"},
		{0x40000, 0x41000, UINT64_MAX / 16, "/far"},
		{0x50000, 0x51000, 0, "/b"},
	};
	const uint64_t many[4] = {UINT64_MAX / 24, PAGE};
	size_t n;

	mkcore_init(&mk, 8, false, EM_X86_64);
	mkcore_note(&mk, "CORE", NT_PRSTATUS, "short", 5);
	mkcore_note(&mk, "CORE", NT_PRPSINFO, "short", 5);
	mkcore_note(&mk, "CORE", NT_SIGINFO, "short", 5);
	mkcore_note(&mk, "CORE", NT_FILE, many, sizeof(many));
	mkcore_note(&mk, "CORE", NT_FILE, "short", 5);
	mkcore_note(&mk, "OTHER", NT_FILE, "short", 5);
	mkcore_files(&mk, files, ARRAY_LEN(files));
	mkcore_load(&mk, 0x1000, NULL, 0, PAGE, PF_R);
	struct core *c = open_made(&mk);
	/* Five notes, and four of the ranges. */
	ck_assert_uint_eq(core_info(c)->bad, 9);
	const struct core_file *f = core_files(c, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(f[0].path, "/a");
	ck_assert_str_eq(f[1].path, "/b");
	core_close(c);

	/* A note that is longer than the segment, and names that are fewer than ranges. */
	mk.notes.n -= 8;
	c = open_made(&mk);
	ck_assert_uint_ge(core_info(c)->bad, 6);
	core_close(c);
	mk.no_notes = true;
	c = open_made(&mk);
	ck_assert_uint_eq(core_info(c)->bad, 0);
	ck_assert(!core_info(c)->has_file_note);
	ck_assert_str_eq(core_info(c)->cmdline, "");
	core_close(c);
}
END_TEST

/* ---- any bytes ---- */

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Open it; if that works, touch the ends of every region. */
static void
look_at(const uint8_t *p, size_t len)
{
	struct errbuf eb = {0};
	struct core *c = NULL;
	struct target *t = NULL;
	size_t n;

	use_bytes(p, len);
	if (core_open(path, &c, &eb) != MS_OK) {
		ck_assert_str_ne(eb.msg, "");
		return;
	}
	ck_assert_msg(core_target(c, &t, &eb) == MS_OK, "%s", eb.msg);
	const struct region *r = target_regions(t, &n);
	for (size_t i = 0; i < n; i++) {
		uint8_t byte;
		(void)!target_u8(t, r[i].start, &byte);
		(void)!target_u8(t, r[i].end - 1, &byte);
	}
	target_close(t);
	core_close(c);
}

START_TEST(test_random_damage)
{
	uint8_t page[PAGE] = {1};
	CLEAN(mkcore_fini) struct mkcore mk;
	const uint64_t auxv[] = {AT_PAGESZ, PAGE, AT_PHDR, 0x10040, AT_RANDOM, 0x30800,
		AT_UID, 3};
	const struct mkcore_file files[] = {
		{0x10000, 0x11000, 0, "/bin/program"}, {0x11000, 0x13000, 1, "/bin/x"}};
	uint64_t state = 88172645463325252 + (uint64_t)_i;
	size_t len;

	mkcore_init(&mk, _i % 2 ? 4 : 8, _i / 2 % 2, _i % 2 ? EM_386 : EM_X86_64);
	mkcore_prstatus(&mk, 77, SIGSEGV, 0x10123, 0x30800);
	mkcore_psinfo(&mk, 70, 1000, "program", "program");
	mkcore_auxv(&mk, auxv, 4);
	mkcore_files(&mk, files, 2);
	mkcore_load(&mk, 0x10000, page, PAGE, PAGE, PF_R);
	mkcore_load(&mk, 0x11000, NULL, 0, 0x2000, PF_R | PF_X);
	mkcore_load(&mk, 0x30000, page, PAGE, PAGE, PF_R | PF_W);
	CLEAN_FREE uint8_t *p = mkcore_bytes(&mk, &len);
	CLEAN_FREE uint8_t *q = xmalloc(len);
	for (unsigned i = 0; i < 2000; i++) {
		memcpy(q, p, len);
		unsigned hits = 1 + (unsigned)(next_random(&state) % 4);
		for (unsigned k = 0; k < hits; k++)
			q[next_random(&state) % 1500] = (uint8_t)next_random(&state);
		look_at(q, i % 4 == 0 ? next_random(&state) % len : len);
	}
}
END_TEST

static void
teardown(void)
{
	mem_clean_close(&core_fd);
}

Suite *suite_core(void);

Suite *
suite_core(void)
{
	Suite *s = suite_create("core");
	TCase *tc = tcase_create("cores");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, test_kinds, 0, (int)ARRAY_LEN(kinds));
	tcase_add_test(tc, test_many_segments);
	tcase_add_test(tc, test_arguments);
	tcase_add_test(tc, test_attached);
	tcase_add_test(tc, test_ranges_without_segment);
	tcase_add_test(tc, test_no_core);
	tcase_add_test(tc, test_cut_off);
	tcase_add_test(tc, test_bad_segments);
	tcase_add_test(tc, test_narrow);
	tcase_add_test(tc, test_bad_notes);
	tcase_add_loop_test(tc, test_random_damage, 0, 4);
	suite_add_tcase(s, tc);
	return s;
}
