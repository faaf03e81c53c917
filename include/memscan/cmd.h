/*
 * Commands: the only place where acquiring and analysing meet, and the only one that
 * prints errors or ends the program.
 *
 * To add a command: write src/cmd/cmd_<name>.c ending in `const struct cmd cmd_<name>`,
 * add a line to the sorted table in cmd.c, a section to the manual page that it names (a
 * test compares it with -h), a line to the list in man/memscan.1 and one to NEWS. Options
 * are rows; -h, completion and the man-page test come from them.
 */
#ifndef MEMSCAN_CMD_H
#define MEMSCAN_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/report.h"
#include "memscan/status.h"

#define MEMSCAN_VERSION "0.1.0"

/* One option. `letter` 0: long form only. `arg` NULL: a switch. */
struct cmd_opt {
	char letter;
	const char *name; /* without dashes */
	const char *arg;  /* "FILE", "N", "type|module" (a list of words is checked) */
	const char *help; /* one line */
};

/* An option with its value, as it was given. */
struct cmd_given {
	size_t row;
	const char *value;
};

/* Parsed options and operands. Later ones replace earlier ones, unless a command wants all. */
struct cmd_args {
	const struct cmd *cmd;
	const char **values; /* by row of cmd->opts: NULL if not given, "" for a switch */
	unsigned *counts;    /* by row: how often it was given */
	struct cmd_given *given; /* all options, in their order */
	size_t n_given;
	const char **operands;
	size_t n_operands;
};

struct cmd {
	const char *name;
	const char *summary;  /* one line, imperative */
	const char *page;     /* the manual page that tells all: "memscan-path" */
	const char *synopsis; /* operands: "FILE ADDR" */
	const struct cmd_opt *opts; /* ends with an all-zero row */
	size_t min_operands, max_operands;
	bool is_hidden; /* left out of memscan -h */
	/*
	 * Do it. Sets *exit_code for answers that are no errors (MS_EXIT_YES,
	 * MS_EXIT_DAMAGED). An error goes into eb and is printed once, by cmd_main.
	 */
	enum status (*run)(const struct cmd_args *a, int *exit_code, struct errbuf *eb);
};

/*
 * The value of an option by its long name, NULL if it was not given; whether it was, and
 * how often. The name must be a row of the command.
 */
const char *cmd_value(const struct cmd_args *a, const char *name);
bool cmd_has(const struct cmd_args *a, const char *name);
unsigned cmd_times(const struct cmd_args *a, const char *name);

/* The nth value (from 0) of an option that was given several times; NULL behind the last. */
const char *cmd_nth(const struct cmd_args *a, const char *name, size_t n);

/* A number option with a default; MS_USAGE with a text if it is not one in [min, max]. */
MUST_CHECK enum status cmd_number(const struct cmd_args *a, const char *name,
	uint64_t dflt, uint64_t min, uint64_t max, uint64_t *ret, struct errbuf *eb);

/* --json, --tsv, --csv as a format, as far as the command has them; MS_USAGE for two. */
MUST_CHECK enum status cmd_format(
	const struct cmd_args *a, enum rows_format *ret, struct errbuf *eb);

/*
 * That, and --limit: a number of rows, UINT64_MAX where 0 asks for all. If it is not given,
 * it is CMD_LIMIT in text and `others`, which may be 0, in other formats. MS_USAGE
 */
MUST_CHECK enum status cmd_format_limit(const struct cmd_args *a, uint64_t others,
	enum rows_format *format, uint64_t *limit, struct errbuf *eb);

/* --limit in text if it is not given. */
enum { CMD_LIMIT = 20 };

/* Option rows that many commands share. */
#define CMD_OPTS_COMMON                                                                  \
	{'h', "help", NULL, "show this help"},                                           \
		{'q', "quiet", NULL, "no progress and no notes"},                        \
	{                                                                                \
		'v', "verbose", NULL, "say more; twice: debug"                           \
	}
#define CMD_OPTS_FORMAT                                                                  \
	{0, "json", NULL, "print JSON"}, {0, "tsv", NULL, "print tab-separated values"}, \
	{                                                                                \
		0, "csv", NULL, "print comma-separated values"                           \
	}
#define CMD_OPT_CACHE                                                                    \
	{                                                                                \
		0, "cache", NULL, "keep what takes long beside the dump, in FILE.cache"  \
	}
#define CMD_OPT_LIBRARY                                                                  \
	{                                                                                \
		0, "library", "TEXT",                                                    \
			"which Python of several: a part of its file's path"            \
	}

/* The table, sorted by name, and a command by name (or NULL). */
extern const struct cmd *const cmd_table[];
extern const size_t cmd_count;
const struct cmd *cmd_by_name(const char *name);

/* Parse and run a command line; returns the program's exit code. */
int cmd_main(int argc, char **argv);

#endif
