/*
 * Lines of instructions. The table and the expected lines are what CPython 3.11 itself
 * says (co_linetable and co_lines()) of this function, whose def is on line 2:
 *
 *	def f(a,
 *	      b):
 *	    x = (a +
 *	         b)
 *	    for i in range(3):
 *	        if i:
 *	            x += (
 *	                i *
 *	                2
 *	            )
 *
 *	    try:
 *	        raise ValueError(
 *	            x)
 *	    except ValueError as e:
 *	        return [y
 *	                for y in range(4)]
 *	    finally:
 *	        print("done")
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "py/priv.h"

Suite *suite_pyline(void);

static const uint8_t linetable[] = {
	0x80, 0x00, 0xe0, 0x09, 0x0a, 0xd8, 0x09, 0x0a, 0xf1, 0x03, 0x01, 0x0a, 0x0b, 0x80, 0x41, 0xe5,
	0x0d, 0x12, 0x90, 0x31, 0x89, 0x58, 0x8c, 0x58, 0xf0, 0x00, 0x05, 0x05, 0x0e, 0xf0, 0x00, 0x05,
	0x05, 0x0e, 0x88, 0x01, 0xd8, 0x0b, 0x0c, 0xf0, 0x00, 0x04, 0x09, 0x0e, 0xd8, 0x0c, 0x0d, 0xd8,
	0x10, 0x11, 0xd8, 0x10, 0x11, 0xf1, 0x03, 0x01, 0x11, 0x12, 0xf1, 0x03, 0x03, 0x0d, 0x0e, 0x88,
	0x41, 0xf8, 0xf0, 0x0a, 0x07, 0x05, 0x16, 0xdd, 0x0e, 0x18, 0xd8, 0x0c, 0x0d, 0xf1, 0x03, 0x01,
	0x0f, 0x0f, 0xf4, 0x00, 0x01, 0x0f, 0x0f, 0xf0, 0x00, 0x01, 0x09, 0x0f, 0xf8, 0xe5, 0x0b, 0x15,
	0xf0, 0x00, 0x02, 0x05, 0x23, 0xf0, 0x00, 0x02, 0x05, 0x23, 0xf0, 0x00, 0x02, 0x05, 0x23, 0xf0,
	0x02, 0x01, 0x10, 0x23, 0xf0, 0x00, 0x01, 0x10, 0x23, 0xdd, 0x19, 0x1e, 0x98, 0x71, 0x99, 0x18,
	0x9c, 0x18,
};

static const struct {
	int64_t end; /* of the range of byte offsets that begins where the one before ends */
	uint32_t line;
} lines[] = {
	{2, 2}, {4, 4}, {6, 5}, {12, 4}, {46, 6}, {50, 7}, {52, 8}, {54, 9}, {56, 10}, {60, 9},
	{66, 8}, {68, 0}, {70, 13}, {82, 14}, {84, 15}, {100, 14}, {102, 0}, {120, 16}, {124, 17},
	{152, 18},
};

enum { CODE = 0x10000, TABLE = 0x20000, OFF_TABLE = 136, OFF_FIRST = 72, OFF_ADAPTIVE = 184, OFF_DATA = 32 };

static void
field(struct layout *l, enum pyf id, uint64_t off, uint64_t size)
{
	l->f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

static struct target *
make_target(struct layout *l, uint64_t table_len)
{
	struct image *im = image_new(8, false);

	*l = (struct layout){.machine = {.ptr_width = 8}};
	field(l, PYF_CODE_LINETABLE, OFF_TABLE, 8);
	field(l, PYF_CODE_FIRSTLINENO, OFF_FIRST, 4);
	field(l, PYF_CODE_ADAPTIVE, OFF_ADAPTIVE, 2);
	field(l, PYF_OB_SIZE, 16, 8);
	field(l, PYF_BYTES_DATA, OFF_DATA, 1);
	image_region(im, CODE, 4096, 3, NULL);
	image_region(im, TABLE, 4096, 3, NULL);
	image_uint(im, CODE + OFF_TABLE, TABLE, 8);
	image_uint(im, CODE + OFF_FIRST, 2, 4);
	image_uint(im, TABLE + 16, table_len, 8);
	image_put(im, TABLE + OFF_DATA, linetable, sizeof(linetable));
	return image_target(im, IMAGE_DATA);
}

START_TEST(agrees_with_co_lines)
{
	struct layout l;
	struct py p = {.l = &l, .t = make_target(&l, sizeof(linetable))};
	int64_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		for (; at < lines[i].end; at += 2)
			ck_assert_msg(py_line(&p, CODE, at) == lines[i].line, "offset %ld: line %u, not %u", (long)at,
				py_line(&p, CODE, at), lines[i].line);
	ck_assert_uint_eq(py_line(&p, CODE, 100000), 0);
	target_close(p.t);
}
END_TEST

/* A table that lies about its length, or is cut anywhere, gives a line or none, and ends. */
START_TEST(survives_cut_tables)
{
	for (uint64_t n = 0; n < sizeof(linetable); n++) {
		struct layout l;
		struct py p = {.l = &l, .t = make_target(&l, n)};
		ck_assert_uint_le(py_line(&p, CODE, 100000), 0);
		target_close(p.t);
	}
	struct layout l;
	struct py p = {.l = &l, .t = make_target(&l, UINT64_MAX)};
	ck_assert_uint_eq(py_line(&p, CODE, 0), 0);
	target_close(p.t);
	p.t = make_target(&l, 1 << 19);
	ck_assert_uint_eq(py_line(&p, CODE, 0), 0);
	target_close(p.t);
}
END_TEST

Suite *
suite_pyline(void)
{
	Suite *s = suite_create("pyline");
	TCase *t = tcase_create("pyline");

	tcase_add_test(t, agrees_with_co_lines);
	tcase_add_test(t, survives_cut_tables);
	suite_add_tcase(s, t);
	return s;
}
