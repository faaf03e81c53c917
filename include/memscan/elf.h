/*
 * The program files that are mapped into a target: names to addresses, and what DWARF
 * says of C structs. Nothing here knows Python; nothing reads the target except to find
 * load addresses and images that have no file.
 */
#ifndef MEMSCAN_ELF_H
#define MEMSCAN_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/target.h"

enum { BUILD_ID_MAX = 64 };

struct module {
	const char *path;   /* as the target's maps name it; owned by the list */
	taddr start, end;   /* lowest and highest mapped address */
	uint64_t bias;      /* address in the target = ELF address + bias */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len;
	bool is_deleted;
	struct elf_file *file; /* opened on first use */
};

struct modules;

/*
 * List the ELF files mapped in a target. For a live pid (pid > 0) files are opened
 * through /proc/PID/root, map_files or /proc/PID/exe, so that mount namespaces, chroots and deleted
 * files work. A file that cannot be opened stays in the list without symbols.
 * MS_LIMIT   over LIM_MODULES
 */
MUST_CHECK enum status modules_load(struct target *t, pid_t pid, struct modules **ret, struct errbuf *eb);
void modules_free(struct modules *m);

/* Give back the memory of debug information, tens of megabytes; it is read again when it is asked for. */
void modules_drop_debug(struct modules *m);
size_t modules_count(const struct modules *m);
struct module *modules_at(struct modules *m, size_t i);

/* The module whose mapping holds addr, or NULL. */
struct module *modules_find(struct modules *m, taddr addr);

/* Where the program files of a core may be; each may be NULL. Borrowed. */
struct core_search {
	const char *exe;       /* the executable itself */
	const char *sysroot;   /* the root of the system that the core is of */
	const char *debug_dir; /* searched like /usr/lib/debug */
};

/*
 * Find the files that a core's process had mapped and attach them to the core: by the
 * names it had for them, or by build id below debug_dir and /usr/lib/debug, or from a
 * debuginfod server. Only a file that is proven to be the one is used; one that bears its
 * name and is another is told of. *missing is how many of them are not to be had.
 * MS_ABSENT  there is no file opts->exe
 * MS_FORMAT  it is not the one that the process ran
 */
MUST_CHECK enum status core_find_files(struct core *c, const struct core_search *opts, size_t *missing, struct errbuf *eb);

struct elf_symbol {
	taddr addr;    /* in the target (bias applied); of STT_TLS the offset in the block */
	uint64_t size; /* st_size */
	uint8_t type;  /* STT_* */
	bool is_dynamic; /* from .dynsym, else from .symtab */
};

/* A defined symbol by name; .dynsym first, then .symtab (of the separate debug file too). MS_ABSENT, quietly. */
MUST_CHECK enum status elf_symbol(struct module *m, const char *name, struct elf_symbol *ret);

/* A section by name: its address in the target and size. MS_ABSENT. */
MUST_CHECK enum status elf_section(struct module *m, const char *name, taddr *addr, uint64_t *size);

/* A module of a file alone, not mapped anywhere (bias 0), for `memscan offsets FILE`. */
MUST_CHECK enum status elf_open_file(const char *path, struct modules **ret, struct errbuf *eb);

/* Look for separate debug files below dir first (borrowed), as if it were the root of the system that the files come from. */
void modules_set_sysroot(struct modules *m, const char *dir);

/* For a core: also below dir (borrowed; or NULL) as below /usr/lib/debug, and from a debuginfod server. */
void modules_set_core(struct modules *m, const char *debug_dir);

const struct machine *elf_machine(struct module *m);

/* Bytes of the file image at a (biased) address of an allocated section: rodata of a file that is not running. MS_FAULT. */
MUST_CHECK enum status elf_read(struct module *m, taddr addr, void *buf, size_t n);

/* ---- DWARF ---- */

/* One question: a member (or, with member NULL, the size) of a struct or typedef. */
struct dwarf_query {
	const char *type;   /* "_is", "PyDictObject": struct tag or typedef name */
	const char *member; /* "gc.generations", "f[0].x"; NULL asks for sizeof(type) */
	/* answer */
	bool found;
	uint64_t offset; /* bytes; for member NULL 0 */
	uint64_t size;   /* bytes of the member, or of the type */
	uint64_t stride; /* of an array member: bytes of an element, else 0 */
	uint64_t count;  /* of an array member: elements */
	uint8_t bit_first, bit_width; /* of a bit-field, else 0 */
};

/*
 * Answer all queries in one pass over the units of the module's DWARF, or of its separate
 * debug file (by build-id below /usr/lib/debug, or debuglink). The first complete definition of a type wins;
 * anonymous members are looked through.
 * MS_ABSENT  there is no DWARF at all; the message says where it was looked for
 */
MUST_CHECK enum status dwarf_resolve(struct module *m, struct dwarf_query *q, size_t n, struct errbuf *eb);

#endif
