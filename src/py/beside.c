/*
 * Reading beside: what several threads share of a runtime, and what each has for itself.
 *
 * One thread, home's, knows all and decides all: which types there are, what texts are
 * interned, what code answers. The others decode objects as far as that is settled, and
 * leave every other one to it, so that they change nothing that the order of objects
 * could be told by.
 */
#include <stdlib.h>

#include "priv.h"

static enum status
leave_traverse(void *self, taddr fn, taddr obj, uint64_t size, struct refout *out)
{
	(void)fn;
	(void)obj;
	(void)size;
	(void)out;
	(void)left_to_home(self);
	return MS_ABSENT;
}

static enum status
leave_is_gc(void *self, taddr fn, taddr obj, bool *ret)
{
	(void)fn;
	(void)obj;
	(void)ret;
	(void)left_to_home(self);
	return MS_ABSENT;
}

static enum status
leave_size_of(void *self, taddr fn, taddr obj, taddr cls, uint64_t *ret)
{
	(void)fn;
	(void)obj;
	(void)cls;
	(void)ret;
	(void)left_to_home(self);
	return MS_ABSENT;
}

struct py *
py_beside(struct py *home)
{
	struct py *p = xcalloc(1, sizeof(*p));

	p->home = home;
	p->t = target_beside(home->t);
	p->l = home->l;
	p->rt = home->rt;
	p->hooks = (struct py_hooks){.self = p,
		.traverse = leave_traverse,
		.is_gc = leave_is_gc,
		.size_of = leave_size_of};
	p->type_type = home->type_type;
	p->none = home->none;
	p->str_type = home->str_type;
	p->dict_type = home->dict_type;
	p->bool_name = home->bool_name;
	p->ucs_width = home->ucs_width;
	p->shapes = home->shapes;
	p->rows = home->rows;
	return p;
}

void
beside_close(struct py *p)
{
	target_close(p->t);
	vec_fini(&p->text);
	free(p);
}

uint64_t
py_left(const struct py *p)
{
	return p->left + target_unanswered(p->t);
}

const struct pytype *
type_of_home(struct py *p, taddr addr)
{
	struct py *home = p->home;
	const struct pytype *ty = NULL;
	uint32_t i;

	pthread_mutex_lock(&home->lock);
	if (map_get(&home->type_index, addr, &i) && i != 0)
		ty = home->types.at[i - 1];
	pthread_mutex_unlock(&home->lock);
	if (ty == NULL)
		(void)left_to_home(p);
	return ty;
}

bool
lookup_of_home(struct py *p, taddr lookup, uint32_t *ret)
{
	struct py *home = p->home;

	pthread_mutex_lock(&home->lock);
	bool is_known = map_get(&home->lookups, lookup, ret);
	pthread_mutex_unlock(&home->lock);
	if (!is_known)
		(void)left_to_home(p);
	return is_known;
}
