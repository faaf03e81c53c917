/*
 * The queue and the visit: each object is read once, in order of its id, and emitted with
 * its references.
 */
#include "priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"
#include "memscan/log.h"

objid
walk_discover(struct walker *w, taddr addr)
{
	if (!is_pointer_aligned(addr, target_machine(w->t)->ptr_width))
		return OBJID_NONE;
	objid id = idmap_get(&w->ids, addr);
	if (id != OBJID_NONE)
		return id;
	if (py_type_of(w->p, addr) == NULL || w->queue.n >= LIM_OBJECTS)
		return OBJID_NONE;
	id = (objid)w->queue.n;
	if (!idmap_put(&w->ids, addr, id))
		return OBJID_NONE;
	queue_push(&w->queue, addr);
	belong_add(&w->belong, w->from != FROM_ROOT ? w->from : roots_from(w));
	return id;
}

void
walk_damage(struct walker *w, const char *reason, taddr addr)
{
	if (midst_has(&w->midst, w->t, w->opts, addr))
		reason = "stopped just while a thread was changing it";
	damage_note(&w->damage, reason, addr);
}

/* ---- references out of the current object ---- */

/* A dict value stands behind its key; one whose key made no sense is named as a field. */
static uint32_t
settle_label(struct walker *w, uint32_t label)
{
	if (ref_kind(label) == RK_VALUE && !w->after_key)
		label = (label & (REF_HIDDEN | REF_GUESS)) |
			ref_label(RK_FIELD, strtab_puts(w->names, "value"));
	w->after_key = ref_kind(label) == RK_KEY;
	return label;
}

/* How far ahead of a reference and of a visit memory is asked for. */
enum { AHEAD_REFS = 8, AHEAD_HEADS = 8, AHEAD_BODIES = 4 };

static void
prefetch_ref(struct walker *w, taddr to)
{
	idmap_prefetch(&w->ids, to);
	target_prefetch_word(w->t, to + 8); /* of its type, in most */
}

/*
 * Addresses become ids, and go to the sink. n is at most REFOUT_ROOM; more references than
 * those n may follow, which will be put soon.
 */
static enum status
put_refs(struct walker *w, const struct pyref *at, size_t n, size_t following)
{
	size_t put = 0;

	for (size_t i = 0; i < n; i++) {
		if (i + AHEAD_REFS < n + following)
			prefetch_ref(w, at[i + AHEAD_REFS].to);
		objid to = walk_discover(w, at[i].to);
		if (to == OBJID_NONE) {
			w->after_key = false;
			if (!(at[i].label & REF_GUESS))
				walk_damage(w, "reference to what is no object",
					w->current);
			continue;
		}
		w->batch[put++] = (struct heap_ref){
			.to = to, .label = settle_label(w, at[i].label)};
		w->stats.guessed += (at[i].label & REF_GUESS) != 0;
	}
	w->stats.refs += put;
	return put > 0 ? w->sink->refs(w->sink->self, w->batch, put) : MS_OK;
}

/* refout.flush while visiting. */
static enum status
flush_refs(struct refout *o)
{
	struct walker *w = o->self;
	size_t n = o->n;

	for (size_t i = 0; i < n && i < AHEAD_REFS; i++)
		prefetch_ref(w, o->at[i].to);
	o->n = 0;
	return put_refs(w, o->at, n, 0);
}

/*
 * An object that was found, but cannot be read any more: its id stands for something, so
 * it is emitted.
 */
static enum status
emit_unreadable(struct walker *w, taddr addr)
{
	struct heap_obj h = {
		.addr = addr, .flags = OF_DAMAGED, .value = {.len = VALUE_NO_LEN}};
	const struct pytype *ty = py_type_of(w->p, addr);

	walk_damage(w, "object cannot be read", addr);
	h.type = ty != NULL ? ty->id : 0;
	return w->sink->object(w->sink->self, &h);
}

/*
 * Its code is asked before the object is emitted, because a flag of the object tells the
 * outcome.
 */
static bool
must_scan(struct walker *w, const struct pyobj *o, uint64_t size)
{
	taddr ask = py_asks(w->p, o);

	if (ask == 0 || foreign_traverse(&w->foreign, ask, o->addr, size) == MS_OK)
		return false;
	py_type_set_how(w->p, o->type->id, HOW_SCAN);
	return true;
}

static enum status
emit_refs(struct walker *w, const struct pyobj *o, uint64_t size, bool is_scanned)
{
	w->current = o->addr;
	w->after_key = false;
	w->out.n = 0;
	uint64_t before = w->stats.refs;
	enum status st = py_refs(w->p, o, &w->out);
	if (st == MS_OK && (w->stats.refs == before || py_has_table(o->type)))
		words_keep_unseen(w, o->addr, o->type, w->out.at, w->out.n);
	if (st == MS_ABSENT && is_scanned)
		st = opaque_refs(w, o, size);
	else if (st == MS_FAULT || st == MS_FORMAT || st == MS_ABSENT) {
		walk_damage(w, "references cannot be read", o->addr);
		st = MS_OK;
	}
	if (st != MS_OK)
		return st;
	return w->out.n > 0 ? flush_refs(&w->out) : MS_OK;
}

/* What the sink is told beside the object that was just emitted. */
static enum status
emit_notes(struct walker *w, objid id, const struct pyobj *o, const struct heap_obj *h)
{
	struct heap_note notes[PYNOTES_MAX];
	enum status st = MS_OK;

	if (w->sink->note == NULL || (h->flags & (OF_DAMAGED | OF_GUESSED)))
		return MS_OK;
	size_t n = py_notes(w->p, o, h->size, &h->value, notes);
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		notes[i].object = id;
		st = w->sink->note(w->sink->self, &notes[i]);
	}
	return st;
}

/* Has the object changed since it was read? Its references have been emitted by now. */
static void
look_again(struct walker *w, const struct pyobj *o, const uint8_t then[PYCHANGE_VIEW])
{
	uint8_t now[PYCHANGE_VIEW];

	const struct region *r = target_region(w->t, o->addr);
	if (r == NULL)
		return;
	uint64_t left = r->end - o->addr;
	memcpy(now, then, sizeof(now));
	enum status st = target_again(
		w->t, o->addr, now, left < sizeof(now) ? (size_t)left : sizeof(now));
	if (st == MS_ABSENT)
		return;
	enum pychange what = st == MS_OK ? py_changed(w->p, o->type, then, now) : PY_GONE;
	w->stats.changed += what == PY_CHANGED;
	w->stats.gone += what == PY_GONE;
}

static enum status
visit(struct walker *w, objid id, taddr addr)
{
	struct pyobj o;
	bool is_base = false;
	uint8_t then[PYCHANGE_VIEW];

	if (py_obj(w->p, addr, &o) != MS_OK)
		return emit_unreadable(w, addr);
	if (w->opts->is_running)
		memcpy(then, o.p, sizeof(then));
	struct heap_obj h = {.addr = addr, .type = o.type->id, .refcount = o.refcount};
	h.flags = py_flags(w->p, &o);
	if (data_holds(&w->data, addr))
		h.flags |= OF_STATIC;
	if (w->belong.has_owners && (h.flags & OF_STATIC))
		belong_set_shared(&w->belong, id);
	if (py_size(w->p, &o, &h.size, &is_base) != MS_OK) {
		walk_damage(w, "size makes no sense", addr);
		h.size = 0;
		h.flags |= OF_DAMAGED;
	}
	if (is_base)
		h.flags |= OF_SIZE_BASE;
	bool is_scanned = must_scan(w, &o, h.size);
	if (is_scanned)
		h.flags |= OF_GUESSED;
	h.value = py_value(w->p, &o, w->opts->value_max);
	w->stats.bytes += h.size;
	enum status st = w->sink->object(w->sink->self, &h);
	if (st != MS_OK)
		return st;
	bool has_buffer = o.type->buffer != NULL;
	st = emit_notes(w, id, &o, &h);
	if (st == MS_OK)
		st = emit_refs(w, &o, h.size, is_scanned);
	if (has_buffer && st == MS_OK)
		buffers_add(w, id, addr, h.size);
	if (w->opts->is_running)
		look_again(w, &o, then);
	return st;
}

/* Take the next object of the queue, to visit it. */
static taddr
take_next(struct walker *w, objid *id)
{
	*id = (objid)w->queue.taken;
	w->from = *id;
	if (*id % 16384 == 0 && w->opts->progress != NULL)
		w->opts->progress(w->opts->progress_self, *id);
	return queue_next(&w->queue);
}

static enum status
visit_next(struct walker *w)
{
	size_t at = w->queue.taken;
	objid id;

	if (at + AHEAD_HEADS < w->queue.n) {
		target_prefetch(w->t, queue_at(&w->queue, at + AHEAD_HEADS));
		py_prefetch(w->p, queue_at(&w->queue, at + AHEAD_BODIES));
	}
	taddr addr = take_next(w, &id);
	return visit(w, id, addr);
}

/* ---- what was decoded ahead ---- */

/* Where in a batch the notes and references of a row are. */
struct batch_at {
	struct ahead_batch *b;
	size_t notes, refs;
};

static enum status
visit_decoded(struct walker *w, objid id, struct ahead_row *row, struct batch_at *at)
{
	const struct pyref *refs = at->b->refs.at + at->refs;
	size_t following = at->b->refs.n - at->refs;

	row->h.value.text = at->b->text.at + row->text;
	if (data_holds(&w->data, row->h.addr))
		row->h.flags |= OF_STATIC;
	words_keep_unseen(
		w, row->h.addr, py_type_at(w->p, row->h.type), refs, row->n_refs);
	if (w->belong.has_owners && (row->h.flags & OF_STATIC))
		belong_set_shared(&w->belong, id);
	w->stats.bytes += row->h.size;
	enum status st = w->sink->object(w->sink->self, &row->h);
	for (size_t i = 0; i < row->n_notes && st == MS_OK; i++) {
		struct heap_note *note = &at->b->notes.at[at->notes + i];
		note->object = id;
		st = w->sink->note(w->sink->self, note);
	}
	w->current = row->h.addr;
	w->after_key = false;
	for (size_t n = row->n_refs; n > 0 && st == MS_OK;) {
		size_t now = n < REFOUT_ROOM ? n : REFOUT_ROOM;
		following -= now;
		st = put_refs(w, refs, now, following);
		refs += now;
		n -= now;
	}
	return st;
}

/* The objects of a batch, those that were left to the visit among them. */
static enum status
visit_batch(struct walker *w, struct ahead_batch *b)
{
	struct batch_at at = {.b = b};
	enum status st = MS_OK;

	for (size_t i = 0; i < b->refs.n && i < AHEAD_REFS; i++)
		prefetch_ref(w, b->refs.at[i].to);
	for (size_t i = 0; i < AHEAD_BATCH && st == MS_OK; i++) {
		struct ahead_row *row = &b->rows[i];
		objid id;
		taddr addr = take_next(w, &id);
		if (row->is_left || !py_book_notes(w->p, row->notes_read))
			st = visit(w, id, addr);
		else
			st = visit_decoded(w, id, row, &at);
		w->stats.batched += !row->is_left;
		at.notes += row->n_notes;
		at.refs += row->n_refs;
	}
	return st;
}

enum status
walk_drain(struct walker *w)
{
	enum status st = MS_OK;

	w->out.flush = flush_refs;
	w->out.self = w;
	w->out.n = 0;
	while (w->queue.taken < w->queue.n && st == MS_OK) {
		struct ahead_batch *b = ahead_next(w->ahead);
		if (b == NULL) {
			st = visit_next(w);
			continue;
		}
		st = visit_batch(w, b);
		ahead_done(w->ahead);
	}
	w->from = FROM_ROOT;
	return st;
}

/* ---- what is emitted at the end ---- */

/* All looking up is over: the map can go. */
static enum status
emit_order(struct walker *w)
{
	enum status st = MS_OK;

	if (w->sink->order != NULL)
		st = idmap_each(&w->ids, w->sink->order, w->sink->self);
	idmap_fini(&w->ids);
	return st;
}

static enum status
emit_regions(struct walker *w)
{
	size_t n;
	const struct region *r = target_regions(w->t, &n);

	for (size_t i = 0; i < n; i++) {
		struct heap_region h = {
			.start = r[i].start,
			.end = r[i].end,
			.prot = r[i].prot,
			.path = strtab_puts(w->names, r[i].path),
		};
		/* How a copy was divided is nobody's concern; what it lacks is called unreadable. */
		for (; i + 1 < n && r[i + 1].is_next_part; i++) {
			h.end = r[i + 1].end;
			h.prot |= r[i + 1].prot;
		}
		enum status st = w->sink->region(w->sink->self, &h);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
emit_types(struct walker *w)
{
	for (uint32_t i = 0; i < py_type_count(w->p); i++) {
		const struct pytype *ty = py_type_at(w->p, i);
		struct heap_type h = {
			.addr = ty->addr,
			.name = ty->name,
			.module = ty->module,
			.flags = ty->flags,
			.how = ty->how,
			.basicsize = ty->basicsize,
			.itemsize = ty->itemsize,
		};
		enum status st = w->sink->type(w->sink->self, &h);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
emit_strings(struct walker *w)
{
	for (uint32_t i = 0; i < strtab_count(w->names); i++) {
		size_t len;
		const char *text = strtab_get(w->names, i, &len);
		enum status st = w->sink->string(w->sink->self, text, len);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/* What the interpreter met and did not know, for `info -v`. */
static enum status
emit_unknown_opcodes(struct walker *w)
{
	const char *text;
	uint64_t count;

	for (size_t i = 0; w->foreign.emu != NULL &&
		emu_unknown_at(w->foreign.emu, i, &text, &count);
		i++) {
		char key[96], value[32];
		snprintf(key, sizeof(key), "unknown_opcode.%s", text);
		snprintf(value, sizeof(value), "%" PRIu64, count);
		enum status st = w->sink->meta(w->sink->self, key, value);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/* Memory that was taken for a raw buffer, and was none. */
static void
note_missed(struct walker *w)
{
	size_t n;
	const struct span *missed = target_missed(w->t, &n);

	for (size_t i = 0; i < n; i++)
		damage_note(&w->damage, "needed, and left out of the copy",
			missed[i].start);
}

static enum status
walk_all(struct walker *w, struct errbuf *eb)
{
	for (size_t i = 0; i < w->opts->n_known; i++)
		for (uint64_t k = 0; k < w->opts->known[i].count; k++)
			damage_note(&w->damage, w->opts->known[i].reason,
				w->opts->known[i].at);
	enum status st = roots_put(w, eb);
	if (st == MS_OK)
		st = walk_drain(w);
	if (st == MS_OK)
		st = roots_put_tracked(w, eb);
	if (st == MS_OK)
		st = roots_put_types(w);
	if (st == MS_OK && w->queue.n >= LIM_OBJECTS)
		return errbuf_set(eb, MS_LIMIT, "more than %lu objects", LIM_OBJECTS);
	if (st == MS_OK)
		st = roots_put_native(w);
	if (st == MS_OK)
		st = words_put(w);
	if (st == MS_OK)
		st = emit_order(w);
	if (st == MS_OK)
		st = roots_emit(w);
	if (st == MS_OK)
		st = buffers_emit(w);
	if (st == MS_OK)
		st = belong_emit(&w->belong, w->sink);
	if (st == MS_OK)
		st = emit_regions(w);
	note_missed(w);
	if (st == MS_OK)
		st = damage_emit(&w->damage, w->names, w->sink);
	if (st == MS_OK)
		st = emit_unknown_opcodes(w);
	if (st == MS_OK)
		st = emit_types(w);
	if (st == MS_OK)
		st = emit_strings(w);
	return st;
}

enum status
walk_run(struct py *p, struct target *t, struct strtab *names, struct heap_sink *sink,
	const struct walk_opts *opts, struct walk_stats *ret, struct errbuf *eb)
{
	struct walker *w = xcalloc(1, sizeof(*w));

	w->p = p;
	w->t = t;
	w->names = names;
	w->sink = sink;
	w->opts = opts;
	w->from = FROM_ROOT;
	idmap_init(&w->ids, target_machine(t)->ptr_width);
	sink->is_ordering = true;
	foreign_init(&w->foreign, p, t, opts);
	data_init(&w->data, t, opts->modules);
	struct py_hooks hooks = foreign_hooks(&w->foreign);
	py_set_hooks(p, &hooks);
	w->ahead = ahead_new(p, &w->queue, opts, sink->note != NULL);

	enum status st = walk_all(w, eb);
	w->stats.objects = w->queue.n;
	w->stats.damage = w->damage.total;
	w->stats.interpreted = w->foreign.calls;
	w->stats.unknown = w->foreign.unknown;
	if (w->foreign.emu != NULL)
		w->stats.instructions = emu_stats(w->foreign.emu).instructions;
	*ret = w->stats;

	ahead_free(w->ahead);
	py_set_hooks(p, &(struct py_hooks){0});
	foreign_fini(&w->foreign);
	data_fini(&w->data);
	words_fini(&w->words);
	idmap_fini(&w->ids);
	queue_fini(&w->queue);
	vec_fini(&w->buffers);
	vec_fini(&w->roots);
	vec_fini(&w->gil_holders);
	belong_fini(&w->belong);
	vec_fini(&w->damage.lines);
	midst_fini(&w->midst);
	free(w);
	return st;
}
