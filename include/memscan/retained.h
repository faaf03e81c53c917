/*
 * What holds what: dominators and retained sizes, the ways from the roots, what a set
 * refers to, and what is near an object.
 */
#ifndef MEMSCAN_RETAINED_H
#define MEMSCAN_RETAINED_H

#include "memscan/analysis.h"
#include "memscan/bitset.h"
#include "memscan/graph.h"
#include "memscan/heap.h"

/* ---- what would be freed ---- */

/*
 * The dominator of an object is the nearest one that is on every way to it: without it,
 * the object would be freed. OBJID_NONE: there is none, the root alone dominates it.
 */
struct dominators {
	objid *idom;  /* nobj */
	objid *order; /* nobj: a dominator stands before what it dominates */
};

/*
 * Semi-NCA over the depth-first order of g, which must be one of g: nearly linear.
 * MS_NOMEM   28 bytes an object and 4 a reference are not to be had
 */
MUST_CHECK enum status dominators_compute(const struct graph *g,
	const struct graph_order *o, struct dominators *ret, struct errbuf *eb);
void dominators_fini(struct dominators *d);

/*
 * Dominators that were kept somewhere, and are not trusted: each object stands once in the order,
 * after its dominator. That they dominate is not checked.
 * MS_FORMAT   something is wrong in them
 */
MUST_CHECK enum status dominators_check(
	const struct heap *h, const struct dominators *d, struct errbuf *eb);

/* Bytes that object i is worth: its size, and memory that it owns beside it. */
uint64_t object_bytes(const struct heap *h, objid i);

/*
 * Bytes that would be freed without the object: its own and those of all that it
 * dominates, by object, into a fresh array; free() it.
 * MS_NOMEM   8 bytes an object are not to be had
 */
MUST_CHECK enum status retained_compute(const struct heap *h, const struct dominators *d,
	uint64_t **ret, struct errbuf *eb);

/* What objects one dominates: those of i are child[first[i] .. first[i + 1] - 1], most
 * retained first; the root's are those of nobj. */
struct domtree {
	uint32_t *first; /* nobj + 2 */
	objid *child;    /* nobj */
};

/* MS_NOMEM   8 bytes an object are not to be had */
MUST_CHECK enum status domtree_build(const struct heap *h, const struct dominators *d,
	const uint64_t *retained, struct domtree *ret, struct errbuf *eb);
void domtree_fini(struct domtree *t);

/* Objects and bytes. */
struct amount {
	uint64_t count, bytes;
};

/* The objects in `of` (NULL: all), and what they are worth together. */
struct amount objects_amount(const struct heap *h, const struct bitset *of);

/*
 * What would be freed if all objects marked in `set` went, themselves included (heapy's
 * domisize): all that cannot be reached without passing one of them. It is more than
 * the sum over the set when its members share something, less when one dominates another.
 * `freed`, if not NULL, becomes the set of it; bitset_fini() it.
 * MS_NOMEM   some bits, and 4 bytes an object, are not to be had
 */
MUST_CHECK enum status retained_set(const struct graph *g, const struct bitset *set,
	struct amount *ret, struct bitset *freed, struct errbuf *eb);

/* What would be freed if all objects of a type went. */
struct retained_type {
	uint32_t type;
	uint64_t count, size; /* of its objects: how many, and what they are worth */
	struct amount retained;
};

/*
 * Fill rows[0 .. n - 1], which say the types: retained_set of all objects of each, 64 types
 * at a time; only of those in `of`, if it is not NULL.
 * MS_NOMEM   9 bytes an object are not to be had
 */
MUST_CHECK enum status retained_types(const struct graph *g, const struct bitset *of,
	struct retained_type *rows, size_t n, struct errbuf *eb);

struct retained_types {
	struct retained_type *rows; /* most retained first, then by type */
	size_t n;
	size_t n_all; /* types that have objects */
};

/*
 * The `limit` (1 or more) types that retain the most, of those that have objects in `of`
 * (NULL: all); t is a tree of g that avoids nothing. It says how much each type can retain
 * at most, so that retained_types is asked only until no other type can be among the first.
 * MS_NOMEM   9 bytes an object are not to be had
 */
MUST_CHECK enum status retained_types_most(const struct graph *g,
	const struct graph_tree *t, const struct bitset *of, size_t limit,
	struct retained_types *ret, struct errbuf *eb);
void retained_types_fini(struct retained_types *t);

/* ---- why it is alive ---- */

/* A way from an entry of the graph down to an object. */
struct path {
	uint32_t entry; /* of the graph */
	objid *at;      /* n objects, at[0] the entry's */
	uint64_t *ref;  /* n: the reference of at[k - 1] to at[k]; ref[0] means nothing */
	size_t n;
};

void path_fini(struct path *p);

/* The way to i in a tree of g; path_fini() it. False if there is none: ret stays. */
bool path_of(const struct graph *g, const struct graph_tree *t, objid i, struct path *ret);

struct paths {
	struct path *at;
	size_t n;
	bool is_all; /* there are no more */
};

void paths_fini(struct paths *p);

/*
 * Ways to one object after the other that have nothing in common but that object; objects
 * marked in `avoid` (may be NULL, borrowed) are not passed.
 * MS_NOMEM   36 bytes an object and 12 a reference are not to be had
 * MS_LIMIT   more than two thousand million objects
 */
struct disjoint;
MUST_CHECK enum status disjoint_new(const struct graph *g, const struct bitset *avoid,
	struct disjoint **ret, struct errbuf *eb);

/* As many ways to object i as there are, but at most max (1 or more); shortest first. */
void disjoint_find(struct disjoint *d, objid i, size_t max, struct paths *ret);
void disjoint_free(struct disjoint *d);

/*
 * Ways merged: one node for all references of one kind and name that go on from one node;
 * also all items of a container, all keys of a dict that is not some object's __dict__.
 */
struct merged_node {
	uint32_t parent; /* node, or HEAP_NONE: it is entry number `entry` */
	uint32_t entry;
	objid from;  /* one reference that it stands for: of this object, */
	uint64_t ref; /* with this number */
	bool varies; /* and there are others with another key or index */
	bool again;  /* stands for any number more of steps like the parent's */
};

/* Objects that are held in one way: those of one node. */
struct merged_row {
	uint32_t node;
	uint64_t count, bytes;
	objid example; /* the first */
};

struct merged {
	struct merged_node *node;
	struct merged_row *rows; /* most objects first */
	size_t n_node, n;
	uint64_t unreached; /* of the set, what no way of the tree leads to */
};

/*
 * The ways of a tree to all objects marked in `set`, merged.
 * MS_NOMEM   4 bytes an object are not to be had
 */
MUST_CHECK enum status paths_merge(const struct graph *g, const struct graph_tree *t,
	const struct bitset *set, struct merged *ret, struct errbuf *eb);
void merged_fini(struct merged *m);

/* ---- what a set refers to, and what refers to it ---- */

enum refs_way { REFS_OUT, REFS_IN };

/* References of one kind and name between the set and objects of one type. */
struct refs_row {
	uint32_t type; /* of those at the other end */
	objid from;    /* one of the references: of this object, */
	uint64_t ref;  /* with this number */
	bool varies;   /* and there are others with another key or index */
	uint64_t count;
};

struct refs_groups {
	struct refs_row *rows; /* most references first */
	size_t n;
	uint64_t count;       /* references */
	struct amount others; /* objects at the other end, each once */
};

/* Weak references are among them. MS_NOMEM: some bits an object are not to be had. */
MUST_CHECK enum status refs_compute(const struct heap *h, const struct bitset *set,
	enum refs_way way, struct refs_groups *ret, struct errbuf *eb);
void refs_fini(struct refs_groups *g);

/* ---- the neighbourhood of an object ---- */

enum { NEAR_MAX = 100000 /* rows after which no more objects are unfolded */ };

/* A reference on the way out from the object, or in to it. */
struct near_row {
	objid id;        /* the object at its far end */
	objid from;      /* the reference: of this object, */
	uint64_t ref;    /* with this number */
	uint32_t depth;  /* steps from the middle, 1 or more */
	uint32_t parent; /* row of the object at its near end, or HEAP_NONE: the middle */
	bool is_again;   /* the object is the middle, or in a row before */
	uint64_t more;   /* references of this object that were left out */
};

struct near {
	struct near_row *rows; /* nearest first */
	size_t n;
	uint64_t more; /* of the middle */
};

/*
 * What object `of` refers to, in up to depth steps, and at most `limit` references of each
 * object; with `in` (graph_in_build), what refers to it. Weak references are among them.
 * MS_NOMEM   some bits an object are not to be had
 */
MUST_CHECK enum status near_compute(const struct heap *h, const struct graph_in *in,
	objid of, uint32_t depth, size_t limit, struct near *ret, struct errbuf *eb);
void near_fini(struct near *n);

#endif
