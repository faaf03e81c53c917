/*
 * Questions to a struct heap that take more than an index: strings, sizes that do not
 * fit 32 bits, lookup by address, values, and what a label stands for.
 */
#include "memscan/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
heap_str(const struct heap *h, uint32_t id, size_t *len)
{
	if (id >= h->nstr || h->str_at == NULL || h->str == NULL) {
		if (len != NULL)
			*len = 0;
		return "";
	}
	if (len != NULL)
		*len = (size_t)(h->str_at[id + 1] - h->str_at[id] - 1);
	return h->str + h->str_at[id];
}

/* What is too big for 32 bits of object i, or NULL. */
static const struct heap_big *
big_find(const struct heap *h, objid i)
{
	size_t lo = 0, hi = h->nbig;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->big[mid].id < i)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->nbig && h->big[lo].id == i ? &h->big[lo] : NULL;
}

uint64_t
heap_size(const struct heap *h, objid i)
{
	if (h->size32[i] != UINT32_MAX)
		return h->size32[i];
	const struct heap_big *big = big_find(h, i);
	return big != NULL ? big->size : UINT32_MAX;
}

uint64_t
heap_refcount(const struct heap *h, objid i)
{
	if (h->count32[i] != UINT32_MAX)
		return h->count32[i];
	const struct heap_big *big = big_find(h, i);
	return big != NULL ? big->refcount : UINT32_MAX;
}

const struct heap_buffer *
heap_buffer_of(const struct heap *h, objid i)
{
	size_t lo = 0, hi = h->buffers != NULL ? h->nbuffer : 0, end = hi;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->buffers[mid].object < i)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < end && h->buffers[lo].object == i ? &h->buffers[lo] : NULL;
}

uint64_t
interp_number(const struct heap *h, uint32_t interp)
{
	uint64_t id = interp < h->ninterp ? h->interps[interp].id : interp;

	/* 2.7 and 3.6 have none; in others 0 is the main one's. */
	return id != 0 ? id : interp;
}

char *
interp_name(const struct heap *h, uint32_t interp, char buf[INTERP_NAME])
{
	if (interp == INTERP_SHARED || interp == INTERP_UNKNOWN)
		snprintf(buf, INTERP_NAME, "%s",
			interp == INTERP_SHARED ? "shared" : "unknown");
	else
		snprintf(buf, INTERP_NAME, "%" PRIu64, interp_number(h, interp));
	return buf;
}

objid
heap_find(const struct heap *h, taddr addr)
{
	size_t lo = 0, hi = h->nobj;

	if (h->by_addr == NULL || h->addr == NULL)
		return OBJID_NONE;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->addr[h->by_addr[mid]] < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->nobj && h->addr[h->by_addr[lo]] == addr ? h->by_addr[lo] :
								 OBJID_NONE;
}

struct heap_value
heap_value(const struct heap *h, objid i)
{
	struct heap_value v = {.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""};

	if (h->value_at == NULL || h->values == NULL)
		return v;
	const uint8_t *p = h->values + h->value_at[i / HEAP_VALUE_STRIDE];
	const uint8_t *end = h->values + h->nvalues;
	for (uint32_t left = i % HEAP_VALUE_STRIDE + 1; left > 0; left--)
		if (value_record_get(p, end, &v, &p) != MS_OK)
			return (struct heap_value){
				.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""};
	return v;
}

/* Whether the label's index did not fit, and it is of this kind. */
static bool
is_beyond(uint32_t label, enum ref_kind kind)
{
	return ref_kind(label) == kind && ref_payload(label) == REF_PAYLOAD_MAX;
}

uint64_t
heap_ref_index(const struct heap *h, objid i, uint64_t r)
{
	uint32_t label = h->label[r];
	enum ref_kind kind = ref_kind(label);

	if (ref_payload(label) != REF_PAYLOAD_MAX)
		return ref_payload(label);
	/*
	 * Items come in order of their index, so those with an index of REF_PAYLOAD_MAX
	 * or more are one run that ends with all items: find its beginning and count from
	 * there.
	 */
	uint64_t lo = h->first[i], hi = r;
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		if (is_beyond(h->label[mid], kind))
			hi = mid;
		else
			lo = mid + 1;
	}
	return REF_PAYLOAD_MAX + (r - lo);
}

objid
heap_ref_key(const struct heap *h, objid i, uint64_t r)
{
	if (ref_kind(h->label[r]) != RK_VALUE || r <= h->first[i] ||
		ref_kind(h->label[r - 1]) != RK_KEY)
		return OBJID_NONE;
	return h->to[r - 1];
}

const char *
heap_meta_get(const struct heap *h, const char *key)
{
	for (uint32_t i = 0; i < h->nmeta; i++)
		if (strcmp(heap_str(h, h->meta[i].key, NULL), key) == 0)
			return heap_str(h, h->meta[i].value, NULL);
	return NULL;
}
