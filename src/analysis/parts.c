/*
 * Sets of parts, each set with a number: equal sets have the same one.
 */
#include <stdlib.h>

#include "memscan/mem.h"

#include "kinds.h"

enum { X_BITS = 56, KIND_SHIFT = 61 };

enum status
parts_init(struct parts *p, const struct heap *h, struct errbuf *eb)
{
	*p = (struct parts){.h = h};
	enum status st =
		mem_checked(h->nobj, sizeof(*p->key_text), SIZE_MAX, &p->key_text, eb);
	if (st != MS_OK)
		return st;
	p->lists = strtab_new();
	p->texts = strtab_new();
	return MS_OK;
}

void
parts_fini(struct parts *p)
{
	strtab_free(p->lists);
	strtab_free(p->texts);
	map_fini(&p->of_part);
	vec_fini(&p->at);
	vec_fini(&p->list);
	vec_fini(&p->key);
	free(p->key_text);
	*p = (struct parts){0};
}

uint32_t
parts_put(struct parts *p, struct part part)
{
	part.x &= ((uint64_t)1 << X_BITS) - 1;
	uint64_t key = (uint64_t)part.kind << KIND_SHIFT |
		(uint64_t)(part.how & 0x1f) << X_BITS | part.x;
	uint32_t id;

	if (map_get(&p->of_part, key, &id))
		return id;
	id = (uint32_t)p->at.n;
	vec_push(&p->at, part);
	map_put(&p->of_part, key, id);
	return id;
}

static int
compare_ids(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

uint32_t
parts_list(struct parts *p)
{
	size_t n = 0;

	if (p->list.n > 1)
		qsort(p->list.at, p->list.n, sizeof(*p->list.at), compare_ids);
	for (size_t i = 0; i < p->list.n; i++)
		if (n == 0 || p->list.at[n - 1] != p->list.at[i])
			p->list.at[n++] = p->list.at[i];
	if (n == 0)
		return 0;
	return strtab_put(p->lists, (const char *)p->list.at, n * sizeof(*p->list.at));
}

uint32_t
parts_name(struct parts *p, const char *name, size_t len)
{
	p->key.n = 0;
	key_put(&p->key, "s", 1);
	key_put(&p->key, name, len);
	return strtab_put(p->texts, p->key.at, p->key.n);
}

static void
put_unvalued(struct parts *p, objid i)
{
	size_t len;
	const char *name = heap_str(p->h, p->h->types[p->h->type[i]].name, &len);

	if (strcmp(name, "NoneType") == 0) {
		key_put(&p->key, "None", 4);
		return;
	}
	key_put(&p->key, "<", 1);
	key_put(&p->key, name, len);
	key_put(&p->key, ">", 1);
}

uint32_t
parts_key_text(struct parts *p, objid i)
{
	if (i == OBJID_NONE)
		return strtab_put(p->texts, "v?", 2);
	if (p->key_text[i] != 0)
		return p->key_text[i] - 1;
	struct heap_value v = heap_value(p->h, i);
	bool has_text = v.kind != VK_NONE && v.kind != VK_NAME && v.kind != VK_TEXT;
	p->key.n = 0;
	key_put(&p->key, v.kind == VK_STR ? "s" : v.kind == VK_BYTES ? "b" : "v", 1);
	if (has_text)
		key_put(&p->key, v.text, v.text_len);
	else
		put_unvalued(p, i);
	if (has_text && v.cut)
		key_put(&p->key, "...", 3);
	uint32_t text = strtab_put(p->texts, p->key.at, p->key.n);
	p->key_text[i] = text + 1;
	return text;
}

void
parts_give(struct parts *p, struct kinds *k)
{
	k->n = strtab_count(p->lists);
	k->lists = STEAL(p->lists);
	k->texts = STEAL(p->texts);
	k->n_parts = (uint32_t)p->at.n;
	k->parts = STEAL(p->at.at);
}
