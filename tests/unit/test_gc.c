/*
 * The collector's lists in memory that is damaged: what can still be reached is, from
 * both ends of a list and in every list, and nothing comes without end.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "py/priv.h"

Suite *suite_gc(void);

enum { HEADS = 0x10000, NODES = 0x20000, HEAD = 32, STRIDE = 32, NEXT = 0, PREV = 8 };

struct found {
	size_t n;
	taddr at[64];
	enum heap_generation generation[64];
};

static enum status
note(void *self, const struct pytracked *o)
{
	struct found *f = self;

	ck_assert_uint_lt(f->n, 64);
	ck_assert(!o->is_own); /* GC_HOME_STATIC: everybody's */
	f->generation[f->n] = o->generation;
	f->at[f->n++] = o->addr - HEAD;
	return MS_OK;
}

static bool
has(const struct found *f, taddr node)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->at[i] == node)
			return true;
	return false;
}

static void
field(struct layout *l, enum pyf id, uint64_t off, uint64_t size)
{
	l->f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

static taddr
node(unsigned list, unsigned i)
{
	return NODES + list * 1024 + i * 64;
}

/* Three lists of five nodes; their heads begin at heads, of which what is below HEADS is
 * not there. */
static struct image *
make_lists(struct layout *l, taddr heads)
{
	struct image *im = image_new(8, false);

	*l = (struct layout){.machine = {.ptr_width = 8},
		.gc_home = GC_HOME_STATIC,
		.gc_generation = {GENERATION_YOUNG, GENERATION_MIDDLE, GENERATION_OLD}};
	field(l, PYF_SIZEOF_GENERATION, 0, STRIDE);
	field(l, PYF_SIZEOF_GC_HEAD, 0, HEAD);
	field(l, PYF_GCHEAD_NEXT, NEXT, 8);
	field(l, PYF_GCHEAD_PREV, PREV, 8);
	image_region(im, HEADS, 4096, 3, NULL);
	image_region(im, NODES, 4096, 3, NULL);
	for (unsigned list = 0; list < 3; list++) {
		taddr head = heads + list * STRIDE, last = head;
		for (unsigned i = 0; i < 5; i++) {
			taddr now = node(list, i);
			if (last >= HEADS)
				image_u64(im, last + NEXT, now);
			image_u64(im, now + PREV, last);
			last = now;
		}
		image_u64(im, last + NEXT, head);
		if (head >= HEADS)
			image_u64(im, head + PREV, last);
	}
	return im;
}

static enum status
walk(struct image *im, struct layout *l, taddr heads, struct found *f, struct pygc_breaks *b)
{
	struct pyruntime rt = {.generations = heads};
	struct target *t = image_target(im, IMAGE_DATA);
	struct py p = {.l = l, .t = t, .rt = &rt};

	*f = (struct found){0};
	enum status st = py_gc_each(&p, 0, note, f, b);
	target_close(t);
	return st;
}

START_TEST(whole_lists)
{
	struct layout l;
	struct found f;
	struct pygc_breaks b;

	ck_assert_int_eq(walk(make_lists(&l, HEADS), &l, HEADS, &f, &b), MS_OK);
	ck_assert_uint_eq(f.n, 15);
	for (size_t i = 0; i < f.n; i++)
		ck_assert_int_eq(f.generation[i], l.gc_generation[i / 5]);
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

/* The first head is gone: its list is lost, and the two others are not. */
START_TEST(head_is_gone)
{
	struct layout l;
	struct found f;
	struct pygc_breaks b;
	taddr heads = HEADS - STRIDE;

	ck_assert_int_eq(walk(make_lists(&l, heads), &l, heads, &f, &b), MS_FORMAT);
	ck_assert_uint_eq(b.at, heads);
	ck_assert(b.is_lost);
	ck_assert_uint_eq(f.n, 10);
	ck_assert(has(&f, node(1, 0)) && has(&f, node(2, 4)));
}
END_TEST

/* A link of the middle list goes nowhere, to itself, or into another list. */
START_TEST(link_is_broken)
{
	const taddr wrong[] = {0, 0x10, node(1, 2), node(1, 0), node(0, 3),
		UINT64_MAX & ~3ull, HEADS, HEADS + STRIDE};
	struct layout l;
	struct found f;
	struct pygc_breaks b;

	struct image *im = make_lists(&l, HEADS);
	image_u64(im, node(1, 2) + (_i % 2 ? PREV : NEXT), wrong[_i / 2]);
	enum status st = walk(im, &l, HEADS, &f, &b);
	ck_assert_int_eq(st, MS_FORMAT);
	ck_assert_uint_ne(b.at, 0);
	ck_assert_uint_ge(b.n, 1);
	for (unsigned list = 0; list < 3; list++)
		for (unsigned i = 0; i < 5; i++)
			if (list != 1 || i != 2)
				ck_assert_msg(has(&f, node(list, i)), "list %u, node %u",
					list, i);
	ck_assert_uint_le(f.n, 20);
}
END_TEST

/* A node is being put in or taken out, up to some store: both ends meet, and nobody is lost. */
START_TEST(link_is_changing)
{
	const taddr fresh = node(3, 0);
	struct layout l;
	struct found f;
	struct pygc_breaks b;

	struct image *im = make_lists(&l, HEADS);
	if (_i == 0) { /* put in at the end, its own links not yet set */
		image_u64(im, node(1, 4) + NEXT, fresh);
	} else if (_i == 1) { /* and only the way back is left to be set */
		image_u64(im, node(1, 4) + NEXT, fresh);
		image_u64(im, fresh + PREV, node(1, 4));
		image_u64(im, fresh + NEXT, HEADS + STRIDE);
	} else { /* taken out of the way forward, or of the way back */
		taddr prev = node(1, 1), next = node(1, 3);
		image_u64(im, _i == 2 ? prev + NEXT : next + PREV, _i == 2 ? next : prev);
	}
	ck_assert_int_eq(walk(im, &l, HEADS, &f, &b), MS_FORMAT);
	ck_assert_uint_eq(b.n, 1);
	ck_assert(!b.is_lost);
	for (unsigned i = 0; i < 5; i++)
		ck_assert(has(&f, node(1, i)) || (i == 2 && _i >= 2));
}
END_TEST

Suite *
suite_gc(void)
{
	Suite *s = suite_create("gc");
	TCase *t = tcase_create("gc");

	tcase_add_test(t, whole_lists);
	tcase_add_test(t, head_is_gone);
	tcase_add_loop_test(t, link_is_broken, 0, 16);
	tcase_add_loop_test(t, link_is_changing, 0, 4);
	suite_add_tcase(s, t);
	return s;
}
