/*
 * Dynamic symbols from the memory image of a module that has no file any more: deleted,
 * replaced by an upgrade, or the kernel's vdso, that never had one. Everything is found
 * through PT_DYNAMIC; every number in it is somebody else's claim.
 */
#include "priv.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	DYNAMIC_MAX = 4096,       /* entries */
	STRINGS_MAX = 256 << 20,  /* bytes */
	CHAIN_MAX = SYMBOLS_MAX,
};

/* What the dynamic section says. */
struct dynamic {
	struct module *m;
	struct target *t;
	unsigned width;
	bool swap;
	uint64_t symtab, strtab, strings_len, hash, gnu_hash;
};

/*
 * An address of the dynamic section. The loader of the C library writes the real one over
 * the file's, except where the section may not be written (vdso, some machines).
 */
static taddr
absolute(const struct dynamic *d, uint64_t addr)
{
	if (addr >= d->m->start && addr < d->m->end)
		return addr;
	return addr + d->m->bias;
}

static bool
read_word(const struct dynamic *d, taddr addr, unsigned width, uint64_t *ret)
{
	uint8_t buf[8];

	if (target_read(d->t, addr, buf, width) != MS_OK)
		return false;
	*ret = load_uint(buf, width, d->swap);
	return true;
}

static bool
read_dynamic(struct dynamic *d)
{
	const struct elf_head *h = &d->m->file->head;
	const struct segment *dyn = NULL;

	for (size_t i = 0; i < h->n && dyn == NULL; i++) {
		if (h->segments[i].type == PT_DYNAMIC)
			dyn = &h->segments[i];
	}
	if (dyn == NULL)
		return false;
	taddr at = dyn->vaddr + d->m->bias;
	uint64_t n = dyn->memsz / (2 * d->width);
	for (uint64_t i = 0; i < n && i < DYNAMIC_MAX; i++, at += 2 * d->width) {
		uint64_t tag, val;
		if (!read_word(d, at, d->width, &tag) ||
		    !read_word(d, at + d->width, d->width, &val))
			return false;
		if (tag == DT_NULL)
			break;
		if (tag == DT_SYMTAB)
			d->symtab = absolute(d, val);
		else if (tag == DT_STRTAB)
			d->strtab = absolute(d, val);
		else if (tag == DT_STRSZ)
			d->strings_len = val;
		else if (tag == DT_HASH)
			d->hash = absolute(d, val);
		else if (tag == DT_GNU_HASH)
			d->gnu_hash = absolute(d, val);
	}
	return d->symtab != 0 && d->strtab != 0 && d->strings_len > 0;
}

/* The last symbol is at the end of the chain of the highest bucket. */
static bool
count_gnu_hash(const struct dynamic *d, uint64_t *ret)
{
	uint64_t n_buckets, first, n_bloom;

	if (!read_word(d, d->gnu_hash, 4, &n_buckets) ||
	    !read_word(d, d->gnu_hash + 4, 4, &first) ||
	    !read_word(d, d->gnu_hash + 8, 4, &n_bloom) || n_buckets > SYMBOLS_MAX)
		return false;
	taddr buckets = d->gnu_hash + 16 + n_bloom * d->width;
	taddr chains = buckets + n_buckets * 4;
	uint64_t last = 0;
	for (uint64_t i = 0; i < n_buckets; i++) {
		uint64_t v;
		if (!read_word(d, buckets + i * 4, 4, &v))
			return false;
		last = v > last ? v : last;
	}
	if (last < first) {
		*ret = first;
		return true;
	}
	for (unsigned steps = 0; steps < CHAIN_MAX; steps++, last++) {
		uint64_t v;
		if (!read_word(d, chains + (last - first) * 4, 4, &v))
			return false;
		if ((v & 1) != 0) {
			*ret = last + 1;
			return true;
		}
	}
	return false;
}

static bool
count_symbols(const struct dynamic *d, uint64_t *ret)
{
	/* DT_HASH: number of buckets, number of symbols. */
	if (d->hash != 0 && read_word(d, d->hash + 4, 4, ret) && *ret > 0 &&
	    *ret < SYMBOLS_MAX)
		return true;
	return d->gnu_hash != 0 && count_gnu_hash(d, ret) && *ret < SYMBOLS_MAX;
}

/*
 * st_name, st_info and st_other, st_shndx, st_value, st_size: in another order for each
 * width.
 */
static void
parse_symbol(const struct dynamic *d, const uint8_t *p, GElf_Sym *ret)
{
	if (d->width == 8) {
		ret->st_name = (uint32_t)load_uint(p, 4, d->swap);
		ret->st_info = p[4];
		ret->st_shndx = (uint16_t)load_uint(p + 6, 2, d->swap);
		ret->st_value = load_uint(p + 8, 8, d->swap);
		ret->st_size = load_uint(p + 16, 8, d->swap);
		return;
	}
	ret->st_name = (uint32_t)load_uint(p, 4, d->swap);
	ret->st_value = load_uint(p + 4, 4, d->swap);
	ret->st_size = load_uint(p + 8, 4, d->swap);
	ret->st_info = p[12];
	ret->st_shndx = (uint16_t)load_uint(p + 14, 2, d->swap);
}

static void
collect_memory(const struct dynamic *d, const uint8_t *symbols, uint64_t n,
               const char *strings, symbol_vec *ret)
{
	size_t entry = d->width == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	for (uint64_t i = 0; i < n; i++) {
		GElf_Sym sym;
		parse_symbol(d, symbols + i * entry, &sym);
		if (sym.st_name >= d->strings_len)
			continue;
		const char *name = strings + sym.st_name;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if (GELF_ST_BIND(sym.st_info) == STB_LOCAL ||
		    !symbol_is_useful(type, sym.st_shndx, name))
			continue;
		vec_push(ret, (struct symbol){
			.value = sym.st_value,
			.size = sym.st_size,
			.name = name,
			.type = (uint8_t)type,
			.is_dynamic = true,
		});
	}
}

enum status
memory_symbols(struct module *m, symbol_vec *ret, char **strings)
{
	const struct machine *machine = elf_machine(m);
	struct dynamic d = {
		.m = m,
		.t = m->file->list->t,
		.width = machine->ptr_width,
		.swap = machine->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__),
	};
	struct errbuf eb;
	uint64_t n;

	if (d.t == NULL || !read_dynamic(&d) || !count_symbols(&d, &n))
		return MS_ABSENT;
	size_t entry = d.width == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t len = (size_t)n * entry;
	if (!target_is_mapped(d.t, d.symtab, len) || d.strings_len > STRINGS_MAX ||
	    !target_is_mapped(d.t, d.strtab, (size_t)d.strings_len))
		return MS_FORMAT;

	CLEAN_FREE uint8_t *symbols = NULL;
	CLEAN_FREE char *text = NULL;
	enum status st =
	        mem_checked(n, entry, (size_t)SYMBOLS_MAX * entry, &symbols, &eb);
	if (st == MS_OK)
		st = mem_checked((size_t)d.strings_len + 1, 1, STRINGS_MAX + 1, &text,
		                 &eb);
	if (st == MS_OK)
		st = target_read(d.t, d.symtab, symbols, len);
	if (st == MS_OK)
		st = target_read(d.t, d.strtab, text, (size_t)d.strings_len);
	if (st != MS_OK)
		return st;
	collect_memory(&d, symbols, n, text, ret);
	*strings = STEAL(text);
	return MS_OK;
}
