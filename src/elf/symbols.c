/*
 * Symbols by name. Each module gets one table on first use: an array, and a hash of names.
 * Dynamic symbols come first, then global ones of .symtab, then local ones, and the first
 * of a name wins: a static function must not hide an exported one.
 *
 * The separate debug file is searched only when a name is not found without it.
 */
#include "priv.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"
#include "memscan/mem.h"

struct symtab {
	symbol_vec symbols;
	char *strings;       /* of memory_symbols */
	uint32_t *hash;      /* index + 1, 0 is a free place; a power of two */
	size_t hash_len;
	size_t n_hashed;
	bool has_debug;      /* the debug file's symbols are in it */
};

void
symtab_free(struct symtab *s)
{
	if (s == NULL)
		return;
	vec_fini(&s->symbols);
	free(s->strings);
	free(s->hash);
	free(s);
}

bool
symbol_is_useful(unsigned type, unsigned shndx, const char *name)
{
	if (name == NULL || *name == '\0' || shndx == SHN_UNDEF || shndx == SHN_ABS ||
	    shndx == SHN_COMMON)
		return false;
	return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC ||
	       type == STT_GNU_IFUNC || type == STT_TLS;
}

/* ---- collecting ---- */

/* Append the useful symbols of one section, either its local ones or the others. */
static void
collect_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, bool want_local,
                symbol_vec *v)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	if (data == NULL || sh->sh_entsize == 0)
		return;

	size_t n = data->d_size / sh->sh_entsize;
	for (size_t i = 0; i < n && i <= INT32_MAX && v->n < SYMBOLS_MAX; i++) {
		GElf_Sym sym;
		if (gelf_getsym(data, (int)i, &sym) == NULL)
			return;
		bool is_local = GELF_ST_BIND(sym.st_info) == STB_LOCAL;
		if (is_local != want_local || sym.st_shndx == SHN_UNDEF)
			continue;
		const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if (!symbol_is_useful(type, sym.st_shndx, name))
			continue;
		vec_push(v, (struct symbol){
			.value = sym.st_value,
			.size = sym.st_size,
			.name = name,
			.type = (uint8_t)type,
			.is_dynamic = sh->sh_type == SHT_DYNSYM,
		});
	}
}

static void
collect(Elf *elf, unsigned type, bool want_local, symbol_vec *v)
{
	for (Elf_Scn *scn = NULL; elf != NULL && (scn = elf_nextscn(elf, scn)) != NULL;) {
		GElf_Shdr sh;
		if (gelf_getshdr(scn, &sh) != NULL && sh.sh_type == type)
			collect_section(elf, scn, &sh, want_local, v);
	}
}

/* ---- by name ---- */

/* Where a name is, or would be. */
static uint32_t *
hash_place(const struct symtab *s, const char *name)
{
	size_t mask = s->hash_len - 1;

	for (size_t i = hash_name(name) & mask;; i = (i + 1) & mask) {
		uint32_t *at = &s->hash[i];
		if (*at == 0 || strcmp(s->symbols.at[*at - 1].name, name) == 0)
			return at;
	}
}

/*
 * Hash the symbols from the first new one on; the table is rebuilt at twice their
 * number.
 */
static void
hash_more(struct symtab *s)
{
	size_t want = 64;
	while (want < 2 * s->symbols.n)
		want *= 2;
	if (want > s->hash_len) {
		free(s->hash);
		s->hash = xcalloc(want, sizeof(*s->hash));
		s->hash_len = want;
		s->n_hashed = 0;
	}
	for (; s->n_hashed < s->symbols.n; s->n_hashed++) {
		uint32_t *at = hash_place(s, s->symbols.at[s->n_hashed].name);
		if (*at == 0)
			*at = (uint32_t)s->n_hashed + 1;
	}
}

static struct symtab *
symtab_get(struct module *m)
{
	struct elf_file *f = m->file;

	if (f->symtab != NULL)
		return f->symtab;
	struct symtab *s = f->symtab = xcalloc(1, sizeof(*s));
	Elf *elf = module_elf(m);
	collect(elf, SHT_DYNSYM, false, &s->symbols);
	collect(elf, SHT_SYMTAB, false, &s->symbols);
	collect(elf, SHT_SYMTAB, true, &s->symbols);
	/* The memory image knows no more than the file, except when there is no file. */
	if (elf == NULL && memory_symbols(m, &s->symbols, &s->strings) != MS_OK)
		s->symbols.n = 0;
	hash_more(s);
	return s;
}

static void
add_debug_symbols(struct module *m, struct symtab *s)
{
	if (s->has_debug)
		return;
	s->has_debug = true;
	Elf *debug = debug_elf(m);
	collect(debug, SHT_SYMTAB, false, &s->symbols);
	collect(debug, SHT_SYMTAB, true, &s->symbols);
	hash_more(s);
}

static void
answer(struct module *m, const struct symbol *sym, struct elf_symbol *ret)
{
	uint64_t mask = elf_machine(m)->ptr_width == 4 ? UINT32_MAX : UINT64_MAX;

	*ret = (struct elf_symbol){
		.addr = sym->type == STT_TLS ? sym->value : (sym->value + m->bias) & mask,
		.size = sym->size,
		.type = sym->type,
		.is_dynamic = sym->is_dynamic,
	};
}

enum status
elf_symbol(struct module *m, const char *name, struct elf_symbol *ret)
{
	struct symtab *s = symtab_get(m);

	uint32_t found = *hash_place(s, name);
	if (found == 0) {
		add_debug_symbols(m, s);
		found = *hash_place(s, name);
	}
	if (found == 0)
		return MS_ABSENT;
	answer(m, &s->symbols.at[found - 1], ret);
	return MS_OK;
}
