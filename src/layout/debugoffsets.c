/*
 * What a runtime says of itself: since 3.13 _PyRuntime begins with a cookie, its version
 * and the offsets that debuggers need. It is found by that cookie where nothing else is
 * left of it, and it tells which table describes it: whatever both state has to agree.
 * All of it was written by the process, and none of it is trusted: the words are compared
 * with a table's, or bounded before they are used.
 *
 * CPython: struct _Py_DebugOffsets, Include/internal/pycore_debug_offsets.h (3.13:
 * pycore_runtime.h). Its fields are 64-bit words on every machine.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "layout/priv.h"
#include "memscan/mem.h"

static const uint8_t cookie[8] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};

/* Places of the words that every release has had at the same place so far. */
enum { AT_VERSION = 1, AT_FREE_THREADED = 2, AT_RUNTIME_SIZE = 3, AT_INTERP_HEAD = 5, AT_INTERP_SIZE = 6 };

/* A _PyRuntime is some hundred thousand bytes, a collector's state some hundred. */
enum { RUNTIME_MAX = 64 << 20, GC_STATE_MAX = 1024 };

/* The series whose words are known: the struct grows with each, never within one. */
enum { SERIES_COUNT = 3 };
static const struct {
	uint32_t series; /* PY_VERSION_HEX >> 16 */
	unsigned words;
	unsigned gc, gc_size; /* places of interpreter_state.gc and gc.size */
} known[SERIES_COUNT] = {
	{0x030d, 584 / 8, 80 / 8, 568 / 8},
	{0x030e, 760 / 8, 88 / 8, 648 / 8},
	{0x030f, 888 / 8, 88 / 8, 752 / 8},
};

/*
 * What a word is: the size of a type (member ""), or the offset of a member; its byte
 * position by series, 0 where there is none.
 */
static const struct statement {
	const char *type, *member;
	uint16_t at[SERIES_COUNT];
} statements[] = {
	{"pyruntimestate", "", {24, 24, 24}},
	{"pyruntimestate", "_finalizing", {32, 32, 32}},
	{"pyruntimestate", "interpreters.head", {40, 40, 40}},
	{"PyInterpreterState", "", {48, 48, 48}},
	{"PyInterpreterState", "id", {56, 56, 56}},
	{"PyInterpreterState", "next", {64, 64, 64}},
	{"PyInterpreterState", "threads.head", {72, 72, 72}},
	{"PyInterpreterState", "gc", {80, 88, 88}},
	{"PyInterpreterState", "imports.modules", {88, 96, 96}},
	{"PyInterpreterState", "sysdict", {96, 104, 104}},
	{"PyInterpreterState", "builtins", {104, 112, 112}},
	{"PyThreadState", "", {152, 176, 176}},
	{"PyThreadState", "next", {168, 192, 192}},
	{"PyThreadState", "interp", {176, 200, 200}},
	{"PyThreadState", "current_frame", {184, 208, 208}},
	{"PyThreadState", "thread_id", {192, 216, 240}},
	{"PyThreadState", "native_thread_id", {200, 224, 248}},
	{"_PyInterpreterFrame", "", {224, 248, 312}},
	{"_PyInterpreterFrame", "previous", {232, 256, 320}},
	{"_PyInterpreterFrame", "f_executable", {240, 264, 328}},
	{"_PyInterpreterFrame", "instr_ptr", {248, 272, 336}},
	{"_PyInterpreterFrame", "localsplus", {256, 280, 344}},
	{"_PyInterpreterFrame", "owner", {264, 288, 352}},
	{"_PyInterpreterFrame", "stackpointer", {0, 296, 360}},
	{"PyCodeObject", "", {272, 312, 376}},
	{"PyCodeObject", "co_filename", {280, 320, 384}},
	{"PyCodeObject", "co_name", {288, 328, 392}},
	{"PyCodeObject", "co_qualname", {296, 336, 400}},
	{"PyCodeObject", "co_linetable", {304, 344, 408}},
	{"PyCodeObject", "co_firstlineno", {312, 352, 416}},
	{"PyCodeObject", "co_localsplusnames", {328, 368, 432}},
	{"PyCodeObject", "co_localspluskinds", {336, 376, 440}},
	{"PyCodeObject", "co_code_adaptive", {344, 384, 448}},
	{"PyObject", "", {352, 400, 464}},
	{"PyObject", "ob_type", {360, 408, 472}},
	{"PyTypeObject", "", {368, 416, 480}},
	{"PyTypeObject", "tp_name", {376, 424, 488}},
	{"PyTypeObject", "tp_flags", {392, 440, 504}},
	{"PyTypeObject", "tp_basicsize", {0, 0, 512}},
	{"PyTypeObject", "tp_dictoffset", {0, 0, 520}},
	{"PyHeapTypeObject", "", {0, 0, 528}},
	{"PyHeapTypeObject", "ht_cached_keys", {0, 0, 536}},
	{"PyTupleObject", "", {400, 448, 544}},
	{"PyTupleObject", "ob_item", {408, 456, 552}},
	{"PyListObject", "", {424, 472, 568}},
	{"PyListObject", "ob_item", {432, 480, 576}},
	{"PySetObject", "", {0, 496, 592}},
	{"PySetObject", "used", {0, 504, 600}},
	{"PySetObject", "table", {0, 512, 608}},
	{"PySetObject", "mask", {0, 520, 616}},
	{"PyDictObject", "", {448, 528, 624}},
	{"PyDictObject", "ma_keys", {456, 536, 632}},
	{"PyDictObject", "ma_values", {464, 544, 640}},
	{"PyFloatObject", "", {472, 552, 648}},
	{"PyFloatObject", "ob_fval", {480, 560, 656}},
	{"PyLongObject", "", {488, 568, 664}},
	{"PyLongObject", "long_value.lv_tag", {496, 576, 672}},
	{"PyLongObject", "long_value.ob_digit", {504, 584, 680}},
	{"PyBytesObject", "", {512, 592, 688}},
	{"PyBytesObject", "ob_sval", {528, 608, 704}},
	{"PyUnicodeObject", "", {536, 616, 712}},
	{"PyASCIIObject", "length", {552, 632, 728}},
	{"PyASCIIObject", "", {560, 640, 736}},
	{"PyCompactUnicodeObject", "", {0, 0, 744}},
	{"_gc_runtime_state", "", {568, 648, 752}},
	{"_gc_runtime_state", "collecting", {576, 656, 760}},
	{"PyGenObject", "", {0, 664, 792}},
	{"PyGenObject", "gi_name", {0, 672, 800}},
	{"PyGenObject", "gi_iframe", {0, 680, 808}},
	{"PyGenObject", "gi_frame_state", {0, 688, 816}},
};

static bool
is_swapped(struct module *m)
{
	return elf_machine(m)->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* ---- reading ---- */

/* Index of the series in known[], or SERIES_COUNT. */
static unsigned
series_of(uint64_t version)
{
	unsigned i = 0;

	while (i < SERIES_COUNT && known[i].series != version >> 16)
		i++;
	return i;
}

/* Words there are of this release: of one that is not known, only those that name it. */
static unsigned
words_of(uint64_t version)
{
	unsigned i = series_of(version);
	return i < SERIES_COUNT ? known[i].words : AT_RUNTIME_SIZE;
}

/* What can be said of the numbers without a table. */
static bool
is_plausible(const struct pydebug *d)
{
	if (d->n <= AT_RUNTIME_SIZE)
		return true;
	uint64_t runtime = d->word[AT_RUNTIME_SIZE], interp = d->word[AT_INTERP_SIZE];
	const unsigned i = series_of(d->word[AT_VERSION]);
	uint64_t gc = d->word[known[i].gc], gc_size = d->word[known[i].gc_size];

	return runtime <= RUNTIME_MAX && interp < runtime && gc < interp &&
		gc_size <= GC_STATE_MAX && gc_size <= interp - gc;
}

bool
debugoffsets_parse(const void *p, size_t len, bool swap, struct pydebug *ret)
{
	char text[PYVERSION_TEXT];
	const uint8_t *from = p;
	struct pydebug d = {0};

	if (len < AT_RUNTIME_SIZE * 8 || memcmp(from, cookie, sizeof(cookie)) != 0)
		return false;
	uint64_t version = load_uint(from + AT_VERSION * 8, 8, swap);
	if (version > UINT32_MAX || version >> 16 < known[0].series ||
		!pyversion_text((uint32_t)version, text))
		return false;
	unsigned n = words_of(version);
	if (len / 8 < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		d.word[i] = load_uint(from + i * 8, 8, swap);
	d.n = n;
	if (d.word[AT_FREE_THREADED] > 1 || !is_plausible(&d))
		return false;
	*ret = d;
	return true;
}

/*
 * Where the list of the youngest generation begins in the collector's state, which a patch
 * may move without a trace in any of these words. In a process one pointer tells it, as
 * other pointers into the state are heads of empty lists and point to themselves; a file
 * has the thresholds, each behind the two pointers of its head.
 *
 * CPython: struct _gc_runtime_state, generation0; _PyRuntimeState_INIT: 2000, 10, 10.
 */
static bool
gc_first_of(const uint8_t *state, size_t size, taddr addr, unsigned width, bool swap, bool is_file,
	uint64_t *ret)
{
	const unsigned stride = 2 * width + 8;
	unsigned found = 0;

	for (size_t at = 0; !is_file && at + width <= size; at += width) {
		taddr to = load_uint(state + at, width, swap);
		bool is_inside = to >= addr && to - addr < size;
		bool is_empty = to == addr + at || to == addr + at - width;
		if (!is_inside || is_empty)
			continue;
		*ret = to - addr;
		found++;
	}
	for (size_t at = 2 * width; is_file && at + 2 * stride + 4 <= size; at += 4) {
		if (load_uint(state + at, 4, swap) == 0 || load_uint(state + at + stride, 4, swap) != 10 ||
			load_uint(state + at + 2 * stride, 4, swap) != 10)
			continue;
		*ret = at - 2 * width;
		found++;
	}
	return found == 1;
}

/* CPython: the main interpreter's state is the last member of _PyRuntime (since 3.11). */
static void
find_gc_first(const struct image *im, struct pyruntime *rt)
{
	const struct pydebug *d = &rt->debug;
	uint8_t state[GC_STATE_MAX];

	rt->has_gc_first = false;
	if (d->n <= AT_RUNTIME_SIZE || d->word[AT_FREE_THREADED] != 0)
		return;
	const unsigned i = series_of(d->word[AT_VERSION]);
	taddr at = rt->addr + d->word[AT_RUNTIME_SIZE] - d->word[AT_INTERP_SIZE] + d->word[known[i].gc];
	size_t size = (size_t)d->word[known[i].gc_size];
	bool is_file = im->t == NULL || target_read(im->t, at, state, size) != MS_OK;
	if (is_file && elf_read(im->m, at, state, size) != MS_OK)
		return;
	rt->has_gc_first = gc_first_of(state, size, at, elf_machine(im->m)->ptr_width, is_swapped(im->m),
		is_file, &rt->gc_first);
}

bool
debugoffsets_read(const struct image *im, struct pyruntime *rt)
{
	uint8_t bytes[PYDEBUG_WORDS * 8];
	bool swap = is_swapped(im->m);

	if (image_read(im, rt->addr, bytes, AT_RUNTIME_SIZE * 8) != MS_OK)
		return false;
	size_t n = words_of(load_uint(bytes + AT_VERSION * 8, 8, swap)) * 8;
	if (memcmp(bytes, cookie, sizeof(cookie)) != 0 || image_read(im, rt->addr, bytes, n) != MS_OK ||
		!debugoffsets_parse(bytes, n, swap, &rt->debug))
		return false;
	if (rt->size == 0 && rt->debug.n > AT_RUNTIME_SIZE)
		rt->size = rt->debug.word[AT_RUNTIME_SIZE];
	find_gc_first(im, rt);
	return true;
}

bool
debugoffsets_interp_head(const struct pyruntime *rt, taddr *ret)
{
	if (rt->debug.n <= AT_INTERP_HEAD)
		return false;
	*ret = rt->addr + rt->debug.word[AT_INTERP_HEAD];
	return true;
}

/* ---- finding it by the cookie ---- */

/* Bytes and cookies to look at in one image: a process could be full of either. */
enum { SCAN_MAX = 256 << 20, HITS_MAX = 1024 };

struct scan {
	uint64_t bytes;
	unsigned hits;
};

static bool
scan_range(const struct image *im, taddr addr, uint64_t size, struct scan *s, struct pyruntime *rt)
{
	enum { PIECE = 64 * 1024 };
	CLEAN_FREE uint8_t *buf = xmalloc(PIECE);

	for (uint64_t at = 0; at < size && s->bytes < SCAN_MAX && s->hits < HITS_MAX; at += PIECE) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
		s->bytes += n;
		if (image_read(im, addr + at, buf, n) != MS_OK)
			continue;
		for (size_t i = 0; i + sizeof(cookie) <= n && s->hits < HITS_MAX; i += sizeof(cookie)) {
			if (memcmp(buf + i, cookie, sizeof(cookie)) != 0)
				continue;
			s->hits++;
			*rt = (struct pyruntime){.module = im->m, .addr = addr + at + i};
			if (debugoffsets_read(im, rt))
				return true;
		}
	}
	return false;
}

static bool
found_in(struct pyruntime *rt, const char *place)
{
	snprintf(rt->found_by, sizeof(rt->found_by), "cookie xdebugpy in %s", place);
	return true;
}

bool
debugoffsets_find(const struct image *im, struct pyruntime *rt)
{
	static const char *const sections[] = {".PyRuntime", ".data"};
	struct scan s = {0};
	taddr addr;
	uint64_t size;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (elf_section(im->m, sections[i], &addr, &size) == MS_OK &&
			scan_range(im, addr, size, &s, rt))
			return found_in(rt, sections[i]);
	/* Section headers may be gone; what is mapped is not. */
	const struct region *r = im->t != NULL ? target_regions(im->t, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		bool is_own = r[i].start >= im->m->start && r[i].end <= im->m->end;
		if (is_own && (r[i].prot & PROT_WRITE) && !r[i].is_shared &&
			scan_range(im, r[i].start, r[i].end - r[i].start, &s, rt))
			return found_in(rt, "writable memory");
	}
	return false;
}

/* ---- against a table ---- */

/* What the runtime says of a statement's row; false if it says nothing. */
static bool
stated(const struct pydebug *d, const struct statement *s, uint64_t *ret)
{
	unsigned i = d->n > AT_RUNTIME_SIZE ? series_of(d->word[AT_VERSION]) : SERIES_COUNT;

	if (i == SERIES_COUNT || s->at[i] == 0)
		return false;
	*ret = d->word[s->at[i] / 8];
	return *ret != 0 || s->member[0] != '\0';
}

const char *
debugoffsets_mismatch(const struct layout *table, const struct pyruntime *rt, char *buf, size_t cap)
{
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		const struct statement *s = &statements[i];
		const struct layout_field *f = layout_find(table, s->type, s->member);
		bool is_size = s->member[0] == '\0';
		if (f == NULL || !stated(&rt->debug, s, &v) || v == (is_size ? f->size : f->off))
			continue;
		if (is_size)
			snprintf(buf, cap, "its %s has %" PRIu64 " bytes, not %" PRIu64, s->type, f->size, v);
		else
			snprintf(buf, cap, "its %s.%s is at %" PRIu64 ", not %" PRIu64, s->type, s->member, f->off, v);
		return buf;
	}
	const struct layout_field *lists = layout_find(table, "_gc_runtime_state", "generations");
	if (!rt->has_gc_first || lists == NULL || lists->off == rt->gc_first)
		return NULL;
	snprintf(buf, cap, "its _gc_runtime_state.generations is at %" PRIu64 ", not %" PRIu64, lists->off,
		rt->gc_first);
	return buf;
}

/* One statement against a row: 1 if both state it, and a line to out where they differ. */
static size_t
compare_statement(const struct layout *l, const struct pyruntime *rt, const struct statement *s,
	size_t *differences, FILE *out)
{
	const struct layout_field *f = layout_find(l, s->type, s->member);
	uint64_t v;

	if (f == NULL || !stated(&rt->debug, s, &v))
		return 0;
	uint64_t here = s->member[0] == '\0' ? f->size : f->off;
	if (v == here)
		return 1;
	++*differences;
	if (out != NULL)
		fprintf(out, "%s%s%s: %" PRIu64 " in %s, %" PRIu64 " in _Py_DebugOffsets\n", s->type,
			s->member[0] != '\0' ? "." : "", s->member, here, l->origin, v);
	return 1;
}

size_t
layout_compare_debug(const struct layout *l, const struct pyruntime *rt, size_t *shared, FILE *out)
{
	static const char type[] = "_gc_runtime_state", member[] = "generations";
	size_t differences = 0;

	*shared = 0;
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		*shared += compare_statement(l, rt, &statements[i], &differences, out);
	const struct layout_field *lists = layout_find(l, type, member);
	if (!rt->has_gc_first || lists == NULL)
		return differences;
	++*shared;
	if (lists->off == rt->gc_first)
		return differences;
	if (out != NULL)
		fprintf(out, "%s.%s: %" PRIu64 " in %s, %" PRIu64 " as seen in the runtime\n", type,
			member, lists->off, l->origin, rt->gc_first);
	return differences + 1;
}

void
debugoffsets_credit(struct layout *l, const struct pyruntime *rt)
{
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		struct row *r = rows_find(l->rows, statements[i].type, statements[i].member);
		if (r == NULL || r->state != ROW_PRESENT || !stated(&rt->debug, &statements[i], &v))
			continue;
		if (r->f.source == LS_TABLE && v == (r->member[0] == '\0' ? r->f.size : r->f.off))
			r->f.source = LS_DEBUG_OFFSETS;
	}
}
