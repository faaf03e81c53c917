/*
 * Lazy binding: a library's calls to others go through slots that the dynamic linker
 * fills at the first call. One that the target never made is filled here, in the
 * interpreter's own view, from the library's own tables.
 *
 * ELF: DT_JMPREL and its relocations; System V ABI, x86-64 and i386 supplements.
 */
#include "priv.h"

#include <elf.h>
#include <string.h>

#include "memscan/limits.h"

enum { MAX_SLOTS = 65536 };

/* What the dynamic section of a loaded library says of its lazy slots. */
struct dynamic {
	taddr jmprel, symtab, strtab;
	uint64_t pltrelsz, pltrel;
};

/* Addresses in it are relocated by ld.so already (glibc), or are as linked (musl). */
static taddr
relocated(const struct module *m, uint64_t v)
{
	return v >= m->start && v < m->end ? v : v + m->bias;
}

static bool
read_dynamic(struct foreign *f, struct module *m, struct dynamic *d)
{
	taddr at;
	uint64_t size, width = target_machine(f->t)->ptr_width;

	*d = (struct dynamic){0};
	if (elf_section(m, ".dynamic", &at, &size) != MS_OK || size > 65536)
		return false;
	for (; size >= 2 * width; at += 2 * width, size -= 2 * width) {
		uint64_t tag, v;
		if (target_word(f->t, at, &tag) != MS_OK ||
			target_word(f->t, at + width, &v) != MS_OK || tag == DT_NULL)
			break;
		if (tag == DT_JMPREL)
			d->jmprel = relocated(m, v);
		else if (tag == DT_SYMTAB)
			d->symtab = relocated(m, v);
		else if (tag == DT_STRTAB)
			d->strtab = relocated(m, v);
		else if (tag == DT_PLTRELSZ)
			d->pltrelsz = v;
		else if (tag == DT_PLTREL)
			d->pltrel = v;
	}
	return d->jmprel != 0 && d->symtab != 0 && d->strtab != 0;
}

/* One relocation: the slot's address and the symbol's index. */
static bool
read_slot(struct foreign *f, const struct module *m, const struct dynamic *d, uint64_t i,
	taddr *slot, uint64_t *sym)
{
	uint64_t width = target_machine(f->t)->ptr_width, r_offset, r_info;
	uint64_t entry = (d->pltrel == DT_RELA ? 3 : 2) * width;

	if (target_word(f->t, d->jmprel + i * entry, &r_offset) != MS_OK ||
		target_word(f->t, d->jmprel + i * entry + width, &r_info) != MS_OK)
		return false;
	*slot = m->bias + r_offset;
	*sym = width == 8 ? ELF64_R_SYM(r_info) : ELF32_R_SYM(r_info);
	return true;
}

/* The name that a symbol of the library's table has. */
static bool
symbol_name(
	struct foreign *f, const struct dynamic *d, uint64_t sym, char *name, size_t cap)
{
	uint64_t size = target_machine(f->t)->ptr_width == 8 ? sizeof(Elf64_Sym)
							     : sizeof(Elf32_Sym);
	uint32_t st_name;

	/* st_name is the first field in both classes. */
	return target_u32(f->t, d->symtab + sym * size, &st_name) == MS_OK &&
		target_str(f->t, d->strtab + st_name, name, cap) == MS_OK;
}

static taddr
find_function(struct foreign *f, const char *name)
{
	for (size_t i = 0; i < modules_count(f->modules); i++) {
		taddr at = foreign_function(f, modules_at(f->modules, i), name);
		if (at != 0)
			return at;
	}
	return 0;
}

/* Fill what is unfilled: a slot that still points into its own library's PLT. */
static void
fill_slots(struct foreign *f, const struct module *m, const struct dynamic *d)
{
	uint64_t width = target_machine(f->t)->ptr_width;
	uint64_t entry = (d->pltrel == DT_RELA ? 3 : 2) * width;

	for (uint64_t i = 0; i < d->pltrelsz / entry && i < MAX_SLOTS; i++) {
		taddr slot;
		uint64_t sym, now = 0;
		char name[LIM_NAME];
		if (!read_slot(f, m, d, i, &slot, &sym) ||
			target_word(f->t, slot, &now) != MS_OK)
			return;
		if (now < m->start || now >= m->end ||
			!symbol_name(f, d, sym, name, sizeof(name)))
			continue;
		taddr at = find_function(f, name);
		/*
		 * Little-endian alone has an interpreter. The view is kept at once:
		 * resolvers are calls, too.
		 */
		if (at != 0 && emu_write(f->emu, slot, &at, (size_t)width) == MS_OK &&
			!emu_keep(f->emu))
			return;
	}
}

bool
bind_module_of(struct foreign *f, taddr fn)
{
	struct module *m = modules_find(f->modules, fn);
	struct dynamic d;
	uint32_t known;

	if (m == NULL || map_get(&f->bound, m->start, &known))
		return false;
	map_put(&f->bound, m->start, 1);
	if (!read_dynamic(f, m, &d))
		return false;
	fill_slots(f, m, &d);
	return true;
}
