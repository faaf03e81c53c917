/*
 * How long it takes to walk a process without a copy: that depends less on how many
 * objects there are than on the order in which they lie. Objects that were made one after
 * the other are met so, and share pages, which are read once; in an old or shuffled heap
 * nearly every object costs a page read anew. Both can be seen beforehand in a sample of
 * the heap's pages, by where the addresses in them lead, and how long a page takes can be
 * measured.
 *
 * What cannot be seen in a sample is how far disorder goes on: what an object refers to
 * lies beside it in memory, but is walked when its turn comes, behind those of all
 * others, which are anywhere. So the answer is a range.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memscan/bytes.h"
#include "memscan/io.h"
#include "memscan/mem.h"

enum {
	PIECES = 64,        /* of the heap, that are looked at */
	PIECE_PAGES = 16,   /* in each, so that most addresses in it have others before */
	PROBES = 512,       /* pages read one by one */
	BLOCK_SHIFT = 16,   /* one place, which is read ahead */
	READ_NS = 2000,     /* of a page, if none could be read */
	WAITS_MAX = 2,      /* times as long, for want of a processor */
};

/*
 * In units of a page's read. Measured on heaps of 1 M objects in nine orders, as
 * processor time: an object in order takes 0.2 to 0.5 of it, one whose page has to be
 * read anew 3.2 to 5.2 more, as the processor's caches have nothing of it either and some
 * pages are read ahead in vain. There were 1 to 6 such objects for each address in the
 * sample that led elsewhere.
 */
static const struct cost {
	double object, anew;
	double spread; /* objects met out of order for each such address, */
	double share;  /* and for each object, at most */
} least = {0.15, 3, 2, 0.8}, most = {0.5, 4, 6, 1.4};

/* The stop, and where a walk begins and ends: symbols, static data, interpreted code. */
enum { BASE_LEAST_NS = 5000000, BASE_MOST_NS = 30000000 };

/* ---- what a sample says ---- */

/* Is b among the places met last? It is the first of them now. */
static bool
was_near(uint64_t recent[ORDER_RECENT], uint64_t b)
{
	size_t i = 0;

	while (i < ORDER_RECENT - 1 && recent[i] != b)
		i++;
	bool is_known = recent[i] == b;
	memmove(recent + 1, recent, i * sizeof(*recent));
	recent[0] = b;
	return is_known;
}

void
order_look(struct order_sample *o, const span_vec *runs, const struct order_piece *p)
{
	uint64_t recent[ORDER_RECENT] = {0};

	o->bytes += p->n;
	for (size_t off = 0; off + p->width <= p->n; off += p->width) {
		uint64_t v = load_uint(p->bytes + off, p->width, p->swap);
		if (v % p->width != 0 || !spans_have(runs, v))
			continue;
		uint64_t to = v >> BLOCK_SHIFT, own = (p->addr + off) >> BLOCK_SHIFT;
		bool is_beside = to + 1 >= own && to <= own + 1;
		o->far += !was_near(recent, to) && !is_beside;
	}
}

/* Two digits say all that is known. */
static uint64_t
rough(double ns)
{
	uint64_t unit = 1;

	while (ns / (double)unit >= 100)
		unit *= 10;
	return (uint64_t)(ns / (double)unit + 0.5) * unit;
}

static double
reads_of(const struct cost *c, double objects, double far, double missed)
{
	double met = far * c->spread < objects * c->share ? far * c->spread
							  : objects * c->share;

	return objects * c->object + met * missed * c->anew;
}

struct order_time
order_time(const struct order_sample *o, const struct snapshot_plan *p, double read_ns)
{
	double all = o->bytes > 0 ? (double)p->bytes / (double)o->bytes : 0;
	double n = (double)p->objects, far = (double)o->far * all;
	double missed = p->cache < p->bytes ? 1 - (double)p->cache / (double)p->bytes : 0;

	return (struct order_time){
		.least_ns =
			rough(BASE_LEAST_NS + reads_of(&least, n, far, missed) * read_ns),
		.most_ns =
			rough(BASE_MOST_NS + reads_of(&most, n, far, missed) * read_ns),
	};
}

/* ---- taking it ---- */

static int
by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* The median, so that a moment in which another process ran does not count. */
static uint64_t
time_of_read(const struct snapshot *s, const span_vec *runs)
{
	CLEAN_FREE uint8_t *buf = xmalloc((size_t)s->pagemap.page);
	uint64_t took[PROBES], page = s->pagemap.page, next = 0;
	uint64_t step = (s->plan.bytes / page / PROBES + 1) * page;
	size_t n = 0;

	for (size_t i = 0; i < runs->n; i++) {
		uint64_t len = runs->at[i].end - runs->at[i].start;
		for (; next < len && n < PROBES; next += step) {
			uint64_t began = io_now_ns();
			if (reader_read(&s->reader, runs->at[i].start + next, buf,
				    (size_t)page) == MS_OK)
				took[n++] = io_now_ns() - began;
		}
		next = next > len ? next - len : 0;
	}
	if (n == 0)
		return READ_NS;
	qsort(took, n, sizeof(*took), by_size);
	return took[n / 2];
}

static void
take_sample(const struct snapshot *s, const span_vec *runs, struct order_sample *o)
{
	uint64_t page = s->pagemap.page, max = PIECE_PAGES * page, next = 0;
	uint64_t step = s->plan.bytes / PIECES / page * page;
	CLEAN_FREE uint8_t *buf = xmalloc((size_t)max);

	step = step > max ? step : max;
	for (size_t i = 0; i < runs->n; i++) {
		uint64_t len = runs->at[i].end - runs->at[i].start;
		for (; next < len; next += step) {
			struct order_piece p = {.addr = runs->at[i].start + next,
				.bytes = buf,
				.n = (size_t)(len - next < max ? len - next : max),
				.width = s->machine.ptr_width,
				.swap = s->machine.big_endian !=
					(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)};
			if (reader_read(&s->reader, p.addr, buf, p.n) == MS_OK)
				order_look(o, runs, &p);
		}
		next -= len;
	}
}

static uint64_t
cpu_now_ns(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct order_time
order_measure(const struct snapshot *s, const span_vec *runs)
{
	struct order_sample o = {0};
	uint64_t began = io_now_ns(), cpu = cpu_now_ns();

	/* First, so that the pages are in no cache. */
	double read_ns = (double)time_of_read(s, runs);
	take_sample(s, runs, &o);
	struct order_time t = order_time(&o, &s->plan, read_ns);
	/* As long as others had the processor now, they may have it then. */
	double waits = (double)(io_now_ns() - began) / (double)(cpu_now_ns() - cpu + 1);
	waits = waits < 1 ? 1 : waits > WAITS_MAX ? WAITS_MAX : waits;
	t.most_ns = rough((double)t.most_ns * waits);
	return t;
}
