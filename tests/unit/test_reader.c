/*
 * The dump reader on dumps that are whole: heaps come back as they were emitted, whatever
 * the extents of the file are, and with as many columns as were asked for.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/priv.h"
#include "dumpbox.h"
#include "memscan/dump.h"
#include "memscan/mem.h"
#include "memsink.h"
#include "samples.h"

#define GOLDEN "tests/data/golden.dump"

/* ---- what was written ---- */

/* The golden file, with numbers from samples.c written out once more. */
START_TEST(golden)
{
	struct dump *d = NULL;
	struct errbuf eb = {0};

	ck_assert_msg(dump_open(GOLDEN, DUMP_ALL, &d, &eb) == MS_OK, "%s", eb.msg);
	const struct heap *h = dump_heap(d);
	ck_assert_uint_eq(dump_file_size(d), 3328 + 96);
	ck_assert_uint_eq(h->nobj, 9);
	ck_assert_uint_eq(h->nref, 11);
	ck_assert_uint_eq(h->ntype, 7);
	ck_assert_uint_eq(h->ninterp, 2);
	char whose[INTERP_NAME];
	ck_assert_str_eq(interp_name(h, heap_interp_of(h, 1), whose), "7");
	ck_assert_str_eq(interp_name(h, heap_interp_of(h, 3), whose), "shared");
	ck_assert_str_eq(interp_name(h, heap_interp_of(h, 5), whose), "unknown");
	ck_assert_str_eq(interp_name(h, heap_interp_of(h, 8), whose), "0");
	ck_assert_str_eq(generation_name(heap_generation_of(h, 0)), "2");
	ck_assert_str_eq(generation_name(heap_generation_of(h, 3)), "permanent");
	ck_assert_int_eq(heap_generation_of(h, 8), GENERATION_NONE);
	ck_assert_uint_eq(h->nstr, 19 + 6);
	ck_assert_uint_eq(h->addr[5], 0x959ea0);
	ck_assert_uint_eq(heap_find(h, 0x7f2a10c0de40), 8);
	ck_assert_uint_eq(h->by_addr[0], 5);
	ck_assert_uint_eq(h->by_addr[1], 2);
	ck_assert_uint_eq(heap_size(h, 2), 85899345976);
	ck_assert_uint_eq(heap_refcount(h, 5), 4294967297);
	ck_assert_uint_eq(heap_refcount(h, 8), 5);
	ck_assert_str_eq(heap_str(h, h->types[h->type[3]].name, NULL), "User");
	ck_assert_str_eq(heap_str(h, h->types[h->type[3]].module, NULL), "myapp.models");
	ck_assert_uint_eq(h->first[4] - h->first[3], 4);
	ck_assert_uint_eq(h->to[h->first[3] + 1], 5);
	ck_assert_str_eq(
		heap_str(h, ref_payload(h->label[h->first[3] + 1]), NULL), "_children");
	ck_assert_uint_eq(h->label[h->first[4] + 2], (0x20 << 7 | RK_OFFSET | REF_GUESS));
	struct heap_value v = heap_value(h, 6);
	ck_assert_int_eq(v.kind, VK_BYTES);
	ck_assert(v.cut && v.len == 4096 && v.text_len == 6);
	ck_assert_mem_eq(v.text, "\0\xff\n'\"\\", 6);
	ck_assert_int_eq(h->frames[1].lasti, -1);
	ck_assert_uint_eq(h->roots[1].frame, 0);
	ck_assert_uint_eq(h->regions[1].end, 0x7f2a10d00000);
	ck_assert_uint_eq(h->damage[0].examples[0], 0x7f2a10b00260);
	const struct heap_buffer *b = heap_buffer_of(h, 6);
	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(b->bytes, 0x140000000);
	ck_assert_uint_eq(b->flags, 9);
	ck_assert_uint_eq(heap_buffer_of(h, 4)->owner, 3);
	ck_assert_ptr_null(heap_buffer_of(h, 5));
	ck_assert_ptr_null(heap_buffer_of(h, 8));
	ck_assert_str_eq(heap_meta_get(h, "python"), "3.11.2");
	dump_close(d);
	dump_close(NULL);
}
END_TEST

/* A heap that went to a file is the heap that went to memory. */
static void
check_round_trip(uint64_t seed, uint32_t nobj)
{
	CLEAN_CLOSE int fd = sample_dump(seed, nobj);
	struct memsink *m = memsink_new();
	struct dump *d = NULL;
	struct errbuf eb = {0};
	const struct heap_sink *s = memsink_sink(m);

	ck_assert_int_eq(
		nobj == 0 ? sample_golden(s) : sample_random(s, seed, nobj), MS_OK);
	ck_assert_msg(sample_open(fd, DUMP_ALL, &d, &eb) == MS_OK, "%s", eb.msg);
	const struct heap *h = memsink_heap(m);
	sample_assert_same(h, dump_heap(d));
	if (nobj < 50000)
		ck_assert_uint_eq(sample_walk(h), sample_walk(dump_heap(d)));
	dump_close(d);
	memsink_free(m);
}

START_TEST(round_trip)
{
	static const uint32_t sizes[] = {
		0, 1, 2, 63, 64, 65, 127, 128, 129, 4000, 9000, 16384, 30000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		check_round_trip(i, sizes[i]);
}
END_TEST

START_TEST(round_trip_small)
{
	uint64_t rng = 77;

	for (int i = 0; i < 60; i++)
		check_round_trip(
			sample_next(&rng), 1 + (uint32_t)sample_below(&rng, 300));
}
END_TEST

/* Enough for buffers to grow and columns to be mapped from many extents. */
START_TEST(round_trip_large)
{
	check_round_trip(1, 250000);
}
END_TEST

/* Nothing emitted at all is a dump, too. */
START_TEST(nothing)
{
	struct outfile out = {
		.fd = memfd_create("none", MFD_CLOEXEC), .seekable = true, .open = true};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;
	struct dump *d = NULL;

	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	ck_assert_int_eq(dump_writer_finish(w, &eb), MS_OK);
	dump_writer_free(w);
	ck_assert_msg(sample_open(out.fd, DUMP_ALL, &d, &eb) == MS_OK, "%s", eb.msg);
	const struct heap *h = dump_heap(d);
	ck_assert_uint_eq(h->nobj, 0);
	ck_assert_uint_eq(h->nref, 0);
	ck_assert_uint_eq(h->nstr, 1);
	ck_assert_uint_eq(h->first[0], 0);
	ck_assert_uint_eq(heap_find(h, 0), OBJID_NONE);
	sample_walk(h);
	dump_close(d);
	close(out.fd);
}
END_TEST

/* Numbers of references around the largest that stands in the column itself. */
START_TEST(many_references)
{
	static const size_t counts[] = {0, 1, 254, 255, 256, 0, 70000, 3};
	struct outfile out = {
		.fd = memfd_create("many", MFD_CLOEXEC), .seekable = true, .open = true};
	struct dump_writer *w;
	struct dump *d = NULL;
	struct errbuf eb = {0};
	uint64_t at = 0;

	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	struct heap_sink *s = dump_writer_sink(w);
	ck_assert_int_eq(s->type(s->self, &(struct heap_type){0}), MS_OK);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct heap_obj o = {.addr = 64 * i, .value = {.len = VALUE_NO_LEN}};
		ck_assert_int_eq(s->object(s->self, &o), MS_OK);
		for (size_t k = 0; k < counts[i]; k++) {
			struct heap_ref r = {(objid)i, ref_label(RK_INDEX, k)};
			ck_assert_int_eq(s->refs(s->self, &r, 1), MS_OK);
		}
	}
	ck_assert_msg(dump_writer_finish(w, &eb) == MS_OK, "%s", eb.msg);
	dump_writer_free(w);
	ck_assert_msg(sample_open(out.fd, DUMP_ALL, &d, &eb) == MS_OK, "%s", eb.msg);
	const struct heap *h = dump_heap(d);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		ck_assert_uint_eq(h->first[i], at);
		for (size_t k = 0; k < counts[i]; k++, at++)
			ck_assert_uint_eq(h->to[at], i);
	}
	ck_assert_uint_eq(h->first[ARRAY_LEN(counts)], at);
	dump_close(d);
	close(out.fd);
}
END_TEST

/* The same columns in extents of any length at any place: nothing of it can be mapped. */
START_TEST(strewn)
{
	uint64_t rng = (uint64_t)_i;

	for (int round = 0; round < 10; round++) {
		uint32_t nobj = (uint32_t)sample_below(&rng, 3000);
		CLEAN_CLOSE int fd = sample_dump((uint64_t)round, nobj);
		CLEAN_FREE uint8_t *again = NULL;
		CLEAN(box_fini) struct box x;
		struct dump *a = NULL, *b = NULL;
		struct errbuf eb = {0};
		size_t len;
		box_read_fd(&x, fd);
		/* A column of a later version is skipped. */
		box_resize(&x, "ZZZZ", 1 + (int)sample_below(&rng, 100));
		again = box_write(&x, 1 + sample_next(&rng), &len);
		CLEAN_CLOSE int strewn_fd = box_file(again, len);
		ck_assert_msg(sample_open(fd, DUMP_ALL, &a, &eb) == MS_OK, "%s", eb.msg);
		ck_assert_msg(
			sample_open(strewn_fd, DUMP_ALL, &b, &eb) == MS_OK, "%s", eb.msg);
		sample_assert_same(dump_heap(a), dump_heap(b));
		dump_close(a);
		dump_close(b);
	}
}
END_TEST

/* ---- some columns only ---- */

static const void *
column_of(const struct heap *h, enum dump_column c)
{
	/* clang-format off */
	const void *const all[DC_COUNT] = {
		[DC_STRS] = h->str, [DC_STRO] = h->str_at, [DC_TYPE] = h->types,
		[DC_OADR] = h->addr,
		[DC_OTYP] = h->type, [DC_OSIZ] = h->size32, [DC_ORFC] = h->count32,
		[DC_OFLG] = h->flags, [DC_OGEN] = h->generation, [DC_OINT] = h->interp,
		[DC_INTR] = h->interps, [DC_OBIG] = h->big, [DC_OBUF] = h->buffers,
		[DC_ONTE] = h->notes, [DC_OSRT] = h->by_addr,
		[DC_REFF] = h->first, [DC_REFB] = h->first, [DC_REFT] = h->to,
		[DC_REFL] = h->label,
		[DC_VALA] = h->value_at, [DC_VALS] = h->values, [DC_ROOT] = h->roots,
		[DC_THRD] = h->threads, [DC_FRAM] = h->frames, [DC_RGNS] = h->regions,
		[DC_DMGE] = h->damage, [DC_META] = h->meta,
	};
	/* clang-format on */

	return all[c];
}

#define BIT(c) (1u << DC_##c)

static void
check_column(unsigned column)
{
	/* clang-format off */
	static const uint32_t comes_with[DC_COUNT] = {
		[DC_STRS] = BIT(STRO), [DC_STRO] = BIT(STRS), [DC_OSIZ] = BIT(OBIG),
		[DC_ORFC] = BIT(OBIG), [DC_OSRT] = BIT(OADR), [DC_REFF] = BIT(REFB), [DC_REFB] = BIT(REFF),
		[DC_REFT] = BIT(REFF) | BIT(REFB), [DC_REFL] = BIT(REFF) | BIT(REFB), [DC_VALA] = BIT(VALS), [DC_VALS] = BIT(VALA),
		[DC_ROOT] = BIT(THRD) | BIT(FRAM) | BIT(INTR),
		[DC_THRD] = BIT(FRAM) | BIT(INTR), [DC_FRAM] = BIT(THRD) | BIT(INTR),
		[DC_OINT] = BIT(INTR),
	};
	/* clang-format on */
	struct dump *d = NULL;
	struct errbuf eb = {0};
	uint32_t want = 1u << column | comes_with[column];

	ck_assert_msg(dump_open(GOLDEN, 1u << column, &d, &eb) == MS_OK, "%s", eb.msg);
	const struct heap *h = dump_heap(d);
	for (unsigned c = 0; c < DC_COUNT; c++)
		ck_assert_msg((column_of(h, (enum dump_column)c) != NULL) ==
				((want >> c & 1) != 0),
			"column %u", c);
	ck_assert_uint_eq(h->nobj, 9);
	ck_assert_uint_eq(h->nref, 11);
	ck_assert_uint_eq(h->ntype, 7);
	ck_assert_uint_eq(h->nstr, 25);
	ck_assert_uint_eq(h->nroot, (want & BIT(ROOT)) != 0 ? 3 : 0);
	ck_assert_uint_eq(h->nframe, (want & BIT(FRAM)) != 0 ? 2 : 0);
	ck_assert_uint_eq(h->nmeta, (want & BIT(META)) != 0 ? 3 : 0);
	ck_assert_uint_eq(h->nbig, (want & BIT(OBIG)) != 0 ? 2 : 0);
	ck_assert_uint_eq(h->nbuffer, (want & BIT(OBUF)) != 0 ? 3 : 0);
	ck_assert_uint_eq(h->nnote, (want & BIT(ONTE)) != 0 ? 2 : 0);
	/* Accessors of what did not come have nothing to say, and say it. */
	if ((want & BIT(OBUF)) == 0)
		ck_assert_ptr_null(heap_buffer_of(h, 3));
	if ((want & BIT(STRS)) == 0)
		ck_assert_str_eq(heap_str(h, 1, NULL), "");
	if ((want & BIT(VALS)) == 0)
		ck_assert_int_eq(heap_value(h, 1).kind, VK_NONE);
	if ((want & BIT(OSRT)) == 0)
		ck_assert_uint_eq(heap_find(h, 0x959ea0), OBJID_NONE);
	dump_close(d);
}

START_TEST(one_column)
{
	for (unsigned c = 0; c < DC_COUNT; c++)
		check_column(c);
}
END_TEST

/* A damaged column hurts only those who ask for it. */
START_TEST(damage_elsewhere)
{
	CLEAN_CLOSE int fd = sample_dump(0, 0);
	CLEAN_FREE uint8_t *p = NULL;
	struct dump *d = NULL;
	struct errbuf eb = {0};
	size_t len;

	p = sample_bytes(fd, &len);
	uint8_t *at = memmem(p, len, "MainThread", 10);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(pwrite(fd, "m", 1, at - p), 1);
	ck_assert_int_eq(
		sample_open(fd, DUMP_ALL & ~(BIT(STRS) | BIT(STRO)), &d, &eb), MS_OK);
	dump_close(d);
	ck_assert_int_eq(sample_open(fd, BIT(STRO), &d, &eb), MS_FORMAT);
	ck_assert_msg(
		strstr(eb.msg, "column STRS: wrong checksum") != NULL, "%s", eb.msg);
}
END_TEST

Suite *suite_reader(void);

Suite *
suite_reader(void)
{
	Suite *s = suite_create("reader");
	TCase *t = tcase_create("contents");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, golden);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, round_trip_small);
	tcase_add_test(t, round_trip_large);
	tcase_add_test(t, nothing);
	tcase_add_test(t, many_references);
	tcase_add_loop_test(t, strewn, 1, 4);
	tcase_add_test(t, one_column);
	tcase_add_test(t, damage_elsewhere);
	suite_add_tcase(s, t);
	return s;
}
