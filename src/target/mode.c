/*
 * Where a copy goes: into memory if there is enough of it, else into a file, else nowhere
 * and the process is read while it is held. Decided before anything is stopped, touched
 * or written, by what the machine and the cgroup have left.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#define FILE_MAX (1ULL << 40)

/*
 * What memscan takes beside the copy, as it was measured on heaps of ten kinds in four releases,
 * of processes with 4 to 132 libraries. Never less than that, and not much more.
 */
enum {
	OWN_BASE = 15 << 19,       /* tables and buffers of a walk, whatever is walked */
	OWN_WORKER = 1 << 20,      /* those of each thread */
	OWN_LIBRARY = 52 << 10,    /* names and code of the types there, */
	OWN_FILE_SHARE = 4,        /* and this part of what is mapped of files and not written, */
	OWN_LIBRARIES_MAX = 20 << 20, /* up to that, as readers keep no more of it */
	OWN_OBJECT = 14,           /* its id, and the place in the queue of one met and not yet visited */
	OWN_POINTERS = 4,          /* for each object, that are no references or are few: of more */
	OWN_POINTER = 5,           /* eighths of a byte: buffers grow with what was written */
	OWN_BUFFERS_MAX = 128 << 20,
	OWN_BUFFER = 20 << 10,     /* a buffer left out: its first page, and the map of a place alone, */
	OWN_BUFFER_SHARE = 48,     /* which is this part of the smallest */
	OWN_RUNS_SHARE = 64,       /* the same of bytes in which there may be any number of them, */
	OWN_RUNS_MAX = 32 << 20,   /* up to this */

	/* Without a copy no thread helps, and the interpreter of foreign types' code reads through windows. */
	HELD_BASE = 7 << 20,
	HELD_LIBRARY = 1 << 19,
	HELD_LIBRARIES_MAX = 20 << 20,
	HELD_OBJECT = 5,           /* more of these windows in a larger heap, */
	HELD_OBJECTS_MAX = 8 << 20, /* up to all that there are */
	CACHE_OBJECT = 64,         /* bytes of the cache for each object: no more is of use, */
	CACHE_SHARE = 2,           /* nor is more than this part of the heap */
	CACHE_MIN = 2 << 20,
	CACHE_MAX = 128 << 20,
};

enum {
	DISK_RESERVE = 64 << 20,
	PROBE_BYTES = 8 << 20, /* copied beforehand, to know how fast it goes */
	PROBE_CHUNK = 256 << 10,
	DISK_RATE = 400,      /* bytes a microsecond */
	STOP_NS = 1000000,    /* to stop, list the mappings and let go */
};

const char *
snapshot_mode_name(enum snapshot_mode mode)
{
	static const char *const names[] = {"auto", "memory", "disk", "none"};

	return (size_t)mode < ARRAY_LEN(names) ? names[mode] : "?";
}

/* Read a chunk as it would be copied. */
static bool
probe(const struct snapshot *s, taddr at, uint8_t *buf)
{
	enum status st = forked_has(s, at, at + PROBE_CHUNK)
		? reader_read(&s->reader, at, buf, PROBE_CHUNK)
		: reader_copy(&s->reader, at, buf, PROBE_CHUNK);
	return st == MS_OK;
}

/* Nanoseconds to copy so much as the plan says, by copying a little of it, once. */
static uint64_t
time_of_copy(const struct snapshot *s, const span_vec *present)
{
	CLEAN_FREE uint8_t *buf = xmalloc(PROBE_CHUNK);
	uint64_t done = 0, spent = 0;

	memset(buf, 0, PROBE_CHUNK);
	for (size_t i = 0; i < present->n && done < PROBE_BYTES; i++) {
		taddr end = present->at[i].end;
		for (taddr at = present->at[i].start; end - at >= PROBE_CHUNK;
		     at += PROBE_CHUNK) {
			uint64_t began = io_now_ns();
			if (done >= PROBE_BYTES || !probe(s, at, buf))
				break;
			spent += io_now_ns() - began;
			done += PROBE_CHUNK;
		}
	}
	uint64_t bytes = s->plan.bytes - s->plan.known;
	if (done == 0)
		return bytes / 2; /* two bytes a nanosecond */
	return (uint64_t)((double)bytes / (double)done * (double)spent /
	                  s->plan.threads);
}

static void
guess_pause(struct snapshot *s, enum snapshot_mode mode, const span_vec *present)
{
	struct snapshot_plan *p = &s->plan;

	if (mode == SNAPSHOT_NONE) {
		struct order_time t = order_measure(s, present);
		p->pause_ns = t.least_ns;
		p->pause_most_ns = t.most_ns;
		return;
	}
	uint64_t ns = mode == SNAPSHOT_DISK ? (p->bytes - p->known) / DISK_RATE * 1000
					    : time_of_copy(s, present);
	p->pause_ns = p->pause_most_ns = STOP_NS + ns;
}

/* The file has a place for every address that could be copied: file systems have limits. */
static bool
is_mapped_sparsely(const struct snapshot *s)
{
	uint64_t total = 0;

	for (size_t i = 0; i < s->maps.n; i++) {
		const struct region *r = &s->maps.at[i];
		total += is_wanted(r) ? r->end - r->start : 0;
	}
	return total > FILE_MAX;
}

static bool
fits_disk(const struct snapshot *s)
{
	const struct snapshot_plan *p = &s->plan;

	return !is_mapped_sparsely(s) && p->disk_room >= DISK_RESERVE && p->bytes <= p->disk_room - DISK_RESERVE;
}

/* What memscan has taken already: it is no longer among what can be spared. */
static uint64_t
taken_already(void)
{
	struct procinfo self;
	struct errbuf eb;

	if (procinfo_get(getpid(), &self, &eb) != MS_OK)
		return 0;
	uint64_t rss = self.rss;
	procinfo_fini(&self);
	return rss;
}

static enum status
refuse(const struct snapshot *s, enum snapshot_mode mode, uint64_t own, struct errbuf *eb)
{
	const struct snapshot_plan *p = &s->plan;
	char need[TEXT_NUM], have[TEXT_NUM];

	if (mode == SNAPSHOT_DISK && is_mapped_sparsely(s))
		return errbuf_set(eb, MS_NOMEM,
		                  "process %d has mapped more addresses than a file can have "
		                  "a place for: see --snapshot",
		                  s->reader.pid);
	if (mode == SNAPSHOT_DISK && own <= p->budget)
		return errbuf_set(eb, MS_NOMEM,
		                  "a copy of the writable memory of process %d takes %s, and "
		                  "in %s there is room for %s",
		                  s->reader.pid, text_size(need, p->bytes),
		                  s->opts.dir != NULL ? s->opts.dir : "no directory",
		                  text_size(have, p->disk_room));
	if (mode == SNAPSHOT_MEMORY)
		own += p->bytes;
	return errbuf_set(eb, MS_NOMEM,
	                  "a copy of the writable memory of process %d, and what is made of "
	                  "it, takes %s, and only %s can be spared%s",
	                  s->reader.pid, text_size(need, own),
	                  text_size(have, p->budget),
	                  mode == SNAPSHOT_MEMORY ? ": see --snapshot" : "");
}

static uint64_t
lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Libraries with code, and the bytes that are mapped of files and are not written to. */
static void
measure_libraries(const struct regions *maps, uint64_t *n, uint64_t *bytes)
{
	*n = *bytes = 0;
	for (size_t i = 0; i < maps->n; i++) {
		const struct region *r = &maps->at[i];
		bool is_read = (r->prot & PROT_READ) != 0 && (r->prot & PROT_WRITE) == 0;
		if (r->inode == 0 || !is_read)
			continue;
		*n += (r->prot & PROT_EXEC) != 0;
		*bytes += r->end - r->start;
	}
}

/* What is made of each object, and of pointers beyond those that any object has. */
static uint64_t
own_of_heap(const struct snapshot *s, const struct heap_census *c)
{
	uint64_t usual = c->most * OWN_POINTERS;
	uint64_t more = c->pointers > usual ? c->pointers - usual : 0;

	uint64_t buffers = lesser(s->left.n * (uint64_t)OWN_BUFFER,
	                          s->plan.left_out / OWN_BUFFER_SHARE);
	uint64_t runs = lesser(s->left_runs / OWN_RUNS_SHARE, OWN_RUNS_MAX);

	return c->most * OWN_OBJECT + lesser(more * OWN_POINTER / 8, OWN_BUFFERS_MAX) +
	       (buffers > runs ? buffers : runs);
}

static uint64_t
own_with_copy(const struct snapshot *s, const struct heap_census *c)
{
	uint64_t n, bytes, workers = s->opts.workers > 0 ? s->opts.workers : 1;

	measure_libraries(&s->maps, &n, &bytes);
	uint64_t libraries = n * OWN_LIBRARY + bytes / OWN_FILE_SHARE;
	return OWN_BASE + workers * OWN_WORKER + lesser(libraries, OWN_LIBRARIES_MAX) +
	       own_of_heap(s, c);
}

static uint64_t
own_without(const struct snapshot *s, const struct heap_census *c)
{
	uint64_t n, bytes;

	measure_libraries(&s->maps, &n, &bytes);
	return HELD_BASE + lesser(n * HELD_LIBRARY, HELD_LIBRARIES_MAX) +
	       lesser(c->most * HELD_OBJECT, HELD_OBJECTS_MAX) + own_of_heap(s, c);
}

/* The more objects, the more pages are worth keeping; at most half of what is left. */
static uint64_t
cache_size(const struct snapshot_plan *p, uint64_t own)
{
	uint64_t spare = p->budget > own ? (p->budget - own) / 2 : 0;
	uint64_t want = lesser(p->objects * CACHE_OBJECT, p->bytes / CACHE_SHARE);

	want = lesser(lesser(want, CACHE_MAX), spare);
	return want > CACHE_MIN ? want : CACHE_MIN;
}

enum status
mode_choose(struct snapshot *s, const span_vec *runs, struct errbuf *eb)
{
	struct snapshot_plan *p = &s->plan;
	enum snapshot_mode mode = s->opts.mode;
	struct heap_census census;
	CLEAN(span_vec_fini) span_vec present = {0};

	/* What is swapped out will be back, or left so: no guess brings it back. */
	swapped_drop(s, runs, &present);
	census_take(s, runs, &present, &census);
	p->objects = census.objects;
	p->budget = budget_bytes();
	p->disk_room = s->opts.dir != NULL ? budget_of_dir(s->opts.dir) : 0;
	p->threads = s->opts.threads > 0 ? s->opts.threads : copy_threads(p->bytes);
	uint64_t own = own_with_copy(s, &census), held = own_without(s, &census);
	p->cache = cache_size(p, held);
	bool fits = own <= p->budget;
	bool fits_memory = fits && p->bytes <= p->budget - own;
	if (mode == SNAPSHOT_AUTO)
		mode = fits_memory ? SNAPSHOT_MEMORY
			: fits_disk(s) && rooms_can_spool(s->opts.dir) ? SNAPSHOT_DISK
			: SNAPSHOT_NONE;
	p->mode = mode;
	if (mode == SNAPSHOT_NONE) {
		own = held + p->cache;
		fits = own <= p->budget;
	}
	p->peak = taken_already() + own + (mode == SNAPSHOT_MEMORY ? p->bytes : 0);
	guess_pause(s, mode, &present);
	if (mode == SNAPSHOT_MEMORY)
		fits = fits_memory;
	if (mode == SNAPSHOT_DISK)
		fits = fits && fits_disk(s);
	return fits || s->opts.plan_only ? MS_OK : refuse(s, mode, own, eb);
}
