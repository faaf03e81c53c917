/*
 * Compressed dumps, and the threads that make them: the same heap comes back, the same
 * bytes come out whoever did the work, and a frame that lies is refused.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/priv.h"
#include "dumpbox.h"
#include "memscan/bytes.h"
#include "memscan/dump.h"
#include "memscan/mem.h"
#include "samples.h"

Suite *suite_packed(void);

/* ---- what threads and compression change, and what not ---- */

static void
assert_same_bytes(int fd, int other)
{
	CLEAN_FREE uint8_t *a = NULL, *b = NULL;
	size_t a_len, b_len;

	a = sample_bytes(fd, &a_len);
	b = sample_bytes(other, &b_len);
	ck_assert_uint_eq(a_len, b_len);
	ck_assert(memcmp(a, b, a_len) == 0);
}

static void
assert_same_heap(int fd, int other)
{
	struct dump *a = NULL, *b = NULL;
	struct errbuf eb = {0};

	ck_assert_msg(sample_open(fd, DUMP_ALL, &a, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(sample_open(other, DUMP_ALL, &b, &eb) == MS_OK, "%s", eb.msg);
	sample_assert_same(dump_heap(a), dump_heap(b));
	ck_assert_uint_lt(dump_file_size(b), dump_file_size(a));
	dump_close(a);
	dump_close(b);
}

START_TEST(same)
{
	static const uint32_t sizes[] = {100, 5000, 200000};
	uint32_t n = sizes[_i];
	CLEAN_CLOSE int plain = sample_dump(3, n);
	CLEAN_CLOSE int plain_4 = sample_dump_tuned(3, n, 4, false);
	CLEAN_CLOSE int packed = sample_dump_tuned(3, n, 1, true);
	CLEAN_CLOSE int packed_2 = sample_dump_tuned(3, n, 2, true);
	CLEAN_CLOSE int packed_17 = sample_dump_tuned(3, n, 17, true);

	assert_same_bytes(plain, plain_4);
	assert_same_bytes(packed, packed_2);
	assert_same_bytes(packed, packed_17);
	assert_same_heap(plain, packed);
}
END_TEST

/* ---- extents ---- */

/* Any bytes of any width come back, those that nothing makes shorter as they are. */
START_TEST(there_and_back)
{
	static const size_t widths[] = {1, 2, 4, 8, 24, 40};
	uint64_t rng = 7;
	struct packer *p = packer_new();
	uint8_t at[4096], again[4096];
	struct errbuf eb = {0};

	for (int round = 0; round < 500; round++) {
		size_t width = widths[round % ARRAY_LEN(widths)];
		size_t n = sample_below(&rng, sizeof(at) / width) * width + width;
		uint64_t values = 1 + sample_below(&rng, 256);
		for (size_t i = 0; i < n && n <= sizeof(at); i++)
			at[i] = (uint8_t)sample_below(&rng, values);
		n = n <= sizeof(at) ? n : width;
		struct packed packed = pack_extent(p, at, n, width);
		if (packed.raw == 0) {
			ck_assert_ptr_eq(packed.at, at);
			continue;
		}
		ck_assert_uint_eq(packed.raw, n);
		ck_assert_uint_lt(packed.n, n);
		ck_assert_msg(unpack_extent(packed.at, packed.n, again, n, width, &eb) == MS_OK,
			"%s", eb.msg);
		ck_assert_mem_eq(at, again, n);
	}
	packer_free(p);
}
END_TEST

START_TEST(wrong_frame)
{
	struct packer *p = packer_new();
	uint8_t at[1000] = {1, 2, 3}, again[2000], frame[1000];
	struct errbuf eb = {0};
	struct packed packed = pack_extent(p, at, sizeof(at), 4);

	ck_assert_uint_eq(packed.raw, sizeof(at));
	memcpy(frame, packed.at, packed.n);
	ck_assert_int_eq(unpack_extent(frame, packed.n, again, 1004, 4, &eb), MS_FORMAT);
	ck_assert_str_eq(eb.msg, "a compressed extent: too short");
	ck_assert_int_eq(unpack_extent(frame, packed.n, again, 996, 4, &eb), MS_FORMAT);
	ck_assert_int_eq(unpack_extent(frame, packed.n, again, 1001, 4, &eb), MS_FORMAT);
	ck_assert_str_eq(eb.msg, "a compressed extent of parts of elements");
	ck_assert_int_eq(unpack_extent(frame, packed.n - 1, again, 1000, 4, &eb), MS_FORMAT);
	ck_assert_int_eq(unpack_extent(frame, 0, again, 1000, 4, &eb), MS_FORMAT);
	frame[0] ^= 1;
	ck_assert_int_eq(unpack_extent(frame, packed.n, again, 1000, 4, &eb), MS_FORMAT);
	packer_free(p);
}
END_TEST

/* One bit of the first compressed extent changed: its checksum says so. */
START_TEST(wrong_checksum)
{
	CLEAN_CLOSE int fd = sample_dump_tuned(3, 5000, 1, true);
	CLEAN_FREE uint8_t *p = NULL;
	struct dump *d = NULL;
	struct errbuf eb = {0};
	size_t len;

	p = sample_bytes(fd, &len);
	p[64 + 20] ^= 1;
	CLEAN_CLOSE int broken = box_file(p, len);
	ck_assert_int_eq(sample_open(broken, DUMP_ALL, &d, &eb), MS_FORMAT);
	ck_assert_msg(strstr(eb.msg, "wrong checksum of the extent at 64") != NULL, "%s",
		eb.msg);
	ck_assert_ptr_null(d);
}
END_TEST

Suite *
suite_packed(void)
{
	Suite *s = suite_create("packed");
	TCase *t = tcase_create("packed");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, same, 0, 3);
	tcase_add_test(t, there_and_back);
	tcase_add_test(t, wrong_frame);
	tcase_add_test(t, wrong_checksum);
	suite_add_tcase(s, t);
	return s;
}
