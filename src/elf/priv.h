/*
 * What the files of the elf layer share among themselves.
 */
#ifndef MEMSCAN_ELF_PRIV_H
#define MEMSCAN_ELF_PRIV_H

#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memscan/elf.h"
#include "memscan/vec.h"

/* Of a name, for tables of names (FNV-1a). */
static inline uint32_t
hash_name(const char *name)
{
	uint32_t h = 2166136261U;

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 16777619U;
	return h;
}

/* ---- head.c ---- */

enum { SEGMENTS_MAX = 256 };

struct segment {
	uint32_t type; /* PT_* */
	uint32_t flags; /* PF_* */
	uint64_t vaddr, memsz, offset, filesz;
};

/* The ELF header and the program headers. */
struct elf_head {
	struct machine machine;
	uint16_t type; /* ET_* */
	struct segment *segments;
	size_t n;
};

/* Where the bytes of an ELF image come from: n bytes at an offset, all or nothing. */
struct source {
	enum status (*read)(const struct source *src, uint64_t off, void *buf, size_t n);
	struct target *t; /* source_target: */
	taddr base;
	int fd;           /* source_file */
	const uint8_t *bytes; /* source_bytes */
	size_t len;
};

struct source source_target(struct target *t, taddr base);
struct source source_file(int fd);
struct source source_bytes(const void *p, size_t len);

/*
 * MS_FORMAT if it is no ELF image, or one whose headers contradict themselves; MS_FAULT,
 * MS_GONE.
 */
MUST_CHECK enum status head_parse(const struct source *src, struct elf_head *ret);
void head_fini(struct elf_head *h);

/* Lowest and highest address of the loaded segments; false if there are none. */
bool head_extent(const struct elf_head *h, uint64_t *low, uint64_t *high);

/*
 * Find the GNU build id in bytes that are notes. Returns its length, 0 if there is none.
 */
size_t note_build_id(const void *notes, size_t len, bool swap, uint8_t ret[BUILD_ID_MAX]);

/*
 * The build id of an image. Segments are read at their file offset, or, in memory, at
 * their address plus bias.
 */
size_t head_build_id(const struct elf_head *h, const struct source *src, bool is_memory,
                     uint64_t bias, uint8_t ret[BUILD_ID_MAX]);

/* ---- modules.c ---- */

struct modules {
	struct target *t; /* NULL for a file alone */
	pid_t pid;
	const char *sysroot; /* or NULL; borrowed */
	const char *debug_dir; /* likewise */
	bool is_core;        /* debuginfod may be asked */
	struct module *at;
	size_t n;
};

struct symtab;

/* What belongs to one module; everything below head is opened on first use. */
struct elf_file {
	struct modules *list;
	struct region region; /* the mapping of the header; path is the module's */
	struct elf_head head;

	bool is_opened;       /* it was tried */
	int fd;
	Elf *elf;             /* NULL: no file */

	bool is_debug_sought;
	int debug_fd;
	Elf *debug;           /* the separate debug file, or NULL */
	char *debug_path;

	bool is_dwarf_sought;
	Dwarf *dwarf;
	int alt_fd;
	Elf *alt_elf;
	Dwarf *alt;
	char *origin;

	struct symtab *symtab;
};

/* The module's own file, or NULL. */
Elf *module_elf(struct module *m);

/* True if a file's bytes have this build id, or have none to compare. */
bool elf_has_build_id(Elf *elf, const uint8_t *id, size_t len);

/* Open a regular file for reading without ever waiting for it; -1. */
int open_regular(const char *path);

/* The library's handle for an open file, or NULL if it is no ELF file. */
Elf *elf_of_fd(int fd);

/* ---- symbols.c ---- */

struct symbol {
	uint64_t value, size;
	const char *name; /* owned by the Elf handle, or by the table */
	uint8_t type;
	bool is_dynamic;
};

typedef VEC(struct symbol) symbol_vec;

enum {
	SYMBOLS_MAX = 1 << 24,  /* of one module: large C++ programs have a million */
};

/* Is it a name for something in this file, and what does lookup need of it? */
bool symbol_is_useful(unsigned type, unsigned shndx, const char *name);

void symtab_free(struct symtab *s);

/* ---- memsyms.c ---- */

/*
 * Dynamic symbols out of the memory image of a module whose file is not to be had.
 * Names live in *strings, which the caller frees.
 */
MUST_CHECK enum status memory_symbols(struct module *m, symbol_vec *ret, char **strings);

/* ---- debugfile.c ---- */

/* The separate debug file of a module, or NULL. Looks once. */
Elf *debug_elf(struct module *m);

/*
 * Open the file that "dwz" moved shared DWARF to, by name and build id as
 * .gnu_debugaltlink has them; path is that of the file that names it. A file, or -1.
 */
int debug_alt_open(struct module *m, const char *path, const char *name,
                   const uint8_t *id, size_t len);

/* ---- corefiles.c ---- */

/* PROT_* of PF_*. */
uint32_t prot_of_flags(uint32_t p_flags);

/* ---- coreimages.c ---- */

/* Add the images that are seen in t, the core alone, as files of the core. */
void core_add_images(struct core *c, struct target *t);

/* ---- debuginfod.c ---- */

enum debuginfod_what { DEBUGINFOD_EXECUTABLE, DEBUGINFOD_DEBUGINFO };

/*
 * A file by build id from the servers in DEBUGINFOD_URLS; -1 if there is none. The caller
 * frees *path, where it was put.
 */
int debuginfod_open(enum debuginfod_what what, const uint8_t *id, size_t len,
                    char **path);

/* ---- members.c ---- */

/* Answer one query for a type whose DIE is at hand; q->found says whether it could be. */
void member_resolve(Dwarf_Die *type, bool big_endian, struct dwarf_query *q);

/* Look through typedefs and qualifiers. False if it ends nowhere (void), or never. */
bool type_peel(Dwarf_Die *die, Dwarf_Die *ret);

/* True if it is only announced: "struct x;". */
bool type_is_declaration(Dwarf_Die *die);

#endif
