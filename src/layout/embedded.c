/*
 * Picking a table. A table describes one way in which a release was built, so it is
 * chosen only where machine, flavour, exact version and the size of _PyRuntime all match:
 * offsets move within a minor release, and distributors patch them. Where the runtime
 * states offsets itself, they have to be the table's.
 */
#include "layout/priv.h"

#include <inttypes.h>
#include <string.h>

#include "memscan/mem.h"

/* A table of another release, machine or flavour. */
static const char *
key_mismatch(const struct layout *table, const struct pyruntime *rt,
	const struct machine *m, char *buf, size_t cap)
{
	char first[PYVERSION_TEXT], last[PYVERSION_TEXT], arch[2][32];

	if (!machine_equal(&table->machine, m)) {
		snprintf(buf, cap, "it is for %s, not %s",
			arch_name(&table->machine, arch[0]), arch_name(m, arch[1]));
		return buf;
	}
	if (strcmp(table->flavour, rt->flavour) != 0) {
		snprintf(buf, cap, "it is for %s builds, not %s", table->flavour,
			rt->flavour);
		return buf;
	}
	if (rt->hexversion < table->covers_first || rt->hexversion > table->covers_last) {
		if (!pyversion_text(table->covers_first, first) ||
			!pyversion_text(table->covers_last, last))
			first[0] = last[0] = '\0';
		snprintf(buf, cap, "it covers %s to %s, not %s", first, last,
			rt->version);
		return buf;
	}
	return NULL;
}

/* A table of the same release, built in another way. */
static const char *
build_mismatch(const struct layout *table, const struct pyruntime *rt, char *buf,
	size_t cap)
{
	if (rt->size != 0 && rt->size != table->runtime_size) {
		snprintf(buf, cap, "its _PyRuntime has %" PRIu64 " bytes, not %" PRIu64,
			table->runtime_size, rt->size);
		return buf;
	}
	return debugoffsets_mismatch(table, rt, buf, cap);
}

const char *
table_mismatch(const struct layout *table, const struct pyruntime *rt,
	const struct machine *m, char *buf, size_t cap)
{
	const char *why = key_mismatch(table, rt, m, buf, cap);
	return why != NULL ? why : build_mismatch(table, rt, buf, cap);
}

/* True if the table was measured on the module: an origin has its build-id. */
static bool
is_of_build(const struct layout *table, const struct module *m)
{
	char id[sizeof("build-id ") + 2 * BUILD_ID_MAX] = "build-id ";
	size_t n = strlen(id);

	if (m->build_id_len == 0 || m->build_id_len > BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < m->build_id_len; i++, n += 2)
		snprintf(id + n, sizeof(id) - n, "%02x", m->build_id[i]);
	for (const char *at = strstr(table->origin, id); at != NULL; at = strstr(at + n, id))
		if (at[n] == '\0' || at[n] == ',' || at[n] == ' ')
			return true;
	return false;
}

enum status
embedded_find(const struct pyruntime *rt, const struct machine *m, struct layout *ret,
	struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout found = {0};
	char why[128], near[256] = "";

	for (const struct embedded_table *e = embedded_tables; e->name != NULL; e++) {
		CLEAN(layout_fini) struct layout l = {0};
		struct layout head;
		size_t len = strlen(e->text);
		enum status st = table_parse_head(e->name, e->text, len, &head, eb);
		if (st != MS_OK)
			return st;
		/* Most are of other releases, and reading their rows would take longer than all else here. */
		if (key_mismatch(&head, rt, m, why, sizeof(why)) != NULL)
			continue;
		st = table_parse(e->name, e->text, len, LS_TABLE, &l, eb);
		if (st != MS_OK)
			return st;
		if (build_mismatch(&l, rt, why, sizeof(why)) != NULL) {
			snprintf(near, sizeof(near), "; %s is of another build, as %s", e->name, why);
			continue;
		}
		l.is_of_build = is_of_build(&l, rt->module);
		snprintf(l.origin, sizeof(l.origin), "table %s", e->name);
		if (found.rows == NULL) {
			layout_move(&found, &l);
			continue;
		}
		found.is_of_build |= l.is_of_build;
		if (layout_compare(&found, &l, NULL) != 0)
			return errbuf_set(eb, MS_FORMAT,
				"%s and %s both describe CPython %s (%s) and disagree; "
				"name one of them with --offsets",
				found.origin, l.origin, rt->version, rt->flavour);
	}
	if (found.rows == NULL)
		return errbuf_set(eb, MS_ABSENT, "no offset table covers CPython %s (%s)%s",
			rt->version, rt->flavour, near);
	debugoffsets_credit(&found, rt);
	layout_move(ret, &found);
	return MS_OK;
}

enum status
layout_embedded(const struct pyruntime *rt, struct layout *ret, struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {0};

	enum status st = embedded_find(rt, elf_machine(rt->module), &l, eb);
	if (st == MS_OK)
		st = layout_finish(&l, eb);
	if (st != MS_OK)
		return st;
	layout_move(ret, &l);
	return MS_OK;
}
