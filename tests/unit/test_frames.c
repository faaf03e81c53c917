/*
 * Frames and code objects of hostile memory: chains that run in a circle, instructions
 * that are nowhere near their code.
 */
#include <check.h>
#include <stdlib.h>

#include "image.h"
#include "py/priv.h"

Suite *suite_frames(void);

/* The steps until a list of `tail` nodes and then a circle is known for what it is; 0 if
 * never. */
static uint64_t
steps_to_see(uint64_t tail, uint64_t circle)
{
	struct loop l = {0};

	for (uint64_t i = 0; i < 4 * (tail + circle) + 4; i++) {
		uint64_t node = i < tail || circle == 0 ? i : tail + (i - tail) % circle;
		if (loop_seen(&l, 0x1000 + node * 8))
			return i;
	}
	return 0;
}

START_TEST(circles_are_seen)
{
	for (uint64_t tail = 0; tail < 40; tail++) {
		ck_assert_uint_eq(steps_to_see(tail, 0), 0);
		for (uint64_t circle = 1; circle < 40; circle++) {
			uint64_t n = steps_to_see(tail, circle);
			ck_assert_uint_gt(n, 0);
			ck_assert_uint_ge(n, tail > 0 ? tail : 1);
		}
	}
}
END_TEST

enum {
	TSTATE = 0x10000,
	FRAME = 0x20000,
	CODE = 0x30000,
	TLBC = 0x40000,
	COPY = 0x50000
};

static void
field(struct layout *l, enum pyf id, uint64_t off, uint64_t size)
{
	l->f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

static enum status
never(void *self, const struct pyframe *f)
{
	(void)self;
	(void)f;
	return MS_IO;
}

/* Frames without code that call each other: nothing is put, and it ends. */
START_TEST(chain_in_a_circle)
{
	struct layout l = {.machine = {.ptr_width = 8}, .frame_chain = FRAMES_LINKED};
	struct image *im = image_new(8, false);

	field(&l, PYF_TSTATE_FRAME, 16, 8);
	field(&l, PYF_FRAME_BACK, 24, 8);
	field(&l, PYF_FRAME_CODE, 32, 8);
	field(&l, PYF_FRAME_LASTI, 40, 4);
	field(&l, PYF_SIZEOF_OBJECT, 0, 16);
	field(&l, PYF_OB_TYPE, 8, 8);
	image_region(im, TSTATE, 4096, 3, NULL);
	image_region(im, FRAME, 4096, 3, NULL);
	image_uint(im, TSTATE + 16, FRAME, 8);
	for (uint64_t i = 0; i < 8; i++)
		image_uint(im, FRAME + i * 64 + 24, FRAME + (i + 1) % 8 * 64, 8);
	struct target *t = image_target(im, IMAGE_READ);
	struct py p = {.l = &l, .t = t};
	ck_assert_int_eq(py_frames(&p, TSTATE, never, NULL), MS_LIMIT);
	target_close(t);
}
END_TEST

/* The offset of an instruction in its code, and in a thread's own copy of it. */
START_TEST(offsets_of_instructions)
{
	struct layout l = {.machine = {.ptr_width = 8}};
	struct image *im = image_new(8, false);

	field(&l, PYF_CODE_ADAPTIVE, 200, 2);
	field(&l, PYF_CODE_TLBC, 192, 8);
	field(&l, PYF_OB_SIZE, 16, 8);
	image_region(im, CODE, 4096, 3, NULL);
	image_region(im, TLBC, 4096, 3, NULL);
	image_uint(im, CODE + 16, 50, 8); /* units of two bytes */
	image_uint(im, CODE + 192, TLBC, 8);
	image_uint(im, TLBC, 3, 8); /* copies: the code's own, and two more */
	image_uint(im, TLBC + 8, CODE + 200, 8);
	image_uint(im, TLBC + 16, COPY, 8);
	struct target *t = image_target(im, IMAGE_DATA);
	struct py p = {.l = &l, .t = t};

	ck_assert_int_eq(code_offset(&p, CODE, CODE + 200 + 30, 0), 30);
	ck_assert_int_eq(code_offset(&p, CODE, CODE + 200 - 2, 0), -2);
	ck_assert_int_eq(code_offset(&p, CODE, COPY + 30, 1), 30);
	static const struct {
		taddr instr;
		uint64_t copy;
	} wrong[] = {
		{CODE + 200 - 4, 0},
		{CODE + 200 + 102, 0},
		{0, 0},
		{UINT64_MAX, 0},
		{COPY + 30, 0},
		{COPY + 30, 2},
		{COPY + 30, 3},
		{COPY + 30, UINT32_MAX},
		{CODE + 230, 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_int_eq(code_offset(&p, CODE, wrong[i].instr, wrong[i].copy),
			PYFRAME_NO_LASTI);
	target_close(t);
}
END_TEST

/* Put nothing away: there is room for what a frame has. */
static enum status
no_flush(struct refout *o)
{
	(void)o;
	return MS_IO;
}

/* A frame without a function, as what calls an __init__ has it, never set its globals and builtins. */
START_TEST(trampoline)
{
	static struct refout out;
	const taddr none = 0x60000, function = 0x61000;
	struct layout l = {.machine = {.ptr_width = 8}, .frame_chain = FRAMES_TSTATE};
	struct image *im = image_new(8, false);

	field(&l, PYF_IFRAME_FUNC, 16, 8);
	field(&l, PYF_IFRAME_GLOBALS, 24, 8);
	field(&l, PYF_IFRAME_BUILTINS, 32, 8);
	image_region(im, FRAME, 4096, 3, NULL);
	image_uint(im, FRAME + 16, _i == 0 ? none : function, 8);
	image_uint(im, FRAME + 24, 0x1234, 8);
	image_uint(im, FRAME + 32, 0x5678, 8);
	struct target *t = image_target(im, IMAGE_DATA);
	struct py p = {.l = &l, .t = t, .none = none, .names = strtab_new()};
	const struct pyframe f = {.addr = FRAME};
	out = (struct refout){.flush = no_flush};
	ck_assert_int_eq(py_frame_refs(&p, &f, &out), MS_OK);
	ck_assert_uint_eq(out.n, _i == 0 ? 1 : 3);
	ck_assert_uint_eq(out.at[0].to, _i == 0 ? none : function);
	strtab_free(p.names);
	target_close(t);
}
END_TEST

Suite *
suite_frames(void)
{
	Suite *s = suite_create("frames");
	TCase *t = tcase_create("frames");

	tcase_add_test(t, circles_are_seen);
	tcase_add_test(t, chain_in_a_circle);
	tcase_add_test(t, offsets_of_instructions);
	tcase_add_loop_test(t, trampoline, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
