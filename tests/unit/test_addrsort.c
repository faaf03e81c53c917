/*
 * Ids in order of address, against qsort, on addresses as heaps have them and as they
 * could be at worst.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dump/priv.h"
#include "memscan/mem.h"
#include "samples.h"

static int
compare(const void *pa, const void *pb, void *arg)
{
	const uint64_t *addr = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	if (addr[a] != addr[b])
		return addr[a] < addr[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void
check_sorted(uint64_t *addr, uint32_t n)
{
	CLEAN_FREE uint32_t *got = xcalloc(n, sizeof(*got)),
			    *want = xcalloc(n, sizeof(*want));
	struct errbuf eb = {0};

	for (uint32_t i = 0; i < n; i++)
		want[i] = i;
	qsort_r(want, n, sizeof(*want), compare, addr);
	ck_assert_int_eq(addr_sort(addr, n, got, &eb), MS_OK);
	ck_assert(n == 0 || memcmp(got, want, n * sizeof(*got)) == 0);
}

/* How the addresses lie: mask of random bits, and what is added. */
static const struct {
	const char *name;
	uint64_t mask, base;
} shapes[] = {
	{"one block", 0xffff0, 0x7f0000000000},
	{"few blocks", 0x3fffff0, 0x7f0000000000},
	{"all equal", 0, 0x1234},
	{"few values", 0x70, UINT64_MAX - 0x7f},
	{"two values far apart", UINT64_C(1) << 63, 0},
	{"a block for each", UINT64_C(0xffffffffff00000), 0},
	{"any", UINT64_MAX, 0},
	{"odd", 0x7fffff, 0},
};

START_TEST(random_addresses)
{
	static const uint32_t sizes[] = {0, 1, 2, 63, 64, 65, 1000, 70000};
	uint64_t rng = 1;

	for (size_t k = 0; k < ARRAY_LEN(sizes) * ARRAY_LEN(shapes); k++) {
		uint32_t n = sizes[k % ARRAY_LEN(sizes)];
		size_t shape = k / ARRAY_LEN(sizes);
		CLEAN_FREE uint64_t *addr = xcalloc(n, sizeof(*addr));
		for (uint32_t i = 0; i < n; i++)
			addr[i] = shapes[shape].base +
				(sample_next(&rng) & shapes[shape].mask);
		check_sorted(addr, n);
	}
}
END_TEST

START_TEST(ordered_addresses)
{
	enum { N = 5000 };
	CLEAN_FREE uint64_t *addr = xcalloc(N, sizeof(*addr));

	for (uint32_t i = 0; i < N; i++)
		addr[i] = 0x10000 + 48 * (uint64_t)i;
	check_sorted(addr, N);
	for (uint32_t i = 0; i < N; i++)
		addr[i] = 0x10000000 - 4096 * (uint64_t)i;
	check_sorted(addr, N);
}
END_TEST

Suite *suite_addrsort(void);

Suite *
suite_addrsort(void)
{
	Suite *s = suite_create("addrsort");
	TCase *t = tcase_create("addrsort");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, random_addresses);
	tcase_add_test(t, ordered_addresses);
	suite_add_tcase(s, t);
	return s;
}
