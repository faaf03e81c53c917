/*
 * The dump on disk: a public contract, described for other readers in memscan-dump(5).
 *
 * A file is a header, extents, a table of contents (TOC) and a trailer. A column (one
 * flat little-endian array) is the concatenation of its extents in TOC order. Every
 * extent of a column but the last begins at a multiple of DUMP_ALIGN and has a length
 * that is one, so that a reader can map a column into contiguous addresses without
 * copying; last extents shorter than that, and compressed ones, are packed together. Sizes are known late,
 * therefore the TOC is at the end; a file without a trailer is not a dump.
 */
#ifndef MEMSCAN_DUMPFMT_H
#define MEMSCAN_DUMPFMT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/heap.h"

#define DUMP_MAGIC "memscan\n"
#define DUMP_END_MAGIC "mscnend\n"
#define DUMP_MAJOR 2
#define DUMP_MINOR 0
#define DUMP_ALIGN 65536u /* the largest page size of a supported machine */
#define DUMP_PACK 64u     /* alignment of the other extents, and of the TOC */

struct dumpfmt_header {
	char magic[8];
	uint16_t major, minor;
	uint32_t header_size; /* 64; more in a later minor version */
	uint8_t reserved[48];
};
static_assert(sizeof(struct dumpfmt_header) == 64, "header is 64 bytes");
static_assert(offsetof(struct dumpfmt_header, major) == 8, "major is at 8");
static_assert(offsetof(struct dumpfmt_header, minor) == 10, "minor is at 10");
static_assert(offsetof(struct dumpfmt_header, header_size) == 12, "header_size is at 12");

/* clang-format off */
/* Columns, by four letters; element size in bytes. */
#define DUMP_COLUMNS(X)                                                                  \
	X(STRS, 1)  /* texts of all strings, each followed by a NUL */                   \
	X(STRO, 8)  /* nstr + 1 offsets into STRS */                                     \
	X(TYPE, 40) /* struct heap_type */                                               \
	X(OADR, 8)  /* address of each object */                                         \
	X(OTYP, 4)  /* type id of each object */                                         \
	X(OSIZ, 4)  /* size in bytes, UINT32_MAX: see OBIG */                            \
	X(ORFC, 4)  /* reference count, UINT32_MAX: see OBIG */                          \
	X(OFLG, 2)  /* flags */                                                          \
	X(OGEN, 1)  /* enum heap_generation of each object; or nothing */                \
	X(OINT, 2)  /* whose each object is; or nothing */                               \
	X(OBIG, 24) /* struct heap_big, ascending by id */                               \
	X(OBUF, 40) /* struct heap_buffer, ascending by object */                        \
	X(ONTE, 16) /* struct heap_note, ascending by object and kind */                 \
	X(OSRT, 4)  /* ids in ascending order of address */                              \
	X(REFF, 1)  /* number of references of each object, DUMP_MANY: see REFB */       \
	X(REFB, 16) /* struct dumpfmt_many, ascending by id */                           \
	X(REFT, 4)  /* id that each reference goes to */                                 \
	X(REFL, 4)  /* label of each reference */                                        \
	X(VALA, 8)  /* offset in VALS of the record of every 64th object */              \
	X(VALS, 1)  /* value records */                                                  \
	X(ROOT, 24) /* struct heap_root */                                               \
	X(INTR, 16) /* struct heap_interp */                                             \
	X(THRD, 24) /* struct heap_thread */                                             \
	X(FRAM, 24) /* struct heap_frame */                                              \
	X(RGNS, 32) /* struct heap_region */                                             \
	X(DMGE, 48) /* struct heap_damage */                                             \
	X(META, 8)  /* struct heap_meta: pairs of string ids */

/* clang-format on */

enum dump_column {
#define DUMP_COLUMN_ENUM(id, size) DC_##id,
	DUMP_COLUMNS(DUMP_COLUMN_ENUM)
#undef DUMP_COLUMN_ENUM
	DC_COUNT
};
static_assert(DC_COUNT <= 32, "a set of columns is 32 bits");

/* Of an object that has DUMP_MANY references or more: how many. */
#define DUMP_MANY UINT8_MAX
struct dumpfmt_many {
	uint32_t id, pad;
	uint64_t n;
};
static_assert(sizeof(struct dumpfmt_many) == 16, "many is 16 bytes");
static_assert(offsetof(struct dumpfmt_many, n) == 8, "n is at 8");

/* One row of the TOC. Rows of a column are in the order of its bytes. */
struct dumpfmt_extent {
	char column[4];
	uint32_t crc32;  /* of the extent's bytes, as zlib's crc32() */
	uint64_t offset; /* in the file */
	uint64_t length; /* bytes in the file */
	uint64_t raw;    /* 0: as it is; else compressed, and this is its length before */
};
static_assert(sizeof(struct dumpfmt_extent) == 32, "extent row is 32 bytes");
static_assert(offsetof(struct dumpfmt_extent, crc32) == 4, "crc32 is at 4");
static_assert(offsetof(struct dumpfmt_extent, offset) == 8, "offset is at 8");
static_assert(offsetof(struct dumpfmt_extent, length) == 16, "length is at 16");
static_assert(offsetof(struct dumpfmt_extent, raw) == 24, "raw is at 24");

struct dumpfmt_trailer {
	uint64_t toc_offset;
	uint32_t toc_rows;
	uint32_t toc_crc32;
	uint64_t file_size; /* the trailer included */
	char magic[8];
};
static_assert(sizeof(struct dumpfmt_trailer) == 32, "trailer is 32 bytes");
static_assert(offsetof(struct dumpfmt_trailer, toc_rows) == 8, "toc_rows is at 8");
static_assert(offsetof(struct dumpfmt_trailer, toc_crc32) == 12, "toc_crc32 is at 12");
static_assert(offsetof(struct dumpfmt_trailer, file_size) == 16, "file_size is at 16");
static_assert(offsetof(struct dumpfmt_trailer, magic) == 24, "magic is at 24");

/*
 * The structs of the waist are what lies in the file. Changing one changes the format:
 * these lines, memscan-dump(5) and DUMP_MAJOR.
 */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "dumps are little-endian");
#define DUMP_AT(type, member, at)                                                        \
	static_assert(offsetof(struct heap_##type, member) == (at), #type "." #member)
#define DUMP_SIZE(type, size) static_assert(sizeof(struct heap_##type) == (size), #type)
/* clang-format off */
DUMP_SIZE(type, 40);
DUMP_AT(type, addr, 0);
DUMP_AT(type, name, 8);
DUMP_AT(type, module, 12);
DUMP_AT(type, flags, 16);
DUMP_AT(type, how, 20);
DUMP_AT(type, basicsize, 24);
DUMP_AT(type, itemsize, 32);
DUMP_SIZE(big, 24);
DUMP_AT(big, id, 0);
DUMP_AT(big, pad, 4);
DUMP_AT(big, size, 8);
DUMP_AT(big, refcount, 16);
DUMP_SIZE(buffer, 40);
DUMP_AT(buffer, object, 0);
DUMP_AT(buffer, flags, 4);
DUMP_AT(buffer, owner, 8);
DUMP_AT(buffer, name, 12);
DUMP_AT(buffer, addr, 16);
DUMP_AT(buffer, bytes, 24);
DUMP_AT(buffer, length, 32);
DUMP_SIZE(note, 16);
DUMP_AT(note, object, 0);
DUMP_AT(note, kind, 4);
DUMP_AT(note, n, 8);
DUMP_SIZE(root, 24);
DUMP_AT(root, to, 0);
DUMP_AT(root, kind, 4);
DUMP_AT(root, name, 8);
DUMP_AT(root, thread, 12);
DUMP_AT(root, frame, 16);
DUMP_AT(root, interp, 20);
DUMP_SIZE(interp, 16);
DUMP_AT(interp, addr, 0);
DUMP_AT(interp, id, 8);
DUMP_SIZE(thread, 24);
DUMP_AT(thread, ident, 0);
DUMP_AT(thread, native_id, 8);
DUMP_AT(thread, name, 16);
DUMP_AT(thread, interp, 20);
DUMP_SIZE(frame, 24);
DUMP_AT(frame, thread, 0);
DUMP_AT(frame, code, 4);
DUMP_AT(frame, lasti, 8);
DUMP_AT(frame, line, 12);
DUMP_AT(frame, function, 16);
DUMP_AT(frame, file, 20);
DUMP_SIZE(region, 32);
DUMP_AT(region, start, 0);
DUMP_AT(region, end, 8);
DUMP_AT(region, resident, 16);
DUMP_AT(region, prot, 24);
DUMP_AT(region, path, 28);
DUMP_SIZE(damage, 48);
DUMP_AT(damage, reason, 0);
DUMP_AT(damage, n_examples, 4);
DUMP_AT(damage, count, 8);
DUMP_AT(damage, examples, 16);
DUMP_SIZE(meta, 8);
DUMP_AT(meta, key, 0);
DUMP_AT(meta, value, 4);
/* clang-format on */
#undef DUMP_AT
#undef DUMP_SIZE

#endif
