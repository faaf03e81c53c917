/*
 * The address space of tests: each region is a mapping of its own, right-aligned
 * against a page without access.
 */
#include "image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

struct part {
	struct region region;
	uint8_t *bytes;
	uint8_t *map;
	size_t map_len;
};

struct image {
	VEC(struct part) parts; /* sorted by address */
	struct machine machine;
	taddr next; /* where image_alloc goes on */
	unsigned reads;
};

static void
fail(const char *what, taddr addr)
{
	fprintf(stderr, "image: %s at 0x%llx\n", what, (unsigned long long)addr);
	abort();
}

struct image *
image_new(unsigned ptr_width, bool big_endian)
{
	struct image *im = xcalloc(1, sizeof(*im));

	im->machine.ptr_width = (uint8_t)ptr_width;
	im->machine.big_endian = big_endian;
	if (big_endian)
		im->machine.e_machine = ptr_width == 8 ? EM_PPC64 : EM_PPC;
	else
		im->machine.e_machine = ptr_width == 8 ? EM_X86_64 : EM_386;
	im->next = ptr_width == 8 ? 0x7f0000000000 : 0x40000000;
	return im;
}

void
image_free(struct image *im)
{
	if (im == NULL)
		return;
	for (size_t i = 0; i < im->parts.n; i++)
		munmap(im->parts.at[i].map, im->parts.at[i].map_len);
	vec_fini(&im->parts);
	free(im);
}

uint8_t *
image_region(struct image *im, taddr start, size_t len, uint32_t prot, const char *path)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (len + page - 1) / page * page;
	size_t at = 0;

	if (len == 0 || start + len < start)
		fail("region of impossible size", start);
	while (at < im->parts.n && im->parts.at[at].region.start < start)
		at++;
	if (at > 0 && im->parts.at[at - 1].region.end > start)
		fail("regions overlap", start);
	if (at < im->parts.n && im->parts.at[at].region.start < start + len)
		fail("regions overlap", start);

	uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) != 0)
		fail("no memory for region", start);
	struct part p = {
	        .region = {.start = start,
	                   .end = start + len,
	                   .prot = prot,
	                   .path = path},
	        .bytes = map + room - len,
	        .map = map,
	        .map_len = room + page,
	};
	vec_push(&im->parts, p);
	memmove(&im->parts.at[at + 1], &im->parts.at[at],
	        (im->parts.n - 1 - at) * sizeof(p));
	im->parts.at[at] = p;
	return p.bytes;
}

taddr
image_alloc(struct image *im, size_t len)
{
	taddr addr = im->next;

	image_region(im, addr, len, PROT_READ | PROT_WRITE, NULL);
	im->next = (addr + len + 0x2fff) & ~(taddr)0xfff;
	return addr;
}

static struct part *
part_of(struct image *im, taddr addr)
{
	for (size_t i = 0; i < im->parts.n; i++) {
		struct part *p = &im->parts.at[i];
		if (addr >= p->region.start && addr < p->region.end)
			return p;
	}
	return NULL;
}

uint8_t *
image_at(struct image *im, taddr addr, size_t n)
{
	struct part *p = part_of(im, addr);

	if (p == NULL || n > p->region.end - addr)
		fail("no such bytes", addr);
	return p->bytes + (addr - p->region.start);
}

void
image_put(struct image *im, taddr addr, const void *bytes, size_t n)
{
	if (part_of(im, addr) == NULL)
		image_region(im, addr, n, PROT_READ | PROT_WRITE, NULL);
	memcpy(image_at(im, addr, n), bytes, n);
}

void
image_uint(struct image *im, taddr addr, uint64_t v, unsigned width)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < width; i++)
		bytes[im->machine.big_endian ? width - 1 - i : i] =
		        (uint8_t)(v >> (8 * i));
	image_put(im, addr, bytes, width);
}

void
image_u8(struct image *im, taddr addr, uint8_t v)
{
	image_uint(im, addr, v, 1);
}

void
image_u32(struct image *im, taddr addr, uint32_t v)
{
	image_uint(im, addr, v, 4);
}

void
image_u64(struct image *im, taddr addr, uint64_t v)
{
	image_uint(im, addr, v, 8);
}

void
image_word(struct image *im, taddr addr, uint64_t v)
{
	image_uint(im, addr, v, im->machine.ptr_width);
}

void
image_str(struct image *im, taddr addr, const char *s)
{
	image_put(im, addr, s, strlen(s) + 1);
}

unsigned
image_reads(const struct image *im)
{
	return im->reads;
}

/* The contract of a backend is checked too: never more than one region. */
static enum status
image_read(void *self, taddr addr, void *buf, size_t n)
{
	struct image *im = self;

	im->reads++;
	memcpy(buf, image_at(im, addr, n), n);
	return MS_OK;
}

static void
image_close(void *self)
{
	image_free(self);
}

static const struct target_ops image_ops = {
	.name = "image",
	.read = image_read,
	.close = image_close,
};

struct target *
image_target(struct image *im, enum image_mode mode)
{
	struct errbuf eb = {0};
	struct target *t;
	struct region *regions = xcalloc(im->parts.n, sizeof(*regions));

	for (size_t i = 0; i < im->parts.n; i++) {
		regions[i] = im->parts.at[i].region;
		if (mode == IMAGE_DATA)
			regions[i].data = im->parts.at[i].bytes;
	}
	enum status st =
	        target_new(&image_ops, im, &im->machine, regions, im->parts.n, &t, &eb);
	free(regions);
	if (st != MS_OK)
		fail(eb.msg, 0);
	return t;
}
