/*
 * The option parser: rows in, values by row out. It keeps no state between calls and
 * knows no command; help and completion are made of the same rows.
 */
#include "memscan/cmd.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"
#include "memscan/text.h"
#include "memscan/vec.h"

#include "priv.h"

static size_t
count_opts(const struct cmd *cmd)
{
	size_t n = 0;

	while (cmd->opts[n].name != NULL)
		n++;
	return n;
}

/* Rows are found by name or letter; the number of rows means there is none. */
static size_t
find_opt(const struct cmd *cmd, const char *name, size_t len)
{
	size_t i = 0;

	for (; cmd->opts[i].name != NULL; i++)
		if (strncmp(cmd->opts[i].name, name, len) == 0 &&
			cmd->opts[i].name[len] == '\0')
			break;
	return i;
}

static size_t
find_letter(const struct cmd *cmd, char letter)
{
	size_t i = 0;

	while (cmd->opts[i].name != NULL && cmd->opts[i].letter != letter)
		i++;
	return i;
}

/* True if value is one of the words of "a|b|c"; anything is, where there is no list. */
static bool
is_word_of(const char *list, const char *value)
{
	size_t len = strlen(value);

	if (strchr(list, '|') == NULL)
		return true;
	for (const char *word = list; word != NULL;) {
		const char *bar = strchr(word, '|');
		size_t n = bar != NULL ? (size_t)(bar - word) : strlen(word);
		if (n == len && memcmp(word, value, n) == 0)
			return true;
		word = bar != NULL ? bar + 1 : NULL;
	}
	return false;
}

/* What is being parsed. */
struct parse {
	struct cmd_args *args;
	int argc, at;
	char **argv;
	struct errbuf *eb;
	VEC(struct cmd_given) given; /* lives on in args */
};

static enum status
set_value(struct parse *p, size_t row, const char *value)
{
	const struct cmd_opt *opt = &p->args->cmd->opts[row];

	if (opt->arg != NULL && !is_word_of(opt->arg, value))
		return errbuf_set(p->eb, MS_USAGE, "--%s is one of %s, not '%s'",
			opt->name, opt->arg, value);
	p->args->values[row] = value;
	p->args->counts[row]++;
	vec_push(&p->given, (struct cmd_given){row, value});
	p->args->given = p->given.at;
	p->args->n_given = p->given.n;
	return MS_OK;
}

/* An option that takes a value, which is the next argument if it is not attached. */
static enum status
set_from(struct parse *p, size_t row, const char *attached)
{
	const struct cmd_opt *opt = &p->args->cmd->opts[row];

	if (attached != NULL)
		return set_value(p, row, attached);
	if (p->at == p->argc)
		return errbuf_set(
			p->eb, MS_USAGE, "--%s needs a value: %s", opt->name, opt->arg);
	return set_value(p, row, p->argv[p->at++]);
}

/* --name, --name=value, --name value */
static enum status
parse_long(struct parse *p, const char *text)
{
	const struct cmd *cmd = p->args->cmd;
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
	size_t row = find_opt(cmd, text, len);

	if (cmd->opts[row].name == NULL)
		return errbuf_set(p->eb, MS_USAGE, "unknown option --%.*s",
			(int)(len < 100 ? len : 100), text);
	if (cmd->opts[row].arg != NULL)
		return set_from(p, row, equals != NULL ? equals + 1 : NULL);
	if (equals != NULL)
		return errbuf_set(
			p->eb, MS_USAGE, "--%s takes no value", cmd->opts[row].name);
	return set_value(p, row, "");
}

/* -v, -vq, -oFILE, -o FILE, -qoFILE */
static enum status
parse_cluster(struct parse *p, const char *letters)
{
	const struct cmd *cmd = p->args->cmd;

	for (; *letters != '\0'; letters++) {
		size_t row = find_letter(cmd, *letters);
		if (cmd->opts[row].name == NULL)
			return errbuf_set(
				p->eb, MS_USAGE, "unknown option -%c", *letters);
		if (cmd->opts[row].arg != NULL)
			return set_from(p, row, letters[1] != '\0' ? letters + 1 : NULL);
		enum status st = set_value(p, row, "");
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
check_operands(const struct cmd_args *a, struct errbuf *eb)
{
	const struct cmd *cmd = a->cmd;

	if (find_opt(cmd, "help", 4) < count_opts(cmd) && cmd_has(a, "help"))
		return MS_OK;
	if (a->n_operands > cmd->max_operands)
		return errbuf_set(eb, MS_USAGE, "unexpected operand '%s'",
			a->operands[cmd->max_operands]);
	if (a->n_operands < cmd->min_operands)
		return errbuf_set(
			eb, MS_USAGE, "an operand is missing: %s", cmd->synopsis);
	return MS_OK;
}

enum status
cmd_parse(const struct cmd *cmd, int argc, char **argv, struct cmd_args *ret,
	struct errbuf *eb)
{
	size_t n = count_opts(cmd);
	struct parse p = {.args = ret, .argc = argc, .argv = argv, .eb = eb};
	bool is_literal = false;

	*ret = (struct cmd_args){
		.cmd = cmd,
		.values = xcalloc(n, sizeof(*ret->values)),
		.counts = xcalloc(n, sizeof(*ret->counts)),
		.operands = xcalloc((size_t)argc, sizeof(*ret->operands)),
	};
	while (p.at < argc) {
		const char *arg = argv[p.at++];
		enum status st = MS_OK;
		if (is_literal || arg[0] != '-' || arg[1] == '\0')
			ret->operands[ret->n_operands++] = arg;
		else if (strcmp(arg, "--") == 0)
			is_literal = true;
		else if (arg[1] == '-')
			st = parse_long(&p, arg + 2);
		else
			st = parse_cluster(&p, arg + 1);
		if (st != MS_OK)
			return st;
	}
	return check_operands(ret, eb);
}

void
cmd_args_fini(struct cmd_args *a)
{
	free(a->values);
	free(a->counts);
	free(a->given);
	free(a->operands);
	*a = (struct cmd_args){0};
}

/* ---- what commands ask ---- */

static size_t
row_of(const struct cmd_args *a, const char *name)
{
	size_t row = find_opt(a->cmd, name, strlen(name));

	assert(a->cmd->opts[row].name != NULL);
	return row;
}

const char *
cmd_value(const struct cmd_args *a, const char *name)
{
	return a->values[row_of(a, name)];
}

bool
cmd_has(const struct cmd_args *a, const char *name)
{
	return cmd_value(a, name) != NULL;
}

unsigned
cmd_times(const struct cmd_args *a, const char *name)
{
	return a->counts[row_of(a, name)];
}

const char *
cmd_nth(const struct cmd_args *a, const char *name, size_t n)
{
	size_t row = row_of(a, name);

	for (size_t i = 0; i < a->n_given; i++)
		if (a->given[i].row == row && n-- == 0)
			return a->given[i].value;
	return NULL;
}

enum status
cmd_number(const struct cmd_args *a, const char *name, uint64_t dflt, uint64_t min,
	uint64_t max, uint64_t *ret, struct errbuf *eb)
{
	const char *text = cmd_value(a, name);
	uint64_t v;

	if (text == NULL) {
		*ret = dflt;
		return MS_OK;
	}
	if (text_parse_u64(text, &v) != MS_OK)
		return errbuf_set(
			eb, MS_USAGE, "--%s needs a number, not '%s'", name, text);
	if (v < min || (v > max && max == UINT64_MAX))
		return errbuf_set(eb, MS_USAGE, "--%s is at least %" PRIu64, name, min);
	if (v > max)
		return errbuf_set(eb, MS_USAGE,
			"--%s is a number from %" PRIu64 " to %" PRIu64, name, min, max);
	*ret = v;
	return MS_OK;
}

enum status
cmd_format(const struct cmd_args *a, enum rows_format *ret, struct errbuf *eb)
{
	static const struct {
		const char *name;
		enum rows_format format;
	} formats[] = {{"json", ROWS_JSON}, {"tsv", ROWS_TSV}, {"csv", ROWS_CSV}};
	const char *first = NULL;
	enum rows_format format = ROWS_TEXT;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		size_t row = find_opt(a->cmd, formats[i].name, strlen(formats[i].name));
		if (a->cmd->opts[row].name == NULL || a->values[row] == NULL)
			continue;
		if (first != NULL)
			return errbuf_set(eb, MS_USAGE,
				"--%s and --%s exclude each other", first,
				formats[i].name);
		first = formats[i].name;
		format = formats[i].format;
	}
	*ret = format;
	return MS_OK;
}

enum status
cmd_format_limit(const struct cmd_args *a, uint64_t others, enum rows_format *format,
	uint64_t *limit, struct errbuf *eb)
{
	enum rows_format f;
	uint64_t n;

	enum status st = cmd_format(a, &f, eb);
	if (st == MS_OK)
		st = cmd_number(a, "limit", f == ROWS_TEXT ? CMD_LIMIT : others, 0,
			UINT64_MAX, &n, eb);
	if (st != MS_OK)
		return st;
	*format = f;
	*limit = n == 0 ? UINT64_MAX : n;
	return MS_OK;
}
