/*
 * Strongly connected components by Tarjan's algorithm, without recursion. An object's
 * number is that of its visit; low is the least number on the stack that it leads back
 * to.
 */
#include "memscan/leaks.h"
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

enum { NEAR = 100000 /* objects that are looked at for one cycle */ };

#define DONE UINT32_MAX /* number of an object whose component is known */

struct frame {
	objid at;
	bool has_loop;
	uint64_t next, end;
};

struct search {
	const struct graph *g;
	const struct bitset *outside;
	struct cycles c;
	uint32_t *number; /* nobj; 0: not visited */
	uint32_t *low;    /* nobj */
	uint32_t n_visited;
	VEC(struct frame) down;
	VEC(objid) open; /* visited, of no known component */
};

static void
search_fini(struct search *s)
{
	cycles_fini(&s->c);
	free(s->number);
	free(s->low);
	vec_fini(&s->down);
	vec_fini(&s->open);
}

static void
visit(struct search *s, objid i)
{
	struct frame f = {.at = i};

	f.end = graph_refs(s->g, i, &f.next);
	s->number[i] = s->low[i] = ++s->n_visited;
	vec_push(&s->open, i);
	vec_push(&s->down, f);
}

/* All that was opened since i is one component. */
static void
close_component(struct search *s, objid i, bool has_loop)
{
	bool is_cycle = has_loop || s->open.at[s->open.n - 1] != i;
	uint32_t id = is_cycle ? ++s->c.n : 0;
	objid top;

	do {
		top = s->open.at[--s->open.n];
		s->number[top] = DONE;
		s->c.component[top] = id;
	} while (top != i);
}

/* The next reference of the object visited last, or its end. */
static void
step(struct search *s)
{
	const struct heap *h = s->g->h;
	struct frame *f = &s->down.at[s->down.n - 1];
	objid i = f->at;

	if (f->next < f->end) {
		uint64_t r = f->next++;
		objid to = h->to[r];
		if (!graph_holds(s->g, h->label[r]) ||
			(s->outside != NULL && bitset_has(s->outside, to)))
			return;
		f->has_loop |= to == i;
		if (s->number[to] == 0)
			visit(s, to);
		else if (s->number[to] < s->low[i])
			s->low[i] = s->number[to];
		return;
	}
	if (s->low[i] == s->number[i])
		close_component(s, i, f->has_loop);
	s->down.n--;
	if (s->down.n == 0)
		return;
	objid above = s->down.at[s->down.n - 1].at;
	if (s->number[i] != DONE && s->low[i] < s->low[above])
		s->low[above] = s->low[i];
}

enum status
cycles_compute(const struct graph *g, const struct bitset *outside, struct cycles *ret,
	struct errbuf *eb)
{
	CLEAN(search_fini) struct search s = {.g = g, .outside = outside};
	size_t n = (size_t)g->h->nobj + 1;

	enum status st = mem_array(n, 4, &s.c.component, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &s.number, eb);
	if (st == MS_OK)
		st = mem_array(n, 4, &s.low, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "cycles");
	for (objid i = 0; i < g->h->nobj; i++) {
		if (s.number[i] != 0 || (outside != NULL && bitset_has(outside, i)))
			continue;
		visit(&s, i);
		while (s.down.n > 0)
			step(&s);
	}
	*ret = s.c;
	s.c = (struct cycles){0};
	return MS_OK;
}

void
cycles_fini(struct cycles *c)
{
	free(c->component);
	*c = (struct cycles){0};
}

/* ---- the shortest one through an object ---- */

/* An object that was come to: from row `parent`, by its reference number `ref`. */
struct step {
	objid at;
	uint32_t parent;
	uint64_t ref;
};

typedef VEC(struct step) step_vec;

/* From row k's object on; true if that leads back to the first. */
static bool
look_round(const struct graph *g, step_vec *rows, struct map *seen, uint32_t k)
{
	const struct heap *h = g->h;
	uint64_t r, end = graph_refs(g, rows->at[k].at, &r);
	uint32_t row;

	for (; r < end && rows->n < NEAR; r++) {
		objid to = h->to[r];
		bool is_back = to == rows->at[0].at;
		if (!graph_holds(g, h->label[r]) || (!is_back && map_get(seen, to, &row)))
			continue;
		map_put(seen, to, (uint32_t)rows->n);
		vec_push(rows, (struct step){to, k, r});
		if (is_back)
			return true;
	}
	return false;
}

bool
cycle_through(const struct graph *g, objid i, struct path *ret)
{
	CLEAN(map_fini) struct map seen = {0};
	step_vec rows = {0};
	bool is_found = false;

	vec_push(&rows, (struct step){.at = i});
	for (uint32_t k = 0; k < rows.n && !is_found; k++)
		is_found = look_round(g, &rows, &seen, k);
	if (is_found) {
		struct path p = {.n = 1};
		uint32_t last = (uint32_t)rows.n - 1;
		for (uint32_t k = last; k != 0; k = rows.at[k].parent)
			p.n++;
		p.at = xcalloc(p.n, sizeof(*p.at));
		p.ref = xcalloc(p.n, sizeof(*p.ref));
		for (size_t at = p.n; at-- > 0; last = rows.at[last].parent) {
			p.at[at] = rows.at[last].at;
			p.ref[at] = rows.at[last].ref;
		}
		*ret = p;
	}
	vec_fini(&rows);
	return is_found;
}
