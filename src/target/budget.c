/*
 * How much memory there is to spare. A copy of a large process, made without asking,
 * could make the kernel kill that very process.
 */
#include "priv.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum {
	SMALL_TEXT = 1 << 20,
	MACHINE_RESERVE = 64 << 20, /* memory that is left to the others */
	CGROUP_RESERVE = 6 << 20,
};

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
	char path[4400];
	char *end;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	CLEAN_FREE char *text = slurp_or_null(path);
	if (text == NULL)
		return UINT64_MAX;
	uint64_t v = strtoull(text, &end, 10);
	return end != text ? v : UINT64_MAX;
}

/* Where the two versions keep the same. */
struct version {
	const char *mount, *max, *used, *cache;
};

static const struct version v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                                  "memory.usage_in_bytes", "total_inactive_file "};
static const struct version v2 = {"/sys/fs/cgroup", "memory.max", "memory.current",
                                  "inactive_file "};

/* A line of memory.stat: page cache that the kernel gives up readily. */
static uint64_t
reclaimable(const char *dir, const struct version *v)
{
	char path[4400];

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	CLEAN_FREE char *text = slurp_or_null(path);
	for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, v->cache, strlen(v->cache)) == 0)
			return strtoull(p + strlen(v->cache), NULL, 10);
	}
	return 0;
}

static uint64_t
left_in(const char *dir, const struct version *v)
{
	uint64_t max = number_in(dir, v->max);
	uint64_t used = number_in(dir, v->used);

	if (max == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	uint64_t cache = reclaimable(dir, v);
	used = used > cache ? used - cache : 0;
	return max > used ? max - used : 0;
}

/* The tightest limit of a cgroup (n bytes of path) and those above it. */
static uint64_t
left_above(const char *path, size_t n, const struct version *v)
{
	char dir[4200];
	uint64_t least = UINT64_MAX;
	size_t top = strlen(v->mount);

	snprintf(dir, sizeof(dir), "%s%.*s", v->mount, (int)n, path);
	for (;;) {
		uint64_t left = left_in(dir, v);
		least = left < least ? left : least;
		char *slash = strrchr(dir, '/');
		if (slash == NULL || slash < dir + top)
			return least;
		*slash = '\0';
	}
}

/* Lines are "ID:CONTROLLERS:PATH"; of version 2 it is "0::PATH". */
uint64_t
budget_of_cgroup(pid_t pid)
{
	char path[64];
	uint64_t least = UINT64_MAX;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	CLEAN_FREE char *text = slurp_or_null(path);
	for (char *line = text, *next; line != NULL && *line != '\0'; line = next) {
		size_t len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		char *names = memchr(line, ':', len);
		char *dir = names == NULL
			? NULL
			: memchr(names + 1, ':', (size_t)(line + len - names - 1));
		if (dir == NULL)
			continue;
		*dir++ = '\0';
		bool is_v2 = names[1] == '\0';
		if (!is_v2 && strcmp(names + 1, "memory") != 0)
			continue;
		uint64_t left = left_above(dir, (size_t)(line + len - dir),
		                           is_v2 ? &v2 : &v1);
		least = left < least ? left : least;
	}
	return least;
}

/* What is left when something has to be kept for the others. */
static uint64_t
less(uint64_t bytes, uint64_t reserve)
{
	if (bytes == UINT64_MAX)
		return bytes;
	return bytes > reserve ? bytes - reserve : 0;
}

uint64_t
budget_bytes(void)
{
	CLEAN_FREE char *text = slurp_or_null("/proc/meminfo");
	uint64_t kib;
	uint64_t machine = UINT64_MAX;

	if (text != NULL && status_field(text, "MemAvailable", 10, &kib) &&
	    kib < UINT64_MAX / 1024)
		machine = less(kib * 1024, MACHINE_RESERVE);
	uint64_t group = less(budget_of_cgroup(getpid()), CGROUP_RESERVE);
	return machine < group ? machine : group;
}

uint64_t
budget_of_dir(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) != 0 || fs.f_type == TMPFS_MAGIC ||
	    fs.f_type == RAMFS_MAGIC || access(dir, W_OK) != 0)
		return 0;
	uint64_t size = (uint64_t)fs.f_bsize;
	return fs.f_bavail > UINT64_MAX / size ? UINT64_MAX : fs.f_bavail * size;
}
