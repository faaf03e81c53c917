/*
 * Sets of numbers against an array of truths, for ranges that end anywhere in a word.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/bitset.h"
#include "samples.h"

enum { MOST = 200 };

static void
assert_same(const struct bitset *b, const bool *truth)
{
	size_t count = 0, next = bitset_next(b, 0);

	for (size_t i = 0; i < b->n; i++) {
		ck_assert(bitset_has(b, i) == truth[i]);
		count += truth[i];
		if (!truth[i])
			continue;
		ck_assert_uint_eq(next, i);
		next = bitset_next(b, i + 1);
	}
	ck_assert_uint_eq(next, b->n);
	ck_assert_uint_eq(bitset_count(b), count);
}

START_TEST(operations)
{
	size_t n = (size_t)_i;
	uint64_t rng = (uint64_t)_i + 1;
	struct errbuf eb = {0};
	struct bitset a = {0}, b = {0};
	bool in_a[MOST] = {0}, in_b[MOST] = {0};

	ck_assert_int_eq(bitset_init(&a, n, &eb), MS_OK);
	ck_assert_int_eq(bitset_init(&b, n, &eb), MS_OK);
	assert_same(&a, in_a);
	for (int round = 0; round < 40 && n > 0; round++) {
		size_t i = sample_below(&rng, n), j = sample_below(&rng, n);
		bitset_add(&a, i);
		bitset_add(&b, j);
		in_a[i] = in_b[j] = true;
		i = sample_below(&rng, n);
		bitset_remove(&a, i);
		in_a[i] = false;
		assert_same(&a, in_a);
		uint64_t op = sample_below(&rng, 20);
		if (op == 0)
			bitset_and(&a, &b);
		else if (op == 1)
			bitset_or(&a, &b);
		else if (op == 2)
			bitset_xor(&a, &b);
		else if (op == 3)
			bitset_minus(&a, &b);
		else if (op == 4)
			bitset_fill(&a);
		for (size_t k = 0; k < n; k++)
			in_a[k] = op == 0 ? in_a[k] && in_b[k]
				: op == 1 ? in_a[k] || in_b[k]
				: op == 2 ? in_a[k] != in_b[k]
				: op == 3 ? in_a[k] && !in_b[k]
				: op == 4 ? true
					  : in_a[k];
		assert_same(&a, in_a);
	}
	bitset_fini(&a);
	bitset_fini(&b);
}
END_TEST

Suite *suite_bitset(void);

Suite *
suite_bitset(void)
{
	Suite *s = suite_create("bitset");
	TCase *tc = tcase_create("bitset");

	tcase_add_loop_test(tc, operations, 0, MOST);
	suite_add_tcase(s, tc);
	return s;
}
