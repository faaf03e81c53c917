/*
 * Why the kernel said no. It answers EPERM to all of it; somebody at three in the
 * morning needs to know which of five locks it was, and where its key is.
 *
 * The order of the questions is the kernel's own (kernel/ptrace.c, __ptrace_may_access):
 * ids, then whether the target may be dumped, then the security modules.
 */
#include "priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum {
	CAP_BIT_SYS_PTRACE = 19, /* linux/capability.h */
	TEXT_MAX = 1 << 20,
	WHY_MAX = 400,
};

/* PROC_USER_INIT_INO, linux/proc_ns.h */
static const char initial_userns[] = "user:[4026531837]";

/* A small text of /proc, or "". */
static char *
slurp_or_empty(const char *path)
{
	struct errbuf eb;
	char *text;

	if (io_slurp(path, TEXT_MAX, &text, NULL, &eb) != MS_OK)
		return xstrdup("");
	return text;
}

static void
read_userns(const char *path, char *buf, size_t cap)
{
	ssize_t n = readlink(path, buf, cap - 1);
	buf[n > 0 ? n : 0] = '\0';
}

static void
gather_self(struct denial *d)
{
	CLEAN_FREE char *status = slurp_or_empty("/proc/self/status");
	CLEAN_FREE char *yama = slurp_or_empty("/proc/sys/kernel/yama/ptrace_scope");
	CLEAN_FREE char *lsm = slurp_or_empty("/proc/self/attr/current");
	uint64_t v;

	d->own_uid = geteuid();
	d->own_gid = getegid();
	if (status_field(status, "CapEff", 16, &v))
		d->has_cap = (v >> CAP_BIT_SYS_PTRACE & 1) != 0;
	if (status_field(status, "Seccomp", 10, &v))
		d->seccomp = (int)v;
	d->yama = *yama >= '0' && *yama <= '9' ? atoi(yama) : -1;
	lsm[strcspn(lsm, "\n")] = '\0';
	if (strcmp(lsm, "unconfined") != 0)
		snprintf(d->lsm, sizeof(d->lsm), "%.90s", lsm);
}

/*
 * Gather what is known of the two processes; what cannot be read is as if it were no
 * obstacle.
 */
static void
denial_gather(pid_t pid, struct denial *ret)
{
	struct denial d = {.pid = pid, .is_dumpable = true};
	char path[64], ours[64], theirs[64];
	struct stat st;
	uint64_t v;

	gather_self(&d);
	d.uid = d.own_uid;
	d.gid = d.own_gid;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CLEAN_FREE char *status = slurp_or_empty(path);
	if (status_field(status, "Uid", 10, &v))
		d.uid = (unsigned)v;
	if (status_field(status, "Gid", 10, &v))
		d.gid = (unsigned)v;
	/* The files of a process that may not be dumped are root's, whoever runs it. */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (stat(path, &st) == 0)
		d.is_dumpable = st.st_uid == d.uid;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	read_userns("/proc/self/ns/user", ours, sizeof(ours));
	read_userns(path, theirs, sizeof(theirs));
	d.is_other_userns = *ours != '\0' && *theirs != '\0' && strcmp(ours, theirs) != 0;
	d.is_container = access("/.dockerenv", F_OK) == 0 ||
	                 access("/run/.containerenv", F_OK) == 0 ||
	                 (*ours != '\0' && strcmp(ours, initial_userns) != 0);
	*ret = d;
}

/* Without CAP_SYS_PTRACE: the ids, then dumpability, then Yama. */
static void
reason_unprivileged(const struct denial *d, char *why, size_t cap)
{
	if (d->own_uid == 0)
		snprintf(why, cap, "memscan is root, but without the capability CAP_SYS_PTRACE; %s",
		         d->is_container ? "start the container with --cap-add SYS_PTRACE"
		                         : "run it outside of the sandbox that took it");
	else if (d->uid != d->own_uid)
		snprintf(why, cap,
		         "it runs as uid %u, memscan as uid %u; run memscan as root or as uid %u",
		         d->uid, d->own_uid, d->uid);
	else if (d->gid != d->own_gid)
		snprintf(why, cap,
		         "it runs as gid %u, memscan as gid %u; run memscan as root or as that group",
		         d->gid, d->own_gid);
	else if (!d->is_dumpable)
		snprintf(why, cap,
		         "it changed its user, or asked not to be dumped (prctl "
		         "PR_SET_DUMPABLE); run memscan as root");
	else if (d->yama == 1)
		snprintf(why, cap,
		         "kernel.yama.ptrace_scope is 1, only ancestors may; run memscan with "
		         "sudo, or: sudo sysctl kernel.yama.ptrace_scope=0");
	else if (d->yama == 2)
		snprintf(why, cap,
		         "kernel.yama.ptrace_scope is 2, only administrators may; run memscan "
		         "with sudo");
	else
		snprintf(why, cap,
		         "uid and gid are right, so that a security module or container forbids "
		         "it; run memscan as root%s",
		         d->is_container ? ", the container with --cap-add SYS_PTRACE" : "");
}

static void
reason(const struct denial *d, char *why, size_t cap)
{
	if (d->yama == 3)
		snprintf(why, cap,
		         "kernel.yama.ptrace_scope is 3, nobody may, not even root, until the "
		         "machine is started again without it");
	else if (!d->has_cap)
		reason_unprivileged(d, why, cap);
	else if (d->is_other_userns)
		snprintf(why, cap,
		         "memscan is privileged in its own user namespace only, and the process "
		         "is in another one; run memscan as root outside of the container");
	else if (d->seccomp == 2)
		snprintf(why, cap,
		         "a seccomp filter around memscan forbids it; start the container with "
		         "--cap-add SYS_PTRACE (or --security-opt seccomp=unconfined)");
	else if (*d->lsm != '\0')
		snprintf(why, cap,
		         "memscan is confined by a security module (%s); run it unconfined", d->lsm);
	else
		snprintf(why, cap,
		         "memscan has CAP_SYS_PTRACE, so that a security module (SELinux, "
		         "AppArmor, lockdown) forbids it; see the kernel log");
}

enum status
denial_explain(const struct denial *d, const char *what, struct errbuf *eb)
{
	char why[WHY_MAX];

	reason(d, why, sizeof(why));
	return errbuf_set(eb, MS_DENIED, "not permitted to %s of process %d: %s", what, d->pid, why);
}

enum status
denied(pid_t pid, const char *what, struct errbuf *eb)
{
	struct denial d;

	denial_gather(pid, &d);
	return denial_explain(&d, what, eb);
}
