/*
 * The loop that reads shapes.def: rows are resolved against the layout once, then an
 * object's fixed references are offsets and labels, and its variable ones a function.
 */
#include "priv.h"

#include <stdlib.h>
#include <string.h>

/* The rows of shapes.def as they stand, before the layout is known. */
enum raw_op { RAW_SHAPE, RAW_REF, RAW_HID, RAW_FN, RAW_TYPE, RAW_LIKE };

struct raw_row {
	enum raw_op op;
	const char *type; /* struct; tp_name for RAW_SHAPE and RAW_LIKE */
	const char *member;
	enum ref_kind kind;
	const char *name;
	shape_fn *fn;
	enum size_rule rule;
};

static const struct raw_row raw[] = {
#define SHAPE(tp_name, str, size)                                                        \
	{.op = RAW_SHAPE, .type = tp_name, .member = str, .rule = SR_##size},
#define REF(str, mem, k, label)                                                          \
	{.op = RAW_REF, .type = str, .member = mem, .kind = RK_##k, .name = label},
#define HID(str, mem, k, label)                                                          \
	{.op = RAW_HID, .type = str, .member = mem, .kind = RK_##k, .name = label},
#define FN(function) {.op = RAW_FN, .fn = refs_##function},
#define TYPE() {.op = RAW_TYPE},
#define LIKE(tp_name) {.op = RAW_LIKE, .type = tp_name},
#include "memscan/shapes.def"
#undef SHAPE
#undef REF
#undef HID
#undef FN
#undef TYPE
#undef LIKE
};

uint32_t
py_label(struct py *p, enum ref_kind kind, const char *name)
{
	switch (kind) {
	case RK_ATTR:
	case RK_SLOT:
	case RK_LOCAL:
	case RK_FIELD:
	case RK_CLOSURE:
		return ref_label(kind, left_to_home(p) ? 0 : strtab_puts(p->names, name));
	default:
		return ref_label(kind, 0);
	}
}

static const struct raw_row *
raw_find(const char *tp_name)
{
	for (size_t i = 0; i < ARRAY_LEN(raw); i++)
		if (raw[i].op == RAW_SHAPE && strcmp(raw[i].type, tp_name) == 0)
			return &raw[i];
	return NULL;
}

/* A REF or HID row whose field this release has; an absent field is no reference. */
static void
put_ref_row(struct py *p, struct shape *s, const struct raw_row *r)
{
	const struct layout_field *f = layout_find(p->l, r->type, r->member);

	if (f == NULL || f->size != p->l->machine.ptr_width)
		return;
	/* Roots are read where they are; of an object there is a view, and no more. */
	if (s->name[0] != '<' && f->off + f->size > PYOBJ_VIEW)
		return;
	uint32_t label = py_label(p, r->kind, r->name);
	if (r->op == RAW_HID)
		label |= REF_HIDDEN;
	vec_push(&p->rows,
		(struct shape_row){.op = SOP_REF, .off = f->off, .label = label});
	s->n++;
}

/*
 * True if a release has what a function needs to know of its variable parts. Where it has
 * not, the type's own code is asked, and the shape only gives names.
 */
static bool
fn_fits(const struct layout *l, shape_fn *fn)
{
	if (fn == refs_asked)
		return false;
	if (fn == refs_dict)
		return layout_has(l, PYF_DICT_KEYS) || layout_has(l, PYF_DICT27_TABLE);
	/* 2.7 marks deleted entries with an object of its own. */
	if (fn == refs_set)
		return !layout_has(l, PYF_SIZEOF_INSTANCE27);
	if (fn == refs_frame)
		return layout_has(l, PYF_FRAME_IFRAME) &&
			layout_has(l, PYF_IFRAME_STACKTOP);
	if (fn == refs_memoryview)
		return layout_find(l, "PyMemoryViewObject", "mbuf") != NULL;
	if (fn == refs_gen)
		return layout_has(l, PYF_GEN_IFRAME) &&
			layout_has(l, PYF_IFRAME_STACKTOP);
	if (fn == refs_deque)
		return layout_has(l, PYF_DEQUE_LEFTBLOCK) &&
			layout_has(l, PYF_DEQUEBLOCK_RIGHT) &&
			!layout_has(l, PYF_SIZEOF_INSTANCE27);
	if (fn == refs_odict)
		return layout_has(l, PYF_ODICT_FIRST) &&
			layout_has(l, PYF_ODICTNODE_NEXT);
	return true;
}

/*
 * The rows from `r` to the next shape; LIKE rows pull in those of another, one level deep
 * at a time.
 */
static enum status
put_rows(struct py *p, struct shape *s, const struct raw_row *r, unsigned depth,
	struct errbuf *eb)
{
	for (; r < raw + ARRAY_LEN(raw) && r->op != RAW_SHAPE; r++) {
		if (r->op == RAW_REF || r->op == RAW_HID) {
			put_ref_row(p, s, r);
			continue;
		}
		if (r->op != RAW_LIKE) {
			s->is_asked |= r->op == RAW_FN && !fn_fits(p->l, r->fn);
			vec_push(&p->rows,
				(struct shape_row){
					.op = r->op == RAW_FN ? SOP_FN : SOP_TYPE,
					.fn = r->fn});
			s->n++;
			continue;
		}
		const struct raw_row *like = raw_find(r->type);
		if (like == NULL || depth > 4)
			return errbuf_set(eb, MS_FORMAT,
				"shapes.def: LIKE(\"%s\") names no shape", r->type);
		enum status st = put_rows(p, s, like + 1, depth + 1, eb);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/*
 * What tp_basicsize has to be. Of a tuple it is where the items begin: the header, and
 * since 3.14 the hash.
 */
static uint64_t
size_of_shape(
	const struct layout *l, const struct raw_row *r, const struct layout_field *size)
{
	if (r[1].op == RAW_FN && r[1].fn == refs_tuple)
		return layout_off(l, PYF_TUPLE_ITEMS);
	return size != NULL ? size->size : 0;
}

enum status
shapes_build(struct py *p, struct errbuf *eb)
{
	for (const struct raw_row *r = raw; r < raw + ARRAY_LEN(raw); r++) {
		if (r->op != RAW_SHAPE)
			continue;
		const struct layout_field *size =
			r->member[0] != '\0' ? layout_find(p->l, r->member, "") : NULL;
		if (r->member[0] != '\0' && size == NULL)
			continue; /* this release has no such struct */
		struct shape s = {
			.name = r->type,
			.struct_size = size_of_shape(p->l, r, size),
			.size_rule = r->rule,
			.value_rule = value_rule_of(r->type),
			.first = p->rows.n,
		};
		enum status st = put_rows(p, &s, r + 1, 0, eb);
		if (st != MS_OK)
			return st;
		map_put(&p->shape_index, strtab_puts(p->names, s.name),
			(uint32_t)p->shapes.n);
		vec_push(&p->shapes, s);
	}
	p->shape_interp = shape_find(p, strtab_puts(p->names, "<interpreter>"));
	p->shape_thread = shape_find(p, strtab_puts(p->names, "<thread>"));
	return MS_OK;
}

const struct shape *
shape_find(const struct py *p, uint32_t tp_name)
{
	uint32_t i;
	return map_get(&p->shape_index, tp_name, &i) ? &p->shapes.at[i] : NULL;
}

/* Stands in a shape whose references the machine code tells: py_refs never comes here. */
enum status
refs_asked(struct py *p, const struct pyobj *o, struct refout *out)
{
	(void)p;
	(void)o;
	(void)out;
	return MS_ABSENT;
}

bool
py_has_elements(const struct pytype *ty)
{
	return ty->shape != NULL && ty->shape->value_rule == VR_SET;
}

bool
py_field_label(struct py *p, const struct pytype *ty, uint64_t off, uint32_t *label)
{
	const struct shape *s = ty->shape;

	for (size_t i = 0; s != NULL && i < s->n; i++) {
		const struct shape_row *row = &p->rows.at[s->first + i];
		if (row->op == SOP_REF && row->off == off) {
			*label = row->label;
			return true;
		}
	}
	for (size_t i = 0; i < ty->cbase->n_members; i++) {
		if (ty->cbase->members[i].offset == off) {
			*label = ty->cbase->members[i].label;
			return true;
		}
	}
	return false;
}

enum status
shape_refs(struct py *p, const struct shape *s, const struct pyobj *o, struct refout *out)
{
	const struct shape_row *row = p->rows.at + s->first, *end = row + s->n;

	enum status st = refout_room(out, s->n);
	if (st != MS_OK)
		return st;
	const uint8_t *at = o->p;
	/* What is no object of the collector's reports nothing. */
	uint32_t hide = o->type->flags & TPF_HAVE_GC ? 0 : REF_HIDDEN;
	for (; row < end; row++) {
		if (row->op == SOP_REF) {
			refout_put(
				out, layout_word(p->l, at + row->off), row->label | hide);
			continue;
		}
		if (row->op == SOP_TYPE) {
			if ((o->type->cbase->flags & TPF_HEAPTYPE) &&
				p->l->type_visit == TYPE_BY_BASE)
				refout_put(out, o->type->addr, ref_label(RK_TYPE, 0));
			continue;
		}
		st = row->fn(p, o, out);
		if (st != MS_OK)
			return st;
		st = refout_room(out, s->n);
		if (st != MS_OK)
			return st;
	}
	return MS_OK;
}

/* The rows of a struct that is no object, at addr. */
static enum status
struct_refs(struct py *p, const struct shape *s, taddr addr, struct refout *out)
{
	if (s == NULL)
		return MS_OK;
	enum status st = refout_room(out, s->n);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_row *row = &p->rows.at[s->first + i];
		uint64_t to;
		if (py_word(p, addr + row->off, &to) == MS_OK)
			refout_put(out, to, row->label);
	}
	return MS_OK;
}

uint64_t
py_interp_size(const struct py *p)
{
	return layout_size(p->l, PYF_SIZEOF_INTERP);
}

enum status
py_interp_refs(struct py *p, taddr interp, struct refout *out)
{
	return struct_refs(p, p->shape_interp, interp, out);
}

enum status
py_thread_refs(struct py *p, taddr tstate, struct refout *out)
{
	return struct_refs(p, p->shape_thread, tstate, out);
}
