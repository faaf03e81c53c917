/*
 * Snapshots of children that write patterns by rules the test knows: what was there at
 * the stop is there in the copy, whatever the child does afterwards, and what was never
 * there costs nothing.
 */
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "memscan/mem.h"
#include "target/snappriv.h"

#define SPARSE_LEN (8ULL << 30)
#define SPARSE_STEP (256ULL << 20)

enum {
	DENSE_PAGES = 300,
	FILE_PAGES = 4,
	NEW_PAGES = 20,
};

/* Where the child has what. */
struct places {
	uint64_t dense;  /* page i is filled with i + generation */
	uint64_t sparse; /* a word every SPARSE_STEP */
	uint64_t file;   /* private mapping of a file of 'f'; page 1 written with 'w' */
	uint64_t shared; /* anonymous shared: page 0 written by another process alone */
	uint64_t fresh;  /* made at the command 'n' */
};

static size_t page;

static uint8_t *
map_anonymous(size_t len, int flags)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	                  MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	if (p == MAP_FAILED)
		_exit(9);
	return p;
}

static void
fill_dense(uint8_t *p, size_t pages, unsigned generation)
{
	for (size_t i = 0; i < pages; i++)
		memset(p + i * page, (int)(i + generation), page);
}

static uint8_t *
map_file(void)
{
	char path[] = "/tmp/memscan-test-XXXXXX";
	int fd = mkstemp(path);
	char buf[65536];

	memset(buf, 'f', sizeof(buf));
	if (fd < 0 || write(fd, buf, FILE_PAGES * page) != (ssize_t)(FILE_PAGES * page))
		_exit(9);
	uint8_t *p =
	        mmap(NULL, FILE_PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	unlink(path);
	close(fd);
	p[page] = 'w';
	return p;
}

/*
 * Commands: 'n' map something new, 'c' change everything, 'd' drop dense page 7; anything
 * is echoed.
 */
static void
body(struct child_side side, void *arg)
{
	struct places at = {0};
	uint8_t *dense = map_anonymous(DENSE_PAGES * page, MAP_PRIVATE);
	uint8_t *sparse = map_anonymous(SPARSE_LEN, MAP_PRIVATE);
	uint8_t *file = map_file();
	char command;

	madvise(sparse, SPARSE_LEN, MADV_NOHUGEPAGE);
	fill_dense(dense, DENSE_PAGES, 0);
	for (uint64_t off = 0; off < SPARSE_LEN; off += SPARSE_STEP)
		*(uint64_t *)(void *)(sparse + off) = off + 1;
	at.dense = (uintptr_t)dense;
	at.sparse = (uintptr_t)sparse;
	at.file = (uintptr_t)file;
	at.shared = (uintptr_t)arg;
	child_put(side.out, &at, sizeof(at));
	while (read(side.in, &command, 1) == 1) {
		if (command == 'n') {
			uint8_t *p = map_anonymous(NEW_PAGES * page, MAP_PRIVATE);
			fill_dense(p, NEW_PAGES, 100);
			at.fresh = (uintptr_t)p;
			child_put(side.out, &at, sizeof(at));
		}
		if (command == 'c') {
			fill_dense(dense, DENSE_PAGES, 55);
			memset(file, 'c', FILE_PAGES * page);
		}
		if (command == 'd')
			madvise(dense + 7 * page, page, MADV_DONTNEED);
		child_put(side.out, &command, 1);
	}
}

static struct child
start(struct places *at, void *shared)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	struct child c = child_start(body, shared);
	child_get(c.from, at, sizeof(*at));
	return c;
}

static struct snapshot *
prepare_with(pid_t pid, const struct snapshot_opts *opts)
{
	struct errbuf eb = {0};
	struct snapshot *s;

	ck_assert_msg(snapshot_prepare(pid, opts, &s, &eb) == MS_OK, "%s", eb.msg);
	return s;
}

static struct snapshot *
prepare(pid_t pid)
{
	return prepare_with(pid, NULL);
}

static struct snapshot_stats
copy(struct snapshot *s, pid_t pid)
{
	struct errbuf eb = {0};
	struct snapshot_stats stats;
	struct stop *stop;

	ck_assert_msg(stop_all(pid, STOP_NO_LIMIT, &stop, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(snapshot_copy(s, NULL, &stats, &eb) == MS_OK, "%s", eb.msg);
	stop_release(stop);
	return stats;
}

static struct target *
to_target(struct snapshot *s)
{
	struct errbuf eb = {0};
	struct target *t;

	ck_assert_msg(snapshot_target(s, &t, &eb) == MS_OK, "%s", eb.msg);
	return t;
}

static void
check_fill(struct target *t, uint64_t addr, size_t len, int want)
{
	const uint8_t *p = target_view(t, addr, len);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(p[i], want);
}

START_TEST(test_copy_is_what_was_there)
{
	struct places at;
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);
	struct snapshot_stats stats = copy(s, c.pid);

	child_ask(&c, 'c');
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct pagemap pm;
	span_vec before = {0}, after = {0};
	uint64_t v;

	pagemap_open(c.pid, &pm);
	pagemap_runs(&pm, at.sparse, at.sparse + SPARSE_LEN, &before);
	ck_assert_uint_eq(before.n, SPARSE_LEN / SPARSE_STEP);
	struct snapshot *s = prepare(c.pid);
	struct snapshot_stats stats = copy(s, c.pid);
	/* What is resident, a sanitizer's shadow included, and not what is mapped. */
	struct procinfo info = {0};
	struct errbuf eb = {0};
	ck_assert_int_eq(procinfo_get(c.pid, &info, &eb), MS_OK);
	ck_assert_uint_le(stats.bytes, info.rss + (64 << 20));
	ck_assert_uint_lt(info.rss, SPARSE_LEN / 2);
	procinfo_fini(&info);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);

	child_put(c.to, "n", 1);
	child_get(c.from, &at, sizeof(at));
	child_get(c.from, &echo, 1);
	copy(s, c.pid);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);

	child_put(c.to, "n", 1);
	child_get(c.from, &at, sizeof(at));
	child_get(c.from, &echo, 1);
	copy(s, c.pid);
	child_ask(&c, 'c');
	child_ask(&c, 'd');
	copy(s, c.pid);
	struct target *t = to_target(s);
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
	page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *shared = map_anonymous(3 * page, MAP_SHARED);
	memset(shared, 's', page);
	struct child c = start(&at, shared);

	struct snapshot *s = prepare(c.pid);
	copy(s, c.pid);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);
	uintptr_t code = (uintptr_t)fill_dense;
	uint8_t buf[64];

	copy(s, c.pid);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);
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

	page = (size_t)sysconf(_SC_PAGESIZE);
	/* Written before the fork, so that the child has the same. */
	uint8_t *from = map_anonymous(10 * page, MAP_PRIVATE);
	fill_dense(from, 10, 1);
	munmap(from + 3 * page, page);
	munmap(from + 8 * page, 2 * page);
	uint64_t base = (uintptr_t)from;
	struct places at;
	struct child c = start(&at, NULL);

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
	struct child c = start(&at, NULL);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);

	close(s->pagemap.fd);
	s->pagemap.fd = fake_pagemap(at.dense, SWAPPED);
	s->pagemap.has_scan = false;
	s->pagemap.leaves_swapped = _i == 1;
	struct snapshot_stats stats = copy(s, c.pid);
	ck_assert_uint_eq(stats.swapped, _i == 1 ? page : 0);
	ck_assert_uint_eq(stats.missing, stats.swapped);
	ck_assert_uint_eq(stats.unseen, 0);
	ck_assert_uint_ge(stats.bytes, (DENSE_PAGES - 1) * page);
	struct target *t = to_target(s);
	for (size_t i = 0; i < DENSE_PAGES; i++)
		if (_i == 1 && i == SWAPPED)
			ck_assert_int_eq(target_u64(t, at.dense + i * page, &v), MS_FAULT);
		else
			check_fill(t, at.dense + i * page, page, (uint8_t)i);
	target_close(t);
	child_end(&c);
}
END_TEST

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

	page = (size_t)sysconf(_SC_PAGESIZE);
	struct child c = child_start(blocks_body, NULL);
	child_get(c.from, &at, sizeof(at));
	const struct span need[] = {{at.raw + BLOCK / 2, at.raw + BLOCK / 2 + 8}};
	struct snapshot_opts opts = {.mode = SNAPSHOT_MEMORY,
	                             .whole = _i == 2,
	                             .keep = 100,
	                             .need = _i == 1 ? need : NULL,
	                             .n_need = _i == 1};
	struct snapshot *s = prepare_with(c.pid, &opts);
	struct snapshot_stats stats = copy(s, c.pid);
	struct target *t = to_target(s);

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

	page = (size_t)sysconf(_SC_PAGESIZE);
	struct child c = child_start(turning_body, NULL);
	child_get(c.from, &at, sizeof(at));
	struct snapshot_opts opts = {.mode = SNAPSHOT_MEMORY};
	struct snapshot *s = prepare_with(c.pid, &opts);
	ck_assert_uint_gt(snapshot_get_plan(s)->left_out, BLOCK / 2);
	child_ask(&c, 'p');
	copy(s, c.pid);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
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
	struct snapshot *s = prepare_with(c.pid, &opts);
	ck_assert_int_eq(snapshot_get_plan(s)->mode, modes[_i]);
	ck_assert_uint_ge(snapshot_get_plan(s)->bytes, DENSE_PAGES * page);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &stop, &eb), MS_OK);
	ck_assert_int_eq(snapshot_copy(s, stop, &stats, &eb), MS_OK);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);

	ck_assert_int_eq(stop_all(c.pid, 10000000, &stop, &eb), MS_OK);
	while (!stop_is_over(stop))
		sched_yield();
	ck_assert_int_eq(snapshot_copy(s, stop, &stats, &eb), MS_OK);
	ck_assert_uint_eq(stats.bytes, 0);
	ck_assert_uint_ge(stats.unseen, DENSE_PAGES * page);
	struct target *t = to_target(s);
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
	struct child c = start(&at, NULL);
	struct snapshot *s = prepare(c.pid);
	struct snapshot_stats stats = copy(s, c.pid);

	child_ask(&c, 'c');
	snapshot_compare(s, &stats);
	ck_assert_uint_ge(stats.torn, DENSE_PAGES + 1);
	ck_assert_uint_lt(stats.torn, stats.pages);

	/* The copy is as it was; the second look has what came after. */
	uint8_t then[64], now[64];
	struct target *t = to_target(s);
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

Suite *suite_snapshot(void);

Suite *
suite_snapshot(void)
{
	Suite *s = suite_create("snapshot");
	TCase *tc = tcase_create("children");

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
	tcase_add_loop_test(tc, test_raw_buffers, 0, 3);
	tcase_add_test(tc, test_raw_no_more);
	tcase_add_loop_test(tc, test_modes, 0, 3);
	tcase_add_test(tc, test_no_time);
	tcase_add_test(tc, test_compare);
	tcase_add_test(tc, test_budget);
	suite_add_tcase(s, tc);
	return s;
}
