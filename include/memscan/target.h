/*
 * The target: one address space to read, whatever it is made of.
 *
 * A live process, a private copy of one (snapshot), a core file or a test's image in
 * memory all become a sorted list of regions, each with bytes at hand (`data`) or a
 * backend that reads them. Splitting, caching, strings and bounds are written once, in
 * target.c. Nothing here knows ELF or Python. Nothing here writes to a target: there is
 * no function for it.
 */
#ifndef MEMSCAN_TARGET_H
#define MEMSCAN_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memscan/heap.h"
#include "memscan/status.h"

/* The machine that wrote the bytes: width and byte order are data. */
struct machine {
	uint16_t e_machine; /* EM_X86_64 ... */
	uint8_t ptr_width;  /* 4 or 8 */
	bool big_endian;
};

struct region {
	taddr start, end;
	uint64_t file_off;
	uint64_t dev, inode;
	uint32_t prot;       /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool is_shared;
	const char *path;    /* "" for anonymous; owned by the target; no " (deleted)" suffix */
	bool is_deleted;
	bool is_next_part;   /* of the mapping of the region before it, which was divided */
	bool is_left_out;    /* raw memory that a snapshot has not copied: reading it fails, and is remembered */
	const uint8_t *data; /* the bytes of [start, end) at hand, or NULL: read through the backend */
};

/* Addresses [start, end). */
struct span {
	taddr start, end;
};

struct target;

struct target_ops {
	const char *name; /* "live", "snapshot", "core", "image" */
	/* Read n bytes at addr, wholly inside one region that has no data: all or nothing. */
	enum status (*read)(void *self, taddr addr, void *buf, size_t n);
	/* See target_again; or NULL. */
	enum status (*again)(void *self, taddr addr, void *buf, size_t n);
	/* The file that a region was made of, proven to be that one; or NULL. MS_ABSENT. */
	enum status (*open_file)(void *self, const struct region *r, int *fd);
	void (*close)(void *self);
};

/*
 * Make a target of a backend and its regions (sorted, disjoint; copied, paths too).
 * Takes `self`: it is closed with the target, also when this fails.
 * MS_FORMAT  regions overlap or are not in order
 */
MUST_CHECK enum status target_new(const struct target_ops *ops, void *self, const struct machine *m, const struct region *regions, size_t n, struct target **ret, struct errbuf *eb);
void target_close(struct target *t);

/*
 * The same address space for another thread, of the bytes at hand alone: a read of what is
 * not at hand fails, and is counted. t must outlive it. Close it with target_close.
 */
struct target *target_beside(const struct target *t);
uint64_t target_unanswered(const struct target *t);

const char *target_kind(const struct target *t);
const struct machine *target_machine(const struct target *t);
const struct region *target_regions(const struct target *t, size_t *n);

/* The region that holds addr, or NULL. */
const struct region *target_region(const struct target *t, taddr addr);

/* The end of the mapping that r, one of the regions of t, is a part of. */
taddr target_mapping_end(const struct target *t, const struct region *r);

/* True if [addr, addr + n) lies in mapped, readable regions (their bytes may still be unreadable). */
bool target_is_mapped(const struct target *t, taddr addr, size_t n);

/*
 * Read the bytes [addr, addr + n) into buf; may cross adjacent regions. What lies in
 * writable memory of a live process is read anew by every call.
 * MS_FAULT   some byte is not present (never a partial success; buf is then unspecified)
 * MS_GONE    the process exited; every later read that is not of data at hand returns this too
 */
MUST_CHECK enum status target_read(struct target *t, taddr addr, void *buf, size_t n);

/*
 * Bytes at hand: of a region with data, from addr to its end. Their address holds until
 * the target is closed.
 */
struct target_data {
	const uint8_t *p;
	uint64_t n;
	bool is_file; /* the region is a mapping of a file */
};

/* False if addr lies in no region that has data. */
bool target_at(struct target *t, taddr addr, struct target_data *ret);

/* True if addr is a multiple of a pointer's width, 4 or 8. Asked of every reference: a division would be felt. */
static inline bool
is_pointer_aligned(taddr addr, unsigned ptr_width)
{
	return (addr & (ptr_width - 1)) == 0;
}

/* Call for the cache lines around an object's head at addr, if they are of the region used last thereabouts. */
void target_prefetch(const struct target *t, taddr addr);

/* The same for the line of the word at addr alone. */
void target_prefetch_word(const struct target *t, taddr addr);

/*
 * Borrow the bytes [addr, addr + n) without copying, or NULL if they are not present.
 * Valid until the target is closed when the region has data, else until some
 * TARGET_VIEW_KEEP further views. n is at most TARGET_VIEW_MAX for regions without data.
 */
enum { TARGET_VIEW_MAX = 64 * 1024, TARGET_VIEW_KEEP = 64 };
const void *target_view(struct target *t, taddr addr, size_t n);

/*
 * Open the file that a region was made of, where the backend has it, for reading.
 * MS_ABSENT  it has not
 */
MUST_CHECK enum status target_open_file(struct target *t, const struct region *r, int *fd);

/* What was left out of a copy and has been asked for since, in the order of asking. */
const struct span *target_missed(const struct target *t, size_t *n);

/* True if any of [addr, addr + n) was left out of a copy: what can be done without is not to be asked for. */
bool target_is_left_out(const struct target *t, taddr addr, uint64_t n);

/*
 * Of a process that was not stopped: how the bytes [addr, addr + n), at most a page, were found when they were
 * looked at once more. buf holds how they were at first, and is changed where that was otherwise.
 * MS_ABSENT  they were the same, or not looked at; MS_FAULT  they were there no more; MS_GONE
 */
MUST_CHECK enum status target_again(struct target *t, taddr addr, void *buf, size_t n);

/* Drop what views of a live target keep: call it between two stops of the process. */
void target_forget(struct target *t);

/* Integers in the target's byte order; a word is as wide as a pointer. */
MUST_CHECK enum status target_u8(struct target *t, taddr addr, uint8_t *ret);
MUST_CHECK enum status target_u32(struct target *t, taddr addr, uint32_t *ret);
MUST_CHECK enum status target_u64(struct target *t, taddr addr, uint64_t *ret);
MUST_CHECK enum status target_word(struct target *t, taddr addr, uint64_t *ret);

/* A C string of at most cap - 1 bytes into buf, terminated. MS_LIMIT if it is longer. */
MUST_CHECK enum status target_str(struct target *t, taddr addr, char *buf, size_t cap);

/* ---- maps text ---- */

struct regions {
	struct region *at; /* paths point into text */
	size_t n;
	char *text;
};

/*
 * Parse the text of /proc/PID/maps (copied); a pure function of its bytes. The kernel
 * hands the text out in pieces, so that a mapping that grows meanwhile may be listed
 * twice: what overlaps the line before is cut off, the result is always in order.
 *
 * MS_FORMAT  names the line
 * MS_LIMIT   over LIM_REGIONS or LIM_MAPS_TEXT
 */
MUST_CHECK enum status procmaps_parse(const char *text, size_t len, struct regions *ret, struct errbuf *eb);
void regions_fini(struct regions *r);

/* ---- a live process ---- */

struct live_caps {
	bool has_vm_readv;  /* process_vm_readv is allowed */
	bool has_proc_mem;  /* /proc/PID/mem is readable */
	bool has_pagemap;   /* /proc/PID/pagemap is readable */
};

/*
 * Open a live process for reading; it is not stopped and not attached.
 *
 * MS_ABSENT  no such process
 * MS_GONE    a zombie
 * MS_DENIED  the message says which of uid, capability, Yama, container or seccomp it was, and what to do
 * MS_VERSION not a machine memscan knows
 */
MUST_CHECK enum status live_open(pid_t pid, struct target **ret, struct live_caps *caps, struct errbuf *eb);

/*
 * Open the file that a mapping of a live process was made of, for reading: the very file,
 * also when it was deleted or replaced since, or its name means another one here.
 * MS_ABSENT  it cannot be had, or is no regular file
 */
MUST_CHECK enum status live_open_file(pid_t pid, const struct region *r, int *fd);

/* What /proc says of a process; strings owned by the struct. */
struct procinfo {
	pid_t pid;
	pid_t tgid;         /* its process; pid itself, unless pid is that of a thread */
	pid_t parent;
	char *cmdline;      /* arguments separated by blanks */
	char *exe;          /* the link's text */
	char comm[64];
	char state;         /* 'R', 'S', 'T', 't', 'Z' ... */
	pid_t tracer;       /* who traces it already, 0 if nobody */
	unsigned uid, gid;
	uint64_t start_ticks; /* since boot, clock ticks: tells one process from the next with its pid */
	int64_t start_time; /* seconds since the epoch */
	uint64_t rss;       /* bytes */
	unsigned threads;
};
MUST_CHECK enum status procinfo_get(pid_t pid, struct procinfo *ret, struct errbuf *eb);
void procinfo_fini(struct procinfo *p);

/*
 * Still the process that p tells of: neither its pid given to another, nor another program executed in it? Two small
 * reads, for use while it is held.
 * MS_GONE  there is no such process
 */
MUST_CHECK enum status procinfo_is_current(const struct procinfo *p, bool *ret, struct errbuf *eb);

/*
 * The numbers of a process's threads, here and in its own PID namespace: the latter is
 * what the process knows (gettid). They are the same if it is in none of its own, or /proc
 * does not say. 0: there is no such thread.
 */
struct tids;
struct tids *tids_new(pid_t pid);
void tids_free(struct tids *t);
uint64_t tids_here(const struct tids *t, uint64_t own);
uint64_t tids_own(const struct tids *t, uint64_t here);

/* ---- processes that belong together ---- */

/* A process among others; start_ticks tells it from the next with its pid. */
struct proc {
	pid_t pid, parent;
	uint64_t start_ticks;
};

/* MS_ABSENT: there is no such process. */
MUST_CHECK enum status proc_get(pid_t pid, struct proc *ret, struct errbuf *eb);

/*
 * The children of a process, their children and so on, each before its own, those of one
 * parent by their pids; not those that have ended, and not those that its children left
 * behind when they ended. free() *ret. MS_IO, MS_LIMIT.
 */
MUST_CHECK enum status proc_descendants(
	pid_t pid, struct proc **ret, size_t *n, struct errbuf *eb);

/* Do two processes run in the same memory (vfork)? False if the kernel does not say. */
bool proc_same_memory(pid_t a, pid_t b);

/* Resident memory as the kernel accounts for it, in bytes; file pages included. */
struct proc_memory {
	uint64_t rss;
	uint64_t pss;    /* each page divided by the number of processes that map it */
	uint64_t shared; /* in pages that another process maps, too, whichever it is */
	uint64_t own;    /* in pages that no other maps */
};

/* False if the kernel does not say. */
bool proc_memory(pid_t pid, struct proc_memory *ret);

/*
 * Of n processes: how many bytes of pages each has that another of them maps as well, into
 * shared[n], and how many bytes they all have, each page counted once.
 * MS_DENIED  the kernel says which pages are the same to CAP_SYS_ADMIN alone
 */
MUST_CHECK enum status proc_census(const pid_t *pids, size_t n, uint64_t *shared,
	uint64_t *resident, struct errbuf *eb);

/*
 * Pages that two processes have in common since a fork(), because neither has written to
 * them: noted at one time, so that it can be seen at a later one which of them still are
 * common. Then they have not been written to in between: a page that one has written to
 * is no longer the other's, and never becomes it again.
 */
struct common;

/*
 * MS_DENIED  as proc_census
 * MS_ABSENT  the kernel merges equal pages of these processes (KSM): what is common may
 *            have been different in between
 */
MUST_CHECK enum status common_note(
	pid_t base, pid_t pid, struct common **ret, struct errbuf *eb);
uint64_t common_bytes(const struct common *c);
void common_free(struct common *c);

/* ---- holding it still ---- */

struct stop;

#define STOP_NO_LIMIT UINT64_MAX

/*
 * Stop every thread of pid: PTRACE_SEIZE and PTRACE_INTERRUPT, until a pass over
 * /proc/PID/task finds no new one. A process that is stopped by a signal stays so afterwards.
 * If memscan dies, the kernel lets the threads run on. They run on, too, max_ns after the
 * first of them was interrupted, whatever the caller is doing; STOP_NO_LIMIT is never.
 *
 * MS_GONE    the process exited
 * MS_DENIED  as live_open; also a process that has a tracer already (named)
 * MS_BUSY    threads appear faster than they can be stopped, or one does not stop
 */
MUST_CHECK enum status stop_all(pid_t pid, uint64_t max_ns, struct stop **ret, struct errbuf *eb);

/*
 * Has the time run out? Once this is true the threads may be running again, whether
 * stop_release was called or not; what was read before, when it was still false afterwards, is of the stop.
 * Never of NULL.
 */
bool stop_is_over(const struct stop *s);

/* May it run out? */
bool stop_is_limited(const struct stop *s);

/* Let go. Returns the nanoseconds from the first interrupt to the last detach; NULL is 0. */
uint64_t stop_release(struct stop *s);

/* Registers of the stopped threads, as far as they could be read. */
enum { THREAD_WORDS = 48 };
struct thread_regs {
	pid_t tid;
	uint64_t fs_base; /* x86-64: the thread pointer; 0 if unknown */
	uint64_t pc, sp;
	uint64_t words[THREAD_WORDS]; /* all general registers, in the kernel's order */
	unsigned n_words;
};
const struct thread_regs *stop_threads(const struct stop *s, size_t *n);

/* ---- a private copy ---- */

enum snapshot_mode {
	SNAPSHOT_AUTO,   /* the first of the others that there is room for */
	SNAPSHOT_MEMORY,
	SNAPSHOT_DISK,   /* the copy is in a file without a name, in a directory given */
	SNAPSHOT_NONE,   /* no copy: the process is read, and held, until the target is done with */
};

/* How an object begins, so that some can be counted in memory that nobody has decoded. */
struct object_head {
	unsigned type;     /* offset of its type, */
	unsigned flags;    /* and in a type that of its flags */
	unsigned n_counts; /* of references to it, of which one is not 0; 0: nothing is known */
	struct object_count {
		unsigned off, width;
		unsigned shift; /* bits below the count */
	} counts[2];
};

struct snapshot_opts {
	enum snapshot_mode mode;
	const char *dir;       /* where SNAPSHOT_DISK puts its file */
	unsigned threads;      /* that copy; 0: as many as are worth it */
	unsigned workers;      /* threads that walk and write afterwards; 0 is 1 */
	struct object_head head; /* to know beforehand how much memory that takes */
	size_t keep;           /* bytes wanted from the beginning of a raw buffer */
	bool whole;            /* leave no raw buffers out */
	bool plan_only;        /* touch nothing, refuse nothing: just the plan */
	bool precopy;          /* see snapshot_precopy; if it is not possible, do without */
	const struct span *need; /* what must not be left out */
	size_t n_need;
	/*
	 * Pages that another process has in common with this one, noted before base, the copy
	 * of that process, was taken: they are not copied again. base has to outlive the copy,
	 * and may be NULL for a plan.
	 */
	struct common *common;
	const struct snapshot *base;
	const struct span *first; /* what is to be copied before anything else, in case the time is short */
	size_t n_first;
};

/* What is going to be done, known before anything is stopped. */
struct snapshot_plan {
	enum snapshot_mode mode;   /* never SNAPSHOT_AUTO */
	uint64_t bytes;            /* of the copy */
	uint64_t known;            /* of these, to be taken from the copy of another process */
	uint64_t left_out;         /* of raw buffers, present and not copied */
	uint64_t objects;          /* counted in a sample */
	uint64_t peak;             /* memory that memscan will have taken */
	uint64_t cache;            /* of that, for pages read without a copy */
	uint64_t budget;           /* that can be spared; UINT64_MAX if unknown */
	uint64_t swapped;          /* of the process, swapped out: reading brings it back, unless */
	bool leaves_swapped;       /* there is no room for it, and it is not read (without a copy, only what is needed) */
	uint64_t disk_room;        /* free where the copy would be put, 0 if nowhere */
	uint64_t pause_ns;         /* at a guess; without a copy, at least so long, */
	uint64_t pause_most_ns;    /* and at most so long: else the same */
	unsigned threads;
	bool is_precopy;           /* most is copied beforehand; pause_ns is that of a process that writes nothing then */
	const char *precopy_obstacle; /* why it is not, if that was wanted */
};

const char *snapshot_mode_name(enum snapshot_mode mode);

struct snapshot_stats {
	uint64_t bytes;      /* copied */
	uint64_t before;     /* bytes copied before the stop, that have not changed since */
	uint64_t regions;
	uint64_t copy_ns;    /* of the copying alone */
	uint64_t missing;    /* bytes that were present and could not be read */
	uint64_t known;      /* bytes taken from the copy of another process instead */
	uint64_t unseen;     /* of those missing, bytes that the time was not enough for */
	uint64_t swapped;    /* of missing, bytes that were swapped out and left so */
	uint64_t left_out;   /* bytes of raw buffers, present or not */
	uint64_t pages, torn; /* pages compared by snapshot_compare, and those that differed */
};

/*
 * Plan a copy of the writable private memory of a live target: what can be learnt is
 * learnt, and destination memory is allocated and touched here, so that only copying is
 * left for when it is stopped. It takes as much memory as the target's pages there, not as
 * its address space. Large raw buffers are left out. opts NULL: SNAPSHOT_MEMORY, whole.
 *
 * as live_open, and
 * MS_NOMEM   there is not as much memory, or disk, to spare as the mode needs
 */
struct snapshot;
MUST_CHECK enum status snapshot_prepare(pid_t pid, const struct snapshot_opts *opts, struct snapshot **ret, struct errbuf *eb);
const struct snapshot_plan *snapshot_get_plan(const struct snapshot *s);

/*
 * Before the stop: bring back what is swapped out and will be read, unless it is to be left so.
 * Takes as long as the swap device does.
 */
void snapshot_bring_back(struct snapshot *s);

struct precopy_stats {
	uint64_t bytes;   /* copied, in the last round */
	uint64_t changed; /* of these, changed when that was done */
	uint64_t ns;
	unsigned rounds;
};

/*
 * Copy what can be copied while the process runs, so that snapshot_copy has only to copy what
 * changed since. Before this the kernel is told to forget which pages of the process were written
 * to (/proc/PID/clear_refs): from then on each page that it writes to costs it a fault, once,
 * and others who use these marks are disturbed. Nothing else of the process is touched. If much
 * has changed, or more than is copied in max_ns (STOP_NO_LIMIT: no matter), it begins anew, up to
 * three times. Without is_precopy in the plan this does nothing.
 * MS_GONE
 */
MUST_CHECK enum status snapshot_precopy(struct snapshot *s, uint64_t max_ns, struct precopy_stats *ret, struct errbuf *eb);

/*
 * Copy. The process should be stopped; its maps are read again here, and regions that
 * appeared or grew since the preparation are copied too. Pages not present are not touched
 * in the target. May be called again, after letting the process run: the last copy counts.
 *
 * stop is what holds the process, or NULL: what it has no time for any more is missing.
 * With SNAPSHOT_NONE nothing is copied, and stop must be there as long as the target.
 */
MUST_CHECK enum status snapshot_copy(struct snapshot *s, const struct stop *stop, struct snapshot_stats *ret, struct errbuf *eb);

/*
 * After a copy of a process that was not stopped: read it once more, and count the pages
 * that are not what the copy says, which is not changed. What they are like now is kept, as far
 * as there is room, for target_again.
 */
void snapshot_compare(struct snapshot *s, struct snapshot_stats *stats);

/*
 * Turn the copy into a target: writable regions are served from the copy, read-only ones
 * are read from the live process on demand (they do not change). Takes s, also on failure.
 */
MUST_CHECK enum status snapshot_target(struct snapshot *s, struct target **ret, struct errbuf *eb);
void snapshot_free(struct snapshot *s);

/* ---- a core file ---- */

struct core;

/* How the process ended, as NT_SIGINFO and NT_PRSTATUS have it. */
struct core_signal {
	int number;      /* 0: by none, the core was taken of a running process */
	int code;        /* si_code */
	bool has_addr;
	taddr addr;      /* the fault's, of SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
};

/* What a core says of the process; "" and 0 where it is silent. Lives as long as the core. */
struct core_info {
	pid_t pid;
	unsigned uid, gid;
	const char *comm;    /* the kernel's name of it, 15 bytes at most */
	const char *cmdline; /* off its stack, else the 80 bytes that the kernel notes */
	const char *exe;     /* the executable, as NT_FILE names it */
	struct core_signal signal;
	const struct thread_regs *threads; /* the one that got the signal first */
	size_t n_threads;
	uint64_t file_len;   /* bytes of the core, unpacked */
	uint64_t cut;        /* bytes that it ought to have behind its end: it was cut off */
	taddr cut_at;        /* the lowest address whose bytes are cut off */
	uint64_t bad;        /* segments and notes that make no sense, and were left out */
	bool has_file_note;  /* NT_FILE: what was mapped is known by name */
};

/*
 * Open a core file, also one packed by zstd, lz4, xz or gzip: that is unpacked into a
 * file without a name in TMPDIR first. It is mapped, not loaded.
 *
 * MS_FORMAT  no core file; says what it is
 * MS_ABSENT  MS_DENIED  MS_IO  the file
 * MS_LIMIT   unpacked it would fill TMPDIR
 */
MUST_CHECK enum status core_open(const char *path, struct core **ret, struct errbuf *eb);
void core_close(struct core *c);
const struct core_info *core_info(const struct core *c);
const struct machine *core_machine(const struct core *c);

/* A part of a file that was mapped: [start, end) from offset off on. */
struct core_range {
	taddr start, end;
	uint64_t off;
	uint32_t prot;
	bool has_prot; /* a segment of the core says so; else it is for the caller to find out */
	uint32_t file; /* index of its core_file */
};

/* A file that the process had mapped, at one place. */
struct core_file {
	const char *path; /* as the process knew it, without " (deleted)"; owned by the core */
	bool is_deleted;
	bool is_exe;      /* the process's executable */
	size_t first, n;  /* its ranges */
};
const struct core_file *core_files(const struct core *c, size_t *n);
const struct core_range *core_ranges(const struct core *c, size_t *n);

/*
 * An image that NT_FILE does not name: add it as a file mapped at these ranges (copied; file
 * is set here).
 * MS_FORMAT  the ranges are not in order, or what is known lies there already
 */
MUST_CHECK enum status core_add_file(struct core *c, const char *path, const struct core_range *ranges, size_t n, struct errbuf *eb);

/*
 * What the core does not have of this file's ranges is read from fd. Takes fd. path names
 * it where the core does not.
 */
void core_attach(struct core *c, size_t file, int fd, const char *path);
void core_set_prot(struct core *c, size_t range, uint32_t prot);

/* A target over the core and the files attached so far; the core has to outlive it. */
MUST_CHECK enum status core_target(struct core *c, struct target **ret, struct errbuf *eb);

/* The name of a processor by its e_machine ("aarch64"), or NULL. */
const char *machine_name(uint16_t e_machine);

#endif
