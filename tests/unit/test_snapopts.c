/*
 * Snapshots as they are asked for: raw buffers that are left out, copies in memory, on
 * disk and none, for so long and in so much room.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "patterns.h"
#include "target/snappriv.h"

static size_t page;

static void
setup(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- raw buffers ---- */

enum { BLOCK = 4 << 20 };

struct blocks {
	uint64_t raw, table;     /* malloc's own mappings: numbers; addresses, thinly */
	uint64_t numbers, mixed; /* the same in plain mappings */
};

static void
fill_raw(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / sizeof(double); i++)
		((double *)(void *)p)[i] = 1.5 + (double)i;
}

/* What glibc's malloc makes of a large block, in so many bytes. */
static uint8_t *
malloc_like(size_t n)
{
	uint8_t *p = map_anonymous(n, MAP_PRIVATE);
	uint64_t head[2] = {0, n | 2};

	memcpy(p, head, sizeof(head));
	return p;
}

static void
blocks_body(struct child_side side, void *arg)
{
	(void)arg;
	uint8_t *raw = malloc_like(BLOCK);
	uint8_t *table = malloc_like(BLOCK);
	uint8_t *numbers = map_anonymous(BLOCK, MAP_PRIVATE);
	uint8_t *mixed = map_anonymous(BLOCK, MAP_PRIVATE);
	struct blocks at = {(uintptr_t)raw, (uintptr_t)table, (uintptr_t)numbers,
	                    (uintptr_t)mixed};

	fill_raw(raw + 16, BLOCK - 16);
	fill_raw(table + 16, BLOCK - 16);
	fill_raw(numbers, BLOCK);
	fill_raw(mixed, BLOCK);
	for (size_t i = page; i < BLOCK; i += 2 * page)
		memcpy(table + i, &at.raw, sizeof(at.raw));
	/* One page of addresses in the middle, and in front. */
	memcpy(mixed + BLOCK / 2, &at.raw, sizeof(at.raw));
	memcpy(mixed + 64, &at.raw, sizeof(at.raw));
	child_put(side.out, &at, sizeof(at));
	child_echo(side);
}

static void
check_numbers(struct target *t, uint64_t block, uint64_t from, size_t first)
{
	double v;

	ck_assert_int_eq(target_read(t, block + from, &v, sizeof(v)), MS_OK);
	ck_assert(v == 1.5 + (double)((from - first) / sizeof(v)));
}

/* _i: 0 all is judged, 1 what was missed is asked for, 2 nothing is left out. */
START_TEST(test_raw_buffers)
{
	struct blocks at;
	uint64_t v;
	size_t n;

	struct child c = child_start(blocks_body, NULL);
	child_get(c.from, &at, sizeof(at));
	const struct span need[] = {{at.raw + BLOCK / 2, at.raw + BLOCK / 2 + 8}};
	struct snapshot_opts opts = {.mode = SNAPSHOT_MEMORY,
	                             .whole = _i == 2,
	                             .keep = 100,
	                             .need = _i == 1 ? need : NULL,
	                             .n_need = _i == 1};
	struct snapshot *s = patterns_prepare(c.pid, &opts);
	struct snapshot_stats stats = patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);

	check_numbers(t, at.raw, 16 + 80, 16);
	check_numbers(t, at.table, BLOCK - page + 16, 16);
	check_numbers(t, at.mixed, BLOCK / 2 + 16, 0);
	ck_assert_uint_eq(target_missed(t, &n) == NULL, n == 0);
	ck_assert_uint_eq(n, 0);
	enum status want = _i == 0 ? MS_FAULT : MS_OK;
	ck_assert_int_eq(target_u64(t, at.raw + BLOCK / 2, &v), want);
	ck_assert_ptr_eq(target_view(t, at.raw + BLOCK / 2, 64) == NULL ? t : NULL,
	                 _i == 0 ? t : NULL);
	want = _i == 2 ? MS_OK : MS_FAULT;
	ck_assert_int_eq(target_u64(t, at.numbers + BLOCK / 2, &v), want);
	ck_assert_int_eq(target_u64(t, at.mixed + BLOCK / 4, &v), want);
	const struct span *missed = target_missed(t, &n);
	ck_assert_uint_eq(n > 0, _i < 2);
	if (_i == 0) {
		ck_assert_uint_le(missed[0].start, at.raw + BLOCK / 2);
		ck_assert_uint_ge(missed[0].end, at.raw + BLOCK / 2 + 8);
	}
	ck_assert_uint_eq(stats.left_out > BLOCK, _i < 2);
	target_close(t);
	child_end(&c);
}
END_TEST

/* Left out while it ran, and something else when it stopped: copied. */
static void
turning_body(struct child_side side, void *arg)
{
	char command;
	struct blocks at = {0};

	(void)arg;
	uint8_t *raw = malloc_like(BLOCK);
	fill_raw(raw + 16, BLOCK - 16);
	at.raw = (uintptr_t)raw;
	child_put(side.out, &at, sizeof(at));
	while (read(side.in, &command, 1) == 1) {
		for (size_t i = page; i < BLOCK; i += sizeof(at.raw))
			memcpy(raw + i, &at.raw, sizeof(at.raw));
		child_put(side.out, &command, 1);
	}
}

START_TEST(test_raw_no_more)
{
	struct blocks at;
	uint64_t v;

	struct child c = child_start(turning_body, NULL);
	child_get(c.from, &at, sizeof(at));
	struct snapshot_opts opts = {.mode = SNAPSHOT_MEMORY};
	struct snapshot *s = patterns_prepare(c.pid, &opts);
	ck_assert_uint_gt(snapshot_get_plan(s)->left_out, BLOCK / 2);
	child_ask(&c, 'p');
	patterns_copy(s, c.pid);
	struct target *t = patterns_target(s);
	ck_assert_int_eq(target_u64(t, at.raw + BLOCK / 2, &v), MS_OK);
	ck_assert_uint_eq(v, at.raw);
	target_close(t);
	child_end(&c);
}
END_TEST

/* ---- where it goes ---- */

/* On disk it is the same, and without a copy what the process has while it is held. */
START_TEST(test_modes)
{
	static const enum snapshot_mode modes[] = {SNAPSHOT_MEMORY, SNAPSHOT_DISK,
	                                           SNAPSHOT_NONE};
	struct errbuf eb = {0};
	struct snapshot_stats stats;
	struct places at;
	struct stop *stop;
	char dir[] = "/var/tmp/memscan-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	struct child c = patterns_start(&at, NULL);
	struct snapshot_opts opts = {.mode = modes[_i], .dir = dir, .whole = true};
#ifdef __SANITIZE_ADDRESS__
	/* Its shadow is more than a file can have a place for. */
	if (modes[_i] == SNAPSHOT_DISK) {
		struct snapshot *none;
		ck_assert_int_eq(snapshot_prepare(c.pid, &opts, &none, &eb), MS_NOMEM);
		ck_assert_int_eq(rmdir(dir), 0);
		child_end(&c);
		return;
	}
#endif
	struct snapshot *s = patterns_prepare(c.pid, &opts);
	ck_assert_int_eq(snapshot_get_plan(s)->mode, modes[_i]);
	ck_assert_uint_ge(snapshot_get_plan(s)->bytes, DENSE_PAGES * page);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &stop, &eb), MS_OK);
	ck_assert_int_eq(snapshot_copy(s, stop, &stats, &eb), MS_OK);
	struct target *t = patterns_target(s);
	for (size_t i = 0; i < DENSE_PAGES; i++)
		check_fill(t, at.dense + i * page, page, (uint8_t)i);
	for (size_t i = 0; i < FILE_PAGES; i++)
		check_fill(t, at.file + i * page, 1, i == 1 ? 'w' : 'f');
	ck_assert_uint_eq(stats.bytes > 0, modes[_i] != SNAPSHOT_NONE);
	target_close(t);
	stop_release(stop);
	/* Nothing is left in the directory. */
	ck_assert_int_eq(rmdir(dir), 0);
	child_end(&c);
}
END_TEST

/* A time that is over before it begins: all is missing, and nothing passes for zeros. */
START_TEST(test_no_time)
{
	struct errbuf eb = {0};
	struct snapshot_stats stats;
	struct places at;
	struct stop *stop;
	uint64_t v;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);

	ck_assert_int_eq(stop_all(c.pid, 10000000, &stop, &eb), MS_OK);
	while (!stop_is_over(stop))
		sched_yield();
	ck_assert_int_eq(snapshot_copy(s, stop, &stats, &eb), MS_OK);
	ck_assert_uint_eq(stats.bytes, 0);
	ck_assert_uint_ge(stats.unseen, DENSE_PAGES * page);
	struct target *t = patterns_target(s);
	ck_assert_int_eq(target_u64(t, at.dense, &v), MS_FAULT);
	ck_assert_int_eq(target_u64(t, at.sparse, &v), MS_FAULT);
	target_close(t);
	stop_release(stop);
	child_end(&c);
}
END_TEST

/* What changed since the copy is counted in pages. */
START_TEST(test_compare)
{
	struct places at;
	struct child c = patterns_start(&at, NULL);
	struct snapshot *s = patterns_prepare(c.pid, NULL);
	struct snapshot_stats stats = patterns_copy(s, c.pid);

	child_ask(&c, 'c');
	snapshot_compare(s, &stats);
	ck_assert_uint_ge(stats.torn, DENSE_PAGES + 1);
	ck_assert_uint_lt(stats.torn, stats.pages);

	/* The copy is as it was; the second look has what came after. */
	uint8_t then[64], now[64];
	struct target *t = patterns_target(s);
	taddr across = at.dense + page - 32;
	ck_assert_int_eq(target_read(t, across, then, sizeof(then)), MS_OK);
	ck_assert_uint_eq(then[0], 0);
	ck_assert_uint_eq(then[63], 1);
	memcpy(now, then, sizeof(now));
	ck_assert_int_eq(target_again(t, across, now, sizeof(now)), MS_OK);
	ck_assert_int_ne(memcmp(now, then, sizeof(now)), 0);
	ck_assert_int_eq(target_again(t, at.file, now, sizeof(now)), MS_ABSENT);
	target_close(t);
	child_end(&c);
}
END_TEST

START_TEST(test_budget)
{
	uint64_t budget = budget_bytes();
	uint64_t machine =
	        (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	ck_assert_uint_gt(budget, 1 << 20);
	ck_assert_uint_le(budget, machine);
}
END_TEST

/* A directory is good for a copy if a file there can be made longer. */
START_TEST(test_spool)
{
	struct rlimit no, old;

	ck_assert(rooms_can_spool("."));
	ck_assert(!rooms_can_spool("/proc/self"));
	ck_assert(!rooms_can_spool("/nonexistent"));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	no = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &no), 0);
	bool can = rooms_can_spool(".");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	ck_assert(!can);
}
END_TEST

Suite *suite_snapopts(void);

Suite *
suite_snapopts(void)
{
	Suite *s = suite_create("snapopts");
	TCase *tc = tcase_create("children");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_raw_buffers, 0, 3);
	tcase_add_test(tc, test_raw_no_more);
	tcase_add_loop_test(tc, test_modes, 0, 3);
	tcase_add_test(tc, test_no_time);
	tcase_add_test(tc, test_compare);
	tcase_add_test(tc, test_budget);
	tcase_add_test(tc, test_spool);
	suite_add_tcase(s, tc);
	return s;
}
