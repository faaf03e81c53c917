/*
 * Symbols by name and by address. Each module gets one table on first use: an array, a
 * hash of names, and an order by address. Dynamic symbols come first, then global ones of
 * .symtab, then local ones, and the first of a name wins: a static function must not hide
 * an exported one.
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

enum {
	NEAR_MAX = 64, /* symbols looked at below an address, for one that contains it */
};

struct symtab {
	symbol_vec symbols;
	char *strings;       /* of memory_symbols */
	uint32_t *hash;      /* index + 1, 0 is a free place; a power of two */
	size_t hash_len;
	size_t n_hashed;
	uint32_t *by_addr;   /* indices, NULL until asked for */
	size_t n_by_addr;
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
	free(s->by_addr);
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
			.is_local = is_local,
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

/* ---- by address ---- */

/*
 * Which of two symbols at one address to name: sized ones, exported ones, then the
 * first.
 */
static int
by_address(const void *a, const void *b, void *arg)
{
	const struct symtab *s = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct symbol *x = &s->symbols.at[i], *y = &s->symbols.at[k];

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	if ((x->size != 0) != (y->size != 0))
		return x->size != 0 ? -1 : 1;
	if (x->is_local != y->is_local)
		return x->is_local ? 1 : -1;
	return i < k ? -1 : i > k;
}

static void
sort_by_address(struct module *m, struct symtab *s)
{
	bool is_arm = elf_machine(m)->e_machine == EM_ARM;

	add_debug_symbols(m, s);
	if (s->by_addr != NULL)
		return;
	s->by_addr = xcalloc(s->symbols.n, sizeof(*s->by_addr));
	for (size_t i = 0; i < s->symbols.n; i++) {
		struct symbol *sym = &s->symbols.at[i];
		if (sym->type == STT_TLS)
			continue;
		/* An odd address stands for Thumb code at the even one. */
		if (is_arm && sym->type == STT_FUNC)
			sym->value &= ~1ULL;
		s->by_addr[s->n_by_addr++] = (uint32_t)i;
	}
	qsort_r(s->by_addr, s->n_by_addr, sizeof(*s->by_addr), by_address, s);
}

/* The number of sorted symbols at or below an address. */
static size_t
count_up_to(const struct symtab *s, uint64_t value)
{
	size_t lo = 0, hi = s->n_by_addr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->symbols.at[s->by_addr[mid]].value <= value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum status
elf_symbol_at(struct module *m, taddr addr, const char **name, struct elf_symbol *ret)
{
	struct symtab *s = symtab_get(m);
	uint64_t mask = elf_machine(m)->ptr_width == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t value = (addr - m->bias) & mask;
	const struct symbol *best = NULL;

	sort_by_address(m, s);
	size_t up_to = count_up_to(s, value);
	/*
	 * Downwards; of several that start at the same address the first in order is
	 * kept.
	 */
	for (size_t i = up_to; i-- > 0 && up_to - i <= NEAR_MAX;) {
		const struct symbol *sym = &s->symbols.at[s->by_addr[i]];
		if (best != NULL && sym->value != best->value)
			break;
		if (sym->value == value || value - sym->value < sym->size)
			best = sym;
	}
	if (best == NULL)
		return MS_ABSENT;
	*name = best->name;
	answer(m, best, ret);
	return MS_OK;
}
