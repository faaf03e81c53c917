/*
 * The writer's way to the file: buffers of columns become extents, in the order in which
 * they are handed over, checksummed and, if wanted, compressed. With workers that happens
 * beside the walk; the bytes are the same with any number of them.
 *
 * A buffer is a job with a number. Workers take jobs in order, prepare them side by side,
 * and write each when all with lower numbers are written.
 */
#include "priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

enum {
	WORKERS_MAX = 16,
	JOBS_MAX = 2 * WORKERS_MAX,
	PENDING_SHARE = 16, /* buffers that wait are up to this part of the file so far */
};

struct job {
	enum dump_column column;
	uint8_t *at;
	size_t n;
};

struct extents {
	struct outfile *out;
	bool compress;
	unsigned nworkers;
	pthread_t workers[WORKERS_MAX];
	struct packer *pack; /* of the caller's own thread */

	pthread_mutex_t lock; /* of all that follows; `at` and rows are of who writes, too */
	pthread_cond_t changed;
	struct job jobs[JOBS_MAX];
	uint64_t put, taken, written; /* jobs so far */
	uint64_t bytes_put, bytes_written;
	bool is_closing;
	struct errbuf err; /* the first failure */
	uint64_t at;       /* where the next byte goes */
	VEC(struct dumpfmt_extent) rows;
};

/* ---- to the file; by who has the turn ---- */

static enum status
put_raw(struct extents *e, const void *p, size_t n, struct errbuf *eb)
{
	if (io_write_all(e->out->fd, p, n, eb) != MS_OK)
		return errbuf_wrap(eb, "%s",
			e->out->path != NULL ? e->out->path : "standard output");
	e->at += n;
	return MS_OK;
}

static enum status
put_padding(struct extents *e, size_t align, struct errbuf *eb)
{
	static const uint8_t zeros[DUMP_ALIGN];

	return put_raw(e, zeros, (size_t)(-e->at & (align - 1)), eb);
}

static enum status
put_extent(struct extents *e, const struct job *j, const struct packed *p, struct errbuf *eb)
{
	bool is_mapped = p->raw == 0 && p->n >= DUMP_ALIGN;
	enum status st = put_padding(e, is_mapped ? DUMP_ALIGN : DUMP_PACK, eb);

	if (st != MS_OK)
		return st;
	struct dumpfmt_extent row = {
		.crc32 = p->crc32, .offset = e->at, .length = p->n, .raw = p->raw};
	memcpy(row.column, column_info[j->column].name, sizeof(row.column));
	vec_push(&e->rows, row);
	return put_raw(e, p->at, p->n, eb);
}

/* ---- jobs ---- */

/* What a job is to be in the file; valid until the packer's next. */
static struct packed
prepare(struct packer *pack, const struct job *j)
{
	struct packed p = {.at = j->at, .n = j->n};

	if (pack != NULL)
		p = pack_extent(pack, j->at, j->n, column_info[j->column].size);
	p.crc32 = chunk_crc32(p.at, p.n);
	return p;
}

/* Write job number i when it is its turn; after a failure nothing is written any more. */
static void
finish_job(struct extents *e, uint64_t i, const struct job *j, const struct packed *p)
{
	struct errbuf eb = {0};

	pthread_mutex_lock(&e->lock);
	while (e->written != i)
		pthread_cond_wait(&e->changed, &e->lock);
	bool is_failed = e->err.code != MS_OK;
	pthread_mutex_unlock(&e->lock);
	enum status st = is_failed ? MS_OK : put_extent(e, j, p, &eb);
	free(j->at);
	pthread_mutex_lock(&e->lock);
	if (st != MS_OK)
		e->err = eb;
	e->written++;
	e->bytes_written += j->n;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void *
work(void *self)
{
	struct extents *e = self;
	struct packer *pack = e->compress ? packer_new() : NULL;

	for (;;) {
		pthread_mutex_lock(&e->lock);
		while (e->taken == e->put && !e->is_closing)
			pthread_cond_wait(&e->changed, &e->lock);
		if (e->taken == e->put) {
			pthread_mutex_unlock(&e->lock);
			break;
		}
		uint64_t i = e->taken++;
		struct job j = e->jobs[i % JOBS_MAX];
		pthread_mutex_unlock(&e->lock);
		struct packed p = prepare(pack, &j);
		finish_job(e, i, &j, &p);
	}
	packer_free(pack);
	return NULL;
}

/*
 * Buffers wait in memory: no more of them than keep all workers busy, or, because columns
 * of one width fill together, than are few beside what was written.
 */
static bool
is_full(const struct extents *e)
{
	uint64_t jobs = e->put - e->written;

	return jobs == JOBS_MAX ||
		(jobs >= 2 * e->nworkers &&
			e->bytes_put - e->bytes_written >=
				e->bytes_written / PENDING_SHARE);
}

enum status
extents_put(struct extents *e, enum dump_column column, uint8_t *at, size_t n)
{
	struct job j = {column, at, n};

	if (e->nworkers == 0) {
		e->bytes_put += n;
		struct packed p = prepare(e->pack, &j);
		finish_job(e, e->written, &j, &p);
		return e->err.code;
	}
	pthread_mutex_lock(&e->lock);
	while (is_full(e))
		pthread_cond_wait(&e->changed, &e->lock);
	e->jobs[e->put++ % JOBS_MAX] = j;
	e->bytes_put += n;
	enum status st = e->err.code;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	return st;
}

enum status
extents_drain(struct extents *e, struct errbuf *eb)
{
	pthread_mutex_lock(&e->lock);
	while (e->written != e->put && e->nworkers > 0)
		pthread_cond_wait(&e->changed, &e->lock);
	*eb = e->err;
	pthread_mutex_unlock(&e->lock);
	return eb->code;
}

/* ---- the rest of the file; nothing is under way then ---- */

enum status
extents_write(struct extents *e, const void *p, size_t n, struct errbuf *eb)
{
	return put_raw(e, p, n, eb);
}

enum status
extents_finish(struct extents *e, struct errbuf *eb)
{
	enum status st = extents_drain(e, eb);

	size_t bytes = e->rows.n * sizeof(*e->rows.at);
	if (st == MS_OK)
		st = put_padding(e, DUMP_PACK, eb);
	struct dumpfmt_trailer t = {
		.toc_offset = e->at,
		.toc_rows = (uint32_t)e->rows.n,
		.toc_crc32 = chunk_crc32(e->rows.at, bytes),
		.file_size = e->at + bytes + sizeof(t),
		.magic = DUMP_END_MAGIC,
	};
	if (e->rows.n > TOC_ROWS_MAX && st == MS_OK)
		st = errbuf_set(eb, MS_LIMIT, "too many extents for a dump");
	if (st == MS_OK)
		st = put_raw(e, e->rows.at, bytes, eb);
	return st == MS_OK ? put_raw(e, &t, sizeof(t), eb) : st;
}

const struct dumpfmt_extent *
extents_rows(const struct extents *e, size_t *n)
{
	*n = e->rows.n;
	return e->rows.at;
}

uint64_t
extents_bytes(struct extents *e)
{
	pthread_mutex_lock(&e->lock);
	uint64_t at = e->at;
	pthread_mutex_unlock(&e->lock);
	return at;
}

/* ---- life ---- */

struct extents *
extents_new(struct outfile *out)
{
	struct extents *e = xcalloc(1, sizeof(*e));

	e->out = out;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	return e;
}

void
extents_tune(struct extents *e, unsigned threads, bool compress)
{
	sigset_t all, before;

	e->compress = compress;
	/* Signals are for the thread that was there before. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (e->nworkers + 1 < threads && e->nworkers < WORKERS_MAX &&
		pthread_create(&e->workers[e->nworkers], NULL, work, e) == 0)
		e->nworkers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (compress && e->nworkers == 0)
		e->pack = packer_new();
}

void
extents_free(struct extents *e)
{
	if (e == NULL)
		return;
	pthread_mutex_lock(&e->lock);
	e->is_closing = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	for (unsigned i = 0; i < e->nworkers; i++)
		pthread_join(e->workers[i], NULL);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->changed);
	packer_free(e->pack);
	vec_fini(&e->rows);
	free(e);
}
