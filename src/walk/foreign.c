/*
 * What only a type's own machine code can tell: its tp_traverse and __sizeof__,
 * interpreted over a copy-on-write view of the target. Nothing runs in the target or
 * natively here.
 */
#include "priv.h"

#include <stdio.h>

#include "memscan/log.h"

/* Instructions a call may take: a base, and some for each word of the object. */
enum { LIMIT_BASE = 100000, LIMIT_PER_BYTE = 8, LIMIT_MAX = 50000000 };

/* The visitproc: int visit(PyObject *object, void *arg). */
static enum emu_verdict
on_visit(void *self, struct emu *e, const uint64_t args[6], taddr return_to,
	uint64_t *value)
{
	struct foreign *f = self;

	(void)e;
	(void)return_to;
	vec_push(&f->seen, args[0]);
	*value = 0;
	return EMU_GO_ON;
}

/*
 * Call fn; if it runs into a slot that was never bound, bind its library and try again.
 */
static enum emu_end
call(struct foreign *f, taddr fn, const uint64_t *args, size_t n, uint64_t limit,
	uint64_t *result)
{
	enum emu_end end = emu_call(f->emu, fn, args, n, limit, result);

	if (end == EMU_RETURNED || end == EMU_STOPPED || end == EMU_LIMIT)
		return end;
	return bind_module_of(f, fn) ? EMU_END_COUNT : end;
}

enum emu_end
foreign_call(struct foreign *f, taddr fn, const uint64_t *args, size_t n, uint64_t limit,
	uint64_t *result)
{
	f->calls++;
	f->seen.n = 0;
	f->has_size = false;
	enum emu_end end = call(f, fn, args, n, limit, result);
	if (end != EMU_END_COUNT)
		return end;
	f->seen.n = 0;
	f->has_size = false;
	return emu_call(f->emu, fn, args, n, limit, result);
}

/*
 * With the GIL free no thread is current: the oldest is made so, in the interpreter's
 * view alone.
 */
static void
attach_thread(struct foreign *f, const struct pyruntime *rt, taddr tls_base)
{
	taddr at, tstate;
	struct elf_symbol swap = {0};
	uint64_t result;
	bool is_done = true;

	py_idle_thread(f->p, &at, &tstate);
	if (tstate == 0)
		return;
	if (at != 0)
		is_done = emu_write(f->emu, at, &tstate,
				  target_machine(f->t)->ptr_width) == MS_OK;
	else if (elf_symbol(rt->module, "PyThreadState_Swap", &swap) == MS_OK) {
		enum emu_end end =
			foreign_call(f, swap.addr, &tstate, 1, LIMIT_BASE, &result);
		is_done = end == EMU_RETURNED;
		if (!is_done)
			foreign_tell(f, "PyThreadState_Swap", swap.addr, tstate, end);
	}
	bool is_named = at != 0 || swap.addr != 0;
	is_done = is_named ? is_done && emu_keep(f->emu)
			   : foreign_find_tstate(f, tls_base, tstate);
	if (!is_done)
		log_at(LOG_DEBUG,
			"no thread state could be made current: some methods "
			"will give no answer");
}

void
foreign_init(struct foreign *f, struct py *p, struct target *t, const struct walk_opts *o)
{
	struct errbuf eb = {0};

	*f = (struct foreign){.p = p, .t = t, .modules = o->modules};
	if (o->no_interpret)
		return;
	if (emu_new(t, &f->emu, &eb) != MS_OK) {
		log_at(LOG_VERBOSE, "%s: types without a table will be scanned", eb.msg);
		return;
	}
	f->visit = emu_magic(f->emu);
	emu_hook_set(f->emu, f->visit, on_visit, f);
	foreign_size_init(f, o->rt);
	natives_set(f);
	/* Registers are not in every core, and of a 32-bit thread they do not say it. */
	taddr tls_base = o->tls_base != 0 ? o->tls_base : py_thread_pointer(p);
	if (tls_base != 0)
		emu_set_tls(f->emu, tls_base);
	attach_thread(f, o->rt, tls_base);
}

void
foreign_fini(struct foreign *f)
{
	emu_free(f->emu);
	vec_fini(&f->seen);
	map_fini(&f->bound);
	*f = (struct foreign){0};
}

void
foreign_tell(
	const struct foreign *f, const char *what, taddr fn, taddr obj, enum emu_end end)
{
	struct emu_where w = emu_last(f->emu);
	char bytes[64] = "";

	for (size_t i = 0, n = 0; i < w.n_bytes && n + 4 < sizeof(bytes); i++)
		n += (size_t)snprintf(bytes + n, sizeof(bytes) - n, " %02x", w.bytes[i]);
	log_at(LOG_DEBUG, "%s 0x%lx of 0x%lx: %s at 0x%lx:%s", what, (unsigned long)fn,
		(unsigned long)obj, emu_end_text(end), (unsigned long)w.pc, bytes);
}

enum status
foreign_traverse(struct foreign *f, taddr fn, taddr obj, uint64_t size)
{
	uint64_t limit = LIMIT_BASE + size * LIMIT_PER_BYTE, result;

	f->seen_obj = 0;
	if (f->emu == NULL)
		return MS_ABSENT;
	const uint64_t args[] = {obj, f->visit, 0};
	enum emu_end end = foreign_call(f, fn, args, ARRAY_LEN(args),
		limit < LIMIT_MAX ? limit : LIMIT_MAX, &result);
	bool is_good = end == EMU_RETURNED && (uint32_t)result == 0;
	for (size_t i = 0; i < f->seen.n && is_good; i++)
		is_good = py_type_of(f->p, f->seen.at[i]) != NULL;
	if (!is_good) {
		f->unknown++;
		f->seen.n = 0;
		foreign_tell(f, "tp_traverse", fn, obj, end);
		return MS_ABSENT;
	}
	f->seen_fn = fn;
	f->seen_obj = obj;
	return MS_OK;
}

enum { LABEL_WORDS = PYOBJ_VIEW / 8 };

/* What names the references that code visited: the words of the object, and its named
 * parts. */
struct naming {
	const struct pyobj *o;
	uint64_t words[LABEL_WORDS], used[LABEL_WORDS / 64 + 1];
	size_t n;
	struct refout *parts; /* NULL: it has none */
	size_t next_part;
};

/* The first word that holds `to` and was not named yet, of those with a name or without.
 */
static bool
find_word(struct foreign *f, struct naming *m, taddr to, bool named, uint32_t *label)
{
	uint64_t width = target_machine(f->t)->ptr_width;

	for (size_t i = 2; i < m->n; i++) {
		if (m->words[i] != to || (m->used[i / 64] >> (i % 64) & 1))
			continue;
		*label = ref_label(RK_OFFSET, i * width);
		if (py_field_label(f->p, m->o->type, i * width, label) != named)
			continue;
		m->used[i / 64] |= 1ull << (i % 64);
		return true;
	}
	return false;
}

/* The next named part that is `to`: code visits them in order. */
static bool
find_part(struct naming *m, taddr to, uint32_t *label)
{
	for (size_t i = m->next_part; m->parts != NULL && i < m->parts->n; i++) {
		if (m->parts->at[i].to != to)
			continue;
		*label = m->parts->at[i].label;
		m->next_part = i + 1;
		return true;
	}
	return false;
}

static uint32_t
find_label(struct foreign *f, struct naming *m, taddr to)
{
	uint32_t label;

	if (to == m->o->type->addr)
		return ref_label(RK_TYPE, 0);
	if (find_word(f, m, to, true, &label) || find_part(m, to, &label))
		return label & ~REF_HIDDEN;
	if (py_has_elements(m->o->type))
		return ref_label(RK_MEMBER, 0);
	if (find_word(f, m, to, false, &label))
		return label & ~REF_HIDDEN;
	return ref_label(RK_OFFSET, REF_PAYLOAD_MAX);
}

/* refout.flush of named parts: what does not fit goes without a name. */
static enum status
parts_full(struct refout *o)
{
	(void)o;
	return MS_LIMIT;
}

static enum status
put_seen(struct foreign *f, taddr obj, struct refout *out)
{
	uint64_t width = target_machine(f->t)->ptr_width;
	struct pyobj o = {.addr = obj, .type = py_type_of(f->p, obj)};
	struct naming m = {.o = &o};

	if (o.type == NULL)
		return MS_ABSENT;
	while (m.n < LABEL_WORDS && m.n * width < o.type->cbase->basicsize &&
		target_word(f->t, obj + m.n * width, &m.words[m.n]) == MS_OK)
		m.n++;
	f->parts.n = 0;
	f->parts.flush = parts_full;
	py_named_parts(f->p, &o, &f->parts);
	m.parts = &f->parts;
	for (size_t i = 0; i < f->seen.n; i++) {
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		refout_put(out, f->seen.at[i], find_label(f, &m, f->seen.at[i]));
	}
	return MS_OK;
}

static enum status
hook_traverse(void *self, taddr fn, taddr obj, uint64_t size, struct refout *out)
{
	struct foreign *f = self;

	if (f->seen_obj != obj || f->seen_fn != fn) {
		enum status st = foreign_traverse(f, fn, obj, size);
		if (st != MS_OK)
			return st;
	}
	return put_seen(f, obj, out);
}

static enum status
hook_size_of(void *self, taddr fn, taddr obj, taddr cls, uint64_t *ret)
{
	return foreign_size_of(self, fn, obj, cls, ret);
}

static enum status
hook_is_gc(void *self, taddr fn, taddr obj, bool *ret)
{
	struct foreign *f = self;
	uint64_t result;

	if (f->emu == NULL || call(f, fn, &obj, 1, LIMIT_BASE, &result) != EMU_RETURNED)
		return MS_ABSENT;
	*ret = (uint32_t)result != 0;
	return MS_OK;
}

struct py_hooks
foreign_hooks(struct foreign *f)
{
	return (struct py_hooks){.self = f,
		.traverse = hook_traverse,
		.is_gc = hook_is_gc,
		.size_of = hook_size_of};
}
