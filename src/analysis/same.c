/*
 * Objects that two processes have in common: a server and its workers begin with the same
 * heap, and what none of them has written to since is the same in all.
 */
#include "memscan/change.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

#include "pair.h"

struct both {
	struct pair p;
	const struct heap *a, *b; /* the two of the pair */
	/* By string of b: the one of a, as far as it was compared; else HEAP_NONE. */
	uint32_t *string_of;
};

static void
both_fini(struct both *x)
{
	pair_fini(&x->p);
	free(x->string_of);
}

static enum status
both_init(struct both *x, const struct heap *a, const struct heap *b, struct errbuf *eb)
{
	*x = (struct both){.a = a, .b = b};
	enum status st = pair_init(&x->p, a, b, true, eb);
	if (st == MS_OK)
		st = mem_checked((size_t)b->nstr + 1, sizeof(*x->string_of), SIZE_MAX,
			&x->string_of, eb);
	for (uint32_t s = 0; s < b->nstr && st == MS_OK; s++)
		x->string_of[s] = HEAP_NONE;
	return st;
}

static bool
is_same_string(struct both *x, uint32_t a, uint32_t b)
{
	size_t alen, blen;

	if (a >= x->a->nstr || b >= x->b->nstr)
		return a == b;
	if (x->string_of[b] == a)
		return true;
	const char *at = heap_str(x->a, a, &alen), *bt = heap_str(x->b, b, &blen);
	if (alen != blen || memcmp(at, bt, alen) != 0)
		return false;
	x->string_of[b] = a;
	return true;
}

/* Is a payload of this kind the id of a string? */
static bool
is_named(enum ref_kind k)
{
	return k == RK_ATTR || k == RK_SLOT || k == RK_LOCAL || k == RK_FIELD ||
		k == RK_CLOSURE;
}

/* A string's id is nothing but in its own heap. */
static bool
is_same_label(struct both *x, uint32_t a, uint32_t b)
{
	uint32_t below = (1u << REF_PAYLOAD_SHIFT) - 1;

	if (!is_named(ref_kind(a)))
		return a == b;
	return (a & below) == (b & below) &&
		is_same_string(x, ref_payload(a), ref_payload(b));
}

static bool
are_same_refs(struct both *x, objid a, objid b)
{
	const struct heap *ha = x->a, *hb = x->b;
	uint64_t n = ha->first[a + 1] - ha->first[a];

	if (hb->first[b + 1] - hb->first[b] != n)
		return false;
	for (uint64_t k = 0; k < n; k++) {
		uint64_t ra = ha->first[a] + k, rb = hb->first[b] + k;
		uint32_t la = ha->label[ra], lb = hb->label[rb];
		if (ha->addr[ha->to[ra]] != hb->addr[hb->to[rb]])
			return false;
		if (!is_same_label(x, la, lb))
			return false;
	}
	return true;
}

/* The digest of a value whose text is cut; false if there is none. */
static bool
digest_of(const struct heap *h, objid i, uint64_t *ret)
{
	uint32_t lo = 0, hi = h->nnote;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->notes[mid].object < i)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->nnote && h->notes[lo].object == i; lo++) {
		if (h->notes[lo].kind != NOTE_DIGEST)
			continue;
		*ret = h->notes[lo].n;
		return true;
	}
	return false;
}

static bool
is_same_value(const struct both *x, objid a, objid b)
{
	struct heap_value va = values_get(&x->p.values[0], a);
	struct heap_value vb = values_get(&x->p.values[1], b);
	uint64_t da, db;

	if (va.len != VALUE_NO_LEN && vb.len != VALUE_NO_LEN && va.len != vb.len)
		return false;
	if (va.kind != vb.kind)
		return va.kind == VK_NONE || vb.kind == VK_NONE;
	if (!pair_same_text(&va, &vb))
		return false;
	if (!va.cut || !vb.cut || !digest_of(x->a, a, &da) || !digest_of(x->b, b, &db))
		return true;
	return da == db;
}

static bool
is_same_buffer(const struct both *x, objid a, objid b)
{
	const struct heap_buffer *ba = heap_buffer_of(x->a, a);
	const struct heap_buffer *bb = heap_buffer_of(x->b, b);

	if (ba == NULL || bb == NULL)
		return ba == bb;
	return ba->addr == bb->addr && ba->bytes == bb->bytes && ba->length == bb->length &&
		ba->flags == bb->flags;
}

static bool
is_same(struct both *x, objid a, objid b)
{
	return x->p.types[0][x->a->type[a]] == x->p.types[1][x->b->type[b]] &&
		heap_size(x->a, a) == heap_size(x->b, b) && are_same_refs(x, a, b) &&
		is_same_buffer(x, a, b) && is_same_value(x, a, b);
}

enum status
same_compute(const struct heap *h, const struct heap *other, struct bitset *ret,
	struct errbuf *eb)
{
	CLEAN(both_fini) struct both x = {0};
	CLEAN(bitset_fini) struct bitset found = {0};

	enum status st = bitset_init(&found, h->nobj, eb);
	if (st == MS_OK)
		st = both_init(&x, h, other, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t i = 0, k = 0; i < h->nobj && k < other->nobj;) {
		objid a = h->by_addr[i], b = other->by_addr[k];
		if (h->addr[a] < other->addr[b]) {
			i++;
		} else if (h->addr[a] > other->addr[b]) {
			k++;
		} else {
			if (is_same(&x, a, b))
				bitset_add(&found, a);
			i++;
			k++;
		}
	}
	*ret = found;
	found = (struct bitset){0};
	return MS_OK;
}
