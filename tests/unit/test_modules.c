/*
 * Mapped program files: compared with what the dynamic loader says of this very program,
 * whose forked children have everything at the same addresses. Deleted and replaced
 * files are real ones, loaded by a child.
 */
#include <check.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "elf/priv.h"
#include "image.h"
#include "memscan/mem.h"

static void
idle_body(struct child_side side, void *arg)
{
	(void)arg;
	child_put(side.out, "r", 1);
	child_echo(side);
}

static struct child
start_idle(void)
{
	char ready;
	struct child c = child_start(idle_body, NULL);

	child_get(c.from, &ready, 1);
	return c;
}

static struct modules *
load(pid_t pid, pid_t by, struct target **t)
{
	struct errbuf eb = {0};
	struct modules *ms;

	ck_assert_msg(live_open(pid, t, NULL, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_msg(modules_load(*t, by, &ms, &eb) == MS_OK, "%s", eb.msg);
	return ms;
}

struct seen {
	struct modules *ms;
	unsigned n;
};

/* One object of the loader's list: its bias, its segments and its build id. */
static int
compare_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct seen *seen = arg;
	taddr first = 0;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum && first == 0; i++) {
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
	}
	struct module *m = modules_find(seen->ms, first);
	ck_assert_msg(m != NULL, "%s", info->dlpi_name);
	ck_assert_uint_eq(m->bias, info->dlpi_addr);
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		taddr start = info->dlpi_addr + ph->p_vaddr;
		if (ph->p_type == PT_LOAD) {
			ck_assert_ptr_eq(modules_find(seen->ms, start), m);
			ck_assert_ptr_eq(modules_find(seen->ms, start + ph->p_memsz - 1),
			                 m);
		}
		if (ph->p_type != PT_NOTE)
			continue;
		const uint8_t *note;
		memcpy(&note, &start, sizeof(note));
		/* Size of the name, of the id, the type NT_GNU_BUILD_ID, "GNU". */
		if (note[0] == 4 && note[8] == 3 && memcmp(note + 12, "GNU", 4) == 0) {
			ck_assert_uint_eq(m->build_id_len, note[4]);
			ck_assert_mem_eq(m->build_id, note + 16, note[4]);
		}
	}
	seen->n++;
	return 0;
}

START_TEST(test_against_loader)
{
	struct child c = start_idle();
	struct target *t;
	struct modules *ms = load(c.pid, c.pid, &t);
	struct seen seen = {.ms = ms};

	dl_iterate_phdr(compare_object, &seen);
	ck_assert_uint_ge(seen.n, 4);
	ck_assert_uint_eq(seen.n, modules_count(ms));
	for (size_t i = 1; i < modules_count(ms); i++)
		ck_assert_uint_le(modules_at(ms, i - 1)->end, modules_at(ms, i)->start);
	ck_assert_ptr_null(modules_find(ms, 0));
	ck_assert_ptr_null(modules_find(ms, UINT64_MAX));
	uintptr_t here = (uintptr_t)&c;
	ck_assert_ptr_null(modules_find(ms, here));
	modules_free(ms);
	target_close(t);
	child_end(&c);
}
END_TEST

/* The vdso has no file: its symbols are in memory alone. */
START_TEST(test_vdso)
{
	struct child c = start_idle();
	struct target *t;
	struct modules *ms = load(c.pid, c.pid, &t);
	struct elf_symbol sym;

	unsigned long at = getauxval(AT_SYSINFO_EHDR);
	if (at != 0) {
		struct module *m = modules_find(ms, at);
		ck_assert_ptr_nonnull(m);
		ck_assert_str_eq(m->path, "[vdso]");
#ifdef __x86_64__
		ck_assert_int_eq(elf_symbol(m, "__vdso_clock_gettime", &sym), MS_OK);
		ck_assert_uint_ge(sym.addr, m->start);
		ck_assert_uint_lt(sym.addr, m->end);
		ck_assert_uint_eq(sym.type, STT_FUNC);
		ck_assert(sym.is_dynamic);
#endif
		ck_assert_int_eq(elf_symbol(m, "no such thing", &sym), MS_ABSENT);
	}
	modules_free(ms);
	target_close(t);
	child_end(&c);
}
END_TEST

/*
 * A library of its own that a child loads: where it came from, and a copy that can go
 * away.
 */
struct lib {
	char path[64];
	uint64_t addr; /* of zlib's deflate, as the loader says */
};

static void
copy_file(const char *from, const char *to)
{
	char buf[65536];
	ssize_t n;
	int in = open(from, O_RDONLY);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	ck_assert_int_ge(in, 0);
	ck_assert_int_ge(out, 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		ck_assert_int_eq(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

static const char *
file_of_symbol(const char *name)
{
	Dl_info info;
	void *p = dlsym(RTLD_DEFAULT, name);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_ne(dladdr(p, &info), 0);
	return info.dli_fname;
}

static void
lib_body(struct child_side side, void *arg)
{
	const struct lib *lib = arg;
	void *handle = dlopen(lib->path, RTLD_NOW | RTLD_LOCAL);
	uint64_t addr = handle != NULL ? (uintptr_t)dlsym(handle, "deflate") : 0;

	child_put(side.out, &addr, sizeof(addr));
	child_echo(side);
}

static struct child
start_lib(struct lib *lib)
{
	strcpy(lib->path, "/tmp/memscan-test-XXXXXX");
	close(mkstemp(lib->path));
	copy_file(file_of_symbol("deflate"), lib->path);
	struct child c = child_start(lib_body, lib);
	child_get(c.from, &lib->addr, sizeof(lib->addr));
	ck_assert_uint_ne(lib->addr, 0);
	return c;
}

static void
check_deflate(struct modules *ms, const struct lib *lib, bool is_deleted)
{
	struct elf_symbol sym;

	struct module *m = modules_find(ms, lib->addr);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->path, lib->path);
	ck_assert_int_eq(m->is_deleted, is_deleted);
	ck_assert_int_eq(elf_symbol(m, "deflate", &sym), MS_OK);
	ck_assert_uint_eq(sym.addr, lib->addr);
	ck_assert_uint_gt(sym.size, 0);
	ck_assert_int_eq(elf_symbol(m, "malloc", &sym), MS_ABSENT);
}

/*
 * 0: the file is there; 1: deleted, but to be had from the kernel; 2: deleted, memory
 * alone; 3: replaced.
 */
START_TEST(test_library_file)
{
	struct lib lib;
	struct target *t;
	struct child c = start_lib(&lib);

	if (_i > 0)
		unlink(lib.path);
	if (_i == 3)
		copy_file(file_of_symbol("cos"), lib.path);
	struct modules *ms = load(c.pid, _i >= 2 ? 0 : c.pid, &t);
	check_deflate(ms, &lib, _i > 0);
	if (_i >= 2)
		ck_assert_ptr_null(module_elf(modules_find(ms, lib.addr)));
	if (_i == 0)
		ck_assert_ptr_nonnull(module_elf(modules_find(ms, lib.addr)));
	modules_free(ms);
	target_close(t);
	unlink(lib.path);
	child_end(&c);
}
END_TEST

/* A file that is only read, not run, is no module; nor is one without an ELF header. */
static void
reader_body(struct child_side side, void *arg)
{
	const char *path = arg;
	int fd = open(path, O_RDONLY);
	uint64_t at = (uintptr_t)mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 0);

	child_put(side.out, &at, sizeof(at));
	child_echo(side);
}

START_TEST(test_data_is_no_module)
{
	char path[64] = "/tmp/memscan-test-XXXXXX";
	struct target *t;
	uint64_t at;

	close(mkstemp(path));
	copy_file(file_of_symbol("deflate"), path);
	struct child c = child_start(reader_body, path);
	child_get(c.from, &at, sizeof(at));
	struct modules *ms = load(c.pid, c.pid, &t);
	ck_assert_ptr_null(modules_find(ms, at));
	modules_free(ms);
	target_close(t);
	unlink(path);
	child_end(&c);
}
END_TEST

/* ---- hostile images ---- */

/*
 * A little program image at base 0x10000: header, one PT_LOAD over everything,
 * PT_DYNAMIC, PT_NOTE.
 */
enum {
	BASE = 0x10000,
	DYN = 0x200,
	STR = 0x400,
	SYM = 0x500,
	HASH = 0x600,
	NOTE = 0x700,
	LEN = 0x1000
};

static void
put_phdr(uint8_t *p, uint32_t type, uint64_t off, uint64_t len)
{
	Elf64_Phdr ph = {.p_type = type,
	                 .p_offset = off,
	                 .p_vaddr = off,
	                 .p_filesz = len,
	                 .p_memsz = len};
	memcpy(p, &ph, sizeof(ph));
}

static void
make_image(uint8_t *p)
{
	Elf64_Ehdr eh = {.e_type = ET_DYN,
	                 .e_machine = EM_X86_64,
	                 .e_phoff = 64,
	                 .e_phentsize = 56,
	                 .e_phnum = 3};
	Elf64_Dyn dyn[] = {
	        {DT_STRTAB, {STR}},        {DT_STRSZ, {16}},
	        {DT_SYMTAB, {BASE + SYM}}, /* one as in the file, one as the loader leaves
	                                      it */
	        {DT_HASH, {HASH}},         {DT_NULL, {0}},
	};
	Elf64_Sym sym[] = {
	        {0},
	        {.st_name = 1,
	         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	         .st_shndx = 1,
	         .st_value = 0x800,
	         .st_size = 16},
	        {.st_name = 99,
	         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	         .st_shndx = 1,
	         .st_value = 0x810},
	};
	uint32_t hash[] = {1, 3};
	uint32_t note[] = {4, 4, NT_GNU_BUILD_ID, 0x00554e47, 0xddccbbaa};

	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(p, &eh, sizeof(eh));
	put_phdr(p + 64, PT_LOAD, 0, LEN);
	put_phdr(p + 120, PT_DYNAMIC, DYN, sizeof(dyn));
	put_phdr(p + 176, PT_NOTE, NOTE, sizeof(note));
	memcpy(p + DYN, dyn, sizeof(dyn));
	memcpy(p + STR, "\0function", 10);
	memcpy(p + SYM, sym, sizeof(sym));
	memcpy(p + HASH, hash, sizeof(hash));
	memcpy(p + NOTE, note, sizeof(note));
}

static struct target *
image_of(const uint8_t *bytes)
{
	struct image *im = image_new(8, false);
	memcpy(image_region(im, BASE, LEN, PROT_READ | PROT_EXEC, "/no/such/file"), bytes,
	       LEN);
	return image_target(im, IMAGE_READ);
}

START_TEST(test_small_image)
{
	uint8_t bytes[LEN] = {0};
	struct errbuf eb = {0};
	struct modules *ms;
	struct elf_symbol sym;

	make_image(bytes);
	struct target *t = image_of(bytes);
	ck_assert_int_eq(modules_load(t, 0, &ms, &eb), MS_OK);
	ck_assert_uint_eq(modules_count(ms), 1);
	struct module *m = modules_at(ms, 0);
	ck_assert_uint_eq(m->bias, BASE);
	ck_assert_uint_eq(m->build_id_len, 4);
	ck_assert_uint_eq(m->build_id[0], 0xaa);
	ck_assert_int_eq(elf_symbol(m, "function", &sym), MS_OK);
	ck_assert_uint_eq(sym.addr, BASE + 0x800);
	ck_assert_uint_eq(sym.size, 16);
	modules_free(ms);
	target_close(t);
}
END_TEST

/* Every byte of the tables in turn becomes 0xff, 0x7f, 0: anything but a crash or a hang.
 */
START_TEST(test_damaged_image)
{
	static const uint8_t values[] = {0xff, 0x7f, 0x80, 0};
	uint8_t good[LEN] = {0};

	make_image(good);
	for (size_t i = (size_t)_i; i < NOTE + 20; i += 8) {
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			uint8_t bytes[LEN];
			struct errbuf eb = {0};
			struct modules *ms;
			struct elf_symbol sym;
			memcpy(bytes, good, LEN);
			bytes[i] = values[k];
			struct target *t = image_of(bytes);
			ck_assert_int_eq(modules_load(t, 0, &ms, &eb), MS_OK);
			for (size_t m = 0; m < modules_count(ms); m++)
				(void)!elf_symbol(modules_at(ms, m), "function", &sym);
			modules_free(ms);
			target_close(t);
		}
	}
}
END_TEST

/* ---- headers ---- */

/* A 32-bit big-endian header, written out by hand from the ELF specification. */
static const uint8_t
        elf32be[] =
                {
                        0x7f, 'E',  'L',  'F', 1,    2,  1,    0, 0, 0,  0, 0,  0,
                        0,    0,    0,    0,   3,    0,  20,   0, 0, 0,  1, 0,  0,
                        0,    0,    0,    0,   0,    52, /* ET_DYN, EM_PPC, entry, phoff
                                                          */
                        0,    0,    0,    0,   0,    0,  0,    0, 0, 52, 0, 32, 0,
                        1,    0,    0,    0,   0,    0,  0,    0, 0, 0,  1, 0,  0,
                        0x10, 0,    0,    0,   0x20, 0,  0,    0, 0, 0, /* PT_LOAD,
                                                                           offset, vaddr,
                                                                           paddr */
                        0,    0,    0x30, 0,   0,    0,  0x40, 0, 0, 0,  0, 5,  0,
                        0,    0x10, 0, /* filesz, memsz */
};

START_TEST(test_head_of_other_machine)
{
	struct source src = source_bytes(elf32be, sizeof(elf32be));
	struct elf_head h;
	uint64_t low, high;

	ck_assert_int_eq(head_parse(&src, &h), MS_OK);
	ck_assert_uint_eq(h.machine.ptr_width, 4);
	ck_assert(h.machine.big_endian);
	ck_assert_uint_eq(h.machine.e_machine, EM_PPC);
	ck_assert_uint_eq(h.type, ET_DYN);
	ck_assert_uint_eq(h.n, 1);
	ck_assert_uint_eq(h.segments[0].type, PT_LOAD);
	ck_assert_uint_eq(h.segments[0].offset, 0x1000);
	ck_assert_uint_eq(h.segments[0].vaddr, 0x2000);
	ck_assert_uint_eq(h.segments[0].filesz, 0x3000);
	ck_assert_uint_eq(h.segments[0].memsz, 0x4000);
	ck_assert(head_extent(&h, &low, &high));
	ck_assert_uint_eq(low, 0x2000);
	ck_assert_uint_eq(high, 0x6000);
	head_fini(&h);
	for (size_t n = 0; n < sizeof(elf32be); n++) {
		src = source_bytes(elf32be, n);
		ck_assert_int_ne(head_parse(&src, &h), MS_OK);
	}
}
END_TEST

START_TEST(test_notes)
{
	/* Another note, with padding in name and value, comes before the build id. */
	static const uint8_t notes[] = {
		2, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 'X', 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0,
		4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 7, 8, 9,
	};
	uint8_t id[BUILD_ID_MAX];

	ck_assert_uint_eq(note_build_id(notes, sizeof(notes), false, id), 3);
	ck_assert_mem_eq(id, "\7\10\11", 3);
	for (size_t n = 0; n < sizeof(notes); n++) {
		CLEAN_FREE uint8_t *part = malloc(n + 1);
		part = realloc(part, n ? n : 1);
		memcpy(part, notes, n);
		ck_assert_uint_eq(note_build_id(part, n, false, id), 0);
	}
}
END_TEST

Suite *suite_modules(void);

Suite *
suite_modules(void)
{
	Suite *s = suite_create("modules");
	TCase *tc = tcase_create("children");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_against_loader);
	tcase_add_test(tc, test_vdso);
	tcase_add_loop_test(tc, test_library_file, 0, 4);
	tcase_add_test(tc, test_data_is_no_module);
	suite_add_tcase(s, tc);
	tc = tcase_create("images");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_small_image);
	tcase_add_loop_test(tc, test_damaged_image, 0, 8);
	tcase_add_test(tc, test_head_of_other_machine);
	tcase_add_test(tc, test_notes);
	suite_add_tcase(s, tc);
	return s;
}
