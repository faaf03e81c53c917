/*
 * Shared between the command files: parsing, help, and small things that several need.
 */
#ifndef MEMSCAN_CMD_PRIV_H
#define MEMSCAN_CMD_PRIV_H

#include <stdio.h>

#include "memscan/cmd.h"
#include "memscan/dump.h"

/*
 * Parse the arguments that follow the command's word, argv[0 .. argc - 1], into *ret,
 * which borrows their texts; cmd_args_fini() it, after an error, too.
 *
 * Operands are not counted when help is asked for.
 * MS_USAGE   an unknown option, a missing or unasked value, a wrong number of operands
 */
MUST_CHECK enum status cmd_parse(const struct cmd *cmd, int argc, char **argv,
	struct cmd_args *ret, struct errbuf *eb);
void cmd_args_fini(struct cmd_args *a);

/* The command whose name is nearest to a mistyped one, or NULL. */
const struct cmd *cmd_nearest(const char *name);

/* A meta entry as a decimal number; false if it is absent or none. */
bool meta_number(const struct heap *h, const char *key, uint64_t *ret);

/* info: several dumps side by side. As dump_open; MS_IO */
MUST_CHECK enum status info_group(
	const struct cmd_args *a, enum rows_format format, struct errbuf *eb);

/* info: the registers of the threads when the dump was taken. */
void info_registers(struct report *r, const struct heap *h);

/* Does a meta entry belong to that table? */
bool info_is_registers(const char *key);

/* For CLEAN. */
void clean_dump(struct dump **d);

extern const struct cmd cmd_check, cmd_completion, cmd_diff, cmd_dump, cmd_dups,
	cmd_export, cmd_find, cmd_info, cmd_leaks, cmd_offsets, cmd_path, cmd_referrers,
	cmd_refs, cmd_retained, cmd_show, cmd_summary, cmd_threads, cmd_top, cmd_trend,
	cmd_waste;

#endif
