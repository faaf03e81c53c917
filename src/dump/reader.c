/*
 * From a file to a struct heap: find the columns, see that their lengths agree, map those
 * that were asked for, and have their contents validated. The heap points into the
 * mapping; only where the references of each object begin is summed up.
 */
#include "priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/dump.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

struct dump {
	struct heap heap;
	struct chunk_map maps[DC_COUNT];
	uint64_t *first; /* heap.first */
	uint64_t file_size;
};

/* A column, and those without which it makes no sense. */
static const struct {
	uint32_t column, brings;
} companions[] = {
#define BIT(c) (1u << DC_##c)
	{BIT(STRS), BIT(STRO)},
	{BIT(STRO), BIT(STRS)},
	{BIT(OSIZ), BIT(OBIG)},
	{BIT(ORFC), BIT(OBIG)},
	{BIT(OSRT), BIT(OADR)},
	{BIT(REFF), BIT(REFB)},
	{BIT(REFB), BIT(REFF)},
	{BIT(REFT), BIT(REFF) | BIT(REFB)},
	{BIT(REFL), BIT(REFF) | BIT(REFB)},
	{BIT(VALA), BIT(VALS)},
	{BIT(VALS), BIT(VALA)},
	{BIT(ROOT), BIT(THRD) | BIT(FRAM) | BIT(INTR)},
	{BIT(OINT), BIT(INTR)},
	{BIT(THRD), BIT(FRAM) | BIT(INTR)},
	{BIT(FRAM), BIT(THRD) | BIT(INTR)},
#undef BIT
};

static uint32_t
with_companions(uint32_t columns)
{
	uint32_t all = columns;

	for (size_t i = 0; i < ARRAY_LEN(companions); i++)
		if ((columns & companions[i].column) != 0)
			all |= companions[i].brings;
	return all;
}

/* ---- the container ---- */

/*
 * What tells the contents of this file from others': the table of contents has the place, length and
 * checksum of all that is in it. FNV-1a, so that a row more or less counts, and never 0.
 */
static uint64_t
digest_of(const void *rows, size_t n, uint64_t file_size)
{
	const uint8_t *p = rows;
	uint64_t sum = 14695981039346656037u ^ file_size;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211u;
	return sum != 0 ? sum : 1;
}

static enum status
read_toc(int fd, struct dump *d, bool checksums, struct chunk_toc *ret, struct errbuf *eb)
{
	CLEAN_FREE struct dumpfmt_extent *rows = NULL;
	struct dumpfmt_header header;
	struct dumpfmt_trailer trailer;
	struct chunk_tail tail;
	uint32_t header_size;
	uint64_t file_size = d->file_size;

	if (file_size < sizeof(header.magic))
		return errbuf_set(eb, MS_FORMAT, "not a memscan dump");
	memset(&header, 0, sizeof(header));
	size_t n = file_size < sizeof(header) ? file_size : sizeof(header);
	enum status st = chunk_read(fd, 0, &header, n, eb);
	if (st != MS_OK)
		return st;
	if (n < sizeof(header) &&
		memcmp(header.magic, DUMP_MAGIC, sizeof(header.magic)) == 0)
		return errbuf_set(eb, MS_FORMAT, "truncated: no trailer");
	st = chunk_parse_header(&header, &header_size, eb);
	if (st != MS_OK)
		return st;
	if (file_size < header_size + sizeof(trailer))
		return errbuf_set(eb, MS_FORMAT, "truncated: no trailer");
	st = chunk_read(fd, file_size - sizeof(trailer), &trailer, sizeof(trailer), eb);
	if (st == MS_OK)
		st = chunk_parse_trailer(&trailer, file_size, header_size, &tail, eb);
	if (st != MS_OK)
		return st;

	size_t bytes = tail.toc_rows * sizeof(*rows);
	st = mem_checked(
		tail.toc_rows, sizeof(*rows), TOC_ROWS_MAX * sizeof(*rows), &rows, eb);
	if (st == MS_OK)
		st = chunk_read(fd, tail.toc_offset, rows, bytes, eb);
	if (st != MS_OK)
		return st;
	if (checksums && chunk_crc32(rows, bytes) != tail.toc_crc32)
		return errbuf_set(eb, MS_FORMAT, "table of contents: wrong checksum");
	d->heap.digest = digest_of(rows, bytes, file_size);
	return chunk_parse_toc(
		rows, tail.toc_rows, header_size, tail.toc_offset, ret, eb);
}

/* ---- lengths ---- */

static uint64_t
elements(const struct chunk_toc *toc, enum dump_column c)
{
	return toc->length[c] / column_info[c].size;
}

/* Columns of which nothing else says how long they are. */
static enum status
count_free(
	const struct chunk_toc *toc, struct heap *h, uint32_t columns, struct errbuf *eb)
{
	const struct {
		enum dump_column column;
		uint32_t *n;
	} counts[] = {
		{DC_TYPE, &h->ntype},
		{DC_OBIG, &h->nbig},
		{DC_OBUF, &h->nbuffer},
		{DC_ONTE, &h->nnote},
		{DC_ROOT, &h->nroot},
		{DC_INTR, &h->ninterp},
		{DC_THRD, &h->nthread},
		{DC_FRAM, &h->nframe},
		{DC_RGNS, &h->nregion},
		{DC_DMGE, &h->ndamage},
		{DC_META, &h->nmeta},
	};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		enum dump_column c = counts[i].column;
		if (elements(toc, c) >= UINT32_MAX)
			return errbuf_set(eb, MS_LIMIT, "column %s: too many elements",
				column_info[c].name);
		if (c == DC_TYPE || (columns & 1u << c) != 0)
			*counts[i].n = (uint32_t)elements(toc, c);
	}
	return MS_OK;
}

static enum status
count_all(
	const struct chunk_toc *toc, struct heap *h, uint32_t columns, struct errbuf *eb)
{
	uint64_t nobj = elements(toc, DC_OADR), nstr = elements(toc, DC_STRO) - 1;
	uint64_t nref = elements(toc, DC_REFT);

	if (elements(toc, DC_STRO) < 2)
		return errbuf_set(eb, MS_FORMAT, "column STRO is missing");
	if (nobj > LIM_OBJECTS || nstr >= UINT32_MAX || nref > LIM_REFS)
		return errbuf_set(
			eb, MS_LIMIT, "too many objects, strings or references");
	const struct {
		enum dump_column column;
		uint64_t n;
		bool may_lack;
	} expected[] = {
		{DC_OTYP, nobj},
		{DC_OSIZ, nobj},
		{DC_ORFC, nobj},
		{DC_OFLG, nobj},
		{DC_OGEN, nobj, true},
		{DC_OINT, nobj, true},
		{DC_OSRT, nobj},
		{DC_REFF, nobj},
		{DC_REFL, nref},
		{DC_VALA, (nobj + HEAP_VALUE_STRIDE - 1) / HEAP_VALUE_STRIDE},
	};
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		enum dump_column c = expected[i].column;
		if (elements(toc, c) == 0 && expected[i].may_lack)
			continue;
		if (elements(toc, c) != expected[i].n)
			return errbuf_set(eb, MS_FORMAT,
				"column %s: %llu elements, %llu expected",
				column_info[c].name, (unsigned long long)elements(toc, c),
				(unsigned long long)expected[i].n);
	}
	h->nobj = (uint32_t)nobj;
	h->nstr = (uint32_t)nstr;
	h->nref = nref;
	if ((columns & 1u << DC_VALS) != 0)
		h->nvalues = toc->length[DC_VALS];
	return count_free(toc, h, columns, eb);
}

/* ---- columns ---- */

static void
point_heap(struct heap *h, const struct chunk_map *maps, const struct chunk_toc *toc)
{
#define AT(c) ((const void *)maps[DC_##c].at)
	h->str = AT(STRS);
	h->str_at = AT(STRO);
	h->types = AT(TYPE);
	h->addr = AT(OADR);
	h->type = AT(OTYP);
	h->size32 = AT(OSIZ);
	h->count32 = AT(ORFC);
	h->flags = AT(OFLG);
	h->generation = elements(toc, DC_OGEN) > 0 ? AT(OGEN) : NULL;
	h->interp = elements(toc, DC_OINT) > 0 ? AT(OINT) : NULL;
	h->big = AT(OBIG);
	h->buffers = AT(OBUF);
	h->notes = AT(ONTE);
	h->by_addr = AT(OSRT);
	h->to = AT(REFT);
	h->label = AT(REFL);
	h->value_at = AT(VALA);
	h->values = AT(VALS);
	h->roots = AT(ROOT);
	h->interps = AT(INTR);
	h->threads = AT(THRD);
	h->frames = AT(FRAM);
	h->regions = AT(RGNS);
	h->damage = AT(DMGE);
	h->meta = AT(META);
#undef AT
}

static enum status
map_columns(int fd, const struct chunk_toc *toc, uint32_t columns, bool checksums,
	struct chunk_map *maps, struct errbuf *eb)
{
	for (unsigned c = 0; c < DC_COUNT; c++) {
		const struct dumpfmt_extent *rows = toc->rows + toc->first[c];
		size_t n = toc->first[c + 1] - toc->first[c];
		if ((columns & 1u << c) == 0)
			continue;
		struct chunk_shape shape = {toc->length[c], column_info[c].size, checksums};
		enum status st = chunk_map(fd, rows, n, &shape, &maps[c], eb);
		if (st != MS_OK)
			return errbuf_wrap(eb, "column %s", column_info[c].name);
		if (!checksums)
			continue;
		st = chunk_verify(&maps[c], rows, n, column_info[c].name, eb);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static void
dump_clean(struct dump **d)
{
	dump_close(*d);
}

enum status
dump_open_fd(
	int fd, uint32_t columns, bool checksums, struct dump **ret, struct errbuf *eb)
{
	CLEAN(chunk_toc_fini) struct chunk_toc toc = {0};
	CLEAN(dump_clean) struct dump *d = xcalloc(1, sizeof(*d));
	struct stat info;

	if (fstat(fd, &info) != 0)
		return errbuf_sys(eb, MS_IO, "fstat");
	if (!S_ISREG(info.st_mode))
		return errbuf_set(eb, MS_IO, "not a regular file");
	d->file_size = (uint64_t)info.st_size;
	columns = with_companions(columns);
	enum status st = read_toc(fd, d, checksums, &toc, eb);
	if (st == MS_OK)
		st = count_all(&toc, &d->heap, columns, eb);
	if (st == MS_OK)
		st = map_columns(fd, &toc, columns, checksums, d->maps, eb);
	if (st != MS_OK)
		return st;
	point_heap(&d->heap, d->maps, &toc);
	if (d->maps[DC_REFF].at != NULL)
		st = refs_unfold(d->maps[DC_REFF].at, d->heap.nobj,
			(const void *)d->maps[DC_REFB].at, elements(&toc, DC_REFB),
			d->heap.nref, &d->first, eb);
	if (st != MS_OK)
		return st;
	d->heap.first = d->first;
	st = heap_validate(&d->heap, toc.length[DC_STRS], eb);
	if (st != MS_OK)
		return st;
	*ret = STEAL(d);
	return MS_OK;
}

enum status
dump_open(const char *path, uint32_t columns, struct dump **ret, struct errbuf *eb)
{
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errbuf_sys(eb, MS_IO, "%s", path);
	if (dump_open_fd(fd, columns, true, ret, eb) != MS_OK)
		return errbuf_wrap(eb, "%s", path);
	return MS_OK;
}

const struct heap *
dump_heap(const struct dump *d)
{
	return &d->heap;
}

uint64_t
dump_file_size(const struct dump *d)
{
	return d->file_size;
}

void
dump_close(struct dump *d)
{
	if (d == NULL)
		return;
	for (unsigned c = 0; c < DC_COUNT; c++)
		chunk_unmap(&d->maps[c]);
	free(d->first);
	free(d);
}
