/*
 * memscan dump: take a dump of a live process or of a core file. The recipe of the whole
 * left half: find, hold, copy, let go, prove, walk, write.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memscan/dump.h"
#include "memscan/limits.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/text.h"
#include "memscan/walk.h"

#include "acquire.h"
#include "group.h"
#include "priv.h"
#include "walked.h"

static const struct cmd_opt opts[] = {
	{'p', "pid", "PID", "the process to look into; several with commas, or -p again"},
	{0, "children", NULL, "and its children, and theirs: a dump of each"},
	{0, "core", "CORE", "a core file, instead of a process"},
	{0, "exe", "FILE", "the executable that the core is of"},
	{0, "sysroot", "DIR", "the root of the system that the core is of"},
	{0, "debug-dir", "DIR", "search DIR, like /usr/lib/debug, by build-id"},
	{'o', "output", "FILE", "where the dump goes (%p: the pid); \"-\" is standard output"},
	{'f', "force", NULL, "replace FILE if it exists"},
	{0, "values", "none|short|full", "how much of values to keep (short: 100 bytes)"},
	{0, "compress", NULL, "compress the dump (Zstandard)"},
	{0, "threads", "N", "how many to work in (as many as processors, at most 4)"},
	{0, "no-stop", NULL,
		"do not hold the process while copying: the dump may be torn"},
	{0, "snapshot", "auto|memory|disk|none",
		"where the copy of its memory goes (auto: where there is room)"},
	{0, "max-pause", "MS",
		"let the process go after so long, and do without the rest"},
	{0, "pre-copy", NULL,
		"copy while the process runs, hold it for what it wrote since"},
	{0, "dry-run", NULL, "say what it would take; stop and write nothing"},
	{0, "no-interpret", NULL,
		"scan objects of unknown types instead of interpreting their code"},
	CMD_OPT_LIBRARY,
	{0, "offsets", "FILE", "use this offset table, made by `memscan offsets`"},
	CMD_OPTS_COMMON,
	{0},
};

/* ---- a signal ends the program, but leaves no half file ---- */

static const struct outfile *volatile unfinished;
static volatile sig_atomic_t finished; /* dumps of other processes */

static void
on_signal(int sig)
{
	static const char nothing[] = "memscan: dump: interrupted; nothing was written\n";
	static const char some[] = "memscan: dump: interrupted; the dumps that are done "
				   "stay\n";
	const struct outfile *o = unfinished;

	if (o != NULL)
		outfile_abandon(o);
	ssize_t done = finished > 0 ? write(STDERR_FILENO, some, sizeof(some) - 1)
				    : write(STDERR_FILENO, nothing, sizeof(nothing) - 1);
	(void)done;
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A page of a mapped core that is there no more: the file was cut off meanwhile. */
static void
on_bus_error(int sig)
{
	static const char msg[] = "memscan: dump: the core file changed, or could not be "
				  "read, while it was read; nothing was written\n";
	const struct outfile *o = unfinished;

	(void)sig;
	if (o != NULL)
		outfile_abandon(o);
	ssize_t done = write(STDERR_FILENO, msg, sizeof(msg) - 1);
	(void)done;
	_exit(status_exit_code(MS_IO));
}

static void
guard_signals(const struct outfile *o)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	unfinished = o;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction now;
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			continue;
		signal(signals[i], o != NULL ? on_signal : SIG_DFL);
	}
	signal(SIGBUS, o != NULL ? on_bus_error : SIG_DFL);
	signal(SIGPIPE, o != NULL ? SIG_IGN : SIG_DFL);
	/* A full file size limit shall be an error, not a death. */
	signal(SIGXFSZ, o != NULL ? SIG_IGN : SIG_DFL);
}

/* ---- callbacks of the walk ---- */

struct thread_names {
	pid_t pid;
	const struct acquired *a;
	struct tids *tids; /* of a process */
	const char *comm; /* of a core: the main thread's, which alone is known */
	char name[64];
};

static void
clean_tids(struct tids **t)
{
	tids_free(*t);
}

/*
 * The thread's number, as Python knows it from 3.11 on. CPython's ident is pthread_self(),
 * which in the C libraries of Linux is the thread pointer.
 */
static uint64_t
native_id(void *self, uint64_t ident)
{
	const struct thread_names *n = self;
	const struct acquired *a = n->a;

	for (size_t i = 0; i < a->n_regs; i++)
		if (a->regs[i].fs_base == ident && ident != 0)
			return n->tids != NULL ? tids_own(n->tids, (uint64_t)a->regs[i].tid)
					       : (uint64_t)a->regs[i].tid;
	return 0;
}

/* The kernel's name of a thread. */
static const char *
thread_name(void *self, uint64_t native_id)
{
	struct thread_names *n = self;
	char path[64];

	n->name[0] = '\0';
	if (n->comm != NULL)
		return native_id == (uint64_t)n->pid ? n->comm : "";
	snprintf(path, sizeof(path), "/proc/%d/task/%" PRIu64 "/comm", (int)n->pid,
		tids_here(n->tids, native_id));
	CLEAN_FCLOSE FILE *f = fopen(path, "re");
	if (f != NULL && fgets(n->name, sizeof(n->name), f) != NULL)
		n->name[strcspn(n->name, "\n")] = '\0';
	return n->name;
}

/* ---- the recipe ---- */

static void
clean_py(struct py **p)
{
	py_close(*p);
}

static void
clean_names(struct strtab **s)
{
	strtab_free(*s);
}

static void
clean_writer(struct dump_writer **w)
{
	dump_writer_free(*w);
}

/* Where the dump goes, and how. */
struct output {
	struct outfile *file;
	unsigned threads;
	bool compress;
	uint64_t begun; /* when all this began */
};

static enum status
too_much_is_swapped(const struct acquired *a, struct errbuf *eb)
{
	char bytes[TEXT_NUM];

	return errbuf_wrap(eb, "%s are swapped out, and without a higher limit of memory there is no "
		"room to bring them back", text_size(bytes, a->stats.swapped));
}

static enum status
walk_into(struct acquired *a, const struct acquire_opts *o, const struct walk_opts *wo,
	const struct output *out, struct walk_stats *stats, struct errbuf *eb)
{
	CLEAN(clean_names) struct strtab *names = strtab_new();
	CLEAN(clean_py) struct py *p = NULL;
	CLEAN(clean_writer) struct dump_writer *w = NULL;

	enum status st = py_open(a->copy, &a->layout, &a->rt, names, &p, eb);
	if (st != MS_OK)
		return st;
	st = py_probe(p, a->corefile != NULL || a->collecting_at != 0, eb);
	/* What is missing or torn proves nothing: the running process has. */
	if (st != MS_OK && a->is_proven && (a->is_running || acquired_is_cut(a)))
		*eb = (struct errbuf){0};
	else if (st != MS_OK && a->stats.swapped > 0)
		return too_much_is_swapped(a, eb);
	else if (st != MS_OK)
		return st;
	st = dump_writer_new(out->file, &w, eb);
	if (st != MS_OK)
		return st;
	dump_writer_tune(w, out->threads, out->compress);
	struct heap_sink *sink = dump_writer_sink(w);
	struct walked walked = walked_of(a, w);
	struct walk_opts told = *wo;
	told.progress_self = &walked;
	/* Of this copy: there may be another one. */
	told.stopped = a->regs;
	told.n_stopped = a->n_regs;
	progress_begin(100);
	progress_step("walking", 95);
	st = walk_run(p, a->copy, names, sink, &told, stats, eb);
	acquire_release(a);
	a->walked = *stats;
	if (st == MS_OK)
		st = acquired_put_meta(a, o, io_now_ns() - out->begun, sink);
	/* An error of the sink has its text in the writer. */
	if (st != MS_OK && eb->msg[0] != '\0')
		return st;
	progress_step("writing", 5);
	st = dump_writer_finish(w, eb);
	progress_end();
	return st;
}

/* How long a dump took in all, and from the copy to the finished file. */
struct times {
	uint64_t total_ns, walk_ns;
	uint64_t cpu_ns, own_ns; /* of processors since the copy: of all threads, of this one */
};

/* Processor time so far: of all threads (CLOCK_PROCESS_CPUTIME_ID), or of this one. */
static uint64_t
cpu_now_ns(clockid_t of)
{
	struct timespec t = {0};

	clock_gettime(of, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
tell(const struct acquired *a, const struct acquire_opts *o, const struct walk_stats *s,
	const struct times *t, const char *path)
{
	char objects[TEXT_NUM], refs[TEXT_NUM], bytes[TEXT_NUM], total[TEXT_NUM],
		held[TEXT_NUM];

	bool was_held = o->core == NULL && !o->no_stop;
	if (o->no_stop)
		acquired_tell_torn(a);
	hurry_tell(a);
	acquired_tell_precopy(a);
	if (a->stats.known > 0)
		log_at(LOG_VERBOSE, "%s were not copied: process %d has the same pages",
			text_size(bytes, a->stats.known), (int)o->base);
	log_at(LOG_NORMAL, "%s: %s objects, %s references, %s in %s%s%s", path,
		text_count(objects, s->objects), text_count(refs, s->refs),
		text_size(bytes, s->bytes), text_duration(total, t->total_ns),
		was_held               ? "; held "
			: o->core == NULL ? "; not held"
					  : "",
		was_held ? text_duration(held, a->pause_ns) : "");
	if (s->guessed > 0)
		log_at(LOG_NORMAL,
			"%s references are guesses: see `memscan info --types %s`",
			text_count(refs, s->guessed), path);
	if (s->damage > 0)
		log_at(LOG_NORMAL,
			"%s places could not be read or made no sense: see `memscan info "
			"%s`",
			text_count(refs, s->damage), path);
	uint64_t rate = t->walk_ns > 0 ? s->objects * 1000000000 / t->walk_ns : 0;
	char cpu[TEXT_NUM], own[TEXT_NUM];
	log_at(LOG_VERBOSE,
		"from the copy to the file in %s (%s of processors, %s in one thread): "
		"%s objects a second",
		text_duration(total, t->walk_ns), text_duration(cpu, t->cpu_ns),
		text_duration(own, t->own_ns), text_count(objects, rate));
	log_at(LOG_VERBOSE,
		"copied %s; interpreted %s functions in %s instructions, %" PRIu64
		" without an answer",
		text_size(bytes, a->stats.bytes), text_count(objects, s->interpreted),
		text_count(refs, s->instructions), s->unknown);
	log_at(LOG_VERBOSE, "%s: %s of %s objects were decoded in batches", path,
		text_count(objects, s->batched), text_count(refs, s->objects));
}

/* A process or a core, and what goes with each. */
static enum status
check_source(const struct cmd_args *a, struct errbuf *eb)
{
	static const char *const of_core[] = {"exe", "sysroot", "debug-dir"};
	static const char *const of_live[] = {"pid", "children", "no-stop", "snapshot",
		"max-pause", "pre-copy", "dry-run"};
	bool is_core = cmd_has(a, "core");

	if (!is_core && !cmd_has(a, "pid"))
		return errbuf_set(eb, MS_USAGE,
			"say which process: --pid PID, or --core FILE");
	for (size_t i = 0; i < ARRAY_LEN(of_live); i++)
		if (is_core && cmd_has(a, of_live[i]))
			return errbuf_set(eb, MS_USAGE, "--core goes without --%s",
				of_live[i]);
	for (size_t i = 0; i < ARRAY_LEN(of_core); i++)
		if (!is_core && cmd_has(a, of_core[i]))
			return errbuf_set(eb, MS_USAGE, "--%s goes with --core",
				of_core[i]);
	if (!cmd_has(a, "output") && !cmd_has(a, "dry-run"))
		return errbuf_set(eb, MS_USAGE, "say where the dump goes: -o FILE");
	return MS_OK;
}

static enum status
parse_opts(const struct cmd_args *a, struct acquire_opts *o, struct walk_opts *w,
	struct errbuf *eb)
{
	enum status st = check_source(a, eb);
	if (st != MS_OK)
		return st;
	const char *values = cmd_value(a, "values");
	size_t max = values == NULL || strcmp(values, "short") == 0 ? LIM_VALUE_SHORT
		: strcmp(values, "full") == 0                       ? LIM_VALUE_FULL
								    : 0;
	*o = (struct acquire_opts){.core = cmd_value(a, "core"),
		.files = {.exe = cmd_value(a, "exe"),
			.sysroot = cmd_value(a, "sysroot"),
			.debug_dir = cmd_value(a, "debug-dir")},
		.offsets = cmd_value(a, "offsets"),
		.library = cmd_value(a, "library"),
		.no_stop = cmd_has(a, "no-stop"),
		.snap = {.keep = max}};
	*w = (struct walk_opts){.value_max = max,
		.no_interpret = cmd_has(a, "no-interpret"),
		.progress = walked_progress};
	return MS_OK;
}

static enum status
acquire_live(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb)
{
	enum status st = acquire_find(o, a, eb);
	return st == MS_OK ? acquire_copy(o, a, eb) : st;
}

static enum status
wrap_source(const struct acquire_opts *o, struct errbuf *eb)
{
	return o->core != NULL ? errbuf_wrap(eb, "%s", o->core)
			       : errbuf_wrap(eb, "pid %d", (int)o->pid);
}

/* What was written is not the dump: begin anew. */
static enum status
rewind_output(const struct outfile *out, struct errbuf *eb)
{
	if (ftruncate(out->fd, 0) == 0 && lseek(out->fd, 0, SEEK_SET) == 0)
		return MS_OK;
	return errbuf_sys(eb, MS_IO, "cannot rewind the output");
}

static enum status
dry_run(const struct acquire_opts *o, struct errbuf *eb)
{
	CLEAN(acquired_fini) struct acquired a = {0};

	enum status st = acquire_find(o, &a, eb);
	if (st == MS_OK)
		st = acquire_plan(o, &a, eb);
	if (st != MS_OK)
		return wrap_source(o, eb);
	acquire_print_plan(o, &a);
	return MS_OK;
}

static enum status
take(const struct acquire_opts *o, struct walk_opts *w, struct acquired *a,
	struct output *out, int *exit_code, struct errbuf *eb)
{
	struct walk_stats stats = {0};
	struct walk_known known[ACQUIRED_DAMAGE_MAX];
	struct thread_names threads = {.a = a};
	CLEAN(clean_tids) struct tids *tids = NULL;
	struct outfile *file = out->file;

	out->begun = io_now_ns();

	enum status st =
		o->core != NULL ? acquire_core(o, a, eb) : acquire_live(o, a, eb);
	st = acquire_explain(a, st, eb);
	if (st != MS_OK)
		return wrap_source(o, eb);
	threads.pid = a->proc.pid;
	if (o->core == NULL)
		threads.tids = tids = tids_new(threads.pid);
	threads.comm = a->corefile != NULL ? a->proc.comm : NULL;
	w->n_known = acquired_damage(a, known);
	w->known = known;
	w->rt = &a->rt;
	w->modules = a->modules;
	w->tls_base = a->tls_base;
	w->is_running = o->no_stop;
	/* Without a copy there is nothing at hand for others to read; nor are looks taken twice by them. */
	if (o->core == NULL && (a->plan.mode == SNAPSHOT_NONE || o->no_stop))
		w->threads = 1;
	w->thread_name = thread_name;
	w->native_id = native_id;
	w->thread_name_self = &threads;
	uint64_t copied = io_now_ns(), cpu = cpu_now_ns(CLOCK_PROCESS_CPUTIME_ID),
		 own = cpu_now_ns(CLOCK_THREAD_CPUTIME_ID);
	st = walk_into(a, o, w, out, &stats, eb);
	while (st == MS_OK && file->seekable && acquire_again(a)) {
		log_at(LOG_NORMAL, "what was left out of the copy is needed: again");
		st = rewind_output(file, eb);
		if (st == MS_OK)
			st = acquire_copy(o, a, eb);
		w->n_known = acquired_damage(a, known);
		if (st == MS_OK)
			st = walk_into(a, o, w, out, &stats, eb);
	}
	acquire_release(a);
	st = acquire_explain(a, st, eb);
	if (st != MS_OK)
		hurry_explain(a, eb);
	if (st != MS_OK)
		return wrap_source(o, eb);
	const char *path = file->path != NULL ? file->path : "-";
	st = outfile_commit(file, eb);
	if (st != MS_OK)
		return st;
	uint64_t now = io_now_ns();
	struct times times = {now - out->begun, now - copied,
		cpu_now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu,
		cpu_now_ns(CLOCK_THREAD_CPUTIME_ID) - own};
	tell(a, o, &stats, &times, path);
	if (stats.damage > 0)
		*exit_code = MS_EXIT_DAMAGED;
	return MS_OK;
}

/* As many threads as this process may have processors, and no more than are of use. */
static unsigned
default_threads(void)
{
	cpu_set_t set;
	enum { MOST = 4 };

	CPU_ZERO(&set);
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < MOST ? (unsigned)n : MOST;
}

/* What is the same for every process. */
struct job {
	struct walk_opts walk;
	struct output output;
	bool force;
};

/* One process, or core, into one file; a is left to the caller. */
static enum status
dump_one(void *self, const struct acquire_opts *o, const char *path, struct acquired *a,
	int *exit_code, struct errbuf *eb)
{
	CLEAN(outfile_fini) struct outfile out = {.fd = -1};
	const struct job *job = self;
	struct output output = job->output;
	struct walk_opts walk = job->walk;

	enum status st = outfile_open(&out, path, job->force, eb);
	if (st != MS_OK)
		return st;
	output.file = &out;
	guard_signals(&out);
	st = take(o, &walk, a, &output, exit_code, eb);
	finished += st == MS_OK;
	guard_signals(NULL);
	return st;
}

static enum status
run_single(const struct cmd_args *args, struct acquire_opts *o, struct job *job,
	int *exit_code, struct errbuf *eb)
{
	CLEAN(acquired_fini) struct acquired a = {0};
	const char *pattern = cmd_value(args, "output");
	char dir[4096];

	CLEAN_FREE char *path = pattern == NULL ? NULL
		: o->core != NULL               ? xstrdup(pattern)
						: group_output(pattern, o->pid, false);
	o->snap.dir = acquire_spool_dir(path, dir, sizeof(dir));
	if (cmd_has(args, "dry-run"))
		return dry_run(o, eb);
	return dump_one(job, o, path, &a, exit_code, eb);
}

static enum status
run(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	CLEAN_FREE pid_t *pids = NULL;
	struct job job = {.force = cmd_has(args, "force"),
		.output = {.compress = cmd_has(args, "compress")}};
	struct group_job group = {.self = &job,
		.dump = dump_one,
		.children = cmd_has(args, "children"),
		.dry_run = cmd_has(args, "dry-run"),
		.output = cmd_value(args, "output")};
	struct acquire_opts *o = &group.opts;
	uint64_t threads;

	enum status st = parse_opts(args, o, &job.walk, eb);
	if (st == MS_OK)
		st = acquire_parse_snapshot(args, o, eb);
	if (st == MS_OK)
		st = cmd_number(args, "threads", default_threads(), 1, 64, &threads, eb);
	if (st == MS_OK)
		st = group_pids(args, &pids, &group.n, eb);
	if (st != MS_OK)
		return st;
	job.walk.threads = job.output.threads = o->snap.workers = (unsigned)threads;
	group.pids = pids;
	if (group.n < 2 && !group.children) {
		o->pid = group.n > 0 ? pids[0] : 0;
		return run_single(args, o, &job, exit_code, eb);
	}
	if (group.output != NULL && strcmp(group.output, "-") == 0)
		return errbuf_set(eb, MS_USAGE,
			"standard output takes the dump of one process: say -o FILE");
	return group_run(&group, exit_code, eb);
}

const struct cmd cmd_dump = {
	.name = "dump",
	.summary = "take a dump of a live process or of a core file",
	.page = "memscan",
	.synopsis = "--pid PID | --core CORE -o FILE",
	.opts = opts,
	.run = run,
};
