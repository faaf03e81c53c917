/*
 * What the files of the py layer share. See memscan/py.h.
 */
#ifndef MEMSCAN_PY_PRIV_H
#define MEMSCAN_PY_PRIV_H

#include <pthread.h>

#include "memscan/map.h"
#include "memscan/py.h"
#include "memscan/vec.h"

/* The operations that rows of shapes.def become. */
enum shape_op { SOP_REF, SOP_FN, SOP_TYPE };

typedef enum status shape_fn(struct py *p, const struct pyobj *o, struct refout *out);

struct shape_row {
	enum shape_op op;
	uint64_t off;   /* SOP_REF: of the pointer in the object */
	uint32_t label; /* SOP_REF */
	shape_fn *fn;   /* SOP_FN */
};

/* What a preview of an object tells, where no flag of its type says so (value.c). */
enum value_rule {
	VR_NONE,
	VR_FLOAT,
	VR_BOOL,
	VR_FUNCTION,
	VR_CODE,
	VR_MODULE,
	VR_CFUNCTION,
	VR_DESCRIPTOR,
	VR_SET,
	VR_DEQUE,
	VR_BYTEARRAY,
};
enum value_rule value_rule_of(const char *tp_name);

/* A shape whose fields are resolved against the layout. */
struct shape {
	const char *name;     /* tp_name */
	uint64_t struct_size; /* 0: not to be compared */
	unsigned size_rule;
	enum value_rule value_rule;
	size_t first, n; /* rows, those of LIKE included */
	bool is_asked; /* references are told by tp_traverse itself, the rows only name them */
};

/* Rules of __sizeof__ (size.c); the tokens that SHAPE rows use. */
enum size_rule {
	SR_std,
	SR_list,
	SR_dict,
	SR_odict,
	SR_set,
	SR_int,
	SR_str,
	SR_bytearray,
	SR_type,
	SR_code,
	SR_frame,
	SR_gen,
	SR_deque,
};

/* Labels of a code object's local variables: a run of py.local_labels. */
struct pylocals {
	uint32_t first, n;
};

/* str.c */
struct pystr {
	taddr data;
	uint64_t length; /* code points */
	unsigned kind;   /* bytes per code point */
	bool is_ascii, is_compact, is_ready;
	unsigned interned;
};

/* Types met lately, by bits of their address: what nearly every look-up needs. */
enum { TYPE_RECENT = 512 };

struct py {
	struct target *t;
	const struct layout *l;
	const struct pyruntime *rt;
	struct strtab *names;
	struct py_hooks hooks;

	VEC(struct pytype *) types;
	struct map type_index; /* address to index + 1; 0 for what is no type */
	const struct pytype *recent[TYPE_RECENT];
	taddr type_type;         /* PyType_Type */
	taddr none;              /* _Py_NoneStruct */
	taddr str_type;          /* PyUnicode_Type */
	taddr dict_type;         /* PyDict_Type */
	uint32_t bool_name;      /* string id of "bool" */
	unsigned ucs_width;      /* 2.7: bytes of a Py_UNICODE */
	enum values_owner { VALUES_UNASKED, VALUES_OF_INSTANCE, VALUES_OF_DICT } values_owner; /* instance.c; SETTLED */
	uint64_t int_zero_size; /* size.c: what int's __sizeof__ says of 0, 0 until asked; SETTLED */
	taddr main_interp;      /* type.c: the oldest interpreter, 0 until looked up */
	struct map lookups;     /* dict.c: dk_lookup to whether it is that of general dicts */
	taddr subtype_traverse;  /* 0 until the first class made by a class statement */

	VEC(struct shape) shapes;
	VEC(struct shape_row) rows;
	struct map shape_index;      /* string id of tp_name to index in shapes */
	const struct shape *shape_interp, *shape_thread;

	struct map locals_index;                 /* code address to index in locals */
	VEC(struct pylocals) locals;
	VEC(uint32_t) local_labels;

	uint8_t view[PYOBJ_VIEW]; /* of an object that has no view of its own */
	uint8_t aside[PYOBJ_VIEW]; /* of another, looked at meanwhile */
	VEC(char) text;           /* py_value's buffer */
	struct pystr str;         /* what object_str says of the str at str_at; 0: nothing yet */
	taddr str_at;
	uint64_t notes_read; /* notes.c: bytes of values read so far */

	pthread_mutex_t lock; /* of type_index, types and lookups, where some read beside */
	struct py *home; /* of one beside: whose types and shapes these are; else NULL */
	uint64_t left;   /* beside: questions that were left to home */
};

/*
 * Beside: true, and what is asked is left to home. What only home may do begins with it: to
 * intern a text, to make a type known, to ask code.
 */
static inline bool
left_to_home(struct py *p)
{
	if (p->home == NULL)
		return false;
	p->left++;
	return true;
}

/* beside.c: py_close of one beside. */
void beside_close(struct py *p);

/* beside.c: home's type at addr. NULL if it knows none, which is left to it. */
const struct pytype *type_of_home(struct py *p, taddr addr);

/* beside.c: map_get of home->lookups. */
bool lookup_of_home(struct py *p, taddr lookup, uint32_t *ret);

/* What home settles once, and others read beside: flags and words whose value means that it is done. */
#define SETTLED(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define SETTLE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

/* shape.c */
enum status shapes_build(struct py *p, struct errbuf *eb);
const struct shape *shape_find(const struct py *p, uint32_t tp_name);
MUST_CHECK enum status shape_refs(struct py *p, const struct shape *s, const struct pyobj *o, struct refout *out);
uint32_t py_label(struct py *p, enum ref_kind kind, const char *name);

/* Functions that FN rows name. */
shape_fn refs_list, refs_tuple, refs_dict, refs_set, refs_type, refs_frame, refs_gen, refs_module;
shape_fn refs_weakref, refs_deque, refs_odict, refs_asked, refs_memoryview;

/* object.c: a refout to look at what one call puts, REFOUT_ROOM at most (then MS_LIMIT); free() it. */
struct refout *refout_scratch(void);

/* container.c: n pointers at addr, labelled [first], [first + 1] ... */
MUST_CHECK enum status refs_array(struct py *p, taddr addr, uint64_t n, uint64_t first, uint32_t flags, struct refout *out);
shape_fn refs_structseq;

/*
 * object.c: whether it is an object of the collector's.
 * CPython: PyObject_IS_GC, Include/objimpl.h: the flag of its type, and tp_is_gc.
 */
bool object_is_gc(struct py *p, const struct pyobj *o);

/* object.c: the reference count in the header at v, whatever its form. */
uint64_t object_refcount(const struct layout *l, const uint8_t *v);

/* mimalloc.c: py_gc_each where the collector has no lists. */
MUST_CHECK enum status mimalloc_each(struct py *p, taddr interp, enum status (*each)(void *self, const struct pytracked *o), void *self, struct pygc_breaks *breaks);

/* instance.c: who reports inline values of an instance with a dict, as far as it is known. */
enum values_owner values_owner(struct py *p);
MUST_CHECK enum status refs_instance(struct py *p, const struct pyobj *o, struct refout *out);
taddr instance_dict(struct py *p, const struct pyobj *o);

/* dict.c */
struct keys {
	taddr addr;
	uint64_t entries;  /* address of the first entry */
	uint64_t n;        /* dk_nentries */
	uint64_t usable;   /* dk_usable: entries that may still be added */
	uint64_t room;     /* entries there is room for */
	taddr lookup;      /* dk_lookup, 0 where dk_kind says what it would */
	uint64_t size;     /* bytes of the whole block */
	uint64_t refcnt;
	uint32_t entry_size;
	uint32_t key_off, value_off;
	bool is_unicode;   /* all keys are str: traverse does not report them */
};
MUST_CHECK enum status keys_read(struct py *p, taddr addr, struct keys *ret);

/* The entries of the dict whose first bytes are at v, and where its split values begin (0: combined). */
MUST_CHECK enum status dict_keys(struct py *p, const void *v, struct keys *ret, taddr *values);

/* frame.c */
taddr iframe_code(struct py *p, taddr iframe); /* 0: it has none, as a frame that stands for C */

/* code.c */
bool is_code(struct py *p, taddr addr);
uint64_t code_slots(struct py *p, taddr code, uint64_t *nlocalsplus, uint64_t *stacksize);

/* Labels of a code object's variables in order of their slots in a frame, read once; gone with the next call. */
const uint32_t *code_locals(struct py *p, taddr code, size_t *n);

/* Whether the variables are slots of the frame, as a function's are, and not keys of its f_locals. */
bool code_is_function(struct py *p, taddr code);

/* The byte offset of an instruction that a frame of this code points to; PYFRAME_NO_LASTI if it is none of its own. */
int64_t code_offset(struct py *p, taddr code, taddr instr, uint64_t copy);

/*
 * A list of the target's that may run in a circle: true once loop_seen has been asked of an address that it was
 * asked of before (Brent: at most three rounds later). All-zero to begin with.
 */
struct loop {
	taddr mark;
	uint64_t steps, until;
};
bool loop_seen(struct loop *l, taddr at);

/* type.c: the type at addr if it is one of those met lately. */
const struct pytype *py_type_recent(struct py *p, taddr addr);

/* type.c: the state that the main interpreter keeps of a static builtin type, 0 if it is in the type. */
taddr type_state(struct py *p, taddr addr);
uint64_t type_n_structseq(struct py *p, const struct pytype *ty);
const uint32_t *type_attrs(struct py *p, const struct pytype *ty, size_t *n);

/* value.c: the number of an int's digits, negative for a negative one. */
int64_t int_digits(const struct py *p, const void *obj);

/* str.c */
MUST_CHECK enum status str_read(struct py *p, const void *obj, taddr addr, struct pystr *ret);

/* The same of the object that py_obj read last, once for all who ask. */
MUST_CHECK enum status object_str(struct py *p, const struct pyobj *o, const struct pystr **ret);

/* Its text as UTF-8, as much as fits. */
MUST_CHECK enum status str_text(struct py *p, const struct pystr *s, char *buf, size_t cap, size_t *len, bool *is_cut);

/* True if there is a str (2.7: either kind) at addr with this text, of less than 64 bytes. */
bool str_is(struct py *p, taddr addr, const char *text, size_t len);

/* The string id of the str at addr, 0 if it is none. */
uint32_t str_intern(struct py *p, taddr addr);

/* buffer.c: rows of buffers.def. */
struct bufinfo {
	taddr addr;
	uint64_t length;
	taddr block;      /* what the allocator gave out */
	uint64_t room;    /* bytes from there on that were asked for */
	uint64_t counted; /* bytes that __sizeof__ counts of it, if it does */
	taddr base;       /* of a view: the object that knows more, or 0 */
	uint32_t flags;   /* BUFFER_* */
	uint32_t name;
	bool is_raw;      /* straight from malloc(), never from pymalloc */
};

/* Complete what the row's fields say; false if there is no memory. What is not filled in by the row is 0, flags are BUFFER_OWNED. */
typedef bool buffer_fn(struct py *p, const struct pyobj *o, struct bufinfo *b);

struct buffer_row {
	const char *tp_name;
	enum pyf size, data, length, room;
	bool is_counted;
	buffer_fn *how;
	shape_fn *refs;
};

/* The row for instances of a type whose base is in ty->base; NULL for nearly all. */
const struct buffer_row *buffer_row_of(struct py *p, const struct pytype *ty, const char *tp_name);

/* "FRONT (3, 4)" as a string id: n dimensions, words at `shape`. */
enum { BUFFER_DIMS = 64 };
uint32_t buffer_name(struct py *p, const char *front, const uint64_t *dims, size_t n);

/* numpy.c */
bool ndarray_fits(const struct py *p, const struct pytype *ty);
buffer_fn buffer_ndarray;
shape_fn refs_ndarray;

/* usable.c: bytes that the block gives back, by the words that glibc or pymalloc keep beside it; `room` if they make no sense. */
uint64_t usable_size(struct py *p, taddr block, uint64_t room, bool is_raw);

/* wellknown.c: type, dict, str and None. MS_BUSY if Python has not come so far yet. */
MUST_CHECK enum status wellknown_resolve(struct py *p, struct errbuf *eb);

/* The type or singleton of an exported name, where there are no symbols as far as builtins has it; 0. */
taddr wellknown_find(struct py *p, const char *symbol);

/* object.c: whether [addr, addr + n) can be read, as far as the mappings say. */
bool py_is_mapped(struct py *p, taddr addr, uint64_t n);

/* object.c: py_obj of one while another is being decoded; valid until the next of these. */
MUST_CHECK enum status obj_aside(struct py *p, taddr addr, struct pyobj *ret);

/* object.c: one word of the target. */
MUST_CHECK enum status py_word(struct py *p, taddr addr, uint64_t *ret);

#endif
