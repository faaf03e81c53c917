/*
 * Numbers of threads, from texts as the kernel makes them.
 */
#include <check.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target/priv.h"

Suite *suite_tids(void);

static const struct {
	const char *status;
	bool is_good;
	uint64_t here, own;
} rows[] = {
	{"Name:\tpython3\nNSpid:\t4711\nNSpgid:\t1\n", true, 4711, 4711},
	{"Name:\tpython3\nNSpid:\t4711\t12\nNSpgid:\t1\t2\n", true, 4711, 12},
	{"Name:\tpython3\nNSpid:\t4711\t12\t1\n", true, 4711, 1},
	{"Name:\tNSpid:\\t1\nPid:\t8\n", false, 0, 0}, /* the kernel escapes names */
	{"Name:\tpython3\nNSpid:\t\n", false, 0, 0},
	{"Name:\tpython3\nNSpid:\tx\n", false, 0, 0},
	{"Name:\tpython3\nNSpid:", false, 0, 0},
	{"", false, 0, 0},
};

START_TEST(test_parse)
{
	uint64_t here = 0, own = 0;

	bool is_good = tids_parse(rows[_i].status, &here, &own);
	ck_assert_int_eq(is_good, rows[_i].is_good);
	ck_assert_uint_eq(here, rows[_i].here);
	ck_assert_uint_eq(own, rows[_i].own);
}
END_TEST

/* This process has one thread; one that does not exist has none, and numbers stay as they are. */
START_TEST(test_same)
{
	struct tids *t = tids_new(getpid()), *none = tids_new(0x7ffffff0);
	uint64_t own = (uint64_t)syscall(SYS_gettid);

	ck_assert_uint_eq(tids_own(t, tids_here(t, own)), own);
	ck_assert_uint_eq(tids_here(none, 7), 7);
	ck_assert_uint_eq(tids_own(none, 7), 7);
	tids_free(t);
	tids_free(none);
	tids_free(NULL);
}
END_TEST

Suite *
suite_tids(void)
{
	Suite *s = suite_create("tids");
	TCase *tc = tcase_create("core");

	tcase_add_loop_test(tc, test_parse, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_same);
	suite_add_tcase(s, tc);
	return s;
}
