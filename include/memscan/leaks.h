/*
 * What is probably leaked: reference counts against the references found, suspects,
 * cycles.
 */
#ifndef MEMSCAN_LEAKS_H
#define MEMSCAN_LEAKS_H

#include "memscan/analysis.h"
#include "memscan/bitset.h"
#include "memscan/graph.h"
#include "memscan/heap.h"
#include "memscan/retained.h"

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

#endif
