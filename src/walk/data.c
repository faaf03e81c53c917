/*
 * The static data of program files: where they are, and whether an address is in them.
 * The part that no file backs (.bss) lies in anonymous memory, as what is allocated does.
 */
#include "priv.h"

#include <string.h>

#include "memscan/elf.h"

enum { PROT_W = 2, PROT_X = 4 };

/* Whether a region is mapped from a file that code is mapped from, too. */
static bool
is_of_program(const struct region *regions, size_t n, size_t i)
{
	const struct region *r = &regions[i];

	if (r->path[0] != '/' || r->is_shared)
		return false;
	for (size_t k = 0; k < n; k++)
		if ((regions[k].prot & PROT_X) && regions[k].inode == r->inode &&
			strcmp(regions[k].path, r->path) == 0)
			return true;
	return false;
}

/*
 * Where the data that begin in a region end: .bss goes on in the anonymous memory behind
 * it, which may be of somebody else further on.
 */
static taddr
data_end(struct modules *modules, const struct target *t, const struct region *r,
	const struct region *next)
{
	struct module *m = modules != NULL ? modules_find(modules, r->start) : NULL;
	taddr bss;
	uint64_t size;

	if (next == NULL || next->start != r->end || next->path[0] != '\0' ||
		!(next->prot & PROT_W) || m == NULL ||
		elf_section(m, ".bss", &bss, &size) != MS_OK)
		return r->end;
	if (bss < m->start || bss > r->end || size > target_mapping_end(t, next) - bss)
		return r->end;
	return bss + size > r->end ? bss + size : r->end;
}

/* Addresses are looked up for every object, and almost none is in there. */
static size_t
filter_bit(taddr addr)
{
	return (size_t)(addr >> DATA_PAGE) % (8 * sizeof(((struct data *)NULL)->filter));
}

static void
filter_add(struct data *d, taddr start, taddr end)
{
	size_t bits = 8 * sizeof(d->filter);

	for (taddr page = start >> DATA_PAGE; page <= (end - 1) >> DATA_PAGE; page++) {
		if (page - (start >> DATA_PAGE) >= bits)
			return;
		size_t bit = filter_bit(page << DATA_PAGE);
		d->filter[bit / 64] |= 1ull << bit % 64;
	}
}

void
data_init(struct data *d, struct target *t, struct modules *modules)
{
	size_t n;
	const struct region *r = target_regions(t, &n);

	for (size_t i = 0; i < n; i++) {
		if (!(r[i].prot & PROT_W) || !is_of_program(r, n, i))
			continue;
		taddr end = data_end(modules, t, &r[i], i + 1 < n ? &r[i + 1] : NULL);
		vec_push(&d->parts,
			((struct data_part){r[i].start, end, r[i].end, r[i].path}));
		if (end > r[i].end)
			filter_add(d, r[i].end, end);
	}
}

void
data_fini(struct data *d)
{
	vec_fini(&d->parts);
}

/* Parts are in order, as regions are. */
bool
data_holds(const struct data *d, taddr addr)
{
	size_t bit = filter_bit(addr), low = 0, high = d->parts.n;

	if (!(d->filter[bit / 64] >> bit % 64 & 1))
		return false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->parts.at[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < d->parts.n && addr >= d->parts.at[low].bss;
}
