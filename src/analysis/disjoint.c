/*
 * As many ways from the root to an object as can be had that share no object.
 *
 * It is a flow in which each object lets one unit through (Menger). One way after the
 * other is found by a breadth-first search that may also go back along the ways that are
 * there, and then these are laid anew. As the flow is a set of ways, it needs no more
 * than the object before and after each object on one of them.
 *
 * Two searches take turns: up from the object, along references turned round, and down
 * from the root. Where there are no more ways, it is because of a few objects that all of
 * them pass: mostly these are near the object, and the search up ends soon; sometimes
 * they are near the root.
 */
#include "memscan/retained.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

#define ROOT_ITSELF (OBJID_NONE - 1) /* what is before an entry on a way */
#define THE_END (OBJID_NONE - 1)     /* the state after the last, or before the first */

/*
 * A state: object i arrived at (2 * i), or left (2 * i + 1). They differ for objects on a
 * way alone, which are full: who arrives there can only go back along that way, and to
 * have left there is to have undone the way's next step.
 */
struct side {
	uint32_t *
		link; /* by state: the one it was reached from; OBJID_NONE: not reached */
	VEC(uint32_t) reached;
	size_t at;       /* those before it were looked at */
	uint64_t looked; /* at so many references */
};

struct disjoint {
	const struct graph *g;
	const struct bitset *avoid;
	struct graph_in in;
	uint32_t *entry_no;    /* by object; HEAP_NONE: none */
	objid *before, *after; /* on a way; OBJID_NONE: on none */
	struct side up, down;
	objid target;
	VEC(uint32_t) chain; /* states of the way found */
	VEC(objid) touched;  /* all that was on a way to the target */
};

enum outcome { GOES_ON, FOUND, NO_WAY };

enum status
disjoint_new(const struct graph *g, const struct bitset *avoid, struct disjoint **ret,
	struct errbuf *eb)
{
	struct disjoint *d = xcalloc(1, sizeof(*d));
	size_t n = (size_t)g->h->nobj + 1;

	*d = (struct disjoint){.g = g, .avoid = avoid};
	enum status st = n >= ROOT_ITSELF / 2
		? errbuf_set(eb, MS_LIMIT, "the dump has too many objects for this")
		: graph_in_build(g->h, &d->in, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &d->entry_no, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &d->before, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &d->after, eb);
	if (st == MS_OK)
		st = mem_array(n, 8, &d->up.link, eb);
	if (st == MS_OK)
		st = mem_array(n, 8, &d->down.link, eb);
	if (st != MS_OK) {
		disjoint_free(d);
		return errbuf_wrap(eb, "disjoint ways");
	}
	memset(d->entry_no, 0xff, n * 4);
	memset(d->before, 0xff, n * 4);
	memset(d->after, 0xff, n * 4);
	memset(d->up.link, 0xff, n * 8);
	memset(d->down.link, 0xff, n * 8);
	for (uint32_t e = 0; e < g->n_entry; e++)
		d->entry_no[g->entry[e]] = e;
	*ret = d;
	return MS_OK;
}

void
disjoint_free(struct disjoint *d)
{
	if (d == NULL)
		return;
	graph_in_fini(&d->in);
	free(d->entry_no);
	free(d->before);
	free(d->after);
	free(d->up.link);
	free(d->down.link);
	vec_fini(&d->up.reached);
	vec_fini(&d->down.reached);
	vec_fini(&d->chain);
	vec_fini(&d->touched);
	free(d);
}

static bool
may_pass(const struct disjoint *d, objid i)
{
	return i != d->target && (d->avoid == NULL || !bitset_has(d->avoid, i));
}

static void
reach(struct side *s, uint32_t state, uint32_t from)
{
	if (s->link[state] != OBJID_NONE)
		return;
	s->link[state] = from;
	vec_push(&s->reached, state);
}

static void
forget(struct side *s)
{
	for (size_t k = 0; k < s->reached.n; k++)
		s->link[s->reached.at[k]] = OBJID_NONE;
	s->reached.n = s->at = 0;
	s->looked = 0;
}

/* ---- the search up ---- */

/* From object i, which is arrived at: those that refer to it were left for it. */
static void
go_up(struct disjoint *d, objid i, uint32_t state)
{
	for (uint64_t k = d->in.first[i]; k < d->in.first[i + 1]; k++) {
		objid u = d->in.from[k];
		uint64_t lo, r = d->in.ref[k];
		if (u == i || d->after[u] == i || !may_pass(d, u) ||
			!graph_holds(d->g, d->g->h->label[r]) ||
			r >= graph_refs(d->g, u, &lo))
			continue;
		bool is_full = d->before[u] != OBJID_NONE;
		reach(&d->up, 2 * u + is_full, state);
	}
	d->up.looked += d->in.first[i + 1] - d->in.first[i] + 1;
}

/* Along the way from full object i, whose step is undone, to who would undo it. */
static void
go_along(struct disjoint *d, objid i, uint32_t state)
{
	objid w = d->after[i];

	if (w == d->target)
		return;
	reach(&d->up, 2 * w, state);
	reach(&d->up, 2 * w + 1, state);
}

/* One level, so that of ways of one length that of the first entry is taken. */
static enum outcome
search_up(struct disjoint *d)
{
	struct side *s = &d->up;
	uint32_t best = HEAP_NONE;

	if (s->at == s->reached.n)
		return NO_WAY;
	for (size_t end = s->reached.n; s->at < end; s->at++) {
		uint32_t state = s->reached.at[s->at];
		objid i = state / 2;
		if ((state & 1) != 0) {
			go_along(d, i, state);
			continue;
		}
		if (d->entry_no[i] < best && d->before[i] != ROOT_ITSELF)
			best = d->entry_no[i];
		go_up(d, i, state);
	}
	if (best == HEAP_NONE)
		return GOES_ON;
	for (uint32_t at = 2 * d->g->entry[best]; at != THE_END; at = s->link[at])
		vec_push(&d->chain, at);
	return FOUND;
}

/* ---- the search down ---- */

/* Go on from object u, which is left; true if that leads to the target. */
static bool
go_down(struct disjoint *d, objid u, uint32_t state)
{
	const struct graph *g = d->g;
	uint64_t r, end = graph_refs(g, u, &r);

	d->down.looked += end - r + 1;
	for (; r < end; r++) {
		objid to = g->h->to[r];
		if (to == u || to == d->after[u] || !graph_holds(g, g->h->label[r]))
			continue;
		if (to == d->target)
			return true;
		if (may_pass(d, to))
			reach(&d->down, 2 * to, state);
	}
	return false;
}

static void
begin_down(struct disjoint *d)
{
	for (uint32_t e = 0; e < d->g->n_entry; e++) {
		objid i = d->g->entry[e];
		if (may_pass(d, i) && d->before[i] != ROOT_ITSELF)
			reach(&d->down, 2 * i, THE_END);
	}
}

static void
chain_from_root(struct disjoint *d, uint32_t last)
{
	for (uint32_t s = last; s != THE_END; s = d->down.link[s])
		vec_push(&d->chain, s);
	for (size_t a = 0, b = d->chain.n; a + 1 < b; a++) {
		uint32_t s = d->chain.at[a];
		d->chain.at[a] = d->chain.at[--b];
		d->chain.at[b] = s;
	}
}

/* Until it has looked at so many references. */
static enum outcome
search_down(struct disjoint *d, uint64_t until)
{
	struct side *s = &d->down;

	if (s->reached.n == 0)
		begin_down(d);
	for (; s->looked < until; s->looked++) {
		if (s->at == s->reached.n)
			return NO_WAY;
		uint32_t state = s->reached.at[s->at++];
		objid i = state / 2;
		bool is_full = d->before[i] != OBJID_NONE, is_left = (state & 1) != 0;
		if ((!is_full || is_left) && go_down(d, i, state)) {
			chain_from_root(d, state);
			return FOUND;
		}
		/* Undo the step that leads here. */
		if (is_full && d->before[i] != ROOT_ITSELF)
			reach(s, 2 * d->before[i] + 1, state);
	}
	return GOES_ON;
}

/* ---- one more way ---- */

/*
 * Look for a way that is left, into the chain; false if there is none. The search goes on
 * that has looked at less; to begin the one down is to look at all entries.
 */
static bool
search(struct disjoint *d)
{
	enum outcome what = GOES_ON;

	d->chain.n = 0;
	forget(&d->up);
	forget(&d->down);
	d->down.looked = d->g->n_entry;
	go_up(d, d->target, THE_END);
	while (what == GOES_ON)
		what = d->up.looked <= d->down.looked ? search_up(d)
						      : search_down(d, d->up.looked);
	return what == FOUND;
}

/* Lay the ways anew: first take away the steps that were undone, then put the new ones.
 */
static void
augment(struct disjoint *d)
{
	for (size_t k = 0; k < d->chain.n; k++) {
		uint32_t s = d->chain.at[k];
		vec_push(&d->touched, s / 2);
		if ((s & 1) == 0)
			continue;
		d->before[d->after[s / 2]] = OBJID_NONE;
		d->after[s / 2] = OBJID_NONE;
	}
	d->before[d->chain.at[0] / 2] = ROOT_ITSELF;
	for (size_t k = 0; k < d->chain.n; k++) {
		objid i = d->chain.at[k] / 2;
		bool is_last = k + 1 == d->chain.n;
		/* To go back along a way is no step. */
		if (!is_last && (d->chain.at[k + 1] & 1) != 0)
			continue;
		d->after[i] = is_last ? d->target : d->chain.at[k + 1] / 2;
		if (!is_last)
			d->before[d->after[i]] = i;
	}
}

/* ---- all ways ---- */

/* The number of a reference of u to i that holds; those to i are in order of sources. */
static uint64_t
ref_of(const struct disjoint *d, objid u, objid i)
{
	uint64_t lo = d->in.first[i], hi = d->in.first[i + 1];

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		if (d->in.from[mid] < u)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (!graph_holds(d->g, d->g->h->label[d->in.ref[lo]]))
		lo++;
	return d->in.ref[lo];
}

/* The way that begins at entry e and is laid down to the target. */
static struct path
follow(const struct disjoint *d, uint32_t e)
{
	struct path p = {.entry = e, .n = 1};

	for (objid i = d->g->entry[e]; i != d->target; i = d->after[i])
		p.n++;
	p.at = xcalloc(p.n, sizeof(*p.at));
	p.ref = xcalloc(p.n, sizeof(*p.ref));
	p.at[0] = d->g->entry[e];
	for (size_t k = 1; k < p.n; k++) {
		p.at[k] = d->after[p.at[k - 1]];
		p.ref[k] = ref_of(d, p.at[k - 1], p.at[k]);
	}
	return p;
}

static int
compare_paths(const void *pa, const void *pb)
{
	const struct path *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static void
collect(struct disjoint *d, bool is_entry, size_t n, struct paths *ret)
{
	ret->at = xcalloc(n + 1, sizeof(*ret->at));
	if (is_entry && n > 0)
		ret->at[ret->n++] = follow(d, d->entry_no[d->target]);
	for (size_t k = 0; k < d->touched.n && ret->n < n; k++) {
		objid i = d->touched.at[k];
		if (d->before[i] != ROOT_ITSELF)
			continue;
		ret->at[ret->n++] = follow(d, d->entry_no[i]);
		d->before[i] = OBJID_NONE; /* it may have been touched again */
	}
	if (ret->n > 0)
		qsort(ret->at, ret->n, sizeof(*ret->at), compare_paths);
}

void
disjoint_find(struct disjoint *d, objid i, size_t max, struct paths *ret)
{
	bool is_entry = d->entry_no[i] != HEAP_NONE;
	size_t n = is_entry;

	*ret = (struct paths){.is_all = true};
	if (d->avoid != NULL && bitset_has(d->avoid, i))
		return;
	d->target = i;
	while (n < max && search(d)) {
		augment(d);
		n++;
	}
	ret->is_all = n < max || !search(d);
	collect(d, is_entry, n < max ? n : max, ret);
	for (size_t k = 0; k < d->touched.n; k++) {
		objid at = d->touched.at[k];
		d->before[at] = d->after[at] = OBJID_NONE;
	}
	d->touched.n = 0;
}
