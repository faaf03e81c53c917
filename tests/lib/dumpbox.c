/*
 * The container taken apart and put together, written from memscan-dump(5): offsets here
 * are literal numbers.
 */
#include "dumpbox.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "memscan/bytes.h"
#include "samples.h"

void
box_read(struct box *x, const uint8_t *p, size_t len)
{
	*x = (struct box){.major = load_u16(p + 8)};
	ck_assert_uint_ge(len, 96);
	uint64_t toc = load_u64(p + len - 32);
	uint32_t rows = load_u32(p + len - 24);
	ck_assert_uint_eq(toc + 32 * (uint64_t)rows + 32, len);
	for (uint32_t i = 0; i < rows; i++) {
		const uint8_t *row = p + toc + 32 * (uint64_t)i;
		char name[5] = {0};
		memcpy(name, row, 4);
		uint64_t at = load_u64(row + 8), n = load_u64(row + 16);
		ck_assert(at <= len && n <= len - at);
		ck_assert_uint_eq(load_u32(row + 4), crc32(0, p + at, (uInt)n));
		struct box_column *c = box_get(x, name);
		vec_reserve(&c->b, c->b.n + n);
		memcpy(c->b.at + c->b.n, p + at, n);
		c->b.n += n;
	}
}

void
box_read_fd(struct box *x, int fd)
{
	size_t len;
	CLEAN_FREE uint8_t *p = sample_bytes(fd, &len);

	box_read(x, p, len);
}

void
box_fini(struct box *x)
{
	for (size_t i = 0; i < x->n; i++)
		vec_fini(&x->column[i].b);
	*x = (struct box){0};
}

struct box_column *
box_get(struct box *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->column[i].name, name) == 0)
			return &x->column[i];
	ck_assert_uint_lt(x->n, BOX_COLUMNS);
	struct box_column *c = &x->column[x->n++];
	memcpy(c->name, name, 5);
	return c;
}

void
box_set_u32(struct box *x, const char *name, size_t i, uint32_t v)
{
	struct box_column *c = box_get(x, name);

	ck_assert_uint_le(4 * (i + 1), c->b.n);
	memcpy(c->b.at + 4 * i, &v, 4);
}

void
box_set_u64(struct box *x, const char *name, size_t i, uint64_t v)
{
	struct box_column *c = box_get(x, name);

	ck_assert_uint_le(8 * (i + 1), c->b.n);
	memcpy(c->b.at + 8 * i, &v, 8);
}

void
box_resize(struct box *x, const char *name, int bytes)
{
	struct box_column *c = box_get(x, name);

	ck_assert(bytes >= 0 || c->b.n >= (size_t)-bytes);
	for (; bytes > 0; bytes--)
		vec_push(&c->b, 0);
	c->b.n -= (size_t)-bytes;
}

/* ---- writing ---- */

struct row {
	char name[4];
	uint32_t crc;
	uint64_t at, n, zero;
};

struct out {
	VEC(uint8_t) b;
	VEC(struct row) rows;
};

static void
put(struct out *o, const void *p, size_t n)
{
	vec_reserve(&o->b, o->b.n + n);
	if (n > 0)
		memcpy(o->b.at + o->b.n, p, n);
	o->b.n += n;
}

static void
put_extent(struct out *o, const struct box_column *c, size_t from, size_t n)
{
	struct row row = {.at = o->b.n, .n = n};

	memcpy(row.name, c->name, 4);
	row.crc = (uint32_t)crc32(crc32(0, Z_NULL, 0), c->b.at + from, (uInt)n);
	put(o, c->b.at + from, n);
	vec_push(&o->rows, row);
}

/* Pieces of all columns in turns, of any length, some of them empty. */
static void
put_strewn(struct out *o, const struct box *x, uint64_t *rng)
{
	size_t done[BOX_COLUMNS] = {0};
	bool is_more = true;

	while (is_more) {
		is_more = false;
		for (size_t i = 0; i < x->n; i++) {
			size_t left = x->column[i].b.n - done[i];
			size_t n = sample_below(rng, 4) == 0 ?
				left :
				sample_below(rng, left / 2 + 2);
			n = n < left ? n : left;
			for (uint64_t gap = sample_below(rng, 40); gap > 0; gap--)
				put(o, "\xa5", 1);
			put_extent(o, &x->column[i], done[i], n);
			done[i] += n;
			is_more |= done[i] < x->column[i].b.n;
		}
	}
}

uint8_t *
box_write(const struct box *x, uint64_t seed, size_t *len)
{
	struct out o = {0};
	uint8_t header[64] = "memscan\n";
	uint64_t rng = seed;

	memcpy(header + 8, &x->major, 2);
	header[12] = 64;
	put(&o, header, sizeof(header));
	if (seed != 0)
		put_strewn(&o, x, &rng);
	for (size_t i = 0; i < x->n && seed == 0; i++) {
		put(&o, header + 16, -o.b.n & 7);
		put_extent(&o, &x->column[i], 0, x->column[i].b.n);
	}
	uint64_t toc = o.b.n, size = toc + 32 * o.rows.n + 32;
	uint32_t n = (uint32_t)o.rows.n;
	uint32_t crc = (uint32_t)crc32(
		crc32(0, Z_NULL, 0), (const Bytef *)o.rows.at, 32 * n);
	put(&o, o.rows.at, 32 * (size_t)n);
	put(&o, &toc, 8);
	put(&o, &n, 4);
	put(&o, &crc, 4);
	put(&o, &size, 8);
	put(&o, "mscnend\n", 8);
	vec_fini(&o.rows);
	*len = o.b.n;
	return o.b.at;
}

int
box_file(const uint8_t *p, size_t len)
{
	int fd = memfd_create("box", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
	return fd;
}
