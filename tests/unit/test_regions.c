/*
 * The region table against a search that looks at every region.
 */
#include <check.h>
#include <stdint.h>
#include <sys/mman.h>

#include "memscan/mem.h"
#include "target/priv.h"

START_TEST(test_search_against_all)
{
	struct region r[64];
	size_t n = (size_t)_i;
	taddr at = 0;

	/* Widths and gaps of 0 to 3, the gaps also 0: adjacent regions. */
	for (size_t i = 0; i < n; i++) {
		at += i * 7 % 4;
		r[i] = (struct region){.start = at, .end = at + 1 + i * 5 % 3};
		at = r[i].end;
	}
	for (taddr addr = 0; addr < at + 3; addr++) {
		size_t want = n;
		for (size_t i = 0; i < n; i++) {
			if (addr >= r[i].start && addr < r[i].end)
				want = i;
		}
		ck_assert_uint_eq(regions_search(r, n, addr), want);
	}
	ck_assert_uint_eq(regions_search(r, n, UINT64_MAX), n);
}
END_TEST

START_TEST(test_in_order)
{
	struct region r[] = {
	        {.start = 1, .end = 2}, {.start = 2, .end = 4}, {.start = 5, .end = 6}};

	ck_assert(regions_in_order(r, 3));
	ck_assert(regions_in_order(r, 0));
	r[1].end = 6;
	ck_assert(!regions_in_order(r, 3));
	r[1].end = 2;
	ck_assert(!regions_in_order(r, 3));
	r[1].start = 0;
	ck_assert(!regions_in_order(r, 3));
}
END_TEST

static const struct {
	const char *path;
	bool is_device, is_kernel;
} names[] = {
        {"", false, false},           {"/dev/zero", false, false},
        {"/dev/shm/x", false, false}, {"/dev/dri/card0", true, false},
        {"/dev/mem", true, false},    {"/home/dev/x", false, false},
        {"[vvar]", false, true},      {"[vvar_vclock]", false, true},
        {"[vsyscall]", false, true},  {"[vdso]", false, false},
        {"[heap]", false, false},
};

START_TEST(test_names)
{
	struct region r = {.path = names[_i].path};

	ck_assert_int_eq(region_is_device(&r), names[_i].is_device);
	ck_assert_int_eq(region_is_kernel(&r), names[_i].is_kernel);
}
END_TEST

Suite *suite_regions(void);

Suite *
suite_regions(void)
{
	Suite *s = suite_create("regions");
	TCase *tc = tcase_create("table");

	tcase_add_loop_test(tc, test_search_against_all, 0, 20);
	tcase_add_test(tc, test_in_order);
	tcase_add_loop_test(tc, test_names, 0, (int)ARRAY_LEN(names));
	suite_add_tcase(s, tc);
	return s;
}
