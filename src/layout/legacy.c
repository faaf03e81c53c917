/*
 * CPython to 3.6 has no _PyRuntime: the list of interpreters and the collector's lists are
 * static variables. One is what an exported function loads, the other what an exported
 * pointer points to; both survive stripping.
 *
 * CPython: PyInterpreterState_Head, Python/pystate.c; _PyGC_generation0, Modules/gcmodule.c.
 */
#include <elf.h>
#include <string.h>

#include "layout/priv.h"

/* Code bytes of a module: of the process, or of the file alone. */
static bool
read_bytes(struct target *t, struct module *m, taddr addr, void *buf, size_t n)
{
	if (t != NULL && target_read(t, addr, buf, n) == MS_OK)
		return true;
	return elf_read(m, addr, buf, n) == MS_OK;
}

/* endbr64 or endbr32 in front of a function. */
static size_t
skip_endbr(const uint8_t *c)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e};
	return memcmp(c, endbr, sizeof(endbr)) == 0 && (c[3] == 0xfa || c[3] == 0xfb) ? 4 : 0;
}

/* mov rax, [rip + disp32] */
static taddr
loaded_x86_64(const uint8_t *c, taddr at)
{
	static const uint8_t mov[] = {0x48, 0x8b, 0x05};

	if (memcmp(c, mov, sizeof(mov)) != 0)
		return 0;
	return at + 7 + (uint64_t)load_int(c + 3, 4, false);
}

/* mov eax, [abs32]; or, position-independent, call next; add eax, imm32; mov eax, [eax + disp32] */
static taddr
loaded_i386(const uint8_t *c, taddr at)
{
	if (c[0] == 0xa1)
		return load_u32(c + 1);
	if (c[0] == 0xe8 && c[5] == 0x05 && c[10] == 0x8b && c[11] == 0x80)
		return (uint32_t)(at + 5 + load_u32(c + 6) + load_u32(c + 12));
	return 0;
}

bool
legacy_find(struct target *t, struct module *m, struct pyruntime *ret)
{
	const struct machine *machine = elf_machine(m);
	struct elf_symbol head, generation0;
	uint8_t code[24];
	uint64_t at;

	if (elf_symbol(m, "PyInterpreterState_Head", &head) != MS_OK ||
		elf_symbol(m, "_PyGC_generation0", &generation0) != MS_OK ||
		!read_bytes(t, m, head.addr, code, sizeof(code)))
		return false;
	size_t skip = skip_endbr(code);
	if (machine->e_machine == EM_X86_64)
		ret->interp_head = loaded_x86_64(code + skip, head.addr + skip);
	else if (machine->e_machine == EM_386)
		ret->interp_head = loaded_i386(code + skip, head.addr + skip);
	if (ret->interp_head == 0)
		return false;
	if (t != NULL && target_word(t, generation0.addr, &at) == MS_OK)
		ret->generations = at;
	return true;
}
