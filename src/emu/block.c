/*
 * Blocks: runs of decoded operations, found by pc, and the loop that runs them.
 *
 * A block ends where control may leave, before a hook, and at the end of its page, so
 * that what it was decoded from lies in its page and at most the first bytes of the
 * next. Code in pages that interpreted code wrote is decoded afresh for every
 * instruction and never cached: what is cached is always what the target has.
 */
#include "emu/priv.h"

#include <stdlib.h>
#include <string.h>

enum { FETCH = 15 }; /* the longest instruction of any processor here */

static size_t
fast_slot(taddr pc)
{
	return (pc ^ pc >> 12) % BLOCK_FAST;
}

void
blocks_init(struct blocks *b)
{
	b->one = xcalloc(1, sizeof(*b->one) + sizeof(struct op));
}

void
blocks_flush(struct blocks *b)
{
	memset(b->fast, 0, sizeof(b->fast));
	for (size_t i = 0; i < b->at.n; i++)
		free(b->at.at[i]);
	b->at.n = 0;
	b->n_ops = 0;
	map_fini(&b->by_pc);
	map_fini(&b->past_hook);
}

void
blocks_fini(struct blocks *b)
{
	blocks_flush(b);
	vec_fini(&b->at);
	free(b->one);
}

/* Decode the instruction at pc; false if there is no code at all. */
static bool
decode_at(struct emu *e, taddr pc, struct op *o)
{
	uint8_t bytes[FETCH];
	size_t n = view_fetch(&e->view, pc, bytes, sizeof(bytes));
	if (n == 0)
		return false;

	*o = (struct op){.pc = pc};
	e->arch->decode(bytes, n, pc, o);
	e->stats.decoded++;
	return true;
}

/* Decode the block at pc into ops; the number of operations, 0 if there is no code. */
static size_t
decode_block(struct emu *e, taddr pc, struct op ops[BLOCK_OPS], taddr *end)
{
	taddr at = pc;
	size_t n = 0;

	while (n < BLOCK_OPS) {
		uint32_t hook;
		if (n > 0 && (at >> VIEW_PAGE_BITS != pc >> VIEW_PAGE_BITS ||
		              map_get(&e->hook_at, at, &hook)))
			break;
		if (!decode_at(e, at, &ops[n]))
			break;
		if (n > 0 && (ops[n].flags & OP_ALONE) != 0)
			break;
		at += ops[n].len;
		n++;
		if ((ops[n - 1].flags & (OP_ENDS | OP_ALONE)) != 0)
			break;
	}
	*end = at;
	return n;
}

static struct block *
block_add(struct emu *e, taddr pc, taddr end, const struct op *ops, size_t n)
{
	struct blocks *all = &e->blocks;
	if (all->n_ops + n > BLOCK_CACHE_OPS || all->at.n > BLOCK_CACHE_OPS)
		blocks_flush(all);

	struct block *b = xmalloc(sizeof(*b) + n * sizeof(*ops));
	*b = (struct block){.pc = pc, .end = end, .n = (uint32_t)n, .hook = -1};
	if (n > 0)
		memcpy(b->ops, ops, n * sizeof(*ops));
	vec_push(&all->at, b);
	all->n_ops += n;
	return b;
}

/* The block of the code at pc, decoded now; NULL if there is no code. */
static struct block *
block_decode(struct emu *e, taddr pc)
{
	struct op ops[BLOCK_OPS];
	taddr end;
	size_t n = decode_block(e, pc, ops, &end);
	return n == 0 ? NULL : block_add(e, pc, end, ops, n);
}

/* A block out of the cache; decoded or made if it is new. */
static struct block *
block_find(struct emu *e, taddr pc)
{
	struct blocks *all = &e->blocks;
	struct block *b;
	uint32_t i;

	if (map_get(&all->by_pc, pc, &i)) {
		b = all->at.at[i];
	} else {
		if (pc == e->return_magic) {
			b = block_add(e, pc, pc, NULL, 0);
		} else if (map_get(&e->hook_at, pc, &i)) {
			b = block_add(e, pc, pc, NULL, 0);
			b->hook = (int32_t)i;
		} else {
			b = block_decode(e, pc);
		}
		if (b == NULL)
			return NULL;
		map_put(&all->by_pc, pc, (uint32_t)(all->at.n - 1));
	}
	all->fast[fast_slot(pc)] = b;
	return b;
}

/* The one instruction at pc as it is now; no cache. */
static struct block *
block_afresh(struct emu *e, taddr pc)
{
	struct block *b = e->blocks.one;

	*b = (struct block){.pc = pc, .n = 1, .hook = -1};
	if (!decode_at(e, pc, &b->ops[0]))
		return NULL;
	b->end = pc + b->ops[0].len;
	return b;
}

/* Code at pc, past any hook there. */
static struct block *
block_past_hook(struct emu *e, taddr pc)
{
	struct blocks *all = &e->blocks;
	uint32_t i;

	if (view_code_changed(&e->view, pc))
		return block_afresh(e, pc);
	if (map_get(&all->past_hook, pc, &i))
		return all->at.at[i];

	struct block *b = block_decode(e, pc);
	if (b != NULL)
		map_put(&all->past_hook, pc, (uint32_t)(all->at.n - 1));
	return b;
}

static struct block *
block_at(struct emu *e, taddr pc)
{
	uint32_t hook;

	if (UNLIKELY(view_code_changed(&e->view, pc)) && !map_get(&e->hook_at, pc, &hook))
		return block_afresh(e, pc);

	struct block *b = e->blocks.fast[fast_slot(pc)];
	if (LIKELY(b != NULL && b->pc == pc))
		return b;
	return block_find(e, pc);
}

/* Ask the hook at e->pc. True: go on at e->pc, or in *b if that was set to code. */
static bool
run_hook(struct emu *e, const struct hook *at, struct block **b)
{
	struct hook h = *at;
	uint64_t args[6], value = 0;
	taddr return_to;

	e->left--;
	e->stats.instructions++;
	*b = NULL;
	if (!e->arch->args(e, args, &return_to)) {
		e->end = EMU_FAULT;
		return false;
	}

	enum emu_verdict say = h.fn(h.self, e, args, return_to, &value);
	if (say == EMU_STOP) {
		e->end = EMU_STOPPED;
		return false;
	}
	if (say == EMU_PASS) {
		*b = block_past_hook(e, e->pc);
		e->end = EMU_FAULT;
		return *b != NULL;
	}
	e->end = EMU_FAULT;
	return e->arch->leave(e, value);
}

/* Run a block as far as the limit allows; false when the call ends. */
static bool
run_ops(struct emu *e, const struct block *b)
{
	size_t n = b->n < e->left ? b->n : (size_t)e->left;
	const struct op *o = b->ops;
	e->stop = o + n;
	e->pc = b->end;

	do {
		if (UNLIKELY(o->run(e, o) != OP_NEXT)) {
			e->pc = o->pc;
			e->stats.instructions += (size_t)(o - b->ops);
			return false;
		}
		o++;
	} while (o < e->stop);

	size_t done = (size_t)(o - b->ops);
	if (UNLIKELY(done < b->n))
		e->pc = o->pc;
	e->left -= done;
	e->stats.instructions += done;
	return true;
}

enum emu_end
block_run(struct emu *e)
{
	for (;;) {
		struct block *b = block_at(e, e->pc);
		if (b == NULL)
			return EMU_FAULT;
		if (b->n == 0 && b->hook < 0)
			return EMU_RETURNED;
		if (e->left == 0)
			return EMU_LIMIT;
		if (b->n == 0) {
			if (!run_hook(e, &e->hooks.at[b->hook], &b))
				return e->end;
			if (b == NULL)
				continue;
			if (e->left == 0)
				return EMU_LIMIT;
		}
		if (!run_ops(e, b))
			return e->end;
	}
}
