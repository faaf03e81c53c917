/*
 * What a heap must be before anybody indexes it freely: every id in range, offsets
 * ascending, records whole. A file may say anything; after this, it says nothing that
 * could lead out of an array or make a loop not end.
 *
 * The long columns are checked without a branch an element, by collecting what is wrong
 * into one word; only a column that failed is searched for the place.
 */
#include "priv.h"

#include <string.h>

#include "memscan/mem.h"

static enum status
bad(struct errbuf *eb, const char *column, uint64_t i, const char *what)
{
	return errbuf_set(eb, MS_FORMAT, "column %s, element %llu: %s", column,
		(unsigned long long)i, what);
}

/* All n ids below limit? */
static enum status
check_ids(const uint32_t *p, uint64_t n, uint32_t limit, const char *column,
	struct errbuf *eb)
{
	uint32_t over = 0;

	for (uint64_t i = 0; i < n; i++)
		over |= (uint32_t)(p[i] >= limit);
	if (over == 0)
		return MS_OK;
	uint64_t i = 0;
	while (p[i] < limit)
		i++;
	return errbuf_set(eb, MS_FORMAT, "column %s, element %llu: id %u of %u", column,
		(unsigned long long)i, p[i], limit);
}

/* n + 1 offsets from 0 to end, each at least `step` above the one before. */
static enum status
check_offsets(const uint64_t *p, uint64_t n, uint64_t end, uint64_t step,
	const char *column, struct errbuf *eb)
{
	uint64_t wrong = 0;

	if (p[0] != 0)
		return bad(eb, column, 0, "not 0");
	if (p[n] != end)
		return bad(eb, column, n, "not the end of what it points into");
	/* None is above end, so that the sum cannot overflow where it matters. */
	for (uint64_t i = 0; i < n; i++)
		wrong |= (uint64_t)(p[i] > end) | (uint64_t)(p[i + 1] < p[i] + step);
	if (wrong == 0)
		return MS_OK;
	uint64_t i = 0;
	while (p[i] <= end && p[i + 1] >= p[i] + step)
		i++;
	return bad(eb, column, i + 1, "offsets do not ascend");
}

/* ---- strings and types ---- */

static enum status
check_strings(const struct heap *h, uint64_t str_bytes, struct errbuf *eb)
{
	enum status st = check_offsets(h->str_at, h->nstr, str_bytes, 1, "STRO", eb);

	if (st != MS_OK)
		return st;
	if (h->str_at[1] != 1)
		return bad(eb, "STRO", 1, "string 0 is not empty");
	for (uint32_t i = 0; i < h->nstr; i++)
		if (h->str[h->str_at[i + 1] - 1] != '\0')
			return bad(eb, "STRO", i, "no NUL after the string");
	return MS_OK;
}

static enum status
check_types(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->ntype; i++) {
		const struct heap_type *t = &h->types[i];
		if (t->name >= h->nstr || t->module >= h->nstr)
			return bad(eb, "TYPE", i, "no such string");
		if (t->how >= HOW_COUNT)
			return bad(eb, "TYPE", i, "unknown way of finding references");
	}
	return MS_OK;
}

/* ---- objects ---- */

/* Elements of a 32-bit column that say "see OBIG". */
static uint64_t
count_max(const uint32_t *p, uint32_t n)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += p[i] == UINT32_MAX;
	return count;
}

/* Whether a 32-bit element and the full value of its object agree. */
static bool
is_cut_of(uint32_t element, uint64_t full)
{
	return element == UINT32_MAX ? full >= UINT32_MAX : full == element;
}

/*
 * Exactly the objects that OSIZ or ORFC send there have an element, as far as those
 * columns came: each element is right, and there are as many as ask for one.
 */
static enum status
check_big(const struct heap *h, struct errbuf *eb)
{
	uint64_t sizes = 0, counts = 0;

	for (uint32_t k = 0; k < h->nbig; k++) {
		const struct heap_big *b = &h->big[k];
		if (b->id >= h->nobj || (k > 0 && b->id <= h->big[k - 1].id))
			return bad(eb, "OBIG", k, "ids do not ascend, or no such object");
		if (b->size < UINT32_MAX && b->refcount < UINT32_MAX)
			return bad(eb, "OBIG", k, "not needed");
		if (h->size32 != NULL && !is_cut_of(h->size32[b->id], b->size))
			return bad(eb, "OBIG", k, "size differs from that in OSIZ");
		if (h->count32 != NULL && !is_cut_of(h->count32[b->id], b->refcount))
			return bad(eb, "OBIG", k,
				"reference count differs from that in ORFC");
		sizes += b->size >= UINT32_MAX;
		counts += b->refcount >= UINT32_MAX;
	}
	if (h->size32 != NULL && count_max(h->size32, h->nobj) != sizes)
		return errbuf_set(eb, MS_FORMAT, "column OSIZ: a size is not in OBIG");
	if (h->count32 != NULL && count_max(h->count32, h->nobj) != counts)
		return errbuf_set(
			eb, MS_FORMAT, "column ORFC: a reference count is not in OBIG");
	return MS_OK;
}

static enum status
check_generations(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->nobj; i++)
		if (h->generation[i] >= GENERATION_COUNT)
			return bad(eb, "OGEN", i, "unknown generation");
	return MS_OK;
}

static enum status
check_owners(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->nobj; i++)
		if (h->interp[i] >= h->ninterp && h->interp[i] < INTERP_UNKNOWN)
			return bad(eb, "OINT", i, "no such interpreter");
	return MS_OK;
}

static enum status
check_buffers(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t k = 0; k < h->nbuffer; k++) {
		const struct heap_buffer *b = &h->buffers[k];
		if (b->object >= h->nobj || (k > 0 && b->object <= b[-1].object))
			return bad(eb, "OBUF", k, "objects do not ascend, or no such object");
		if (b->owner >= h->nobj && b->owner != OBJID_NONE)
			return bad(eb, "OBUF", k, "no such owner");
		if (b->name >= h->nstr)
			return bad(eb, "OBUF", k, "no such string");
	}
	return MS_OK;
}

/* Kinds of later versions are to be ignored, as long as the order is kept. */
static enum status
check_notes(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t k = 0; k < h->nnote; k++) {
		const struct heap_note *n = &h->notes[k];
		bool ascends = k == 0 || n->object > n[-1].object ||
			(n->object == n[-1].object && n->kind > n[-1].kind);
		if (n->object >= h->nobj || !ascends)
			return bad(eb, "ONTE", k,
				"objects and kinds do not ascend, or no such object");
	}
	return MS_OK;
}

/* (address, id) ascends strictly, so that no id is there twice, and all are there. */
static enum status
check_sorted(const struct heap *h, struct errbuf *eb)
{
	enum status st = check_ids(h->by_addr, h->nobj, h->nobj, "OSRT", eb);

	if (st != MS_OK)
		return st;
	for (uint32_t i = 1; i < h->nobj; i++) {
		uint32_t a = h->by_addr[i - 1], b = h->by_addr[i];
		if (h->addr[a] > h->addr[b] || (h->addr[a] == h->addr[b] && a >= b))
			return bad(eb, "OSRT", i, "addresses do not ascend");
	}
	return MS_OK;
}

static enum status
check_values(const struct heap *h, struct errbuf *eb)
{
	const uint8_t *p = h->values, *end = h->values + h->nvalues;
	struct heap_value v;

	for (uint32_t i = 0; i < h->nobj; i++) {
		if (i % HEAP_VALUE_STRIDE == 0 &&
			h->value_at[i / HEAP_VALUE_STRIDE] != (uint64_t)(p - h->values))
			return bad(eb, "VALA", i / HEAP_VALUE_STRIDE,
				"not where the record is");
		if (value_record_get(p, end, &v, &p) != MS_OK)
			return bad(eb, "VALS", i, "malformed record");
	}
	if (p != end)
		return errbuf_set(
			eb, MS_FORMAT, "column VALS: bytes after the last record");
	return MS_OK;
}

/* ---- references ---- */

#define KIND_BIT(kind) (1u << (kind))
static const uint32_t named_kinds = KIND_BIT(RK_ATTR) | KIND_BIT(RK_SLOT) |
	KIND_BIT(RK_LOCAL) | KIND_BIT(RK_FIELD) | KIND_BIT(RK_CLOSURE);

/* 0 if the label is good, given the one before it in the column. */
static inline uint32_t
label_fault(uint32_t label, uint32_t before, uint32_t nstr)
{
	uint32_t kind = label & 0x1f, payload = label >> REF_PAYLOAD_SHIFT;
	uint32_t is_unknown = kind >= RK_COUNT;
	uint32_t is_named = named_kinds >> kind & 1;
	uint32_t is_out = (payload >= nstr) & (payload != REF_PAYLOAD_MAX);
	uint32_t is_keyless = (kind == RK_VALUE) & ((before & 0x1f) != RK_KEY);

	return is_unknown | (is_named & is_out) | is_keyless;
}

static const char wrong_label[] = "unknown kind, no such string, or a value without key";

static enum status
check_labels(const struct heap *h, struct errbuf *eb)
{
	const uint32_t *label = h->label;
	uint32_t wrong = 0;

	if (h->nref == 0)
		return MS_OK;
	if (label_fault(label[0], RK_COUNT, h->nstr) != 0)
		return bad(eb, "REFL", 0, wrong_label);
	for (uint64_t r = 1; r < h->nref; r++)
		wrong |= label_fault(label[r], label[r - 1], h->nstr);
	if (wrong != 0) {
		uint64_t r = 1;
		while (label_fault(label[r], label[r - 1], h->nstr) == 0)
			r++;
		return bad(eb, "REFL", r, wrong_label);
	}
	/* A value's key is its own object's: it is not the first reference there. */
	for (uint32_t i = 0; i < h->nobj; i++) {
		uint64_t r = h->first[i];
		if (r < h->first[i + 1] && ref_kind(label[r]) == RK_VALUE)
			return bad(eb, "REFL", r, "a value before any key of its object");
	}
	return MS_OK;
}

/* ---- the rest ---- */

static bool
is_id_or_none(uint32_t id, uint32_t n)
{
	return id < n || id == UINT32_MAX;
}

/* Before version 1.2 interpreters were numbers without a table. */
static bool
is_interp(const struct heap *h, uint32_t interp)
{
	return interp < h->ninterp || h->ninterp == 0;
}

static enum status
check_roots(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		if (r->to >= h->nobj)
			return bad(eb, "ROOT", i, "no such object");
		if (r->kind >= ROOT_COUNT)
			return bad(eb, "ROOT", i, "unknown kind");
		if (r->name >= h->nstr)
			return bad(eb, "ROOT", i, "no such string");
		if (!is_id_or_none(r->thread, h->nthread) ||
			!is_id_or_none(r->frame, h->nframe))
			return bad(eb, "ROOT", i, "no such thread or frame");
		if (r->interp != HEAP_NONE && !is_interp(h, r->interp))
			return bad(eb, "ROOT", i, "no such interpreter");
	}
	return MS_OK;
}

static enum status
check_threads(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->nthread; i++)
		if (h->threads[i].name >= h->nstr)
			return bad(eb, "THRD", i, "no such string");
	for (uint32_t i = 0; i < h->nthread; i++)
		if (!is_interp(h, h->threads[i].interp))
			return bad(eb, "THRD", i, "no such interpreter");
	for (uint32_t i = 0; i < h->nframe; i++) {
		const struct heap_frame *f = &h->frames[i];
		if (f->thread >= h->nthread || !is_id_or_none(f->code, h->nobj))
			return bad(eb, "FRAM", i, "no such thread or object");
		if (f->function >= h->nstr || f->file >= h->nstr)
			return bad(eb, "FRAM", i, "no such string");
	}
	return MS_OK;
}

static enum status
check_small(const struct heap *h, struct errbuf *eb)
{
	for (uint32_t i = 0; i < h->nregion; i++)
		if (h->regions[i].path >= h->nstr ||
			h->regions[i].start > h->regions[i].end)
			return bad(eb, "RGNS", i,
				"no such string, or it ends before it starts");
	for (uint32_t i = 0; i < h->ndamage; i++)
		if (h->damage[i].reason >= h->nstr ||
			h->damage[i].n_examples > ARRAY_LEN(h->damage[i].examples))
			return bad(eb, "DMGE", i, "no such string, or too many examples");
	for (uint32_t i = 0; i < h->nmeta; i++)
		if (h->meta[i].key >= h->nstr || h->meta[i].value >= h->nstr)
			return bad(eb, "META", i, "no such string");
	return MS_OK;
}

enum status
heap_validate(const struct heap *h, uint64_t str_bytes, struct errbuf *eb)
{
	enum status st = MS_OK;

	if (h->str_at != NULL)
		st = check_strings(h, str_bytes, eb);
	if (st == MS_OK && h->types != NULL)
		st = check_types(h, eb);
	if (st == MS_OK && h->type != NULL)
		st = check_ids(h->type, h->nobj, h->ntype, "OTYP", eb);
	if (st == MS_OK && h->generation != NULL)
		st = check_generations(h, eb);
	if (st == MS_OK && h->interp != NULL)
		st = check_owners(h, eb);
	if (st == MS_OK && h->big != NULL)
		st = check_big(h, eb);
	if (st == MS_OK && h->buffers != NULL)
		st = check_buffers(h, eb);
	if (st == MS_OK && h->notes != NULL)
		st = check_notes(h, eb);
	if (st == MS_OK && h->by_addr != NULL)
		st = check_sorted(h, eb);
	if (st == MS_OK && h->to != NULL)
		st = check_ids(h->to, h->nref, h->nobj, "REFT", eb);
	if (st == MS_OK && h->label != NULL)
		st = check_labels(h, eb);
	if (st == MS_OK && h->values != NULL)
		st = check_values(h, eb);
	if (st == MS_OK)
		st = check_threads(h, eb);
	if (st == MS_OK)
		st = check_roots(h, eb);
	if (st == MS_OK)
		st = check_small(h, eb);
	return st;
}
