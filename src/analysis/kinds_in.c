/*
 * Kinds by who refers to an object (heapy's byrcs) and how (byvia). For each reference to
 * an object of the set one number is kept, that of the part it stands for; they are
 * brought together by counting, as in graph.c, and each object's become a set.
 *
 * What varies without a meaning of its own is folded: an index of a type of whose objects
 * more than FOLD_MAX indices occur, and the keys of dicts that are nobody's attributes,
 * if more than FOLD_MAX occur, and this one in few places.
 */
#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/progress.h"

#include "kinds.h"
#include "select.h"

enum { FOLD_MAX = 10, FOLD_SHARE = 1000 };

/* References to the objects of a set: part[first[i] .. first[i + 1] - 1]. */
struct inset {
	const struct heap *h;
	const struct bitset *of;
	uint64_t *first;
	uint32_t *part;
};

static void
inset_fini(struct inset *in)
{
	free(in->first);
	free(in->part);
}

static bool
is_counted(const struct inset *in, uint64_t r)
{
	return kinds_want(in->of, in->h->to[r]) && sel_is_reference(in->h->label[r]);
}

/*
 * Being on a GC list, or interned, is no way to be held, and a word in native data is one
 * only where there is no other.
 */
static bool
is_counted_root(const struct inset *in, const struct heap_root *root)
{
	return root->kind != ROOT_TRACKED && root->kind != ROOT_INTERNED &&
		root->kind != ROOT_NATIVE && root->kind != ROOT_WORD &&
		kinds_want(in->of, root->to);
}

/* Count what there is to come; afterwards first[i + 1] is where the next of i goes. */
static enum status
inset_init(struct inset *in, struct errbuf *eb)
{
	const struct heap *h = in->h;
	uint64_t sum = 0;

	enum status st = mem_checked((size_t)h->nobj + 2, 8, SIZE_MAX, &in->first, eb);
	if (st != MS_OK)
		return st;
	for (uint64_t r = 0; r < h->nref; r++)
		if (is_counted(in, r))
			in->first[(size_t)h->to[r] + 1]++;
	for (uint32_t k = 0; k < h->nroot; k++)
		if (is_counted_root(in, &h->roots[k]))
			in->first[(size_t)h->roots[k].to + 1]++;
	for (size_t i = 1; i <= h->nobj; i++) {
		uint64_t n = in->first[i];
		in->first[i] = sum;
		sum += n;
	}
	return mem_checked(sum, sizeof(*in->part), SIZE_MAX, &in->part, eb);
}

static void
inset_put(struct inset *in, objid to, uint32_t part)
{
	in->part[in->first[(size_t)to + 1]++] = part;
}

/* Each object's parts as a set; final (or NULL) is what became of each part. */
static void
make_lists(
	const struct inset *in, struct parts *p, const uint32_t *final, struct kinds *k)
{
	uint64_t n = in->h->nobj;

	for (objid i = 0; i < n; i++) {
		if (progress_due(i))
			progress_count(n + i, 2 * n);
		k->of[i] = HEAP_NONE;
		if (!kinds_want(in->of, i))
			continue;
		p->list.n = 0;
		for (uint64_t e = in->first[i]; e < in->first[i + 1]; e++) {
			uint32_t part = in->part[e];
			vec_push(&p->list, final != NULL ? final[part] : part);
		}
		k->of[i] = parts_list(p);
	}
	parts_give(p, k);
}

enum status
kinds_referrers(
	const struct heap *h, const struct bitset *of, struct kinds *k, struct errbuf *eb)
{
	CLEAN(parts_fini) struct parts p = {0};
	CLEAN(inset_fini) struct inset in = {.h = h, .of = of};

	k->owners = xcalloc(1, sizeof(*k->owners));
	enum status st = kinds_make(h, KINDS_OWNER, NULL, k->owners, eb);
	if (st == MS_OK)
		st = parts_init(&p, h, eb);
	if (st == MS_OK)
		st = inset_init(&in, eb);
	if (st != MS_OK)
		return st;
	for (objid i = 0; i < h->nobj; i++) {
		struct part part = {PART_OWNER, RK_ATTR, k->owners->of[i]};
		uint32_t id = 0;
		bool is_known = false;
		if (progress_due(i))
			progress_count(i, 2 * (uint64_t)h->nobj);
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (!is_counted(&in, r))
				continue;
			if (!is_known)
				id = parts_put(&p, part);
			is_known = true;
			inset_put(&in, h->to[r], id);
		}
	}
	for (uint32_t r = 0; r < h->nroot; r++) {
		struct part part = {PART_ROOT, RK_ATTR, h->roots[r].kind};
		if (is_counted_root(&in, &h->roots[r]))
			inset_put(&in, h->roots[r].to, parts_put(&p, part));
	}
	make_lists(&in, &p, NULL, k);
	return MS_OK;
}

/* ---- via ---- */

/* The parts as they are at first, and how often each occurs. */
struct via {
	const struct heap *h;
	struct parts raw;
	VEC(uint64_t) count;
	uint32_t *owner;      /* as owners_find leaves it */
	struct strtab *alike; /* roots that read alike */
	VEC(uint32_t) root;   /* by string of it: the first such root */
};

static void
via_fini(struct via *v)
{
	parts_fini(&v->raw);
	vec_fini(&v->count);
	vec_fini(&v->root);
	strtab_free(v->alike);
	free(v->owner);
}

/* A raw part; dicts that are somebody's attributes have RK_DICT where others have
 * RK_VALUE. */
static struct part
part_of(struct via *v, objid i, uint64_t r)
{
	uint32_t label = v->h->label[r];
	enum ref_kind how = ref_kind(label);

	switch (how) {
	case RK_ATTR:
	case RK_SLOT:
	case RK_FIELD:
		return (struct part){PART_NAMED, RK_ATTR, ref_payload(label)};
	case RK_LOCAL:
	case RK_CLOSURE:
		return (struct part){PART_NAMED, how, ref_payload(label)};
	case RK_VALUE:
		return (struct part){PART_KEYED, v->owner[i] != 0 ? RK_DICT : RK_VALUE,
			parts_key_text(&v->raw, heap_ref_key(v->h, i, r))};
	case RK_INDEX:
	case RK_STACK:
	case RK_OFFSET: {
		uint64_t at = how == RK_OFFSET ? ref_payload(label)
					       : heap_ref_index(v->h, i, r);
		return (struct part){PART_INDEX, how,
			(uint64_t)v->h->type[i] << 32 | (at & UINT32_MAX)};
	}
	default:
		return (struct part){PART_PLAIN, how, 0};
	}
}

/* Number of the first root that is called the same. */
static struct part
part_of_root(struct via *v, uint32_t r)
{
	const struct heap_root *root = &v->h->roots[r];
	uint32_t function =
		root->frame < v->h->nframe ? v->h->frames[root->frame].function : 0;
	const uint32_t key[] = {root->kind, root->name, function, root->interp};
	uint32_t id = strtab_put(v->alike, (const char *)key, sizeof(key));

	/* String 0 is the empty one. */
	while (v->root.n <= id)
		vec_push(&v->root, r);
	return (struct part){PART_ROOT, RK_ATTR, v->root.at[id]};
}

static uint32_t
raw_put(struct via *v, struct part part)
{
	uint32_t id = parts_put(&v->raw, part);

	if (id == v->count.n)
		vec_push(&v->count, 0);
	v->count.at[id]++;
	return id;
}

static void
collect(struct via *v, struct inset *in)
{
	const struct heap *h = v->h;

	for (objid i = 0; i < h->nobj; i++) {
		if (progress_due(i))
			progress_count(i, 2 * (uint64_t)h->nobj);
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
			if (is_counted(in, r))
				inset_put(in, h->to[r], raw_put(v, part_of(v, i, r)));
	}
	for (uint32_t r = 0; r < h->nroot; r++)
		if (is_counted_root(in, &h->roots[r]))
			inset_put(in, h->roots[r].to, raw_put(v, part_of_root(v, r)));
}

/* How many indices occur of each type, and keys of dicts that are nobody's attributes. */
struct variety {
	uint32_t *indices; /* by type */
	uint64_t keys, edges;
};

static enum status
count_variety(const struct via *v, struct variety *ret, struct errbuf *eb)
{
	struct variety n = {0};

	enum status st = mem_checked(
		(size_t)v->h->ntype + 1, sizeof(*n.indices), SIZE_MAX, &n.indices, eb);
	if (st != MS_OK)
		return st;
	for (size_t k = 0; k < v->raw.at.n; k++) {
		const struct part *p = &v->raw.at.at[k];
		if (p->kind == PART_INDEX)
			n.indices[(p->x >> 32) % (v->h->ntype + 1)]++;
		if (p->kind == PART_KEYED && p->how == RK_VALUE) {
			n.keys++;
			n.edges += v->count.at[k];
		}
	}
	*ret = n;
	return MS_OK;
}

static struct part
fold(const struct part *raw, uint64_t count, const struct variety *n, uint32_t ntype)
{
	struct part p = *raw, any = {PART_ANY, RK_VALUE, 0};

	if (p.kind == PART_INDEX) {
		if (n->indices[(p.x >> 32) % (ntype + 1)] > FOLD_MAX)
			return p.how == RK_INDEX ? any
						 : (struct part){PART_PLAIN, p.how, 0};
		p.x &= UINT32_MAX;
	}
	if (p.kind == PART_KEYED && p.how == RK_VALUE && n->keys > FOLD_MAX &&
		(count < FOLD_MAX || count * FOLD_SHARE < n->edges))
		return any;
	if (p.kind == PART_KEYED)
		p.how = RK_VALUE;
	return p;
}

enum status
kinds_via(
	const struct heap *h, const struct bitset *of, struct kinds *k, struct errbuf *eb)
{
	CLEAN(via_fini) struct via v = {.h = h};
	CLEAN(parts_fini) struct parts p = {0};
	CLEAN(inset_fini) struct inset in = {.h = h, .of = of};
	CLEAN_FREE uint32_t *final = NULL;
	struct variety n;

	v.alike = strtab_new();
	enum status st = mem_checked(h->nobj, sizeof(*v.owner), SIZE_MAX, &v.owner, eb);
	if (st == MS_OK)
		st = parts_init(&v.raw, h, eb);
	if (st == MS_OK)
		st = parts_init(&p, h, eb);
	if (st == MS_OK)
		st = inset_init(&in, eb);
	if (st != MS_OK)
		return st;
	owners_find(h, v.owner);
	collect(&v, &in);
	st = count_variety(&v, &n, eb);
	if (st != MS_OK)
		return st;
	final = xcalloc(v.raw.at.n + 1, sizeof(*final));
	for (size_t r = 0; r < v.raw.at.n; r++)
		final[r] =
			parts_put(&p, fold(&v.raw.at.at[r], v.count.at[r], &n, h->ntype));
	free(n.indices);
	/* The texts of keys are those of the raw parts. */
	struct strtab *texts = p.texts;
	p.texts = v.raw.texts;
	v.raw.texts = texts;
	make_lists(&in, &p, final, k);
	return MS_OK;
}
