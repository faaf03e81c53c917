/*
 * Strings that end with a NUL, wherever their memory does.
 */
#include <string.h>

#include "memscan/target.h"

enum { PAGE = 4096 };

enum status
target_str(struct target *t, taddr addr, char *buf, size_t cap)
{
	size_t got = 0;

	/* Page by page: the text may end just before memory that is not there. */
	while (got < cap) {
		if (got > UINT64_MAX - addr)
			return MS_FAULT;
		taddr at = addr + got;
		const struct region *r = target_region(t, at);
		if (r == NULL)
			return MS_FAULT;
		size_t part = PAGE - (size_t)(at % PAGE);
		if (part > cap - got)
			part = cap - got;
		if (part > r->end - at)
			part = (size_t)(r->end - at);
		enum status st = target_read(t, at, buf + got, part);
		if (st != MS_OK)
			return st;
		if (memchr(buf + got, '\0', part) != NULL)
			return MS_OK;
		got += part;
	}
	return MS_LIMIT;
}
