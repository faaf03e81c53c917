/*
 * memscan referrers: what refers to a set of objects, counted by type and by how.
 */
#include "refs.h"

static enum status
run_referrers(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	(void)exit_code;
	return refs_run(a, REFS_IN, eb);
}

const struct cmd cmd_referrers = {
	.name = "referrers",
	.summary = "count what refers to a set of objects",
	.page = "memscan-path",
	.synopsis = "FILE SEL",
	.opts = refs_opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_referrers,
};
