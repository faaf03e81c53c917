/*
 * What changed from one heap to another, kind by kind, and what holds the objects that
 * are new.
 */
#include "memscan/analysis.h"
#include "memscan/change.h"
#include "memscan/retained.h"

#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/vec.h"

#include "kinds.h"

/* ---- kinds of several heaps ---- */

void
kinds_number(struct strtab *t, const struct heap *h, const struct kinds *k, uint32_t *ret)
{
	struct key key = {0};

	for (uint32_t i = 0; i < k->n; i++) {
		const struct kind *kind = &k->at[i];
		size_t len;
		key.n = 0;
		if (k->by == KINDS_MODULE) {
			const char *text = heap_str(h, (uint32_t)kind->n, &len);
			key_put(&key, text, len + 1);
		} else if (k->by == KINDS_SIZE) {
			key_put(&key, &kind->n, sizeof(kind->n));
		} else {
			key_put_type(&key, h, kind->type);
			if (kind->owner != HEAP_NONE)
				key_put_type(&key, h, kind->owner);
		}
		ret[i] = strtab_put(t, key.at, key.n);
	}
	vec_fini(&key);
}

/* ---- kinds that changed ---- */

static void
add(struct amount *a, uint64_t bytes)
{
	a->count++;
	a->bytes += bytes;
}

static void
add_object(struct diff_row *row, int side, const struct heap *const h[2], objid i,
	const struct match *m)
{
	uint64_t bytes = object_bytes(h[side], i);

	add(&row->all[side], bytes);
	if (m == NULL)
		return;
	objid other = side == NEWER ? m->then[i] : m->now[i];
	if (other == OBJID_NONE) {
		add(side == NEWER ? &row->fresh : &row->gone, bytes);
		return;
	}
	if (side == OLDER)
		return;
	uint64_t was = object_bytes(h[OLDER], other);
	if (bytes > was)
		add(&row->grown, bytes - was);
	else if (bytes < was)
		add(&row->shrunk, was - bytes);
}

int64_t
diff_growth(const struct diff_row *row)
{
	return (int64_t)(row->all[NEWER].bytes - row->all[OLDER].bytes);
}

static int
compare_rows(const void *pa, const void *pb)
{
	const struct diff_row *a = pa, *b = pb;
	int64_t x = diff_growth(a), y = diff_growth(b);

	if (x == y) {
		x = (int64_t)(a->all[NEWER].count - a->all[OLDER].count);
		y = (int64_t)(b->all[NEWER].count - b->all[OLDER].count);
	}
	if (x != y)
		return x > y ? -1 : 1;
	if (a->kind[NEWER] != b->kind[NEWER])
		return a->kind[NEWER] < b->kind[NEWER] ? -1 : 1;
	return a->kind[OLDER] < b->kind[OLDER] ? -1 : a->kind[OLDER] > b->kind[OLDER];
}

void
diff_compute(const struct heap *const h[2], const struct kinds *const k[2],
	const struct match *match, struct diff *ret)
{
	struct strtab *t = strtab_new();
	uint32_t *number[2];
	struct diff d = {0};

	for (int side = OLDER; side <= NEWER; side++) {
		number[side] = xcalloc((size_t)k[side]->n + 1, sizeof(uint32_t));
		kinds_number(t, h[side], k[side], number[side]);
	}
	/* String 0 is the empty one, and no kind. */
	d.n = strtab_count(t) - 1;
	d.rows = xcalloc(d.n + 1, sizeof(*d.rows));
	for (size_t r = 0; r < d.n; r++)
		d.rows[r].kind[OLDER] = d.rows[r].kind[NEWER] = HEAP_NONE;
	for (int side = OLDER; side <= NEWER; side++) {
		for (uint32_t i = k[side]->n; i-- > 0;)
			d.rows[number[side][i] - 1].kind[side] = i;
		for (objid i = 0; i < h[side]->nobj; i++) {
			uint32_t kind = k[side]->of[i];
			if (kind == HEAP_NONE)
				continue;
			add_object(&d.rows[number[side][kind] - 1], side, h, i, match);
			add_object(&d.total, side, h, i, match);
		}
		free(number[side]);
	}
	strtab_free(t);
	qsort(d.rows, d.n, sizeof(*d.rows), compare_rows);
	*ret = d;
}

void
diff_fini(struct diff *d)
{
	free(d->rows);
	*d = (struct diff){0};
}

/* ---- what holds what is new ---- */

static int
compare_holders(const void *pa, const void *pb)
{
	const struct diff_holder *a = pa, *b = pb;

	if (a->fresh.bytes != b->fresh.bytes)
		return a->fresh.bytes > b->fresh.bytes ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

enum status
diff_hold(const struct heap *h, const struct dominators *d, const struct match *match,
	const struct bitset *of, struct diff_holders *ret, struct errbuf *eb)
{
	CLEAN_FREE objid *holder = NULL; /* of what is new */
	CLEAN_FREE uint32_t *place =
		NULL; /* by survivor: 1 + its row; last: no single one */
	VEC(struct diff_holder) rows = {0};

	enum status st = mem_array(h->nobj, sizeof(*holder), &holder, eb);
	if (st == MS_OK)
		st = mem_array((size_t)h->nobj + 1, sizeof(*place), &place, eb);
	if (st != MS_OK)
		return st;
	for (uint32_t k = 0; k < h->nobj; k++) {
		objid i = d->order[k], dom = d->idom[i];
		if (match->then[i] != OBJID_NONE)
			continue;
		bool is_fresh = dom != OBJID_NONE && match->then[dom] == OBJID_NONE;
		holder[i] = is_fresh ? holder[dom] : dom;
		if (of != NULL && !bitset_has(of, i))
			continue;
		size_t at = holder[i] == OBJID_NONE ? h->nobj : holder[i];
		if (place[at] == 0) {
			vec_push(&rows, (struct diff_holder){.id = holder[i]});
			place[at] = (uint32_t)rows.n;
		}
		add(&rows.at[place[at] - 1].fresh, object_bytes(h, i));
	}
	if (rows.n > 0)
		qsort(rows.at, rows.n, sizeof(*rows.at), compare_holders);
	ret->rows = rows.at;
	ret->n = rows.n;
	return MS_OK;
}

void
diff_holders_fini(struct diff_holders *d)
{
	free(d->rows);
	*d = (struct diff_holders){0};
}
