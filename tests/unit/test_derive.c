/*
 * Strategies from presence. The combinations are those of real releases, as their debug
 * information shows them; the answers are what each release's source does.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "layout/priv.h"
#include "memscan/mem.h"

Suite *suite_derive(void);

enum { FIELDS_MAX = 24 };
#define LAST PYF_COUNT

/* Fields shared by 3.11 and everything near it. */
#define OBJECTS_311 PYF_KEYS_LOG2_SIZE, PYF_KEYS_LOG2_INDEX, PYF_VALUES_VALUES
#define IFRAMES PYF_IFRAME_PREVIOUS

static const struct release {
	const char *name;
	enum pyf fields[FIELDS_MAX]; /* ends with LAST */
	uint64_t values_off;         /* of PyDictValues.values */
	bool has_dict_or_values;     /* the union of 3.12 */
	const char *refusal;         /* the axis that is refused, or NULL */
	enum gc_home gc_home;
	enum keys_size keys_size;
	enum attr_home attr_home;
	enum int_form int_form;
	enum frame_chain frame_chain;
} releases[] = {
	{"3.6", {PYF_GC_GENERATION0, PYF_KEYS_SIZE, PYF_INT_DIGITS, PYF_TSTATE_FRAME,
		PYF_INTERP_TSTATE_HEAD, PYF_INTERP_MODULES, LAST},
		.refusal = "gc.generations"},
	{"3.8", {PYF_RUNTIME_GC, PYF_GC_GENERATIONS, PYF_KEYS_SIZE, PYF_INT_DIGITS,
		PYF_TSTATE_FRAME, PYF_INTERP_TSTATE_HEAD, PYF_INTERP_MODULES, LAST},
		0, false, NULL, GC_HOME_RUNTIME, KEYS_SIZE_WORD, ATTR_DICTOFFSET,
		INT_OB_SIZE, FRAMES_LINKED},
	{"3.9", {PYF_INTERP_GC, PYF_GC_GENERATIONS, PYF_KEYS_SIZE, PYF_INT_DIGITS,
		PYF_TSTATE_FRAME, PYF_INTERP_TSTATE_HEAD, PYF_INTERP_MODULES, LAST},
		0, false, NULL, GC_HOME_INTERP, KEYS_SIZE_WORD, ATTR_DICTOFFSET,
		INT_OB_SIZE, FRAMES_LINKED},
	/* 3.10 has a cframe, and frames that hang off tstate->frame. */
	{"3.10", {PYF_INTERP_GC, PYF_GC_GENERATIONS, PYF_KEYS_SIZE, PYF_INT_DIGITS,
		PYF_TSTATE_FRAME, PYF_TSTATE_CFRAME, PYF_INTERP_TSTATE_HEAD,
		PYF_INTERP_MODULES, LAST},
		0, false, NULL, GC_HOME_INTERP, KEYS_SIZE_WORD, ATTR_DICTOFFSET,
		INT_OB_SIZE, FRAMES_LINKED},
	{"3.11", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_DIGITS, IFRAMES,
		PYF_TSTATE_CFRAME, PYF_CFRAME_CURRENT, PYF_INTERP_THREADS_HEAD,
		PYF_INTERP_MODULES, LAST},
		0, false, NULL, GC_HOME_INTERP, KEYS_LOG2, ATTR_PREHEADER_311,
		INT_OB_SIZE, FRAMES_CFRAME},
	{"3.12", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_TAG,
		PYF_INT_TAG_DIGITS, IFRAMES, PYF_TSTATE_CFRAME, PYF_CFRAME_CURRENT,
		PYF_INTERP_THREADS_HEAD, PYF_INTERP_IMPORTS_MODULES, LAST},
		0, true, NULL, GC_HOME_INTERP, KEYS_LOG2, ATTR_TAGGED_312, INT_LV_TAG,
		FRAMES_CFRAME},
	{"3.13", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_VALUES_EMBEDDED,
		PYF_INT_TAG, PYF_INT_TAG_DIGITS, IFRAMES, PYF_TSTATE_CURRENT_FRAME,
		PYF_INTERP_THREADS_HEAD, PYF_INTERP_IMPORTS_MODULES, LAST},
		8, false, NULL, GC_HOME_INTERP, KEYS_LOG2, ATTR_INLINE_313, INT_LV_TAG,
		FRAMES_TSTATE},
	/* The incremental collector of 3.14.0: a young and two old heads. */
	{"3.14.0", {PYF_INTERP_GC, PYF_GC_YOUNG, PYF_GC_OLD, OBJECTS_311,
		PYF_VALUES_EMBEDDED, PYF_INT_TAG, PYF_INT_TAG_DIGITS, IFRAMES,
		PYF_TSTATE_CURRENT_FRAME, PYF_INTERP_THREADS_HEAD,
		PYF_INTERP_IMPORTS_MODULES, LAST},
		8, false, NULL, GC_HOME_INTERP, KEYS_LOG2, ATTR_INLINE_313, INT_LV_TAG,
		FRAMES_TSTATE},
	{"two homes", {PYF_INTERP_GC, PYF_RUNTIME_GC, PYF_GC_GENERATIONS, LAST},
		.refusal = "two strategies fit for the home of the collector"},
	{"two key sizes", {PYF_INTERP_GC, PYF_GC_GENERATIONS, PYF_KEYS_SIZE, OBJECTS_311,
		LAST},
		.refusal = "two strategies fit for the size of dict keys"},
	{"two int forms", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_DIGITS,
		PYF_INT_TAG, LAST},
		.refusal = "two strategies fit for the sign"},
	{"no frames", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_DIGITS,
		IFRAMES, LAST},
		.refusal = "no strategy fits for the frames"},
	{"two frame chains", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311,
		PYF_INT_DIGITS, IFRAMES, PYF_TSTATE_CFRAME, PYF_CFRAME_CURRENT,
		PYF_TSTATE_CURRENT_FRAME, LAST},
		.refusal = "two strategies fit for the frames"},
	{"no threads", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_DIGITS,
		IFRAMES, PYF_TSTATE_CURRENT_FRAME, PYF_INTERP_MODULES, LAST},
		.refusal = "no strategy fits for the list of threads"},
	{"no modules", {PYF_INTERP_GC, PYF_GC_GENERATIONS, OBJECTS_311, PYF_INT_DIGITS,
		IFRAMES, PYF_TSTATE_CURRENT_FRAME, PYF_INTERP_THREADS_HEAD, LAST},
		.refusal = "no strategy fits for the dict of modules"},
};

static void
layout_of(const struct release *r, struct layout *l)
{
	*l = (struct layout){.rows = rows_new()};
	snprintf(l->origin, sizeof(l->origin), "release %s", r->name);
	for (size_t i = 0; r->fields[i] != LAST; i++)
		l->f[r->fields[i]] = (struct layout_field){.size = 8, .present = true};
	/* Every release has it. */
	l->f[PYF_SIZEOF_GC_HEAD] = (struct layout_field){.size = 16, .present = true};
	l->f[PYF_VALUES_VALUES].off = r->values_off;
	if (r->has_dict_or_values) {
		struct layout_field f = {.size = 8};
		row_present(rows_find(l->rows, "PyDictOrValues", ""), &f, LS_DWARF);
	}
}

START_TEST(by_presence)
{
	const struct release *r = &releases[_i];
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	layout_of(r, &l);
	enum status st = layout_derive(&l, &eb);
	if (r->refusal != NULL) {
		ck_assert_msg(st == MS_VERSION, "%s: %s", r->name, status_name(st));
		ck_assert_msg(strstr(eb.msg, r->refusal) != NULL, "%s: %s", r->name,
			eb.msg);
		/* The message says whose offsets they are. */
		ck_assert_ptr_nonnull(strstr(eb.msg, r->name));
		return;
	}
	ck_assert_msg(st == MS_OK, "%s: %s", r->name, eb.msg);
	ck_assert_int_eq(l.gc_home, r->gc_home);
	bool is_incremental = layout_has(&l, PYF_GC_YOUNG);
	ck_assert_int_eq(l.gc_generation[0], GENERATION_YOUNG);
	ck_assert_int_eq(l.gc_generation[1], is_incremental ? GENERATION_OLD : GENERATION_MIDDLE);
	ck_assert_int_eq(l.gc_generation[2], GENERATION_OLD);
	ck_assert_int_eq(l.keys_size, r->keys_size);
	ck_assert_int_eq(l.attr_home, r->attr_home);
	ck_assert_int_eq(l.int_form, r->int_form);
	ck_assert_int_eq(l.frame_chain, r->frame_chain);
}
END_TEST

/* Of 32 bits the count has no half of its own: what came with immortal objects tells of them. */
START_TEST(immortals_of_32_bits)
{
	const struct release *r = &releases[_i];
	CLEAN(layout_fini) struct layout l = {0};
	struct errbuf eb = {0};

	if (r->refusal != NULL)
		return;
	layout_of(r, &l);
	l.machine.ptr_width = 4;
	ck_assert_int_eq(layout_derive(&l, &eb), MS_OK);
	bool is_new = r->attr_home == ATTR_TAGGED_312 || r->attr_home == ATTR_INLINE_313;
	ck_assert_msg(l.has_immortals == is_new, "%s", r->name);
}
END_TEST

Suite *
suite_derive(void)
{
	Suite *s = suite_create("derive");
	TCase *t = tcase_create("derive");

	tcase_add_loop_test(t, by_presence, 0, (int)ARRAY_LEN(releases));
	tcase_add_loop_test(t, immortals_of_32_bits, 0, (int)ARRAY_LEN(releases));
	suite_add_tcase(s, t);
	return s;
}
