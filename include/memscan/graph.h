/*
 * The reference graph: turned round (who refers to an object), and as what keeps what
 * alive: a root above all roots, searches from it. Arrays in, arrays out; ids only.
 */
#ifndef MEMSCAN_GRAPH_H
#define MEMSCAN_GRAPH_H

#include "memscan/bitset.h"
#include "memscan/heap.h"

/*
 * In-edges. Sources of the references to object i are from[first[i] .. first[i + 1] - 1],
 * in the order of the references' numbers.
 */
struct graph_in {
	uint64_t *first; /* nobj + 1; NULL from graph_in_of */
	uint32_t *from;  /* source object of each in-edge */
	uint64_t *ref;   /* number of the reference in heap.to, for its label */
	uint64_t n;      /* in-edges */
};

/*
 * Reverse all references of h (by counting, no sort). Needs first, to. Sources ascend
 * within one target; a source stands there once for each of its references.
 *
 * MS_NOMEM   12 bytes a reference and 8 an object are not to be had
 */
MUST_CHECK enum status graph_in_build(
	const struct heap *h, struct graph_in *ret, struct errbuf *eb);

/*
 * The in-edges of one object only: from[0 .. n - 1] and ref alike. Found by scanning all
 * references twice: no memory beyond the answer.
 */
MUST_CHECK enum status graph_in_of(
	const struct heap *h, objid of, struct graph_in *ret, struct errbuf *eb);
void graph_in_fini(struct graph_in *g);

/* ---- what keeps what alive ---- */

enum { GRAPH_NO_GUESS = 1 /* guessed references keep nothing alive */ };

/*
 * The heap as a graph with one root. An object's references keep alive what they go to,
 * but for weak ones and those of the table of interned strings, which CPython does not
 * count either. Hidden ones do; guessed ones too, unless they are told not to.
 *
 * The root refers to the entries. The first n_held of them are held by something that is
 * known: the dump's roots, and what lies in static data or is immortal and so is never
 * freed; of what these do not lead to, what words in the data of native libraries point to,
 * which may be stale. The others are as few objects as the rest of the heap can be reached from:
 * garbage that waits for the collector, and what only native code holds. So each
 * object is reached.
 */
struct graph {
	const struct heap *h; /* borrowed */
	uint32_t skip;        /* a label with one of these bits keeps nothing alive */
	objid *entry;         /* n_entry, each object once */
	uint32_t *root;       /* by entry: the dump's root, or HEAP_NONE */
	uint32_t n_entry, n_held;
	objid *quiet; /* n_quiet tables of interned strings */
	uint32_t n_quiet;
};

/*
 * Needs roots, flags, first, to, label. Entries are in order of what they say to people:
 * modules, then threads and their frames, then the rest.
 * MS_NOMEM   some bits and at most 4 bytes an object are not to be had
 */
MUST_CHECK enum status graph_build(
	const struct heap *h, unsigned flags, struct graph *ret, struct errbuf *eb);
void graph_fini(struct graph *g);

/*
 * A graph of which h, n_entry, n_held, entry and root were kept somewhere, and are not
 * trusted: find the rest. Takes them, in *ret, which is the caller's to end after an error, too.
 * MS_FORMAT   they are not those of a graph of this heap, or not for these flags
 */
MUST_CHECK enum status graph_restore(unsigned flags, struct graph *ret, struct errbuf *eb);

/* Whether a reference with this label keeps its target alive. */
static inline bool
graph_holds(const struct graph *g, uint32_t label)
{
	return ref_kind(label) != RK_WEAK && (label & g->skip) == 0;
}

/* The references of object i that may hold are lo .. the result - 1. */
static inline uint64_t
graph_refs(const struct graph *g, objid i, uint64_t *lo)
{
	bool is_quiet = false;

	for (uint32_t k = 0; k < g->n_quiet; k++)
		is_quiet |= g->quiet[k] == i;
	*lo = g->h->first[i];
	return is_quiet ? *lo : g->h->first[i + 1];
}

/*
 * Mark what can be reached from the objects seeds[0 .. n - 1] without passing one that is
 * marked already. Marked seeds are passed over.
 * Costs up to 4 bytes for each object that becomes marked.
 */
void graph_reach(
	const struct graph *g, const objid *seeds, size_t n, struct bitset *marks);

/* Objects by depth-first search from the root, which is number 0; objects count from 1. */
struct graph_order {
	objid *at;        /* nobj + 1: object by number; at[0] is OBJID_NONE */
	uint32_t *number; /* nobj: by object */
	uint32_t *parent; /* nobj + 1: number of the one it was reached from */
	uint32_t n;       /* objects */
};

/* MS_NOMEM   12 bytes an object, and 12 while it works, are not to be had */
MUST_CHECK enum status graph_order_build(
	const struct graph *g, struct graph_order *ret, struct errbuf *eb);
void graph_order_fini(struct graph_order *o);

/*
 * Shortest ways from the root, breadth first. The step from an object to its own
 * __dict__ is of length 0: nobody writes it. Of ways of equal length that of the first
 * entry counts, then of the first reference. Entries other than modules, threads and
 * frames begin with some length of their own (graph_entry_dist), so that a longer way by
 * a name is preferred to a short one by the interpreter's insides; those that are not
 * held by anything known begin after all others.
 */
struct graph_tree {
	uint32_t *dist;   /* nobj; UINT32_MAX: not reached */
	objid *parent;    /* nobj; OBJID_NONE: an entry, or not reached */
	uint32_t *via;    /* nobj: number of the parent's reference, or of the entry */
	objid *order;     /* n_order: those reached, a parent before its children */
	uint32_t n_order;
};

/*
 * `avoid`, if not NULL, marks objects that no way may pass.
 * MS_NOMEM   16 bytes an object, and 8 while it works, are not to be had
 */
MUST_CHECK enum status graph_tree_build(const struct graph *g, const struct bitset *avoid,
	struct graph_tree *ret, struct errbuf *eb);
void graph_tree_fini(struct graph_tree *t);

/*
 * Ways that were kept somewhere, and are not trusted: each step is a reference that holds,
 * and each way begins at an entry. That there is none shorter is not checked.
 * MS_FORMAT   something is wrong in them
 */
MUST_CHECK enum status graph_tree_check(
	const struct graph *g, const struct graph_tree *t, struct errbuf *eb);

/* The length that ways from entry number e begin with; UINT32_MAX if nothing known holds it. */
uint32_t graph_entry_dist(const struct graph *g, uint32_t e);

#endif
