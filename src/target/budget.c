/*
 * How much memory there is to spare. A copy of a large process, made without asking,
 * could make the kernel kill that very process.
 */
#include "priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum { SMALL_TEXT = 1 << 20 };

static char *
slurp_or_null(const char *path)
{
	struct errbuf eb;
	char *text;

	return io_slurp(path, SMALL_TEXT, &text, NULL, &eb) == MS_OK ? text : NULL;
}

/* A file that holds one number; "max" and what cannot be read are UINT64_MAX. */
static uint64_t
number_in(const char *dir, const char *file)
{
	char path[4200];
	char *end;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", dir, file);
	CLEAN_FREE char *text = slurp_or_null(path);
	if (text == NULL)
		return UINT64_MAX;
	uint64_t v = strtoull(text, &end, 10);
	return end != text ? v : UINT64_MAX;
}

/* "inactive_file 4096" of memory.stat: page cache that the kernel gives up readily. */
static uint64_t
reclaimable(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", dir);
	CLEAN_FREE char *text = slurp_or_null(path);
	const char *p = text != NULL ? strstr(text, "\ninactive_file ") : NULL;
	return p != NULL ? strtoull(p + strlen("\ninactive_file "), NULL, 10) : 0;
}

static uint64_t
left_in_cgroup(const char *dir)
{
	uint64_t max = number_in(dir, "memory.max");
	uint64_t used = number_in(dir, "memory.current");
	uint64_t cache = reclaimable(dir);

	if (max == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	used = used > cache ? used - cache : 0;
	return max > used ? max - used : 0;
}

/* The tightest limit of memscan's cgroup (version 2) and those above it. */
static uint64_t
cgroup_left(void)
{
	CLEAN_FREE char *text = slurp_or_null("/proc/self/cgroup");
	char dir[4096];
	uint64_t least = UINT64_MAX;

	const char *p = text != NULL ? strstr(text, "0::/") : NULL;
	if (p == NULL || (p != text && p[-1] != '\n'))
		return least;
	p += strlen("0::");
	snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(p, "\n"), p);
	for (;;) {
		uint64_t left = left_in_cgroup(strcmp(dir, "/") == 0 ? "" : dir);
		least = left < least ? left : least;
		char *slash = strrchr(dir, '/');
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

uint64_t
budget_bytes(void)
{
	CLEAN_FREE char *text = slurp_or_null("/proc/meminfo");
	uint64_t kib;
	uint64_t machine = UINT64_MAX;

	if (text != NULL && status_field(text, "MemAvailable", 10, &kib) &&
	    kib < UINT64_MAX / 1024)
		machine = kib * 1024;
	uint64_t group = cgroup_left();
	return machine < group ? machine : group;
}
