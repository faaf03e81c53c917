/*
 * What is left out of a copy: large raw buffers (the data of arrays, long bytes), whose
 * bytes no walk asks for. A process with gigabytes of them is not held for them.
 *
 * Objects and what they consist of hold addresses, raw data does not: a page without a
 * word that points into the process is raw. Two kinds of memory are judged, both while
 * the process still runs, so that only what changes afterwards can be judged wrong:
 *
 * - a block that glibc's malloc has mapped by itself tells its length before its first
 *   byte. It is one thing, raw or not as a whole: samples of its pages decide.
 * - elsewhere each page is looked at. Runs of raw pages are left out if they are long; a
 *   page of zeros may be an empty part of a table and counts as not raw.
 *
 * What is swapped out is not brought back for this: the first of many such pages is looked at
 * for a block, the others count as not raw.
 *
 * The beginning of what is left out is copied all the same: it has the header of an
 * object whose value it is, and as much of that value as a preview shows.
 *
 * Why the dump stays exact: what is left out is no memory to the reader of the copy, not
 * even of the running process. A read of it fails and is remembered, so that it can
 * never pass for something else; the process is then stopped once more and all is copied
 * anew with what was missed, a page of a buffer or all of a table. One dump is always of one stop. (Comparing pages of two stops
 * instead would need a proof that nothing was written in between, which the kernel
 * gives only to those who write to /proc/PID/clear_refs: precopy.c, if that is asked for.)
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	EXTENT_MIN = 1 << 20,       /* what is smaller has nothing large in it */
	BLOCK_MIN = 256 << 10,      /* a block of malloc's, worth leaving out */
	RUN_MIN = 256 << 10,        /* raw pages elsewhere */
	GROUP = HEADS_AT_ONCE,      /* pages read in one call */
	SAMPLES = 32,               /* pages of a block */
	FEW_POINTERS = 4,           /* in all samples of a block: chance */
	AGAIN_STEP = 8 << 20,       /* in the stop one page of so many bytes is looked at again, */
	AGAIN_PAGES = 256,          /* and of all that is left out about so many */
};

#define FLAG_MASK 7u
#define FLAG_MMAPPED 2u

struct bulk {
	const struct snapshot *s;
	size_t page, width;
	bool swap;
	taddr low, high;  /* of all mappings */
	span_vec had;     /* pages of the extent at hand, swapped out or not */
	span_vec present; /* those that are not */
	span_vec *found;
	span_vec raw;     /* raw pages of the extent, joined */
	uint8_t *pages;   /* GROUP of them */
	uint64_t runs;    /* bytes left out that are no block of malloc's own */
};

/* ---- pages ---- */

static bool
points_somewhere(const struct bulk *b, uint64_t v)
{
	const struct regions *maps = &b->s->maps;

	if (v < b->low || v >= b->high)
		return false;
	return regions_search(maps->at, maps->n, v) < maps->n;
}

/* Words of a page that could be addresses, up to a few; *is_zero if it has no other. */
static unsigned
count_pointers(const struct bulk *b, const uint8_t *p, bool *is_zero)
{
	unsigned n = 0;
	uint64_t any = 0;

	for (size_t i = 0; i < b->page && n < FEW_POINTERS; i += b->width) {
		uint64_t v = load_uint(p + i, (unsigned)b->width, b->swap);
		any |= v;
		n += points_somewhere(b, v);
	}
	*is_zero = any == 0;
	return n;
}

/* ---- blocks of malloc's own ---- */

/* The length of such a block that begins at addr and ends before end, or 0. */
static uint64_t
block_at(const struct bulk *b, const uint8_t *head, taddr addr, taddr end)
{
	uint64_t before = load_uint(head, (unsigned)b->width, b->swap);
	uint64_t size = load_uint(head + b->width, (unsigned)b->width, b->swap);
	uint64_t len = size & ~(uint64_t)FLAG_MASK;

	if (before != 0 || (size & FLAG_MASK) != FLAG_MMAPPED || len % b->page != 0)
		return 0;
	return len >= BLOCK_MIN && len <= end - addr ? len : 0;
}

/* Pages of [start, end) that the process has. */
static uint64_t
pages_had(const struct bulk *b, size_t from, taddr start, taddr end)
{
	uint64_t bytes = 0;

	for (size_t i = from; i < b->had.n && b->had.at[i].start < end; i++) {
		const struct span *p = &b->had.at[i];
		taddr lo = p->start > start ? p->start : start;
		taddr hi = p->end < end ? p->end : end;
		bytes += lo < hi ? hi - lo : 0;
	}
	return bytes / b->page;
}

/* Samples spread over the pages, the run `from` being the first. */
static bool
block_is_raw(const struct bulk *b, size_t from, taddr start, taddr end)
{
	uint64_t n = pages_had(b, from, start, end);
	uint64_t step = n / SAMPLES + 1;
	uint64_t skip = step / 2;
	unsigned pointers = 0;
	bool is_zero;

	for (size_t i = from; i < b->had.n && b->had.at[i].start < end; i++) {
		const struct span *p = &b->had.at[i];
		taddr at = p->start > start ? p->start : start;
		taddr hi = p->end < end ? p->end : end;
		for (; at < hi; at += b->page) {
			uint64_t left = (hi - at) / b->page;
			if (skip >= left) {
				skip -= left;
				break;
			}
			at += skip * b->page;
			skip = step - 1;
			if (reader_read(&b->s->reader, at, b->pages, b->page) != MS_OK)
				return false;
			pointers += count_pointers(b, b->pages, &is_zero);
			if (pointers >= FEW_POINTERS)
				return false;
		}
	}
	return true;
}

/* Leave [start, end) out but for its beginning; if that is worth it. */
static bool
leave_out(struct bulk *b, taddr start, taddr end)
{
	uint64_t keep = b->s->opts.keep + 256;

	keep += -keep & (b->page - 1);
	if (end - start <= keep || end - start - keep < BLOCK_MIN / 2)
		return false;
	vec_push(b->found, (struct span){.start = start + keep, .end = end});
	return true;
}

/* ---- pages that are no such block ---- */

static void
add_raw(struct bulk *b, taddr at)
{
	if (b->raw.n > 0 && b->raw.at[b->raw.n - 1].end == at)
		b->raw.at[b->raw.n - 1].end = at + b->page;
	else
		vec_push(&b->raw, (struct span){.start = at, .end = at + b->page});
}

/* One page tells most groups of them from raw ones. */
static bool
looks_raw(const struct bulk *b, taddr start, taddr end)
{
	taddr middle = start + (end - start) / b->page / 2 * b->page;
	bool is_zero;

	return reader_read(&b->s->reader, middle, b->pages, b->page) == MS_OK &&
	       count_pointers(b, b->pages, &is_zero) == 0 && !is_zero;
}

/* Up to GROUP pages. */
static void
judge_pages(struct bulk *b, taddr start, taddr end)
{
	if (!looks_raw(b, start, end))
		return;
	if (reader_read(&b->s->reader, start, b->pages, (size_t)(end - start)) != MS_OK)
		return;
	for (taddr at = start; at < end; at += b->page) {
		bool is_zero;
		if (count_pointers(b, b->pages + (at - start), &is_zero) == 0 && !is_zero)
			add_raw(b, at);
	}
}

static taddr
lower(taddr a, taddr b)
{
	return a < b ? a : b;
}

/* A block at here, of the run i, is passed whole: returns its end. */
static taddr
judge_block(struct bulk *b, size_t i, taddr here, uint64_t len)
{
	if (block_is_raw(b, i, here, here + len))
		(void)leave_out(b, here, here + len);
	return here + len;
}

/*
 * From at, of the run i, with pages present up to stop: a block is passed whole, other pages one
 * group at a time until a block may begin. Returns how far it went.
 */
static taddr
judge_from(struct bulk *b, size_t i, taddr at, taddr stop, taddr end)
{
	uint8_t heads[GROUP * PAGE_HEAD];

	stop = lower(stop, at + GROUP * b->page);
	size_t n = (size_t)((stop - at) / b->page);
	if (!pages_heads(b->s, at, n, heads))
		return stop;
	for (size_t k = 0; k < n; k++) {
		taddr here = at + k * b->page;
		uint64_t len = block_at(b, heads + k * PAGE_HEAD, here, end);
		if (len == 0)
			continue;
		if (k > 0)
			judge_pages(b, at, here);
		return judge_block(b, i, here, len);
	}
	judge_pages(b, at, stop);
	return stop;
}

/* The same of pages that are swapped out: of many in a row the first head is read. */
static taddr
judge_swapped(struct bulk *b, size_t i, taddr at, taddr stop, taddr end)
{
	uint8_t head[PAGE_HEAD];
	uint64_t len = 0;

	if (stop - at >= BLOCK_MIN && pages_heads(b->s, at, 1, head))
		len = block_at(b, head, at, end);
	return len == 0 ? stop : judge_block(b, i, at, len);
}

/* ---- extents: mappings that are one to malloc ---- */

static void
judge_extent(struct bulk *b, taddr start, taddr end)
{
	struct pagemap pm = b->s->pagemap;
	taddr at = start;

	b->had.n = b->present.n = b->raw.n = 0;
	pagemap_runs(&pm, start, end, &b->had);
	if (b->s->plan.swapped > 0)
		swapped_drop(b->s, &b->had, &b->present);
	const span_vec *present = b->s->plan.swapped > 0 ? &b->present : &b->had;
	for (size_t i = 0; i < b->had.n; i++) {
		taddr stop = b->had.at[i].end;
		at = at > b->had.at[i].start ? at : b->had.at[i].start;
		while (at < stop) {
			size_t k = span_behind(present, at);
			taddr next = k < present->n ? present->at[k].start : end;
			at = next > at ? judge_swapped(b, i, at, lower(next, stop), end)
				       : judge_from(b, i, at, lower(present->at[k].end, stop), end);
		}
	}
	for (size_t i = 0; i < b->raw.n; i++) {
		const struct span *run = &b->raw.at[i];
		if (run->end - run->start >= RUN_MIN && leave_out(b, run->start, run->end))
			b->runs += run->end - run->start;
	}
}

/* A buffer that wants huge pages (numpy's do) is in mappings of its own, side by side. */
static bool
continues(const struct region *a, const struct region *b)
{
	return a->end == b->start && a->prot == b->prot && a->inode == 0 && b->inode == 0;
}

static int
by_start(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void
bulk_init(struct bulk *b, const struct snapshot *s, span_vec *found)
{
	const struct regions *maps = &s->maps;

	*b = (struct bulk){
		.s = s,
		.page = (size_t)s->pagemap.page,
		.width = s->machine.ptr_width,
		.swap = s->machine.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__),
		.found = found,
	};
	size_t n = maps->n;
	while (n > 0 && region_is_kernel(&maps->at[n - 1]))
		n--;
	b->low = n > 0 ? maps->at[0].start : 0;
	b->high = n > 0 ? maps->at[n - 1].end : 0;
	b->pages = xmalloc(GROUP * b->page);
}

static void
bulk_fini(struct bulk *b)
{
	vec_fini(&b->had);
	vec_fini(&b->present);
	vec_fini(&b->raw);
	free(b->pages);
}

/* Append to ret what of [start, end) is long enough to be left out after all. */
static void
append_rest(span_vec *ret, taddr start, taddr end)
{
	if (start < end && end - start >= BLOCK_MIN / 2)
		vec_push(ret, (struct span){.start = start, .end = end});
}

/*
 * Append what of v is not needed. Buffers of malloc's that lie side by side are one run of raw
 * pages: what is needed is the beginning of each, less than a page. A need of more is that of
 * somebody who reads all of it.
 */
static void
append_unneeded(const span_vec *needs, const struct span *v, uint64_t page, span_vec *ret)
{
	size_t before = ret->n;
	taddr at = v->start;

	for (size_t i = span_behind(needs, v->start);
	     i < needs->n && needs->at[i].start < v->end; i++) {
		const struct span *need = &needs->at[i];
		if (need->end - need->start >= page) {
			ret->n = before;
			return;
		}
		append_rest(ret, at, need->start & ~(page - 1));
		taddr end = (need->end + page - 1) & ~(page - 1);
		at = end > at ? end : at;
	}
	append_rest(ret, at, v->end);
}

/* In order, and what overlaps joined. */
static void
sort_needs(const struct snapshot_opts *o, span_vec *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_need; i++)
		if (o->need[i].start < o->need[i].end)
			vec_push(ret, o->need[i]);
	if (ret->n == 0)
		return;
	qsort(ret->at, ret->n, sizeof(*ret->at), by_start);
	for (size_t i = 1; i < ret->n; i++) {
		struct span *last = &ret->at[n];
		if (ret->at[i].start > last->end)
			ret->at[++n] = ret->at[i];
		else if (ret->at[i].end > last->end)
			last->end = ret->at[i].end;
	}
	ret->n = n + 1;
}

/* Take out of v what the caller says it needs. */
static void
drop_needed(const struct snapshot_opts *o, uint64_t page, span_vec *v)
{
	span_vec needs = {0}, all = *v;

	if (o->n_need == 0)
		return;
	sort_needs(o, &needs);
	*v = (span_vec){0};
	for (size_t i = 0; i < all.n; i++)
		append_unneeded(&needs, &all.at[i], page, v);
	vec_fini(&needs);
	vec_fini(&all);
}

void
bulk_find(const struct snapshot *s, span_vec *ret, uint64_t *runs)
{
	const struct regions *maps = &s->maps;
	struct bulk b;

	ret->n = 0;
	*runs = 0;
	/* Without a page map, reading would make pages. */
	if (s->opts.whole || s->pagemap.fd < 0)
		return;
	bulk_init(&b, s, ret);
	for (size_t i = 0, end; i < maps->n; i = end) {
		end = i + 1;
		if (!is_wanted(&maps->at[i]) || strcmp(maps->at[i].path, "[stack]") == 0)
			continue;
		while (end < maps->n && continues(&maps->at[end - 1], &maps->at[end]) &&
		       is_wanted(&maps->at[end]))
			end++;
		if (maps->at[end - 1].end - maps->at[i].start >= EXTENT_MIN)
			judge_extent(&b, maps->at[i].start, maps->at[end - 1].end);
	}
	bulk_fini(&b);
	*runs = b.runs;
	if (ret->n > 1)
		qsort(ret->at, ret->n, sizeof(*ret->at), by_start);
	drop_needed(&s->opts, s->pagemap.page, ret);
}

/* ---- in the stop ---- */

static bool
is_mapped_still(const struct snapshot *s, const struct span *v)
{
	const struct regions *maps = &s->maps;
	size_t i = regions_search(maps->at, maps->n, v->start);

	for (; i < maps->n && is_wanted(&maps->at[i]); i++) {
		if (maps->at[i].end >= v->end)
			return true;
		if (i + 1 < maps->n && maps->at[i + 1].start != maps->at[i].end)
			return false;
	}
	return false;
}

static bool
is_raw_still(const struct bulk *b, struct pagemap *pm, const struct span *v,
             uint64_t step)
{
	span_vec here = {0};
	unsigned pointers = 0;
	bool is_zero;

	for (taddr at = v->start; at < v->end && pointers < FEW_POINTERS; at += step) {
		here.n = 0;
		/* The process is held: nothing is brought back now. */
		pagemap_some(pm, PAGES_PRESENT, at, at + b->page, &here);
		if (here.n > 0 &&
		    reader_read(&b->s->reader, at, b->pages, b->page) == MS_OK)
			pointers += count_pointers(b, b->pages, &is_zero);
	}
	vec_fini(&here);
	return pointers < FEW_POINTERS;
}

/* How far apart the pages are; the process is not held longer for gigabytes. */
static uint64_t
again_step(const span_vec *left, uint64_t page)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < left->n; i++)
		bytes += left->at[i].end - left->at[i].start;
	uint64_t step = bytes / AGAIN_PAGES / page * page;
	return step > AGAIN_STEP ? step : AGAIN_STEP;
}

void
bulk_confirm(struct snapshot *s, span_vec *left)
{
	struct bulk b;
	size_t n = 0;

	if (left->n == 0)
		return;
	bulk_init(&b, s, NULL);
	uint64_t step = again_step(left, b.page);
	for (size_t i = 0; i < left->n; i++) {
		if (is_mapped_still(s, &left->at[i]) &&
		    is_raw_still(&b, &s->pagemap, &left->at[i], step))
			left->at[n++] = left->at[i];
	}
	left->n = n;
	bulk_fini(&b);
}
