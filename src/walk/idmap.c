/*
 * Addresses to ids: chunks of pages; of each page a bit for every granule and the ids of
 * those that are set, in ascending order of address.
 *
 * A page of the mixed heap holds some forty objects: 6 bytes an object where a table of all
 * its granules takes 23, so that more of the map stays in the caches than before, and the
 * ids are found in order of address without sorting.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLAB = 64 * 1024,
	ID_STEP = 8, /* capacities of a page's ids are multiples of it */
	WORD_BITS = 64,
};
static_assert(IDMAP_GRANULES / ID_STEP == IDMAP_CLASSES, "a free list for each capacity");

static unsigned
chunk_shift(const struct idmap *m)
{
	return m->granule + IDMAP_CHUNK;
}

/* ---- memory of the ids ---- */

/* Room for n ids, a multiple of ID_STEP: one given back, or the next of a slab. */
static uint32_t *
ids_alloc(struct idmap *m, size_t n)
{
	struct idmap_free **list = &m->free[n / ID_STEP - 1];
	struct idmap_free *reused = *list;

	if (reused != NULL) {
		*list = reused->next;
		return (uint32_t *)(void *)reused;
	}
	size_t bytes = n * sizeof(uint32_t);
	if (m->slab_left < bytes) {
		vec_push(&m->slabs, xmalloc(SLAB));
		m->slab_left = SLAB;
	}
	uint8_t *slab = m->slabs.at[m->slabs.n - 1];
	uint8_t *at = slab + (SLAB - m->slab_left);
	m->slab_left -= bytes;
	return (uint32_t *)(void *)at;
}

static void
ids_free(struct idmap *m, uint32_t *ids, size_t n)
{
	struct idmap_free *f = (struct idmap_free *)(void *)ids;

	if (n == 0)
		return;
	f->next = m->free[n / ID_STEP - 1];
	m->free[n / ID_STEP - 1] = f;
}

static void
page_grow(struct idmap *m, struct idmap_page *p)
{
	uint32_t *ids = ids_alloc(m, p->cap + (size_t)ID_STEP);

	if (p->n > 0)
		memcpy(ids, p->ids, p->n * sizeof(*ids));
	ids_free(m, p->ids, p->cap);
	p->ids = ids;
	p->cap = (uint16_t)(p->cap + ID_STEP);
}

/* ---- looking up ---- */

void
idmap_init(struct idmap *m, unsigned ptr_width)
{
	*m = (struct idmap){
		.granule = ptr_width == 4 ? IDMAP_GRANULE_32 : IDMAP_GRANULE_64};
}

static struct idmap_chunk *
chunk_find(struct idmap *m, uint64_t key)
{
	struct idmap_recent *r = &m->recent[key % IDMAP_RECENT];
	uint32_t i;

	if (r->chunk != NULL && r->key == key)
		return r->chunk;
	if (!map_get(&m->chunk_index, key, &i))
		return NULL;
	*r = (struct idmap_recent){key, m->chunks.at[i]};
	return r->chunk;
}

static struct idmap_page *
page_of(struct idmap_chunk *c, const struct idmap *m, taddr addr)
{
	return &c->pages[addr >> (m->granule + IDMAP_PAGE) & (IDMAP_PAGES - 1)];
}

/* Where in its page an address is: a word of the bits, and the bit there. */
struct place {
	unsigned word;
	uint64_t bit;
};

static struct place
place_of(const struct idmap *m, taddr addr)
{
	unsigned granule = addr >> m->granule & (IDMAP_GRANULES - 1);
	return (struct place){granule / WORD_BITS, UINT64_C(1) << granule % WORD_BITS};
}

/* Bits that are set: the compiler's own takes a call where the processor's cannot be assumed. */
static inline unsigned
count_bits(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555u;
	v = (v & 0x3333333333333333u) + (v >> 2 & 0x3333333333333333u);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(v * 0x0101010101010101u >> 56);
}

/* How many ids stand in front of that of a place. */
static unsigned
rank_of(const struct idmap_page *p, struct place at)
{
	return p->before[at.word] + count_bits(p->bits[at.word] & (at.bit - 1));
}

/*
 * An id is kept with bit 3 of the address in its top bit (nothing where granules are
 * 4 bytes).
 */
static uint32_t
tag_of(const struct idmap *m, taddr addr)
{
	return m->granule == IDMAP_GRANULE_64 ? (uint32_t)(addr >> 3 & 1) << 31 : 0;
}

objid
idmap_get(struct idmap *m, taddr addr)
{
	struct idmap_chunk *c = chunk_find(m, addr >> chunk_shift(m));
	if (c == NULL)
		return OBJID_NONE;
	const struct idmap_page *p = page_of(c, m, addr);
	struct place at = place_of(m, addr);
	if ((p->bits[at.word] & at.bit) == 0)
		return OBJID_NONE;
	uint32_t id = p->ids[rank_of(p, at)] ^ tag_of(m, addr);
	return id >> 31 == 0 ? id : OBJID_NONE;
}

void
idmap_prefetch(struct idmap *m, taddr addr)
{
	const struct idmap_recent *r = &m->recent[(addr >> chunk_shift(m)) % IDMAP_RECENT];

	if (r->chunk != NULL)
		__builtin_prefetch(page_of(r->chunk, m, addr));
}

bool
idmap_put(struct idmap *m, taddr addr, objid id)
{
	uint64_t key = addr >> chunk_shift(m);
	struct idmap_chunk *c = chunk_find(m, key);

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		c->key = key;
		map_put(&m->chunk_index, key, (uint32_t)m->chunks.n);
		vec_push(&m->chunks, c);
	}
	struct idmap_page *p = page_of(c, m, addr);
	struct place at = place_of(m, addr);
	if (p->bits[at.word] & at.bit)
		return false;
	if (p->n == p->cap)
		page_grow(m, p);
	unsigned rank = rank_of(p, at);
	memmove(p->ids + rank + 1, p->ids + rank, (p->n - rank) * sizeof(*p->ids));
	p->ids[rank] = id | tag_of(m, addr);
	p->n++;
	p->bits[at.word] |= at.bit;
	for (unsigned w = at.word + 1; w < IDMAP_WORDS; w++)
		p->before[w]++;
	return true;
}

/* ---- all of them ---- */

static int
compare_chunks(const void *pa, const void *pb)
{
	const struct idmap_chunk *a = *(struct idmap_chunk *const *)pa;
	const struct idmap_chunk *b = *(struct idmap_chunk *const *)pb;

	return a->key < b->key ? -1 : a->key > b->key;
}

enum status
idmap_each(struct idmap *m, enum status (*each)(void *self, const objid *ids, size_t n),
	void *self)
{
	/* The index by address is of no more use now, nor is what it remembers. */
	map_fini(&m->chunk_index);
	for (size_t i = 0; i < IDMAP_RECENT; i++)
		m->recent[i] = (struct idmap_recent){0};
	if (m->chunks.n > 0)
		qsort(m->chunks.at, m->chunks.n, sizeof(struct idmap_chunk *), compare_chunks);
	for (size_t i = 0; i < m->chunks.n; i++) {
		for (size_t j = 0; j < IDMAP_PAGES; j++) {
			const struct idmap_page *p = &m->chunks.at[i]->pages[j];
			objid ids[IDMAP_GRANULES];
			if (p->n == 0)
				continue;
			for (size_t k = 0; k < p->n; k++)
				ids[k] = p->ids[k] & 0x7fffffff;
			enum status st = each(self, ids, p->n);
			if (st != MS_OK)
				return st;
		}
	}
	return MS_OK;
}

void
idmap_fini(struct idmap *m)
{
	for (size_t i = 0; i < m->chunks.n; i++)
		free(m->chunks.at[i]);
	vec_fini(&m->chunks);
	for (size_t i = 0; i < m->slabs.n; i++)
		free(m->slabs.at[i]);
	vec_fini(&m->slabs);
	map_fini(&m->chunk_index);
	*m = (struct idmap){.granule = m->granule};
}
