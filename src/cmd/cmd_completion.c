/*
 * memscan completion: command-line completion for shells, made of the same rows as -h.
 * `make install` puts its output where the shells look for it.
 */
#include <string.h>

#include "memscan/mem.h"

#include "priv.h"

static const struct cmd_opt opts[] = {
	CMD_OPTS_COMMON,
	{0},
};

/* True if the option's argument is a list of words, false if it is free. */
static bool
is_word_list(const struct cmd_opt *o)
{
	return o->arg != NULL && strchr(o->arg, '|') != NULL;
}

/* "a|b|c" with another separator. */
static void
print_words(const char *list, char separator)
{
	for (; *list != '\0'; list++)
		putchar(*list == '|' ? separator : *list);
}

/* Text within single quotes of a shell. */
static void
print_quoted(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
}

static void
print_commands(void)
{
	const char *space = "";

	for (size_t i = 0; i < cmd_count; i++) {
		if (cmd_table[i]->is_hidden)
			continue;
		printf("%s%s", space, cmd_table[i]->name);
		space = " ";
	}
}

/* ---- bash ---- */

static void
bash_command(const struct cmd *cmd)
{
	printf("\t%s)\n\t\tcase $prev in\n", cmd->name);
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++) {
		if (!is_word_list(o))
			continue;
		printf("\t\t--%s) words='", o->name);
		print_words(o->arg, ' ');
		printf("' ;;\n");
	}
	printf("\t\tesac\n\t\topts='");
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++)
		printf("%s--%s", o == cmd->opts ? "" : " ", o->name);
	printf("'\n\t\t;;\n");
}

static void
print_bash(void)
{
	printf("# bash completion of memscan\n"
	       "_memscan()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal opts= words=\n\tCOMPREPLY=()\n"
	       "\tif [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_commands();
	printf("' -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\tlocal command=${COMP_WORDS[1]}\n"
	       "\t[[ $command == -* ]] && command=dump\n"
	       "\tcase $command in\n");
	for (size_t i = 0; i < cmd_count; i++)
		if (!cmd_table[i]->is_hidden)
			bash_command(cmd_table[i]);
	printf("\tesac\n"
	       "\tif [[ -n $words ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "\telif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
	       "\telif [[ $prev == --pid ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$(pgrep python)\" -- \"$cur\"))\n"
	       "\tfi\n}\n"
	       "complete -o default -F _memscan memscan\n");
}

/* ---- zsh ---- */

/* A help text within single quotes and brackets of _arguments. */
static void
zsh_help(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '[' || *text == ']' || *text == ':')
			putchar('\\');
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
}

static void
zsh_command(const struct cmd *cmd)
{
	printf("\t%s)\n\t\t_arguments", cmd->name);
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++) {
		printf(" \\\n\t\t\t");
		if (o->letter != '\0')
			printf("{-%c,--%s%s}", o->letter, o->name,
				o->arg != NULL ? "=" : "");
		else
			printf("--%s%s", o->name, o->arg != NULL ? "=" : "");
		printf("'[");
		zsh_help(o->help);
		putchar(']');
		if (is_word_list(o)) {
			printf(":%s:(", o->name);
			print_words(o->arg, ' ');
			putchar(')');
		} else if (o->arg != NULL) {
			printf(":%s:%s", o->arg,
				strcmp(o->name, "pid") == 0 ? "_pids" : "_files");
		}
		putchar('\'');
	}
	printf(" \\\n\t\t\t'*:file:_files'\n\t\t;;\n");
}

static void
print_zsh(void)
{
	printf("#compdef memscan\n"
	       "local -a commands=(\n");
	for (size_t i = 0; i < cmd_count; i++) {
		if (cmd_table[i]->is_hidden)
			continue;
		printf("\t'%s:", cmd_table[i]->name);
		print_quoted(cmd_table[i]->summary);
		printf("'\n");
	}
	printf(")\n"
	       "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	       "\t_describe command commands\n\treturn\nfi\n"
	       "local command=$words[2]\n"
	       "if [[ $command == -* ]]; then\n\tcommand=dump\nelse\n"
	       "\tshift words\n\t(( CURRENT-- ))\nfi\n"
	       "case $command in\n");
	for (size_t i = 0; i < cmd_count; i++)
		if (!cmd_table[i]->is_hidden)
			zsh_command(cmd_table[i]);
	printf("esac\n");
}

/* ---- fish ---- */

static void
fish_command(const struct cmd *cmd)
{
	printf("complete -c memscan -n __fish_use_subcommand -x -a %s -d '", cmd->name);
	print_quoted(cmd->summary);
	printf("'\n");
	for (const struct cmd_opt *o = cmd->opts; o->name != NULL; o++) {
		printf("complete -c memscan -n '__fish_seen_subcommand_from %s'",
			cmd->name);
		if (o->letter != '\0')
			printf(" -s %c", o->letter);
		printf(" -l %s", o->name);
		if (is_word_list(o)) {
			printf(" -x -a '");
			print_words(o->arg, ' ');
			putchar('\'');
		} else if (o->arg != NULL) {
			printf(" -r");
		}
		printf(" -d '");
		print_quoted(o->help);
		printf("'\n");
	}
}

static void
print_fish(void)
{
	printf("# fish completion of memscan\n");
	for (size_t i = 0; i < cmd_count; i++)
		if (!cmd_table[i]->is_hidden)
			fish_command(cmd_table[i]);
}

static enum status
run_completion(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"fish", print_fish}, {"zsh", print_zsh}};

	(void)exit_code;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (strcmp(shells[i].name, a->operands[0]) != 0)
			continue;
		shells[i].print();
		return MS_OK;
	}
	return errbuf_set(eb, MS_USAGE, "no shell '%s'; shells are: bash, fish, zsh",
		a->operands[0]);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "print command-line completion for a shell",
	.page = "memscan",
	.synopsis = "bash|zsh|fish",
	.opts = opts,
	.min_operands = 1,
	.max_operands = 1,
	.is_hidden = true,
	.run = run_completion,
};
