/*
 * Names of machines, as offset tables spell them. The machine is part of a table's key:
 * the same release has other offsets where pointers are narrower or pthread types differ.
 */
#include "layout/priv.h"

#include <elf.h>
#include <string.h>

#include "memscan/mem.h"

static const struct {
	const char *name;
	struct machine m;
} archs[] = {
	{"aarch64", {EM_AARCH64, 8, false}},
	{"arm", {EM_ARM, 4, false}},
	{"i386", {EM_386, 4, false}},
	{"ppc64", {EM_PPC64, 8, true}},
	{"ppc64le", {EM_PPC64, 8, false}},
	{"riscv64", {EM_RISCV, 8, false}},
	{"s390x", {EM_S390, 8, true}},
	{"x32", {EM_X86_64, 4, false}},
	{"x86_64", {EM_X86_64, 8, false}},
};

bool
machine_equal(const struct machine *a, const struct machine *b)
{
	return a->e_machine == b->e_machine && a->ptr_width == b->ptr_width &&
		a->big_endian == b->big_endian;
}

const char *
arch_name(const struct machine *m, char buf[32])
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (machine_equal(&archs[i].m, m))
			return archs[i].name;
	}
	snprintf(buf, 32, "em%u", m->e_machine);
	return buf;
}

bool
arch_find(const char *name, struct machine *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (strcmp(archs[i].name, name) != 0)
			continue;
		*ret = archs[i].m;
		return true;
	}
	return false;
}
