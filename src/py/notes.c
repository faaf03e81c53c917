/*
 * Notes: a digest of a value that is too long for its preview, and bytes that an object's
 * contents would not need. Only here are the forms known in which Python keeps things;
 * what to think of it is left to whoever reads the dump.
 */
#include "priv.h"

#include <string.h>

#include "memscan/limits.h"

enum {
	CHUNK = 4096,
	DICT_MIN = 8, /* CPython: PyDict_MINSIZE, PyDict_LOG_MINSIZE */
	SET_MIN = 8,  /* CPython: PySet_MINSIZE */
	VALUES_MAX = 30, /* CPython: SHARED_KEYS_MAX_SIZE */
	FEW_IN = 100,
};

struct notes {
	struct heap_note *at;
	size_t n;
};

static void
put(struct notes *ns, enum note_kind kind, uint64_t n)
{
	if (n > 0 && ns->n < PYNOTES_MAX)
		ns->at[ns->n++] = (struct heap_note){.kind = (uint32_t)kind, .n = n};
}

/*
 * Strings that lie may all say that they are the same gigabytes. For what a copy has left
 * out the process would have to be held once more: a note is not worth that.
 */
static bool
may_read(struct py *p, taddr at, uint64_t n, uint64_t width)
{
	if (n > LIM_NOTES_READ || n * width > LIM_NOTES_READ - p->notes_read ||
		target_is_left_out(p->t, at, n * width)) {
		(void)left_to_home(p);
		return false;
	}
	p->notes_read += n * width;
	return true;
}

uint64_t
py_notes_read(struct py *p)
{
	uint64_t n = p->notes_read;

	p->notes_read = 0;
	return n;
}

bool
py_book_notes(struct py *p, uint64_t n)
{
	if (n > LIM_NOTES_READ - p->notes_read)
		return false;
	p->notes_read += n;
	return true;
}

/* ---- digest ---- */

static uint64_t
mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 32;
}

/* n bytes at addr, eight at a time. */
static enum status
digest_bytes(struct py *p, taddr addr, uint64_t n, uint64_t *h)
{
	uint8_t buf[CHUNK];

	while (n > 0) {
		size_t now = n < CHUNK ? (size_t)n : CHUNK;
		enum status st = target_read(p->t, addr, buf, now);
		if (st != MS_OK)
			return st;
		memset(buf + now, 0, CHUNK - now < 8 ? CHUNK - now : 8);
		for (size_t i = 0; i < now; i += 8) {
			uint64_t word;
			memcpy(&word, buf + i, sizeof(word));
			*h = mix(*h, word);
		}
		addr += now;
		n -= now;
	}
	return MS_OK;
}

static void
note_digest(struct py *p, const struct pyobj *o, struct notes *ns)
{
	const struct layout *l = p->l;
	const struct pystr *s;
	uint64_t n, width = 1, digest;
	taddr at;

	if (o->type->flags & TPF_UNICODE) {
		if (object_str(p, o, &s) != MS_OK)
			return;
		at = s->data;
		n = s->length;
		width = s->kind;
	} else if (o->type->flags & TPF_BYTES) {
		at = o->addr + layout_off(l, PYF_BYTES_DATA);
		n = layout_get(l, PYF_OB_SIZE, o->p);
	} else if (o->type->flags & TPF_LONG) {
		int64_t digits = int_digits(p, o->p);
		at = o->addr + layout_off(l, PYF_INT_DIGITS);
		n = digits < 0 ? -(uint64_t)digits : (uint64_t)digits;
		width = l->digit_width;
		digest = mix(digits < 0, width);
	} else {
		return;
	}
	if (at == 0 || width == 0 || !may_read(p, at, n, width))
		return;
	digest = mix(mix(o->type->flags & TPF_LONG ? digest : 0, n), width);
	if (digest_bytes(p, at, n * width, &digest) == MS_OK)
		put(ns, NOTE_DIGEST, digest | (digest == 0));
}

/* ---- str ---- */

/* Characters beyond one byte and beyond two. */
static enum status
count_wide(struct py *p, const struct pystr *s, uint64_t *over1, uint64_t *over2)
{
	uint8_t buf[CHUNK];
	uint64_t left = s->length, per = CHUNK / s->kind;
	taddr at = s->data;

	*over1 = *over2 = 0;
	while (left > 0) {
		size_t now = left < per ? (size_t)left : (size_t)per;
		enum status st = target_read(p->t, at, buf, now * s->kind);
		if (st != MS_OK)
			return st;
		for (size_t i = 0; i < now; i++) {
			uint64_t c = load_uint(buf + i * s->kind, s->kind, p->l->swap);
			*over1 += c > 0xff;
			*over2 += c > 0xffff;
		}
		at += now * s->kind;
		left -= now;
	}
	return MS_OK;
}

static void
note_width(struct py *p, const struct pystr *s, struct notes *ns)
{
	uint64_t over1, over2;

	if (s->kind < 2 || s->data == 0 || s->length == 0 ||
		!may_read(p, s->data, s->length, s->kind) ||
		count_wide(p, s, &over1, &over2) != MS_OK)
		return;
	unsigned needs = over2 > 0 ? 4 : over1 > 0 ? 2 : 1;
	/* What it would be without the few. */
	uint64_t few = s->length / FEW_IN;
	unsigned most = over2 > few ? 4 : over1 > few ? 2 : 1;
	if (needs < s->kind)
		put(ns, NOTE_WIDE, (s->kind - needs) * s->length);
	if (most < needs)
		put(ns, NOTE_FEW, (needs - most) * s->length);
}

/* As size_str counts them. */
static void
note_copies(struct py *p, const struct pyobj *o, const struct pystr *s, struct notes *ns)
{
	const struct layout *l = p->l;
	bool is_plain = s->is_compact && s->is_ascii;
	uint64_t bytes = 0;

	if (layout_has(l, PYF_STR_WSTR) && s->is_ready) {
		taddr wstr = layout_get(l, PYF_STR_WSTR, o->p);
		if (wstr != 0 && wstr != s->data)
			bytes += 4 *
				((is_plain ? s->length
					   : layout_get(l, PYF_STR_WSTR_LENGTH, o->p)) +
					1);
	}
	if (!is_plain) {
		taddr utf8 = layout_get(l, PYF_STR_UTF8, o->p);
		if (utf8 != 0 && utf8 != s->data)
			bytes += layout_get(l, PYF_STR_UTF8_LENGTH, o->p) + 1;
	}
	put(ns, NOTE_COPY, bytes);
}

static void
note_str(struct py *p, const struct pyobj *o, struct notes *ns)
{
	const struct pystr *s;

	if (p->l->str_form != STR_PEP393 || object_str(p, o, &s) != MS_OK)
		return;
	note_width(p, s, ns);
	note_copies(p, o, s, ns);
}

/* ---- containers ---- */

/* Bytes of a keys block for n entries; CPython: USABLE_FRACTION, Objects/dictobject.c. */
static uint64_t
keys_need(const struct layout *l, uint64_t n, uint64_t entry_size)
{
	uint64_t dk_size = DICT_MIN;

	while ((dk_size << 1) / 3 < n)
		dk_size *= 2;
	uint64_t width = dk_size <= 0xff ? 1
		: dk_size <= 0xffff      ? 2
		: dk_size <= 0xffffffff  ? 4
					 : 8;
	return layout_off(l, PYF_KEYS_INDICES) + dk_size * width +
		(dk_size << 1) / 3 * entry_size;
}

/* 2.7: a table of `have` places, the smallest within the dict. */
static uint64_t
room_27(uint64_t have, uint64_t n, uint64_t entry_size)
{
	uint64_t need = DICT_MIN;

	while (need < have && n * 3 >= need * 2)
		need *= 2;
	return have <= DICT_MIN ? 0
		: need == DICT_MIN ? have * entry_size
				   : (have - need) * entry_size;
}

/* A table that instances share has room for what others have. */
static uint64_t
room_dict(struct py *p, const struct pyobj *o, uint64_t n)
{
	struct keys k;
	taddr values;

	if (n > 1ull << 40 || dict_keys(p, o->p, &k, &values) != MS_OK)
		return 0;
	if (p->l->keys_form == KEYS_TABLE_27)
		return room_27(k.n, n, k.entry_size);
	if (values != 0 || k.refcnt != 1)
		return 0;
	uint64_t need = keys_need(p->l, n, k.entry_size);
	return k.size > need ? k.size - need : 0;
}

/*
 * CPython: set_add_entry, Objects/setobject.c, lets three fifths be in use (up to 3.6 two
 * thirds); the smallest table is within the set.
 */
static uint64_t
room_set(struct py *p, const struct pyobj *o, uint64_t n)
{
	const struct layout *l = p->l;
	uint64_t have = layout_get(l, PYF_SET_MASK, o->p) + 1, need = SET_MIN;

	if (layout_get(l, PYF_SET_TABLE, o->p) ==
			o->addr + layout_off(l, PYF_SET_SMALLTABLE) ||
		have > 1ull << 40)
		return 0;
	while (need < have && n * 5 >= (need - 1) * 3)
		need *= 2;
	if (need == SET_MIN)
		need = 0;
	return (have - need) * layout_size(l, PYF_SIZEOF_SETENTRY);
}

static uint64_t
room_of(struct py *p, const struct pyobj *o, uint64_t n)
{
	const struct layout *l = p->l;
	uint64_t have;

	if (o->type->flags & TPF_LIST) {
		have = layout_get(l, PYF_LIST_ALLOCATED, o->p);
		return have > n ? (have - n) * l->machine.ptr_width : 0;
	}
	if (o->type->flags & TPF_DICT)
		return room_dict(p, o, n);
	if (o->type->shape->value_rule == VR_SET)
		return room_set(p, o, n);
	if (layout_has(l, PYF_BYTEARRAY_OBJECT))
		return 0;
	have = layout_get(l, PYF_BYTEARRAY_ALLOC, o->p);
	return have > n + 1 ? have - n - 1 : 0; /* a NUL stands behind the data */
}

/* size is all that the object takes, which nobody has to believe. */
static void
note_container(struct py *p, const struct pyobj *o, uint64_t size,
	const struct heap_value *v, struct notes *ns)
{
	const struct pytype *ty = o->type;
	enum value_rule rule = ty->shape != NULL ? ty->shape->value_rule : VR_NONE;

	if (!(ty->flags & (TPF_LIST | TPF_DICT)) && rule != VR_SET && rule != VR_BYTEARRAY)
		return;
	if (v->len == VALUE_NO_LEN)
		return;
	if (v->len == 0 && (rule != VR_SET || strcmp(ty->shape->name, "set") == 0)) {
		put(ns, NOTE_EMPTY, size);
		return;
	}
	uint64_t room = room_of(p, o, v->len);
	put(ns, NOTE_ROOM, room < size ? room : 0);
}

/* ---- instances ---- */

/*
 * Since 3.11 attributes lie in or beside an instance, and a dict is made of them when
 * somebody asks for __dict__. An instance that has a dict in its place, or more than fits,
 * or keys of other types, needs it.
 */
static void
note_made(struct py *p, const struct pyobj *o, struct notes *ns)
{
	const struct layout *l = p->l;
	struct keys k;
	taddr values;

	if (!(o->type->flags & TPF_MANAGED_DICT) || l->attr_home == ATTR_DICTOFFSET)
		return;
	taddr dict = instance_dict(p, o);
	const struct pytype *ty = dict != 0 ? py_type_of(p, dict) : NULL;
	if (ty == NULL || ty->addr != p->dict_type)
		return;
	const uint8_t *v = target_view(p->t, dict, layout_size(l, PYF_SIZEOF_DICT));
	if (v == NULL)
		return;
	uint64_t used = layout_get(l, PYF_DICT_USED, v);
	uint64_t head = ty->basicsize + l->gc_head;
	if (used > VALUES_MAX || dict_keys(p, v, &k, &values) != MS_OK)
		return;
	if (values != 0) {
		put(ns, NOTE_MADE, head);
		return;
	}
	uint64_t back = l->attr_home == ATTR_INLINE_313 ? 0
							: used * l->machine.ptr_width;
	if (k.is_unicode && k.refcnt == 1 && k.size > back)
		put(ns, NOTE_MADE, head + k.size - back);
}

size_t
py_notes(struct py *p, const struct pyobj *o, uint64_t size,
	const struct heap_value *value, struct heap_note ret[PYNOTES_MAX])
{
	struct notes ns = {.at = ret};

	if (value->kind != VK_NONE && value->cut)
		note_digest(p, o, &ns);
	if (o->type->flags & TPF_UNICODE)
		note_str(p, o, &ns);
	else
		note_container(p, o, size, value, &ns);
	note_made(p, o, &ns);
	return ns.n;
}
