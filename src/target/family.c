/*
 * Processes that belong together: who is whose child, and how much memory each takes, as
 * the kernel accounts for it.
 */
#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

typedef VEC(struct proc) proc_vec;

static void
proc_vec_fini(proc_vec *v)
{
	vec_fini(v);
}

static void
clean_closedir(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

enum status
proc_get(pid_t pid, struct proc *ret, struct errbuf *eb)
{
	char state;

	if (pid <= 0 || !proc_stat(pid, ret, &state))
		return errbuf_set(eb, MS_ABSENT, "there is no process %d", pid);
	return MS_OK;
}

/* Descending by pid: what is popped off a stack comes in ascending order. */
static int
by_pid(const void *a, const void *b)
{
	const struct proc *x = a, *y = b;
	return x->pid > y->pid ? -1 : x->pid < y->pid;
}

/* Every process that has not ended. */
static enum status
list_all(proc_vec *ret, struct errbuf *eb)
{
	CLEAN(clean_closedir) DIR *d = opendir("/proc");
	struct dirent *e;

	if (d == NULL)
		return errbuf_sys(eb, MS_IO, "/proc");
	while ((e = readdir(d)) != NULL) {
		struct proc p;
		char *end, state;
		long pid = strtol(e->d_name, &end, 10);
		if (pid <= 0 || *end != '\0' || !proc_stat((pid_t)pid, &p, &state) ||
		    is_ended(state))
			continue;
		if (ret->n == LIM_PROCESSES)
			return errbuf_set(eb, MS_LIMIT, "more than %d processes",
			                  LIM_PROCESSES);
		vec_push(ret, p);
	}
	if (ret->n > 0)
		qsort(ret->at, ret->n, sizeof(*ret->at), by_pid);
	return MS_OK;
}

static void
push_children(const proc_vec *all, pid_t of, proc_vec *stack)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->at[i].parent == of && all->at[i].pid != of)
			vec_push(stack, all->at[i]);
	}
}

enum status
proc_descendants(pid_t pid, struct proc **ret, size_t *n, struct errbuf *eb)
{
	CLEAN(proc_vec_fini) proc_vec all = {0};
	CLEAN(proc_vec_fini) proc_vec stack = {0};
	proc_vec found = {0};

	enum status st = list_all(&all, eb);
	if (st != MS_OK)
		return st;
	push_children(&all, pid, &stack);
	/* The list is not of one moment: what it says twice, or in a circle, ends here. */
	while (stack.n > 0 && found.n < all.n) {
		struct proc p = stack.at[--stack.n];
		vec_push(&found, p);
		push_children(&all, p.pid, &stack);
	}
	*ret = found.at;
	*n = found.n;
	return MS_OK;
}

bool
proc_same_memory(pid_t a, pid_t b)
{
	enum { KCMP_VM = 1 }; /* linux/kcmp.h */

	return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

/* ---- accounts ---- */

/* The sum of all lines "Name:   12 kB". */
static uint64_t
sum_of(const char *text, const char *name)
{
	size_t len = strlen(name);
	uint64_t sum = 0;

	for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			sum += strtoull(p + len + 1, NULL, 10) * 1024;
	}
	return sum;
}

bool
proc_memory(pid_t pid, struct proc_memory *ret)
{
	CLEAN_FREE char *text = NULL;
	struct errbuf eb;
	char path[64];

	/* The sums, or before Linux 4.14 what they are the sums of. */
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	if (io_slurp(path, LIM_MAPS_TEXT, &text, NULL, &eb) != MS_OK) {
		snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
		if (io_slurp(path, LIM_SMAPS_TEXT, &text, NULL, &eb) != MS_OK)
			return false;
	}
	*ret = (struct proc_memory){
		.rss = sum_of(text, "Rss"),
		.pss = sum_of(text, "Pss"),
		.shared = sum_of(text, "Shared_Clean") + sum_of(text, "Shared_Dirty"),
		.own = sum_of(text, "Private_Clean") + sum_of(text, "Private_Dirty"),
	};
	return ret->rss > 0;
}
