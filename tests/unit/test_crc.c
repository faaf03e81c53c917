/*
 * The checksum of extents against zlib's, at all lengths around those that are folded and
 * from every alignment.
 */
#include <check.h>
#include <zlib.h>

#include "dump/priv.h"
#include "memscan/mem.h"
#include "samples.h"

static uint32_t
wanted(const uint8_t *p, size_t n)
{
	return (uint32_t)crc32(crc32(0, Z_NULL, 0), p, (uInt)n);
}

START_TEST(all_lengths)
{
	uint8_t bytes[512];
	uint64_t rng = 7;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)sample_next(&rng);
	for (size_t at = 0; at < 17; at++)
		for (size_t n = 0; n <= sizeof(bytes) - at; n++)
			ck_assert_uint_eq(chunk_crc32(bytes + at, n), wanted(bytes + at, n));
}
END_TEST

START_TEST(long_runs)
{
	enum { N = 1 << 20 };
	CLEAN_FREE uint8_t *bytes = xcalloc(N, 1);
	uint64_t rng = 11;

	ck_assert_uint_eq(chunk_crc32(bytes, N), wanted(bytes, N));
	for (size_t i = 0; i < N; i++)
		bytes[i] = (uint8_t)sample_next(&rng);
	ck_assert_uint_eq(chunk_crc32(bytes, N), wanted(bytes, N));
	ck_assert_uint_eq(chunk_crc32(bytes + 3, N - 10), wanted(bytes + 3, N - 10));
}
END_TEST

Suite *suite_crc(void);

Suite *
suite_crc(void)
{
	Suite *s = suite_create("crc");
	TCase *t = tcase_create("crc");

	tcase_add_test(t, all_lengths);
	tcase_add_test(t, long_runs);
	suite_add_tcase(s, t);
	return s;
}
