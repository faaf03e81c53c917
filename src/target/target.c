/*
 * Everything that is the same for every backend: finding the region of an address,
 * crossing from one to the next, views and integers.
 *
 * The hot path is a view into a region with data. A small table indexed by address bits
 * remembers the regions used last, so that it costs two compares and an addition however
 * many regions there are. Regions without data are read through windows, kept in a pool
 * that is large enough for a view to outlive the next TARGET_VIEW_KEEP ones.
 */
#include "targetpriv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

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
		t->has_data |= regions[i].data != NULL;
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
	t->has_data = of->has_data;
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
	pagecache_free(t->cache);
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

taddr
target_mapping_end(const struct target *t, const struct region *r)
{
	const struct region *end = t->regions + t->n;

	while (r + 1 < end && r[1].is_next_part)
		r++;
	return r->end;
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
	const uint8_t *p = t->cache != NULL ? pagecache_find(t->cache, addr, n, 0) : NULL;
	if (p != NULL) {
		memcpy(buf, p, n);
		return MS_OK;
	}

	uint8_t *out = buf;
	size_t i = regions_search(t->regions, t->n, addr);
	while (n > 0) {
		if (i == t->n || addr < t->regions[i].start)
			return MS_FAULT;
		const struct region *r = &t->regions[i++];
		size_t part = r->end - addr < n ? (size_t)(r->end - addr) : n;
		enum status st = MS_OK;
		if (r->data != NULL)
			memcpy(out, r->data + (addr - r->start), part);
		else
			st = target_read_region(t, r, addr, out, part);
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
	const uint8_t *hit =
		t->cache != NULL ? pagecache_find(t->cache, addr, n, t->views + 1) : NULL;
	if (hit != NULL) {
		t->views++;
		return hit;
	}

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
	hit = target_cached(t, r, addr, n, t->views + 1);
	if (hit != NULL) {
		t->views++;
		return hit;
	}

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
		if (!t->has_data)
			return false;
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
