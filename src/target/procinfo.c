/*
 * What /proc says of a process. Every text is taken to be hostile: a process names
 * itself.
 */
#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

enum {
	PROC_TEXT_MAX = 1 << 20, /* status, stat: a few KiB, more with many CPUs */
	CMDLINE_MAX = 64 * 1024, /* shown to people: more of it is cut off */
	STAT_PARENT = 1,
	STAT_START_TICKS = 19, /* field 22 of proc(5), counted from the state after ")" */
};

bool
status_field(const char *text, const char *name, unsigned base, uint64_t *ret)
{
	size_t len = strlen(name);

	for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		char *end;
		p += len + 1;
		errno = 0;
		*ret = strtoull(p, &end, (int)base);
		return end != p && errno == 0;
	}
	return false;
}

/*
 * Split "41 (name) S 1 ...": the name may hold anything, ')' included, so it ends at the
 * last one.
 */
static bool
stat_split(const char *text, const char **name, size_t *name_len, const char **rest)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');

	if (open == NULL || close == NULL || close < open || close[1] != ' ')
		return false;
	*name = open + 1;
	*name_len = (size_t)(close - open - 1);
	*rest = close + 2;
	return true;
}

/* A file of /proc that may be cut at cap - 1 bytes; "" if it cannot be read. */
static size_t
read_some(const char *path, char *buf, size_t cap)
{
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	while (fd >= 0 && n < cap - 1) {
		ssize_t got = read(fd, buf + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	buf[n] = '\0';
	return n;
}

char
thread_state(pid_t pid, pid_t tid)
{
	char path[64], text[1024];
	const char *name, *rest;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	read_some(path, text, sizeof(text));
	return stat_split(text, &name, &len, &rest) ? *rest : '\0';
}

/* The field of a stat text that comes n blanks after `rest`. */
static const char *
stat_field(const char *rest, unsigned n)
{
	for (; n > 0 && rest != NULL; n--) {
		rest = strchr(rest, ' ');
		rest = rest != NULL ? rest + 1 : NULL;
	}
	return rest;
}

bool
proc_stat(pid_t pid, struct proc *ret, char *state)
{
	char path[64], text[1024];
	const char *name, *rest;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_some(path, text, sizeof(text));
	if (!stat_split(text, &name, &len, &rest) || *rest == '\0')
		return false;
	const char *parent = stat_field(rest, STAT_PARENT);
	const char *start = stat_field(rest, STAT_START_TICKS);
	if (parent == NULL || start == NULL)
		return false;
	*state = *rest;
	*ret = (struct proc){.pid = pid,
	                     .parent = (pid_t)strtol(parent, NULL, 10),
	                     .start_ticks = strtoull(start, NULL, 10)};
	return true;
}

bool
is_ended(char state)
{
	return state == '\0' || state == 'Z' || state == 'X';
}

char *
comm_of(pid_t pid, char *buf, size_t cap)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	size_t n = read_some(path, buf, cap);
	if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	if (n == 0)
		snprintf(buf, cap, "?");
	return buf;
}

static char *
read_cmdline(pid_t pid)
{
	char path[64];
	CLEAN_FREE char *buf = xmalloc(CMDLINE_MAX);

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	size_t n = read_some(path, buf, CMDLINE_MAX);
	while (n > 0 && buf[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\0')
			buf[i] = ' ';
	}
	return xrealloc(STEAL(buf), n + 1);
}

static char *
read_exe(pid_t pid)
{
	char path[64], link[4096];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	return xstrdup(link);
}

static int64_t
boot_time(void)
{
	struct errbuf eb;
	CLEAN_FREE char *text = NULL;

	if (io_slurp("/proc/stat", LIM_MAPS_TEXT, &text, NULL, &eb) != MS_OK)
		return 0;
	const char *p = strstr(text, "\nbtime ");
	return p != NULL ? strtoll(p + 7, NULL, 10) : 0;
}

/* No such file below /proc/PID: no process, or one that may not be seen. */
static enum status
no_process(pid_t pid, struct errbuf *eb)
{
	if (pid > 0 && kill(pid, 0) != 0 && errno == EPERM)
		return errbuf_set(
		        eb, MS_DENIED,
		        "process %d belongs to somebody else and is hidden (/proc is mounted "
		        "with hidepid): run memscan as root",
		        pid);
	return errbuf_set(eb, MS_ABSENT, "there is no process %d", pid);
}

static void
parse_status(const char *text, struct procinfo *p)
{
	uint64_t v;

	if (status_field(text, "TracerPid", 10, &v))
		p->tracer = (pid_t)v;
	if (status_field(text, "Tgid", 10, &v))
		p->tgid = (pid_t)v;
	if (status_field(text, "PPid", 10, &v))
		p->parent = (pid_t)v;
	if (status_field(text, "Uid", 10, &v))
		p->uid = (unsigned)v;
	if (status_field(text, "Gid", 10, &v))
		p->gid = (unsigned)v;
	if (status_field(text, "VmRSS", 10, &v) && v < UINT64_MAX / 1024)
		p->rss = v * 1024;
	if (status_field(text, "Threads", 10, &v))
		p->threads = (unsigned)v;
}

static bool
parse_stat(const char *text, struct procinfo *p)
{
	const char *name, *rest;
	size_t len;

	if (!stat_split(text, &name, &len, &rest) || *rest == '\0')
		return false;
	if (len > sizeof(p->comm) - 1)
		len = sizeof(p->comm) - 1;
	memcpy(p->comm, name, len);
	p->comm[len] = '\0';
	p->state = *rest;
	rest = stat_field(rest, STAT_START_TICKS);
	if (rest == NULL)
		return false;
	p->start_ticks = strtoull(rest, NULL, 10);
	return true;
}

enum status
procinfo_get(pid_t pid, struct procinfo *ret, struct errbuf *eb)
{
	char path[64];
	CLEAN_FREE char *status = NULL;
	CLEAN_FREE char *stat = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	enum status st = io_slurp(path, PROC_TEXT_MAX, &status, NULL, eb);
	if (st == MS_ABSENT || st == MS_GONE)
		return no_process(pid, eb);
	if (st != MS_OK)
		return st;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	st = io_slurp(path, PROC_TEXT_MAX, &stat, NULL, eb);
	if (st == MS_ABSENT || st == MS_GONE)
		return errbuf_set(eb, MS_GONE, "process %d exited", pid);
	if (st != MS_OK)
		return st;

	struct procinfo p = {.pid = pid, .tgid = pid};
	parse_status(status, &p);
	if (!parse_stat(stat, &p))
		return errbuf_set(eb, MS_FORMAT, "%s is malformed", path);
	long hz = sysconf(_SC_CLK_TCK);
	p.start_time =
	        boot_time() + (int64_t)(p.start_ticks / (uint64_t)(hz > 0 ? hz : 100));
	p.cmdline = read_cmdline(pid);
	p.exe = read_exe(pid);
	*ret = p;
	return MS_OK;
}

enum status
procinfo_is_current(const struct procinfo *p, bool *ret, struct errbuf *eb)
{
	struct proc now;
	char state;

	if (!proc_stat(p->pid, &now, &state))
		return errbuf_set(eb, MS_GONE, "process %d exited", p->pid);
	CLEAN_FREE char *exe = read_exe(p->pid);
	*ret = now.start_ticks == p->start_ticks && strcmp(exe, p->exe) == 0;
	return MS_OK;
}

void
procinfo_fini(struct procinfo *p)
{
	free(p->cmdline);
	free(p->exe);
	*p = (struct procinfo){0};
}
