/*
 * Selections are typed by people, but also made by scripts from what they find in a dump:
 * any text must end in a selection or in a message with a caret within the line above it.
 * What was accepted is evaluated on a small heap.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/analysis.h"
#include "memscan/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Five objects of two types in a ring, with a dict among them. */
static const uint64_t addr[] = {16, 32, 48, 64, 80};
static const uint32_t type[] = {0, 1, 0, 1, 0}, size32[] = {16, 16, 32, 64, 128};
static const uint32_t count32[] = {1, 2, 3, 4, 5}, by_addr[] = {0, 1, 2, 3, 4};
static const uint16_t flags[] = {0, OF_GC, OF_TRACKED, OF_GUESSED, 0};
static const uint64_t first[] = {0, 1, 3, 4, 5, 6};
static const uint32_t to[] = {1, 2, 3, 3, 4, 0};
static const uint32_t label[] = {
	RK_DICT, RK_KEY, RK_VALUE, RK_ATTR | 1u << REF_PAYLOAD_SHIFT, RK_INDEX, RK_WEAK};
static const char str[] = "\0a\0dict\0m\0";
static const uint64_t str_at[] = {0, 1, 3, 8, 10};
static const struct heap_type types[] = {{.name = 1, .module = 3}, {.name = 2}};
static const uint8_t values[] = {0, 0, 2, VK_STR, 'a', 2, VK_INT, '7', 0};
static const uint64_t value_at[] = {0};

static const struct heap heap = {
	.nobj = 5,
	.ntype = 2,
	.nstr = 4,
	.nref = 6,
	.addr = addr,
	.type = type,
	.size32 = size32,
	.count32 = count32,
	.flags = flags,
	.first = first,
	.to = to,
	.label = label,
	.by_addr = by_addr,
	.value_at = value_at,
	.values = values,
	.nvalues = sizeof(values),
	.types = types,
	.str_at = str_at,
	.str = str,
};

/* Message, the expression or a part of it, a caret that is not beyond its end. */
static void
check_message(const struct errbuf *eb)
{
	const char *line = strchr(eb->msg, '\n');

	if (line == NULL)
		return;
	const char *caret = strchr(line + 1, '\n');
	if (caret == NULL || caret[1 + strspn(caret + 1, " ")] != '^' ||
		strspn(caret + 1, " ") > (size_t)(caret - line - 1))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_FREE char *text = xmalloc(size + 1);
	struct bitset b = {0};
	struct errbuf eb = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	enum status st = sel_eval(&heap, text, NULL, &b, &eb);
	if (st != MS_OK) {
		check_message(&eb);
		return 0;
	}
	if (b.n != heap.nobj || bitset_count(&b) > heap.nobj)
		abort();
	bitset_fini(&b);
	return 0;
}
