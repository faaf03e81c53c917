/*
 * Layout: where in its structs a CPython keeps what. Data, made of several sources by
 * precedence; nothing outside this layer asks for a version.
 *
 * Sources, strongest first: DWARF of the mapped binary (or its separate debug file), a
 * table given by the user, an embedded table; each of a build that matches exactly. What
 * the runtime says of itself picks the table, and has to agree with it. An embedded table
 * whose origin has the binary's build-id is what that DWARF says, which is not read then.
 * layout_derive turns presence of fields into a handful of strategies and is the only
 * place that may. Knows ELF and targets; reads no Python objects.
 */
#ifndef MEMSCAN_LAYOUT_H
#define MEMSCAN_LAYOUT_H

#include <assert.h>
#include <stdio.h>

#include "memscan/bytes.h"
#include "memscan/elf.h"
#include "memscan/target.h"

/* Every field that code asks for by name. */
enum pyf {
#define PYF(id, type, member, width, need) PYF_##id,
#include "memscan/pyfields.def"
#undef PYF
	PYF_COUNT
};

enum layout_source { LS_NONE, LS_DWARF, LS_DEBUG_OFFSETS, LS_TABLE, LS_FILE };
const char *layout_source_name(enum layout_source s);

/* Where a field lies. Absence is explicit: an offset of zero is a legal offset. */
struct layout_field {
	uint64_t off;    /* bytes from the start of its struct */
	uint64_t size;   /* bytes */
	uint64_t stride; /* of an array: bytes of an element, else 0 */
	uint64_t count;  /* of an array: elements */
	uint8_t bit_first, bit_width; /* of a bit-field: bits from the start of the byte at off */
	bool present;
	enum layout_source source;
};

/* The strategies: what differs between releases in more than offsets. */
enum gc_home { GC_HOME_INTERP, GC_HOME_RUNTIME, GC_HOME_STATIC, GC_HOME_MIMALLOC }; /* who holds the list heads; no lists: the allocator's pages (free-threaded) */
enum keys_form { KEYS_BLOCK, KEYS_TABLE_27 };                  /* a dict's entries: a keys block (3.6), or a table of them (2.7) */
enum str_form { STR_PEP393, STR_27 };                          /* text objects */
enum keys_size { KEYS_LOG2, KEYS_SIZE_WORD };                  /* dict keys: dk_log2_size or dk_size */
/* Values of instances: two words before the GC head (3.11), one tagged word there (3.12), inside the object (3.13), or a dict only. */
enum attr_home { ATTR_PREHEADER_311, ATTR_TAGGED_312, ATTR_INLINE_313, ATTR_DICTOFFSET };
enum int_form { INT_OB_SIZE, INT_LV_TAG };                     /* sign and digit count */
enum frame_chain { FRAMES_CFRAME, FRAMES_TSTATE, FRAMES_LINKED }; /* tstate->cframe->current_frame, tstate->current_frame, PyFrameObject */

/*
 * From an instruction to its line: location table (3.11), ranges (3.10), co_lnotab with signed steps (3.6) or without (2.7).
 */
enum line_form { LINES_UNKNOWN, LINES_LOCATIONS, LINES_RANGES, LINES_SIGNED, LINES_UNSIGNED };

/* Who reports the type of an instance of a heap type: subtype_traverse always, or the C base where that is a heap type (3.9). */
enum type_visit { TYPE_BY_SUBTYPE, TYPE_BY_BASE };
/* What sys.getsizeof adds: a GC head if the object has one, or what the type says (3.11), or that without static types (3.13). */
enum preheader { PREHEADER_OBJECT, PREHEADER_TYPE, PREHEADER_TYPE_HEAP };

struct layout {
	struct machine machine;
	bool swap;           /* the target's byte order is not ours */
	uint32_t hexversion; /* PY_VERSION_HEX; for reports: decisions come from the strategies */
	char version[32];    /* "3.11.2", "3.13.0rc1" */
	char flavour[32];    /* "release", "debug" */
	char origin[256];    /* where the offsets came from, for reports */
	bool is_of_build;    /* a table that was measured on this very build */

	/* What picks a table besides machine and flavour; covers is widened only by measuring. */
	uint32_t covers_first, covers_last; /* PY_VERSION_HEX, both included */
	uint64_t runtime_size;              /* st_size of _PyRuntime, 0 if unknown */

	struct layout_field f[PYF_COUNT];
	struct layout_rows *rows; /* all rows, those of shapes.def too; owned */

	enum gc_home gc_home;
	unsigned gc_refs_flags;   /* bits below the count in gc_refs, where a head has one */
	uint8_t gc_generation[3]; /* enum heap_generation of each list of GC_GENERATIONS */
	enum keys_form keys_form;
	enum keys_size keys_size; /* with KEYS_BLOCK */
	enum str_form str_form;
	enum attr_home attr_home;
	enum int_form int_form;
	enum frame_chain frame_chain;
	enum line_form line_form;
	enum type_visit type_visit;
	enum preheader preheader;
	uint64_t gc_head;     /* bytes of the collector's head in front of an object; 0: its bits are in the object */
	unsigned digit_width; /* bytes of an int's digit: 4 (30 bits), or 2 (15 bits) */
	bool has_immortals;  /* the low 32 bits of ob_refcnt count, negative is immortal, of 32-bit machines more than there can be (3.12) */
};

/* ---- finding the runtime ---- */

/* What a runtime says of its own structs (_Py_DebugOffsets, since 3.13): its words as they stand there, not to be trusted. */
enum { PYDEBUG_WORDS = 112 };
struct pydebug {
	unsigned n; /* 0: there are none */
	uint64_t word[PYDEBUG_WORDS];
};

struct pyruntime {
	struct module *module; /* the image that defines it */
	taddr addr;            /* _PyRuntime; 0 to 3.6, which has none */
	taddr interp_head;     /* to 3.6: the static variable interp_head */
	taddr generations;     /* to 3.6: the static array generations[3]; 0 for a file */
	uint64_t size;         /* st_size of it, 0 if unknown */
	uint32_t hexversion;
	char version[32];
	char flavour[32];
	char found_by[64];     /* "symbol _PyRuntime", "cookie xdebugpy in .PyRuntime", ... */
	char compiler[64];     /* "GCC 12.2.0", for reports; "" if unknown */
	char libc[16];         /* "glibc", "musl", for reports; "" if unknown */
	struct pydebug debug;
	bool has_gc_first;
	uint64_t gc_first;     /* offset of the first list head in _gc_runtime_state, as seen there */
};

/*
 * Find the CPython runtime among a target's modules, by symbol, section or cookie, and its
 * version (Py_Version, else its debug offsets, else the text that Py_GetVersion made).
 *
 * library chooses among several: a part of the text "PATH at 0xADDRESS" of the image, or NULL for
 * the only one that has been started.
 *
 * MS_ABSENT   not a Python process: says what was looked for, names PyPy, Java and others where they are
 *             recognised; or no image of it is called library
 * MS_VERSION  a Python, but of a kind this program has no way into
 * MS_USAGE    there are several: the message names them
 * MS_BUSY     it has not been started, or has ended
 */
MUST_CHECK enum status pyruntime_find(struct target *t, struct modules *m, const char *library, struct pyruntime *ret, struct errbuf *eb);

/* The same of a binary that is not running, for `memscan offsets FILE`: version from its .rodata. */
MUST_CHECK enum status pyruntime_find_file(struct modules *m, struct pyruntime *ret, struct errbuf *eb);

/* ---- making a layout ---- */

/*
 * The layout for a found runtime. file is an offset table's path that outranks the embedded ones, or NULL.
 *
 * MS_VERSION  no source knows this release: the message names the version, what was
 *             tried, and the one command that makes a table for it; or the table given
 *             is of another build; or a strategy is missing (derive.c names the axis)
 * MS_ABSENT   there is no such file
 * MS_FORMAT   the table given is malformed (line and reason), or two sources disagree
 *             about a field (the message shows both)
 */
MUST_CHECK enum status layout_load(const struct pyruntime *rt, const char *file, struct layout *ret, struct errbuf *eb);

/* From the binary's DWARF alone. MS_ABSENT if it has none. */
MUST_CHECK enum status layout_from_dwarf(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb);

/* From the text of a table; name is for messages. MS_FORMAT names line and reason. */
MUST_CHECK enum status layout_parse(const char *name, const char *text, size_t len, struct layout *ret, struct errbuf *eb);

void layout_fini(struct layout *l);

/* The embedded table that describes this runtime exactly. MS_ABSENT if there is none. */
MUST_CHECK enum status layout_embedded(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb);

/* ---- tables: how `memscan offsets` makes them ---- */

/* Take the types that l does not know yet from the DWARF of another module: a C module that is not linked in. */
MUST_CHECK enum status layout_add_dwarf(struct layout *l, struct module *m, struct errbuf *eb);

/*
 * Let l cover the release of other too, if they agree about every single row; out as in
 * layout_compare. MS_FORMAT if they do not, or are not of one series, machine and flavour.
 */
MUST_CHECK enum status layout_widen(struct layout *l, const struct layout *other, FILE *out, struct errbuf *eb);

/* Write l as a table that layout_parse reads back equal: what `memscan offsets` prints. */
void layout_print(const struct layout *l, const struct pyruntime *rt, FILE *out);

/*
 * Every field that a and b disagree about, one line each to out (may be NULL); returns
 * their number. A field that only one of them has counts if both know its type: then the
 * other states its absence.
 */
size_t layout_compare(const struct layout *a, const struct layout *b, FILE *out);

/*
 * The same of l and what the runtime states of itself (_Py_DebugOffsets, where the
 * collector's lists begin); *shared is the number of rows that both state, 0 to 3.12.
 */
size_t layout_compare_debug(const struct layout *l, const struct pyruntime *rt, size_t *shared, FILE *out);

/* A field by its C names (rows of shapes.def); NULL if absent. member "" is the type's size. */
const struct layout_field *layout_find(const struct layout *l, const char *type, const char *member);

/* ---- using it: hot, checked when it was made ---- */

static inline bool
layout_has(const struct layout *l, enum pyf id)
{
	return l->f[id].present;
}

static inline uint64_t
layout_off(const struct layout *l, enum pyf id)
{
	assert(l->f[id].present);
	return l->f[id].off;
}

static inline uint64_t
layout_size(const struct layout *l, enum pyf id)
{
	assert(l->f[id].present);
	return l->f[id].size;
}

/* A word (pointer, Py_ssize_t) of the target at p. */
static inline uint64_t
layout_word(const struct layout *l, const void *p)
{
	return load_uint(p, l->machine.ptr_width, l->swap);
}

/* The field's value in the struct that starts at p: unsigned, of the field's own size. */
static inline uint64_t
layout_get(const struct layout *l, enum pyf id, const void *p)
{
	return load_uint((const uint8_t *)p + layout_off(l, id), (unsigned)l->f[id].size, l->swap);
}

/* The same, sign-extended (Py_ssize_t). */
static inline int64_t
layout_get_signed(const struct layout *l, enum pyf id, const void *p)
{
	return load_int((const uint8_t *)p + layout_off(l, id), (unsigned)l->f[id].size, l->swap);
}

/* A bit-field's value in the struct at p. */
uint64_t layout_bits(const struct layout *l, enum pyf id, const void *p);

#endif
