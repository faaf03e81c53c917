/*
 * The copying itself: everything here happens while the target stands still, so it does
 * as little as there is to do. Chunks go to the kernel a thousand at a time; large copies
 * are shared out among a few threads, as one processor does not saturate the memory.
 *
 * When the time of the stop is over, what arrived until then counts, and nothing later:
 * after each call to the kernel it is asked whether the process still stood.
 */
#include "priv.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memscan/mem.h"

enum {
	BATCH_CHUNKS = 1024,          /* UIO_MAXIOV */
	BATCH_BYTES = 2 << 20,        /* enough to amortize a call, few enough to share out */
	BATCH_IN_HURRY = 512 << 10,   /* what is under way when the time is over is lost */
	WORKERS_AUTO = 8,             /* more do not make memory faster */
	WORKER_BYTES = 4 << 20,       /* takes a millisecond: less is not worth a thread */
};

struct job {
	const struct reader *reader;
	const struct chunk *chunks;
	VEC(size_t) firsts; /* first chunk of each batch, and the number of chunks */
	atomic_size_t next;           /* batch to be taken */
	atomic_bool is_gone;
	const struct stop *stop;      /* or NULL */
	atomic_bool is_refused;       /* process_vm_readv is: /proc/PID/mem from now on */
	pthread_mutex_t lock;
	span_vec *missing;            /* under lock */
	size_t page;
};

/* A batch under way: what is left of the chunk `at`, and the chunks after it. */
struct batch {
	size_t at, end;
	size_t done; /* bytes of the chunk `at` */
	struct iovec local[BATCH_CHUNKS];
	struct iovec remote[BATCH_CHUNKS];
};

static void
advance(const struct job *j, struct batch *b, size_t n)
{
	while (n > 0) {
		size_t left = j->chunks[b->at].len - b->done;
		if (n < left) {
			b->done += n;
			return;
		}
		n -= left;
		b->at++;
		b->done = 0;
	}
}

/* The byte that is next cannot be read: give its page up. */
static void
skip_page(struct job *j, struct batch *b)
{
	const struct chunk *c = &j->chunks[b->at];
	taddr addr = c->addr + b->done;
	size_t n = j->page - (size_t)(addr % j->page);

	if (n > c->len - b->done)
		n = c->len - b->done;
	pthread_mutex_lock(&j->lock);
	vec_push(j->missing, (struct span){.start = addr, .end = addr + n});
	pthread_mutex_unlock(&j->lock);
	advance(j, b, n);
}

/* The time is over: the rest of the batch stays where it is. */
static void
give_up(struct job *j, struct batch *b)
{
	pthread_mutex_lock(&j->lock);
	for (; b->at < b->end; b->at++, b->done = 0) {
		const struct chunk *c = &j->chunks[b->at];
		vec_push(j->missing, (struct span){.start = c->addr + b->done,
		                                   .end = c->addr + c->len});
	}
	pthread_mutex_unlock(&j->lock);
}

static ssize_t
read_vector(const struct job *j, struct batch *b)
{
	size_t n = 0;

	for (size_t i = b->at; i < b->end; i++, n++) {
		const struct chunk *c = &j->chunks[i];
		size_t from = i == b->at ? b->done : 0;
		uintptr_t there = (uintptr_t)(c->addr + from);
		b->local[n] = (struct iovec){.iov_base = c->dest + from,
		                             .iov_len = c->len - from};
		b->remote[n].iov_len = c->len - from;
		memcpy(&b->remote[n].iov_base, &there, sizeof(there));
	}
	return process_vm_readv(j->reader->pid, b->local, n, b->remote, n, 0);
}

static ssize_t
read_file(const struct job *j, const struct batch *b)
{
	const struct chunk *c = &j->chunks[b->at];

	return pread(j->reader->mem_fd, c->dest + b->done, c->len - b->done,
	             (off_t)(c->addr + b->done));
}

static void
copy_batch(struct job *j, struct batch *b)
{
	while (b->at < b->end && !j->is_gone) {
		bool by_file = j->is_refused || j->chunks[b->at].by_file;
		if (stop_is_over(j->stop)) {
			give_up(j, b);
			return;
		}
		ssize_t got = by_file ? read_file(j, b) : read_vector(j, b);
		if (got > 0 && stop_is_over(j->stop))
			continue;
		if (got > 0)
			advance(j, b, (size_t)got);
		else if (got < 0 && errno == EINTR)
			continue;
		else if ((got == 0 && by_file) || (got < 0 && errno == ESRCH))
			j->is_gone = true;
		else if (!by_file && errno == EPERM && j->reader->mem_fd >= 0)
			j->is_refused = true;
		else
			skip_page(j, b);
	}
}

static void *
worker_main(void *arg)
{
	struct job *j = arg;
	CLEAN_FREE struct batch *b = xmalloc(sizeof(*b));

	for (;;) {
		size_t i = atomic_fetch_add(&j->next, 1);
		if (i + 1 >= j->firsts.n)
			return NULL;
		b->at = j->firsts.at[i];
		b->end = j->firsts.at[i + 1];
		b->done = 0;
		copy_batch(j, b);
	}
}

/* Cut the chunks into batches; returns the bytes of all. */
static uint64_t
make_batches(struct job *j, size_t n)
{
	uint64_t total = 0;
	size_t bytes = 0;
	size_t most = stop_is_limited(j->stop) ? BATCH_IN_HURRY : BATCH_BYTES;

	vec_push(&j->firsts, 0);
	for (size_t i = 0; i < n; i++) {
		size_t first = j->firsts.at[j->firsts.n - 1];
		if (i > first && (i - first == BATCH_CHUNKS ||
		                  bytes + j->chunks[i].len > most ||
		                  j->chunks[i].by_file != j->chunks[first].by_file)) {
			vec_push(&j->firsts, i);
			bytes = 0;
		}
		bytes += j->chunks[i].len;
		total += j->chunks[i].len;
	}
	if (n > 0)
		vec_push(&j->firsts, n);
	return total;
}

/* Processors that this process may use. */
static unsigned
processors(void)
{
	cpu_set_t set;
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	return online > 0 ? (unsigned)online : 1;
}

unsigned
copy_threads(uint64_t bytes)
{
	uint64_t want = bytes / WORKER_BYTES;
	unsigned cpus = processors();

	if (want > WORKERS_AUTO)
		want = WORKERS_AUTO;
	return want > cpus ? cpus : want > 0 ? (unsigned)want : 1;
}

/*
 * Run the workers, this thread being one of them; fewer do as well if no more can be
 * started.
 */
static void
run_workers(struct job *j, unsigned want)
{
	pthread_t threads[COPY_THREADS_MAX];
	sigset_t all, before;
	unsigned started = 0;

	if (want > COPY_THREADS_MAX)
		want = COPY_THREADS_MAX;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < want && started + 2 < j->firsts.n &&
	       pthread_create(&threads[started], NULL, worker_main, j) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker_main(j);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static int
by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

enum status
copy_chunks(const struct reader *r, const struct stop *stop, unsigned threads,
            const chunk_vec *chunks, span_vec *missing)
{
	struct job j = {
		.reader = r,
		.stop = stop,
		.chunks = chunks->at,
		.is_refused = !r->caps.has_vm_readv,
		.missing = missing,
		.page = (size_t)sysconf(_SC_PAGESIZE),
	};

	pthread_mutex_init(&j.lock, NULL);
	uint64_t bytes = make_batches(&j, chunks->n);
	run_workers(&j, threads > 0 ? threads : copy_threads(bytes));
	pthread_mutex_destroy(&j.lock);
	vec_fini(&j.firsts);
	if (missing->n > 1)
		qsort(missing->at, missing->n, sizeof(*missing->at), by_start);
	return j.is_gone ? MS_GONE : MS_OK;
}
