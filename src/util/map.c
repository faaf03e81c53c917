/*
 * Open addressing with linear probing over two parallel arrays; at most two thirds full.
 */
#include "memscan/map.h"

#include <stdlib.h>

#include "memscan/mem.h"

/*
 * Addresses differ in their middle bits: multiply and take the high half (Fibonacci
 * hashing).
 */
static size_t
home(const struct map *m, uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (m->cap - 1);
}

/* The place of key: where it is, or where it would go. */
static size_t
place(const struct map *m, uint64_t key)
{
	size_t i = home(m, key);
	while (m->vals[i] != 0 && m->keys[i] != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

bool
map_get(const struct map *m, uint64_t key, uint32_t *ret)
{
	if (m->cap == 0)
		return false;
	size_t i = place(m, key);
	if (m->vals[i] == 0)
		return false;
	*ret = m->vals[i] - 1;
	return true;
}

static void
grow(struct map *m)
{
	struct map next = {.cap = m->cap ? 2 * m->cap : 64, .n = m->n};

	next.keys = xmalloc(next.cap * sizeof(*next.keys));
	next.vals = xcalloc(next.cap, sizeof(*next.vals));
	for (size_t i = 0; i < m->cap; i++) {
		if (m->vals[i] == 0)
			continue;
		size_t j = place(&next, m->keys[i]);
		next.keys[j] = m->keys[i];
		next.vals[j] = m->vals[i];
	}
	map_fini(m);
	*m = next;
}

void
map_put(struct map *m, uint64_t key, uint32_t val)
{
	if (m->n >= m->cap - m->cap / 3)
		grow(m);
	size_t i = place(m, key);
	if (m->vals[i] == 0)
		m->n++;
	m->keys[i] = key;
	m->vals[i] = val + 1;
}

void
map_fini(struct map *m)
{
	free(m->keys);
	free(m->vals);
	*m = (struct map){0};
}
