/*
 * Names and views of the heap. Expected values are written out here, or found by the
 * slowest way that cannot be wrong.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/heap.h"
#include "memscan/mem.h"
#include "memsink.h"
#include "samples.h"

START_TEST(names)
{
	ck_assert_str_eq(ref_kind_name(RK_ATTR), "attribute");
	ck_assert_str_eq(ref_kind_name(RK_CLOSURE), "closure");
	ck_assert_str_eq(ref_kind_name((enum ref_kind)31), "?");
	ck_assert_str_eq(root_kind_name(ROOT_INTERP), "interpreter");
	ck_assert_str_eq(root_kind_name(ROOT_NATIVE), "native");
	ck_assert_str_eq(root_kind_name(ROOT_COUNT), "?");
	ck_assert_str_eq(type_how_name(HOW_SHAPE), "table");
	ck_assert_str_eq(type_how_name(HOW_SCAN), "guessed");
	ck_assert_str_eq(type_how_name(HOW_COUNT), "?");
	ck_assert_str_eq(value_kind_name(VK_NONE), "none");
	ck_assert_str_eq(value_kind_name(VK_TEXT), "text");
	ck_assert_str_eq(value_kind_name(VK_COUNT), "?");
}
END_TEST

START_TEST(flag_texts)
{
	char buf[80];

	ck_assert_str_eq(obj_flags_text(0, ',', buf, sizeof(buf)), "");
	ck_assert_str_eq(obj_flags_text(OF_GC | OF_INTERNED, ',', buf, sizeof(buf)),
		"gc,interned");
	ck_assert_str_eq(obj_flags_text(0xff, ' ', buf, sizeof(buf)),
		"gc tracked immortal static guessed size-base damaged interned");
	ck_assert_str_eq(obj_flags_text(0xffffff00, ',', buf, sizeof(buf)), "");
	/* What does not fit is left out whole. */
	ck_assert_str_eq(obj_flags_text(OF_GC | OF_TRACKED, ',', buf, 11), "gc,tracked");
	ck_assert_str_eq(obj_flags_text(OF_GC | OF_TRACKED, ',', buf, 10), "gc");
	ck_assert_str_eq(obj_flags_text(OF_GC | OF_TRACKED, ',', buf, 1), "");
	ck_assert_str_eq(
		buffer_flags_text(0xff, ' ', buf, sizeof(buf)), "owned view in-size mapped");
}
END_TEST

START_TEST(buffers)
{
	const struct heap_buffer some[] = {{.object = 2}, {.object = 3}, {.object = 9}};
	const struct heap h = {.nobj = 20, .buffers = some, .nbuffer = 3};
	const struct heap none = {.nobj = 20};

	for (objid i = 0; i < 20; i++) {
		const struct heap_buffer *want = i == 2 ? &some[0] :
			i == 3                          ? &some[1] :
			i == 9                          ? &some[2] :
							  NULL;
		ck_assert_ptr_eq(heap_buffer_of(&h, i), want);
		ck_assert_ptr_null(heap_buffer_of(&none, i));
	}
}
END_TEST

START_TEST(labels)
{
	/* Bits as memscan-dump(5) gives them: kind 0-4, hidden 5, guess 6, payload 7-31.
	 */
	ck_assert_uint_eq(ref_label(RK_INDEX, 1), 0x83);
	ck_assert_uint_eq(ref_label(RK_ATTR, 0x1fffffe), 0xffffff00);
	ck_assert_uint_eq(ref_label(RK_INDEX, 0x1ffffff), 0xffffff83);
	ck_assert_uint_eq(ref_label(RK_INDEX, UINT64_MAX), 0xffffff83);
	ck_assert_int_eq(ref_kind(0xffffff83 | REF_HIDDEN | REF_GUESS), RK_INDEX);
	ck_assert_uint_eq(ref_payload(0x83 | REF_HIDDEN | REF_GUESS), 1);
}
END_TEST

START_TEST(strings)
{
	const uint64_t str_at[] = {0, 1, 5, 8};
	struct heap h = {.nstr = 3, .str_at = str_at, .str = "\0abc\0a\0"};
	size_t len = 99;

	ck_assert_str_eq(heap_str(&h, 0, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(heap_str(&h, 1, &len), "abc");
	ck_assert_uint_eq(len, 3);
	ck_assert_str_eq(heap_str(&h, 2, &len), "a");
	ck_assert_uint_eq(len, 2);
	len = 99;
	ck_assert_str_eq(heap_str(&h, 3, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(heap_str(&h, UINT32_MAX, NULL), "");
	h.str = NULL;
	ck_assert_str_eq(heap_str(&h, 1, NULL), "");
}
END_TEST

START_TEST(big_objects)
{
	struct memsink *m = memsink_new();

	ck_assert_int_eq(sample_golden(memsink_sink(m)), MS_OK);
	const struct heap *h = memsink_heap(m);
	ck_assert_uint_eq(h->nbig, 2);
	ck_assert_uint_eq(heap_size(h, 0), 232);
	ck_assert_uint_eq(heap_size(h, 2), 0x1400000038);
	ck_assert_uint_eq(heap_size(h, 5), 28);
	ck_assert_uint_eq(heap_refcount(h, 5), 0x100000001);
	ck_assert_uint_eq(heap_refcount(h, 2), 1);
	memsink_free(m);
}
END_TEST

START_TEST(find_by_address)
{
	struct memsink *m = memsink_new();

	ck_assert_int_eq(sample_random(memsink_sink(m), 11, 500), MS_OK);
	const struct heap *h = memsink_heap(m);
	for (objid i = 0; i < h->nobj; i++) {
		ck_assert_uint_eq(heap_find(h, h->addr[i]), i);
		ck_assert_uint_eq(heap_find(h, h->addr[i] + 1), OBJID_NONE);
	}
	ck_assert_uint_eq(heap_find(h, UINT64_MAX), OBJID_NONE);
	struct heap none = {0};
	ck_assert_uint_eq(heap_find(&none, 0), OBJID_NONE);
	memsink_free(m);
}
END_TEST

/* Items of a list that is longer than a payload can count. */
START_TEST(index_beyond_payload)
{
	const uint32_t max = (1u << 25) - 1;
	const uint64_t first[] = {0, 1, 8, 10};
	const uint32_t label[] = {
		ref_label(RK_INDEX, max), /* another object's, and saturated too */
		ref_label(RK_TYPE, 0),
		ref_label(RK_INDEX, 7),
		ref_label(RK_INDEX, max - 1),
		ref_label(RK_INDEX, max),
		ref_label(RK_INDEX, UINT64_C(1) << 40) | REF_GUESS,
		ref_label(RK_INDEX, max + 2),
		ref_label(RK_INDEX, max + 3),
		ref_label(RK_STACK, 3),
		ref_label(RK_STACK, max),
	};
	struct heap h = {.nobj = 3, .nref = 10, .first = first, .label = label};

	ck_assert_uint_eq(heap_ref_index(&h, 0, 0), max);
	ck_assert_uint_eq(heap_ref_index(&h, 1, 2), 7);
	ck_assert_uint_eq(heap_ref_index(&h, 1, 3), max - 1);
	for (uint32_t k = 0; k < 4; k++)
		ck_assert_uint_eq(heap_ref_index(&h, 1, 4 + k), max + k);
	ck_assert_uint_eq(heap_ref_index(&h, 2, 8), 3);
	ck_assert_uint_eq(heap_ref_index(&h, 2, 9), max);
}
END_TEST

START_TEST(keys_of_values)
{
	const uint64_t first[] = {0, 3, 5};
	const uint32_t to[] = {0, 1, 0, 1, 1};
	const uint32_t label[] = {
		ref_label(RK_TYPE, 0),
		ref_label(RK_KEY, 0),
		ref_label(RK_VALUE, 0),
		ref_label(RK_VALUE, 0),
		ref_label(RK_VALUE, 0),
	};
	struct heap h = {.nobj = 2, .nref = 5, .first = first, .to = to, .label = label};

	ck_assert_uint_eq(heap_ref_key(&h, 0, 0), OBJID_NONE);
	ck_assert_uint_eq(heap_ref_key(&h, 0, 1), OBJID_NONE);
	ck_assert_uint_eq(heap_ref_key(&h, 0, 2), 1);
	/* Not what is before the first reference of the object, and not what is no key.
	 */
	ck_assert_uint_eq(heap_ref_key(&h, 1, 3), OBJID_NONE);
	ck_assert_uint_eq(heap_ref_key(&h, 1, 4), OBJID_NONE);
}
END_TEST

START_TEST(meta_texts)
{
	struct memsink *m = memsink_new();

	ck_assert_int_eq(sample_golden(memsink_sink(m)), MS_OK);
	const struct heap *h = memsink_heap(m);
	ck_assert_str_eq(heap_meta_get(h, "pid"), "4242");
	ck_assert_str_eq(heap_meta_get(h, "command"), "python3 /srv/app/main.py");
	ck_assert_ptr_null(heap_meta_get(h, "4242"));
	ck_assert_ptr_null(heap_meta_get(h, ""));
	memsink_free(m);
}
END_TEST

/* A heap made by hand has what was put into it. */
START_TEST(by_hand)
{
	struct memsink *m = memsink_new();
	uint32_t t = memsink_add_type(m, "app", "Node");

	objid a = memsink_add_obj(m, t, 0x2000, 48);
	uint64_t r = memsink_add_ref(m, 1, RK_ATTR, memsink_str(m, "next"));
	objid b = memsink_add_value(m, t, 0x1000, 50, VK_STR, "x");
	memsink_add_root(m, a, ROOT_MODULE, "app");
	const struct heap *h = memsink_heap(m);
	ck_assert_uint_eq(h->nobj, 2);
	ck_assert_uint_eq(h->nref, 1);
	ck_assert_uint_eq(r, 0);
	ck_assert_uint_eq(h->first[1], 1);
	ck_assert_uint_eq(h->first[2], 1);
	ck_assert_uint_eq(h->by_addr[0], b);
	ck_assert_str_eq(heap_str(h, ref_payload(h->label[0]), NULL), "next");
	ck_assert_str_eq(heap_str(h, h->types[0].module, NULL), "app");
	ck_assert_uint_eq(heap_value(h, b).len, 1);
	ck_assert_int_eq(h->roots[0].kind, ROOT_MODULE);
	/* It can go on after a view. */
	memsink_add_ref(m, a, RK_DICT, 0);
	h = memsink_heap(m);
	ck_assert_uint_eq(h->first[1], 1);
	ck_assert_uint_eq(h->first[2], 2);
	ck_assert_str_eq(heap_str(h, h->roots[0].name, NULL), "app");
	memsink_free(m);
}
END_TEST

Suite *suite_heap(void);

Suite *
suite_heap(void)
{
	Suite *s = suite_create("heap");
	TCase *t = tcase_create("heap");

	tcase_add_test(t, names);
	tcase_add_test(t, flag_texts);
	tcase_add_test(t, buffers);
	tcase_add_test(t, labels);
	tcase_add_test(t, strings);
	tcase_add_test(t, big_objects);
	tcase_add_test(t, find_by_address);
	tcase_add_test(t, index_beyond_payload);
	tcase_add_test(t, keys_of_values);
	tcase_add_test(t, meta_texts);
	tcase_add_test(t, by_hand);
	suite_add_tcase(s, t);
	return s;
}
