/*
 * The interpreter's view of memory: the target, with what interpreted code wrote laid
 * over it, and the interpreter's own stack and scratch memory in a gap.
 *
 * A page is looked for in the arena, in the pages written by this call, in those kept
 * of earlier calls, in a region with bytes at hand, and in windows read from the target;
 * once found it is remembered in a small direct-mapped table, which view_hit asks first.
 * The target must not change while a view of it is in use.
 */
#include "emu/priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t
page_no(taddr addr)
{
	return addr >> VIEW_PAGE_BITS;
}

/* ---- sets of written pages ---- */

static void
pageset_init(struct pageset *s, uint32_t cap)
{
	*s = (struct pageset){.cap = cap};
	s->at = xcalloc(cap, sizeof(*s->at));
	s->index = xcalloc((size_t)cap * 2, sizeof(*s->index));
}

static void
pageset_fini(struct pageset *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->at[i].bytes);
	free(s->at);
	free(s->index);
	*s = (struct pageset){0};
}

/* The place of a page's index entry, or of the free one where it would go. */
static uint32_t
pageset_slot(const struct pageset *s, uint64_t no)
{
	uint32_t mask = s->cap * 2 - 1;
	uint32_t i = (uint32_t)((no * 0x9e3779b97f4a7c15ULL) >> 40) & mask;

	while (s->index[i] != 0 && s->at[s->index[i] - 1].no != no)
		i = (i + 1) & mask;
	return i;
}

static struct page *
pageset_find(const struct pageset *s, uint64_t no)
{
	if (s->n == 0)
		return NULL;

	uint32_t i = s->index[pageset_slot(s, no)];
	return i == 0 ? NULL : &s->at[i - 1];
}

static void
pageset_add(struct pageset *s, struct page p)
{
	uint32_t slot = pageset_slot(s, p.no);
	s->at[s->n++] = p;
	s->index[slot] = (uint16_t)s->n;
	s->n_code += p.is_code;
}

static void
pageset_clear(struct pageset *s)
{
	s->n = 0;
	s->n_code = 0;
	memset(s->index, 0, (size_t)s->cap * 2 * sizeof(*s->index));
}

/* ---- the table of recently used pages ---- */

static void
tlb_forget(struct view *v, uint64_t no)
{
	if (v->rd[no % VIEW_TLB].page == no)
		v->rd[no % VIEW_TLB].page = UINT64_MAX;
	if (v->wr[no % VIEW_TLB].page == no)
		v->wr[no % VIEW_TLB].page = UINT64_MAX;
}

/* ---- windows of a target whose bytes are not at hand ---- */

static struct window *
window_find(struct view *v, uint64_t wno)
{
	unsigned set = (unsigned)((wno * 0x9e3779b97f4a7c15ULL) >> 40) % VIEW_WINDOW_SETS;

	for (unsigned i = 0; i < VIEW_WINDOW_WAYS; i++)
		if (v->win[set][i].no == wno)
			return &v->win[set][i];

	struct window *w = &v->win[set][v->next_way[set]];
	v->next_way[set] = (v->next_way[set] + 1) % VIEW_WINDOW_WAYS;

	if (w->bytes == NULL)
		w->bytes = xmalloc(VIEW_WINDOW);
	for (unsigned i = 0; w->no != UINT64_MAX && i < VIEW_WINDOW / VIEW_PAGE; i++)
		tlb_forget(v, w->no * (VIEW_WINDOW / VIEW_PAGE) + i);
	*w = (struct window){.no = wno, .bytes = w->bytes};
	return w;
}

/* Read what region r has of the window; at least the page at `at`. */
static bool
window_fill(struct view *v, struct window *w, const struct region *r, taddr at)
{
	taddr base = w->no * VIEW_WINDOW;
	taddr from =
	        r->start > base ? (r->start + VIEW_PAGE - 1) & -(taddr)VIEW_PAGE : base;
	taddr to = r->end - base < VIEW_WINDOW ? r->end & -(taddr)VIEW_PAGE
	                                       : base + VIEW_WINDOW;

	if (w->present != 0 ||
	    target_read(v->t, from, w->bytes + (from - base), to - from) != MS_OK) {
		from = at;
		to = at + VIEW_PAGE;
		if (target_read(v->t, from, w->bytes + (from - base), VIEW_PAGE) != MS_OK)
			return false;
	}

	for (taddr p = from; p < to; p += VIEW_PAGE)
		w->present |= (uint16_t)(1u << ((p - base) / VIEW_PAGE));
	return true;
}

static const uint8_t *
window_page(struct view *v, const struct region *r, taddr at)
{
	struct window *w = window_find(v, at / VIEW_WINDOW);
	unsigned off = at % VIEW_WINDOW;

	if ((w->present >> (off / VIEW_PAGE) & 1) == 0 && !window_fill(v, w, r, at))
		return NULL;
	return w->bytes + off;
}

/* ---- finding a page ---- */

static const struct region *
view_region(struct view *v, taddr addr)
{
	if (v->last == NULL || addr < v->last->start || addr >= v->last->end)
		v->last = target_region(v->t, addr);
	return v->last;
}

/* The bytes of a page of the arena, or NULL. */
static uint8_t *
arena_page(const struct view *v, taddr at)
{
	if (at >= v->stack_at && at < v->stack_at + VIEW_STACK_LEN)
		return v->stack + (at - v->stack_at);
	if (at >= v->alloc_at && at < v->alloc_at + (taddr)VIEW_CHUNK * VIEW_CHUNKS) {
		uint8_t *chunk = v->chunks[(at - v->alloc_at) / VIEW_CHUNK];
		return chunk == NULL ? NULL : chunk + (at - v->alloc_at) % VIEW_CHUNK;
	}
	return NULL;
}

static bool
in_arena(const struct view *v, taddr at)
{
	return at >= v->arena && at < v->arena_end;
}

/* A page as the target has it; NULL if it is absent, or if only a part of it is there. */
static const uint8_t *
target_page(struct view *v, taddr at)
{
	const struct region *r = view_region(v, at);
	if (r == NULL || (r->prot & PROT_READ) == 0)
		return NULL;
	if (at < r->start || r->end - at < VIEW_PAGE)
		return NULL;
	if (r->data != NULL)
		return r->data + (at - r->start);
	return window_page(v, r, at);
}

static struct page *
written_page(const struct view *v, uint64_t no)
{
	struct page *p = pageset_find(&v->call, no);
	return p != NULL ? p : pageset_find(&v->kept, no);
}

/* Read n bytes inside one page. */
static bool
read_piece(struct view *v, taddr addr, uint8_t *buf, size_t n)
{
	uint64_t no = page_no(addr);
	taddr at = addr & -(taddr)VIEW_PAGE;
	const uint8_t *host;

	if (in_arena(v, at)) {
		host = arena_page(v, at);
		if (host == NULL)
			return false;
	} else {
		const struct page *p = written_page(v, no);
		if (p != NULL && p->is_part) {
			memcpy(buf, p->bytes + (addr - at), n);
			return target_is_mapped(v->t, addr, n);
		}
		host = p != NULL ? p->bytes : target_page(v, at);
	}
	if (host == NULL)
		return target_read(v->t, addr, buf, n) == MS_OK;

	v->rd[no % VIEW_TLB] = (struct tlb_read){no, host};
	memcpy(buf, host + (addr - at), n);
	return true;
}

bool
view_read(struct view *v, taddr addr, void *buf, size_t n)
{
	uint8_t *to = buf;

	while (n > 0) {
		size_t piece = VIEW_PAGE - addr % VIEW_PAGE;
		if (piece > n)
			piece = n;
		if (!read_piece(v, addr, to, piece))
			return false;
		to += piece;
		n -= piece;
		addr += piece;
		if (addr == 0 && n > 0)
			return false;
	}
	return true;
}

/* ---- writing ---- */

/*
 * Copy a page of which only a part may be mapped; false if nothing of [addr, addr + n) is
 * lacking but cannot be read.
 */
static bool
copy_part(struct view *v, taddr at, uint8_t *to)
{
	memset(to, 0, VIEW_PAGE);
	for (taddr p = at; p - at < VIEW_PAGE;) {
		const struct region *r = target_region(v->t, p);
		if (r == NULL) {
			p++;
			continue;
		}
		taddr end = r->end - at < VIEW_PAGE ? r->end : at + VIEW_PAGE;
		if (target_read(v->t, p, to + (p - at), end - p) != MS_OK)
			return false;
		p = end;
	}
	return true;
}

/* Make a scratch page to write addr in. */
static enum view_wrote
page_copy(struct view *v, taddr addr, size_t n, struct page **ret)
{
	uint64_t no = page_no(addr);
	taddr at = addr & -(taddr)VIEW_PAGE;
	const struct region *r = view_region(v, addr);

	if (r == NULL || !target_is_mapped(v->t, addr, n))
		return VIEW_UNMAPPED;
	if (v->call.n == v->call.cap)
		return VIEW_FULL;

	uint8_t *bytes = v->spare.n > 0 ? v->spare.at[--v->spare.n] : xmalloc(VIEW_PAGE);
	const struct page *kept = pageset_find(&v->kept, no);
	const uint8_t *from = kept != NULL ? kept->bytes : target_page(v, at);
	bool is_part = kept != NULL ? kept->is_part : from == NULL;

	if (from != NULL)
		memcpy(bytes, from, VIEW_PAGE);
	else if (!copy_part(v, at, bytes)) {
		vec_push(&v->spare, bytes);
		return VIEW_UNMAPPED;
	}

	bool is_code = (r->prot & PROT_EXEC) != 0;
	pageset_add(&v->call, (struct page){no, bytes, is_code, is_part});
	tlb_forget(v, no);
	*ret = &v->call.at[v->call.n - 1];
	return is_code ? VIEW_WROTE_CODE : VIEW_WROTE;
}

/* Write n bytes inside one page. */
static enum view_wrote
write_piece(struct view *v, taddr addr, const uint8_t *buf, size_t n)
{
	uint64_t no = page_no(addr);
	taddr at = addr & -(taddr)VIEW_PAGE;
	enum view_wrote how = VIEW_WROTE;
	uint8_t *host;
	bool is_part = false;

	if (in_arena(v, at)) {
		host = arena_page(v, at);
		if (host == NULL)
			return VIEW_UNMAPPED;
	} else {
		struct page *p = pageset_find(&v->call, no);
		if (p == NULL) {
			how = page_copy(v, addr, n, &p);
			if (how > VIEW_WROTE_CODE)
				return how;
		}
		is_part = p->is_part;
		host = p->bytes;
		if (is_part && !target_is_mapped(v->t, addr, n))
			return VIEW_UNMAPPED;
	}

	if (!is_part) {
		v->rd[no % VIEW_TLB] = (struct tlb_read){no, host};
		v->wr[no % VIEW_TLB] = (struct tlb_write){no, host};
	}
	memcpy(host + (addr - at), buf, n);
	return how;
}

enum view_wrote
view_write(struct view *v, taddr addr, const void *buf, size_t n)
{
	const uint8_t *from = buf;
	enum view_wrote all = VIEW_WROTE;

	while (n > 0) {
		size_t piece = VIEW_PAGE - addr % VIEW_PAGE;
		if (piece > n)
			piece = n;
		enum view_wrote how = write_piece(v, addr, from, piece);
		if (how > all)
			all = how;
		if (how > VIEW_WROTE_CODE)
			return how;
		from += piece;
		n -= piece;
		addr += piece;
		if (addr == 0 && n > 0)
			return VIEW_UNMAPPED;
	}
	return all;
}

/* ---- code ---- */

size_t
view_fetch(struct view *v, taddr pc, uint8_t *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		taddr at = pc + got;
		const struct region *r = target_region(v->t, at);
		if (at < pc || in_arena(v, at) || r == NULL || (r->prot & PROT_EXEC) == 0)
			break;

		size_t piece = VIEW_PAGE - at % VIEW_PAGE;
		if (piece > r->end - at)
			piece = r->end - at;
		if (piece > n - got)
			piece = n - got;
		if (!view_read(v, at, buf + got, piece))
			break;
		got += piece;
	}
	return got;
}

static bool
is_changed_code(const struct view *v, uint64_t no)
{
	const struct page *p = written_page(v, no);
	return p != NULL && p->is_code;
}

bool
view_code_changed_at(const struct view *v, taddr pc)
{
	return is_changed_code(v, page_no(pc)) || is_changed_code(v, page_no(pc) + 1);
}

/* ---- between calls ---- */

void
view_drop(struct view *v)
{
	if (LIKELY(v->call.n == 0))
		return;

	for (uint32_t i = 0; i < v->call.n; i++) {
		tlb_forget(v, v->call.at[i].no);
		vec_push(&v->spare, v->call.at[i].bytes);
	}
	pageset_clear(&v->call);
}

bool
view_keep(struct view *v)
{
	uint32_t n_new = 0;
	for (uint32_t i = 0; i < v->call.n; i++)
		n_new += pageset_find(&v->kept, v->call.at[i].no) == NULL;
	if (n_new > v->kept.cap - v->kept.n)
		return false;

	for (uint32_t i = 0; i < v->call.n; i++) {
		struct page *old = pageset_find(&v->kept, v->call.at[i].no);
		tlb_forget(v, v->call.at[i].no);
		if (old == NULL) {
			pageset_add(&v->kept, v->call.at[i]);
			continue;
		}
		vec_push(&v->spare, old->bytes);
		old->bytes = v->call.at[i].bytes;
	}
	pageset_clear(&v->call);
	return true;
}

taddr
view_alloc(struct view *v, size_t n)
{
	if (n == 0 || n > VIEW_CHUNK)
		return 0;

	size_t at = (v->alloc_used + 15) & ~(size_t)15;
	if (at / VIEW_CHUNK != (at + n - 1) / VIEW_CHUNK)
		at = (at / VIEW_CHUNK + 1) * VIEW_CHUNK;
	if (at >= (size_t)VIEW_CHUNK * VIEW_CHUNKS)
		return 0;

	if (v->chunks[at / VIEW_CHUNK] == NULL)
		v->chunks[at / VIEW_CHUNK] = xcalloc(1, VIEW_CHUNK);
	v->alloc_used = at + n;
	return v->alloc_at + at;
}

/* ---- begin and end ---- */

/*
 * The highest gap that holds len bytes: code that asks how far its stack is from the
 * end finds itself above the thread's own stack, where it has room.
 */
static taddr
find_gap(const struct target *t, taddr top, taddr len)
{
	size_t n;
	const struct region *r = target_regions(t, &n);
	taddr end = top;

	for (size_t i = n + 1; i-- > 0;) {
		taddr from = i == 0 ? VIEW_GUARD : r[i - 1].end;
		from = (from + VIEW_WINDOW - 1) & -(taddr)VIEW_WINDOW;
		if (i > 0 && from < r[i - 1].end)
			from = end;
		if (from < end && end - from >= len)
			return ((end - len) & -(taddr)VIEW_WINDOW) >= from
			               ? (end - len) & -(taddr)VIEW_WINDOW
			               : from;
		if (i > 0 && r[i - 1].start < end)
			end = r[i - 1].start;
	}
	return 0;
}

enum status
view_init(struct view *v, struct target *t, taddr top, struct errbuf *eb)
{
	taddr alloc_len = (taddr)VIEW_CHUNK * VIEW_CHUNKS;
	taddr len = VIEW_MAGIC_LEN + alloc_len + VIEW_STACK_LEN + 4 * (taddr)VIEW_GUARD;

	taddr at = find_gap(t, top, len);
	if (at == 0)
		return errbuf_set(eb, MS_LIMIT,
		                  "no gap of %llu bytes in the target's address space",
		                  (unsigned long long)len);

	v->t = t;
	v->arena = at;
	v->arena_end = at + len;
	v->magic_at = at + VIEW_GUARD;
	v->alloc_at = v->magic_at + VIEW_MAGIC_LEN + VIEW_GUARD;
	v->stack_at = v->alloc_at + alloc_len + VIEW_GUARD;
	v->stack = xcalloc(1, VIEW_STACK_LEN);
	pageset_init(&v->call, VIEW_SCRATCH_PAGES);
	pageset_init(&v->kept, VIEW_KEPT_PAGES);

	for (unsigned i = 0; i < VIEW_TLB; i++)
		v->rd[i].page = v->wr[i].page = UINT64_MAX;
	for (unsigned i = 0; i < VIEW_WINDOW_SETS * VIEW_WINDOW_WAYS; i++)
		v->win[i / VIEW_WINDOW_WAYS][i % VIEW_WINDOW_WAYS].no = UINT64_MAX;
	return MS_OK;
}

void
view_fini(struct view *v)
{
	pageset_fini(&v->call);
	pageset_fini(&v->kept);
	for (size_t i = 0; i < v->spare.n; i++)
		free(v->spare.at[i]);
	vec_fini(&v->spare);
	for (unsigned i = 0; i < VIEW_CHUNKS; i++)
		free(v->chunks[i]);
	for (unsigned i = 0; i < VIEW_WINDOW_SETS * VIEW_WINDOW_WAYS; i++)
		free(v->win[i / VIEW_WINDOW_WAYS][i % VIEW_WINDOW_WAYS].bytes);
	free(v->stack);
}
