/*
 * Whole reads and writes, and output files that appear complete or not at all: written
 * under "<name>.part", linked to the final name only when flushed and closed well.
 */
#include "memscan/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "memscan/mem.h"

enum status
io_read_all(int fd, void *buf, size_t n, struct errbuf *eb)
{
	char *p = buf;

	while (n > 0) {
		ssize_t got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errbuf_sys(eb, MS_IO, "read");
		if (got == 0)
			return errbuf_set(eb, MS_FORMAT, "unexpected end of file");
		p += got;
		n -= (size_t)got;
	}
	return MS_OK;
}

enum status
io_write_all(int fd, const void *buf, size_t n, struct errbuf *eb)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errbuf_sys(eb, MS_IO, "write");
		p += put;
		n -= (size_t)put;
	}
	return MS_OK;
}

enum status
io_pwrite_all(int fd, const void *buf, size_t n, off_t at, struct errbuf *eb)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t put = pwrite(fd, p, n, at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errbuf_sys(eb, MS_IO, "write");
		p += put;
		at += put;
		n -= (size_t)put;
	}
	return MS_OK;
}

enum status
io_slurp(const char *path, size_t cap, char **ret, size_t *len, struct errbuf *eb)
{
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errbuf_sys(eb,
			errno == ENOENT           ? MS_ABSENT
				: errno == EACCES ? MS_DENIED
						  : MS_IO,
			"%s", path);

	CLEAN_FREE char *buf = NULL;
	size_t n = 0, room = 0;
	for (;;) {
		if (n + 1 >= room) {
			room = room ? 2 * room : 64 * 1024;
			buf = xrealloc(buf, room);
		}
		ssize_t got = read(fd, buf + n, room - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errbuf_sys(
				eb, errno == ESRCH ? MS_GONE : MS_IO, "%s", path);
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > cap)
			return errbuf_set(
				eb, MS_LIMIT, "%s: more than %zu bytes", path, cap);
	}
	buf[n] = '\0';
	*ret = STEAL(buf);
	if (len != NULL)
		*len = n;
	return MS_OK;
}

enum status
outfile_open(struct outfile *o, const char *path, bool force, struct errbuf *eb)
{
	struct stat st;

	*o = (struct outfile){.fd = -1};
	if (strcmp(path, "-") == 0) {
		o->fd = STDOUT_FILENO;
		o->open = true;
		return MS_OK;
	}
	bool exists = lstat(path, &st) == 0;
	if (exists && !force)
		return errbuf_set(
			eb, MS_IO, "%s exists; use --force to replace it", path);
	if (exists && !S_ISREG(st.st_mode))
		return errbuf_set(eb, MS_IO,
			"%s is not a regular file; it will not be replaced", path);

	size_t cap = strlen(path) + 32;
	CLEAN_FREE char *part = xmalloc(cap);
	snprintf(part, cap, "%s.%ld.part", path, (long)getpid());
	int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errbuf_sys(eb, MS_IO, "cannot create %s", part);
	o->fd = fd;
	o->open = true;
	o->seekable = true;
	o->path = xstrdup(path);
	o->part = STEAL(part);
	/* Without --force, the name must still be free when the dump is complete. */
	o->force = force;
	return MS_OK;
}

/* Give the finished file its name: rename replaces, link does not. */
static enum status
take_name(const struct outfile *o, struct errbuf *eb)
{
	if (o->force) {
		if (rename(o->part, o->path) != 0)
			return errbuf_sys(
				eb, MS_IO, "cannot rename %s to %s", o->part, o->path);
		return MS_OK;
	}
	if (link(o->part, o->path) == 0) {
		unlink(o->part);
		return MS_OK;
	}
	if (errno == EEXIST)
		return errbuf_set(eb, MS_IO,
			"%s was created meanwhile; use --force to replace it", o->path);
	/* A filesystem without hard links. */
	if (rename(o->part, o->path) != 0)
		return errbuf_sys(eb, MS_IO, "cannot rename %s to %s", o->part, o->path);
	return MS_OK;
}

enum status
outfile_commit(struct outfile *o, struct errbuf *eb)
{
	if (o->part == NULL) {
		o->open = false;
		return MS_OK;
	}
	if (fsync(o->fd) != 0 && errno != EINVAL && errno != EROFS)
		return errbuf_sys(eb, MS_IO, "cannot write %s", o->part);
	int rc = close(o->fd);
	o->fd = -1;
	if (rc != 0)
		return errbuf_sys(eb, MS_IO, "cannot close %s", o->part);
	enum status st = take_name(o, eb);
	if (st != MS_OK)
		return st;
	o->open = false;
	return MS_OK;
}

void
outfile_abandon(const struct outfile *o)
{
	if (o->open && o->part != NULL)
		unlink(o->part);
}

void
outfile_fini(struct outfile *o)
{
	outfile_abandon(o);
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	free(o->path);
	free(o->part);
	*o = (struct outfile){.fd = -1};
}

uint64_t
io_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
