/*
 * Forked processes to be looked into. They tell what they are by pipe and wait by pipe:
 * no test sleeps to let something happen. A child dies with the test that made it.
 */
#ifndef MEMSCAN_TESTS_CHILD_H
#define MEMSCAN_TESTS_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int to;   /* what the child reads */
	int from; /* what the child writes */
};

/* The child's ends of the pipes. */
struct child_side {
	int in, out;
};

/* Fork; the child runs body and exits with 0 when that returns. */
struct child child_start(void (*body)(struct child_side side, void *arg), void *arg);

/* Exactly n bytes; the test (or the child) ends with a message if that cannot be. */
void child_get(int fd, void *buf, size_t n);
void child_put(int fd, const void *buf, size_t n);

/* Send one byte and wait for one: the child runs and does what it is told. */
void child_ask(const struct child *c, char what);

/* In the child: answer every byte with itself until the pipe is closed. */
void child_echo(struct child_side side);

/* Kill and reap; a child that was reaped already is left alone. */
void child_end(struct child *c);

/* The State letter of a thread in /proc, 0 if there is none, and who traces it. */
char child_state(pid_t tid);
pid_t child_tracer(pid_t tid);

#endif
