/*
 * The table of commands and the way from a command line to one of them. Errors of the
 * whole program are printed here, once.
 */
#include "memscan/cmd.h"

#include <string.h>

#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/text.h"

#include "priv.h"

/* Sorted by name. */
const struct cmd *const cmd_table[] = {
	&cmd_check,
	&cmd_completion,
	&cmd_diff,
	&cmd_dump,
	&cmd_dups,
	&cmd_export,
	&cmd_find,
	&cmd_info,
	&cmd_leaks,
	&cmd_offsets,
	&cmd_path,
	&cmd_referrers,
	&cmd_refs,
	&cmd_retained,
	&cmd_show,
	&cmd_summary,
	&cmd_threads,
	&cmd_top,
	&cmd_trend,
	&cmd_waste,
};

const size_t cmd_count = ARRAY_LEN(cmd_table);

const struct cmd *
cmd_by_name(const char *name)
{
	for (size_t i = 0; i < cmd_count; i++)
		if (strcmp(cmd_table[i]->name, name) == 0)
			return cmd_table[i];
	return NULL;
}

enum { WORD_MAX = 24 };

/* Letters to change, add or leave out to make b of a (Levenshtein); both are short. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t above_left = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t best = above_left + (a[i] != b[j]);
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			above_left = row[j + 1];
			row[j + 1] = best;
		}
	}
	return row[n];
}

const struct cmd *
cmd_nearest(const char *name)
{
	const struct cmd *best = NULL;
	size_t best_distance = 3; /* further off, it is another word */

	if (strlen(name) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < cmd_count; i++) {
		size_t d = distance(name, cmd_table[i]->name);
		if (d >= best_distance || cmd_table[i]->is_hidden)
			continue;
		best = cmd_table[i];
		best_distance = d;
	}
	return best;
}

/* ---- help ---- */

/* "-o, --output FILE" */
static void
opt_title(const struct cmd_opt *o, char *buf, size_t cap)
{
	char letter[] = {'-', o->letter, ',', ' ', '\0'};

	snprintf(buf, cap, "%s--%s%s%s", o->letter != '\0' ? letter : "    ", o->name,
		o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
}

static void
help_command(const struct cmd *cmd)
{
	char title[112];
	int widest = 0;

	printf("usage: memscan %s [options]%s%s\n", cmd->name,
		*cmd->synopsis != '\0' ? " " : "", cmd->synopsis);
	printf("\n%c%s.\n\noptions:\n", cmd->summary[0] & ~0x20, cmd->summary + 1);
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++) {
		opt_title(o, title, sizeof(title));
		int width = (int)strlen(title);
		widest = width > widest ? width : widest;
	}
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++) {
		opt_title(o, title, sizeof(title));
		printf("  %-*s  %s\n", widest, title, o->help);
	}
	printf("\nSee %s(1).\n", cmd->page);
}

static void
help_all(void)
{
	fputs("usage: memscan COMMAND [options] [operands]\n"
	      "       memscan --pid PID -o FILE\n"
	      "\n"
	      "Look at the heap of a running Python from outside.\n"
	      "\n"
	      "commands:\n",
		stdout);
	for (size_t i = 0; i < cmd_count; i++)
		if (!cmd_table[i]->is_hidden)
			printf("  %-10s  %s\n", cmd_table[i]->name,
				cmd_table[i]->summary);
	fputs("\n'memscan help COMMAND' lists a command's options; see also memscan(1).\n",
		stdout);
}

/* ---- running ---- */

/*
 * A message may quote names of the target: nothing in it may drive the terminal. Lines
 * after the first are indented, so that none can pass for a message.
 */
static void
print_error(const char *command, const struct errbuf *eb)
{
	progress_stop();
	fputs("memscan: ", stderr);
	if (command != NULL)
		fprintf(stderr, "%s: ", command);
	for (const char *p = eb->msg; *p != '\0'; p++) {
		if (*p == '\n')
			fputs("\n    ", stderr);
		else
			fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, stderr);
	}
	fputc('\n', stderr);
	if (eb->code == MS_USAGE)
		fprintf(stderr, "See 'memscan %s%s-h'.\n", command != NULL ? command : "",
			command != NULL ? " " : "");
}

static void
set_log_level(const struct cmd_args *a)
{
	unsigned times = cmd_times(a, "verbose");
	enum log_level level = times > 0 ? LOG_VERBOSE : LOG_NORMAL;

	if (times > 1)
		level = LOG_DEBUG;
	if (cmd_has(a, "quiet"))
		level = LOG_QUIET;
	log_set_level(level);
}

static int
run(const struct cmd *cmd, int argc, char **argv)
{
	CLEAN(cmd_args_fini) struct cmd_args args = {0};
	struct errbuf eb = {0};
	int exit_code = 0;

	enum status st = cmd_parse(cmd, argc, argv, &args, &eb);
	if (st == MS_OK && cmd_has(&args, "help")) {
		help_command(cmd);
		return 0;
	}
	if (st == MS_OK) {
		set_log_level(&args);
		st = cmd->run(&args, &exit_code, &eb);
	}
	progress_stop();
	if (st == MS_OK)
		return exit_code;
	if (eb.msg[0] == '\0')
		errbuf_set(&eb, st, "%s", status_text(st));
	eb.code = st;
	print_error(cmd->name, &eb);
	return status_exit_code(st);
}

static int
unknown_command(const char *name)
{
	const struct cmd *near = cmd_nearest(name);
	struct errbuf eb;

	if (near != NULL)
		errbuf_set(&eb, MS_USAGE, "no command '%s'; did you mean '%s'?", name,
			near->name);
	else
		errbuf_set(&eb, MS_USAGE, "no command '%s'", name);
	print_error(NULL, &eb);
	return status_exit_code(MS_USAGE);
}

/* memscan help [COMMAND] */
static int
help(int n_words, char **words)
{
	struct errbuf eb;

	if (n_words == 0) {
		help_all();
		return 0;
	}
	const struct cmd *cmd = cmd_by_name(words[0]);
	if (cmd == NULL)
		return unknown_command(words[0]);
	if (n_words > 1) {
		errbuf_set(&eb, MS_USAGE, "unexpected operand '%s'", words[1]);
		print_error(NULL, &eb);
		return status_exit_code(MS_USAGE);
	}
	help_command(cmd);
	return 0;
}

int
cmd_main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: memscan COMMAND [options] [operands]\n"
		      "       memscan --pid PID -o FILE\n"
		      "See 'memscan -h'.\n",
			stderr);
		return status_exit_code(MS_USAGE);
	}
	const char *word = argv[1];
	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
		help_all();
		return 0;
	}
	if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
		puts("memscan " MEMSCAN_VERSION);
		return 0;
	}
	if (strcmp(word, "help") == 0)
		return help(argc - 2, argv + 2);
	if (word[0] == '-')
		return run(&cmd_dump, argc - 1, argv + 1);
	const struct cmd *cmd = cmd_by_name(word);
	if (cmd == NULL)
		return unknown_command(word);
	return run(cmd, argc - 2, argv + 2);
}

/* ---- shared by commands ---- */

bool
meta_number(const struct heap *h, const char *key, uint64_t *ret)
{
	const char *text = heap_meta_get(h, key);

	return text != NULL && text_parse_u64(text, ret) == MS_OK;
}

void
clean_dump(struct dump **d)
{
	dump_close(*d);
}
