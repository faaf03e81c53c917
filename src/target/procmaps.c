/*
 * The text of /proc/PID/maps, parsed. A pure function of bytes, so that any text may be
 * given to it; the format is fs/proc/task_mmu.c, show_map_vma:
 *
 *	7f00c0000000-7f00c0021000 rw-p 00000000 00:00 0          [heap]
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "memscan/limits.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

/* One line that is being read, from p to end; bad once anything was not as expected. */
struct line {
	char *p, *end;
	bool bad;
};

typedef VEC(struct region) region_vec;

static uint64_t
take_number(struct line *l, unsigned base)
{
	uint64_t v = 0;
	char *from = l->p;

	for (; l->p < l->end; l->p++) {
		unsigned digit;
		if (*l->p >= '0' && *l->p <= '9')
			digit = (unsigned)(*l->p - '0');
		else if (*l->p >= 'a' && *l->p <= 'f')
			digit = (unsigned)(*l->p - 'a') + 10;
		else
			break;
		if (digit >= base)
			break;
		if (v > (UINT64_MAX - digit) / base) {
			l->bad = true;
			return 0;
		}
		v = v * base + digit;
	}
	if (l->p == from)
		l->bad = true;
	return v;
}

static void
take_char(struct line *l, char want)
{
	if (l->p < l->end && *l->p == want)
		l->p++;
	else
		l->bad = true;
}

/* The four letters "rwxp"; the last is 's' for shared memory. */
static void
take_prot(struct line *l, struct region *r)
{
	static const struct {
		char on;
		uint32_t bit;
	} letters[] = {{'r', PROT_READ}, {'w', PROT_WRITE}, {'x', PROT_EXEC}};

	if (l->end - l->p < 4) {
		l->bad = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		char c = *l->p++;
		if (c == letters[i].on)
			r->prot |= letters[i].bit;
		else if (c != '-')
			l->bad = true;
	}
	char c = *l->p++;
	if (c != 'p' && c != 's')
		l->bad = true;
	r->is_shared = c == 's';
}

/*
 * Make the path a string of its own: the kernel writes a newline as \012, and nothing
 * else so.
 */
static void
take_path(struct line *l, struct region *r)
{
	static const char deleted[] = " (deleted)";
	const size_t suffix = sizeof(deleted) - 1;

	while (l->p < l->end && *l->p == ' ')
		l->p++;
	char *from = l->p;
	char *out = from;
	while (l->p < l->end) {
		if (l->end - l->p >= 4 && memcmp(l->p, "\\012", 4) == 0) {
			*out++ = '\n';
			l->p += 4;
		} else {
			*out++ = *l->p++;
		}
	}
	if ((size_t)(out - from) > suffix && memcmp(out - suffix, deleted, suffix) == 0) {
		r->is_deleted = true;
		out -= suffix;
	}
	*out = '\0';
	r->path = from;
}

/* Parse [p, end), of which *end may be overwritten. */
static bool
parse_line(char *p, char *end, struct region *r)
{
	struct line l = {.p = p, .end = end};

	*r = (struct region){0};
	r->start = take_number(&l, 16);
	take_char(&l, '-');
	r->end = take_number(&l, 16);
	take_char(&l, ' ');
	take_prot(&l, r);
	take_char(&l, ' ');
	r->file_off = take_number(&l, 16);
	take_char(&l, ' ');
	uint64_t major = take_number(&l, 16);
	take_char(&l, ':');
	uint64_t minor = take_number(&l, 16);
	take_char(&l, ' ');
	r->inode = take_number(&l, 10);
	if (l.p < l.end)
		take_char(&l, ' ');
	if (l.bad || r->start >= r->end || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	r->dev = makedev((unsigned)major, (unsigned)minor);
	take_path(&l, r);
	return true;
}

/* Append r without what overlaps the region before it. */
static void
append(region_vec *v, struct region *r)
{
	taddr low = v->n > 0 ? v->at[v->n - 1].end : 0;

	if (r->end <= low)
		return;
	if (r->start < low) {
		if (r->inode != 0)
			r->file_off += low - r->start;
		r->start = low;
	}
	vec_push(v, *r);
}

enum status
procmaps_parse(const char *text, size_t len, struct regions *ret, struct errbuf *eb)
{
	if (len > LIM_MAPS_TEXT)
		return errbuf_set(eb, MS_LIMIT, "the list of mappings is over %lu bytes",
		                  LIM_MAPS_TEXT);

	CLEAN_FREE char *copy = xmalloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';

	region_vec v = {0};
	size_t number = 1;
	char *stop = copy + len;
	for (char *p = copy; p < stop; number++) {
		char *end = memchr(p, '\n', (size_t)(stop - p));
		if (end == NULL)
			end = stop;
		struct region r;
		if (!parse_line(p, end, &r)) {
			vec_fini(&v);
			return errbuf_set(eb, MS_FORMAT,
			                  "line %zu of the list of mappings is malformed",
			                  number);
		}
		append(&v, &r);
		if (v.n > LIM_REGIONS) {
			vec_fini(&v);
			return errbuf_set(eb, MS_LIMIT, "more than %lu mappings",
			                  LIM_REGIONS);
		}
		p = end < stop ? end + 1 : stop;
	}
	*ret = (struct regions){.at = v.at, .n = v.n, .text = STEAL(copy)};
	return MS_OK;
}
