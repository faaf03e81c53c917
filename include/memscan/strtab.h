/*
 * Interned strings with small dense ids.
 *
 * Equal texts get equal ids, ids count from 0 in order of first sight. Texts may hold
 * any bytes, NUL included. Id 0 is always the empty string. Views die with the table.
 */
#ifndef MEMSCAN_STRTAB_H
#define MEMSCAN_STRTAB_H

#include <stddef.h>
#include <stdint.h>

struct strtab;

struct strtab *strtab_new(void);
void strtab_free(struct strtab *s);

/* The id of the text [p, p + len), new or known. */
uint32_t strtab_put(struct strtab *s, const char *p, size_t len);
uint32_t strtab_puts(struct strtab *s, const char *text);

/* Number of strings, and the text of one (NUL-terminated besides its length). */
uint32_t strtab_count(const struct strtab *s);
const char *strtab_get(const struct strtab *s, uint32_t id, size_t *len);

#endif
