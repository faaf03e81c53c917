/*
 * Selections: the tree that select_parse.c made, walked from the leaves up; each node is
 * a set, one bit an object. What stands right of an "and" is tested on the members of its
 * left side alone; and the cheaper side goes first, so that "dict and value ~ x" and its
 * reverse cost the same.
 */
#include "select.h"

#include <inttypes.h>

#include "memscan/mem.h"

static enum status make(struct sel_run *run, uint32_t node, const struct bitset *within,
	struct bitset *ret);

static const struct sel_node *
node_at(const struct sel_run *run, uint32_t node)
{
	return &run->sel->nodes.at[node];
}

/* ---- relations: a pass over the references, no reversed graph ---- */

static void
referents(const struct heap *h, const struct bitset *of, struct bitset *ret)
{
	BITSET_EACH(i, of)
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
		if (sel_is_reference(h->label[r]))
			bitset_add(ret, h->to[r]);
}

static void
referrers(const struct heap *h, const struct bitset *of, struct bitset *ret)
{
	for (objid i = 0; i < h->nobj; i++) {
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (!bitset_has(of, h->to[r]) || !sel_is_reference(h->label[r]))
				continue;
			bitset_add(ret, i);
			break;
		}
	}
}

/* All that can be come to from them, themselves included. */
static void
reachable(const struct heap *h, const struct bitset *of, struct bitset *ret)
{
	VEC(objid) queue = {0};

	BITSET_EACH(i, of)
	{
		bitset_add(ret, i);
		vec_push(&queue, (objid)i);
	}
	while (queue.n > 0) {
		objid i = queue.at[--queue.n];
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			objid to = h->to[r];
			if (bitset_has(ret, to) || !sel_is_reference(h->label[r]))
				continue;
			bitset_add(ret, to);
			vec_push(&queue, to);
		}
	}
	vec_fini(&queue);
}

/* The dicts that hold the attributes of them. */
static void
dicts_of(const struct heap *h, const struct bitset *of, struct bitset *ret)
{
	BITSET_EACH(i, of)
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
		if (ref_kind(h->label[r]) == RK_DICT)
			bitset_add(ret, h->to[r]);
}

static enum status
make_relation(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	CLEAN(bitset_fini) struct bitset all = {0}, of = {0}, is_type = {0};

	enum status st = bitset_init(&all, run->h->nobj, run->eb);
	if (st != MS_OK)
		return st;
	bitset_fill(&all);
	st = make(run, n->kind == SEL_DICT_OF ? n->b : n->a, &all, &of);
	if (st == MS_OK && n->kind == SEL_DICT_OF)
		st = make(run, n->a, &all, &is_type);
	if (st != MS_OK)
		return st;
	if (n->kind == SEL_REFERENTS)
		referents(run->h, &of, ret);
	else if (n->kind == SEL_REFERRERS)
		referrers(run->h, &of, ret);
	else if (n->kind == SEL_REACHABLE)
		reachable(run->h, &of, ret);
	else
		dicts_of(run->h, &of, ret);
	if (n->kind == SEL_DICT_OF)
		bitset_and(ret, &is_type);
	bitset_and(ret, within);
	return MS_OK;
}

/* ---- the rest of the nodes ---- */

static enum status
make_address(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	objid i = heap_find(run->h, n->addr);

	if (i == OBJID_NONE)
		return sel_error(run->sel->source, run->sel->source_len, n->at, MS_ABSENT,
			run->eb, "no object begins at 0x%" PRIx64, n->addr);
	if (bitset_has(within, i))
		bitset_add(ret, i);
	return MS_OK;
}

/* How long a node takes, roughly: 0 the least. */
static unsigned
cost(const struct sel_run *run, uint32_t node)
{
	const struct sel_node *n = node_at(run, node);

	switch (n->kind) {
	case SEL_ALL:
	case SEL_ADDR:
	case SEL_TYPE:
	case SEL_FLAG:
		return 0;
	case SEL_TEST:
	case SEL_EXISTS:
		return n->field >= SF_VALUE ? 8 : n->field == SF_RETAINED ? 9 : 1;
	default:
		return 4;
	}
}

static enum status
make_and(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	CLEAN(bitset_fini) struct bitset left = {0};
	uint32_t a = n->a, b = n->b;

	if (cost(run, b) < cost(run, a)) {
		a = n->b;
		b = n->a;
	}
	enum status st = make(run, a, within, &left);
	if (st != MS_OK)
		return st;
	return make(run, b, &left, ret);
}

/* or, xor, minus, not: of sets made one after the other. */
static enum status
make_both(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	CLEAN(bitset_fini) struct bitset left = {0}, right = {0};

	enum status st = make(run, n->a, within, &left);
	if (st == MS_OK && n->kind != SEL_NOT)
		st = make(run, n->b, within, &right);
	if (st != MS_OK)
		return st;
	bitset_or(ret, n->kind == SEL_NOT ? within : &left);
	if (n->kind == SEL_NOT)
		bitset_minus(ret, &left);
	else if (n->kind == SEL_MINUS)
		bitset_minus(ret, &right);
	else if (n->kind == SEL_XOR)
		bitset_xor(ret, &right);
	else
		bitset_or(ret, &right);
	return MS_OK;
}

/* The members of `within` that the node means, into *ret, which is all-zero before. */
static enum status
make(struct sel_run *run, uint32_t node, const struct bitset *within, struct bitset *ret)
{
	const struct sel_node *n = node_at(run, node);
	CLEAN(bitset_fini) struct bitset b = {0};

	if (n->kind == SEL_AND)
		return make_and(run, n, within, ret);
	/* A long chain of operators leans to the left: make it before the set for it. */
	enum status st = bitset_init(&b, run->h->nobj, run->eb);
	if (st != MS_OK)
		return st;
	switch (n->kind) {
	case SEL_ALL:
		bitset_or(&b, within);
		break;
	case SEL_ADDR:
		st = make_address(run, n, within, &b);
		break;
	case SEL_TYPE:
	case SEL_FLAG:
	case SEL_TEST:
	case SEL_EXISTS:
		st = sel_test(run, n, within, &b);
		break;
	case SEL_REFERENTS:
	case SEL_REFERRERS:
	case SEL_REACHABLE:
	case SEL_DICT_OF:
		st = make_relation(run, n, within, &b);
		break;
	case SEL_NOT:
	case SEL_OR:
	case SEL_XOR:
	case SEL_MINUS:
		st = make_both(run, n, within, &b);
		break;
	case SEL_AND:
		break;
	}
	if (st != MS_OK)
		return st;
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}

enum status
sel_select(const struct sel *s, const struct heap *h, const struct sel_env *env,
	struct bitset *ret, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset all = {0}, b = {0};
	struct sel_run run = {h, s, env, eb};

	enum status st = bitset_init(&all, h->nobj, eb);
	if (st != MS_OK)
		return st;
	bitset_fill(&all);
	st = make(&run, s->root, &all, &b);
	if (st != MS_OK)
		return st;
	*ret = b;
	b = (struct bitset){0};
	return MS_OK;
}

enum status
sel_eval(const struct heap *h, const char *expr, const struct sel_env *env,
	struct bitset *ret, struct errbuf *eb)
{
	struct sel *s;

	enum status st = sel_parse(expr, &s, eb);
	if (st != MS_OK)
		return st;
	st = sel_select(s, h, env, ret, eb);
	sel_free(s);
	return st;
}
