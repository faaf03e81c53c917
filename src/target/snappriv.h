/*
 * What the files of the snapshot share: the plan, and what was copied of it.
 */
#ifndef MEMSCAN_TARGET_SNAPPRIV_H
#define MEMSCAN_TARGET_SNAPPRIV_H

#include "priv.h"

/* What a page that is not present stands for. */
enum absence {
	ABSENT_ZERO, /* zeros, or the bytes of the file that are in the room already */
	ABSENT_LIVE, /* something: ask the process, which then makes the page present */
	LEFT_OUT,    /* the whole piece is not copied */
};

/* Room for a region and for what may grow beside it: [low, high) of the target. */
struct room {
	taddr start, end; /* the region when it was planned */
	taddr low, high;
	uint8_t *bytes;   /* of low */
	bool has_base;    /* the bytes of a file have been laid under it: */
	uint64_t inode;
	uint64_t delta;   /* offset in the file less address */
};

/* A part of a region of the stopped process, and where its bytes go. */
struct piece {
	size_t region; /* index in maps */
	taddr start, end;
	uint8_t *data;
	enum absence absent;
	size_t first, last; /* runs of pages present */
};

typedef VEC(struct piece) piece_vec;

struct mapping {
	void *at;
	size_t len;
};

/* A page that was not the same when it was looked at again. */
struct torn_page {
	taddr addr;
	uint8_t *now; /* what it was like then; NULL if that was not kept */
	bool is_gone; /* it could not be read any more */
};
enum { TORN_KEPT_MAX = 64 << 20 }; /* bytes */

struct snapshot {
	struct snapshot_opts opts;
	struct snapshot_plan plan;
	struct reader reader;
	const struct stop *stop; /* SNAPSHOT_NONE: that under which it is read */
	int spool;       /* SNAPSHOT_DISK: the file, or -1 */
	uint64_t spooled; /* its length */
	span_vec left;   /* out of the copy, by address */
	uint64_t left_runs; /* bytes of it when it was planned, in which there may be many buffers */
	struct machine machine;
	struct pagemap pagemap;
	struct regions maps; /* of the last copy */
	VEC(struct room) rooms; /* by address */
	VEC(struct mapping) mappings; /* the room; that of the plan comes first */
	size_t n_planned;
	piece_vec pieces; /* by address */
	span_vec runs;
	span_vec missing;
	chunk_vec chunks;
	span_vec forked; /* pages that other processes have too, when it was planned */
	chunk_vec aside; /* chunks of these, on their way into chunks */
	span_vec same;   /* pages that are in the copy of another process, s->opts.base */
	chunk_vec fills; /* where they go */
	bool is_again; /* the room holds an older copy */
	uint64_t swapped; /* bytes missing because they were swapped out */
	struct precopy *pre; /* what was copied before the stop, or NULL */
	bool is_compared;
	VEC(struct torn_page) torn; /* by address */
};

/* ---- snapshot.c ---- */

/* List the mappings anew, and cut them into pieces; what is to be copied is not known yet. */
MUST_CHECK enum status snapshot_remap(struct snapshot *s, struct errbuf *eb);

/* ---- rooms.c ---- */

/* Is it memory of the process's own, rather than that of a file? */
bool is_anonymous(const struct region *r);

/* Is it to be copied? */
bool is_wanted(const struct region *r);

/*
 * Which pages of what is wanted are to be copied: what is left out and how much the
 * rest is goes into s->plan, the runs of pages into runs.
 */
void rooms_measure(struct snapshot *s, span_vec *runs);

/* Reserve room for all that is wanted of s->maps, and touch it. MS_NOMEM, MS_LIMIT. */
MUST_CHECK enum status rooms_plan(struct snapshot *s, const span_vec *runs, struct errbuf *eb);

/* Give a region of s->maps its room: append pieces. MS_NOMEM. */
MUST_CHECK enum status rooms_place(struct snapshot *s, size_t region, struct errbuf *eb);

/* Whether a file for a copy can be made in dir. */
bool rooms_can_spool(const char *dir);

/* Make room that was used as if it had not been. */
void rooms_drop(const struct snapshot *s, uint8_t *p, size_t len);

/* Give back the room from the nth mapping on. */
void rooms_unmap(struct snapshot *s, size_t first);

/* ---- swapped.c ---- */

/* How much of the process is swapped out, and whether it is left so: into s->plan. */
void swapped_look(struct snapshot *s);

/* Append what is not swapped out of runs of pages. */
void swapped_drop(const struct snapshot *s, const span_vec *runs, span_vec *ret);

/* ---- forked.c ---- */

/* Find the pages that the process has in common with others since a fork(): s->forked. */
void forked_find(struct snapshot *s);

/* Are there any in [start, end)? */
bool forked_has(const struct snapshot *s, taddr start, taddr end);

enum { HEADS_AT_ONCE = 64, PAGE_HEAD = 16 };

/*
 * The first PAGE_HEAD bytes of each of n pages from at on, HEADS_AT_ONCE at most; pages in common stay so.
 * False if one cannot be read: those behind it were not.
 */
bool pages_heads(const struct snapshot *s, taddr at, size_t n, uint8_t *ret);

/* Append a run of a piece, in chunks of at most `most` bytes. */
void append_chunks(chunk_vec *v, const struct piece *p, struct span run, size_t most,
                   bool by_file);

/* List [at, end) of a piece for copying: in s->chunks, or aside. */
void forked_list(struct snapshot *s, const struct piece *p, taddr at, taddr end);

/* ---- known.c ---- */

/* How much of the runs of pages is common with another process, for the plan. */
uint64_t known_measure(const struct snapshot *s, const span_vec *runs);

/* In the stop: which pages the other process's copy has, into s->same. */
void known_confirm(struct snapshot *s);

/* List a run of pages of a piece: what is to be copied, and what is to be filled in. */
void known_list(struct snapshot *s, const struct piece *p, struct span run);

/* After the stop: fill in what was taken from the other process's copy. */
void known_fill(const struct snapshot *s);

/* ---- precopy.c ---- */

/* Can it be done? Into s->plan, and s->pre. Writes to nothing of the process. */
void precopy_open(struct snapshot *s);
void precopy_free(struct precopy *pre);

/* In the stop, before anything is listed. */
void precopy_confirm(struct snapshot *s);

/* Did nothing happen that makes what was copied before the stop worthless? */
bool precopy_is_believed(const struct snapshot *s);

/*
 * List the pages of a piece in s->runs, and those of them that have to be copied, as they are not
 * what was copied before the stop. False, and nothing, if none of it can have been.
 */
bool precopy_list(struct snapshot *s, const struct piece *p, span_vec *changed);

/* Pages that were copied before the stop, and are gone: zeros again. */
void precopy_drop(const struct snapshot *s, const struct piece *p);

/* Bytes that need not be copied in the stop. */
uint64_t precopy_same(const struct snapshot *s);

/* ---- bulk.c ---- */

/*
 * What of s->maps is raw and long, by address; *runs bytes of it may be any number of buffers
 * side by side, the rest is one each.
 */
void bulk_find(const struct snapshot *s, span_vec *ret, uint64_t *runs);

/* In the stop: take out of left what is not raw any more. */
void bulk_confirm(struct snapshot *s, span_vec *left);

/* ---- again.c ---- */

/* target_ops.again */
MUST_CHECK enum status snapshot_again(void *self, taddr addr, void *buf, size_t n);
void again_fini(struct snapshot *s);

/* ---- census.c ---- */

/* What a heap consists of, so far as a sample says. */
struct heap_census {
	uint64_t objects;
	uint64_t most;     /* of them that there may well be */
	uint64_t pointers; /* words that lead into it */
};

/* Look at some pages of the process, which runs; runs are what is to be copied, and present what is not swapped out of it. */
void census_take(const struct snapshot *s, const span_vec *runs, const span_vec *present, struct heap_census *ret);

/* ---- order.c ---- */

enum { ORDER_RECENT = 16 };

/* A part of the heap that was read. */
struct order_piece {
	taddr addr;
	const uint8_t *bytes;
	size_t n;
	unsigned width; /* of a pointer */
	bool swap;
};

/* What some parts of a heap say of all of it. */
struct order_sample {
	uint64_t bytes;   /* looked at */
	uint64_t far;     /* addresses that lead neither beside them nor to where those before led */
};

/* How long it takes to walk a heap without a copy. */
struct order_time {
	uint64_t least_ns, most_ns;
};

/* Add a part to the sample of a heap that lies in runs, which are in order. */
void order_look(struct order_sample *o, const span_vec *runs, const struct order_piece *p);

/* Of a heap as p says, objects and bytes, of which p->cache can be kept, when a page is read in read_ns. */
struct order_time order_time(const struct order_sample *o, const struct snapshot_plan *p, double read_ns);

/* Look at the process, which runs, when the plan says how many objects it has: of the heap in runs, some pages are read. */
struct order_time order_measure(const struct snapshot *s, const span_vec *runs);

/* ---- mode.c ---- */

/*
 * Choose s->plan.mode and fill in the rest of the plan; runs are what is to be copied.
 * MS_NOMEM: no mode will do, or not the one that is wanted.
 */
MUST_CHECK enum status mode_choose(struct snapshot *s, const span_vec *runs,
                                   struct errbuf *eb);

#endif
