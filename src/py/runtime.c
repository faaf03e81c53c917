/*
 * The interpreters and threads of a runtime, its static objects, and the table of
 * interned strings.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"

enum {
	DATA_CHUNK = 4096, /* of static data, read at once: a page, as one may be missing */
	DATA_MAX = 64 << 20, /* of it in one mapping, behind which a heap may lie */
};

/*
 * To 3.6 the runtime does not say whether it is ready: __main__ comes last when it starts,
 * and goes first when it ends.
 */
static enum status
check_main(struct py *p, taddr interp, struct errbuf *eb)
{
	taddr modules = py_sys_modules(p, interp);

	/* Before None is known, nothing can be looked up. */
	if (p->none == 0)
		return MS_OK;
	taddr at = modules != 0 ? py_dict_get(p, modules, "__main__") : 0;
	if (at != 0 && at != p->none)
		return MS_OK;
	return errbuf_set(eb, MS_BUSY,
		"Python is not ready: sys.modules has no '__main__' (it is starting, or "
		"ending); try again when it has started");
}

/*
 * Between Py_Initialize and Py_Finalize, as far as can be told.
 *
 * CPython: _PyRuntimeState.initialized is set when everything but site is imported, and
 * unset when the first module is about to be torn down.
 */
static enum status
check_ready(struct py *p, taddr main_interp, struct errbuf *eb)
{
	const struct layout *l = p->l;
	uint64_t by = 0;
	uint32_t is_ready;

	if (p->rt->addr == 0 || !layout_has(l, PYF_RUNTIME_INITIALIZED))
		return check_main(p, main_interp, eb);
	taddr at = p->rt->addr + layout_off(l, PYF_RUNTIME_INITIALIZED);
	if (target_read(p->t, at, &is_ready, sizeof(is_ready)) != MS_OK)
		return errbuf_set(eb, MS_FAULT, "the runtime at 0x%lx cannot be read",
			(unsigned long)p->rt->addr);
	if (is_ready != 0)
		return MS_OK;
	bool is_ending = layout_has(l, PYF_RUNTIME_FINALIZING) &&
		py_word(p, p->rt->addr + layout_off(l, PYF_RUNTIME_FINALIZING), &by) ==
			MS_OK &&
		by != 0;
	return errbuf_set(eb, MS_BUSY, "Python is not ready: %s",
		is_ending ? "it is ending (Py_Finalize has begun), and its objects are "
			    "being taken apart"
			  : "it is starting, or ending (Py_Initialize is not done); try "
			    "again when it has started");
}

enum status
py_interpreters(struct py *p, struct pyinterp **ret, size_t *n, struct errbuf *eb)
{
	VEC(struct pyinterp) v = {0};
	uint64_t at;

	taddr head = p->rt->interp_head != 0
		? p->rt->interp_head
		: p->rt->addr + layout_off(p->l, PYF_RUNTIME_INTERP_HEAD);
	if (py_word(p, head, &at) != MS_OK)
		return errbuf_set(eb, MS_FAULT,
			"the list of interpreters at 0x%lx cannot be read",
			(unsigned long)head);
	while (at != 0 && v.n < LIM_INTERPRETERS) {
		struct pyinterp i = {.addr = at};
		if (layout_has(p->l, PYF_INTERP_ID) &&
			target_u64(p->t, at + layout_off(p->l, PYF_INTERP_ID), &i.id) !=
				MS_OK)
			break;
		vec_push(&v, i);
		if (py_word(p, at + layout_off(p->l, PYF_INTERP_NEXT), &at) != MS_OK)
			break;
	}
	if (v.n == 0)
		return errbuf_set(eb, MS_BUSY,
			"Python is not ready: it has no interpreter (it is starting, or "
			"has ended); try again when it has started");
	/* The list has the newest in front. */
	for (size_t i = 0; i < v.n / 2; i++) {
		struct pyinterp swap = v.at[i];
		v.at[i] = v.at[v.n - 1 - i];
		v.at[v.n - 1 - i] = swap;
	}
	enum status st = check_ready(p, v.at[0].addr, eb);
	if (st != MS_OK) {
		vec_fini(&v);
		return st;
	}
	*ret = v.at;
	*n = v.n;
	return MS_OK;
}

enum status
py_threads(struct py *p, taddr interp, struct pythread **ret, size_t *n)
{
	VEC(struct pythread) v = {0};
	enum pyf head = layout_has(p->l, PYF_INTERP_THREADS_HEAD)
		? PYF_INTERP_THREADS_HEAD
		: PYF_INTERP_TSTATE_HEAD;
	uint64_t at;
	enum status st = py_word(p, interp + layout_off(p->l, head), &at);
	struct loop loop = {0};

	while (st == MS_OK && at != 0 && v.n < LIM_THREADS) {
		if (loop_seen(&loop, at)) {
			st = MS_FORMAT;
			break;
		}
		struct pythread th = {.addr = at};
		st = py_word(p, at + layout_off(p->l, PYF_TSTATE_THREAD_ID), &th.ident);
		if (st == MS_OK && layout_has(p->l, PYF_TSTATE_NATIVE_ID))
			st = py_word(p, at + layout_off(p->l, PYF_TSTATE_NATIVE_ID),
				&th.native_id);
		if (st != MS_OK)
			break;
		vec_push(&v, th);
		st = py_word(p, at + layout_off(p->l, PYF_TSTATE_NEXT), &at);
	}
	*ret = v.at;
	*n = v.n;
	return st;
}

void
py_idle_thread(struct py *p, taddr *at, taddr *tstate)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	CLEAN_FREE struct pythread *threads = NULL;
	struct errbuf eb;
	size_t n_interps, n_threads;
	uint64_t now;

	*at = *tstate = 0;
	/*
	 * CPython 3.7 to 3.11: _PyRuntime.gilstate.tstate_current; later releases keep it
	 * in TLS.
	 */
	if (layout_has(p->l, PYF_RUNTIME_GILSTATE_CUR)) {
		*at = p->rt->addr + layout_off(p->l, PYF_RUNTIME_GILSTATE_CUR);
		if (py_word(p, *at, &now) != MS_OK || now != 0)
			return;
	}
	if (py_interpreters(p, &interps, &n_interps, &eb) != MS_OK)
		return;
	if (py_threads(p, interps[0].addr, &threads, &n_threads) == MS_OK &&
		n_threads > 0)
		*tstate = threads[n_threads - 1].addr;
}

taddr
py_thread_pointer(struct py *p)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	CLEAN_FREE struct pythread *threads = NULL;
	struct errbuf eb;
	size_t n_interps, n_threads;
	uint64_t self;

	if (py_interpreters(p, &interps, &n_interps, &eb) != MS_OK ||
		py_threads(p, interps[0].addr, &threads, &n_threads) != MS_OK ||
		n_threads == 0)
		return 0;
	taddr at = threads[n_threads - 1].ident;
	return py_word(p, at, &self) == MS_OK && self == at ? at : 0;
}

/* A word of the GIL that is a number of four bytes. */
static bool
gil_word(struct py *p, taddr gil, enum pyf id, uint32_t *ret)
{
	return target_u32(p->t, gil + layout_off(p->l, id), ret) == MS_OK;
}

/* CPython: struct _gil_runtime_state since 3.12; last_holder stays when the GIL is let go. */
static bool
gil_of_interp(struct py *p, taddr interp, taddr *ret)
{
	uint64_t gil, holder;
	uint32_t is_locked, is_enabled = 1;

	if (!layout_has(p->l, PYF_GIL_HOLDER) || !layout_has(p->l, PYF_GIL_LOCKED) ||
		py_word(p, interp + layout_off(p->l, PYF_INTERP_GIL), &gil) != MS_OK)
		return false;
	if (layout_has(p->l, PYF_GIL_ENABLED) &&
		(!gil_word(p, gil, PYF_GIL_ENABLED, &is_enabled) || is_enabled == 0))
		return false;
	if (!gil_word(p, gil, PYF_GIL_LOCKED, &is_locked) ||
		py_word(p, gil + layout_off(p->l, PYF_GIL_HOLDER), &holder) != MS_OK)
		return false;
	/* -1 before the first thread. */
	*ret = is_locked == 1 ? holder : 0;
	return true;
}

bool
py_gil_holder(struct py *p, taddr interp, taddr *ret)
{
	struct elf_symbol sym;

	if (layout_has(p->l, PYF_INTERP_GIL))
		return gil_of_interp(p, interp, ret);
	if (layout_has(p->l, PYF_RUNTIME_GILSTATE_CUR))
		return py_word(p,
			       p->rt->addr + layout_off(p->l, PYF_RUNTIME_GILSTATE_CUR),
			       ret) == MS_OK;
	/* CPython: Python/pystate.c, to 3.6. */
	return elf_symbol(p->rt->module, "_PyThreadState_Current", &sym) == MS_OK &&
		py_word(p, sym.addr, ret) == MS_OK;
}

taddr
py_sys_modules(struct py *p, taddr interp)
{
	enum pyf id = layout_has(p->l, PYF_INTERP_MODULES) ? PYF_INTERP_MODULES
							   : PYF_INTERP_IMPORTS_MODULES;
	uint64_t to;
	return layout_has(p->l, id) &&
			py_word(p, interp + layout_off(p->l, id), &to) == MS_OK
		? to
		: 0;
}

/*
 * An array of whole objects inside _PyRuntime (struct _Py_global_objects,
 * Include/internal/pycore_global_objects.h).
 */
static enum status
static_array(struct py *p, enum pyf id, const char *name, struct refout *out)
{
	if (!layout_has(p->l, id))
		return MS_OK;
	const struct layout_field *f = &p->l->f[id];
	uint64_t stride = f->stride != 0 ? f->stride : f->size,
		 n = f->stride != 0 ? f->count : 1;
	uint32_t label = py_label(p, RK_FIELD, name);

	for (uint64_t i = 0; i < n; i++) {
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		refout_put(out, p->rt->addr + f->off + i * stride, label);
	}
	return MS_OK;
}

/*
 * A struct of objects of different lengths: every word in it that is the type of str
 * begins one, a word behind its count.
 */
static enum status
static_strings(struct py *p, enum pyf id, const char *name, struct refout *out)
{
	if (!layout_has(p->l, id))
		return MS_OK;
	uint64_t width = p->l->machine.ptr_width,
		 type_off = layout_off(p->l, PYF_OB_TYPE);
	taddr at = p->rt->addr + layout_off(p->l, id), end = at + layout_size(p->l, id);
	uint32_t label = py_label(p, RK_FIELD, name);

	for (; at + layout_size(p->l, PYF_SIZEOF_ASCII) <= end; at += width) {
		uint64_t type;
		if (py_word(p, at + type_off, &type) != MS_OK || type != p->str_type)
			continue;
		enum status st = refout_room(out, 1);
		if (st != MS_OK)
			return st;
		refout_put(out, at, label);
	}
	return MS_OK;
}

enum status
py_static_refs(struct py *p, struct refout *out)
{
	static const struct {
		enum pyf id;
		const char *name;
	} arrays[] = {
		{PYF_RUNTIME_SMALL_INTS, "small_ints"},
		{PYF_RUNTIME_BYTES_EMPTY, "bytes_empty"},
		{PYF_RUNTIME_BYTES_CHARS, "bytes_characters"},
		{PYF_RUNTIME_STR_ASCII, "strings.ascii"},
		{PYF_RUNTIME_STR_LATIN1, "strings.latin1"},
		{PYF_RUNTIME_TUPLE_EMPTY, "tuple_empty"},
	};

	for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
		enum status st = static_array(p, arrays[i].id, arrays[i].name, out);
		if (st != MS_OK)
			return st;
	}
	enum status st =
		static_strings(p, PYF_RUNTIME_STR_LITERALS, "strings.literals", out);
	if (st != MS_OK)
		return st;
	return static_strings(p, PYF_RUNTIME_STR_IDS, "strings.identifiers", out);
}

/* Type objects and singletons that everything has to do with, by their exported names. */
enum status
py_type_refs(struct py *p, struct refout *out)
{
	static const char *const singletons[] = {
		"_Py_NoneStruct",
		"_Py_TrueStruct",
		"_Py_FalseStruct",
		"_Py_EllipsisObject",
		"_Py_NotImplementedStruct",
		"PyBaseObject_Type",
		"PyType_Type",
	};

	enum status st = refout_room(out, ARRAY_LEN(singletons));
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < ARRAY_LEN(singletons); i++) {
		refout_put(out, wellknown_find(p, singletons[i]),
			py_label(p, RK_FIELD, singletons[i]));
	}
	return MS_OK;
}

/* ---- interned strings ---- */

struct judge {
	struct py *p;
	unsigned seen;
	bool is_it;
};

/* The table maps every interned string to itself. */
static bool
judge_entry(void *self, taddr key, taddr value)
{
	struct judge *j = self;
	const struct pytype *ty = py_type_of(j->p, key);
	const void *v = target_view(j->p->t, key, layout_size(j->p->l, PYF_SIZEOF_ASCII));
	struct pystr s;

	j->is_it = key == value && ty != NULL && (ty->flags & TPF_UNICODE) && v != NULL &&
		str_read(j->p, v, key, &s) == MS_OK && s.interned != 0;
	return j->is_it && ++j->seen < 64;
}

static bool
is_interned_dict(struct py *p, taddr addr)
{
	struct judge j = {.p = p};
	uint64_t type, used;

	/* Any number may be an address: not one in what a copy has left out. */
	if (addr % p->l->machine.ptr_width != 0 ||
		target_is_left_out(p->t, addr, layout_size(p->l, PYF_SIZEOF_OBJECT)) ||
		py_word(p, addr + layout_off(p->l, PYF_OB_TYPE), &type) != MS_OK ||
		type != p->dict_type)
		return false;
	if (py_word(p, addr + layout_off(p->l, PYF_DICT_USED), &used) != MS_OK ||
		used < 64)
		return false;
	return py_dict_each(p, addr, judge_entry, &j) == MS_OK && j.is_it;
}

/* Of n bytes of static data, the first word that is the table's address; or 0. */
static taddr
find_interned(struct py *p, const uint8_t *bytes, size_t n)
{
	uint64_t width = p->l->machine.ptr_width;

	for (size_t off = 0; off + width <= n; off += width) {
		taddr to = layout_word(p->l, bytes + off);
		if (to != 0 && is_interned_dict(p, to))
			return to;
	}
	return 0;
}

/* The same in a region, whose bytes may be at hand or not. */
static taddr
find_interned_in(struct py *p, const struct region *r)
{
	uint8_t buf[DATA_CHUNK];
	taddr found = 0;

	for (taddr at = r->start; at < r->end && found == 0; at += sizeof(buf)) {
		size_t n = r->end - at < sizeof(buf) ? (size_t)(r->end - at) : sizeof(buf);
		if (target_read(p->t, at, buf, n) == MS_OK)
			found = find_interned(p, buf, n);
	}
	return found;
}

/*
 * Up to 3.11 the table is a static variable of unicodeobject.c, which a stripped binary
 * does not name: the words of the image's writable data are looked through for a dict
 * that is it.
 */
taddr
py_interned_dict(struct py *p)
{
	const struct module *m = p->rt->module;
	size_t n;
	const struct region *r = target_regions(p->t, &n);
	struct elf_symbol sym;
	uint64_t at;

	if (p->l->str_form != STR_PEP393)
		return 0;
	if (elf_symbol(p->rt->module, "interned", &sym) == MS_OK &&
		py_word(p, sym.addr, &at) == MS_OK && is_interned_dict(p, at))
		return at;
	/*
	 * .bss may go on in anonymous memory behind the module's last file mapping: that
	 * region counts, too.
	 */
	for (size_t i = 0; i < n; i++) {
		bool is_own = r[i].start >= m->start && r[i].start <= m->end;
		if (!is_own || !(r[i].prot & 2) || r[i].is_left_out ||
			r[i].end - r[i].start > DATA_MAX)
			continue;
		taddr found = find_interned_in(p, &r[i]);
		if (found != 0)
			return found;
	}
	return 0;
}
