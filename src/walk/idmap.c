/*
 * Addresses to ids, in two levels: megabyte chunks of page tables of granules.
 */
#include "priv.h"

#include <stdlib.h>

enum { PAGES = 1 << (IDMAP_CHUNK - IDMAP_PAGE) };

static size_t
slot_of(const struct idmap *m, taddr addr)
{
	return (addr & ((1u << IDMAP_PAGE) - 1)) >> m->granule;
}

/*
 * A slot is id + 1, with bit 3 of the address in the top bit (nothing below a granule of
 * 4 bytes); 0 is free.
 */
static uint32_t
slot_tag(const struct idmap *m, taddr addr)
{
	return m->granule == IDMAP_GRANULE_64 ? (uint32_t)(addr >> 3 & 1) << 31 : 0;
}

void
idmap_init(struct idmap *m, unsigned ptr_width)
{
	*m = (struct idmap){
		.granule = ptr_width == 4 ? IDMAP_GRANULE_32 : IDMAP_GRANULE_64};
}

static uint32_t **
chunk_of(struct idmap *m, taddr addr, bool make)
{
	uint64_t key = addr >> IDMAP_CHUNK;
	uint32_t i;

	if (m->last != NULL && m->last_chunk == key)
		return m->last;
	if (!map_get(&m->chunk_index, key, &i)) {
		if (!make)
			return NULL;
		i = (uint32_t)m->chunks.n;
		uint32_t **fresh = xcalloc(PAGES, sizeof(*fresh));
		vec_push(&m->chunks, fresh);
		map_put(&m->chunk_index, key, i);
	}
	m->last_chunk = key;
	m->last = m->chunks.at[i];
	return m->last;
}

objid
idmap_get(struct idmap *m, taddr addr)
{
	uint32_t **chunk = chunk_of(m, addr, false);
	if (chunk == NULL)
		return OBJID_NONE;
	const uint32_t *page = chunk[addr >> IDMAP_PAGE & (PAGES - 1)];
	if (page == NULL)
		return OBJID_NONE;
	uint32_t slot = page[slot_of(m, addr)];
	if (slot == 0 || ((slot ^ slot_tag(m, addr)) >> 31) != 0)
		return OBJID_NONE;
	return (slot & 0x7fffffff) - 1;
}

void
idmap_put(struct idmap *m, taddr addr, objid id)
{
	uint32_t **chunk = chunk_of(m, addr, true);
	uint32_t **page = &chunk[addr >> IDMAP_PAGE & (PAGES - 1)];
	if (*page == NULL)
		*page = xcalloc((1u << IDMAP_PAGE) >> m->granule, sizeof(**page));
	(*page)[slot_of(m, addr)] = (id + 1) | slot_tag(m, addr);
}

void
idmap_fini(struct idmap *m)
{
	for (size_t i = 0; i < m->chunks.n; i++) {
		for (size_t j = 0; j < PAGES; j++)
			free(m->chunks.at[i][j]);
		free(m->chunks.at[i]);
	}
	vec_fini(&m->chunks);
	map_fini(&m->chunk_index);
	*m = (struct idmap){.granule = m->granule};
}
