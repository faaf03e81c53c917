/*
 * Objects in pages of mimalloc. The offsets are those that gdb shows of CPython 3.13.5's
 * structs (free-threaded, x86-64); where the blocks of a page begin was measured there.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "py/priv.h"

Suite *suite_mimalloc(void);

enum {
	INTERP = 0x10000,
	TSTATE = 0x20000,
	SEGMENT = 32 << 20,
	LOST = 64 << 20,
	SLICE = 64 << 10,
	SLICES = SEGMENT + 264,
	PAGE_SIZE_OF = 96,
	HEAPS = 8,
	HEAP_SIZE = 3064,
	READY = 13872,
	BLOCK = 64,
	FIRST = 3 * BLOCK, /* blocks of up to 64 bytes begin three of them into the slice */
};

static void
field(struct layout *l, enum pyf id, uint64_t off, uint64_t size)
{
	l->f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

static void
array(struct layout *l, enum pyf id, uint64_t off, uint64_t stride, uint64_t count)
{
	l->f[id] = (struct layout_field){.off = off, .size = stride * count, .stride = stride, .count = count, .present = true};
}

static struct layout
make_layout(void)
{
	struct layout l = {.machine = {.ptr_width = 8}, .gc_home = GC_HOME_MIMALLOC};

	field(&l, PYF_INTERP_THREADS_HEAD, 0, 8);
	field(&l, PYF_INTERP_MI_VISITED, 64, 8);
	field(&l, PYF_INTERP_MI_ABANDONED, 128, 8);
	field(&l, PYF_INTERP_GC, 256, 8);
	array(&l, PYF_GC_GENERATIONS, 0, 24, 3);
	field(&l, PYF_TSTATE_NEXT, 14000, 8);
	field(&l, PYF_TSTATE_THREAD_ID, 14008, 8);
	array(&l, PYF_TSTATE_MI_HEAPS, HEAPS, HEAP_SIZE, 4);
	field(&l, PYF_TSTATE_MI_READY, READY, 4);
	array(&l, PYF_MIHEAP_PAGES, 1040, 24, 75);
	field(&l, PYF_MIQUEUE_FIRST, 0, 8);
	field(&l, PYF_SIZEOF_MIPAGE, 0, PAGE_SIZE_OF);
	field(&l, PYF_MIPAGE_SLICES, 0, 4);
	l.f[PYF_MIPAGE_TAG] = (struct layout_field){.off = 8, .size = 1, .bit_first = 3, .bit_width = 4, .present = true};
	field(&l, PYF_MIPAGE_CAPACITY, 10, 2);
	field(&l, PYF_MIPAGE_FREE, 16, 8);
	field(&l, PYF_MIPAGE_BLOCK_SIZE, 28, 4);
	field(&l, PYF_MIPAGE_LOCAL_FREE, 32, 8);
	field(&l, PYF_MIPAGE_XTHREAD_FREE, 40, 8);
	field(&l, PYF_MIPAGE_NEXT, 56, 8);
	field(&l, PYF_MIPAGE_PREV, 64, 8);
	array(&l, PYF_MISEGMENT_SLICES, 264, PAGE_SIZE_OF, 513);
	field(&l, PYF_MISEGMENT_NEXT, 176, 8);
	field(&l, PYF_MISEGMENT_INFO, 232, 8);
	field(&l, PYF_MISEGMENT_ENTRIES, 248, 8);
	field(&l, PYF_MISEGMENT_THREAD, 256, 8);
	field(&l, PYF_OB_GC_BITS, 11, 1);
	return l;
}

static taddr
page_at(taddr segment, unsigned slice)
{
	return segment + 264 + slice * PAGE_SIZE_OF;
}

static void
put_page(struct image *im, taddr segment, unsigned slice, unsigned tag, unsigned capacity)
{
	taddr at = page_at(segment, slice);

	image_u32(im, at, 1);
	image_u8(im, at + 8, (uint8_t)(tag << 3 | 1));
	image_uint(im, at + 10, capacity, 2);
	image_u32(im, at + 28, BLOCK);
}

static taddr
block_at(taddr segment, unsigned slice, unsigned i)
{
	return segment + (taddr)slice * SLICE + FIRST + (taddr)i * BLOCK;
}

/*
 * One thread: slice 1 has GC objects, slice 2 those with words in front. A segment in the pool of
 * abandoned ones: slice 1 has an object, slices 2 and 3 are free, slice 4 belongs to no heap of the collector.
 */
static struct image *
make_image(void)
{
	struct image *im = image_new(8, false);
	taddr heap2 = TSTATE + HEAPS + 2 * HEAP_SIZE, heap3 = heap2 + HEAP_SIZE;

	image_region(im, INTERP, 4096, 3, NULL);
	image_region(im, TSTATE, 16384, 3, NULL);
	image_region(im, SEGMENT, 8 * SLICE, 3, NULL);
	image_region(im, LOST, 8 * SLICE, 3, NULL);
	image_u64(im, INTERP, TSTATE);
	image_u32(im, TSTATE + READY, 1);
	image_u64(im, heap2 + 1040 + 7 * 24, page_at(SEGMENT, 1));
	image_u64(im, heap3 + 1040 + 74 * 24, page_at(SEGMENT, 2));
	put_page(im, SEGMENT, 1, 2, 6);
	put_page(im, SEGMENT, 2, 3, 2);
	for (unsigned i = 0; i < 6; i++)
		image_u8(im, block_at(SEGMENT, 1, i) + 11, i == 5 ? 2 : 1); /* the last one is not tracked */
	for (unsigned i = 0; i < 2; i++)
		image_u8(im, block_at(SEGMENT, 2, i) + 16 + 11, 1);
	/* One block in each list of free ones; the third has flags in its head. */
	image_u64(im, page_at(SEGMENT, 1) + 16, block_at(SEGMENT, 1, 0));
	image_u64(im, page_at(SEGMENT, 1) + 32, block_at(SEGMENT, 1, 2));
	image_u64(im, page_at(SEGMENT, 1) + 40, block_at(SEGMENT, 1, 3) | 2);

	image_u64(im, INTERP + 128, LOST | 5); /* with a counter */
	image_u64(im, LOST + 248, 5);
	image_u64(im, LOST + 232, 1);
	image_u32(im, page_at(LOST, 0), 1);
	put_page(im, LOST, 1, 2, 1);
	image_u32(im, page_at(LOST, 2), 2);
	put_page(im, LOST, 4, 1, 1);
	image_u8(im, block_at(LOST, 1, 0) + 11, 1);
	image_u8(im, block_at(LOST, 4, 0) + 11, 1);
	return im;
}

struct found {
	taddr at[16];
	size_t n;
};

static enum status
collect(void *self, const struct pytracked *o)
{
	struct found *f = self;

	ck_assert_uint_lt(f->n, ARRAY_LEN(f->at));
	f->at[f->n++] = o->addr;
	return MS_OK;
}

static enum status
run(struct layout *l, struct image *im, struct found *f, struct pygc_breaks *b)
{
	struct py p = {.l = l, .t = image_target(im, IMAGE_DATA)};

	*f = (struct found){0};
	enum status st = py_gc_each(&p, INTERP, collect, f, b);
	target_close(p.t);
	return st;
}

static void
check_all(const struct found *f)
{
	ck_assert_uint_eq(f->n, 5);
	ck_assert_uint_eq(f->at[0], block_at(SEGMENT, 1, 1));
	ck_assert_uint_eq(f->at[1], block_at(SEGMENT, 1, 4));
	ck_assert_uint_eq(f->at[2], block_at(SEGMENT, 2, 0) + 16);
	ck_assert_uint_eq(f->at[3], block_at(SEGMENT, 2, 1) + 16);
	ck_assert_uint_eq(f->at[4], block_at(LOST, 1, 0));
}

START_TEST(finds_what_is_tracked)
{
	struct layout l = make_layout();
	struct found f;
	struct pygc_breaks b;

	ck_assert_int_eq(run(&l, make_image(), &f, &b), MS_OK);
	check_all(&f);
}
END_TEST

/* Without a pool the same segment is recognised by its looks; one that a thread has is not taken. */
START_TEST(finds_segments_without_a_pool)
{
	struct layout l = make_layout();
	struct image *im = make_image();
	struct found f;
	struct pygc_breaks b;

	l.f[PYF_INTERP_MI_ABANDONED].present = false;
	image_u64(im, SEGMENT + 248, 5);
	image_u64(im, SEGMENT + 232, 1);
	image_u64(im, SEGMENT + 256, 0x7f00);
	image_u32(im, page_at(SEGMENT, 0), 1);
	ck_assert_int_eq(run(&l, im, &f, &b), MS_OK);
	check_all(&f);
}
END_TEST

/* PYTHONMALLOC=debug: the length, 'o' and seven forbidden bytes stand before the object. */
START_TEST(looks_behind_debug_heads)
{
	static const uint8_t head[16] = {0, 0, 0, 0, 0, 0, 0, 32, 'o', 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd};
	struct layout l = make_layout();
	struct image *im = make_image();
	struct found f;
	struct pygc_breaks b;

	image_put(im, block_at(SEGMENT, 1, 1), head, sizeof(head));
	image_u8(im, block_at(SEGMENT, 1, 1) + 16 + 11, 1);
	ck_assert_int_eq(run(&l, im, &f, &b), MS_OK);
	ck_assert_uint_eq(f.n, 5);
	ck_assert_uint_eq(f.at[0], block_at(SEGMENT, 1, 1) + 16);
}
END_TEST

/* A field of the image that is made to lie, and where the damage is seen; the rest is found all the same. */
static const struct lie {
	taddr at;
	uint64_t value;
	unsigned width;
	taddr broken_at;
	size_t found;
} lies[] = {
	/* A free list that is a circle, that leaves its page, that points between blocks. */
	{SEGMENT + SLICE + FIRST, SEGMENT + SLICE + FIRST, 8, SLICES + PAGE_SIZE_OF, 5},
	{SEGMENT + SLICE + FIRST, 0x10, 8, SLICES + PAGE_SIZE_OF, 5},
	{SEGMENT + SLICE + FIRST, SEGMENT + SLICE + FIRST + BLOCK + 8, 8, SLICES + PAGE_SIZE_OF, 5},
	/* A page after itself; one that is no record of a segment; one with blocks of no bytes, or more than its slices hold. */
	{SLICES + PAGE_SIZE_OF + 56, SLICES + PAGE_SIZE_OF, 8, SLICES + PAGE_SIZE_OF, 5},
	{SLICES + PAGE_SIZE_OF + 56, SLICES + 8, 8, SLICES + 8, 5},
	{SLICES + PAGE_SIZE_OF + 28, 0, 4, SLICES + PAGE_SIZE_OF, 3},
	{SLICES + PAGE_SIZE_OF + 10, 0xffff, 2, SLICES + PAGE_SIZE_OF, 3},
	/* A segment after itself; one with more slices than it has; a span of none. */
	{LOST + 176, LOST, 8, LOST, 16},
	{LOST + 248, 514, 8, LOST, 4},
	{LOST + 264 + 2 * PAGE_SIZE_OF, 0, 4, LOST + 264 + 2 * PAGE_SIZE_OF, 5},
};

static enum status
count(void *self, const struct pytracked *o)
{
	(void)o;
	++*(size_t *)self;
	return MS_OK;
}

START_TEST(survives_lies)
{
	const struct lie *lie = &lies[_i];
	struct layout l = make_layout();
	struct image *im = make_image();
	struct pygc_breaks b = {0};
	size_t n = 0;

	image_uint(im, lie->at, lie->value, lie->width);
	struct py p = {.l = &l, .t = image_target(im, IMAGE_DATA)};
	ck_assert_int_eq(py_gc_each(&p, INTERP, count, &n, &b), MS_FORMAT);
	ck_assert_uint_eq(b.at, lie->broken_at);
	/* A circle of segments ends when more was seen than the memory holds. */
	if (lie->at == LOST + 176)
		ck_assert_uint_lt(n, 1000);
	else
		ck_assert_uint_eq(n, lie->found);
	target_close(p.t);
}
END_TEST

/* A thread whose heaps were never made has none. */
START_TEST(skips_threads_without_heaps)
{
	struct layout l = make_layout();
	struct image *im = make_image();
	struct found f;
	struct pygc_breaks b;

	image_u32(im, TSTATE + READY, 0);
	ck_assert_int_eq(run(&l, im, &f, &b), MS_OK);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_uint_eq(f.at[0], block_at(LOST, 1, 0));
}
END_TEST

/* Counts by hand: 3 of the owner's and 2 of others'; immortal; a deferred one with its bias (PY_SSIZE_T_MAX / 8). */
START_TEST(adds_both_counts)
{
	struct layout l = {.machine = {.ptr_width = 8}};
	uint8_t v[32] = {0};

	field(&l, PYF_OB_REF_LOCAL, 12, 4);
	field(&l, PYF_OB_REF_SHARED, 16, 8);
	v[12] = 3;
	v[16] = 2 << 2 | 3;
	ck_assert_uint_eq(object_refcount(&l, v), 5);
	memset(v + 16, 0xff, 8); /* -1: another thread dropped what the owner counts */
	ck_assert_uint_eq(object_refcount(&l, v), 2);
	uint64_t deferred = (0x0fffffffffffffff + 4ull) << 2;
	memcpy(v + 16, &deferred, 8);
	ck_assert_uint_eq(object_refcount(&l, v), 7);
	memset(v + 12, 0xff, 4);
	ck_assert_uint_eq(object_refcount(&l, v), 0xffffffff);
	/* Before there was a bias, a deferred one had one count more; what is not deferred has not. */
	field(&l, PYF_OB_GC_BITS, 11, 1);
	memset(v, 0, sizeof(v));
	v[12] = 3;
	v[16] = 2 << 2;
	v[11] = 1;
	ck_assert_uint_eq(object_refcount(&l, v), 5);
	v[11] = 1 | 64;
	ck_assert_uint_eq(object_refcount(&l, v), 4);
	memcpy(v + 16, &deferred, 8);
	ck_assert_uint_eq(object_refcount(&l, v), 7);
	memset(v + 12, 0xff, 4);
	ck_assert_uint_eq(object_refcount(&l, v), 0xffffffff);
}
END_TEST

Suite *
suite_mimalloc(void)
{
	Suite *s = suite_create("mimalloc");
	TCase *tc = tcase_create("mimalloc");

	tcase_add_test(tc, finds_what_is_tracked);
	tcase_add_test(tc, finds_segments_without_a_pool);
	tcase_add_test(tc, looks_behind_debug_heads);
	tcase_add_loop_test(tc, survives_lies, 0, (int)ARRAY_LEN(lies));
	tcase_add_test(tc, skips_threads_without_heaps);
	tcase_add_test(tc, adds_both_counts);
	suite_add_tcase(s, tc);
	return s;
}
