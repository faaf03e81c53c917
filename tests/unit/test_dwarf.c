/*
 * Struct layouts out of this program's own DWARF, compared with what the compiler says of
 * them by offsetof and sizeof. The tests are built with -g in every variant.
 */
#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/elf.h"
#include "memscan/mem.h"

/* Shapes as CPython has them: named like nothing else in the program. */
struct dwt_head {
	uint64_t next, prev;
};

struct dwt_inner {
	uint16_t a;
	struct {
		uint8_t b0;
		union {
			uint32_t as_int;
			float as_float;
			struct {
				uint8_t low, high;
			};
		};
	};
	struct dwt_head generations[3];
	struct dwt_head *heads[7];
};

struct dwt_bits {
	uint8_t before;
	unsigned int interned : 2;
	unsigned int kind : 3;
	unsigned int compact : 1;
	unsigned int far : 20;
	uint8_t plain;
	uint64_t long_one : 40;
	uint64_t long_two : 20;
};

typedef struct {
	const volatile struct dwt_inner gc;
	struct dwt_bits state;
	char matrix[4][5][6];
	struct dwt_head tail[];
} dwt_object;

typedef dwt_object dwt_alias;
typedef uint32_t dwt_number;

union dwt_union {
	uint64_t word;
	struct dwt_head head;
};

struct dwt_opaque;

/* What makes the compiler describe them all. */
struct dwt_user {
	dwt_object *object;
	dwt_alias *alias;
	dwt_number number;
	union dwt_union either;
	struct dwt_opaque *opaque;
};
extern struct dwt_user dwt_user;
struct dwt_user dwt_user;

#define MEMBER(type, member)                                                             \
	{                                                                                \
#type, #member, offsetof(type, member), sizeof(((type *)NULL)->member),  \
		        0, 0                                                             \
	}
#define MEMBER_AS(name, type, member)                                                    \
	{                                                                                \
		name, #member, offsetof(type, member), sizeof(((type *)NULL)->member),   \
		        0, 0                                                             \
	}
#define ARRAY(type, member)                                                              \
	{                                                                                \
#type, #member, offsetof(type, member), sizeof(((type *)NULL)->member),  \
		        sizeof(((type *)NULL)->member[0]),                               \
		        ARRAY_LEN(((type *)NULL)->member)                                \
	}
#define SIZE(name, type)                                                                 \
	{                                                                                \
		name, NULL, 0, sizeof(type), 0, 0                                        \
	}

static const struct {
	const char *type, *member;
	uint64_t offset, size, stride, count;
} rows[] = {
        SIZE("dwt_head", struct dwt_head),
        SIZE("dwt_object", dwt_object),
        SIZE("dwt_alias", dwt_alias),
        SIZE("dwt_number", dwt_number),
        SIZE("dwt_union", union dwt_union),
        SIZE("dwt_bits", struct dwt_bits),
        MEMBER_AS("dwt_head", struct dwt_head, next),
        MEMBER_AS("dwt_head", struct dwt_head, prev),
        MEMBER_AS("dwt_inner", struct dwt_inner, b0),
        MEMBER_AS("dwt_inner", struct dwt_inner, as_int),
        MEMBER_AS("dwt_inner", struct dwt_inner, as_float),
        MEMBER_AS("dwt_inner", struct dwt_inner, low),
        MEMBER_AS("dwt_inner", struct dwt_inner, high),
        MEMBER_AS("dwt_inner", struct dwt_inner, generations[1]),
        MEMBER_AS("dwt_inner", struct dwt_inner, generations[2].prev),
        MEMBER_AS("dwt_inner", struct dwt_inner, heads[6]),
        MEMBER(dwt_object, gc),
        MEMBER(dwt_object, gc.a),
        MEMBER(dwt_object, gc.high),
        MEMBER(dwt_object, gc.generations[0].prev),
        MEMBER(dwt_alias, gc.generations[2].next),
        MEMBER(dwt_object, state),
        MEMBER(dwt_object, state.plain),
        MEMBER(dwt_object, matrix[3][2][1]),
        ARRAY(dwt_object, gc.generations),
        ARRAY(dwt_object, gc.heads),
        ARRAY(dwt_object, matrix),
        ARRAY(dwt_object, matrix[2]),
        ARRAY(dwt_object, matrix[3][4]),
        MEMBER_AS("dwt_union", union dwt_union, word),
        MEMBER_AS("dwt_union", union dwt_union, head.prev),
        {"dwt_object", "tail", offsetof(dwt_object, tail), 0, sizeof(struct dwt_head), 0},
        {"dwt_object", "tail[3].prev",
         offsetof(dwt_object, tail) + 3 * sizeof(struct dwt_head) + 8, 8, 0, 0},
};

static struct modules *
open_self(void)
{
	struct errbuf eb = {0};
	struct modules *ms;

	ck_assert_msg(elf_open_file("/proc/self/exe", &ms, &eb) == MS_OK, "%s", eb.msg);
	return ms;
}

static void
resolve(struct dwarf_query *q, size_t n)
{
	struct errbuf eb = {0};
	struct modules *ms = open_self();

	dwt_user.number++;
	ck_assert_msg(dwarf_resolve(modules_at(ms, 0), q, n, &eb) == MS_OK, "%s", eb.msg);
	modules_free(ms);
}

START_TEST(test_members)
{
	struct dwarf_query q[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		q[i] = (struct dwarf_query){.type = rows[i].type,
		                            .member = rows[i].member};
	resolve(q, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *member = rows[i].member != NULL ? rows[i].member : "";
		ck_assert_msg(q[i].found, "%s.%s not found", rows[i].type, member);
		ck_assert_msg(
		        q[i].offset == rows[i].offset && q[i].size == rows[i].size &&
		                q[i].stride == rows[i].stride &&
		                q[i].count == rows[i].count,
		        "%s.%s: offset %lu size %lu stride %lu count %lu", rows[i].type,
		        member, q[i].offset, q[i].size, q[i].stride, q[i].count);
		ck_assert_uint_eq(q[i].bit_width, 0);
	}
}
END_TEST

/* Read a bit-field as the answer says it lies. */
static uint64_t
extract(const struct dwarf_query *q, const void *object)
{
	uint64_t v = 0;
	memcpy(&v, (const char *)object + q->offset, q->size);
	return v >> q->bit_first & ((1ULL << q->bit_width) - 1);
}

/* The answer is right if it finds what the compiler stored, and nothing else. */
START_TEST(test_bit_fields)
{
	struct dwarf_query q[] = {
	        {.type = "dwt_bits", .member = "interned"},
	        {.type = "dwt_bits", .member = "kind"},
	        {.type = "dwt_bits", .member = "compact"},
	        {.type = "dwt_bits", .member = "far"},
	        {.type = "dwt_bits", .member = "long_one"},
	        {.type = "dwt_bits", .member = "long_two"},
	};
	static const uint8_t widths[] = {2, 3, 1, 20, 40, 20};

	resolve(q, ARRAY_LEN(q));
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		ck_assert(q[i].found);
		ck_assert_uint_eq(q[i].bit_width, widths[i]);
		ck_assert_uint_le(q[i].offset + q[i].size, sizeof(struct dwt_bits));
	}
	struct dwt_bits ones = {.interned = 3, .kind = 7, .compact = 1, .far = 0xfffff,
	                        .long_one = 0xffffffffff, .long_two = 0xfffff};
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		struct dwt_bits some = {.before = 0};
		ck_assert_uint_eq(extract(&q[i], &some), 0);
		ck_assert_uint_eq(extract(&q[i], &ones), (1ULL << widths[i]) - 1);
	}
	struct dwt_bits v = {.interned = 2, .kind = 5, .compact = 0, .far = 0x12345,
	                     .long_one = 0x123456789a, .long_two = 0xabcde};
	ck_assert_uint_eq(extract(&q[0], &v), 2);
	ck_assert_uint_eq(extract(&q[1], &v), 5);
	ck_assert_uint_eq(extract(&q[2], &v), 0);
	ck_assert_uint_eq(extract(&q[3], &v), 0x12345);
	ck_assert_uint_eq(extract(&q[4], &v), 0x123456789a);
	ck_assert_uint_eq(extract(&q[5], &v), 0xabcde);
}
END_TEST

START_TEST(test_not_found)
{
	struct dwarf_query q[] = {
		{.type = "dwt_no_such_type"},
		{.type = "dwt_opaque"},
		{.type = "dwt_head", .member = "nothing"},
		{.type = "dwt_head", .member = "next.more"},
		{.type = "dwt_head", .member = "next[0]"},
		{.type = "dwt_head", .member = ""},
		{.type = "dwt_inner", .member = "generations[3]"},
		{.type = "dwt_inner", .member = "generations[x]"},
		{.type = "dwt_inner", .member = "generations["},
		{.type = "dwt_inner", .member = "generations[1"},
		{.type = "dwt_inner", .member = "generations.next"},
		{.type = "dwt_inner", .member = "generations[99999999999999999999]"},
		{.type = "dwt_inner", .member = ".."},
		{.type = "dwt_object", .member = "matrix[0][5]"},
		{.type = "dwt_object", .member = "matrix[0][0][0][0]"},
		{.type = "", .member = "x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(q); i++)
		q[i].found = true;
	resolve(q, ARRAY_LEN(q));
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		/* An empty path is the type itself. */
		bool is_whole = q[i].member != NULL && *q[i].member == '\0';
		ck_assert_msg(q[i].found == is_whole, "%s.%s", q[i].type,
		              q[i].member ? q[i].member : "");
	}
}
END_TEST

/* The same questions many times over, in one call, and a second call on the same module.
 */
START_TEST(test_many_questions)
{
	enum { N = 5000 };
	struct errbuf eb = {0};
	struct modules *ms = open_self();
	CLEAN_FREE struct dwarf_query *q = calloc(N, sizeof(*q));

	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < N; i++)
			q[i] = (struct dwarf_query){.type = i % 2 ? "dwt_head"
			                                          : "dwt_alias",
			                            .member = i % 2 ? "prev" : NULL};
		ck_assert_int_eq(dwarf_resolve(modules_at(ms, 0), q, N, &eb), MS_OK);
		for (size_t i = 0; i < N; i++) {
			ck_assert(q[i].found);
			ck_assert_uint_eq(i % 2 ? q[i].offset : q[i].size,
			                  i % 2 ? 8 : sizeof(dwt_object));
		}
	}
	ck_assert_int_eq(dwarf_resolve(modules_at(ms, 0), q, 0, &eb), MS_OK);
	modules_free(ms);
}
END_TEST

Suite *suite_dwarf(void);

Suite *
suite_dwarf(void)
{
	Suite *s = suite_create("dwarf");
	TCase *tc = tcase_create("self");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_members);
	tcase_add_test(tc, test_bit_fields);
	tcase_add_test(tc, test_not_found);
	tcase_add_test(tc, test_many_questions);
	suite_add_tcase(s, tc);
	return s;
}
