/*
 * What the files of the walk share. See memscan/walk.h.
 */
#ifndef MEMSCAN_WALK_PRIV_H
#define MEMSCAN_WALK_PRIV_H

#include <assert.h>

#include "memscan/emu.h"
#include "memscan/map.h"
#include "memscan/vec.h"
#include "memscan/walk.h"

/* ---- idmap.c: from addresses to ids ---- */

/*
 * The ids of each page that holds objects, behind a bit for each granule of 16 bytes. Two
 * addresses of one granule cannot both be objects: the address's bit 3 is kept with the id,
 * and who comes second is refused. Objects of 32-bit processes are as small as 8 bytes and
 * stand at any word: there a granule is 4 bytes. Addresses must be multiples of 8, and of 4
 * there. Shifts are by granules.
 */
enum {
	IDMAP_GRANULE_64 = 4,
	IDMAP_GRANULE_32 = 2,
	IDMAP_PAGE = 8,
	IDMAP_CHUNK = 16,
	IDMAP_GRANULES = 1 << IDMAP_PAGE,
	IDMAP_WORDS = IDMAP_GRANULES / 64,
	IDMAP_PAGES = 1 << (IDMAP_CHUNK - IDMAP_PAGE),
	IDMAP_CLASSES = 32,
	IDMAP_RECENT = 256,
};
struct idmap_page {
	uint64_t bits[IDMAP_WORDS];
	uint8_t before[IDMAP_WORDS]; /* bits set in the words in front of each */
	uint16_t n, cap;
	uint32_t *ids;
};
struct idmap_chunk {
	uint64_t key; /* its addresses without the low bits */
	struct idmap_page pages[IDMAP_PAGES];
};
struct idmap_free {
	struct idmap_free *next;
};
struct idmap_recent {
	uint64_t key;
	struct idmap_chunk *chunk;
};
struct idmap {
	unsigned granule;       /* log2 of its bytes */
	struct map chunk_index; /* key to index in chunks */
	VEC(struct idmap_chunk *) chunks;
	struct idmap_recent recent[IDMAP_RECENT];
	struct idmap_free *free[IDMAP_CLASSES]; /* arrays of ids that pages outgrew */
	VEC(void *) slabs;
	size_t slab_left;
};
void idmap_init(struct idmap *m, unsigned ptr_width);
objid idmap_get(struct idmap *m, taddr addr);

/* Call for memory that idmap_get of an address will need soon. */
void idmap_prefetch(struct idmap *m, taddr addr);

/* False if the address, or another one of its granule, has an id already. */
MUST_CHECK bool idmap_put(struct idmap *m, taddr addr, objid id);

/* All ids in ascending order of address, some at a time. Nothing may be looked up or put afterwards. */
MUST_CHECK enum status idmap_each(struct idmap *m, enum status (*each)(void *self, const objid *ids, size_t n), void *self);
void idmap_fini(struct idmap *m);

/* ---- queue.c: what has been discovered and not visited ---- */

enum { QUEUE_BLOCK = 8192 };
struct queue {
	VEC(taddr *) blocks; /* those whose addresses have all been taken are NULL */
	size_t n, taken;     /* ever pushed, and taken */
};
void queue_push(struct queue *q, taddr addr);
taddr queue_next(struct queue *q); /* q->taken < q->n */
void queue_fini(struct queue *q);

/* The address of one that has been pushed and not taken. */
static inline taddr
queue_at(const struct queue *q, size_t i)
{
	return q->blocks.at[i / QUEUE_BLOCK][i % QUEUE_BLOCK];
}

/* ---- ahead.c: decoding what will be visited ---- */

/* An object as it was decoded. */
struct ahead_row {
	struct heap_obj h; /* but for value.text */
	bool is_left;      /* to the visit: nothing else here counts */
	uint8_t n_notes;
	uint32_t n_refs;
	size_t text; /* where value.text is, in the batch's */
	uint64_t notes_read;
};

/* Successive objects of the queue. Notes, references and texts are those of its rows, one after the other. */
enum { AHEAD_BATCH = 512 };
struct ahead_batch {
	bool is_done;
	taddr addrs[AHEAD_BATCH];
	struct ahead_row rows[AHEAD_BATCH];
	VEC(struct heap_note) notes;
	VEC(struct pyref) refs;
	VEC(char) text;
};

struct ahead;
struct ahead *ahead_new(struct py *p, const struct queue *q, const struct walk_opts *opts, bool wants_notes);
void ahead_free(struct ahead *a);

/* The next AHEAD_BATCH objects of the queue, decoded; NULL if there are fewer, or it is not worth it. */
struct ahead_batch *ahead_next(struct ahead *a);

/* What ahead_next gave has been visited. */
void ahead_done(struct ahead *a);

/* ---- damage.c ---- */

struct damage_line {
	const char *reason;
	uint64_t count;
	taddr examples[4];
};
struct damage {
	VEC(struct damage_line) lines;
	uint64_t total;
};
void damage_note(struct damage *d, const char *reason, taddr at);
MUST_CHECK enum status damage_emit(const struct damage *d, struct strtab *names, struct heap_sink *sink);

/* ---- midst.c: what threads were at when they were stopped ---- */

/*
 * The words of the threads' registers and of the tops of their stacks, gathered when the
 * first damage is met: an object whose address is none of them was not being changed.
 */
struct midst {
	bool is_made;
	struct map words; /* those that could be addresses */
};

/* Was a thread at work on the object at addr? */
bool midst_has(struct midst *m, struct target *t, const struct walk_opts *o, taddr addr);
void midst_fini(struct midst *m);

/* ---- foreign.c: asking the target's machine code ---- */

struct foreign {
	struct emu *emu; /* NULL: not for this machine, or not wanted */
	struct py *p;
	struct target *t;
	taddr visit; /* magic address that stands for the visitproc */
	uint64_t limit;
	VEC(taddr) seen; /* what the last traverse visited */
	taddr seen_fn, seen_obj; /* of which call */
	struct refout parts; /* put_seen: named parts of the object at hand */
	struct modules *modules;
	struct map bound; /* libraries whose lazy slots have been filled, by address */
	bool has_size; /* the last __sizeof__ made its int */
	uint64_t size;
	uint64_t calls, unknown;
};
void foreign_init(struct foreign *f, struct py *p, struct target *t, const struct walk_opts *o);
void foreign_fini(struct foreign *f);

/* Run fn(obj, visit, arg), keeping what it visits in f->seen. MS_ABSENT: not to be told. */
MUST_CHECK enum status foreign_traverse(struct foreign *f, taddr fn, taddr obj, uint64_t size);

/* emu_call, counted, with lazy slots filled as needed; f->seen and f->has_size are of this call. */
enum emu_end foreign_call(struct foreign *f, taddr fn, const uint64_t *args, size_t n, uint64_t limit, uint64_t *result);

/* Say at -vv why a function gave no answer. */
void foreign_tell(const struct foreign *f, const char *what, taddr fn, taddr obj, enum emu_end end);

/* Run the C method fn(obj, cls), a __sizeof__, and take the int that it makes. MS_ABSENT: not to be told. */
MUST_CHECK enum status foreign_size_of(struct foreign *f, taddr fn, taddr obj, taddr cls, uint64_t *ret);
void foreign_size_init(struct foreign *f, const struct pyruntime *rt);

/*
 * Make a thread state current where no function has a name that would do it: the word of a
 * thread's own variables, just below tls_base in a program, that lets a method make its int is
 * looked for by trying. True if one is current now, proven by an answer that is known.
 */
bool foreign_find_tstate(struct foreign *f, taddr tls_base, taddr tstate);

/* natives.c: hooks for the C library's memory and string functions. */
void natives_set(struct foreign *f);

/* The code that calls of a function of a module reach: an IFUNC is resolved by its own resolver. 0 if there is none. */
taddr foreign_function(struct foreign *f, struct module *m, const char *name);

/* bind.c: fill the lazy slots of the library that holds fn; true if that was not done before. */
bool bind_module_of(struct foreign *f, taddr fn);

/* The hooks of py.h over f. */
struct py_hooks foreign_hooks(struct foreign *f);

/* ---- belong.c: generations, and whose an object is ---- */

/* Ids are 31 bits: the top one says that an object was reached from a root. */
#define FROM_ROOT (1u << 31)

/* Columns of what is known only when the collector's lists have been read. */
struct belong {
	VEC(uint8_t) generation; /* by id */
	bool has_generation;     /* of at least one */
	bool has_owners;         /* there are several interpreters: */
	VEC(uint16_t) owner;     /* by id */
	VEC(uint32_t) from;      /* by id: who reached it first, or FROM_ROOT and whose root */
};
void belong_add(struct belong *b, uint32_t from);
void belong_set(struct belong *b, objid id, const struct pytracked *o, uint32_t interp);
void belong_set_shared(struct belong *b, objid id);
MUST_CHECK enum status belong_emit(struct belong *b, struct heap_sink *sink);
void belong_fini(struct belong *b);

/* ---- data.c: static data of program files ---- */

/* The writable data of one file from one region on: [start, end), of which those from bss on are backed by no file. */
struct data_part {
	taddr start, end, bss;
	const char *path; /* the target's */
};
enum { DATA_PAGE = 16, DATA_FILTER = 64 };
struct data {
	VEC(struct data_part) parts;  /* in ascending order */
	uint64_t filter[DATA_FILTER]; /* hash of the pages of 64 KiB that have a .bss */
};
void data_init(struct data *d, struct target *t, struct modules *modules);
void data_fini(struct data *d);

/* Whether addr is in the part of some file's data that no file backs. */
bool data_holds(const struct data *d, taddr addr);

/* ---- words.c: what may be references, and nothing reports ---- */

struct kept_word {
	taddr to;
	uint32_t name;
};
struct word_span {
	struct span span;
	struct heap_root root; /* what its words become */
	size_t first, last;    /* roots put of the same thing: what is among them is told already */
};
struct words {
	VEC(struct kept_word) kept;  /* of objects */
	VEC(struct word_span) spans; /* of threads and frames */
	VEC(uint64_t) idents;        /* of threads */
	uint64_t looked;             /* words so far, which are bounded */
};
void words_fini(struct words *s);

/* ---- the walk ---- */

/* A buffer whose owner may still be looked for. */
struct found_buffer {
	struct heap_buffer row;
	bool is_owner_sure;
};

struct walker {
	struct py *p;
	struct target *t;
	struct strtab *names;
	struct heap_sink *sink;
	const struct walk_opts *opts;
	struct idmap ids;
	struct queue queue; /* in order of ids */
	struct ahead *ahead;
	struct refout out;
	struct heap_ref batch[REFOUT_ROOM];
	bool after_key;  /* the last reference put was a dict's key */
	taddr current;   /* object whose references are being put */
	VEC(struct found_buffer) buffers; /* ascending by object */
	VEC(struct heap_root) roots;
	struct belong belong;
	uint32_t from; /* what is discovered now is so from this object, or FROM_ROOT: see root */
	struct heap_root root; /* what the roots being put have in common */
	bool knows_gil; /* of one interpreter at least it can be told who holds its GIL */
	VEC(uint32_t) gil_holders; /* threads */
	struct damage damage;
	struct midst midst;
	struct foreign foreign;
	struct data data;
	struct words words;
	struct walk_stats stats;
};

/* The id of the object at addr, new or known; OBJID_NONE (and a damage line) if there is none. */
objid walk_discover(struct walker *w, taddr addr);

/* Damage of the object at addr: what a thread was changing just when it was stopped is told from the rest. */
void walk_damage(struct walker *w, const char *reason, taddr addr);

/* Visit all that has been discovered and not visited. */
MUST_CHECK enum status walk_drain(struct walker *w);

/* roots.c: put all roots but the GC lists; then those. */
MUST_CHECK enum status roots_put(struct walker *w, struct errbuf *eb);
MUST_CHECK enum status roots_put_tracked(struct walker *w, struct errbuf *eb);
MUST_CHECK enum status roots_put_types(struct walker *w);
MUST_CHECK enum status roots_emit(struct walker *w);

/* FROM_ROOT and whose root it is that is being put. */
uint32_t roots_from(const struct walker *w);
/*
 * statics.c: whether there is a tuple or dict that the collector does not list, as of numbers and strings alone: names of
 * a C function's parameters, a cache. A word may lead to one that nothing else leads to. It is one if its count is,
 * and all that is in it.
 */
bool statics_is_plain(struct walker *w, taddr to);

/* statics.c: words in the static data of program files that point to objects with an id; those of data alone, and visit what they lead to. */
MUST_CHECK enum status roots_put_native(struct walker *w);

/* words.c. The span's words are put as roots at the end, but those that are among the roots put from here to words_told. */
void words_keep_span(struct walker *w, struct span span, const char *name);
void words_keep_thread(struct walker *w, const struct pythread *th);
void words_told(struct walker *w);

/* The words of an object that its references, all of them, do not tell of. */
void words_keep_unseen(struct walker *w, taddr addr, const struct pytype *ty, const struct pyref *refs, size_t n);
MUST_CHECK enum status words_put(struct walker *w);

/* buffers.c: read the buffer of object id at addr, whose size is given; and at the end emit all. */
void buffers_add(struct walker *w, objid id, taddr addr, uint64_t size);
MUST_CHECK enum status buffers_emit(struct walker *w);

/* opaque.c: the words of the object that point to objects, as guesses. */
MUST_CHECK enum status opaque_refs(struct walker *w, const struct pyobj *o, uint64_t size);

#endif
