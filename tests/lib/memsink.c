/*
 * The recording sink. It shares only the value record with the code under test: columns
 * are plain growing arrays, and the order of addresses comes from qsort.
 */
#include "memsink.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/strtab.h"
#include "memscan/vec.h"

struct memsink {
	struct heap_sink sink;
	struct heap heap;
	VEC(uint64_t) addr;
	VEC(uint32_t) type;
	VEC(uint32_t) size32;
	VEC(uint32_t) count32;
	VEC(uint16_t) flags;
	VEC(uint64_t) first;
	VEC(uint32_t) to;
	VEC(uint32_t) label;
	VEC(uint32_t) by_addr;
	VEC(struct heap_big) big;
	VEC(struct heap_buffer) buffers;
	VEC(struct heap_note) notes;
	VEC(uint64_t) value_at;
	VEC(uint8_t) values;
	VEC(struct heap_type) types;
	VEC(struct heap_root) roots;
	VEC(uint8_t) generation;
	VEC(uint16_t) interp;
	VEC(struct heap_interp) interps;
	VEC(struct heap_thread) threads;
	VEC(struct heap_frame) frames;
	VEC(struct heap_region) regions;
	VEC(struct heap_damage) damage;
	VEC(uint64_t) str_at;
	VEC(char) str;
	VEC(char *) meta_texts; /* key and value in turn */
	struct strtab *made;    /* strings of memsink_str */
	/* Made anew for each view: strings emitted, then those of meta. */
	VEC(uint64_t) all_str_at;
	VEC(char) all_str;
	VEC(struct heap_meta) meta;
};

/* ---- the sink ---- */

static enum status
record_string(void *self, const char *text, size_t len)
{
	struct memsink *m = self;

	ck_assert_msg(m->str_at.n > 0 || len == 0, "string 0 is not the empty one");
	vec_push(&m->str_at, m->str.n);
	vec_reserve(&m->str, m->str.n + len + 1);
	memcpy(m->str.at + m->str.n, text, len);
	m->str.at[m->str.n + len] = '\0';
	m->str.n += len + 1;
	return MS_OK;
}

static enum status
record_type(void *self, const struct heap_type *t)
{
	struct memsink *m = self;

	vec_push(&m->types, *t);
	return MS_OK;
}

static enum status
record_object(void *self, const struct heap_obj *o)
{
	struct memsink *m = self;
	uint32_t id = (uint32_t)m->addr.n;

	if (o->size >= UINT32_MAX || o->refcount >= UINT32_MAX)
		vec_push(&m->big, (struct heap_big){id, 0, o->size, o->refcount});
	vec_push(&m->addr, o->addr);
	vec_push(&m->type, o->type);
	vec_push(&m->size32, o->size < UINT32_MAX ? (uint32_t)o->size : UINT32_MAX);
	vec_push(&m->count32,
		o->refcount < UINT32_MAX ? (uint32_t)o->refcount : UINT32_MAX);
	vec_push(&m->flags, (uint16_t)o->flags);
	vec_push(&m->first, m->to.n);
	if (id % HEAP_VALUE_STRIDE == 0)
		vec_push(&m->value_at, m->values.n);
	vec_reserve(&m->values, m->values.n + value_record_max(&o->value));
	m->values.n += value_record_put(m->values.at + m->values.n, &o->value);
	return MS_OK;
}

static enum status
record_refs(void *self, const struct heap_ref *r, size_t n)
{
	struct memsink *m = self;

	ck_assert_msg(m->addr.n > 0, "references before the first object");
	for (size_t i = 0; i < n; i++) {
		vec_push(&m->to, r[i].to);
		vec_push(&m->label, r[i].label);
	}
	return MS_OK;
}

static enum status
record_buffer(void *self, const struct heap_buffer *b)
{
	struct memsink *m = self;

	ck_assert_msg(m->buffers.n == 0 || b->object > m->buffers.at[m->buffers.n - 1].object,
		"buffers are not in order of their objects");
	vec_push(&m->buffers, *b);
	return MS_OK;
}

static enum status
record_generations(void *self, const uint8_t *generation, size_t n)
{
	struct memsink *m = self;

	ck_assert_uint_eq(n, m->addr.n);
	for (size_t i = 0; i < n; i++)
		vec_push(&m->generation, generation[i]);
	return MS_OK;
}

static enum status
record_owners(void *self, const uint16_t *interp, size_t n)
{
	struct memsink *m = self;

	ck_assert_uint_eq(n, m->addr.n);
	for (size_t i = 0; i < n; i++)
		vec_push(&m->interp, interp[i]);
	return MS_OK;
}

static enum status
record_interp(void *self, const struct heap_interp *i)
{
	struct memsink *m = self;

	vec_push(&m->interps, *i);
	return MS_OK;
}

static enum status
record_note(void *self, const struct heap_note *n)
{
	struct memsink *m = self;
	const struct heap_note *last = m->notes.n > 0 ? &m->notes.at[m->notes.n - 1] : NULL;

	ck_assert_msg(n->object + 1 == m->addr.n, "a note is not of the last object");
	ck_assert_msg(last == NULL || n->object > last->object ||
			(n->object == last->object && n->kind > last->kind),
		"notes are not in order");
	ck_assert_uint_lt(n->kind, NOTE_COUNT);
	vec_push(&m->notes, *n);
	return MS_OK;
}

static enum status
record_thread(void *self, const struct heap_thread *t)
{
	struct memsink *m = self;

	vec_push(&m->threads, *t);
	return MS_OK;
}

static enum status
record_frame(void *self, const struct heap_frame *f)
{
	struct memsink *m = self;

	vec_push(&m->frames, *f);
	return MS_OK;
}

static enum status
record_root(void *self, const struct heap_root *r)
{
	struct memsink *m = self;

	vec_push(&m->roots, *r);
	return MS_OK;
}

static enum status
record_region(void *self, const struct heap_region *r)
{
	struct memsink *m = self;

	vec_push(&m->regions, *r);
	return MS_OK;
}

static enum status
record_damage(void *self, const struct heap_damage *d)
{
	struct memsink *m = self;

	vec_push(&m->damage, *d);
	return MS_OK;
}

static enum status
record_meta(void *self, const char *key, const char *value)
{
	struct memsink *m = self;

	vec_push(&m->meta_texts, xstrdup(key));
	vec_push(&m->meta_texts, xstrdup(value));
	return MS_OK;
}

struct memsink *
memsink_new(void)
{
	struct memsink *m = xcalloc(1, sizeof(*m));

	m->sink = (struct heap_sink){
		.self = m,
		.string = record_string,
		.type = record_type,
		.object = record_object,
		.refs = record_refs,
		.buffer = record_buffer,
		.generations = record_generations,
		.owners = record_owners,
		.interp = record_interp,
		.note = record_note,
		.thread = record_thread,
		.frame = record_frame,
		.root = record_root,
		.region = record_region,
		.damage = record_damage,
		.meta = record_meta,
	};
	return m;
}

struct heap_sink *
memsink_sink(struct memsink *m)
{
	return &m->sink;
}

void
memsink_free(struct memsink *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->meta_texts.n; i++)
		free(m->meta_texts.at[i]);
	vec_fini(&m->meta_texts);
	vec_fini(&m->addr);
	vec_fini(&m->type);
	vec_fini(&m->size32);
	vec_fini(&m->count32);
	vec_fini(&m->flags);
	vec_fini(&m->first);
	vec_fini(&m->to);
	vec_fini(&m->label);
	vec_fini(&m->by_addr);
	vec_fini(&m->big);
	vec_fini(&m->buffers);
	vec_fini(&m->notes);
	vec_fini(&m->value_at);
	vec_fini(&m->values);
	vec_fini(&m->types);
	vec_fini(&m->roots);
	vec_fini(&m->generation);
	vec_fini(&m->interp);
	vec_fini(&m->interps);
	vec_fini(&m->threads);
	vec_fini(&m->frames);
	vec_fini(&m->regions);
	vec_fini(&m->damage);
	vec_fini(&m->str_at);
	vec_fini(&m->str);
	vec_fini(&m->all_str_at);
	vec_fini(&m->all_str);
	vec_fini(&m->meta);
	strtab_free(m->made);
	free(m);
}

/* ---- the view ---- */

static int
compare_addr(const void *pa, const void *pb, void *arg)
{
	const struct memsink *m = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	if (m->addr.at[a] != m->addr.at[b])
		return m->addr.at[a] < m->addr.at[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void
view_text(struct memsink *m, const char *p, size_t n)
{
	vec_reserve(&m->all_str, m->all_str.n + n);
	memcpy(m->all_str.at + m->all_str.n, p, n);
	m->all_str.n += n;
}

/* What the dump has at its end: sorted ids, meta's strings, and the ends of offset
 * columns. */
static void
complete(struct memsink *m)
{
	m->by_addr.n = 0;
	for (uint32_t i = 0; i < m->addr.n; i++)
		vec_push(&m->by_addr, i);
	if (m->addr.n > 0)
		qsort_r(m->by_addr.at, m->by_addr.n, sizeof(uint32_t), compare_addr, m);
	if (m->str_at.n == 0)
		record_string(m, "", 0);
	m->meta.n = m->all_str.n = m->all_str_at.n = 0;
	for (size_t i = 0; i < m->str_at.n; i++)
		vec_push(&m->all_str_at, m->str_at.at[i]);
	view_text(m, m->str.at, m->str.n);
	for (size_t i = 0; i < m->meta_texts.n; i++) {
		uint32_t id = (uint32_t)m->all_str_at.n;
		if (i % 2 == 0)
			vec_push(&m->meta, (struct heap_meta){id, id + 1});
		vec_push(&m->all_str_at, m->all_str.n);
		view_text(m, m->meta_texts.at[i], strlen(m->meta_texts.at[i]) + 1);
	}
	vec_push(&m->all_str_at, m->all_str.n);
	vec_push(&m->first, m->to.n);
}

static void
check_ids(const struct heap *h)
{
	uint32_t named = 1u << RK_ATTR | 1u << RK_SLOT | 1u << RK_LOCAL | 1u << RK_FIELD |
		1u << RK_CLOSURE;

	for (uint32_t i = 0; i < h->ntype; i++)
		ck_assert(h->types[i].name < h->nstr && h->types[i].module < h->nstr);
	for (uint32_t i = 0; i < h->nobj; i++)
		ck_assert_uint_lt(h->type[i], h->ntype);
	for (uint64_t r = 0; r < h->nref; r++) {
		uint32_t kind = ref_kind(h->label[r]), payload = ref_payload(h->label[r]);
		ck_assert_uint_lt(h->to[r], h->nobj);
		ck_assert_uint_lt(kind, RK_COUNT);
		if ((named >> kind & 1) != 0)
			ck_assert(payload < h->nstr || payload == REF_PAYLOAD_MAX);
	}
	for (uint32_t i = 0; i < h->nobj; i++)
		if (h->first[i] < h->first[i + 1])
			ck_assert(ref_kind(h->label[h->first[i]]) != RK_VALUE);
	for (uint64_t r = 1; r < h->nref; r++)
		if (ref_kind(h->label[r]) == RK_VALUE)
			ck_assert(ref_kind(h->label[r - 1]) == RK_KEY);
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		ck_assert(r->to < h->nobj && r->kind < ROOT_COUNT && r->name < h->nstr);
		ck_assert(r->thread < h->nthread || r->thread == HEAP_NONE);
		ck_assert(r->frame < h->nframe || r->frame == HEAP_NONE);
		ck_assert(h->ninterp == 0 || r->interp < h->ninterp || r->interp == HEAP_NONE);
	}
	for (uint32_t i = 0; i < h->nbuffer; i++) {
		const struct heap_buffer *b = &h->buffers[i];
		ck_assert(b->object < h->nobj && b->name < h->nstr);
		ck_assert(b->owner < h->nobj || b->owner == OBJID_NONE);
		ck_assert(!(b->flags & BUFFER_OWNED) != !(b->flags & BUFFER_VIEW));
	}
	for (uint32_t i = 0; i < h->nthread; i++)
		ck_assert_uint_lt(h->threads[i].name, h->nstr);
	for (uint32_t i = 0; i < h->nframe; i++) {
		const struct heap_frame *f = &h->frames[i];
		ck_assert(f->thread < h->nthread && f->function < h->nstr &&
			f->file < h->nstr);
		ck_assert(f->code < h->nobj || f->code == OBJID_NONE);
	}
	for (uint32_t i = 0; i < h->nregion; i++)
		ck_assert(h->regions[i].path < h->nstr &&
			h->regions[i].start <= h->regions[i].end);
	for (uint32_t i = 0; i < h->ndamage; i++)
		ck_assert(h->damage[i].reason < h->nstr && h->damage[i].n_examples <= 4);
}

const struct heap *
memsink_heap(struct memsink *m)
{
	complete(m);
	m->heap = (struct heap){
		.nobj = (uint32_t)m->addr.n,
		.ntype = (uint32_t)m->types.n,
		.nstr = (uint32_t)m->all_str_at.n - 1,
		.nref = m->to.n,
		.nroot = (uint32_t)m->roots.n,
		.ninterp = (uint32_t)m->interps.n,
		.nthread = (uint32_t)m->threads.n,
		.nframe = (uint32_t)m->frames.n,
		.nregion = (uint32_t)m->regions.n,
		.ndamage = (uint32_t)m->damage.n,
		.nmeta = (uint32_t)m->meta.n,
		.addr = m->addr.at,
		.type = m->type.at,
		.size32 = m->size32.at,
		.count32 = m->count32.at,
		.flags = m->flags.at,
		.generation = m->generation.n > 0 ? m->generation.at : NULL,
		.interp = m->interp.n > 0 ? m->interp.at : NULL,
		.first = m->first.at,
		.to = m->to.at,
		.label = m->label.at,
		.by_addr = m->by_addr.at,
		.big = m->big.at,
		.nbig = (uint32_t)m->big.n,
		.buffers = m->buffers.at,
		.nbuffer = (uint32_t)m->buffers.n,
		.notes = m->notes.at,
		.nnote = (uint32_t)m->notes.n,
		.value_at = m->value_at.at,
		.values = m->values.at,
		.nvalues = m->values.n,
		.types = m->types.at,
		.roots = m->roots.at,
		.interps = m->interps.at,
		.threads = m->threads.at,
		.frames = m->frames.at,
		.regions = m->regions.at,
		.damage = m->damage.at,
		.str_at = m->all_str_at.at,
		.str = m->all_str.at,
		.meta = m->meta.at,
	};
	/* The end of `first` is for the view: the next object begins there itself. */
	m->first.n--;
	check_ids(&m->heap);
	return &m->heap;
}

/* ---- by hand ---- */

uint32_t
memsink_str(struct memsink *m, const char *text)
{
	if (m->made == NULL) {
		m->made = strtab_new();
		record_string(m, "", 0);
	}
	uint32_t known = strtab_count(m->made), id = strtab_puts(m->made, text);
	if (id == known)
		record_string(m, text, strlen(text));
	return id;
}

uint32_t
memsink_add_type(struct memsink *m, const char *module, const char *name)
{
	struct heap_type t = {.how = HOW_SHAPE, .basicsize = 16};

	t.name = memsink_str(m, name);
	t.module = memsink_str(m, module);
	t.addr = 0x500000 + 0x1000 * m->types.n;
	record_type(m, &t);
	return (uint32_t)m->types.n - 1;
}

objid
memsink_add_value(struct memsink *m, uint32_t type, taddr addr, uint64_t size,
	enum value_kind kind, const char *text)
{
	struct heap_obj o = {
		.addr = addr,
		.size = size,
		.refcount = 1,
		.type = type,
		.value = {.kind = kind,
			.len = VALUE_NO_LEN,
			.text = text,
			.text_len = strlen(text)},
	};

	if (kind == VK_STR || kind == VK_BYTES)
		o.value.len = o.value.text_len;
	record_object(m, &o);
	return (objid)m->addr.n - 1;
}

objid
memsink_add_obj(struct memsink *m, uint32_t type, taddr addr, uint64_t size)
{
	return memsink_add_value(m, type, addr, size, VK_NONE, "");
}

uint64_t
memsink_add_ref(struct memsink *m, objid to, enum ref_kind kind, uint64_t payload)
{
	struct heap_ref r = {to, ref_label(kind, payload)};

	record_refs(m, &r, 1);
	return m->to.n - 1;
}

uint64_t
memsink_add_hidden(struct memsink *m, objid to, enum ref_kind kind, uint64_t payload)
{
	struct heap_ref r = {to, ref_label(kind, payload) | REF_HIDDEN};

	record_refs(m, &r, 1);
	return m->to.n - 1;
}

void
memsink_add_root(struct memsink *m, objid to, enum root_kind kind, const char *name)
{
	struct heap_root r = {
		.to = to,
		.kind = kind,
		.name = memsink_str(m, name),
		.thread = HEAP_NONE,
		.frame = HEAP_NONE,
	};

	record_root(m, &r);
}
