/*
 * What a heap answers: pure functions from const arrays to fresh arrays. They do not
 * print, do not call each other, do not write into their inputs; ties are broken by id,
 * so that the same dump gives the same bytes.
 */
#ifndef MEMSCAN_ANALYSIS_H
#define MEMSCAN_ANALYSIS_H

#include "memscan/bitset.h"
#include "memscan/graph.h"
#include "memscan/heap.h"
#include "memscan/strtab.h"

/* ---- kinds: which objects are alike ---- */

/* How objects are put together: id, name. */
#define KINDS_BY(X)                                                                      \
	X(TYPE, "type")           /* its type */                                         \
	X(OWNER, "owner")         /* its type; "dict of Foo" for what is a __dict__ */   \
	X(MODULE, "module")       /* the module of its type */                           \
	X(SIZE, "size")           /* bytes */                                            \
	X(REFERRERS, "referrers") /* the set of kinds (OWNER) that refer to it */        \
	X(VIA, "via")             /* the set of ways in which it is referred to */       \
	X(VALUE, "value")         /* type and value */                                   \
	X(SHAPE, "shape")         /* the set of attributes or keys that it has */        \
	X(INTERPRETER, "interpreter") /* whose it is */                                  \
	X(GENERATION, "generation")   /* which the collector has it in */

enum kinds_by {
#define KINDS_ENUM(id, name) KINDS_##id,
	KINDS_BY(KINDS_ENUM)
#undef KINDS_ENUM
	KINDS_COUNT
};

/* A kind of one of the first four sorts, or of the last two. */
struct kind {
	uint32_t type;  /* type id of its objects; TYPE, OWNER; else of the first */
	uint32_t owner; /* OWNER: type id of the class that the dicts are of, or HEAP_NONE */
	uint64_t n;     /* MODULE: string id; SIZE: bytes; others: see heap_interp_of, heap_generation_of */
};

/* A part of a kind of REFERRERS, VIA or SHAPE. */
enum part_kind {
	PART_OWNER, /* x: a kind of kinds.owners */
	PART_ROOT,  /* x: number of a root, which stands for those like it */
	PART_NAMED, /* a reference: how: enum ref_kind, x: string id */
	PART_INDEX, /* how, x: index */
	PART_KEYED, /* x: id in kinds.texts: ['key'] */
	PART_ANY,   /* an index or a dict's key, which vary: [*] */
	PART_PLAIN, /* how: what has no name */
	PART_KEY,   /* SHAPE: x: id in kinds.texts */
};

struct part {
	enum part_kind kind;
	enum ref_kind how;
	uint64_t x;
};

/*
 * A division of objects into kinds 0 .. n - 1. kind_text() of report.h puts it in words.
 * Owns all that it points to.
 */
struct kinds {
	enum kinds_by by;
	uint32_t n;
	uint32_t *of;          /* nobj: the kind of each object; HEAP_NONE: not asked for */
	struct kind *at;       /* n, of the first four and the last two */
	objid *first;          /* n: the first object of each kind; VALUE and SHAPE */
	struct strtab *lists;  /* the rest: string k is kind k, numbers of parts in memory order */
	struct part *parts;
	uint32_t n_parts;
	struct strtab *texts;  /* what dict keys are, as they are shown */
	struct kinds *owners;  /* REFERRERS: the kinds of those that refer */
};

/*
 * Divide the objects of a set (NULL: all). Needs type, size32, big, types, strings, first,
 * to and label; for VIA also roots and values, for REFERRERS roots, for VALUE and SHAPE
 * values. TYPE, MODULE and SIZE do without references.
 * MS_NOMEM
 */
MUST_CHECK enum status kinds_make(const struct heap *h, enum kinds_by by,
	const struct bitset *of, struct kinds *ret, struct errbuf *eb);
void kinds_fini(struct kinds *k);
const char *kinds_by_name(enum kinds_by by);

/* ---- summary ---- */

enum summary_sort { SUMMARY_BY_SIZE /* and buffers */, SUMMARY_BY_COUNT };

/* The objects of a kind, or of a kind that are of another kind, too. */
struct summary_row {
	uint32_t kind; /* of the first division; of rows in sub, of the second */
	uint64_t count;
	uint64_t size;    /* bytes, sum of shallow sizes */
	uint64_t buffers; /* bytes of memory that they own and that is not in their sizes */
	uint64_t largest; /* bytes of its largest object */
	objid largest_id;
	size_t sub, n_sub; /* rows of the second division */
};

struct summary {
	struct summary_row *rows;
	size_t n;
	struct summary_row *sub; /* those of row 0, those of row 1 ... */
	size_t n_sub;
	uint64_t count, size, buffers; /* totals */
};

/*
 * Count and size by kind; if `then` is not NULL, of each kind by those kinds, too. Both
 * divide the same objects. Needs type, size32, big and buffers.
 */
void summary_compute(const struct heap *h, const struct kinds *by,
	const struct kinds *then, enum summary_sort sort, struct summary *ret);
void summary_fini(struct summary *s);

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

/* The way to i in a tree of g; false if there is none. */
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

/* The exact dicts of a set that are no namespace of a module or type, into a fresh set. */
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

/* ---- reference counts ---- */

/* Objects of one type whose stored counts are not what was found. */
struct refcounts_row {
	uint32_t type;
	uint64_t count;   /* of the type, whose counts mean something */
	uint64_t objects; /* of them with references left over, or missing */
	uint64_t refs;    /* those references */
	objid example[3]; /* most references first, then the first; OBJID_NONE */
};

/*
 * The audit of reference counts: what is stored in each object against the references
 * that were found to it and that CPython counts. What is borrowed (weak references, the
 * interned table, globals of a frame, keys of a shared table) does not count. Words in the
 * static data of libraries, on C stacks and the like explain what is left over, as far as
 * there are any.
 */
struct refcounts {
	int64_t *left; /* nobj: stored less found, and less such words; 0 if the count means nothing */
	uint32_t *native; /* nobj: such words, as far as they explain something */
	struct refcounts_row *over, *under; /* left over, and missing; most references first */
	size_t n_over, n_under;
	uint64_t audited, never_freed, uncounted; /* objects; static or immortal, deferred */
	uint64_t exact;                           /* of those audited: nothing left, none missing */
	uint64_t found, by_native; /* references; words that explained some */
	uint64_t over_objects, over_refs, under_objects, under_refs;
};

/*
 * Of the objects in `of` (NULL: all) alone; but left and native are of all.
 * MS_NOMEM   12 bytes an object are not to be had. Needs all columns but values.
 */
MUST_CHECK enum status refcounts_compute(const struct graph *g, const struct bitset *of,
	struct refcounts *ret, struct errbuf *eb);
void refcounts_fini(struct refcounts *c);

/* ---- suspects ---- */

/* What is suspected: id, name, what it means of one, and of many. */
#define LEAK_KINDS(X)                                                                    \
	X(CONTAINER, "container", LEAK_TEXT_CONTAINER, LEAK_TEXT_CONTAINER)              \
	X(OBJECT, "object", LEAK_TEXT_OBJECT, LEAK_TEXT_OBJECT)                          \
	X(TYPE, "type", LEAK_TEXT_TYPE, LEAK_TEXT_TYPE)                                  \
	X(CYCLE, "cycle",                                                                \
		"Nothing reaches this cycle any more: it waits for the collector.",      \
		"Nothing reaches these cycles any more: they wait for the collector.")   \
	X(CYCLE_DEL, "cycle-del",                                                        \
		"Nothing reaches this cycle any more: it waits for the collector, which " \
		"has a __del__ to call; before Python 3.4 such a cycle is never freed.", \
		"Nothing reaches these cycles any more: they wait for the collector, "   \
		"which has __del__ to call; before Python 3.4 they are never freed.")    \
	X(GARBAGE, "gc.garbage",                                                         \
		"The collector could not free this object, and keeps it in gc.garbage.", \
		"The collector could not free these objects, and keeps them in "         \
		"gc.garbage.")                                                           \
	X(TRACEBACK, "traceback",                                                        \
		"This traceback keeps the frames that an exception passed, with all "    \
		"their local variables, for as long as somebody keeps the exception.",   \
		"These tracebacks keep the frames that exceptions passed, with all "     \
		"their local variables, for as long as somebody keeps the exceptions.")  \
	X(FRAME, "frame",                                                                \
		"This frame of a call, generator or coroutine has ended, but somebody "  \
		"keeps it, and it keeps its local variables.",                           \
		"These frames of calls, generators or coroutines have ended, but "       \
		"somebody keeps them, and they keep their local variables.")             \
	X(NATIVE, "native",                                                              \
		"No reference to this object was found, yet its reference count says "   \
		"that there are some: native code holds it, or an extension leaked it.", \
		"No references to these objects were found, yet their reference counts " \
		"say that there are some: native code holds them, or an extension "      \
		"leaked them.")

#define LEAK_TEXT_CONTAINER                                                              \
	"It keeps a large part of the heap, spread over many objects below it: a cache " \
	"or registry that only grows looks like this."
#define LEAK_TEXT_OBJECT                                                                 \
	"This object alone keeps a large part of the heap, and nothing below it does."
#define LEAK_TEXT_TYPE "All objects of this type together keep a large part of the heap."

enum leak_kind {
#define LEAK_ENUM(id, name, one, many) LEAK_##id,
	LEAK_KINDS(LEAK_ENUM)
#undef LEAK_ENUM
	LEAK_COUNT
};
const char *leak_kind_name(enum leak_kind k);
const char *leak_kind_text(enum leak_kind k, bool is_one);

/*
 * What a plain interpreter that imported much of the standard library has of native and
 * cyclic suspects is far less than either.
 */
enum { LEAK_SMALL_BYTES = 100000, LEAK_SMALL_OBJECTS = 1000 };

struct leak {
	enum leak_kind kind;
	objid object;       /* it, or an example */
	uint32_t type;      /* of objects, or of what a container keeps most of */
	uint64_t count;     /* objects; of a container what it keeps directly; cycles */
	uint64_t of_type;   /* of those: how many are of that type */
	struct amount kept; /* what would be freed without them */
	bool is_small;      /* less than LEAK_SMALL_* of both: of no weight */
};

struct leaks {
	struct leak *at; /* most bytes first; then the small ones */
	size_t n;
	uint64_t total; /* bytes of all objects */
};

/*
 * Suspects, among the objects in `of` (NULL: all). Containers, objects and types that keep
 * less than `min` bytes are none; the other kinds always are. A cycle is one of which any
 * object is in `of`. g, d, retained, tree and counts are of one heap.
 * MS_NOMEM   16 bytes an object are not to be had
 */
struct leaks_in {
	const struct graph *g;
	const struct dominators *d;
	const struct domtree *tree;
	const uint64_t *retained;
	const struct refcounts *counts;
	const struct bitset *of;
	uint64_t min;
};
MUST_CHECK enum status leaks_compute(
	const struct leaks_in *in, struct leaks *ret, struct errbuf *eb);
void leaks_fini(struct leaks *l);

/* ---- cycles ---- */

/* Strongly connected components: objects each of which can be reached from each other. */
struct cycles {
	uint32_t *component; /* nobj: equal for objects of one component; 0: on no cycle */
	uint32_t n;          /* components, numbered from 1 */
};

/*
 * Components of two objects or more, and objects that refer to themselves, among those
 * not marked in `outside` (may be NULL).
 * MS_NOMEM   12 bytes an object are not to be had
 */
MUST_CHECK enum status cycles_compute(const struct graph *g, const struct bitset *outside,
	struct cycles *ret, struct errbuf *eb);
void cycles_fini(struct cycles *c);

/*
 * The shortest way from object i back to it: at[0] and at[n - 1] are i, entry means
 * nothing. False if there is none within a hundred thousand objects.
 */
bool cycle_through(const struct graph *g, objid i, struct path *ret);

/*
 * ---- selections: sets of objects, said in the language of memscan-select(7) ----
 *
 * What an expression needs that is not in the heap. A function may be NULL, and so may
 * the whole: then a selection that needs it is MS_USAGE. What they give is borrowed, and
 * asked for when an expression needs it only.
 */
struct sel_env {
	void *self;
	/* Retained bytes of each object (nobj): "retained > 10M". */
	enum status (*retained)(void *self, const uint64_t **ret, struct errbuf *eb);
	/* Objects that an older dump has, too (--rel): "new" is all others. */
	enum status (*older)(void *self, const struct bitset **ret, struct errbuf *eb);
	/* Told of a type by name that the heap has not: probably a slip of the pen. */
	void (*unknown_type)(void *self, const char *name);
};

struct sel;

/*
 * Read an expression.
 * MS_USAGE   it is wrong; the message has the expression and a caret below the place
 */
MUST_CHECK enum status sel_parse(const char *expr, struct sel **ret, struct errbuf *eb);
void sel_free(struct sel *s);

/*
 * The objects that it means, as a set of the range 0 .. nobj - 1; bitset_fini() it. Needs
 * all columns.
 * MS_USAGE   what it needs is not to be had of env or of this dump
 * MS_ABSENT  no object at an address
 * MS_NOMEM   some bits an object are not to be had
 */
MUST_CHECK enum status sel_select(const struct sel *s, const struct heap *h,
	const struct sel_env *env, struct bitset *ret, struct errbuf *eb);

/* Both at once. */
MUST_CHECK enum status sel_eval(const struct heap *h, const char *expr,
	const struct sel_env *env, struct bitset *ret, struct errbuf *eb);

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
 * before, and bytes is more in the end.
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

/* ---- the largest objects ---- */

/* BUFFER: memory that they own beside themselves. BOTH: size and buffer, each byte once. */
enum top_by { TOP_SIZE, TOP_BUFFER, TOP_BOTH, TOP_RETAINED };

struct top_row {
	objid id;
	uint64_t bytes;
};

struct top {
	struct top_row *rows; /* largest first */
	size_t n;
	uint64_t count, bytes; /* of all, shown or not */
};

/* At most `limit` (1 or more) objects of a set; `retained` is for TOP_RETAINED alone. */
void top_compute(const struct heap *h, const struct bitset *of, enum top_by by,
	const uint64_t *retained, size_t limit, struct top *ret);
void top_fini(struct top *t);

/* ---- threads ---- */

struct threads_row {
	uint32_t first, n; /* its frames: thread_frames.order[first .. first + n), innermost first */
	objid name;        /* the str that threading knows it by, or OBJID_NONE */
	uint64_t native_id; /* 0 if not known */
	bool holds_gil;
};

struct threads {
	struct threads_row *rows; /* one for each of heap.threads */
	uint32_t *order;          /* nframe: frames by thread */
	uint32_t *first;          /* nframe + 1: roots of frame i are roots[first[i] .. first[i + 1]) */
	uint32_t *roots;          /* indices of heap.roots, in their order */
	bool knows_gil;           /* holds_gil says something */
};

/*
 * Put the frames of the dump to their threads, and the roots to their frames; find the
 * threads' names. Needs all columns but buffers, regions and damage.
 */
void threads_compute(const struct heap *h, struct threads *ret);
void threads_fini(struct threads *t);

/* A variable of a frame. */
struct frame_local {
	uint32_t name; /* string id, or 0: it is the key */
	objid key;     /* of a module or class body: the key object, else OBJID_NONE */
	objid value;   /* out of its cell, if it is in one */
};

/* Call each for the variables of a frame that have a value, in order of their slots, until it returns false. */
void frame_locals(const struct heap *h, const struct threads *t, uint32_t frame,
	bool (*each)(void *self, const struct frame_local *l), void *self);

#endif
