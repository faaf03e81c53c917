/*
 * Tracked objects where the collector keeps no lists: a free-threaded build finds them in
 * its allocator, where objects of the collector have heaps of their own in every thread.
 *
 * CPython: gc_visit_heaps, Python/gc_free_threading.c. A heap has queues of pages, a page
 * has blocks of one size, and every block that is not free holds one object. When a
 * thread ends, its segments (32 MiB with the pages' records in front) are abandoned:
 * they wait in a pool of the interpreter for another thread to take them.
 * mimalloc: mi_heap_visit_blocks, Objects/mimalloc/heap.c; _mi_segment_page_start,
 * segment.c.
 */
#include "priv.h"

#include <string.h>

#include "memscan/limits.h"

/*
 * CPython: mi_heap_tag values _Py_MIMALLOC_HEAP_GC and _GC_PRE,
 * Include/internal/pycore_mimalloc.h.
 */
enum { HEAP_GC = 2, HEAP_GC_PRE = 3 };

/*
 * mimalloc/types.h: MI_SEGMENT_SIZE, MI_SEGMENT_SLICE_SIZE; a page has at most 2^16 - 1
 * blocks.
 */
enum { SEGMENT_SIZE = 32 << 20, SLICE_SIZE = 64 << 10, MAX_BLOCKS = 1 << 16 };

/* The smallest size of blocks that is asked for; an object has 32 bytes at least. */
enum { MIN_BLOCK = 16 };

/* MI_HUGE_BLOCK_SIZE: the size is not told, and there is one block. */
#define HUGE_BLOCK (1ull << 31)

/*
 * Low bits of pointers: of xthread_free, who frees (mi_delayed_t); of the pool's head, a
 * counter.
 */
enum { DELAYED_BITS = 3, POOL_TAG_BITS = SEGMENT_SIZE - 1 };

/*
 * CPython: GC_TRACKED, Include/internal/pycore_gc.h; the debug hooks' fill byte,
 * Objects/obmalloc.c.
 */
enum { BIT_TRACKED = 1, FORBIDDEN_BYTE = 0xfd };

struct page {
	taddr addr, start, next, prev;
	uint64_t block_size, tag;
	uint32_t capacity;
	uint8_t record[256]; /* the mi_page_s as it is */
};

struct mi_walk {
	struct py *p;
	enum status (*each)(void *self, const struct pytracked *o);
	void *self;
	bool is_own; /* the pages at hand are the interpreter's alone */
	uint64_t left; /* blocks that may still come: more do not fit into the memory that
			  is mapped */
	struct pygc_breaks broken; /* pages and segments that made no sense */
	uint8_t is_free[MAX_BLOCKS / 8]; /* blocks of the page at hand */
};

static void
note_broken(struct mi_walk *w, taddr at)
{
	w->broken = (struct pygc_breaks){.at = at, .n = w->broken.n + 1, .is_lost = true};
}

/* ---- pages ---- */

/*
 * Where a page's blocks begin, if its record does not say so (mimalloc to 2.1):
 * _mi_segment_page_start.
 */
static taddr
page_start(taddr segment, uint64_t slice, uint64_t block_size)
{
	uint64_t skip = block_size <= 64 ? 3 * block_size
		: block_size <= 512      ? block_size
					 : 0;
	return segment + slice * SLICE_SIZE + skip;
}

/* Read the record of a page; it has to lie in the array that its segment begins with. */
static bool
page_read(struct py *p, taddr addr, struct page *ret)
{
	const struct layout *l = p->l;
	const struct layout_field *slices = &l->f[PYF_MISEGMENT_SLICES];
	uint64_t size = layout_size(l, PYF_SIZEOF_MIPAGE);
	taddr segment = addr & ~(uint64_t)(SEGMENT_SIZE - 1),
	      first = segment + slices->off;

	if (size == 0 || size > sizeof(ret->record) || addr < first ||
		(addr - first) % size != 0 || (addr - first) / size >= slices->count)
		return false;
	if (target_read(p->t, addr, ret->record, size) != MS_OK)
		return false;
	uint64_t slice = (addr - first) / size;
	ret->addr = addr;
	ret->next = layout_get(l, PYF_MIPAGE_NEXT, ret->record);
	ret->prev = layout_get(l, PYF_MIPAGE_PREV, ret->record);
	ret->tag = layout_bits(l, PYF_MIPAGE_TAG, ret->record);
	ret->capacity = (uint32_t)layout_get(l, PYF_MIPAGE_CAPACITY, ret->record);
	ret->block_size = layout_get(l, PYF_MIPAGE_BLOCK_SIZE, ret->record);
	ret->start = layout_has(l, PYF_MIPAGE_START)
		? layout_get(l, PYF_MIPAGE_START, ret->record)
		: page_start(segment, slice, ret->block_size);
	if (ret->capacity == 0)
		return true;
	if (ret->block_size >= HUGE_BLOCK)
		return ret->capacity == 1;
	uint64_t slice_count = layout_get(l, PYF_MIPAGE_SLICES, ret->record);
	taddr end = segment + (slice + slice_count) * SLICE_SIZE;
	return ret->block_size >= MIN_BLOCK && ret->start >= segment &&
		ret->start <= end && end - ret->start >= ret->capacity * ret->block_size;
}

/*
 * The link in a free block: plain, or, in debug builds, mixed with the page's keys
 * (mi_ptr_decode).
 */
static taddr
decode_link(const struct py *p, const struct page *pg, uint64_t word)
{
	unsigned width = p->l->machine.ptr_width, bits = 8 * width;
	uint64_t mask = width == 8 ? UINT64_MAX : UINT32_MAX;

	if (!layout_has(p->l, PYF_MIPAGE_KEYS) ||
		layout_size(p->l, PYF_MIPAGE_KEYS) < 2 * width)
		return word;
	const uint8_t *keys = pg->record + layout_off(p->l, PYF_MIPAGE_KEYS);
	uint64_t key0 = layout_word(p->l, keys), key1 = layout_word(p->l, keys + width);
	unsigned shift = (unsigned)(key0 % bits);
	uint64_t v = (word - key0) & mask;
	if (shift != 0)
		v = (v >> shift | v << (bits - shift)) & mask;
	v ^= key1;
	return v == pg->addr ? 0 : v;
}

/*
 * Mark the blocks of a list of free ones; false if it leaves its page or goes in circles.
 */
static bool
mark_free(struct mi_walk *w, const struct page *pg, taddr block)
{
	for (uint32_t i = 0; block != 0; i++) {
		uint64_t off = block - pg->start,
			 nth = pg->block_size >= HUGE_BLOCK ? off : off / pg->block_size,
			 word;
		if (i >= pg->capacity || nth >= pg->capacity ||
			(nth != off && off % pg->block_size != 0))
			return false;
		w->is_free[nth / 8] |= (uint8_t)(1u << nth % 8);
		if (py_word(w->p, block, &word) != MS_OK)
			return false;
		block = decode_link(w->p, pg, word);
	}
	return true;
}

/*
 * The debug hooks of PYTHONMALLOC=debug put the length and eight bytes that tell the
 * allocator in front.
 */
static bool
has_debug_head(const uint8_t *block, unsigned width)
{
	if (block[width] != 'o')
		return false;
	for (unsigned i = 1; i < width; i++)
		if (block[width + i] != FORBIDDEN_BYTE)
			return false;
	return true;
}

/*
 * When the first thread is started, objects with deferred counts become immortal, and those
 * are no longer tracked (_Py_SetImmortal, Objects/object.c, 3.13): code that has run is
 * never freed then, with all it refers to.
 */
static bool
is_made_immortal(struct py *p, taddr obj)
{
	uint32_t local;

	return layout_has(p->l, PYF_OB_REF_LOCAL) &&
		target_u32(p->t, obj + layout_off(p->l, PYF_OB_REF_LOCAL), &local) ==
		MS_OK &&
		local == UINT32_MAX && py_type_of(p, obj) != NULL;
}

/* The object in a block that is tracked, or was until it was made immortal; or 0. */
static taddr
block_object(struct py *p, const struct page *pg, taddr block)
{
	unsigned width = p->l->machine.ptr_width;
	const uint8_t *head = target_view(p->t, block, 2 * width);
	uint8_t bits;

	if (head == NULL)
		return 0;
	taddr obj = block + (has_debug_head(head, width) ? 2 * width : 0) +
		(pg->tag == HEAP_GC_PRE ? 2 * width : 0);
	if (target_u8(p->t, obj + layout_off(p->l, PYF_OB_GC_BITS), &bits) != MS_OK)
		return 0;
	return (bits & BIT_TRACKED) || is_made_immortal(p, obj) ? obj : 0;
}

static enum status
page_each(struct mi_walk *w, const struct page *pg)
{
	const struct layout *l = w->p->l;

	if (w->left < pg->capacity + 1) {
		note_broken(w, pg->addr);
		return MS_FORMAT;
	}
	w->left -= pg->capacity + 1;
	memset(w->is_free, 0, (pg->capacity + 7) / 8);
	bool is_sound = mark_free(w, pg, layout_get(l, PYF_MIPAGE_FREE, pg->record));
	is_sound &= mark_free(w, pg, layout_get(l, PYF_MIPAGE_LOCAL_FREE, pg->record));
	is_sound &= mark_free(w, pg,
		layout_get(l, PYF_MIPAGE_XTHREAD_FREE, pg->record) &
			~(uint64_t)DELAYED_BITS);
	if (!is_sound)
		note_broken(w, pg->addr);
	for (uint32_t i = 0; i < pg->capacity; i++) {
		if (w->is_free[i / 8] >> i % 8 & 1)
			continue;
		taddr obj = block_object(w->p, pg, pg->start + i * pg->block_size);
		if (obj == 0)
			continue;
		struct pytracked o = {.addr = obj, .is_own = w->is_own};
		enum status st = w->each(w->self, &o);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/* ---- threads' heaps ---- */

/* The pages of a queue; each links back, so that no page comes twice. */
static enum status
queue_each(struct mi_walk *w, taddr first)
{
	struct page pg;
	taddr prev = 0;

	for (taddr at = first; at != 0; at = pg.next) {
		if (!page_read(w->p, at, &pg) || pg.prev != prev) {
			note_broken(w, at);
			return MS_OK;
		}
		prev = at;
		enum status st = page_each(w, &pg);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
heap_each(struct mi_walk *w, taddr heap)
{
	const struct layout *l = w->p->l;
	const struct layout_field *queues = &l->f[PYF_MIHEAP_PAGES];

	for (uint64_t i = 0; i < queues->count; i++) {
		taddr at = heap + queues->off + i * queues->stride +
			layout_off(l, PYF_MIQUEUE_FIRST);
		uint64_t first;
		if (py_word(w->p, at, &first) != MS_OK) {
			note_broken(w, at);
			return MS_OK;
		}
		enum status st = queue_each(w, first);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
threads_each(struct mi_walk *w, taddr interp)
{
	CLEAN_FREE struct pythread *threads = NULL;
	const struct layout *l = w->p->l;
	const struct layout_field *heaps = &l->f[PYF_TSTATE_MI_HEAPS];
	size_t n;

	if (py_threads(w->p, interp, &threads, &n) != MS_OK)
		note_broken(w, interp);
	for (size_t i = 0; i < n; i++) {
		uint32_t is_ready;
		if (target_u32(w->p->t,
			    threads[i].addr + layout_off(l, PYF_TSTATE_MI_READY),
			    &is_ready) != MS_OK ||
			is_ready == 0)
			continue;
		for (uint64_t h = HEAP_GC; h <= HEAP_GC_PRE && h < heaps->count; h++) {
			enum status st = heap_each(
				w, threads[i].addr + heaps->off + h * heaps->stride);
			if (st != MS_OK)
				return st;
		}
	}
	return MS_OK;
}

/* ---- segments of threads that ended ---- */

/*
 * The pages of the collector's heaps in a segment: spans of slices, the first one its own
 * records.
 */
static enum status
segment_each(struct mi_walk *w, taddr segment)
{
	const struct layout *l = w->p->l;
	const struct layout_field *slices = &l->f[PYF_MISEGMENT_SLICES];
	uint64_t entries, size = layout_size(l, PYF_SIZEOF_MIPAGE);
	uint32_t span;

	if (py_word(w->p, segment + layout_off(l, PYF_MISEGMENT_ENTRIES), &entries) !=
			MS_OK ||
		entries > slices->count) {
		note_broken(w, segment);
		return MS_OK;
	}
	for (uint64_t i = 0; i < entries; i += span) {
		taddr at = segment + slices->off + i * size;
		struct page pg;
		bool is_page = page_read(w->p, at, &pg);
		if (target_u32(w->p->t, at + layout_off(l, PYF_MIPAGE_SLICES), &span) !=
				MS_OK ||
			span == 0) {
			note_broken(w, at);
			return MS_OK;
		}
		/*
		 * A span that is no page in use has no block size; of other heaps' pages
		 * nothing is asked.
		 */
		if (!is_page || pg.block_size == 0 ||
			(pg.tag != HEAP_GC && pg.tag != HEAP_GC_PRE))
			continue;
		enum status st = page_each(w, &pg);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/*
 * mimalloc 2.1, as CPython 3.13 has it: each interpreter has a pool, which is two lists
 * of segments.
 */
static enum status
pool_each(struct mi_walk *w, taddr interp)
{
	static const enum pyf heads[] = {PYF_INTERP_MI_ABANDONED, PYF_INTERP_MI_VISITED};
	const struct layout *l = w->p->l;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		uint64_t at;
		enum status st = py_word(w->p, interp + layout_off(l, heads[i]), &at);
		while (st == MS_OK && (at &= ~(uint64_t)POOL_TAG_BITS) != 0) {
			uint64_t cost = l->f[PYF_MISEGMENT_SLICES].count;
			if (w->left < cost) {
				note_broken(w, at);
				return MS_FORMAT;
			}
			w->left -= cost;
			enum status each = segment_each(w, at);
			if (each != MS_OK)
				return each;
			st = py_word(w->p, at + layout_off(l, PYF_MISEGMENT_NEXT), &at);
		}
		if (st != MS_OK)
			note_broken(w, interp + layout_off(l, heads[i]));
	}
	return MS_OK;
}

/* True if a segment that belongs to no thread begins at addr. */
static bool
is_abandoned(struct py *p, taddr addr)
{
	const struct layout *l = p->l;
	uint64_t info, entries, thread;
	uint32_t span;

	return py_word(p, addr + layout_off(l, PYF_MISEGMENT_INFO), &info) == MS_OK &&
		info > 0 && info <= 4 &&
		py_word(p, addr + layout_off(l, PYF_MISEGMENT_ENTRIES), &entries) ==
		MS_OK &&
		entries > info && entries <= l->f[PYF_MISEGMENT_SLICES].count &&
		py_word(p, addr + layout_off(l, PYF_MISEGMENT_THREAD), &thread) ==
		MS_OK &&
		thread == 0 &&
		target_u32(p->t,
			addr + l->f[PYF_MISEGMENT_SLICES].off +
				layout_off(l, PYF_MIPAGE_SLICES),
			&span) == MS_OK &&
		span == info;
}

/*
 * mimalloc since 2.2 (CPython 3.14.10) keeps abandoned segments in bitmaps of static
 * arenas instead: here they are recognised by what they look like, wherever one can
 * begin, and whose they were cannot be told.
 */
static enum status
sweep_each(struct mi_walk *w)
{
	size_t n;
	const struct region *r = target_regions(w->p->t, &n);

	w->is_own = false;
	for (size_t i = 0; i < n; i++) {
		bool is_heap = (r[i].prot & 3) == 3 && r[i].path[0] == '\0';
		taddr at =
			(r[i].start + SEGMENT_SIZE - 1) & ~(uint64_t)(SEGMENT_SIZE - 1);
		for (; is_heap && at >= r[i].start && at < r[i].end; at += SEGMENT_SIZE) {
			if (!is_abandoned(w->p, at))
				continue;
			enum status st = segment_each(w, at);
			if (st != MS_OK)
				return st;
		}
	}
	return MS_OK;
}

/* Blocks that fit into the memory that is mapped. */
static uint64_t
most_blocks(const struct py *p)
{
	size_t n;
	const struct region *r = target_regions(p->t, &n);
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		most += (r[i].end - r[i].start) / MIN_BLOCK;
	return most < LIM_OBJECTS ? most : LIM_OBJECTS;
}

enum status
mimalloc_each(struct py *p, taddr interp,
	enum status (*each)(void *self, const struct pytracked *o), void *self,
	struct pygc_breaks *breaks)
{
	struct mi_walk *w = xcalloc(1, sizeof(*w));

	w->p = p;
	w->each = each;
	w->self = self;
	w->left = most_blocks(p);
	w->is_own = true;
	enum status st = threads_each(w, interp);
	bool has_pool = layout_has(p->l, PYF_INTERP_MI_ABANDONED) &&
		layout_has(p->l, PYF_INTERP_MI_VISITED);
	if (st == MS_OK)
		st = has_pool ? pool_each(w, interp) : sweep_each(w);
	*breaks = w->broken;
	free(w);
	return st == MS_OK && breaks->n > 0 ? MS_FORMAT : st;
}
