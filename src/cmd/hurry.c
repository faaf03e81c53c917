/*
 * A process that is let go in time, whatever was copied until then: what is done before
 * the stop so that little is enough for a dump, and how long would have been enough for all.
 */
#include "acquire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "memscan/io.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

enum { THREAD_STATE = 4096, PROOFS_MAX = 20, PROOF_WAIT_NS = 500000, MSEC = 1000000,
	RATE_MIN = 16 << 20 /* copied, to tell how fast it went */ };

/*
 * The running process changes under the probes, so that one that fails may hold a moment
 * later: a wrong layout fails always.
 */
static enum status
prove(struct acquired *a, struct py *p, struct errbuf *eb)
{
	const struct timespec wait = {.tv_nsec = PROOF_WAIT_NS};
	enum status st = MS_OK;

	for (unsigned i = 0; i < PROOFS_MAX; i++) {
		target_forget(a->live);
		*eb = (struct errbuf){0};
		st = py_probe(p, true, eb);
		if (st == MS_OK)
			break;
		nanosleep(&wait, NULL);
	}
	a->is_proven = st == MS_OK;
	return st;
}

/* Interpreters and threads: without them nothing else is found. */
static enum status
find_first(struct acquired *a, struct py *p, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	VEC(struct span) v = {0};
	size_t n = 0;

	enum status st = py_interpreters(p, &interps, &n, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		CLEAN_FREE struct pythread *threads = NULL;
		size_t n_threads = 0;
		taddr at = interps[i].addr;
		vec_push(&v, (struct span){.start = at, .end = at + py_interp_size(p)});
		if (py_threads(p, at, &threads, &n_threads) != MS_OK)
			continue;
		for (size_t k = 0; k < n_threads; k++)
			vec_push(&v, (struct span){.start = threads[k].addr,
				.end = threads[k].addr + THREAD_STATE});
	}
	free(a->first);
	a->first = v.at;
	a->n_first = v.n;
	return st;
}

enum status
hurry_prepare(struct acquired *a, struct py *p, struct errbuf *eb)
{
	enum status st = prove(a, p, eb);

	return st == MS_OK ? find_first(a, p, eb) : st;
}

bool
acquired_is_cut(const struct acquired *a)
{
	return a->stats.unseen > 0 || a->is_cut || stop_is_over(a->stop);
}

static uint64_t
enough_ms(const struct acquired *a)
{
	const struct snapshot_stats *s = &a->stats;
	double ns = (double)a->plan.pause_most_ns, held = (double)a->pause_ns;

	if (a->plan.mode != SNAPSHOT_NONE && s->bytes >= RATE_MIN) {
		ns = (double)s->copy_ns * (double)(s->bytes + s->unseen) / (double)s->bytes;
		if (a->pause_ns > s->copy_ns)
			ns += (double)(a->pause_ns - s->copy_ns);
	}
	/* Not what has not been enough just now: to look what changed can take long, too. */
	ns = ns > held ? ns : held;
	/* Twice what it takes by what was seen: the next time the machine may be slower. */
	return (uint64_t)(2 * ns / MSEC) + 1;
}

void
hurry_tell(const struct acquired *a)
{
	char bytes[TEXT_NUM];

	if (acquired_is_cut(a))
		log_at(LOG_NORMAL,
			"let go before all was seen: %s were not copied; --max-pause %" PRIu64
			" should be enough",
			text_size(bytes, a->stats.unseen), enough_ms(a));
}

void
hurry_explain(const struct acquired *a, struct errbuf *eb)
{
	if (acquired_is_cut(a))
		(void)errbuf_wrap(eb,
			"the process was let go before enough was seen, --max-pause %" PRIu64
			" should be enough",
			enough_ms(a));
}
