/*
 * Taking a process: from a pid to a runtime over a private copy of its memory, or from a
 * core file to one over the core. The recipe that `dump` and `check` share; everything it
 * holds is in one struct, and whoever reads a->copy need not know which of them it is.
 */
#ifndef MEMSCAN_CMD_ACQUIRE_H
#define MEMSCAN_CMD_ACQUIRE_H

#include "memscan/layout.h"
#include "memscan/target.h"
#include "memscan/walk.h"

/* What a dump says of the others that are taken with it. */
struct group_facts {
	char id[48];         /* of the group: other dumps of the same processes have another */
	char *pids;          /* of all of them, blanks between */
	bool has_memory;     /* the kernel's account: */
	struct proc_memory memory;
	bool has_census;     /* the kernel tells which pages are the same: */
	uint64_t shared;     /* bytes that others of the group have, too */
	uint64_t resident;   /* bytes of the whole group, each page once */
};

struct acquire_opts {
	pid_t pid;
	const char *core;    /* a core file, or NULL: the process pid */
	struct core_search files; /* where the core's program files may be */
	const char *offsets; /* offset table file, or NULL */
	const char *library; /* which runtime of several, or NULL */
	bool no_stop;        /* copy without holding the process */
	uint64_t max_pause_ns; /* 0: as long as it takes */
	struct snapshot_opts snap; /* where the copy goes, and how; what it needs is added here */
	const struct group_facts *group; /* or NULL */
	pid_t base;          /* the process that snap.base is of */
};

struct acquired {
	struct procinfo proc;
	struct live_caps caps;
	struct target *live;
	struct modules *modules;
	struct pyruntime rt;
	struct layout layout;
	struct core *corefile; /* NULL of a live process; of a core: */
	size_t n_missing_files; /* program files that were not to be had */
	taddr collecting_at; /* an interpreter that was collecting garbage when it was copied, or ended; or 0 */
	bool is_impatient;   /* it was waited for long enough */
	struct target *copy; /* what is walked */
	const struct snapshot *snap; /* that is made of; NULL of a core, and where nothing was copied */
	struct snapshot_plan plan;
	struct snapshot_stats stats;
	struct precopy_stats before; /* what was copied before it was held */
	struct snapshot *kept; /* such a copy, while the next try is waited for */
	uint64_t prepared_ns;  /* when it was prepared */
	struct span *need;   /* what turned out to be needed, and was left out of the copy before */
	size_t n_need;
	struct span *first;  /* with max_pause_ns or no_stop: what is copied before anything else */
	size_t n_first;
	bool is_running;     /* it is not held */
	bool is_proven;      /* and the layout was, on the running process */
	unsigned again;      /* copies made again for it */
	struct stop *stop;   /* without a copy: what holds the process while it is walked */
	bool is_cut;         /* the time was over before all was seen */
	uint64_t pause_ns;   /* how long the process was held; 0 with no_stop */
	uint64_t tls_base;   /* thread pointer of its first thread */
	struct thread_regs *regs; /* of all its threads when it was stopped, or ended; none with no_stop */
	size_t n_regs;
	struct walk_stats walked;
	unsigned tries;      /* stops it took to meet no garbage collection */
};

/* Open the process, find its runtime and layout; nothing is stopped. Any status of the layers below. */
MUST_CHECK enum status acquire_find(const struct acquire_opts *o, struct acquired *ret, struct errbuf *eb);

/*
 * Hold it, copy, let go.
 * MS_BUSY  collecting, not ready or not to be stopped at every try
 * MS_GONE  it ended, or became another program
 */
MUST_CHECK enum status acquire_copy(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb);

/* Only what acquire_copy would do, into a->plan. */
MUST_CHECK enum status acquire_plan(const struct acquire_opts *o, struct acquired *a, struct errbuf *eb);

/* How long the process will be held: one time, or two that it lies between. */
enum { PAUSE_TEXT = 64 };
const char *acquire_pause_text(const struct snapshot_plan *p, char buf[PAUSE_TEXT]);

/* Print it (--dry-run). */
void acquire_print_plan(const struct acquire_opts *o, const struct acquired *a);

/* What the options of dump say of the copy into o. MS_USAGE. */
struct cmd_args;
MUST_CHECK enum status acquire_parse_snapshot(const struct cmd_args *a, struct acquire_opts *o, struct errbuf *eb);

/* The directory that a copy on disk goes to: that of the output (or NULL). Borrows it, or uses buf. */
const char *acquire_spool_dir(const char *output, char *buf, size_t cap);

/*
 * hurry.c, with max_pause_ns or no_stop. Before the copy: prove the layout on the running process, and find what
 * has to be copied first. As py_probe.
 */
MUST_CHECK enum status hurry_prepare(struct acquired *a, struct py *p, struct errbuf *eb);

/* Was the process let go before all was seen? */
bool acquired_is_cut(const struct acquired *a);

/* If it was: how much was not seen, and the --max-pause that would be enough, as talk or in front of an error. */
void hurry_tell(const struct acquired *a);
void hurry_explain(const struct acquired *a, struct errbuf *eb);

/* The walk is over: without a copy, let go now. */
void acquire_release(struct acquired *a);

/*
 * Did the walk ask for what was left out of the copy? Then it is remembered for the next
 * acquire_copy, to which a->copy is lost; false if there was nothing, or too often.
 */
bool acquire_again(struct acquired *a);

/*
 * The same as both, of the core o->core: find its program files, runtime and layout.
 * Any status of the layers below.
 */
MUST_CHECK enum status acquire_core(const struct acquire_opts *o, struct acquired *ret, struct errbuf *eb);

/*
 * After a failure with status st and its text: if the process has exited or become another program
 * since it was found, that is the reason; returns MS_GONE with that text, else st. Of a core, what is odd
 * about it is put in front of the text.
 */
MUST_CHECK enum status acquire_explain(const struct acquired *a, enum status st, struct errbuf *eb);
void acquired_fini(struct acquired *a);

/* What is known to be missing before the walk begins; returns how many. */
enum { ACQUIRED_DAMAGE_MAX = 5 };
size_t acquired_damage(const struct acquired *a, struct walk_known known[ACQUIRED_DAMAGE_MAX]);

/* All meta entries: what the dump says of the process and of itself. */
MUST_CHECK enum status acquired_put_meta(const struct acquired *a, const struct acquire_opts *o, uint64_t total_ns, struct heap_sink *s);

/* How much was copied before it was held, and how much of that again. */
void acquired_tell_precopy(const struct acquired *a);

/* What changed while a process that was not held was read, in a sentence. */
void acquired_tell_torn(const struct acquired *a);

#endif
