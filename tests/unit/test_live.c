/*
 * Live processes: children of the test that say what their memory holds. Why access is
 * denied is a pure function, tested without needing to be denied anything.
 */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "memscan/mem.h"
#include "target/priv.h"

enum { PAGES = 40 };

/* A mapping whose byte i is i * 7 + page, with the page after it missing. */
static uint8_t *
make_pattern(size_t page)
{
	uint8_t *p = mmap(NULL, (PAGES + 1) * page, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < PAGES * page; i++)
		p[i] = (uint8_t)(i * 7 + i / page);
	munmap(p + PAGES * page, page);
	return p;
}

static void
pattern_body(struct child_side side, void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "a) Z 99 (b");
	uint64_t at = (uintptr_t)make_pattern((size_t)sysconf(_SC_PAGESIZE));
	child_put(side.out, &at, sizeof(at));
	child_echo(side);
}

static struct child
pattern_child(uint64_t *at)
{
	struct child c = child_start(pattern_body, NULL);
	child_get(c.from, at, sizeof(*at));
	return c;
}

START_TEST(test_read_child)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct errbuf eb = {0};
	struct live_caps caps;
	struct target *t;
	uint64_t at;
	struct child c = pattern_child(&at);

	ck_assert_msg(live_open(c.pid, &t, &caps, &eb) == MS_OK, "%s", eb.msg);
	ck_assert_str_eq(target_kind(t), "live");
	ck_assert(caps.has_vm_readv || caps.has_proc_mem);
	ck_assert_uint_eq(target_machine(t)->ptr_width, sizeof(void *));
	CLEAN_FREE uint8_t *buf = malloc(PAGES * page);
	ck_assert_int_eq(target_read(t, at, buf, PAGES * page), MS_OK);
	for (size_t i = 0; i < PAGES * page; i++)
		ck_assert_uint_eq(buf[i], (uint8_t)(i * 7 + i / page));
	const struct region *r = target_region(t, at);
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->prot, PROT_READ | PROT_WRITE);
	const uint8_t *view = target_view(t, at + PAGES * page - 3, 3);
	ck_assert_ptr_nonnull(view);
	ck_assert_uint_eq(view[2], (uint8_t)((PAGES * page - 1) * 7 + PAGES - 1));
	ck_assert_int_eq(target_read(t, 8, buf, 1), MS_FAULT);
	target_close(t);
	child_end(&c);
}
END_TEST

/* Each way in alone reads the same, faults on what is missing, and notices the end. */
START_TEST(test_each_way)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct errbuf eb = {0};
	CLEAN(regions_fini) struct regions maps = {0};
	struct reader r;
	uint64_t at;
	struct child c = pattern_child(&at);
	uint8_t buf[5000];

	ck_assert_int_eq(live_maps(c.pid, &maps, &eb), MS_OK);
	ck_assert_int_eq(reader_open(c.pid, &maps, &r, &eb), MS_OK);
	r.caps.has_vm_readv = _i == 0;
	ck_assert_int_eq(reader_read(&r, at + 100, buf, sizeof(buf)), MS_OK);
	for (size_t i = 0; i < sizeof(buf); i++)
		ck_assert_uint_eq(buf[i], (uint8_t)((i + 100) * 7 + (i + 100) / page));
	ck_assert_int_eq(reader_read(&r, at + PAGES * page - 1, buf, 2), MS_FAULT);
	ck_assert_int_eq(reader_read(&r, at + PAGES * page, buf, 1), MS_FAULT);
	ck_assert(reader_is_alive(&r, at));
	child_end(&c);
	ck_assert(!reader_is_alive(&r, at));
	ck_assert_int_eq(reader_read(&r, at, buf, 1), MS_GONE);
	reader_fini(&r);
}
END_TEST

static void
exec_body(struct child_side side, void *arg)
{
	char byte;

	(void)arg;
	child_put(side.out, "r", 1);
	child_get(side.in, &byte, 1);
	dup2(side.in, 0);
	dup2(side.out, 1);
	execlp("cat", "cat", (char *)NULL);
	_exit(1);
}

/* Another program under the same pid is not the process that was opened. */
START_TEST(test_exec_is_gone)
{
	struct errbuf eb = {0};
	struct target *t;
	char byte;
	struct child c = child_start(exec_body, NULL);

	child_get(c.from, &byte, 1);
	ck_assert_int_eq(live_open(c.pid, &t, NULL, &eb), MS_OK);
	child_put(c.to, "g", 1);
	child_ask(&c, 'x');
	size_t n;
	const struct region *r = target_regions(t, &n);
	ck_assert_int_eq(target_read(t, r[0].start, &byte, 1), MS_GONE);
	target_close(t);
	child_end(&c);
}
END_TEST

START_TEST(test_no_such_process)
{
	struct errbuf eb = {0};
	struct target *t = NULL;
	struct procinfo info;
	uint64_t at;
	struct child c = pattern_child(&at);
	pid_t pid = c.pid;

	/* A zombie first, then nothing. */
	kill(pid, SIGKILL);
	siginfo_t si;
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	ck_assert_int_eq(live_open(pid, &t, NULL, &eb), MS_GONE);
	ck_assert_ptr_nonnull(strstr(eb.msg, "zombie"));
	ck_assert_int_eq(procinfo_get(pid, &info, &eb), MS_OK);
	ck_assert_int_eq(info.state, 'Z');
	procinfo_fini(&info);
	child_end(&c);
	ck_assert_int_eq(live_open(pid, &t, NULL, &eb), MS_ABSENT);
	ck_assert_int_eq(procinfo_get(pid, &info, &eb), MS_ABSENT);
	ck_assert_int_eq(live_open(0, &t, NULL, &eb), MS_ABSENT);
	ck_assert_int_eq(live_open(-5, &t, NULL, &eb), MS_ABSENT);
	ck_assert_ptr_null(t);
}
END_TEST

static void *
thread_main(void *arg)
{
	struct child_side *side = arg;
	pid_t tid = gettid();

	child_put(side->out, &tid, sizeof(tid));
	child_echo(*side);
	return NULL;
}

static void
thread_body(struct child_side side, void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, thread_main, &side);
	pthread_join(thread, NULL);
}

START_TEST(test_thread_is_no_process)
{
	struct errbuf eb = {0};
	struct target *t = NULL;
	pid_t tid;
	char want[64];
	struct child c = child_start(thread_body, NULL);

	child_get(c.from, &tid, sizeof(tid));
	ck_assert_int_eq(live_open(tid, &t, NULL, &eb), MS_ABSENT);
	snprintf(want, sizeof(want), "thread of process %d", c.pid);
	ck_assert_ptr_nonnull(strstr(eb.msg, want));
	struct procinfo info;
	ck_assert_int_eq(procinfo_get(c.pid, &info, &eb), MS_OK);
	ck_assert_uint_eq(info.threads, 2);
	procinfo_fini(&info);
	child_end(&c);
}
END_TEST

/* The child's name holds what looks like the rest of the line. */
START_TEST(test_procinfo)
{
	struct errbuf eb = {0};
	struct procinfo info, self;
	uint64_t at;
	struct child c = pattern_child(&at);
	char exe[4096];

	ck_assert_int_eq(procinfo_get(c.pid, &info, &eb), MS_OK);
	ck_assert_int_eq(procinfo_get(getpid(), &self, &eb), MS_OK);
	ck_assert_int_eq(info.pid, c.pid);
	ck_assert_str_eq(info.comm, "a) Z 99 (b");
	ck_assert(info.state == 'S' || info.state == 'R');
	ck_assert_int_eq(info.tracer, 0);
	ck_assert_uint_eq(info.uid, getuid());
	ck_assert_uint_eq(info.gid, getgid());
	ck_assert_uint_eq(info.threads, 1);
	ck_assert_uint_ge(info.rss, PAGES * (uint64_t)sysconf(_SC_PAGESIZE));
	ck_assert_uint_ge(info.start_ticks, self.start_ticks);
	int64_t now = time(NULL);
	ck_assert_int_le(info.start_time, now + 2);
	ck_assert_int_ge(info.start_time, now - 30);
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	ck_assert_int_gt(n, 0);
	exe[n] = '\0';
	ck_assert_str_eq(info.exe, exe);
	ck_assert_str_eq(info.cmdline, self.cmdline);
	ck_assert_uint_gt(strlen(info.cmdline), 0);
	procinfo_fini(&info);
	procinfo_fini(&info);
	procinfo_fini(&self);
	child_end(&c);
}
END_TEST

START_TEST(test_status_field)
{
	static const char text[] = "Name:\tUid:\t5\nUid:\t1000\t0\nCapEff:"
	                           "\t00000000a80425fb\nBad:\tx\nEnd:\t7";
	uint64_t v;

	ck_assert(status_field(text, "Uid", 10, &v));
	ck_assert_uint_eq(v, 1000);
	ck_assert(status_field(text, "CapEff", 16, &v));
	ck_assert_uint_eq(v, 0xa80425fb);
	ck_assert(status_field(text, "End", 10, &v));
	ck_assert_uint_eq(v, 7);
	ck_assert(!status_field(text, "Bad", 10, &v));
	ck_assert(!status_field(text, "id", 10, &v));
	ck_assert(!status_field("", "Uid", 10, &v));
}
END_TEST

/* The file of a mapping: this one, not what has its name now. */
START_TEST(test_open_file)
{
	char path[] = "/tmp/memscan-test-XXXXXX";
	struct errbuf eb = {0};
	CLEAN(regions_fini) struct regions maps = {0};
	char buf[4] = "";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "one", 3), 3);
	void *p = mmap(NULL, 3, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	close(fd);
	/* A process may look at itself; replaced, and then deleted. */
	unlink(path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	ck_assert_int_eq(write(fd, "two", 3), 3);
	close(fd);
	ck_assert_int_eq(live_maps(getpid(), &maps, &eb), MS_OK);
	size_t i = regions_search(maps.at, maps.n, (uintptr_t)p);
	ck_assert_uint_lt(i, maps.n);
	ck_assert_str_eq(maps.at[i].path, path);
	ck_assert(maps.at[i].is_deleted);
	enum status st = live_open_file(getpid(), &maps.at[i], &fd);
	/* Without the kernel's own links the old file cannot be had; the new one never.
	 */
	if (st == MS_OK) {
		ck_assert_int_eq(read(fd, buf, 3), 3);
		ck_assert_str_eq(buf, "one");
		close(fd);
	} else {
		ck_assert_int_eq(st, MS_ABSENT);
		ck_assert_int_ne(geteuid(), 0);
	}
	unlink(path);
}
END_TEST

/* Nothing but regular files is opened. */
START_TEST(test_open_no_device)
{
	struct region r = {.path = "/dev/null", .inode = 5};
	int fd;

	ck_assert_int_eq(live_open_file(getpid(), &r, &fd), MS_ABSENT);
	r = (struct region){.path = "[heap]"};
	ck_assert_int_eq(live_open_file(getpid(), &r, &fd), MS_ABSENT);
	struct stat st;
	ck_assert_int_eq(stat("/tmp", &st), 0);
	r = (struct region){.path = "/tmp", .inode = st.st_ino};
	ck_assert_int_eq(live_open_file(getpid(), &r, &fd), MS_ABSENT);
}
END_TEST

/* The locks, and a word of the key that must be in each text. */
static const struct {
	struct denial d;
	const char *word;
} denials[] = {
        {{.own_uid = 1001, .uid = 1000, .is_dumpable = true, .yama = -1},
         "as root or as uid 1000"},
        {{.own_uid = 5,
          .uid = 5,
          .own_gid = 7,
          .gid = 8,
          .is_dumpable = true,
          .yama = -1},
         "gid 8"},
        {{.own_uid = 5, .uid = 5, .yama = -1}, "PR_SET_DUMPABLE"},
        {{.own_uid = 5, .uid = 5, .is_dumpable = true, .yama = 1},
         "kernel.yama.ptrace_scope=0"},
        {{.own_uid = 5, .uid = 5, .is_dumpable = true, .yama = 2}, "ptrace_scope is 2"},
        {{.has_cap = true, .is_dumpable = true, .yama = 3}, "not even root"},
        {{.own_uid = 5, .uid = 5, .is_dumpable = true, .yama = 0}, "security module"},
        {{.own_uid = 0, .uid = 5, .is_dumpable = true, .is_container = true, .yama = 1},
         "--cap-add SYS_PTRACE"},
        {{.has_cap = true, .is_other_userns = true, .yama = 1}, "user namespace"},
        {{.has_cap = true, .seccomp = 2, .yama = 1}, "seccomp"},
        {{.has_cap = true, .yama = 1, .lsm = "docker-default (enforce)"},
         "docker-default"},
        {{.has_cap = true, .yama = -1}, "kernel log"},
};

START_TEST(test_denial)
{
	struct denial d = denials[_i].d;
	struct errbuf eb = {0};

	d.pid = 4711;
	ck_assert_int_eq(denial_explain(&d, "read the memory", &eb), MS_DENIED);
	ck_assert_ptr_nonnull(strstr(eb.msg, denials[_i].word));
	ck_assert_ptr_nonnull(strstr(eb.msg, "read the memory of process 4711"));
	ck_assert_uint_lt(strlen(eb.msg), sizeof(eb.msg) - 1);
}
END_TEST

/* Really denied: a child that drops to another user looks at a process of ours. */
static void
nobody_body(struct child_side side, void *arg)
{
	pid_t victim = *(const pid_t *)arg;
	struct errbuf eb = {0};
	struct target *t;
	struct stop *s;
	char ready = 'r';

	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(3);
	child_put(side.out, &ready, 1);
	enum status st = live_open(victim, &t, NULL, &eb);
	child_put(side.out, &st, sizeof(st));
	child_put(side.out, &eb, sizeof(eb));
	st = stop_all(victim, STOP_NO_LIMIT, &s, &eb);
	child_put(side.out, &st, sizeof(st));
	child_put(side.out, &eb, sizeof(eb));
}

START_TEST(test_really_denied)
{
	struct errbuf eb;
	enum status st;
	char ready;
	uint64_t at;

	if (geteuid() != 0)
		return; /* only root can become somebody else */
	struct child victim = pattern_child(&at);
	struct child c = child_start(nobody_body, &victim.pid);
	child_get(c.from, &ready, 1);
	for (unsigned i = 0; i < 2; i++) {
		child_get(c.from, &st, sizeof(st));
		child_get(c.from, &eb, sizeof(eb));
		ck_assert_int_eq(st, MS_DENIED);
		ck_assert_ptr_nonnull(strstr(eb.msg, "uid 0"));
	}
	child_end(&c);
	child_end(&victim);
}
END_TEST

Suite *suite_live(void);

Suite *
suite_live(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("child");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_read_child);
	tcase_add_loop_test(tc, test_each_way, 0, 2);
	tcase_add_test(tc, test_exec_is_gone);
	tcase_add_test(tc, test_no_such_process);
	tcase_add_test(tc, test_thread_is_no_process);
	tcase_add_test(tc, test_procinfo);
	tcase_add_test(tc, test_open_file);
	tcase_add_test(tc, test_open_no_device);
	tcase_add_test(tc, test_really_denied);
	suite_add_tcase(s, tc);
	tc = tcase_create("texts");
	tcase_add_test(tc, test_status_field);
	tcase_add_loop_test(tc, test_denial, 0, (int)ARRAY_LEN(denials));
	suite_add_tcase(s, tc);
	return s;
}
