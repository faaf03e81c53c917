/*
 * What a selection asks of a single object: its type, flags, numbers, value, attributes.
 * Whatever depends on the type alone is decided once a type; texts of values are read in
 * the order they lie in.
 */
#include "select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

#include "priv.h"
#include "values.h"

/* ---- types ---- */

static bool
is_named(const char *text, const char *pattern, bool is_glob)
{
	if (is_glob)
		return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
	return strcmp(text, pattern) == 0;
}

/* "module.name", and the name alone of what is in builtins. */
static bool
is_full_name(const struct heap *h, uint32_t t, const char *pattern, bool is_glob)
{
	size_t module_len, len;
	const char *module = heap_str(h, h->types[t].module, &module_len);
	const char *name = heap_str(h, h->types[t].name, &len);

	if (module_len == 0 || strcmp(module, "builtins") == 0)
		return is_named(name, pattern, is_glob);
	char small[512], *full = small;
	if (module_len + len + 2 > sizeof(small))
		full = xmalloc(module_len + len + 2);
	memcpy(full, module, module_len);
	full[module_len] = '.';
	memcpy(full + module_len + 1, name, len + 1);
	bool is_it = is_named(full, pattern, is_glob);
	if (full != small)
		free(full);
	return is_it;
}

/* types[t] becomes true for each type that a name or pattern means; ntype of them. */
static void
find_types(const struct heap *h, const char *pattern, bool is_glob, bool *types)
{
	bool is_any = false;

	for (uint32_t t = 0; t < h->ntype; t++) {
		types[t] = is_full_name(h, t, pattern, is_glob);
		is_any |= types[t];
	}
	if (is_any)
		return;
	for (uint32_t t = 0; t < h->ntype; t++)
		types[t] =
			is_named(heap_str(h, h->types[t].name, NULL), pattern, is_glob);
}

/* ---- literals and what they are compared with ---- */

static const char *
literal(const struct sel_run *run, const struct sel_node *n)
{
	return run->sel->text.at + n->text;
}

/* Anywhere in the text, which may hold NULs and does not end with one. */
static bool
is_match(const struct sel_node *n, const char *text, size_t len)
{
	regoff_t all = (regoff_t)len;

	return re_search(n->regex, text, all, 0, all, NULL) >= 0;
}

static bool
compare_numbers(enum sel_op op, long double a, long double b)
{
	switch (op) {
	case OP_EQ:
		return a == b;
	case OP_NE:
		return a != b;
	case OP_LT:
		return a < b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	case OP_GE:
		return a >= b;
	default:
		return false;
	}
}

/* The number that a value's text is; false if it is none, or was cut. */
static bool
value_number(const struct heap_value *v, long double *ret)
{
	char text[512], *end;

	if ((v->kind != VK_INT && v->kind != VK_FLOAT) || v->cut || v->text_len == 0 ||
		v->text_len >= sizeof(text))
		return false;
	memcpy(text, v->text, v->text_len);
	text[v->text_len] = '\0';
	*ret = strtold(text, &end);
	return *end == '\0';
}

/*
 * The literal's kind says what it can equal: a number numbers; a text in quotes texts and
 * names; a word the way a value reads (True, None, 17, a name).
 */
static bool
is_value(const struct sel_run *run, const struct sel_node *n, const struct heap_value *v)
{
	bool is_numeric = v->kind == VK_INT || v->kind == VK_FLOAT || v->kind == VK_BOOL;

	if (n->op == OP_MATCH || n->op == OP_NO_MATCH)
		return is_match(n, v->text, v->text_len) == (n->op == OP_MATCH);
	if (n->literal == LIT_NUMBER) {
		long double number;
		return value_number(v, &number) &&
			compare_numbers(n->op, number, n->number);
	}
	bool is_equal = !v->cut && v->text_len == n->text_len &&
		(n->text_len == 0 ||
			memcmp(v->text, literal(run, n), n->text_len) == 0) &&
		(n->literal == LIT_WORD || !is_numeric);
	return is_equal == (n->op == OP_EQ);
}

/* The value of an object with a text; None has one here. */
static bool
has_text(const struct heap *h, objid i, struct heap_value *v)
{
	if (v->kind != VK_NONE)
		return true;
	if (strcmp(heap_str(h, h->types[h->type[i]].name, NULL), "NoneType") != 0)
		return false;
	*v = (struct heap_value){.kind = VK_BOOL, .text = "None", .text_len = 4};
	return true;
}

static bool
test_value(
	const struct sel_run *run, const struct sel_node *n, objid i, struct heap_value v)
{
	return has_text(run->h, i, &v) && is_value(run, n, &v);
}

/* ---- numbers ---- */

static enum status
lacks(const struct sel_run *run, const struct sel_node *n, const char *what)
{
	return sel_error(run->sel->source, run->sel->source_len, n->at, MS_USAGE, run->eb,
		"%s", what);
}

static enum status
test_number(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	const struct heap *h = run->h;
	const struct sel_env *env = run->env;
	const uint64_t *retained = NULL;
	struct values_cursor values = {0};

	if (n->field == SF_GENERATION && h->generation == NULL)
		return lacks(run, n, "no object of this dump is in a generation");
	if (n->field == SF_RETAINED) {
		if (env == NULL || env->retained == NULL)
			return lacks(run, n, "retained sizes are not to be had here");
		enum status st = env->retained(env->self, &retained, run->eb);
		if (st != MS_OK)
			return st;
	}
	BITSET_EACH(at, within)
	{
		objid i = (objid)at;
		uint64_t v = 0;
		if (n->field == SF_SIZE) {
			v = heap_size(h, i);
		} else if (n->field == SF_BUFFER) {
			v = buffer_owned(heap_buffer_of(h, i));
		} else if (n->field == SF_REFCOUNT) {
			v = heap_refcount(h, i);
		} else if (n->field == SF_REFERENCES) {
			v = h->first[i + 1] - h->first[i];
		} else if (n->field == SF_RETAINED) {
			v = retained[i];
		} else if (n->field == SF_GENERATION) {
			if (heap_generation_of(h, i) == GENERATION_NONE)
				continue;
			v = heap_generation_of(h, i) - GENERATION_YOUNG;
		} else if (n->field == SF_INTERPRETER) {
			if (heap_interp_of(h, i) >= INTERP_UNKNOWN)
				continue;
			v = interp_number(h, heap_interp_of(h, i));
		} else {
			v = values_next(&values, h, i).len;
			if (v == VALUE_NO_LEN)
				continue;
		}
		if (compare_numbers(n->op, (long double)v, n->number))
			bitset_add(ret, i);
	}
	return MS_OK;
}

/* ---- texts of types, and of the types of owners ---- */

static void
test_types(const struct sel_run *run, const struct sel_node *n, bool *types)
{
	const struct heap *h = run->h;
	const char *text = literal(run, n);
	bool is_regex = n->op == OP_MATCH || n->op == OP_NO_MATCH;
	bool negated = n->op == OP_NE || n->op == OP_NO_MATCH;

	if (!is_regex && n->field != SF_MODULE)
		find_types(h, text, n->is_glob, types);
	for (uint32_t t = 0; t < h->ntype; t++) {
		size_t len;
		const char *module = heap_str(h, h->types[t].module, &len);
		if (n->field == SF_MODULE && !is_regex) {
			types[t] = is_named(module, text, n->is_glob);
		} else if (n->field == SF_MODULE) {
			types[t] = is_match(n, module, len);
		} else if (is_regex) {
			char full[1024];
			bool is_bare = len == 0 || strcmp(module, "builtins") == 0;
			int k = snprintf(full, sizeof(full), "%s%s%s",
				is_bare ? "" : module, is_bare ? "" : ".",
				heap_str(h, h->types[t].name, NULL));
			size_t full_len =
				(size_t)k < sizeof(full) ? (size_t)k : sizeof(full) - 1;
			types[t] = is_match(n, full, full_len);
		}
		types[t] = types[t] != negated;
	}
}

static void
tell_unknown(const struct sel_run *run, const char *name, const bool *types)
{
	if (run->env == NULL || run->env->unknown_type == NULL ||
		memchr(types, true, run->h->ntype) != NULL)
		return;
	run->env->unknown_type(run->env->self, name);
}

static enum status
test_type(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	const struct heap *h = run->h;
	CLEAN_FREE bool *types = NULL;
	CLEAN_FREE uint32_t *owner = NULL;

	enum status st = mem_checked((size_t)h->ntype + 1, 1, SIZE_MAX, &types, run->eb);
	bool of_owner = n->kind == SEL_TEST && n->field == SF_OWNER;
	if (st == MS_OK && of_owner)
		st = mem_checked(h->nobj, sizeof(*owner), SIZE_MAX, &owner, run->eb);
	if (st != MS_OK)
		return st;
	if (of_owner)
		owners_find(h, owner);
	if (n->kind == SEL_TYPE)
		find_types(h, literal(run, n), n->is_glob, types);
	else
		test_types(run, n, types);
	if (n->kind == SEL_TYPE && !n->is_glob)
		tell_unknown(run, literal(run, n), types);
	if (of_owner) {
		BITSET_EACH(i, within)
		if (owner[i] != 0 && types[owner[i] - 1])
			bitset_add(ret, i);
		return MS_OK;
	}
	BITSET_EACH(i, within)
	if (types[h->type[i]])
		bitset_add(ret, i);
	return MS_OK;
}

/* ---- attributes and keys ---- */

/* What a name is: strings of the heap, and str objects as keys of dicts. */
struct named {
	struct bitset strings, keys;
};

static void
named_fini(struct named *d)
{
	bitset_fini(&d->strings);
	bitset_fini(&d->keys);
}

static enum status
named_find(const struct sel_run *run, const struct sel_node *n, struct named *d)
{
	const struct heap *h = run->h;
	const char *name = run->sel->text.at + n->name;
	struct values_cursor values = {0};

	enum status st = bitset_init(&d->strings, h->nstr, run->eb);
	if (st == MS_OK)
		st = bitset_init(&d->keys, h->nobj, run->eb);
	if (st != MS_OK)
		return st;
	for (uint32_t s = 0; s < h->nstr; s++) {
		size_t len;
		const char *text = heap_str(h, s, &len);
		if (len == n->name_len && memcmp(text, name, len) == 0)
			bitset_add(&d->strings, s);
	}
	for (objid i = 0; i < h->nobj; i++) {
		struct heap_value v = values_next(&values, h, i);
		if ((v.kind == VK_STR || v.kind == VK_BYTES) && !v.cut &&
			v.text_len == n->name_len &&
			(n->name_len == 0 || memcmp(v.text, name, v.text_len) == 0))
			bitset_add(&d->keys, i);
	}
	return MS_OK;
}

static bool
is_wanted(const struct sel_run *run, const struct sel_node *n, objid i)
{
	return n->kind == SEL_EXISTS || test_value(run, n, i, heap_value(run->h, i));
}

/* Has the dict a value of a key of that name, as wanted? */
static bool
test_dict(const struct sel_run *run, const struct sel_node *n, const struct named *d,
	objid i)
{
	const struct heap *h = run->h;

	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		objid key = heap_ref_key(h, i, r);
		if (key != OBJID_NONE && bitset_has(&d->keys, key) &&
			is_wanted(run, n, h->to[r]))
			return true;
	}
	return false;
}

static bool
test_object(const struct sel_run *run, const struct sel_node *n, const struct named *d,
	objid i)
{
	const struct heap *h = run->h;

	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		uint32_t label = h->label[r], name = ref_payload(label);
		enum ref_kind kind = ref_kind(label);
		if (kind == RK_DICT && test_dict(run, n, d, h->to[r]))
			return true;
		if ((kind == RK_ATTR || kind == RK_SLOT) && name < h->nstr &&
			bitset_has(&d->strings, name) && is_wanted(run, n, h->to[r]))
			return true;
	}
	return false;
}

static enum status
test_names(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	CLEAN(named_fini) struct named d = {0};

	enum status st = named_find(run, n, &d);
	if (st != MS_OK)
		return st;
	BITSET_EACH(at, within)
	{
		objid i = (objid)at;
		bool is_it = n->field == SF_ATTR ? test_object(run, n, &d, i)
						 : test_dict(run, n, &d, i);
		if (is_it)
			bitset_add(ret, i);
	}
	return MS_OK;
}

/* ---- flags ---- */

static enum status
test_new(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	const struct bitset *older;

	if (run->env == NULL || run->env->older == NULL)
		return lacks(run, n, "'new' needs an older dump to compare with (--rel)");
	enum status st = run->env->older(run->env->self, &older, run->eb);
	if (st != MS_OK)
		return st;
	bitset_or(ret, within);
	bitset_minus(ret, older);
	return MS_OK;
}

/*
 * Held by something that is no object; GC lists and interned strings hold nothing, and
 * what a mere word does is not known.
 */
static void
find_rooted(const struct heap *h, struct bitset *ret)
{
	for (uint32_t k = 0; k < h->nroot; k++)
		if (h->roots[k].kind != ROOT_TRACKED &&
			h->roots[k].kind != ROOT_INTERNED && h->roots[k].kind != ROOT_WORD)
			bitset_add(ret, h->roots[k].to);
}

static enum status
test_flag(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	const struct heap *h = run->h;

	if (n->flag == SEL_FLAG_NEW)
		return test_new(run, n, within, ret);
	if (n->flag == SEL_FLAG_ROOTED) {
		find_rooted(h, ret);
		bitset_and(ret, within);
	} else if (n->flag == SEL_FLAG_OWNED) {
		for (uint64_t r = 0; r < h->nref; r++)
			if (ref_kind(h->label[r]) == RK_DICT)
				bitset_add(ret, h->to[r]);
		bitset_and(ret, within);
	} else {
		BITSET_EACH(i, within)
		if ((h->flags[i] & n->flag) != 0)
			bitset_add(ret, i);
	}
	return MS_OK;
}

enum status
sel_test(struct sel_run *run, const struct sel_node *n, const struct bitset *within,
	struct bitset *ret)
{
	struct values_cursor values = {0};

	if (n->kind == SEL_FLAG)
		return test_flag(run, n, within, ret);
	if (n->kind == SEL_TYPE || n->field == SF_TYPE || n->field == SF_MODULE ||
		n->field == SF_OWNER)
		return test_type(run, n, within, ret);
	if (n->field == SF_ATTR || n->field == SF_KEY)
		return test_names(run, n, within, ret);
	if (n->field != SF_VALUE)
		return test_number(run, n, within, ret);
	BITSET_EACH(i, within)
	if (test_value(run, n, (objid)i, values_next(&values, run->h, (objid)i)))
		bitset_add(ret, i);
	return MS_OK;
}
