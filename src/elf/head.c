/*
 * ELF headers, parsed by hand: in a target's memory there is no file for a library to
 * open, and what is there was written by somebody else. A pure function of a source of
 * bytes; both widths, both byte orders.
 */
#include "priv.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	NOTES_MAX = 64 * 1024, /* one PT_NOTE segment; real ones are below a page */
};

/* ---- sources ---- */

static enum status
read_target(const struct source *src, uint64_t off, void *buf, size_t n)
{
	return target_read(src->t, src->base + off, buf, n);
}

static enum status
read_file(const struct source *src, uint64_t off, void *buf, size_t n)
{
	uint8_t *p = buf;

	if (off > INT64_MAX || n > INT64_MAX - off)
		return MS_FAULT;
	while (n > 0) {
		ssize_t got = pread(src->fd, p, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return MS_FAULT;
		p += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return MS_OK;
}

static enum status
read_bytes(const struct source *src, uint64_t off, void *buf, size_t n)
{
	if (off > src->len || n > src->len - off)
		return MS_FAULT;
	memcpy(buf, src->bytes + off, n);
	return MS_OK;
}

struct source
source_target(struct target *t, taddr base)
{
	return (struct source){.read = read_target, .t = t, .base = base};
}

struct source
source_file(int fd)
{
	return (struct source){.read = read_file, .fd = fd};
}

struct source
source_bytes(const void *p, size_t len)
{
	return (struct source){.read = read_bytes, .bytes = p, .len = len};
}

/* ---- headers ---- */

static bool
needs_swap(const struct machine *m)
{
	return m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* Where the program headers are. */
struct table {
	uint64_t off;
	unsigned entry_len, n;
};

static enum status
parse_ehdr(const uint8_t *p, struct elf_head *h, struct table *table)
{
	if (memcmp(p, ELFMAG, SELFMAG) != 0)
		return MS_FORMAT;
	if (p[EI_CLASS] != ELFCLASS32 && p[EI_CLASS] != ELFCLASS64)
		return MS_FORMAT;
	if (p[EI_DATA] != ELFDATA2LSB && p[EI_DATA] != ELFDATA2MSB)
		return MS_FORMAT;

	h->machine.ptr_width = p[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	h->machine.big_endian = p[EI_DATA] == ELFDATA2MSB;
	struct bytes b = bytes_of(p + EI_NIDENT, sizeof(Elf64_Ehdr) - EI_NIDENT);
	b.swap = needs_swap(&h->machine);
	unsigned width = h->machine.ptr_width;
	h->type = (uint16_t)bytes_uint(&b, 2);
	h->machine.e_machine = (uint16_t)bytes_uint(&b, 2);
	bytes_take(&b, 4 + width); /* e_version, e_entry */
	table->off = bytes_uint(&b, width);
	bytes_take(&b, width + 4 + 2); /* e_shoff, e_flags, e_ehsize */
	table->entry_len = (unsigned)bytes_uint(&b, 2);
	table->n = (unsigned)bytes_uint(&b, 2);
	return MS_OK;
}

static struct segment
parse_phdr(const uint8_t *p, const struct machine *m)
{
	struct bytes b =
	        bytes_of(p, m->ptr_width == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
	unsigned width = m->ptr_width;
	struct segment s = {0};

	b.swap = needs_swap(m);
	s.type = (uint32_t)bytes_uint(&b, 4);
	if (width == 8)
		s.flags = (uint32_t)bytes_uint(&b, 4);
	s.offset = bytes_uint(&b, width);
	s.vaddr = bytes_uint(&b, width);
	bytes_take(&b, width); /* p_paddr */
	s.filesz = bytes_uint(&b, width);
	s.memsz = bytes_uint(&b, width);
	if (width == 4)
		s.flags = (uint32_t)bytes_uint(&b, 4);
	return s;
}

enum status
head_parse(const struct source *src, struct elf_head *ret)
{
	uint8_t buf[sizeof(Elf64_Ehdr)] = {0};
	struct elf_head h = {0};
	struct table table;

	enum status st = src->read(src, 0, buf, sizeof(Elf32_Ehdr));
	if (st != MS_OK)
		return st;
	if (buf[EI_CLASS] == ELFCLASS64)
		st = src->read(src, 0, buf, sizeof(Elf64_Ehdr));
	if (st != MS_OK)
		return st;
	st = parse_ehdr(buf, &h, &table);
	if (st != MS_OK)
		return st;
	size_t len = h.machine.ptr_width == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (table.n > SEGMENTS_MAX || (table.n > 0 && table.entry_len < len))
		return MS_FORMAT;

	CLEAN_FREE struct segment *segments = xcalloc(table.n, sizeof(*segments));
	for (unsigned i = 0; i < table.n; i++) {
		uint8_t phdr[sizeof(Elf64_Phdr)];
		uint64_t off = (uint64_t)i * table.entry_len;
		if (table.off > UINT64_MAX - off)
			return MS_FORMAT;
		st = src->read(src, table.off + off, phdr, len);
		if (st != MS_OK)
			return st;
		segments[i] = parse_phdr(phdr, &h.machine);
	}
	h.segments = STEAL(segments);
	h.n = table.n;
	*ret = h;
	return MS_OK;
}

void
head_fini(struct elf_head *h)
{
	free(h->segments);
	*h = (struct elf_head){0};
}

bool
head_extent(const struct elf_head *h, uint64_t *low, uint64_t *high)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->segments[i];
		if (s->type != PT_LOAD || s->memsz > UINT64_MAX - s->vaddr)
			continue;
		lo = s->vaddr < lo ? s->vaddr : lo;
		hi = s->vaddr + s->memsz > hi ? s->vaddr + s->memsz : hi;
	}
	if (lo >= hi)
		return false;
	*low = lo;
	*high = hi;
	return true;
}

/* ---- build id ---- */

size_t
note_build_id(const void *notes, size_t len, bool swap, uint8_t ret[BUILD_ID_MAX])
{
	struct bytes b = bytes_of(notes, len);

	b.swap = swap;
	while (!b.bad && bytes_left(&b) >= 12) {
		uint64_t name_len = bytes_uint(&b, 4);
		uint64_t desc_len = bytes_uint(&b, 4);
		uint64_t type = bytes_uint(&b, 4);
		const void *name = bytes_take(&b, (name_len + 3) & ~3ULL);
		const void *desc = bytes_take(&b, desc_len);
		if (name == NULL || desc == NULL)
			return 0;
		if (type == NT_GNU_BUILD_ID && name_len == 4 &&
		    memcmp(name, "GNU", 4) == 0 && desc_len > 0 &&
		    desc_len <= BUILD_ID_MAX) {
			memcpy(ret, desc, desc_len);
			return desc_len;
		}
		/* Padding, which the last note may lack. */
		size_t pad = (size_t)(-desc_len & 3);
		bytes_take(&b, pad <= bytes_left(&b) ? pad : bytes_left(&b));
	}
	return 0;
}

size_t
head_build_id(const struct elf_head *h, const struct source *src, bool is_memory,
              uint64_t bias, uint8_t ret[BUILD_ID_MAX])
{
	CLEAN_FREE uint8_t *buf = xmalloc(NOTES_MAX);

	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->segments[i];
		if (s->type != PT_NOTE || s->filesz == 0 || s->filesz > NOTES_MAX)
			continue;
		uint64_t off = is_memory ? s->vaddr + bias - src->base : s->offset;
		if (src->read(src, off, buf, (size_t)s->filesz) != MS_OK)
			continue;
		size_t len = note_build_id(buf, (size_t)s->filesz,
		                           needs_swap(&h->machine), ret);
		if (len > 0)
			return len;
	}
	return 0;
}
