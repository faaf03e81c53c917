/*
 * The region table: sorted, disjoint, searched by halving. What may be read of a
 * mapping by its name alone is decided here too, once for every backend.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

bool
regions_in_order(const struct region *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r[i].start >= r[i].end)
			return false;
		if (i > 0 && r[i - 1].end > r[i].start)
			return false;
	}
	return true;
}

size_t
regions_search(const struct region *r, size_t n, taddr addr)
{
	size_t lo = 0;
	size_t hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && r[lo].start <= addr ? lo : n;
}

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
region_is_device(const struct region *r)
{
	return starts_with(r->path, "/dev/") && strcmp(r->path, "/dev/zero") != 0 &&
	       !starts_with(r->path, "/dev/shm/");
}

bool
region_is_kernel(const struct region *r)
{
	return starts_with(r->path, "[vvar") || strcmp(r->path, "[vsyscall]") == 0;
}

void
regions_fini(struct regions *r)
{
	free(r->at);
	free(r->text);
	*r = (struct regions){0};
}
