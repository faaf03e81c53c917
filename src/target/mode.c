/*
 * Where a copy goes: into memory if there is enough of it, else into a file, else nowhere
 * and the process is read while it is held. Decided before anything is stopped, touched
 * or written, by what the machine and the cgroup have left.
 */
#include "snappriv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/mem.h"
#include "memscan/text.h"

#define FILE_MAX (1ULL << 40)

enum {
	OBJECT_COPIED = 80,   /* bytes of a heap for each object in it, at a guess */
	OBJECT_OWN = 24,      /* bytes that memscan takes for one: 16 to 20 were measured */
	OBJECT_CACHE = 40,   /* for pages of a process without a copy, */
	CACHE_MIN = 2 << 20,
	CACHE_MAX = 128 << 20,
	OWN_BASE = 5 << 20,   /* tables and buffers of a walk, whatever is walked */
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

static void
span_vec_fini(span_vec *v)
{
	vec_fini(v);
}

/* Nanoseconds to copy so much as runs have, by copying a little of it, once. */
static uint64_t
time_of_copy(const struct snapshot *s, const span_vec *runs)
{
	CLEAN_FREE uint8_t *buf = xmalloc(PROBE_CHUNK);
	CLEAN(span_vec_fini) span_vec present = {0};
	uint64_t done = 0, spent = 0;

	memset(buf, 0, PROBE_CHUNK);
	swapped_drop(s, runs, &present);
	for (size_t i = 0; i < present.n && done < PROBE_BYTES; i++) {
		taddr end = present.at[i].end;
		for (taddr at = present.at[i].start; end - at >= PROBE_CHUNK;
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
guess_pause(struct snapshot *s, enum snapshot_mode mode, const span_vec *runs)
{
	struct snapshot_plan *p = &s->plan;

	if (mode == SNAPSHOT_NONE) {
		struct order_time t = order_measure(s, runs);
		p->pause_ns = t.least_ns;
		p->pause_most_ns = t.most_ns;
		return;
	}
	uint64_t ns = mode == SNAPSHOT_DISK ? (p->bytes - p->known) / DISK_RATE * 1000
					    : time_of_copy(s, runs);
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

/* The more objects, the more pages are worth keeping; at most half of what is left. */
static uint64_t
cache_size(const struct snapshot_plan *p, uint64_t own)
{
	uint64_t want = p->objects * OBJECT_CACHE;
	uint64_t spare = p->budget > own ? (p->budget - own) / 2 : 0;

	want = want < CACHE_MAX ? want : CACHE_MAX;
	want = want < spare ? want : spare;
	want = want < p->bytes ? want : p->bytes;
	return want > CACHE_MIN ? want : CACHE_MIN;
}

enum status
mode_choose(struct snapshot *s, const span_vec *runs, struct errbuf *eb)
{
	struct snapshot_plan *p = &s->plan;
	enum snapshot_mode mode = s->opts.mode;

	p->objects = p->bytes / OBJECT_COPIED;
	p->budget = budget_bytes();
	p->disk_room = s->opts.dir != NULL ? budget_of_dir(s->opts.dir) : 0;
	p->threads = s->opts.threads > 0 ? s->opts.threads : copy_threads(p->bytes);
	uint64_t own = OWN_BASE + p->objects * OBJECT_OWN;
	p->cache = cache_size(p, own);
	bool fits = own <= p->budget;
	bool fits_memory = fits && p->bytes <= p->budget - own;
	if (mode == SNAPSHOT_AUTO)
		mode = fits_memory ? SNAPSHOT_MEMORY
			: fits_disk(s) && rooms_can_spool(s->opts.dir) ? SNAPSHOT_DISK
			: SNAPSHOT_NONE;
	p->mode = mode;
	if (mode == SNAPSHOT_NONE)
		own += p->cache;
	p->peak = taken_already() + own + (mode == SNAPSHOT_MEMORY ? p->bytes : 0);
	guess_pause(s, mode, runs);
	if (mode == SNAPSHOT_MEMORY)
		fits = fits_memory;
	if (mode == SNAPSHOT_DISK)
		fits = fits && fits_disk(s);
	return fits || s->opts.plan_only ? MS_OK : refuse(s, mode, own, eb);
}
