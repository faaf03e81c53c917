/*
 * Everything that is the same for every backend: finding the region of an address,
 * crossing from one to the next, views and integers.
 *
 * The hot path is a view into a region with data. A small table indexed by address bits
 * remembers the regions used last, so that it costs two compares and an addition however
 * many regions there are. Regions without data are read through windows, kept in a pool
 * that is large enough for a view to outlive the next TARGET_VIEW_KEEP ones.
 */
#include "priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	MEMO_BITS = 7,
	MEMO_SLOTS = 1 << MEMO_BITS,
	MEMO_SHIFT = 20, /* Python's arenas are 256 KiB to 1 MiB */
	WINDOW_SLOTS = 2 * TARGET_VIEW_KEEP,
	WINDOW_SHIFT = 16,
	WINDOW_BUCKETS = 256,
	MISSED_MAX = 4096,
	PAGE = 4096,     /* no machine has smaller ones; only a unit of reading */
};

static_assert(TARGET_VIEW_MAX == 1 << WINDOW_SHIFT,
              "a window is as large as the largest view");

/* A region with data, as short as the hot path needs it; len 0 is a free place. */
struct memo {
	taddr start;
	uint64_t len;
	const uint8_t *data;
	bool is_file;
};

/* Bytes [start, start + len) read from the backend; in the chain of one bucket. */
struct window {
	taddr start;
	size_t len;    /* 0: unused */
	uint64_t used; /* value of target.views when it was last handed out, 0 if never */
	uint16_t next; /* index + 1 of the next window in the bucket, 0 at its end */
	uint8_t *buf;
};

struct target {
	struct memo memo[MEMO_SLOTS];
	const struct target_ops *ops;
	void *self;
	struct region *regions;
	size_t n;
	char *paths;
	struct machine machine;
	bool swap;
	bool is_gone;
	bool is_beside; /* regions and paths are another target's */
	uint64_t unanswered; /* beside: reads of what is not at hand */
	VEC(struct span) missed; /* reads of what was left out of a copy */
	uint64_t views; /* views of windows handed out */
	size_t hand;    /* where the search for a window to reuse goes on */
	struct window windows[WINDOW_SLOTS];
	uint16_t buckets[WINDOW_BUCKETS]; /* index + 1 */
};

/* ---- making and closing ---- */

/* Copy the regions and their paths into t; equal neighbouring paths share their text. */
static void
copy_regions(struct target *t, const struct region *regions, size_t n)
{
	size_t len = 1;
	for (size_t i = 0; i < n; i++)
		len += regions[i].path != NULL ? strlen(regions[i].path) + 1 : 0;

	t->regions = xcalloc(n + 1, sizeof(*t->regions));
	t->paths = xcalloc(len, 1);
	t->n = n;
	char *p = t->paths + 1;
	const char *last = t->paths;
	for (size_t i = 0; i < n; i++) {
		const char *path = regions[i].path != NULL ? regions[i].path : "";
		if (*path == '\0') {
			path = t->paths;
		} else if (strcmp(path, last) == 0) {
			path = last;
		} else {
			size_t size = strlen(path) + 1;
			memcpy(p, path, size);
			path = p;
			p += size;
			last = path;
		}
		t->regions[i] = regions[i];
		t->regions[i].path = path;
	}
}

enum status
target_new(const struct target_ops *ops, void *self, const struct machine *m,
           const struct region *regions, size_t n, struct target **ret, struct errbuf *eb)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->ops = ops;
	t->self = self;
	t->machine = *m;
	t->swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	if (m->ptr_width != 4 && m->ptr_width != 8) {
		target_close(t);
		return errbuf_set(eb, MS_FORMAT, "pointers of %u bytes", m->ptr_width);
	}
	if (!regions_in_order(regions, n)) {
		target_close(t);
		return errbuf_set(eb, MS_FORMAT,
		                  "memory regions overlap or are not in order");
	}
	copy_regions(t, regions, n);
	*ret = t;
	return MS_OK;
}

struct target *
target_beside(const struct target *of)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->is_beside = true;
	t->ops = of->ops;
	t->regions = of->regions;
	t->n = of->n;
	t->machine = of->machine;
	t->swap = of->swap;
	return t;
}

uint64_t
target_unanswered(const struct target *t)
{
	return t->unanswered;
}

void
target_close(struct target *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < WINDOW_SLOTS; i++)
		free(t->windows[i].buf);
	vec_fini(&t->missed);
	if (!t->is_beside) {
		if (t->ops->close != NULL)
			t->ops->close(t->self);
		free(t->regions);
		free(t->paths);
	}
	free(t);
}

const char *
target_kind(const struct target *t)
{
	return t->ops->name;
}

const struct machine *
target_machine(const struct target *t)
{
	return &t->machine;
}

const struct region *
target_regions(const struct target *t, size_t *n)
{
	*n = t->n;
	return t->regions;
}

const struct region *
target_region(const struct target *t, taddr addr)
{
	size_t i = regions_search(t->regions, t->n, addr);
	return i < t->n ? &t->regions[i] : NULL;
}

bool
target_is_mapped(const struct target *t, taddr addr, size_t n)
{
	if (n > UINT64_MAX - addr)
		return false;

	taddr end = addr + n;
	size_t i = regions_search(t->regions, t->n, addr);
	if (i == t->n)
		return false;
	for (;; i++) {
		if ((t->regions[i].prot & PROT_READ) == 0)
			return false;
		if (end <= t->regions[i].end)
			return true;
		if (i + 1 == t->n || t->regions[i + 1].start != t->regions[i].end)
			return false;
	}
}

/* ---- windows ---- */

/* Somebody needs what was left out. Reads come in order, mostly. */
static void
note_missed(struct target *t, taddr start, taddr end)
{
	struct span *last = t->missed.n > 0 ? &t->missed.at[t->missed.n - 1] : NULL;

	if (last != NULL && start <= last->end && end >= last->start) {
		last->start = start < last->start ? start : last->start;
		last->end = end > last->end ? end : last->end;
	} else if (t->missed.n < MISSED_MAX) {
		vec_push(&t->missed, (struct span){.start = start, .end = end});
	}
}

const struct span *
target_missed(const struct target *t, size_t *n)
{
	*n = t->missed.n;
	return t->missed.at;
}

bool
target_is_left_out(const struct target *t, taddr addr, uint64_t n)
{
	taddr end = n < UINT64_MAX - addr ? addr + n : UINT64_MAX;

	while (addr < end) {
		const struct region *r = target_region(t, addr);
		if (r == NULL)
			return false;
		if (r->is_left_out)
			return true;
		addr = r->end;
	}
	return false;
}

/* Ask the backend; n bytes at addr lie wholly in r, which has no data. */
static enum status
backend_read(struct target *t, const struct region *r, taddr addr, void *buf, size_t n)
{
	if (t->is_beside) {
		t->unanswered++;
		return MS_FAULT;
	}
	if (r->is_left_out) {
		note_missed(t, addr, addr + n);
		return MS_FAULT;
	}
	if (t->is_gone)
		return MS_GONE;
	if ((r->prot & PROT_READ) == 0 || t->ops->read == NULL)
		return MS_FAULT;

	enum status st = t->ops->read(t->self, addr, buf, n);
	if (st == MS_GONE)
		t->is_gone = true;
	return st;
}

static uint16_t *
bucket_of(struct target *t, taddr addr)
{
	return &t->buckets[(addr >> WINDOW_SHIFT) % WINDOW_BUCKETS];
}

static struct window *
window_find(struct target *t, taddr addr, size_t n)
{
	for (unsigned i = *bucket_of(t, addr); i != 0; i = t->windows[i - 1].next) {
		struct window *w = &t->windows[i - 1];
		uint64_t off = addr - w->start;
		if (off < w->len && n <= w->len - off)
			return w;
	}
	return NULL;
}

static void
window_unlink(struct target *t, struct window *w)
{
	uint16_t id = (uint16_t)(w - t->windows + 1);

	if (w->len == 0)
		return;
	for (uint16_t *at = bucket_of(t, w->start); *at != 0;
	     at = &t->windows[*at - 1].next) {
		if (*at == id) {
			*at = w->next;
			break;
		}
	}
	w->len = 0;
}

/* A window that none of the last TARGET_VIEW_KEEP views used: there are twice as many. */
static struct window *
window_reuse(struct target *t)
{
	for (;;) {
		struct window *w = &t->windows[t->hand++ % WINDOW_SLOTS];
		if (w->used != 0 && t->views - w->used <= TARGET_VIEW_KEEP)
			continue;
		window_unlink(t, w);
		if (w->buf == NULL)
			w->buf = xmalloc(TARGET_VIEW_MAX);
		return w;
	}
}

/*
 * Fill a window with [start, end), inside of r, and chain it in the bucket of its start.
 */
static struct window *
window_fill(struct target *t, const struct region *r, taddr start, taddr end)
{
	struct window *w = window_reuse(t);
	size_t len = (size_t)(end - start);

	if (backend_read(t, r, start, w->buf, len) != MS_OK)
		return NULL;
	uint16_t *bucket = bucket_of(t, start);
	w->start = start;
	w->len = len;
	w->next = *bucket;
	*bucket = (uint16_t)(w - t->windows + 1);
	return w;
}

static taddr
max_addr(taddr a, taddr b)
{
	return a > b ? a : b;
}

/* The lower of end and start + n, where that sum may overflow. */
static taddr
min_end(taddr start, uint64_t n, taddr end)
{
	return end - start < n ? end : start + n;
}

/*
 * A window that holds [addr, addr + n) of r: the aligned one, or where the view crosses
 * its end or not all of it can be read, the pages of the view alone.
 */
static struct window *
window_get(struct target *t, const struct region *r, taddr addr, size_t n)
{
	struct window *w = window_find(t, addr, n);
	if (w != NULL)
		return w;

	taddr base = addr & ~(taddr)(TARGET_VIEW_MAX - 1);
	taddr start = max_addr(base, r->start);
	taddr end = min_end(start, TARGET_VIEW_MAX - (start - base), r->end);
	if (n <= end - addr) {
		w = window_fill(t, r, start, end);
		if (w != NULL)
			return w;
	}

	/*
	 * The lookup goes by the view's own 64 KiB block, in which its page starts too.
	 */
	start = max_addr(addr & ~(taddr)(PAGE - 1), r->start);
	if (n <= TARGET_VIEW_MAX - (addr - start)) {
		size_t want = (size_t)(addr - start) + n;
		size_t whole = want + (size_t)(-(start + want) & (PAGE - 1));
		end = min_end(start, whole > TARGET_VIEW_MAX ? want : whole, r->end);
		w = window_fill(t, r, start, end);
		if (w != NULL)
			return w;
	}
	return window_fill(t, r, addr, addr + n);
}

enum status
target_open_file(struct target *t, const struct region *r, int *fd)
{
	return t->ops->open_file != NULL ? t->ops->open_file(t->self, r, fd) : MS_ABSENT;
}

enum status
target_again(struct target *t, taddr addr, void *buf, size_t n)
{
	if (t->ops->again == NULL || n == 0 || n > UINT64_MAX - addr)
		return MS_ABSENT;
	return t->ops->again(t->self, addr, buf, n);
}

void
target_forget(struct target *t)
{
	for (size_t i = 0; i < WINDOW_SLOTS; i++)
		t->windows[i].len = 0;
	memset(t->buckets, 0, sizeof(t->buckets));
}

/* ---- reading ---- */

/*
 * Read within one region. Read-only memory does not change, so that small reads of it
 * may come from a window; that does not count as a view.
 */
static enum status
read_region(struct target *t, const struct region *r, taddr addr, void *buf, size_t n)
{
	if (r->data != NULL) {
		memcpy(buf, r->data + (addr - r->start), n);
		return MS_OK;
	}
	if ((r->prot & PROT_WRITE) == 0 && n <= PAGE && !t->is_gone) {
		const struct window *w = window_get(t, r, addr, n);
		if (w == NULL)
			return t->is_gone ? MS_GONE : MS_FAULT;
		memcpy(buf, w->buf + (addr - w->start), n);
		return MS_OK;
	}
	return backend_read(t, r, addr, buf, n);
}

static size_t
memo_slot(taddr addr)
{
	/* Fibonacci hashing: mappings lie at regular distances. */
	return (addr >> MEMO_SHIFT) * 0x9e3779b97f4a7c15ULL >> (64 - MEMO_BITS);
}

static struct memo *
memo_of(struct target *t, taddr addr)
{
	return &t->memo[memo_slot(addr)];
}

static void
memo_set(struct target *t, const struct region *r, taddr addr)
{
	*memo_of(t, addr) = (struct memo){
	        .start = r->start,
	        .len = r->end - r->start,
	        .data = r->data,
	        .is_file = r->path[0] == '/'};
}

enum status
target_read(struct target *t, taddr addr, void *buf, size_t n)
{
	const struct memo *m = memo_of(t, addr);
	uint64_t off = addr - m->start;

	if (off < m->len && n <= m->len - off) {
		memcpy(buf, m->data + off, n);
		return MS_OK;
	}
	if (n == 0)
		return MS_OK;
	if (n > UINT64_MAX - addr)
		return MS_FAULT;

	uint8_t *out = buf;
	size_t i = regions_search(t->regions, t->n, addr);
	while (n > 0) {
		if (i == t->n || addr < t->regions[i].start)
			return MS_FAULT;
		const struct region *r = &t->regions[i++];
		size_t part = r->end - addr < n ? (size_t)(r->end - addr) : n;
		enum status st = read_region(t, r, addr, out, part);
		if (st != MS_OK)
			return st;
		if (r->data != NULL)
			memo_set(t, r, addr);
		addr += part;
		out += part;
		n -= part;
	}
	return MS_OK;
}

/* ---- views ---- */

/* A view across adjacent regions has no one place to point to: it is put together. */
static const void *
view_across(struct target *t, taddr addr, size_t n)
{
	if (n > TARGET_VIEW_MAX || !target_is_mapped(t, addr, n))
		return NULL;

	/* Not chained: what is found by address lies within one region. */
	struct window *w = window_reuse(t);
	w->used = ++t->views;
	return target_read(t, addr, w->buf, n) == MS_OK ? w->buf : NULL;
}

static const void *
view_slow(struct target *t, taddr addr, size_t n)
{
	const struct region *r = target_region(t, addr);
	if (r == NULL || n > UINT64_MAX - addr)
		return NULL;
	if (n > r->end - addr)
		return view_across(t, addr, n);
	if (r->data != NULL) {
		memo_set(t, r, addr);
		return r->data + (addr - r->start);
	}
	if (n > TARGET_VIEW_MAX)
		return NULL;

	struct window *w = window_get(t, r, addr, n);
	if (w == NULL)
		return NULL;
	w->used = ++t->views;
	return w->buf + (addr - w->start);
}

const void *
target_view(struct target *t, taddr addr, size_t n)
{
	const struct memo *m = memo_of(t, addr);
	uint64_t off = addr - m->start;

	if (off < m->len && n <= m->len - off)
		return m->data + off;
	return view_slow(t, addr, n);
}

bool
target_at(struct target *t, taddr addr, struct target_data *ret)
{
	const struct memo *m = memo_of(t, addr);
	uint64_t off = addr - m->start;

	if (off >= m->len) {
		const struct region *r = target_region(t, addr);
		if (r == NULL || r->data == NULL)
			return false;
		memo_set(t, r, addr);
		off = addr - m->start;
	}
	*ret = (struct target_data){m->data + off, m->len - off, m->is_file};
	return true;
}

void
target_prefetch(const struct target *t, taddr addr)
{
	const struct memo *m = &t->memo[memo_slot(addr)];
	uint64_t off = addr - m->start;

	/* One line before, for what stands in front of objects; a prefetch never faults. */
	if (off < m->len) {
		__builtin_prefetch(m->data + off - 32);
		__builtin_prefetch(m->data + off + 32);
	}
}

void
target_prefetch_word(const struct target *t, taddr addr)
{
	const struct memo *m = &t->memo[memo_slot(addr)];
	uint64_t off = addr - m->start;

	if (off < m->len)
		__builtin_prefetch(m->data + off);
}

/* ---- integers ---- */

static enum status
read_uint(struct target *t, taddr addr, unsigned width, uint64_t *ret)
{
	const struct memo *m = memo_of(t, addr);
	uint64_t off = addr - m->start;

	if (off < m->len && width <= m->len - off) {
		*ret = load_uint(m->data + off, width, t->swap);
		return MS_OK;
	}

	uint8_t buf[8];
	enum status st = target_read(t, addr, buf, width);
	if (st == MS_OK)
		*ret = load_uint(buf, width, t->swap);
	return st;
}

enum status
target_u8(struct target *t, taddr addr, uint8_t *ret)
{
	return target_read(t, addr, ret, 1);
}

enum status
target_u32(struct target *t, taddr addr, uint32_t *ret)
{
	uint64_t v;
	enum status st = read_uint(t, addr, 4, &v);
	if (st == MS_OK)
		*ret = (uint32_t)v;
	return st;
}

enum status
target_u64(struct target *t, taddr addr, uint64_t *ret)
{
	return read_uint(t, addr, 8, ret);
}

enum status
target_word(struct target *t, taddr addr, uint64_t *ret)
{
	return read_uint(t, addr, t->machine.ptr_width, ret);
}
