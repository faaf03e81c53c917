/*
 * How long a heap takes to be walked without a copy, by the order that its objects lie
 * in: heaps of one page, in which every second word is the address of an object
 * elsewhere.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "target/snappriv.h"

Suite *suite_order(void);

enum { WORDS = 512, BYTES = WORDS * 8, STEP = 48 };

#define HEAP 0x7f0000000000ull
#define HEAP_END (HEAP + (1ull << 30))
#define SELF (HEAP + (512 << 20))

static span_vec runs;

static void
make_heap(void)
{
	runs = (span_vec){0};
	vec_push(&runs, ((struct span){0x10000, 0x20000}));
	vec_push(&runs, ((struct span){HEAP, HEAP_END}));
}

static void
drop_heap(void)
{
	vec_fini(&runs);
}

/* A sample of one page whose objects have counts `count`, and the addresses of at[]. */
static struct order_sample
look(uint64_t count, const uint64_t at[WORDS / 2])
{
	struct order_sample o = {0};
	uint64_t words[WORDS];

	for (size_t i = 0; i < WORDS / 2; i++) {
		words[2 * i] = count;
		words[2 * i + 1] = at[i];
	}
	const struct order_piece p = {
		.addr = SELF, .bytes = (const uint8_t *)words, .n = BYTES, .width = 8};
	order_look(&o, &runs, &p);
	ck_assert_uint_eq(o.bytes, BYTES);
	return o;
}

START_TEST(test_in_order)
{
	uint64_t at[WORDS / 2];

	for (size_t i = 0; i < WORDS / 2; i++)
		at[i] = HEAP + i * STEP;
	struct order_sample o = look(1, at);
	/* One place, new the first time. */
	ck_assert_uint_eq(o.far, 1);
}
END_TEST

/* Objects of a few types, all over the heap, and None between them. */
START_TEST(test_types_are_near)
{
	uint64_t at[WORDS / 2];

	for (size_t i = 0; i < WORDS / 2; i++)
		at[i] = HEAP + i % (ORDER_RECENT - 1) * (1 << 20);
	ck_assert_uint_eq(look(1, at).far, ORDER_RECENT - 1);
}
END_TEST

START_TEST(test_in_no_order)
{
	uint64_t at[WORDS / 2];

	for (size_t i = 0; i < WORDS / 2; i++)
		at[i] = HEAP + i * 97 % 257 * (1 << 17);
	ck_assert_uint_eq(look(1, at).far, WORDS / 2);
}
END_TEST

START_TEST(test_own_place_is_near)
{
	uint64_t at[WORDS / 2];

	for (size_t i = 0; i < WORDS / 2; i++)
		at[i] = SELF + i * 8;
	ck_assert_uint_eq(look(1, at).far, 0);
}
END_TEST

/* Only what leads into the heap counts: neither what is beside it nor between its parts. */
START_TEST(test_leads_elsewhere)
{
	uint64_t at[WORDS / 2];

	for (size_t i = 0; i < WORDS / 2; i++)
		at[i] = i % 2 == 0 ? HEAP_END + i * 8 : 0x30000 + i * 8;
	ck_assert_uint_eq(look(1, at).far, 0);
}
END_TEST

/* 100 MB of which ten are kept, or as many as is said. */
static struct order_time
time_of(const struct order_sample *o, uint64_t cache, double read_ns)
{
	const struct snapshot_plan p = {
		.bytes = 100 << 20, .objects = 2000000, .cache = cache};

	return order_time(o, &p, read_ns);
}

START_TEST(test_time_is_a_range)
{
	const struct order_sample in = {.bytes = 1 << 20, .far = 10},
				  out = {.bytes = 1 << 20, .far = 10000};
	struct order_time a = time_of(&in, 10 << 20, 1000);
	struct order_time b = time_of(&out, 10 << 20, 1000);

	/* 2 M objects: 0.15 to 0.5 reads each; out of order 0.8 * 0.9 * 3 to 1.4 * 0.9 *
	 * 4 more. */
	ck_assert_uint_eq(a.least_ns, 310000000);
	ck_assert_uint_eq(a.most_ns, 1100000000);
	ck_assert_uint_eq(b.least_ns, 4600000000);
	ck_assert_uint_eq(b.most_ns, 11000000000);

	/* Twice the time of a read; all of it kept, so that no page is read twice. */
	ck_assert_uint_eq(time_of(&out, 10 << 20, 2000).least_ns, 9200000000);
	ck_assert_uint_eq(time_of(&out, 100 << 20, 1000).least_ns,
		time_of(&in, 100 << 20, 1000).least_ns);
}
END_TEST

/* Nothing could be read: as many objects as the plan says, in order. */
START_TEST(test_empty_sample)
{
	const struct order_sample none = {0};
	const struct snapshot_plan heap = {.bytes = 84000000, .objects = 1050000}, empty = {0};

	ck_assert_uint_eq(order_time(&none, &heap, 1000).least_ns, 160000000);
	ck_assert_uint_eq(order_time(&none, &empty, 1000).least_ns, 5000000);
	ck_assert_uint_eq(order_time(&none, &empty, 1000).most_ns, 30000000);
}
END_TEST

Suite *
suite_order(void)
{
	Suite *s = suite_create("order");
	TCase *tc = tcase_create("core");

	tcase_add_unchecked_fixture(tc, make_heap, drop_heap);
	tcase_add_test(tc, test_in_order);
	tcase_add_test(tc, test_types_are_near);
	tcase_add_test(tc, test_in_no_order);
	tcase_add_test(tc, test_own_place_is_near);
	tcase_add_test(tc, test_leads_elsewhere);
	tcase_add_test(tc, test_time_is_a_range);
	tcase_add_test(tc, test_empty_sample);
	suite_add_tcase(s, tc);
	return s;
}
