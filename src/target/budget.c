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
	const char *max, *high, *used, *cache;
};

static const struct version v1 = {"memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
	"total_inactive_file "};
static const struct version v2 = {
	"memory.max", "memory.high", "memory.current", "inactive_file "};

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
lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Beyond "high" nobody is killed, but everybody in it is slowed down. */
static uint64_t
left_in(const char *dir, const struct version *v)
{
	uint64_t max = number_in(dir, v->max);
	uint64_t used = number_in(dir, v->used);

	if (v->high != NULL)
		max = lower(max, number_in(dir, v->high));
	if (max == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	uint64_t cache = reclaimable(dir, v);
	used = used > cache ? used - cache : 0;
	return max > used ? max - used : 0;
}

/*
 * The tightest limit of a cgroup (n bytes of path) and those above it. In a container the
 * path may be the host's, and what is mounted the container's own: then that is at the top.
 */
static uint64_t
left_above(const char *path, size_t n, const char *mount, const struct version *v)
{
	char dir[4200];
	uint64_t least = UINT64_MAX;
	size_t top = strlen(mount);

	/* Of another namespace of cgroups: somewhere above what is mounted. */
	if (n >= 3 && memcmp(path, "/..", 3) == 0)
		n = 0;
	if (snprintf(dir, sizeof(dir), "%s%.*s", mount, (int)n, path) >= (int)sizeof(dir))
		return UINT64_MAX;
	for (;;) {
		least = lower(least, left_in(dir, v));
		char *slash = strrchr(dir, '/');
		if (slash == NULL || slash < dir + top)
			return least;
		*slash = '\0';
	}
}

/* True if a list of controllers, separated by commas, has the memory's. */
static bool
has_memory(const char *names, size_t n)
{
	static const char want[] = "memory";

	for (size_t at = 0; at < n;) {
		const char *comma = memchr(names + at, ',', n - at);
		size_t len = comma != NULL ? (size_t)(comma - names) - at : n - at;
		if (len == sizeof(want) - 1 && memcmp(names + at, want, len) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

/* Lines are "ID:CONTROLLERS:PATH"; of version 2 it is "0::PATH". */
uint64_t
cgroups_left(const char *text, const char *mount_v1, const char *mount_v2)
{
	uint64_t least = UINT64_MAX;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		const char *line = text, *end = text + len;
		text = *end == '\n' ? end + 1 : end;
		const char *names = memchr(line, ':', len);
		const char *path = names == NULL
			? NULL
			: memchr(names + 1, ':', (size_t)(end - names - 1));
		if (path == NULL)
			continue;
		names++;
		size_t n = (size_t)(path - names);
		path++;
		if (n == 0)
			least = lower(least,
				left_above(path, (size_t)(end - path), mount_v2, &v2));
		else if (has_memory(names, n))
			least = lower(least,
				left_above(path, (size_t)(end - path), mount_v1, &v1));
	}
	return least;
}

static uint64_t
budget_of_cgroup(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	CLEAN_FREE char *text = slurp_or_null(path);
	return text != NULL
		? cgroups_left(text, "/sys/fs/cgroup/memory", "/sys/fs/cgroup")
		: UINT64_MAX;
}

/* What is left when something has to be kept for the others. */
static uint64_t
less(uint64_t bytes, uint64_t reserve)
{
	if (bytes == UINT64_MAX)
		return bytes;
	return bytes > reserve ? bytes - reserve : 0;
}

static uint64_t
machine_left(void)
{
	CLEAN_FREE char *text = slurp_or_null("/proc/meminfo");
	uint64_t kib;

	if (text == NULL || !status_field(text, "MemAvailable", 10, &kib) ||
		kib >= UINT64_MAX / 1024)
		return UINT64_MAX;
	return less(kib * 1024, MACHINE_RESERVE);
}

uint64_t
budget_bytes(void)
{
	return lower(machine_left(), less(budget_of_cgroup(getpid()), CGROUP_RESERVE));
}

uint64_t
budget_of_target(pid_t pid)
{
	return lower(machine_left(), less(budget_of_cgroup(pid), CGROUP_RESERVE));
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
