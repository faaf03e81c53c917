/*
 * What the files of the target layer share among themselves.
 */
#ifndef MEMSCAN_TARGET_PRIV_H
#define MEMSCAN_TARGET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memscan/target.h"
#include "memscan/vec.h"

/* ---- target.c ---- */

/*
 * As long as the target is open, its memory does not change: what was read need not be read
 * anew, and is kept in so many bytes of memory.
 */
void target_hold_still(struct target *t, size_t bytes);

/* ---- pagecache.c ---- */

struct pagecache;

/* Where a page comes from that is not in the cache: a region, and how to read it. */
struct pagecache_source {
	void *self;
	enum status (*read)(void *self, taddr addr, void *buf, size_t n);
	taddr start, end;
	uint64_t views; /* those of the last TARGET_VIEW_KEEP before it may be in use */
};

struct pagecache *pagecache_new(size_t bytes);
void pagecache_free(struct pagecache *c);

/* The bytes [addr, addr + n) within one page, or NULL; view is the number of the view that this is, 0 for none. */
const uint8_t *pagecache_find(struct pagecache *c, taddr addr, size_t n, uint64_t view);

/* Read them, after they were not found. NULL: not within a page, not to be read, or no place for them. */
const uint8_t *pagecache_read(struct pagecache *c, const struct pagecache_source *s, taddr addr, size_t n, uint64_t view);

/* ---- regions.c ---- */

/* True if every region is non-empty and ends before the next one starts. */
bool regions_in_order(const struct region *r, size_t n);

/* The index of the region that holds addr, or n. */
size_t regions_search(const struct region *r, size_t n, taddr addr);

/*
 * Reading it could disturb a device: mapped from /dev, other than /dev/zero and
 * /dev/shm.
 */
bool region_is_device(const struct region *r);

/* A mapping that the kernel makes ("[vvar]", "[vsyscall]") and no reader may touch. */
bool region_is_kernel(const struct region *r);

/* ---- denied.c ---- */

/* What decides whether the kernel lets one process look into another. */
struct denial {
	pid_t pid;
	unsigned own_uid, own_gid;
	unsigned uid, gid;         /* of the target */
	bool has_cap;              /* CAP_SYS_PTRACE is effective here */
	bool is_dumpable;          /* the target's /proc files belong to its own uid */
	bool is_other_userns;      /* the two are in different user namespaces */
	bool is_container;         /* memscan itself runs in one */
	int yama; /* kernel.yama.ptrace_scope, -1 if there is no such thing */
	int seccomp;               /* "Seccomp:" of memscan itself: 2 is a filter */
	char lsm[96]; /* memscan's confinement ("docker-default (enforce)"), or "" */
};

/* Say which of these it was and what to do; a pure function. Returns MS_DENIED. */
enum status denial_explain(const struct denial *d, const char *what, struct errbuf *eb);

/* Both at once. "what" is the operation that was refused: "read the memory". */
enum status denied(pid_t pid, const char *what, struct errbuf *eb);

/* ---- procinfo.c ---- */

/* From /proc/PID/stat: parent, start and the state's letter. False: no such process. */
bool proc_stat(pid_t pid, struct proc *ret, char *state);

/* From the text of a thread's status: its first and its last number in "NSpid". False: it has none. */
bool tids_parse(const char *status, uint64_t *here, uint64_t *own);

/* One "Name:\tnumber" line of a status text; false if there is none. */
bool status_field(const char *text, const char *name, unsigned base, uint64_t *ret);

/* The state letter of one thread ('R', 'S', 'D', 'Z' ...), or 0 if it is gone. */
char thread_state(pid_t pid, pid_t tid);

/* Is this the state of a thread that runs no more? */
bool is_ended(char state);

/* The command name of a process into buf ("?" if it is gone); returns buf. */
char *comm_of(pid_t pid, char *buf, size_t cap);

/* ---- live.c ---- */

/*
 * Ways into one process: shared by the live and the snapshot target. All-zero is not a
 * reader: mem_fd.
 */
struct reader {
	pid_t pid;
	int mem_fd; /* /proc/PID/mem or -1: of the address space it was opened on */
	struct live_caps caps;
};

/*
 * Find out how the memory of pid can be read, by reading a byte of one of its regions.
 * MS_DENIED explains; MS_GONE.
 */
MUST_CHECK enum status reader_open(pid_t pid, const struct regions *maps,
                                   struct reader *ret, struct errbuf *eb);
void reader_fini(struct reader *r);

/*
 * All of [addr, addr + n), or MS_FAULT, or MS_GONE. Pages that the process has in common with
 * others stay so, if /proc/PID/mem can be read.
 */
MUST_CHECK enum status reader_read(const struct reader *r, taddr addr, void *buf,
                                   size_t n);

/* The same in the fastest way, which is not for pages in common with others. */
MUST_CHECK enum status reader_copy(const struct reader *r, taddr addr, void *buf,
                                   size_t n);

/*
 * The process may have been replaced under its pid: false once the address space is
 * gone.
 */
bool reader_is_alive(const struct reader *r, taddr addr);

/* The mappings of a process, in order; device memory is marked as not readable. */
MUST_CHECK enum status live_maps(pid_t pid, struct regions *ret, struct errbuf *eb);

/* The machine of the program that pid runs. */
MUST_CHECK enum status live_machine(pid_t pid, struct machine *ret, struct errbuf *eb);

/*
 * Checks that come before everything else: pid exists, is a process, is no zombie.
 * *via is the thread whose /proc files show the memory: the main thread, pid, if it has
 * not ended before the others.
 */
MUST_CHECK enum status live_check(pid_t pid, pid_t *via, struct errbuf *eb);

/* ---- pagemap.c ---- */

typedef VEC(struct span) span_vec;

/* spans.c: ranges by address, which do not overlap. */
void span_vec_fini(span_vec *v);

/* The first that ends behind addr, or their number. */
size_t span_behind(const span_vec *v, taddr addr);
bool spans_have(const span_vec *v, taddr addr);
uint64_t spans_bytes(const span_vec *v);

/* Append v without what is in left. */
void spans_without(const span_vec *v, const span_vec *left, span_vec *ret);

/* Which pages of a process there are. */
struct pagemap {
	int fd;        /* -1: unknown, every page counts as present */
	bool leaves_swapped; /* pages that are swapped out are left alone */
	bool has_scan; /* the kernel's PAGEMAP_SCAN skips holes instead of listing them */
	uint64_t page; /* bytes */
};

void pagemap_open(pid_t pid, struct pagemap *ret);
void pagemap_fini(struct pagemap *pm);

/*
 * Append the runs of pages of [start, end) that are of these kinds, in order. What cannot be
 * told counts as present.
 */
enum { PAGES_PRESENT = 1, PAGES_SWAPPED = 2 };
void pagemap_some(struct pagemap *pm, unsigned which, taddr start, taddr end, span_vec *ret);

/* The same of those that are to be read: in memory, or swapped out unless these are left alone. */
void pagemap_runs(struct pagemap *pm, taddr start, taddr end, span_vec *ret);

/* An entry of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst */
#define ENTRY_PRESENT (1ULL << 63)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_FILE (1ULL << 61)      /* or anonymous, and shared by mmap() */
#define ENTRY_EXCLUSIVE (1ULL << 56) /* mapped by nobody else */
#define ENTRY_SOFT_DIRTY (1ULL << 55) /* written to since the marks were cleared */
#define ENTRY_FRAME ((1ULL << 55) - 1) /* 0 without CAP_SYS_ADMIN */

enum { ENTRIES_AT_ONCE = 4096 }; /* pages for each read: 32 KiB of entries */

/* The entries of n pages from at on; 0 for those that cannot be told. */
void pagemap_entries(const struct pagemap *pm, taddr at, uint64_t *ret, size_t n);

/*
 * Has a private page, of which the entry was `then` after the marks were cleared, not been
 * written to, nor replaced by another? Only where it is tells the second: a page of zeros,
 * or one that mremap() put there, is not marked.
 */
bool pagemap_is_same(uint64_t now, uint64_t then);

/* ---- softdirty.c ---- */

/* Does the kernel mark pages that are written to, and tell where they are? */
bool softdirty_works(void);

/*
 * Open /proc/PID/clear_refs, for this memscan alone; -1: another one has it, or errno says
 * why. close() it.
 */
int softdirty_open(pid_t pid, bool *is_busy);

/* Take all marks away. */
bool softdirty_clear(int fd);

/* ---- frames.c ---- */

/* Page frames that hold zeros for everybody: one page, and a huge one. */
struct zero_frames {
	uint64_t small;
	uint64_t huge, huge_end;
};

/* False if the kernel does not tell frames. */
bool zero_frames_get(struct zero_frames *ret);

static inline bool
is_zero_frame(const struct zero_frames *z, uint64_t frame)
{
	return frame == z->small || (frame >= z->huge && frame < z->huge_end);
}

/* ---- common.c ---- */

/* The pages noted that are still common, in order; the second process should be held. */
void common_confirm(struct common *c, span_vec *ret);

/* All that were noted. */
const span_vec *common_spans(const struct common *c);

/* Does the kernel merge equal pages (KSM), and may it do so with those of this process? */
bool ksm_may_merge(pid_t pid);

/* ---- budget.c ---- */

/*
 * Bytes that memscan can take without pushing anybody out: of the machine and of its
 * cgroup.
 */
uint64_t budget_bytes(void);

/*
 * What the cgroups have left that the text of /proc/PID/cgroup names, and those above them: UINT64_MAX
 * if there is no limit. The files of both versions are below these directories.
 */
uint64_t cgroups_left(const char *text, const char *mount_v1, const char *mount_v2);

/* What another process can be made to take, by reading pages of it that are swapped out. */
uint64_t budget_of_target(pid_t pid);

/* Free bytes for a file in dir; 0 where files are in memory, or none can be made. */
uint64_t budget_of_dir(const char *dir);

/* ---- copy.c ---- */

/* One run of bytes to copy: [addr, addr + len) to dest. */
struct chunk {
	taddr addr;
	uint8_t *dest;
	size_t len;   /* at most CHUNK_MAX */
	bool by_file; /* through /proc/PID/mem, if that can be read */
};

enum { CHUNK_MAX = 2 << 20, CHUNK_IN_HURRY = 256 << 10 }; /* with a limit to the stop */

typedef VEC(struct chunk) chunk_vec;

enum { COPY_THREADS_MAX = 64 };

/* How many threads are worth it for so many bytes, when nobody says how many. */
unsigned copy_threads(uint64_t bytes);

/*
 * Copy all chunks, in so many threads, or with 0 in as many as are worth it. What cannot
 * be read, and what was not when the stop was over, is appended to missing, in order.
 * MS_GONE.
 */
MUST_CHECK enum status copy_chunks(const struct reader *r, const struct stop *stop,
                                   unsigned threads, const chunk_vec *chunks,
                                   span_vec *missing);

#endif
