/*
 * Proving the layout on the target, with the very readers that will be trusted: a wrong
 * table shall end in a refusal that names what failed, not in a plausible dump.
 */
#include "priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/log.h"

/*
 * A known type: exported symbol, name, and the struct that its tp_basicsize is the size
 * of.
 */
static const struct known_type {
	const char *symbol, *tp_name, *str;
} known_types[] = {
	{"PyType_Type", "type", "PyHeapTypeObject"},
	{"PyBaseObject_Type", "object", "PyObject"},
	{"PyDict_Type", "dict", "PyDictObject"},
	{"PyList_Type", "list", "PyListObject"},
	{"PySet_Type", "set", "PySetObject"},
	{"PyFloat_Type", "float", "PyFloatObject"},
	{"PyFunction_Type", "function", "PyFunctionObject"},
	{"PyModule_Type", "module", "PyModuleObject"},
	{"PyProperty_Type", "property", "propertyobject"},
};

static enum status
probe_types(struct py *p, struct errbuf *eb)
{
	for (size_t i = 0; i < ARRAY_LEN(known_types); i++) {
		const struct known_type *k = &known_types[i];
		taddr at = wellknown_find(p, k->symbol);
		/* A stripped binary does not name it, and builtins need not. */
		if (at == 0)
			continue;
		const struct pytype *ty = py_type(p, at);
		if (ty == NULL)
			return errbuf_set(eb, MS_VERSION,
				"probe: %s at 0x%" PRIx64 " does not read as a type",
				k->symbol, at);
		if (strcmp(strtab_get(p->names, ty->name, NULL), k->tp_name) != 0)
			return errbuf_set(eb, MS_VERSION,
				"probe: tp_name of %s is '%s', not '%s'", k->symbol,
				strtab_get(p->names, ty->name, NULL), k->tp_name);
		const struct layout_field *size = layout_find(p->l, k->str, "");
		if (size != NULL && ty->basicsize != size->size)
			return errbuf_set(eb, MS_VERSION,
				"probe: tp_basicsize of %s is %" PRIu64
				", but the layout says that %s has %" PRIu64 " bytes",
				k->tp_name, ty->basicsize, k->str, size->size);
	}
	return MS_OK;
}

static enum status
probe_threads(struct py *p, const struct pyinterp *in, struct errbuf *eb)
{
	CLEAN_FREE struct pythread *threads = NULL;
	size_t n;
	uint64_t back;

	if (py_threads(p, in->addr, &threads, &n) != MS_OK)
		return errbuf_set(eb, MS_VERSION,
			"probe: the thread list of the interpreter at 0x%" PRIx64
			" cannot be read",
			in->addr);
	for (size_t i = 0; i < n; i++) {
		if (py_word(p, threads[i].addr + layout_off(p->l, PYF_TSTATE_INTERP),
			    &back) != MS_OK ||
			back != in->addr)
			return errbuf_set(eb, MS_VERSION,
				"probe: the thread state at 0x%" PRIx64
				" does not point back to its interpreter",
				threads[i].addr);
	}
	return MS_OK;
}

enum { PROBE_NODES = 1000 };

struct gc_probe {
	struct py *p;
	unsigned nodes, bad;
};

static enum status
gc_probe_each(void *self, const struct pytracked *o)
{
	struct gc_probe *g = self;

	if (py_type_of(g->p, o->addr) == NULL)
		g->bad++;
	return ++g->nodes < PROBE_NODES ? MS_OK : MS_LIMIT;
}

/*
 * The first thousand nodes link back and are objects; at least the classes of importlib
 * are among them.
 */
static enum status
probe_gc(struct py *p, const struct pyinterp *in, struct errbuf *eb)
{
	struct gc_probe g = {.p = p};
	struct pygc_breaks breaks = {0};
	enum status st = py_gc_each(p, in->addr, gc_probe_each, &g, &breaks);

	bool is_enough = st == MS_OK || st == MS_LIMIT || g.nodes >= PROBE_NODES;
	/* One link may be just about to change: the list is walked all the same. */
	is_enough |= st == MS_FORMAT && breaks.n == 1 && !breaks.is_lost;
	if (!is_enough)
		return errbuf_set(eb, MS_VERSION,
			"probe: a GC list of the interpreter at 0x%" PRIx64
			" does not link back at 0x%" PRIx64,
			in->addr, breaks.at);
	if (g.nodes < 100 || g.bad > g.nodes / 10)
		return errbuf_set(eb, MS_VERSION,
			"probe: of %u nodes on the GC lists, %u are no objects", g.nodes,
			g.bad);
	return MS_OK;
}

struct key_probe {
	struct py *p;
	unsigned n, bad;
};

static bool
key_probe_each(void *self, taddr key, taddr value)
{
	struct key_probe *k = self;
	const struct pytype *ty = py_type_of(k->p, key);

	(void)value;
	k->n++;
	uint32_t text =
		k->p->l->str_form == STR_27 ? TPF_UNICODE | TPF_BYTES : TPF_UNICODE;
	k->bad += ty == NULL || !(ty->flags & text);
	return true;
}

/* sys.modules is a dict with str keys that holds sys. */
static enum status
probe_modules(struct py *p, const struct pyinterp *in, struct errbuf *eb)
{
	taddr modules = py_sys_modules(p, in->addr);
	struct key_probe k = {.p = p};

	if (modules == 0)
		return errbuf_set(eb, MS_BUSY,
			"Python is not ready: sys.modules does not exist yet");
	const struct pytype *ty = py_type_of(p, modules);
	if (ty == NULL || !(ty->flags & TPF_DICT))
		return errbuf_set(eb, MS_VERSION,
			"probe: sys.modules at 0x%" PRIx64 " is no dict", modules);
	if (py_dict_each(p, modules, key_probe_each, &k) != MS_OK || k.bad > 0 ||
		k.n == 0)
		return errbuf_set(eb, MS_VERSION,
			"probe: the keys of sys.modules do not read as strings (%u of "
			"%u)",
			k.bad, k.n);
	if (py_dict_get(p, modules, "sys") == 0)
		return errbuf_set(eb, MS_VERSION, "probe: sys.modules has no 'sys'");
	return MS_OK;
}

/* The small int 0 decodes as 0, and -1 stands in front of it. */
static enum status
probe_ints(struct py *p, struct errbuf *eb)
{
	if (!layout_has(p->l, PYF_RUNTIME_SMALL_INTS))
		return MS_OK;
	const struct layout_field *f = &p->l->f[PYF_RUNTIME_SMALL_INTS];
	for (unsigned i = 4; i <= 6; i++) {
		static const char *const want[] = {"-1", "0", "1"};
		struct pyobj o;
		if (py_obj(p, p->rt->addr + f->off + i * f->stride, &o) != MS_OK)
			return errbuf_set(eb, MS_VERSION,
				"probe: the small int %s is no object", want[i - 4]);
		struct heap_value v = py_value(p, &o, 32);
		if (v.text_len != strlen(want[i - 4]) ||
			memcmp(v.text, want[i - 4], v.text_len) != 0)
			return errbuf_set(eb, MS_VERSION,
				"probe: the small int %s decodes as '%.*s'", want[i - 4],
				(int)v.text_len, v.text);
	}
	return MS_OK;
}

enum status
py_probe(struct py *p, bool is_final, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	enum status st = py_interpreters(p, &interps, &n, eb);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		if (!is_final && py_is_collecting(p, interps[i].addr))
			return errbuf_set(
				eb, MS_BUSY, "a garbage collection is in progress");
	st = probe_types(p, eb);
	if (st != MS_OK)
		return st;
	st = probe_ints(p, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		st = probe_threads(p, &interps[i], eb);
		if (st == MS_OK)
			st = probe_modules(p, &interps[i], eb);
		if (st != MS_OK)
			break;
		st = probe_gc(p, &interps[i], eb);
		if (st == MS_OK || !is_final)
			continue;
		log_at(LOG_NORMAL, "%s: what only that list has may be missing", eb->msg);
		*eb = (struct errbuf){0};
		st = MS_OK;
	}
	return st;
}
