/*
 * A live process as a target: read with process_vm_readv, or through /proc/PID/mem where
 * that call is forbidden, and the other way round. Both are found out by trying once.
 *
 * A pid names a process only while it lives. The open /proc/PID/mem belongs to the
 * address space itself, so that asking it afterwards tells a read of this process from
 * one of a stranger that got its pid, or of the program that it has turned into.
 */
#include "priv.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memscan/bytes.h"
#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

enum {
	PROBES_MAX = 16,   /* regions to try before giving up */
	ELF_HEAD = 20,     /* e_ident, e_type, e_machine: the same in both classes */
};

/* ---- what it is ---- */

/* A thread that has not ended, or 0. */
static pid_t
some_thread(pid_t pid)
{
	char path[64];
	pid_t found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	const struct dirent *e;
	while (found == 0 && dir != NULL && (e = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		if (tid > 0 && !is_ended(thread_state(pid, tid)))
			found = tid;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

enum status
live_check(pid_t pid, pid_t *via, struct errbuf *eb)
{
	struct procinfo info;

	enum status st = procinfo_get(pid, &info, eb);
	if (st != MS_OK)
		return st;
	char state = info.state;
	pid_t tgid = info.tgid;
	procinfo_fini(&info);
	/* /proc/TID exists for every thread, though it is not listed. */
	if (tgid != pid)
		return errbuf_set(eb, MS_ABSENT,
		                  "%d is a thread of process %d, not a process", pid,
		                  tgid);
	*via = is_ended(state) ? some_thread(pid) : pid;
	if (*via == 0)
		return errbuf_set(eb, MS_GONE, "process %d has exited (it is a zombie)",
		                  pid);
	return MS_OK;
}

static enum status
machine_of_header(const uint8_t *head, struct machine *ret, struct errbuf *eb)
{
	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return errbuf_set(eb, MS_VERSION, "the program is not an ELF file");

	struct machine m = {
		.ptr_width = head[EI_CLASS] == ELFCLASS64 ? 8 : 4,
		.big_endian = head[EI_DATA] == ELFDATA2MSB,
	};
	bool swap = m.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	m.e_machine = (uint16_t)load_uint(head + 18, 2, swap);
	switch (m.e_machine) {
	case EM_X86_64:
	case EM_386:
	case EM_AARCH64:
	case EM_ARM:
	case EM_RISCV:
	case EM_PPC64:
	case EM_S390:
		*ret = m;
		return MS_OK;
	default:
		return errbuf_set(eb, MS_VERSION,
		                  "programs of machine %u (ELF e_machine) are unknown",
		                  m.e_machine);
	}
}

enum status
live_machine(pid_t pid, struct machine *ret, struct errbuf *eb)
{
	char path[64];
	uint8_t head[ELF_HEAD];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return denied(pid, "read the program file", eb);
	if (fd < 0 && errno == ENOENT && thread_state(pid, pid) != '\0')
		return errbuf_set(
		        eb, MS_DENIED,
		        "process %d has no program: it is a thread of the kernel, or about to "
		        "exit",
		        pid);
	if (fd < 0)
		return errbuf_set(eb, MS_GONE, "process %d exited", pid);
	enum status st = io_read_all(fd, head, sizeof(head), eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "%s", path);
	st = machine_of_header(head, ret, eb);
	return st == MS_OK ? st : errbuf_wrap(eb, "process %d", pid);
}

enum status
live_maps(pid_t pid, struct regions *ret, struct errbuf *eb)
{
	char path[64];
	CLEAN_FREE char *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	enum status st = io_slurp(path, LIM_MAPS_TEXT, &text, &len, eb);
	if (st == MS_DENIED)
		return denied(pid, "list the mappings", eb);
	if (st == MS_ABSENT || st == MS_GONE)
		return errbuf_set(eb, MS_GONE, "process %d exited", pid);
	if (st != MS_OK)
		return st;
	st = procmaps_parse(text, len, ret, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "%s", path);
	for (size_t i = 0; i < ret->n; i++) {
		if (region_is_device(&ret->at[i]))
			ret->at[i].prot &= ~(uint32_t)PROT_READ;
	}
	return MS_OK;
}

/* ---- ways in ---- */

static ssize_t
vm_readv(pid_t pid, taddr addr, void *buf, size_t n)
{
	struct iovec local = {.iov_base = buf, .iov_len = n};
	struct iovec remote = {.iov_len = n};

	/* The kernel takes the foreign address in a pointer's clothes. */
	uintptr_t there = (uintptr_t)addr;
	memcpy(&remote.iov_base, &there, sizeof(there));
	if (there != addr) {
		errno = EFAULT;
		return -1;
	}
	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

/* Try both ways on one byte; true if either reads it. */
static bool
probe_at(struct reader *r, taddr addr)
{
	char byte;

	r->caps.has_vm_readv = vm_readv(r->pid, addr, &byte, 1) == 1;
	r->caps.has_proc_mem =
	        r->mem_fd >= 0 && pread(r->mem_fd, &byte, 1, (off_t)addr) == 1;
	return r->caps.has_vm_readv || r->caps.has_proc_mem;
}

static bool
probe_pagemap(pid_t pid, taddr addr)
{
	char path[64];
	uint64_t entry;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	CLEAN_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 &&
	       pread(fd, &entry, sizeof(entry), (off_t)(addr / page * sizeof(entry))) ==
	               (ssize_t)sizeof(entry);
}

enum status
reader_open(pid_t pid, const struct regions *maps, struct reader *ret, struct errbuf *eb)
{
	char path[64];
	struct reader r = {.pid = pid};

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	r.mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned tried = 0;
	for (size_t i = 0; i < maps->n && tried < PROBES_MAX; i++) {
		const struct region *at = &maps->at[i];
		if ((at->prot & PROT_READ) == 0 || region_is_kernel(at))
			continue;
		tried++;
		if (!probe_at(&r, at->start))
			continue;
		r.caps.has_pagemap = probe_pagemap(pid, at->start);
		*ret = r;
		return MS_OK;
	}
	reader_fini(&r);
	if (is_ended(thread_state(pid, pid)))
		return errbuf_set(eb, MS_GONE, "process %d exited", pid);
	if (tried == 0)
		return errbuf_set(
		        eb, MS_DENIED,
		        "process %d has no memory to read: it is a thread of the kernel, or "
		        "about to exit",
		        pid);
	return denied(pid, "read the memory", eb);
}

void
reader_fini(struct reader *r)
{
	mem_clean_close(&r->mem_fd);
	r->mem_fd = -1;
}

bool
reader_is_alive(const struct reader *r, taddr addr)
{
	char byte;

	/*
	 * Nothing at all, rather than an error, is what an address space without users
	 * yields.
	 */
	return r->mem_fd < 0 || pread(r->mem_fd, &byte, 1, (off_t)addr) != 0;
}

static enum status
read_by_file(const struct reader *r, taddr addr, uint8_t *buf, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(r->mem_fd, buf, n, (off_t)addr);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == ESRCH ? MS_GONE : MS_FAULT;
		if (got == 0)
			return MS_GONE;
		addr += (size_t)got;
		buf += got;
		n -= (size_t)got;
	}
	return MS_OK;
}

enum status
reader_read(const struct reader *r, taddr addr, void *buf, size_t n)
{
	return r->caps.has_proc_mem ? read_by_file(r, addr, buf, n)
	                            : reader_copy(r, addr, buf, n);
}

enum status
reader_copy(const struct reader *r, taddr addr, void *buf, size_t n)
{
	uint8_t *out = buf;
	taddr first = addr;

	if (!r->caps.has_vm_readv)
		return read_by_file(r, addr, out, n);
	while (n > 0) {
		ssize_t got = vm_readv(r->pid, addr, out, n);
		if (got > 0) {
			addr += (size_t)got;
			out += got;
			n -= (size_t)got;
			continue;
		}
		if (got < 0 && errno == ESRCH)
			return MS_GONE;
		if (got < 0 && errno == EPERM && r->caps.has_proc_mem)
			return read_by_file(r, addr, out, n);
		return reader_is_alive(r, addr) ? MS_FAULT : MS_GONE;
	}
	return reader_is_alive(r, first) ? MS_OK : MS_GONE;
}

/* ---- the target ---- */

static enum status
live_read(void *self, taddr addr, void *buf, size_t n)
{
	return reader_read(self, addr, buf, n);
}

static void
live_close(void *self)
{
	struct reader *r = self;

	reader_fini(r);
	free(r);
}

static const struct target_ops live_ops = {
	.name = "live",
	.read = live_read,
	.close = live_close,
};

enum status
live_open(pid_t pid, struct target **ret, struct live_caps *caps, struct errbuf *eb)
{
	CLEAN(regions_fini) struct regions maps = {0};
	struct machine machine;
	struct reader r;
	pid_t via;

	enum status st = live_check(pid, &via, eb);
	if (st != MS_OK)
		return st;
	st = live_machine(via, &machine, eb);
	if (st != MS_OK)
		return st;
	st = live_maps(via, &maps, eb);
	if (st != MS_OK)
		return st;
	st = reader_open(via, &maps, &r, eb);
	if (st != MS_OK)
		return st;

	struct reader *self = xmalloc(sizeof(*self));
	*self = r;
	st = target_new(&live_ops, self, &machine, maps.at, maps.n, ret, eb);
	if (st == MS_OK && caps != NULL)
		*caps = r.caps;
	return st;
}
