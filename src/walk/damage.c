/*
 * The damage account: what could not be read or made no sense, by reason, with examples.
 */
#include "priv.h"

#include <string.h>

void
damage_note(struct damage *d, const char *reason, taddr at)
{
	struct damage_line *l = NULL;

	d->total++;
	for (size_t i = 0; i < d->lines.n; i++)
		if (strcmp(d->lines.at[i].reason, reason) == 0)
			l = &d->lines.at[i];
	if (l == NULL) {
		vec_push(&d->lines, (struct damage_line){.reason = reason});
		l = &d->lines.at[d->lines.n - 1];
	}
	if (l->count < ARRAY_LEN(l->examples))
		l->examples[l->count] = at;
	l->count++;
}

enum status
damage_emit(const struct damage *d, struct strtab *names, struct heap_sink *sink)
{
	for (size_t i = 0; i < d->lines.n; i++) {
		const struct damage_line *l = &d->lines.at[i];
		struct heap_damage out = {
			.reason = strtab_puts(names, l->reason),
			.count = l->count,
			.n_examples = l->count < ARRAY_LEN(l->examples)
				? (uint32_t)l->count
				: ARRAY_LEN(l->examples),
		};
		memcpy(out.examples, l->examples, sizeof(out.examples));
		enum status st = sink->damage(sink->self, &out);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}
