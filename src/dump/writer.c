/*
 * The sink that streams a dump: each call appends to the ends of a few columns. A column
 * is a buffer; a full buffer becomes an extent of the file, and the next one is longer,
 * so that small heaps make small files and large ones few extents. Nothing is written
 * twice and nothing is sought, which is why a pipe needs no code of its own.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/dump.h"
#include "memscan/limits.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

enum {
	EXTENT_MIN = DUMP_ALIGN, /* bytes of a column's first buffer */
	EXTENT_MAX = 4 << 20,    /* ten busy columns must not fill a small memory */
	EXTENT_SHARE = 64, /* a buffer is up to this part of what was written before: all of them fit a cache */
};

struct column {
	uint8_t *at;
	size_t n, cap;  /* bytes; cap is 0 or a multiple of DUMP_ALIGN */
	uint64_t total; /* bytes handed over */
};

struct dump_writer {
	struct outfile *out;
	struct extents *file;
	struct heap_sink sink;
	struct errbuf err; /* the first failure */
	bool is_finished;
	bool compress;
	struct dump_counts counts;
	uint32_t nstr;
	uint64_t own_refs; /* references of the last object so far */
	uint64_t ordered; /* ids that came in order of address */
	uint32_t after_buffer; /* 1 + object of the last buffer */
	uint64_t after_note;   /* object and kind of the last note, and one more */
	struct column col[DC_COUNT];
	VEC(uint64_t) addrs; /* of all objects, where they are to be sorted and the file cannot be read again */
	VEC(char) meta;      /* keys and values in turn, each with its NUL */
	VEC(uint8_t) record; /* a value record that crosses the end of its buffer */
};

/* ---- bytes to the file ---- */

/* Hand over what is buffered: it becomes an extent. */
static void
extent_end(struct dump_writer *w, enum dump_column id)
{
	struct column *c = &w->col[id];

	if (c->n == 0)
		return;
	enum status st = extents_put(w->file, id, c->at, c->n);
	if (st != MS_OK && w->err.code == MS_OK)
		st = extents_drain(w->file, &w->err);
	(void)st; /* It stays in w->err, which every call looks at. */
	c->total += c->n;
	c->n = c->cap = 0;
	c->at = NULL;
}

/* ---- bytes to a column ---- */

/* Make room in a full buffer: it becomes an extent, and the next may be longer. */
static __attribute__((noinline)) void
column_turn(struct dump_writer *w, enum dump_column id)
{
	struct column *c = &w->col[id];
	size_t cap = c->cap != 0 ? c->cap : EXTENT_MIN;

	extent_end(w, id);
	while (cap < EXTENT_MAX && c->total / EXTENT_SHARE >= 2 * cap)
		cap *= 2;
	c->at = xmalloc(cap);
	c->cap = cap;
}

static uint64_t
column_length(const struct dump_writer *w, enum dump_column id)
{
	return w->col[id].total + w->col[id].n;
}

/* Append one element whose size divides DUMP_ALIGN. */
static inline void
put_fixed(struct dump_writer *w, enum dump_column id, const void *p, size_t size)
{
	struct column *c = &w->col[id];

	if (c->n == c->cap)
		column_turn(w, id);
	memcpy(c->at + c->n, p, size);
	c->n += size;
}

static inline void
put_u64(struct dump_writer *w, enum dump_column id, uint64_t v)
{
	put_fixed(w, id, &v, sizeof(v));
}

static inline void
put_u32(struct dump_writer *w, enum dump_column id, uint32_t v)
{
	put_fixed(w, id, &v, sizeof(v));
}

/* Append any bytes. */
static void
put_bytes(struct dump_writer *w, enum dump_column id, const void *p, size_t n)
{
	struct column *c = &w->col[id];
	const uint8_t *at = p;

	for (size_t step; n > 0; at += step, n -= step) {
		if (c->n == c->cap)
			column_turn(w, id);
		step = n < c->cap - c->n ? n : c->cap - c->n;
		memcpy(c->at + c->n, at, step);
		c->n += step;
	}
}

/* ---- the sink ---- */

static enum status
sink_string(void *self, const char *text, size_t len)
{
	struct dump_writer *w = self;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (w->nstr == 0 && len != 0)
		return errbuf_set(&w->err, MS_USAGE, "string 0 is not the empty one");
	if (w->nstr == UINT32_MAX - 1)
		return errbuf_set(&w->err, MS_LIMIT, "too many strings for a dump");
	w->nstr++;
	put_u64(w, DC_STRO, column_length(w, DC_STRS));
	put_bytes(w, DC_STRS, text, len);
	put_bytes(w, DC_STRS, "", 1);
	return w->err.code;
}

static enum status
sink_type(void *self, const struct heap_type *t)
{
	struct dump_writer *w = self;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (w->counts.types == UINT32_MAX - 1)
		return errbuf_set(&w->err, MS_LIMIT, "too many types for a dump");
	w->counts.types++;
	put_bytes(w, DC_TYPE, t, sizeof(*t));
	return w->err.code;
}

static void
put_value(struct dump_writer *w, const struct heap_value *v)
{
	struct column *c = &w->col[DC_VALS];

	if (v->kind == VK_NONE && v->len == VALUE_NO_LEN) {
		put_fixed(w, DC_VALS, "", 1);
		return;
	}
	size_t max = value_record_max(v);
	if (max <= c->cap - c->n) {
		c->n += value_record_put(c->at + c->n, v);
		return;
	}
	vec_reserve(&w->record, max);
	put_bytes(w, DC_VALS, w->record.at, value_record_put(w->record.at, v));
}

/* An object that does not fit the 32-bit columns. */
static __attribute__((noinline)) void
put_big(struct dump_writer *w, uint32_t id, const struct heap_obj *o)
{
	struct heap_big big = {.id = id, .size = o->size, .refcount = o->refcount};

	put_bytes(w, DC_OBIG, &big, sizeof(big));
}

/* All references of the last object have come. */
static inline void
put_own_refs(struct dump_writer *w)
{
	uint8_t n = w->own_refs < DUMP_MANY ? (uint8_t)w->own_refs : DUMP_MANY;

	put_fixed(w, DC_REFF, &n, sizeof(n));
	if (n == DUMP_MANY) {
		struct dumpfmt_many many = {
			.id = (uint32_t)w->counts.objects - 1, .n = w->own_refs};
		put_bytes(w, DC_REFB, &many, sizeof(many));
	}
	w->own_refs = 0;
}

/* Whether the addresses cannot be had from the file again. */
static bool
must_keep_addrs(const struct dump_writer *w)
{
	return !w->out->seekable || w->compress;
}

static enum status
sink_object(void *self, const struct heap_obj *o)
{
	struct dump_writer *w = self;
	uint32_t id = (uint32_t)w->counts.objects;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (id == LIM_OBJECTS)
		return errbuf_set(&w->err, MS_LIMIT, "too many objects for a dump");
	if (id > 0)
		put_own_refs(w);
	w->counts.objects++;
	w->counts.bytes += o->size;
	if (id % HEAP_VALUE_STRIDE == 0)
		put_u64(w, DC_VALA, column_length(w, DC_VALS));
	if (!w->sink.is_ordering && must_keep_addrs(w))
		vec_push(&w->addrs, o->addr);
	if (o->size >= UINT32_MAX || o->refcount >= UINT32_MAX)
		put_big(w, id, o);
	uint16_t flags = (uint16_t)o->flags;
	put_u64(w, DC_OADR, o->addr);
	put_u32(w, DC_OTYP, o->type);
	put_u32(w, DC_OSIZ, o->size < UINT32_MAX ? (uint32_t)o->size : UINT32_MAX);
	put_u32(w, DC_ORFC,
		o->refcount < UINT32_MAX ? (uint32_t)o->refcount : UINT32_MAX);
	put_fixed(w, DC_OFLG, &flags, sizeof(flags));
	put_value(w, &o->value);
	return w->err.code;
}

static enum status
sink_refs(void *self, const struct heap_ref *r, size_t n)
{
	struct dump_writer *w = self;
	struct column *tos = &w->col[DC_REFT], *labels = &w->col[DC_REFL];
	uint64_t guessed = 0;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (w->counts.objects == 0)
		return errbuf_set(
			&w->err, MS_USAGE, "references before the first object");
	w->counts.refs += n;
	w->own_refs += n;
	/* The two columns have equal elements, so that they fill and turn together. */
	for (size_t step; n > 0; r += step, n -= step) {
		if (tos->n == tos->cap) {
			column_turn(w, DC_REFT);
			column_turn(w, DC_REFL);
		}
		size_t room = (tos->cap - tos->n) / 4;
		step = n < room ? n : room;
		uint8_t *to = tos->at + tos->n, *label = labels->at + labels->n;
		for (size_t i = 0; i < step; i++) {
			memcpy(to + 4 * i, &r[i].to, 4);
			memcpy(label + 4 * i, &r[i].label, 4);
			guessed += (r[i].label & REF_GUESS) != 0;
		}
		tos->n += 4 * step;
		labels->n += 4 * step;
	}
	w->counts.guessed += guessed;
	return w->err.code;
}

static enum status
sink_order(void *self, const objid *ids, size_t n)
{
	struct dump_writer *w = self;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (!w->sink.is_ordering || n > w->counts.objects - w->ordered)
		return errbuf_set(&w->err, MS_USAGE,
			"order of addresses: unannounced, or of too many objects");
	w->ordered += n;
	put_bytes(w, DC_OSRT, ids, n * sizeof(*ids));
	return w->err.code;
}

static enum status
sink_buffer(void *self, const struct heap_buffer *b)
{
	struct dump_writer *w = self;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (b->object < w->after_buffer || b->object == OBJID_NONE)
		return errbuf_set(
			&w->err, MS_USAGE, "buffers are not in order of their objects");
	w->after_buffer = b->object + 1;
	put_bytes(w, DC_OBUF, b, sizeof(*b));
	return w->err.code;
}

/* A column that has one element an object, all at once. */
static enum status
put_whole(struct dump_writer *w, enum dump_column c, const void *p, size_t n)
{
	if (w->err.code != MS_OK)
		return w->err.code;
	if (n != w->counts.objects || column_length(w, c) != 0)
		return errbuf_set(&w->err, MS_USAGE,
			"column %s: not once for all objects", column_info[c].name);
	put_bytes(w, c, p, n * column_info[c].size);
	return w->err.code;
}

static enum status
sink_generations(void *self, const uint8_t *generation, size_t n)
{
	return put_whole(self, DC_OGEN, generation, n);
}

static enum status
sink_owners(void *self, const uint16_t *interp, size_t n)
{
	return put_whole(self, DC_OINT, interp, n);
}

static enum status
sink_interp(void *self, const struct heap_interp *i)
{
	struct dump_writer *w = self;

	put_bytes(w, DC_INTR, i, sizeof(*i));
	return w->err.code;
}

static enum status
sink_note(void *self, const struct heap_note *n)
{
	struct dump_writer *w = self;
	uint64_t place = (uint64_t)n->object << 32 | n->kind;

	if (w->err.code != MS_OK)
		return w->err.code;
	if (place < w->after_note || n->object == OBJID_NONE)
		return errbuf_set(
			&w->err, MS_USAGE, "notes are not in order of their objects");
	w->after_note = place + 1;
	put_fixed(w, DC_ONTE, n, sizeof(*n));
	return w->err.code;
}

static enum status
sink_thread(void *self, const struct heap_thread *t)
{
	struct dump_writer *w = self;

	put_bytes(w, DC_THRD, t, sizeof(*t));
	return w->err.code;
}

static enum status
sink_frame(void *self, const struct heap_frame *f)
{
	struct dump_writer *w = self;

	put_bytes(w, DC_FRAM, f, sizeof(*f));
	return w->err.code;
}

static enum status
sink_root(void *self, const struct heap_root *r)
{
	struct dump_writer *w = self;

	put_bytes(w, DC_ROOT, r, sizeof(*r));
	return w->err.code;
}

static enum status
sink_region(void *self, const struct heap_region *r)
{
	struct dump_writer *w = self;

	put_bytes(w, DC_RGNS, r, sizeof(*r));
	return w->err.code;
}

static enum status
sink_damage(void *self, const struct heap_damage *d)
{
	struct dump_writer *w = self;

	w->counts.damage += d->count;
	put_bytes(w, DC_DMGE, d, sizeof(*d));
	return w->err.code;
}

/*
 * Kept until the end: its texts become strings, whose ids must not be mixed with the
 * emitter's.
 */
static enum status
sink_meta(void *self, const char *key, const char *value)
{
	struct dump_writer *w = self;
	const char *texts[2] = {key, value};

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(texts[i]) + 1;
		vec_reserve(&w->meta, w->meta.n + n);
		memcpy(w->meta.at + w->meta.n, texts[i], n);
		w->meta.n += n;
	}
	return w->err.code;
}

/* ---- the end ---- */

/* The strings of meta and what else is known only now. */
static void
finish_columns(struct dump_writer *w)
{
	enum status st = MS_OK;

	if (w->nstr == 0)
		st = sink_string(w, "", 0);
	for (size_t at = 0; at < w->meta.n && st == MS_OK;
		at += strlen(w->meta.at + at) + 1) {
		const char *text = w->meta.at + at;
		put_u32(w, DC_META, w->nstr);
		st = sink_string(w, text, strlen(text));
	}
	put_u64(w, DC_STRO, column_length(w, DC_STRS));
	if (w->counts.objects > 0)
		put_own_refs(w);
}

/* Map the addresses that are in the file. */
static enum status
map_addrs(struct dump_writer *w, struct chunk_map *map, struct errbuf *eb)
{
	struct chunk_shape shape = {w->col[DC_OADR].total, sizeof(uint64_t), false};
	VEC(struct dumpfmt_extent) own = {0};
	size_t n;

	enum status st = extents_drain(w->file, eb);
	if (st != MS_OK)
		return st;
	const struct dumpfmt_extent *rows = extents_rows(w->file, &n);
	for (size_t i = 0; i < n; i++)
		if (memcmp(rows[i].column, column_info[DC_OADR].name, 4) == 0)
			vec_push(&own, rows[i]);
	st = chunk_map(w->out->fd, own.at, own.n, &shape, map, eb);
	vec_fini(&own);
	return st;
}

/* Make OSRT, where it was not given, from the addresses: those kept, or those in the file. */
static enum status
finish_sorted(struct dump_writer *w, struct errbuf *eb)
{
	CLEAN(chunk_unmap) struct chunk_map map = {0};
	CLEAN_FREE uint32_t *ids = NULL;
	const uint64_t *addrs = w->addrs.at;
	uint32_t n = (uint32_t)w->counts.objects;
	enum status st = MS_OK;

	if (w->sink.is_ordering && w->ordered != n)
		return errbuf_set(eb, MS_USAGE,
			"order of addresses: %llu of %u objects",
			(unsigned long long)w->ordered, n);
	if (n == 0 || w->sink.is_ordering)
		return MS_OK;
	extent_end(w, DC_OADR);
	if (!must_keep_addrs(w)) {
		st = map_addrs(w, &map, eb);
		addrs = (const uint64_t *)(const void *)map.at;
	}
	if (st == MS_OK)
		st = mem_checked(n, sizeof(*ids), LIM_OBJECTS * sizeof(*ids), &ids, eb);
	if (st == MS_OK)
		st = addr_sort(addrs, n, ids, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "order of addresses");
	put_bytes(w, DC_OSRT, ids, n * sizeof(*ids));
	return w->err.code;
}

enum status
dump_writer_finish(struct dump_writer *w, struct errbuf *eb)
{
	if (w->err.code == MS_OK && w->is_finished)
		return errbuf_set(eb, MS_USAGE, "the dump is finished already");
	w->is_finished = true;
	if (w->err.code == MS_OK)
		finish_columns(w);
	if (w->err.code == MS_OK) {
		struct errbuf failed = {0};
		if (finish_sorted(w, &failed) != MS_OK && w->err.code == MS_OK)
			w->err = failed;
	}
	/* Extents that are mapped go before those that are packed: fewer gaps. */
	for (unsigned c = 0; c < DC_COUNT; c++)
		if (w->col[c].n >= DUMP_ALIGN)
			extent_end(w, (enum dump_column)c);
	for (unsigned c = 0; c < DC_COUNT; c++)
		extent_end(w, (enum dump_column)c);
	if (w->err.code == MS_OK && extents_finish(w->file, &w->err) == MS_OK)
		return MS_OK;
	*eb = w->err;
	return w->err.code;
}

/* ---- life ---- */

enum status
dump_writer_new(struct outfile *out, struct dump_writer **ret, struct errbuf *eb)
{
	struct dump_writer *w = xcalloc(1, sizeof(*w));
	struct dumpfmt_header header = {
		.magic = DUMP_MAGIC,
		.major = DUMP_MAJOR,
		.minor = DUMP_MINOR,
		.header_size = sizeof(header),
	};

	w->out = out;
	w->file = extents_new(out);
	w->sink = (struct heap_sink){
		.self = w,
		.string = sink_string,
		.type = sink_type,
		.object = sink_object,
		.refs = sink_refs,
		.order = sink_order,
		.buffer = sink_buffer,
		.generations = sink_generations,
		.owners = sink_owners,
		.interp = sink_interp,
		.note = sink_note,
		.thread = sink_thread,
		.frame = sink_frame,
		.root = sink_root,
		.region = sink_region,
		.damage = sink_damage,
		.meta = sink_meta,
	};
	enum status st = extents_write(w->file, &header, sizeof(header), eb);
	if (st != MS_OK) {
		dump_writer_free(w);
		return st;
	}
	*ret = w;
	return MS_OK;
}

void
dump_writer_tune(struct dump_writer *w, unsigned threads, bool compress)
{
	w->compress = compress;
	extents_tune(w->file, threads, compress);
}

struct heap_sink *
dump_writer_sink(struct dump_writer *w)
{
	return &w->sink;
}

struct dump_counts
dump_writer_counts(const struct dump_writer *w)
{
	struct dump_counts counts = w->counts;

	counts.file_bytes = extents_bytes(w->file);
	return counts;
}

void
dump_writer_free(struct dump_writer *w)
{
	if (w == NULL)
		return;
	extents_free(w->file);
	for (unsigned c = 0; c < DC_COUNT; c++)
		free(w->col[c].at);
	vec_fini(&w->addrs);
	vec_fini(&w->meta);
	vec_fini(&w->record);
	free(w);
}
