/*
 * CPython's objects, read from outside: types, references, sizes, values, frames, GC lists.
 *
 * One struct py is one interpreter runtime in one target with one layout. Objects are
 * decoded from views of the target's memory, one at a time; references go to a struct
 * refout as addresses with labels. Knows nothing of ids, queues or files, and runs
 * nothing: what only a type's own machine code can tell is asked of a hook (py_hooks).
 * All functions on objects are hot: they return a status without text.
 */
#ifndef MEMSCAN_PY_H
#define MEMSCAN_PY_H

#include <stdbool.h>

#include "memscan/elf.h"
#include "memscan/heap.h"
#include "memscan/layout.h"
#include "memscan/strtab.h"
#include "memscan/target.h"

struct py;
struct shape;
struct buffer_row;

/* ---- references ---- */

struct pyref {
	taddr to;
	uint32_t label;
};

/*
 * Where references are put. Puts never flush; refout_room does, so that a view of the
 * target that is held across puts stays valid.
 */
enum { REFOUT_ROOM = 4096 };
struct refout {
	struct pyref at[REFOUT_ROOM];
	size_t n;
	enum status (*flush)(struct refout *o); /* consume at[0 .. n), set n to 0 */
	void *self;
};

/* Make room for n (at most REFOUT_ROOM) more. */
MUST_CHECK enum status refout_room(struct refout *o, size_t n);

/* Put a reference if it is not NULL; there must be room. */
static inline void
refout_put(struct refout *o, taddr to, uint32_t label)
{
	o->at[o->n] = (struct pyref){.to = to, .label = label};
	o->n += to != 0;
}

/* ---- types ---- */

/* CPython: Py_TPFLAGS_*, Include/object.h; the same bits in every release that has them. */
enum {
	TPF_STATIC_BUILTIN = 1u << 1,
	TPF_INLINE_VALUES = 1u << 2,
	TPF_MANAGED_WEAKREF = 1u << 3,
	TPF_MANAGED_DICT = 1u << 4,
	TPF_HEAPTYPE = 1u << 9,
	TPF_READY = 1u << 12,
	TPF_HAVE_GC = 1u << 14,
	TPF_INT27 = 1u << 23, /* 2.7 alone; something else since 3.12 */
	TPF_LONG = 1u << 24,
	TPF_LIST = 1u << 25,
	TPF_TUPLE = 1u << 26,
	TPF_BYTES = 1u << 27,
	TPF_UNICODE = 1u << 28,
	TPF_DICT = 1u << 29,
	TPF_BASE_EXC = 1u << 30,
	TPF_TYPE = 1u << 31,
};

/* A __slots__ or T_OBJECT member. */
struct pyslot {
	uint64_t offset;
	uint32_t label;
	bool is_after_items; /* offset is from the end of the items, not from the object */
};

/* How __sizeof__ is answered for instances of a type. */
enum size_how { SIZE_RULE, SIZE_FOREIGN, SIZE_UNKNOWN };

struct pytype {
	taddr addr;
	uint32_t id;           /* dense, in order of first sight */
	uint32_t name, module; /* string ids; see struct heap_type */
	uint32_t flags;        /* tp_flags, low 32 bits */
	uint64_t basicsize, itemsize;
	int64_t dictoffset;
	taddr traverse, is_gc, tp_dict;
	const struct pytype *base;  /* NULL for object */
	const struct pytype *cbase; /* nearest base (or itself) that subtype_traverse ends at */
	const struct shape *shape;  /* of cbase's references, or NULL */
	const struct shape *own_shape; /* the one that bears this C type's name, or NULL */
	const struct buffer_row *buffer; /* of buffers.def, its own or inherited; NULL: no memory beside the object */
	enum type_how how;
	bool is_python;  /* made by a class statement */
	bool is_subtype; /* its tp_traverse is subtype_traverse */
	bool is_structseq;
	bool sizes_known; /* size_* below are set (on first use) */
	enum size_how size_how;
	bool size_is_base; /* a __sizeof__ written in Python stands before */
	unsigned size_rule;   /* SIZE_RULE: which of size.c */
	taddr size_fn;        /* SIZE_FOREIGN: its C function */
	taddr size_class;     /* its second argument: the class that defines it, or 0 */
	taddr sizeof_meth;    /* the type's own C __sizeof__, 0 if none */
	bool sizeof_takes_class;
	struct pyslot *slots; /* of the type and its bases, nearest first */
	size_t n_slots;
	struct pyslot *members; /* T_OBJECT members of C bases that no shape names */
	size_t n_members;
	bool attrs_known;
	uint32_t *attrs; /* labels of ht_cached_keys' entries, on first use */
	size_t n_attrs;
	uint64_t n_structseq; /* real number of fields */
};

/* An object whose header made sense. `p` holds its first PYOBJ_VIEW bytes or more, zeros where the mapping ends; valid until the next py_obj. */
enum { PYOBJ_VIEW = 1024 };
struct pyobj {
	taddr addr;
	const struct pytype *type;
	const uint8_t *p;
	uint64_t refcount;
	bool is_file; /* it lies in a mapping of a file: static data */
};

/* What only machine code can tell. Each returns MS_OK, or another status for "not to be told". */
struct py_hooks {
	void *self;
	/* Put what fn(obj, visit, arg) visits; size is how many bytes it has to look at, 0 for few. */
	enum status (*traverse)(void *self, taddr fn, taddr obj, uint64_t size, struct refout *out);
	/* *ret is what fn(obj), a tp_is_gc, says. */
	enum status (*is_gc)(void *self, taddr fn, taddr obj, bool *ret);
	/* *ret is the integer that the method fn(obj, cls) returns; cls is 0 for most. */
	enum status (*size_of)(void *self, taddr fn, taddr obj, taddr cls, uint64_t *ret);
};

/* How an object begins, for those who count some without decoding them. */
void py_object_head(const struct layout *l, struct object_head *ret);

/*
 * An interpreter runtime. Everything passed is borrowed; names takes the texts of labels and types.
 * MS_ABSENT  a symbol that every CPython exports is missing
 */
MUST_CHECK enum status py_open(struct target *t, const struct layout *l, const struct pyruntime *rt, struct strtab *names, struct py **ret, struct errbuf *eb);
void py_close(struct py *p);

/*
 * A reader of p's objects for another thread, while p is being used: of bytes at hand, by the
 * types that p knows and what it has settled of them. What would ask code, intern a text or
 * make a type known is not done but counted: what an object was decoded to counts only if
 * py_left says the same before and after. p must outlive it. Close it with py_close.
 */
struct py *py_beside(struct py *p);
uint64_t py_left(const struct py *p);
void py_set_hooks(struct py *p, const struct py_hooks *h);

/*
 * Prove the layout on the target with the very readers that will be trusted.
 * MS_VERSION  the message names the first fact that failed
 * is_final: there is no later try (a core). A collection in progress is then no reason to
 * refuse, nor are the collector's lists, which a crash may have left in any state; they
 * are damage of the walk.
 * MS_BUSY     a collection is in progress: let go and try again
 */
MUST_CHECK enum status py_probe(struct py *p, bool is_final, struct errbuf *eb);

/* Number of types seen, and one by id. */
uint32_t py_type_count(const struct py *p);
const struct pytype *py_type_at(const struct py *p, uint32_t id);

/* The type object at addr, or NULL if there is none that makes sense. */
const struct pytype *py_type(struct py *p, taddr addr);

/* A method __sizeof__ written in C and an object whose size is known without it: more than any small int. False if there is none. */
bool py_known_sizeof(struct py *p, taddr *fn, taddr *obj, uint64_t *size);

/* Record that a type's references had to be guessed. */
void py_type_set_how(struct py *p, uint32_t id, enum type_how how);

/* The type of the object at addr, or NULL if what is there is no object: the header alone is looked at. */
const struct pytype *py_type_of(struct py *p, taddr addr);

/* The same of what may well be no object: NULL unless another object of the type was met. */
const struct pytype *py_type_seen(struct py *p, taddr obj);

/*
 * Read the object at addr.
 * MS_FAULT   not there; MS_FORMAT  what is there is no object
 */
MUST_CHECK enum status py_obj(struct py *p, taddr addr, struct pyobj *ret);

/* What became of an object between two looks at it. */
enum pychange {
	PY_SAME,    /* or changed in nothing that matters here */
	PY_CHANGED, /* a list, dict or set has other items, or another number of them */
	PY_GONE,    /* it was freed, or something else is in its place */
};

/* What the two looks have to be of: the first bytes of the object. */
enum { PYCHANGE_VIEW = 256 };
enum pychange py_changed(struct py *p, const struct pytype *ty, const uint8_t then[PYCHANGE_VIEW], const uint8_t now[PYCHANGE_VIEW]);

/* Call for memory of the object's head; and later, when that has come, for memory that the object at addr, whose head has come by now, will lead to when it is read. */
void py_prefetch_head(const struct py *p, taddr addr);
void py_prefetch(struct py *p, taddr addr);

/* The address of the tp_traverse that must be asked (py_hooks) for an object's references; 0 if none. */
taddr py_asks(struct py *p, const struct pyobj *o);

/* The label of the field at byte `off` of a type's instances, by its shape or its T_OBJECT members; false if it has no name. */
bool py_field_label(struct py *p, const struct pytype *ty, uint64_t off, uint32_t *label);

/* Whether what a type's objects refer to beside its named fields are elements of a set. */
bool py_has_elements(const struct pytype *ty);

/* True if instances are decoded by a shape alone; false if machine code has to be asked, or there is nothing to tell. */
bool py_has_table(const struct pytype *ty);

/* All references of an object. MS_ABSENT: its type has no shape and no hook could tell; what was put so far stands. */
MUST_CHECK enum status py_refs(struct py *p, const struct pyobj *o, struct refout *out);

/*
 * The part of an object that may hold references besides those of py_refs: what lies behind the part that a row tells
 * of, or all where code, or nothing, does. False if there is none.
 */
bool py_unseen(const struct py *p, taddr addr, const struct pytype *ty, struct span *ret);

/* Bytes as sys.getsizeof(); *is_base is set where a __sizeof__ could not be evaluated. MS_FAULT, MS_FORMAT. */
MUST_CHECK enum status py_size(struct py *p, const struct pyobj *o, uint64_t *ret, bool *is_base);

/* OF_GC, OF_TRACKED, OF_IMMORTAL, OF_STATIC, OF_INTERNED as they apply. */
uint32_t py_flags(struct py *p, const struct pyobj *o);

/*
 * A value preview of at most max bytes of text; text points into a buffer of p that the next call overwrites.
 * Never fails: an unreadable value is VK_NONE.
 */
struct heap_value py_value(struct py *p, const struct pyobj *o, size_t max);

/*
 * Facts about the object py_obj read last that its size and value do not tell, at most PYNOTES_MAX in ascending
 * order of kinds; returns how many. size and value are what py_size and py_value said of it, value.text aside,
 * which is gone afterwards; a digest is made where it is cut. Reads the whole of a str or bytes that is.
 */
enum { PYNOTES_MAX = NOTE_COUNT };
size_t py_notes(struct py *p, const struct pyobj *o, uint64_t size, const struct heap_value *value, struct heap_note ret[PYNOTES_MAX]);

/* Bytes that notes have read since this was asked last; and to book so many with another, false if that would not have read them any more. */
uint64_t py_notes_read(struct py *p);
bool py_book_notes(struct py *p, uint64_t n);

/* Memory that an object has beside itself, or looks into. */
struct pybuffer {
	taddr addr;      /* of the data */
	uint64_t length; /* bytes of data */
	uint64_t bytes;  /* owned: what freeing it would give back, by the allocator's own account if that makes sense */
	uint32_t flags;  /* BUFFER_* */
	uint32_t name;   /* string id of a description, 0 if there is none */
	taddr owner;     /* of a view: the object at the end of the chain of bases, 0 if it has none or the chain makes no sense */
	bool is_owner_sure; /* that object says itself that the memory is its own */
};

/*
 * The buffer of an object; size is what py_size said of it. Of the memory itself nothing is read but the
 * allocator's words around its start. To be asked only where o->type->buffer is not NULL; o's view is gone afterwards.
 * MS_ABSENT  it has none, or one within itself; MS_FORMAT  it says that memory is its own where nothing is mapped
 */
MUST_CHECK enum status py_buffer(struct py *p, const struct pyobj *o, uint64_t size, struct pybuffer *ret);

/* The value of a non-negative int of at most two digits, from the first bytes of the object. MS_FORMAT. */
enum { PYINT_VIEW = 48 };
MUST_CHECK enum status py_int_value(struct py *p, const uint8_t bytes[PYINT_VIEW], uint64_t *ret);

/* The text of the str object at addr as UTF-8 into buf (cut at cap), its length in bytes; MS_FORMAT if it is no str. */
MUST_CHECK enum status py_str_text(struct py *p, taddr addr, char *buf, size_t cap, size_t *len);

/* The value of a str key in the dict at addr, 0 if it is not there. */
taddr py_dict_get(struct py *p, taddr dict, const char *key);

/* Call each for every entry of the dict at addr, in order, until it returns false. MS_FAULT, MS_FORMAT. */
MUST_CHECK enum status py_dict_each(struct py *p, taddr dict, bool (*each)(void *self, taddr key, taddr value), void *self);

/* ---- the interpreter ---- */

struct pyinterp {
	taddr addr;
	uint64_t id;
};

/* The interpreters of the runtime, oldest first, at most LIM_INTERPRETERS. free() the array. */
MUST_CHECK enum status py_interpreters(struct py *p, struct pyinterp **ret, size_t *n, struct errbuf *eb);

/*
 * True while the interpreter collects: its lists are in flux. Never where there are none: in a
 * free-threaded build a collection changes nothing that is read here.
 */
bool py_is_collecting(struct py *p, taddr interp);

/* True if one collector serves all interpreters (to 3.8): its lists do not say whose an object is. */
bool py_gc_is_shared(const struct py *p);

/* An object of the collector's. */
struct pytracked {
	taddr addr;
	enum heap_generation generation;
	bool is_own; /* what holds it is the interpreter's alone, and so it is its object */
};

/* Links of the collector's lists that do not link back. */
struct pygc_breaks {
	taddr at;     /* the last node, or page of a free-threaded build's, that made sense; 0 if all did */
	uint64_t n;
	bool is_lost; /* a list could not be walked from its other end to the same node: objects may be missing */
};

/*
 * Call each for every object on the GC lists of an interpreter (all generations and the
 * permanent one). MS_FORMAT: a list is broken, and walking went on from its other end.
 */
MUST_CHECK enum status py_gc_each(struct py *p, taddr interp, enum status (*each)(void *self, const struct pytracked *o), void *self, struct pygc_breaks *breaks);

struct pythread {
	taddr addr;
	uint64_t ident, native_id;
};
MUST_CHECK enum status py_threads(struct py *p, taddr interp, struct pythread **ret, size_t *n);

/* A frame on a thread's stack. */
struct pyframe {
	taddr addr; /* of the interpreter frame */
	taddr code;
	int64_t lasti; /* bytes; negative: before the first; PYFRAME_NO_LASTI: unknown */
};
#define PYFRAME_NO_LASTI INT64_MIN

/* Call each for the thread's frames, innermost first. */
MUST_CHECK enum status py_frames(struct py *p, taddr tstate, enum status (*each)(void *self, const struct pyframe *f), void *self);

/*
 * The references of a frame: its object, code, function, globals, builtins, variables by name, stack; f_locals where
 * that is where the variables are, as in a class body. Up to 3.10 the object, the variables and f_locals.
 */
MUST_CHECK enum status py_frame_refs(struct py *p, const struct pyframe *f, struct refout *out);

/*
 * The evaluation stack of a frame that runs, as far up as it may reach: how high it is cannot be told. False if it can,
 * or if there is none.
 */
bool py_frame_rest(struct py *p, const struct pyframe *f, struct span *ret);

/* The address of a code object's file name, 0 if it cannot be read. */
taddr py_code_filename(struct py *p, taddr code);

/* The source line of byte offset lasti in a code object, 0 if unknown; before the first instruction: its own. */
uint32_t py_line(struct py *p, taddr code, int64_t lasti);

/*
 * What an object that is asked for its references (py_asks) holds in parts that no field row names: a frame's or
 * generator's variables. In the order of asking, and for their names alone: hidden or not, and no more than fit.
 */
void py_named_parts(struct py *p, const struct pyobj *o, struct refout *out);

/* The PyThreadState that holds an interpreter's GIL, 0 if it is free. False: not known, or it has none (free-threaded). */
bool py_gil_holder(struct py *p, taddr interp, taddr *ret);

/*
 * Code that is interpreted may look for the current thread state, and there is none while the
 * GIL is free. The oldest thread's is *tstate (0: there is one already, or no thread), and it
 * is made current by writing its address to *at, or where *at is 0 by PyThreadState_Swap.
 */
void py_idle_thread(struct py *p, taddr *at, taddr *tstate);

/*
 * The thread pointer of the oldest thread by what CPython itself keeps of it: its ident is pthread_self(), in glibc
 * and musl the address of a block whose first word is that address on x86. 0 if it is not so here.
 */
taddr py_thread_pointer(struct py *p);

/* ---- roots that are no GC objects ---- */

/* The references of a PyInterpreterState and of a PyThreadState by their rows in shapes.def; labels are RK_FIELD. */
/* Bytes of an interpreter's state. */
uint64_t py_interp_size(const struct py *p);
MUST_CHECK enum status py_interp_refs(struct py *p, taddr interp, struct refout *out);
MUST_CHECK enum status py_thread_refs(struct py *p, taddr tstate, struct refout *out);

/* Statically allocated objects of the runtime: small ints, one-byte strings, empty containers; labels are RK_FIELD. */
MUST_CHECK enum status py_static_refs(struct py *p, struct refout *out);

/*
 * What an interpreter that is not the main one keeps for itself of static types (since 3.12): their dicts and
 * tables of subclasses; labels are RK_FIELD. The main one's are references of the types.
 */
MUST_CHECK enum status py_type_state_refs(struct py *p, taddr interp, struct refout *out);

/* Exported types and singletons. */
MUST_CHECK enum status py_type_refs(struct py *p, struct refout *out);

/* The dict of interned strings (a static variable without a symbol), found by its contents; 0 if it was not found. */
taddr py_interned_dict(struct py *p);

/* The address of sys.modules of an interpreter, 0 if it has none yet. */
taddr py_sys_modules(struct py *p, taddr interp);

#endif
