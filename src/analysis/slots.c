/*
 * Dicts of one shape: what their values would take as the __slots__ of a class. All that
 * has to be known of the interpreter, the size of a pointer and of what stands in front of
 * an object, a tuple's size tells.
 */
#include "memscan/analysis.h"
#include "memscan/saving.h"

#include <stdlib.h>

#include "memscan/map.h"
#include "memscan/vec.h"

#include "priv.h"

struct costs {
	uint64_t word, header; /* bytes of a reference, and of an object with none */
};

/* sys.getsizeof(()) is the collector's head, the object's, a length. */
static struct costs
costs_of(const struct heap *h)
{
	for (objid i = 0; i < h->nobj; i++) {
		uint64_t word = h->types[h->type[i]].itemsize, size = heap_size(h, i);
		if ((h->types[h->type[i]].flags & IS_TUPLE) == 0 ||
			!type_is_builtin(h, h->type[i], "tuple"))
			continue;
		uint64_t len = heap_value(h, i).len;
		if (len < size && word > 0 && size > (len + 1) * word)
			return (struct costs){word, size - (len + 1) * word};
	}
	return (struct costs){8, 32};
}

enum status
slots_dicts(const struct heap *h, const struct bitset *set, const struct kinds *owners,
	struct bitset *ret, struct errbuf *eb)
{
	CLEAN(bitset_fini) struct bitset dicts = {0};

	enum status st = bitset_init(&dicts, h->nobj, eb);
	if (st != MS_OK)
		return st;
	BITSET_EACH(i, set)
	{
		const struct kind *k = &owners->at[owners->of[i]];
		if ((h->types[k->type].flags & IS_DICT) == 0 ||
			!type_is_builtin(h, k->type, "dict"))
			continue;
		bool is_namespace = k->owner != HEAP_NONE &&
			((h->types[k->owner].flags & IS_TYPE) != 0 ||
				type_is_builtin(h, k->owner, "module"));
		if (!is_namespace)
			bitset_add(&dicts, i);
	}
	*ret = dicts;
	dicts = (struct bitset){0};
	return MS_OK;
}

static bool
is_letter(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(unsigned char)c >= 0x80;
}

static bool
is_identifier(const struct heap_value *v)
{
	/* 2.7's attributes are named by its 8-bit str. */
	if ((v->kind != VK_STR && v->kind != VK_BYTES) || v->cut || v->text_len == 0 ||
		!is_letter(v->text[0]))
		return false;
	for (size_t i = 1; i < v->text_len; i++)
		if (!is_letter(v->text[i]) && (v->text[i] < '0' || v->text[i] > '9'))
			return false;
	return true;
}

/* How many entries a dict has; 0 if a key is no attribute's name. */
static uint64_t
named_entries(const struct heap *h, objid i)
{
	uint64_t n = 0;

	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		if (ref_kind(h->label[r]) != RK_VALUE)
			continue;
		objid key = heap_ref_key(h, i, r);
		if (key == OBJID_NONE)
			return 0;
		struct heap_value v = heap_value(h, key);
		if (!is_identifier(&v))
			return 0;
		n++;
	}
	return n;
}

static int
compare_rows(const void *pa, const void *pb)
{
	const struct slots_row *a = pa, *b = pb;

	if (a->saved != b->saved)
		return a->saved > b->saved ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* A shape that was met: its row (one whose keys are no names has no entries). */
struct shape_row {
	struct slots_row row;
	uint64_t entries;
};

static void
add(struct shape_row *s, const struct heap *h, const struct costs *costs, objid i,
	bool has_owner)
{
	uint64_t size = heap_size(h, i);
	/* The owner is there anyway, and has its own head. */
	uint64_t need = s->entries * costs->word + (has_owner ? 0 : costs->header);

	s->row.count++;
	s->row.bytes += size;
	s->row.saved += size > need ? size - need : 0;
}

void
slots_compute(const struct heap *h, const struct bitset *dicts,
	const struct kinds *owners, const struct kinds *shapes, struct slots *ret)
{
	struct costs costs = costs_of(h);
	VEC(struct shape_row) found = {0};
	VEC(struct slots_row) rows = {0};
	struct map row_of = {0};
	struct slots out = {0};

	BITSET_EACH(i, dicts)
	{
		uint32_t kind = owners->of[i], shape = shapes->of[i], at;
		uint64_t key = (uint64_t)kind << 32 | shape;
		if (!map_get(&row_of, key, &at)) {
			at = (uint32_t)found.n;
			vec_push(&found,
				((struct shape_row){
					.row = {.shape = shape,
						.kind = kind,
						.first = (objid)i},
					.entries = named_entries(h, (objid)i)}));
			map_put(&row_of, key, at);
		}
		if (found.at[at].entries > 0)
			add(&found.at[at], h, &costs, (objid)i,
				owners->at[kind].owner != HEAP_NONE);
	}
	for (size_t k = 0; k < found.n; k++) {
		const struct slots_row *row = &found.at[k].row;
		if (row->count < 2 || row->saved == 0)
			continue;
		vec_push(&rows, *row);
		out.count += row->count;
		out.bytes += row->bytes;
		out.saved += row->saved;
	}
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_rows);
	vec_fini(&found);
	map_fini(&row_of);
	out.rows = rows.at;
	out.n = rows.n;
	*ret = out;
}

void
slots_fini(struct slots *s)
{
	free(s->rows);
	*s = (struct slots){0};
}
