/*
 * The only place that chooses strategies: the presence of a field decides, never a
 * version. Distributors patch releases and releases rewrite structs within a minor
 * version, but a struct that has lv_tag keeps its sign there.
 *
 * Each axis is a list of candidates with their evidence. Exactly one must hold: none
 * means a release that this program does not know yet, two mean that the evidence is
 * not sharp enough, and both are refusals that name the axis.
 */
#include "layout/priv.h"

#include "memscan/mem.h"

/* What would be used, and whether the fields for it are there. */
struct candidate {
	const char *name;
	bool fits;
	int value;
};

static enum status
choose(const struct layout *l, const char *axis, const struct candidate *c, size_t n,
	int *ret, struct errbuf *eb)
{
	const struct candidate *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!c[i].fits)
			continue;
		if (found != NULL)
			return errbuf_set(eb, MS_VERSION,
				"%s: two strategies fit for %s: %s and %s",
				l->origin, axis, found->name, c[i].name);
		found = &c[i];
	}
	if (found == NULL)
		return errbuf_set(eb, MS_VERSION, "%s: no strategy fits for %s",
			l->origin, axis);
	*ret = found->value;
	return MS_OK;
}

/*
 * One fact under two names: where a release has the second, it stands for the first.
 * The rows stay what they are; code asks for the first alone.
 */
static void
derive_aliases(struct layout *l)
{
	static const struct {
		enum pyf id, other;
	} same[] = {
		{PYF_GCHEAD_NEXT, PYF_GCHEAD_OLD_NEXT},         /* to 3.7 */
		{PYF_GCHEAD_PREV, PYF_GCHEAD_OLD_PREV},         /* to 3.7 */
		{PYF_OB_REFCNT, PYF_OB_REF_LOCAL},              /* free-threaded: the owner's count */
		{PYF_BYTES_DATA, PYF_STR27_DATA},               /* 2.7: str */
		{PYF_INTERP_THREADS_HEAD, PYF_INTERP_TSTATE_HEAD}, /* to 3.10 */
		{PYF_INTERP_MODULES, PYF_INTERP_IMPORTS_MODULES}, /* since 3.12 */
		{PYF_INT_DIGITS, PYF_INT_TAG_DIGITS},           /* since 3.12 */
		{PYF_IFRAME_FUNC, PYF_IFRAME_FUNCOBJ},          /* since 3.12 */
		{PYF_IFRAME_CODE, PYF_IFRAME_EXECUTABLE},       /* since 3.13 */
		{PYF_IFRAME_PREV_INSTR, PYF_IFRAME_INSTR_PTR},  /* since 3.13 */
		{PYF_INTERP_BUILTIN_TYPES, PYF_INTERP_BUILTIN_STATES}, /* since 3.13 */
		{PYF_BUILTIN_TYPE, PYF_MANAGED_TYPE},           /* since 3.13 */
		{PYF_BUILTIN_DICT, PYF_MANAGED_DICT},           /* since 3.13 */
		{PYF_BUILTIN_SUBCLASSES, PYF_MANAGED_SUBCLASSES}, /* since 3.13 */
		{PYF_MIPAGE_BLOCK_SIZE, PYF_MIPAGE_XBLOCK_SIZE}, /* mimalloc to 2.1 */
		{PYF_MIPAGE_TAG, PYF_MIPAGE_HEAP_TAG},          /* mimalloc since 2.2 */
	};

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		bool is_array = same[i].id == PYF_INTERP_BUILTIN_TYPES;
		/* 3.13 keeps the name of the array for a struct around it. */
		if (layout_has(l, same[i].other) && (!layout_has(l, same[i].id) || is_array))
			l->f[same[i].id] = l->f[same[i].other];
	}
	bool is_incremental = false;
	/* The incremental collector's young and two old heads stand where three generations did (3.14.0). */
	if (!layout_has(l, PYF_GC_GENERATIONS) && layout_has(l, PYF_GC_YOUNG) && layout_has(l, PYF_GC_OLD)) {
		struct layout_field f = l->f[PYF_GC_YOUNG];
		f.stride = l->f[PYF_GC_OLD].off - f.off;
		f.count = 3;
		l->f[PYF_GC_GENERATIONS] = f;
		is_incremental = true;
	}
	/* CPython: gc.get_objects(), Doc/library/gc.rst: both old lists are generation 2, and there is no 1. */
	l->gc_generation[0] = GENERATION_YOUNG;
	l->gc_generation[1] = is_incremental ? GENERATION_OLD : GENERATION_MIDDLE;
	l->gc_generation[2] = GENERATION_OLD;
}

/* Where objects of the collector are found without lists: all that src/py/mimalloc.c looks at. */
static bool
has_mimalloc(const struct layout *l)
{
	static const enum pyf need[] = {
		PYF_OB_GC_BITS, PYF_OB_REF_LOCAL, PYF_OB_REF_SHARED, PYF_INTERP_GC, PYF_TSTATE_MI_HEAPS,
		PYF_TSTATE_MI_READY, PYF_MIHEAP_PAGES, PYF_MIQUEUE_FIRST, PYF_SIZEOF_MIPAGE,
		PYF_MIPAGE_SLICES, PYF_MIPAGE_TAG, PYF_MIPAGE_CAPACITY, PYF_MIPAGE_BLOCK_SIZE,
		PYF_MIPAGE_FREE, PYF_MIPAGE_LOCAL_FREE, PYF_MIPAGE_XTHREAD_FREE, PYF_MIPAGE_NEXT,
		PYF_MIPAGE_PREV, PYF_MISEGMENT_SLICES, PYF_MISEGMENT_ENTRIES, PYF_MISEGMENT_INFO,
		PYF_MISEGMENT_THREAD, PYF_MISEGMENT_NEXT,
	};

	for (size_t i = 0; i < ARRAY_LEN(need); i++)
		if (!layout_has(l, need[i]))
			return false;
	return true;
}

/*
 * Who holds the heads of the collector's lists: the runtime, since 3.9 interpreters. A
 * free-threaded interpreter has heads, too, but nothing ever hangs off them.
 */
static enum status
derive_gc_home(struct layout *l, struct errbuf *eb)
{
	bool is_free_threaded = layout_has(l, PYF_OB_GC_BITS);
	bool has_heads = layout_has(l, PYF_GC_GENERATIONS) && !is_free_threaded;
	bool in_interp = has_heads && layout_has(l, PYF_INTERP_GC);
	bool in_runtime = has_heads && layout_has(l, PYF_RUNTIME_GC);
	/* To 3.6: static variables, which _PyGC_generation0 points to. */
	bool is_static = !layout_has(l, PYF_INTERP_GC) && !layout_has(l, PYF_RUNTIME_GC) &&
		layout_has(l, PYF_SIZEOF_GENERATION);
	struct candidate c[] = {
		{"lists of the interpreter", in_interp, GC_HOME_INTERP},
		{"lists of the runtime", in_runtime, GC_HOME_RUNTIME},
		{"static lists", is_static, GC_HOME_STATIC},
		{"pages of mimalloc", is_free_threaded && has_mimalloc(l), GC_HOME_MIMALLOC},
	};
	int value = 0;
	enum status st = choose(l, "the home of the collector's lists (gc.generations)",
		c, ARRAY_LEN(c), &value, eb);
	if (st == MS_OK)
		l->gc_home = (enum gc_home)value;
	return st;
}

/*
 * CPython: struct _dictkeysobject, Objects/dict-common.h to 3.10,
 * Include/internal/pycore_dict.h since 3.11.
 */
static enum status
derive_keys_size(struct layout *l, struct errbuf *eb)
{
	bool has_log2 = layout_has(l, PYF_KEYS_LOG2_SIZE) &&
		layout_has(l, PYF_KEYS_LOG2_INDEX);
	struct candidate c[] = {
		{"dk_log2_size", has_log2, KEYS_LOG2},
		{"dk_size", layout_has(l, PYF_KEYS_SIZE), KEYS_SIZE_WORD},
	};
	int value = 0;

	/* 2.7 has a table of entries in the dict itself: Include/dictobject.h. */
	if (layout_has(l, PYF_DICT27_TABLE)) {
		l->keys_form = KEYS_TABLE_27;
		return MS_OK;
	}
	enum status st = choose(l, "the size of dict keys", c, ARRAY_LEN(c), &value, eb);
	if (st == MS_OK)
		l->keys_size = (enum keys_size)value;
	return st;
}

/*
 * Where attributes of instances lie. 3.11 has a block of values and two words before the
 * GC head (values, dict). 3.12 has the same block behind one tagged word, which shows as
 * the union PyDictOrValues; 3.13 puts a prefix in front of the values, and them into the object.
 */
static enum status
derive_attr_home(struct layout *l, struct errbuf *eb)
{
	bool has_block = layout_has(l, PYF_VALUES_VALUES);
	bool is_tagged = layout_find(l, "PyDictOrValues", "") != NULL;
	bool is_inline = layout_has(l, PYF_VALUES_EMBEDDED);
	bool is_plain = has_block && layout_off(l, PYF_VALUES_VALUES) == 0 && !is_inline;
	struct candidate c[] = {
		{"words before the GC head", is_plain && !is_tagged, ATTR_PREHEADER_311},
		{"a tagged word before the GC head", is_plain && is_tagged, ATTR_TAGGED_312},
		{"values inside the object", has_block && is_inline, ATTR_INLINE_313},
		{"tp_dictoffset alone", !has_block && !is_tagged, ATTR_DICTOFFSET},
	};
	int value = 0;
	enum status st = choose(l, "the attributes of instances", c, ARRAY_LEN(c), &value,
		eb);
	if (st == MS_OK)
		l->attr_home = (enum attr_home)value;
	return st;
}

/* CPython: struct _longobject, Include/longintrepr.h; long_value.lv_tag since 3.12. */
static enum status
derive_int_form(struct layout *l, struct errbuf *eb)
{
	struct candidate c[] = {
		{"ob_size", layout_has(l, PYF_INT_DIGITS) && !layout_has(l, PYF_INT_TAG_DIGITS), INT_OB_SIZE},
		{"lv_tag", layout_has(l, PYF_INT_TAG), INT_LV_TAG},
	};
	int value = 0;
	enum status st = choose(l, "the sign and length of int", c, ARRAY_LEN(c), &value,
		eb);
	if (st == MS_OK)
		l->int_form = (enum int_form)value;
	return st;
}

/*
 * How a thread reaches its topmost frame. The order of the questions matters: 3.10 has
 * tstate->cframe, but its frames still hang off tstate->frame.
 */
static enum status
derive_frame_chain(struct layout *l, struct errbuf *eb)
{
	bool is_linked = layout_has(l, PYF_TSTATE_FRAME);
	bool has_iframes = !is_linked && layout_has(l, PYF_IFRAME_PREVIOUS);
	bool has_cframe = has_iframes && layout_has(l, PYF_TSTATE_CFRAME) &&
		layout_has(l, PYF_CFRAME_CURRENT);
	bool has_current = has_iframes && layout_has(l, PYF_TSTATE_CURRENT_FRAME);
	struct candidate c[] = {
		{"tstate->frame", is_linked, FRAMES_LINKED},
		{"tstate->cframe->current_frame", has_cframe, FRAMES_CFRAME},
		{"tstate->current_frame", has_current, FRAMES_TSTATE},
	};
	int value = 0;
	enum status st = choose(l, "the frames of a thread", c, ARRAY_LEN(c), &value, eb);
	if (st == MS_OK)
		l->frame_chain = (enum frame_chain)value;
	return st;
}

/*
 * CPython: co_lnotab to 3.9 (Objects/lnotab_notes.txt; signed since 3.6, bpo-26107), co_linetable since 3.10 (PEP 626),
 * in another format since the code stands in the object itself (3.11, Objects/locations.md).
 */
static enum line_form
line_form(const struct layout *l)
{
	if (layout_has(l, PYF_CODE_LINETABLE))
		return layout_has(l, PYF_CODE_ADAPTIVE) ? LINES_LOCATIONS : LINES_RANGES;
	if (!layout_has(l, PYF_CODE_LNOTAB))
		return LINES_UNKNOWN;
	return layout_has(l, PYF_DICT27_TABLE) ? LINES_UNSIGNED : LINES_SIGNED;
}

/*
 * Two changes that left no field behind, told by what came with them: heap types report
 * their type since 3.9 (bpo-40217), which brought ht_module; sys.getsizeof asks the type
 * since values stand in front of the object (3.11), and leaves static types alone since they stand inside (3.13).
 */
static void
derive_habits(struct layout *l)
{
	const struct layout_field *digits = &l->f[PYF_INT_DIGITS];
	l->digit_width = (unsigned)(digits->stride != 0 ? digits->stride : 4);
	/* CPython: _PyObject_GC_TRACK, Include/internal/pycore_object.h: ob_gc_bits instead of a PyGC_Head (free-threaded). */
	l->gc_head = l->gc_home == GC_HOME_MIMALLOC ? 0 : l->f[PYF_SIZEOF_GC_HEAD].size;
	/* 3.12 splits the word, 3.14 puts flags into its upper half; a word of 32 bits stayed as it was: attributes moved in 3.12. */
	bool is_whole = l->machine.ptr_width == 4 && (l->attr_home == ATTR_TAGGED_312 || l->attr_home == ATTR_INLINE_313);
	l->has_immortals = layout_has(l, PYF_OB_REFCNT_SPLIT) || layout_has(l, PYF_OB_REFCNT_FULL) || is_whole;
	l->str_form = layout_has(l, PYF_SIZEOF_ASCII) ? STR_PEP393 : STR_27;
	l->line_form = line_form(l);
	/* CPython: _PyGC_REFS_SHIFT, Include/objimpl.h, of 3.4 to 3.7; 2.7 has no flags there. */
	l->gc_refs_flags = l->str_form == STR_27 ? 0 : 1;
	l->type_visit = layout_has(l, PYF_HT_MODULE) ? TYPE_BY_BASE : TYPE_BY_SUBTYPE;
	l->preheader = l->attr_home == ATTR_DICTOFFSET ? PREHEADER_OBJECT :
		l->attr_home == ATTR_INLINE_313 ? PREHEADER_TYPE_HEAP : PREHEADER_TYPE;
}

/* Facts without a strategy, whose place has one of two names. */
static enum status
derive_places(const struct layout *l, struct errbuf *eb)
{
	if (!layout_has(l, PYF_INTERP_THREADS_HEAD))
		return errbuf_set(eb, MS_VERSION, "%s: no strategy fits for the list of threads", l->origin);
	if (!layout_has(l, PYF_INTERP_MODULES))
		return errbuf_set(eb, MS_VERSION, "%s: no strategy fits for the dict of modules", l->origin);
	return MS_OK;
}

enum status
layout_derive(struct layout *l, struct errbuf *eb)
{
	static enum status (*const axes[])(struct layout *, struct errbuf *) = {
		derive_gc_home,
		derive_keys_size,
		derive_attr_home,
		derive_int_form,
		derive_frame_chain,
	};

	derive_aliases(l);
	for (size_t i = 0; i < ARRAY_LEN(axes); i++) {
		enum status st = axes[i](l, eb);
		if (st != MS_OK)
			return st;
	}
	derive_habits(l);
	return derive_places(l, eb);
}
