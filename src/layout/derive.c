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

/* Who holds the heads of the collector's lists: the runtime, since 3.9 interpreters. */
static enum status
derive_gc_home(struct layout *l, struct errbuf *eb)
{
	bool has_heads = layout_has(l, PYF_GC_GENERATIONS);
	bool in_interp = has_heads && layout_has(l, PYF_INTERP_GC);
	bool in_runtime = has_heads && layout_has(l, PYF_RUNTIME_GC);
	struct candidate c[] = {
		{"lists of the interpreter", in_interp, GC_HOME_INTERP},
		{"lists of the runtime", in_runtime, GC_HOME_RUNTIME},
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
	enum status st = choose(l, "the size of dict keys", c, ARRAY_LEN(c), &value, eb);
	if (st == MS_OK)
		l->keys_size = (enum keys_size)value;
	return st;
}

/*
 * Where attributes of instances lie. 3.11 has a block of values and two words before the
 * GC head (values, dict). 3.12 has the same block behind one tagged word, which shows as
 * the union PyDictOrValues; 3.13 puts a prefix in front of the values. Neither has a
 * strategy here, so both are refused.
 */
static enum status
derive_attr_home(struct layout *l, struct errbuf *eb)
{
	bool has_block = layout_has(l, PYF_VALUES_VALUES);
	bool is_tagged = layout_find(l, "PyDictOrValues", "") != NULL;
	bool is_plain = has_block && layout_off(l, PYF_VALUES_VALUES) == 0 &&
		!layout_has(l, PYF_VALUES_EMBEDDED);
	struct candidate c[] = {
		{"words before the GC head", is_plain && !is_tagged, ATTR_PREHEADER_311},
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
		{"ob_size", layout_has(l, PYF_INT_DIGITS), INT_OB_SIZE},
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

/* Facts without a strategy, read where they are: one of two places must be there. */
static enum status
derive_places(const struct layout *l, struct errbuf *eb)
{
	struct candidate threads[] = {
		{"threads.head", layout_has(l, PYF_INTERP_THREADS_HEAD), 0},
		{"tstate_head", layout_has(l, PYF_INTERP_TSTATE_HEAD), 0},
	};
	struct candidate modules[] = {
		{"modules", layout_has(l, PYF_INTERP_MODULES), 0},
		{"imports.modules", layout_has(l, PYF_INTERP_IMPORTS_MODULES), 0},
	};
	int value = 0;
	enum status st = choose(l, "the list of threads", threads, ARRAY_LEN(threads),
		&value, eb);
	if (st != MS_OK)
		return st;
	return choose(l, "the dict of modules", modules, ARRAY_LEN(modules), &value, eb);
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

	for (size_t i = 0; i < ARRAY_LEN(axes); i++) {
		enum status st = axes[i](l, eb);
		if (st != MS_OK)
			return st;
	}
	return derive_places(l, eb);
}
