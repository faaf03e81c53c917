/*
 * Two heaps at once.
 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

#include "kinds.h"

static enum status
number_types(const struct heap *h, struct strtab *t, bool by_addr, uint32_t **ret,
	struct errbuf *eb)
{
	struct key key = {0};

	enum status st =
		mem_checked((size_t)h->ntype + 1, sizeof(**ret), SIZE_MAX, ret, eb);
	for (uint32_t k = 0; k < h->ntype && st == MS_OK; k++) {
		key.n = 0;
		if (by_addr)
			key_put(&key, &h->types[k].addr, sizeof(h->types[k].addr));
		key_put_type(&key, h, k);
		(*ret)[k] = strtab_put(t, key.at, key.n);
	}
	vec_fini(&key);
	return st;
}

enum status
pair_init(struct pair *p, const struct heap *a, const struct heap *b, bool by_addr,
	struct errbuf *eb)
{
	struct strtab *t = strtab_new();
	enum status st = MS_OK;

	*p = (struct pair){.h = {a, b}};
	for (int k = 0; k < 2 && st == MS_OK; k++) {
		st = number_types(p->h[k], t, by_addr, &p->types[k], eb);
		if (st == MS_OK)
			st = values_init(&p->values[k], p->h[k], eb);
	}
	strtab_free(t);
	return st;
}

void
pair_fini(struct pair *p)
{
	for (int k = 0; k < 2; k++) {
		values_fini(&p->values[k]);
		free(p->types[k]);
	}
}

bool
pair_same_text(const struct heap_value *a, const struct heap_value *b)
{
	size_t n = a->text_len < b->text_len ? a->text_len : b->text_len;

	if (!a->cut && !b->cut && a->text_len != b->text_len)
		return false;
	return n == 0 || memcmp(a->text, b->text, n) == 0;
}
