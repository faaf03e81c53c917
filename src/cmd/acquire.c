/*
 * Stop, copy, resume; then think. What can be learnt before the stop is learnt before.
 */
#include "acquire.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memscan/limits.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/py.h"

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
	struct procinfo now = {0};

	enum status st = procinfo_get(a->proc.pid, &now, eb);
	bool is_same = st == MS_OK && now.start_ticks == a->proc.start_ticks &&
		strcmp(now.exe, a->proc.exe) == 0;
	procinfo_fini(&now);
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

/*
 * Look at the collectors through the live target: cheap, and before anything is copied.
 */
static enum status
check_idle(struct acquired *a, struct py *p, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	target_forget(a->live);
	enum status st = py_interpreters(p, &interps, &n, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++)
		if (py_is_collecting(p, interps[i].addr))
			st = errbuf_set(
				eb, MS_BUSY, "a garbage collection is in progress");
	return st;
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

/* One try: hold, look, copy, let go. */
static enum status
try_copy(
	const struct acquire_opts *o, struct acquired *a, struct py *p, struct errbuf *eb)
{
	struct snapshot *snap = NULL;
	struct stop *stop = NULL;

	enum status st = snapshot_prepare(o->pid, &snap, eb);
	if (st != MS_OK)
		return st;
	if (!o->no_stop)
		st = stop_all(o->pid, &stop, eb);
	if (st == MS_OK)
		st = check_idle(a, p, eb);
	if (st == MS_OK)
		st = still_same(a, eb);
	if (st == MS_OK)
		st = snapshot_copy(snap, &a->stats, eb);
	size_t n = 0;
	const struct thread_regs *regs = stop != NULL ? stop_threads(stop, &n) : NULL;
	keep_threads(a, regs, n);
	uint64_t held = stop_release(stop);
	if (st != MS_OK) {
		snapshot_free(snap);
		return st;
	}
	a->pause_ns = held;
	return snapshot_target(snap, &a->copy, eb);
}

enum status
acquire_copy(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	struct strtab *names = strtab_new();
	struct py *p = NULL;
	enum status st = py_open(a->live, &a->layout, &a->rt, names, &p, eb);

	for (a->tries = 1; st == MS_OK; a->tries++) {
		st = try_copy(o, a, p, eb);
		if (st != MS_BUSY || a->tries >= LIM_GC_RETRIES)
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
	CLEAN_FREE struct pyinterp *interps = NULL;
	struct strtab *names = strtab_new();
	struct errbuf eb = {0};
	struct py *p = NULL;
	size_t n = 0;

	enum status st = py_open(a->copy, &a->layout, &a->rt, names, &p, &eb);
	if (st == MS_OK)
		st = py_interpreters(p, &interps, &n, &eb);
	for (size_t i = 0; i < n && st == MS_OK; i++)
		if (a->collecting_at == 0 && py_is_collecting(p, interps[i].addr))
			a->collecting_at = interps[i].addr;
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
