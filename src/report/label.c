/*
 * Names of references, types, values and roots in the words that Python people use:
 * ".name", "['key']", "local x of f". The heap has kinds and numbers; this file is the
 * only place that gives them a look.
 */
#include "priv.h"

#include "memscan/text.h"

enum {
	KEY_MAX =
		200, /* bytes of a dict's key in a label: the key itself has the whole */
};

char *
out_copy(const struct out *o, char *buf, size_t cap)
{
	static const char dots[] = "...";
	size_t n = o->b.n;

	if (cap == 0)
		return buf;
	if (n < cap) {
		if (n > 0)
			memcpy(buf, o->b.at, n);
		buf[n] = '\0';
		return buf;
	}
	size_t tail = cap > sizeof(dots) ? sizeof(dots) - 1 : 0;
	size_t room = cap - 1 - tail, at = 0;
	for (size_t used; at < n; at += used) {
		utf8_next(o->b.at + at, o->b.at + n, &used);
		if (at + used > room)
			break;
	}
	memcpy(buf, o->b.at, at);
	memcpy(buf + at, dots, tail);
	buf[at + tail] = '\0';
	return buf;
}

static void
put_string(struct out *o, const struct heap *h, uint32_t id)
{
	size_t len;
	const char *text = heap_str(h, id, &len);

	out_safe(o, text, len);
}

/* ---- values ---- */

/* One character of a quoted text, or one byte if is_bytes; returns the bytes used. */
static size_t
put_quoted(struct out *o, const char *p, const char *end, char quote, bool is_bytes)
{
	size_t used = 1;
	uint32_t c = is_bytes ? (unsigned char)*p : utf8_next(p, end, &used);
	unsigned half = c == UTF8_BAD ? surrogate_at(p, end) : 0;

	if (half != 0) {
		out_printf(o, "\\u%04x", half);
		return 3;
	}
	if (c == (unsigned char)quote || c == '\\') {
		out_char(o, '\\');
		out_char(o, (char)c);
	} else if (c == UTF8_BAD || (is_bytes && c >= 0x7f)) {
		out_printf(o, "\\x%02x", (unsigned char)*p);
	} else {
		out_safe(o, p, used);
	}
	return used;
}

bool
repr_put(struct out *o, const char *p, size_t len, size_t max, bool is_bytes)
{
	const char *end = p + len, *stop = len > max ? p + max : end;
	bool has_single = len > 0 && memchr(p, '\'', len) != NULL;
	char quote = has_single && memchr(p, '"', len) == NULL ? '"' : '\'';

	if (is_bytes)
		out_char(o, 'b');
	out_char(o, quote);
	while (p < stop)
		p += put_quoted(o, p, end, quote, is_bytes);
	if (p < end)
		out_str(o, "...");
	out_char(o, quote);
	return p >= end;
}

/* The value of v in quotes or plain; false if it has no text. */
static bool
put_value(struct out *o, const struct heap_value *v, size_t max)
{
	bool is_text = v->kind == VK_STR || v->kind == VK_BYTES || v->kind == VK_TEXT;

	if (v->kind == VK_NONE)
		return false;
	if (!is_text) {
		out_safe(o, v->text, v->text_len);
		if (v->cut)
			out_str(o, "...");
		return true;
	}
	struct out text = {0};
	bool is_whole = repr_put(&text, v->text, v->text_len, max, v->kind == VK_BYTES);
	if (v->cut && is_whole) {
		char quote = text.b.at[text.b.n - 1];
		text.b.n--;
		out_str(&text, "...");
		out_char(&text, quote);
	}
	out_bytes(o, text.b.at, text.b.n);
	out_fini(&text);
	return true;
}

char *
value_text(const struct heap *h, objid i, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out o = {0};
	struct heap_value v = heap_value(h, i);

	/* No more than fits is looked at; the tail with the length must fit, too. */
	bool is_shown = put_value(&o, &v, cap > 64 ? cap - 64 : cap);
	bool is_cut = v.cut || v.text_len > (cap > 64 ? cap - 64 : cap);
	if (v.len != VALUE_NO_LEN && (!is_shown || is_cut)) {
		out_str(&o, is_shown ? " len " : "len ");
		out_u64(&o, v.len);
	}
	return out_copy(&o, buf, cap);
}

struct cell
cell_value(const struct heap *h, objid i, char *buf, size_t cap)
{
	struct heap_value v = heap_value(h, i);
	bool has_any = v.kind != VK_NONE || v.len != VALUE_NO_LEN;

	return cell_str(has_any ? value_text(h, i, buf, cap) : NULL);
}

/* ---- types ---- */

void
type_put(struct out *o, const struct heap *h, uint32_t type)
{
	if (type >= h->ntype) {
		out_char(o, '?');
		return;
	}
	const struct heap_type *t = &h->types[type];
	size_t len, module_len;
	const char *module = heap_str(h, t->module, &module_len);
	const char *name = heap_str(h, t->name, &len);
	if (module_len > 0 && (module_len != 8 || memcmp(module, "builtins", 8) != 0)) {
		out_bytes(o, module, module_len);
		out_char(o, '.');
	}
	out_bytes(o, name, len);
}

char *
type_text(const struct heap *h, uint32_t type, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out raw = {0}, o = {0};

	type_put(&raw, h, type);
	if (raw.b.n > 0)
		out_safe(&o, raw.b.at, raw.b.n);
	return out_copy(&o, buf, cap);
}

/* ---- references ---- */

/* An object as a dict's key or a set's element: its value, or what it is and where. */
static void
put_key(struct out *o, const struct heap *h, objid i)
{
	if (i == OBJID_NONE || i >= h->nobj) {
		out_char(o, '?');
		return;
	}
	struct heap_value v = heap_value(h, i);
	if (v.kind != VK_NAME && v.kind != VK_TEXT && put_value(o, &v, KEY_MAX))
		return;
	char type[128];
	type_text(h, h->type[i], type, sizeof(type));
	if (strcmp(type, "NoneType") == 0) {
		out_str(o, "None");
		return;
	}
	out_char(o, '<');
	out_str(o, type);
	out_str(o, " at ");
	out_hex(o, h->addr[i]);
	out_char(o, '>');
}

/* A text before the name, which only people need. */
static void
put_named(
	struct out *o, const char *front, const struct heap *h, uint32_t label, bool bare)
{
	if (!bare)
		out_str(o, front);
	put_string(o, h, ref_payload(label));
}

static void
put_special(struct out *o, const char *name, bool bare)
{
	if (!bare)
		out_char(o, '.');
	out_str(o, name);
}

static void
put_indexed(struct out *o, const char *front, const struct heap *h, objid i, uint64_t r,
	bool bare)
{
	if (!bare)
		out_str(o, front);
	out_u64(o, heap_ref_index(h, i, r));
	if (!bare)
		out_char(o, ']');
}

/* What stands in brackets: "['key']", "key 'k'". */
static void
put_keyed(struct out *o, const char *front, const struct heap *h, objid key, bool bare)
{
	if (!bare)
		out_str(o, front);
	put_key(o, h, key);
	if (!bare && *front == '[')
		out_char(o, ']');
}

void
label_put(struct out *o, const struct heap *h, objid i, uint64_t r, bool bare)
{
	uint32_t label = h->label[r];

	switch (ref_kind(label)) {
	case RK_ATTR:
	case RK_SLOT:
	case RK_FIELD:
		put_named(o, ".", h, label, bare);
		return;
	case RK_LOCAL:
		put_named(o, "local ", h, label, bare);
		return;
	case RK_CLOSURE:
		put_named(o, "closure ", h, label, bare);
		return;
	case RK_KEY:
		put_keyed(o, "key ", h, h->to[r], bare);
		return;
	case RK_VALUE:
		put_keyed(o, "[", h, heap_ref_key(h, i, r), bare);
		return;
	case RK_INDEX:
		put_indexed(o, "[", h, i, r, bare);
		return;
	case RK_STACK:
		put_indexed(o, "stack [", h, i, r, bare);
		return;
	case RK_MEMBER:
		out_str(o, bare ? "" : "{...}");
		return;
	case RK_WEAK:
		out_str(o, bare ? "" : "weakref");
		return;
	case RK_CELL:
		put_special(o, "cell_contents", bare);
		return;
	case RK_TYPE:
		put_special(o, "__class__", bare);
		return;
	case RK_BASE:
		put_special(o, "__base__", bare);
		return;
	case RK_DICT:
		put_special(o, "__dict__", bare);
		return;
	case RK_OFFSET:
		out_char(o, '+');
		out_hex(o, ref_payload(label));
		return;
	case RK_COUNT:
		break;
	}
	out_str(o, bare ? "" : "?");
}

char *
label_text(const struct heap *h, objid i, uint64_t r, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out o = {0};

	label_put(&o, h, i, r, false);
	return out_copy(&o, buf, cap);
}

char *
label_name(const struct heap *h, objid i, uint64_t r, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out o = {0};

	label_put(&o, h, i, r, true);
	return out_copy(&o, buf, cap);
}

/* ---- roots ---- */

/* " of f" and " in thread 12 (name)", as far as they are known. */
static void
put_place(struct out *o, const struct heap *h, const struct heap_root *root)
{
	if (root->frame < h->nframe) {
		out_str(o, " of ");
		put_string(o, h, h->frames[root->frame].function);
	}
	if (root->thread >= h->nthread)
		return;
	const struct heap_thread *t = &h->threads[root->thread];
	out_str(o, root->kind == ROOT_THREAD ? " of thread " : " in thread ");
	out_u64(o, t->native_id != 0 ? t->native_id : t->ident);
	size_t len;
	heap_str(h, t->name, &len);
	if (len > 0) {
		out_str(o, " (");
		put_string(o, h, t->name);
		out_char(o, ')');
	}
}

char *
root_text(const struct heap *h, uint32_t root, char *buf, size_t cap)
{
	static const struct {
		const char *front;
		bool has_place;
	} looks[ROOT_COUNT] = {
		[ROOT_INTERP] = {"interpreter", false},
		[ROOT_THREAD] = {"field", true},
		[ROOT_FRAME] = {"frame", true},
		[ROOT_LOCAL] = {"local", true},
		[ROOT_STACK] = {"evaluation stack", true},
		[ROOT_STATIC] = {"static", false},
		[ROOT_INTERNED] = {"interned strings", false},
		[ROOT_SMALL] = {"cache", false},
		[ROOT_TRACKED] = {"tracked, held by nothing known", false},
		[ROOT_NATIVE] = {"native", false},
		[ROOT_WORD] = {"perhaps a word of", false},
	};
	CLEAN(out_fini) struct out o = {0};
	const struct heap_root *r = &h->roots[root];
	size_t len;
	const char *name = heap_str(h, r->name, &len);

	if (r->kind == ROOT_MODULE) {
		out_str(&o, "module sys.modules[");
		repr_put(&o, name, len, KEY_MAX, false);
		out_char(&o, ']');
	} else if (r->kind < ROOT_COUNT) {
		out_str(&o, looks[r->kind].front);
		if (len > 0) {
			out_char(&o, ' ');
			out_safe(&o, name, len);
		}
		if (looks[r->kind].has_place)
			put_place(&o, h, r);
	} else {
		out_char(&o, '?');
	}
	if (r->interp != 0 && r->interp != HEAP_NONE) {
		char interp[INTERP_NAME];
		out_str(&o, " of interpreter ");
		out_str(&o, interp_name(h, r->interp, interp));
	}
	return out_copy(&o, buf, cap);
}
