/*
 * Which objects are equal: values by type and text, or where the text is cut by length and
 * digest; tuples and frozensets by what they hold, from the inside out. A part that is not
 * to be told is itself, so that (x, []) equals another only if it holds the same list.
 */
#include "memscan/saving.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/progress.h"

#include "kinds.h"
#include "values.h"

/* A container whose parts are being settled. */
struct open_one {
	objid id;
	uint64_t next; /* reference */
};

struct finder {
	const struct heap *h;
	struct equals out;
	struct strtab *texts; /* what has to be the same */
	VEC(objid) first;     /* by string: the first such object */
	struct key key;
	struct bitset seen;   /* containers that were begun */
	uint8_t *part;        /* by type: kind of the references that are the contents, or 0 */
	VEC(struct open_one) open;
	VEC(objid) parts;
};

static void
finder_fini(struct finder *f)
{
	equals_fini(&f->out);
	if (f->texts != NULL)
		strtab_free(f->texts);
	vec_fini(&f->first);
	vec_fini(&f->key);
	bitset_fini(&f->seen);
	free(f->part);
	vec_fini(&f->open);
	vec_fini(&f->parts);
}

/* What is in f->key is what object i has to have in common with others. */
static void
settle(struct finder *f, objid i)
{
	uint32_t text = strtab_put(f->texts, f->key.at, f->key.n);

	while (f->first.n <= text)
		vec_push(&f->first, OBJID_NONE);
	if (f->first.at[text] == OBJID_NONE)
		f->first.at[text] = i;
	f->out.as[i] = f->first.at[text];
}

/* Attributes of its own make an object more than its value. */
static bool
has_attributes(const struct heap *h, objid i)
{
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		enum ref_kind k = ref_kind(h->label[r]);
		if (k == RK_ATTR || k == RK_DICT || k == RK_SLOT)
			return true;
	}
	return (h->flags[i] & (OF_DAMAGED | OF_GUESSED)) != 0;
}

/* ---- values ---- */

static bool
is_value(const struct heap *h, objid i, const struct heap_value *v)
{
	switch (v->kind) {
	case VK_STR:
	case VK_INT:
		return true;
	case VK_BYTES:
		return (h->types[h->type[i]].flags & IS_BYTES) != 0;
	case VK_FLOAT:
		return v->text_len != 3 || memcmp(v->text, "nan", 3) != 0;
	default:
		return false;
	}
}

static void
settle_value(struct finder *f, objid i, const struct heap_value *v, uint64_t digest)
{
	uint32_t type = f->h->type[i];
	uint8_t head[2] = {(uint8_t)v->kind, v->cut};

	f->key.n = 0;
	key_put(&f->key, &type, sizeof(type));
	key_put(&f->key, head, sizeof(head));
	if (v->cut) {
		key_put(&f->key, &v->len, sizeof(v->len));
		key_put(&f->key, &digest, sizeof(digest));
		bitset_add(&f->out.by_digest, i);
	}
	key_put(&f->key, v->text, v->text_len);
	settle(f, i);
}

static void
settle_values(struct finder *f)
{
	struct values_cursor values = {0};
	const struct heap *h = f->h;
	uint32_t note = 0;

	for (objid i = 0; i < h->nobj; i++) {
		struct heap_value v = values_next(&values, h, i);
		uint64_t digest = 0;
		if (progress_due(i))
			progress_count(i, 2 * (uint64_t)h->nobj);
		for (; note < h->nnote && h->notes[note].object <= i; note++)
			if (h->notes[note].object == i &&
				h->notes[note].kind == NOTE_DIGEST)
				digest = h->notes[note].n;
		if (!is_value(h, i, &v) || has_attributes(h, i))
			continue;
		f->out.values++;
		if (v.cut && digest == 0)
			bitset_add(&f->out.unknown, i);
		else
			settle_value(f, i, &v, digest);
	}
}

/* ---- containers ---- */

static int
compare_ids(const void *pa, const void *pb)
{
	const objid *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

/* All parts of a container are settled, as far as they can be. */
static void
settle_container(struct finder *f, objid i)
{
	const struct heap *h = f->h;
	enum ref_kind part = (enum ref_kind)f->part[h->type[i]];
	uint32_t type = h->type[i];

	f->parts.n = 0;
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		objid to = h->to[r];
		/* A type that no table describes has its parts at offsets. */
		if (ref_kind(h->label[r]) != part && ref_kind(h->label[r]) != RK_OFFSET)
			continue;
		vec_push(&f->parts, f->out.as[to] != OBJID_NONE ? f->out.as[to] : to);
		if (bitset_has(&f->out.by_digest, to))
			bitset_add(&f->out.by_digest, i);
	}
	if (heap_value(h, i).len != f->parts.n)
		return;
	if (part == RK_MEMBER && f->parts.n > 0)
		qsort(f->parts.at, f->parts.n, sizeof(objid), compare_ids);
	f->key.n = 0;
	key_put(&f->key, &type, sizeof(type));
	key_put(&f->key, f->parts.at, f->parts.n * sizeof(objid));
	settle(f, i);
}

static void
begin(struct finder *f, objid i)
{
	if (f->part[f->h->type[i]] == 0 || bitset_has(&f->seen, i))
		return;
	bitset_add(&f->seen, i);
	if (!has_attributes(f->h, i))
		vec_push(&f->open, (struct open_one){i, f->h->first[i]});
}

/* Depth first; one that is on the way already, in a cycle, stays itself. */
static void
settle_containers(struct finder *f)
{
	const struct heap *h = f->h;

	for (objid i = 0; i < h->nobj; i++) {
		if (progress_due(i))
			progress_count((uint64_t)h->nobj + i, 2 * (uint64_t)h->nobj);
		begin(f, i);
		while (f->open.n > 0) {
			struct open_one *o = &f->open.at[f->open.n - 1];
			if (o->next < h->first[o->id + 1]) {
				begin(f, h->to[o->next++]);
				continue;
			}
			settle_container(f, o->id);
			f->open.n--;
		}
	}
}

enum status
equals_compute(const struct heap *h, struct equals *ret, struct errbuf *eb)
{
	CLEAN(finder_fini) struct finder f = {.h = h};
	size_t n = h->nobj;

	enum status st = mem_checked(n, sizeof(*f.out.as), SIZE_MAX, &f.out.as, eb);
	if (st == MS_OK)
		st = mem_checked(h->ntype, 1, SIZE_MAX, &f.part, eb);
	if (st == MS_OK)
		st = bitset_init(&f.out.by_digest, n, eb);
	if (st == MS_OK)
		st = bitset_init(&f.out.unknown, n, eb);
	if (st == MS_OK)
		st = bitset_init(&f.seen, n, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "equal values");
	memset(f.out.as, 0xff, n * sizeof(*f.out.as));
	for (uint32_t t = 0; t < h->ntype; t++)
		f.part[t] = (h->types[t].flags & IS_TUPLE) != 0 ? RK_INDEX
			: type_is_builtin(h, t, "frozenset")    ? RK_MEMBER
								: 0;
	f.texts = strtab_new();
	settle_values(&f);
	settle_containers(&f);
	*ret = f.out;
	f.out = (struct equals){0};
	return MS_OK;
}

void
equals_fini(struct equals *e)
{
	free(e->as);
	bitset_fini(&e->by_digest);
	bitset_fini(&e->unknown);
	*e = (struct equals){0};
}
