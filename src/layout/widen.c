/*
 * Layouts put together for `memscan offsets`: further modules, further releases. A table
 * may only ever say what was measured, so everything that is put together is compared.
 */
#include "layout/priv.h"

#include <string.h>

enum status
layout_add_dwarf(struct layout *l, struct module *m, struct errbuf *eb)
{
	enum status st = rows_from_dwarf(l->rows, m, eb);
	if (st != MS_OK)
		return st;
	return layout_finish(l, eb);
}

enum status
layout_widen(struct layout *l, const struct layout *other, FILE *out, struct errbuf *eb)
{
	size_t differences = 0;

	if (strcmp(l->flavour, other->flavour) != 0 ||
		!machine_equal(&l->machine, &other->machine) ||
		l->runtime_size != other->runtime_size ||
		l->hexversion >> 16 != other->hexversion >> 16)
		return errbuf_set(eb, MS_FORMAT,
			"%s (%s) and %s (%s) differ in series, machine, flavour or size "
			"of _PyRuntime and need two tables",
			l->origin, l->version, other->origin, other->version);
	/*
	 * Here a type that one of them does not know is a difference as well: nobody
	 * measured it there.
	 */
	for (size_t i = 0; i < l->rows->n; i++) {
		const struct row *a = &l->rows->at[i], *b = &other->rows->at[i];
		if (a->state == b->state || a->member[0] != '\0')
			continue;
		differences++;
		if (out != NULL)
			fprintf(out, "%s: unknown to %s\n", a->type,
				a->state == ROW_PRESENT ? other->origin : l->origin);
	}
	differences += layout_compare(l, other, out);
	if (differences != 0)
		return errbuf_set(eb, MS_FORMAT,
			"%s and %s disagree in %zu rows and need two tables", l->origin,
			other->origin, differences);
	if (other->covers_first < l->covers_first)
		l->covers_first = other->covers_first;
	if (other->covers_last > l->covers_last)
		l->covers_last = other->covers_last;
	size_t n = strlen(l->origin);
	snprintf(l->origin + n, sizeof(l->origin) - n, ", %s", other->origin);
	return MS_OK;
}
