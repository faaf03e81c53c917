/*
 * Everything that is in a dump, one JSON record a line, for programs in other
 * languages. The records are described in memscan-info(1), EXPORT; what is there stays.
 */
#include "priv.h"

#include <inttypes.h>
#include <sys/mman.h>

/* A member whose value is a string of the heap; front has its key. */
static void
put_string(struct out *o, const char *front, const struct heap *h, uint32_t id)
{
	size_t len;
	const char *text = heap_str(h, id, &len);

	out_str(o, front);
	out_json(o, text, len);
}

static void
put_number(struct out *o, const char *front, uint64_t v)
{
	out_str(o, front);
	out_u64(o, v);
}

static void
put_meta(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->nmeta; i++) {
		put_string(o, "{\"record\": \"meta\", \"key\": ", h, h->meta[i].key);
		put_string(o, ", \"value\": ", h, h->meta[i].value);
		out_str(o, "}\n");
	}
}

static void
put_types(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->ntype; i++) {
		const struct heap_type *t = &h->types[i];
		put_number(o, "{\"record\": \"type\", \"address\": ", t->addr);
		put_string(o, ", \"name\": ", h, t->name);
		put_string(o, ", \"module\": ", h, t->module);
		put_number(o, ", \"flags\": ", t->flags);
		put_number(o, ", \"basicsize\": ", t->basicsize);
		put_number(o, ", \"itemsize\": ", t->itemsize);
		out_str(o, ", \"how\": \"");
		out_str(o, type_how_name((enum type_how)t->how));
		out_str(o, "\"}\n");
	}
}

/* ---- objects ---- */

static void
put_flags(struct out *o, uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
#define ROW(id, bit, name) {bit, "\"" name "\""},
		HEAP_OBJ_FLAGS(ROW)
#undef ROW
	};
	const char *comma = "";

	out_str(o, ", \"flags\": [");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if ((flags & names[i].bit) == 0)
			continue;
		out_str(o, comma);
		out_str(o, names[i].name);
		comma = ", ";
	}
	out_char(o, ']');
}

/* Texts, decimal ints and finite floats are exact in JSON; anything else is a string. */
static void
put_value(struct out *o, const struct heap_value *v)
{
	if (v->len != VALUE_NO_LEN)
		put_number(o, ", \"len\": ", v->len);
	if (v->kind == VK_NONE)
		return;
	out_str(o, ", \"value_kind\": \"");
	out_str(o, value_kind_name(v->kind));
	out_str(o, "\", \"value\": ");
	bool is_number = (v->kind == VK_INT || v->kind == VK_FLOAT) && !v->cut &&
		json_is_number(v->text, v->text_len);
	if (is_number)
		out_bytes(o, v->text, v->text_len);
	else if (v->kind == VK_BOOL && v->text_len > 0)
		out_str(o, v->text[0] == 'T' ? "true" : "false");
	else if (v->kind == VK_BYTES)
		out_json_bytes(o, v->text, v->text_len);
	else
		out_json(o, v->text, v->text_len);
	if (v->cut)
		out_str(o, ", \"cut\": true");
}

static void
put_refs(struct out *o, const struct heap *h, objid i, struct out *name)
{
	out_str(o, ", \"refs\": [");
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		uint32_t label = h->label[r];
		put_number(o,
			r > h->first[i] ? ", {\"to\": " : "{\"to\": ", h->addr[h->to[r]]);
		out_str(o, ", \"kind\": \"");
		out_str(o, ref_kind_name(ref_kind(label)));
		out_char(o, '"');
		name->b.n = 0;
		label_put(name, h, i, r, true);
		if (name->b.n > 0) {
			out_str(o, ", \"name\": ");
			out_json(o, name->b.at, name->b.n);
		}
		/* A key of a table that several dicts share is referred to once. */
		if (ref_kind(label) == RK_KEY && ref_payload(label) == KEY_SHARED)
			out_str(o, ", \"shared\": true");
		if ((label & REF_HIDDEN) != 0)
			out_str(o, ", \"hidden\": true");
		if ((label & REF_GUESS) != 0)
			out_str(o, ", \"guess\": true");
		out_char(o, '}');
	}
	out_char(o, ']');
}

static void
put_truth(struct out *o, const char *front, bool is_true)
{
	out_str(o, front);
	out_str(o, is_true ? "true" : "false");
}

static void
put_buffer(struct out *o, const struct heap *h, const struct heap_buffer *b)
{
	put_number(o, ", \"buffer\": {\"address\": ", b->addr);
	put_number(o, ", \"bytes\": ", b->bytes);
	put_number(o, ", \"length\": ", b->length);
	put_truth(o, ", \"owned\": ", (b->flags & BUFFER_OWNED) != 0);
	put_truth(o, ", \"in_size\": ", (b->flags & BUFFER_IN_SIZE) != 0);
	put_truth(o, ", \"mapped\": ", (b->flags & BUFFER_MAPPED) != 0);
	if (b->owner != OBJID_NONE)
		put_number(o, ", \"owner\": ", h->addr[b->owner]);
	if (b->name != 0)
		put_string(o, ", \"description\": ", h, b->name);
	out_char(o, '}');
}

/* Which generation it is in, and whose it is, as far as there is a choice. */
static void
put_belonging(struct out *o, const struct heap *h, objid i)
{
	enum heap_generation g = heap_generation_of(h, i);
	uint32_t whose = heap_interp_of(h, i);

	if (g != GENERATION_NONE) {
		out_str(o, ", \"generation\": \"");
		out_str(o, generation_name(g));
		out_char(o, '"');
	}
	if (h->interp == NULL)
		return;
	if (whose == INTERP_SHARED)
		out_str(o, ", \"shared\": true");
	else if (whose != INTERP_UNKNOWN)
		put_number(o, ", \"interpreter\": ", whose);
}

/* The notes of object i, from number `next` on; returns the number of the one after. */
static uint32_t
put_notes(struct out *o, const struct heap *h, objid i, uint32_t next)
{
	const char *front = ", \"notes\": {";
	bool has_any = false;

	if (next >= h->nnote || h->notes[next].object != i)
		return next;
	for (; next < h->nnote && h->notes[next].object == i; next++) {
		const struct heap_note *n = &h->notes[next];
		if (n->kind >= NOTE_COUNT)
			continue;
		out_printf(o, "%s\"%s\": ", front,
			note_kind_name((enum note_kind)n->kind));
		/* More than the 53 bits of a JSON number are a text. */
		if (n->kind == NOTE_DIGEST)
			out_printf(o, "\"%016" PRIx64 "\"", n->n);
		else
			out_printf(o, "%" PRIu64, n->n);
		front = ", ";
		has_any = true;
	}
	if (has_any)
		out_char(o, '}');
	return next;
}

/* Types as JSON strings, made once: names.b.at[at[t] .. at[t + 1]). */
struct names {
	struct out text;
	size_t *at;
};

static void
names_fini(struct names *n)
{
	out_fini(&n->text);
	free(n->at);
}

static void
names_init(struct names *n, const struct heap *h)
{
	CLEAN(out_fini) struct out raw = {0};

	*n = (struct names){.at = xcalloc((size_t)h->ntype + 1, sizeof(*n->at))};
	for (uint32_t t = 0; t < h->ntype; t++) {
		raw.b.n = 0;
		type_put(&raw, h, t);
		out_json(&n->text, raw.b.n > 0 ? raw.b.at : "", raw.b.n);
		n->at[t + 1] = n->text.b.n;
	}
}

static enum status
put_objects(struct out *o, const struct heap *h, const struct bitset *of,
	struct errbuf *eb)
{
	CLEAN(names_fini) struct names names;
	CLEAN(out_fini) struct out name = {0};
	const uint8_t *value = h->values;
	uint32_t next = 0, note = 0; /* buffer, note */

	names_init(&names, h);
	for (objid i = 0; i < h->nobj; i++) {
		uint32_t t = h->type[i];
		struct heap_value v;
		enum status st =
			value_record_get(value, h->values + h->nvalues, &v, &value);
		if (st != MS_OK)
			return errbuf_set(
				eb, st, "the value record of object %u is malformed", i);
		if (of != NULL && !bitset_has(of, i)) {
			next += next < h->nbuffer && h->buffers[next].object == i;
			while (note < h->nnote && h->notes[note].object == i)
				note++;
			continue;
		}
		put_number(o, "{\"record\": \"object\", \"address\": ", h->addr[i]);
		out_str(o, ", \"type\": ");
		out_bytes(
			o, names.text.b.at + names.at[t], names.at[t + 1] - names.at[t]);
		put_number(o, ", \"size\": ", heap_size(h, i));
		put_number(o, ", \"refcount\": ", heap_refcount(h, i));
		put_flags(o, h->flags[i]);
		put_belonging(o, h, i);
		put_value(o, &v);
		if (next < h->nbuffer && h->buffers[next].object == i)
			put_buffer(o, h, &h->buffers[next++]);
		note = put_notes(o, h, i, note);
		put_refs(o, h, i, &name);
		out_str(o, "}\n");
	}
	return MS_OK;
}

/* ---- the rest ---- */

static void
put_interps(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->ninterp; i++) {
		put_number(o, "{\"record\": \"interpreter\", \"interpreter\": ", i);
		put_number(o, ", \"id\": ", h->interps[i].id);
		put_number(o, ", \"address\": ", h->interps[i].addr);
		out_str(o, "}\n");
	}
}

static void
put_frame(struct out *o, const struct heap *h, uint32_t k)
{
	const struct heap_frame *f = &h->frames[k];

	put_number(o, "{\"frame\": ", k);
	put_string(o, ", \"function\": ", h, f->function);
	put_string(o, ", \"file\": ", h, f->file);
	put_number(o, ", \"line\": ", f->line);
	out_printf(o, ", \"lasti\": %d", f->lasti);
	if (f->code < h->nobj)
		put_number(o, ", \"code\": ", h->addr[f->code]);
	out_char(o, '}');
}

/* Frames by thread, put in order by counting: a dump may have a million of either. */
static void
put_threads(struct out *o, const struct heap *h)
{
	CLEAN_FREE uint32_t *first = xcalloc((size_t)h->nthread + 2, sizeof(*first));
	CLEAN_FREE uint32_t *frames = xcalloc(h->nframe, sizeof(*frames));

	for (uint32_t k = 0; k < h->nframe; k++)
		if (h->frames[k].thread < h->nthread)
			first[h->frames[k].thread + 2]++;
	for (uint32_t i = 0; i < h->nthread; i++)
		first[i + 2] += first[i + 1];
	for (uint32_t k = 0; k < h->nframe; k++)
		if (h->frames[k].thread < h->nthread)
			frames[first[h->frames[k].thread + 1]++] = k;
	for (uint32_t i = 0; i < h->nthread; i++) {
		const struct heap_thread *t = &h->threads[i];
		put_number(o, "{\"record\": \"thread\", \"thread\": ", i);
		put_number(o, ", \"ident\": ", t->ident);
		put_number(o, ", \"native_id\": ", t->native_id);
		put_string(o, ", \"name\": ", h, t->name);
		put_number(o, ", \"interpreter\": ", t->interp);
		out_str(o, ", \"frames\": [");
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			out_str(o, k > first[i] ? ", " : "");
			put_frame(o, h, frames[k]);
		}
		out_str(o, "]}\n");
	}
}

static void
put_roots(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		put_number(o, "{\"record\": \"root\", \"to\": ", h->addr[r->to]);
		out_str(o, ", \"kind\": \"");
		out_str(o, root_kind_name((enum root_kind)r->kind));
		out_char(o, '"');
		if (r->name != 0)
			put_string(o, ", \"name\": ", h, r->name);
		if (r->thread != HEAP_NONE)
			put_number(o, ", \"thread\": ", r->thread);
		if (r->frame != HEAP_NONE)
			put_number(o, ", \"frame\": ", r->frame);
		if (r->interp != HEAP_NONE)
			put_number(o, ", \"interpreter\": ", r->interp);
		out_str(o, "}\n");
	}
}

static void
put_regions(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->nregion; i++) {
		const struct heap_region *r = &h->regions[i];
		put_number(o, "{\"record\": \"region\", \"start\": ", r->start);
		put_number(o, ", \"end\": ", r->end);
		put_number(o, ", \"resident\": ", r->resident);
		out_printf(o, ", \"prot\": \"%c%c%c\"",
			(r->prot & PROT_READ) != 0 ? 'r' : '-',
			(r->prot & PROT_WRITE) != 0 ? 'w' : '-',
			(r->prot & PROT_EXEC) != 0 ? 'x' : '-');
		put_string(o, ", \"path\": ", h, r->path);
		out_str(o, "}\n");
	}
}

static void
put_damage(struct out *o, const struct heap *h)
{
	for (uint32_t i = 0; i < h->ndamage; i++) {
		const struct heap_damage *d = &h->damage[i];
		put_string(o, "{\"record\": \"damage\", \"reason\": ", h, d->reason);
		put_number(o, ", \"count\": ", d->count);
		out_str(o, ", \"examples\": [");
		for (uint32_t k = 0; k < d->n_examples && k < ARRAY_LEN(d->examples); k++)
			put_number(o, k > 0 ? ", " : "", d->examples[k]);
		out_str(o, "]}\n");
	}
}

enum status
export_jsonl(const struct heap *h, const struct bitset *of, FILE *out, struct errbuf *eb)
{
	CLEAN(out_fini) struct out o = {.f = out};

	put_meta(&o, h);
	put_types(&o, h);
	enum status st = put_objects(&o, h, of, eb);
	if (st != MS_OK)
		return st;
	put_interps(&o, h);
	put_threads(&o, h);
	put_roots(&o, h);
	put_regions(&o, h);
	put_damage(&o, h);
	return out_finish(&o, eb);
}
