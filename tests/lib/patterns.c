/*
 * Patterns in memory, and copies of them.
 */
#include "patterns.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint8_t *
map_anonymous(size_t len, int flags)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	                  MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	if (p == MAP_FAILED)
		_exit(9);
	return p;
}

void
fill_dense(uint8_t *p, size_t pages, unsigned generation)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < pages; i++)
		memset(p + i * page, (int)(i + generation), page);
}

static uint8_t *
map_file(void)
{
	char path[] = "/tmp/memscan-test-XXXXXX";
	int fd = mkstemp(path);
	char buf[65536];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

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

static void
body(struct child_side side, void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
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

struct child
patterns_start(struct places *at, void *shared)
{
	struct child c = child_start(body, shared);
	child_get(c.from, at, sizeof(*at));
	return c;
}

struct snapshot *
patterns_prepare(pid_t pid, const struct snapshot_opts *opts)
{
	struct errbuf eb = {0};
	struct snapshot *s;

	ck_assert_msg(snapshot_prepare(pid, opts, &s, &eb) == MS_OK, "%s", eb.msg);
	return s;
}

struct snapshot_stats
patterns_copy(struct snapshot *s, pid_t pid)
{
	struct errbuf eb = {0};
	struct snapshot_stats stats;
	struct stop *stop;

	ck_assert_msg(stop_all(pid, STOP_NO_LIMIT, &stop, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(snapshot_copy(s, NULL, &stats, &eb) == MS_OK, "%s", eb.msg);
	stop_release(stop);
	return stats;
}

struct target *
patterns_target(struct snapshot *s)
{
	struct errbuf eb = {0};
	struct target *t;

	ck_assert_msg(snapshot_target(s, &t, &eb) == MS_OK, "%s", eb.msg);
	return t;
}

void
check_fill(struct target *t, uint64_t addr, size_t len, int want)
{
	const uint8_t *p = target_view(t, addr, len);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++)
		if (p[i] != want)
			ck_abort_msg("0x%llx: %d, not %d", (unsigned long long)addr + i,
			             p[i], want);
}
