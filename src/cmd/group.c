/*
 * A forking server and its workers, one dump each. A process is held for its own copy
 * alone, and pages that it has in common with one that was dumped before are not copied
 * again: they come out of that copy, which is kept as long as it is of use.
 */
#include "group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memscan/cmd.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

/* One of the processes. */
struct member {
	struct proc proc;
	struct acquired a;      /* open while others need its copy */
	struct common *common;  /* pages in common with member `base`, or NULL */
	size_t base;
	struct common *offered; /* with the one that is being dumped */
	uint64_t shared;        /* bytes that others have, too */
};

struct group {
	const struct group_job *job;
	VEC(struct member) members;
	struct group_facts facts;
	bool is_alone; /* the kernel does not tell what they have in common */
	size_t failed;
	struct errbuf worst;
};

/* ---- names ---- */

typedef VEC(pid_t) pid_vec;

static void
pid_vec_fini(pid_vec *v)
{
	vec_fini(v);
}

static void
add_pid(pid_vec *v, pid_t pid)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->at[i] == pid)
			return;
	vec_push(v, pid);
}

enum status
group_pids(const struct cmd_args *a, pid_t **ret, size_t *n, struct errbuf *eb)
{
	CLEAN(pid_vec_fini) pid_vec v = {0};
	const char *text;

	for (size_t i = 0; (text = cmd_nth(a, "pid", i)) != NULL; i++) {
		CLEAN_FREE char *list = xstrdup(text);
		char *rest = list, *word;
		while ((word = strsep(&rest, ",")) != NULL) {
			uint64_t pid;
			if (text_parse_u64(word, &pid) != MS_OK)
				return errbuf_set(eb, MS_USAGE,
					"--pid needs a number, not '%s'", word);
			if (pid == 0 || pid > INT32_MAX)
				return errbuf_set(eb, MS_USAGE,
					"--pid is a number from 1 to %d", INT32_MAX);
			add_pid(&v, (pid_t)pid);
		}
	}
	*ret = STEAL(v.at);
	*n = v.n;
	return MS_OK;
}

/* Where the last suffix of a file's name begins, or its end. */
static size_t
suffix_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot != name ? (size_t)(dot - path) : strlen(path);
}

char *
group_output(const char *pattern, pid_t pid, bool is_group)
{
	VEC(char) out = {0};
	char number[16];
	size_t len = strlen(pattern);
	int digits = snprintf(number, sizeof(number), "%d", (int)pid);
	bool is_put = strstr(pattern, "%p") != NULL;
	size_t suffix = is_group && !is_put ? suffix_of(pattern) : SIZE_MAX;

	for (size_t i = 0; i <= len; i++) {
		bool is_here = strncmp(pattern + i, "%p", 2) == 0;
		if (i == suffix)
			vec_push(&out, '.');
		for (int k = 0; (is_here || i == suffix) && k < digits; k++)
			vec_push(&out, number[k]);
		i += is_here;
		if (!is_here)
			vec_push(&out, pattern[i]);
	}
	return out.at;
}

/* ---- who they are ---- */

static bool
has_member(const struct group *g, const struct proc *p)
{
	for (size_t i = 0; i < g->members.n; i++) {
		const struct proc *m = &g->members.at[i].proc;
		if (m->pid == p->pid && m->start_ticks == p->start_ticks)
			return true;
	}
	return false;
}

static void
fail(struct group *g, enum status st, struct errbuf *eb)
{
	char text[2 * sizeof(eb->msg)];

	if (eb->msg[0] == '\0')
		errbuf_set(eb, st, "%s", status_text(st));
	eb->code = st;
	text_vis(text, sizeof(text), eb->msg, strlen(eb->msg));
	log_at(LOG_QUIET, "dump: %s", text);
	if (status_exit_code(eb->code) > status_exit_code(g->worst.code))
		g->worst = *eb;
	g->failed++;
}

/* Those below one that was named; memscan may be one of them. */
static enum status
list_below(struct group *g, pid_t pid, struct errbuf *eb)
{
	CLEAN_FREE struct proc *below = NULL;
	size_t n;

	enum status st = proc_descendants(pid, &below, &n, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++)
		if (below[i].pid != getpid() && !has_member(g, &below[i]))
			vec_push(&g->members, (struct member){.proc = below[i]});
	return st;
}

static enum status
list_members(struct group *g, struct errbuf *eb)
{
	const struct group_job *job = g->job;
	enum status st = MS_OK;

	for (size_t i = 0; i < job->n && st == MS_OK; i++) {
		struct proc p;
		struct errbuf none;
		/* A process that is not there is found out when it is its turn. */
		if (proc_get(job->pids[i], &p, &none) != MS_OK)
			p = (struct proc){.pid = job->pids[i]};
		if (!has_member(g, &p))
			vec_push(&g->members, (struct member){.proc = p});
		if (job->children)
			st = list_below(g, p.pid, eb);
	}
	return st;
}

/* Those that were not there when the others were listed. */
static void
tell_of_new(const struct group *g)
{
	for (size_t i = 0; i < g->job->n && g->job->children; i++) {
		CLEAN_FREE struct proc *below = NULL;
		struct errbuf eb;
		size_t n = 0;
		if (proc_descendants(g->job->pids[i], &below, &n, &eb) != MS_OK)
			continue;
		for (size_t k = 0; k < n; k++)
			if (below[k].pid != getpid() && !has_member(g, &below[k]))
				log_at(LOG_NORMAL,
					"process %d, a child of %d, came into being "
					"meanwhile and was not dumped",
					(int)below[k].pid, (int)below[k].parent);
	}
}

/* ---- what they have in common ---- */

static void
stay_alone(struct group *g, const struct errbuf *why)
{
	if (!g->is_alone)
		log_at(LOG_NORMAL, "what the processes have in common is copied of each: %s",
			why->msg);
	g->is_alone = true;
}

static void
take_census(struct group *g)
{
	size_t n = g->members.n;
	CLEAN_FREE pid_t *pids = xcalloc(n, sizeof(*pids));
	CLEAN_FREE uint64_t *shared = xcalloc(n, sizeof(*shared));
	struct errbuf eb = {0};

	for (size_t i = 0; i < n; i++)
		pids[i] = g->members.at[i].proc.pid;
	if (proc_census(pids, n, shared, &g->facts.resident, &eb) != MS_OK) {
		stay_alone(g, &eb);
		return;
	}
	g->facts.has_census = true;
	for (size_t i = 0; i < n; i++)
		g->members.at[i].shared = shared[i];
}

/*
 * Before member i is copied: note what those after it have in common with it, if it is
 * their parent or if they know of no other yet.
 */
static void
note_pages(struct group *g, size_t i)
{
	for (size_t k = i + 1; k < g->members.n && !g->is_alone; k++) {
		struct member *m = &g->members.at[k];
		struct errbuf eb = {0};
		if (m->common != NULL && m->proc.parent != g->members.at[i].proc.pid)
			continue;
		enum status st = common_note(
			g->members.at[i].proc.pid, m->proc.pid, &m->offered, &eb);
		if (st == MS_DENIED || st == MS_ABSENT)
			stay_alone(g, &eb);
	}
}

/* Afterwards: its copy is there for them, or there is none. */
static void
settle_pages(struct group *g, size_t i, bool has_copy)
{
	for (size_t k = i + 1; k < g->members.n; k++) {
		struct member *m = &g->members.at[k];
		bool is_good = has_copy && m->offered != NULL &&
			common_bytes(m->offered) > 0;
		if (is_good) {
			common_free(m->common);
			m->common = STEAL(m->offered);
			m->base = i;
		}
		common_free(m->offered);
		m->offered = NULL;
	}
}

/* Close what nobody behind member i needs any more. */
static void
close_unneeded(struct group *g, size_t i)
{
	for (size_t k = 0; k <= i; k++) {
		bool is_needed = false;
		for (size_t j = i + 1; j < g->members.n; j++)
			is_needed |= g->members.at[j].common != NULL &&
				g->members.at[j].base == k;
		if (!is_needed)
			acquired_fini(&g->members.at[k].a);
	}
}

/* Is there room for one copy more while the older ones are kept? */
static bool
is_room(const struct acquire_opts *o)
{
	struct snapshot_opts so = o->snap;
	struct snapshot *s = NULL;
	struct errbuf eb = {0};

	so.plan_only = true;
	so.mode = o->snap.mode == SNAPSHOT_DISK ? SNAPSHOT_DISK : SNAPSHOT_AUTO;
	if (snapshot_prepare(o->pid, &so, &s, &eb) != MS_OK)
		return true;
	const struct snapshot_plan *p = snapshot_get_plan(s);
	bool is_fit = so.mode == SNAPSHOT_DISK ? p->bytes < p->disk_room
	                                       : p->mode == SNAPSHOT_MEMORY;
	snapshot_free(s);
	return is_fit;
}

static void
drop_copies(struct group *g)
{
	log_at(LOG_NORMAL, "there is no room for keeping a copy for what the processes have "
		"in common: it is copied of each");
	g->is_alone = true;
	for (size_t k = 0; k < g->members.n; k++) {
		common_free(g->members.at[k].common);
		g->members.at[k].common = NULL;
		acquired_fini(&g->members.at[k].a);
	}
}

/* ---- one after the other ---- */

/* Nothing of it is there, or somebody else's is. */
static enum status
check_member(const struct member *m, struct errbuf *eb)
{
	struct proc now;

	enum status st = proc_get(m->proc.pid, &now, eb);
	bool is_same = st == MS_OK && now.start_ticks == m->proc.start_ticks;
	if (is_same || m->proc.start_ticks == 0)
		return st;
	return errbuf_set(eb, MS_GONE, "pid %d: the process ended before it was its turn",
		(int)m->proc.pid);
}

/* A child between vfork() and exec() is no process of its own yet. */
static bool
is_borrowing(const struct group *g, size_t i)
{
	pid_t pid = g->members.at[i].proc.pid;

	for (size_t k = 0; k < i; k++) {
		pid_t other = g->members.at[k].proc.pid;
		if (!proc_same_memory(other, pid))
			continue;
		log_at(LOG_NORMAL, "process %d has the memory of process %d (vfork): not "
			"dumped", (int)pid, (int)other);
		return true;
	}
	return false;
}

static void
set_up(struct group *g, size_t i, struct acquire_opts *o)
{
	const struct member *m = &g->members.at[i];

	*o = g->job->opts;
	o->pid = m->proc.pid;
	o->group = &g->facts;
	g->facts.has_memory = proc_memory(o->pid, &g->facts.memory);
	g->facts.shared = m->shared;
	if (m->common == NULL)
		return;
	o->snap.common = m->common;
	o->snap.base = g->members.at[m->base].a.snap;
	o->base = g->members.at[m->base].proc.pid;
}

static enum status
plan_member(struct group *g, size_t i, const struct acquire_opts *o, struct errbuf *eb)
{
	struct acquired *a = &g->members.at[i].a;
	const struct member *m = &g->members.at[i];

	enum status st = acquire_find(o, a, eb);
	if (st == MS_OK)
		st = acquire_plan(o, a, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "pid %d", (int)o->pid);
	/* While its copy is made, that of the other is kept. */
	if (m->common != NULL && a->plan.mode == SNAPSHOT_MEMORY)
		a->plan.peak += g->members.at[m->base].a.plan.bytes;
	printf("%sprocess    %d: %s\n", i > 0 ? "\n" : "", (int)o->pid, a->proc.comm);
	acquire_print_plan(o, a);
	return MS_OK;
}

static enum status
dump_member(struct group *g, size_t i, int *exit_code, struct errbuf *eb)
{
	const struct group_job *job = g->job;
	struct member *m = &g->members.at[i];
	struct acquire_opts o;
	char dir[4096];

	CLEAN_FREE char *path = job->output == NULL
		? NULL
		: group_output(job->output, m->proc.pid, true);
	enum status st = check_member(m, eb);
	if (st != MS_OK)
		return st;
	set_up(g, i, &o);
	o.snap.dir = acquire_spool_dir(path, dir, sizeof(dir));
	note_pages(g, i);
	if (job->dry_run) {
		st = plan_member(g, i, &o, eb);
		settle_pages(g, i, st == MS_OK && m->a.plan.mode != SNAPSHOT_NONE);
		return st;
	}
	if (m->common != NULL && !is_room(&o)) {
		drop_copies(g);
		set_up(g, i, &o);
		o.snap.dir = acquire_spool_dir(path, dir, sizeof(dir));
	}
	int code = 0;
	st = job->dump(job->self, &o, path, &m->a, &code, eb);
	if (code != 0)
		*exit_code = code;
	settle_pages(g, i, st == MS_OK && m->a.snap != NULL);
	return st;
}

static void
group_fini(struct group *g)
{
	for (size_t i = 0; i < g->members.n; i++) {
		common_free(g->members.at[i].common);
		acquired_fini(&g->members.at[i].a);
	}
	vec_fini(&g->members);
	free(g->facts.pids);
}

/* What all dumps say of the group. */
static void
name_group(struct group *g)
{
	struct timespec now;
	size_t cap = g->members.n * 12 + 1, len = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(g->facts.id, sizeof(g->facts.id), "%d-%" PRIu64,
		(int)g->members.at[0].proc.pid,
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	g->facts.pids = xcalloc(cap, 1);
	for (size_t i = 0; i < g->members.n; i++)
		len += (size_t)snprintf(g->facts.pids + len, cap - len, "%s%d",
			i > 0 ? " " : "", (int)g->members.at[i].proc.pid);
}

enum status
group_run(const struct group_job *job, int *exit_code, struct errbuf *eb)
{
	CLEAN(group_fini) struct group g = {.job = job};

	enum status st = list_members(&g, eb);
	if (st != MS_OK)
		return st;
	name_group(&g);
	take_census(&g);
	for (size_t i = 0; i < g.members.n; i++) {
		struct errbuf one = {0};
		if (is_borrowing(&g, i))
			continue;
		st = dump_member(&g, i, exit_code, &one);
		if (st != MS_OK)
			fail(&g, st, &one);
		close_unneeded(&g, i);
	}
	tell_of_new(&g);
	if (g.failed == 0)
		return MS_OK;
	return errbuf_set(eb, g.worst.code, "%zu of %zu processes were not dumped", g.failed,
		g.members.n);
}
