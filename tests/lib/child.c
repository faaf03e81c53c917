/*
 * Fork and pipes; nothing of the program under test is used here.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
die(const char *what)
{
	fprintf(stderr, "child: %s: %s\n", what, strerror(errno));
	abort();
}

struct child
child_start(void (*body)(struct child_side side, void *arg), void *arg)
{
	int down[2], up[2];

	if (pipe(down) != 0 || pipe(up) != 0)
		die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(down[1]);
		close(up[0]);
		body((struct child_side){.in = down[0], .out = up[1]}, arg);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	return (struct child){.pid = pid, .to = down[1], .from = up[0]};
}

void
child_get(int fd, void *buf, size_t n)
{
	char *p = buf;

	while (n > 0) {
		ssize_t got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die("the other side is gone");
		p += got;
		n -= (size_t)got;
	}
}

void
child_put(int fd, const void *buf, size_t n)
{
	if (write(fd, buf, n) != (ssize_t)n)
		die("write");
}

void
child_ask(const struct child *c, char what)
{
	char answer;

	child_put(c->to, &what, 1);
	child_get(c->from, &answer, 1);
	if (answer != what)
		die("wrong answer");
}

void
child_echo(struct child_side side)
{
	char c;

	for (;;) {
		ssize_t got = read(side.in, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			return;
		child_put(side.out, &c, 1);
	}
}

void
child_end(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	close(c->to);
	close(c->from);
	c->pid = 0;
}

/* The value of a line of /proc/TID/status, or "". */
static void
status_line(pid_t tid, const char *name, char *buf, size_t cap)
{
	char path[64], line[256];

	*buf = '\0';
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			snprintf(buf, cap, "%s", line + strlen(name));
	}
	if (f != NULL)
		fclose(f);
}

char
child_state(pid_t tid)
{
	char text[64];

	status_line(tid, "State:\t", text, sizeof(text));
	return text[0];
}

pid_t
child_tracer(pid_t tid)
{
	char text[64];

	status_line(tid, "TracerPid:\t", text, sizeof(text));
	return (pid_t)atoi(text);
}
