/*
 * The second look at a process that was not stopped while it was copied: all of it is read
 * once more, right after the copy. How many pages were not the same is known exactly; what
 * they were like the second time is kept, up to a limit, so that the walk can tell what of
 * its objects had changed.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

enum { AT_ONCE = 256 << 10 };

static void
keep(struct snapshot *s, taddr addr, const uint8_t *now)
{
	size_t page = (size_t)s->pagemap.page;
	struct torn_page t = {.addr = addr, .is_gone = now == NULL};

	if (now != NULL && s->torn.n < TORN_KEPT_MAX / page) {
		t.now = xmalloc(page);
		memcpy(t.now, now, page);
	}
	vec_push(&s->torn, t);
}

/* n bytes at addr, pages, are at then in the copy. */
static void
compare(struct snapshot *s, taddr addr, const uint8_t *then, size_t n, uint8_t *buf)
{
	size_t page = (size_t)s->pagemap.page;
	bool is_read = reader_read(&s->reader, addr, buf, n) == MS_OK;

	if (is_read && memcmp(buf, then, n) == 0)
		return;
	for (size_t at = 0; at < n; at += page) {
		size_t len = n - at < page ? n - at : page;
		/* One page that went does not make the others unreadable. */
		bool is_here = is_read ||
			reader_read(&s->reader, addr + at, buf + at, len) == MS_OK;
		if (!is_here || memcmp(buf + at, then + at, len) != 0)
			keep(s, addr + at, is_here ? buf + at : NULL);
	}
}

static int
by_addr(const void *a, const void *b)
{
	const struct torn_page *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

void
snapshot_compare(struct snapshot *s, struct snapshot_stats *stats)
{
	CLEAN_FREE uint8_t *buf = xmalloc(AT_ONCE);

	s->is_compared = true;
	for (size_t i = 0; i < s->chunks.n; i++) {
		const struct chunk *c = &s->chunks.at[i];
		for (size_t at = 0; at < c->len; at += AT_ONCE) {
			size_t n = c->len - at < AT_ONCE ? c->len - at : AT_ONCE;
			compare(s, c->addr + at, c->dest + at, n, buf);
		}
		stats->pages += c->len / s->pagemap.page;
	}
	if (s->torn.n > 1)
		qsort(s->torn.at, s->torn.n, sizeof(*s->torn.at), by_addr);
	stats->torn = s->torn.n;
}

static const struct torn_page *
torn_at(const struct snapshot *s, taddr page)
{
	const struct torn_page key = {.addr = page};

	if (s->torn.n == 0)
		return NULL;
	return bsearch(&key, s->torn.at, s->torn.n, sizeof(key), by_addr);
}

enum status
snapshot_again(void *self, taddr addr, void *buf, size_t n)
{
	const struct snapshot *s = self;
	uint64_t size = s->pagemap.page;
	taddr first = addr / size * size, last = (addr + n - 1) / size * size;
	uint8_t *out = buf;

	/* Without a copy, what was read last has to be compared with what there is now. */
	if (s->plan.mode == SNAPSHOT_NONE)
		return s->stop == NULL ? reader_read(&s->reader, addr, buf, n) : MS_ABSENT;
	if (!s->is_compared)
		return MS_ABSENT;
	const struct torn_page *t[2] = {torn_at(s, first), torn_at(s, last)};
	if (n > size || (t[0] == NULL && t[1] == NULL))
		return MS_ABSENT;
	for (taddr at = first; at <= last; at += size) {
		const struct torn_page *here = t[at == last];
		taddr lo = at > addr ? at : addr;
		taddr hi = at + size < addr + n ? at + size : addr + n;
		if (here != NULL && here->is_gone)
			return MS_FAULT;
		if (here != NULL && here->now != NULL)
			memcpy(out + (lo - addr), here->now + (lo - at), (size_t)(hi - lo));
	}
	return MS_OK;
}

void
again_fini(struct snapshot *s)
{
	for (size_t i = 0; i < s->torn.n; i++)
		free(s->torn.at[i].now);
	vec_fini(&s->torn);
}
