/*
 * The container: header, table of contents and trailer as parsers of bytes that somebody
 * else wrote, and columns put together from their extents in contiguous memory.
 */
#include "priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"

const struct column_info column_info[DC_COUNT] = {
#define ROW(id, size) {#id, size},
	DUMP_COLUMNS(ROW)
#undef ROW
};

enum status
chunk_parse_header(
	const struct dumpfmt_header *h, uint32_t *header_size, struct errbuf *eb)
{
	if (memcmp(h->magic, DUMP_MAGIC, sizeof(h->magic)) != 0)
		return errbuf_set(eb, MS_FORMAT, "not a memscan dump");
	if (h->major != DUMP_MAJOR)
		return errbuf_set(eb, MS_VERSION,
			"dump format %u.%u; this memscan reads %u.x", h->major, h->minor,
			DUMP_MAJOR);
	if (h->header_size < sizeof(*h))
		return errbuf_set(eb, MS_FORMAT, "header of %u bytes, %zu expected",
			h->header_size, sizeof(*h));
	*header_size = h->header_size;
	return MS_OK;
}

enum status
chunk_parse_trailer(const struct dumpfmt_trailer *t, uint64_t file_size,
	uint32_t header_size, struct chunk_tail *ret, struct errbuf *eb)
{
	if (memcmp(t->magic, DUMP_END_MAGIC, sizeof(t->magic)) != 0)
		return errbuf_set(eb, MS_FORMAT, "truncated: no trailer");
	if (t->file_size != file_size)
		return errbuf_set(eb, MS_FORMAT,
			"the file has %llu bytes, its trailer says %llu",
			(unsigned long long)file_size, (unsigned long long)t->file_size);
	uint64_t toc_bytes = (uint64_t)t->toc_rows * sizeof(struct dumpfmt_extent);
	uint64_t toc_end = file_size - sizeof(*t);
	if (t->toc_offset < header_size || t->toc_offset > toc_end ||
		toc_end - t->toc_offset != toc_bytes)
		return errbuf_set(eb, MS_FORMAT,
			"table of contents: %u rows at %llu do not fit", t->toc_rows,
			(unsigned long long)t->toc_offset);
	if (t->toc_rows > TOC_ROWS_MAX)
		return errbuf_set(eb, MS_LIMIT,
			"table of contents: %u rows, %u are the limit", t->toc_rows,
			(unsigned)TOC_ROWS_MAX);
	*ret = (struct chunk_tail){t->toc_offset, t->toc_rows, t->toc_crc32};
	return MS_OK;
}

/* ---- table of contents ---- */

/* The column of a row, or DC_COUNT for one that this version does not know. */
static unsigned
column_of(const struct dumpfmt_extent *row)
{
	unsigned c = 0;

	while (c < DC_COUNT && memcmp(row->column, column_info[c].name, 4) != 0)
		c++;
	return c;
}

/* Bytes of a column that an extent is. */
static uint64_t
raw_length(const struct dumpfmt_extent *row)
{
	return row->raw != 0 ? row->raw : row->length;
}

/* A few bytes must not unpack to all memory. */
static enum status
check_raw(const struct dumpfmt_extent *rows, size_t n, uint64_t room, struct errbuf *eb)
{
	uint64_t most = room < UINT64_MAX / RAW_RATIO_MAX ? room * RAW_RATIO_MAX : UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].raw > EXTENT_RAW_MAX || rows[i].raw > most)
			return errbuf_set(eb, MS_FORMAT, "extent %zu unpacks to too much", i);
		most -= rows[i].raw;
	}
	return MS_OK;
}

static enum status
check_rows(const struct dumpfmt_extent *rows, size_t n, uint64_t begin, uint64_t end,
	struct errbuf *eb)
{
	uint64_t room = end - begin;

	for (size_t i = 0; i < n; i++) {
		const struct dumpfmt_extent *row = &rows[i];
		if (row->offset < begin || row->offset > end ||
			row->length > end - row->offset)
			return errbuf_set(
				eb, MS_FORMAT, "extent %zu is outside of the file", i);
		/* Each byte of the file belongs to one extent at most. */
		if (row->length > room)
			return errbuf_set(eb, MS_FORMAT,
				"extent %zu: more bytes than the file has", i);
		room -= row->length;
	}
	return check_raw(rows, n, end - begin, eb);
}

enum status
chunk_parse_toc(const struct dumpfmt_extent *rows, size_t n, uint64_t begin, uint64_t end,
	struct chunk_toc *ret, struct errbuf *eb)
{
	CLEAN(chunk_toc_fini) struct chunk_toc t = {0};
	size_t next[DC_COUNT];

	enum status st = check_rows(rows, n, begin, end, eb);
	if (st != MS_OK)
		return st;
	st = mem_checked(n, sizeof(*rows), TOC_ROWS_MAX * sizeof(*rows), &t.rows, eb);
	if (st != MS_OK)
		return st;

	for (size_t i = 0; i < n; i++) {
		unsigned c = column_of(&rows[i]);
		if (c == DC_COUNT)
			continue;
		t.first[c + 1]++;
		t.length[c] += raw_length(&rows[i]);
	}
	for (unsigned c = 0; c < DC_COUNT; c++) {
		if (t.length[c] % column_info[c].size != 0)
			return errbuf_set(eb, MS_FORMAT,
				"column %s: %llu bytes are no whole elements",
				column_info[c].name, (unsigned long long)t.length[c]);
		t.first[c + 1] += t.first[c];
		next[c] = t.first[c];
	}
	for (size_t i = 0; i < n; i++) {
		unsigned c = column_of(&rows[i]);
		if (c < DC_COUNT)
			t.rows[next[c]++] = rows[i];
	}
	*ret = t;
	t.rows = NULL;
	return MS_OK;
}

void
chunk_toc_fini(struct chunk_toc *t)
{
	free(t->rows);
	*t = (struct chunk_toc){0};
}

/* ---- mapping ---- */

enum status
chunk_read(int fd, uint64_t at, void *buf, size_t n, struct errbuf *eb)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(
			fd, (uint8_t *)buf + done, n - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errbuf_sys(eb, MS_IO, "read");
		if (got == 0)
			return errbuf_set(eb, MS_FORMAT, "unexpected end of file");
		done += (size_t)got;
	}
	return MS_OK;
}

/* Map an extent over the reserved addresses; false if it has to be copied. */
static bool
map_extent(int fd, uint8_t *to, const struct dumpfmt_extent *row, bool is_last)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if ((uintptr_t)to % page != 0 || row->offset % page != 0 || row->raw != 0)
		return false;
	if (row->length < page || (!is_last && row->length % page != 0))
		return false;
	if (mmap(to, row->length, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd,
		    (off_t)row->offset) == to)
		return true;
	/* A file system that cannot map may have left a hole: reserve the place again. */
	void *again = mmap(to, row->length, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	(void)again; /* If this fails, so does the read into it. */
	return false;
}

static enum status
unpack(int fd, const struct dumpfmt_extent *row, const struct chunk_shape *shape,
	uint8_t *to, struct errbuf *eb)
{
	CLEAN_FREE uint8_t *packed = NULL;
	size_t n = row->length;

	enum status st = mem_checked(n, 1, EXTENT_RAW_MAX, &packed, eb);
	if (st == MS_OK)
		st = chunk_read(fd, row->offset, packed, n, eb);
	if (st != MS_OK)
		return st;
	if (shape->checksums && chunk_crc32(packed, n) != row->crc32)
		return errbuf_set(eb, MS_FORMAT, "wrong checksum of the extent at %llu",
			(unsigned long long)row->offset);
	return unpack_extent(packed, n, to, row->raw, shape->width, eb);
}

enum status
chunk_map(int fd, const struct dumpfmt_extent *rows, size_t n,
	const struct chunk_shape *shape, struct chunk_map *ret, struct errbuf *eb)
{
	uint64_t length = shape->length;
	CLEAN(chunk_unmap) struct chunk_map m = {0};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	/* Reserved with write access, for copies; untouched pages cost nothing. */
	m.reserved = (length + page - 1) / page * page + page;
	void *at = mmap(NULL, m.reserved, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return errbuf_sys(eb, MS_NOMEM, "%zu bytes of address space", m.reserved);
	m.at = at;

	uint64_t done = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t *to = m.at + done;
		done += raw_length(&rows[i]);
		if (n <= EXTENTS_MAPPED_MAX && map_extent(fd, to, &rows[i], i + 1 == n))
			continue;
		enum status st = rows[i].raw != 0
			? unpack(fd, &rows[i], shape, to, eb)
			: chunk_read(fd, rows[i].offset, to, rows[i].length, eb);
		if (st != MS_OK)
			return st;
	}
	if (mprotect(m.at, m.reserved - page, PROT_READ) != 0 ||
		mprotect(m.at + m.reserved - page, page, PROT_NONE) != 0)
		return errbuf_sys(eb, MS_NOMEM, "mprotect");
	*ret = m;
	m = (struct chunk_map){0};
	return MS_OK;
}

void
chunk_unmap(struct chunk_map *m)
{
	if (m->at != NULL)
		munmap(m->at, m->reserved);
	*m = (struct chunk_map){0};
}

enum status
chunk_verify(const struct chunk_map *m, const struct dumpfmt_extent *rows, size_t n,
	const char *name, struct errbuf *eb)
{
	const uint8_t *p = m->at;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].raw == 0 && chunk_crc32(p, rows[i].length) != rows[i].crc32)
			return errbuf_set(eb, MS_FORMAT,
				"column %s: wrong checksum of the extent at %llu", name,
				(unsigned long long)rows[i].offset);
		p += raw_length(&rows[i]);
	}
	return MS_OK;
}
