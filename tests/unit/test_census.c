/*
 * How many objects are counted in pages of this process, laid out by hand: objects of two
 * types, and what only looks like them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/snappriv.h"

Suite *suite_census(void);

enum { PAGE = 4096, PAGES = 64, WORDS = PAGE / 8, OBJECT = 4, FLAGS = 20 };

/* Words of a page of types: one that types have, one of theirs, one whose type is no type. */
enum { META = 0, PLAIN = 64, FALSE_ONE = 128 };
#define IS_TYPE (UINT64_C(1) << 31)

static uint64_t *heap;
static struct snapshot snap;
static span_vec runs;

static uint64_t
at(size_t word)
{
	return (uint64_t)(uintptr_t)(heap + word);
}

static void
make_type(size_t word, size_t meta, uint64_t flags)
{
	heap[word] = 1;
	heap[word + 1] = at(meta);
	heap[word + FLAGS] = flags;
}

static void
make_heap(void)
{
	struct errbuf eb;

	heap = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(heap, MAP_FAILED);
	memset(heap, 0, PAGES * PAGE);
	make_type(META, META, IS_TYPE);
	make_type(PLAIN, META, 0);
	make_type(FALSE_ONE, PLAIN, 0);
	memset(&snap, 0, sizeof(snap));
	snap.reader.mem_fd = -1;
	ck_assert_int_eq(live_maps(getpid(), &snap.maps, &eb), MS_OK);
	ck_assert_int_eq(reader_open(getpid(), &snap.maps, &snap.reader, &eb), MS_OK);
	ck_assert_int_eq(live_machine(getpid(), &snap.machine, &eb), MS_OK);
	pagemap_open(getpid(), &snap.pagemap);
	ck_assert_uint_eq(snap.pagemap.page, PAGE);
	snap.plan.bytes = PAGES * PAGE;
	snap.opts.head = (struct object_head){
		.type = 8, .flags = FLAGS * 8, .n_counts = 1, .counts = {{0, 8, 0}}};
	vec_push(&runs, ((struct span){at(0), at(PAGES * WORDS)}));
}

static void
drop_heap(void)
{
	pagemap_fini(&snap.pagemap);
	reader_fini(&snap.reader);
	regions_fini(&snap.maps);
	vec_fini(&runs);
	munmap(heap, PAGES * PAGE);
}

/* Fill some pages with objects that begin with two words; returns how many that are. */
static size_t
fill(size_t first, size_t pages, uint64_t count, uint64_t type)
{
	size_t n = 0;

	for (size_t i = first * WORDS; i < (first + pages) * WORDS; i += OBJECT, n++) {
		heap[i] = count;
		heap[i + 1] = type;
	}
	return n;
}

static struct heap_census
take(void)
{
	struct heap_census c;

	census_take(&snap, &runs, &runs, &c);
	return c;
}

/* All pages are looked at, so that the number is exact; the three types count, too. */
START_TEST(test_objects)
{
	size_t n = fill(1, 10, 1, at(PLAIN));
	n += fill(11, 5, UINT32_MAX, at(META));

	struct heap_census c = take();
	ck_assert_uint_eq(c.objects, n + 3);
	ck_assert_uint_eq(c.most, c.objects);
	ck_assert_uint_eq(c.pointers, n + 3);
}
END_TEST

START_TEST(test_what_is_no_object)
{
	fill(1, 4, 0, at(PLAIN));                /* nobody has it */
	fill(5, 4, at(WORDS), at(PLAIN));        /* a free block, with the address of the next; items of a list */
	fill(9, 4, 7, at(FALSE_ONE));            /* a hash and a key */
	fill(13, 4, 7, at(WORDS) + 1);           /* no address of anything */
	fill(17, 4, 7, 0x1000);                  /* nor this, of the heap */
	fill(21, 4, UINT64_MAX, at(PLAIN));      /* no count */
	ck_assert_uint_eq(take().objects, 3);
}
END_TEST

/* Free-threaded: two counts in front of the type, the second with flags below it. */
START_TEST(test_two_counts)
{
	snap.opts.head = (struct object_head){.type = 24,
		.flags = FLAGS * 8,
		.n_counts = 2,
		.counts = {{12, 4, 0}, {16, 8, 2}}};
	heap[META + 3] = heap[PLAIN + 3] = at(META);
	heap[META + 2] = heap[PLAIN + 2] = 4;
	heap[FALSE_ONE + 1] = 0;
	for (size_t i = WORDS; i < 5 * WORDS; i += 8) {
		heap[i + 1] = UINT64_C(1) << 32;
		heap[i + 3] = at(PLAIN);
	}
	/* Flags alone are no count. */
	for (size_t i = 5 * WORDS; i < 9 * WORDS; i += 8) {
		heap[i + 2] = 3;
		heap[i + 3] = at(PLAIN);
	}
	ck_assert_uint_eq(take().objects, 4 * WORDS / 8 + 2);
}
END_TEST

/* Offsets that lead out of what is read. */
START_TEST(test_offsets_that_lie)
{
	static const struct object_head lies[] = {
		{.type = 8, .flags = 160, .n_counts = 1, .counts = {{1 << 25, 8, 0}}},
		{.type = 8, .flags = 160, .n_counts = 2, .counts = {{0, 8, 0}, {4, 8, 0}}},
		{.type = 300, .flags = 160, .n_counts = 1, .counts = {{0, 8, 0}}},
		{.type = 300, .flags = 320, .n_counts = 1, .counts = {{0, 8, 0}}},
		{.type = 8, .flags = UINT32_MAX, .n_counts = 1, .counts = {{0, 8, 0}}},
		{.type = 8, .flags = 252, .n_counts = 1, .counts = {{0, 8, 0}}},
	};

	fill(1, 10, 1, at(PLAIN));
	snap.opts.head = lies[_i];
	ck_assert_uint_eq(take().objects, PAGES * PAGE / 80);
}
END_TEST

/* Without a page map, or not knowing what objects look like, nothing is read. */
START_TEST(test_unknown)
{
	fill(1, 10, 1, at(PLAIN));
	int fd = snap.pagemap.fd;
	snap.pagemap.fd = -1;
	ck_assert_uint_eq(take().objects, PAGES * PAGE / 80);
	snap.pagemap.fd = fd;
	snap.opts.head.n_counts = 0;
	ck_assert_uint_eq(take().objects, PAGES * PAGE / 80);
	/* A heap that is gone. */
	snap.opts.head.n_counts = 1;
	munmap(heap, PAGES * PAGE);
	ck_assert_uint_eq(take().objects, PAGES * PAGE / 80);
}
END_TEST

Suite *
suite_census(void)
{
	Suite *s = suite_create("census");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, make_heap, drop_heap);
	tcase_add_test(tc, test_objects);
	tcase_add_test(tc, test_what_is_no_object);
	tcase_add_test(tc, test_two_counts);
	tcase_add_loop_test(tc, test_offsets_that_lie, 0, 6);
	tcase_add_test(tc, test_unknown);
	suite_add_tcase(s, tc);
	return s;
}
