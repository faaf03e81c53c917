/*
 * The maps parser: expectations are copied by hand from texts of real kernels.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "memscan/mem.h"
#include "memscan/target.h"

static const char real[] = "55d0c4a00000-55d0c4a02000 r--p 00001000 fe:01 1835077        "
                           "            /usr/bin/my prog\n"
                           "55d0c5b00000-55d0c5b21000 rw-p 00000000 00:00 0              "
                           "            [heap]\n"
                           "7f1200000000-7f1240000000 rw-s 00000000 00:01 2053           "
                           "            /dev/zero (deleted)\n"
                           "7f1250000000-7f1250001000 ---p 00000000 00:00 0 \n"
                           "7f1250001000-7f1250002000 r-xp 00002000 103:02 9             "
                           "            /x\\012y\n"
                           "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      "
                           "            [vsyscall]\n";

START_TEST(test_real_text)
{
	struct errbuf eb = {0};
	struct regions r;

	ck_assert_int_eq(procmaps_parse(real, strlen(real), &r, &eb), MS_OK);
	ck_assert_uint_eq(r.n, 6);
	ck_assert_uint_eq(r.at[0].start, 0x55d0c4a00000);
	ck_assert_uint_eq(r.at[0].end, 0x55d0c4a02000);
	ck_assert_uint_eq(r.at[0].file_off, 0x1000);
	ck_assert_uint_eq(r.at[0].prot, PROT_READ);
	ck_assert_uint_eq(r.at[0].dev, makedev(0xfe, 1));
	ck_assert_uint_eq(r.at[0].inode, 1835077);
	ck_assert_str_eq(r.at[0].path, "/usr/bin/my prog");
	ck_assert(!r.at[0].is_shared && !r.at[0].is_deleted);
	ck_assert_str_eq(r.at[1].path, "[heap]");
	ck_assert_uint_eq(r.at[1].prot, PROT_READ | PROT_WRITE);
	ck_assert(r.at[2].is_shared && r.at[2].is_deleted);
	ck_assert_str_eq(r.at[2].path, "/dev/zero");
	ck_assert_str_eq(r.at[3].path, "");
	ck_assert_uint_eq(r.at[3].prot, 0);
	ck_assert_str_eq(r.at[4].path, "/x\ny");
	ck_assert_uint_eq(r.at[4].dev, makedev(0x103, 2));
	ck_assert_uint_eq(r.at[4].prot, PROT_READ | PROT_EXEC);
	ck_assert_uint_eq(r.at[5].end, 0xffffffffff601000);
	for (size_t i = 0; i < r.n; i++)
		ck_assert_ptr_null(r.at[i].data);
	regions_fini(&r);
	ck_assert_uint_eq(r.n, 0);
	regions_fini(&r);
}
END_TEST

/* A line without newline at the end, or without anything behind the inode, is whole. */
START_TEST(test_short_ends)
{
	static const char text[] = "1000-2000 rw-p 0 0:0 0\n2000-3000 r--p 0 0:0 7 /a";
	struct errbuf eb = {0};
	struct regions r;

	ck_assert_int_eq(procmaps_parse(text, strlen(text), &r, &eb), MS_OK);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_str_eq(r.at[0].path, "");
	ck_assert_str_eq(r.at[1].path, "/a");
	regions_fini(&r);
	ck_assert_int_eq(procmaps_parse("", 0, &r, &eb), MS_OK);
	ck_assert_uint_eq(r.n, 0);
	regions_fini(&r);
}
END_TEST

/* What a mapping that grew between two pieces of the text looks like. */
START_TEST(test_overlap_is_cut)
{
	static const char text[] = "1000-4000 rw-p 0 0:0 0\n"
	                           "2000-6000 r--p 00000000 8:1 5 /f\n"
	                           "3000-5000 rw-p 0 0:0 0\n"
	                           "6000-7000 rw-p 0 0:0 0\n";
	struct errbuf eb = {0};
	struct regions r;

	ck_assert_int_eq(procmaps_parse(text, strlen(text), &r, &eb), MS_OK);
	ck_assert_uint_eq(r.n, 3);
	ck_assert_uint_eq(r.at[1].start, 0x4000);
	ck_assert_uint_eq(r.at[1].end, 0x6000);
	ck_assert_uint_eq(r.at[1].file_off, 0x2000);
	ck_assert_uint_eq(r.at[2].start, 0x6000);
	regions_fini(&r);
}
END_TEST

static const char *const malformed[] = {
	"\n",
	"1000\n",
	"1000-\n",
	"-2000 rw-p 0 0:0 0\n",
	"2000-1000 rw-p 0 0:0 0\n",
	"1000-1000 rw-p 0 0:0 0\n",
	"1000-2000 rw-\n",
	"1000-2000 rwzp 0 0:0 0\n",
	"1000-2000 wr-p 0 0:0 0\n",
	"1000-2000 rw-q 0 0:0 0\n",
	"1000-2000 rw-p 0 0 0\n",
	"1000-2000 rw-p 0 0:0 0x\n",
	"1000-2000 rw-p 0 0:0 abc\n",
	"1000-2000 rw-p 0 123456789a:0 0\n",
	"11111111111111111-2000 rw-p 0 0:0 0\n",
	"1000-2000 rw-p 0 0:0 99999999999999999999\n",
	"1000-2000 rw-p 0 0:0 0\n\n",
};

START_TEST(test_malformed)
{
	struct errbuf eb = {0};
	struct regions r = {0};
	const char *text = malformed[_i];

	ck_assert_int_eq(procmaps_parse(text, strlen(text), &r, &eb), MS_FORMAT);
	ck_assert_ptr_nonnull(strstr(eb.msg, "line"));
	ck_assert_ptr_null(r.at);
}
END_TEST

/*
 * Every prefix of a text is read without going beyond it: the bytes end where the heap
 * block does.
 */
START_TEST(test_every_prefix)
{
	for (size_t n = 0; n < strlen(real); n++) {
		struct errbuf eb = {0};
		struct regions r = {0};
		char *part = malloc(n + 1);
		memcpy(part, real, n);
		part = realloc(part, n ? n : 1);
		enum status st = procmaps_parse(part, n, &r, &eb);
		ck_assert(st == MS_OK || st == MS_FORMAT);
		regions_fini(&r);
		free(part);
	}
}
END_TEST

Suite *suite_procmaps(void);

Suite *
suite_procmaps(void)
{
	Suite *s = suite_create("procmaps");
	TCase *tc = tcase_create("parse");

	tcase_add_test(tc, test_real_text);
	tcase_add_test(tc, test_short_ends);
	tcase_add_test(tc, test_overlap_is_cut);
	tcase_add_loop_test(tc, test_malformed, 0, (int)ARRAY_LEN(malformed));
	tcase_add_test(tc, test_every_prefix);
	suite_add_tcase(s, tc);
	return s;
}
