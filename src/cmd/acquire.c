/*
 * Stop, copy, resume; then think. What can be learnt before the stop is learnt before.
 */
#include "acquire.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/py.h"
#include "memscan/text.h"

/* The runtime among a->modules, which are those of t, and its layout. */
static enum status
find_runtime(const struct acquire_opts *o, struct acquired *a, struct target *t,
	struct errbuf *eb)
{
	enum status st = pyruntime_find(t, a->modules, o->library, &a->rt, eb);
	if (st != MS_OK)
		return st;
	log_at(LOG_VERBOSE, "CPython %s (%s) in %s, found by %s", a->rt.version,
		a->rt.flavour, a->rt.module->path, a->rt.found_by);
	st = layout_load(&a->rt, o->offsets, &a->layout, eb);
	if (st == MS_OK)
		log_at(LOG_VERBOSE, "offsets from %s", a->layout.origin);
	modules_drop_debug(a->modules);
	return st;
}

enum status
acquire_find(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	*a = (struct acquired){0};
	enum status st = procinfo_get(o->pid, &a->proc, eb);
	if (st != MS_OK)
		return st;
	st = live_open(o->pid, &a->live, &a->caps, eb);
	if (st != MS_OK)
		return st;
	st = modules_load(a->live, o->pid, &a->modules, eb);
	return st == MS_OK ? find_runtime(o, a, a->live, eb) : st;
}

void
acquired_fini(struct acquired *a)
{
	target_close(a->copy);
	stop_release(a->stop);
	snapshot_free(a->kept);
	free(a->need);
	free(a->first);
	layout_fini(&a->layout);
	modules_free(a->modules);
	target_close(a->live);
	core_close(a->corefile);
	procinfo_fini(&a->proc);
	free(a->regs);
	*a = (struct acquired){0};
}

/*
 * Still the process that was looked at: neither its pid given to another, nor its program
 * replaced by exec.
 */
static enum status
still_same(const struct acquired *a, struct errbuf *eb)
{
	bool is_same;

	enum status st = procinfo_is_current(&a->proc, &is_same, eb);
	if (st != MS_OK)
		return st;
	return is_same ? MS_OK
		       : errbuf_set(eb, MS_GONE,
				 "the process became another program (exec) meanwhile");
}

/* A failure may well be due to what is missing of the core: say so in front. */
static enum status
explain_core(const struct acquired *a, enum status st, struct errbuf *eb)
{
	const struct machine *m = core_machine(a->corefile);
	const char *name = machine_name(m->e_machine);

	if (a->n_missing_files > 0)
		(void)errbuf_wrap(eb,
			"%zu program files are missing (--exe, --sysroot), which may be "
			"why",
			a->n_missing_files);
	if (core_info(a->corefile)->cut > 0)
		(void)errbuf_wrap(eb, "the core is cut off");
	if (m->e_machine == EM_X86_64 || m->e_machine == EM_386)
		return st;
	(void)errbuf_wrap(eb, "a core of %s, %u-bit %s-endian",
		name != NULL ? name : "an unknown machine", 8u * m->ptr_width,
		m->big_endian ? "big" : "little");
	return st;
}

enum status
acquire_explain(const struct acquired *a, enum status st, struct errbuf *eb)
{
	struct errbuf why = {0};

	bool is_ours = st == MS_IO || st == MS_NOMEM || st == MS_USAGE || st == MS_INTR;
	if (st == MS_OK || st == MS_GONE || is_ours)
		return st;
	if (a->corefile != NULL)
		return explain_core(a, st, eb);
	if (a->proc.exe == NULL)
		return st;
	/* Whatever failed, it failed on a process that is no longer there. */
	enum status now = still_same(a, &why);
	if (now == MS_OK)
		return st;
	if (now == MS_GONE)
		return errbuf_set(eb, MS_GONE, "%s", why.msg);
	return errbuf_set(eb, MS_GONE, "the process exited meanwhile");
}

/* Which of the interpreters collects garbage: into a->collecting_at. */
static enum status
find_collecting(struct acquired *a, struct py *p, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	a->collecting_at = 0;
	enum status st = py_interpreters(p, &interps, &n, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++)
		if (a->collecting_at == 0 && py_is_collecting(p, interps[i].addr))
			a->collecting_at = interps[i].addr;
	return st;
}

/*
 * Look at the collectors through the live target: cheap, and before anything is copied.
 */
static enum status
check_idle(struct acquired *a, struct py *p, struct errbuf *eb)
{
	target_forget(a->live);
	enum status st = find_collecting(a, p, eb);
	if (st == MS_OK && a->collecting_at != 0 && !a->is_impatient)
		return errbuf_set(eb, MS_BUSY, "a garbage collection is in progress");
	return st;
}

static bool
is_idle(struct acquired *a, struct py *p)
{
	struct errbuf eb;

	target_forget(a->live);
	return find_collecting(a, p, &eb) != MS_OK || a->collecting_at == 0;
}

/*
 * A process that collects all the time does not between two collections, which are looked
 * for while it runs: it is stopped when one has just ended.
 */
static void
wait_idle(struct acquired *a, struct py *p)
{
	enum { POLL_NS = 20000, WAIT_NS = 20000000 };
	const struct timespec poll = {.tv_nsec = POLL_NS};
	uint64_t began = io_now_ns();

	while (!is_idle(a, p) && io_now_ns() - began < WAIT_NS)
		nanosleep(&poll, NULL);
}

/* Keep what is known of the threads; the walk has the main thread's thread pointer. */
static void
keep_threads(struct acquired *a, const struct thread_regs *regs, size_t n)
{
	free(a->regs);
	a->regs = xcalloc(n + 1, sizeof(*regs));
	a->n_regs = n;
	if (n == 0)
		return;
	memcpy(a->regs, regs, n * sizeof(*regs));
	a->tls_base = regs[0].fs_base;
	for (size_t i = 0; i < n; i++)
		if (regs[i].tid == a->proc.pid)
			a->tls_base = regs[i].fs_base;
}

static enum status
prepare(const struct acquire_opts *o, struct acquired *a, bool plan_only,
	struct snapshot **ret, struct errbuf *eb)
{
	struct snapshot_opts so = o->snap;

	so.need = a->need;
	so.n_need = a->n_need;
	so.first = a->first;
	so.n_first = a->n_first;
	so.plan_only = plan_only;
	py_object_head(&a->layout, &so.head);
	enum status st = snapshot_prepare(o->pid, &so, ret, eb);
	if (st == MS_OK)
		a->plan = *snapshot_get_plan(*ret);
	a->prepared_ns = io_now_ns();
	return st;
}

enum status
acquire_plan(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	struct snapshot *snap = NULL;

	enum status st = prepare(o, a, true, &snap, eb);
	snapshot_free(snap);
	return st;
}

/* What is going to happen, before it does. */
static void
announce(const struct acquire_opts *o, const struct acquired *a)
{
	const struct snapshot_plan *p = &a->plan;
	char bytes[TEXT_NUM], peak[TEXT_NUM], pause[PAUSE_TEXT];
	bool is_usual = p->mode == SNAPSHOT_MEMORY;

	acquire_pause_text(p, pause);
	text_size(peak, p->peak);
	if (p->mode == SNAPSHOT_NONE)
		log_at(LOG_NORMAL,
			"no copy is made: %s, and %s of memory are needed",
			o->no_stop ? "the process is read while it runs on"
				   : "the process is held while it is walked",
			peak);
	if (p->mode == SNAPSHOT_NONE && !o->no_stop)
		log_at(LOG_NORMAL, "holding it will take about %s", pause);
	if (p->mode != SNAPSHOT_NONE)
		log_at(is_usual ? LOG_VERBOSE : LOG_NORMAL,
			"copying %s to %s: about %s, and up to %s of memory",
			text_size(bytes, p->bytes - p->known), is_usual ? "memory" : o->snap.dir,
			pause, peak);
	if (p->swapped > 0)
		log_at(LOG_NORMAL, "%s of the process are swapped out: %s",
			text_size(bytes, p->swapped),
			p->leaves_swapped ? "there is no room to bring it back, and it is "
					    "left so"
					  : "reading brings it back");
	if (p->left_out > 0)
		log_at(LOG_VERBOSE, "%s of raw buffers are left out",
			text_size(bytes, p->left_out));
	if (p->precopy_obstacle != NULL)
		log_at(LOG_NORMAL, "--pre-copy is not possible, all is copied while the "
			"process is held: %s", p->precopy_obstacle);
}

void
acquire_release(struct acquired *a)
{
	if (a->stop == NULL)
		return;
	a->is_cut = stop_is_over(a->stop);
	a->pause_ns = stop_release(a->stop);
	a->stop = NULL;
}

/* While it is held: look, copy; let go unless the process itself is what will be read. */
static enum status
copy_held(const struct acquire_opts *o, struct acquired *a, struct py *p,
	struct snapshot *snap, struct errbuf *eb)
{
	struct stop *stop = NULL;
	enum status st = MS_OK;

	wait_idle(a, p);
	if (!o->no_stop)
		st = stop_all(o->pid,
			o->max_pause_ns > 0 ? o->max_pause_ns : STOP_NO_LIMIT, &stop, eb);
	if (st == MS_OK)
		st = check_idle(a, p, eb);
	if (st == MS_OK)
		st = still_same(a, eb);
	if (st == MS_OK)
		st = snapshot_copy(snap, stop, &a->stats, eb);
	size_t n = 0;
	const struct thread_regs *regs = stop != NULL ? stop_threads(stop, &n) : NULL;
	keep_threads(a, regs, n);
	a->stop = stop;
	if (st != MS_OK || a->plan.mode != SNAPSHOT_NONE)
		acquire_release(a);
	if (st == MS_OK && a->stats.bytes + a->stats.before == 0 &&
		a->stats.unseen > 0)
		return errbuf_set(eb, MS_BUSY, "the time was over before anything was copied");
	if (st == MS_OK && o->no_stop && a->plan.mode != SNAPSHOT_NONE)
		snapshot_compare(snap, &a->stats);
	return st;
}

/* Nothing is drawn where nothing is swapped out. */
static void
bring_back(const struct acquired *a, struct snapshot *s)
{
	if (a->plan.swapped == 0 || a->plan.leaves_swapped)
		return;
	progress_begin(1);
	progress_step("bringing back what is swapped out", 1);
	snapshot_bring_back(s);
	progress_end();
}

/*
 * The preparation of the try before, if it is still of use. To copy into memory that was touched
 * five seconds ago was seen to take four to eight times as long as into memory that was touched
 * just before. What was copied beforehand is worth more than that.
 */
static struct snapshot *
take_kept(struct acquired *a)
{
	enum { KEPT_NS = 1000000000 };
	struct snapshot *kept = STEAL(a->kept);

	if (kept == NULL || a->plan.is_precopy || io_now_ns() - a->prepared_ns < KEPT_NS)
		return kept;
	snapshot_free(kept);
	return NULL;
}

/* Plan a copy, and copy what can be copied while the process runs. */
static enum status
prepare_copy(const struct acquire_opts *o, struct acquired *a, struct snapshot **ret,
	struct errbuf *eb)
{
	*ret = take_kept(a);
	if (*ret != NULL)
		return MS_OK;
	enum status st = prepare(o, a, false, ret, eb);
	if (st != MS_OK)
		return st;
	if (a->tries == 1)
		announce(o, a);
	bring_back(a, *ret);
	st = snapshot_precopy(*ret, o->max_pause_ns > 0 ? o->max_pause_ns : STOP_NO_LIMIT,
		&a->before, eb);
	if (st != MS_OK)
		snapshot_free(*ret);
	return st;
}

/* One try: hold, look, copy, let go. */
static enum status
try_copy(
	const struct acquire_opts *o, struct acquired *a, struct py *p, struct errbuf *eb)
{
	struct snapshot *snap = NULL;

	a->stats = (struct snapshot_stats){0};
	enum status st = prepare_copy(o, a, &snap, eb);
	if (st != MS_OK)
		return st;
	st = copy_held(o, a, p, snap, eb);
	/* The room for it, and what was copied beforehand, stay good until the copy in the stop goes over them. */
	if (st == MS_BUSY && a->stats.copy_ns == 0) {
		a->kept = snap;
		return st;
	}
	if (st != MS_OK) {
		snapshot_free(snap);
		return st;
	}
	st = snapshot_target(snap, &a->copy, eb);
	a->snap = st == MS_OK && a->plan.mode != SNAPSHOT_NONE ? snap : NULL;
	return st;
}

/*
 * Two stops more are worth it; a third would be for a buffer that moves. The first is for what
 * was missed, the second, or one for very much, for all of what something was missed of.
 */
enum { NEEDED_MAX = 1 << 16, NEEDED_FEW = 1 << 14 };

static void
widen(struct acquired *a, struct span *need)
{
	const struct region *r = target_region(a->copy, need->start);

	if (r != NULL)
		*need = (struct span){r->start, r->end};
}

bool
acquire_again(struct acquired *a)
{
	size_t n;
	const struct span *missed = target_missed(a->copy, &n);

	if (n == 0 || a->again >= 2 || a->n_need + n > NEEDED_MAX)
		return false;
	a->need = xrealloc(a->need, (a->n_need + n) * sizeof(*a->need));
	memcpy(a->need + a->n_need, missed, n * sizeof(*missed));
	for (size_t i = 0; i < n && (a->again > 0 || n > NEEDED_FEW); i++)
		widen(a, &a->need[a->n_need + i]);
	a->n_need += n;
	a->again++;
	target_close(a->copy);
	a->copy = NULL;
	a->snap = NULL;
	return true;
}

/*
 * A collection that never ends, of a finalizer that hangs or one after another: a dump in its
 * midst is better than none.
 */
static bool
goes_on(struct acquired *a)
{
	if (a->collecting_at == 0 || a->is_impatient)
		return false;
	a->is_impatient = true;
	log_at(LOG_NORMAL, "the garbage collection of process %d does not end: the dump is made in "
		"its midst", (int)a->proc.pid);
	return true;
}

enum status
acquire_copy(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	struct strtab *names = strtab_new();
	struct py *p = NULL;
	uint64_t began = io_now_ns();
	enum status st = py_open(a->live, &a->layout, &a->rt, names, &p, eb);

	a->is_running = o->no_stop;
	if (st == MS_OK && (o->max_pause_ns > 0 || o->no_stop))
		st = hurry_prepare(a, p, eb);
	for (a->tries = 1; st == MS_OK; a->tries++) {
		st = try_copy(o, a, p, eb);
		unsigned most = a->collecting_at != 0 ? LIM_GC_RETRIES : LIM_STOP_RETRIES;
		bool is_over = a->tries >= most || io_now_ns() - began > LIM_STOPPING_NS;
		if (st != MS_BUSY || (is_over && !goes_on(a)))
			break;
		/* A collection takes milliseconds; wait a little longer each time. */
		log_at(LOG_DEBUG, "%s: let go, and trying again", eb->msg);
		struct timespec wait = {
			.tv_nsec = 500000L * (a->tries < 40 ? a->tries : 40)};
		nanosleep(&wait, NULL);
		st = MS_OK;
	}
	py_close(p);
	strtab_free(names);
	return st;
}

/* ---- a core ---- */

static void
fill_proc(struct procinfo *p, const struct core_info *info)
{
	*p = (struct procinfo){
		.pid = info->pid,
		.tgid = info->pid,
		.cmdline = xstrdup(info->cmdline),
		.exe = xstrdup(info->exe),
		.uid = info->uid,
		.gid = info->gid,
		.threads = (unsigned)info->n_threads,
	};
	snprintf(p->comm, sizeof(p->comm), "%s", info->comm);
}

/* A core cannot be asked again: that its lists are in flux is part of its damage. */
static void
note_collecting(struct acquired *a)
{
	struct strtab *names = strtab_new();
	struct errbuf eb = {0};
	struct py *p = NULL;

	if (py_open(a->copy, &a->layout, &a->rt, names, &p, &eb) == MS_OK)
		(void)find_collecting(a, p, &eb);
	py_close(p);
	strtab_free(names);
}

static enum status
find_in_core(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	enum status st = core_find_files(a->corefile, &o->files, &a->n_missing_files, eb);
	if (st != MS_OK)
		return st;
	st = core_target(a->corefile, &a->copy, eb);
	if (st == MS_OK)
		st = modules_load(a->copy, 0, &a->modules, eb);
	if (st != MS_OK)
		return st;
	modules_set_core(a->modules, o->files.debug_dir);
	modules_set_sysroot(a->modules, o->files.sysroot);
	st = find_runtime(o, a, a->copy, eb);
	if (st == MS_OK)
		note_collecting(a);
	return st;
}

enum status
acquire_core(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	*a = (struct acquired){0};
	enum status st = core_open(o->core, &a->corefile, eb);
	if (st != MS_OK)
		return st;
	const struct core_info *info = core_info(a->corefile);
	fill_proc(&a->proc, info);
	keep_threads(a, info->threads, info->n_threads);
	if (!info->has_file_note)
		log_at(LOG_NORMAL, "the core does not say which files were mapped");
	return find_in_core(o, a, eb);
}
