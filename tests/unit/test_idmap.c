/*
 * The id map against a plain list: addresses in clusters, as heaps have them, at both
 * alignments, and strangers in between.
 */
#include <check.h>
#include <stdlib.h>

#include "walk/priv.h"

Suite *suite_idmap(void);

enum { N = 20000 };

/* A heap-like address: few megabyte areas, eight-byte steps, at most one object in a granule. */
static taddr
random_address(unsigned *seed)
{
	uint64_t area = (uint64_t)(rand_r(seed) % 7) << 30;
	return 0x7f0000000000u + area + (uint64_t)(rand_r(seed) % 200000) * 16;
}

/* Ids that come in ascending order of their addresses. */
struct seen {
	const taddr *addrs; /* by id */
	taddr last;
	size_t n;
};

static enum status
put_seen(void *self, const objid *ids, size_t n)
{
	struct seen *s = self;

	for (size_t i = 0; i < n; i++, s->n++) {
		ck_assert_uint_gt(s->addrs[ids[i]], s->last);
		s->last = s->addrs[ids[i]];
	}
	return MS_OK;
}

START_TEST(finds_what_was_put)
{
	struct idmap m;
	VEC(taddr) put = {0};
	struct map known = {0};
	unsigned seed = 1;

	idmap_init(&m, 8);
	for (unsigned i = 0; i < N; i++) {
		taddr granule = random_address(&seed);
		uint32_t have;
		if (map_get(&known, granule, &have))
			continue;
		taddr addr = granule + (rand_r(&seed) & 1 ? 8 : 0);
		map_put(&known, granule, (uint32_t)put.n);
		ck_assert_uint_eq(idmap_get(&m, addr), OBJID_NONE);
		ck_assert(idmap_put(&m, addr, (objid)put.n));
		ck_assert(!idmap_put(&m, addr ^ 8, N));
		vec_push(&put, addr);
	}
	ck_assert_uint_gt(put.n, N / 2);
	for (size_t i = 0; i < put.n; i++) {
		ck_assert_uint_eq(idmap_get(&m, put.at[i]), i);
		/* The other address of the granule is no object. */
		ck_assert_uint_eq(idmap_get(&m, put.at[i] ^ 8), OBJID_NONE);
	}
	for (unsigned i = 0; i < N; i++) {
		taddr granule = random_address(&seed);
		uint32_t have;
		objid got = idmap_get(&m, granule);
		bool is_known = map_get(&known, granule, &have) && put.at[have] == granule;
		ck_assert_uint_eq(got, is_known ? have : OBJID_NONE);
	}
	struct seen seen = {.addrs = put.at};
	ck_assert_int_eq(idmap_each(&m, put_seen, &seen), MS_OK);
	ck_assert_uint_eq(seen.n, put.n);
	vec_fini(&put);
	map_fini(&known);
	idmap_fini(&m);
}
END_TEST

START_TEST(fills_a_page_backwards)
{
	struct idmap m;
	taddr addrs[256];

	idmap_init(&m, 8);
	for (objid i = 0; i < 256; i++) {
		addrs[i] = 0x7f0000001000u + (255 - i) * 16;
		ck_assert(idmap_put(&m, addrs[i], i));
		for (objid j = 0; j <= i; j++)
			ck_assert_uint_eq(idmap_get(&m, addrs[j]), j);
	}
	ck_assert_uint_eq(idmap_get(&m, addrs[255] - 16), OBJID_NONE);
	struct seen seen = {.addrs = addrs};
	ck_assert_int_eq(idmap_each(&m, put_seen, &seen), MS_OK);
	ck_assert_uint_eq(seen.n, 256);
	idmap_fini(&m);
}
END_TEST

START_TEST(takes_the_largest_id)
{
	struct idmap m;

	idmap_init(&m, 8);
	ck_assert(idmap_put(&m, 0xfffffffffffffff8u, 0x7ffffffd));
	ck_assert_uint_eq(idmap_get(&m, 0xfffffffffffffff8u), 0x7ffffffd);
	ck_assert_uint_eq(idmap_get(&m, 0xfffffffffffffff0u), OBJID_NONE);
	ck_assert_uint_eq(idmap_get(&m, 0), OBJID_NONE);
	idmap_fini(&m);
}
END_TEST

/* Neighbours of eight and of four bytes are told apart in a 32-bit process. */
START_TEST(tells_small_neighbours_apart)
{
	struct idmap m;

	idmap_init(&m, 4);
	for (objid i = 0; i < 4096; i++)
		ck_assert(idmap_put(&m, 0x8048000 + 4 * i, i));
	for (objid i = 0; i < 4096; i++)
		ck_assert_uint_eq(idmap_get(&m, 0x8048000 + 4 * i), i);
	ck_assert_uint_eq(idmap_get(&m, 0x8048000 - 4), OBJID_NONE);
	idmap_fini(&m);
}
END_TEST

Suite *
suite_idmap(void)
{
	Suite *s = suite_create("idmap");
	TCase *t = tcase_create("idmap");

	tcase_add_test(t, finds_what_was_put);
	tcase_add_test(t, fills_a_page_backwards);
	tcase_add_test(t, takes_the_largest_id);
	tcase_add_test(t, tells_small_neighbours_apart);
	suite_add_tcase(s, t);
	return s;
}
