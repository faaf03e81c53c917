/*
 * Reading what is not at hand: regions without data are read through windows, kept in a pool
 * that is large enough for a view to outlive the next TARGET_VIEW_KEEP ones, or through a
 * cache of pages where they do not change.
 */
#include "targetpriv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/mem.h"

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
struct window *
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
struct window *
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

/* ---- what does not change ---- */

void
target_hold_still(struct target *t, size_t bytes)
{
	pagecache_free(t->cache);
	t->cache = pagecache_new(bytes);
}

struct cached_region {
	struct target *t;
	const struct region *r;
};

static enum status
read_for_cache(void *self, taddr addr, void *buf, size_t n)
{
	const struct cached_region *c = self;

	return backend_read(c->t, c->r, addr, buf, n);
}

/* The bytes [addr, addr + n) of r from the cache, into which they are read first; or NULL. */
const uint8_t *
target_cached(struct target *t, const struct region *r, taddr addr, size_t n, uint64_t view)
{
	struct cached_region c = {.t = t, .r = r};
	const struct pagecache_source s = {.self = &c,
		.read = read_for_cache,
		.start = r->start,
		.end = r->end,
		.views = t->views};

	if (t->cache == NULL || r->is_left_out || t->is_gone)
		return NULL;
	return pagecache_read(t->cache, &s, addr, n, view);
}

/* At most two pages. */
static bool
read_cached(struct target *t, const struct region *r, taddr addr, uint8_t *buf, size_t n)
{
	while (n > 0) {
		size_t part = PAGE - (size_t)(addr % PAGE);
		part = part < n ? part : n;
		const uint8_t *p = pagecache_find(t->cache, addr, part, 0);
		if (p == NULL)
			p = target_cached(t, r, addr, part, 0);
		if (p == NULL)
			return false;
		memcpy(buf, p, part);
		addr += part;
		buf += part;
		n -= part;
	}
	return true;
}

/*
 * Read within one region. Read-only memory does not change, nor does that of a process
 * that is held, so that small reads of it may come from a window; that does not count as a
 * view.
 */
enum status
target_read_region(struct target *t, const struct region *r, taddr addr, void *buf, size_t n)
{
	if (t->cache != NULL && n <= PAGE && read_cached(t, r, addr, buf, n))
		return MS_OK;
	bool is_still = t->cache != NULL || (r->prot & PROT_WRITE) == 0;
	if (is_still && n <= PAGE && !t->is_gone) {
		const struct window *w = window_get(t, r, addr, n);
		if (w == NULL)
			return t->is_gone ? MS_GONE : MS_FAULT;
		memcpy(buf, w->buf + (addr - w->start), n);
		return MS_OK;
	}
	return backend_read(t, r, addr, buf, n);
}
