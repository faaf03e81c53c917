/*
 * threads_compute and frame_locals on a heap made by hand: whose is each frame, which
 * variables it has, what the thread is called.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"

#include "memsink.h"

Suite *suite_threads(void);

static void
add_thread(struct memsink *m, uint64_t ident, uint64_t native_id, uint32_t interp)
{
	struct heap_sink *s = memsink_sink(m);
	struct heap_thread t = {.ident = ident, .native_id = native_id, .interp = interp};
	ck_assert_int_eq(s->thread(s->self, &t), MS_OK);
}

static void
add_frame(struct memsink *m, uint32_t thread, uint32_t line)
{
	struct heap_sink *s = memsink_sink(m);
	struct heap_frame f = {.thread = thread, .code = OBJID_NONE, .line = line};
	ck_assert_int_eq(s->frame(s->self, &f), MS_OK);
}

static void
add_root(struct memsink *m, objid to, enum root_kind kind, const char *name,
	uint32_t frame, uint32_t interp)
{
	struct heap_sink *s = memsink_sink(m);
	struct heap_root r = {.to = to,
		.kind = kind,
		.name = memsink_str(m, name),
		.thread = HEAP_NONE,
		.frame = frame,
		.interp = interp};
	ck_assert_int_eq(s->root(s->self, &r), MS_OK);
}

enum {
	MODULE,
	MODULE_DICT,
	ACTIVE_KEY,
	ACTIVE,
	IDENT,
	THREAD,
	NATIVE,
	NAME,
	CELL,
	EMPTY,
	INSIDE,
	SPACE
};

/* A module threading whose _active has the thread 1000, and things for variables to be.
 */
static struct memsink *
make_heap(void)
{
	struct memsink *m = memsink_new();
	uint32_t any = memsink_add_type(m, "builtins", "object");
	uint32_t cell = memsink_add_type(m, "builtins", "cell");
	uint32_t name = memsink_str(m, "_name"), native = memsink_str(m, "_native_id");

	memsink_add_obj(m, any, 0x1000, 16);
	memsink_add_ref(m, MODULE_DICT, RK_DICT, 0);
	memsink_add_obj(m, any, 0x1010, 16);
	memsink_add_ref(m, ACTIVE_KEY, RK_KEY, 0);
	memsink_add_ref(m, ACTIVE, RK_VALUE, 0);
	memsink_add_value(m, any, 0x1020, 16, VK_STR, "_active");
	memsink_add_obj(m, any, 0x1030, 16);
	memsink_add_ref(m, IDENT, RK_KEY, 0);
	memsink_add_ref(m, THREAD, RK_VALUE, 0);
	memsink_add_value(m, any, 0x1040, 16, VK_INT, "1000");
	memsink_add_obj(m, any, 0x1050, 16);
	memsink_add_ref(m, NATIVE, RK_ATTR, native);
	memsink_add_ref(m, NAME, RK_ATTR, name);
	memsink_add_value(m, any, 0x1060, 16, VK_INT, "77");
	memsink_add_value(m, any, 0x1070, 16, VK_STR, "worker");
	memsink_add_obj(m, cell, 0x1080, 16);
	memsink_add_ref(m, INSIDE, RK_CELL, 0);
	memsink_add_obj(m, cell, 0x1090, 16);
	memsink_add_value(m, any, 0x10a0, 16, VK_INT, "5");
	memsink_add_obj(m, any, 0x10b0, 16);
	memsink_add_ref(m, NAME, RK_KEY, 0);
	memsink_add_ref(m, INSIDE, RK_VALUE, 0);
	memsink_add_ref(m, NAME, RK_ATTR, name);
	add_thread(m, 1000, 0, 0);
	add_thread(m, 2000, 9, 0);
	add_thread(m, 1000, 0, 1);
	add_frame(m, 0, 10);
	add_frame(m, 2, 30);
	add_frame(m, 0, 11);
	return m;
}

START_TEST(frames_and_names)
{
	struct memsink *m = make_heap();
	struct heap_sink *s = memsink_sink(m);
	struct threads t;

	add_root(m, MODULE, ROOT_MODULE, "threading", HEAP_NONE, 0);
	ck_assert_int_eq(s->meta(s->self, "gil_holders", "1 2 99"), MS_OK);
	threads_compute(memsink_heap(m), &t);
	ck_assert_uint_eq(t.rows[0].n, 2);
	ck_assert_uint_eq(t.order[t.rows[0].first], 0);
	ck_assert_uint_eq(t.order[t.rows[0].first + 1], 2);
	ck_assert_uint_eq(t.rows[1].n, 0);
	ck_assert_uint_eq(t.order[t.rows[2].first], 1);
	ck_assert_uint_eq(t.rows[0].name, NAME);
	ck_assert_uint_eq(t.rows[0].native_id, 77);
	ck_assert_uint_eq(t.rows[1].name, OBJID_NONE);
	ck_assert_uint_eq(t.rows[1].native_id, 9);
	/* The same ident in another interpreter is not of this module. */
	ck_assert_uint_eq(t.rows[2].name, OBJID_NONE);
	ck_assert(t.knows_gil && !t.rows[0].holds_gil && t.rows[1].holds_gil &&
		t.rows[2].holds_gil);
	threads_fini(&t);
	memsink_free(m);
}
END_TEST

struct seen {
	const struct heap *h;
	char text[256];
	unsigned left;
};

static bool
note(void *self, const struct frame_local *l)
{
	struct seen *s = self;
	size_t n = strlen(s->text);
	struct heap_value key =
		l->key != OBJID_NONE ? heap_value(s->h, l->key) : (struct heap_value){0};

	snprintf(s->text + n, sizeof(s->text) - n, "%s%.*s=%u ",
		heap_str(s->h, l->name, NULL), (int)key.text_len,
		key.text_len > 0 ? key.text : "", l->value);
	return --s->left > 0;
}

static const char *
locals_of(struct seen *s, const struct threads *t, uint32_t frame, unsigned most)
{
	s->text[0] = '\0';
	s->left = most;
	frame_locals(s->h, t, frame, note, s);
	return s->text;
}

START_TEST(variables)
{
	struct memsink *m = make_heap();
	struct threads t;

	add_root(m, NAME, ROOT_LOCAL, "x", 2, 0);
	add_root(m, SPACE, ROOT_FRAME, "f_locals", 1, 0);
	add_root(m, EMPTY, ROOT_LOCAL, "unset", 2, 0);
	add_root(m, CELL, ROOT_LOCAL, "shared", 2, 0);
	add_root(m, NAME, ROOT_STACK, "", 2, 0);
	add_root(m, SPACE, ROOT_FRAME, "copy of f_locals", 2, 0);
	add_root(m, SPACE, ROOT_FRAME, "f_globals", 1, 0);
	struct seen s = {.h = memsink_heap(m)};
	threads_compute(s.h, &t);
	ck_assert_str_eq(locals_of(&s, &t, 0, 9), "");
	ck_assert_str_eq(locals_of(&s, &t, 1, 9), "worker=10 ");
	ck_assert_str_eq(locals_of(&s, &t, 2, 9), "x=7 shared=10 ");
	ck_assert_str_eq(locals_of(&s, &t, 2, 1), "x=7 ");
	ck_assert(!t.knows_gil);
	threads_fini(&t);
	memsink_free(m);
}
END_TEST

START_TEST(nothing)
{
	struct memsink *m = memsink_new();
	struct threads t;

	threads_compute(memsink_heap(m), &t);
	threads_fini(&t);
	memsink_free(m);
}
END_TEST

Suite *
suite_threads(void)
{
	Suite *s = suite_create("threads");
	TCase *t = tcase_create("threads");

	tcase_add_test(t, frames_and_names);
	tcase_add_test(t, variables);
	tcase_add_test(t, nothing);
	suite_add_tcase(s, t);
	return s;
}
