/*
 * The cache file: a header with what it belongs to and how long its parts are, the parts,
 * each an array of 32-bit numbers with a checksum in the header. Whoever wrote it is not
 * trusted: lengths follow from the dump's, and the layers that the arrays belong to
 * check them before anybody reads them.
 */
#include "cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "memscan/cmd.h"
#include "memscan/io.h"
#include "memscan/mem.h"

#define CACHE_MAGIC "memscanC"

/* Goes up with every change of the parts or of how they are found. */
enum { CACHE_FORMAT = 1 };

enum cache_part { ENTRY, ROOT, IDOM, ORDER, DIST, PARENT, VIA, WAY_ORDER, PARTS };

struct cache_header {
	char magic[8];
	uint32_t format;
	uint32_t crc32;  /* of the header, with this as 0 */
	char writer[16]; /* which memscan */
	uint64_t digest; /* of the dump */
	uint64_t nref;
	uint32_t nobj, n_entry, n_held, n_order;
	uint32_t part_crc32[PARTS];
};
static_assert(sizeof(struct cache_header) == 96, "the header is 96 bytes");

void
cached_fini(struct cached *c)
{
	graph_fini(&c->g);
	dominators_fini(&c->d);
	graph_tree_fini(&c->way);
}

char *
cache_path(const char *dump)
{
	size_t cap = strlen(dump) + sizeof(".cache");
	char *path = xmalloc(cap);

	snprintf(path, cap, "%s.cache", dump);
	return path;
}

/* Numbers in a part. */
static size_t
part_length(const struct cache_header *head, enum cache_part part)
{
	switch (part) {
	case ENTRY:
	case ROOT:
		return head->n_entry;
	case WAY_ORDER:
		return head->n_order;
	default:
		return head->nobj;
	}
}

static uint32_t **
part_array(struct cached *c, enum cache_part part)
{
	uint32_t **const arrays[PARTS] = {
		[ENTRY] = &c->g.entry,
		[ROOT] = &c->g.root,
		[IDOM] = &c->d.idom,
		[ORDER] = &c->d.order,
		[DIST] = &c->way.dist,
		[PARENT] = &c->way.parent,
		[VIA] = &c->way.via,
		[WAY_ORDER] = &c->way.order,
	};

	return arrays[part];
}

static uint32_t
checksum(const void *p, size_t n)
{
	const Bytef *at = p;
	uLong crc = crc32(0, Z_NULL, 0);

	for (size_t step; n > 0; at += step, n -= step) {
		step = n < 1u << 30 ? n : 1u << 30;
		crc = crc32(crc, at, (uInt)step);
	}
	return (uint32_t)crc;
}

/* What the header is without its checksums. */
static struct cache_header
header_for(const struct heap *h)
{
	struct cache_header head = {
		.format = CACHE_FORMAT,
		.digest = h->digest,
		.nobj = h->nobj,
		.nref = h->nref,
	};

	memcpy(head.magic, CACHE_MAGIC, sizeof(head.magic));
	snprintf(head.writer, sizeof(head.writer), "%s", MEMSCAN_VERSION);
	return head;
}

static uint32_t
header_checksum(struct cache_header head)
{
	head.crc32 = 0;
	return checksum(&head, sizeof(head));
}

/* ---- reading ---- */

static enum status
check_header(const struct cache_header *head, const struct heap *h, uint64_t file_size,
	struct errbuf *eb)
{
	struct cache_header expected = header_for(h);
	uint64_t size = sizeof(*head);

	if (header_checksum(*head) != head->crc32)
		return errbuf_set(eb, MS_FORMAT, "the header has a wrong checksum");
	if (head->format != expected.format ||
		memcmp(head->writer, expected.writer, sizeof(head->writer)) != 0)
		return errbuf_set(eb, MS_VERSION, "another memscan wrote it");
	if (head->digest != expected.digest || head->nobj != h->nobj ||
		head->nref != h->nref)
		return errbuf_set(eb, MS_VERSION, "it is of another dump");
	if (head->n_entry > h->nobj || head->n_order > h->nobj)
		return errbuf_set(eb, MS_FORMAT, "the header makes no sense");
	for (enum cache_part part = 0; part < PARTS; part++)
		size += part_length(head, part) * sizeof(uint32_t);
	if (size != file_size)
		return errbuf_set(eb, MS_FORMAT, "it has %llu bytes and should have %llu",
			(unsigned long long)file_size, (unsigned long long)size);
	return MS_OK;
}

static enum status
read_parts(int fd, const struct cache_header *head, struct cached *c, struct errbuf *eb)
{
	for (enum cache_part part = 0; part < PARTS; part++) {
		size_t n = part_length(head, part);
		enum status st =
			mem_array(n + 1, sizeof(uint32_t), part_array(c, part), eb);
		if (st == MS_OK)
			st = io_read_all(
				fd, *part_array(c, part), n * sizeof(uint32_t), eb);
		if (st != MS_OK)
			return st;
		if (checksum(*part_array(c, part), n * sizeof(uint32_t)) !=
			head->part_crc32[part])
			return errbuf_set(
				eb, MS_FORMAT, "part %d has a wrong checksum", (int)part);
	}
	return MS_OK;
}

static enum status
read_fd(int fd, const struct heap *h, struct cached *ret, bool *may_replace,
	struct errbuf *eb)
{
	CLEAN(cached_fini) struct cached c = {.g = {.h = h}};
	struct cache_header head;
	struct stat info;

	if (fstat(fd, &info) != 0)
		return errbuf_sys(eb, MS_IO, "fstat");
	if (!S_ISREG(info.st_mode))
		return errbuf_set(eb, MS_IO, "it is no regular file");
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return errbuf_set(eb, MS_DENIED, "it belongs to another user");
	if ((uint64_t)info.st_size < sizeof(head))
		return errbuf_set(eb, MS_FORMAT, "it is no cache of memscan's");
	enum status st = io_read_all(fd, &head, sizeof(head), eb);
	if (st == MS_OK && memcmp(head.magic, CACHE_MAGIC, sizeof(head.magic)) != 0)
		st = errbuf_set(eb, MS_FORMAT, "it is no cache of memscan's");
	if (st != MS_OK)
		return st;
	*may_replace = true;
	st = check_header(&head, h, (uint64_t)info.st_size, eb);
	if (st == MS_OK)
		st = read_parts(fd, &head, &c, eb);
	if (st != MS_OK)
		return st;
	c.g.n_entry = head.n_entry;
	c.g.n_held = head.n_held;
	c.way.n_order = head.n_order;
	st = graph_restore(0, &c.g, eb);
	if (st == MS_OK)
		st = dominators_check(h, &c.d, eb);
	if (st == MS_OK)
		st = graph_tree_check(&c.g, &c.way, eb);
	if (st != MS_OK)
		return st;
	*ret = c;
	c = (struct cached){0};
	return MS_OK;
}

enum status
cache_read(const char *path, const struct heap *h, struct cached *ret, bool *may_replace,
	struct errbuf *eb)
{
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	*may_replace = fd < 0 && errno == ENOENT;
	if (*may_replace)
		return errbuf_set(eb, MS_ABSENT, "there is none");
	if (fd < 0)
		return errbuf_sys(eb, MS_IO, "it cannot be opened");
	return read_fd(fd, h, ret, may_replace, eb);
}

/* ---- writing ---- */

static enum status
write_all(int fd, const struct heap *h, struct cached *c, struct errbuf *eb)
{
	struct cache_header head = header_for(h);

	head.n_entry = c->g.n_entry;
	head.n_held = c->g.n_held;
	head.n_order = c->way.n_order;
	for (enum cache_part part = 0; part < PARTS; part++)
		head.part_crc32[part] = checksum(*part_array(c, part),
			part_length(&head, part) * sizeof(uint32_t));
	head.crc32 = header_checksum(head);
	enum status st = io_write_all(fd, &head, sizeof(head), eb);
	for (enum cache_part part = 0; part < PARTS && st == MS_OK; part++)
		st = io_write_all(fd, *part_array(c, part),
			part_length(&head, part) * sizeof(uint32_t), eb);
	return st;
}

enum status
cache_write(
	const char *path, const struct heap *h, const struct cached *c, struct errbuf *eb)
{
	struct cached view = *c; /* borrowed: the arrays are not written to */
	struct outfile out;
	sigset_t block, before;

	/* What is interrupted leaves no half file. */
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &before);
	enum status st = outfile_open(&out, path, true, eb);
	if (st == MS_OK) {
		st = write_all(out.fd, h, &view, eb);
		if (st == MS_OK)
			st = outfile_commit(&out, eb);
		outfile_fini(&out);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return st;
}
