/*
 * Where the copy goes and how long it may take: options of dump, and what comes of them
 * before anything is done (--dry-run).
 */
#include <stdio.h>
#include <string.h>

#include "memscan/text.h"

#include "acquire.h"
#include "priv.h"

/* The directory that a copy on disk goes to: that of the output. */
const char *
acquire_spool_dir(const char *output, char *buf, size_t cap)
{
	if (output == NULL)
		return ".";
	if (strcmp(output, "-") == 0)
		return "/var/tmp";
	const char *slash = strrchr(output, '/');
	if (slash == NULL)
		return ".";
	size_t len = slash == output ? 1 : (size_t)(slash - output);
	snprintf(buf, cap, "%.*s", (int)len, output);
	return buf;
}

enum status
acquire_parse_snapshot(
	const struct cmd_args *a, struct acquire_opts *o, struct errbuf *eb)
{
	const char *mode = cmd_value(a, "snapshot");
	uint64_t ms, threads;

	enum status st = cmd_number(a, "max-pause", 0, 1, 86400000, &ms, eb);
	if (st == MS_OK)
		st = cmd_number(a, "threads", 0, 1, 64, &threads, eb);
	if (st != MS_OK)
		return st;
	o->max_pause_ns = ms * 1000000;
	if (o->no_stop && ms > 0)
		return errbuf_set(eb, MS_USAGE, "--max-pause goes without --no-stop");
	o->snap.precopy = cmd_has(a, "pre-copy");
	if (o->snap.precopy && o->no_stop)
		return errbuf_set(eb, MS_USAGE, "--pre-copy goes without --no-stop");
	if (o->snap.precopy && mode != NULL && strcmp(mode, "none") == 0)
		return errbuf_set(eb, MS_USAGE,
			"--pre-copy goes without --snapshot none, which copies nothing");
	o->snap.threads = (unsigned)threads;
	while (mode != NULL && strcmp(mode, snapshot_mode_name(o->snap.mode)) != 0)
		o->snap.mode++;
	return MS_OK;
}

const char *
acquire_pause_text(const struct snapshot_plan *p, char buf[PAUSE_TEXT])
{
	char least[TEXT_NUM], most[TEXT_NUM];

	text_duration(least, p->pause_ns);
	if (p->pause_most_ns <= p->pause_ns)
		snprintf(buf, PAUSE_TEXT, "%s", least);
	else
		snprintf(buf, PAUSE_TEXT, "%s to %s", least, text_duration(most, p->pause_most_ns));
	return buf;
}

void
acquire_print_plan(const struct acquire_opts *o, const struct acquired *a)
{
	char bytes[TEXT_NUM], out[TEXT_NUM], peak[TEXT_NUM], spare[TEXT_NUM],
		disk[TEXT_NUM], pause[PAUSE_TEXT], count[TEXT_NUM];

	const struct snapshot_plan *p = &a->plan;
	printf("snapshot   %s\n", snapshot_mode_name(p->mode));
	uint64_t copied = p->mode == SNAPSHOT_NONE ? 0 : p->bytes - p->known;
	printf("to copy    %s, by %u threads; %s of raw buffers are left out\n",
		text_size(bytes, copied), p->threads, text_size(out, p->left_out));
	if (p->known > 0 && p->mode != SNAPSHOT_NONE)
		printf("in common  %s with process %d, not copied again\n",
			text_size(bytes, p->known), (int)o->base);
	printf("objects    about %s\n", text_count(count, p->objects));
	printf("memory     %s at the peak, %s can be spared\n",
		text_size(peak, p->peak),
		p->budget == UINT64_MAX ? "any" : text_size(spare, p->budget));
	if (p->swapped > 0)
		printf("swapped    %s, %s\n", text_size(disk, p->swapped),
			p->leaves_swapped ? "left so: there is no room to bring it back"
					  : "which reading brings back");
	printf("disk       %s free in %s\n", text_size(disk, p->disk_room), o->snap.dir);
	if (p->is_precopy)
		printf("pre-copy   all of it before the process is held, then what it has written "
		       "to since\n");
	if (p->precopy_obstacle != NULL)
		printf("pre-copy   not possible: %s\n", p->precopy_obstacle);
	printf("held       %s %s\n", p->is_precopy ? "at least" : "about",
		o->no_stop ? "0" : acquire_pause_text(p, pause));
}
