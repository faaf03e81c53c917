/*
 * Objects that two processes have in common: a server and its workers begin with the same
 * heap, and what none of them has written to since is the same in all.
 */
#include "memscan/analysis.h"
#include "memscan/change.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/strtab.h"
#include "memscan/vec.h"

#include "values.h"

/* Two heaps, a and b. */
struct both {
	const struct heap *a, *b;
	struct values values[2];
	uint32_t *types[2];  /* by type: a number for its address and name */
	/* By string of b: the one of a, as far as it was compared; else HEAP_NONE. */
	uint32_t *string_of;
};

static void
both_fini(struct both *x)
{
	for (size_t k = 0; k < 2; k++) {
		values_fini(&x->values[k]);
		free(x->types[k]);
	}
	free(x->string_of);
}

/* The same number for types of the same address, module and name. */
static enum status
number_types(const struct heap *h, struct strtab *t, uint32_t **ret, struct errbuf *eb)
{
	VEC(char) key = {0};

	enum status st =
		mem_checked((size_t)h->ntype + 1, sizeof(**ret), SIZE_MAX, ret, eb);
	for (uint32_t k = 0; k < h->ntype && st == MS_OK; k++) {
		size_t mlen, nlen;
		const struct heap_type *type = &h->types[k];
		const char *module = heap_str(h, type->module, &mlen);
		const char *name = heap_str(h, type->name, &nlen);
		size_t len = sizeof(type->addr) + mlen + 1 + nlen;
		vec_reserve(&key, len);
		memcpy(key.at, &type->addr, sizeof(type->addr));
		memcpy(key.at + sizeof(type->addr), module, mlen);
		key.at[sizeof(type->addr) + mlen] = '\0';
		memcpy(key.at + len - nlen, name, nlen);
		(*ret)[k] = strtab_put(t, key.at, len);
	}
	vec_fini(&key);
	return st;
}

static enum status
both_init(struct both *x, const struct heap *a, const struct heap *b, struct errbuf *eb)
{
	struct strtab *t = strtab_new();

	*x = (struct both){.a = a, .b = b};
	enum status st = number_types(a, t, &x->types[0], eb);
	if (st == MS_OK)
		st = number_types(b, t, &x->types[1], eb);
	strtab_free(t);
	if (st == MS_OK)
		st = values_init(&x->values[0], a, eb);
	if (st == MS_OK)
		st = values_init(&x->values[1], b, eb);
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

/* Of dumps with values of different length, as much is compared as both have. */
static bool
is_same_value(const struct both *x, objid a, objid b)
{
	struct heap_value va = values_get(&x->values[0], a);
	struct heap_value vb = values_get(&x->values[1], b);
	uint64_t da, db;

	if (va.len != VALUE_NO_LEN && vb.len != VALUE_NO_LEN && va.len != vb.len)
		return false;
	if (va.kind != vb.kind)
		return va.kind == VK_NONE || vb.kind == VK_NONE;
	if (!va.cut && !vb.cut && va.text_len != vb.text_len)
		return false;
	size_t n = va.text_len < vb.text_len ? va.text_len : vb.text_len;
	if (n > 0 && memcmp(va.text, vb.text, n) != 0)
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
	return x->types[0][x->a->type[a]] == x->types[1][x->b->type[b]] &&
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
