/*
 * A library to load into memscan (LD_PRELOAD), so that tests need not guess at time.
 *
 * SHIM_AT=CALL:N     at the Nth call of CALL do what SHIM_DO says. CALL is ptrace,
 *                    process_vm_readv, pread, pwrite, write or rename (before the call), detach
 *                    (after PTRACE_DETACH), or any (before any of them).
 * SHIM_AFTER=CALL:N  count only from the Nth call of CALL on
 * SHIM_THEN=CALL:N   then do it once more, at the Nth call of this from there on
 * SHIM_DO=kill       end this process with SIGKILL
 * SHIM_DO=meet       write a line to the FIFO SHIM_MEET.at, then read one from SHIM_MEET.go
 * SHIM_DO=int        send SIGINT to this process
 * SHIM_NO_MEM=1      /proc/PID/mem cannot be opened
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The functions stood in for are declared here, for their headers' inline versions would clash. */
EXPORT long ptrace(enum __ptrace_request request, ...);
EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t at);
EXPORT ssize_t pread64(int fd, void *buf, size_t n, off_t at);
EXPORT ssize_t pwrite(int fd, const void *buf, size_t n, off_t at);
EXPORT ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at);
EXPORT int open(const char *path, int flags, ...);
EXPORT int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

/* Raw system calls, so that nothing here counts itself. */
static void
meet(void)
{
	const char *base = getenv("SHIM_MEET");
	char path[4096], byte;

	snprintf(path, sizeof(path), "%s.at", base != NULL ? base : "");
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY, 0);
	if (fd < 0)
		return;
	(void)!syscall(SYS_write, fd, "\n", 1);
	close(fd);
	snprintf(path, sizeof(path), "%s.go", base != NULL ? base : "");
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return;
	(void)!syscall(SYS_read, fd, &byte, 1);
	close(fd);
}

/* CALL:N of the environment, and how many such calls there were. */
struct wanted {
	const char *name;
	const char *text;
	long n, count;
};

/* Is this call the Nth? */
static bool
is_now(struct wanted *w, const char *call)
{
	if (w->text == NULL) {
		w->text = getenv(w->name) != NULL ? getenv(w->name) : "";
		const char *colon = strchr(w->text, ':');
		w->n = colon != NULL ? atol(colon + 1) : 0;
	}
	size_t len = strcspn(w->text, ":");
	bool is_any = strncmp(w->text, "any:", 4) == 0 && strcmp(call, "detach") != 0;
	bool is_it = is_any || (strlen(call) == len && strncmp(w->text, call, len) == 0);
	return is_it && ++w->count == w->n;
}

static void
point(const char *call)
{
	static struct wanted at = {.name = "SHIM_AT"}, after = {.name = "SHIM_AFTER"};
	static struct wanted then = {.name = "SHIM_THEN"};
	const char *what = getenv("SHIM_DO") != NULL ? getenv("SHIM_DO") : "";
	int saved = errno;

	bool is_begun = after.n > 0 ? after.count >= after.n : getenv("SHIM_AFTER") == NULL;
	if (!is_begun)
		(void)is_now(&after, call);
	else if (is_now(at.n > 0 && at.count >= at.n ? &then : &at, call)) {
		if (strcmp(what, "kill") == 0)
			kill(getpid(), SIGKILL);
		else if (strcmp(what, "int") == 0)
			kill(getpid(), SIGINT);
		else
			meet();
	}
	errno = saved;
}

static void *
real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

long
ptrace(enum __ptrace_request request, ...)
{
	long (*next)(enum __ptrace_request, ...);
	va_list ap;

	*(void **)&next = real("ptrace");
	va_start(ap, request);
	pid_t pid = va_arg(ap, pid_t);
	void *addr = va_arg(ap, void *);
	void *data = va_arg(ap, void *);
	va_end(ap);
	point("ptrace");
	long rc = next(request, pid, addr, data);
	if (request == PTRACE_DETACH)
		point("detach");
	return rc;
}

EXPORT ssize_t
process_vm_readv(pid_t pid, const struct iovec *local, unsigned long n, const struct iovec *remote,
                 unsigned long m, unsigned long flags)
{
	point("process_vm_readv");
	return syscall(SYS_process_vm_readv, pid, local, n, remote, m, flags);
}

ssize_t
pread(int fd, void *buf, size_t n, off_t at)
{
	point("pread");
	return syscall(SYS_pread64, fd, buf, n, at);
}

ssize_t
pread64(int fd, void *buf, size_t n, off_t at)
{
	return pread(fd, buf, n, at);
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t at)
{
	point("pwrite");
	return syscall(SYS_pwrite64, fd, buf, n, at);
}

ssize_t
pwrite64(int fd, const void *buf, size_t n, off_t at)
{
	return pwrite(fd, buf, n, at);
}

EXPORT ssize_t
write(int fd, const void *buf, size_t n)
{
	point("write");
	return syscall(SYS_write, fd, buf, n);
}

EXPORT int
rename(const char *from, const char *to)
{
	point("rename");
	return (int)syscall(SYS_rename, from, to);
}

static int
open_unless_mem(const char *path, int flags, mode_t mode)
{
	size_t len = strlen(path);
	if (getenv("SHIM_NO_MEM") != NULL && strncmp(path, "/proc/", 6) == 0 && len > 4 &&
	    strcmp(path + len - 4, "/mem") == 0) {
		errno = EACCES;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_unless_mem(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_unless_mem(path, flags, mode);
}

EXPORT int
__open_2(const char *path, int flags)
{
	return open_unless_mem(path, flags, 0);
}

EXPORT int
__open64_2(const char *path, int flags)
{
	return open_unless_mem(path, flags, 0);
}
