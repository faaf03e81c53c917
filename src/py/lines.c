/*
 * From a byte offset in a code object to its source line: co_linetable (PEP 626, location
 * table of 3.11: Objects/locations.md).
 */
#include "priv.h"

#include "memscan/limits.h"

enum {
	CODE_SHORT_MAX = 9,
	CODE_ONE_LINE_FIRST = 10,
	CODE_ONE_LINE_LAST = 12,
	CODE_NO_COLUMN = 13,
	CODE_LONG = 14
};

/* Six bits a byte, least first; bit 6 says that more follow. */
static uint64_t
read_varint(struct bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 60; shift += 6) {
		uint64_t byte = bytes_uint(b, 1);
		v |= (byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return v;
}

static int64_t
read_signed_varint(struct bytes *b)
{
	uint64_t v = read_varint(b);
	return v & 1 ? -(int64_t)(v >> 1) : (int64_t)(v >> 1);
}

/*
 * The line delta of one entry whose first byte has been taken; columns are passed over.
 */
static int64_t
line_delta(struct bytes *b, unsigned code)
{
	if (code <= CODE_SHORT_MAX) {
		bytes_take(b, 1);
		return 0;
	}
	if (code <= CODE_ONE_LINE_LAST) {
		bytes_take(b, 2);
		return code - CODE_ONE_LINE_FIRST;
	}
	if (code == CODE_NO_COLUMN)
		return read_signed_varint(b);
	if (code != CODE_LONG)
		return 0;
	int64_t delta = read_signed_varint(b);
	for (int i = 0; i < 3; i++)
		read_varint(b);
	return delta;
}

uint32_t
py_line(struct py *p, taddr code, int64_t lasti)
{
	uint64_t table_at, n;
	uint32_t first;

	if (!layout_has(p->l, PYF_CODE_LINETABLE) || !layout_has(p->l, PYF_CODE_ADAPTIVE))
		return 0;
	if (py_word(p, code + layout_off(p->l, PYF_CODE_LINETABLE), &table_at) != MS_OK ||
		target_u32(p->t, code + layout_off(p->l, PYF_CODE_FIRSTLINENO), &first) !=
			MS_OK ||
		py_word(p, table_at + layout_off(p->l, PYF_OB_SIZE), &n) != MS_OK ||
		n > LIM_VALUE_FULL)
		return 0;
	CLEAN_FREE uint8_t *table = xmalloc((size_t)n);
	if (target_read(p->t, table_at + layout_off(p->l, PYF_BYTES_DATA), table,
		    (size_t)n) != MS_OK)
		return 0;

	struct bytes b = bytes_of(table, (size_t)n);
	int64_t line = first, addr = 0;
	while (bytes_left(&b) > 0 && !b.bad) {
		unsigned head = (unsigned)bytes_uint(&b, 1), kind = head >> 3 & 0xf;
		/* Wraps where a hostile table makes it; the range is judged below. */
		line = (int64_t)((uint64_t)line + (uint64_t)line_delta(&b, kind));
		addr += 2 * ((head & 7) + 1);
		if (addr > lasti)
			return kind == 15 || line < 0 || line > UINT32_MAX
				? 0
				: (uint32_t)line;
	}
	return 0;
}

taddr
py_code_filename(struct py *p, taddr code)
{
	uint64_t name;
	return py_word(p, code + layout_off(p->l, PYF_CODE_FILENAME), &name) == MS_OK
		? name
		: 0;
}
