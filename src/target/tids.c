/*
 * Numbers of threads: those that a process in another PID namespace has for its own, which
 * are what Python knows, and those that they have here.
 */
#include "priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/limits.h"
#include "memscan/mem.h"

enum { STATUS_MAX = 1 << 16 };

struct tids_row {
	uint64_t here, own;
};

struct tids {
	struct tids_row *at; /* NULL: the numbers are the same */
	size_t n;
};

bool
tids_parse(const char *status, uint64_t *here, uint64_t *own)
{
	const char *p = strstr(status, "\nNSpid:");
	unsigned n = 0;

	if (p == NULL)
		return false;
	p += sizeof("\nNSpid:") - 1;
	while (*p == '\t' || *p == ' ') {
		char *end;
		uint64_t id = strtoull(p, &end, 10);
		if (end == p)
			break;
		if (n++ == 0)
			*here = id;
		*own = id;
		p = end;
	}
	return n > 0;
}

static bool
read_row(pid_t pid, const char *task, struct tids_row *ret)
{
	CLEAN_FREE char *text = NULL;
	struct errbuf eb;
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, task);
	return io_slurp(path, STATUS_MAX, &text, NULL, &eb) == MS_OK &&
		tids_parse(text, &ret->here, &ret->own);
}

struct tids *
tids_new(pid_t pid)
{
	struct tids *t = xcalloc(1, sizeof(*t));
	VEC(struct tids_row) rows = {0};
	struct tids_row row;
	char path[64];

	snprintf(path, sizeof(path), "%d", pid);
	/* All threads of a process are in one namespace. */
	if (!read_row(pid, path, &row) || row.here == row.own)
		return t;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return t;
	for (const struct dirent *e; rows.n < LIM_THREADS && (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.' && read_row(pid, e->d_name, &row))
			vec_push(&rows, row);
	closedir(dir);
	t->at = rows.at;
	t->n = rows.n;
	return t;
}

void
tids_free(struct tids *t)
{
	if (t == NULL)
		return;
	free(t->at);
	free(t);
}

uint64_t
tids_here(const struct tids *t, uint64_t own)
{
	if (t->at == NULL)
		return own;
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].own == own)
			return t->at[i].here;
	return 0;
}

uint64_t
tids_own(const struct tids *t, uint64_t here)
{
	if (t->at == NULL)
		return here;
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].here == here)
			return t->at[i].own;
	return 0;
}
