/*
 * memscan refs: what a set of objects refers to, counted by type and by how.
 */
#include "refs.h"

static enum status
run_refs(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	(void)exit_code;
	return refs_run(a, REFS_OUT, eb);
}

const struct cmd cmd_refs = {
	.name = "refs",
	.summary = "count what a set of objects refers to",
	.page = "memscan-path",
	.synopsis = "FILE SEL",
	.opts = refs_opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_refs,
};
