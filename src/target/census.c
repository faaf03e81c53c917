/*
 * How many objects a heap has, counted in a sample of its pages before anything is
 * stopped: what memscan takes for a dump goes by that, and objects of 32 bytes and of 300 are
 * both common.
 *
 * An object begins with its reference count and its type. A word that could be that of a type is
 * one that leads to writable memory and has a count in front; that it is one is asked
 * of what it leads to, once for each. So neither the items of lists nor free blocks, which have
 * the address of the next one where the count was, pass for objects.
 *
 * Pages are taken at random, though always the same ones, so that no order of the heap meets
 * the step between them.
 */
#include "snappriv.h"

#include <math.h>
#include <stdlib.h>

#include "memscan/bytes.h"
#include "memscan/map.h"
#include "memscan/mem.h"

enum {
	PAGES = 1024,         /* read, of all */
	TYPES_MAX = 4096,     /* asked about */
	HEAD_MAX = 256,       /* bytes of a type up to its flags' end */
	OBJECT_COPIED = 80,   /* bytes for each object where nothing can be counted */
};

#define TYPE_SUBCLASS (UINT64_C(1) << 31) /* Py_TPFLAGS_TYPE_SUBCLASS: its instances are types */

/* What could be a type, and how often. */
struct suspect {
	taddr addr;
	uint64_t n;
};

struct census {
	const struct snapshot *s;
	const span_vec *runs;
	const span_vec *present; /* of them, what is not swapped out: to look brings nothing back */
	uint8_t *buf;
	VEC(struct suspect) suspects;
	struct map index; /* of an address in them */
	uint64_t pointers;
	uint64_t pages, heads, squares; /* pages, and the sums of what each has of heads, and squared */
};

/* ---- a page ---- */

static uint64_t
word_at(const struct census *c, const uint8_t *p, unsigned width)
{
	bool is_big = c->s->machine.big_endian;

	return load_uint(p, width, is_big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__));
}

/* Does anybody have the object whose head this is? */
static bool
is_alive(const struct census *c, const uint8_t *head)
{
	const struct object_head *o = &c->s->opts.head;
	uint64_t any = 0;

	for (unsigned i = 0; i < o->n_counts; i++) {
		const struct object_count *k = &o->counts[i];
		uint64_t v = word_at(c, head + k->off, k->width);
		if (v > UINT32_MAX)
			return false;
		any |= v >> k->shift;
	}
	return any != 0;
}

static void
suspect(struct census *c, taddr v)
{
	uint32_t i;

	if (!map_get(&c->index, v, &i)) {
		i = (uint32_t)c->suspects.n;
		map_put(&c->index, v, i);
		vec_push(&c->suspects, ((struct suspect){.addr = v}));
	}
	c->suspects.at[i].n++;
}

static void
look_at(struct census *c)
{
	unsigned width = c->s->machine.ptr_width, type = c->s->opts.head.type;
	size_t n = (size_t)c->s->pagemap.page;
	uint64_t heads = 0;

	for (size_t off = 0; off + width <= n; off += width) {
		taddr v = word_at(c, c->buf + off, width);
		if (v == 0 || v % width != 0 || !spans_have(c->runs, v))
			continue;
		c->pointers++;
		if (off >= type && is_alive(c, c->buf + off - type)) {
			suspect(c, v);
			heads++;
		}
	}
	c->pages++;
	c->heads += heads;
	c->squares += heads * heads;
}

static void
take_pages(struct census *c)
{
	uint64_t page = c->s->pagemap.page, pages = spans_bytes(c->present) / page;
	uint64_t n = pages < PAGES ? pages : PAGES, seed = 1, run = 0, passed = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t first = pages * i / n, count = pages * (i + 1) / n - first;
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t want = first + (seed >> 33) % count;
		const struct span *r = &c->present->at[run];
		while (want >= passed + (r->end - r->start) / page) {
			passed += (r->end - r->start) / page;
			r = &c->present->at[++run];
		}
		taddr at = r->start + (want - passed) * page;
		if (reader_read(&c->s->reader, at, c->buf, (size_t)page) == MS_OK)
			look_at(c);
	}
}

/* ---- which are types ---- */

/* The type and the flags of what could be a type. */
static bool
read_type(const struct census *c, taddr at, taddr *type, uint64_t *flags)
{
	const struct object_head *o = &c->s->opts.head;
	unsigned width = c->s->machine.ptr_width;
	uint8_t head[HEAD_MAX];

	if (reader_read(&c->s->reader, at, head, o->flags + (size_t)width) != MS_OK)
		return false;
	*type = word_at(c, head + o->type, width);
	*flags = word_at(c, head + o->flags, width);
	return true;
}

/* Its type is one that types have; of what is swapped out that is believed. */
static bool
is_type(const struct census *c, taddr at)
{
	taddr meta, above;
	uint64_t flags;

	if (!spans_have(c->present, at))
		return true;
	if (!read_type(c, at, &meta, &flags) || !spans_have(c->runs, meta))
		return false;
	if (!spans_have(c->present, meta))
		return true;
	return read_type(c, meta, &above, &flags) && (flags & TYPE_SUBCLASS) != 0;
}

static int
by_number(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static uint64_t
count_objects(struct census *c)
{
	uint64_t n = 0;

	if (c->suspects.n > 1)
		qsort(c->suspects.at, c->suspects.n, sizeof(*c->suspects.at), by_number);
	for (size_t i = 0; i < c->suspects.n && i < TYPES_MAX; i++)
		n += is_type(c, c->suspects.at[i].addr) ? c->suspects.at[i].n : 0;
	return n;
}

/*
 * Objects that lie close together in few of the pages make the sample vary: two standard errors
 * more than it says there are hardly ever.
 */
static double
most_of(const struct census *c, double objects)
{
	double n = (double)c->pages, sum = (double)c->heads;
	double spread = (double)c->squares - sum * sum / n;

	if (sum <= 0 || spread <= 0)
		return objects;
	return objects * (1 + 2 * sqrt(spread) / sum);
}

/* The offsets may be a process's own account, or a table's: the counts are before the type. */
static bool
is_sound(const struct object_head *o, unsigned width)
{
	for (unsigned i = 0; i < o->n_counts; i++)
		if (o->counts[i].off > o->type || o->counts[i].width > o->type - o->counts[i].off)
			return false;
	return o->n_counts > 0 && o->type <= HEAD_MAX - width && o->flags <= HEAD_MAX - width &&
	       o->type <= o->flags;
}

void
census_take(const struct snapshot *s, const span_vec *runs, const span_vec *present,
            struct heap_census *ret)
{
	const struct object_head *o = &s->opts.head;
	uint64_t bytes = s->plan.bytes, pages = bytes / s->pagemap.page;
	struct census c = {.s = s, .runs = runs, .present = present};

	ret->objects = ret->most = bytes / OBJECT_COPIED;
	ret->pointers = bytes / s->machine.ptr_width;
	/* Without a page map, reading would make pages. */
	if (s->pagemap.fd < 0 || runs->n == 0 || !is_sound(o, s->machine.ptr_width))
		return;
	c.buf = xmalloc((size_t)s->pagemap.page);
	take_pages(&c);
	if (c.pages > 0) {
		double all = (double)pages / (double)c.pages;
		double objects = (double)count_objects(&c) * all;
		ret->objects = (uint64_t)objects;
		ret->most = (uint64_t)(c.pages < pages ? most_of(&c, objects) : objects);
		ret->pointers = (uint64_t)((double)c.pointers * all);
	}
	free(c.buf);
	vec_fini(&c.suspects);
	map_fini(&c.index);
}
