/*
 * Divisions of objects into kinds, heapy's equivalence relations: those that an object's
 * own columns and outgoing references decide. kinds_in.c has those that ask who refers to
 * it.
 */
#include "memscan/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/map.h"
#include "memscan/mem.h"
#include "memscan/progress.h"
#include "memscan/strtab.h"

#include "kinds.h"
#include "values.h"

const char *
kinds_by_name(enum kinds_by by)
{
	static const char *const names[KINDS_COUNT] = {
#define NAME(id, name) name,
		KINDS_BY(NAME)
#undef NAME
	};

	return by < KINDS_COUNT ? names[by] : "?";
}

void
owners_find(const struct heap *h, uint32_t *owner)
{
	for (objid i = 0; i < h->nobj; i++) {
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (ref_kind(h->label[r]) != RK_DICT || owner[h->to[r]] != 0)
				continue;
			owner[h->to[r]] = h->type[i] + 1;
		}
	}
}

/* ---- type, owner, module, size, interpreter, generation ---- */

struct simple {
	VEC(struct kind) at;
	struct map of_key;
	uint32_t *memo; /* by type: 1 + kind of an object without owner */
};

static uint32_t
simple_kind(struct simple *s, uint64_t key, struct kind fresh)
{
	uint32_t kind;

	if (map_get(&s->of_key, key, &kind))
		return kind;
	kind = (uint32_t)s->at.n;
	vec_push(&s->at, fresh);
	map_put(&s->of_key, key, kind);
	return kind;
}

static uint32_t
kind_of(struct simple *s, const struct heap *h, enum kinds_by by, objid i, uint32_t owner)
{
	uint32_t type = h->type[i];
	struct kind fresh = {.type = type, .owner = HEAP_NONE};

	if (by == KINDS_SIZE) {
		fresh.n = heap_size(h, i);
		return simple_kind(s, fresh.n, fresh);
	}
	if (by == KINDS_INTERPRETER || by == KINDS_GENERATION) {
		fresh.n = by == KINDS_INTERPRETER ? heap_interp_of(h, i)
						  : heap_generation_of(h, i);
		return simple_kind(s, fresh.n, fresh);
	}
	if (owner != 0) {
		fresh.owner = owner - 1;
		return simple_kind(s, (uint64_t)owner << 32 | type, fresh);
	}
	if (s->memo[type] == 0) {
		fresh.n = by == KINDS_MODULE ? h->types[type].module : 0;
		s->memo[type] =
			1 + simple_kind(s, by == KINDS_MODULE ? fresh.n : type, fresh);
	}
	return s->memo[type] - 1;
}

static enum status
make_simple(
	const struct heap *h, const struct bitset *of, struct kinds *k, struct errbuf *eb)
{
	CLEAN_FREE uint32_t *owner = NULL;
	CLEAN_FREE uint32_t *memo = NULL;
	struct simple s = {0};

	enum status st = mem_checked(h->ntype, sizeof(*memo), SIZE_MAX, &memo, eb);
	if (st == MS_OK && k->by == KINDS_OWNER)
		st = mem_checked(h->nobj, sizeof(*owner), SIZE_MAX, &owner, eb);
	if (st != MS_OK)
		return st;
	s.memo = memo;
	if (owner != NULL)
		owners_find(h, owner);
	for (objid i = 0; i < h->nobj; i++)
		k->of[i] = kinds_want(of, i)
			? kind_of(&s, h, k->by, i, owner != NULL ? owner[i] : 0)
			: HEAP_NONE;
	map_fini(&s.of_key);
	k->at = s.at.at;
	k->n = (uint32_t)s.at.n;
	return MS_OK;
}

/* ---- value ---- */

/* What two values have to have in common: type, kind, length, text; in `b`. */
static void
value_key(struct key *b, const struct heap *h, objid i, const struct heap_value *v)
{
	uint32_t type = h->type[i];
	uint8_t kind = (uint8_t)v->kind;

	b->n = 0;
	key_put(b, &type, sizeof(type));
	key_put(b, &kind, 1);
	if (v->kind == VK_NONE)
		return;
	key_put(b, &v->len, sizeof(v->len));
	key_put(b, v->text, v->text_len);
}

static void
make_value(const struct heap *h, const struct bitset *of, struct kinds *k)
{
	struct values_cursor values = {0};
	VEC(objid) first = {0};
	struct key key = {0};

	vec_push(&first, OBJID_NONE); /* string 0 is empty, and no kind */
	k->lists = strtab_new();
	for (objid i = 0; i < h->nobj; i++) {
		k->of[i] = HEAP_NONE;
		if (progress_due(i))
			progress_count(i, h->nobj);
		if (!kinds_want(of, i))
			continue;
		struct heap_value v = values_next(&values, h, i);
		value_key(&key, h, i, &v);
		k->of[i] = strtab_put(k->lists, key.at, key.n);
		if (k->of[i] == first.n)
			vec_push(&first, i);
	}
	k->n = strtab_count(k->lists);
	k->first = first.at;
	vec_fini(&key);
}

/* ---- shape ---- */

static void
add_key(struct parts *p, uint32_t text)
{
	vec_push(&p->list, parts_put(p, (struct part){PART_KEY, RK_KEY, text}));
}

/* Put the keys of a dict, or the attributes of an object and its dict, into p->list. */
static bool
collect_keys(struct parts *p, objid i, bool is_own_dict)
{
	const struct heap *h = p->h;
	bool has_any = false;

	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		uint32_t label = h->label[r];
		enum ref_kind kind = ref_kind(label);
		size_t len;
		const char *name;
		switch (kind) {
		case RK_ATTR:
		case RK_SLOT:
			name = heap_str(h, ref_payload(label), &len);
			add_key(p, parts_name(p, name, len));
			has_any = true;
			break;
		case RK_VALUE:
			add_key(p, parts_key_text(p, heap_ref_key(h, i, r)));
			has_any = true;
			break;
		case RK_DICT:
			has_any = true;
			if (!is_own_dict)
				collect_keys(p, h->to[r], true);
			break;
		default:
			break;
		}
	}
	return has_any;
}

static enum status
make_shape(
	const struct heap *h, const struct bitset *of, struct kinds *k, struct errbuf *eb)
{
	CLEAN(parts_fini) struct parts p = {0};
	uint32_t none;

	enum status st = parts_init(&p, h, eb);
	if (st != MS_OK)
		return st;
	/* Objects that have no keys at all are told from an empty dict. */
	none = parts_put(&p, (struct part){PART_PLAIN, RK_KEY, 0});
	for (objid i = 0; i < h->nobj; i++) {
		k->of[i] = HEAP_NONE;
		if (progress_due(i))
			progress_count(i, h->nobj);
		if (!kinds_want(of, i))
			continue;
		p.list.n = 0;
		bool is_dict =
			strcmp(heap_str(h, h->types[h->type[i]].name, NULL), "dict") == 0;
		if (!collect_keys(&p, i, false) && !is_dict)
			vec_push(&p.list, none);
		k->of[i] = parts_list(&p);
	}
	parts_give(&p, k);
	return MS_OK;
}

enum status
kinds_make(const struct heap *h, enum kinds_by by, const struct bitset *of,
	struct kinds *ret, struct errbuf *eb)
{
	CLEAN(kinds_fini) struct kinds k = {.by = by};

	enum status st = mem_checked(h->nobj, sizeof(*k.of), SIZE_MAX, &k.of, eb);
	if (st != MS_OK)
		return st;
	switch (by) {
	case KINDS_TYPE:
	case KINDS_OWNER:
	case KINDS_MODULE:
	case KINDS_SIZE:
	case KINDS_INTERPRETER:
	case KINDS_GENERATION:
		st = make_simple(h, of, &k, eb);
		break;
	case KINDS_VALUE:
		make_value(h, of, &k);
		break;
	case KINDS_SHAPE:
		st = make_shape(h, of, &k, eb);
		break;
	case KINDS_REFERRERS:
		st = kinds_referrers(h, of, &k, eb);
		break;
	case KINDS_VIA:
		st = kinds_via(h, of, &k, eb);
		break;
	case KINDS_COUNT:
		break;
	}
	if (st != MS_OK)
		return st;
	*ret = k;
	k = (struct kinds){0};
	return MS_OK;
}

void
kinds_fini(struct kinds *k)
{
	free(k->of);
	free(k->at);
	free(k->first);
	free(k->parts);
	if (k->lists != NULL)
		strtab_free(k->lists);
	if (k->texts != NULL)
		strtab_free(k->texts);
	if (k->owners != NULL)
		kinds_fini(k->owners);
	free(k->owners);
	*k = (struct kinds){0};
}
