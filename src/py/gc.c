/*
 * The GC lists: every tracked object, from the heads that the collector itself uses.
 *
 * CPython: struct _gc_runtime_state, Include/internal/pycore_gc.h (3.9: one per
 * interpreter); PyGC_Head in front of each object, whose two low bits are flags. A
 * free-threaded build has no lists: mimalloc.c finds its objects.
 */
#include "priv.h"

#include "memscan/limits.h"

enum { FLAG_BITS = 3 };

/*
 * The array of list heads. A pointer to its first element (generation0) outranks the
 * offset: Debian's 3.13 moves the array by four bytes, which no symbol or version shows.
 */
static taddr
first_head(struct py *p, taddr state)
{
	uint64_t at;

	if (p->l->gc_home == GC_HOME_STATIC)
		return state;
	if (layout_has(p->l, PYF_GC_GENERATION0) &&
		py_word(p, state + layout_off(p->l, PYF_GC_GENERATION0), &at) == MS_OK &&
		at > state && at - state < 1024)
		return at;
	return state + layout_off(p->l, PYF_GC_GENERATIONS);
}

/* The state struct of an interpreter's collector. */
static taddr
gc_state(const struct py *p, taddr interp)
{
	if (p->l->gc_home == GC_HOME_STATIC)
		return p->rt->generations;
	if (p->l->gc_home == GC_HOME_RUNTIME)
		return p->rt->addr + layout_off(p->l, PYF_RUNTIME_GC);
	return interp + layout_off(p->l, PYF_INTERP_GC);
}

bool
py_is_collecting(struct py *p, taddr interp)
{
	uint32_t v;

	struct elf_symbol sym;
	taddr at;
	/* A collection links objects by ob_tid there, and by nothing that is read here. */
	if (p->l->gc_home == GC_HOME_MIMALLOC)
		return false;
	if (layout_has(p->l, PYF_GC_COLLECTING))
		at = gc_state(p, interp) + layout_off(p->l, PYF_GC_COLLECTING);
	else if (elf_symbol(p->rt->module, "collecting", &sym) == MS_OK)
		at = sym.addr;
	else
		return false;
	return target_u32(p->t, at, &v) == MS_OK && v != 0;
}

static enum status
gc_next(struct py *p, taddr head, enum pyf field, taddr *ret)
{
	uint64_t v;
	enum status st = py_word(p, head + layout_off(p->l, field), &v);
	*ret = v & ~(uint64_t)FLAG_BITS;
	return st;
}

bool
py_gc_is_shared(const struct py *p)
{
	return p->l->gc_home == GC_HOME_RUNTIME || p->l->gc_home == GC_HOME_STATIC;
}

/* Bytes: some objects of the same size. */
enum { AHEAD = 512 };

struct list_walk {
	enum status (*each)(void *self, const struct pytracked *o);
	void *self;
	struct pytracked now; /* what the objects of the list at hand have in common */
	uint64_t left; /* nodes that may still come: ends a list that is a cycle without
			  its head */
};

/*
 * Walk a list forward; where a link is broken, from the other end backward, to where the
 * first end came.
 */
static enum status
walk_list(struct py *p, taddr head, struct list_walk *w, struct pygc_breaks *b)
{
	uint64_t head_size = layout_size(p->l, PYF_SIZEOF_GC_HEAD);
	taddr at, prev = head, stop = head, before = 0;
	enum pyf field = PYF_GCHEAD_NEXT;
	bool is_back = false;

	if (gc_next(p, head, field, &at) != MS_OK) {
		*b = (struct pygc_breaks){head, b->n + 1, true};
		return MS_OK;
	}
	for (;;) {
		taddr back = 0, next = 0;
		enum pyf other =
			field == PYF_GCHEAD_NEXT ? PYF_GCHEAD_PREV : PYF_GCHEAD_NEXT;
		/* Lists are in order of age, and what is a little younger lies behind. */
		target_prefetch(p->t, at + AHEAD);
		bool is_whole = w->left > 0 && gc_next(p, at, other, &back) == MS_OK &&
			back == prev && gc_next(p, at, field, &next) == MS_OK;
		/* The head, too, has to say where its list ends; in between both ways
		 * meet. */
		if (at == stop && (is_whole || is_back))
			return MS_OK;
		if (is_whole) {
			w->left--;
			w->now.addr = at + head_size;
			enum status st = w->each(w->self, &w->now);
			if (st != MS_OK)
				return st;
			before = is_back ? before : prev;
			prev = at;
			at = next;
			continue;
		}
		/* The two ways pass each other where one node is being put in or out. */
		if (is_back && at == before)
			return MS_OK;
		b->n++;
		b->is_lost |= is_back;
		if (is_back)
			return MS_OK;
		is_back = true;
		b->at = stop = prev;
		field = PYF_GCHEAD_PREV;
		prev = head;
		if (gc_next(p, head, field, &at) != MS_OK) {
			b->is_lost = true;
			return MS_OK;
		}
	}
}

enum status
py_gc_each(struct py *p, taddr interp,
	enum status (*each)(void *self, const struct pytracked *o), void *self,
	struct pygc_breaks *breaks)
{
	taddr state = gc_state(p, interp);
	struct layout_field g = p->l->f[PYF_GC_GENERATIONS];
	if (p->l->gc_home == GC_HOME_STATIC)
		g = (struct layout_field){
			.stride = layout_size(p->l, PYF_SIZEOF_GENERATION), .count = 3};
	taddr first = first_head(p, state);
	struct list_walk w = {.each = each, .self = self, .left = LIM_OBJECTS};
	w.now.is_own = !py_gc_is_shared(p);

	*breaks = (struct pygc_breaks){0};
	if (p->l->gc_home == GC_HOME_MIMALLOC)
		return mimalloc_each(p, interp, each, self, breaks);
	for (uint64_t i = 0; i <= g.count; i++) {
		taddr head = first + i * g.stride;
		w.now.generation = i < ARRAY_LEN(p->l->gc_generation)
			? (enum heap_generation)p->l->gc_generation[i]
			: GENERATION_NONE;
		if (i == g.count) {
			if (!layout_has(p->l, PYF_GC_PERMANENT))
				break;
			head = state + layout_off(p->l, PYF_GC_PERMANENT);
			w.now.generation = GENERATION_PERMANENT;
		}
		enum status st = walk_list(p, head, &w, breaks);
		if (st != MS_OK)
			return st;
	}
	return breaks->n > 0 ? MS_FORMAT : MS_OK;
}
