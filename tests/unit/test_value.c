/*
 * Value records. The bytes are written out from memscan-dump(5); malformed ones are every
 * piece of a good one, and every good one with a byte changed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/heap.h"
#include "memscan/mem.h"
#include "memsink.h"
#include "samples.h"

#define TEXT(t) .text = (t), .text_len = sizeof(t) - 1

static const struct {
	struct heap_value v;
	uint8_t bytes[24];
	size_t n;
} rows[] = {
	{{VK_NONE, false, VALUE_NO_LEN, "", 0}, {0}, 1},
	{{VK_NONE, false, 3, "", 0}, {2, 0x20, 3}, 3},
	{{VK_NONE, false, 300, "", 0}, {3, 0x20, 0xac, 2}, 4},
	{{VK_STR, false, 3, TEXT("abc")}, {5, 0x21, 3, 'a', 'b', 'c'}, 6},
	{{VK_STR, false, 0, TEXT("")}, {2, 0x21, 0}, 3},
	{{VK_BYTES, true, 128, TEXT("\0x")}, {5, 0x32, 0x80, 1, 0, 'x'}, 6},
	{{VK_INT, false, VALUE_NO_LEN, TEXT("-17")}, {4, 3, '-', '1', '7'}, 5},
	{{VK_FLOAT, false, VALUE_NO_LEN, TEXT("0.5")}, {4, 4, '0', '.', '5'}, 5},
	{{VK_BOOL, false, VALUE_NO_LEN, TEXT("True")}, {5, 5, 'T', 'r', 'u', 'e'}, 6},
	{{VK_NAME, true, VALUE_NO_LEN, TEXT("f")}, {2, 0x16, 'f'}, 3},
	{{VK_TEXT, false, UINT64_MAX - 1, TEXT("e")},
		{12, 0x27, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'e'},
		13},
};

static void
assert_same(const struct heap_value *a, const struct heap_value *b)
{
	ck_assert_int_eq(a->kind, b->kind);
	ck_assert_int_eq(a->cut, b->cut);
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_uint_eq(a->text_len, b->text_len);
	ck_assert(a->text_len == 0 || memcmp(a->text, b->text, a->text_len) == 0);
}

START_TEST(put)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t buf[64];
		ck_assert_uint_le(value_record_max(&rows[i].v), sizeof(buf));
		size_t n = value_record_put(buf, &rows[i].v);
		ck_assert_uint_le(n, value_record_max(&rows[i].v));
		ck_assert_msg(n == rows[i].n && memcmp(buf, rows[i].bytes, n) == 0,
			"row %zu", i);
	}
}
END_TEST

START_TEST(get)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint8_t *p = rows[i].bytes, *next = NULL;
		struct heap_value v;
		/* Bytes behind the record are not its own. */
		ck_assert_int_eq(
			value_record_get(p, p + sizeof(rows[i].bytes), &v, &next), MS_OK);
		assert_same(&v, &rows[i].v);
		ck_assert_ptr_eq(next, p + rows[i].n);
	}
}
END_TEST

/* Every piece of a record from its beginning is malformed; nothing behind it is read. */
static void
check_cut(const uint8_t *bytes, size_t len)
{
	for (size_t n = 0; n < len; n++) {
		CLEAN_FREE uint8_t *copy = xmalloc(n);
		const uint8_t *next = NULL;
		struct heap_value v;
		memcpy(copy, bytes, n);
		ck_assert_int_eq(value_record_get(copy, copy + n, &v, &next), MS_FORMAT);
		ck_assert_ptr_null(next);
	}
}

START_TEST(get_cut)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_cut(rows[i].bytes, rows[i].n);
}
END_TEST

START_TEST(get_malformed)
{
	static const struct {
		uint8_t bytes[12];
		size_t n;
	} bad[] = {
		{{1, 0x08}, 2},       /* kind 8 */
		{{1, 0x41}, 2},       /* unknown flag */
		{{1, 0x81}, 2},       /* unknown flag */
		{{2, 0x00, 'x'}, 3},  /* no kind, but a text */
		{{2, 0x21, 0x80}, 3}, /* the length's varint runs out of its record ... */
		{{2, 0x21, 0x80, 1}, 4}, /* ... into the next */
		{{1, 0x21}, 2},          /* a length is promised */
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1},
			11}, /* 2^64 - 1 bytes */
		{{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1},
			11}, /* no varint */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const uint8_t *next;
		struct heap_value v;
		ck_assert_msg(value_record_get(bad[i].bytes, bad[i].bytes + bad[i].n, &v,
				      &next) == MS_FORMAT,
			"row %zu", i);
	}
}
END_TEST

/* Any bytes: an error, or a value within them. */
START_TEST(get_any)
{
	uint64_t rng = 5;

	for (int round = 0; round < 20000; round++) {
		size_t n = sample_below(&rng, 40);
		uint8_t *p = xmalloc(n);
		for (size_t i = 0; i < n; i++)
			p[i] = (uint8_t)(sample_next(&rng) &
				(sample_below(&rng, 2) == 0 ? 0xff : 0x2f));
		const uint8_t *next;
		struct heap_value v;
		if (value_record_get(p, p + n, &v, &next) == MS_OK) {
			ck_assert(next > p && next <= p + n);
			ck_assert(v.kind < VK_COUNT);
			bool is_inside = (const uint8_t *)v.text >= p &&
				(const uint8_t *)v.text + v.text_len == next;
			ck_assert(is_inside || v.text_len == 0);
		}
		free(p);
	}
}
END_TEST

/* Values of a heap by object id, across the strides of value_at. */
START_TEST(of_objects)
{
	struct memsink *m = memsink_new();
	uint32_t t = memsink_add_type(m, "builtins", "str");
	char text[300];

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 200; i++) {
		text[i] = '\0';
		memsink_add_value(
			m, t, 0x1000 + i, 50, i % 3 == 0 ? VK_NONE : VK_STR, text);
		text[i] = 'x';
	}
	const struct heap *h = memsink_heap(m);
	for (unsigned i = 0; i < 200; i++) {
		struct heap_value v = heap_value(h, i);
		ck_assert_int_eq(v.kind, i % 3 == 0 ? VK_NONE : VK_STR);
		ck_assert_uint_eq(v.text_len, i % 3 == 0 ? 0 : i);
		ck_assert_uint_eq(v.len, i % 3 == 0 ? VALUE_NO_LEN : i);
	}
	struct heap none = {.nobj = 1};
	ck_assert_int_eq(heap_value(&none, 0).kind, VK_NONE);
	memsink_free(m);
}
END_TEST

Suite *suite_value(void);

Suite *
suite_value(void)
{
	Suite *s = suite_create("value");
	TCase *t = tcase_create("value");

	tcase_add_test(t, put);
	tcase_add_test(t, get);
	tcase_add_test(t, get_cut);
	tcase_add_test(t, get_malformed);
	tcase_add_test(t, get_any);
	tcase_add_test(t, of_objects);
	suite_add_tcase(s, t);
	return s;
}
