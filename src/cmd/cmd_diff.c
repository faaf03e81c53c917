/*
 * memscan diff: what changed from one dump to another. Of one process, objects are told
 * apart: which are new, which are gone, and what holds the new ones.
 */
#include <stdlib.h>
#include <string.h>

#include "memscan/change.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"

#include "diff.h"
#include "holding.h"

static const struct cmd_opt opts[] = {
	{0, "by", "type|owner|module", "what makes a kind (owner)"},
	{0, "objects", NULL, "list single objects, too: new, gone, grown, shrunk"},
	{0, "state", DIFF_STATES, "list single objects of this sort alone"},
	{0, "retained", NULL, "what each kind retains in both dumps"},
	{0, "brief", NULL, "kinds alone; not what holds the new objects"},
	{0, "min", "SIZE", "leave out kinds that changed by less (0)"},
	{0, "limit", "N", "print N rows of each table, 0: all (20)"},
	{0, "exit-code", NULL, "exit with 1 if the heap grew, by SIZE or more"},
	CMD_OPTS_SELECT,
	CMD_OPTS_FORMAT,
	CMD_OPTS_COMMON,
	{0},
};

static void
answer_fini(struct diff_answer *a)
{
	for (int k = OLDER; k <= NEWER; k++) {
		struct diff_side *s = &a->side[k];
		kinds_fini(&s->kinds);
		graph_fini(&s->g);
		dominators_fini(&s->d);
		free(s->retained);
		graph_tree_fini(&s->tree);
		bitset_fini(&s->set);
		cmd_sel_fini(&s->sel);
		dump_close(s->dump);
	}
	match_fini(&a->match);
	diff_fini(&a->diff);
	diff_holders_fini(&a->holders);
}

uint64_t
created_at(const struct heap *h)
{
	uint64_t at;

	return meta_number(h, "created", &at) ? at : 0;
}

uint32_t
diff_columns(void)
{
	return 1u << DC_STRS | 1u << DC_STRO | 1u << DC_TYPE | 1u << DC_OTYP |
		1u << DC_OSIZ | 1u << DC_OBIG | 1u << DC_OBUF | 1u << DC_REFF |
		1u << DC_REFT | 1u << DC_REFL | 1u << DC_META | 1u << DC_OADR |
		1u << DC_OSRT | 1u << DC_VALS | 1u << DC_VALA;
}

/* Graph, dominators and retained sizes of one dump; the tree of ways. */
static enum status
compute_side(struct diff_side *s, bool wants_tree, struct errbuf *eb)
{
	const struct holding want = {.g = &s->g,
		.d = &s->d,
		.retained = &s->retained,
		.way = wants_tree ? &s->tree : NULL};

	return holding_compute(s->h, s->cache, 0, &want, eb);
}

static enum status
compute_graphs(struct diff_answer *a, struct errbuf *eb)
{
	enum status st = MS_OK;

	for (int k = OLDER; k <= NEWER && st == MS_OK; k++) {
		progress_step("what holds what", 40);
		st = compute_side(&a->side[k], k == NEWER || a->by_object, eb);
	}
	if (st != MS_OK)
		return st;
	const struct diff_side *s = &a->side[NEWER];
	return diff_hold(
		s->h, &s->d, &a->match, s->has_set ? &s->set : NULL, &a->holders, eb);
}

static enum status
compute(struct diff_answer *a, enum kinds_by by, struct errbuf *eb)
{
	const struct heap *h[2];
	const struct kinds *kinds[2];
	enum status st = MS_OK;

	progress_begin(15 + (a->has_graph ? 80 : a->by_retained ? 16 : 0));
	for (int k = OLDER; k <= NEWER && st == MS_OK; k++) {
		struct diff_side *s = &a->side[k];
		progress_step("kinds", 5);
		if (s->has_set)
			st = cmd_sel_make(&s->sel, s->h, &s->set, eb);
		if (st == MS_OK)
			st = kinds_make(
				s->h, by, s->has_set ? &s->set : NULL, &s->kinds, eb);
		h[k] = s->h;
		kinds[k] = &s->kinds;
	}
	progress_step("what is new", 5);
	if (st == MS_OK && a->is_same)
		st = match_compute(h[NEWER], h[OLDER], &a->match, eb);
	if (st != MS_OK)
		return st;
	diff_compute(h, kinds, a->is_same ? &a->match : NULL, &a->diff);
	if (a->has_graph)
		st = compute_graphs(a, eb);
	/* The graphs alone are enough for what kinds retain. */
	for (int k = OLDER; k <= NEWER && st == MS_OK && a->by_retained; k++) {
		const struct holding want = {.g = &a->side[k].g};
		progress_step("what holds what", 8);
		if (!a->has_graph)
			st = holding_compute(h[k], a->side[k].cache, 0, &want, eb);
	}
	progress_end();
	return st;
}

static enum status
open_both(const struct cmd_args *args, struct diff_answer *a, struct errbuf *eb)
{
	bool needs_all = !cmd_has(args, "brief") || a->by_object || a->by_retained;
	enum status st = MS_OK;

	for (int k = OLDER; k <= NEWER && st == MS_OK; k++) {
		struct diff_side *s = &a->side[k];
		s->has_set = cmd_sel_is_partial(&s->sel);
		st = dump_open(args->operands[k],
			needs_all || s->has_set ? DUMP_ALL : diff_columns(), &s->dump,
			eb);
		if (st == MS_OK)
			s->h = dump_heap(s->dump);
		s->cache = s->sel.cache = holding_cache(args, args->operands[k]);
	}
	if (st != MS_OK)
		return st;
	a->is_same = rel_same_process(a->side[NEWER].h, a->side[OLDER].h);
	a->has_graph = a->is_same && (!cmd_has(args, "brief") || a->by_object);
	if (!a->is_same && a->by_object)
		return errbuf_set(eb, MS_USAGE,
			"the dumps are of different processes: their objects cannot be "
			"told apart");
	if (!a->is_same)
		log_at(LOG_NORMAL,
			"note: the dumps are of different processes: kinds alone are "
			"compared");
	if (created_at(a->side[NEWER].h) < created_at(a->side[OLDER].h))
		log_at(LOG_NORMAL, "note: the second dump is the older one");
	return MS_OK;
}

/* --state, and what --objects alone means. */
static void
parse_states(const struct cmd_args *args, struct diff_answer *a)
{
	static const char *const words[] = {[STATE_NEW] = "new",
		[STATE_GONE] = "gone",
		[STATE_GROWN] = "grown",
		[STATE_SHRUNK] = "shrunk",
		[STATE_SURVIVED] = "survived"};
	const char *word = cmd_value(args, "state");

	a->by_object = cmd_has(args, "objects") || word != NULL;
	a->states = (1u << STATE_SURVIVED) - 1;
	for (unsigned k = 0; word != NULL && k < ARRAY_LEN(words); k++)
		if (strcmp(word, words[k]) == 0)
			a->states = 1u << k;
	/* Survivors are those that grew or shrank, too. */
	if (a->states == 1u << STATE_SURVIVED)
		a->states |= 1u << STATE_GROWN | 1u << STATE_SHRUNK;
}

static enum status
run_diff(const struct cmd_args *args, int *exit_code, struct errbuf *eb)
{
	CLEAN(answer_fini) struct diff_answer a = {0};
	const char *by = cmd_value(args, "by");
	enum kinds_by kinds = by == NULL || *by == 'o' ? KINDS_OWNER
		: *by == 't'                           ? KINDS_TYPE
						       : KINDS_MODULE;

	parse_states(args, &a);
	a.by_retained = cmd_has(args, "retained");
	enum status st = cmd_format_limit(args, CMD_LIMIT, &a.format, &a.limit, eb);
	if (st == MS_OK)
		st = cmd_number(args, "min", 0, 0, INT64_MAX, &a.min, eb);
	/* A type may well be new: that the older dump has it not is not told. */
	for (int k = OLDER; k <= NEWER && st == MS_OK; k++)
		st = cmd_sel_parse(args, 2, &a.side[k].sel, eb);
	a.side[OLDER].sel.is_quiet = true;
	if (st == MS_OK)
		st = open_both(args, &a, eb);
	if (st == MS_OK)
		st = compute(&a, kinds, eb);
	if (st == MS_OK)
		st = diff_print(&a, eb);
	int64_t growth = diff_growth(&a.diff.total);
	if (st == MS_OK && cmd_has(args, "exit-code") && growth > 0 &&
		(uint64_t)growth >= a.min)
		*exit_code = MS_EXIT_YES;
	return st;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.summary = "say what changed from one dump to another",
	.page = "memscan-diff",
	.synopsis = "OLD NEW [SEL]",
	.opts = opts,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = run_diff,
};
