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

struct line_range {
	int64_t end; /* of the range of byte offsets that begins where the one before ends */
	uint32_t line;
};

static const struct line_range lines[] = {
	{2, 2}, {4, 4}, {6, 5}, {12, 4}, {46, 6}, {50, 7}, {52, 8}, {54, 9}, {56, 10}, {60, 9},
	{66, 8}, {68, 0}, {70, 13}, {82, 14}, {84, 15}, {100, 14}, {102, 0}, {120, 16}, {124, 17},
	{152, 18},
};

/*
 * Older releases: the same function with 200 empty lines before its second "try" and 300
 * before "return". Lines are what their own PyCode_Addr2Line says of each offset.
 */
static const uint8_t table_27[] = {
	0x00, 0x02, 0x03, 0x01, 0x07, 0x01, 0x13, 0x01, 0x06, 0x01, 0x03, 0x01, 0x03,
	0x01, 0x0f, 0xca, 0x03, 0x00, 0x03, 0x01, 0x03, 0x01, 0x0d, 0x01, 0x0f, 0xff,
	0x00, 0x2e, 0x03, 0x01, 0x22, 0x02,
};
static const struct line_range lines_27[] = {
	{3, 4}, {10, 5}, {29, 6}, {35, 7}, {38, 8}, {41, 9}, {56, 10}, {62, 212}, {65,
	213}, {78, 214}, {93, 215}, {96, 516}, {130, 517}, {140, 519},
};

static const uint8_t table_39[] = {
	0x00, 0x02, 0x02, 0x01, 0x02, 0xff, 0x04, 0x02, 0x0c, 0x01, 0x04, 0x01, 0x02,
	0x01, 0x02, 0x01, 0x02, 0xff, 0x02, 0xff, 0x06, 0x7f, 0x00, 0x4d, 0x04, 0x01,
	0x02, 0x01, 0x02, 0xff, 0x08, 0x02, 0x0e, 0x7f, 0x00, 0x7f, 0x00, 0x2f, 0x06,
	0x01, 0x06, 0xff, 0x12, 0x03, 0x08, 0xfd, 0x0e, 0x03,
};
static const struct line_range lines_39[] = {
	{2, 4}, {4, 5}, {8, 4}, {20, 6}, {24, 7}, {26, 8}, {28, 9}, {30, 10}, {32, 9},
	{38, 8}, {42, 212}, {44, 213}, {46, 214}, {54, 213}, {68, 215}, {74, 516}, {80,
	517}, {98, 516}, {106, 519}, {120, 516}, {144, 519},
};

static const uint8_t table_310[] = {
	0x02, 0x02, 0x02, 0x01, 0x04, 0xff, 0x0c, 0x02, 0x04, 0x01, 0x02, 0x01, 0x02,
	0x01, 0x02, 0x01, 0x02, 0xff, 0x04, 0xff, 0x02, 0x80, 0x00, 0x7f, 0x04, 0x4d,
	0x02, 0x01, 0x02, 0x01, 0x04, 0xff, 0x0e, 0x02, 0x00, 0x7f, 0x00, 0x7f, 0x06,
	0x2f, 0x06, 0x01, 0x12, 0xff, 0x0a, 0x03, 0x08, 0x80, 0x00, 0x81, 0x00, 0x81,
	0x02, 0xce, 0x00, 0x7f, 0x00, 0x7f, 0x0a, 0x32,
};
static const struct line_range lines_310[] = {
	{2, 4}, {4, 5}, {8, 4}, {20, 6}, {24, 7}, {26, 8}, {28, 9}, {30, 10}, {32, 9},
	{36, 8}, {38, 0}, {42, 212}, {44, 213}, {46, 214}, {50, 213}, {64, 215}, {70,
	516}, {76, 517}, {94, 516}, {104, 519}, {112, 0}, {114, 215}, {124, 519},
};

static const struct form {
	enum line_form form;
	const uint8_t *table;
	size_t len;
	const struct line_range *lines;
	size_t n;
} forms[] = {
	{LINES_LOCATIONS, linetable, sizeof(linetable), lines, ARRAY_LEN(lines)},
	{LINES_RANGES, table_310, sizeof(table_310), lines_310, ARRAY_LEN(lines_310)},
	{LINES_SIGNED, table_39, sizeof(table_39), lines_39, ARRAY_LEN(lines_39)},
	{LINES_UNSIGNED, table_27, sizeof(table_27), lines_27, ARRAY_LEN(lines_27)},
};

enum { CODE = 0x10000, TABLE = 0x20000, OFF_TABLE = 136, OFF_FIRST = 72, OFF_DATA = 32 };

static void
field(struct layout *l, enum pyf id, uint64_t off, uint64_t size)
{
	l->f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

static struct target *
make_target(struct layout *l, const struct form *f, uint64_t table_len)
{
	struct image *im = image_new(8, false);

	*l = (struct layout){.machine = {.ptr_width = 8}, .line_form = f->form};
	field(l, PYF_CODE_LINETABLE, OFF_TABLE, 8);
	field(l, PYF_CODE_LNOTAB, OFF_TABLE, 8);
	field(l, PYF_CODE_FIRSTLINENO, OFF_FIRST, 4);
	field(l, PYF_OB_SIZE, 16, 8);
	field(l, PYF_BYTES_DATA, OFF_DATA, 1);
	image_region(im, CODE, 4096, 3, NULL);
	image_region(im, TABLE, 4096, 3, NULL);
	image_uint(im, CODE + OFF_TABLE, TABLE, 8);
	image_uint(im, CODE + OFF_FIRST, 2, 4);
	image_uint(im, TABLE + 16, table_len, 8);
	image_put(im, TABLE + OFF_DATA, f->table, f->len);
	return image_target(im, IMAGE_DATA);
}

START_TEST(agrees_with_cpython)
{
	const struct form *f = &forms[_i];
	struct layout l;
	struct py p = {.l = &l, .t = make_target(&l, f, f->len)};
	int64_t at = 0;

	for (size_t i = 0; i < f->n; i++)
		for (; at < f->lines[i].end; at++)
			ck_assert_msg(py_line(&p, CODE, at) == f->lines[i].line,
				"offset %ld: line %u, not %u", (long)at,
				py_line(&p, CODE, at), f->lines[i].line);
	ck_assert_uint_eq(py_line(&p, CODE, -1), 2);
	ck_assert_uint_eq(py_line(&p, CODE, -2), 2);
	ck_assert_uint_eq(py_line(&p, CODE, PYFRAME_NO_LASTI), 0);
	/* co_lnotab's last line has no end. */
	bool is_open = f->form == LINES_SIGNED || f->form == LINES_UNSIGNED;
	ck_assert_uint_eq(py_line(&p, CODE, 100000),
		is_open ? f->lines[f->n - 1].line : 0);
	target_close(p.t);
}
END_TEST

/* A table that lies about its length, or is cut anywhere, gives a line or none, and ends. */
START_TEST(survives_cut_tables)
{
	const struct form *f = &forms[_i];
	static const uint64_t lies[] = {UINT64_MAX, 1 << 19, 1ull << 40};

	for (uint64_t n = 0; n < f->len; n++) {
		struct layout l;
		struct py p = {.l = &l, .t = make_target(&l, f, n)};
		uint32_t line = py_line(&p, CODE, 100000);
		if (f->form == LINES_LOCATIONS || f->form == LINES_RANGES)
			ck_assert_uint_eq(line, 0);
		else
			ck_assert_uint_lt(line, 1000);
		target_close(p.t);
	}
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		struct layout l;
		struct py p = {.l = &l, .t = make_target(&l, f, lies[i])};
		ck_assert_uint_eq(py_line(&p, CODE, 0), 0);
		target_close(p.t);
	}
}
END_TEST

Suite *
suite_pyline(void)
{
	Suite *s = suite_create("pyline");
	TCase *t = tcase_create("pyline");

	tcase_add_loop_test(t, agrees_with_cpython, 0, ARRAY_LEN(forms));
	tcase_add_loop_test(t, survives_cut_tables, 0, ARRAY_LEN(forms));
	suite_add_tcase(s, t);
	return s;
}
