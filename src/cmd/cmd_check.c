/*
 * memscan check: can this machine and user look into a process, and if not, why.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "memscan/py.h"
#include "memscan/text.h"

#include "acquire.h"
#include "priv.h"

static const struct cmd_opt opts[] = {
	{'p', "pid", "PID", "the process to try; without it, a child of this program"},
	CMD_OPT_LIBRARY,
	{0, "offsets", "FILE", "use this offset table, made by `memscan offsets`"},
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static const struct column columns[] = {
	{"check", "Check", CELL_TEXT},
	{"ok", "OK", CELL_BOOL},
	{"detail", "Detail", CELL_TEXT},
};

static void
put(struct rows *rows, const char *check, bool ok, const char *detail)
{
	rows_put(rows,
		(struct cell[]){
			{.s = check, .len = strlen(check)},
			{.u = ok},
			{.s = detail, .len = strlen(detail)},
		});
}

/* Hold and let go of a process; true if that works. */
static bool
try_stop(pid_t pid, struct rows *rows)
{
	struct errbuf eb = {0};
	struct stop *stop = NULL;
	char text[128], num[TEXT_NUM];

	enum status st = stop_all(pid, STOP_NO_LIMIT, &stop, &eb);
	uint64_t held = stop_release(stop);
	snprintf(text, sizeof(text), "held for %s", text_duration(num, held));
	put(rows, "hold with ptrace", st == MS_OK, st == MS_OK ? text : eb.msg);
	return st == MS_OK;
}

static bool
try_read(pid_t pid, struct rows *rows)
{
	struct errbuf eb = {0};
	struct target *t = NULL;
	struct live_caps caps = {0};

	enum status st = live_open(pid, &t, &caps, &eb);
	put(rows, "read memory", st == MS_OK, st == MS_OK ? "" : eb.msg);
	if (st == MS_OK) {
		put(rows, "process_vm_readv", caps.has_vm_readv,
			caps.has_vm_readv ? "" : "refused: /proc/PID/mem is used");
		put(rows, "/proc/PID/mem", caps.has_proc_mem,
			caps.has_proc_mem ? "" : "refused: process_vm_readv is used");
		put(rows, "/proc/PID/pagemap", caps.has_pagemap,
			caps.has_pagemap ? "" : "refused: absent pages are copied, too");
	}
	target_close(t);
	return st == MS_OK;
}

/* The runtime, its offsets, and the probes, on the running process. */
static bool
try_python(const struct acquire_opts *o, struct rows *rows)
{
	struct errbuf eb = {0};
	CLEAN(acquired_fini) struct acquired a = {0};
	char text[512];

	enum status st = acquire_find(o, &a, &eb);
	if (st != MS_OK) {
		put(rows, "CPython", false, eb.msg);
		return false;
	}
	snprintf(text, sizeof(text), "%s (%s), found by %s", a.rt.version, a.rt.flavour,
		a.rt.found_by);
	put(rows, "CPython", true, text);
	put(rows, "offsets", true, a.layout.origin);
	st = acquire_copy(o, &a, &eb);
	struct strtab *names = strtab_new();
	struct py *p = NULL;
	if (st == MS_OK)
		st = py_open(a.copy, &a.layout, &a.rt, names, &p, &eb);
	if (st == MS_OK)
		st = py_probe(p, a.collecting_at != 0, &eb);
	py_close(p);
	strtab_free(names);
	acquire_release(&a);
	put(rows, "probes", st == MS_OK,
		st != MS_OK            ? eb.msg
		: a.collecting_at != 0 ? "the layout is right; a garbage collection does not end"
				       : "the layout is right");
	return st == MS_OK;
}

/* A child that waits to be looked into; it ends when the pipe closes. */
static pid_t
spawn_child(int *hold)
{
	int fds[2];
	char byte;

	if (pipe(fds) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[1]);
		ssize_t done = read(fds[0], &byte, 1);
		(void)done;
		_exit(0);
	}
	close(fds[0]);
	*hold = fds[1];
	return pid;
}

static enum status
run(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	struct acquire_opts o = {.offsets = cmd_value(args, "offsets"),
		.library = cmd_value(args, "library")};
	uint64_t pid = 0;
	enum rows_format format;
	CLEAN_CLOSE int hold = -1;
	pid_t child = -1;

	enum status st = cmd_number(args, "pid", 0, 1, INT32_MAX, &pid, eb);
	if (st == MS_OK)
		st = cmd_format(args, &format, eb);
	if (st != MS_OK)
		return st;
	if (pid == 0) {
		child = spawn_child(&hold);
		if (child < 0)
			return errbuf_sys(eb, MS_IO, "cannot make a child to try on");
	}
	o.pid = child > 0 ? child : (pid_t)pid;

	struct report *r = report_new(stdout, format);
	struct rows *rows = rows_begin(r, "checks", columns, ARRAY_LEN(columns));
	bool ok = try_read(o.pid, rows);
	ok = try_stop(o.pid, rows) && ok;
	if (pid != 0 && ok)
		ok = try_python(&o, rows);
	rows_end(rows, 0);
	if (child > 0) {
		close(hold);
		hold = -1;
		waitpid(child, NULL, 0);
	}
	*exit_code = ok ? 0 : status_exit_code(MS_DENIED);
	return report_end(r, eb);
}

const struct cmd cmd_check = {
	.name = "check",
	.summary = "say whether this machine and user can look into a process, and if "
		   "not, why",
	.page = "memscan",
	.synopsis = "",
	.opts = opts,
	.run = run,
};
