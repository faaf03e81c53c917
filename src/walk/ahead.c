/*
 * Decoding ahead: what has been discovered is decoded in batches by other threads, while
 * the walk is still busy with what was discovered before.
 *
 * The walk alone gives ids and puts to the sink, in the order that it has without helpers:
 * what they decode is what it would have, and what they cannot decode without changing
 * something is left to it (py_beside). So the same heap makes the same dump with any number
 * of threads. Batches are taken in order, by the helpers and, when it would have to wait
 * for one, by the walk.
 */
#include "priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	HELPERS_MAX = 15,
	BATCHES_EACH = 4, /* under way for each thread */
	BATCHES_MAX = BATCHES_EACH * (HELPERS_MAX + 1),
	/* Of a batch: what has more is left to the visit, which takes it piece by piece. */
	REFS_MAX = 1 << 15,
	TEXT_MAX = 1 << 18,
	/* How far ahead of the decoding memory is asked for. */
	AHEAD_HEADS = 8,
	AHEAD_BODIES = 4,
};

/* Who decodes: a thread's own reader, and what it puts its references through. */
struct decoder {
	struct ahead *a;
	struct py *p;
	struct ahead_batch *batch; /* at hand */
	struct refout out;
	pthread_t thread;
};

struct ahead {
	struct py *p;
	const struct queue *queue;
	size_t value_max;
	bool wants_notes;
	unsigned nhelpers;
	struct decoder *own, *helpers[HELPERS_MAX]; /* own is NULL before the first batch */
	size_t next;   /* index in the queue of the next batch's first */
	size_t cap; /* batches under way at most */
	struct ahead_batch *batches[BATCHES_MAX];

	pthread_mutex_t lock; /* of all that follows, and of is_done */
	pthread_cond_t changed;
	size_t given, taken, visited; /* batches so far */
	bool is_closing;
};

/* ---- decoding a batch ---- */

/* refout.flush: they are kept in the batch. */
static enum status
keep_refs(struct refout *o)
{
	struct decoder *d = o->self;
	struct ahead_batch *b = d->batch;

	if (b->refs.n + o->n > REFS_MAX)
		return MS_LIMIT;
	if (o->n == 0)
		return MS_OK;
	vec_reserve(&b->refs, b->refs.n + o->n);
	memcpy(b->refs.at + b->refs.n, o->at, o->n * sizeof(*o->at));
	b->refs.n += o->n;
	o->n = 0;
	return MS_OK;
}

/* Field by field: the processor waits for a copy of what was just written in other pieces. */
static bool
keep_value(struct ahead_batch *b, struct ahead_row *row, const struct heap_value *v)
{
	row->h.value.kind = v->kind;
	row->h.value.cut = v->cut;
	row->h.value.len = v->len;
	row->h.value.text_len = v->text_len;
	row->text = b->text.n;
	if (v->text_len > TEXT_MAX - b->text.n)
		return false;
	vec_reserve(&b->text, b->text.n + v->text_len + 1);
	if (v->text_len > 0)
		memcpy(b->text.at + b->text.n, v->text, v->text_len);
	b->text.n += v->text_len;
	return true;
}

static void
keep_notes(struct decoder *d, const struct pyobj *o, const struct heap_value *v,
	struct ahead_row *row)
{
	struct heap_note notes[PYNOTES_MAX];
	size_t n = py_notes(d->p, o, row->h.size, v, notes);

	for (size_t i = 0; i < n; i++)
		vec_push(&d->batch->notes, notes[i]);
	row->n_notes = (uint8_t)n;
	row->notes_read = py_notes_read(d->p);
}

/* False if it is for the visit: because of what it is, or because something went wrong. */
static bool
decode_object(struct decoder *d, taddr addr, struct ahead_row *row)
{
	struct py *p = d->p;
	struct pyobj o;
	bool is_base = false;

	if (py_obj(p, addr, &o) != MS_OK || o.type->buffer != NULL || py_asks(p, &o) != 0)
		return false;
	row->h = (struct heap_obj){
		.addr = addr, .type = o.type->id, .refcount = o.refcount};
	row->h.flags = py_flags(p, &o);
	if (py_size(p, &o, &row->h.size, &is_base) != MS_OK)
		return false;
	if (is_base)
		row->h.flags |= OF_SIZE_BASE;
	struct heap_value value = py_value(p, &o, d->a->value_max);
	if (!keep_value(d->batch, row, &value))
		return false;
	if (d->a->wants_notes)
		keep_notes(d, &o, &value, row);
	size_t before = d->batch->refs.n;
	d->out.n = 0;
	if (py_refs(p, &o, &d->out) != MS_OK || keep_refs(&d->out) != MS_OK)
		return false;
	row->n_refs = (uint32_t)(d->batch->refs.n - before);
	return true;
}

static void
decode_batch(struct decoder *d, struct ahead_batch *b)
{
	d->batch = b;
	b->notes.n = b->refs.n = b->text.n = 0;
	for (size_t i = 0; i < AHEAD_BATCH; i++) {
		struct ahead_row *row = &b->rows[i];
		size_t notes = b->notes.n, refs = b->refs.n, text = b->text.n;
		uint64_t left = py_left(d->p);
		if (i + AHEAD_HEADS < AHEAD_BATCH) {
			py_prefetch_head(d->p, b->addrs[i + AHEAD_HEADS]);
			py_prefetch(d->p, b->addrs[i + AHEAD_BODIES]);
		}
		row->n_notes = 0;
		row->n_refs = 0;
		row->notes_read = 0;
		row->is_left = !decode_object(d, b->addrs[i], row) ||
			py_left(d->p) != left;
		if (!row->is_left)
			continue;
		row->n_notes = 0;
		row->n_refs = 0;
		b->notes.n = notes;
		b->refs.n = refs;
		b->text.n = text;
	}
}

/* ---- helpers ---- */

static struct decoder *
decoder_new(struct ahead *a)
{
	struct decoder *d = xcalloc(1, sizeof(*d));

	d->a = a;
	d->p = py_beside(a->p);
	d->out.self = d;
	d->out.flush = keep_refs;
	return d;
}

static void
decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	py_close(d->p);
	free(d);
}

/* Decode the first batch that nobody has taken; the lock is held, but not meanwhile. */
static void
take_batch(struct ahead *a, struct decoder *d)
{
	struct ahead_batch *b = a->batches[a->taken++ % a->cap];

	pthread_mutex_unlock(&a->lock);
	decode_batch(d, b);
	pthread_mutex_lock(&a->lock);
	b->is_done = true;
	pthread_cond_broadcast(&a->changed);
}

static void *
help(void *self)
{
	struct decoder *d = self;
	struct ahead *a = d->a;

	pthread_mutex_lock(&a->lock);
	while (!a->is_closing) {
		if (a->taken < a->given)
			take_batch(a, d);
		else
			pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* With the first batch, which a small heap does not have. Fewer helpers than wanted are no harm. */
static void
start_helpers(struct ahead *a)
{
	sigset_t most, before;
	unsigned wanted = a->nhelpers;

	a->own = decoder_new(a);
	/* Signals are for the thread that was there before, but for what a bad page raises. */
	sigfillset(&most);
	sigdelset(&most, SIGBUS);
	sigdelset(&most, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &most, &before);
	for (a->nhelpers = 0; a->nhelpers < wanted; a->nhelpers++) {
		struct decoder *d = decoder_new(a);
		a->helpers[a->nhelpers] = d;
		if (pthread_create(&d->thread, NULL, help, d) != 0) {
			decoder_free(d);
			break;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the walk's side ---- */

/* Give out as many batches as there are objects for, up to the most that may be under way. */
static void
give_batches(struct ahead *a)
{
	const struct queue *q = a->queue;
	size_t n = 0;

	if (a->given == a->visited)
		a->next = q->taken;
	if (a->given - a->visited == a->cap || q->n - a->next < AHEAD_BATCH)
		return;
	if (a->own == NULL)
		start_helpers(a);
	for (; a->given + n - a->visited < a->cap && q->n - a->next >= AHEAD_BATCH; n++) {
		struct ahead_batch **b = &a->batches[(a->given + n) % a->cap];
		if (*b == NULL)
			*b = xcalloc(1, sizeof(**b));
		(*b)->is_done = false;
		for (size_t i = 0; i < AHEAD_BATCH; i++)
			(*b)->addrs[i] = queue_at(q, a->next++);
	}
	pthread_mutex_lock(&a->lock);
	a->given += n;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

struct ahead_batch *
ahead_next(struct ahead *a)
{
	if (a == NULL)
		return NULL;
	give_batches(a);
	if (a->given == a->visited)
		return NULL;
	struct ahead_batch *b = a->batches[a->visited % a->cap];
	pthread_mutex_lock(&a->lock);
	while (!b->is_done) {
		if (a->taken < a->given)
			take_batch(a, a->own);
		else
			pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return b;
}

void
ahead_done(struct ahead *a)
{
	a->visited++;
}

struct ahead *
ahead_new(struct py *p, const struct queue *q, const struct walk_opts *opts, bool wants_notes)
{
	unsigned threads = opts->threads > 0 ? opts->threads : 1;
	struct ahead *a = xcalloc(1, sizeof(*a));

	a->p = p;
	a->queue = q;
	a->value_max = opts->value_max;
	a->wants_notes = wants_notes;
	a->nhelpers = threads - 1 < HELPERS_MAX ? threads - 1 : HELPERS_MAX;
	a->cap = BATCHES_EACH * (a->nhelpers + (size_t)1);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	return a;
}

void
ahead_free(struct ahead *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_closing = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < a->nhelpers && a->own != NULL; i++) {
		pthread_join(a->helpers[i]->thread, NULL);
		decoder_free(a->helpers[i]);
	}
	decoder_free(a->own);
	for (size_t i = 0; i < a->cap; i++) {
		if (a->batches[i] == NULL)
			continue;
		vec_fini(&a->batches[i]->notes);
		vec_fini(&a->batches[i]->refs);
		vec_fini(&a->batches[i]->text);
		free(a->batches[i]);
	}
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	free(a);
}
