/*
 * What need not be there: equal values that are stored many times, and bytes that
 * contents would not need.
 */
#ifndef MEMSCAN_SAVING_H
#define MEMSCAN_SAVING_H

#include "memscan/analysis.h"
#include "memscan/bitset.h"
#include "memscan/heap.h"

/* ---- equal values, stored many times ---- */

/*
 * Objects that could be one, because they are of one type, equal and immutable: str, bytes,
 * int, float; tuple and frozenset, if what they hold is equal, or the same object. Static
 * ones are among them.
 */
struct equals {
	objid *as;               /* nobj: the first that is equal; OBJID_NONE: not to be told */
	struct bitset by_digest; /* those whose values, or a part's, only a digest tells */
	struct bitset unknown;   /* those whose values are cut, and have no digest */
	uint64_t values;         /* str, bytes, int and float whose value the dump has */
};

/* Needs all columns. MS_NOMEM: some bytes an object are not to be had. */
MUST_CHECK enum status equals_compute(
	const struct heap *h, struct equals *ret, struct errbuf *eb);
void equals_fini(struct equals *e);

/* Objects that are equal. */
struct dups_row {
	objid first;      /* of the set */
	uint32_t holder;  /* which holds the most of them, HEAP_NONE: no object does */
	uint64_t held;    /* how many */
	uint64_t count, bytes;
	uint64_t saved;   /* bytes that would go if there were one: all but the largest */
};

/* Those of one type that are there more than once. */
struct dups_type {
	uint32_t type;
	uint64_t values; /* that differ */
	uint64_t count, bytes, saved;
};

/* A way in which copies are held: the first reference to each decides. */
struct dups_holder {
	uint32_t kind;  /* of kinds by owner */
	objid from;     /* one of the references: of this object, */
	uint64_t ref;   /* with this number */
	bool varies;    /* and there are others with another key or index */
	uint64_t count; /* copies */
	uint64_t saved; /* its share */
};

/* Most bytes saved first. */
struct dups {
	struct dups_row *rows;
	struct dups_type *types;
	struct dups_holder *holders; /* rows[].holder is an index */
	uint32_t *holder_order;      /* n_holders */
	size_t n, n_types, n_holders;
	uint64_t count, bytes, saved;
};

/*
 * Equal objects within a set, static ones aside; `owners` are kinds by owner of all objects.
 * MS_NOMEM   some bytes an object are not to be had
 */
MUST_CHECK enum status dups_compute(const struct heap *h, const struct bitset *set,
	const struct equals *e, const struct kinds *owners, struct dups *ret,
	struct errbuf *eb);
void dups_fini(struct dups *d);

/* Dicts with the same keys, all of them str that could be attributes' names. */
struct slots_row {
	uint32_t shape; /* kind of kinds by shape */
	uint32_t kind;  /* kind of kinds by owner */
	objid first;
	uint64_t count, bytes;
	uint64_t saved; /* bytes, if the values were __slots__ instead */
};

struct slots {
	struct slots_row *rows; /* most bytes saved first */
	size_t n;
	uint64_t count, bytes, saved;
};

/*
 * The exact dicts of a set that are no namespace of a module or type; bitset_fini() ret.
 * MS_NOMEM   some bits an object are not to be had
 */
MUST_CHECK enum status slots_dicts(const struct heap *h, const struct bitset *set,
	const struct kinds *owners, struct bitset *ret, struct errbuf *eb);

/* Those of `dicts` whose shape two or more of them have. */
void slots_compute(const struct heap *h, const struct bitset *dicts,
	const struct kinds *owners, const struct kinds *shapes, struct slots *ret);
void slots_fini(struct slots *s);

/* ---- bytes that contents would not need ---- */

/* What is wasted: id, name, how it reads. */
#define WASTE_KINDS(X)                                                                   \
	X(EMPTY, "empty", "empty")                                                       \
	X(SPARSE, "nearly-empty", "nearly empty")                                        \
	X(ROOM, "room", "over-allocated")                                                \
	X(WIDE, "wide", "wider than needed")                                             \
	X(FEW, "few", "few wide characters")                                             \
	X(COPY, "copy", "text kept twice")                                               \
	X(MADE, "made", "__dict__ not needed")

enum waste_kind {
#define WASTE_ENUM(id, name, text) WASTE_##id,
	WASTE_KINDS(WASTE_ENUM)
#undef WASTE_ENUM
	WASTE_COUNT
};

struct waste_row {
	enum waste_kind what;
	uint32_t kind; /* of kinds by owner */
	uint64_t count, bytes, size;
	uint64_t most; /* bytes of the worst */
	objid worst;
};

struct waste_one {
	objid id;
	enum waste_kind what;
	uint64_t bytes;
};

struct waste {
	struct waste_row *rows;  /* most bytes first */
	struct waste_one *worst; /* objects, most bytes first */
	size_t n, n_worst;
	uint64_t count, bytes; /* notes, and the sum of them */
};

/*
 * What the dump's notes say of a set, at most `limit` objects of them in `worst`. Nearly
 * empty: more than half of a dict or set is room.
 */
void waste_compute(const struct heap *h, const struct bitset *set,
	const struct kinds *owners, size_t limit, struct waste *ret);
void waste_fini(struct waste *w);
const char *waste_kind_name(enum waste_kind k);
const char *waste_kind_text(enum waste_kind k);

#endif
