/*
 * What is no valid dump is refused with the reason, or is at least safe to look at.
 *
 * tests/data/broken-*.dump and tests/fuzz/corpus/dump are made here:
 * MEMSCAN_UPDATE=1 build/release/check refusals
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/priv.h"
#include "dumpbox.h"
#include "memscan/dump.h"
#include "memscan/mem.h"
#include "samples.h"

static void
expect_refusal(const uint8_t *p, size_t len, enum status want, const char *text)
{
	CLEAN_CLOSE int fd = box_file(p, len);
	struct dump *d = NULL;
	struct errbuf eb = {0};

	enum status st = sample_open(fd, DUMP_ALL, &d, &eb);
	ck_assert_msg(st == want, "status %s: %s", status_name(st), eb.msg);
	ck_assert_msg(
		strstr(eb.msg, text) != NULL, "\"%s\" is not in \"%s\"", text, eb.msg);
	ck_assert_ptr_null(d);
}

/* The golden dump, as it is after a test has put a fault into it. */
static void
expect_refused_box(const struct box *x, const char *text)
{
	size_t len;
	CLEAN_FREE uint8_t *p = box_write(x, 0, &len);

	expect_refusal(p, len, MS_FORMAT, text);
}

/* Element i, of width bytes, of the golden dump replaced; checksums made right. */
static const struct {
	const char *column;
	unsigned width;
	size_t i;
	uint64_t v;
	const char *text;
} faults[] = {
	{"STRO", 8, 0, 1, "column STRO, element 0: not 0"},
	{"STRO", 8, 25, 9999, "column STRO, element 25: not the end"},
	{"STRO", 8, 3, 1, "column STRO, element 3: offsets do not ascend"},
	{"STRO", 8, 7, UINT64_MAX, "offsets do not ascend"},
	{"STRO", 8, 1, 2, "string 0 is not empty"},
	{"STRO", 8, 2, 11, "column STRO, element 1: no NUL"},
	{"TYPE", 4, 10 + 2, 25, "column TYPE, element 1: no such string"},
	{"TYPE", 4, 3, UINT32_MAX, "column TYPE, element 0: no such string"},
	{"TYPE", 4, 5, HOW_COUNT, "column TYPE, element 0: unknown way"},
	{"OTYP", 4, 3, 7, "column OTYP, element 3: id 7 of 7"},
	{"OADR", 8, 0, UINT64_MAX, "column OSRT, element"},
	{"OSRT", 4, 8, 9, "column OSRT, element 8: id 9 of 9"},
	{"OSRT", 4, 1, 5, "column OSRT, element 1: addresses do not ascend"},
	{"OSIZ", 4, 0, UINT32_MAX, "column OSIZ: a size is not in OBIG"},
	{"OSIZ", 4, 2, 5, "column OBIG, element 0: size differs"},
	{"ORFC", 4, 0, UINT32_MAX, "column ORFC: a reference count is not in OBIG"},
	{"ORFC", 4, 5, 1, "column OBIG, element 1: reference count differs"},
	{"OBIG", 4, 6, 2, "column OBIG, element 1: ids do not ascend"},
	{"OBIG", 4, 6, 9, "column OBIG, element 1: ids do not ascend, or no such object"},
	{"OBIG", 8, 1, 4, "column OBIG, element 0: not needed"},
	{"OBUF", 4, 0, 9, "column OBUF, element 0: objects do not ascend, or no such"},
	{"OBUF", 4, 10, 3, "column OBUF, element 1: objects do not ascend"},
	{"OBUF", 4, 10, 2, "column OBUF, element 1: objects do not ascend"},
	{"OBUF", 4, 12, 9, "column OBUF, element 1: no such owner"},
	{"OBUF", 4, 23, 25, "column OBUF, element 2: no such string"},
	{"ONTE", 4, 0, 9, "column ONTE, element 0: objects and kinds do not ascend"},
	{"ONTE", 4, 4, 1, "column ONTE, element 1: objects and kinds do not ascend"},
	{"REFF", 1, 8, 12, "column REFF, element 8: more references than there are"},
	{"REFF", 1, 0, DUMP_MANY, "column REFF, element 0: not in REFB"},
	{"REFT", 4, 4, 9, "column REFT, element 4: id 9 of 9"},
	{"REFL", 4, 5, RK_COUNT, "column REFL, element 5: unknown kind"},
	{"REFL", 4, 5, 25 << 7 | RK_ATTR, "column REFL, element 5: unknown kind"},
	{"REFL", 4, 5, 25 << 7 | RK_CLOSURE, "column REFL, element 5"},
	{"REFL", 4, 0, RK_TYPE, "column REFL, element 1: unknown kind"},
	{"VALA", 8, 0, 1, "column VALA, element 0: not where the record is"},
	{"ROOT", 4, 0, 9, "column ROOT, element 0: no such object"},
	{"ROOT", 4, 7, ROOT_COUNT, "column ROOT, element 1: unknown kind"},
	{"ROOT", 4, 2, 25, "column ROOT, element 0: no such string"},
	{"ROOT", 4, 9, 1, "column ROOT, element 1: no such thread or frame"},
	{"ROOT", 4, 10, 2, "column ROOT, element 1: no such thread or frame"},
	{"THRD", 4, 4, 25, "column THRD, element 0: no such string"},
	{"FRAM", 4, 6, 1, "column FRAM, element 1: no such thread"},
	{"FRAM", 4, 1, 9, "column FRAM, element 0: no such thread or object"},
	{"FRAM", 4, 4, 25, "column FRAM, element 0: no such string"},
	{"ROOT", 4, 11, 2, "column ROOT, element 1: no such interpreter"},
	{"THRD", 4, 5, 2, "column THRD, element 0: no such interpreter"},
	{"OGEN", 4, 1, GENERATION_COUNT, "column OGEN, element 4: unknown generation"},
	{"OINT", 4, 1, 2, "column OINT, element 2: no such interpreter"},
	{"RGNS", 4, 7, 25, "column RGNS, element 0: no such string"},
	{"RGNS", 8, 1, 0, "column RGNS, element 0: no such string, or it ends"},
	{"DMGE", 4, 0, 25, "column DMGE, element 0: no such string"},
	{"DMGE", 4, 1, 5, "column DMGE, element 0: no such string, or too many"},
	{"META", 4, 5, 25, "column META, element 2: no such string"},
};

static void
check_fault(size_t i)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN(box_fini) struct box x;

	box_read_fd(&x, fd);
	if (faults[i].width == 1)
		box_get(&x, faults[i].column)->b.at[faults[i].i] = (uint8_t)faults[i].v;
	else if (faults[i].width == 4)
		box_set_u32(&x, faults[i].column, faults[i].i, (uint32_t)faults[i].v);
	else
		box_set_u64(&x, faults[i].column, faults[i].i, faults[i].v);
	expect_refused_box(&x, faults[i].text);
}

START_TEST(wrong_element)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		check_fault(i);
}
END_TEST

/* A value at the beginning of its object, after a key that is another's. */
START_TEST(value_of_another)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN(box_fini) struct box x;

	box_read_fd(&x, fd);
	box_set_u32(&x, "REFL", 1, RK_KEY);
	box_set_u32(&x, "REFL", 2, RK_VALUE);
	expect_refused_box(&x, "column REFL, element 2: a value before any key");
}
END_TEST

/* Columns made longer or shorter by some bytes. */
static const struct {
	const char *column;
	int bytes;
	const char *text;
} lengths[] = {
	{"OADR", 8, "column OTYP: 9 elements, 10 expected"},
	{"OADR", 1, "column OADR: 73 bytes are no whole elements"},
	{"OTYP", -4, "column OTYP: 8 elements, 9 expected"},
	{"OSIZ", -36, "column OSIZ: 0 elements, 9 expected"},
	{"OFLG", 2, "column OFLG: 10 elements, 9 expected"},
	{"OSRT", -4, "column OSRT: 8 elements, 9 expected"},
	{"REFL", 4, "column REFL: 12 elements, 11 expected"},
	{"VALA", 8, "column VALA: 2 elements, 1 expected"},
	{"REFF", -9, "column REFF: 0 elements, 9 expected"},
	{"REFF", 1, "column REFF: 10 elements, 9 expected"},
	{"REFB", 16, "column REFB, element 0: not needed"},
	{"STRO", -26 * 8, "column STRO is missing"},
	{"STRO", -25 * 8, "column STRO is missing"},
	{"STRS", -1, "column STRO, element 25: not the end"},
	{"VALS", -1, "column VALS, element 8: malformed record"},
	{"VALS", 1, "column VALS: bytes after the last record"},
	{"TYPE", -40, "column OTYP, element 6: id 6 of 6"},
	{"THRD", -24, "column FRAM, element 0: no such thread"},
	{"OBIG", -24, "is not in OBIG"},
	{"OBUF", 39, "column OBUF: 159 bytes are no whole elements"},
};

static void
check_length(size_t i)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN(box_fini) struct box x;

	box_read_fd(&x, fd);
	box_resize(&x, lengths[i].column, lengths[i].bytes);
	expect_refused_box(&x, lengths[i].text);
}

START_TEST(wrong_length)
{
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		check_length(i);
}
END_TEST

/* The container itself: header, trailer, table of contents. */
START_TEST(wrong_container)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN_FREE uint8_t *good = NULL, *p = NULL;
	size_t len;

	good = sample_bytes(fd, &len);
	p = xmalloc(len + 1);
#define FRESH memcpy(p, good, len)
	FRESH;
	p[8] = 3;
	p[10] = 4;
	expect_refusal(p, len, MS_VERSION, "dump format 3.4; this memscan reads 2.x");
	FRESH;
	p[0] = 'M';
	expect_refusal(p, len, MS_FORMAT, "not a memscan dump");
	expect_refusal(p, 0, MS_FORMAT, "not a memscan dump");
	FRESH;
	p[12] = 63;
	expect_refusal(p, len, MS_FORMAT, "header of 63 bytes");
	FRESH;
	expect_refusal(p, len - 1, MS_FORMAT, "truncated: no trailer");
	expect_refusal(p, 60, MS_FORMAT, "truncated: no trailer");
	expect_refusal(p, 95, MS_FORMAT, "truncated: no trailer");
	p[len] = 0;
	expect_refusal(p, len + 1, MS_FORMAT, "truncated: no trailer");
	FRESH;
	p[len - 16] ^= 1;
	expect_refusal(p, len, MS_FORMAT, "its trailer says");
	FRESH;
	p[len - 32] ^= 64;
	expect_refusal(p, len, MS_FORMAT, "table of contents");
	FRESH;
	p[len - 24] ^= 1;
	expect_refusal(p, len, MS_FORMAT, "table of contents");
	FRESH;
	p[len - 40] ^= 1; /* the reserved word of the last row */
	expect_refusal(p, len, MS_FORMAT, "table of contents: wrong checksum");
	/* A smaller version number of the same major is read. */
	FRESH;
	p[10] = 200;
	CLEAN_CLOSE int minor = box_file(p, len);
	struct dump *d = NULL;
	struct errbuf eb = {0};
	ck_assert_msg(sample_open(minor, DUMP_ALL, &d, &eb) == MS_OK, "%s", eb.msg);
	dump_close(d);
#undef FRESH
}
END_TEST

/* Rows of the TOC that lead elsewhere; the parser alone, so that no checksum is in the
 * way. */
START_TEST(wrong_rows)
{
	static const struct {
		struct dumpfmt_extent rows[2];
		const char *text;
	} cases[] = {
		{{{"OADR", 0, 63, 8, 0}}, "extent 0 is outside"},
		{{{"OADR", 0, 1001, 0, 0}}, "extent 0 is outside"},
		{{{"OADR", 0, 64, 937, 0}}, "extent 0 is outside"},
		{{{"OADR", 0, 64, UINT64_MAX, 0}}, "extent 0 is outside"},
		{{{"OADR", 0, UINT64_MAX, 8, 0}}, "extent 0 is outside"},
		{{{"OADR", 0, 64, 800, 0}, {"OTYP", 0, 64, 800, 0}},
			"extent 1: more bytes than the file"},
		{{{"XXXX", 0, 64, 800, 0}, {"OTYP", 0, 2000, 8, 0}},
			"extent 1 is outside"},
		{{{"OTYP", 0, 64, 4, 0}, {"OTYP", 0, 100, 3, 0}}, "column OTYP: 7 bytes"},
		{{{"OTYP", 0, 64, 4, 6}}, "column OTYP: 6 bytes"},
		{{{"OTYP", 0, 64, 4, (64u << 20) + 4}}, "extent 0 unpacks to too much"},
		{{{"OTYP", 0, 64, 4, UINT64_MAX}}, "extent 0 unpacks to too much"},
		{{{"OTYP", 0, 64, 4, 400000}, {"OADR", 0, 80, 4, 400000}},
			"extent 1 unpacks to too much"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chunk_toc toc = {0};
		struct errbuf eb = {0};
		size_t n = cases[i].rows[1].column[0] != '\0' ? 2 : 1;
		ck_assert_int_eq(chunk_parse_toc(cases[i].rows, n, 64, 1000, &toc, &eb),
			MS_FORMAT);
		ck_assert_msg(
			strstr(eb.msg, cases[i].text) != NULL, "%zu: %s", i, eb.msg);
		ck_assert_ptr_null(toc.rows);
	}
}
END_TEST

START_TEST(wrong_file)
{
	struct dump *d = NULL;
	struct errbuf eb = {0};

	ck_assert_int_eq(dump_open("/nonexistent/x.dump", DUMP_ALL, &d, &eb), MS_IO);
	ck_assert_str_eq(eb.msg, "/nonexistent/x.dump: No such file or directory");
	ck_assert_int_eq(dump_open("/", DUMP_ALL, &d, &eb), MS_IO);
	ck_assert_str_eq(eb.msg, "/: not a regular file");
	ck_assert_int_eq(dump_open("/dev/zero", DUMP_ALL, &d, &eb), MS_IO);
	ck_assert_str_eq(eb.msg, "/dev/zero: not a regular file");
	ck_assert_int_eq(dump_open("Makefile", DUMP_ALL, &d, &eb), MS_FORMAT);
	ck_assert_str_eq(eb.msg, "Makefile: not a memscan dump");
}
END_TEST

/* ---- files in the tree ---- */

static void
save(const char *dir, const char *name, const uint8_t *p, size_t len)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CLEAN_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
}

#define CORPUS "tests/fuzz/corpus/dump"

/* The golden dump with one fault each; what the reader must say of it. */
static const struct {
	const char *name;
	enum status st;
	const char *text;
} broken[] = {
	{"broken-truncated.dump", MS_FORMAT, "truncated: no trailer"},
	{"broken-version.dump", MS_VERSION, "dump format 7.0; this memscan reads 2.x"},
	{"broken-checksum.dump", MS_FORMAT, "column OTYP: wrong checksum"},
	{"broken-ref.dump", MS_FORMAT, "column REFT, element 4: id 9 of 9"},
	{"broken-value.dump", MS_FORMAT, "column VALS, element 8: malformed record"},
};

/* Put fault number i into the golden dump; free() it. */
static uint8_t *
break_golden(size_t i, size_t *len)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN_FREE uint8_t *p = sample_bytes(fd, len);
	CLEAN(box_fini) struct box x;

	box_read(&x, p, *len);
	struct box_column *types = box_get(&x, "OTYP");
	if (i == 0)
		*len -= 40;
	if (i == 1)
		p[8] = 7;
	if (i == 2)
		*(uint8_t *)memmem(p, *len, types->b.at, types->b.n) ^= 1;
	if (i < 3)
		return STEAL(p);
	if (i == 3)
		box_set_u32(&x, "REFT", 4, 9);
	if (i == 4)
		box_resize(&x, "VALS", -1);
	return box_write(&x, 0, len);
}

static void
check_broken(size_t i)
{
	CLEAN_FREE uint8_t *p = NULL;
	char path[200];
	struct dump *d = NULL;
	struct errbuf eb = {0};
	size_t len;

	p = break_golden(i, &len);
	if (getenv("MEMSCAN_UPDATE") != NULL) {
		save("tests/data", broken[i].name, p, len);
		save(CORPUS, broken[i].name, p, len);
	}
	snprintf(path, sizeof(path), "tests/data/%s", broken[i].name);
	ck_assert_int_eq(dump_open(path, DUMP_ALL, &d, &eb), broken[i].st);
	ck_assert_msg(strstr(eb.msg, broken[i].text) != NULL, "%s", eb.msg);
	/* It is still the file that is made here. */
	CLEAN_CLOSE int fd = open(path, O_RDONLY);
	CLEAN_FREE uint8_t *have = NULL;
	size_t have_len;
	have = sample_bytes(fd, &have_len);
	ck_assert_uint_eq(have_len, len);
	ck_assert_mem_eq(have, p, len);
}

START_TEST(broken_files)
{
	for (size_t i = 0; i < ARRAY_LEN(broken); i++)
		check_broken(i);
}
END_TEST

/* Seeds for the fuzzer that are valid: the golden heap, random ones, and one strewn
 * about. */
START_TEST(corpus)
{
	if (getenv("MEMSCAN_UPDATE") == NULL)
		return;
	for (uint32_t n = 0; n < 4; n++) {
		CLEAN_CLOSE int fd = sample_dump(n, n * n);
		CLEAN_FREE uint8_t *again = NULL;
		CLEAN(box_fini) struct box x;
		char name[40];
		size_t len;
		/* Tables of a random heap are long; the fuzzer wants few bytes. */
		box_read_fd(&x, fd);
		box_get(&x, "ROOT")->b.n = n == 0 ? box_get(&x, "ROOT")->b.n : 24;
		again = box_write(&x, n == 3 ? 5 : 0, &len);
		snprintf(name, sizeof(name), "valid-%u.dump", n);
		save(CORPUS, name, again, len);
	}
	CLEAN_CLOSE int packed = sample_dump_tuned(1, 40, 1, true);
	CLEAN_FREE uint8_t *bytes = NULL;
	size_t packed_len;
	bytes = sample_bytes(packed, &packed_len);
	save(CORPUS, "compressed.dump", bytes, packed_len);
}
END_TEST

/* ---- anything ---- */

/*
 * Open it with and without checksums; what opens is walked to the last byte. With
 * checksums, it is the heap `same` or none at all.
 */
static void
look_at(const uint8_t *p, size_t len, const struct heap *same)
{
	CLEAN_CLOSE int fd = box_file(p, len);

	for (int checksums = 0; checksums < 2; checksums++) {
		struct dump *d = NULL;
		struct errbuf eb = {0};
		enum status st = dump_open_fd(fd, DUMP_ALL, checksums != 0, &d, &eb);
		ck_assert((st == MS_OK) == (d != NULL));
		if (st == MS_OK)
			sample_walk(dump_heap(d));
		else
			ck_assert(st == eb.code && eb.msg[0] != '\0');
		if (st == MS_OK && checksums != 0)
			sample_assert_same(same, dump_heap(d));
		dump_close(d);
	}
}

START_TEST(every_length)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN_FREE uint8_t *p = NULL;
	size_t len;

	p = sample_bytes(fd, &len);
	for (size_t n = 0; n < len; n++) {
		CLEAN_CLOSE int cut = box_file(p, n);
		struct dump *d = NULL;
		struct errbuf eb = {0};
		ck_assert_int_eq(sample_open(cut, DUMP_ALL, &d, &eb), MS_FORMAT);
	}
}
END_TEST

START_TEST(every_byte)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x04};
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN_FREE uint8_t *p = NULL;
	struct dump *good = NULL;
	struct errbuf eb = {0};
	size_t len;

	ck_assert_int_eq(sample_open(fd, DUMP_ALL, &good, &eb), MS_OK);
	p = sample_bytes(fd, &len);
	for (size_t i = 0; i < len; i++) {
		uint8_t mask = masks[(i + (size_t)_i) % ARRAY_LEN(masks)];
		p[i] ^= mask;
		look_at(p, len, dump_heap(good));
		p[i] ^= mask;
	}
	dump_close(good);
}
END_TEST

/* Several numbers at once, of those that hurt, in dumps that are whole otherwise. */
START_TEST(many_bytes)
{
	static const uint64_t evil[] = {0, 1, 63, 64, 0x7f, 0x80, 0xffff, 0x7fffffff,
		0xfffffffe, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX};
	uint64_t rng = (uint64_t)_i;

	for (int round = 0; round < 400; round++) {
		CLEAN_CLOSE int fd = sample_dump(
			(uint64_t)round, 1 + (uint32_t)sample_below(&rng, 80));
		CLEAN_FREE uint8_t *p = NULL;
		struct dump *good = NULL;
		struct errbuf eb = {0};
		size_t len;
		ck_assert_int_eq(sample_open(fd, DUMP_ALL, &good, &eb), MS_OK);
		p = sample_bytes(fd, &len);
		for (uint64_t k = 1 + sample_below(&rng, 3); k > 0; k--) {
			size_t width = sample_below(&rng, 2) == 0 ? 4 : 8;
			size_t at = 64 + sample_below(&rng, (len - 128) / width) * width;
			uint64_t v = evil[sample_below(&rng, ARRAY_LEN(evil))];
			memcpy(p + at, &v, width);
		}
		look_at(p, len, dump_heap(good));
		dump_close(good);
	}
}
END_TEST

Suite *suite_refusals(void);

Suite *
suite_refusals(void)
{
	Suite *s = suite_create("refusals");
	TCase *t = tcase_create("refusals");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, wrong_element);
	tcase_add_test(t, value_of_another);
	tcase_add_test(t, wrong_length);
	tcase_add_test(t, wrong_container);
	tcase_add_test(t, wrong_rows);
	tcase_add_test(t, wrong_file);
	tcase_add_test(t, broken_files);
	tcase_add_test(t, corpus);
	tcase_add_test(t, every_length);
	tcase_add_loop_test(t, every_byte, 0, 2);
	tcase_add_loop_test(t, many_bytes, 1, 3);
	suite_add_tcase(s, t);
	return s;
}
