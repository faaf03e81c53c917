/*
 * Divisions into kinds against their definitions, on random heaps: two objects are of one
 * kind if and only if what defines it is the same for both. And how kinds read.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/report.h"

#include "memsink.h"
#include "samples.h"

static bool
is_counted(uint32_t label)
{
	enum ref_kind kind = ref_kind(label);

	return kind != RK_WEAK && (kind != RK_TYPE || (label & REF_HIDDEN) == 0);
}

/* 1 + the type of the first object whose __dict__ it is, or 0. */
static uint32_t
owner_of(const struct heap *h, objid i)
{
	for (objid from = 0; from < h->nobj; from++)
		for (uint64_t r = h->first[from]; r < h->first[from + 1]; r++)
			if (h->to[r] == i && ref_kind(h->label[r]) == RK_DICT)
				return h->type[from] + 1;
	return 0;
}

static uint64_t
owner_kind(const struct heap *h, objid i)
{
	return (uint64_t)owner_of(h, i) << 32 | h->type[i];
}

/* Does anything of kind `want` refer to object i? */
static bool
is_held_by(const struct heap *h, objid i, uint64_t want)
{
	for (objid from = 0; from < h->nobj; from++)
		for (uint64_t r = h->first[from]; r < h->first[from + 1]; r++)
			if (h->to[r] == i && is_counted(h->label[r]) &&
				owner_kind(h, from) == want)
				return true;
	return false;
}

static bool
is_root_of(const struct heap *h, objid i, uint32_t kind)
{
	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].to == i && h->roots[k].kind == kind)
			return true;
	return false;
}

static bool
same_referrers(const struct heap *h, objid a, objid b)
{
	for (objid from = 0; from < h->nobj; from++) {
		uint64_t kind = owner_kind(h, from);
		if (is_held_by(h, a, kind) != is_held_by(h, b, kind))
			return false;
	}
	for (uint32_t k = 0; k < ROOT_COUNT; k++)
		if (k != ROOT_TRACKED && k != ROOT_INTERNED && k != ROOT_WORD &&
			is_root_of(h, a, k) != is_root_of(h, b, k))
			return false;
	return true;
}

static bool
same_value(const struct heap *h, objid a, objid b)
{
	struct heap_value x = heap_value(h, a), y = heap_value(h, b);

	if (h->type[a] != h->type[b] || x.kind != y.kind)
		return false;
	if (x.kind == VK_NONE)
		return true;
	return x.len == y.len && x.text_len == y.text_len &&
		memcmp(x.text, y.text, x.text_len) == 0;
}

static bool
is_same(const struct heap *h, enum kinds_by by, objid a, objid b)
{
	switch (by) {
	case KINDS_TYPE:
		return h->type[a] == h->type[b];
	case KINDS_OWNER:
		return owner_kind(h, a) == owner_kind(h, b);
	case KINDS_MODULE:
		return h->types[h->type[a]].module == h->types[h->type[b]].module;
	case KINDS_SIZE:
		return heap_size(h, a) == heap_size(h, b);
	case KINDS_INTERPRETER:
		return heap_interp_of(h, a) == heap_interp_of(h, b);
	case KINDS_GENERATION:
		return heap_generation_of(h, a) == heap_generation_of(h, b);
	case KINDS_REFERRERS:
		return same_referrers(h, a, b);
	case KINDS_VALUE:
		return same_value(h, a, b);
	default:
		return true;
	}
}

START_TEST(definitions)
{
	static const enum kinds_by all[] = {KINDS_TYPE, KINDS_OWNER, KINDS_MODULE,
		KINDS_SIZE, KINDS_REFERRERS, KINDS_VALUE, KINDS_INTERPRETER,
		KINDS_GENERATION};
	struct memsink *m = memsink_new();
	uint64_t rng = (uint64_t)_i;
	struct errbuf eb = {0};

	ck_assert_int_eq(sample_random(memsink_sink(m), (uint64_t)_i, 25), MS_OK);
	const struct heap *h = memsink_heap(m);
	struct bitset of = {0};
	ck_assert_int_eq(bitset_init(&of, h->nobj, &eb), MS_OK);
	for (objid i = 0; i < h->nobj; i++)
		if (sample_below(&rng, 3) > 0)
			bitset_add(&of, i);
	for (size_t k = 0; k < ARRAY_LEN(all); k++) {
		struct kinds kinds = {0};
		ck_assert_int_eq(kinds_make(h, all[k], &of, &kinds, &eb), MS_OK);
		for (objid a = 0; a < h->nobj; a++) {
			ck_assert(bitset_has(&of, a) == (kinds.of[a] != HEAP_NONE));
			for (objid b = 0; b < a && bitset_has(&of, a); b++) {
				if (!bitset_has(&of, b))
					continue;
				bool is_one = kinds.of[a] == kinds.of[b];
				ck_assert_msg(is_one == is_same(h, all[k], a, b),
					"%s: %u and %u", kinds_by_name(all[k]), a, b);
			}
		}
		kinds_fini(&kinds);
	}
	bitset_fini(&of);
	memsink_free(m);
}
END_TEST

/* All kinds of any heap can be made, counted by two, and read. */
START_TEST(everything_reads)
{
	struct memsink *m = memsink_new();
	struct errbuf eb = {0};
	char text[300];

	ck_assert_int_eq(sample_random(memsink_sink(m), 100 + (uint64_t)_i, 300), MS_OK);
	const struct heap *h = memsink_heap(m);
	for (unsigned by = 0; by < KINDS_COUNT; by++) {
		struct kinds one = {0}, two = {0};
		struct summary s;
		uint64_t count = 0, size = 0;
		ck_assert_int_eq(
			kinds_make(h, (enum kinds_by)by, NULL, &one, &eb), MS_OK);
		ck_assert_int_eq(kinds_make(h, (enum kinds_by)((by + 3) % KINDS_COUNT),
					 NULL, &two, &eb),
			MS_OK);
		summary_compute(h, &one, &two, SUMMARY_BY_SIZE, &s);
		ck_assert_uint_eq(s.count, h->nobj);
		for (size_t k = 0; k < s.n; k++) {
			const struct summary_row *row = &s.rows[k];
			uint64_t sub_count = 0, sub_size = 0;
			kind_text(h, &one, row->kind, text, sizeof(text));
			ck_assert_uint_gt(strlen(text), 0);
			for (size_t j = row->sub; j < row->sub + row->n_sub; j++) {
				kind_text(h, &two, s.sub[j].kind, text, sizeof(text));
				sub_count += s.sub[j].count;
				sub_size += s.sub[j].size;
			}
			ck_assert_uint_eq(sub_count, row->count);
			ck_assert_uint_eq(sub_size, row->size);
			count += row->count;
			size += row->size;
		}
		ck_assert_uint_eq(count, s.count);
		ck_assert_uint_eq(size, s.size);
		summary_fini(&s);
		kinds_fini(&one);
		kinds_fini(&two);
	}
	memsink_free(m);
}
END_TEST

/* Object 0 is referred to by all others; what the kinds of objects 0 and 1 read as. */
static struct memsink *
one_held(enum ref_kind how, const char *name, unsigned times)
{
	struct memsink *m = memsink_new();
	uint32_t str = memsink_add_type(m, "builtins", "str");
	uint32_t list = memsink_add_type(m, "builtins", "list");
	uint32_t dict = memsink_add_type(m, "builtins", "dict");
	char key[32];

	memsink_add_value(m, str, 0x100, 50, VK_STR, "held");
	if (how == RK_VALUE) {
		/* A dict, then its keys. */
		memsink_add_obj(m, dict, 0x200, 100);
		for (unsigned i = 0; i < times; i++) {
			memsink_add_ref(m, 2 + i, RK_KEY, 0);
			memsink_add_ref(m, 0, RK_VALUE, 0);
		}
		for (unsigned i = 0; i < times; i++) {
			snprintf(key, sizeof(key), "%s%u", name, i);
			memsink_add_value(m, str, 0x300 + i * 64, 50, VK_STR, key);
		}
		return m;
	}
	memsink_add_obj(m, list, 0x200, 100);
	for (unsigned i = 0; i < times; i++)
		memsink_add_ref(m, 0, how, *name == '\0' ? i : memsink_str(m, name));
	return m;
}

static const struct {
	enum ref_kind how;
	const char *name;
	unsigned times;
	const char *text;
} ways[] = {
	{RK_ATTR, "a", 1, ".a"},
	{RK_SLOT, "a", 2, ".a"},
	{RK_LOCAL, "x", 1, "local x"},
	{RK_CLOSURE, "x", 1, "closure x"},
	{RK_INDEX, "", 1, "[0]"},
	{RK_INDEX, "", 3, "[0], [1], [2]"},
	{RK_INDEX, "", 11, "[*]"},
	{RK_VALUE, "k", 2, "['k0'], ['k1']"},
	{RK_VALUE, "user:", 11, "[*]"},
	{RK_MEMBER, "a", 1, "{...}"},
	{RK_CELL, "a", 1, ".cell_contents"},
	{RK_WEAK, "a", 1, "(nothing)"},
};

START_TEST(ways_read)
{
	struct memsink *m = one_held(ways[_i].how, ways[_i].name, ways[_i].times);
	const struct heap *h = memsink_heap(m);
	struct kinds k = {0};
	struct errbuf eb = {0};
	char text[100];

	ck_assert_int_eq(kinds_make(h, KINDS_VIA, NULL, &k, &eb), MS_OK);
	ck_assert_str_eq(kind_text(h, &k, k.of[0], text, sizeof(text)), ways[_i].text);
	ck_assert_str_eq(kind_text(h, &k, k.of[1], text, sizeof(text)), "(nothing)");
	kinds_fini(&k);
	memsink_free(m);
}
END_TEST

/* A key that occurs again and again stays, whatever else varies; an owned dict's all do.
 */
START_TEST(keys_that_stay)
{
	struct memsink *m = memsink_new();
	uint32_t str = memsink_add_type(m, "builtins", "str");
	uint32_t dict = memsink_add_type(m, "builtins", "dict");
	uint32_t user = memsink_add_type(m, "app", "User");
	struct kinds k = {0};
	struct errbuf eb = {0};
	char text[200];

	/* 0 is 'data' of 20 dicts, 1 has another key in each; 2 is an attribute of
	 * User's 3. */
	memsink_add_value(m, str, 0x100, 50, VK_STR, "data");
	memsink_add_value(m, str, 0x140, 50, VK_STR, "varies");
	memsink_add_value(m, str, 0x180, 50, VK_STR, "attribute");
	memsink_add_obj(m, user, 0x200, 50);
	memsink_add_ref(m, 4, RK_DICT, 0);
	memsink_add_obj(m, dict, 0x240, 50);
	for (unsigned i = 0; i < 15; i++) {
		memsink_add_ref(m, 25 + i, RK_KEY, 0);
		memsink_add_ref(m, 2, RK_VALUE, 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		memsink_add_obj(m, dict, 0x1000 + 64 * i, 50);
		memsink_add_ref(m, 0, RK_KEY, 0);
		memsink_add_ref(m, 0, RK_VALUE, 0);
		memsink_add_ref(m, 25 + i, RK_KEY, 0);
		memsink_add_ref(m, 1, RK_VALUE, 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		char key[16];
		snprintf(key, sizeof(key), "k%u", i);
		memsink_add_value(m, str, 0x2000 + 64 * i, 50, VK_STR, key);
	}
	const struct heap *h = memsink_heap(m);
	ck_assert_int_eq(kinds_make(h, KINDS_VIA, NULL, &k, &eb), MS_OK);
	ck_assert_str_eq(
		kind_text(h, &k, k.of[0], text, sizeof(text)), "['data'], a key");
	ck_assert_str_eq(kind_text(h, &k, k.of[1], text, sizeof(text)), "[*]");
	kind_text(h, &k, k.of[2], text, sizeof(text));
	ck_assert_msg(strncmp(text, "['k0'], ['k1'], ['k10']", 23) == 0, "%s", text);
	kinds_fini(&k);

	ck_assert_int_eq(kinds_make(h, KINDS_SHAPE, NULL, &k, &eb), MS_OK);
	ck_assert_str_eq(kind_text(h, &k, k.of[0], text, sizeof(text)), "(no keys)");
	ck_assert_str_eq(kind_text(h, &k, k.of[5], text, sizeof(text)), "{data, k0}");
	ck_assert_uint_eq(k.of[3], k.of[4]);
	kinds_fini(&k);

	ck_assert_int_eq(kinds_make(h, KINDS_REFERRERS, NULL, &k, &eb), MS_OK);
	ck_assert_str_eq(
		kind_text(h, &k, k.of[0], text, sizeof(text)), "dict (no owner)");
	ck_assert_str_eq(
		kind_text(h, &k, k.of[2], text, sizeof(text)), "dict of app.User");
	ck_assert_str_eq(kind_text(h, &k, k.of[4], text, sizeof(text)), "app.User");
	kinds_fini(&k);
	memsink_free(m);
}
END_TEST

Suite *suite_kinds(void);

Suite *
suite_kinds(void)
{
	Suite *s = suite_create("kinds");
	TCase *tc = tcase_create("kinds");

	tcase_add_loop_test(tc, definitions, 0, 30);
	tcase_add_loop_test(tc, everything_reads, 0, 20);
	tcase_add_loop_test(tc, ways_read, 0, ARRAY_LEN(ways));
	tcase_add_test(tc, keys_that_stay);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return s;
}
