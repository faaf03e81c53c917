/*
 * The waist of the program: what a heap is, once nothing of a process or of Python's
 * internals is left in it.
 *
 * The walker emits a heap into a struct heap_sink; the dump writer is a sink; the dump
 * reader yields a struct heap, const columns indexed by id; analyses take that and
 * nothing else. This layer is vocabulary: types, and names for them (kinds.c).
 *
 * Ids are given in order of discovery, which is also the order in which objects are
 * emitted: object i is the i-th heap_sink.object call, and the refs that follow it are
 * its own. Addresses above this layer are a column to print, never something to follow.
 */
#ifndef MEMSCAN_HEAP_H
#define MEMSCAN_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/status.h"

typedef uint64_t taddr; /* an address in the target */
typedef uint32_t objid; /* an object of the heap, 0 .. nobj - 1 */

#define OBJID_NONE UINT32_MAX

/*
 * How an object refers to another: id, name in machine formats, how it reads.
 * "payload" below is the 25 bits of a label that go with it.
 */
#define HEAP_REF_KINDS(X)                                                                \
	X(ATTR, "attribute")      /* payload: name; .name, a Python attribute */         \
	X(KEY, "dict-key")        /* payload 0, or KEY_SHARED; a dict's key */            \
	X(VALUE, "dict-value")    /* payload 0; its key is the target of the ref before */ \
	X(INDEX, "index")         /* payload: index (see heap_ref_index); [i] */         \
	X(MEMBER, "member")       /* payload 0; an element of a set */                   \
	X(SLOT, "slot")           /* payload: name; a __slots__ member */                \
	X(LOCAL, "local")         /* payload: name; a local variable of a frame */       \
	X(STACK, "stack")         /* payload: index; evaluation stack of a frame */      \
	X(CELL, "cell")           /* payload 0; what a closure cell holds */             \
	X(TYPE, "type")           /* payload 0; the object's type */                     \
	X(BASE, "base")           /* payload 0; tp_base */                               \
	X(DICT, "dict")           /* payload 0; an object's own __dict__ */              \
	X(WEAK, "weak")           /* payload 0; a weak reference's referent */           \
	X(FIELD, "field")         /* payload: name; a C field with no Python name */     \
	X(OFFSET, "offset")       /* payload: byte offset in the object; +0x28 */        \
	X(CLOSURE, "closure")     /* payload: name; free variable in a __closure__ */

enum ref_kind {
#define HEAP_REF_ENUM(id, name) RK_##id,
	HEAP_REF_KINDS(HEAP_REF_ENUM)
#undef HEAP_REF_ENUM
	RK_COUNT
};

/*
 * A reference as it lies in a dump: kind in bits 0-4, REF_HIDDEN, REF_GUESS, payload
 * in bits 7-31. A payload that does not fit is REF_PAYLOAD_MAX.
 */
struct heap_ref {
	objid to;
	uint32_t label;
};

#define REF_HIDDEN 0x20u /* not reported by tp_traverse (gc.get_referents does not show it) */
#define REF_GUESS 0x40u  /* found by scanning words: may be no reference at all */
/* A dict's key that lies in a table which instances of a class share: it is not the dict's own. */
#define KEY_SHARED 1u
#define REF_PAYLOAD_SHIFT 7
#define REF_PAYLOAD_MAX ((1u << 25) - 1)

static inline uint32_t
ref_label(enum ref_kind kind, uint64_t payload)
{
	uint32_t p = payload < REF_PAYLOAD_MAX ? (uint32_t)payload : REF_PAYLOAD_MAX;
	return (uint32_t)kind | p << REF_PAYLOAD_SHIFT;
}

static inline enum ref_kind
ref_kind(uint32_t label)
{
	return (enum ref_kind)(label & 0x1f);
}

static inline uint32_t
ref_payload(uint32_t label)
{
	return label >> REF_PAYLOAD_SHIFT;
}

/* What is known of an object besides its type, size and value. */
#define HEAP_OBJ_FLAGS(X)                                                                \
	X(GC, 0x01, "gc")               /* has a GC head */                              \
	X(TRACKED, 0x02, "tracked")     /* is on a GC list */                            \
	X(IMMORTAL, 0x04, "immortal")   /* its reference count means nothing */          \
	X(STATIC, 0x08, "static")       /* lies in a program's or library's data */      \
	X(GUESSED, 0x10, "guessed")     /* layout unknown: its refs were scanned */      \
	X(SIZE_BASE, 0x20, "size-base") /* has a __sizeof__ that could not be evaluated */ \
	X(DAMAGED, 0x40, "damaged")     /* part of it could not be read */               \
	X(INTERNED, 0x80, "interned")   /* str in the interned table */

enum {
#define HEAP_FLAG_ENUM(id, bit, name) OF_##id = bit,
	HEAP_OBJ_FLAGS(HEAP_FLAG_ENUM)
#undef HEAP_FLAG_ENUM
};

/* The generation of the collector that an object is in. */
#define HEAP_GENERATIONS(X)                                                              \
	X(NONE, "none")           /* on no list, or the collector has none */            \
	X(YOUNG, "0")             /* of new objects */                                   \
	X(MIDDLE, "1")            /* what one collection left */                         \
	X(OLD, "2")               /* what more of them left */                           \
	X(PERMANENT, "permanent") /* set aside by gc.freeze() */

enum heap_generation {
#define HEAP_GENERATION_ENUM(id, name) GENERATION_##id,
	HEAP_GENERATIONS(HEAP_GENERATION_ENUM)
#undef HEAP_GENERATION_ENUM
	GENERATION_COUNT
};

/* One of the interpreters in the process, oldest first: the main one is 0. */
struct heap_interp {
	taddr addr;
	uint64_t id; /* PyInterpreterState.id; 0 where there is none */
};

/* Whose an object is, besides the index of an interpreter. */
#define INTERP_SHARED 0xffffu  /* all interpreters': static types, singletons */
#define INTERP_UNKNOWN 0xfffeu /* reached from no interpreter, where one collector serves all */

/* Why something is alive without any object referring to it. */
#define HEAP_ROOT_KINDS(X)                                                               \
	X(INTERP, "interpreter") /* a field of PyInterpreterState; name says which */    \
	X(MODULE, "module")      /* an entry of sys.modules; name is the module's */     \
	X(THREAD, "thread")      /* a field of PyThreadState */                          \
	X(FRAME, "frame")        /* a frame's function, code, globals ... */             \
	X(LOCAL, "local")        /* a local variable of a frame on a thread's stack */   \
	X(STACK, "stack")        /* evaluation stack of such a frame */                  \
	X(STATIC, "static")      /* a static type or singleton */                        \
	X(INTERNED, "interned")  /* the table of interned strings */                     \
	X(SMALL, "cache")        /* small ints, one-byte strings, empty containers */    \
	X(TRACKED, "tracked")    /* on a GC list, and reached by no other root */        \
	X(NATIVE, "native")      /* a word in the static data of a native library */     \
	X(WORD, "word")          /* a word that may be a reference: it keeps nothing alive */

enum root_kind {
#define HEAP_ROOT_ENUM(id, name) ROOT_##id,
	HEAP_ROOT_KINDS(HEAP_ROOT_ENUM)
#undef HEAP_ROOT_ENUM
	ROOT_COUNT
};

#define HEAP_NONE UINT32_MAX /* no thread, frame or name */

struct heap_root {
	objid to;
	uint32_t kind;   /* enum root_kind */
	uint32_t name;   /* string id, 0 if none */
	uint32_t thread; /* index into threads, or HEAP_NONE */
	uint32_t frame;  /* index into frames, or HEAP_NONE */
	uint32_t interp; /* index of the interpreter, or HEAP_NONE: of none alone */
};

struct heap_thread {
	uint64_t ident;     /* thread_id: pthread_self() of it */
	uint64_t native_id; /* kernel thread id, 0 if unknown */
	uint32_t name;      /* string id: the kernel's name of the thread */
	uint32_t interp; /* index of the interpreter */
};

/* One Python frame on a thread's stack, innermost first. */
struct heap_frame {
	uint32_t thread;
	objid code;       /* code object, or OBJID_NONE */
	int32_t lasti;    /* byte offset of the current instruction in the code */
	uint32_t line;    /* current line, 0 if unknown */
	uint32_t function; /* string id: co_qualname */
	uint32_t file;     /* string id: co_filename */
};

/* How the references of a type's objects were found. */
#define HEAP_TYPE_HOW(X)                                                                 \
	X(SHAPE, "table")      /* a shape row: exact, with names */                      \
	X(EMU, "interpreted")  /* its tp_traverse was interpreted: exact */              \
	X(LEAF, "leaf")        /* not GC and no shape: tp_traverse is absent */          \
	X(SCAN, "guessed")     /* scanned word by word */

enum type_how {
#define HEAP_HOW_ENUM(id, name) HOW_##id,
	HEAP_TYPE_HOW(HEAP_HOW_ENUM)
#undef HEAP_HOW_ENUM
	HOW_COUNT
};

struct heap_type {
	taddr addr;
	uint32_t name;      /* string id: qualified name without the module, "dict", "Outer.Inner" */
	uint32_t module;    /* string id: "builtins", "myapp.models" */
	uint32_t flags;     /* tp_flags, low 32 bits */
	uint32_t how;       /* enum type_how */
	uint64_t basicsize; /* tp_basicsize */
	uint64_t itemsize;  /* tp_itemsize */
};

/* What the text of a value is. */
#define HEAP_VALUE_KINDS(X)                                                              \
	X(NONE, "none")   /* no text, perhaps a length */                                \
	X(STR, "str")     /* UTF-8, cut at a whole character; surrogates as ED xx xx */  \
	X(BYTES, "bytes") /* raw bytes */                                                \
	X(INT, "int")     /* decimal, or 0x... when long */                              \
	X(FLOAT, "float") /* shortest text that reads back, as repr() */                 \
	X(BOOL, "bool")   /* True or False */                                            \
	X(NAME, "name")   /* name of a function, type, module, code object, attribute */ \
	X(TEXT, "text")   /* anything else: an exception's message */

enum value_kind {
#define HEAP_VALUE_ENUM(id, name) VK_##id,
	HEAP_VALUE_KINDS(HEAP_VALUE_ENUM)
#undef HEAP_VALUE_ENUM
	VK_COUNT
};

#define VALUE_NO_LEN UINT64_MAX

/* A value preview: `text` is cut, `len` is what len() would say (VALUE_NO_LEN if it has none). */
struct heap_value {
	enum value_kind kind;
	bool cut; /* text is not the whole */
	uint64_t len;
	const char *text;
	size_t text_len;
};

struct heap_obj {
	taddr addr;
	uint64_t size;     /* bytes, as sys.getsizeof() */
	uint64_t refcount; /* as stored */
	uint32_t type;     /* type id */
	uint32_t flags;    /* OF_* */
	struct heap_value value;
};

/* What memory beside an object is to it. */
#define HEAP_BUFFER_FLAGS(X)                                                             \
	X(OWNED, 0x01, "owned")     /* the object frees it: it counts once, here */      \
	X(VIEW, 0x02, "view")       /* it is another's, or nobody's: it does not count */ \
	X(IN_SIZE, 0x04, "in-size") /* owned, and a part of the object's size already */ \
	X(MAPPED, 0x08, "mapped")   /* owned, from mmap() instead of malloc() */

enum {
#define HEAP_BUFFER_ENUM(id, bit, name) BUFFER_##id = bit,
	HEAP_BUFFER_FLAGS(HEAP_BUFFER_ENUM)
#undef HEAP_BUFFER_ENUM
};

/* Native memory that an object has beside itself, or looks into; at most one an object. */
struct heap_buffer {
	objid object;
	uint32_t flags;  /* BUFFER_* */
	objid owner;     /* of a view: whose memory it is, or OBJID_NONE */
	uint32_t name;   /* string id: what is in it, "float64 (1000, 3)"; 0 if unknown */
	uint64_t addr;   /* of the first byte of the data */
	uint64_t bytes;  /* owned: what freeing it would give back; a view: 0 */
	uint64_t length; /* bytes of data, as nbytes says */
};

/*
 * A fact about an object that its size and value do not tell: id, name. Bytes are those
 * of its size that its contents would not need.
 */
#define HEAP_NOTES(X)                                                                    \
	X(DIGEST, "digest") /* 64 bits of a hash of the value whose text is cut */       \
	X(EMPTY, "empty")   /* a list, dict, set or bytearray of nothing: all its bytes */ \
	X(ROOM, "room")     /* bytes beyond the smallest one that would hold the same */ \
	X(WIDE, "wide")     /* bytes of characters wider than any of them needs */       \
	X(FEW, "few")       /* bytes that one wide character in 100 or fewer costs */    \
	X(COPY, "copy")     /* bytes of a str kept once more, as UTF-8 or wchar_t */     \
	X(MADE, "made")     /* bytes of a __dict__ that the attributes would do without */

enum note_kind {
#define HEAP_NOTE_ENUM(id, name) NOTE_##id,
	HEAP_NOTES(HEAP_NOTE_ENUM)
#undef HEAP_NOTE_ENUM
	NOTE_COUNT
};

struct heap_note {
	objid object;
	uint32_t kind; /* enum note_kind */
	uint64_t n;
};

/* Something that could not be read or made no sense, counted by reason. */
struct heap_damage {
	uint32_t reason; /* string id */
	uint32_t n_examples;
	uint64_t count;
	taddr examples[4];
};

/* One mapping of the target, for the memory map totals. */
struct heap_region {
	taddr start, end;
	uint64_t resident; /* bytes present, 0 if unknown */
	uint32_t prot;     /* PROT_READ | PROT_WRITE | PROT_EXEC */
	uint32_t path;     /* string id */
};

/*
 * Where a heap goes. Objects come in order of their ids, each followed by zero or more
 * refs calls of its own. Strings and types come in order of theirs (string 0 is ""), at any
 * time: also after objects and refs that name them. Buffers come at any time, in
 * ascending order of their objects; interpreters, threads, frames, roots, regions, damage and
 * meta at any time. Generations and owners come for all objects together, after the last, or
 * not at all: no object is in a generation, there is one interpreter. Every function returns MS_OK or the status that ends the walk.
 * Pointers are borrowed for the call.
 *
 * An emitter that finds all ids in ascending order of address sets is_ordering before the
 * first object and gives them to `order`, if that is not NULL, after the last one.
 *
 * Notes come right after their object, in ascending order of kinds; `note` may be NULL.
 */
struct heap_sink {
	void *self;
	bool is_ordering;
	enum status (*string)(void *self, const char *text, size_t len);
	enum status (*type)(void *self, const struct heap_type *t);
	enum status (*object)(void *self, const struct heap_obj *o);
	enum status (*refs)(void *self, const struct heap_ref *r, size_t n);
	enum status (*order)(void *self, const objid *ids, size_t n);
	enum status (*buffer)(void *self, const struct heap_buffer *b);
	enum status (*generations)(void *self, const uint8_t *generation, size_t n);
	enum status (*owners)(void *self, const uint16_t *interp, size_t n);
	enum status (*interp)(void *self, const struct heap_interp *i);
	enum status (*note)(void *self, const struct heap_note *n);
	enum status (*thread)(void *self, const struct heap_thread *t);
	enum status (*frame)(void *self, const struct heap_frame *f);
	enum status (*root)(void *self, const struct heap_root *r);
	enum status (*region)(void *self, const struct heap_region *r);
	enum status (*damage)(void *self, const struct heap_damage *d);
	enum status (*meta)(void *self, const char *key, const char *value);
};

/*
 * A heap as analyses see it: const columns, indexed by id. Owned by whoever made it
 * (struct dump, or a test); views die with the owner. Validated: every id is in range,
 * `first` is monotone, so that consumers index freely.
 */
struct heap {
	uint32_t nobj, ntype, nstr;
	uint64_t nref;
	uint32_t nroot, ninterp, nthread, nframe, nregion, ndamage, nmeta;

	const uint64_t *addr;    /* nobj */
	const uint32_t *type;    /* nobj */
	const uint32_t *size32;  /* nobj; UINT32_MAX: see big */
	const uint32_t *count32; /* nobj: reference counts; UINT32_MAX: see big */
	const uint16_t *flags;   /* nobj */
	const uint8_t *generation; /* nobj; NULL: none is in any. heap_generation_of */
	const uint16_t *interp;    /* nobj; NULL: there is one. heap_interp_of */
	const uint64_t *first;   /* nobj + 1: refs of object i are first[i] .. first[i + 1] - 1 */
	const uint32_t *to;      /* nref */
	const uint32_t *label;   /* nref */
	const uint32_t *by_addr; /* nobj: ids in ascending order of address */

	const struct heap_big *big; /* nbig, ascending by id: what does not fit 32 bits */
	uint32_t nbig;

	const struct heap_buffer *buffers; /* nbuffer, ascending by object */
	uint32_t nbuffer;

	const struct heap_note *notes; /* nnote, ascending by object and kind */
	uint32_t nnote;

	const uint64_t *value_at; /* offset of the value record of every 64th object */
	const uint8_t *values;    /* value records, one an object, back to back */
	uint64_t nvalues;         /* bytes of them */

	const struct heap_type *types;
	const struct heap_root *roots;
	const struct heap_interp *interps;
	const struct heap_thread *threads;
	const struct heap_frame *frames;
	const struct heap_region *regions;
	const struct heap_damage *damage;
	const uint64_t *str_at; /* nstr + 1 offsets into str */
	const char *str;        /* all strings, each followed by a NUL that is not counted */
	const struct heap_meta *meta;

	uint64_t digest; /* of the contents of the file that it is from; 0: it is from none */
};

struct heap_big {
	uint32_t id, pad;
	uint64_t size, refcount;
};

struct heap_meta {
	uint32_t key, value; /* string ids */
};

const char *ref_kind_name(enum ref_kind k);
const char *root_kind_name(enum root_kind k);
const char *type_how_name(enum type_how h);
const char *value_kind_name(enum value_kind k);
const char *generation_name(enum heap_generation g);
const char *note_kind_name(enum note_kind k);

/* The names of the flags in OF_* order into buf, separated by sep; returns buf. */
char *obj_flags_text(uint32_t flags, char sep, char *buf, size_t cap);

/* The same of a buffer's flags. */
char *buffer_flags_text(uint32_t flags, char sep, char *buf, size_t cap);

/* A string's text, NUL-terminated; *len may be NULL. "" for an id out of range. */
const char *heap_str(const struct heap *h, uint32_t id, size_t *len);

/* Bytes of object i as sys.getsizeof() says, and its stored reference count. */
uint64_t heap_size(const struct heap *h, objid i);
uint64_t heap_refcount(const struct heap *h, objid i);

/* The generation of object i. */
static inline enum heap_generation
heap_generation_of(const struct heap *h, objid i)
{
	return h->generation != NULL ? (enum heap_generation)h->generation[i] : GENERATION_NONE;
}

/* Whose object i is: the index of an interpreter, INTERP_SHARED or INTERP_UNKNOWN. With one interpreter it is all 0's. */
static inline uint32_t
heap_interp_of(const struct heap *h, objid i)
{
	return h->interp != NULL ? h->interp[i] : 0;
}

/* The id of an interpreter, by index; the index where a release has no ids. */
uint64_t interp_number(const struct heap *h, uint32_t interp);

/* The name of an interpreter, by index, INTERP_SHARED or INTERP_UNKNOWN: its id in decimal, "shared" or "unknown". Returns buf. */
enum { INTERP_NAME = 24 };
char *interp_name(const struct heap *h, uint32_t interp, char buf[INTERP_NAME]);

/* The buffer of object i, or NULL. */
const struct heap_buffer *heap_buffer_of(const struct heap *h, objid i);

/* The object at an address, or OBJID_NONE. Needs by_addr. */
objid heap_find(const struct heap *h, taddr addr);

/* The value preview of object i; kind VK_NONE and VALUE_NO_LEN if there is none. Never fails on a validated heap. */
struct heap_value heap_value(const struct heap *h, objid i);

/* The index that ref number r of object i stands for (RK_INDEX, RK_STACK), also beyond the payload's range. */
uint64_t heap_ref_index(const struct heap *h, objid i, uint64_t r);

/* The key object of ref number r of object i (RK_VALUE), or OBJID_NONE. */
objid heap_ref_key(const struct heap *h, objid i, uint64_t r);

/* The text of a meta entry, or NULL. */
const char *heap_meta_get(const struct heap *h, const char *key);

/* Write one value record as it lies in heap.values into out (value_record_max(v) bytes at most); returns its length. */
size_t value_record_put(uint8_t *out, const struct heap_value *v);
size_t value_record_max(const struct heap_value *v);

/* Read the record at [p, end): *next is where the following one starts. MS_FORMAT if it is malformed. */
MUST_CHECK enum status value_record_get(const uint8_t *p, const uint8_t *end, struct heap_value *ret, const uint8_t **next);

#define HEAP_VALUE_STRIDE 64 /* objects between two entries of value_at */

#endif
