/*
 * Interned strings: one byte pool, an offset per id, and an open-addressing index of ids
 * by hash.
 */
#include "memscan/strtab.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/vec.h"

struct strtab {
	VEC(char) pool;
	VEC(size_t) start;  /* of each string; one more at the end */
	VEC(uint32_t) hash; /* of each string */
	uint32_t *index;    /* id + 1; 0 is free */
	size_t cap;         /* of index, a power of two */
};

/* FNV-1a, folded to 32 bits. */
static uint32_t
hash_text(const char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)p[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

struct strtab *
strtab_new(void)
{
	struct strtab *s = xcalloc(1, sizeof(*s));

	s->cap = 256;
	s->index = xcalloc(s->cap, sizeof(*s->index));
	vec_push(&s->start, 0);
	strtab_put(s, "", 0);
	return s;
}

void
strtab_free(struct strtab *s)
{
	if (s == NULL)
		return;
	vec_fini(&s->pool);
	vec_fini(&s->start);
	vec_fini(&s->hash);
	free(s->index);
	free(s);
}

uint32_t
strtab_count(const struct strtab *s)
{
	return (uint32_t)s->hash.n;
}

const char *
strtab_get(const struct strtab *s, uint32_t id, size_t *len)
{
	if (len != NULL)
		*len = s->start.at[id + 1] - s->start.at[id] - 1;
	return s->pool.at + s->start.at[id];
}

static void
index_grow(struct strtab *s)
{
	free(s->index);
	s->cap *= 2;
	s->index = xcalloc(s->cap, sizeof(*s->index));
	for (size_t id = 0; id < s->hash.n; id++) {
		size_t i = s->hash.at[id] & (s->cap - 1);
		while (s->index[i] != 0)
			i = (i + 1) & (s->cap - 1);
		s->index[i] = (uint32_t)id + 1;
	}
}

uint32_t
strtab_put(struct strtab *s, const char *p, size_t len)
{
	uint32_t h = hash_text(p, len);
	size_t i = h & (s->cap - 1);

	for (; s->index[i] != 0; i = (i + 1) & (s->cap - 1)) {
		uint32_t id = s->index[i] - 1;
		size_t have;
		const char *text = strtab_get(s, id, &have);
		if (s->hash.at[id] == h && have == len && memcmp(text, p, len) == 0)
			return id;
	}
	uint32_t id = (uint32_t)s->hash.n;
	s->index[i] = id + 1;
	vec_reserve(&s->pool, s->pool.n + len + 1);
	memcpy(s->pool.at + s->pool.n, p, len);
	s->pool.at[s->pool.n + len] = '\0';
	s->pool.n += len + 1;
	vec_push(&s->start, s->pool.n);
	vec_push(&s->hash, h);
	if (s->hash.n > s->cap / 2)
		index_grow(s);
	return id;
}

uint32_t
strtab_puts(struct strtab *s, const char *text)
{
	return strtab_put(s, text, strlen(text));
}
