/*
 * Selections of commands: operands that say which objects, and --rel.
 */
#ifndef MEMSCAN_CMD_SEL_H
#define MEMSCAN_CMD_SEL_H

#include "memscan/analysis.h"

#include "priv.h"

#define CMD_OPTS_SELECT                                                                  \
	{                                                                                \
		0, "rel", "BASE", "only objects that the older dump BASE has not"        \
	},                                                                               \
		CMD_OPT_CACHE

/* What objects a command is about. */
struct cmd_sel {
	struct sel *sel;  /* NULL: all */
	const char *base; /* file of --rel, or NULL */
	const char *cache; /* the dump's file, with --cache */
	struct dump *base_dump;
	const struct heap *h; /* of the dump that is selected from */
	struct bitset older;
	bool has_older;
	uint64_t *retained; /* nobj, once it was asked for */
	bool is_quiet;      /* says nothing of types that the dump has not */
	struct sel_env env;
};

/*
 * Read the selection that the operands from number `first` on are, put together with
 * blanks between, before any dump is opened; cmd_sel_fini() it, after an error, too.
 * MS_USAGE   it is wrong; see sel_parse
 */
MUST_CHECK enum status cmd_sel_parse(
	const struct cmd_args *a, size_t first, struct cmd_sel *ret, struct errbuf *eb);

/* The same of a text, or of none (NULL). */
MUST_CHECK enum status cmd_sel_parse_text(const struct cmd_args *a, const char *text,
	struct cmd_sel *ret, struct errbuf *eb);

/* Does it leave anything out? If so, it needs all columns of the dump. */
bool cmd_sel_is_partial(const struct cmd_sel *s);

/*
 * The objects, without those of --rel; bitset_fini() it. As sel_select, and
 * MS_USAGE   the dump of --rel is of another process; else as dump_open of it
 */
MUST_CHECK enum status cmd_sel_make(
	struct cmd_sel *s, const struct heap *h, struct bitset *ret, struct errbuf *eb);

/*
 * Retained bytes of each object, computed at the first call; borrowed until cmd_sel_fini.
 * Guessed references hold. To be called after cmd_sel_make. MS_NOMEM
 */
MUST_CHECK enum status cmd_sel_retained(
	struct cmd_sel *s, const uint64_t **ret, struct errbuf *eb);
void cmd_sel_fini(struct cmd_sel *s);

/* What most commands about objects of one dump begin with. It is not to be moved. */
struct cmd_query {
	enum rows_format format;
	uint64_t limit; /* of rows; UINT64_MAX: all */
	struct cmd_sel sel;
	struct dump *dump;
	const struct heap *h; /* all columns */
	struct bitset set;    /* the objects */
	const struct bitset *of; /* the set; NULL: it leaves nothing out */
};

/*
 * The options (`others` as in cmd_format_limit), the dump that the first operand names,
 * and the selection that the others are; cmd_query_fini() it, after an error, too.
 * As cmd_format_limit, cmd_sel_parse, dump_open and cmd_sel_make.
 */
MUST_CHECK enum status cmd_query_open(const struct cmd_args *a, uint64_t others,
	struct cmd_query *ret, struct errbuf *eb);
void cmd_query_fini(struct cmd_query *q);

#endif
