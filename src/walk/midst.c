/*
 * An object that a thread was changing just when it was stopped need not be whole: a list
 * that grows has, for a moment, an array of items that has been given back already. Such
 * damage cannot be avoided, but it can be told from any other: the address of the object
 * is in the registers of a thread, or in its innermost functions' part of the stack.
 */
#include "priv.h"

#include "memscan/bytes.h"

enum {
	RED_ZONE = 128,     /* below the stack pointer a function may keep its own */
	STACK_BYTES = 4096, /* from a change of a list to the bottom of the allocator: some hundreds */
	WORDS_MAX = 1 << 20,
	LOWEST = 4096,      /* no mapping begins below */
	GC_HEAD_MAX = 32,   /* what the collector's lists link is up to so many bytes in front */
};

static void
add_word(struct midst *m, const struct target *t, uint64_t v)
{
	if (v >= LOWEST && v % target_machine(t)->ptr_width == 0 && m->words.n < WORDS_MAX)
		map_put(&m->words, v, 0);
}

static void
add_stack(struct midst *m, struct target *t, taddr sp)
{
	unsigned width = target_machine(t)->ptr_width;
	bool swap = target_machine(t)->big_endian !=
		(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	taddr at = (sp - RED_ZONE) / width * width;
	const struct region *r = target_region(t, at);

	if (sp < RED_ZONE || r == NULL)
		return;
	size_t len = r->end - at < STACK_BYTES ? (size_t)(r->end - at) : STACK_BYTES;
	const uint8_t *p = target_view(t, at, len);
	for (size_t i = 0; p != NULL && i + width <= len; i += width)
		add_word(m, t, load_uint(p + i, width, swap));
}

bool
midst_has(struct midst *m, struct target *t, const struct walk_opts *o, taddr addr)
{
	uint32_t unused;

	for (size_t i = 0; i < o->n_stopped && !m->is_made; i++) {
		const struct thread_regs *r = &o->stopped[i];
		for (unsigned k = 0; k < r->n_words; k++)
			add_word(m, t, r->words[k]);
		add_stack(m, t, r->sp);
	}
	m->is_made = true;
	for (taddr back = 0; back <= GC_HEAD_MAX; back += target_machine(t)->ptr_width)
		if (map_get(&m->words, addr - back, &unused))
			return true;
	return false;
}

void
midst_fini(struct midst *m)
{
	map_fini(&m->words);
}
