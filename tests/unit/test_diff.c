/*
 * Two heaps compared and several followed, against what looking at every pair says.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/mem.h"
#include "memscan/report.h"
#include "memscan/retained.h"
#include "memsink.h"
#include "samples.h"
#include "smallgraph.h"

enum { ROUNDS = 2000, POOL = 24, TYPES = 4, HEAPS = 5 };

static const char *const names[TYPES] = {"A", "B", "A", "list"};
static const char *const modules[TYPES] = {"app", "app", "lib", "builtins"};

/*
 * A heap of objects at some of POOL addresses, its types in an order of its own. Of type
 * 3 are containers with a length; others have a value or none.
 */
static struct memsink *
make_heap(uint64_t *rng)
{
	struct memsink *m = memsink_new();
	uint32_t types[TYPES], turn = (uint32_t)sample_below(rng, TYPES);
	uint32_t start = (uint32_t)sample_below(rng, POOL);

	for (uint32_t k = 0; k < TYPES; k++) {
		uint32_t t = (k + turn) % TYPES;
		types[t] = memsink_add_type(m, modules[t], names[t]);
	}
	for (uint32_t k = 0; k < POOL; k++) {
		taddr addr = 0x1000 + 16 * ((k + start) % POOL);
		uint64_t size = 16 + sample_below(rng, 3), len = sample_below(rng, 4);
		/* Mostly one type at one address. */
		uint32_t t = sample_below(rng, 6) == 0
			? (uint32_t)sample_below(rng, TYPES)
			: (k + start) % POOL % TYPES;
		if (sample_below(rng, 8) == 0)
			continue;
		struct heap_obj o = {.addr = addr,
			.size = size,
			.type = types[t],
			.value = {.kind = VK_NONE, .len = VALUE_NO_LEN}};
		if (t == 3)
			o.value.len = len;
		else if (t == 1)
			o.value = (struct heap_value){VK_STR, false, 1,
				sample_below(rng, 4) == 0 ? "x" : "y", 1};
		ck_assert_int_eq(
			memsink_sink(m)->object(memsink_sink(m)->self, &o), MS_OK);
	}
	return m;
}

static bool
is_name(const struct heap *h, uint32_t type, const struct heap *g, uint32_t other)
{
	const struct heap_type *a = &h->types[type], *b = &g->types[other];

	return strcmp(heap_str(h, a->name, NULL), heap_str(g, b->name, NULL)) == 0 &&
		strcmp(heap_str(h, a->module, NULL), heap_str(g, b->module, NULL)) == 0;
}

/* The same object by the definition: address, type, and a str's value. */
static bool
is_same(const struct heap *h, objid i, const struct heap *g, objid o)
{
	struct heap_value a = heap_value(h, i), b = heap_value(g, o);

	if (h->addr[i] != g->addr[o] || !is_name(h, h->type[i], g, g->type[o]))
		return false;
	return a.kind != VK_STR || b.kind != VK_STR || a.text[0] == b.text[0];
}

static objid
find_same(const struct heap *h, objid i, const struct heap *g)
{
	for (objid o = 0; o < g->nobj; o++)
		if (is_same(h, i, g, o))
			return o;
	return OBJID_NONE;
}

/* ---- the two as they are ---- */

static void
check_match(const struct heap *now, const struct heap *then, const struct match *m)
{
	CLEAN(bitset_fini) struct bitset b = {0};
	struct errbuf eb = {0};

	for (objid i = 0; i < now->nobj; i++)
		ck_assert_uint_eq(m->then[i], find_same(now, i, then));
	for (objid o = 0; o < then->nobj; o++)
		ck_assert_uint_eq(m->now[o], find_same(then, o, now));
	ck_assert_int_eq(rel_compute(now, then, &b, &eb), MS_OK);
	for (objid i = 0; i < now->nobj; i++)
		ck_assert_int_eq(bitset_has(&b, i), m->then[i] != OBJID_NONE);
}

/* A row's figures by looking at each object; type: of the heap it is in. */
static void
check_row(const struct diff_row *row, const struct heap *const h[2], uint32_t type,
	int side, bool has_match)
{
	struct diff_row want = {.kind = {0, 0}};

	for (int k = OLDER; k <= NEWER; k++) {
		for (objid i = 0; i < h[k]->nobj; i++) {
			if (!is_name(h[side], type, h[k], h[k]->type[i]))
				continue;
			uint64_t size = heap_size(h[k], i), was;
			want.all[k].count++;
			want.all[k].bytes += size;
			objid o = find_same(h[k], i, h[!k]);
			struct amount *a = k == NEWER ? &want.fresh : &want.gone;
			if (o != OBJID_NONE) {
				was = heap_size(h[!k], o);
				if (k == OLDER || size == was)
					continue;
				a = size > was ? &want.grown : &want.shrunk;
				size = size > was ? size - was : was - size;
			}
			a->count += has_match;
			a->bytes += has_match ? size : 0;
		}
	}
	ck_assert_int_eq(memcmp(want.all, row->all, sizeof(want.all)), 0);
	ck_assert_int_eq(memcmp(&want.fresh, &row->fresh, sizeof(want.fresh)), 0);
	ck_assert_int_eq(memcmp(&want.gone, &row->gone, sizeof(want.gone)), 0);
	ck_assert_int_eq(memcmp(&want.grown, &row->grown, sizeof(want.grown)), 0);
	ck_assert_int_eq(memcmp(&want.shrunk, &row->shrunk, sizeof(want.shrunk)), 0);
}

static void
check_diff(const struct heap *const h[2], const struct match *m)
{
	CLEAN(kinds_fini) struct kinds older = {0};
	CLEAN(kinds_fini) struct kinds newer = {0};
	CLEAN(diff_fini) struct diff d = {0};
	const struct kinds *kinds[2] = {&older, &newer};
	struct errbuf eb = {0};
	uint64_t counts[2] = {0, 0};

	ck_assert_int_eq(kinds_make(h[OLDER], KINDS_TYPE, NULL, &older, &eb), MS_OK);
	ck_assert_int_eq(kinds_make(h[NEWER], KINDS_TYPE, NULL, &newer, &eb), MS_OK);
	diff_compute(h, kinds, m, &d);
	ck_assert_uint_le(d.n, TYPES);
	for (size_t k = 0; k < d.n; k++) {
		const struct diff_row *row = &d.rows[k];
		int side = row->kind[NEWER] != HEAP_NONE ? NEWER : OLDER;
		check_row(row, h, kinds[side]->at[row->kind[side]].type, side, m != NULL);
		for (int s = OLDER; s <= NEWER; s++) {
			counts[s] += row->all[s].count;
			ck_assert_int_eq(
				row->kind[s] == HEAP_NONE, row->all[s].count == 0);
		}
		if (k > 0)
			ck_assert_int_ge(diff_growth(&d.rows[k - 1]), diff_growth(row));
	}
	ck_assert_uint_eq(counts[OLDER], h[OLDER]->nobj);
	ck_assert_uint_eq(counts[NEWER], h[NEWER]->nobj);
	ck_assert_uint_eq(d.total.all[NEWER].count, h[NEWER]->nobj);
}

START_TEST(kinds_and_objects)
{
	uint64_t rng = 7;

	for (int round = 0; round < ROUNDS; round++) {
		struct memsink *older = make_heap(&rng), *newer = make_heap(&rng);
		const struct heap *h[2] = {memsink_heap(older), memsink_heap(newer)};
		CLEAN(match_fini) struct match m = {0};
		struct errbuf eb = {0};
		ck_assert_int_eq(match_compute(h[NEWER], h[OLDER], &m, &eb), MS_OK);
		check_match(h[NEWER], h[OLDER], &m);
		check_diff(h, &m);
		check_diff(h, NULL);
		memsink_free(older);
		memsink_free(newer);
	}
}
END_TEST

/* ---- what holds what is new ---- */

/* Of those that i goes with, `fresh` ones apart, the one that goes with all others. */
static objid
nearest_old(
	const struct small *s, const uint32_t dies[SMALL_MAX], objid i, uint32_t fresh)
{
	objid best = OBJID_NONE;

	for (objid v = 0; v < s->n; v++) {
		if (v == i || (fresh >> v & 1) != 0 || (dies[v] >> i & 1) == 0)
			continue;
		if (best == OBJID_NONE || (dies[best] >> v & 1) != 0)
			best = v;
	}
	return best;
}

static void
check_holders(const struct small *s, uint32_t fresh, const struct diff_holders *holders)
{
	uint32_t dies[SMALL_MAX], all = small_reach(s, 0);
	struct amount want[SMALL_MAX + 1] = {{0, 0}};
	size_t n = 0;

	for (objid v = 0; v < s->n; v++)
		dies[v] = all & ~small_reach(s, 1u << v);
	for (objid i = 0; i < s->n; i++) {
		if ((fresh >> i & 1) == 0)
			continue;
		objid by = nearest_old(s, dies, i, fresh);
		struct amount *a = &want[by == OBJID_NONE ? s->n : by];
		n += a->count == 0;
		a->count++;
		a->bytes += heap_size(s->h, i);
	}
	ck_assert_uint_eq(holders->n, n);
	for (size_t k = 0; k < n; k++) {
		const struct diff_holder *row = &holders->rows[k];
		const struct amount *a = &want[row->id == OBJID_NONE ? s->n : row->id];
		ck_assert_uint_eq(row->fresh.count, a->count);
		ck_assert_uint_eq(row->fresh.bytes, a->bytes);
		if (k > 0)
			ck_assert_uint_ge(
				holders->rows[k - 1].fresh.bytes, row->fresh.bytes);
	}
}

START_TEST(what_holds)
{
	uint64_t rng = 11;

	for (int round = 0; round < ROUNDS; round++) {
		struct small s;
		CLEAN(graph_order_fini) struct graph_order o = {0};
		CLEAN(dominators_fini) struct dominators d = {0};
		CLEAN(diff_holders_fini) struct diff_holders holders = {0};
		objid then[SMALL_MAX];
		struct match m = {.then = then};
		struct errbuf eb = {0};
		uint32_t fresh = (uint32_t)sample_next(&rng);
		small_init(&s, sample_next(&rng), SMALL_MAX);
		for (objid i = 0; i < s.n; i++)
			then[i] = (fresh >> i & 1) != 0 ? OBJID_NONE : i;
		ck_assert_int_eq(graph_order_build(&s.g, &o, &eb), MS_OK);
		ck_assert_int_eq(dominators_compute(&s.g, &o, &d, &eb), MS_OK);
		ck_assert_int_eq(diff_hold(s.h, &d, &m, NULL, &holders, &eb), MS_OK);
		check_holders(&s, fresh, &holders);
		small_fini(&s);
	}
}
END_TEST

/* ---- what only ever grows ---- */

/*
 * The containers at an address in the heaps from `from` to the last: each is there, and
 * never shorter than before.
 */
static bool
grows_from(const struct heap *const *h, taddr addr, size_t from)
{
	uint64_t first = 0, last = 0;

	for (size_t k = from; k < HEAPS; k++) {
		objid i = heap_find(h[k], addr);
		struct heap_value v = {.len = VALUE_NO_LEN};
		if (i != OBJID_NONE)
			v = heap_value(h[k], i);
		if (v.len == VALUE_NO_LEN || v.kind != VK_NONE)
			return false;
		if (k == from)
			first = v.len;
		else if (v.len < last)
			return false;
		last = v.len;
	}
	return last > first;
}

/* Is it a container there? */
static bool
is_there(const struct heap *h, taddr addr)
{
	objid i = heap_find(h, addr);
	struct heap_value v;

	if (i == OBJID_NONE)
		return false;
	v = heap_value(h, i);
	return v.kind == VK_NONE && v.len != VALUE_NO_LEN;
}

static void
check_objects(const struct heap *const *h, const struct trend *t)
{
	const struct heap *last = h[HEAPS - 1];
	size_t n = 0;

	for (uint32_t k = 0; k < POOL; k++) {
		taddr addr = 0x1000 + 16 * k;
		size_t from = HEAPS;
		while (from > 0 && is_there(h[from - 1], addr))
			from--;
		if (from + 3 > HEAPS || !grows_from(h, addr, from))
			continue;
		size_t at = 0;
		while (at < t->n_objects && last->addr[t->objects[at].id] != addr)
			at++;
		ck_assert_uint_lt(at, t->n_objects);
		ck_assert_uint_eq(t->objects[at].from, from);
		n++;
	}
	ck_assert_uint_eq(t->n_objects, n);
}

static void
check_kinds(const struct heap *const *h, const struct kinds *k, const struct trend *t)
{
	const struct heap *last = h[HEAPS - 1];
	size_t n = 0;

	for (uint32_t kind = 0; kind < k[HEAPS - 1].n; kind++) {
		uint64_t count[HEAPS] = {0}, bytes[HEAPS] = {0};
		uint32_t type = k[HEAPS - 1].at[kind].type;
		bool grows = true;
		for (size_t i = 0; i < HEAPS; i++) {
			for (objid o = 0; o < h[i]->nobj; o++) {
				bool is_it = is_name(last, type, h[i], h[i]->type[o]);
				count[i] += is_it;
				bytes[i] += is_it ? heap_size(h[i], o) : 0;
			}
			grows &= i == 0 ||
				(count[i] >= count[i - 1] && bytes[i] >= bytes[i - 1]);
		}
		if (!grows || bytes[HEAPS - 1] == bytes[0])
			continue;
		size_t at = 0;
		while (at < t->n_kinds && t->kinds[at].last != kind)
			at++;
		ck_assert_uint_lt(at, t->n_kinds);
		for (size_t i = 0; i < HEAPS; i++) {
			const struct trend_point *p = &t->points[t->kinds[at].point + i];
			ck_assert_uint_eq(p->count, count[i]);
			ck_assert_uint_eq(p->bytes, bytes[i]);
		}
		n++;
	}
	ck_assert_uint_eq(t->n_kinds, n);
}

START_TEST(trends)
{
	uint64_t rng = 13;
	size_t kinds_seen = 0, objects_seen = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct memsink *m[HEAPS];
		const struct heap *h[HEAPS];
		struct kinds k[HEAPS] = {{0}};
		CLEAN(trend_fini) struct trend t = {0};
		struct errbuf eb = {0};
		for (size_t i = 0; i < HEAPS; i++) {
			m[i] = make_heap(&rng);
			h[i] = memsink_heap(m[i]);
			ck_assert_int_eq(
				kinds_make(h[i], KINDS_TYPE, NULL, &k[i], &eb), MS_OK);
		}
		trend_kinds(h, k, HEAPS, &t);
		ck_assert_int_eq(trend_objects(h, HEAPS, NULL, &t, &eb), MS_OK);
		check_kinds(h, k, &t);
		check_objects(h, &t);
		kinds_seen += t.n_kinds;
		objects_seen += t.n_objects;
		for (size_t i = 0; i < HEAPS; i++) {
			kinds_fini(&k[i]);
			memsink_free(m[i]);
		}
	}
	/* Neither is vacuous. */
	ck_assert_uint_gt(kinds_seen, 10);
	ck_assert_uint_gt(objects_seen, 100);
}
END_TEST

/* ---- the process ---- */

static struct memsink *
of_process(const char *pid, const char *start_time)
{
	struct memsink *m = memsink_new();
	struct heap_sink *s = memsink_sink(m);

	memsink_str(m, "");
	if (pid != NULL)
		ck_assert_int_eq(s->meta(s->self, "pid", pid), MS_OK);
	if (start_time != NULL)
		ck_assert_int_eq(s->meta(s->self, "start_time", start_time), MS_OK);
	return m;
}

START_TEST(processes)
{
	static const struct {
		const char *pid, *start;
		bool is_same;
	} cases[] = {
		{"17", "1700000000", true},
		{"17", "1700000001", true},
		{"17", "1699999998", true},
		{"17", "1700000003", false},
		{"18", "1700000000", false},
		{"17", NULL, false},
		{NULL, "1700000000", false},
		{"17", "-9223372036854775808", false},
	};
	struct memsink *mine = of_process("17", "1700000000");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct memsink *other = of_process(cases[i].pid, cases[i].start);
		ck_assert_int_eq(
			rel_same_process(memsink_heap(mine), memsink_heap(other)),
			cases[i].is_same);
		memsink_free(other);
	}
	memsink_free(mine);
}
END_TEST

START_TEST(sparks)
{
	const uint64_t values[] = {UINT64_MAX, 0, 7, 3, UINT64_MAX - 1};
	const uint64_t even[] = {5, 5};
	char buf[32];

	ck_assert_str_eq(spark_text(values, 4, false, buf, sizeof(buf)), " _#-");
	ck_assert_str_eq(
		spark_text(values, 4, true, buf, sizeof(buf)), " \u2581\u2588\u2584");
	ck_assert_str_eq(spark_text(values, 5, false, buf, sizeof(buf)), " ___#");
	ck_assert_str_eq(spark_text(even, 2, false, buf, sizeof(buf)), "__");
	ck_assert_str_eq(spark_text(even, 0, true, buf, sizeof(buf)), "");
}
END_TEST

Suite *suite_diff(void);
Suite *
suite_diff(void)
{
	Suite *s = suite_create("diff");
	TCase *tc = tcase_create("diff");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, kinds_and_objects);
	tcase_add_test(tc, what_holds);
	tcase_add_test(tc, trends);
	tcase_add_test(tc, processes);
	tcase_add_test(tc, sparks);
	suite_add_tcase(s, tc);
	return s;
}
