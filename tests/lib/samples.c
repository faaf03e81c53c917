/*
 * The sample heaps, and what compares and walks heaps.
 */
#include "samples.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/dump.h"
#include "memscan/mem.h"
#include "memscan/vec.h"

/* ---- golden ---- */

/* clang-format off */
static const char *const golden_strings[] = {
	"", "builtins", "type", "dict", "str", "list", "int", "myapp.models", "User",
	"_children", "sys", "MainThread", "main", "/srv/app/main.py", "[heap]",
	"/usr/lib/libpython3.so", "object header unreadable", "users", "bytes",
};
enum { S_NONE, S_BUILTINS, S_TYPE, S_DICT, S_STR, S_LIST, S_INT, S_MODELS, S_USER,
	S_CHILDREN, S_SYS, S_MAIN_THREAD, S_MAIN, S_FILE, S_HEAP, S_LIB,
	S_DAMAGE, S_USERS, S_BYTES };
enum { T_TYPE, T_DICT, T_STR, T_LIST, T_INT, T_USER, T_BYTES };

static const struct heap_type golden_types[] = {
	{0x955a00, S_TYPE, S_BUILTINS, 0x84885400, HOW_SHAPE, 408, 40},
	{0x952b80, S_DICT, S_BUILTINS, 0x20085500, HOW_SHAPE, 64, 0},
	{0x95d600, S_STR, S_BUILTINS, 0x10081500, HOW_LEAF, 80, 0},
	{0x954ba0, S_LIST, S_BUILTINS, 0x02085500, HOW_SHAPE, 56, 8},
	{0x9550e0, S_INT, S_BUILTINS, 0x01081500, HOW_LEAF, 24, 4},
	{0x7f2a10c0de40, S_USER, S_MODELS, 0x00085700, HOW_EMU, 32, 0},
	{0x94f120, S_BYTES, S_BUILTINS, 0x08081500, HOW_SCAN, 33, 1},
};
/* clang-format on */

#define NO_VALUE                                                                         \
	{                                                                                \
		.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""                         \
	}
#define VALUE(k, n, t)                                                                   \
	{                                                                                \
		.kind = (k), .len = (n), .text = (t), .text_len = sizeof(t) - 1          \
	}

static const struct heap_obj golden_objects[] = {
	/* 0: the dict that a module holds */
	{0x7f2a10b00040, 232, 2, T_DICT, OF_GC | OF_TRACKED, {.len = 1, .text = ""}},
	/* 1: its key */
	{0x7f2a10b00130, 54, 3, T_STR, OF_INTERNED | OF_IMMORTAL,
		VALUE(VK_STR, 5, "users")},
	/* 2: its value, a list of more than 4 GiB */
	{0x7f2a0fa00010, 0x1400000038, 1, T_LIST, OF_GC | OF_TRACKED,
		{.len = 2, .text = ""}},
	/* 3, 4: users */
	{0x7f2a10b00200, 48, 1, T_USER, OF_GC | OF_TRACKED, NO_VALUE},
	{0x7f2a10b00260, 48, 1, T_USER, OF_GC | OF_TRACKED | OF_GUESSED | OF_DAMAGED,
		NO_VALUE},
	/* 5: an int whose count does not fit 32 bits */
	{0x959ea0, 28, 0x100000001, T_INT, OF_STATIC | OF_IMMORTAL,
		VALUE(VK_INT, VALUE_NO_LEN, "42")},
	/* 6: bytes that are no text, cut */
	{0x7f2a10b00300, 4129, 1, T_BYTES, OF_SIZE_BASE,
		{VK_BYTES, true, 4096, "\x00\xff\n'\"\\", 6}},
	/* 7: text outside of ASCII, with a lone surrogate */
	{0x7f2a10b00280, 88, 1, T_STR, 0,
		VALUE(VK_STR, 4, "\xc3\xa9\xf0\x9f\x90\x8d\xed\xb2\x80z")},
	/* 8: the type of the users */
	{0x7f2a10c0de40, 1064, 5, T_TYPE, OF_GC | OF_TRACKED,
		VALUE(VK_NAME, VALUE_NO_LEN, "User")},
};

#define REF(to, kind, payload)                                                           \
	{                                                                                \
		(to), (uint32_t)(kind) | (uint32_t)(payload) << REF_PAYLOAD_SHIFT        \
	}
static const struct heap_ref golden_refs_0[] = {REF(1, RK_KEY, 0), REF(2, RK_VALUE, 0)};
static const struct heap_ref golden_refs_2[] = {REF(3, RK_INDEX, 0), REF(4, RK_INDEX, 1)};
static const struct heap_ref golden_refs_3[] = {
	REF(8, RK_TYPE | REF_HIDDEN, 0),
	REF(5, RK_ATTR, S_CHILDREN),
	REF(6, RK_SLOT, S_USERS),
	REF(7, RK_ATTR, S_USER),
};
static const struct heap_ref golden_refs_4[] = {
	REF(8, RK_TYPE | REF_HIDDEN, 0),
	REF(5, RK_OFFSET | REF_GUESS, 0x18),
	REF(3, RK_OFFSET | REF_GUESS, 0x20),
};
static const struct {
	const struct heap_ref *at;
	size_t n;
} golden_refs[ARRAY_LEN(golden_objects)] = {
	[0] = {golden_refs_0, ARRAY_LEN(golden_refs_0)},
	[2] = {golden_refs_2, ARRAY_LEN(golden_refs_2)},
	[3] = {golden_refs_3, ARRAY_LEN(golden_refs_3)},
	[4] = {golden_refs_4, ARRAY_LEN(golden_refs_4)},
};

static const struct heap_buffer golden_buffers[] = {
	{3, BUFFER_OWNED | BUFFER_IN_SIZE, OBJID_NONE, S_BYTES, 0x7f2a00000010, 24040, 24000},
	{4, BUFFER_VIEW, 3, S_NONE, 0x7f2a00000020, 0, 80},
	{6, BUFFER_OWNED | BUFFER_MAPPED, OBJID_NONE, S_NONE, 0x7f2910000000, 0x140000000,
		0x13ffff001},
};

static const struct heap_note golden_notes[] = {
	{3, NOTE_ROOM, 40},
	{4, NOTE_DIGEST, 0xfedcba9876543210},
};

static const struct heap_thread golden_threads[] = {
	{0x7f2a11aa1740, 4242, S_MAIN_THREAD, 0}};
static const struct heap_frame golden_frames[] = {
	{0, OBJID_NONE, 26, 17, S_MAIN, S_FILE},
	{0, OBJID_NONE, -1, 0, S_NONE, S_FILE},
};
static const struct heap_root golden_roots[] = {
	{0, ROOT_MODULE, S_SYS, HEAP_NONE, HEAP_NONE, 0},
	{2, ROOT_LOCAL, S_USERS, 0, 0, 0},
	{8, ROOT_STATIC, S_NONE, HEAP_NONE, HEAP_NONE, 0},
};
static const uint8_t golden_generations[ARRAY_LEN(golden_objects)] = {
	GENERATION_OLD, GENERATION_YOUNG, GENERATION_MIDDLE, GENERATION_PERMANENT};
static const uint16_t golden_owners[ARRAY_LEN(golden_objects)] = {
	0, 1, 0, INTERP_SHARED, 0, INTERP_UNKNOWN, 1};
static const struct heap_interp golden_interps[] = {{0x959000, 0}, {0x7f2a0fb00010, 7}};
static const struct heap_region golden_regions[] = {
	{0x900000, 0xa00000, 0x80000, PROT_READ | PROT_WRITE, S_LIB},
	{0x7f2a0fa00000, 0x7f2a10d00000, 0, PROT_READ | PROT_WRITE, S_HEAP},
};
static const struct heap_damage golden_damage[] = {
	{S_DAMAGE, 2, 3, {0x7f2a10b00260, 0x10, 0, 0}}};
static const char *const golden_meta[][2] = {
	{"pid", "4242"},
	{"python", "3.11.2"},
	{"command", "python3 /srv/app/main.py"},
};

enum status
sample_golden(const struct heap_sink *s)
{
	enum status st = MS_OK;

	for (size_t i = 0; i < ARRAY_LEN(golden_strings) && st == MS_OK; i++)
		st = s->string(s->self, golden_strings[i], strlen(golden_strings[i]));
	for (size_t i = 0; i < ARRAY_LEN(golden_types) && st == MS_OK; i++)
		st = s->type(s->self, &golden_types[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_objects) && st == MS_OK; i++) {
		st = s->object(s->self, &golden_objects[i]);
		for (size_t k = 0; k < ARRAY_LEN(golden_notes) && st == MS_OK; k++)
			if (golden_notes[k].object == i)
				st = s->note(s->self, &golden_notes[k]);
		if (st == MS_OK && golden_refs[i].n > 0)
			st = s->refs(s->self, golden_refs[i].at, golden_refs[i].n);
	}
	for (size_t i = 0; i < ARRAY_LEN(golden_buffers) && st == MS_OK; i++)
		st = s->buffer(s->self, &golden_buffers[i]);
	if (st == MS_OK)
		st = s->generations(s->self, golden_generations, ARRAY_LEN(golden_objects));
	if (st == MS_OK)
		st = s->owners(s->self, golden_owners, ARRAY_LEN(golden_objects));
	for (size_t i = 0; i < ARRAY_LEN(golden_interps) && st == MS_OK; i++)
		st = s->interp(s->self, &golden_interps[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_threads) && st == MS_OK; i++)
		st = s->thread(s->self, &golden_threads[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_frames) && st == MS_OK; i++)
		st = s->frame(s->self, &golden_frames[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_roots) && st == MS_OK; i++)
		st = s->root(s->self, &golden_roots[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_regions) && st == MS_OK; i++)
		st = s->region(s->self, &golden_regions[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_damage) && st == MS_OK; i++)
		st = s->damage(s->self, &golden_damage[i]);
	for (size_t i = 0; i < ARRAY_LEN(golden_meta) && st == MS_OK; i++)
		st = s->meta(s->self, golden_meta[i][0], golden_meta[i][1]);
	return st;
}

/* ---- random ---- */

uint64_t
sample_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
sample_below(uint64_t *state, uint64_t n)
{
	return sample_next(state) % n;
}

/* Ids grow while a random heap is emitted; the counts that must be right at its end are
 * here. */
enum { RANDOM_STRINGS = 300, RANDOM_TYPES = 40, RANDOM_REFS_MAX = 64 };

static enum status
random_object(const struct heap_sink *s, uint64_t *rng, uint32_t id)
{
	char text[400];
	size_t n = sample_below(rng, 16) == 0 ? sample_below(rng, sizeof(text)) :
						sample_below(rng, 30);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)sample_next(rng);
	struct heap_obj o = {
		/* Scattered, aligned, and no address twice: the id is in it. */
		.addr = sample_below(rng, 8) << 40 | (uint64_t)(id ^ 0x155) << 4,
		.size = sample_below(rng, 500),
		.refcount = 1 + sample_below(rng, 10),
		.type = (uint32_t)sample_below(rng, RANDOM_TYPES),
		.flags = (uint32_t)sample_below(rng, 256),
		.value = {.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""},
	};
	if (sample_below(rng, 50) == 0)
		o.size = UINT32_MAX - 2 + sample_below(rng, 5);
	if (sample_below(rng, 50) == 0)
		o.refcount = UINT32_MAX - 2 + sample_below(rng, 5);
	if (sample_below(rng, 3) == 0)
		o.value = (struct heap_value){
			.kind = (enum value_kind)(1 + sample_below(rng, VK_COUNT - 1)),
			.cut = sample_below(rng, 2) == 0,
			.len = sample_below(rng, 2) == 0 ?
				VALUE_NO_LEN :
				sample_next(rng) >> sample_below(rng, 64),
			.text = text,
			.text_len = n,
		};
	return s->object(s->self, &o);
}

static enum status
random_refs(const struct heap_sink *s, uint64_t *rng, uint32_t nobj)
{
	struct heap_ref r[RANDOM_REFS_MAX];
	size_t n = sample_below(rng, sample_below(rng, 20) == 0 ? RANDOM_REFS_MAX : 8);

	for (size_t i = 0; i < n; i++) {
		uint32_t kind = (uint32_t)sample_below(rng, RK_COUNT);
		bool has_key = i > 0 && ref_kind(r[i - 1].label) == RK_KEY;
		if (kind == RK_VALUE && !has_key)
			kind = RK_KEY;
		uint64_t payload = sample_below(
			rng, sample_below(rng, 9) == 0 ? 1 << 26 : RANDOM_STRINGS);
		bool is_named = kind == RK_ATTR || kind == RK_SLOT || kind == RK_LOCAL ||
			kind == RK_FIELD || kind == RK_CLOSURE;
		if (is_named && payload >= RANDOM_STRINGS)
			payload = REF_PAYLOAD_MAX;
		r[i].to = (uint32_t)sample_below(rng, nobj);
		r[i].label = ref_label((enum ref_kind)kind, payload) |
			(sample_below(rng, 9) == 0 ? REF_HIDDEN : 0) |
			(sample_below(rng, 9) == 0 ? REF_GUESS : 0);
	}
	/* One call or two: what counts is the order of the refs. A pair of key and value
	 * may be torn. */
	size_t cut = n > 0 ? sample_below(rng, n) : 0;
	enum status st = s->refs(s->self, r, cut);
	return st == MS_OK ? s->refs(s->self, r + cut, n - cut) : st;
}

static enum status
random_buffer(const struct heap_sink *s, uint64_t *rng, uint32_t id, uint32_t nobj)
{
	static const uint32_t flags[] = {BUFFER_VIEW, BUFFER_OWNED,
		BUFFER_OWNED | BUFFER_IN_SIZE, BUFFER_OWNED | BUFFER_MAPPED};
	struct heap_buffer b = {
		.object = id,
		.flags = flags[sample_below(rng, ARRAY_LEN(flags))],
		.owner = sample_below(rng, 2) == 0 ? (uint32_t)sample_below(rng, nobj) :
						     OBJID_NONE,
		.name = (uint32_t)sample_below(rng, RANDOM_STRINGS),
		.addr = sample_next(rng),
		.bytes = sample_next(rng) >> sample_below(rng, 64),
		.length = sample_next(rng) >> sample_below(rng, 64),
	};

	return s->buffer(s->self, &b);
}

/* Of one object in seven, as many kinds as it has sevens; what else is random stays so. */
static enum status
random_notes(const struct heap_sink *s, uint32_t id)
{
	enum status st = MS_OK;

	for (uint32_t k = 0; id % 7 == 0 && k < id / 7 % (NOTE_COUNT + 1) && st == MS_OK; k++)
		st = s->note(s->self, &(struct heap_note){id, k, (uint64_t)id << k});
	return st;
}

/* As many strings and types as a heap has objects may be emitted between the objects. */
static enum status
random_names(const struct heap_sink *s, uint64_t *rng, uint32_t from, uint32_t to)
{
	enum status st = MS_OK;

	for (uint32_t i = from; i < to && st == MS_OK; i++) {
		char text[40];
		size_t n = i == 0 ? 0 : sample_below(rng, sizeof(text));
		for (size_t k = 0; k < n; k++)
			text[k] = (char)sample_next(rng);
		st = s->string(s->self, text, n);
	}
	return st;
}

/* Two interpreters, and whose each object is. */
static enum status
random_belonging(const struct heap_sink *s, uint64_t *rng, uint32_t nobj)
{
	CLEAN_FREE uint8_t *generation = xcalloc(nobj, sizeof(*generation));
	CLEAN_FREE uint16_t *owner = xcalloc(nobj, sizeof(*owner));
	enum status st = MS_OK;

	for (uint32_t i = 0; i < nobj; i++) {
		uint64_t whose = sample_below(rng, 4);
		generation[i] = (uint8_t)sample_below(rng, GENERATION_COUNT);
		owner[i] = (uint16_t)(whose < 2 ? whose : INTERP_UNKNOWN + whose - 2);
	}
	for (uint64_t i = 0; i < 2 && st == MS_OK; i++)
		st = s->interp(s->self, &(struct heap_interp){sample_next(rng), i});
	if (st == MS_OK)
		st = s->generations(s->self, generation, nobj);
	return st == MS_OK ? s->owners(s->self, owner, nobj) : st;
}

static enum status
random_tables(const struct heap_sink *s, uint64_t *rng, uint32_t nobj)
{
	uint32_t nthread = (uint32_t)sample_below(rng, 4);
	uint32_t nframe = nthread > 0 ? (uint32_t)sample_below(rng, 20) : 0;
	uint32_t nroot = nobj > 0 ? (uint32_t)sample_below(rng, 6000) : 0;
	uint32_t nregion = (uint32_t)sample_below(rng, 30),
		 ndamage = (uint32_t)sample_below(rng, 30);
	enum status st = MS_OK;

#define STR ((uint32_t)sample_below(rng, RANDOM_STRINGS))
	for (uint32_t i = 0; i < RANDOM_TYPES && st == MS_OK; i++)
		st = s->type(s->self,
			&(struct heap_type){sample_next(rng), STR, STR, (uint32_t)i,
				(uint32_t)sample_below(rng, HOW_COUNT), sample_next(rng),
				i});
	for (uint32_t i = 0; i < nthread && st == MS_OK; i++)
		st = s->thread(
			s->self, &(struct heap_thread){sample_next(rng), i, STR, 0});
	for (uint32_t i = 0; i < nframe && st == MS_OK; i++)
		st = s->frame(s->self,
			&(struct heap_frame){(uint32_t)sample_below(rng, nthread),
				nobj > 0 && i % 2 != 0 ?
					(uint32_t)sample_below(rng, nobj) :
					OBJID_NONE,
				(int32_t)sample_next(rng), i, STR, STR});
	for (uint32_t i = 0; i < nroot && st == MS_OK; i++)
		st = s->root(s->self,
			&(struct heap_root){(uint32_t)sample_below(rng, nobj),
				(uint32_t)sample_below(rng, ROOT_COUNT), STR,
				nthread > 0 && i % 2 != 0 ?
					(uint32_t)sample_below(rng, nthread) :
					HEAP_NONE,
				nframe > 0 && i % 3 != 0 ?
					(uint32_t)sample_below(rng, nframe) :
					HEAP_NONE,
				i % 2});
	for (uint32_t i = 0; i < nregion && st == MS_OK; i++)
		st = s->region(s->self,
			&(struct heap_region){i, 2 * i, sample_next(rng), i % 8, STR});
	for (uint32_t i = 0; i < ndamage && st == MS_OK; i++)
		st = s->damage(s->self,
			&(struct heap_damage){STR, i % 5, i, {i, i + 1, i + 2, i + 3}});
#undef STR
	return st;
}

enum status
sample_random(const struct heap_sink *s, uint64_t seed, uint32_t nobj)
{
	uint64_t rng = seed;
	uint32_t half = 1 + (uint32_t)sample_below(&rng, RANDOM_STRINGS - 1);
	enum status st = random_names(s, &rng, 0, half);

	if (st == MS_OK)
		st = s->meta(s->self, "seed", "is random");
	for (uint32_t i = 0; i < nobj && st == MS_OK; i++) {
		st = random_object(s, &rng, i);
		if (st == MS_OK)
			st = random_notes(s, i);
		if (st == MS_OK && sample_below(&rng, 3) != 0)
			st = random_refs(s, &rng, nobj);
		if (st == MS_OK && sample_below(&rng, 5) == 0)
			st = random_buffer(s, &rng, i, nobj);
	}
	if (st == MS_OK && nobj > 0 && (seed + nobj) % 2 == 0)
		st = random_belonging(s, &rng, nobj);
	/* Strings and types may come after what names them. */
	if (st == MS_OK)
		st = random_names(s, &rng, half, RANDOM_STRINGS);
	return st == MS_OK ? random_tables(s, &rng, nobj) : st;
}

/* ---- comparing and walking ---- */

#define SAME(column, n)                                                                  \
	do {                                                                             \
		size_t bytes_ = (size_t)(n) * sizeof(*a->column);                        \
		ck_assert_msg(bytes_ == 0 || memcmp(a->column, b->column, bytes_) == 0,  \
			"columns differ: %s", #column);                                  \
	} while (0)

void
sample_assert_same(const struct heap *a, const struct heap *b)
{
	ck_assert_uint_eq(a->nobj, b->nobj);
	ck_assert_uint_eq(a->ntype, b->ntype);
	ck_assert_uint_eq(a->nstr, b->nstr);
	ck_assert_uint_eq(a->nref, b->nref);
	ck_assert_uint_eq(a->nroot, b->nroot);
	ck_assert_uint_eq(a->nthread, b->nthread);
	ck_assert_uint_eq(a->nframe, b->nframe);
	ck_assert_uint_eq(a->nregion, b->nregion);
	ck_assert_uint_eq(a->ndamage, b->ndamage);
	ck_assert_uint_eq(a->nmeta, b->nmeta);
	ck_assert_uint_eq(a->nbig, b->nbig);
	ck_assert_uint_eq(a->nbuffer, b->nbuffer);
	ck_assert_uint_eq(a->nnote, b->nnote);
	ck_assert_uint_eq(a->nvalues, b->nvalues);
	SAME(addr, a->nobj);
	SAME(type, a->nobj);
	SAME(size32, a->nobj);
	SAME(count32, a->nobj);
	SAME(flags, a->nobj);
	ck_assert_uint_eq(a->ninterp, b->ninterp);
	SAME(interps, a->ninterp);
	ck_assert_int_eq(a->generation == NULL, b->generation == NULL);
	SAME(generation, a->generation != NULL ? a->nobj : 0);
	ck_assert_int_eq(a->interp == NULL, b->interp == NULL);
	SAME(interp, a->interp != NULL ? a->nobj : 0);
	SAME(first, (size_t)a->nobj + 1);
	SAME(to, a->nref);
	SAME(label, a->nref);
	SAME(by_addr, a->nobj);
	SAME(big, a->nbig);
	SAME(buffers, a->nbuffer);
	SAME(notes, a->nnote);
	SAME(value_at, (a->nobj + 63) / 64);
	SAME(values, a->nvalues);
	SAME(types, a->ntype);
	SAME(roots, a->nroot);
	SAME(threads, a->nthread);
	SAME(frames, a->nframe);
	SAME(regions, a->nregion);
	SAME(damage, a->ndamage);
	SAME(str_at, (size_t)a->nstr + 1);
	SAME(str, a->str_at[a->nstr]);
	SAME(meta, a->nmeta);
}

static uint64_t
walk_string(const struct heap *h, uint32_t id)
{
	size_t len;
	const char *text = heap_str(h, id, &len);
	uint64_t sum = len;

	for (size_t i = 0; i <= len; i++)
		sum = sum * 31 + (uint8_t)text[i];
	return sum;
}

static uint64_t
walk_object(const struct heap *h, objid i)
{
	struct heap_value v = heap_value(h, i);
	uint64_t sum = h->addr[i] + heap_size(h, i) + heap_refcount(h, i) + h->flags[i];

	sum += v.kind + v.len + h->types[h->type[i]].basicsize;
	for (size_t k = 0; k < v.text_len; k++)
		sum = sum * 31 + (uint8_t)v.text[k];
	for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
		uint32_t label = h->label[r];
		objid key = heap_ref_key(h, i, r);
		sum = sum * 31 + h->addr[h->to[r]] + heap_ref_index(h, i, r);
		ck_assert(ref_kind(label) < RK_COUNT);
		sum += walk_string(h, ref_payload(label)) +
			(key != OBJID_NONE ? h->addr[key] : 1);
	}
	char whose[INTERP_NAME];
	sum += (uint64_t)interp_name(h, heap_interp_of(h, i), whose)[0];
	sum += (uint64_t)generation_name(heap_generation_of(h, i))[0];
	const struct heap_buffer *b = heap_buffer_of(h, i);
	if (b != NULL) {
		sum += walk_string(h, b->name) + b->addr + b->bytes + b->length;
		sum += b->owner != OBJID_NONE ? h->addr[b->owner] : 1;
	}
	ck_assert(h->nobj == 0 || h->addr[heap_find(h, h->addr[i])] == h->addr[i]);
	return sum + h->addr[h->by_addr[i]];
}

uint64_t
sample_walk(const struct heap *h)
{
	uint64_t sum = 0;

	for (objid i = 0; i < h->nobj; i++)
		sum = sum * 31 + walk_object(h, i);
	for (uint32_t i = 0; i < h->nstr; i++)
		sum = sum * 31 + walk_string(h, i);
	for (uint32_t i = 0; i < h->ntype; i++)
		sum += walk_string(h, h->types[i].name) +
			walk_string(h, h->types[i].module) +
			(uint64_t)type_how_name((enum type_how)h->types[i].how)[0];
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		sum += h->addr[r->to] + walk_string(h, r->name) +
			(uint64_t)root_kind_name((enum root_kind)r->kind)[0];
		sum += r->thread != HEAP_NONE ? h->threads[r->thread].ident : 0;
		sum += r->frame != HEAP_NONE ? h->frames[r->frame].line : 0;
	}
	for (uint32_t i = 0; i < h->nthread; i++)
		sum += walk_string(h, h->threads[i].name);
	for (uint32_t i = 0; i < h->nframe; i++) {
		const struct heap_frame *f = &h->frames[i];
		sum += h->threads[f->thread].ident + walk_string(h, f->function) +
			walk_string(h, f->file);
		sum += f->code != OBJID_NONE ? h->addr[f->code] : 0;
	}
	for (uint32_t i = 0; i < h->nregion; i++)
		sum += walk_string(h, h->regions[i].path) + h->regions[i].end -
			h->regions[i].start;
	for (uint32_t i = 0; i < h->ndamage; i++)
		for (uint32_t k = 0; k < h->damage[i].n_examples; k++)
			sum += walk_string(h, h->damage[i].reason) +
				h->damage[i].examples[k];
	for (uint32_t i = 0; i < h->nmeta; i++)
		sum += walk_string(h, h->meta[i].key) + walk_string(h, h->meta[i].value);
	return sum;
}

/* ---- files ---- */

int
sample_dump(uint64_t seed, uint32_t nobj)
{
	return sample_dump_tuned(seed, nobj, 1, false);
}

int
sample_dump_tuned(uint64_t seed, uint32_t nobj, unsigned threads, bool compress)
{
	struct outfile out = {.fd = memfd_create("sample", MFD_CLOEXEC),
		.seekable = true,
		.open = true};
	struct errbuf eb = {0};
	struct dump_writer *w = NULL;

	ck_assert_int_ge(out.fd, 0);
	ck_assert_int_eq(dump_writer_new(&out, &w, &eb), MS_OK);
	dump_writer_tune(w, threads, compress);
	const struct heap_sink *s = dump_writer_sink(w);
	ck_assert_int_eq(
		nobj == 0 ? sample_golden(s) : sample_random(s, seed, nobj), MS_OK);
	ck_assert_msg(dump_writer_finish(w, &eb) == MS_OK, "%s", eb.msg);
	dump_writer_free(w);
	return out.fd;
}

uint8_t *
sample_bytes(int fd, size_t *len)
{
	struct stat info;

	ck_assert_int_eq(fstat(fd, &info), 0);
	*len = (size_t)info.st_size;
	uint8_t *p = xmalloc(*len);
	ck_assert_int_eq(pread(fd, p, *len, 0), (ssize_t)*len);
	return p;
}

enum status
sample_open(int fd, uint32_t columns, struct dump **ret, struct errbuf *eb)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return dump_open(path, columns, ret, eb);
}
