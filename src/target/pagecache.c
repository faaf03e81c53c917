/*
 * Pages of memory that does not change, of which there is no copy: what is read of a process
 * while it is held and walked.
 *
 * Objects that were made one after the other are met so, too, and lie side by side: a page
 * whose neighbour has been read is read with those that follow. In an old heap they are
 * anywhere, and reading more than one page at a time is a waste: as many are read ahead as
 * turned out to be of use.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

enum {
	WAYS = 4,
	PAGE = 4096,
	AHEAD = 16,
	JUDGED = 1024, /* pages read ahead, before it is asked how many of them were of use */
	RETRY = 4096,  /* pages read one by one, before reading ahead is tried again */
};

struct line {
	taddr page;    /* 0: unused, which no page is at */
	uint64_t used; /* when a view of it was handed out last, 0 if never */
	uint64_t read; /* when it was read or found last */
	bool is_ahead; /* it was read ahead, and not been asked for yet */
};

struct pagecache {
	size_t n_sets;
	uint64_t clock;
	size_t width;                 /* pages to read at once */
	unsigned fetched, hit, alone; /* since the width was chosen: read ahead, of use, read one by one */
	struct line *lines; /* WAYS for each set */
	uint8_t *bytes;
	uint8_t ahead[AHEAD * PAGE];
};

struct pagecache *
pagecache_new(size_t bytes)
{
	struct pagecache *c = xcalloc(1, sizeof(*c));

	c->width = AHEAD;
	c->n_sets = bytes / (WAYS * PAGE);
	if (c->n_sets == 0)
		c->n_sets = 1;
	c->lines = xcalloc(c->n_sets * WAYS, sizeof(*c->lines));
	c->bytes = xmalloc(c->n_sets * WAYS * PAGE);
	return c;
}

void
pagecache_free(struct pagecache *c)
{
	if (c == NULL)
		return;
	free(c->lines);
	free(c->bytes);
	free(c);
}

static struct line *
set_of(const struct pagecache *c, taddr page)
{
	uint64_t hash = (page / PAGE) * 0x9e3779b97f4a7c15ULL >> 32;

	return c->lines + hash % c->n_sets * WAYS;
}

static struct line *
find(const struct pagecache *c, taddr page)
{
	struct line *set = set_of(c, page);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].page == page && page != 0)
			return &set[i];
	return NULL;
}

static uint8_t *
bytes_of(const struct pagecache *c, const struct line *l)
{
	return c->bytes + (size_t)(l - c->lines) * PAGE;
}

/*
 * A place for a page: the one of its set that was not wanted for longest; NULL if views of
 * all of them may still be in use.
 */
static struct line *
place(const struct pagecache *c, taddr page, uint64_t views)
{
	struct line *set = set_of(c, page), *best = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		bool is_in_use =
			set[i].used != 0 && views - set[i].used <= TARGET_VIEW_KEEP;
		if (!is_in_use && (best == NULL || set[i].read < best->read))
			best = &set[i];
	}
	return best;
}

static struct line *
put(struct pagecache *c, taddr page, const uint8_t *from, uint64_t views)
{
	struct line *l = find(c, page);

	if (l != NULL)
		return l;
	l = place(c, page, views);
	if (l == NULL)
		return NULL;
	*l = (struct line){.page = page, .read = ++c->clock};
	memcpy(bytes_of(c, l), from, PAGE);
	return l;
}

/* Half of what is read ahead has to be of use, or less is read the next time. */
static void
choose_width(struct pagecache *c)
{
	if (c->fetched < JUDGED && c->alone < RETRY)
		return;
	if (c->fetched >= JUDGED && c->hit < c->fetched / 2)
		c->width = c->width > 1 ? c->width / 2 : 1;
	else if (c->width < AHEAD)
		c->width *= 2;
	c->fetched = c->hit = c->alone = 0;
}

/* The pages to be read with one: those behind it, or in front, where the neighbour on the other side is known. */
static struct span
ahead_of(const struct pagecache *c, const struct pagecache_source *s, taddr page)
{
	uint64_t more = (c->width - 1) * PAGE;
	struct span v = {.start = page, .end = page + PAGE};

	if (more > 0 && find(c, page - PAGE) != NULL)
		v.end = s->end - v.end > more ? v.end + more : s->end;
	else if (more > 0 && find(c, page + PAGE) != NULL)
		v.start = page - s->start > more ? page - more : s->start;
	return v;
}

static struct line *
read_page(struct pagecache *c, const struct pagecache_source *s, taddr page)
{
	choose_width(c);
	struct span v = ahead_of(c, s, page);
	if (s->read(s->self, v.start, c->ahead, (size_t)(v.end - v.start)) != MS_OK) {
		v = (struct span){.start = page, .end = page + PAGE};
		if (s->read(s->self, page, c->ahead, PAGE) != MS_OK)
			return NULL;
	}
	for (taddr at = v.start; at < v.end; at += PAGE) {
		if (at == page || find(c, at) != NULL)
			continue;
		struct line *l = put(c, at, c->ahead + (at - v.start), s->views);
		if (l != NULL)
			l->is_ahead = true;
		c->fetched++;
	}
	c->alone += v.end - v.start == PAGE;
	/* Last, so that none of the others takes its place. */
	return put(c, page, c->ahead + (page - v.start), s->views);
}

const uint8_t *
pagecache_find(struct pagecache *c, taddr addr, size_t n, uint64_t view)
{
	taddr page = addr & ~(taddr)(PAGE - 1);

	if (n > PAGE - (addr - page))
		return NULL;
	struct line *l = find(c, page);
	if (l == NULL)
		return NULL;
	l->read = ++c->clock;
	c->hit += l->is_ahead;
	l->is_ahead = false;
	l->used = view != 0 ? view : l->used;
	return bytes_of(c, l) + (addr - page);
}

const uint8_t *
pagecache_read(struct pagecache *c, const struct pagecache_source *s, taddr addr, size_t n,
	uint64_t view)
{
	taddr page = addr & ~(taddr)(PAGE - 1);

	if (n > PAGE - (addr - page) || page < s->start || s->end - page < PAGE ||
		(s->start | s->end) % PAGE != 0)
		return NULL;
	struct line *l = read_page(c, s, page);
	if (l == NULL)
		return NULL;
	l->used = view;
	return bytes_of(c, l) + (addr - page);
}
