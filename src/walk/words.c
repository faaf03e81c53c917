/*
 * Words that may be references which nothing reports: on the C stacks of threads, in
 * their states, on the evaluation stack of a frame that runs (how high it is the eval
 * loop knows alone), in the parts of an object that neither a row nor its code tells of.
 * They are no references: a word may be stale, or borrowed. They say where those may be
 * that an object's count has and that were not found.
 */
#include "priv.h"

#include <stdlib.h>

#include "memscan/bytes.h"
#include "memscan/limits.h"

enum {
	STACK_MAX = 8 << 20, /* bytes of a C stack: what most threads have in all */
	OUTERMOST = 4096, /* bytes of it with static TLS and the variables of the function
			     that a thread began with */
	BLOCK_WORDS = 8,  /* of a block that one of those points to: struct bootstate,
			     Modules/_threadmodule.c */
	STATE_WORDS =
		80, /* of a PyThreadState: its references are among its first fields */
	UNSEEN_MAX = 1 << 20, /* words of objects kept */
	/*
	 * Words of one object that are looked at, and references that they are compared
	 * with; and words in all, for a million objects, threads or frames may lie about size.
	 */
	UNSEEN_EACH = 4096,
	REPORTED_MAX = 4096,
	LOOKED_MAX = 1 << 28,
};

/* ---- while walking ---- */

void
words_keep_span(struct walker *w, struct span span, const char *name)
{
	struct word_span s = {
		.span = span, .root = w->root, .first = w->roots.n, .last = w->roots.n};

	if (span.end <= span.start)
		return;
	s.root.kind = ROOT_WORD;
	s.root.frame = HEAP_NONE;
	s.root.name = strtab_puts(w->names, name);
	vec_push(&w->words.spans, s);
}

void
words_told(struct walker *w)
{
	if (w->words.spans.n > 0)
		w->words.spans.at[w->words.spans.n - 1].last = w->roots.n;
}

void
words_keep_thread(struct walker *w, const struct pythread *th)
{
	uint64_t width = target_machine(w->t)->ptr_width;

	vec_push(&w->words.idents, th->ident);
	words_keep_span(w, (struct span){th->addr, th->addr + STATE_WORDS * width},
		"PyThreadState");
}

static bool
is_reported(const struct pyref *refs, size_t n, taddr to)
{
	for (size_t i = 0; i < n; i++)
		if (refs[i].to == to)
			return true;
	return false;
}

void
words_keep_unseen(struct walker *w, taddr addr, const struct pytype *ty,
	const struct pyref *refs, size_t n)
{
	uint64_t width = target_machine(w->t)->ptr_width;
	struct span s;

	/* What was reported is not of there. */
	bool is_behind = py_has_table(ty);
	if (!py_unseen(w->p, addr, ty, &s) || s.end < s.start ||
		(!is_behind && n > REPORTED_MAX))
		return;
	if ((s.end - s.start) / width > UNSEEN_EACH)
		s.end = s.start + UNSEEN_EACH * width;
	for (taddr at = s.start; s.end - at >= width; at += width) {
		uint64_t to;
		if (w->words.kept.n >= UNSEEN_MAX || w->words.looked++ >= LOOKED_MAX ||
			target_word(w->t, at, &to) != MS_OK)
			return;
		if (to < 4096 || to % width != 0 ||
			(to >= addr && to < s.end) || target_region(w->t, to) == NULL ||
			(!is_behind && is_reported(refs, n, to)))
			continue;
		vec_push(&w->words.kept, ((struct kept_word){to, ty->name}));
	}
}

/* ---- at the end ---- */

/* Whether the root is among those that were put for the same thing, which tells of it
 * already. */
static bool
is_put(const struct walker *w, const struct word_span *s, objid id)
{
	for (size_t i = s->first; i < s->last; i++)
		if (w->roots.at[i].to == id)
			return true;
	return false;
}

static void
put_bytes(struct walker *w, const struct word_span *s, const uint8_t *at, size_t n)
{
	const struct machine *m = target_machine(w->t);
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	for (size_t off = 0; off + m->ptr_width <= n; off += m->ptr_width) {
		struct heap_root r = s->root;
		taddr to = load_uint(at + off, m->ptr_width, swap);
		r.to = to >= 4096 && to % m->ptr_width == 0 ? idmap_get(&w->ids, to)
							    : OBJID_NONE;
		if (r.to != OBJID_NONE && !is_put(w, s, r.to))
			vec_push(&w->roots, r);
	}
}

static void
put_span(struct walker *w, const struct word_span *s)
{
	uint8_t buf[4096];

	for (uint64_t n, at = s->span.start; at < s->span.end; at += n) {
		n = s->span.end - at;
		if (n > sizeof(buf))
			n = sizeof(buf);
		w->words.looked += n / target_machine(w->t)->ptr_width + 1;
		if (w->words.looked > LOOKED_MAX)
			return;
		if (!target_is_left_out(w->t, at, n) &&
			target_read(w->t, at, buf, n) == MS_OK)
			put_bytes(w, s, buf, n);
	}
}

/* What the outermost words of a stack point to that is no object: the arguments of the
 * thread's function. */
static void
put_blocks(struct walker *w, const struct word_span *stack, taddr from)
{
	uint64_t width = target_machine(w->t)->ptr_width;
	struct word_span block = *stack;

	for (taddr at = from; stack->span.end - at >= width; at += width) {
		uint64_t to;
		if (target_word(w->t, at, &to) != MS_OK || to < 4096 || to % width != 0 ||
			idmap_get(&w->ids, to) != OBJID_NONE)
			continue;
		const struct region *r = target_region(w->t, to);
		if (r == NULL || r->path[0] == '/' ||
			(to >= stack->span.start && to < stack->span.end))
			continue;
		block.span = (struct span){to, to + BLOCK_WORDS * width};
		if (target_is_mapped(w->t, to, BLOCK_WORDS * width))
			put_span(w, &block);
	}
}

/* The first ident, in order, that is above addr, or their number. */
static size_t
ident_behind(const struct words *s, taddr addr)
{
	size_t lo = 0, hi = s->idents.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->idents.at[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The C stack of a thread, from its stack pointer to what it began with. */
static void
put_stack(struct walker *w, uint64_t sp)
{
	uint64_t width = target_machine(w->t)->ptr_width;
	const struct region *r = target_region(w->t, sp);
	struct word_span s = {.root = {.kind = ROOT_WORD,
				      .thread = HEAP_NONE,
				      .frame = HEAP_NONE,
				      .interp = HEAP_NONE}};
	bool has_end = false;

	if (r == NULL || r->path[0] == '/')
		return;
	s.span = (struct span){sp / width * width, target_mapping_end(w->t, r)};
	s.root.name = strtab_puts(w->names, "C stack");
	/* CPython: a thread's ident is its pthread_t, which the C libraries of Linux have
	 * at the stack's upper end. */
	size_t i = ident_behind(&w->words, s.span.start);
	if (i < w->words.idents.n && w->words.idents.at[i] < s.span.end) {
		s.span.end = w->words.idents.at[i];
		has_end = true;
	}
	if (s.span.end - s.span.start > STACK_MAX)
		s.span.end = s.span.start + STACK_MAX;
	put_span(w, &s);
	if (has_end)
		put_blocks(w, &s,
			s.span.end - s.span.start > OUTERMOST ? s.span.end - OUTERMOST
							      : s.span.start);
}

static int
compare_pointers(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* In order of addresses: a core lists threads in another order than the process does. */
static void
put_stacks(struct walker *w)
{
	size_t n = w->opts->n_stopped;
	CLEAN_FREE uint64_t *sp = xcalloc(n + 1, sizeof(*sp));

	for (size_t i = 0; i < n; i++)
		sp[i] = w->opts->stopped[i].sp;
	qsort(sp, n, sizeof(*sp), compare_pointers);
	if (w->words.idents.n > 0)
		qsort(w->words.idents.at, w->words.idents.n, sizeof(*w->words.idents.at),
			compare_pointers);
	for (size_t i = 0; i < n; i++)
		put_stack(w, sp[i]);
}

enum status
words_put(struct walker *w)
{
	struct heap_root r = {.kind = ROOT_WORD,
		.thread = HEAP_NONE,
		.frame = HEAP_NONE,
		.interp = HEAP_NONE};

	for (size_t i = 0; i < w->words.kept.n; i++) {
		taddr to = w->words.kept.at[i].to;
		r.to = idmap_get(&w->ids, to);
		if (r.to == OBJID_NONE && statics_is_plain(w, to))
			r.to = walk_discover(w, to);
		r.name = w->words.kept.at[i].name;
		if (r.to != OBJID_NONE)
			vec_push(&w->roots, r);
	}
	for (size_t i = 0; i < w->words.spans.n; i++)
		put_span(w, &w->words.spans.at[i]);
	put_stacks(w);
	return walk_drain(w);
}

void
words_fini(struct words *s)
{
	vec_fini(&s->kept);
	vec_fini(&s->spans);
	vec_fini(&s->idents);
}
