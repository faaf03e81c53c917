/*
 * What cgroups have left, of both versions, from files in a directory made for it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/priv.h"

Suite *suite_budget(void);

static char top[] = "/tmp/memscan-budget-XXXXXX";

static void
put(const char *dir, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", top, dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s%s/%s", top, dir, file);
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	/* Version 2: only those inside limit, and "max" is none. */
	put("/two", "memory.stat", "");
	put("/two/a", "memory.max", "1000000\n");
	put("/two/a", "memory.current", "400000\n");
	put("/two/a", "memory.stat", "anon 1\ninactive_file 100000\nactive_file 7\n");
	put("/two/a/b", "memory.max", "max\n");
	put("/two/a/b", "memory.current", "300000\n");
	put("/two/a/b/c", "memory.max", "900000\n");
	put("/two/a/b/c", "memory.high", "500000\n");
	put("/two/a/b/c", "memory.current", "200000\n");
	put("/two/a/full", "memory.max", "100\n");
	put("/two/a/full", "memory.current", "5000\n");
	/* Version 1: the top has files, too. */
	put("/one", "memory.limit_in_bytes", "9223372036854771712\n");
	put("/one", "memory.usage_in_bytes", "5000000\n");
	put("/one/x", "memory.limit_in_bytes", "2000000\n");
	put("/one/x", "memory.usage_in_bytes", "1500000\n");
	put("/one/x", "memory.stat",
		"inactive_file 1\ntotal_inactive_file 250000\ntotal_cache 9\n");
	put("/one/x/y", "memory.limit_in_bytes", "1000000\n");
	put("/one/x/y", "memory.usage_in_bytes", "100000\n");
	put("/alone", "memory.limit_in_bytes", "4000\n");
	put("/alone", "memory.usage_in_bytes", "1000\n");
}

static void
teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

#define BIG 9223372036849771712u /* what version 1 calls no limit, less what is used */

static const struct {
	const char *text, *one;
	uint64_t left;
} rows[] = {
	/* Of 1000000 400000 are used, 100000 of them given up readily: 700000. */
	{"0::/a\n", "/one", 700000},
	{"0::/a/b\n", "/one", 700000},
	/* Beyond "high" everybody is slowed down. */
	{"0::/a/b/c\n", "/one", 300000},
	{"0::/a/full\n", "/one", 0},
	{"0::/a/b/gone\n", "/one", 700000},
	{"0::/\n", "/one", UINT64_MAX},
	{"0::/../../other\n", "/one", UINT64_MAX},
	{"4:memory:/x\n", "/one", 750000},
	{"4:memory:/x/y\n", "/one", 750000},
	{"7:cpu,memory,pids:/x\n0::/a\n", "/one", 700000},
	{"4:memory:/x\n0::/a/b/c\n", "/one", 300000},
	/* Not the memory's, nor a part of its name. */
	{"4:cpu:/x\n5:memory2:/x\n6:name=memory:/x\n", "/one", UINT64_MAX},
	/* In a container the path is the host's, the files are the container's. */
	{"4:memory:/docker/0123\n", "/alone", 3000},
	{"4:memory:/\n", "/one", BIG},
	/* No sense in it. */
	{"", "/one", UINT64_MAX},
	{"\n::\n:\nx\n0:memory\n", "/one", UINT64_MAX},
	{"0::/a", "/one", 700000},
};

START_TEST(left_in_cgroups)
{
	char one[256], two[256];

	snprintf(one, sizeof(one), "%s%s", top, rows[_i].one);
	snprintf(two, sizeof(two), "%s/two", top);
	ck_assert_uint_eq(cgroups_left(rows[_i].text, one, two), rows[_i].left);
}
END_TEST

START_TEST(long_paths)
{
	static char text[9000] = "0::/";

	for (size_t i = 4; i < sizeof(text) - 1; i++)
		text[i] = i % 3 ? 'a' : '/';
	ck_assert_uint_eq(cgroups_left(text, top, top), UINT64_MAX);
}
END_TEST

Suite *
suite_budget(void)
{
	Suite *s = suite_create("budget");
	TCase *tc = tcase_create("cgroups");

	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, left_in_cgroups, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, long_paths);
	suite_add_tcase(s, tc);
	return s;
}
