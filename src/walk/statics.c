/*
 * What lies in the static data of program files: words that point to objects of the heap.
 * A word may be stale, so it leads to no object that is not known already, but those that
 * nothing else could lead to; it says who may hold one that nothing else does.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

#include "memscan/bytes.h"
#include "memscan/limits.h"

enum { SCAN_CHUNK = 65536, COUNT_MAX = 1 << 20, HEAD_MAX = 64 };

static uint32_t
file_name(struct walker *w, const char *path)
{
	const char *slash = strrchr(path, '/');

	return strtab_puts(w->names, slash != NULL ? slash + 1 : path);
}

/* Static objects are never freed: who holds them is no question. */
static bool
is_static(struct walker *w, taddr to)
{
	const struct region *r = target_region(w->t, to);

	return r == NULL || r->path[0] == '/' || data_holds(&w->data, to);
}

/* refout.flush where the first of many are enough. */
static enum status
is_full(struct refout *o)
{
	(void)o;
	return MS_LIMIT;
}

/*
 * CPython: _PyObject_GC_MAY_BE_TRACKED, Include/internal/pycore_object.h: what a tuple or
 * dict may hold that the collector has dropped from its lists.
 */
static bool
is_plain(struct walker *w, taddr to)
{
	const struct pytype *ty = py_type_seen(w->p, to);

	return ty != NULL &&
		(!(ty->flags & TPF_HAVE_GC) || (ty->flags & TPF_TYPE) ||
			(ty->own_shape != NULL && (ty->flags & (TPF_TUPLE | TPF_DICT))));
}

bool
statics_is_plain(struct walker *w, taddr to)
{
	/* There are no objects in what a copy has left out. */
	const struct pytype *ty =
		target_is_left_out(w->t, to, HEAD_MAX) ? NULL : py_type_seen(w->p, to);
	struct pyobj o;

	if (ty == NULL || ty->own_shape == NULL ||
		!(ty->flags & (TPF_TUPLE | TPF_DICT)) || py_obj(w->p, to, &o) != MS_OK ||
		o.refcount == 0 || o.refcount > COUNT_MAX ||
		py_flags(w->p, &o) & (OF_TRACKED | OF_IMMORTAL))
		return false;
	struct refout *out = xcalloc(1, sizeof(*out));
	out->flush = is_full;
	enum status st = py_refs(w->p, &o, out);
	/* The table of interned strings has each for itself, and does not count them. */
	bool is_whole = (st == MS_OK || st == MS_LIMIT) && out->n > 0 &&
		!((ty->flags & TPF_DICT) && out->n > 1 && out->at[0].to == out->at[1].to);
	for (size_t i = 0; i < out->n && is_whole; i++)
		is_whole = is_plain(w, out->at[i].to);
	free(out);
	return is_whole;
}

static void
put_words(struct walker *w, const uint8_t *at, size_t n, uint32_t name)
{
	const struct machine *m = target_machine(w->t);
	unsigned width = m->ptr_width;
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	for (size_t off = 0; off + width <= n; off += width) {
		taddr to = load_uint(at + off, width, swap);
		if (to < 4096 || !is_pointer_aligned(to, width))
			continue;
		objid id = idmap_get(&w->ids, to);
		if (is_static(w, to))
			continue;
		if (id == OBJID_NONE && statics_is_plain(w, to))
			id = walk_discover(w, to);
		if (id == OBJID_NONE)
			continue;
		struct heap_root r = w->root;
		r.to = id;
		r.kind = ROOT_NATIVE;
		r.name = name;
		vec_push(&w->roots, r);
	}
}

static void
put_range(struct walker *w, taddr at, taddr end, uint32_t name, uint8_t *buf)
{
	/* What is missing, or was left out for having no addresses in it, hides nothing else. */
	while (at < end) {
		const struct region *r = target_region(w->t, at);
		if (r == NULL)
			return;
		taddr stop = r->end < end ? r->end : end;
		size_t n = stop - at < SCAN_CHUNK ? (size_t)(stop - at) : SCAN_CHUNK;
		if (r->is_left_out)
			n = (size_t)(stop - at);
		else if (target_read(w->t, at, buf, n) == MS_OK)
			put_words(w, buf, n, name);
		at += n;
	}
}

/*
 * What an interpreter's state counts in front of an array of pointers: not more; and how many
 * bytes are looked at for all states, in parts: they may be nothing but such counts.
 */
enum { ARRAY_MAX = 1 << 16, ARRAY_PART = 4096, ARRAYS_MAX = 128 << 20 };

/*
 * Whether words are references: each of an object, or NULL. What else stands behind a number
 * (mimalloc's pages, a cached name) leads to words of all sorts, of which some are
 * objects' that may be gone.
 */
static bool
are_references(struct walker *w, const uint8_t *at, size_t n)
{
	const struct machine *m = target_machine(w->t);
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	for (size_t off = 0; off < n; off += m->ptr_width) {
		taddr to = load_uint(at + off, m->ptr_width, swap);
		if (to != 0 && idmap_get(&w->ids, to) == OBJID_NONE &&
			!statics_is_plain(w, to))
			return false;
	}
	return true;
}

static bool
is_array(struct walker *w, taddr array, size_t n, uint8_t *buf, size_t *looked)
{
	for (size_t done = 0, now; done < n; done += now) {
		now = n - done < ARRAY_PART ? n - done : ARRAY_PART;
		*looked += now;
		if (*looked > ARRAYS_MAX ||
			target_read(w->t, array + done, buf, now) != MS_OK ||
			!are_references(w, buf, now))
			return false;
	}
	return true;
}

/*
 * Arrays that the state points to: a word that is a count, then one that is its address
 * (3.10: interned identifiers).
 */
static void
put_arrays(struct walker *w, const uint8_t *at, size_t n, uint32_t name, size_t *looked)
{
	CLEAN_FREE uint8_t *buf = xmalloc(SCAN_CHUNK);
	const struct machine *m = target_machine(w->t);
	bool swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	size_t width = m->ptr_width;

	for (size_t off = 0; off + 2 * width <= n && *looked <= ARRAYS_MAX; off += width) {
		uint64_t count = load_uint(at + off, (unsigned)width, swap);
		taddr array = load_uint(at + off + width, (unsigned)width, swap);
		const struct region *r = target_region(w->t, array);
		if (count == 0 || count > ARRAY_MAX || array % width != 0 || r == NULL ||
			count * width > r->end - array ||
			target_is_left_out(w->t, array, count * width))
			continue;
		if (is_array(w, array, count * width, buf, looked))
			put_range(w, array, array + count * width, name, buf);
	}
}

/* Interpreters' states: those that are not static data themselves are scanned as such. */
static void
put_states(struct walker *w)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	struct errbuf eb = {0};
	size_t n = 0, looked = 0;
	uint64_t size = py_interp_size(w->p);
	uint32_t name = strtab_puts(w->names, "PyInterpreterState");

	if (size > LIM_STATIC_DATA || py_interpreters(w->p, &interps, &n, &eb) != MS_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		CLEAN_FREE uint8_t *buf = xmalloc(size + 1);
		if (target_read(w->t, interps[i].addr, buf, size) != MS_OK)
			continue;
		w->root.interp = (uint32_t)i;
		if (!is_static(w, interps[i].addr))
			put_words(w, buf, size, name);
		put_arrays(w, buf, size, name, &looked);
	}
	w->root.interp = 0;
}

enum status
roots_put_native(struct walker *w)
{
	CLEAN_FREE uint8_t *buf = xmalloc(SCAN_CHUNK);

	w->root = (struct heap_root){.thread = HEAP_NONE, .frame = HEAP_NONE};
	for (size_t i = 0; i < w->data.parts.n; i++) {
		const struct data_part *d = &w->data.parts.at[i];
		if (d->end - d->start <= LIM_STATIC_DATA)
			put_range(w, d->start, d->end, file_name(w, d->path), buf);
	}
	put_states(w);
	return walk_drain(w);
}
