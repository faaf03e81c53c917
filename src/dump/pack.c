/*
 * Compressed extents: a Zstandard frame of the extent's bytes; those of numbers are
 * transposed before, first bytes first, because the high bytes of neighbours are mostly
 * alike.
 */
#include "priv.h"

#include <stdlib.h>
#include <zstd.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

/* The fastest of the levels that find matches at all, for archives that are made hourly. */
enum { LEVEL = 1 };

struct packer {
	ZSTD_CCtx *cctx;
	VEC(uint8_t) turned, packed;
};

struct packer *
packer_new(void)
{
	struct packer *p = xcalloc(1, sizeof(*p));

	p->cctx = ZSTD_createCCtx();
	return p;
}

void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->cctx);
	vec_fini(&p->turned);
	vec_fini(&p->packed);
	free(p);
}

/* Whether a column's elements are numbers, whose bytes are transposed. */
static bool
is_turned(size_t width)
{
	return width == 2 || width == 4 || width == 8;
}

struct packed
pack_extent(struct packer *p, const uint8_t *at, size_t n, size_t width)
{
	struct packed plain = {.at = at, .n = n};
	const uint8_t *from = at;
	size_t most = ZSTD_compressBound(n);

	if (p->cctx == NULL)
		return plain;
	if (is_turned(width)) {
		size_t rows = n / width;
		vec_reserve(&p->turned, n);
		for (size_t k = 0; k < width; k++)
			for (size_t i = 0; i < rows; i++)
				p->turned.at[k * rows + i] = at[i * width + k];
		from = p->turned.at;
	}
	vec_reserve(&p->packed, most);
	size_t got = ZSTD_compressCCtx(p->cctx, p->packed.at, most, from, n, LEVEL);
	if (ZSTD_isError(got) || got >= n)
		return plain;
	return (struct packed){.at = p->packed.at, .n = got, .raw = n};
}

enum status
unpack_extent(const uint8_t *at, size_t n, uint8_t *to, size_t raw, size_t width,
	struct errbuf *eb)
{
	CLEAN_FREE uint8_t *turned = NULL;
	uint8_t *out = to;

	if (is_turned(width)) {
		if (raw % width != 0)
			return errbuf_set(eb, MS_FORMAT,
				"a compressed extent of parts of elements");
		enum status st = mem_checked(raw, 1, EXTENT_RAW_MAX, &turned, eb);
		if (st != MS_OK)
			return st;
		out = turned;
	}
	size_t got = ZSTD_decompress(out, raw, at, n);
	if (ZSTD_isError(got) || got != raw)
		return errbuf_set(eb, MS_FORMAT, "a compressed extent: %s",
			ZSTD_isError(got) ? ZSTD_getErrorName(got) : "too short");
	if (!is_turned(width))
		return MS_OK;
	size_t rows = raw / width;
	for (size_t k = 0; k < width; k++)
		for (size_t i = 0; i < rows; i++)
			to[i * width + k] = turned[k * rows + i];
	return MS_OK;
}
