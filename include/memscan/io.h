/*
 * Whole reads and writes, and output files that appear complete or not at all.
 */
#ifndef MEMSCAN_IO_H
#define MEMSCAN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memscan/status.h"

/* Read or write all n bytes, through EINTR and short counts. MS_IO, or MS_FORMAT at an early end of file. */
MUST_CHECK enum status io_read_all(int fd, void *buf, size_t n, struct errbuf *eb);
MUST_CHECK enum status io_write_all(int fd, const void *buf, size_t n, struct errbuf *eb);
MUST_CHECK enum status io_pwrite_all(int fd, const void *buf, size_t n, off_t at, struct errbuf *eb);

/* A whole small file (/proc texts too) into memory: NUL-terminated, free() it; at most cap bytes (MS_LIMIT). */
MUST_CHECK enum status io_slurp(const char *path, size_t cap, char **ret, size_t *len, struct errbuf *eb);

/*
 * An output file under a temporary name beside its final one, mode 0600, created
 * exclusively. outfile_commit flushes, closes and renames; outfile_fini before a
 * commit removes it. outfile_abandon is async-signal-safe: unlink only.
 * The path "-" is standard output: nothing is renamed, and `seekable` is false.
 */
struct outfile {
	int fd;
	bool seekable;
	bool open;  /* not yet committed */
	bool force; /* the final name may be replaced */
	char *path, *part;
};

/*
 * MS_IO     the name exists (unless force), or cannot be created: the message says which
 */
MUST_CHECK enum status outfile_open(struct outfile *o, const char *path, bool force, struct errbuf *eb);
MUST_CHECK enum status outfile_commit(struct outfile *o, struct errbuf *eb);
void outfile_abandon(const struct outfile *o);
void outfile_fini(struct outfile *o);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t io_now_ns(void);

#endif
