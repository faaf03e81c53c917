/*
 * The walk: from the roots of a runtime over every reference to every object, into a sink.
 *
 * Ids are given in order of discovery; the queue is the list of addresses itself. Damage
 * (what cannot be read or makes no sense) is counted and goes on; a walk fails only when
 * its sink does or a limit is reached. Knows py, emu and the waist; knows no files.
 */
#ifndef MEMSCAN_WALK_H
#define MEMSCAN_WALK_H

#include "memscan/heap.h"
#include "memscan/py.h"

/* Damage that is known before the walk begins: a core that was cut off. */
struct walk_known {
	const char *reason;
	taddr at;
	uint64_t count;
};

struct walk_opts {
	const struct pyruntime *rt; /* where to find the functions that interpreted code calls */
	struct modules *modules;    /* of the target, for the same purpose */
	unsigned threads;   /* that decode, the caller's among them: 0 is 1 */
	size_t value_max;   /* bytes of a value preview; 0: lengths only */
	bool no_interpret;  /* do not interpret tp_traverse and __sizeof__: scan instead */
	uint64_t tls_base;  /* thread pointer of a stopped thread, 0 if unknown */
	const struct thread_regs *stopped; /* of each thread, as far as they are known; or NULL */
	size_t n_stopped;
	const char *(*thread_name)(void *self, uint64_t native_id); /* or NULL; "" if unknown */
	uint64_t (*native_id)(void *self, uint64_t ident); /* kernel's id of a pthread_self(), 0 if unknown; or NULL */
	void *thread_name_self; /* of both */
	const struct walk_known *known; /* or NULL */
	size_t n_known;
	bool is_running; /* the process was not stopped: count what had changed when it was looked at again */
	void (*progress)(void *self, uint64_t objects); /* now and then; or NULL */
	void *progress_self;
};

struct walk_stats {
	uint64_t objects, refs;
	uint64_t batched;      /* objects that were decoded in batches, by any thread */
	uint64_t guessed;      /* references found by scanning */
	uint64_t bytes;        /* sum of sizes */
	uint64_t damage;       /* count over all reasons */
	uint64_t changed;      /* with is_running: lists, dicts and sets that had changed, */
	uint64_t gone;         /* objects that were gone, */
	uint64_t broken_links; /* and links of the collector's lists that did not link back */
	uint64_t roots, threads, interpreters;
	uint64_t interpreted;  /* functions of the target interpreted */
	uint64_t instructions; /* in those */
	uint64_t unknown;      /* of them ended without an answer */
};

/*
 * Walk everything and emit it: objects with references, threads, frames, roots, regions,
 * damage, the opcodes that the interpreter did not know (meta "unknown_opcode.BYTES"), and
 * last the types and strings. Other meta is the caller's.
 *
 * names is the string table that p was opened with.
 * MS_LIMIT  more than LIM_OBJECTS; any status of the sink
 */
MUST_CHECK enum status walk_run(struct py *p, struct target *t, struct strtab *names, struct heap_sink *sink, const struct walk_opts *opts, struct walk_stats *ret, struct errbuf *eb);

#endif
