/*
 * Memory beside objects: what the allocators' own words say, held against the allocator
 * itself; numpy's struct, sound and lying; and that no byte is owned twice. What whole
 * interpreters have is compared in tests/live/buffers.sh.
 */
#include <check.h>
#include <elf.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image.h"
#include "memscan/mem.h"
#include "py/priv.h"
#include "walk/priv.h"

Suite *suite_buffers(void);

enum { PAGE = 4096 };

/* ---- a runtime without an interpreter ---- */

struct fixture {
	struct image *im;
	struct layout l;
	struct py *p;
	struct pytype float64, dtype, ndarray, object;
};

static void
set_field(struct fixture *f, enum pyf id, uint64_t off, uint64_t size)
{
	f->l.f[id] = (struct layout_field){.off = off, .size = size, .present = true};
}

/* Addresses of types; what they are is in the cache, so that nothing is read there. */
enum { TYPE_FLOAT64 = 0x100000, TYPE_DTYPE = 0x101000, TYPE_NDARRAY = 0x102000, TYPE_OBJECT = 0x103000 };

static void
add_type(struct fixture *f, struct pytype *ty, taddr addr, const char *name, uint64_t basicsize)
{
	*ty = (struct pytype){.addr = addr, .name = strtab_puts(f->p->names, name), .basicsize = basicsize};
	ty->cbase = ty;
	vec_push(&f->p->types, ty);
	map_put(&f->p->type_index, addr, (uint32_t)f->p->types.n);
	ty->buffer = buffer_row_of(f->p, ty, name);
}

/* The layout is that of CPython 3.11 on x86-64: Include/object.h, Objects/obmalloc.c. */
static void
setup(struct fixture *f)
{
	*f = (struct fixture){.im = image_new(8, false)};
	f->l.machine = (struct machine){.e_machine = EM_X86_64, .ptr_width = 8};
	set_field(f, PYF_SIZEOF_OBJECT, 0, 16);
	set_field(f, PYF_OB_REFCNT, 0, 8);
	set_field(f, PYF_OB_TYPE, 8, 8);
	set_field(f, PYF_OB_SIZE, 16, 8);
	set_field(f, PYF_TUPLE_ITEMS, 24, 8);
	set_field(f, PYF_BYTES_DATA, 32, 1);
	set_field(f, PYF_SIZEOF_POOL, 0, 48);
	set_field(f, PYF_POOL_SZIDX, 36, 4);
	set_field(f, PYF_POOL_MAXNEXT, 44, 4);
	f->p = xcalloc(1, sizeof(*f->p));
	f->p->l = &f->l;
	f->p->names = strtab_new();
	add_type(f, &f->float64, TYPE_FLOAT64, "float64", 24);
	add_type(f, &f->dtype, TYPE_DTYPE, "dtype", 96);
	add_type(f, &f->ndarray, TYPE_NDARRAY, "numpy.ndarray", 96);
	add_type(f, &f->object, TYPE_OBJECT, "object", 16);
}

static void
begin(struct fixture *f)
{
	f->p->t = image_target(f->im, IMAGE_READ);
}

static void
teardown(struct fixture *f)
{
	target_close(f->p->t);
	strtab_free(f->p->names);
	vec_fini(&f->p->types);
	map_fini(&f->p->type_index);
	free(f->p);
}

/* ---- what malloc says ---- */

#define BLOCK UINT64_C(0x7f0000001010)

static const struct {
	uint64_t prev, size; /* the two words before the block */
	taddr block;
	uint64_t room, want; /* want == room: what stands there was not believed */
} chunks[] = {
	{0, 113, BLOCK, 100, 104},
	{~UINT64_C(0), 113, BLOCK, 104, 104}, /* the previous block uses the first word */
	{0, 112, BLOCK, 100, 104},            /* the previous block is free */
	{0, 117, BLOCK, 100, 104},            /* another arena's */
	{0, 33, BLOCK, 1, 24},
	{0, 129, BLOCK, 100, 120}, /* a remainder too small for a chunk */
	{0, 97, BLOCK, 100, 100},
	{0, 4097, BLOCK, 100, 100},
	{0, 105, BLOCK, 100, 100}, /* no multiple of 16 */
	{0, 0, BLOCK, 100, 100},
	{0, 17, BLOCK, 1, 1},
	{0, ~UINT64_C(0), BLOCK, 100, 100},
	{0, UINT64_C(0x8000000000000001), BLOCK, 100, 100},
	{0, 113, BLOCK + 8, 100, 100}, /* no block begins there */
	{0, 0x101002, BLOCK, 0x100000, 0x101000 - 16},
	{0, 0x102002, BLOCK, 0x100000, 0x102000 - 16},
	{0x200, 0x100e02, BLOCK + 0x200, 0x100000, 0x100e00 - 16}, /* aligned further in */
	/* As glibc 2.43 has them; what malloc_usable_size() there said of malloc(1048577) and of aligned blocks. */
	{0, 0x100ff2, BLOCK, 1048577, 1052648},
	{0xff0, 0x101002, BLOCK + 0xff0, 1048576, 1052664},
	{0x30, 0x100fc2, BLOCK + 0x30, 1048576, 1052600},
	/* 2.41 of the same. */
	{0, 0x101002, BLOCK, 1048577, 1052656},
	{0xff0, 0x101012, BLOCK + 0xff0, 1048576, 1052672},
	{0x30, 0x100fd2, BLOCK + 0x30, 1048576, 1052608},
	{UINT64_MAX - 0xfff, 0x101002, BLOCK, 1048577, 1048577},
	{UINT64_C(0x7f0000000000), 0x101002, BLOCK, 1048577, 1048577},
	{0x200, 0x101002, BLOCK, 0x100000, 0x100000},
	{0, 0x103002, BLOCK, 0x100000, 0x100000}, /* more than rounding explains */
	{0, 0x100002, BLOCK, 0x100000, 0x100000},
	{0, 0x101003, BLOCK, 0x100000, 0x100000},
	{0, 0x101012, BLOCK, 0x100000, 0x100000},
	{0, 0x101002, BLOCK + 0x10, 0x100000, 0x100000}, /* not at a page's beginning */
};

START_TEST(chunk_words)
{
	struct fixture f;

	setup(&f);
	uint64_t words[] = {chunks[_i].prev, chunks[_i].size};
	image_put(f.im, chunks[_i].block - 16, words, sizeof(words));
	begin(&f);
	ck_assert_uint_eq(usable_size(f.p, chunks[_i].block, chunks[_i].room, true), chunks[_i].want);
	/* That it may be pymalloc's changes nothing where no pool is. */
	ck_assert_uint_eq(usable_size(f.p, chunks[_i].block, chunks[_i].room, false), chunks[_i].want);
	teardown(&f);
}
END_TEST

START_TEST(no_words)
{
	struct fixture f;

	setup(&f);
	image_u64(f.im, BLOCK, 113);
	begin(&f);
	ck_assert_uint_eq(usable_size(f.p, BLOCK, 100, true), 100);
	ck_assert_uint_eq(usable_size(f.p, BLOCK, 100, false), 100);
	ck_assert_uint_eq(usable_size(f.p, 0, 100, false), 100);
	ck_assert_uint_eq(usable_size(f.p, 8, 100, false), 100);
	ck_assert_uint_eq(usable_size(f.p, UINT64_MAX & ~UINT64_C(15), 100, false), 100);
	teardown(&f);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define HAS_GLIBC_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_GLIBC_MALLOC 0
#endif
#endif
#if !defined(HAS_GLIBC_MALLOC) && defined(__GLIBC__)
#define HAS_GLIBC_MALLOC 1
#endif

#if HAS_GLIBC_MALLOC
/* Real blocks: their two words at their own addresses, and what the allocator says of them. */
START_TEST(real_blocks)
{
	enum { N = 400 };
	struct fixture f;
	void *block[N];
	size_t asked[N];

	setup(&f);
	srand(7);
	for (size_t i = 0; i < N; i++) {
		asked[i] = i < 100 ? i + 1 : (size_t)rand() % (i < 300 ? 5000 : 3000000) + 1;
		block[i] = i % 3 == 0 ? calloc(1, asked[i]) : malloc(asked[i]);
		if (i % 5 == 0) {
			asked[i] = asked[i] / 2 + 1;
			block[i] = realloc(block[i], asked[i]);
		}
		ck_assert_ptr_nonnull(block[i]);
	}
	for (size_t i = 0; i < N; i++) {
		uint64_t words[2];
		uintptr_t at = (uintptr_t)block[i] - sizeof(words);
		/* Read as another process would: this is not memory that the program has. */
		for (size_t k = 0; k < 2; k++)
			words[k] = ((const volatile uint64_t *)at)[k];
		image_put(f.im, at, words, sizeof(words));
	}
	begin(&f);
	for (size_t i = 0; i < N; i++)
		ck_assert_uint_eq(usable_size(f.p, (uintptr_t)block[i], asked[i], true), malloc_usable_size(block[i]));
	for (size_t i = 0; i < N; i++)
		free(block[i]);
	teardown(&f);
}
END_TEST
#endif

/* ---- pools ---- */

#define POOL UINT64_C(0x7f0000010000)

static const struct {
	uint32_t szidx, maxnext;
	uint64_t off, room, want;
} pools[] = {
	{5, 4 * PAGE - 96, 48, 90, 96},
	{5, 4 * PAGE - 96, 48 + 96 * 100, 96, 96},
	{5, 4 * PAGE - 96, 48 + 96 * 100, 60, 96}, /* a block that was made smaller */
	{0, 4 * PAGE - 16, 64, 1, 16},
	{31, 4 * PAGE - 512, 48, 512, 512},
	{5, 4 * PAGE - 96, 48, 97, 97},           /* does not fit */
	{5, 4 * PAGE - 96, 48 + 16, 90, 90},      /* no block begins there */
	{5, 4 * PAGE - 96, 32, 90, 90},           /* in the header */
	{5, 4 * PAGE - 112, 48, 90, 90},
	{32, 4 * PAGE - 528, 48, 500, 500},       /* no such class */
	{UINT32_MAX, 4 * PAGE, 48, 1, 1},
	{5, PAGE - 96, 48, 90, 96},               /* pools of one page, to 3.9 */
	{11, PAGE - 96, 48, 89, 96},              /* classes of 8 bytes */
	{11, PAGE - 96, 48 + 8, 89, 89},
};

START_TEST(pool_headers)
{
	struct fixture f;

	setup(&f);
	image_region(f.im, POOL, 4 * PAGE, PROT_READ | PROT_WRITE, NULL);
	image_u32(f.im, POOL + 36, pools[_i].szidx);
	image_u32(f.im, POOL + 44, pools[_i].maxnext);
	begin(&f);
	ck_assert_uint_eq(usable_size(f.p, POOL + pools[_i].off, pools[_i].room, false), pools[_i].want);
	/* What comes from malloc() is in no pool. */
	ck_assert_uint_eq(usable_size(f.p, POOL + pools[_i].off, pools[_i].room, true), pools[_i].room);
	teardown(&f);
}
END_TEST

/* ---- numpy ---- */

enum { ARRAY = 0x200000, OTHER = 0x201000, DESCR = 0x202000, DIMS = 0x203000, DATA = 0x300000, DATA_SIZE = 0x10000 };

/* PyArray_Descr of float64 ('d', 12) as numpy 1 and 2 have it, ndarraytypes.h. */
static void
put_descr(struct fixture *f, bool is_numpy1, char kind, uint32_t num, uint64_t elsize)
{
	image_region(f->im, DESCR, 128, PROT_READ | PROT_WRITE, NULL);
	image_u64(f->im, DESCR + 8, TYPE_DTYPE);
	image_u64(f->im, DESCR + 16, TYPE_FLOAT64);
	image_u8(f->im, DESCR + 24, (uint8_t)kind);
	image_u32(f->im, DESCR + 28, num);
	if (is_numpy1) {
		image_u32(f->im, DESCR + 32, (uint32_t)elsize);
		image_u32(f->im, DESCR + 36, 8);
		return;
	}
	image_u64(f->im, DESCR + 32, 0x10); /* flags */
	image_u64(f->im, DESCR + 40, elsize);
	image_u64(f->im, DESCR + 48, 8);
}

static void
put_array(struct fixture *f, taddr at, uint32_t nd, taddr data, taddr base, uint32_t flags)
{
	image_region(f->im, at, 96, PROT_READ | PROT_WRITE, NULL);
	image_u64(f->im, at, 1);
	image_u64(f->im, at + 8, TYPE_NDARRAY);
	image_u64(f->im, at + 16, data);
	image_u32(f->im, at + 24, nd);
	image_u32(f->im, at + 28, 0xdeadbeef); /* what lies between an int and a pointer */
	image_u64(f->im, at + 32, DIMS);
	image_u64(f->im, at + 48, base);
	image_u64(f->im, at + 56, DESCR);
	image_u32(f->im, at + 64, flags);
}

static void
put_dims(struct fixture *f, const uint64_t *dims, size_t n)
{
	image_put(f->im, DIMS, dims, n * sizeof(*dims));
}

static enum status
ask(struct fixture *f, taddr at, uint64_t size, struct pybuffer *b)
{
	struct pyobj o;

	ck_assert_int_eq(py_obj(f->p, at, &o), MS_OK);
	ck_assert_ptr_nonnull(o.type->buffer);
	return py_buffer(f->p, &o, size, b);
}

/* Loops over numpy 1 and 2. */
START_TEST(array_sound)
{
	const uint64_t dims[] = {100, 3};
	struct fixture f;
	struct pybuffer b;

	setup(&f);
	put_descr(&f, _i == 0, 'f', 12, 8);
	put_dims(&f, dims, 2);
	image_region(f.im, DATA - 16, DATA_SIZE, PROT_READ | PROT_WRITE, NULL);
	image_u64(f.im, DATA - 8, 2416 | 1);
	put_array(&f, ARRAY, 2, DATA, 0, 0x4 | 0x500);
	put_array(&f, OTHER, 2, DATA + 240, ARRAY, 0x500);
	begin(&f);
	/* ndarray.__sizeof__: the struct, dimensions and strides, and the data. */
	ck_assert_int_eq(ask(&f, ARRAY, 96 + 32 + 2400, &b), MS_OK);
	ck_assert_uint_eq(b.addr, DATA);
	ck_assert_uint_eq(b.length, 2400);
	ck_assert_uint_eq(b.bytes, 2408);
	ck_assert_uint_eq(b.flags, BUFFER_OWNED | BUFFER_IN_SIZE);
	ck_assert_str_eq(strtab_get(f.p->names, b.name, NULL), "float64 (100, 3)");
	/* A size that could not be asked for has only the struct. */
	ck_assert_int_eq(ask(&f, ARRAY, 96, &b), MS_OK);
	ck_assert_uint_eq(b.flags, BUFFER_OWNED);
	ck_assert_int_eq(ask(&f, OTHER, 128, &b), MS_OK);
	ck_assert_uint_eq(b.flags, BUFFER_VIEW);
	ck_assert_uint_eq(b.bytes, 0);
	ck_assert_uint_eq(b.owner, ARRAY);
	ck_assert(b.is_owner_sure);
	teardown(&f);
}
END_TEST

/* Its references are hidden; an array of objects has its elements besides, unless it is a view. */
static enum status
no_flush(struct refout *o)
{
	(void)o;
	return MS_LIMIT;
}

START_TEST(array_refs)
{
	const uint64_t dims[] = {3}, items[] = {0x1000, 0, 0x3000};
	const uint32_t flags[] = {0x4, 0};
	struct fixture f;
	struct pyobj o;
	struct refout *out = xcalloc(1, sizeof(*out));

	setup(&f);
	put_descr(&f, true, 'O', 17, 8);
	put_dims(&f, dims, 1);
	image_put(f.im, DATA, items, sizeof(items));
	put_array(&f, ARRAY, 1, DATA, 0x9000, flags[_i]);
	begin(&f);
	out->flush = no_flush;
	ck_assert_int_eq(py_obj(f.p, ARRAY, &o), MS_OK);
	ck_assert_int_eq(refs_ndarray(f.p, &o, out), MS_OK);
	ck_assert_uint_eq(out->n, _i == 0 ? 4 : 2);
	ck_assert_uint_eq(out->at[0].to, 0x9000);
	ck_assert_uint_eq(out->at[1].to, DESCR);
	if (_i == 0) {
		ck_assert_uint_eq(out->at[2].to, 0x1000);
		ck_assert_uint_eq(out->at[3].to, 0x3000);
		ck_assert_uint_eq(ref_payload(out->at[3].label), 2);
	}
	for (size_t i = 0; i < out->n; i++)
		ck_assert(out->at[i].label & REF_HIDDEN);
	free(out);
	teardown(&f);
}
END_TEST

/* Arrays that say what cannot be. */
static const struct {
	uint32_t nd;
	uint64_t dims[2];
	taddr data;
	uint64_t elsize;
	uint32_t flags;
	enum status want;
} lies[] = {
	{1, {0x10000}, DATA, 8, 4, MS_FORMAT},                 /* beyond the mapping */
	{1, {1}, DATA, UINT32_MAX, 4, MS_FORMAT},
	{1, {100}, 0x123450, 8, 4, MS_FORMAT},                 /* nothing there */
	{1, {100}, 0x123450, 8, 0, MS_ABSENT},                 /* a view may be of anything */
	{1, {100}, UINT64_MAX - 7, 8, 4, MS_FORMAT},
	{2, {UINT64_C(1) << 40, UINT64_C(1) << 40}, DATA, 8, 4, MS_ABSENT},
	{2, {UINT64_MAX, UINT64_MAX}, DATA, 1, 4, MS_ABSENT},  /* the product is 1 */
	{1, {UINT64_C(1) << 46}, DATA, 1 << 20, 4, MS_ABSENT},
	{64, {1, 1}, DATA, 8, 4, MS_ABSENT},                   /* dimensions that are not there */
	{65, {1, 1}, DATA, 8, 4, MS_ABSENT},
	{UINT32_MAX, {1, 1}, DATA, 8, 4, MS_ABSENT},
	{1, {100}, 0, 8, 4, MS_ABSENT},
};

START_TEST(array_lies)
{
	struct fixture f;
	struct pybuffer b;
	struct pyobj o;
	struct refout *out = xcalloc(1, sizeof(*out));

	setup(&f);
	put_descr(&f, true, 'O', 17, lies[_i].elsize);
	put_dims(&f, lies[_i].dims, 2);
	image_region(f.im, DATA, DATA_SIZE, PROT_READ | PROT_WRITE, NULL);
	put_array(&f, ARRAY, lies[_i].nd, lies[_i].data, ARRAY, lies[_i].flags);
	begin(&f);
	ck_assert_int_eq(ask(&f, ARRAY, 128, &b), lies[_i].want);
	/* Its references end, whatever they are. */
	out->flush = no_flush;
	ck_assert_int_eq(py_obj(f.p, ARRAY, &o), MS_OK);
	enum status st = refs_ndarray(f.p, &o, out);
	ck_assert(st == MS_OK || st == MS_FAULT || st == MS_FORMAT || st == MS_LIMIT);
	free(out);
	teardown(&f);
}
END_TEST

/* Bases that go round, lead nowhere, or to memory that the view is not in. */
START_TEST(chain_lies)
{
	const uint64_t dims[] = {10};
	const taddr bases[] = {OTHER, 0x123450, DIMS, ARRAY};
	struct fixture f;
	struct pybuffer b;

	setup(&f);
	put_descr(&f, true, 'f', 12, 8);
	put_dims(&f, dims, 1);
	image_region(f.im, DATA, DATA_SIZE, PROT_READ | PROT_WRITE, NULL);
	put_array(&f, ARRAY, 1, DATA, _i == 0 ? OTHER : 0, _i == 3 ? 4 : 0);
	put_array(&f, OTHER, 1, DATA + 0x8000, _i == 0 ? ARRAY : bases[_i], 0);
	begin(&f);
	ck_assert_int_eq(ask(&f, OTHER, 96, &b), MS_OK);
	ck_assert_uint_eq(b.flags, BUFFER_VIEW);
	ck_assert_uint_eq(b.owner, 0);
	teardown(&f);
}
END_TEST

/* What is not known to look into another's memory is the end of a chain. */
START_TEST(chain_ends)
{
	const uint64_t dims[] = {10};
	struct fixture f;
	struct pybuffer b;

	setup(&f);
	put_descr(&f, true, 'f', 12, 8);
	put_dims(&f, dims, 1);
	image_region(f.im, DATA, DATA_SIZE, PROT_READ | PROT_WRITE, NULL);
	image_region(f.im, OTHER, 32, PROT_READ | PROT_WRITE, NULL);
	image_u64(f.im, OTHER + 8, TYPE_OBJECT);
	put_array(&f, ARRAY, 1, DATA, OTHER, 0);
	begin(&f);
	ck_assert_int_eq(ask(&f, ARRAY, 96, &b), MS_OK);
	ck_assert_uint_eq(b.owner, OTHER);
	ck_assert(!b.is_owner_sure);
	teardown(&f);
}
END_TEST

/* ---- all together ---- */

struct kept {
	struct heap_buffer row[16];
	size_t n;
};

static enum status
keep_buffer(void *self, const struct heap_buffer *b)
{
	struct kept *k = self;

	k->row[k->n++] = *b;
	return MS_OK;
}

START_TEST(no_byte_twice)
{
	enum { OWNED = BUFFER_OWNED, IN = BUFFER_OWNED | BUFFER_IN_SIZE };
	static const struct found_buffer found[] = {
		{{.object = 1, .flags = IN, .owner = OBJID_NONE, .addr = 0x2000, .bytes = 120, .length = 100}, false},
		{{.object = 3, .flags = OWNED, .owner = OBJID_NONE, .addr = 0x1000, .bytes = 4096, .length = 4096}, false},
		/* The same memory once more, and a part of it. */
		{{.object = 5, .flags = OWNED, .owner = OBJID_NONE, .addr = 0x2000, .bytes = 120, .length = 100}, false},
		{{.object = 6, .flags = OWNED, .owner = OBJID_NONE, .addr = 0x1800, .bytes = 80, .length = 80}, false},
		/* Views: of known memory, of nobody's, with an owner that is sure, and with one that is not. */
		{{.object = 7, .flags = BUFFER_VIEW, .owner = OBJID_NONE, .addr = 0x2063, .length = 1}, false},
		{{.object = 8, .flags = BUFFER_VIEW, .owner = OBJID_NONE, .addr = 0x2064, .length = 1}, false},
		{{.object = 9, .flags = BUFFER_VIEW, .owner = 2, .addr = 0x1010, .length = 1}, true},
		{{.object = 10, .flags = BUFFER_VIEW, .owner = 2, .addr = 0x1010, .length = 1}, false},
		{{.object = 11, .flags = BUFFER_VIEW, .owner = 2, .addr = 0xff0, .length = 1}, false},
		/* Nothing owns nothing. */
		{{.object = 12, .flags = OWNED, .owner = OBJID_NONE, .addr = 0x2000, .bytes = 24}, false},
	};
	static const struct {
		uint32_t flags;
		objid owner;
		uint64_t bytes;
	} want[] = {
		{IN, OBJID_NONE, 120}, {OWNED, OBJID_NONE, 4096}, {BUFFER_VIEW, 1, 0}, {BUFFER_VIEW, 3, 0},
		{BUFFER_VIEW, 1, 0}, {BUFFER_VIEW, OBJID_NONE, 0}, {BUFFER_VIEW, 2, 0}, {BUFFER_VIEW, 3, 0},
		{BUFFER_VIEW, 2, 0}, {OWNED, OBJID_NONE, 24},
	};
	struct kept kept = {0};
	struct heap_sink sink = {.self = &kept, .buffer = keep_buffer};
	struct walker *w = xcalloc(1, sizeof(*w));

	w->sink = &sink;
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		vec_push(&w->buffers, found[i]);
	ck_assert_int_eq(buffers_emit(w), MS_OK);
	ck_assert_uint_eq(kept.n, ARRAY_LEN(want));
	for (size_t i = 0; i < kept.n; i++) {
		ck_assert_uint_eq(kept.row[i].object, found[i].row.object);
		ck_assert_uint_eq(kept.row[i].flags, want[i].flags);
		ck_assert_uint_eq(kept.row[i].owner, want[i].owner);
		ck_assert_uint_eq(kept.row[i].bytes, want[i].bytes);
	}
	vec_fini(&w->buffers);
	free(w);
}
END_TEST

Suite *
suite_buffers(void)
{
	Suite *s = suite_create("buffers");
	TCase *t = tcase_create("buffers");

	tcase_add_loop_test(t, chunk_words, 0, ARRAY_LEN(chunks));
	tcase_add_test(t, no_words);
#if HAS_GLIBC_MALLOC
	tcase_add_test(t, real_blocks);
#endif
	tcase_add_loop_test(t, pool_headers, 0, ARRAY_LEN(pools));
	tcase_add_loop_test(t, array_sound, 0, 2);
	tcase_add_loop_test(t, array_refs, 0, 2);
	tcase_add_loop_test(t, array_lies, 0, ARRAY_LEN(lies));
	tcase_add_loop_test(t, chain_lies, 0, 4);
	tcase_add_test(t, chain_ends);
	tcase_add_test(t, no_byte_twice);
	suite_add_tcase(s, t);
	return s;
}
