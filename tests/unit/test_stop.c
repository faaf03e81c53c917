/*
 * Holding children still. What counts: that all threads stop, that everything runs on
 * afterwards exactly as it did before, and that nothing hangs when processes die,
 * sleep without end, or are traced by somebody else.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "memscan/mem.h"
#include "memscan/target.h"

enum { SPINNERS = 4 };

/* Shared with the child: each spinner counts in its own place. */
struct shared {
	atomic_ulong counts[SPINNERS];
	atomic_int tids[SPINNERS];
};

static struct shared *
make_shared(void)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

struct spinner {
	struct shared *shared;
	unsigned i;
};

static void *
spin(void *arg)
{
	struct spinner *s = arg;

	atomic_store(&s->shared->tids[s->i], gettid());
	for (;;)
		atomic_fetch_add(&s->shared->counts[s->i], 1);
	return NULL;
}

static void
spin_body(struct child_side side, void *arg)
{
	static struct spinner spinners[SPINNERS];
	pthread_t thread;

	for (unsigned i = 0; i < SPINNERS; i++) {
		spinners[i] = (struct spinner){.shared = arg, .i = i};
		pthread_create(&thread, NULL, spin, &spinners[i]);
	}
	child_put(side.out, "r", 1);
	child_echo(side);
}

static void
wait_for_progress(struct shared *sh)
{
	for (unsigned i = 0; i < SPINNERS; i++) {
		unsigned long was = atomic_load(&sh->counts[i]);
		while (atomic_load(&sh->counts[i]) == was)
			sched_yield();
	}
}

static struct child
start_ready(void (*body)(struct child_side side, void *arg), void *arg)
{
	char ready;
	struct child c = child_start(body, arg);

	child_get(c.from, &ready, 1);
	return c;
}

START_TEST(test_threads_stop_and_go_on)
{
	struct shared *sh = make_shared();
	struct errbuf eb = {0};
	struct stop *s;
	struct child c = start_ready(spin_body, sh);

	for (unsigned round = 0; round < 20; round++) {
		wait_for_progress(sh);
		ck_assert_msg(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb) == MS_OK, "%s", eb.msg);
		unsigned long counts[SPINNERS];
		for (unsigned i = 0; i < SPINNERS; i++)
			counts[i] = atomic_load(&sh->counts[i]);
		size_t n;
		const struct thread_regs *regs = stop_threads(s, &n);
		ck_assert_uint_eq(n, SPINNERS + 1);
		for (size_t i = 0; i < n; i++) {
			ck_assert_int_eq(child_state(regs[i].tid), 't');
			ck_assert_uint_ne(regs[i].pc, 0);
			ck_assert_uint_ne(regs[i].sp, 0);
		}
		for (unsigned i = 0; i < SPINNERS; i++) {
			size_t k = 0;
			while (k < n && regs[k].tid != atomic_load(&sh->tids[i]))
				k++;
			ck_assert_uint_lt(k, n);
			ck_assert_uint_eq(atomic_load(&sh->counts[i]), counts[i]);
		}
		ck_assert_uint_gt(stop_release(s), 0);
		ck_assert_int_eq(child_tracer(c.pid), 0);
	}
	wait_for_progress(sh);
	child_ask(&c, 'x');
	child_end(&c);
}
END_TEST

/* What memscan says of a register is what the thread itself sees. */
static void
stack_body(struct child_side side, void *arg)
{
	uint64_t words[2] = {(uintptr_t)__builtin_frame_address(0), 0};

	(void)arg;
#ifdef __x86_64__
	__asm__("mov %%fs:0, %0" : "=r"(words[1]));
#endif
	child_put(side.out, words, sizeof(words));
	child_echo(side);
}

START_TEST(test_registers)
{
	struct errbuf eb = {0};
	struct target *t;
	struct stop *s;
	uint64_t words[2];
	size_t n;
	struct child c = child_start(stack_body, NULL);

	child_get(c.from, words, sizeof(words));
	child_ask(&c, 'x');
	ck_assert_int_eq(live_open(c.pid, &t, NULL, &eb), MS_OK);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_OK);
	const struct thread_regs *regs = stop_threads(s, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(regs[0].tid, c.pid);
	/*
	 * Below the frame of the body, and in the same stack; about to return from a
	 * read.
	 */
	ck_assert_uint_lt(regs[0].sp, words[0]);
	ck_assert_ptr_eq(target_region(t, regs[0].sp), target_region(t, words[0]));
	ck_assert_uint_ne(target_region(t, regs[0].pc)->prot & PROT_EXEC, 0);
#ifdef __x86_64__
	ck_assert_uint_eq(regs[0].fs_base, words[1]);
#endif
	stop_release(s);
	target_close(t);
	child_end(&c);
}
END_TEST

static void
echo_body(struct child_side side, void *arg)
{
	(void)arg;
	child_put(side.out, "r", 1);
	child_echo(side);
}

START_TEST(test_stopped_stays_stopped)
{
	struct errbuf eb = {0};
	struct stop *s;
	int status;
	struct child c = start_ready(echo_body, NULL);

	kill(c.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(c.pid, &status, WUNTRACED), c.pid);
	ck_assert(WIFSTOPPED(status));
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_msg(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb) == MS_OK, "%s", eb.msg);
		ck_assert_int_eq(child_state(c.pid), 't');
		stop_release(s);
		/* It goes back by itself, a moment later. */
		while (child_state(c.pid) != 'T')
			sched_yield();
	}
	kill(c.pid, SIGCONT);
	child_ask(&c, 'x');
	child_end(&c);
}
END_TEST

START_TEST(test_killed_while_held)
{
	struct shared *sh = make_shared();
	struct errbuf eb = {0};
	struct stop *s;
	int status;
	struct child c = start_ready(spin_body, sh);

	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_OK);
	kill(c.pid, SIGKILL);
	stop_release(s);
	/* Its end is still its parent's to see. */
	ck_assert_int_eq(waitpid(c.pid, &status, 0), c.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_ABSENT);
	c.pid = 0;
	child_end(&c);
}
END_TEST

START_TEST(test_ended_processes)
{
	struct errbuf eb = {0};
	struct stop *s = NULL;
	siginfo_t si;
	struct child c = start_ready(echo_body, NULL);

	kill(c.pid, SIGKILL);
	waitid(P_PID, (id_t)c.pid, &si, WEXITED | WNOWAIT);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_GONE);
	child_end(&c);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(stop_all(getpid(), STOP_NO_LIMIT, &s, &eb), MS_DENIED);
	ck_assert_uint_eq(stop_release(NULL), 0);
}
END_TEST

/* Stopping races with killing: either outcome, never a hang, the parent gets the status.
 */
START_TEST(test_kill_races)
{
	for (unsigned i = 0; i < 60; i++) {
		struct shared *sh = make_shared();
		struct errbuf eb = {0};
		struct stop *s;
		int status;
		struct child c = start_ready(spin_body, sh);

		pid_t killer = fork();
		if (killer == 0) {
			for (volatile unsigned k = 0; k < i * 3000; k++)
				continue;
			kill(c.pid, SIGKILL);
			_exit(0);
		}
		enum status st = stop_all(c.pid, STOP_NO_LIMIT, &s, &eb);
		ck_assert(st == MS_OK || st == MS_GONE);
		if (st == MS_OK)
			stop_release(s);
		ck_assert_int_eq(waitpid(c.pid, &status, 0), c.pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		waitpid(killer, NULL, 0);
		munmap(sh, sizeof(*sh));
		c.pid = 0;
		child_end(&c);
	}
}
END_TEST

static volatile int handler_out;

static void
on_usr1(int sig, siginfo_t *info, void *context)
{
	int value = info->si_value.sival_int;

	(void)sig;
	(void)context;
	child_put(handler_out, &value, sizeof(value));
}

static void
signal_body(struct child_side side, void *arg)
{
	struct sigaction sa = {.sa_sigaction = on_usr1,
	                       .sa_flags = SA_SIGINFO | SA_RESTART};

	(void)arg;
	handler_out = side.out;
	sigaction(SIGUSR1, &sa, NULL);
	child_put(side.out, "r", 1);
	for (;;)
		pause();
}

/* No signal is lost or made up, whether it comes before, at or during the stop. */
START_TEST(test_signals_arrive_once)
{
	struct errbuf eb = {0};
	struct stop *s;
	struct child c = start_ready(signal_body, NULL);

	for (int i = 0; i < 200; i++) {
		union sigval value = {.sival_int = i};
		int got;
		if (i % 2 == 0)
			sigqueue(c.pid, SIGUSR1, value);
		ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_OK);
		if (i % 2 == 1)
			sigqueue(c.pid, SIGUSR1, value);
		stop_release(s);
		child_get(c.from, &got, sizeof(got));
		ck_assert_int_eq(got, i);
	}
	child_end(&c);
}
END_TEST

static void
tracer_body(struct child_side side, void *arg)
{
	if (ptrace(PTRACE_SEIZE, *(const pid_t *)arg, NULL, NULL) != 0)
		_exit(1);
	child_put(side.out, "r", 1);
	child_echo(side);
}

START_TEST(test_already_traced)
{
	struct errbuf eb = {0};
	struct stop *s = NULL;
	char want[64];
	struct child c = start_ready(echo_body, NULL);
	struct child tracer = start_ready(tracer_body, &c.pid);

	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_DENIED);
	snprintf(want, sizeof(want), "by process %d (", tracer.pid);
	ck_assert_ptr_nonnull(strstr(eb.msg, want));
	child_ask(&c, 'x');
	child_end(&tracer);
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_OK);
	stop_release(s);
	child_end(&c);
}
END_TEST

/* The end of memscan itself lets the process run on. */
static void
holder_body(struct child_side side, void *arg)
{
	struct errbuf eb = {0};
	struct stop *s;

	if (stop_all(*(const pid_t *)arg, STOP_NO_LIMIT, &s, &eb) != MS_OK)
		_exit(1);
	child_put(side.out, "r", 1);
	child_echo(side);
}

START_TEST(test_holder_dies)
{
	struct shared *sh = make_shared();
	struct child c = start_ready(spin_body, sh);
	struct child holder = start_ready(holder_body, &c.pid);

	ck_assert_int_eq(child_state(c.pid), 't');
	child_end(&holder);
	child_ask(&c, 'x');
	wait_for_progress(sh);
	child_end(&c);
}
END_TEST

static void *
echo_thread(void *arg)
{
	struct child_side side = *(struct child_side *)arg;

	/* The main thread is a zombie once this can be joined no more. */
	while (child_state(getpid()) != 'Z')
		sched_yield();
	child_put(side.out, "r", 1);
	child_echo(side);
	_exit(0);
}

static void
leaderless_body(struct child_side side, void *arg)
{
	static struct child_side kept;
	pthread_t thread;

	(void)arg;
	kept = side;
	pthread_create(&thread, NULL, echo_thread, &kept);
	pthread_exit(NULL);
}

START_TEST(test_leader_ended)
{
	struct errbuf eb = {0};
	struct stop *s;
	size_t n;
	struct child c = start_ready(leaderless_body, NULL);

	/* Its state says zombie, and yet there is a process. */
	enum status st = stop_all(c.pid, STOP_NO_LIMIT, &s, &eb);
	ck_assert_msg(st == MS_OK, "%s", eb.msg);
	stop_threads(s, &n);
	ck_assert_uint_eq(n, 1);
	/* Its memory can be read by way of the thread that is left. */
	struct target *t;
	uint64_t at = (uintptr_t)&c.pid;
	pid_t byte;
	st = live_open(c.pid, &t, NULL, &eb);
	ck_assert_msg(st == MS_OK, "%s", eb.msg);
	ck_assert_int_eq(target_read(t, at, &byte, sizeof(byte)), MS_OK);
	target_close(t);
	stop_release(s);
	child_ask(&c, 'x');
	child_end(&c);
}
END_TEST

static void *
nothing(void *arg)
{
	return arg;
}

static void *
spawn(void *arg)
{
	pthread_t thread;

	for (;;) {
		if (pthread_create(&thread, NULL, nothing, NULL) == 0)
			pthread_join(thread, NULL);
	}
	return arg;
}

static void
storm_body(struct child_side side, void *arg)
{
	pthread_t thread;

	(void)arg;
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&thread, NULL, spawn, NULL);
	child_put(side.out, "r", 1);
	child_echo(side);
}

/* Threads that come and go all the time: still, all that are listed are held. */
START_TEST(test_thread_storm)
{
	struct errbuf eb = {0};
	struct stop *s;
	struct child c = start_ready(storm_body, NULL);

	for (unsigned round = 0; round < 50; round++) {
		ck_assert_msg(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb) == MS_OK, "%s", eb.msg);
		size_t n;
		const struct thread_regs *regs = stop_threads(s, &n);
		ck_assert_uint_ge(n, 4);
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(child_state(regs[i].tid), 't');
		stop_release(s);
	}
	child_ask(&c, 'x');
	child_end(&c);
}
END_TEST

/* A parent in vfork sleeps uninterruptibly until its child goes on. */
static void
vfork_body(struct child_side side, void *arg)
{
	char byte;

	(void)arg;
	if (vfork() == 0) {
		ssize_t n = write(side.out, "r", 1);
		n = read(side.in, &byte, 1);
		(void)n;
		_exit(0);
	}
	child_put(side.out, "d", 1);
	child_echo(side);
}

START_TEST(test_uninterruptible)
{
	struct errbuf eb = {0};
	struct stop *s = NULL;
	char byte;
	struct child c = start_ready(vfork_body, NULL);

	/* The child may be running before its parent has gone to sleep. */
	while (child_state(c.pid) != 'D')
		sched_yield();
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_BUSY);
	ck_assert_ptr_nonnull(strstr(eb.msg, "uninterruptible"));
	ck_assert_int_eq(child_tracer(c.pid), 0);
	child_put(c.to, "g", 1);
	child_get(c.from, &byte, 1);
	ck_assert_int_eq(byte, 'd');
	child_ask(&c, 'x');
	ck_assert_int_eq(stop_all(c.pid, STOP_NO_LIMIT, &s, &eb), MS_OK);
	stop_release(s);
	child_end(&c);
}
END_TEST

/* When the time is over the threads run on, though nobody has released them. */
START_TEST(test_time_limit)
{
	enum { LIMIT = 20000000 };
	struct shared *sh = make_shared();
	struct errbuf eb = {0};
	struct stop *s;
	struct child c = start_ready(spin_body, sh);

	ck_assert_msg(stop_all(c.pid, LIMIT, &s, &eb) == MS_OK, "%s", eb.msg);
	while (!stop_is_over(s))
		sched_yield();
	wait_for_progress(sh);
	child_ask(&c, 'x');
	uint64_t held = stop_release(s);
	ck_assert_uint_gt(held, LIMIT / 2);
	ck_assert_int_eq(child_tracer(c.pid), 0);
	ck_assert(!stop_is_over(NULL));

	/* A release before that is one. */
	ck_assert_msg(stop_all(c.pid, 3600000000000, &s, &eb) == MS_OK, "%s", eb.msg);
	ck_assert(!stop_is_over(s));
	stop_release(s);
	wait_for_progress(sh);
	child_end(&c);
}
END_TEST

Suite *suite_stop(void);

Suite *
suite_stop(void)
{
	Suite *s = suite_create("stop");
	TCase *tc = tcase_create("children");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_threads_stop_and_go_on);
	tcase_add_test(tc, test_registers);
	tcase_add_test(tc, test_stopped_stays_stopped);
	tcase_add_test(tc, test_killed_while_held);
	tcase_add_test(tc, test_ended_processes);
	tcase_add_test(tc, test_kill_races);
	tcase_add_test(tc, test_signals_arrive_once);
	tcase_add_test(tc, test_already_traced);
	tcase_add_test(tc, test_holder_dies);
	tcase_add_test(tc, test_leader_ended);
	tcase_add_test(tc, test_thread_storm);
	tcase_add_test(tc, test_uninterruptible);
	tcase_add_test(tc, test_time_limit);
	suite_add_tcase(s, tc);
	return s;
}
