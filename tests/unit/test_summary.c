/*
 * summary_compute on heaps small enough to count by hand, and on random ones against a
 * count that is as slow and plain as can be.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"

#include "memsink.h"

Suite *suite_summary(void);

/* Two classes with instance dictionaries, a plain dict, strings. */
struct fixture {
	struct memsink *m;
	uint32_t dict, str, foo, bar;
};

static struct fixture
fixture_new(void)
{
	struct fixture f = {.m = memsink_new()};

	f.dict = memsink_add_type(f.m, "builtins", "dict");
	f.str = memsink_add_type(f.m, "builtins", "str");
	f.foo = memsink_add_type(f.m, "app", "Foo");
	f.bar = memsink_add_type(f.m, "app.sub", "Bar");

	objid foo1 = memsink_add_obj(f.m, f.foo, 0x1000, 48);
	memsink_add_ref(f.m, foo1 + 3, RK_DICT, 0);
	memsink_add_obj(f.m, f.foo, 0x1100, 48);
	memsink_add_ref(f.m, foo1 + 4, RK_DICT, 0);
	memsink_add_obj(f.m, f.bar, 0x1200, 64);
	memsink_add_ref(f.m, foo1 + 5, RK_DICT, 0);
	memsink_add_ref(f.m, foo1 + 6, RK_ATTR, 0);
	memsink_add_obj(f.m, f.dict, 0x2000, 104);  /* of Foo */
	memsink_add_obj(f.m, f.dict, 0x2100, 232);  /* of Foo */
	memsink_add_obj(f.m, f.dict, 0x2200, 1000); /* of Bar */
	memsink_add_obj(f.m, f.dict, 0x2300, 5000); /* an attribute: nobody's */
	memsink_add_obj(f.m, f.str, 0x3000, 50);
	memsink_add_obj(f.m, f.str, 0x3100, 0x180000000); /* over 32 bits */
	return f;
}

/* A summary together with what its kinds are. */
struct counted {
	struct kinds k;
	struct summary s;
};

static struct counted
compute(const struct fixture *f, enum kinds_by by, enum summary_sort sort)
{
	struct counted c;
	struct errbuf eb = {0};

	const struct heap *h = memsink_heap(f->m);
	ck_assert_int_eq(kinds_make(h, by, NULL, &c.k, &eb), MS_OK);
	summary_compute(h, &c.k, NULL, sort, &c.s);
	return c;
}

static void
counted_fini(struct counted *c)
{
	kinds_fini(&c->k);
	summary_fini(&c->s);
}

static const struct kind *
kind_of_row(const struct counted *c, size_t row)
{
	return &c->k.at[c->s.rows[row].kind];
}

static void
assert_row(const struct counted *c, size_t n, uint32_t type, uint32_t owner,
	uint64_t count, uint64_t size, uint64_t largest, objid largest_id)
{
	const struct summary_row *row = &c->s.rows[n];

	ck_assert_uint_eq(kind_of_row(c, n)->type, type);
	ck_assert_uint_eq(kind_of_row(c, n)->owner, owner);
	ck_assert_uint_eq(row->count, count);
	ck_assert_uint_eq(row->size, size);
	ck_assert_uint_eq(row->largest, largest);
	ck_assert_uint_eq(row->largest_id, largest_id);
}

START_TEST(by_type_and_size)
{
	struct fixture f = fixture_new();
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_SIZE);

	ck_assert_uint_eq(c.s.n, 6);
	ck_assert_uint_eq(c.s.count, 9);
	ck_assert_uint_eq(
		c.s.size, 48 + 48 + 64 + 104 + 232 + 1000 + 5000 + 50 + 0x180000000);
	assert_row(&c, 0, f.str, HEAP_NONE, 2, 0x180000000 + 50, 0x180000000, 8);
	assert_row(&c, 1, f.dict, HEAP_NONE, 1, 5000, 5000, 6);
	assert_row(&c, 2, f.dict, f.bar, 1, 1000, 1000, 5);
	assert_row(&c, 3, f.dict, f.foo, 2, 336, 232, 4);
	assert_row(&c, 4, f.foo, HEAP_NONE, 2, 96, 48, 0);
	assert_row(&c, 5, f.bar, HEAP_NONE, 1, 64, 64, 2);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

START_TEST(by_type_and_count)
{
	struct fixture f = fixture_new();
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_COUNT);

	/* Equal counts are in order of size. */
	ck_assert_uint_eq(kind_of_row(&c, 0)->type, f.str);
	ck_assert_uint_eq(kind_of_row(&c, 1)->owner, f.foo);
	ck_assert_uint_eq(kind_of_row(&c, 2)->type, f.foo);
	ck_assert_uint_eq(c.s.rows[3].size, 5000);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

START_TEST(by_module)
{
	struct fixture f = fixture_new();
	struct counted c = compute(&f, KINDS_MODULE, SUMMARY_BY_COUNT);
	const struct heap *h = memsink_heap(f.m);

	ck_assert_uint_eq(c.s.n, 3);
	/* Most objects first. */
	const char *const modules[] = {"builtins", "app", "app.sub"};
	const uint64_t counts[] = {6, 2, 1};
	for (size_t i = 0; i < 3; i++) {
		uint32_t name = (uint32_t)kind_of_row(&c, i)->n;
		ck_assert_str_eq(heap_str(h, name, NULL), modules[i]);
		ck_assert_uint_eq(c.s.rows[i].count, counts[i]);
	}
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

/* What is owned and not in the sizes counts, and moves its kind up; views count nothing.
 */
START_TEST(with_buffers)
{
	struct fixture f = fixture_new();
	const struct heap_sink *sink = memsink_sink(f.m);
	const struct heap_buffer some[] = {
		{.object = 0, .flags = BUFFER_OWNED, .owner = OBJID_NONE, .bytes = 700},
		{.object = 1,
			.flags = BUFFER_OWNED,
			.owner = OBJID_NONE,
			.bytes = 1 << 20},
		{.object = 2, .flags = BUFFER_VIEW, .owner = 1, .length = 1 << 20},
		{.object = 6,
			.flags = BUFFER_OWNED | BUFFER_IN_SIZE,
			.owner = OBJID_NONE,
			.bytes = 4800},
		{.object = 7,
			.flags = BUFFER_OWNED | BUFFER_MAPPED,
			.owner = OBJID_NONE,
			.bytes = 4096},
	};

	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		ck_assert_int_eq(sink->buffer(sink->self, &some[i]), MS_OK);
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_SIZE);
	ck_assert_uint_eq(c.s.buffers, 700 + (1 << 20) + 4096);
	ck_assert_uint_eq(kind_of_row(&c, 0)->type, f.str);
	ck_assert_uint_eq(c.s.rows[0].buffers, 4096);
	assert_row(&c, 1, f.foo, HEAP_NONE, 2, 96, 48, 0);
	ck_assert_uint_eq(c.s.rows[1].buffers, 700 + (1 << 20));
	for (size_t i = 2; i < c.s.n; i++)
		ck_assert_uint_eq(c.s.rows[i].buffers, 0);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

START_TEST(empty_heap)
{
	struct fixture f = {.m = memsink_new()};
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_SIZE);

	ck_assert_uint_eq(c.s.n, 0);
	ck_assert_uint_eq(c.s.size, 0);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

/* The first object that names a dict as its own decides, whatever comes later. */
START_TEST(first_owner_wins)
{
	struct fixture f = {.m = memsink_new()};
	uint32_t dict = memsink_add_type(f.m, "builtins", "dict");
	uint32_t a = memsink_add_type(f.m, "m", "A"), b = memsink_add_type(f.m, "m", "B");

	memsink_add_obj(f.m, a, 0x1000, 10);
	memsink_add_ref(f.m, 2, RK_DICT, 0);
	memsink_add_obj(f.m, b, 0x2000, 10);
	memsink_add_ref(f.m, 2, RK_DICT, 0);
	memsink_add_obj(f.m, dict, 0x3000, 100);
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_SIZE);
	ck_assert_uint_eq(c.s.n, 3);
	ck_assert_uint_eq(kind_of_row(&c, 0)->owner, a);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

/* Count and size of one kind, by looking at every object for every object. */
static void
count_slowly(const struct heap *h, uint32_t type, uint32_t owner, uint64_t *count,
	uint64_t *size)
{
	*count = *size = 0;
	for (objid i = 0; i < h->nobj; i++) {
		uint32_t found = HEAP_NONE;
		for (objid from = 0; from < h->nobj && found == HEAP_NONE; from++)
			for (uint64_t r = h->first[from]; r < h->first[from + 1]; r++)
				if (h->to[r] == i && ref_kind(h->label[r]) == RK_DICT &&
					found == HEAP_NONE)
					found = h->type[from];
		if (h->type[i] != type || found != owner)
			continue;
		(*count)++;
		*size += h->size32[i];
	}
}

START_TEST(random_heaps)
{
	srand((unsigned)_i + 1);
	struct fixture f = {.m = memsink_new()};
	enum { N_TYPES = 5, N_OBJS = 40 };
	for (int t = 0; t < N_TYPES; t++) {
		char name[16];
		snprintf(name, sizeof(name), "T%d", t);
		memsink_add_type(f.m, "m", name);
	}
	for (unsigned i = 0; i < N_OBJS; i++) {
		memsink_add_obj(f.m, (uint32_t)rand() % N_TYPES, 0x1000 + 64 * i,
			(uint64_t)rand() % 1000);
		for (int r = rand() % 4; r > 0; r--)
			memsink_add_ref(f.m, (objid)rand() % N_OBJS,
				rand() % 3 == 0 ? RK_DICT : RK_ATTR, 0);
	}
	struct counted c = compute(&f, KINDS_OWNER, SUMMARY_BY_SIZE);
	const struct heap *h = memsink_heap(f.m);
	uint64_t total = 0;
	for (size_t k = 0; k < c.s.n; k++) {
		uint64_t count, size;
		count_slowly(h, kind_of_row(&c, k)->type, kind_of_row(&c, k)->owner,
			&count, &size);
		ck_assert_uint_eq(c.s.rows[k].count, count);
		ck_assert_uint_eq(c.s.rows[k].size, size);
		ck_assert(k == 0 || c.s.rows[k - 1].size >= c.s.rows[k].size);
		total += c.s.rows[k].count;
	}
	ck_assert_uint_eq(total, N_OBJS);
	counted_fini(&c);
	memsink_free(f.m);
}
END_TEST

Suite *
suite_summary(void)
{
	Suite *s = suite_create("summary");
	TCase *tc = tcase_create("summary");

	tcase_add_test(tc, by_type_and_size);
	tcase_add_test(tc, by_type_and_count);
	tcase_add_test(tc, by_module);
	tcase_add_test(tc, with_buffers);
	tcase_add_test(tc, empty_heap);
	tcase_add_test(tc, first_owner_wins);
	tcase_add_loop_test(tc, random_heaps, 0, 20);
	suite_add_tcase(s, tc);
	return s;
}
