/*
 * A core file made by hand: segments, notes, and every field of its headers open to be
 * wrong. Nothing here comes from the code that reads cores: layouts are those of
 * linux/elfcore.h and elf.h, in both widths and byte orders.
 */
#ifndef MEMSCAN_TESTS_MKCORE_H
#define MEMSCAN_TESTS_MKCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/vec.h"

struct mkcore_load {
	uint64_t addr, filesz, memsz;
	uint32_t flags; /* PF_* */
	const void *bytes; /* filesz of them; borrowed until mkcore_bytes */
	/* Set to other than MKCORE_AS_IS, it goes into the header in the true value's stead. */
	uint64_t wrong_off, wrong_filesz;
};

#define MKCORE_AS_IS UINT64_MAX

struct mkcore_file {
	uint64_t start, end, page; /* offset in pages */
	const char *path;
};

struct mkcore {
	unsigned ptr_width;
	bool big_endian;
	/* The header's fields; those of 0 are filled in as is right. */
	uint16_t e_type, e_machine, e_phentsize;
	uint32_t e_phnum;
	uint64_t e_phoff;
	bool no_notes; /* notes are left out, although there are some */
	bool xnum;     /* the count of segments is in the first section header */
	VEC(struct mkcore_load) loads;
	VEC(uint8_t) notes;
};

void mkcore_init(struct mkcore *mk, unsigned ptr_width, bool big_endian,
                 uint16_t e_machine);
void mkcore_fini(struct mkcore *mk);

/* A segment; of its memsz bytes the file has the first filesz. */
struct mkcore_load *mkcore_load(struct mkcore *mk, uint64_t addr, const void *bytes,
                                uint64_t filesz, uint64_t memsz, uint32_t flags);

void mkcore_note(struct mkcore *mk, const char *name, uint32_t type, const void *desc,
                 size_t len);
void mkcore_prstatus(struct mkcore *mk, uint32_t tid, uint16_t signal, uint64_t pc,
                     uint64_t sp);
void mkcore_psinfo(struct mkcore *mk, uint32_t pid, uint32_t uid, const char *comm,
                   const char *args);
void mkcore_siginfo(struct mkcore *mk, int32_t number, int32_t code, uint64_t addr);
void mkcore_auxv(struct mkcore *mk, const uint64_t *pairs, size_t n);
void mkcore_files(struct mkcore *mk, const struct mkcore_file *files, size_t n);

/* The file; free() it. */
uint8_t *mkcore_bytes(const struct mkcore *mk, size_t *len);

/* The same, written to path; ends the test if it cannot be. */
void mkcore_write(const struct mkcore *mk, const char *path);

#endif
