/*
 * The type cache: every type is read and judged once. What is kept says how instances
 * are decoded; an address that holds no type is remembered as that.
 */
#include "priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/limits.h"

/* CPython: structmember.h. */
enum { T_OBJECT = 6, T_OBJECT_EX = 16 };

/* No basicsize that CPython's own or anybody's types have comes near this. */
enum { MAX_BASICSIZE = 1 << 24 };

const struct pytype *
py_type_at(const struct py *p, uint32_t id)
{
	return p->types.at[id];
}

uint32_t
py_type_count(const struct py *p)
{
	return (uint32_t)p->types.n;
}

void
py_type_set_how(struct py *p, uint32_t id, enum type_how how)
{
	p->types.at[id]->how = how;
}

/* True if what is at addr says of itself, through its own type, that it is a type. */
static bool
is_type_object(struct py *p, const uint8_t *v)
{
	taddr meta = layout_get(p->l, PYF_OB_TYPE, v);

	if (meta == p->type_type)
		return true;
	if (meta == 0 || meta % p->l->machine.ptr_width != 0)
		return false;
	const uint8_t *m = target_view(p->t, meta, layout_size(p->l, PYF_SIZEOF_TYPE));
	return m != NULL && (layout_get(p->l, PYF_TP_FLAGS, m) & TPF_TYPE) &&
		(layout_get(p->l, PYF_TP_FLAGS, m) & TPF_READY);
}

/* True if addr lies in the data of a program or library. */
static bool
is_static(struct py *p, taddr addr)
{
	const struct region *r = target_region(p->t, addr);
	return r != NULL &&
		(r->path[0] == '/' ||
			(addr >= p->rt->module->start && addr < p->rt->module->end));
}

/* Read a PyTypeObject into buf; false if it cannot be one. */
static bool
read_type(struct py *p, taddr addr, uint8_t *buf, size_t n)
{
	if (addr == 0 || addr % p->l->machine.ptr_width != 0 ||
		target_read(p->t, addr, buf, n) != MS_OK)
		return false;
	if (!is_type_object(p, buf))
		return false;
	uint64_t basic = layout_get(p->l, PYF_TP_BASICSIZE, buf),
		 item = layout_get(p->l, PYF_TP_ITEMSIZE, buf);
	if (basic >= MAX_BASICSIZE || item >= MAX_BASICSIZE ||
		layout_get(p->l, PYF_TP_NAME, buf) == 0)
		return false;
	/*
	 * Some static types are used without PyType_Ready ever being called
	 * (functools._lru_list_elem to 3.9).
	 */
	return (layout_get(p->l, PYF_TP_FLAGS, buf) & TPF_READY) || is_static(p, addr);
}

/*
 * A class statement's type borrows tp_name from its ht_name's UTF-8 text (type_new,
 * Objects/typeobject.c); a heap type made by C code has a name of its own.
 */
static bool
is_python_class(struct py *p, taddr addr, const uint8_t *v)
{
	uint64_t ht_name;

	if (!(layout_get(p->l, PYF_TP_FLAGS, v) & TPF_HEAPTYPE))
		return false;
	if (py_word(p, addr + layout_off(p->l, PYF_HT_NAME), &ht_name) != MS_OK)
		return false;
	taddr tp_name = layout_get(p->l, PYF_TP_NAME, v);
	if (p->l->str_form == STR_27)
		return tp_name == ht_name + layout_off(p->l, PYF_BYTES_DATA);
	const uint8_t *s =
		target_view(p->t, ht_name, layout_size(p->l, PYF_SIZEOF_COMPACT));
	struct pystr str;
	if (s == NULL || str_read(p, s, ht_name, &str) != MS_OK)
		return false;
	if (str.is_ascii && str.is_compact)
		return tp_name == str.data;
	return tp_name == layout_get(p->l, PYF_STR_UTF8, s);
}

/* Split a C type's dotted name; heap types say module and qualified name themselves. */
static void
name_type(struct py *p, struct pytype *ty, const char *tp_name)
{
	const char *dot = strrchr(tp_name, '.');

	ty->name = strtab_puts(p->names, dot != NULL ? dot + 1 : tp_name);
	ty->module = dot != NULL ? strtab_put(p->names, tp_name, (size_t)(dot - tp_name))
				 : strtab_puts(p->names, "builtins");
	if (!(ty->flags & TPF_HEAPTYPE))
		return;
	uint64_t qualname;
	if (layout_has(p->l, PYF_HT_QUALNAME) &&
		py_word(p, ty->addr + layout_off(p->l, PYF_HT_QUALNAME), &qualname) ==
			MS_OK) {
		uint32_t id = str_intern(p, qualname);
		if (id != 0)
			ty->name = id;
	}
	taddr module = py_dict_get(p, ty->tp_dict, "__module__");
	uint32_t id = module != 0 ? str_intern(p, module) : 0;
	if (id != 0)
		ty->module = id;
}

/* Read n PyMemberDef records at addr; keep those that hold object pointers. */
static void
read_members(struct py *p, taddr addr, uint64_t n, enum ref_kind kind, bool by_null,
	struct pyslot **slots, size_t *count)
{
	size_t rec = layout_size(p->l, PYF_SIZEOF_MEMBERDEF);
	VEC(struct pyslot) v = {.at = *slots, .n = *count, .cap = *count};

	for (uint64_t i = 0; i < n && i < LIM_MEMBERS; i++, addr += rec) {
		uint8_t m[128];
		if (rec > sizeof(m) || target_read(p->t, addr, m, rec) != MS_OK)
			break;
		taddr name_at = layout_get(p->l, PYF_MEMBERDEF_NAME, m);
		if (name_at == 0 && by_null)
			break;
		uint64_t type = layout_get(p->l, PYF_MEMBERDEF_TYPE, m);
		if (type != T_OBJECT_EX && !(by_null && type == T_OBJECT))
			continue;
		uint64_t offset = layout_get(p->l, PYF_MEMBERDEF_OFFSET, m);
		char name[LIM_NAME];
		if (offset >= MAX_BASICSIZE ||
			target_str(p->t, name_at, name, sizeof(name)) != MS_OK)
			continue;
		vec_push(&v,
			(struct pyslot){
				.offset = offset, .label = py_label(p, kind, name)});
	}
	*slots = v.at;
	*count = v.n;
}

/*
 * CPython: METH_METHOD, Include/methodobject.h: the defining class is the second argument
 * (3.9).
 */
enum { METH_METHOD = 0x200 };

/* Its own C method __sizeof__, if it has one. */
static taddr
own_sizeof(struct py *p, taddr methods, bool *takes_class)
{
	size_t rec = layout_size(p->l, PYF_SIZEOF_METHODDEF);

	for (unsigned i = 0; methods != 0 && i < LIM_MEMBERS; i++, methods += rec) {
		uint8_t m[128];
		char name[16];
		if (rec > sizeof(m) || target_read(p->t, methods, m, rec) != MS_OK)
			return 0;
		taddr name_at = layout_get(p->l, PYF_METHODDEF_NAME, m);
		if (name_at == 0)
			return 0;
		if (target_str(p->t, name_at, name, sizeof(name)) != MS_OK ||
			strcmp(name, "__sizeof__") != 0)
			continue;
		*takes_class = layout_get(p->l, PYF_METHODDEF_FLAGS, m) & METH_METHOD;
		return layout_get(p->l, PYF_METHODDEF_METH, m);
	}
	return 0;
}

/*
 * Slots of the bases, after the type's own: the order in which subtype_traverse meets
 * them.
 */
static void
inherit_slots(struct pytype *ty)
{
	const struct pytype *b = ty->base;
	if (b == NULL || b->n_slots == 0)
		return;
	ty->slots = xrealloc(ty->slots, (ty->n_slots + b->n_slots) * sizeof(*ty->slots));
	memcpy(ty->slots + ty->n_slots, b->slots, b->n_slots * sizeof(*ty->slots));
	ty->n_slots += b->n_slots;
}

/*
 * A shape is right for a C type if the type that gave the shape its name has the very
 * same tp_traverse, and is the one it is taken for: a bare name is the interpreter's own.
 */
static void
choose_shape(struct pytype *ty)
{
	for (const struct pytype *b = ty->cbase; b != NULL; b = b->base) {
		if (b->traverse != ty->cbase->traverse)
			break;
		if (b->own_shape == NULL)
			continue;
		ty->shape = b->own_shape;
		break;
	}
	if (py_has_table(ty))
		ty->how = HOW_SHAPE;
	else
		ty->how = ty->cbase->traverse != 0 && (ty->flags & TPF_HAVE_GC)
			? HOW_EMU
			: HOW_LEAF;
}

/* The shape that belongs to this very type by its name. */
static const struct shape *
named_shape(struct py *p, const struct pytype *ty, const char *tp_name)
{
	const struct shape *s = shape_find(p, strtab_puts(p->names, tp_name));

	if (s == NULL || (s->struct_size != 0 && s->struct_size != ty->basicsize))
		return NULL;
	bool is_core = ty->addr >= p->rt->module->start && ty->addr < p->rt->module->end;
	return is_core || strchr(tp_name, '.') != NULL ? s : NULL;
}

static void
fill_python(struct py *p, struct pytype *ty, const uint8_t *v)
{
	if (ty->flags & TPF_HAVE_GC) {
		if (p->subtype_traverse == 0)
			p->subtype_traverse = ty->traverse;
		ty->is_subtype = ty->traverse == p->subtype_traverse;
	}
	/*
	 * ob_size is the number of member records, which follow the metatype's part
	 * (PyHeapType_GET_MEMBERS).
	 */
	int64_t n = layout_get_signed(p->l, PYF_OB_SIZE, v);
	uint64_t meta_basic;
	taddr meta = layout_get(p->l, PYF_OB_TYPE, v);
	if (n > 0 &&
		py_word(p, meta + layout_off(p->l, PYF_TP_BASICSIZE), &meta_basic) ==
			MS_OK &&
		meta_basic < MAX_BASICSIZE)
		read_members(p, ty->addr + meta_basic, (uint64_t)n, RK_SLOT, false,
			&ty->slots, &ty->n_slots);
	/*
	 * __slots__ of what has items was refused until 3.15, which puts them behind the
	 * items (_Py_AFTER_ITEMS, Python/structmember.c).
	 */
	for (size_t i = 0; i < ty->n_slots; i++)
		ty->slots[i].is_after_items = ty->itemsize > 0;
	inherit_slots(ty);
}

static void
fill_c(struct py *p, struct pytype *ty, const uint8_t *v, const char *tp_name)
{
	ty->is_subtype = p->subtype_traverse != 0 && ty->traverse == p->subtype_traverse;
	ty->sizeof_meth = own_sizeof(
		p, layout_get(p->l, PYF_TP_METHODS, v), &ty->sizeof_takes_class);
	ty->own_shape = named_shape(p, ty, tp_name);
	if (ty->own_shape == NULL)
		read_members(p, layout_get(p->l, PYF_TP_MEMBERS, v), LIM_MEMBERS, RK_ATTR,
			true, &ty->members, &ty->n_members);
	const struct pytype *b = ty->base;
	ty->is_structseq = b != NULL && b->base != NULL && b->base->base == NULL &&
		(b->flags & TPF_TUPLE) && ty->own_shape == NULL &&
		ty->traverse != b->traverse &&
		py_dict_get(p, ty->tp_dict, "n_sequence_fields") != 0;
	if (ty->is_structseq)
		ty->n_structseq = type_n_structseq(p, ty);
	inherit_slots(ty);
}

/*
 * An array of per-interpreter states of static types: the one whose type is addr, 0 if
 * none.
 */
static taddr
find_state(struct py *p, enum pyf array, taddr addr)
{
	if (!layout_has(p->l, array))
		return 0;
	const struct layout_field *f = &p->l->f[array];
	for (uint64_t i = 0; i < f->count; i++) {
		taddr at = p->main_interp + f->off + i * f->stride;
		uint64_t type;
		if (py_word(p, at + layout_off(p->l, PYF_BUILTIN_TYPE), &type) == MS_OK &&
			type == addr)
			return at;
	}
	return 0;
}

/*
 * Since 3.12 the dict and the subclasses of static builtin types are not in the type, but
 * in each interpreter (_PyStaticType_GetState); those of the main one stand for all.
 */
taddr
type_state(struct py *p, taddr addr)
{
	CLEAN_FREE struct pyinterp *interps = NULL;
	struct errbuf eb;
	size_t n;

	if (!layout_has(p->l, PYF_INTERP_BUILTIN_TYPES) ||
		!layout_has(p->l, PYF_BUILTIN_TYPE))
		return 0;
	if (p->main_interp == 0) {
		if (py_interpreters(p, &interps, &n, &eb) != MS_OK)
			return 0;
		p->main_interp = interps[0].addr;
	}
	taddr at = find_state(p, PYF_INTERP_BUILTIN_TYPES, addr);
	return at != 0 ? at : find_state(p, PYF_INTERP_EXTENSION_STATES, addr);
}

/* "int.__dict__", "int.tp_subclasses". */
static uint32_t
state_label(struct py *p, const struct pytype *ty, bool is_subclasses)
{
	char text[LIM_NAME];

	snprintf(text, sizeof(text), "%s.%s", strtab_get(p->names, ty->name, NULL),
		is_subclasses ? "tp_subclasses" : "__dict__");
	return py_label(p, RK_FIELD, text);
}

/*
 * CPython: init_static_type and lookup_tp_subclasses, Objects/typeobject.c: the same index in
 * every interpreter.
 */
enum status
py_type_state_refs(struct py *p, taddr interp, struct refout *out)
{
	static const enum pyf arrays[] = {
		PYF_INTERP_BUILTIN_TYPES, PYF_INTERP_EXTENSION_STATES};
	static const enum pyf fields[] = {PYF_BUILTIN_DICT, PYF_BUILTIN_SUBCLASSES};

	for (size_t a = 0; a < ARRAY_LEN(arrays); a++) {
		const struct layout_field *f = &p->l->f[arrays[a]];
		if (!layout_has(p->l, arrays[a]) || !layout_has(p->l, PYF_BUILTIN_TYPE))
			continue;
		for (uint64_t i = 0; i < 2 * f->count; i++) {
			taddr at = interp + f->off + i / 2 * f->stride;
			uint64_t type, to;
			if (py_word(p, at + layout_off(p->l, PYF_BUILTIN_TYPE), &type) !=
					MS_OK ||
				py_type(p, type) == NULL ||
				py_word(p, at + layout_off(p->l, fields[i % 2]), &to) !=
					MS_OK)
				continue;
			enum status st = refout_room(out, 1);
			if (st != MS_OK)
				return st;
			refout_put(out, to, state_label(p, py_type(p, type), i % 2));
		}
	}
	return MS_OK;
}

static taddr
type_dict(struct py *p, taddr addr, const uint8_t *v)
{
	uint64_t dict = layout_get(p->l, PYF_TP_DICT, v);

	if (dict != 0 || !(layout_get(p->l, PYF_TP_FLAGS, v) & TPF_STATIC_BUILTIN))
		return dict;
	taddr state = type_state(p, addr);
	return state != 0 &&
			py_word(p, state + layout_off(p->l, PYF_BUILTIN_DICT), &dict) ==
				MS_OK
		? dict
		: 0;
}

/*
 * Bits 1 to 4 of tp_flags meant something else, or nothing, before the releases that keep
 * values and states elsewhere.
 */
static uint32_t
known_flags(const struct py *p, uint32_t flags)
{
	static const uint32_t known[] = {
		[ATTR_DICTOFFSET] = 0,
		[ATTR_PREHEADER_311] = TPF_MANAGED_DICT,
		[ATTR_TAGGED_312] =
			TPF_STATIC_BUILTIN | TPF_MANAGED_WEAKREF | TPF_MANAGED_DICT,
		[ATTR_INLINE_313] = TPF_STATIC_BUILTIN | TPF_INLINE_VALUES |
			TPF_MANAGED_WEAKREF | TPF_MANAGED_DICT,
	};
	const uint32_t all = TPF_STATIC_BUILTIN | TPF_INLINE_VALUES |
		TPF_MANAGED_WEAKREF | TPF_MANAGED_DICT;
	return flags & ~(all & ~known[p->l->attr_home]);
}

/* Make the type at addr, whose bases are in the cache. */
static struct pytype *
make_type(struct py *p, taddr addr, const uint8_t *v, const struct pytype *base)
{
	char tp_name[LIM_NAME];
	if (target_str(p->t, layout_get(p->l, PYF_TP_NAME, v), tp_name,
		    sizeof(tp_name)) != MS_OK)
		return NULL;

	struct pytype *ty = xcalloc(1, sizeof(*ty));
	*ty = (struct pytype){
		.addr = addr,
		.flags = known_flags(p, (uint32_t)layout_get(p->l, PYF_TP_FLAGS, v)),
		.basicsize = layout_get(p->l, PYF_TP_BASICSIZE, v),
		.itemsize = layout_get(p->l, PYF_TP_ITEMSIZE, v),
		.dictoffset = layout_get_signed(p->l, PYF_TP_DICTOFFSET, v),
		.traverse = layout_get(p->l, PYF_TP_TRAVERSE, v),
		.is_gc = layout_get(p->l, PYF_TP_IS_GC, v),
		.tp_dict = type_dict(p, addr, v),
		.base = base,
		.is_python = is_python_class(p, addr, v),
	};
	name_type(p, ty, tp_name);
	if (ty->is_python)
		fill_python(p, ty, v);
	else
		fill_c(p, ty, v, tp_name);
	ty->cbase = ty;
	while (ty->cbase->base != NULL && (ty->cbase->is_subtype || ty->cbase->is_python))
		ty->cbase = ty->cbase->base;
	if (ty->cbase != ty)
		ty->is_structseq = ty->cbase->is_structseq;
	if (ty->is_structseq && ty->cbase != ty)
		ty->n_structseq = ty->cbase->n_structseq;
	choose_shape(ty);
	ty->buffer = buffer_row_of(p, ty, tp_name);
	if (ty->how == HOW_LEAF && ty->buffer != NULL && ty->buffer->refs != NULL)
		ty->how = HOW_SHAPE;
	return ty;
}

static const struct pytype *
remember(struct py *p, taddr addr, struct pytype *ty)
{
	pthread_mutex_lock(&p->lock);
	if (ty != NULL) {
		/* Only now: other types may have come while this one was made. */
		ty->id = (uint32_t)p->types.n;
		vec_push(&p->types, ty);
	}
	map_put(&p->type_index, addr, ty != NULL ? (uint32_t)p->types.n : 0);
	pthread_mutex_unlock(&p->lock);
	return ty;
}

/*
 * Load the type at addr, and first its bases: the chain is collected, then made from its
 * far end.
 */
static const struct pytype *
load_type(struct py *p, taddr addr)
{
	VEC(taddr) chain = {0};
	const struct pytype *base = NULL;
	size_t n = layout_size(p->l, PYF_SIZEOF_TYPE);
	CLEAN_FREE uint8_t *v = xmalloc(n);
	bool is_good = true;
	uint32_t known;

	for (taddr at = addr; at != 0; at = layout_get(p->l, PYF_TP_BASE, v)) {
		if (map_get(&p->type_index, at, &known)) {
			base = known != 0 ? p->types.at[known - 1] : NULL;
			is_good = known != 0;
			break;
		}
		if (chain.n >= LIM_MRO || !read_type(p, at, v, n)) {
			is_good = false;
			break;
		}
		vec_push(&chain, at);
	}
	if (!is_good || chain.n == 0) {
		for (size_t i = 0; i < chain.n; i++)
			remember(p, chain.at[i], NULL);
		vec_fini(&chain);
		return remember(p, addr, NULL);
	}
	while (chain.n > 0) {
		taddr at = chain.at[--chain.n];
		struct pytype *ty =
			read_type(p, at, v, n) ? make_type(p, at, v, base) : NULL;
		base = remember(p, at, ty);
		if (base == NULL)
			break;
	}
	vec_fini(&chain);
	return map_get(&p->type_index, addr, &known) && known != 0
		? p->types.at[known - 1]
		: remember(p, addr, NULL);
}

static const struct pytype **
recent_of(struct py *p, taddr addr)
{
	/* Fibonacci hashing: types of one kind lie at regular distances. */
	return &p->recent[addr * 0x9e3779b97f4a7c15u >> 32 & (TYPE_RECENT - 1)];
}

const struct pytype *
py_type_recent(struct py *p, taddr addr)
{
	const struct pytype *ty = *recent_of(p, addr);
	return ty != NULL && ty->addr == addr ? ty : NULL;
}

const struct pytype *
py_type(struct py *p, taddr addr)
{
	const struct pytype **recent = recent_of(p, addr);
	uint32_t i;

	if (*recent != NULL && (*recent)->addr == addr)
		return *recent;
	const struct pytype *ty;
	if (p->home != NULL)
		ty = type_of_home(p, addr);
	else if (map_get(&p->type_index, addr, &i))
		ty = i != 0 ? p->types.at[i - 1] : NULL;
	else
		ty = load_type(p, addr);
	if (ty != NULL)
		*recent = ty;
	return ty;
}

const struct pytype *
py_type_seen(struct py *p, taddr obj)
{
	uint64_t addr;
	uint32_t i;

	if (py_word(p, obj + layout_off(p->l, PYF_OB_TYPE), &addr) != MS_OK ||
		!map_get(&p->type_index, addr, &i) || i == 0)
		return NULL;
	return p->types.at[i - 1];
}

static void
settle_attrs(struct py *p, struct pytype *w)
{
	struct keys k;
	uint64_t keys_at;

	if (!layout_has(p->l, PYF_HT_CACHED_KEYS) ||
		py_word(p, w->addr + layout_off(p->l, PYF_HT_CACHED_KEYS), &keys_at) !=
			MS_OK ||
		keys_at == 0 || keys_read(p, keys_at, &k) != MS_OK)
		return;
	w->attrs = xcalloc(k.n, sizeof(*w->attrs));
	for (; w->n_attrs < k.n; w->n_attrs++) {
		uint64_t key;
		if (py_word(p, k.entries + w->n_attrs * k.entry_size + k.key_off, &key) !=
			MS_OK)
			break;
		w->attrs[w->n_attrs] = ref_label(RK_ATTR, str_intern(p, key));
	}
}

const uint32_t *
type_attrs(struct py *p, const struct pytype *ty, size_t *n)
{
	*n = 0;
	if (!SETTLED(ty->attrs_known)) {
		if (left_to_home(p))
			return NULL;
		settle_attrs(p, p->types.at[ty->id]);
		SETTLE(p->types.at[ty->id]->attrs_known, true);
	}
	*n = ty->n_attrs;
	return ty->attrs;
}
