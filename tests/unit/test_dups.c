/*
 * Equal values on random heaps: two values are one if and only if type and value are the
 * same; every copy counts once; waste is the sum of the notes.
 */
#include <check.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/retained.h"
#include "memscan/saving.h"

#include "memsink.h"
#include "samples.h"

enum { SEEDS = 150, OBJECTS = 80 };

/* A whole value that may be shared: -1 where the analysis need not tell. */
static int
must_tell(const struct heap *h, objid i)
{
	struct heap_value v = heap_value(h, i);

	if (v.cut || (h->flags[i] & (OF_DAMAGED | OF_GUESSED)) != 0)
		return -1;
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		enum ref_kind k = ref_kind(h->label[r]);
		if (k == RK_ATTR || k == RK_DICT || k == RK_SLOT)
			return -1;
	}
	return v.kind == VK_STR || v.kind == VK_INT ? 1 : -1;
}

static bool
same_value(const struct heap *h, objid a, objid b)
{
	struct heap_value x = heap_value(h, a), y = heap_value(h, b);

	return h->type[a] == h->type[b] && x.kind == y.kind &&
		x.text_len == y.text_len && memcmp(x.text, y.text, x.text_len) == 0;
}

static uint64_t
check_equals(const struct heap *h, const struct equals *e)
{
	uint64_t pairs = 0;

	for (objid a = 0; a < h->nobj; a++) {
		if (e->as[a] != OBJID_NONE) {
			ck_assert_uint_le(e->as[a], a);
			ck_assert_uint_eq(e->as[e->as[a]], e->as[a]);
			ck_assert_uint_eq(h->type[e->as[a]], h->type[a]);
		}
		if (must_tell(h, a) != 1)
			continue;
		ck_assert_uint_ne(e->as[a], OBJID_NONE);
		for (objid b = 0; b < a; b++) {
			if (must_tell(h, b) != 1)
				continue;
			ck_assert_int_eq(e->as[a] == e->as[b], same_value(h, a, b));
			pairs += e->as[a] == e->as[b];
		}
	}
	return pairs;
}

static void
check_dups(const struct heap *h, const struct equals *e, const struct dups *d)
{
	uint64_t count = 0, bytes = 0, held = 0;

	for (objid i = 0; i < h->nobj; i++) {
		uint64_t n = 0;
		for (objid j = 0; j < h->nobj; j++)
			n += e->as[i] != OBJID_NONE && e->as[j] == e->as[i] &&
				(h->flags[j] & OF_STATIC) == 0;
		if (n < 2 || (h->flags[i] & OF_STATIC) != 0)
			continue;
		count++;
		bytes += object_bytes(h, i);
	}
	ck_assert_uint_eq(d->count, count);
	ck_assert_uint_eq(d->bytes, bytes);
	for (size_t k = 0; k < d->n; k++)
		ck_assert_uint_ge(d->rows[k].count, 2);
	for (size_t k = 0; k < d->n_holders; k++)
		held += d->holders[k].count;
	ck_assert_uint_le(held, count);
}

static void
check_waste(const struct heap *h, const struct bitset *all, const struct kinds *owners)
{
	struct waste w;
	uint64_t bytes = 0, count = 0;

	for (uint32_t k = 0; k < h->nnote; k++) {
		if (h->notes[k].kind == NOTE_DIGEST)
			continue;
		bytes += h->notes[k].n;
		count++;
	}
	waste_compute(h, all, owners, 5, &w);
	ck_assert_uint_eq(w.bytes, bytes);
	ck_assert_uint_eq(w.count, count);
	ck_assert_uint_eq(w.n_worst, count < 5 ? count : 5);
	/* No note says more than the last of the worst, unless it is one of them. */
	for (uint32_t k = 0, above = 0; k < h->nnote && w.n_worst > 0; k++) {
		above += h->notes[k].kind != NOTE_DIGEST &&
			h->notes[k].n > w.worst[w.n_worst - 1].bytes;
		ck_assert_uint_lt(above, w.n_worst);
	}
	waste_fini(&w);
}

/* Random values are all different: these have one of three texts each. */
static enum status (*put_object)(void *self, const struct heap_obj *o);

static enum status
put_with_few_values(void *self, const struct heap_obj *o)
{
	struct heap_obj copy = *o;

	copy.type = 0;
	copy.flags &= ~(uint32_t)(OF_DAMAGED | OF_GUESSED);
	copy.value = (struct heap_value){.kind = o->addr % 2 == 0 ? VK_STR : VK_INT,
		.len = VALUE_NO_LEN,
		.text = &"112"[o->addr / 2 % 3],
		.text_len = 1};
	return put_object(self, &copy);
}

START_TEST(random_heaps)
{
	uint64_t pairs = 0, wasted = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct memsink *m = memsink_new();
		struct errbuf eb = {0};
		struct equals e;
		struct kinds owners, shapes;
		struct dups d;
		struct slots s;
		struct bitset all, dicts;

		struct heap_sink *sink = memsink_sink(m);
		put_object = sink->object;
		if (seed % 2 == 0)
			sink->object = put_with_few_values;
		ck_assert(sample_random(sink, seed, OBJECTS) == MS_OK);
		const struct heap *h = memsink_heap(m);
		ck_assert(bitset_init(&all, h->nobj, &eb) == MS_OK);
		bitset_fill(&all);
		ck_assert(equals_compute(h, &e, &eb) == MS_OK);
		ck_assert(kinds_make(h, KINDS_OWNER, NULL, &owners, &eb) == MS_OK);
		ck_assert(dups_compute(h, &all, &e, &owners, &d, &eb) == MS_OK);
		ck_assert(slots_dicts(h, &all, &owners, &dicts, &eb) == MS_OK);
		ck_assert(kinds_make(h, KINDS_SHAPE, &dicts, &shapes, &eb) == MS_OK);
		slots_compute(h, &dicts, &owners, &shapes, &s);
		pairs += check_equals(h, &e);
		check_dups(h, &e, &d);
		check_waste(h, &all, &owners);
		wasted += h->nnote;
		slots_fini(&s);
		dups_fini(&d);
		equals_fini(&e);
		kinds_fini(&owners);
		kinds_fini(&shapes);
		bitset_fini(&all);
		bitset_fini(&dicts);
		memsink_free(m);
	}
	ck_assert_uint_gt(wasted, 0);
	ck_assert_uint_gt(pairs, 0);
}
END_TEST

Suite *suite_dups(void);

Suite *
suite_dups(void)
{
	Suite *s = suite_create("dups");
	TCase *t = tcase_create("dups");

	tcase_add_test(t, random_heaps);
	suite_add_tcase(s, t);
	return s;
}
