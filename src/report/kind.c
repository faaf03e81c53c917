/*
 * Kinds of objects in words. A kind that is a set of parts names them all, in order of
 * what they read as, so that the text does not depend on which was met first.
 */
#include <stdlib.h>

#include "memscan/mem.h"
#include "memscan/strtab.h"
#include "memscan/text.h"

#include "priv.h"

enum { KEY_MAX = 60, TYPE_CAP = 512, PARTS_MAX = 1000 };

static void
put_type(struct out *o, const struct heap *h, uint32_t type)
{
	char text[TYPE_CAP];

	out_str(o, type_text(h, type, text, sizeof(text)));
}

/* "dict of Foo"; of the other dicts that they are nobody's. */
static void
put_owned(struct out *o, const struct heap *h, const struct kind *kind)
{
	put_type(o, h, kind->type);
	if (kind->owner != HEAP_NONE) {
		out_str(o, " of ");
		put_type(o, h, kind->owner);
		return;
	}
	char text[8];
	type_text(h, kind->type, text, sizeof(text));
	if (strcmp(text, "dict") == 0)
		out_str(o, " (no owner)");
}

static void
put_string(struct out *o, const struct heap *h, uint32_t id)
{
	size_t len;
	const char *text = heap_str(h, id, &len);

	out_safe(o, text, len);
}

/* "interpreter 2", "shared". */
static void
put_interp(struct out *o, const struct heap *h, uint32_t interp)
{
	char name[INTERP_NAME];

	if (interp < INTERP_UNKNOWN)
		out_str(o, "interpreter ");
	out_str(o, interp_name(h, interp, name));
}

static void
put_simple(struct out *o, const struct heap *h, const struct kinds *k, uint32_t kind)
{
	const struct kind *at = &k->at[kind];
	char num[TEXT_NUM];

	if (k->by == KINDS_OWNER)
		put_owned(o, h, at);
	else if (k->by == KINDS_TYPE)
		put_type(o, h, at->type);
	else if (k->by == KINDS_SIZE)
		out_str(o, text_count(num, at->n));
	else if (k->by == KINDS_INTERPRETER)
		put_interp(o, h, (uint32_t)at->n);
	else if (k->by == KINDS_GENERATION)
		out_str(o, generation_name((enum heap_generation)at->n));
	else if (*heap_str(h, (uint32_t)at->n, NULL) == '\0')
		out_str(o, "(none)");
	else
		put_string(o, h, (uint32_t)at->n);
}

static void
put_value_of(struct out *o, const struct heap *h, objid i)
{
	char value[200];
	struct heap_value v = heap_value(h, i);

	if (v.kind != VK_NONE) {
		out_str(o, value_text(h, i, value, sizeof(value)));
		out_str(o, "  ");
	}
	out_char(o, '(');
	put_type(o, h, h->type[i]);
	out_char(o, ')');
}

/* ---- parts ---- */

/* A key as parts_key_text left it: quoted, or bare if it is a name. */
static void
put_key(struct out *o, const struct kinds *k, uint32_t text, bool is_bare)
{
	size_t len;
	const char *p = strtab_get(k->texts, text, &len);

	if (len == 0)
		return;
	char letter = *p++;
	len--;
	bool is_name = len > 0 && (*p < '0' || *p > '9');
	for (size_t i = 0; i < len; i++)
		is_name = is_name &&
			(p[i] == '_' || (unsigned char)p[i] >= 0x80 ||
				(p[i] >= '0' && p[i] <= '9') ||
				((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z'));
	if (letter == 'v' || (is_bare && is_name && letter == 's'))
		out_safe(o, p, len < KEY_MAX ? len : KEY_MAX);
	else
		repr_put(o, p, len, KEY_MAX, letter == 'b');
}

static void
put_root(struct out *o, const struct heap *h, const struct heap_root *root)
{
	static const char *const fronts[ROOT_COUNT] = {
		[ROOT_LOCAL] = "local",
		[ROOT_FRAME] = "frame's",
		[ROOT_STACK] = "evaluation stack",
		[ROOT_THREAD] = "thread's",
		[ROOT_INTERP] = "interpreter's",
	};

	if (root->kind == ROOT_MODULE) {
		size_t len;
		const char *name = heap_str(h, root->name, &len);
		out_str(o, "sys.modules[");
		repr_put(o, name, len, KEY_MAX, false);
		out_char(o, ']');
		return;
	}
	bool is_known = root->kind < ROOT_COUNT && fronts[root->kind] != NULL;
	out_str(o,
		is_known ? fronts[root->kind]
			 : root_kind_name((enum root_kind)root->kind));
	if (root->name != 0) {
		out_char(o, ' ');
		put_string(o, h, root->name);
	}
	if (root->frame < h->nframe) {
		out_str(o, " of ");
		put_string(o, h, h->frames[root->frame].function);
	}
}

static void
put_plain(struct out *o, enum ref_kind how)
{
	static const char *const looks[RK_COUNT] = {
		[RK_KEY] = "a key",
		[RK_MEMBER] = "{...}",
		[RK_CELL] = ".cell_contents",
		[RK_TYPE] = ".__class__",
		[RK_BASE] = ".__base__",
		[RK_DICT] = ".__dict__",
		[RK_STACK] = "stack [*]",
		[RK_OFFSET] = "+*",
	};

	out_str(o, how < RK_COUNT && looks[how] != NULL ? looks[how] : "?");
}

static void
put_part(struct out *o, const struct heap *h, const struct kinds *k, const struct part *p)
{
	switch (p->kind) {
	case PART_OWNER:
		put_owned(o, h, &k->owners->at[p->x]);
		return;
	case PART_ROOT:
		if (k->by == KINDS_VIA) {
			put_root(o, h, &h->roots[p->x]);
			return;
		}
		out_char(o, '<');
		out_str(o, root_kind_name((enum root_kind)p->x));
		out_char(o, '>');
		return;
	case PART_NAMED:
		out_str(o,
			p->how == RK_LOCAL             ? "local "
				: p->how == RK_CLOSURE ? "closure "
						       : ".");
		put_string(o, h, (uint32_t)p->x);
		return;
	case PART_INDEX:
		if (p->how == RK_OFFSET) {
			out_char(o, '+');
			out_hex(o, p->x);
			return;
		}
		out_str(o, p->how == RK_STACK ? "stack [" : "[");
		out_u64(o, p->x);
		out_char(o, ']');
		return;
	case PART_KEYED:
		out_char(o, '[');
		put_key(o, k, (uint32_t)p->x, false);
		out_char(o, ']');
		return;
	case PART_ANY:
		out_str(o, "[*]");
		return;
	case PART_KEY:
		put_key(o, k, (uint32_t)p->x, true);
		return;
	case PART_PLAIN:
		put_plain(o, p->how);
		return;
	}
}

static int
compare_texts(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

static void
put_parts(struct out *o, const struct heap *h, const struct kinds *k, const char *list,
	size_t n)
{
	size_t shown = n < PARTS_MAX ? n : PARTS_MAX;
	CLEAN_FREE char **texts = xcalloc(shown, sizeof(*texts));

	for (size_t i = 0; i < shown; i++) {
		struct out one = {0};
		uint32_t part;
		memcpy(&part, list + i * sizeof(part), sizeof(part));
		put_part(&one, h, k, &k->parts[part]);
		out_char(&one, '\0');
		texts[i] = one.b.at;
	}
	qsort(texts, shown, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < shown; i++) {
		out_str(o, i > 0 ? ", " : "");
		out_str(o, texts[i]);
		free(texts[i]);
	}
	if (shown < n)
		out_printf(o, ", and %zu more", n - shown);
}

static void
put_set(struct out *o, const struct heap *h, const struct kinds *k, uint32_t kind)
{
	size_t len;
	const char *list = strtab_get(k->lists, kind, &len);
	size_t n = len / sizeof(uint32_t);
	bool is_shape = k->by == KINDS_SHAPE;

	if (is_shape && n == 1) {
		uint32_t part;
		memcpy(&part, list, sizeof(part));
		if (k->parts[part].kind == PART_PLAIN) {
			out_str(o, "(no keys)");
			return;
		}
	}
	if (n == 0) {
		out_str(o, is_shape ? "{}" : "(nothing)");
		return;
	}
	out_str(o, is_shape ? "{" : "");
	put_parts(o, h, k, list, n);
	out_str(o, is_shape ? "}" : "");
}

char *
kind_text(
	const struct heap *h, const struct kinds *k, uint32_t kind, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out o = {0};

	if (k->at != NULL)
		put_simple(&o, h, k, kind);
	else if (k->by == KINDS_VALUE)
		put_value_of(&o, h, k->first[kind]);
	else
		put_set(&o, h, k, kind);
	return out_copy(&o, buf, cap);
}
