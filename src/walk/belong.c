/*
 * What the collector's lists say of an object: its generation, and, where a process has several
 * interpreters, whose it is. They are read after everything has been reached, so that this is
 * kept by id until the end: a byte an object, and six more with several interpreters.
 *
 * An object is of the interpreter whose list or heap holds it; one that lies in a program's or
 * library's data is everybody's; any other is of whom the one is that reached it first.
 */
#include "priv.h"

/* Not settled yet. */
enum { OWNER_UNSET = INTERP_UNKNOWN - 1 };

void
belong_add(struct belong *b, uint32_t from)
{
	vec_push(&b->generation, GENERATION_NONE);
	if (!b->has_owners)
		return;
	vec_push(&b->owner, OWNER_UNSET);
	vec_push(&b->from, from);
}

void
belong_set(struct belong *b, objid id, const struct pytracked *o, uint32_t interp)
{
	if (o->generation != GENERATION_NONE) {
		b->generation.at[id] = (uint8_t)o->generation;
		b->has_generation = true;
	}
	if (b->has_owners && o->is_own)
		b->owner.at[id] = (uint16_t)interp;
}

void
belong_set_shared(struct belong *b, objid id)
{
	b->owner.at[id] = INTERP_SHARED;
}

/* Whoever reaches an object has a lower id than it, and is settled before. */
static void
settle(struct belong *b)
{
	for (size_t i = 0; i < b->owner.n; i++) {
		uint32_t from = b->from.at[i];
		if (b->owner.at[i] != OWNER_UNSET)
			continue;
		b->owner.at[i] = (from & FROM_ROOT) ? (uint16_t)from : b->owner.at[from];
	}
}

enum status
belong_emit(struct belong *b, struct heap_sink *sink)
{
	enum status st = MS_OK;

	if (b->has_generation)
		st = sink->generations(sink->self, b->generation.at, b->generation.n);
	if (st != MS_OK || !b->has_owners)
		return st;
	settle(b);
	return sink->owners(sink->self, b->owner.at, b->owner.n);
}

void
belong_fini(struct belong *b)
{
	vec_fini(&b->generation);
	vec_fini(&b->owner);
	vec_fini(&b->from);
}
