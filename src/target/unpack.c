/*
 * Packed cores: systemd-coredump and scripts leave .zst, .lz4, .xz and .gz. A target is
 * read at random, so that the whole is unpacked first, into a file without a name in
 * TMPDIR; runs of zeros become holes there.
 */
#include "corepriv.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "memscan/bytes.h"
#include "memscan/io.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"

enum {
	IN_LEN = 1 << 18,
	OUT_LEN = 1 << 18,
	HOLE = 4096,
	SPARE = 64 << 20, /* bytes that are left free where the file goes */
};

/* Bytes in, bytes out; each packer is two functions over its own state. */
struct stream {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len; /* room, then what was put there */
	bool is_last;   /* no more input comes */
	bool is_whole;  /* what was put out so far ends with a frame: it may end here */
};

enum step { STEP_MORE, STEP_END, STEP_BAD };

struct packer {
	const char *name;
	uint8_t magic[6];
	size_t magic_len;
	void *(*open)(void);
	/* Take some of the input and give some output: sets in, in_len and out_len. */
	enum step (*step)(void *self, struct stream *s);
	void (*close)(void *self);
};

/* ---- zstd ---- */

static void *
zstd_open(void)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	/* --long=31, as large as the format allows. */
	if (z != NULL)
		(void)ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 31);
	return z;
}

static enum step
zstd_step(void *self, struct stream *s)
{
	ZSTD_inBuffer in = {.src = s->in, .size = s->in_len};
	ZSTD_outBuffer out = {.dst = s->out, .size = s->out_len};
	size_t left = ZSTD_decompressStream(self, &out, &in);

	s->in += in.pos;
	s->in_len -= in.pos;
	s->out_len = out.pos;
	if (ZSTD_isError(left))
		return STEP_BAD;
	s->is_whole = left == 0;
	return STEP_MORE;
}

static void
zstd_close(void *self)
{
	ZSTD_freeDCtx(self);
}

/* ---- lz4 ---- */

static void *
lz4_open(void)
{
	LZ4F_dctx *z = NULL;
	return LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)) ? NULL : z;
}

static enum step
lz4_step(void *self, struct stream *s)
{
	size_t in_len = s->in_len, out_len = s->out_len;
	size_t left = LZ4F_decompress(self, s->out, &out_len, s->in, &in_len, NULL);

	s->out_len = LZ4F_isError(left) ? 0 : out_len;
	if (LZ4F_isError(left))
		return STEP_BAD;
	s->in += in_len;
	s->in_len -= in_len;
	s->is_whole = left == 0;
	return STEP_MORE;
}

static void
lz4_close(void *self)
{
	LZ4F_freeDecompressionContext(self);
}

/* ---- xz ---- */

static void *
xz_open(void)
{
	lzma_stream *z = xcalloc(1, sizeof(*z));

	if (lzma_stream_decoder(z, (uint64_t)2 << 30, LZMA_CONCATENATED) == LZMA_OK)
		return z;
	free(z);
	return NULL;
}

static enum step
xz_step(void *self, struct stream *s)
{
	lzma_stream *z = self;

	z->next_in = s->in;
	z->avail_in = s->in_len;
	z->next_out = s->out;
	z->avail_out = s->out_len;
	lzma_ret r = lzma_code(z, s->is_last ? LZMA_FINISH : LZMA_RUN);
	s->in = z->next_in;
	s->in_len = z->avail_in;
	s->out_len -= z->avail_out;
	if (r == LZMA_STREAM_END)
		return STEP_END;
	return r == LZMA_OK || r == LZMA_BUF_ERROR ? STEP_MORE : STEP_BAD;
}

static void
xz_close(void *self)
{
	lzma_end(self);
	free(self);
}

/* ---- gzip ---- */

static void *
gz_open(void)
{
	z_stream *z = xcalloc(1, sizeof(*z));

	if (inflateInit2(z, 16 + MAX_WBITS) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static enum step
gz_step(void *self, struct stream *s)
{
	z_stream *z = self;
	uint8_t *in;

	memcpy(&in, &s->in, sizeof(in)); /* zlib's pointer is not const */
	z->next_in = in;
	z->avail_in = (uInt)s->in_len;
	z->next_out = s->out;
	z->avail_out = (uInt)s->out_len;
	int r = inflate(z, Z_NO_FLUSH);
	s->in += s->in_len - z->avail_in;
	s->in_len = z->avail_in;
	s->out_len -= z->avail_out;
	s->is_whole = r == Z_STREAM_END;
	if (r == Z_STREAM_END)
		return inflateReset(z) == Z_OK ? STEP_MORE : STEP_BAD;
	return r == Z_OK || r == Z_BUF_ERROR ? STEP_MORE : STEP_BAD;
}

static void
gz_close(void *self)
{
	inflateEnd(self);
	free(self);
}

static const struct packer packers[] = {
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_open, zstd_step, zstd_close},
	{"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, lz4_open, lz4_step, lz4_close},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, xz_open, xz_step, xz_close},
	{"gzip", {0x1f, 0x8b}, 2, gz_open, gz_step, gz_close},
};

/* ---- where it goes ---- */

/* A file without a name, in TMPDIR. */
static int
temporary(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/memscan-core.XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* What can be written there and leave it room to live. */
static uint64_t
room_in(int fd)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) != 0)
		return UINT64_MAX;
	uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return free_bytes > SPARE ? free_bytes - SPARE : 0;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

struct sink {
	int fd;
	const char *dir;
	uint64_t at, written, room;
};

static enum status
put(struct sink *k, const uint8_t *p, size_t n, struct errbuf *eb)
{
	for (size_t i = 0; i < n; i += HOLE) {
		size_t len = n - i < HOLE ? n - i : HOLE;
		if (!is_zero(p + i, len)) {
			k->written += len;
			if (k->written > k->room)
				return errbuf_set(eb, MS_LIMIT,
				                  "unpacked it would fill %s: set TMPDIR to "
				                  "a directory with more room, or unpack it",
				                  k->dir);
			enum status st = io_pwrite_all(k->fd, p + i, len,
			                               (off_t)(k->at + i), eb);
			if (st != MS_OK)
				return errbuf_wrap(eb, "unpacking it into %s", k->dir);
		}
	}
	k->at += n;
	return MS_OK;
}

/* ---- the loop ---- */

static enum status
unpack(const struct packer *pk, void *z, int from, struct sink *k, struct errbuf *eb)
{
	CLEAN_FREE uint8_t *in = xmalloc(IN_LEN);
	CLEAN_FREE uint8_t *out = xmalloc(OUT_LEN);
	struct stream s = {.in = in};
	off_t at = 0;

	for (;;) {
		if (s.in_len == 0 && !s.is_last) {
			ssize_t n = pread(from, in, IN_LEN, at);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return errbuf_sys(eb, MS_IO, "cannot read it");
			at += n;
			s.in = in;
			s.in_len = (size_t)n;
			s.is_last = n == 0;
		}
		if (s.is_last && s.is_whole)
			return MS_OK;
		size_t had = s.in_len;
		s.out = out;
		s.out_len = OUT_LEN;
		enum step step = pk->step(z, &s);
		enum status st = put(k, out, s.out_len, eb);
		if (st != MS_OK || step == STEP_END)
			return st;
		bool is_stuck = s.is_last && s.out_len == 0 && s.in_len == had;
		if (step != STEP_BAD && !is_stuck)
			continue;
		log_at(LOG_NORMAL, "the %s file is %s: what comes before is used",
		       pk->name, step == STEP_BAD ? "damaged" : "cut off");
		return MS_OK;
	}
}

enum status
core_unpack(const char *path, int *fd, struct errbuf *eb)
{
	uint8_t head[6] = {0};
	char text[TEXT_NUM];
	const struct packer *pk = NULL;

	ssize_t n = pread(*fd, head, sizeof(head), 0);
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(packers); i++)
		if ((size_t)n >= packers[i].magic_len &&
		    memcmp(head, packers[i].magic, packers[i].magic_len) == 0)
			pk = &packers[i];
	if (pk == NULL)
		return MS_OK;

	const char *dir = getenv("TMPDIR");
	struct sink k = {.dir = dir != NULL && *dir != '\0' ? dir : "/tmp"};
	k.fd = temporary(k.dir);
	if (k.fd < 0)
		return errbuf_sys(eb, MS_IO, "cannot make a temporary file in %s", k.dir);
	k.room = room_in(k.fd);
	void *z = pk->open();
	if (z == NULL) {
		close(k.fd);
		return errbuf_set(eb, MS_NOMEM, "no memory to unpack it");
	}
	log_at(LOG_VERBOSE, "%s: packed by %s; unpacking it into %s, where %s are free", path,
	       pk->name, k.dir, text_size(text, k.room));
	enum status st = unpack(pk, z, *fd, &k, eb);
	pk->close(z);
	if (st == MS_OK && ftruncate(k.fd, (off_t)k.at) != 0)
		st = errbuf_sys(eb, MS_IO, "cannot unpack it into %s", k.dir);
	if (st != MS_OK) {
		close(k.fd);
		return st;
	}
	char whole[TEXT_NUM];
	log_at(LOG_NORMAL, "%s: unpacked into a temporary file of %s, %s on disk, in %s", path,
	       text_size(whole, k.at), text_size(text, k.written), k.dir);
	close(*fd);
	*fd = k.fd;
	return MS_OK;
}
