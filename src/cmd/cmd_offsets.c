/*
 * memscan offsets: print the table of struct offsets of an interpreter, made from its
 * debug information; --check compares it with the table that is built in, and with what
 * the runtime says of itself.
 *
 * The first operand is the binary that defines the runtime. Each further one is either a
 * C module whose structs are added to the interpreter named before it, or another
 * interpreter of the same series: if all their rows agree, the table covers both
 * releases, and what lies between them.
 */
#include <stdio.h>
#include <string.h>

#include "memscan/elf.h"
#include "memscan/layout.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/target.h"

#include "priv.h"

enum { OPERANDS_MAX = 256 };

static const struct cmd_opt opts[] = {
	{0, "check", NULL, "compare with the built-in table and the runtime's own word; exit 1 if they differ"},
	{'p', "pid", "PID", "the interpreter that a process runs"},
	CMD_OPT_LIBRARY,
	{0, "sysroot", "DIR", "look for separate debug information below DIR first"},
	CMD_OPTS_COMMON,
	{0},
};

/* ---- the binaries ---- */

/* An interpreter's table in the making. */
struct making {
	struct modules *modules; /* rt points into it */
	struct pyruntime rt;
	struct layout layout;
};

static void
making_fini(struct making *k)
{
	layout_fini(&k->layout);
	modules_free(k->modules);
	*k = (struct making){0};
}

static void
clean_modules(struct modules **m)
{
	modules_free(*m);
}

static void
clean_target(struct target **t)
{
	target_close(*t);
}

static enum status
make_from_file(const char *path, const char *sysroot, struct making *ret, struct errbuf *eb)
{
	CLEAN(making_fini) struct making k = {0};

	enum status st = elf_open_file(path, &k.modules, eb);
	if (st != MS_OK)
		return st;
	modules_set_sysroot(k.modules, sysroot);
	st = pyruntime_find_file(k.modules, &k.rt, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "%s", path);
	st = layout_from_dwarf(&k.rt, &k.layout, eb);
	if (st != MS_OK)
		return st;
	*ret = k;
	k = (struct making){0};
	return MS_OK;
}

/* True if this file is an interpreter; false for C modules and what cannot be opened. */
static bool
is_interpreter(const char *path)
{
	CLEAN(clean_modules) struct modules *m = NULL;
	struct errbuf eb = {0};
	struct pyruntime rt;

	return elf_open_file(path, &m, &eb) == MS_OK &&
		pyruntime_find_file(m, &rt, &eb) == MS_OK;
}

/* Add the structs of a C module. */
static enum status
add_module(struct making *k, const char *path, const char *sysroot, struct errbuf *eb)
{
	CLEAN(clean_modules) struct modules *m = NULL;

	enum status st = elf_open_file(path, &m, eb);
	if (st != MS_OK)
		return st;
	modules_set_sysroot(m, sysroot);
	return layout_add_dwarf(&k->layout, modules_at(m, 0), eb);
}

/* Let the table made so far cover a further interpreter, or say what differs. */
static enum status
widen(struct making *all, struct making *one, struct errbuf *eb)
{
	CLEAN_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return errbuf_sys(eb, MS_NOMEM, "open_memstream");
	enum status st = layout_widen(&all->layout, &one->layout, out, eb);
	fclose(out);
	for (const char *line = text; line != NULL && *line != '\0';) {
		size_t n = strcspn(line, "\n");
		log_at(LOG_NORMAL, "%.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
	return st;
}

/* One table of all operands. */
static enum status
make_from_files(const struct cmd_args *a, struct making *ret, struct errbuf *eb)
{
	CLEAN(making_fini) struct making all = {0};
	CLEAN(making_fini) struct making one = {0};

	const char *sysroot = cmd_value(a, "sysroot");

	enum status st = make_from_file(a->operands[0], sysroot, &one, eb);
	for (size_t i = 1; st == MS_OK && i < a->n_operands; i++) {
		const char *path = a->operands[i];
		if (!is_interpreter(path)) {
			st = add_module(&one, path, sysroot, eb);
			continue;
		}
		if (all.modules == NULL) {
			all = one;
			one = (struct making){0};
		} else {
			st = widen(&all, &one, eb);
			making_fini(&one);
		}
		if (st == MS_OK)
			st = make_from_file(path, sysroot, &one, eb);
	}
	if (st == MS_OK && all.modules != NULL)
		st = widen(&all, &one, eb);
	if (st != MS_OK)
		return st;
	*ret = all.modules != NULL ? all : one;
	*(all.modules != NULL ? &all : &one) = (struct making){0};
	return MS_OK;
}

static enum status
make_from_pid(const struct cmd_args *a, struct making *ret, struct errbuf *eb)
{
	CLEAN(making_fini) struct making k = {0};
	CLEAN(clean_target) struct target *t = NULL;
	struct live_caps caps;
	uint64_t pid;

	enum status st = cmd_number(a, "pid", 0, 1, INT32_MAX, &pid, eb);
	if (st == MS_OK)
		st = live_open((pid_t)pid, &t, &caps, eb);
	if (st == MS_OK)
		st = modules_load(t, (pid_t)pid, &k.modules, eb);
	if (st == MS_OK)
		st = pyruntime_find(t, k.modules, cmd_value(a, "library"), &k.rt, eb);
	if (st == MS_OK)
		st = layout_from_dwarf(&k.rt, &k.layout, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "pid %s", cmd_value(a, "pid"));
	*ret = k;
	k = (struct making){0};
	return MS_OK;
}

/* ---- the answer ---- */

/*
 * Debug information, built-in table and what the runtime says of itself, each against
 * each: a table that differs from the runtime's own word is not taken at all.
 */
static enum status
check_sources(const struct making *k, int *exit_code, struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout table = {0};
	size_t shared = 0;

	size_t n = layout_compare_debug(&k->layout, &k->rt, &shared, stdout);
	enum status st = layout_embedded(&k->rt, &table, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "debug information and _Py_DebugOffsets %s about %zu rows",
			n == 0 ? "agree" : "do not agree", shared);
	n += layout_compare(&k->layout, &table, stdout);
	if (n != 0) {
		*exit_code = MS_EXIT_YES;
		return MS_OK;
	}
	if (shared > 0)
		log_at(LOG_NORMAL,
			"CPython %s (%s): debug information, built-in %s and "
			"_Py_DebugOffsets (%zu rows) agree",
			k->rt.version, k->rt.flavour, table.origin, shared);
	else
		log_at(LOG_NORMAL, "CPython %s (%s): debug information and built-in %s agree",
			k->rt.version, k->rt.flavour, table.origin);
	return MS_OK;
}

static enum status
run(const struct cmd_args *a, int *exit_code, struct errbuf *eb)
{
	CLEAN(making_fini) struct making k = {0};

	bool has_pid = cmd_has(a, "pid");
	if (has_pid == (a->n_operands > 0))
		return errbuf_set(eb, MS_USAGE, "name either a binary or --pid PID");
	enum status st = has_pid ? make_from_pid(a, &k, eb) : make_from_files(a, &k, eb);
	if (st != MS_OK)
		return st;
	if (cmd_has(a, "check")) {
		st = check_sources(&k, exit_code, eb);
		if (st != MS_OK)
			return st;
	} else {
		layout_print(&k.layout, &k.rt, stdout);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return errbuf_sys(eb, MS_IO, "standard output");
	return MS_OK;
}

const struct cmd cmd_offsets = {
	.name = "offsets",
	.summary = "print the table of struct offsets of an interpreter",
	.page = "memscan-info",
	.synopsis = "[BINARY...]",
	.opts = opts,
	.min_operands = 0,
	.max_operands = OPERANDS_MAX,
	.run = run,
};
