/*
 * The interpreter's life: made for a target, given hooks, called, asked how it went.
 *
 * What a processor is stands in callconv.c and the files named after it; what memory
 * is, in view.c; how code is found and run, in block.c.
 */
#include "emu/priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
emu_end_text(enum emu_end end)
{
	static const char *const texts[] = {
#define EMU_END_TEXT(id, text) [EMU_##id] = text,
	        EMU_ENDS(EMU_END_TEXT)
#undef EMU_END_TEXT
	};
	return (unsigned)end < EMU_END_COUNT ? texts[end] : "?";
}

static const struct emu_arch *
arch_of(const struct machine *m)
{
	static const struct emu_arch *const archs[] = {&arch_x86_64, &arch_i386};

	for (size_t i = 0; i < ARRAY_LEN(archs); i++)
		if (archs[i]->e_machine == m->e_machine &&
		    archs[i]->ptr_width == m->ptr_width && !m->big_endian)
			return archs[i];
	return NULL;
}

enum status
emu_new(struct target *t, struct emu **ret, struct errbuf *eb)
{
	const struct machine *m = target_machine(t);
	const struct emu_arch *arch = arch_of(m);
	if (arch == NULL)
		return errbuf_set(eb, MS_VERSION,
		                  "no interpreter for machine code of ELF machine %u "
		                  "with %u-byte %s-endian pointers",
		                  (unsigned)m->e_machine, (unsigned)m->ptr_width,
		                  m->big_endian ? "big" : "little");

	struct emu *e = xcalloc(1, sizeof(*e));
	enum status st = view_init(&e->view, t, arch->top, eb);
	if (st != MS_OK) {
		free(e);
		return st;
	}

	e->arch = arch;
	blocks_init(&e->blocks);
	e->return_magic = emu_magic(e);
	*ret = e;
	return MS_OK;
}

void
emu_free(struct emu *e)
{
	if (e == NULL)
		return;
	blocks_fini(&e->blocks);
	view_fini(&e->view);
	vec_fini(&e->hooks);
	map_fini(&e->hook_at);
	vec_fini(&e->unknowns);
	free(e);
}

taddr
emu_magic(struct emu *e)
{
	if (e->n_magic == VIEW_MAGIC_LEN / VIEW_MAGIC_STEP)
		return 0;
	return e->view.magic_at + e->n_magic++ * VIEW_MAGIC_STEP;
}

void
emu_hook_set(struct emu *e, taddr addr, emu_hook hook, void *self)
{
	struct hook h = {addr, hook, self};
	uint32_t i;

	if (map_get(&e->hook_at, addr, &i)) {
		e->hooks.at[i] = h;
		return;
	}
	if (e->hooks.n == EMU_HOOKS)
		return;

	map_put(&e->hook_at, addr, (uint32_t)e->hooks.n);
	vec_push(&e->hooks, h);

	/*
	 * No block can hold a magic address, so the cache need not suffer for a callback.
	 */
	bool is_magic =
	        addr >= e->view.magic_at && addr < e->view.magic_at + VIEW_MAGIC_LEN;
	if (!is_magic)
		blocks_flush(&e->blocks);
}

void
emu_set_tls(struct emu *e, taddr base)
{
	e->arch->set_tls(e, base);
}

void
emu_set_ids(struct emu *e, uint64_t pid, uint64_t tid)
{
	e->pid = pid;
	e->tid = tid;
}

/* ---- calling ---- */

static void
note_unknown(struct emu *e, const struct emu_where *w)
{
	struct unknown u = {.count = 1};

	e->stats.unknown++;
	e->arch->describe(w->bytes, w->n_bytes, u.text, sizeof(u.text));
	for (size_t i = 0; i < e->unknowns.n; i++) {
		if (strcmp(e->unknowns.at[i].text, u.text) == 0) {
			e->unknowns.at[i].count++;
			return;
		}
	}
	if (e->unknowns.n < EMU_UNKNOWNS)
		vec_push(&e->unknowns, u);
}

enum emu_end
emu_call(struct emu *e, taddr fn, const uint64_t *args, size_t n, uint64_t limit,
         uint64_t *result)
{
	uint64_t six[6] = {0};

	if (e->in_call)
		return EMU_DENIED;
	view_drop(&e->view);
	for (size_t i = 0; i < n && i < ARRAY_LEN(six); i++)
		six[i] = args[i];

	e->stats.calls++;
	e->left = limit;
	e->in_call = true;
	enum emu_end end = e->arch->enter(e, fn, six) ? block_run(e) : EMU_FAULT;
	e->in_call = false;

	if (end == EMU_RETURNED) {
		*result = e->arch->result(e);
		return end;
	}
	e->where = (struct emu_where){.pc = e->pc};
	e->where.n_bytes = (uint8_t)view_fetch(&e->view, e->pc, e->where.bytes,
	                                       sizeof(e->where.bytes));
	if (end == EMU_UNKNOWN)
		note_unknown(e, &e->where);
	return end;
}

bool
emu_keep(struct emu *e)
{
	return view_keep(&e->view);
}

struct emu_where
emu_last(const struct emu *e)
{
	return e->where;
}

taddr
emu_return_magic(const struct emu *e)
{
	return e->return_magic;
}

/* ---- memory ---- */

bool
emu_load_slow(struct emu *e, taddr addr, void *buf, size_t n)
{
	if (view_read(&e->view, addr, buf, n))
		return true;
	e->end = EMU_FAULT;
	return false;
}

bool
emu_store_slow(struct emu *e, taddr addr, const void *buf, size_t n)
{
	enum view_wrote how = view_write(&e->view, addr, buf, n);

	if (how == VIEW_WROTE)
		return true;
	if (how == VIEW_WROTE_CODE) {
		e->stop = NULL;
		return true;
	}
	e->end = how == VIEW_FULL ? EMU_DENIED : EMU_FAULT;
	return false;
}

enum status
emu_read(struct emu *e, taddr addr, void *buf, size_t n)
{
	return view_read(&e->view, addr, buf, n) ? MS_OK : MS_FAULT;
}

enum status
emu_write(struct emu *e, taddr addr, const void *buf, size_t n)
{
	return view_write(&e->view, addr, buf, n) <= VIEW_WROTE_CODE ? MS_OK : MS_FAULT;
}

taddr
emu_alloc(struct emu *e, size_t n)
{
	return view_alloc(&e->view, n);
}

/* ---- accounts ---- */

struct emu_stats
emu_stats(const struct emu *e)
{
	return e->stats;
}

bool
emu_unknown_at(const struct emu *e, size_t i, const char **text, uint64_t *count)
{
	if (i >= e->unknowns.n)
		return false;
	*text = e->unknowns.at[i].text;
	*count = e->unknowns.at[i].count;
	return true;
}
