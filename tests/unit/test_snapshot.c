/*
 * Snapshots of children that write patterns by rules the test knows: what was there at
 * the stop is there in the copy, whatever the child does afterwards, and what was never
 * there costs nothing.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "patterns.h"

static size_t page;

static void
setup(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(test_copy_is_what_was_there)
{
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);
	struct snapshot_stats stats = patterns_copy(s, c.pid);

	child_ask(&c, 'c');
	struct target *t = patterns_target(s);
	ck_assert_str_eq(target_kind(t), "snapshot");
	for (size_t i = 0; i < DENSE_PAGES; i++)
		check_fill(t, at.dense + i * page, page, (uint8_t)i);
	for (size_t i = 0; i < FILE_PAGES; i++) {
		check_fill(t, at.file + i * page + 1, page - 1, 'f');
		check_fill(t, at.file + i * page, 1, i == 1 ? 'w' : 'f');
	}
	ck_assert_uint_eq(stats.missing, 0);
	ck_assert_uint_gt(stats.copy_ns, 0);
	ck_assert_uint_ge(stats.bytes, DENSE_PAGES * page);
	/* After its end too, but for what was not copied. */
	child_end(&c);
	check_fill(t, at.dense + 5 * page, page, 5);
	target_close(t);
}
END_TEST

/* Eight gigabytes of address space, 32 pages of memory. */
START_TEST(test_sparse_stays_sparse)
{
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct pagemap pm;
	span_vec before = {0}, after = {0};
	uint64_t v;

	pagemap_open(c.pid, &pm);
	pagemap_runs(&pm, at.sparse, at.sparse + SPARSE_LEN, &before);
	ck_assert_uint_eq(before.n, SPARSE_LEN / SPARSE_STEP);
	struct snapshot *s = patterns_prepare(c.pid, NULL);
	struct snapshot_stats stats = patterns_copy(s, c.pid);
	/* What is resident, a sanitizer's shadow included, and not what is mapped. */
	struct procinfo info = {0};
	struct errbuf eb = {0};
	ck_assert_int_eq(procinfo_get(c.pid, &info, &eb), MS_OK);
	ck_assert_uint_le(stats.bytes, info.rss + (64 << 20));
	ck_assert_uint_lt(info.rss, SPARSE_LEN / 2);
	procinfo_fini(&info);
	struct target *t = patterns_target(s);
	for (uint64_t off = 0; off < SPARSE_LEN; off += SPARSE_STEP) {
		ck_assert_int_eq(target_u64(t, at.sparse + off, &v), MS_OK);
		ck_assert_uint_eq(v, off + 1);
		ck_assert_int_eq(target_u64(t, at.sparse + off + SPARSE_STEP / 2, &v),
		                 MS_OK);
		ck_assert_uint_eq(v, 0);
	}
	/* The copy is one region, and the target was not made to have more pages. */
	ck_assert_ptr_eq(target_region(t, at.sparse),
	                 target_region(t, at.sparse + SPARSE_LEN - 1));
	pagemap_runs(&pm, at.sparse, at.sparse + SPARSE_LEN, &after);
	ck_assert_uint_eq(after.n, before.n);
	for (size_t i = 0; i < after.n; i++) {
		ck_assert_uint_eq(after.at[i].start, at.sparse + i * SPARSE_STEP);
		ck_assert_uint_eq(after.at[i].end, after.at[i].start + page);
	}
	vec_fini(&before);
	vec_fini(&after);
	pagemap_fini(&pm);
	target_close(t);
	child_end(&c);
}
END_TEST

/* What appears between the plan and the stop is copied too. */
START_TEST(test_growth)
{
	struct places at;
	char echo;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);

	child_put(c.to, "n", 1);
	child_get(c.from, &at, sizeof(at));
	child_get(c.from, &echo, 1);
	patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);
	for (size_t i = 0; i < NEW_PAGES; i++)
		check_fill(t, at.fresh + i * page, page, (int)(i + 100));
	for (size_t i = 0; i < DENSE_PAGES; i++)
		check_fill(t, at.dense + i * page, page, (uint8_t)i);
	ck_assert_ptr_nonnull(target_region(t, at.fresh)->data);
	target_close(t);
	child_end(&c);
}
END_TEST

/* The second copy is the second state: new bytes, and zeros where a page was dropped. */
START_TEST(test_copy_again)
{
	struct places at;
	char echo;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);

	child_put(c.to, "n", 1);
	child_get(c.from, &at, sizeof(at));
	child_get(c.from, &echo, 1);
	patterns_copy(s, c.pid);
	child_ask(&c, 'c');
	child_ask(&c, 'd');
	patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);
	for (size_t i = 0; i < DENSE_PAGES; i++)
		check_fill(t, at.dense + i * page, page, i == 7 ? 0 : (uint8_t)(i + 55));
	for (size_t i = 0; i < NEW_PAGES; i++)
		check_fill(t, at.fresh + i * page, page, (int)(i + 100));
	check_fill(t, at.file, FILE_PAGES * page, 'c');
	target_close(t);
	child_end(&c);
}
END_TEST

/* A page of shared memory that only another process has touched is no page of zeros. */
START_TEST(test_shared)
{
	struct places at;
	uint8_t *shared = map_anonymous(3 * page, MAP_SHARED);
	memset(shared, 's', page);
	struct child c = patterns_start(&at, shared);

	struct snapshot *s = patterns_prepare(c.pid, NULL);
	patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);
	check_fill(t, at.shared, page, 's');
	check_fill(t, at.shared + page, page, 0);
	target_close(t);
	child_end(&c);
}
END_TEST

/* Read-only memory comes from the process on demand: the test's own code. */
START_TEST(test_read_only)
{
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);
	uintptr_t code = (uintptr_t)fill_dense;
	uint8_t buf[64];

	patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);
	ck_assert_ptr_null(target_region(t, code)->data);
	ck_assert_int_eq(target_read(t, code, buf, sizeof(buf)), MS_OK);
	const void *here;
	memcpy(&here, &code, sizeof(here));
	ck_assert_mem_eq(buf, here, sizeof(buf));
	child_end(&c);
	/* More than a page is not kept from before. */
	static uint8_t large[8192];
	ck_assert_int_eq(target_read(t, code, large, sizeof(large)), MS_GONE);
	target_close(t);
}
END_TEST

START_TEST(test_process_ends)
{
	struct errbuf eb = {0};
	struct snapshot_stats stats;
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);
	pid_t pid = c.pid;

	child_end(&c);
	ck_assert_int_eq(snapshot_copy(s, NULL, &stats, &eb), MS_GONE);
	snapshot_free(s);
	s = NULL;
	ck_assert_int_eq(snapshot_prepare(pid, NULL, &s, &eb), MS_ABSENT);
	ck_assert_ptr_null(s);
	snapshot_free(NULL);
}
END_TEST

/* Holes in what is copied: each page that is not there is told, all others arrive. */
START_TEST(test_missing_pages)
{
	struct errbuf eb = {0};
	CLEAN(regions_fini) struct regions maps = {0};
	struct reader r;
	chunk_vec chunks = {0};
	span_vec missing = {0};

	/* Written before the fork, so that the child has the same. */
	uint8_t *from = map_anonymous(10 * page, MAP_PRIVATE);
	fill_dense(from, 10, 1);
	munmap(from + 3 * page, page);
	munmap(from + 8 * page, 2 * page);
	uint64_t base = (uintptr_t)from;
	struct places at;
	struct child c = patterns_start(&at, NULL);

	uint8_t *to = map_anonymous(10 * page, MAP_PRIVATE);
	ck_assert_int_eq(live_maps(c.pid, &maps, &eb), MS_OK);
	ck_assert_int_eq(reader_open(c.pid, &maps, &r, &eb), MS_OK);
	r.caps.has_vm_readv = _i == 0;
	vec_push(&chunks, (struct chunk){.addr = base, .dest = to, .len = 6 * page});
	vec_push(&chunks, (struct chunk){.addr = base + 6 * page,
	                                 .dest = to + 6 * page,
	                                 .len = 4 * page});
	ck_assert_int_eq(copy_chunks(&r, NULL, _i, &chunks, &missing), MS_OK);
	ck_assert_uint_eq(missing.n, 3);
	ck_assert_uint_eq(missing.at[0].start, base + 3 * page);
	ck_assert_uint_eq(missing.at[0].end, base + 4 * page);
	ck_assert_uint_eq(missing.at[1].start, base + 8 * page);
	ck_assert_uint_eq(missing.at[2].start, base + 9 * page);
	ck_assert_uint_eq(missing.at[2].end, base + 10 * page);
	for (size_t i = 0; i < 10; i++) {
		int want = i == 3 || i >= 8 ? 0 : (int)i + 1;
		ck_assert_int_eq(to[i * page], want);
		ck_assert_int_eq(to[(i + 1) * page - 1], want);
	}
	vec_fini(&chunks);
	vec_fini(&missing);
	reader_fini(&r);
	child_end(&c);
}
END_TEST

/* Both ways of asking the kernel agree, and an unknown page map means every page. */
START_TEST(test_pagemap)
{
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct pagemap pm;
	span_vec scanned = {0}, read = {0}, all = {0};

	pagemap_open(c.pid, &pm);
	pagemap_runs(&pm, at.dense, at.dense + DENSE_PAGES * page, &scanned);
	pm.has_scan = false;
	pagemap_runs(&pm, at.dense, at.dense + DENSE_PAGES * page, &read);
	ck_assert_uint_eq(scanned.n, 1);
	ck_assert_uint_eq(read.n, 1);
	ck_assert_uint_eq(read.at[0].start, at.dense);
	ck_assert_uint_eq(read.at[0].end, at.dense + DENSE_PAGES * page);
	ck_assert_mem_eq(scanned.at, read.at, sizeof(*read.at));
	read.n = 0;
	pagemap_runs(&pm, at.sparse, at.sparse + SPARSE_LEN, &read);
	ck_assert_uint_eq(read.n, SPARSE_LEN / SPARSE_STEP);
	pagemap_fini(&pm);
	pagemap_runs(&pm, 0x1000, 0x9000, &all);
	ck_assert_uint_eq(all.n, 1);
	ck_assert_uint_eq(all.at[0].end, 0x9000);
	vec_fini(&scanned);
	vec_fini(&read);
	vec_fini(&all);
	child_end(&c);
}
END_TEST

/* A page map of our own: the dense pages are there, but for one that is swapped out. */
static int
fake_pagemap(uint64_t dense, size_t swapped)
{
	int fd = memfd_create("pagemap", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < DENSE_PAGES; i++) {
		uint64_t entry = 1ULL << (i == swapped ? 62 : 63);
		off_t at = (off_t)((dense / page + i) * sizeof(entry));
		ck_assert_int_eq(pwrite(fd, &entry, sizeof(entry), at), sizeof(entry));
	}
	return fd;
}

/* Pages that are swapped out are read, or where there is no room for them left alone, and missing. */
START_TEST(test_swapped)
{
	enum { SWAPPED = 3 };
	struct places at;
	uint64_t v;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);

	close(s->pagemap.fd);
	s->pagemap.fd = fake_pagemap(at.dense, SWAPPED);
	s->pagemap.has_scan = false;
	s->pagemap.leaves_swapped = _i == 1;
	struct snapshot_stats stats = patterns_copy(s, c.pid);
	ck_assert_uint_eq(stats.swapped, _i == 1 ? page : 0);
	ck_assert_uint_eq(stats.missing, stats.swapped);
	ck_assert_uint_eq(stats.unseen, 0);
	ck_assert_uint_ge(stats.bytes, (DENSE_PAGES - 1) * page);
	struct target *t = patterns_target(s);
	for (size_t i = 0; i < DENSE_PAGES; i++)
		if (_i == 1 && i == SWAPPED)
			ck_assert_int_eq(target_u64(t, at.dense + i * page, &v), MS_FAULT);
		else
			check_fill(t, at.dense + i * page, page, (uint8_t)i);
	target_close(t);
	child_end(&c);
}
END_TEST

Suite *suite_snapshot(void);

Suite *
suite_snapshot(void)
{
	Suite *s = suite_create("snapshot");
	TCase *tc = tcase_create("children");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_copy_is_what_was_there);
	tcase_add_test(tc, test_sparse_stays_sparse);
	tcase_add_test(tc, test_growth);
	tcase_add_test(tc, test_copy_again);
	tcase_add_test(tc, test_shared);
	tcase_add_test(tc, test_read_only);
	tcase_add_test(tc, test_process_ends);
	tcase_add_loop_test(tc, test_missing_pages, 0, 2);
	tcase_add_test(tc, test_pagemap);
	tcase_add_loop_test(tc, test_swapped, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}
