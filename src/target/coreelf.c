/*
 * The headers of a core file. Written by a kernel, a debugger, or somebody who means
 * harm: a pure function of bytes, both widths, both byte orders; segments that make no
 * sense are left out and counted.
 */
#include "corepriv.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/bytes.h"
#include "memscan/limits.h"

/* Where the program headers are. */
struct table {
	uint64_t off, n, section_off;
	unsigned entry_len;
};

static const char *
type_name(unsigned e_type)
{
	switch (e_type) {
	case ET_REL: return "an object file";
	case ET_EXEC: return "a program";
	case ET_DYN: return "a program or a library";
	default: return "an ELF file of unknown type";
	}
}

static enum status
parse_ehdr(const uint8_t *p, size_t len, struct core_image *im, struct table *table,
           struct errbuf *eb)
{
	if (len == 0)
		return errbuf_set(eb, MS_FORMAT, "the file is empty");
	if (len < EI_NIDENT || memcmp(p, ELFMAG, SELFMAG) != 0)
		return errbuf_set(eb, MS_FORMAT, "not a core file: it is no ELF file");
	bool is64 = p[EI_CLASS] == ELFCLASS64;
	bool big = p[EI_DATA] == ELFDATA2MSB;
	if ((!is64 && p[EI_CLASS] != ELFCLASS32) || (!big && p[EI_DATA] != ELFDATA2LSB))
		return errbuf_set(eb, MS_FORMAT,
		                  "an ELF file of unknown class %u or byte order %u",
		                  p[EI_CLASS], p[EI_DATA]);

	unsigned width = is64 ? 8 : 4;
	struct bytes b = bytes_of(p + EI_NIDENT, len - EI_NIDENT);
	b.swap = im->swap = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	unsigned e_type = (unsigned)bytes_uint(&b, 2);
	im->machine = (struct machine){
		.e_machine = (uint16_t)bytes_uint(&b, 2),
		.ptr_width = (uint8_t)width,
		.big_endian = big,
	};
	bytes_take(&b, 4 + width); /* e_version, e_entry */
	table->off = bytes_uint(&b, width);
	table->section_off = bytes_uint(&b, width);
	bytes_take(&b, 4 + 2); /* e_flags, e_ehsize */
	table->entry_len = (unsigned)bytes_uint(&b, 2);
	table->n = bytes_uint(&b, 2);
	if (b.bad)
		return errbuf_set(eb, MS_FORMAT, "cut off within its first header");
	if (e_type != ET_CORE)
		return errbuf_set(eb, MS_FORMAT, "not a core file: it is %s",
		                  type_name(e_type));
	return MS_OK;
}

/* More segments than 16 bits count: the first section header has their number. */
static bool
extended_count(const uint8_t *p, size_t len, const struct core_image *im, uint64_t off,
               uint64_t *ret)
{
	bool is64 = im->machine.ptr_width == 8;
	size_t at = is64 ? offsetof(Elf64_Shdr, sh_info) : offsetof(Elf32_Shdr, sh_info);

	if (off == 0 || off > len || len - off < at + 4)
		return false;
	*ret = load_uint(p + off + at, 4, im->swap);
	return true;
}

static uint32_t
prot_of(uint64_t p_flags)
{
	return ((p_flags & PF_R) != 0 ? PROT_READ : 0) |
	       ((p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
	       ((p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

static void
add_load(struct core_image *im, struct core_load l, uint64_t memsz, size_t len)
{
	uint64_t last = im->machine.ptr_width == 4 ? UINT32_MAX : UINT64_MAX;

	if (memsz == 0 && l.size == 0)
		return;
	/* Bytes of the file for no memory; or behind the end of the addresses. */
	if (memsz < l.size || l.start > last || memsz - 1 > last - l.start ||
	    memsz > UINT64_MAX - l.start || l.size > UINT64_MAX - l.off) {
		im->bad++;
		return;
	}
	l.end = l.start + memsz;
	l.has = l.off >= len ? 0 : l.size <= len - l.off ? l.size : len - l.off;
	if (l.size > 0 && l.off + l.size > im->want)
		im->want = l.off + l.size;
	vec_push(&im->loads, l);
}

static void
add_segment(struct core_image *im, const uint8_t *p, size_t len)
{
	unsigned width = im->machine.ptr_width;
	struct bytes b = bytes_of(p, sizeof(Elf64_Phdr));
	struct core_load l = {0};
	uint64_t flags = 0;

	b.swap = im->swap;
	uint64_t type = bytes_uint(&b, 4);
	if (width == 8)
		flags = bytes_uint(&b, 4);
	l.off = bytes_uint(&b, width);
	l.start = bytes_uint(&b, width);
	bytes_take(&b, width); /* p_paddr */
	l.size = bytes_uint(&b, width);
	uint64_t memsz = bytes_uint(&b, width);
	if (width == 4)
		flags = bytes_uint(&b, 4);
	l.prot = prot_of(flags);
	if (type == PT_LOAD)
		add_load(im, l, memsz, len);
	if (type != PT_NOTE)
		return;
	if (l.off >= len || l.size > LIM_NOTE_BYTES) {
		im->bad++;
		return;
	}
	uint64_t has = l.size <= len - l.off ? l.size : len - l.off;
	vec_push(&im->notes, (struct core_note_range){.off = l.off, .len = has});
}

static int
compare_loads(const void *pa, const void *pb)
{
	const struct core_load *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->off < b->off ? -1 : a->off > b->off;
}

/* By address; of what overlaps, the first stays. */
static void
sort_loads(struct core_image *im)
{
	size_t kept = 0;

	if (im->loads.n > 1)
		qsort(im->loads.at, im->loads.n, sizeof(*im->loads.at), compare_loads);
	for (size_t i = 0; i < im->loads.n; i++) {
		const struct core_load *l = &im->loads.at[i];
		if (kept > 0 && l->start < im->loads.at[kept - 1].end) {
			im->bad++;
			continue;
		}
		im->loads.at[kept++] = *l;
	}
	im->loads.n = kept;
}

enum status
core_parse(const uint8_t *p, size_t len, struct core_image *ret, struct errbuf *eb)
{
	struct core_image im = {0};
	struct table table = {0};

	enum status st = parse_ehdr(p, len, &im, &table, eb);
	if (st != MS_OK)
		return st;
	size_t size =
	        im.machine.ptr_width == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (table.n == PN_XNUM &&
	    !extended_count(p, len, &im, table.section_off, &table.n))
		table.n = PN_XNUM;
	if (table.n > LIM_REGIONS)
		return errbuf_set(eb, MS_LIMIT, "%llu segments",
		                  (unsigned long long)table.n);
	if (table.n == 0 || table.entry_len < size)
		return errbuf_set(eb, MS_FORMAT, "a core file without segments");
	if (table.off > len || len - table.off < size)
		return errbuf_set(eb, MS_FORMAT,
		                  "cut off within its headers: nothing of the memory is in it");
	for (uint64_t i = 0; i < table.n; i++) {
		uint64_t off = i * table.entry_len;
		if (off > len - table.off || len - table.off - off < size) {
			im.bad += table.n - i;
			break;
		}
		uint8_t phdr[sizeof(Elf64_Phdr)] = {0};
		memcpy(phdr, p + table.off + off, size);
		add_segment(&im, phdr, len);
	}
	sort_loads(&im);
	*ret = im;
	return MS_OK;
}

void
core_image_fini(struct core_image *im)
{
	vec_fini(&im->loads);
	vec_fini(&im->notes);
	*im = (struct core_image){0};
}
