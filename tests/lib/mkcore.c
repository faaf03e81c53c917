/*
 * The layouts of a core, written out field by field.
 */
#include "mkcore.h"

#include <check.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 4096 };

typedef VEC(uint8_t) byte_vec;

/* ---- bytes ---- */

static void
put_bytes(byte_vec *v, const void *p, size_t n)
{
	vec_reserve(v, v->n + n);
	if (n > 0)
		memcpy(v->at + v->n, p, n);
	v->n += n;
}

static void
put_zeros(byte_vec *v, size_t n)
{
	vec_reserve(v, v->n + n);
	if (n > 0)
		memset(v->at + v->n, 0, n);
	v->n += n;
}

static void
put(const struct mkcore *mk, byte_vec *v, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++) {
		unsigned shift = 8 * (mk->big_endian ? width - 1 - i : i);
		vec_push(v, (uint8_t)(value >> shift));
	}
}

static void
word(const struct mkcore *mk, byte_vec *v, uint64_t value)
{
	put(mk, v, value, mk->ptr_width);
}

/* ---- making ---- */

void
mkcore_init(struct mkcore *mk, unsigned ptr_width, bool big_endian, uint16_t e_machine)
{
	*mk = (struct mkcore){
		.ptr_width = ptr_width,
		.big_endian = big_endian,
		.e_type = ET_CORE,
		.e_machine = e_machine,
	};
}

void
mkcore_fini(struct mkcore *mk)
{
	vec_fini(&mk->loads);
	vec_fini(&mk->notes);
}

struct mkcore_load *
mkcore_load(struct mkcore *mk, uint64_t addr, const void *bytes, uint64_t filesz,
            uint64_t memsz, uint32_t flags)
{
	vec_push(&mk->loads, (struct mkcore_load){
		.addr = addr,
		.bytes = bytes,
		.filesz = filesz,
		.memsz = memsz,
		.flags = flags,
		.wrong_off = MKCORE_AS_IS,
		.wrong_filesz = MKCORE_AS_IS,
	});
	return &mk->loads.at[mk->loads.n - 1];
}

void
mkcore_note(struct mkcore *mk, const char *name, uint32_t type, const void *desc,
            size_t len)
{
	byte_vec v = {0};
	size_t name_len = strlen(name) + 1;

	put(mk, &v, name_len, 4);
	put(mk, &v, len, 4);
	put(mk, &v, type, 4);
	put_bytes(&v, name, name_len);
	put_zeros(&v, -v.n & 3);
	put_bytes(&v, desc, len);
	put_zeros(&v, -v.n & 3);
	for (size_t i = 0; i < v.n; i++)
		vec_push(&mk->notes, v.at[i]);
	vec_fini(&v);
}

static void
finish_note(struct mkcore *mk, uint32_t type, byte_vec *v)
{
	mkcore_note(mk, "CORE", type, v->at, v->n);
	vec_fini(v);
}

/* The general registers of x86-64, i386, aarch64 and s390x; of others, 256 zeros. */
static void
put_registers(const struct mkcore *mk, byte_vec *v, uint64_t pc, uint64_t sp)
{
	unsigned w = mk->ptr_width;

	switch (mk->e_machine) {
	case EM_X86_64:
		put_zeros(v, 16 * 8);
		word(mk, v, pc);
		put_zeros(v, 2 * 8);
		word(mk, v, sp);
		put_zeros(v, 8);
		word(mk, v, 0x7f0000001000); /* fs_base, after ss */
		put_zeros(v, 5 * 8);
		break;
	case EM_386:
		put_zeros(v, 12 * 4);
		word(mk, v, pc);
		put_zeros(v, 2 * 4);
		word(mk, v, sp);
		put_zeros(v, 4);
		break;
	case EM_AARCH64:
		put_zeros(v, 31 * 8);
		word(mk, v, sp);
		word(mk, v, pc);
		put_zeros(v, 8);
		break;
	case EM_S390:
		put_zeros(v, 8);
		word(mk, v, pc);
		put_zeros(v, 15 * 8);
		word(mk, v, sp);
		put_zeros(v, 9 * 8);
		break;
	default:
		put_zeros(v, 32 * w);
	}
}

void
mkcore_prstatus(struct mkcore *mk, uint32_t tid, uint16_t signal, uint64_t pc,
                uint64_t sp)
{
	byte_vec v = {0};

	put(mk, &v, signal, 4); /* pr_info */
	put_zeros(&v, 8);
	put(mk, &v, signal, 2); /* pr_cursig */
	put_zeros(&v, 2);
	put_zeros(&v, 2 * mk->ptr_width); /* pr_sigpend, pr_sighold */
	put(mk, &v, tid, 4);
	put_zeros(&v, 3 * 4); /* pr_ppid, pr_pgrp, pr_sid */
	put_zeros(&v, 4 * 2 * mk->ptr_width); /* four times */
	put_registers(mk, &v, pc, sp);
	put_zeros(&v, mk->ptr_width); /* pr_fpvalid */
	finish_note(mk, NT_PRSTATUS, &v);
}

void
mkcore_psinfo(struct mkcore *mk, uint32_t pid, uint32_t uid, const char *comm,
              const char *args)
{
	byte_vec v = {0};
	char text[16 + 80] = {0};
	unsigned id = mk->ptr_width == 4 ? 2 : 4;

	memcpy(text, comm, strnlen(comm, 16));
	memcpy(text + 16, args, strnlen(args, 80));
	put_zeros(&v, 4);
	if (mk->ptr_width == 8)
		put_zeros(&v, 4);
	word(mk, &v, 0); /* pr_flag */
	put(mk, &v, uid, id);
	put(mk, &v, uid, id);
	put(mk, &v, pid, 4);
	put_zeros(&v, 3 * 4);
	put_bytes(&v, text, sizeof(text));
	finish_note(mk, NT_PRPSINFO, &v);
}

void
mkcore_siginfo(struct mkcore *mk, int32_t number, int32_t code, uint64_t addr)
{
	byte_vec v = {0};

	put(mk, &v, (uint32_t)number, 4);
	put(mk, &v, 0, 4);
	put(mk, &v, (uint32_t)code, 4);
	if (mk->ptr_width == 8)
		put_zeros(&v, 4);
	word(mk, &v, addr);
	put_zeros(&v, 128 - v.n);
	finish_note(mk, NT_SIGINFO, &v);
}

void
mkcore_auxv(struct mkcore *mk, const uint64_t *pairs, size_t n)
{
	byte_vec v = {0};

	for (size_t i = 0; i < 2 * n; i++)
		word(mk, &v, pairs[i]);
	put_zeros(&v, 2 * mk->ptr_width);
	finish_note(mk, NT_AUXV, &v);
}

void
mkcore_files(struct mkcore *mk, const struct mkcore_file *files, size_t n)
{
	byte_vec v = {0};

	word(mk, &v, n);
	word(mk, &v, ALIGN);
	for (size_t i = 0; i < n; i++) {
		word(mk, &v, files[i].start);
		word(mk, &v, files[i].end);
		word(mk, &v, files[i].page);
	}
	for (size_t i = 0; i < n; i++)
		put_bytes(&v, files[i].path, strlen(files[i].path) + 1);
	finish_note(mk, NT_FILE, &v);
}

/* ---- putting it together ---- */

static void
put_phdr(const struct mkcore *mk, byte_vec *v, uint32_t type,
         const struct mkcore_load *l, uint64_t off)
{
	put(mk, v, type, 4);
	if (mk->ptr_width == 8)
		put(mk, v, l->flags, 4);
	word(mk, v, l->wrong_off != MKCORE_AS_IS ? l->wrong_off : off);
	word(mk, v, l->addr);
	word(mk, v, 0);
	word(mk, v, l->wrong_filesz != MKCORE_AS_IS ? l->wrong_filesz : l->filesz);
	word(mk, v, l->memsz);
	if (mk->ptr_width == 4)
		put(mk, v, l->flags, 4);
	word(mk, v, ALIGN);
}

static void
put_ehdr(const struct mkcore *mk, byte_vec *v, size_t n, uint64_t shoff)
{
	bool is64 = mk->ptr_width == 8;
	uint8_t ident[EI_NIDENT] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
		is64 ? ELFCLASS64 : ELFCLASS32,
		mk->big_endian ? ELFDATA2MSB : ELFDATA2LSB, EV_CURRENT};
	size_t ehsize = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	size_t phsize = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	put_bytes(v, ident, sizeof(ident));
	put(mk, v, mk->e_type, 2);
	put(mk, v, mk->e_machine, 2);
	put(mk, v, EV_CURRENT, 4);
	word(mk, v, 0);
	word(mk, v, mk->e_phoff != 0 ? mk->e_phoff : ehsize);
	word(mk, v, shoff);
	put(mk, v, 0, 4);
	put(mk, v, ehsize, 2);
	put(mk, v, mk->e_phentsize != 0 ? mk->e_phentsize : phsize, 2);
	put(mk, v, mk->xnum ? PN_XNUM : mk->e_phnum != 0 ? mk->e_phnum : n, 2);
	put_zeros(v, 3 * 2);
}

static void
put_first_section(const struct mkcore *mk, byte_vec *v, size_t n)
{
	put_zeros(v, mk->ptr_width == 8 ? offsetof(Elf64_Shdr, sh_info)
	                                : offsetof(Elf32_Shdr, sh_info));
	put(mk, v, n, 4);
	put_zeros(v, 2 * mk->ptr_width);
}

uint8_t *
mkcore_bytes(const struct mkcore *mk, size_t *len)
{
	byte_vec v = {0};
	bool has_notes = mk->notes.n > 0 && !mk->no_notes;
	size_t n = mk->loads.n + has_notes;
	bool is64 = mk->ptr_width == 8;
	uint64_t heads = (is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) +
	                 n * (is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
	uint64_t shdr = mk->xnum ? (is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) : 0;
	uint64_t off = heads + shdr;

	put_ehdr(mk, &v, n, mk->xnum ? heads : 0);
	if (has_notes) {
		struct mkcore_load note = {.filesz = mk->notes.n,
			.wrong_off = MKCORE_AS_IS,
			.wrong_filesz = MKCORE_AS_IS};
		put_phdr(mk, &v, PT_NOTE, &note, off);
		off += mk->notes.n;
	}
	off = (off + ALIGN - 1) / ALIGN * ALIGN;
	for (size_t i = 0; i < mk->loads.n; i++) {
		put_phdr(mk, &v, PT_LOAD, &mk->loads.at[i], off);
		off += mk->loads.at[i].filesz;
	}
	if (mk->xnum)
		put_first_section(mk, &v, n);
	if (has_notes)
		put_bytes(&v, mk->notes.at, mk->notes.n);
	put_zeros(&v, -v.n & (ALIGN - 1));
	for (size_t i = 0; i < mk->loads.n; i++)
		put_bytes(&v, mk->loads.at[i].bytes, (size_t)mk->loads.at[i].filesz);
	*len = v.n;
	return v.at;
}

void
mkcore_write(const struct mkcore *mk, const char *path)
{
	size_t len;
	CLEAN_FREE uint8_t *p = mkcore_bytes(mk, &len);
	CLEAN_FCLOSE FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, len, f), len);
	ck_assert_int_eq(fflush(f), 0);
}
