/*
 * The roots: what keeps objects alive that is no object itself. Modules, interpreter and
 * thread state, frames with their locals, static objects; then whatever the GC lists hold
 * besides.
 */
#include "priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memscan/limits.h"

uint32_t
roots_from(const struct walker *w)
{
	if (w->root.interp != HEAP_NONE)
		return FROM_ROOT | w->root.interp;
	return FROM_ROOT |
		(w->root.kind == ROOT_TRACKED ? INTERP_UNKNOWN : INTERP_SHARED);
}

static void
root_add(struct walker *w, taddr to, enum root_kind kind, uint32_t name)
{
	w->root.kind = kind;
	objid id = walk_discover(w, to);

	if (id == OBJID_NONE) {
		damage_note(&w->damage, "root that is no object", to);
		return;
	}
	struct heap_root r = w->root;
	r.to = id;
	r.name = name;
	vec_push(&w->roots, r);
}

/*
 * refout.flush while roots are put: w->root.kind says of what; frames tell locals from
 * the rest.
 */
static enum status
flush_roots(struct refout *o)
{
	struct walker *w = o->self;
	enum root_kind of = w->root.kind;

	for (size_t i = 0; i < o->n; i++) {
		uint32_t label = o->at[i].label;
		enum root_kind kind = of;
		uint32_t name = ref_payload(label);
		if (kind == ROOT_FRAME && ref_kind(label) == RK_LOCAL)
			kind = ROOT_LOCAL;
		if (kind == ROOT_FRAME && ref_kind(label) == RK_STACK) {
			kind = ROOT_STACK;
			name = 0;
		}
		root_add(w, o->at[i].to, kind, name);
	}
	w->root.kind = of;
	o->n = 0;
	return MS_OK;
}

/* Begin putting roots of a kind through w->out. */
static void
begin_roots(struct walker *w, enum root_kind kind)
{
	w->root.kind = kind;
	w->out.flush = flush_roots;
	w->out.self = w;
	w->out.n = 0;
}

static bool
put_module(void *self, taddr key, taddr value)
{
	struct walker *w = self;
	char name[LIM_NAME];
	size_t len = 0;

	if (py_str_text(w->p, key, name, sizeof(name), &len) != MS_OK)
		len = 0;
	root_add(w, value, ROOT_MODULE, strtab_put(w->names, name, len));
	return true;
}

/* ---- threads and their frames ---- */

static enum status
put_frame(void *self, const struct pyframe *f)
{
	struct walker *w = self;
	char text[LIM_NAME];
	size_t len;
	struct heap_frame h = {
		.thread = w->root.thread, .code = OBJID_NONE, .lasti = (int32_t)f->lasti};
	struct pyobj code;

	if (f->code != 0 && py_obj(w->p, f->code, &code) == MS_OK) {
		h.code = walk_discover(w, f->code);
		h.line = py_line(w->p, f->code, f->lasti);
		struct heap_value name = py_value(w->p, &code, LIM_NAME - 1);
		h.function = strtab_put(
			w->names, name.text_len ? name.text : "", name.text_len);
		taddr file = py_code_filename(w->p, f->code);
		if (py_str_text(w->p, file, text, sizeof(text), &len) == MS_OK)
			h.file = strtab_put(w->names, text, len);
	}
	enum status st = w->sink->frame(w->sink->self, &h);
	if (st != MS_OK)
		return st;
	struct span rest;
	if (py_frame_rest(w->p, f, &rest))
		words_keep_span(w, rest, "evaluation stack");
	begin_roots(w, ROOT_FRAME);
	if (py_frame_refs(w->p, f, &w->out) != MS_OK)
		damage_note(&w->damage, "frame cannot be read", f->addr);
	st = w->out.flush(&w->out);
	w->root.frame++;
	return st;
}

static enum status
put_thread(struct walker *w, const struct pythread *th)
{
	uint64_t native_id = th->native_id;
	/* Up to 3.10 Python does not keep it. */
	if (native_id == 0 && w->opts->native_id != NULL)
		native_id = w->opts->native_id(w->opts->thread_name_self, th->ident);
	const char *name = w->opts->thread_name != NULL && native_id != 0
		? w->opts->thread_name(w->opts->thread_name_self, native_id)
		: "";
	struct heap_thread h = {
		.ident = th->ident,
		.native_id = native_id,
		.name = strtab_puts(w->names, name),
		.interp = w->root.interp,
	};
	enum status st = w->sink->thread(w->sink->self, &h);
	if (st != MS_OK)
		return st;

	uint32_t frame = w->root.frame;
	w->root.frame = HEAP_NONE;
	words_keep_thread(w, th);
	begin_roots(w, ROOT_THREAD);
	if (py_thread_refs(w->p, th->addr, &w->out) != MS_OK)
		damage_note(&w->damage, "thread state cannot be read", th->addr);
	st = w->out.flush(&w->out);
	words_told(w);
	w->root.frame = frame;
	if (st != MS_OK)
		return st;
	st = py_frames(w->p, th->addr, put_frame, w);
	if (st == MS_FAULT || st == MS_LIMIT) {
		damage_note(&w->damage, "chain of frames is broken", th->addr);
		st = MS_OK;
	}
	w->root.thread++;
	w->stats.threads++;
	return st;
}

static enum status
put_threads(struct walker *w, const struct pyinterp *in)
{
	CLEAN_FREE struct pythread *threads = NULL;
	size_t n = 0;
	taddr holder = 0;

	if (py_threads(w->p, in->addr, &threads, &n) != MS_OK)
		damage_note(&w->damage, "list of threads is broken", in->addr);
	bool knows_gil = py_gil_holder(w->p, in->addr, &holder);
	w->knows_gil |= knows_gil;
	for (size_t i = 0; i < n; i++) {
		if (knows_gil && threads[i].addr == holder)
			vec_push(&w->gil_holders, w->root.thread);
		enum status st = put_thread(w, &threads[i]);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/* Who held the GIL, as a list of indices of threads: empty if nobody did, and no entry if
 * that is not known. */
static enum status
put_gil_holders(struct walker *w)
{
	CLEAN_FREE char *text = NULL;
	size_t len = 0, room = w->gil_holders.n * sizeof(" 4294967295") + 1;

	if (!w->knows_gil)
		return MS_OK;
	text = xcalloc(room, 1);
	for (size_t i = 0; i < w->gil_holders.n; i++)
		len += (size_t)snprintf(text + len, room - len, "%s%" PRIu32,
			i > 0 ? " " : "", w->gil_holders.at[i]);
	return w->sink->meta(w->sink->self, "gil_holders", text);
}

/* ---- interpreters ---- */

static enum status
put_interp(struct walker *w, const struct pyinterp *in)
{
	uint32_t thread = w->root.thread, frame = w->root.frame;

	w->root.thread = w->root.frame = HEAP_NONE;
	taddr modules = py_sys_modules(w->p, in->addr);
	if (modules != 0 && py_dict_each(w->p, modules, put_module, w) != MS_OK)
		damage_note(&w->damage, "sys.modules cannot be read", modules);
	begin_roots(w, ROOT_INTERP);
	if (py_interp_refs(w->p, in->addr, &w->out) != MS_OK)
		damage_note(&w->damage, "interpreter state cannot be read", in->addr);
	enum status st = w->out.flush(&w->out);
	if (st == MS_OK && w->root.interp != 0)
		st = py_type_state_refs(w->p, in->addr, &w->out);
	if (st == MS_OK)
		st = w->out.flush(&w->out);
	w->root.thread = thread;
	w->root.frame = frame;
	if (st != MS_OK)
		return st;
	return put_threads(w, in);
}

static const struct heap_root root_of_none = {
	.thread = HEAP_NONE, .frame = HEAP_NONE, .interp = HEAP_NONE};

static enum status
put_static(struct walker *w)
{
	w->root = root_of_none;
	begin_roots(w, ROOT_STATIC);
	enum status st = py_type_refs(w->p, &w->out);
	if (st == MS_OK)
		st = w->out.flush(&w->out);
	if (st != MS_OK)
		return st;
	begin_roots(w, ROOT_SMALL);
	st = py_static_refs(w->p, &w->out);
	if (st == MS_OK)
		st = w->out.flush(&w->out);
	if (st != MS_OK)
		return st;
	taddr interned = py_interned_dict(w->p);
	if (interned != 0)
		root_add(w, interned, ROOT_INTERNED, 0);
	return MS_OK;
}

enum status
roots_put(struct walker *w, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	enum status st = py_interpreters(w->p, &interps, &n, eb);
	w->belong.has_owners = st == MS_OK && n > 1;
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		struct heap_interp h = {.addr = interps[i].addr, .id = interps[i].id};
		w->root.interp = (uint32_t)i;
		st = w->sink->interp(w->sink->self, &h);
		if (st == MS_OK)
			st = put_interp(w, &interps[i]);
		w->stats.interpreters++;
	}
	if (st == MS_OK)
		st = put_gil_holders(w);
	return st == MS_OK ? put_static(w) : st;
}

/* ---- what no root leads to ---- */

static enum status
put_tracked(void *self, const struct pytracked *o)
{
	struct walker *w = self;
	objid id = idmap_get(&w->ids, o->addr);
	bool is_new = id == OBJID_NONE;

	if (is_new) {
		root_add(w, o->addr, ROOT_TRACKED, 0);
		id = idmap_get(&w->ids, o->addr);
	}
	if (id != OBJID_NONE)
		belong_set(&w->belong, id, o, w->root.interp);
	return is_new ? walk_drain(w) : MS_OK;
}

enum status
roots_put_tracked(struct walker *w, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	enum status st = py_interpreters(w->p, &interps, &n, eb);
	bool is_shared = st == MS_OK && n > 1 && py_gc_is_shared(w->p);
	w->root = root_of_none;
	for (size_t i = 0; i < (is_shared ? 1 : n) && st == MS_OK; i++) {
		struct pygc_breaks b = {0};
		if (!is_shared)
			w->root.interp = (uint32_t)i;
		st = py_gc_each(w->p, interps[i].addr, put_tracked, w, &b);
		w->stats.broken_links += b.n;
		if (st != MS_FAULT && st != MS_FORMAT)
			continue;
		/* An object that was just being put in or taken out breaks one link, and hides no other. */
		if (b.is_lost || b.n != 1 || !midst_has(&w->midst, w->t, w->opts, b.at))
			walk_damage(w, "GC list is broken", b.at);
		st = MS_OK;
	}
	return st;
}

/* Types that objects have, but nothing refers to: static ones of C modules. */
enum status
roots_put_types(struct walker *w)
{
	w->root = root_of_none;
	for (uint32_t i = 0; i < py_type_count(w->p); i++) {
		taddr addr = py_type_at(w->p, i)->addr;
		if (idmap_get(&w->ids, addr) != OBJID_NONE)
			continue;
		root_add(w, addr, ROOT_STATIC, 0);
		enum status st = walk_drain(w);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

enum status
roots_emit(struct walker *w)
{
	for (size_t i = 0; i < w->roots.n; i++) {
		enum status st = w->sink->root(w->sink->self, &w->roots.at[i]);
		if (st != MS_OK)
			return st;
	}
	w->stats.roots = w->roots.n;
	return MS_OK;
}
