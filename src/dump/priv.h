/*
 * Inside the dump layer: what writer and reader share, the container. A container knows
 * columns, extents and checksums, and nothing of what the columns mean.
 */
#ifndef MEMSCAN_DUMP_PRIV_H
#define MEMSCAN_DUMP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/dumpfmt.h"
#include "memscan/heap.h"
#include "memscan/io.h"
#include "memscan/status.h"

enum {
	TOC_ROWS_MAX = 1 << 20, /* at full extents 4 TiB of dump */
	EXTENTS_MAPPED_MAX =
		16384, /* of a column; vm.max_map_count is 65,530 by default */
	EXTENT_RAW_MAX = 64 << 20, /* of a compressed extent: what is unpacked at once */
	RAW_RATIO_MAX = 512, /* what extents of a file unpack to, in sum */
};

struct column_info {
	char name[5];
	uint32_t size; /* bytes of an element */
};

extern const struct column_info column_info[DC_COUNT];

/* crc.c: crc32 as zlib's, of any length. */
uint32_t chunk_crc32(const void *p, size_t n);

/* ---- parsing: pure functions of bytes ---- */

/* What a trailer says, checked against the size of the file: where the TOC is. */
struct chunk_tail {
	uint64_t toc_offset;
	uint32_t toc_rows;
	uint32_t toc_crc32;
};

/* MS_FORMAT or MS_VERSION. *header_size is where extents may begin at the earliest. */
MUST_CHECK enum status chunk_parse_header(
	const struct dumpfmt_header *h, uint32_t *header_size, struct errbuf *eb);
MUST_CHECK enum status chunk_parse_trailer(const struct dumpfmt_trailer *t,
	uint64_t file_size, uint32_t header_size, struct chunk_tail *ret,
	struct errbuf *eb);

/* The extents of each known column, in the order of its bytes. */
struct chunk_toc {
	struct dumpfmt_extent
		*rows; /* those of column c are rows[first[c] .. first[c + 1] - 1] */
	size_t first[DC_COUNT + 1];
	uint64_t length[DC_COUNT]; /* bytes; a multiple of the element's size */
};

/*
 * Check n rows and sort them by column; rows of unknown columns are dropped. All extents
 * lie in [begin, end) and are, in sum, no longer than that: what follows is bounded by
 * the file's size.
 */
MUST_CHECK enum status chunk_parse_toc(const struct dumpfmt_extent *rows, size_t n,
	uint64_t begin, uint64_t end, struct chunk_toc *ret, struct errbuf *eb);
void chunk_toc_fini(struct chunk_toc *t);

/* ---- mapping ---- */

/* Read the n bytes at an offset of the file. MS_IO, or MS_FORMAT if it ends before. */
MUST_CHECK enum status chunk_read(
	int fd, uint64_t at, void *buf, size_t n, struct errbuf *eb);

/* A column in contiguous memory, read-only, with an inaccessible page behind it.
 * All-zero: none. */
struct chunk_map {
	uint8_t *at;
	size_t reserved; /* bytes of address space */
};

/* What a column's extents become. */
struct chunk_shape {
	uint64_t length; /* bytes in all */
	size_t width;    /* of an element */
	bool checksums;  /* compare those of compressed extents before they are unpacked */
};

/* Map the n extents of one column; what cannot be mapped is copied, or unpacked. */
MUST_CHECK enum status chunk_map(int fd, const struct dumpfmt_extent *rows, size_t n,
	const struct chunk_shape *shape, struct chunk_map *ret, struct errbuf *eb);
void chunk_unmap(struct chunk_map *m);

/* Compare the checksum of each extent of a mapped column but compressed ones. MS_FORMAT */
MUST_CHECK enum status chunk_verify(const struct chunk_map *m,
	const struct dumpfmt_extent *rows, size_t n, const char *name, struct errbuf *eb);

/* ---- compressed extents ---- */

/* What goes into the file: bytes that are borrowed, and the length before if compressed. */
struct packed {
	const uint8_t *at;
	size_t n;
	uint64_t raw; /* 0: not compressed */
	uint32_t crc32;
};

struct packer;
struct packer *packer_new(void);
void packer_free(struct packer *p);

/* n bytes of elements of a width, compressed if that makes them fewer; valid until the next call. */
struct packed pack_extent(struct packer *p, const uint8_t *at, size_t n, size_t width);

/* The raw bytes that n compressed ones at `at` stand for. MS_FORMAT */
MUST_CHECK enum status unpack_extent(const uint8_t *at, size_t n, uint8_t *to, size_t raw,
	size_t width, struct errbuf *eb);

/* ---- extents on their way to the file ---- */

struct extents;
struct extents *extents_new(struct outfile *out);
void extents_free(struct extents *e);

/* Before the first extent: work in threads - 1 more threads; compress. */
void extents_tune(struct extents *e, unsigned threads, bool compress);

/* Bytes that are no extent, while none is under way. */
MUST_CHECK enum status extents_write(
	struct extents *e, const void *p, size_t n, struct errbuf *eb);

/* Hand n bytes of a column over, with their memory; the status of what has failed so far. */
MUST_CHECK enum status extents_put(
	struct extents *e, enum dump_column column, uint8_t *at, size_t n);

/* Wait until all are in the file; then what failed. */
MUST_CHECK enum status extents_drain(struct extents *e, struct errbuf *eb);

/* Write the table of contents and the trailer. */
MUST_CHECK enum status extents_finish(struct extents *e, struct errbuf *eb);

/* Rows of all extents in order of the file; nothing may be under way. */
const struct dumpfmt_extent *extents_rows(const struct extents *e, size_t *n);
uint64_t extents_bytes(struct extents *e); /* of the file so far */

/* ---- the rest of the layer ---- */

/*
 * The numbers of references of n objects summed up: nobj + 1 numbers of first references,
 * from 0 to nref, into *ret; free() it. MS_FORMAT
 */
MUST_CHECK enum status refs_unfold(const uint8_t *counts, uint32_t nobj,
	const struct dumpfmt_many *many, uint64_t nmany, uint64_t nref, uint64_t **ret,
	struct errbuf *eb);

/*
 * The ids 0 .. n - 1 in ascending order of (addr[id], id), into ids. Takes 8 bytes of
 * memory an object for the call, twice that at worst.
 */
MUST_CHECK enum status addr_sort(
	const uint64_t *addr, uint32_t n, uint32_t *ids, struct errbuf *eb);

/*
 * Validate the columns of h that are not NULL, see dump_open. str_bytes is the length of
 * h->str. MS_FORMAT
 */
MUST_CHECK enum status heap_validate(
	const struct heap *h, uint64_t str_bytes, struct errbuf *eb);

struct dump;

/*
 * dump_open of a file that is open already (borrowed). Without checksums everything else
 * is checked as ever: for fuzzing, where a checksum would hide all that is behind it.
 */
MUST_CHECK enum status dump_open_fd(
	int fd, uint32_t columns, bool checksums, struct dump **ret, struct errbuf *eb);

#endif
