/*
 * A whole list of questions about C types, answered in one pass over the units of a
 * module's DWARF. Only the outermost level of each unit is looked at: C has no types that
 * matter elsewhere. A type is decided by its first complete definition.
 *
 * DWARF may be in the file itself or in a separate debug file, and either may share parts
 * with others through an alternate file (dwz).
 */
#include "priv.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

/* The questions about one type name, chained through next. */
struct asked {
	const char *type;
	uint32_t first; /* index + 1 of the first query */
	bool is_decided;
};

struct scan {
	struct dwarf_query *q;
	uint32_t *next;       /* for each query, index + 1 of the next of its type */
	struct asked *slots;  /* open addressing by name; a power of two */
	size_t n_slots;
	size_t undecided;     /* types */
	bool big_endian;
};

/* ---- finding the DWARF ---- */

static bool
has_debug_info(Elf *elf)
{
	size_t names;

	if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0)
		return false;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
		GElf_Shdr sh;
		if (gelf_getshdr(scn, &sh) == NULL || sh.sh_type == SHT_NOBITS)
			continue;
		const char *name = elf_strptr(elf, names, sh.sh_name);
		if (name != NULL && (strcmp(name, ".debug_info") == 0 ||
		                     strcmp(name, ".zdebug_info") == 0))
			return true;
	}
	return false;
}

static void
open_alt(struct module *m)
{
	struct elf_file *f = m->file;
	const char *name;
	const void *id;

	ssize_t len = dwelf_dwarf_gnu_debugaltlink(f->dwarf, &name, &id);
	if (len <= 0)
		return;
	f->alt_fd = debug_alt_open(m, f->origin, name, id, (size_t)len);
	if (f->alt_fd < 0)
		return;
	f->alt = dwarf_begin_elf(f->alt_elf, DWARF_C_READ, NULL);
	if (f->alt != NULL)
		dwarf_setalt(f->dwarf, f->alt);
}

static Dwarf *
dwarf_of(struct module *m)
{
	struct elf_file *f = m->file;

	if (f->is_dwarf_sought)
		return f->dwarf;
	f->is_dwarf_sought = true;
	Elf *elf = module_elf(m);
	const char *origin = m->path;
	if (!has_debug_info(elf)) {
		elf = debug_elf(m);
		origin = f->debug_path;
	}
	if (!has_debug_info(elf))
		return NULL;
	f->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (f->dwarf == NULL)
		return NULL;
	f->origin = xstrdup(origin);
	open_alt(m);
	return f->dwarf;
}

/* ---- the questions by type ---- */

static struct asked *
find_asked(const struct scan *s, const char *name)
{
	size_t mask = s->n_slots - 1;

	for (size_t i = hash_name(name) & mask;; i = (i + 1) & mask) {
		struct asked *a = &s->slots[i];
		if (a->type == NULL || strcmp(a->type, name) == 0)
			return a;
	}
}

static void
scan_init(struct scan *s, struct dwarf_query *q, size_t n)
{
	s->q = q;
	s->next = xcalloc(n, sizeof(*s->next));
	for (s->n_slots = 16; s->n_slots < 2 * n; s->n_slots *= 2)
		continue;
	s->slots = xcalloc(s->n_slots, sizeof(*s->slots));
	for (size_t i = n; i-- > 0;) {
		struct asked *a = find_asked(s, q[i].type);
		s->undecided += a->type == NULL;
		a->type = q[i].type;
		s->next[i] = a->first;
		a->first = (uint32_t)i + 1;
		q[i].found = false;
	}
}

static void
scan_fini(struct scan *s)
{
	free(s->next);
	free(s->slots);
}

/* ---- the pass ---- */

static void
look_at(struct scan *s, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_class_type:
	case DW_TAG_typedef:
		break;
	default:
		return;
	}
	const char *name = dwarf_diename(die);
	if (name == NULL)
		return;
	struct asked *a = find_asked(s, name);
	if (a->type == NULL || a->is_decided)
		return;
	Dwarf_Die type;
	if (!type_peel(die, &type) || type_is_declaration(&type))
		return;
	a->is_decided = true;
	s->undecided--;
	for (uint32_t i = a->first; i != 0; i = s->next[i - 1])
		member_resolve(&type, s->big_endian, &s->q[i - 1]);
}

static void
scan_unit(struct scan *s, Dwarf_Die *unit)
{
	Dwarf_Die die, next;

	if (dwarf_child(unit, &die) != 0)
		return;
	while (s->undecided > 0) {
		look_at(s, &die);
		/* A sibling that does not come later would be a circle. */
		if (dwarf_siblingof(&die, &next) != 0 ||
		    dwarf_dieoffset(&next) <= dwarf_dieoffset(&die))
			return;
		die = next;
	}
}

static void
scan_dwarf(struct scan *s, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL, *next;
	Dwarf_Die unit, split;
	uint8_t type;

	while (s->undecided > 0 &&
	       dwarf_get_units(dwarf, cu, &next, NULL, &type, &unit, &split) == 0) {
		/* With -gsplit-dwarf the types are in a .dwo file. */
		bool is_skeleton = type == DW_UT_skeleton && split.addr != NULL;
		scan_unit(s, is_skeleton ? &split : &unit);
		cu = next;
	}
}

static enum status
no_dwarf(struct module *m, struct errbuf *eb)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	if (m->build_id_len == 0)
		return errbuf_set(
		        eb, MS_ABSENT,
		        "%s: no debug information in the file, nor in one that its "
		        ".gnu_debuglink names; it has no build id to look for below "
		        "/usr/lib/debug",
		        m->path);
	for (size_t i = 0; i < m->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->build_id[i]);
	return errbuf_set(
	        eb, MS_ABSENT,
	        "%s: no debug information in the file, nor at "
	        "/usr/lib/debug/.build-id/%.2s/%s.debug, nor in a file that its "
	        ".gnu_debuglink names",
	        m->path, hex, hex + 2);
}

enum status
dwarf_resolve(struct module *m, struct dwarf_query *q, size_t n, struct errbuf *eb)
{
	Dwarf *dwarf = dwarf_of(m);
	if (dwarf == NULL)
		return no_dwarf(m, eb);

	CLEAN(scan_fini) struct scan s = {.big_endian = elf_machine(m)->big_endian};
	scan_init(&s, q, n);
	scan_dwarf(&s, dwarf);
	if (m->file->alt != NULL)
		scan_dwarf(&s, m->file->alt);
	return MS_OK;
}
