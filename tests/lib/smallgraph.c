#include "smallgraph.h"

#include "memscan/mem.h"

#include <check.h>
#include <string.h>

#include "samples.h"

/* How references are spread; each shape has its own faults to find. */
enum shape { SPARSE, DENSE, CHAIN, TREE, LAYERS, CYCLES, LADDER, SHAPES };

static objid
pick_target(enum shape shape, uint32_t n, objid i, uint64_t *rng)
{
	switch (shape) {
	case CHAIN:
		return sample_below(rng, 6) == 0 ? (objid)sample_below(rng, n)
						 : (i + 1) % n;
	case TREE:
		return (objid)(2 * i + 1 + sample_below(rng, 2)) % n;
	case LAYERS:
		return (objid)(i / 4 * 4 + 4 + sample_below(rng, 4)) % n;
	case CYCLES:
		return (objid)(i / 3 * 3 + (i + 1) % 3) % n;
	case LADDER:
		return (objid)(i + 1 + sample_below(rng, 2)) % n;
	default:
		return (objid)sample_below(rng, n);
	}
}

static void
put_refs(struct small *s, enum shape shape, objid i, uint64_t *rng)
{
	static const enum ref_kind kinds[] = {
		RK_INDEX, RK_ATTR, RK_DICT, RK_KEY, RK_SLOT};
	uint64_t count = sample_below(rng, shape == DENSE ? 6 : 3);

	if (shape == CHAIN || shape == LADDER)
		count++;
	for (; count > 0; count--) {
		objid to = pick_target(shape, s->n, i, rng);
		uint32_t kind = kinds[sample_below(rng, 5)];
		uint64_t what = sample_below(rng, 12);
		if (what == 0)
			kind = RK_WEAK;
		if (what == 1)
			kind |= REF_HIDDEN;
		if (what == 2)
			kind |= REF_GUESS;
		memsink_add_ref(s->m, to, (enum ref_kind)kind, 0);
		if (kind == RK_WEAK)
			continue;
		s->edge[i][to] = true;
		s->own_dict[i][to] |= (kind & 0x1f) == RK_DICT;
	}
}

static void
put_roots(struct small *s, uint64_t *rng)
{
	static const enum root_kind kinds[] = {ROOT_MODULE, ROOT_LOCAL, ROOT_FRAME,
		ROOT_INTERP, ROOT_STATIC, ROOT_NATIVE, ROOT_TRACKED, ROOT_WORD};

	for (uint64_t k = sample_below(rng, 4); k > 0; k--)
		memsink_add_root(s->m, (objid)sample_below(rng, s->n),
			kinds[sample_below(rng, ARRAY_LEN(kinds))], "root");
}

void
small_init(struct small *s, uint64_t seed, uint32_t max)
{
	uint64_t rng = seed;
	struct errbuf eb = {0};
	uint32_t types[3];

	*s = (struct small){.m = memsink_new()};
	s->n = 1 + (uint32_t)sample_below(&rng, max);
	enum shape shape = (enum shape)sample_below(&rng, SHAPES);
	for (unsigned k = 0; k < 3; k++)
		types[k] = memsink_add_type(s->m, "app",
			k == 0           ? "A"
				: k == 1 ? "B"
					 : "C");
	for (objid i = 0; i < s->n; i++) {
		memsink_add_obj(s->m, types[sample_below(&rng, 3)], 0x1000 + 64 * i,
			1 + sample_below(&rng, 1000));
		put_refs(s, shape, i, &rng);
	}
	put_roots(s, &rng);
	s->h = memsink_heap(s->m);
	ck_assert_int_eq(graph_build(s->h, 0, &s->g, &eb), MS_OK);
	for (uint32_t e = 0; e < s->g.n_entry; e++)
		s->entry[s->g.entry[e]] = true;
}

void
small_fini(struct small *s)
{
	graph_fini(&s->g);
	memsink_free(s->m);
}

uint32_t
small_reach(const struct small *s, uint32_t gone)
{
	uint32_t reached = 0, before;

	for (objid i = 0; i < s->n; i++)
		if (s->entry[i])
			reached |= 1u << i;
	reached &= ~gone;
	do {
		before = reached;
		for (objid i = 0; i < s->n; i++)
			for (objid to = 0; to < s->n && (reached >> i & 1) != 0; to++)
				if (s->edge[i][to])
					reached |= 1u << to & ~gone;
	} while (reached != before);
	return reached;
}

uint64_t
small_bytes(const struct small *s, uint32_t set)
{
	uint64_t sum = 0;

	for (objid i = 0; i < s->n; i++)
		if ((set >> i & 1) != 0)
			sum += heap_size(s->h, i);
	return sum;
}

struct bitset
small_set(const struct small *s, uint64_t words[1], uint32_t set)
{
	words[0] = set & ((1u << s->n) - 1);
	return (struct bitset){.words = words, .n = s->n};
}
