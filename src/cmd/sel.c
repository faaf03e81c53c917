/*
 * Selections of commands. What an expression may need beside the dump is opened and
 * computed here, when it is asked for.
 */
#include "sel.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/change.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

#include "holding.h"

static enum status
find_older(struct cmd_sel *s, struct errbuf *eb)
{
	if (s->has_older)
		return MS_OK;
	enum status st = dump_open(s->base, DUMP_ALL, &s->base_dump, eb);
	if (st != MS_OK)
		return st;
	const struct heap *older = dump_heap(s->base_dump);
	if (!rel_same_process(s->h, older))
		return errbuf_set(
			eb, MS_USAGE, "%s is no dump of the same process", s->base);
	st = rel_compute(s->h, older, &s->older, eb);
	if (st == MS_OK)
		s->has_older = true;
	return st;
}

static enum status
env_older(void *self, const struct bitset **ret, struct errbuf *eb)
{
	struct cmd_sel *s = self;
	enum status st = find_older(s, eb);

	if (st == MS_OK)
		*ret = &s->older;
	return st;
}

enum status
cmd_sel_retained(struct cmd_sel *s, const uint64_t **ret, struct errbuf *eb)
{
	CLEAN(graph_fini) struct graph g = {0};
	CLEAN(dominators_fini) struct dominators d = {0};
	const struct holding want = {.g = &g, .d = &d, .retained = &s->retained};
	enum status st = MS_OK;

	if (s->retained == NULL)
		st = holding_compute(s->h, s->cache, 0, &want, eb);
	if (st == MS_OK)
		*ret = s->retained;
	return st;
}

static enum status
env_retained(void *self, const uint64_t **ret, struct errbuf *eb)
{
	return cmd_sel_retained(self, ret, eb);
}

/* The name is from the command line: control characters in it are not shown. */
static void
note_unknown(void *self, const char *name)
{
	char text[200];

	(void)self;
	text_vis(text, sizeof(text), name, strlen(name));
	log_at(LOG_NORMAL, "note: the dump has no type '%s'", text);
}

enum status
cmd_sel_parse(
	const struct cmd_args *a, size_t first, struct cmd_sel *ret, struct errbuf *eb)
{
	VEC(char) text = {0};

	for (size_t i = first; i < a->n_operands; i++) {
		if (i > first)
			vec_push(&text, ' ');
		for (const char *p = a->operands[i]; *p != '\0'; p++)
			vec_push(&text, *p);
	}
	vec_push(&text, '\0');
	enum status st =
		cmd_sel_parse_text(a, a->n_operands > first ? text.at : NULL, ret, eb);
	vec_fini(&text);
	return st;
}

enum status
cmd_sel_parse_text(const struct cmd_args *a, const char *text, struct cmd_sel *ret,
	struct errbuf *eb)
{
	*ret = (struct cmd_sel){.base = cmd_value(a, "rel"),
		.cache = holding_cache(a, a->operands[0])};
	return text != NULL ? sel_parse(text, &ret->sel, eb) : MS_OK;
}

bool
cmd_sel_is_partial(const struct cmd_sel *s)
{
	return s->sel != NULL || s->base != NULL;
}

enum status
cmd_sel_make(
	struct cmd_sel *s, const struct heap *h, struct bitset *ret, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset b = {0};

	s->h = h;
	s->env = (struct sel_env){
		.self = s,
		.retained = env_retained,
		.older = s->base != NULL ? env_older : NULL,
		.unknown_type = s->is_quiet ? NULL : note_unknown,
	};
	enum status st;
	if (s->sel != NULL) {
		st = sel_select(s->sel, h, &s->env, &b, eb);
	} else {
		st = bitset_init(&b, h->nobj, eb);
		if (st == MS_OK)
			bitset_fill(&b);
	}
	if (st == MS_OK && s->base != NULL) {
		st = find_older(s, eb);
		if (st == MS_OK)
			bitset_minus(&b, &s->older);
	}
	if (st != MS_OK)
		return st;
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}

void
cmd_sel_fini(struct cmd_sel *s)
{
	sel_free(s->sel);
	dump_close(s->base_dump);
	bitset_fini(&s->older);
	free(s->retained);
	*s = (struct cmd_sel){0};
}

enum status
cmd_query_open(const struct cmd_args *a, uint64_t others, struct cmd_query *ret,
	struct errbuf *eb)
{
	*ret = (struct cmd_query){0};
	enum status st = cmd_format_limit(a, others, &ret->format, &ret->limit, eb);
	if (st == MS_OK)
		st = cmd_sel_parse(a, 1, &ret->sel, eb);
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &ret->dump, eb);
	if (st != MS_OK)
		return st;
	ret->h = dump_heap(ret->dump);
	ret->of = cmd_sel_is_partial(&ret->sel) ? &ret->set : NULL;
	return cmd_sel_make(&ret->sel, ret->h, &ret->set, eb);
}

void
cmd_query_fini(struct cmd_query *q)
{
	bitset_fini(&q->set);
	cmd_sel_fini(&q->sel);
	dump_close(q->dump);
	*q = (struct cmd_query){0};
}
