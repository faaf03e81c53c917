/*
 * Several heaps beside each other: which object is which, what changed, what only
 * ever grew, what processes have in common.
 */
#ifndef MEMSCAN_CHANGE_H
#define MEMSCAN_CHANGE_H

#include "memscan/analysis.h"
#include "memscan/bitset.h"
#include "memscan/heap.h"
#include "memscan/retained.h"
#include "memscan/strtab.h"

/* ---- an older dump of the same process ---- */

/* Are they of one process (pid and start time)? */
bool rel_same_process(const struct heap *h, const struct heap *older);

/*
 * The objects of h that `older` has, too: of the same address, type and, as far as it
 * cannot change, value. Needs addr, by_addr, type and values of both.
 * MS_NOMEM   a bit an object is not to be had
 */
MUST_CHECK enum status rel_compute(const struct heap *h, const struct heap *older,
	struct bitset *ret, struct errbuf *eb);

/* Which object of one heap is which of the other; OBJID_NONE: it has none such. */
struct match {
	objid *then; /* by object of the newer heap: it in the older one */
	objid *now;  /* by object of the older heap: it in the newer one */
};

/* The same of both sides. MS_NOMEM: 4 bytes an object of each are not to be had */
MUST_CHECK enum status match_compute(const struct heap *h, const struct heap *older,
	struct match *ret, struct errbuf *eb);
void match_fini(struct match *m);

/* ---- what several processes have in common ---- */

/*
 * The objects of h that `other` has just so, too: at the same address, of the same type and
 * size, with the same value and the same references, by name and address. Reference counts
 * do not matter, and what is in buffers is not known. Of values that are cut, their
 * beginnings and digests are compared. Needs all columns of both but counts and flags.
 * MS_NOMEM   some bytes an object are not to be had
 */
MUST_CHECK enum status same_compute(const struct heap *h, const struct heap *other,
	struct bitset *ret, struct errbuf *eb);

/* ---- what changed between two heaps ---- */

/*
 * Number the kinds of several heaps alike: ret[k], of k->n, is the place in t, from 1 on,
 * of what kind k says. Of divisions by TYPE, OWNER, MODULE or SIZE.
 */
void kinds_number(
	struct strtab *t, const struct heap *h, const struct kinds *k, uint32_t *ret);

enum { OLDER, NEWER };

struct diff_row {
	uint32_t kind[2]; /* of the older and the newer division, or HEAP_NONE */
	struct amount all[2];
	/* As far as objects are told apart; survivors count where they are now. */
	struct amount fresh, gone;    /* new ones, and those that are no more */
	struct amount grown, shrunk;  /* survivors, and by how many bytes */
};

struct diff {
	struct diff_row *rows; /* most grown first, in bytes, then in number */
	size_t n;
	struct diff_row total;
};

/*
 * Compare two heaps kind by kind, the older one first. Without `match` (they are of two
 * processes), only all[] is filled in. Needs what object_bytes needs.
 */
void diff_compute(const struct heap *const h[2], const struct kinds *const k[2],
	const struct match *match, struct diff *ret);
void diff_fini(struct diff *d);

/* By how many bytes it grew; negative if it shrank. */
int64_t diff_growth(const struct diff_row *row);

/* A survivor, or OBJID_NONE: no single one; and the new objects that go when it goes. */
struct diff_holder {
	objid id;
	struct amount fresh;
};

struct diff_holders {
	struct diff_holder *rows; /* most bytes first */
	size_t n;
};

/*
 * What holds new objects: of each in `of` (NULL: all), the nearest dominator that is not
 * new itself.
 * MS_NOMEM   8 bytes an object are not to be had
 */
MUST_CHECK enum status diff_hold(const struct heap *h, const struct dominators *d,
	const struct match *match, const struct bitset *of, struct diff_holders *ret,
	struct errbuf *eb);
void diff_holders_fini(struct diff_holders *d);

/* ---- what only ever grows, over three heaps or more ---- */

struct trend_point {
	uint64_t count, bytes;
};

struct trend_kind {
	uint32_t last; /* kind of the last division */
	size_t point;  /* its n points are trend.points[point ...] */
};

/* A container: an object that has a length. */
struct trend_object {
	objid id;      /* in the last heap */
	uint32_t from; /* number of the heap it was first seen in */
	uint64_t len[2], bytes[2]; /* then, and in the last one */
};

struct trend {
	struct trend_kind *kinds; /* most grown first, in bytes */
	struct trend_object *objects; /* most grown first, in length */
	size_t n_kinds, n_objects;
	struct trend_point *points;
};

/*
 * Kinds of n heaps, in order of time, of which neither number nor bytes is ever less than
 * before, and bytes is more in the end. Fills in kinds and points of ret, which is
 * all-zero before; trend_objects fills in the rest.
 */
void trend_kinds(const struct heap *const *h, const struct kinds *k, size_t n,
	struct trend *ret);

/*
 * Containers in three of the n heaps or more, up to the last, whose length is never less
 * than before, and more in the end; of those that `of` (NULL: all) has of the last heap.
 * All heaps are of one process.
 * MS_NOMEM
 */
MUST_CHECK enum status trend_objects(const struct heap *const *h, size_t n,
	const struct bitset *of, struct trend *ret, struct errbuf *eb);
void trend_fini(struct trend *t);

#endif
