/*
 * Comparing case by case. Assertions of the test framework write to a pipe each time,
 * and there are millions of comparisons, so only a failure is told.
 */
#include "emucompare.h"

#include <check.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/x86.h"

#define check_that(is, ...)                                                              \
	do {                                                                             \
		if (!(is))                                                               \
			ck_abort_msg(__VA_ARGS__);                                       \
	} while (0)

/*
 * Never called: the end of a case is the end of the call. The hook keeps blocks from
 * going past it.
 */
static enum emu_verdict
no_hook(void *self, struct emu *e, const uint64_t args[6], taddr return_to,
        uint64_t *value)
{
	(void)self;
	(void)e;
	(void)args;
	(void)return_to;
	(void)value;
	return EMU_STOP;
}

struct emu *
emu_compare_open(bool is64, struct target **t)
{
	static const struct target_ops ops = {.name = "image"};
	struct machine machine = {.e_machine = is64 ? EM_X86_64 : EM_386,
	                          .ptr_width = is64 ? 8 : 4};
	struct region regions[] = {
	        {.start = NATIVE_CODE,
	         .end = NATIVE_CODE + NATIVE_CODE_LEN,
	         .prot = PROT_READ | PROT_EXEC,
	         .path = "",
	         .data = (const uint8_t *)(uintptr_t)NATIVE_CODE},
	        {.start = NATIVE_MEM,
	         .end = NATIVE_MEM + NATIVE_MEM_LEN,
	         .prot = PROT_READ | PROT_WRITE,
	         .path = "",
	         .data = (const uint8_t *)(uintptr_t)NATIVE_MEM},
	};
	struct errbuf eb = {0};
	struct emu *e;

	ck_assert_int_eq(
	        target_new(&ops, NULL, &machine, regions, ARRAY_LEN(regions), t, &eb),
	        MS_OK);
	ck_assert_int_eq(emu_new(*t, &e, &eb), MS_OK);
	emu_hook_set(e, NATIVE_END, no_hook, NULL);
	e->return_magic = NATIVE_END;
	return e;
}

static enum emu_end
interpret(struct emu *e, const struct native_case *c, bool is64,
          struct native_regs *after)
{
	static const uint64_t no_args[6];

	native_place(c, is64);
	blocks_flush(&e->blocks);
	view_drop(&e->view);
	check_that(e->arch->enter(e, NATIVE_END - c->n, no_args), "no stack");
	memcpy(e->x86.r, c->before.r, sizeof(c->before.r));
	for (unsigned i = 0; i < 32; i++) {
		memcpy(&e->x86.x[i], c->before.v[i], 16);
		memcpy(e->x86.y[i], &c->before.v[i][2], native_vector_len() - 16);
	}
	memcpy(e->x86.k, c->before.k, sizeof(c->before.k));
	e->x86.is_wide = true;
	x86_flags_load(&e->x86.f, c->before.flags);
	e->left = 1000;
	enum emu_end end = block_run(e);

	memcpy(after->r, e->x86.r, sizeof(after->r));
	for (unsigned i = 0; i < 32; i++) {
		memcpy(after->v[i], &e->x86.x[i], 16);
		memcpy(&after->v[i][2], e->x86.y[i], 48);
	}
	memcpy(after->k, e->x86.k, sizeof(after->k));
	after->flags = x86_flags_word(&e->x86.f);
	return end;
}

enum emu_end
emu_compare_end(struct emu *e, const struct native_case *c, bool is64)
{
	struct native_regs unused;
	return interpret(e, c, is64, &unused);
}

/* "what, 64 bits: 48 89 c8" */
static void
describe(const char *what, bool is64, const struct native_case *c, char *text, size_t cap)
{
	int n = snprintf(text, cap, "%s, %u bits:", what, is64 ? 64 : 32);
	for (unsigned i = 0; i < c->n; i++)
		n += snprintf(text + n, cap - (size_t)n, " %02x", c->code[i]);
}

static void
compare_vectors(const struct native_case *c, const struct native_regs *got, bool is64,
                const char *what)
{
	unsigned len = native_vector_len(), n = is64 ? (len == 64 ? 32 : 16) : 8;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < len / 8; k++)
			check_that(got->v[i][k] == c->after.v[i][k],
			           "%s: vector %u, word %u was %016llx, should be "
			           "%016llx, is %016llx",
			           what, i, k, (unsigned long long)c->before.v[i][k],
			           (unsigned long long)c->after.v[i][k],
			           (unsigned long long)got->v[i][k]);
	for (unsigned i = 0; i < 8 && len == 64; i++)
		check_that(got->k[i] == c->after.k[i],
		           "%s: mask %u was %llx, should be %llx, is %llx", what, i,
		           (unsigned long long)c->before.k[i],
		           (unsigned long long)c->after.k[i],
		           (unsigned long long)got->k[i]);
}

void
emu_compare(struct emu *e, const struct native_case *c, bool is64, enum emu_end end,
            unsigned seen, const char *what)
{
	struct native_regs got;
	uint8_t mem[NATIVE_SEEN_LEN];
	char text[300];

	describe(what, is64, c, text, sizeof(text));
	enum emu_end is = interpret(e, c, is64, &got);
	check_that(is == end, "%s: signal %d, interpreter: %s", text, c->signal,
	           emu_end_text(is));
	if (end != EMU_RETURNED)
		return;

	for (unsigned i = 0; i < (is64 ? 16 : 8); i++)
		check_that(got.r[i] == c->after.r[i],
		           "%s: register %u was %llx, should be %llx, is %llx", text, i,
		           (unsigned long long)c->before.r[i],
		           (unsigned long long)c->after.r[i],
		           (unsigned long long)got.r[i]);
	check_that(((got.flags ^ c->after.flags) & seen) == 0,
	           "%s: flags were %llx, should be %llx, are %llx (looking at %x)", text,
	           (unsigned long long)c->before.flags,
	           (unsigned long long)c->after.flags, (unsigned long long)got.flags,
	           seen);
	compare_vectors(c, &got, is64, text);
	check_that(emu_read(e, NATIVE_SEEN, mem, sizeof(mem)) == MS_OK, "%s: memory gone",
	           text);
	for (unsigned i = 0; i < NATIVE_SEEN_LEN; i++)
		check_that(mem[i] == c->mem_after[i],
		           "%s: memory at +%x should be %02x, is %02x", text, i,
		           c->mem_after[i], mem[i]);
}
