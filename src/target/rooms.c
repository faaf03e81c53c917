/*
 * Room for the copy: address space as large as the regions, and something for what they
 * may grow; memory for the pages that are there. What the process has made since the plan
 * is fitted in when it stands still.
 */
#include "snappriv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "memscan/text.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
	FILE_BASE_MAX = 16 << 20, /* mappings of files up to this are put under the copy */
	SLACK_MIN = 1 << 20,      /* room around a region for it to grow */
	HUGE_PAGE = 2 << 20,
};

/* ---- which regions ---- */

bool
is_anonymous(const struct region *r)
{
	static const char huge[] = "/anon_hugepage";

	return r->inode == 0 || strcmp(r->path, "/dev/zero") == 0 ||
	       strncmp(r->path, huge, sizeof(huge) - 1) == 0;
}

bool
is_wanted(const struct region *r)
{
	uint32_t need = PROT_READ | PROT_WRITE;

	if ((r->prot & need) != need || region_is_kernel(r) || region_is_device(r))
		return false;
	return !r->is_shared || is_anonymous(r);
}

/* ---- memory ---- */

/* Room in the file that a copy on disk goes to. */
static void *
map_spool(struct snapshot *s, size_t len)
{
	uint64_t at = s->spooled;

	if (ftruncate(s->spool, (off_t)(at + len)) != 0)
		return MAP_FAILED;
	s->spooled += len;
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, s->spool, (off_t)at);
}

void
rooms_drop(const struct snapshot *s, uint8_t *p, size_t len)
{
	madvise(p, len, s->spool >= 0 ? MADV_REMOVE : MADV_DONTNEED);
}

static uint8_t *
reserve(struct snapshot *s, size_t len, struct errbuf *eb)
{
	char text[TEXT_NUM];
	void *p = s->spool >= 0
		? map_spool(s, len)
		: mmap(NULL, len, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		errbuf_sys(eb, MS_NOMEM, "cannot reserve %s of address space for a copy",
		           text_size(text, len));
		return NULL;
	}
	/* Pages of two megabytes would make memory of the holes of a sparse region. */
	madvise(p, len, MADV_NOHUGEPAGE);
	vec_push(&s->mappings, (struct mapping){.at = p, .len = len});
	return p;
}

/*
 * Make pages exist, so that copying into them does not have to. Where all of a huge page
 * is wanted it may be one.
 */
static void
touch(uint8_t *p, size_t len, size_t page)
{
	size_t skip = (size_t)(-(uintptr_t)p & (HUGE_PAGE - 1));

	if (len >= 2 * (size_t)HUGE_PAGE && len - skip >= HUGE_PAGE)
		madvise(p + skip, (len - skip) & ~((size_t)HUGE_PAGE - 1), MADV_HUGEPAGE);
	if (madvise(p, len, MADV_POPULATE_WRITE) == 0)
		return;
	for (size_t i = 0; i < len; i += page)
		((volatile uint8_t *)p)[i] = 0;
}

/* Bytes below and above a region that it may grow into: an eighth, at least a little. */
static uint64_t
slack_of(const struct region *r, size_t page)
{
	uint64_t slack = (r->end - r->start) / 8;
	return (slack < SLACK_MIN ? SLACK_MIN : slack) / page * page;
}

/* Read [off, off + len) of a file; zeros stand for what is behind its end. */
static bool
read_base(int fd, uint64_t off, uint8_t *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, data + got, len - got, (off_t)(off + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return true;
}

/*
 * The bytes of the file under a region; pages of the copy go over them. Of a file that
 * was deleted and is out of reach the process itself is asked, while it still runs.
 */
static bool
lay_base(struct snapshot *s, const struct region *r, uint8_t *data)
{
	size_t len = (size_t)(r->end - r->start);
	int fd;

	if (len > FILE_BASE_MAX)
		return false;
	if (live_open_file(s->reader.pid, r, &fd) != MS_OK)
		return reader_read(&s->reader, r->start, data, len) == MS_OK;
	bool is_read = read_base(fd, r->file_off, data, len);
	close(fd);
	return is_read;
}

/* ---- before the stop ---- */

static void
plan_room(struct snapshot *s, const struct region *r, uint8_t **next)
{
	uint64_t slack = slack_of(r, s->pagemap.page);
	uint64_t low = r->start > slack ? slack : 0;
	struct room room = {
		.start = r->start,
		.end = r->end,
		.low = r->start - low,
		.high = r->end <= UINT64_MAX - slack ? r->end + slack : r->end,
		.bytes = *next,
		.inode = r->inode,
		.delta = r->file_off - r->start,
	};

	*next += room.high - room.low;
	if (!is_anonymous(r))
		room.has_base = lay_base(s, r, room.bytes + low);
	/* Half of a file must not pass for zeros later. */
	if (!is_anonymous(r) && !room.has_base)
		rooms_drop(s, room.bytes + low, (size_t)(r->end - r->start));
	vec_push(&s->rooms, room);
}

void
rooms_measure(struct snapshot *s, span_vec *runs)
{
	CLEAN(span_vec_fini) span_vec all = {0};

	for (size_t i = 0; i < s->maps.n; i++) {
		const struct region *r = &s->maps.at[i];
		if (is_wanted(r))
			pagemap_runs(&s->pagemap, r->start, r->end, &all);
	}
	spans_without(&all, &s->left, runs);
	s->plan.bytes = spans_bytes(runs);
	s->plan.left_out = spans_bytes(&all) - s->plan.bytes;
	s->plan.known = known_measure(s, runs);
}

/* Touch the pages for which the process has some. On disk: see that there is room. */
static enum status
touch_rooms(struct snapshot *s, const span_vec *runs, struct errbuf *eb)
{
	size_t at = 0;

	for (size_t i = 0; i < runs->n; i++) {
		const struct span *run = &runs->at[i];
		while (run->start >= s->rooms.at[at].end)
			at++;
		const struct room *room = &s->rooms.at[at];
		uint8_t *p = room->bytes + (run->start - room->low);
		size_t len = (size_t)(run->end - run->start);
		if (s->spool < 0) {
			touch(p, len, (size_t)s->pagemap.page);
			continue;
		}
		const uint8_t *base = s->mappings.at[0].at;
		int rc = posix_fallocate(s->spool, (off_t)(p - base), (off_t)len);
		errno = rc;
		if (rc != 0)
			return errbuf_sys(eb, MS_NOMEM, "no room for a copy in %s",
			                  s->opts.dir);
	}
	return MS_OK;
}

/* A file without a name, readable by nobody else; some file systems cannot make it longer. */
static int
open_nameless(const char *dir)
{
	char path[4200];

	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(path, sizeof(path), "%s/.memscan-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd < 0)
			return -1;
		unlink(path);
	}
	if (ftruncate(fd, 1) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

bool
rooms_can_spool(const char *dir)
{
	int fd = open_nameless(dir);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static enum status
open_spool(struct snapshot *s, struct errbuf *eb)
{
	s->spool = open_nameless(s->opts.dir);
	if (s->spool < 0)
		return errbuf_sys(eb, MS_IO, "cannot make a file for a copy in %s",
		                  s->opts.dir);
	return MS_OK;
}

enum status
rooms_plan(struct snapshot *s, const span_vec *runs, struct errbuf *eb)
{
	uint64_t total = 0;

	for (size_t i = 0; i < s->maps.n; i++) {
		const struct region *r = &s->maps.at[i];
		if (is_wanted(r))
			total += r->end - r->start + 2 * slack_of(r, s->pagemap.page);
	}
	if (total == 0)
		return MS_OK;
	if (total > SIZE_MAX / 2)
		return errbuf_set(eb, MS_LIMIT,
		                  "the mappings are larger than the address space");
	if (s->plan.mode == SNAPSHOT_DISK && open_spool(s, eb) != MS_OK)
		return eb->code;
	uint8_t *next = reserve(s, (size_t)total, eb);
	if (next == NULL)
		return eb->code;
	s->n_planned = s->mappings.n;
	for (size_t i = 0; i < s->maps.n; i++) {
		if (is_wanted(&s->maps.at[i]))
			plan_room(s, &s->maps.at[i], &next);
	}
	return touch_rooms(s, runs, eb);
}

/* ---- during the stop ---- */

/*
 * Does what lies in the room already go with this region? A file's bytes are only good
 * for it.
 */
static bool
room_suits(const struct room *room, const struct region *r)
{
	if (!room->has_base)
		return true;
	return !is_anonymous(r) && room->inode == r->inode &&
	       room->delta == r->file_off - r->start;
}

static void
add_piece(struct snapshot *s, size_t region, taddr start, taddr end,
          const struct room *room)
{
	const struct region *r = &s->maps.at[region];
	bool is_known = is_anonymous(r) ? !r->is_shared : room->has_base;

	vec_push(&s->pieces, (struct piece){
		.region = region,
		.start = start,
		.end = end,
		.data = room->bytes + (start - room->low),
		.absent = is_known ? ABSENT_ZERO : ABSENT_LIVE,
	});
}

/* Room for what was not planned: pages come into being while they are copied. */
static enum status
add_new_piece(struct snapshot *s, size_t region, taddr start, taddr end,
              struct errbuf *eb)
{
	struct room room = {.start = start, .end = end, .low = start, .high = end};

	room.bytes = reserve(s, (size_t)(end - start), eb);
	if (room.bytes == NULL)
		return eb->code;
	add_piece(s, region, start, end, &room);
	return MS_OK;
}

/* The first room whose planned region ends behind addr, or the number of rooms. */
static size_t
room_behind(const struct snapshot *s, taddr addr)
{
	size_t lo = 0, hi = s->rooms.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->rooms.at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Give a region its room: the planned one if it has grown no further than the slack, else
 * the planned ones for the parts that they cover and new room for the others.
 */
enum status
rooms_place(struct snapshot *s, size_t region, struct errbuf *eb)
{
	const struct region *r = &s->maps.at[region];
	size_t i = room_behind(s, r->start);
	const struct room *first = i < s->rooms.n ? &s->rooms.at[i] : NULL;
	bool is_overlapping = first != NULL && first->start < r->end;

	bool is_alone = i + 1 >= s->rooms.n || s->rooms.at[i + 1].start >= r->end;

	if (is_overlapping && is_alone && is_anonymous(r) && room_suits(first, r) &&
	    r->start >= first->low && r->end <= first->high) {
		add_piece(s, region, r->start, r->end, first);
		return MS_OK;
	}

	enum status st = MS_OK;
	for (taddr at = r->start; at < r->end && st == MS_OK; i++) {
		if (i == s->rooms.n || s->rooms.at[i].start >= r->end)
			return add_new_piece(s, region, at, r->end, eb);
		const struct room *room = &s->rooms.at[i];
		if (at < room->start) {
			st = add_new_piece(s, region, at, room->start, eb);
			at = room->start;
		}
		taddr end = room->end < r->end ? room->end : r->end;
		if (st == MS_OK && !room_suits(room, r))
			st = add_new_piece(s, region, at, end, eb);
		else
			add_piece(s, region, at, end, room);
		at = end;
	}
	return st;
}

void
rooms_unmap(struct snapshot *s, size_t first)
{
	for (size_t i = first; i < s->mappings.n; i++)
		munmap(s->mappings.at[i].at, s->mappings.at[i].len);
	s->mappings.n = first;
}
