/*
 * Code comes from a target: any bytes must end within the limit, and end the same way
 * again, on the same interpreter (whatever the first run wrote is gone) and on a new one.
 *
 * The first byte chooses the mode; the rest is the code, followed by the same bytes as
 * data.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/priv.h"

enum { CODE = 0x400000, MEM = 0x600000, LEN = 0x3000, LIMIT = 20000 };

struct outcome {
	enum emu_end end;
	uint64_t result, instructions;
	taddr pc;
	uint8_t mem[64];
};

static enum status
read_bytes(void *self, taddr addr, void *buf, size_t n)
{
	const uint8_t *bytes = self;
	memcpy(buf, bytes + (addr < MEM ? addr - CODE : addr - MEM + LEN), n);
	return MS_OK;
}

static enum emu_verdict
visit(void *self, struct emu *e, const uint64_t args[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)e;
	*value = args[0] ^ return_to;
	return args[1] == 7 ? EMU_STOP : EMU_GO_ON;
}

static struct outcome
run(struct emu *e, taddr hook)
{
	const uint64_t args[] = {MEM + 0x800, hook, MEM, CODE, 3, 4};
	struct emu_stats before = emu_stats(e);
	struct outcome o = {0};

	/* What an earlier call left on the stack is the one thing that may be seen. */
	memset(e->view.stack, 0, VIEW_STACK_LEN);
	o.end = emu_call(e, CODE, args, 6, LIMIT, &o.result);
	o.instructions = emu_stats(e).instructions - before.instructions;
	if (o.instructions > LIMIT || (unsigned)o.end >= EMU_END_COUNT)
		abort();
	if (o.end != EMU_RETURNED)
		o.pc = emu_last(e).pc;
	if (emu_read(e, MEM + 0x800, o.mem, sizeof(o.mem)) != MS_OK)
		abort();
	return o;
}

static struct emu *
make(const uint8_t *bytes, uint8_t mode, struct target **t, taddr *hook)
{
	static const struct target_ops ops = {.name = "image", .read = read_bytes};
	bool is64 = (mode & 1) == 0, has_data = (mode & 2) == 0;
	uint32_t code_prot = PROT_READ | PROT_EXEC | ((mode & 4) != 0 ? PROT_WRITE : 0);
	struct machine machine = {.e_machine = is64 ? EM_X86_64 : EM_386,
	                          .ptr_width = is64 ? 8 : 4};
	struct region regions[] = {
	        {.start = CODE,
	         .end = CODE + LEN,
	         .prot = code_prot,
	         .path = "",
	         .data = has_data ? bytes : NULL},
	        {.start = MEM,
	         .end = MEM + LEN,
	         .prot = PROT_READ | PROT_WRITE,
	         .path = "",
	         .data = has_data ? bytes + LEN : NULL},
	};
	struct errbuf eb = {0};
	struct emu *e;
	union {
		const uint8_t *in;
		void *out;
	} self = {.in = bytes};

	if (target_new(&ops, self.out, &machine, regions, ARRAY_LEN(regions), t, &eb) !=
	            MS_OK ||
	    emu_new(*t, &e, &eb) != MS_OK)
		abort();
	*hook = emu_magic(e);
	emu_hook_set(e, *hook, visit, NULL);
	emu_set_tls(e, MEM + 0x100);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[2 * LEN];
	struct target *t;
	taddr hook;

	if (size < 2 || size > LEN)
		return 0;
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data + 1, size - 1);
	memcpy(bytes + LEN, data + 1, size - 1);

	struct emu *e = make(bytes, data[0], &t, &hook);
	struct outcome a = run(e, hook), b = run(e, hook);
	emu_free(e);
	target_close(t);
	e = make(bytes, data[0] ^ 2, &t, &hook);
	struct outcome c = run(e, hook);
	emu_free(e);
	target_close(t);

	if (memcmp(&a, &b, sizeof(a)) != 0 || memcmp(&a, &c, sizeof(a)) != 0)
		abort();
	return 0;
}
