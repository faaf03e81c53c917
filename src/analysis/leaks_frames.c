/*
 * Suspects that the interpreter keeps by itself: gc.garbage, and frames that have ended.
 */
#include <string.h>

#include "leaks.h"
#include "priv.h"

/* ---- gc.garbage ---- */

/* The value of a str key in a dict, or OBJID_NONE. */
static objid
dict_value(const struct heap *h, objid dict, const char *key)
{
	for (uint64_t r = h->first[dict]; r < h->first[(size_t)dict + 1]; r++) {
		objid k = ref_kind(h->label[r]) == RK_VALUE ? heap_ref_key(h, dict, r)
							    : OBJID_NONE;
		if (k == OBJID_NONE)
			continue;
		struct heap_value v = heap_value(h, k);
		if (v.text_len == strlen(key) && memcmp(v.text, key, v.text_len) == 0)
			return h->to[r];
	}
	return OBJID_NONE;
}

enum status
leaks_find_garbage_list(struct finder *f, struct errbuf *eb)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k < h->nroot; k++) {
		objid list = OBJID_NONE, module = h->roots[k].to;
		const char *name = heap_str(h, h->roots[k].name, NULL);
		if (h->roots[k].kind == ROOT_INTERP && strcmp(name, "gc.garbage") == 0)
			list = module;
		if (h->roots[k].kind == ROOT_MODULE && strcmp(name, "gc") == 0)
			for (uint64_t r = h->first[module];
				r < h->first[(size_t)module + 1]; r++)
				if (ref_kind(h->label[r]) == RK_DICT)
					list = dict_value(h, h->to[r], "garbage");
		if (list == OBJID_NONE || h->first[list] == h->first[(size_t)list + 1])
			continue;
		CLEAN(bitset_fini) struct bitset set = {0};
		enum status st = bitset_init(&set, h->nobj, eb);
		if (st != MS_OK)
			return st;
		uint64_t count = 0;
		for (uint64_t r = h->first[list]; r < h->first[(size_t)list + 1]; r++) {
			if (!leaks_wants(f, h->to[r]) || bitset_has(&set, h->to[r]))
				continue;
			bitset_add(&set, h->to[r]);
			count++;
		}
		return leaks_put_set(f, LEAK_GARBAGE, &set, count, eb);
	}
	return MS_OK;
}

/* ---- frames that are over ---- */

/* Marks frames that a thread runs; its own frame objects and those below generators. */
static void
mark_running(const struct finder *f, struct bitset *running)
{
	const struct heap *h = f->h;

	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].kind == ROOT_FRAME && h->roots[k].frame != HEAP_NONE)
			bitset_add(running, h->roots[k].to);
	for (objid i = 0; i < h->nobj; i++) {
		if (!type_is_builtin(h, h->type[i], "generator") &&
			!type_is_builtin(h, h->type[i], "coroutine") &&
			!type_is_builtin(h, h->type[i], "async_generator"))
			continue;
		for (uint64_t r = h->first[i]; r < h->first[(size_t)i + 1]; r++)
			if (type_is_builtin(h, h->type[h->to[r]], "frame"))
				bitset_add(running, h->to[r]);
	}
}

enum status
leaks_find_frames(struct finder *f, struct errbuf *eb)
{
	const struct heap *h = f->h;
	CLEAN(bitset_fini) struct bitset running = {0}, tracebacks = {0}, frames = {0};
	uint64_t n_tracebacks = 0, n_frames = 0;

	enum status st = bitset_init(&running, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&tracebacks, h->nobj, eb);
	if (st == MS_OK)
		st = bitset_init(&frames, h->nobj, eb);
	if (st != MS_OK)
		return st;
	mark_running(f, &running);
	for (objid i = 0; i < h->nobj; i++) {
		if (bitset_has(&f->garbage, i) ||
			!type_is_builtin(h, h->type[i], "traceback"))
			continue;
		for (uint64_t r = h->first[i]; r < h->first[(size_t)i + 1]; r++) {
			if (!type_is_builtin(h, h->type[h->to[r]], "frame") ||
				bitset_has(&running, h->to[r]))
				continue;
			bitset_add(&running, h->to[r]);
			if (!leaks_wants(f, i))
				continue;
			n_tracebacks += !bitset_has(&tracebacks, i);
			bitset_add(&tracebacks, i);
		}
	}
	for (objid i = 0; i < h->nobj; i++) {
		if (bitset_has(&f->garbage, i) || bitset_has(&running, i) ||
			!leaks_wants(f, i) || !type_is_builtin(h, h->type[i], "frame"))
			continue;
		bitset_add(&frames, i);
		n_frames++;
	}
	st = leaks_put_set(f, LEAK_TRACEBACK, &tracebacks, n_tracebacks, eb);
	return st == MS_OK ? leaks_put_set(f, LEAK_FRAME, &frames, n_frames, eb) : st;
}
