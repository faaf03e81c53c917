/*
 * Dispatch, windows, integers and strings over an image in memory, whose bytes end at
 * guard pages. Every test of reading runs both with data at hand and through a backend.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "flaky.h"
#include "image.h"
#include "target/priv.h"

enum { RO = PROT_READ, RW = PROT_READ | PROT_WRITE };

/* A byte that depends on its address alone. */
static uint8_t
byte_at(taddr addr)
{
	return (uint8_t)(addr * 131 ^ addr >> 8 ^ addr >> 16);
}

static void
add_pattern(struct image *im, taddr start, size_t len, uint32_t prot)
{
	uint8_t *p = image_region(im, start, len, prot, NULL);

	for (size_t i = 0; i < len; i++)
		p[i] = byte_at(start + i);
}

static bool
is_pattern(const void *p, taddr addr, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != byte_at(addr + i))
			return false;
	}
	return true;
}

/* [0x10000, 0x33000) in three adjacent regions, a gap, and a large one of odd length. */
static struct image *
pattern_image(void)
{
	struct image *im = image_new(8, false);

	add_pattern(im, 0x10000, 0x1000, RO);
	add_pattern(im, 0x11000, 0x2000, RW);
	add_pattern(im, 0x13000, 0x20000, RO);
	add_pattern(im, 0x40000, 0x50123, RW);
	return im;
}

/* With the bytes at hand, through windows, and through caches of several sizes. */
enum { HOWS = 5 };
static struct target *
pattern_target(int how)
{
	static const size_t cache[HOWS] = {0, 0, 1, 64 << 10, 4 << 20};
	struct target *t = image_target(pattern_image(), how == 0 ? IMAGE_DATA : IMAGE_READ);

	if (cache[how] > 0)
		target_hold_still(t, cache[how]);
	return t;
}

START_TEST(test_read_everywhere)
{
	struct target *t = pattern_target(_i);
	static uint8_t buf[0x60000];

	for (taddr addr = 0x10000; addr < 0x33000; addr += 0x333) {
		for (size_t n = 1; n <= 0x33000 - addr; n = n * 3 + 1) {
			ck_assert_int_eq(target_read(t, addr, buf, n), MS_OK);
			ck_assert(is_pattern(buf, addr, n));
		}
	}
	ck_assert_int_eq(target_read(t, 0x40000, buf, 0x50123), MS_OK);
	ck_assert(is_pattern(buf, 0x40000, 0x50123));
	ck_assert_int_eq(target_read(t, 0x40000, buf, 0x50124), MS_FAULT);
	ck_assert_int_eq(target_read(t, 0x32fff, buf, 2), MS_FAULT);
	ck_assert_int_eq(target_read(t, 0xffff, buf, 2), MS_FAULT);
	ck_assert_int_eq(target_read(t, 0, buf, 1), MS_FAULT);
	ck_assert_int_eq(target_read(t, UINT64_MAX, buf, 2), MS_FAULT);
	ck_assert_int_eq(target_read(t, UINT64_MAX - 3, buf, 4), MS_FAULT);
	ck_assert_int_eq(target_read(t, 0, buf, 0), MS_OK);
	target_close(t);
}
END_TEST

START_TEST(test_view_everywhere)
{
	struct target *t = pattern_target(_i);

	for (taddr addr = 0x10000; addr < 0x33000; addr += 0x2f1) {
		for (size_t n = 1; n <= 0x33000 - addr && n <= TARGET_VIEW_MAX;
		     n = n * 3 + 1) {
			const void *p = target_view(t, addr, n);
			ck_assert_ptr_nonnull(p);
			ck_assert(is_pattern(p, addr, n));
		}
	}
	/* The last byte of the odd region, and windows around the 64 KiB lines. */
	ck_assert(is_pattern(target_view(t, 0x90122, 1), 0x90122, 1));
	ck_assert(is_pattern(target_view(t, 0x4fff0, 0x20), 0x4fff0, 0x20));
	ck_assert(is_pattern(target_view(t, 0x4f001, 0x10000), 0x4f001, 0x10000));
	ck_assert(is_pattern(target_view(t, 0x80123, 0x10000), 0x80123, 0x10000));
	ck_assert_ptr_null(target_view(t, 0x90122, 2));
	ck_assert_ptr_null(target_view(t, 0x32fff, 2));
	ck_assert_ptr_null(target_view(t, 0x33000, 1));
	ck_assert_ptr_null(target_view(t, UINT64_MAX, 8));
	ck_assert_ptr_null(target_view(t, 0x40000, SIZE_MAX));
	target_close(t);
}
END_TEST

/* Two targets, and regions that fall on the same place of the table of remembered ones.
 */
START_TEST(test_memo_is_not_confused)
{
	struct image *im = image_new(8, false);
	taddr far = 0x10000 + ((taddr)64 << 20);

	add_pattern(im, 0x10000, 0x1000, RW);
	add_pattern(im, 0x12000, 0x1000, RW);
	add_pattern(im, far, 0x1000, RW);
	struct target *t = image_target(im, IMAGE_DATA);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(is_pattern(target_view(t, 0x10010, 8), 0x10010, 8));
		ck_assert_ptr_null(target_view(t, 0x11010, 8));
		ck_assert(is_pattern(target_view(t, 0x12010, 8), 0x12010, 8));
		ck_assert(is_pattern(target_view(t, far, 8), far, 8));
		ck_assert_ptr_null(target_view(t, far + 0xff9, 8));
		ck_assert_ptr_null(target_view(t, 0x10000 - 1, 1));
	}
	target_close(t);
}
END_TEST

/* A view is good for TARGET_VIEW_KEEP further ones, each of another window. */
START_TEST(test_views_are_kept)
{
	struct image *im = image_new(8, false);
	size_t windows = 3 * TARGET_VIEW_KEEP;

	add_pattern(im, 0x1000000, windows * TARGET_VIEW_MAX, RW);
	struct target *t = image_target(im, IMAGE_READ);
	if (_i > 0)
		target_hold_still(t, (size_t)1 << (12 + 2 * _i));
	const void *held[TARGET_VIEW_KEEP + 1];
	taddr addrs[TARGET_VIEW_KEEP + 1];
	size_t slots = TARGET_VIEW_KEEP + 1;
	for (size_t i = 0; i < 10 * windows; i++) {
		size_t slot = i % slots;
		addrs[slot] = 0x1000000 + i * 37 % windows * TARGET_VIEW_MAX + i * 11;
		held[slot] = target_view(t, addrs[slot], 16);
		for (size_t k = 0; k < slots && k <= i; k++)
			ck_assert(is_pattern(held[k], addrs[k], 16));
	}
	target_close(t);
}
END_TEST

/*
 * Pages one after the other are read many at a time; at random, one by one as soon as
 * that was found to be better. What was read is not read again.
 */
START_TEST(test_cache_reads_ahead)
{
	enum { PAGES = 8192, SIZE = 4096, START = 0x1000000 };
	struct image *im = image_new(8, false);
	unsigned before;

	add_pattern(im, START, (size_t)PAGES * SIZE, RW);
	struct target *t = image_target(im, IMAGE_READ);
	target_hold_still(t, (size_t)PAGES * SIZE * 2);
	for (unsigned i = 0; i < PAGES; i++) {
		taddr at = START + (taddr)(_i == 0 ? i : PAGES - 1 - i) * SIZE + 8;
		ck_assert(is_pattern(target_view(t, at, 16), at, 16));
	}
	ck_assert_uint_lt(image_reads(im), PAGES / 8);
	before = image_reads(im);
	for (unsigned i = 0; i < PAGES; i++) {
		taddr at = START + (taddr)i * SIZE + 100;
		ck_assert(is_pattern(target_view(t, at, 16), at, 16));
	}
	/* All but what fell on places of others. */
	ck_assert_uint_lt(image_reads(im) - before, PAGES / 4);
	/* A small one, and jumps: no more reads than looks, and each of little. */
	target_hold_still(t, 256 * SIZE);
	before = image_reads(im);
	for (uint64_t i = 0, x = 1; i < 20000; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		taddr at = START + (x >> 33) % PAGES * SIZE + i % 4000;
		ck_assert(is_pattern(target_view(t, at, 16), at, 16));
	}
	ck_assert_uint_le(image_reads(im) - before, 20000);
	target_close(t);
}
END_TEST

/*
 * A thousand looks at one page are one read; what is writable is read anew by
 * target_read.
 */
START_TEST(test_windows_are_cached)
{
	struct image *im = image_new(8, false);
	uint64_t v;

	image_region(im, 0x10000, 0x1000, RO, NULL);
	image_region(im, 0x20000, 0x1000, RW, NULL);
	image_u64(im, 0x20008, 1);
	struct target *t = image_target(im, IMAGE_READ);
	for (unsigned i = 0; i < 500; i++) {
		ck_assert_ptr_nonnull(target_view(t, 0x10000 + i, 8));
		ck_assert_int_eq(target_u64(t, 0x10000 + i, &v), MS_OK);
	}
	ck_assert_uint_eq(image_reads(im), 1);

	const void *p = target_view(t, 0x20008, 8);
	image_u64(im, 0x20008, 2);
	ck_assert_int_eq(target_u64(t, 0x20008, &v), MS_OK);
	ck_assert_uint_eq(v, 2);
	ck_assert_uint_eq(*(const uint8_t *)p, 1);
	target_forget(t);
	ck_assert_uint_eq(*(const uint8_t *)target_view(t, 0x20008, 8), 2);
	target_close(t);
}
END_TEST

/*
 * When a whole window cannot be read, the pages of the view alone are tried, then its
 * bytes.
 */
START_TEST(test_window_falls_back)
{
	struct image *im = image_new(8, false);
	struct flaky fl = {.fail_at = 0, .with = MS_FAULT};

	add_pattern(im, 0x10000, 0x10000, RW);
	struct target *t = flaky_target(image_target(im, IMAGE_DATA), &fl);
	ck_assert(is_pattern(target_view(t, 0x12345, 8), 0x12345, 8));
	ck_assert_uint_eq(fl.reads, 2);
	/* The page is there now. */
	ck_assert(is_pattern(target_view(t, 0x12000, 0x1000), 0x12000, 0x1000));
	ck_assert_uint_eq(fl.reads, 2);
	fl = (struct flaky){.fail_at = 0, .is_for_good = true, .with = MS_FAULT};
	ck_assert_ptr_null(target_view(t, 0x1c000, 8));
	uint8_t b;
	ck_assert_int_eq(target_read(t, 0x1c000, &b, 1), MS_FAULT);
	target_close(t);
}
END_TEST

/* Once gone, always gone, though the backend would answer again. */
START_TEST(test_gone_stays)
{
	struct image *im = image_new(8, false);
	struct flaky fl = {.fail_at = 0, .with = MS_GONE};
	uint64_t v;

	image_region(im, 0x10000, 0x1000, _i == 0 ? RO : RW, NULL);
	struct target *t = flaky_target(image_target(im, IMAGE_DATA), &fl);
	ck_assert_int_eq(target_u64(t, 0x10000, &v), MS_GONE);
	ck_assert_int_eq(target_u64(t, 0x10000, &v), MS_GONE);
	ck_assert_ptr_null(target_view(t, 0x10000, 8));
	ck_assert_uint_eq(fl.reads, 1);
	ck_assert_int_eq(target_u64(t, 0x9000, &v), MS_FAULT);
	target_close(t);
}
END_TEST

/* Integers: both byte orders, both widths, at the end of a region, across two. */
START_TEST(test_integers)
{
	bool big = _i & 1;
	unsigned width = _i & 2 ? 8 : 4;
	struct image *im = image_new(width, big);
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint64_t v64;
	uint32_t v32;
	uint8_t v8;

	image_put(im, 0x1ffc, bytes, 4);
	image_put(im, 0x2000, bytes + 4, 4);
	struct target *t = image_target(im, _i & 4 ? IMAGE_DATA : IMAGE_READ);
	uint64_t whole = big ? 0x0102030405060708 : 0x0807060504030201;
	uint32_t low = big ? 0x01020304 : 0x04030201;
	ck_assert_int_eq(target_u64(t, 0x1ffc, &v64), MS_OK);
	ck_assert_uint_eq(v64, whole);
	ck_assert_int_eq(target_u32(t, 0x1ffc, &v32), MS_OK);
	ck_assert_uint_eq(v32, low);
	ck_assert_int_eq(target_word(t, 0x1ffc, &v64), MS_OK);
	ck_assert_uint_eq(v64, width == 8 ? whole : low);
	ck_assert_int_eq(target_u8(t, 0x2003, &v8), MS_OK);
	ck_assert_uint_eq(v8, 8);
	v64 = 77;
	ck_assert_int_eq(target_u64(t, 0x1ffd, &v64), MS_FAULT);
	ck_assert_uint_eq(v64, 77);
	ck_assert_int_eq(target_u8(t, 0x2004, &v8), MS_FAULT);
	target_close(t);
}
END_TEST

START_TEST(test_strings)
{
	struct image *im = image_new(8, false);
	char buf[64];

	/*
	 * "hello" crosses from one region to the next; "end" ends with its region,
	 * unterminated.
	 */
	image_put(im, 0xffd, "hel", 3);
	image_put(im, 0x1000, "lo", 3);
	image_put(im, 0x3000, "end", 3);
	struct target *t = image_target(im, _i == 0 ? IMAGE_DATA : IMAGE_READ);
	ck_assert_int_eq(target_str(t, 0xffd, buf, sizeof(buf)), MS_OK);
	ck_assert_str_eq(buf, "hello");
	ck_assert_int_eq(target_str(t, 0xffd, buf, 6), MS_OK);
	ck_assert_int_eq(target_str(t, 0xffd, buf, 5), MS_LIMIT);
	ck_assert_int_eq(target_str(t, 0x3000, buf, sizeof(buf)), MS_FAULT);
	ck_assert_int_eq(target_str(t, 0x3000, buf, 3), MS_LIMIT);
	ck_assert_int_eq(target_str(t, 0x4000, buf, sizeof(buf)), MS_FAULT);
	ck_assert_int_eq(target_str(t, UINT64_MAX, buf, sizeof(buf)), MS_FAULT);
	target_close(t);
}
END_TEST

START_TEST(test_mapped)
{
	struct image *im = pattern_image();

	image_region(im, 0x91000, 0x1000, PROT_EXEC, "/x");
	struct target *t = image_target(im, IMAGE_READ);
	uint8_t b;
	ck_assert(target_is_mapped(t, 0x10000, 0x23000));
	ck_assert(!target_is_mapped(t, 0x10000, 0x23001));
	ck_assert(!target_is_mapped(t, 0xffff, 2));
	ck_assert(target_is_mapped(t, 0x90122, 1));
	ck_assert(!target_is_mapped(t, 0x91000, 1));
	ck_assert(!target_is_mapped(t, UINT64_MAX, 2));
	ck_assert_int_eq(target_read(t, 0x91000, &b, 1), MS_FAULT);
	ck_assert_str_eq(target_region(t, 0x91fff)->path, "/x");
	ck_assert_ptr_null(target_region(t, 0x92000));
	ck_assert_str_eq(target_kind(t), "image");
	ck_assert_uint_eq(target_machine(t)->ptr_width, 8);
	target_close(t);
}
END_TEST

static unsigned closed;

static void
count_close(void *self)
{
	(void)self;
	closed++;
}

/*
 * The backend is closed exactly once, also when the regions are refused; paths are
 * copies.
 */
START_TEST(test_new_and_close)
{
	static const struct target_ops ops = {.name = "test", .close = count_close};
	struct machine m = {.ptr_width = 8};
	char path[] = "/a";
	struct region r[] = {{.start = 1, .end = 3, .path = path},
	                     {.start = 2, .end = 4}};
	struct errbuf eb = {0};
	struct target *t = NULL;

	closed = 0;
	ck_assert_int_eq(target_new(&ops, NULL, &m, r, 2, &t, &eb), MS_FORMAT);
	ck_assert_uint_eq(closed, 1);
	ck_assert_ptr_null(t);
	r[1].start = 3;
	ck_assert_int_eq(target_new(&ops, NULL, &m, r, 2, &t, &eb), MS_OK);
	path[1] = 'b';
	size_t n;
	const struct region *got = target_regions(t, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(got[0].path, "/a");
	ck_assert_str_eq(got[1].path, "");
	target_close(t);
	ck_assert_uint_eq(closed, 2);
	m.ptr_width = 3;
	ck_assert_int_eq(target_new(&ops, NULL, &m, r, 2, &t, &eb), MS_FORMAT);
	ck_assert_uint_eq(closed, 3);
	target_close(NULL);
}
END_TEST

Suite *suite_target(void);

Suite *
suite_target(void)
{
	Suite *s = suite_create("target");
	TCase *tc = tcase_create("image");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_read_everywhere, 0, HOWS);
	tcase_add_loop_test(tc, test_view_everywhere, 0, HOWS);
	tcase_add_test(tc, test_memo_is_not_confused);
	tcase_add_loop_test(tc, test_views_are_kept, 0, 5);
	tcase_add_loop_test(tc, test_cache_reads_ahead, 0, 2);
	tcase_add_test(tc, test_windows_are_cached);
	tcase_add_test(tc, test_window_falls_back);
	tcase_add_loop_test(tc, test_gone_stays, 0, 2);
	tcase_add_loop_test(tc, test_integers, 0, 8);
	tcase_add_loop_test(tc, test_strings, 0, 2);
	tcase_add_test(tc, test_mapped);
	tcase_add_test(tc, test_new_and_close);
	suite_add_tcase(s, tc);
	return s;
}
