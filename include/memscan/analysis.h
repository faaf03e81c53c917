/*
 * What a heap answers: pure functions from const arrays to fresh arrays. They do not
 * print, and do not write into their inputs; ties are broken by id, so that the same dump
 * gives the same bytes. MS_NOMEM is about arrays by object or reference; where there is
 * no memory for what is smaller, the program ends (mem.h).
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
