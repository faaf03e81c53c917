/*
 * Dumps of several processes at once: a forking server and its workers.
 */
#ifndef MEMSCAN_CMD_GROUP_H
#define MEMSCAN_CMD_GROUP_H

#include "acquire.h"

struct cmd_args;

/* Processes named by --pid, each once, in their order; free() *ret. MS_USAGE, MS_ABSENT. */
MUST_CHECK enum status group_pids(const struct cmd_args *a, pid_t **ret, size_t *n, struct errbuf *eb);

/*
 * The name of a process's dump: "%p" in the pattern is its pid; where there may be several
 * processes and no "%p", ".PID" is put in front of the last suffix. free() it.
 */
char *group_output(const char *pattern, pid_t pid, bool is_group);

struct group_job {
	const pid_t *pids;   /* those named */
	size_t n;
	bool children;       /* and all below them */
	bool dry_run;
	const char *output;  /* pattern, or NULL */
	struct acquire_opts opts; /* but pid, and what goes with it */
	/*
	 * Dump o->pid into a file, with what o says. What it was made of is left to the
	 * caller, who closes it, also after a failure.
	 */
	enum status (*dump)(void *self, const struct acquire_opts *o, const char *path, struct acquired *ret, int *exit_code, struct errbuf *eb);
	void *self;
};

/*
 * Dump them one after the other, each held for its own copy alone. What fails is said at
 * once, and the others are dumped all the same; returned is the status with the highest
 * exit code.
 */
MUST_CHECK enum status group_run(const struct group_job *job, int *exit_code, struct errbuf *eb);

#endif
