/*
 * memscan export: a dump in the formats of other tools.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/mem.h"

#include "sel.h"

static const struct cmd_opt opts[] = {
	{0, "format", "FORMAT", "meliae or jsonl"},
	{'o', "output", "FILE", "write to FILE instead of standard output"},
	{'f', "force", NULL, "replace FILE if it exists"},
	CMD_OPTS_SELECT,
	CMD_OPTS_COMMON,
	{0},
};

static const struct format {
	const char *name;
	enum status (*write)(const struct heap *h, const struct bitset *of, FILE *out,
		struct errbuf *eb);
} formats[] = {
	{"jsonl", export_jsonl},
	{"meliae", export_meliae},
};

static enum status
find_format(const char *name, const struct format **ret, struct errbuf *eb)
{
	char list[64] = "";

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (name != NULL && strcmp(formats[i].name, name) == 0) {
			*ret = &formats[i];
			return MS_OK;
		}
		size_t n = strlen(list);
		snprintf(list + n, sizeof(list) - n, "%s%s", i > 0 ? ", " : "",
			formats[i].name);
	}
	if (name == NULL)
		return errbuf_set(
			eb, MS_USAGE, "--format is missing; formats are: %s", list);
	return errbuf_set(eb, MS_USAGE, "no format '%s'; formats are: %s", name, list);
}

/* The unfinished file, for the signal handler. */
static const struct outfile *volatile unfinished;

static void
on_signal(int sig)
{
	if (unfinished != NULL)
		outfile_abandon(unfinished);
	raise(sig); /* SA_RESETHAND: as if there were no handler */
}

static void
catch_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &act, NULL);
}

/* What is exported, and how. */
struct task {
	const struct format *f;
	const struct heap *h;
	const struct bitset *of; /* NULL: all objects */
};

/* Write through a FILE of its own: the output file stays open until its commit. */
static enum status
write_file(const struct task *t, const struct outfile *out, struct errbuf *eb)
{
	CLEAN_CLOSE int fd = dup(out->fd);
	CLEAN_FCLOSE FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL)
		return errbuf_sys(eb, MS_IO, "cannot write the output");
	fd = -1;
	return t->f->write(t->h, t->of, file, eb);
}

static enum status
export_to(const struct task *t, const char *path, bool force, struct errbuf *eb)
{
	CLEAN(outfile_fini) struct outfile out = {.fd = -1};

	enum status st = outfile_open(&out, path, force, eb);
	if (st != MS_OK)
		return st;
	unfinished = &out;
	catch_signals();
	st = write_file(t, &out, eb);
	if (st == MS_OK)
		st = outfile_commit(&out, eb);
	unfinished = NULL;
	return st;
}

static enum status
run_export(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(cmd_sel_fini) struct cmd_sel sel = {0};
	CLEAN(bitset_fini) struct bitset set = {0};
	CLEAN(clean_dump) struct dump *dump = NULL;
	struct task t = {0};

	(void)exit_code;
	enum status st = find_format(cmd_value(a, "format"), &t.f, eb);
	if (st == MS_OK)
		st = cmd_sel_parse(a, 1, &sel, eb);
	if (st == MS_OK)
		st = dump_open(a->operands[0], DUMP_ALL, &dump, eb);
	if (st != MS_OK)
		return st;
	t.h = dump_heap(dump);
	if (cmd_sel_is_partial(&sel)) {
		st = cmd_sel_make(&sel, t.h, &set, eb);
		t.of = &set;
	}
	if (st != MS_OK)
		return st;
	const char *path = cmd_value(a, "output");
	if (path == NULL || strcmp(path, "-") == 0)
		return t.f->write(t.h, t.of, stdout, eb);
	return export_to(&t, path, cmd_has(a, "force"), eb);
}

const struct cmd cmd_export = {
	.name = "export",
	.summary = "write a dump in another tool's format",
	.page = "memscan-info",
	.synopsis = "FILE [SEL]",
	.opts = opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_export,
};
