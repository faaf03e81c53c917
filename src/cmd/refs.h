/*
 * References of a set of objects, counted by type and by how, in either direction.
 */
#ifndef MEMSCAN_CMD_REFS_H
#define MEMSCAN_CMD_REFS_H

#include "memscan/analysis.h"
#include "memscan/retained.h"

#include "priv.h"

extern const struct cmd_opt refs_opts[];

/* Run a command with these options. */
MUST_CHECK enum status refs_run(
	const struct cmd_args *a, enum refs_way way, struct errbuf *eb);

#endif
