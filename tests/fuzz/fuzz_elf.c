/*
 * Any bytes as an ELF image: headers and notes as bytes, symbols out of an address space
 * without a file, and a file with symbols, sections and DWARF.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/priv.h"
#include "memscan/mem.h"

enum { BASE = 0x400000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use_module(struct module *m)
{
	static const char *const names[] = {"main", "function", "_PyRuntime", ""};
	struct elf_symbol sym;
	uint8_t buf[64];
	taddr addr;
	uint64_t len;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)!elf_symbol(m, names[i], &sym);
	(void)!elf_section(m, ".data", &addr, &len);
	(void)!elf_read(m, m->start, buf, sizeof(buf));
	(void)!elf_read(m, m->end - sizeof(buf), buf, sizeof(buf));
}

static void
use_dwarf(struct module *m)
{
	struct dwarf_query q[] = {
	        {.type = "s"},
	        {.type = "s", .member = "a"},
	        {.type = "s", .member = "b[1].c"},
	        {.type = "t", .member = "d"},
	};
	struct errbuf eb;

	(void)!dwarf_resolve(m, q, ARRAY_LEN(q), &eb);
}

static const struct target_ops no_ops = {.name = "bytes"};

/* The bytes lie in memory; there is no file. */
static void
as_memory(const uint8_t *bytes, size_t size)
{
	struct machine machine = {.ptr_width = 8};
	struct region r = {.start = BASE,
	                   .end = BASE + size,
	                   .prot = PROT_READ | PROT_EXEC,
	                   .path = "/nowhere",
	                   .data = bytes};
	struct errbuf eb;
	struct target *t;
	struct modules *ms;

	if (size == 0 || target_new(&no_ops, NULL, &machine, &r, 1, &t, &eb) != MS_OK)
		return;
	if (modules_load(t, 0, &ms, &eb) == MS_OK) {
		for (size_t i = 0; i < modules_count(ms); i++)
			use_module(modules_at(ms, i));
		modules_free(ms);
	}
	target_close(t);
}

static void
as_file(const uint8_t *data, size_t size)
{
	char path[64];
	struct errbuf eb;
	struct modules *ms;

	CLEAN_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (elf_open_file(path, &ms, &eb) != MS_OK)
		return;
	use_module(modules_at(ms, 0));
	use_dwarf(modules_at(ms, 0));
	modules_free(ms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_FREE uint8_t *bytes = xmalloc(size);
	struct elf_head head;
	uint8_t id[BUILD_ID_MAX];
	uint64_t low, high;

	memcpy(bytes, data, size);
	struct source src = source_bytes(bytes, size);
	if (head_parse(&src, &head) == MS_OK) {
		if (head_extent(&head, &low, &high) && low >= high)
			abort();
		if (head_build_id(&head, &src, false, 0, id) > BUILD_ID_MAX)
			abort();
		head_fini(&head);
	}
	if (note_build_id(bytes, size, false, id) > BUILD_ID_MAX)
		abort();
	as_memory(bytes, size);
	as_file(bytes, size);
	return 0;
}
