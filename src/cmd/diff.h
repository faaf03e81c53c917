/*
 * Two dumps compared: what cmd_diff.c computes and diff_rows.c prints.
 */
#ifndef MEMSCAN_CMD_DIFF_H
#define MEMSCAN_CMD_DIFF_H

#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/graph.h"
#include "memscan/retained.h"

#include "sel.h"

/* How objects fared; words of --state. SURVIVED: neither grown nor shrunk. */
#define DIFF_STATES "new|gone|grown|shrunk|survived"
enum diff_state { STATE_NEW, STATE_GONE, STATE_GROWN, STATE_SHRUNK, STATE_SURVIVED };

/* One of the two dumps. What is not needed is all-zero. */
struct diff_side {
	struct dump *dump;
	const struct heap *h;
	const char *cache; /* for holding_compute */
	struct cmd_sel sel;
	struct bitset set; /* if it is partial */
	bool has_set;
	struct kinds kinds;
	struct graph g;
	struct dominators d;
	uint64_t *retained;     /* by object */
	struct graph_tree tree; /* of OLDER with --objects alone */
};

struct diff_answer {
	struct diff_side side[2];
	bool is_same;   /* of one process */
	bool has_graph; /* graphs, dominators, trees and holders are there */
	bool by_object, by_retained;
	unsigned states; /* 1u << enum diff_state */
	struct match match;
	struct diff diff;
	struct diff_holders holders;
	uint64_t limit, min;
	enum rows_format format;
};

/* The whole answer on standard output. MS_NOMEM, MS_IO */
MUST_CHECK enum status diff_print(const struct diff_answer *a, struct errbuf *eb);

/* "2 h 05 min", "17 s" */
char *elapsed_text(uint64_t seconds, char *buf, size_t cap);

/* When a dump was taken, in seconds since 1970; 0: unknown. */
uint64_t created_at(const struct heap *h);

/* Columns that counting and matching need, without references' targets being walked. */
uint32_t diff_columns(void);

#endif
