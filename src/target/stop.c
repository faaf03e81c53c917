/*
 * Holding every thread of a process still, and letting go of it whatever happens.
 *
 * All ptrace calls are made by a thread of its own, the tracer. The kernel frees the
 * tracees of a thread that ends, also those that never stopped and so cannot be detached,
 * also when memscan is killed: nothing but ending that thread is needed to undo a stop.
 *
 * The tracer also keeps the limit of a hold: it lets go when the time has come, whatever
 * the others are doing, and says so before it does.
 *
 * Stops are looked at (WNOWAIT) and not consumed. A thread that was about to be given a
 * signal then still has it when memscan dies, and gets it.
 */
#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/vec.h"
#include "regs.h"

#define MSEC 1000000ULL
#define STOP_TOTAL_NS (4000 * MSEC)  /* all attempts together */
#define STOP_HOLD_NS                                                                     \
	(1000 * MSEC) /* one attempt: the threads that did stop wait for the others */
#define STOP_SLEEP_NS                                                                    \
	(100 * MSEC) /* one attempt, when a thread is in uninterruptible sleep */
#define STOP_PAUSE_NS (100 * MSEC)   /* between two attempts the process runs */
#define STOP_SPIN_NS                                                                     \
	(300000ULL) /* most threads stop within this: polled without sleeping */

enum {
	STOP_PASSES = 1000,  /* over the task list; two are usual */
	TRACER_NAPS = 20000, /* of 0.1 ms: on a busy machine a thread may be long in ending */
};

struct tracee {
	pid_t tid;
	bool is_settled; /* stopped or dead */
	bool is_dead;
	int sig;         /* was about to be delivered: handed back at detach */
};

enum phase { PHASE_ATTACH, PHASE_HELD, PHASE_RELEASE };

struct stop {
	pid_t pid;
	uint64_t max_ns;      /* from the first interrupt; UINT64_MAX is no limit */
	atomic_bool is_over;  /* the limit has come: set before any thread runs on */
	pthread_t tracer;
	pid_t tracer_tid;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum phase phase; /* under lock */

	/* The tracer's, but in PHASE_HELD. */
	VEC(struct tracee) tracees;
	VEC(struct thread_regs) regs;
	struct map known; /* tid to index in tracees */
	uint64_t first_ns, last_ns;
	enum status st;
	struct errbuf eb;
};

/* ---- the tracer's side ---- */

static enum status
gone(struct stop *s)
{
	return errbuf_set(&s->eb, MS_GONE, "process %d exited", s->pid);
}

static pid_t
tracer_of(pid_t pid, pid_t tid)
{
	char path[64];
	struct errbuf eb;
	CLEAN_FREE char *text = NULL;
	uint64_t v;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	if (io_slurp(path, LIM_MAPS_TEXT, &text, NULL, &eb) != MS_OK)
		return 0;
	return status_field(text, "TracerPid", 10, &v) ? (pid_t)v : 0;
}

/* PTRACE_SEIZE of a thread was refused: it may just have died, which is no error. */
static enum status
seize_failed(struct stop *s, pid_t tid, int sys)
{
	if (sys == ESRCH || is_ended(thread_state(s->pid, tid)))
		return MS_OK;

	pid_t tracer = tracer_of(s->pid, tid);
	char comm[64];
	if (tracer != 0)
		return errbuf_set(
		        &s->eb, MS_DENIED,
		        "process %d is being traced by process %d (%s) already, and a process "
		        "can have one tracer only: end that one first",
		        s->pid, tracer, comm_of(tracer, comm, sizeof(comm)));
	if (sys == EPERM || sys == EACCES || sys == ENOSYS)
		return denied(s->pid, "stop the threads", &s->eb);
	errno = sys;
	return errbuf_sys(&s->eb, MS_IO, "cannot stop thread %d of process %d", tid,
	                  s->pid);
}

static enum status
seize(struct stop *s, pid_t tid)
{
	uint32_t known;

	if (map_get(&s->known, (uint64_t)tid, &known))
		return MS_OK;
	if (s->tracees.n >= LIM_THREADS)
		return errbuf_set(&s->eb, MS_LIMIT,
		                  "process %d has more than %lu threads", s->pid,
		                  LIM_THREADS);
	/* No options, PTRACE_O_EXITKILL least of all. */
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return seize_failed(s, tid, errno);
	map_put(&s->known, (uint64_t)tid, (uint32_t)s->tracees.n);
	vec_push(&s->tracees, (struct tracee){.tid = tid});
	if (s->first_ns == 0)
		s->first_ns = io_now_ns();
	/* This fails only for a thread that died, which the wait finds out. */
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return MS_OK;
}

static enum status
seize_all(struct stop *s)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", s->pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return gone(s);
	enum status st = MS_OK;
	const struct dirent *e;
	while (st == MS_OK && (e = readdir(dir)) != NULL) {
		long tid = strtol(e->d_name, NULL, 10);
		if (tid > 0)
			st = seize(s, (pid_t)tid);
	}
	closedir(dir);
	return st;
}

/* Has the thread stopped or died? Never consumes a stop, nor the end of the process. */
static void
look_at(struct stop *s, struct tracee *t)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)t->tid, &info,
	           WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) != 0) {
		t->is_settled = t->is_dead = errno == ECHILD;
		return;
	}
	if (info.si_pid == 0)
		return;
	t->is_settled = true;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
		t->is_dead = true;
		/*
		 * A process that executes another program waits until its dead threads
		 * are reaped.
		 */
		if (t->tid != s->pid)
			waitid(P_PID, (id_t)t->tid, &info, WEXITED | WNOHANG | __WALL);
		return;
	}
	/*
	 * Without an event in the upper bits the thread has met a signal before our
	 * interrupt.
	 */
	if (info.si_status >> 8 == 0)
		t->sig = info.si_status & 0x7f;
}

static void
nap(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / (1000 * MSEC)),
	                      .tv_nsec = (long)(ns % (1000 * MSEC))};
	nanosleep(&ts, NULL);
}

/* When the tracer begins to let go: a little early, as that takes its time too. */
static uint64_t
deadline_of(const struct stop *s)
{
	uint64_t margin = s->max_ns / 4 < 2 * MSEC ? s->max_ns / 4 : 2 * MSEC;

	if (s->max_ns == UINT64_MAX)
		return UINT64_MAX;
	return s->first_ns + s->max_ns - margin;
}

static enum status
not_stopping(struct stop *s, const struct tracee *t, char state)
{
	if (io_now_ns() > deadline_of(s))
		return errbuf_set(&s->eb, MS_BUSY,
			"thread %d of process %d does not stop in the time that it may be held",
			t->tid, s->pid);
	if (state != 'D')
		return errbuf_set(&s->eb, MS_BUSY,
		                  "thread %d of process %d does not stop", t->tid,
		                  s->pid);
	return errbuf_set(
	        &s->eb, MS_BUSY,
	        "thread %d of process %d does not stop: it is in uninterruptible sleep "
	        "(waiting for a disk, a network file system, or a child made by vfork); try "
	        "again",
	        t->tid, s->pid);
}

/* Wait for one thread, bounded. */
static enum status
settle(struct stop *s, struct tracee *t)
{
	uint64_t began = io_now_ns();

	for (;;) {
		look_at(s, t);
		if (t->is_settled)
			return MS_OK;
		uint64_t now = io_now_ns();
		if (now - began < STOP_SPIN_NS) {
			sched_yield();
			continue;
		}
		/* A leader that ended before its threads is reported by no wait. */
		char state = thread_state(s->pid, t->tid);
		if (is_ended(state)) {
			t->is_settled = t->is_dead = true;
			return MS_OK;
		}
		uint64_t limit = state == 'D' ? STOP_SLEEP_NS : STOP_HOLD_NS;
		if (now - s->first_ns > limit || now > deadline_of(s))
			return not_stopping(s, t, state);
		nap(MSEC / 10);
	}
}

/*
 * Stop what is listed until a whole pass, begun with all known threads still, finds
 * nothing new.
 */
static enum status
attach(struct stop *s)
{
	size_t settled = 0;

	for (unsigned pass = 0; pass < STOP_PASSES; pass++) {
		enum status st = seize_all(s);
		if (st != MS_OK)
			return st;
		if (settled == s->tracees.n && pass > 0)
			return MS_OK;
		for (; settled < s->tracees.n; settled++) {
			st = settle(s, &s->tracees.at[settled]);
			if (st != MS_OK)
				return st;
		}
		if (s->first_ns != 0 && io_now_ns() - s->first_ns > STOP_HOLD_NS)
			break;
	}
	return errbuf_set(&s->eb, MS_BUSY,
		"process %d makes threads faster than they can be stopped", s->pid);
}

static enum status
read_registers(struct stop *s)
{
	for (size_t i = 0; i < s->tracees.n; i++) {
		if (s->tracees.at[i].is_dead)
			continue;
		struct thread_regs r = {.tid = s->tracees.at[i].tid};
		regs_read(&r);
		vec_push(&s->regs, r);
	}
	return s->regs.n > 0 ? MS_OK : gone(s);
}

static void
detach_all(struct stop *s)
{
	for (size_t i = 0; i < s->tracees.n; i++) {
		const struct tracee *t = &s->tracees.at[i];
		if (t->is_settled && !t->is_dead)
			ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->sig);
	}
	s->last_ns = io_now_ns();
}

/* Until the release, or the end of the time. */
static void
hold(struct stop *s)
{
	uint64_t deadline = deadline_of(s);
	struct timespec until = {.tv_sec = (time_t)(deadline / (1000 * MSEC)),
	                         .tv_nsec = (long)(deadline % (1000 * MSEC))};
	int rc = 0;

	while (s->phase != PHASE_RELEASE && rc != ETIMEDOUT) {
		if (deadline == UINT64_MAX)
			rc = pthread_cond_wait(&s->changed, &s->lock);
		else
			rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	if (s->phase != PHASE_RELEASE)
		s->is_over = true;
}

static void *
tracer_main(void *arg)
{
	struct stop *s = arg;

	s->tracer_tid = gettid();
	enum status st = attach(s);
	if (st == MS_OK)
		st = read_registers(s);

	pthread_mutex_lock(&s->lock);
	s->st = st;
	s->phase = PHASE_HELD;
	pthread_cond_broadcast(&s->changed);
	if (st == MS_OK)
		hold(s);
	pthread_mutex_unlock(&s->lock);
	detach_all(s);
	return NULL;
}

/* ---- the caller's side ---- */

static void
stop_free(struct stop *s)
{
	vec_fini(&s->tracees);
	vec_fini(&s->regs);
	map_fini(&s->known);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Start the tracer with every signal blocked: they are for the threads of the caller. */
static int
tracer_start(struct stop *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&s->tracer, NULL, tracer_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/*
 * Wait for the end of a tracer that could not detach every thread. pthread_join returns
 * a moment before the kernel has freed them.
 */
static void
tracer_join(struct stop *s)
{
	pthread_join(s->tracer, NULL);
	for (unsigned i = 0;
	     i < TRACER_NAPS && thread_state(getpid(), s->tracer_tid) != '\0'; i++)
		nap(MSEC / 10);
}

static enum status
stop_once(pid_t pid, uint64_t max_ns, struct stop **ret, struct errbuf *eb)
{
	struct stop *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	s->pid = pid;
	s->max_ns = max_ns;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	int rc = tracer_start(s);
	if (rc != 0) {
		stop_free(s);
		errno = rc;
		return errbuf_sys(eb, MS_NOMEM, "cannot start a thread");
	}
	pthread_mutex_lock(&s->lock);
	while (s->phase == PHASE_ATTACH)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->st == MS_OK) {
		*ret = s;
		return MS_OK;
	}
	tracer_join(s);
	enum status st = s->st;
	*eb = s->eb;
	stop_free(s);
	return st;
}

enum status
stop_all(pid_t pid, uint64_t max_ns, struct stop **ret, struct errbuf *eb)
{
	pid_t via;
	enum status st = live_check(pid, &via, eb);
	if (st != MS_OK)
		return st;
	if (pid == getpid())
		return errbuf_set(eb, MS_DENIED, "memscan cannot stop itself");

	uint64_t began = io_now_ns();
	for (;;) {
		st = stop_once(pid, max_ns, ret, eb);
		if (st != MS_BUSY || io_now_ns() - began + STOP_PAUSE_NS > STOP_TOTAL_NS)
			return st;
		nap(STOP_PAUSE_NS);
	}
}

uint64_t
stop_release(struct stop *s)
{
	if (s == NULL)
		return 0;
	pthread_mutex_lock(&s->lock);
	s->phase = PHASE_RELEASE;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->tracer, NULL);
	uint64_t ns = s->last_ns - s->first_ns;
	stop_free(s);
	return ns;
}

bool
stop_is_over(const struct stop *s)
{
	return s != NULL && s->is_over;
}

bool
stop_is_limited(const struct stop *s)
{
	return s != NULL && s->max_ns != STOP_NO_LIMIT;
}

const struct thread_regs *
stop_threads(const struct stop *s, size_t *n)
{
	*n = s->regs.n;
	return s->regs.at;
}
