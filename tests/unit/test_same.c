/*
 * Two heaps that are alike but for one thing: the object that it is of is not the same,
 * and all others are. Ids of objects, strings and types, and reference counts, differ anyway.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/mem.h"

#include "memsink.h"

Suite *suite_same(void);

enum { N = 6, AT = 0x1000 };

/* What one of the objects is. */
struct what {
	taddr addr;
	const char *type;
	uint64_t size;
	const char *text; /* its value, or NULL */
	bool is_cut;
	uint64_t digest;  /* 0: none */
	unsigned n_refs;  /* to the objects before it */
	enum ref_kind kind;
	const char *name; /* of a reference that has one */
	uint64_t index;
	uint64_t buffer;  /* bytes of it, or 0 */
};

/* The number of the object that differs. */
enum { DIFFERENT = 4 };

static const struct what plain = {
	.addr = AT + DIFFERENT * 16,
	.type = "Thing",
	.size = 100,
	.text = "some text",
	.is_cut = true,
	.digest = 77,
	.n_refs = 2,
	.kind = RK_ATTR,
	.name = "name",
	.buffer = 64,
};

static struct what
usual(unsigned i)
{
	struct what w = plain;

	w.addr = AT + i * 16;
	w.n_refs = i < 2 ? i : 2;
	return w;
}

static enum status
put_note(struct heap_sink *sink, objid i, uint64_t digest)
{
	struct heap_note n = {.object = i, .kind = NOTE_DIGEST, .n = digest};
	return digest != 0 ? sink->note(sink->self, &n) : MS_OK;
}

static enum status
put_buffer(struct heap_sink *sink, objid i, uint64_t bytes)
{
	struct heap_buffer b = {.object = i,
		.flags = BUFFER_OWNED,
		.owner = OBJID_NONE,
		.addr = 0x900000,
		.bytes = bytes,
		.length = bytes};
	return bytes != 0 ? sink->buffer(sink->self, &b) : MS_OK;
}

static void
put_type(struct memsink *m, const char *name)
{
	struct heap_sink *sink = memsink_sink(m);
	/* The last letter says where it is. */
	struct heap_type t = {.addr = 0x5000 + (taddr)(name[strlen(name) - 1]) * 16,
		.name = memsink_str(m, name),
		.module = memsink_str(m, "app")};

	ck_assert_int_eq(sink->type(sink->self, &t), MS_OK);
}

static void
put(struct memsink *m, const struct what *w, objid i, const objid *id_of, unsigned number)
{
	struct heap_sink *sink = memsink_sink(m);
	struct heap_obj o = {.addr = w->addr, .size = w->size, .refcount = 1 + i};
	size_t len = w->text != NULL ? strlen(w->text) : 0;

	o.value = (struct heap_value){.kind = w->text != NULL ? VK_STR : VK_NONE,
		.cut = w->is_cut,
		.len = w->text != NULL ? len + 100 * w->is_cut : VALUE_NO_LEN,
		.text = w->text,
		.text_len = len};
	/* Each has its own, of the same number. */
	put_type(m, w->type);
	o.type = i;
	uint64_t payload = w->name != NULL ? memsink_str(m, w->name) : w->index;
	ck_assert_int_eq(sink->object(sink->self, &o), MS_OK);
	for (unsigned k = 0; k < w->n_refs; k++)
		memsink_add_ref(m, id_of[number - 1 - k], w->kind, payload);
	ck_assert_int_eq(put_note(sink, i, w->digest), MS_OK);
	ck_assert_int_eq(put_buffer(sink, i, w->buffer), MS_OK);
}

/* A heap in which one object is as said; with others and strings in front of all in the second one. */
static struct memsink *
make(const struct what *odd, bool is_second)
{
	struct memsink *m = memsink_new();
	objid id_of[N];
	objid i = 0;

	if (is_second) {
		put_type(m, "Other");
		memsink_str(m, "in front of all");
		memsink_add_obj(m, 0, 0x100, 8);
		i++;
	}
	for (unsigned k = 0; k < N; k++, i++) {
		struct what w = k == DIFFERENT ? *odd : usual(k);
		id_of[k] = i;
		put(m, &w, i, id_of, k);
	}
	return m;
}

/* Which objects of a heap with `a` are in one with `b`, too; by number. */
static unsigned
same_of(const struct what *a, const struct what *b)
{
	CLEAN(bitset_fini) struct bitset found = {0};
	struct memsink *x = make(a, false), *y = make(b, true);
	struct errbuf eb = {0};
	unsigned ret = 0;

	ck_assert_int_eq(same_compute(memsink_heap(x), memsink_heap(y), &found, &eb), MS_OK);
	for (unsigned k = 0; k < N; k++)
		ret |= bitset_has(&found, k) ? 1u << k : 0;
	memsink_free(x);
	memsink_free(y);
	return ret;
}

enum { ALL = (1 << N) - 1, BUT_ONE = ALL & ~(1 << DIFFERENT) };

START_TEST(all_the_same)
{
	struct what w = plain;

	ck_assert_uint_eq(same_of(&w, &w), ALL);
	/* A payload that is no name is compared as it is. */
	w.kind = RK_INDEX;
	w.name = NULL;
	w.index = 3;
	ck_assert_uint_eq(same_of(&w, &w), ALL);
	w.digest = w.buffer = w.n_refs = 0;
	w.text = NULL;
	ck_assert_uint_eq(same_of(&w, &w), ALL);
}
END_TEST

/* Change one thing at a time. */
START_TEST(one_differs)
{
	struct what w[] = {plain, plain, plain, plain, plain, plain, plain, plain, plain, plain};

	w[0].type = "Thinh";
	w[1].size = 101;
	w[2].text = "some texT";
	w[3].text = "some longer text";
	w[4].digest = 78;
	w[5].n_refs = 1;
	w[6].name = "nama";
	w[7].kind = RK_SLOT;
	w[8].buffer = 65;
	w[9].buffer = 0;
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		ck_assert_msg(same_of(&plain, &w[i]) == BUT_ONE, "change %zu", i);
		ck_assert_msg(same_of(&w[i], &plain) == BUT_ONE, "change %zu back", i);
	}
}
END_TEST

START_TEST(index_differs)
{
	struct what a = plain, b;

	a.kind = RK_INDEX;
	a.name = NULL;
	b = a;
	b.index = 1;
	ck_assert_uint_eq(same_of(&a, &b), BUT_ONE);
}
END_TEST

/* Elsewhere it is another one, and so are those that refer to it. */
START_TEST(address_differs)
{
	struct what b = plain;

	b.addr += 8;
	ck_assert_uint_eq(same_of(&plain, &b), BUT_ONE & ~(1 << (DIFFERENT + 1)));
}
END_TEST

/* Of less of a value no more can be compared. */
START_TEST(shorter_values)
{
	struct what b = plain;

	b.text = NULL;
	b.digest = 0;
	ck_assert_uint_eq(same_of(&plain, &b), ALL);
	b = plain;
	b.digest = 0;
	ck_assert_uint_eq(same_of(&plain, &b), ALL);
}
END_TEST

Suite *
suite_same(void)
{
	Suite *s = suite_create("same");
	TCase *t = tcase_create("same");

	tcase_add_test(t, all_the_same);
	tcase_add_test(t, one_differs);
	tcase_add_test(t, index_differs);
	tcase_add_test(t, address_differs);
	tcase_add_test(t, shorter_values);
	suite_add_tcase(s, t);
	return s;
}
