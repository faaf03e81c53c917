/*
 * Writing and reading dump files. The writer is a heap_sink; the reader yields a struct
 * heap.
 *
 * The writer streams: a column's bytes are collected and go to the file as extents of
 * growing length, so that its own memory is a few buffers, whatever the heap. To a pipe
 * it works the same way, byte for byte. Knows files and the waist; knows no target and no
 * Python.
 */
#ifndef MEMSCAN_DUMP_H
#define MEMSCAN_DUMP_H

#include "memscan/dumpfmt.h"
#include "memscan/heap.h"
#include "memscan/io.h"

struct dump_writer;

/*
 * A writer into an open output file (borrowed: the caller commits or abandons it), which
 * is empty and, if seekable, readable too.
 */
MUST_CHECK enum status dump_writer_new(
	struct outfile *out, struct dump_writer **ret, struct errbuf *eb);

/*
 * Before anything is emitted: let threads - 1 more threads checksum, compress and write
 * beside the caller (1: none), which changes no byte of the file; and compress the extents
 * with Zstandard.
 */
void dump_writer_tune(struct dump_writer *w, unsigned threads, bool compress);

/*
 * The sink to emit into; owned by the writer. A failure is remembered: all later calls
 * return it too, and dump_writer_finish says what it was.
 *
 * MS_IO      the disk is full, or the pipe closed
 * MS_LIMIT   more objects, strings or types than a dump can number
 * MS_USAGE   the calls break the order of heap.h (string 0 is not "", refs before an
 * object)
 */
struct heap_sink *dump_writer_sink(struct dump_writer *w);

/* Write the rest, TOC and trailer; once. After an error of the sink, returns that error
 * with its text. */
MUST_CHECK enum status dump_writer_finish(struct dump_writer *w, struct errbuf *eb);

/* Counts so far, for progress. */
struct dump_counts {
	uint64_t objects, refs, types;
	uint64_t guessed;    /* references with REF_GUESS */
	uint64_t bytes;      /* sum of the objects' sizes */
	uint64_t file_bytes; /* written so far */
	uint64_t damage;     /* sum of the counts of all damage */
};
struct dump_counts dump_writer_counts(const struct dump_writer *w);
void dump_writer_free(struct dump_writer *w);

struct dump;

/* A set of columns: 1u << DC_OADR ... */
#define DUMP_ALL UINT32_MAX

/*
 * Map a dump and validate the columns asked for, once: bounds, checksums, ids, monotone
 * offsets. Afterwards accessors do no checks.
 *
 * A column without which another makes no sense comes with it: STRS with STRO, VALA with
 * VALS, OBIG with OSIZ and ORFC, OADR with OSRT, REFB with REFF, and that with REFT and REFL, THRD and FRAM
 * with each other and with ROOT. Columns that did not come are NULL; nobj, nref, ntype
 * and nstr are right in any case, the other counts are 0 then.
 *
 * The file is mapped, not read: it must not be written to or truncated before dump_close.
 *
 * MS_FORMAT   not a dump, or a damaged one; the message says where
 * MS_VERSION  a major version that this program does not read (both numbers in the
 * message) MS_LIMIT    more of something than this program can number MS_NOMEM    no
 * address space for it MS_IO       cannot be opened or read
 */
MUST_CHECK enum status dump_open(
	const char *path, uint32_t columns, struct dump **ret, struct errbuf *eb);
const struct heap *dump_heap(const struct dump *d);
uint64_t dump_file_size(const struct dump *d); /* bytes */
void dump_close(struct dump *d);

#endif
