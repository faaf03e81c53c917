/*
 * Cores that do not say which files were mapped (no notes, or a kernel before 3.7): the
 * kernel keeps the first page of each image, and its program headers tell where the rest
 * of it lay. They have no names; a file is found by build-id, or is named with --exe.
 */
#include "priv.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "memscan/mem.h"

enum { FILE_PAGE = 4096 };

typedef VEC(struct core_range) range_vec;

static void
fini_ranges(range_vec *v)
{
	vec_fini(v);
}

static uint64_t
page_down(uint64_t v)
{
	return v & ~(uint64_t)(FILE_PAGE - 1);
}

/* Where the loaded segments of the image lie; false if they make no sense. */
static bool
list_ranges(const struct elf_head *h, uint64_t bias, range_vec *ret)
{
	uint64_t mask = h->machine.ptr_width == 4 ? UINT32_MAX : UINT64_MAX;
	taddr last = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->segments[i];
		if (s->type != PT_LOAD || s->filesz == 0)
			continue;
		taddr at = (s->vaddr + bias) & mask;
		if (s->filesz > mask - FILE_PAGE - at || s->offset > INT64_MAX)
			return false;
		struct core_range r = {
			.start = page_down(at),
			.end = page_down(at + s->filesz + FILE_PAGE - 1),
			.off = page_down(s->offset),
			.prot = prot_of_flags(s->flags),
			.has_prot = true,
		};
		/* Two segments in one page: it is mapped twice, the second over the first. */
		if (r.start < last) {
			r.off += last - r.start;
			r.start = last;
		}
		if (r.start >= r.end)
			continue;
		last = r.end;
		vec_push(ret, r);
	}
	/* The kernel's own image, all of which is in the core, has one. */
	return ret->n > 1;
}

static bool
find_bias(const struct elf_head *h, taddr start, uint64_t *bias)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->segments[i];
		if (s->type != PT_LOAD || page_down(s->offset) != 0)
			continue;
		*bias = start - page_down(s->vaddr);
		return true;
	}
	return false;
}

void
core_add_images(struct core *c, struct target *t)
{
	size_t n;
	const struct region *r = target_regions(t, &n);
	struct errbuf eb;

	for (size_t i = 0; i < n; i++) {
		CLEAN(head_fini) struct elf_head head = {0};
		CLEAN(fini_ranges) range_vec ranges = {0};
		struct source src = source_target(t, r[i].start);
		uint64_t bias;
		char path[64];

		if (head_parse(&src, &head) != MS_OK || head.type == ET_CORE ||
		    !find_bias(&head, r[i].start, &bias) ||
		    !list_ranges(&head, bias, &ranges))
			continue;
		snprintf(path, sizeof(path), "/image-0x%" PRIx64, r[i].start);
		/* What overlaps an image before it is data that looks like one. */
		(void)!core_add_file(c, path, ranges.at, ranges.n, &eb);
	}
}
