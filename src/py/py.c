/*
 * Opening a runtime: the addresses that every CPython exports, and the shapes resolved.
 */
#include "priv.h"

#include <stdlib.h>

static enum status
need_symbol(const struct pyruntime *rt, const char *name, taddr *ret, struct errbuf *eb)
{
	struct elf_symbol sym;

	if (elf_symbol(rt->module, name, &sym) != MS_OK)
		return errbuf_set(eb, MS_ABSENT, "%s exports no symbol %s", rt->module->path, name);
	*ret = sym.addr;
	return MS_OK;
}

enum status
py_open(struct target *t, const struct layout *l, const struct pyruntime *rt, struct strtab *names, struct py **ret, struct errbuf *eb)
{
	struct py *p = xcalloc(1, sizeof(*p));

	p->t = t;
	p->l = l;
	p->rt = rt;
	p->names = names;
	enum status st = need_symbol(rt, "PyType_Type", &p->type_type, eb);
	if (st == MS_OK)
		st = need_symbol(rt, "_Py_NoneStruct", &p->none, eb);
	if (st == MS_OK)
		st = need_symbol(rt, "PyUnicode_Type", &p->str_type, eb);
	if (st == MS_OK)
		st = need_symbol(rt, "PyDict_Type", &p->dict_type, eb);
	struct elf_symbol ucs4;
	p->ucs_width = elf_symbol(rt->module, "PyUnicodeUCS4_FromUnicode", &ucs4) == MS_OK ? 4 : 2;
	if (st == MS_OK)
		st = shapes_build(p, eb);
	if (st != MS_OK) {
		py_close(p);
		return st;
	}
	*ret = p;
	return MS_OK;
}

void
py_close(struct py *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->types.n; i++) {
		free(p->types.at[i]->slots);
		free(p->types.at[i]->members);
		free(p->types.at[i]->attrs);
		free(p->types.at[i]);
	}
	vec_fini(&p->types);
	map_fini(&p->type_index);
	vec_fini(&p->shapes);
	vec_fini(&p->rows);
	map_fini(&p->shape_index);
	map_fini(&p->locals_index);
	vec_fini(&p->locals);
	vec_fini(&p->local_labels);
	map_fini(&p->lookups);
	vec_fini(&p->text);
	free(p);
}

void
py_set_hooks(struct py *p, const struct py_hooks *h)
{
	p->hooks = *h;
}
