/*
 * Objects that every CPython has under a name: by its symbol, and where a binary was
 * stripped of all of them by following pointers. The type of any object's type ends at
 * type, whose type is itself; the interpreter holds the dict of modules, whose keys are
 * str; the rest is what builtins calls it, if it is still what it was.
 *
 * CPython: PyInterpreterState.builtins is the dict of that module; SETBUILTIN,
 * Python/bltinmodule.c.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

/* How far type(type(...)) may go until it is itself: metaclasses of metaclasses. */
enum { METATYPES_MAX = 16, NAME_MAX_BYTES = 32 };

/* An exported name, the name in builtins, and of what is no type the name of its type. */
static const struct known {
	const char *symbol, *builtin, *type;
} known[] = {
	{"PyType_Type", "type", NULL},
	{"PyBaseObject_Type", "object", NULL},
	{"PyDict_Type", "dict", NULL},
	{"PyList_Type", "list", NULL},
	{"PySet_Type", "set", NULL},
	{"PyFloat_Type", "float", NULL},
	{"PyUnicode_Type", "str", NULL},
	{"PyProperty_Type", "property", NULL},
	{"_Py_NoneStruct", "None", "NoneType"},
	{"_Py_TrueStruct", "True", "bool"},
	{"_Py_FalseStruct", "False", "bool"},
	{"_Py_EllipsisObject", "Ellipsis", "ellipsis"},
	{"_Py_NotImplementedStruct", "NotImplemented", "NotImplementedType"},
};

static taddr
by_symbol(const struct py *p, const char *symbol)
{
	struct elf_symbol sym;
	return elf_symbol(p->rt->module, symbol, &sym) == MS_OK ? sym.addr : 0;
}

/* ob_type, without asking what it is; 0 if it cannot be read. */
static taddr
raw_type(struct py *p, taddr obj)
{
	uint64_t type;

	if (obj == 0 || obj % p->l->machine.ptr_width != 0 ||
		py_word(p, obj + layout_off(p->l, PYF_OB_TYPE), &type) != MS_OK)
		return 0;
	return type;
}

/* True if what is at addr has this tp_name. */
static bool
has_name(struct py *p, taddr type, const char *name)
{
	char text[NAME_MAX_BYTES];
	uint64_t at;

	return type != 0 &&
		py_word(p, type + layout_off(p->l, PYF_TP_NAME), &at) == MS_OK &&
		target_str(p->t, at, text, sizeof(text)) == MS_OK &&
		strcmp(text, name) == 0;
}

/* The interpreter's dict of builtins, 0 if there is none. */
static taddr
builtins_dict(struct py *p)
{
	const struct layout_field *f =
		layout_find(p->l, "PyInterpreterState", "builtins");
	CLEAN_FREE struct pyinterp *interps = NULL;
	struct errbuf eb;
	uint64_t dict;
	size_t n;

	if (f == NULL || py_interpreters(p, &interps, &n, &eb) != MS_OK ||
		py_word(p, interps[0].addr + f->off, &dict) != MS_OK)
		return 0;
	return dict;
}

/*
 * The object that builtins calls so, if it is one of that type; else 0: anybody may put
 * anything there.
 */
static taddr
by_builtin(struct py *p, const struct known *k)
{
	taddr obj = py_dict_get(p, builtins_dict(p), k->builtin);

	if (k->type != NULL)
		return has_name(p, raw_type(p, obj), k->type) ? obj : 0;
	return raw_type(p, obj) == p->type_type && has_name(p, obj, k->builtin) ? obj : 0;
}

taddr
wellknown_find(struct py *p, const char *symbol)
{
	taddr at = by_symbol(p, symbol);

	for (size_t i = 0; at == 0 && i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].symbol, symbol) == 0)
			at = by_builtin(p, &known[i]);
	return at;
}

/* ---- without symbols ---- */

/* The end of the chain of types, if it is called type. */
static taddr
find_type_type(struct py *p, taddr obj)
{
	taddr at = raw_type(p, obj);

	for (unsigned i = 0; i < METATYPES_MAX && at != 0; i++) {
		taddr meta = raw_type(p, at);
		if (meta == at)
			return has_name(p, at, "type") ? at : 0;
		at = meta;
	}
	return 0;
}

struct key_type {
	struct py *p;
	taddr type;
};

/* The first key that is a str itself, not of a subclass. */
static bool
find_str_key(void *self, taddr key, taddr value)
{
	struct key_type *k = self;
	taddr type = raw_type(k->p, key);

	(void)value;
	if (has_name(k->p, type, "str"))
		k->type = type;
	return k->type == 0;
}

static enum status
follow(struct py *p, struct errbuf *eb)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	size_t n;

	enum status st = py_interpreters(p, &interps, &n, eb);
	if (st != MS_OK)
		return st;
	taddr modules = py_sys_modules(p, interps[0].addr);
	if (modules == 0)
		return errbuf_set(eb, MS_BUSY,
			"Python is not ready: sys.modules does not exist yet");
	p->type_type = find_type_type(p, modules);
	if (p->type_type == 0)
		return errbuf_set(eb, MS_VERSION,
			"%s names no objects, and the types above sys.modules do not end "
			"at type",
			p->rt->module->path);
	p->dict_type = raw_type(p, modules);
	if (!has_name(p, p->dict_type, "dict"))
		return errbuf_set(eb, MS_VERSION,
			"%s names no objects, and sys.modules is no dict",
			p->rt->module->path);
	struct key_type k = {.p = p};
	if (py_dict_each(p, modules, find_str_key, &k) != MS_OK || k.type == 0)
		return errbuf_set(eb, MS_VERSION,
			"%s names no objects, and no key of sys.modules is a str",
			p->rt->module->path);
	p->str_type = k.type;
	return MS_OK;
}

enum status
wellknown_resolve(struct py *p, struct errbuf *eb)
{
	p->type_type = by_symbol(p, "PyType_Type");
	p->dict_type = by_symbol(p, "PyDict_Type");
	p->str_type = by_symbol(p, "PyUnicode_Type");
	if (p->type_type == 0 || p->dict_type == 0 || p->str_type == 0) {
		enum status st = follow(p, eb);
		if (st != MS_OK)
			return st;
	}
	p->none = wellknown_find(p, "_Py_NoneStruct");
	return p->none != 0 ? MS_OK
			    : errbuf_set(eb, MS_ABSENT,
				      "%s exports no symbol _Py_NoneStruct, and builtins "
				      "has no None",
				      p->rt->module->path);
}

/*
 * CPython: type___sizeof___impl, Objects/typeobject.c: of a static type it is the size of
 * PyTypeObject.
 */
bool
py_known_sizeof(struct py *p, taddr *fn, taddr *obj, uint64_t *size)
{
	const struct pytype *type = py_type(p, p->type_type),
			    *dict = py_type(p, p->dict_type);
	const uint64_t small_ints_end = 257;

	if (type == NULL || dict == NULL || type->sizeof_meth == 0 ||
		(dict->flags & TPF_HEAPTYPE))
		return false;
	*fn = type->sizeof_meth;
	*obj = dict->addr;
	*size = layout_size(p->l, PYF_SIZEOF_TYPE);
	return *size >= small_ints_end;
}
