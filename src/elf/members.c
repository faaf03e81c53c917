/*
 * What DWARF says of one member of one type: "gc.generations[1].head" walked from a
 * struct's DIE. The library's own functions follow chains of types without counting; here
 * every chain is counted, because the file may be anybody's.
 */
#include "priv.h"

#include <dwarf.h>
#include <string.h>

enum {
	PEEL_MAX = 32, /* typedefs and qualifiers in a row */
	NEST_MAX = 16, /* anonymous structs in anonymous structs; arrays of arrays */
	VISITS_MAX = 100000, /* members looked at for one query */
	COMPONENT_MAX = 256, /* bytes of one name in a path */
};

/* Where the walk along the path has come to. */
struct place {
	Dwarf_Die type;  /* peeled; of an array, the array */
	unsigned dim;    /* dimensions of it that were indexed already */
	uint64_t offset; /* bytes from the start of the outermost type */
	uint64_t size;   /* of the storage, if the member itself says so, else 0 */
	uint8_t bit_first, bit_width;
};

/* ---- types ---- */

static bool
type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, DW_AT_type, &attr) != NULL &&
	       dwarf_formref_die(&attr, ret) != NULL;
}

bool
type_peel(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < PEEL_MAX; i++) {
		switch (dwarf_tag(&at)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type: {
			Dwarf_Die next;
			if (!type_of(&at, &next))
				return false;
			at = next;
			break;
		}
		case DW_TAG_invalid:
			return false;
		default:
			*ret = at;
			return true;
		}
	}
	return false;
}

bool
type_is_declaration(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	bool flag = false;

	return dwarf_attr(die, DW_AT_declaration, &attr) != NULL &&
	       dwarf_formflag(&attr, &flag) == 0 && flag;
}

static bool
is_struct(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_class_type;
}

static bool
number(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	if (dwarf_attr(die, name, &attr) == NULL || dwarf_formudata(&attr, &v) != 0)
		return false;
	*ret = v;
	return true;
}

/*
 * The lengths of an array's dimensions from `skip` on: the first, and the product of the
 * others.
 */
static void
dimensions(Dwarf_Die *array, unsigned skip, uint64_t *first, uint64_t *others,
           unsigned *n)
{
	Dwarf_Die die;
	unsigned dim = 0;

	*first = 0;
	*others = 1;
	if (dwarf_child(array, &die) != 0) {
		*n = 0;
		return;
	}
	do {
		uint64_t count = 0, upper;
		if (dwarf_tag(&die) != DW_TAG_subrange_type)
			continue;
		/*
		 * Neither is given for "x[]"; "x[0]" has a count of 0, or an upper bound
		 * of -1.
		 */
		if (!number(&die, DW_AT_count, &count) &&
		    number(&die, DW_AT_upper_bound, &upper))
			count = upper + 1;
		if (count > UINT32_MAX)
			count = 0;
		if (dim == skip)
			*first = count;
		else if (dim > skip && __builtin_mul_overflow(*others, count, others))
			*others = 0;
		dim++;
	} while (dim < NEST_MAX && dwarf_siblingof(&die, &die) == 0);
	*n = dim;
}

/* The bytes of a type; an array's are those behind the dimensions that were indexed. */
static bool
size_of(Dwarf_Die *die, unsigned dim, uint64_t *ret)
{
	Dwarf_Die at = *die;
	uint64_t times = 1;

	for (unsigned i = 0; i < NEST_MAX; i++, dim = 0) {
		uint64_t size, first, others;
		unsigned n;
		Dwarf_Die element;
		if (dwarf_tag(&at) != DW_TAG_array_type) {
			if (!number(&at, DW_AT_byte_size, &size)) {
				uint8_t address;
				if (dwarf_tag(&at) != DW_TAG_pointer_type ||
				    dwarf_diecu(&at, &element, &address, NULL) == NULL)
					return false;
				size = address;
			}
			return !__builtin_mul_overflow(size, times, ret);
		}
		dimensions(&at, dim, &first, &others, &n);
		if (dim < n && (__builtin_mul_overflow(times, first, &times) ||
		                __builtin_mul_overflow(times, others, &times)))
			return false;
		if (!type_of(&at, &element) || !type_peel(&element, &at))
			return false;
	}
	return false;
}

/*
 * Bytes from one element of an array to the next, behind the dimensions that were
 * indexed.
 */
static bool
stride_of(Dwarf_Die *array, unsigned dim, uint64_t *stride, uint64_t *count)
{
	Dwarf_Die element, peeled;
	uint64_t others, size;
	unsigned n;

	dimensions(array, dim, count, &others, &n);
	if (dim >= n || !type_of(array, &element) || !type_peel(&element, &peeled))
		return false;
	return size_of(&peeled, 0, &size) &&
	       !__builtin_mul_overflow(size, others, stride);
}

/* ---- members ---- */

/*
 * DW_AT_data_member_location: a number, or a DW_OP_plus_uconst; a union's members have
 * none.
 */
static bool
member_offset(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	*ret = 0;
	if (dwarf_attr(member, DW_AT_data_member_location, &attr) == NULL)
		return true;
	Dwarf_Word v;
	if (dwarf_formudata(&attr, &v) == 0) {
		*ret = v;
		return true;
	}
	if (dwarf_getlocation(&attr, &ops, &n) != 0 || n != 1 ||
	    ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = ops[0].number;
	return true;
}

/*
 * Where a bit-field lies: the storage unit of its declared type that holds it, and the
 * first bit from the lowest of that unit when loaded as an integer.
 */
static bool
bit_field(Dwarf_Die *member, bool big_endian, struct place *at, uint64_t width)
{
	uint64_t unit, first, given;

	if (!number(member, DW_AT_byte_size, &unit) && !size_of(&at->type, 0, &unit))
		return false;
	if (unit == 0 || unit > 8 || width > 8 * unit)
		return false;
	if (number(member, DW_AT_data_bit_offset, &given)) {
		uint64_t byte = given / (8 * unit) * unit;
		at->offset += byte;
		first = given - 8 * byte;
		/* A packed one that crosses units is told from its own first byte on. */
		if (first + width > 8 * unit) {
			at->offset += first / 8;
			first %= 8;
		}
		if (big_endian && first + width <= 8 * unit)
			first = 8 * unit - first - width;
	} else if (number(member, DW_AT_bit_offset, &given)) {
		/* DWARF 2 and 3 count from the highest bit, on every machine. */
		if (given + width > 8 * unit)
			return false;
		first = 8 * unit - given - width;
	} else {
		first = big_endian ? 8 * unit - width : 0;
	}
	if (first > UINT8_MAX)
		return false;
	at->size = unit;
	at->bit_first = (uint8_t)first;
	at->bit_width = (uint8_t)width;
	return true;
}

static bool
enter_member(Dwarf_Die *member, bool big_endian, uint64_t base, struct place *at)
{
	Dwarf_Die type;
	uint64_t offset, width;

	if (!member_offset(member, &offset) || !type_of(member, &type) ||
	    !type_peel(&type, &at->type))
		return false;
	at->offset = base + offset;
	at->dim = 0;
	at->size = 0;
	at->bit_first = at->bit_width = 0;
	if (number(member, DW_AT_bit_size, &width) && width > 0 && width <= 64)
		return bit_field(member, big_endian, at, width);
	return true;
}

/* One struct whose members are being looked at. */
struct level {
	Dwarf_Die member; /* the one to look at next */
	uint64_t base;    /* offset of the struct */
};

/* Find a member by name, looking through members without one. */
static bool
find_member(struct place *at, const char *name, bool big_endian, unsigned *visits)
{
	struct level stack[NEST_MAX];
	size_t depth = 0;

	stack[0].base = at->offset;
	if (dwarf_child(&at->type, &stack[0].member) != 0)
		return false;
	depth = 1;
	while (depth > 0 && ++*visits < VISITS_MAX) {
		Dwarf_Die die = stack[depth - 1].member;
		uint64_t base = stack[depth - 1].base;
		Dwarf_Off here = dwarf_dieoffset(&die);
		if (dwarf_siblingof(&die, &stack[depth - 1].member) != 0 ||
		    dwarf_dieoffset(&stack[depth - 1].member) <= here)
			depth--;
		if (dwarf_tag(&die) != DW_TAG_member)
			continue;
		const char *found = dwarf_diename(&die);
		if (found != NULL && strcmp(found, name) == 0)
			return enter_member(&die, big_endian, base, at);
		struct place inner = *at;
		if (found != NULL || depth == NEST_MAX ||
		    !enter_member(&die, big_endian, base, &inner) ||
		    !is_struct(&inner.type))
			continue;
		stack[depth].base = inner.offset;
		if (dwarf_child(&inner.type, &stack[depth].member) == 0)
			depth++;
	}
	return false;
}

/* ---- paths ---- */

static bool
enter_index(struct place *at, uint64_t index)
{
	uint64_t stride, count, add;
	unsigned n;

	if (dwarf_tag(&at->type) != DW_TAG_array_type ||
	    !stride_of(&at->type, at->dim, &stride, &count))
		return false;
	if ((count != 0 && index >= count) || __builtin_mul_overflow(index, stride, &add))
		return false;
	at->offset += add;
	at->dim++;
	uint64_t first, others;
	dimensions(&at->type, at->dim, &first, &others, &n);
	if (at->dim < n)
		return true;
	Dwarf_Die element;
	at->dim = 0;
	return type_of(&at->type, &element) && type_peel(&element, &at->type);
}

/* "[12]", of which *p is behind the bracket. */
static bool
take_index(const char **p, uint64_t *ret)
{
	uint64_t v = 0;
	const char *from = *p;

	for (; **p >= '0' && **p <= '9'; ++*p) {
		if (v > UINT32_MAX)
			return false;
		v = v * 10 + (uint64_t)(**p - '0');
	}
	if (*p == from || **p != ']')
		return false;
	++*p;
	*ret = v;
	return true;
}

static bool
walk_path(const char *path, bool big_endian, struct place *at)
{
	char name[COMPONENT_MAX];
	unsigned visits = 0;

	for (const char *p = path; *p != '\0';) {
		if (*p == '[') {
			uint64_t index;
			p++;
			if (!take_index(&p, &index) || !enter_index(at, index))
				return false;
			continue;
		}
		if (*p == '.')
			p++;
		size_t len = strcspn(p, ".[");
		if (len == 0 || len >= sizeof(name))
			return false;
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		if (!is_struct(&at->type) || !find_member(at, name, big_endian, &visits))
			return false;
	}
	return true;
}

void
member_resolve(Dwarf_Die *type, bool big_endian, struct dwarf_query *q)
{
	struct place at = {0};
	uint64_t size;

	if (!type_peel(type, &at.type))
		return;
	if (q->member != NULL && !walk_path(q->member, big_endian, &at))
		return;
	if (at.size != 0)
		size = at.size;
	else if (!size_of(&at.type, at.dim, &size))
		return;
	q->offset = at.offset;
	q->size = size;
	q->bit_first = at.bit_first;
	q->bit_width = at.bit_width;
	q->stride = q->count = 0;
	if (dwarf_tag(&at.type) == DW_TAG_array_type &&
	    !stride_of(&at.type, at.dim, &q->stride, &q->count))
		return;
	q->found = true;
}
