/*
 * What a dump says of how the process stood when it was taken: the registers of its
 * threads, and of a core the signal that it ended by and what of the core is missing.
 */
#include "acquire.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_UNIT = 4096 };

size_t
acquired_damage(const struct acquired *a, struct walk_known known[ACQUIRED_DAMAGE_MAX])
{
	size_t n = 0;

	if (a->stats.unseen > 0)
		known[n++] = (struct walk_known){
			"page not copied, the time for it was over", 0,
			a->stats.unseen / PAGE_UNIT};
	if (a->corefile == NULL)
		return n;
	const struct core_info *info = core_info(a->corefile);
	if (info->cut > 0)
		known[n++] = (struct walk_known){"core file is cut off", info->cut_at, 1};
	if (info->bad > 0)
		known[n++] = (struct walk_known){
			"segment or note of the core makes no sense", 0, info->bad};
	if (a->collecting_at != 0)
		known[n++] = (struct walk_known){
			"a garbage collection was in progress", a->collecting_at, 1};
	return n;
}

static enum status
put_signal(const struct core_info *info, struct heap_sink *s)
{
	const struct core_signal *sig = &info->signal;
	const char *name = sigabbrev_np(sig->number);
	char text[64];

	if (sig->number == 0)
		return MS_OK;
	snprintf(text, sizeof(text), "%d", sig->number);
	enum status st = s->meta(s->self, "signal", text);
	if (st != MS_OK)
		return st;
	snprintf(text, sizeof(text), "SIG%s", name != NULL ? name : "?");
	st = s->meta(s->self, "signal_name", text);
	if (st != MS_OK || !sig->has_addr)
		return st;
	snprintf(text, sizeof(text), "0x%" PRIx64, sig->addr);
	return s->meta(s->self, "fault_address", text);
}

static enum status
put_core(const struct acquired *a, struct heap_sink *s)
{
	const struct core_info *info = core_info(a->corefile);
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64, info->file_len);
	enum status st = s->meta(s->self, "core_bytes", text);
	if (st == MS_OK && info->cut > 0) {
		snprintf(text, sizeof(text), "%" PRIu64, info->cut);
		st = s->meta(s->self, "core_cut", text);
	}
	return st == MS_OK ? put_signal(info, s) : st;
}

enum status
acquired_put_meta(const struct acquired *a, struct heap_sink *s)
{
	enum status st = a->corefile != NULL ? put_core(a, s) : MS_OK;

	for (size_t i = 0; i < a->n_regs && st == MS_OK; i++) {
		const struct thread_regs *r = &a->regs[i];
		char key[64], text[64];
		snprintf(key, sizeof(key), "thread.%d", r->tid);
		snprintf(text, sizeof(text), "pc 0x%" PRIx64 " sp 0x%" PRIx64, r->pc,
			r->sp);
		st = s->meta(s->self, key, text);
	}
	return st;
}
