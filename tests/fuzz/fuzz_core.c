/*
 * Any bytes as a core file: headers, notes and mappings; then its regions are read, and
 * the images in them are looked at as modules.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/elf.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "target/corepriv.h"

enum { REGIONS_MAX = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use_target(struct target *t)
{
	size_t n;
	const struct region *r = target_regions(t, &n);
	struct errbuf eb;
	struct modules *ms;

	for (size_t i = 0; i < n && i < REGIONS_MAX; i++) {
		uint8_t byte;
		if (r[i].start >= r[i].end || (i > 0 && r[i - 1].end > r[i].start))
			abort();
		(void)!target_u8(t, r[i].start, &byte);
		(void)!target_u8(t, r[i].end - 1, &byte);
		(void)target_view(t, r[i].start, 64);
	}
	if (modules_load(t, 0, &ms, &eb) != MS_OK)
		return;
	modules_set_core(ms, NULL);
	for (size_t i = 0; i < modules_count(ms) && i < REGIONS_MAX; i++) {
		struct elf_symbol sym;
		(void)!elf_symbol(modules_at(ms, i), "_PyRuntime", &sym);
	}
	modules_free(ms);
}

/* The parts alone: no file, and nothing behind the last byte. */
static void
use_bytes(const uint8_t *data, size_t size)
{
	CLEAN_FREE uint8_t *bytes = xmalloc(size);
	struct core_image im;
	struct core_notes notes = {0};
	struct errbuf eb = {0};

	memcpy(bytes, data, size);
	if (core_parse(bytes, size, &im, &eb) != MS_OK)
		return;
	for (size_t i = 0; i < im.notes.n; i++)
		core_notes_parse(bytes + im.notes.at[i].off, (size_t)im.notes.at[i].len,
		                 &im.machine, &notes);
	core_notes_fini(&notes);
	core_image_fini(&im);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Nothing that a core names is to be opened: no such root. */
	static const struct core_search nowhere = {.sysroot = "/nonexistent"};
	char path[64];
	struct errbuf eb = {0};
	struct core *c;
	size_t missing;
	struct target *t;

	use_bytes(data, size);
	CLEAN_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	log_set_level(LOG_QUIET);
	if (core_open(path, &c, &eb) != MS_OK)
		return 0;
	if (core_find_files(c, &nowhere, &missing, &eb) == MS_OK &&
	    core_target(c, &t, &eb) == MS_OK) {
		use_target(t);
		target_close(t);
	}
	core_close(c);
	return 0;
}
