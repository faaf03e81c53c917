/*
 * The arguments of a process that is known by its core, off its stack: the kernel notes
 * the first 80 bytes of them only. The auxiliary vector, a copy of which is in the notes,
 * shows where on the stack they are.
 */
#include "corepriv.h"

#include <elf.h>
#include <string.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	AUXV_SEARCH = 1 << 16, /* bytes between the auxiliary vector and what it points to */
	CORE_CMDLINE_MAX = 64 * 1024, /* shown to people: more of it is cut off */
};

static bool
word_at(const struct core *c, taddr addr, uint64_t *ret)
{
	const struct core_load *l = core_load_at(c, addr);
	unsigned width = c->image.machine.ptr_width;

	if (l == NULL || addr - l->start >= l->has || l->has - (addr - l->start) < width)
		return false;
	*ret = load_uint(c->map + l->off + (addr - l->start), width, c->image.swap);
	return true;
}

/* Does the auxiliary vector of the notes begin here? Its first four pairs tell. */
static bool
is_auxv(const struct core *c, taddr addr)
{
	unsigned width = c->image.machine.ptr_width;

	for (size_t i = 0; i < 8; i++) {
		uint64_t v;
		if (!word_at(c, addr + i * width, &v) || v != c->notes.auxv.at[i])
			return false;
	}
	return true;
}

/* Append the string at addr and a blank; false at the end of what fits or is there. */
static bool
append_string(const struct core *c, taddr addr, size_t *used)
{
	const struct core_load *l = core_load_at(c, addr);

	if (l == NULL || addr - l->start >= l->has)
		return false;
	const uint8_t *p = c->map + l->off + (addr - l->start);
	size_t left = CORE_CMDLINE_MAX - 1 - *used;
	size_t have = (size_t)(l->has - (addr - l->start));
	size_t len = strnlen((const char *)p, have < left ? have : left);
	memcpy(c->cmdline + *used, p, len);
	*used += len;
	if (*used < CORE_CMDLINE_MAX - 1)
		c->cmdline[(*used)++] = ' ';
	c->cmdline[*used] = '\0';
	return *used < CORE_CMDLINE_MAX - 1;
}

/*
 * Down from the vector: a zero, the environment, a zero, the arguments, their number.
 * False if it is not like that.
 */
static bool
read_cmdline(struct core *c, taddr auxv)
{
	unsigned width = c->image.machine.ptr_width;
	taddr at = auxv - width;
	uint64_t v, argc = 0;

	if (!word_at(c, at, &v) || v != 0)
		return false;
	do {
		at -= width;
		if (!word_at(c, at, &v))
			return false;
	} while (v != 0);
	taddr args_end = at;
	for (at -= width; word_at(c, at, &v) && v != argc; at -= width)
		argc++;
	if (argc == 0 || args_end - at != (argc + 1) * width)
		return false;

	size_t used = 0;
	c->cmdline = xcalloc(CORE_CMDLINE_MAX, 1);
	for (at += width; at < args_end; at += width)
		if (!word_at(c, at, &v) || !append_string(c, v, &used))
			break;
	while (used > 0 && c->cmdline[used - 1] == ' ')
		c->cmdline[--used] = '\0';
	c->cmdline = xrealloc(c->cmdline, used + 1);
	return used > 0;
}

/* The kernel puts the vector just below the 16 random bytes that it points to. */
void
core_find_args(struct core *c)
{
	unsigned width = c->image.machine.ptr_width;
	uint64_t random;

	c->info.cmdline = c->notes.args;
	if (c->notes.auxv.n < 8 || !core_auxv(&c->notes, AT_RANDOM, &random))
		return;
	taddr at = random & ~(taddr)(width - 1);
	for (size_t i = 0; i < AUXV_SEARCH && at > AUXV_SEARCH; i += width, at -= width) {
		if (!is_auxv(c, at))
			continue;
		if (read_cmdline(c, at))
			c->info.cmdline = c->cmdline;
		return;
	}
}
