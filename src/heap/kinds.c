/*
 * Names of the vocabulary: each table is the X-macro of heap.h once more, so that a kind
 * without a name cannot be.
 */
#include "memscan/heap.h"

#include <string.h>

#include "memscan/mem.h"

#define NAME_ROW(id, name) name,

static const char *const ref_names[] = {HEAP_REF_KINDS(NAME_ROW)};
static const char *const root_names[] = {HEAP_ROOT_KINDS(NAME_ROW)};
static const char *const how_names[] = {HEAP_TYPE_HOW(NAME_ROW)};
static const char *const value_names[] = {HEAP_VALUE_KINDS(NAME_ROW)};
static const char *const generation_names[] = {HEAP_GENERATIONS(NAME_ROW)};
static const char *const note_names[] = {HEAP_NOTES(NAME_ROW)};

struct flag {
	uint32_t bit;
	const char *name;
};

#define FLAG_ROW(id, bit, name) {bit, name},

static const struct flag obj_flags[] = {HEAP_OBJ_FLAGS(FLAG_ROW)};
static const struct flag buffer_flags[] = {HEAP_BUFFER_FLAGS(FLAG_ROW)};

const char *
ref_kind_name(enum ref_kind k)
{
	return (unsigned)k < RK_COUNT ? ref_names[k] : "?";
}

const char *
root_kind_name(enum root_kind k)
{
	return (unsigned)k < ROOT_COUNT ? root_names[k] : "?";
}

const char *
type_how_name(enum type_how h)
{
	return (unsigned)h < HOW_COUNT ? how_names[h] : "?";
}

const char *
value_kind_name(enum value_kind k)
{
	return (unsigned)k < VK_COUNT ? value_names[k] : "?";
}

const char *
generation_name(enum heap_generation g)
{
	return (unsigned)g < GENERATION_COUNT ? generation_names[g] : "?";
}

const char *
note_kind_name(enum note_kind k)
{
	return (unsigned)k < NOTE_COUNT ? note_names[k] : "?";
}

static char *
flags_text(const struct flag *names, size_t n_names, uint32_t flags, char sep, char *buf,
	size_t cap)
{
	size_t n = 0;

	if (cap == 0)
		return buf;
	for (size_t i = 0; i < n_names; i++) {
		size_t len = strlen(names[i].name), gap = n > 0 ? 1 : 0;
		if ((flags & names[i].bit) == 0)
			continue;
		/* A name that does not fit is left out whole, with all that follow. */
		if (n + gap + len >= cap)
			break;
		if (gap != 0)
			buf[n++] = sep;
		memcpy(buf + n, names[i].name, len);
		n += len;
	}
	buf[n] = '\0';
	return buf;
}

char *
obj_flags_text(uint32_t flags, char sep, char *buf, size_t cap)
{
	return flags_text(obj_flags, ARRAY_LEN(obj_flags), flags, sep, buf, cap);
}

char *
buffer_flags_text(uint32_t flags, char sep, char *buf, size_t cap)
{
	return flags_text(buffer_flags, ARRAY_LEN(buffer_flags), flags, sep, buf, cap);
}
