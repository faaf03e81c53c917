/*
 * Opening a runtime: the objects that every CPython has, and the shapes resolved.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

/*
 * Objects are decoded from a view of PYOBJ_VIEW bytes: a table that puts a field of one beyond
 * it describes no CPython.
 */
static enum status
check_view(const struct layout *l, struct errbuf *eb)
{
	static const struct {
		const char *type, *member;
	} fields[] = {
#define PYF(id, type, member, width, need) {type, member},
#include "memscan/pyfields.def"
#undef PYF
	};

	for (size_t i = 0; i < PYF_COUNT; i++) {
		const char *type = fields[i].type;
		size_t n = strlen(type);
		bool is_object = strncmp(type, "Py", 2) == 0 && n > 6 &&
			strcmp(type + n - 6, "Object") == 0;
		if (is_object && l->f[i].present &&
			l->f[i].off + sizeof(uint64_t) > PYOBJ_VIEW)
			return errbuf_set(eb, MS_FORMAT,
				"%s: %s.%s lies beyond what any object's head has", l->origin,
				type, fields[i].member);
	}
	return MS_OK;
}

enum status
py_open(struct target *t, const struct layout *l, const struct pyruntime *rt,
	struct strtab *names, struct py **ret, struct errbuf *eb)
{
	struct py *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	p->t = t;
	p->l = l;
	p->rt = rt;
	p->names = names;
	p->bool_name = strtab_puts(names, "bool");
	struct elf_symbol ucs4;
	p->ucs_width = elf_symbol(rt->module, "PyUnicodeUCS4_FromUnicode", &ucs4) == MS_OK
		? 4
		: 2;
	enum status st = check_view(l, eb);
	if (st == MS_OK)
		st = wellknown_resolve(p, eb);
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
	if (p->home != NULL) {
		beside_close(p);
		return;
	}
	pthread_mutex_destroy(&p->lock);
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
