/*
 * Value records in any order.
 */
#include "values.h"

#include <stdlib.h>

#include "memscan/mem.h"

#define TOO_FAR UINT32_MAX

enum status
values_init(struct values *v, const struct heap *h, struct errbuf *eb)
{
	const uint8_t *base = NULL, *p = NULL;
	struct heap_value value;

	*v = (struct values){.h = h};
	if (h->value_at == NULL || h->values == NULL)
		return MS_OK;
	enum status st = mem_array(h->nobj, sizeof(*v->at), &v->at, eb);
	for (objid i = 0; i < h->nobj && st == MS_OK; i++) {
		if (i % HEAP_VALUE_STRIDE == 0)
			base = p = h->values + h->value_at[i / HEAP_VALUE_STRIDE];
		v->at[i] = p - base < TOO_FAR ? (uint32_t)(p - base) : TOO_FAR;
		if (value_record_get(p, h->values + h->nvalues, &value, &p) != MS_OK)
			v->at[i] = TOO_FAR;
	}
	return st;
}

struct heap_value
values_get(const struct values *v, objid i)
{
	const struct heap *h = v->h;
	struct heap_value value;
	const uint8_t *p;

	if (v->at == NULL || v->at[i] == TOO_FAR)
		return heap_value(h, i);
	p = h->values + h->value_at[i / HEAP_VALUE_STRIDE] + v->at[i];
	if (value_record_get(p, h->values + h->nvalues, &value, &p) != MS_OK)
		return heap_value(h, i);
	return value;
}

void
values_fini(struct values *v)
{
	free(v->at);
	*v = (struct values){0};
}

struct heap_value
values_next(struct values_cursor *c, const struct heap *h, objid i)
{
	struct heap_value v = {.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""};

	if (h->value_at == NULL || h->values == NULL)
		return v;
	if (c->p == NULL || i < c->next ||
		i / HEAP_VALUE_STRIDE != c->next / HEAP_VALUE_STRIDE) {
		c->next = i - i % HEAP_VALUE_STRIDE;
		c->p = h->values + h->value_at[i / HEAP_VALUE_STRIDE];
	}
	for (; c->next <= i; c->next++)
		if (value_record_get(c->p, h->values + h->nvalues, &v, &c->p) != MS_OK)
			break;
	return v;
}
