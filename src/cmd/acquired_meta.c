/*
 * What a dump says of itself: which process, how it was taken, and how the process
 * stood then: the registers of its threads, of a core the signal that it ended by and
 * what of the core is missing.
 */
#include "acquire.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "memscan/cmd.h"
#include "memscan/log.h"
#include "memscan/mem.h"
#include "memscan/text.h"

enum { PAGE_UNIT = 4096 };

size_t
acquired_damage(const struct acquired *a, struct walk_known known[ACQUIRED_DAMAGE_MAX])
{
	size_t n = 0;

	if (a->stats.unseen > 0)
		known[n++] = (struct walk_known){
			"page not copied, the time for it was over", 0,
			a->stats.unseen / PAGE_UNIT};
	if (a->stats.swapped > 0)
		known[n++] = (struct walk_known){
			"page not copied, it was swapped out", 0,
			a->stats.swapped / PAGE_UNIT};
	if (a->collecting_at != 0)
		known[n++] = (struct walk_known){
			"a garbage collection was in progress", a->collecting_at, 1};
	if (a->corefile == NULL)
		return n;
	const struct core_info *info = core_info(a->corefile);
	if (info->cut > 0)
		known[n++] = (struct walk_known){"core file is cut off", info->cut_at, 1};
	if (info->bad > 0)
		known[n++] = (struct walk_known){
			"segment or note of the core makes no sense", 0, info->bad};
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

static enum status
put_number(struct heap_sink *s, const char *key, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return s->meta(s->self, key, text);
}

/* Pages are compared where there is a copy of them. */
static enum status
put_torn(const struct acquired *a, struct heap_sink *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{"torn_containers", a->walked.changed},
		{"gone_objects", a->walked.gone},
		{"torn_links", a->walked.broken_links},
		{"compared_pages", a->stats.pages},
		{"torn_pages", a->stats.torn},
	};
	size_t n = a->stats.pages > 0 ? ARRAY_LEN(numbers) : ARRAY_LEN(numbers) - 2;
	enum status st = MS_OK;

	for (size_t i = 0; i < n && st == MS_OK; i++)
		st = put_number(s, numbers[i].key, numbers[i].value);
	return st;
}

void
acquired_tell_torn(const struct acquired *a)
{
	const struct walk_stats *w = &a->walked;
	char torn[TEXT_NUM], pages[TEXT_NUM], changed[TEXT_NUM], gone[TEXT_NUM],
		links[TEXT_NUM];

	text_count(pages, a->stats.pages);
	if (a->stats.torn + w->changed + w->gone + w->broken_links == 0)
		log_at(LOG_NORMAL, "not held, but nothing changed meanwhile%s%s%s",
			a->stats.pages > 0 ? ": " : "", a->stats.pages > 0 ? pages : "",
			a->stats.pages > 0 ? " pages were looked at twice" : "");
	else
		log_at(LOG_NORMAL,
			"torn, as it was not held: %s of %s pages changed while they were "
			"copied; %s lists, dicts and sets changed, %s objects went, and %s "
			"links of the collector's lists were broken",
			text_count(torn, a->stats.torn), pages,
			text_count(changed, w->changed), text_count(gone, w->gone),
			text_count(links, w->broken_links));
}

void
acquired_tell_precopy(const struct acquired *a)
{
	char before[TEXT_NUM], stood[TEXT_NUM], held[TEXT_NUM], took[TEXT_NUM];

	if (a->before.rounds == 0)
		return;
	log_at(LOG_VERBOSE,
		"copied before it was held: %s in %s (%u times over), of which %s had not changed; "
		"while it was held: %s",
		text_size(before, a->before.bytes), text_duration(took, a->before.ns),
		a->before.rounds, text_size(stood, a->stats.before),
		text_size(held, a->stats.bytes));
}

/* What was copied before the process was held. */
static enum status
put_precopy(const struct acquired *a, struct heap_sink *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{"precopy_bytes", a->before.bytes},
		{"precopy_same_bytes", a->stats.before},
		{"precopy_ns", a->before.ns},
		{"precopy_rounds", a->before.rounds},
	};
	enum status st = MS_OK;

	if (a->plan.precopy_obstacle != NULL)
		return s->meta(s->self, "precopy_obstacle", a->plan.precopy_obstacle);
	for (size_t i = 0; i < ARRAY_LEN(numbers) && a->plan.is_precopy && st == MS_OK; i++)
		st = put_number(s, numbers[i].key, numbers[i].value);
	return st;
}

/* How it ended, and where its threads stood. */
static enum status
put_ending(const struct acquired *a, struct heap_sink *s)
{
	enum status st = a->corefile != NULL ? put_core(a, s) : MS_OK;

	if (st == MS_OK && a->is_running)
		st = put_torn(a, s);
	if (st == MS_OK)
		st = put_precopy(a, s);
	if (st == MS_OK && a->plan.swapped > 0)
		st = put_number(s, "swapped_bytes", a->plan.swapped);

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

static enum status put_meta(struct heap_sink *s, const char *key, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static enum status
put_meta(struct heap_sink *s, const char *key, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return s->meta(s->self, key, text);
}

static enum status
put_offsets(const struct layout *l, struct heap_sink *s)
{
	static const char *const names[] = {
#define PYF(id, type, member, width, need) "offset." type "." member,
#include "memscan/pyfields.def"
#undef PYF
	};

	for (size_t i = 0; i < PYF_COUNT; i++) {
		const struct layout_field *f = &l->f[i];
		if (!f->present)
			continue;
		enum status st =
			put_meta(s, names[i], "%" PRIu64 " size %" PRIu64 " from %s",
				f->off, f->size, layout_source_name(f->source));
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

static enum status
put_texts(const struct acquired *a, const struct acquire_opts *o, struct heap_sink *s)
{
	const struct procinfo *p = &a->proc;
	bool is_live = a->corefile == NULL;
	/* Numbers of another machine's users mean nobody here. */
	const struct passwd *pw = is_live ? getpwuid(p->uid) : NULL;
	const struct {
		const char *key, *value;
		bool is_absent; /* a core does not know */
	} texts[] = {
		{"command", p->cmdline[0] != '\0' ? p->cmdline : p->comm},
		{"exe", p->exe},
		{"user", pw != NULL ? pw->pw_name : "", !is_live},
		{"python", a->rt.version},
		{"flavour", a->rt.flavour},
		{"found_by", a->rt.found_by},
		{"compiler", a->rt.compiler},
		{"libc", a->rt.libc},
		{"library", a->rt.module->path},
		{"offsets", a->layout.origin},
		{"took", is_live ? "live" : "core"},
		{"snapshot", snapshot_mode_name(a->plan.mode), !is_live},
		{"stopped", o->no_stop ? "no" : "yes", !is_live},
		{"memscan", MEMSCAN_VERSION},
	};
	enum status st = MS_OK;

	for (size_t i = 0; i < ARRAY_LEN(texts) && st == MS_OK; i++)
		if (!texts[i].is_absent)
			st = put_meta(s, texts[i].key, "%s", texts[i].value);
	return st;
}

/* By the clock that other programs go by: that of time() is behind it until the next tick. */
static uint64_t
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

static enum status
put_numbers(const struct acquired *a, const struct acquire_opts *o, struct heap_sink *s,
	uint64_t total_ns)
{
	const struct procinfo *p = &a->proc;
	bool is_live = a->corefile == NULL;
	const struct {
		const char *key;
		uint64_t value;
		bool is_absent;
	} numbers[] = {
		{"pid", (uint64_t)p->pid},
		{"parent", (uint64_t)p->parent, !is_live},
		{"uid", p->uid},
		{"start_time", (uint64_t)p->start_time, !is_live},
		{"rss", p->rss, !is_live},
		{"created", seconds_now()},
		{"pause_ns", a->pause_ns, !is_live},
		{"copy_ns", a->stats.copy_ns, !is_live},
		{"copy_bytes", a->stats.bytes, !is_live},
		{"missing_bytes", a->stats.missing, !is_live},
		{"left_out_bytes", a->stats.left_out, !is_live},
		{"known_bytes", a->stats.known, o->base == 0},
		{"known_from", (uint64_t)o->base, o->base == 0},
		{"total_ns", total_ns},
		{"tries", a->tries, !is_live},
	};
	enum status st = MS_OK;

	for (size_t i = 0; i < ARRAY_LEN(numbers) && st == MS_OK; i++)
		if (!numbers[i].is_absent)
			st = put_meta(s, numbers[i].key, "%" PRIu64, numbers[i].value);
	return st;
}

static enum status
put_group(const struct group_facts *g, struct heap_sink *s)
{
	const struct {
		const char *key;
		uint64_t value;
		bool is_known;
	} numbers[] = {
		{"pss", g->memory.pss, g->has_memory},
		{"shared_bytes", g->memory.shared, g->has_memory},
		{"own_bytes", g->memory.own, g->has_memory},
		{"group_shared_bytes", g->shared, g->has_census},
		{"group_resident_bytes", g->resident, g->has_census},
	};

	enum status st = s->meta(s->self, "group", g->id);
	if (st == MS_OK)
		st = s->meta(s->self, "group_pids", g->pids);
	for (size_t i = 0; i < ARRAY_LEN(numbers) && st == MS_OK; i++)
		if (numbers[i].is_known)
			st = put_meta(s, numbers[i].key, "%" PRIu64, numbers[i].value);
	return st;
}

enum status
acquired_put_meta(const struct acquired *a, const struct acquire_opts *o,
	uint64_t total_ns, struct heap_sink *s)
{
	const struct machine *m = target_machine(a->copy);

	enum status st = put_texts(a, o, s);
	if (st == MS_OK)
		st = put_numbers(a, o, s, total_ns);
	if (st == MS_OK)
		st = put_meta(s, "hexversion", "0x%08x", a->rt.hexversion);
	if (st == MS_OK)
		st = put_meta(s, "machine", "%u-bit %s-endian, e_machine %u",
			8u * m->ptr_width, m->big_endian ? "big" : "little",
			m->e_machine);
	if (st == MS_OK && o->group != NULL)
		st = put_group(o->group, s);
	if (st == MS_OK)
		st = put_ending(a, s);
	return st == MS_OK ? put_offsets(&a->layout, s) : st;
}
