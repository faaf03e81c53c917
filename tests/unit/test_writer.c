/*
 * The dump writer: what lies in the file, and what happens when it cannot be written.
 * That the contents are right is for the reader's tests, which compare heaps.
 *
 * tests/data/golden.dump is made here: MEMSCAN_UPDATE=1 build/release/check writer
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/bytes.h"
#include "memscan/dump.h"
#include "memscan/mem.h"
#include "samples.h"

#define GOLDEN "tests/data/golden.dump"

START_TEST(golden)
{
	CLEAN_CLOSE int made = sample_dump(0, 0);
	CLEAN_FREE uint8_t *p = NULL, *want = NULL;
	size_t len, want_len;

	p = sample_bytes(made, &len);
	if (getenv("MEMSCAN_UPDATE") != NULL) {
		CLEAN_CLOSE int out = open(GOLDEN, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		ck_assert_int_eq(write(out, p, len), (ssize_t)len);
	}
	CLEAN_CLOSE int fd = open(GOLDEN, O_RDONLY);
	ck_assert_msg(
		fd >= 0, "%s: %s (run from the project's root)", GOLDEN, strerror(errno));
	want = sample_bytes(fd, &want_len);
	ck_assert_uint_eq(len, want_len);
	ck_assert_mem_eq(p, want, len);
}
END_TEST

/* ---- layout ---- */

struct extent {
	uint64_t at, n;
};

static int
compare_extents(const void *pa, const void *pb)
{
	const struct extent *a = pa, *b = pb;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* All extents are apart, and those that a reader wants to map can be mapped. */
START_TEST(layout)
{
	static const uint32_t sizes[] = {0, 1, 100, 5000, 20000, 200000};
	CLEAN_CLOSE int fd = sample_dump(3, sizes[_i]);
	CLEAN_FREE uint8_t *p = NULL;
	CLEAN_FREE struct extent *all = NULL;
	size_t len;

	p = sample_bytes(fd, &len);
	ck_assert_mem_eq(p, "memscan\n\2\0\0\0\100\0\0\0", 16);
	ck_assert_mem_eq(p + len - 8, "mscnend\n", 8);
	ck_assert_uint_eq(load_u64(p + len - 16), len);
	uint64_t toc = load_u64(p + len - 32), n = load_u32(p + len - 24), sum = 0;
	ck_assert_uint_eq(toc + 32 * n + 32, len);
	all = xcalloc(n, sizeof(*all));
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *row = p + toc + 32 * i;
		bool is_last = i + 1 == n || memcmp(row, row + 32, 4) != 0;
		all[i] = (struct extent){load_u64(row + 8), load_u64(row + 16)};
		sum += all[i].n;
		ck_assert_uint_gt(all[i].n, 0);
		ck_assert_uint_le(all[i].n, 4 << 20);
		ck_assert_uint_eq(all[i].at % 64, 0);
		if (!is_last)
			ck_assert_uint_eq(all[i].n % 65536, 0);
		if (!is_last || all[i].n >= 65536)
			ck_assert_uint_eq(all[i].at % 65536, 0);
	}
	qsort(all, n, sizeof(*all), compare_extents);
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_uint_ge(all[i].at, i == 0 ? 64 : all[i - 1].at + all[i - 1].n);
		ck_assert_uint_le(all[i].at + all[i].n, toc);
	}
	/* The file is hardly longer than what is in it. */
	ck_assert_uint_le(len, sum + sum / 8 + 23 * 64 + 32 * n + 64 + 32 + 65536);
	if (sizes[_i] <= 1)
		ck_assert_uint_le(len, 200000);
}
END_TEST

/* ---- pipe ---- */

struct drain {
	int fd;
	uint8_t *at;
	size_t n;
};

static void *
drain_run(void *arg)
{
	struct drain *d = arg;
	ssize_t got;

	do {
		d->at = xrealloc(d->at, d->n + 65536);
		got = read(d->fd, d->at + d->n, 65536);
		d->n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	return NULL;
}

/* To a pipe goes what would have gone to a file, byte for byte. */
START_TEST(pipe_same)
{
	static const uint32_t sizes[] = {1, 3000, 100000};
	CLEAN_CLOSE int fd = sample_dump(9, sizes[_i]);
	CLEAN_FREE uint8_t *want = NULL;
	struct drain d = {0};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;
	size_t len;
	int ends[2];
	pthread_t thread;

	want = sample_bytes(fd, &len);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	d.fd = ends[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, drain_run, &d), 0);
	struct outfile out = {.fd = ends[1], .open = true};
	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	ck_assert_int_eq(sample_random(dump_writer_sink(w), 9, sizes[_i]), MS_OK);
	ck_assert_msg(dump_writer_finish(w, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_uint_eq(dump_writer_counts(w).file_bytes, len);
	dump_writer_free(w);
	close(ends[1]);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(d.n, len);
	ck_assert_mem_eq(d.at, want, len);
	free(d.at);
	close(ends[0]);
}
END_TEST

START_TEST(counts)
{
	struct outfile out = {.fd = memfd_create("counts", MFD_CLOEXEC),
		.seekable = true,
		.open = true};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;

	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	ck_assert_uint_eq(dump_writer_counts(w).objects, 0);
	ck_assert_int_eq(sample_golden(dump_writer_sink(w)), MS_OK);
	/* Counted by hand in samples.c. */
	struct dump_counts c = dump_writer_counts(w);
	ck_assert_uint_eq(c.objects, 9);
	ck_assert_uint_eq(c.types, 7);
	ck_assert_uint_eq(c.refs, 2 + 2 + 4 + 3);
	ck_assert_uint_eq(c.guessed, 2);
	ck_assert_uint_eq(c.damage, 3);
	ck_assert_uint_eq(
		c.bytes, 232 + 54 + 0x1400000038 + 48 + 48 + 28 + 4129 + 88 + 1064);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_OK);
	ck_assert_uint_eq(dump_writer_counts(w).file_bytes, lseek(out.fd, 0, SEEK_END));
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_USAGE);
	dump_writer_free(w);
	close(out.fd);
}
END_TEST

/* ---- failures ---- */

/* Emit a heap of which some write fails: everybody is told, and no dump comes of it. */
static void
fail_somewhere(struct outfile *out, uint32_t nobj, const char *text)
{
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;

	if (dump_writer_new(out, &w, &eb) == MS_OK) {
		const struct heap_sink *s = dump_writer_sink(w);
		enum status st = sample_random(s, 4, nobj);
		ck_assert(st == MS_OK || st == MS_IO);
		if (st == MS_IO) {
			struct heap_ref ref = {0, 0};
			struct heap_obj obj = {.value = {.len = VALUE_NO_LEN}};
			ck_assert_int_eq(s->object(s->self, &obj), MS_IO);
			ck_assert_int_eq(s->refs(s->self, &ref, 1), MS_IO);
			ck_assert_int_eq(s->string(s->self, "x", 1), MS_IO);
			ck_assert_int_eq(s->root(s->self, &(struct heap_root){0}), MS_IO);
			ck_assert_int_eq(s->meta(s->self, "a", "b"), MS_IO);
		}
		ck_assert_int_eq(dump_writer_finish(w, &eb), MS_IO);
		/* Asked again, it says the same again. */
		ck_assert_int_eq(dump_writer_finish(w, &eb), MS_IO);
		dump_writer_free(w);
	}
	ck_assert_int_eq(eb.code, MS_IO);
	ck_assert_msg(strstr(eb.msg, text) != NULL, "%s", eb.msg);
	ck_assert_msg(
		strstr(eb.msg, out->path != NULL ? out->path : "standard output") != NULL,
		"%s", eb.msg);
}

/* A disk that is full after any number of bytes. */
START_TEST(disk_full)
{
	enum { NOBJ = 3000, STEPS = 40 };
	CLEAN_CLOSE int whole = sample_dump(4, NOBJ);
	uint64_t len = (uint64_t)lseek(whole, 0, SEEK_END);
	struct rlimit old, now;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (uint64_t k = 0; k <= STEPS; k++) {
		uint64_t room = (len - 1) * k / STEPS;
		char name[] = "full.dump";
		struct outfile out = {.fd = memfd_create("full", MFD_CLOEXEC),
			.seekable = true,
			.open = true,
			.path = name};
		now = old;
		now.rlim_cur = room;
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &now), 0);
		fail_somewhere(&out, NOBJ, "File too large");
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
		struct dump *d = NULL;
		struct errbuf eb = {0};
		ck_assert_int_eq(sample_open(out.fd, DUMP_ALL, &d, &eb), MS_FORMAT);
		ck_assert_msg(strstr(eb.msg,
				      room < 8 ? "not a memscan dump" :
						 "truncated: no trailer") != NULL,
			"%s", eb.msg);
		close(out.fd);
	}
}
END_TEST

START_TEST(device_full)
{
	struct outfile out = {
		.fd = open("/dev/full", O_WRONLY | O_CLOEXEC), .open = true};

	ck_assert_int_ge(out.fd, 0);
	fail_somewhere(&out, 2000, "No space left on device");
	close(out.fd);
}
END_TEST

START_TEST(pipe_closed)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	struct outfile out = {.fd = ends[1], .open = true};
	fail_somewhere(&out, 2000, "Broken pipe");
	close(ends[1]);
}
END_TEST

/* A file that cannot be read back has no order of addresses. */
START_TEST(not_readable)
{
	char path[] = "/tmp/memscan-writer-XXXXXX";
	CLEAN_CLOSE int made = mkstemp(path);
	struct outfile out = {.fd = open(path, O_WRONLY | O_CLOEXEC),
		.seekable = true,
		.open = true,
		.path = path};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;

	ck_assert_int_ge(made, 0);
	unlink(path);
	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	ck_assert_int_eq(sample_golden(dump_writer_sink(w)), MS_OK);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_IO);
	ck_assert_msg(strstr(eb.msg, "order of addresses") != NULL, "%s", eb.msg);
	dump_writer_free(w);
	close(out.fd);
}
END_TEST

START_TEST(wrong_order)
{
	struct outfile out = {
		.fd = memfd_create("order", MFD_CLOEXEC), .seekable = true, .open = true};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;
	struct heap_ref ref = {0, 0};

	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	const struct heap_sink *s = dump_writer_sink(w);
	ck_assert_int_eq(s->string(s->self, "a", 1), MS_USAGE);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_USAGE);
	ck_assert_str_eq(eb.msg, "string 0 is not the empty one");
	dump_writer_free(w);

	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	s = dump_writer_sink(w);
	ck_assert_int_eq(s->refs(s->self, &ref, 1), MS_USAGE);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_USAGE);
	ck_assert_str_eq(eb.msg, "references before the first object");
	dump_writer_free(w);

	const struct heap_buffer late = {.object = 2}, early = {.object = 2};
	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	s = dump_writer_sink(w);
	ck_assert_int_eq(s->buffer(s->self, &late), MS_OK);
	ck_assert_int_eq(s->buffer(s->self, &early), MS_USAGE);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_USAGE);
	ck_assert_str_eq(eb.msg, "buffers are not in order of their objects");
	dump_writer_free(w);
	dump_writer_free(NULL);
	close(out.fd);
}
END_TEST

Suite *suite_writer(void);

Suite *
suite_writer(void)
{
	Suite *s = suite_create("writer");
	TCase *t = tcase_create("writer");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, golden);
	tcase_add_loop_test(t, layout, 0, 6);
	tcase_add_loop_test(t, pipe_same, 0, 3);
	tcase_add_test(t, counts);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, device_full);
	tcase_add_test(t, pipe_closed);
	tcase_add_test(t, not_readable);
	tcase_add_test(t, wrong_order);
	suite_add_tcase(s, t);
	return s;
}
