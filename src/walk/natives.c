/*
 * The C library's memory and string functions, done here instead of interpreted: their
 * code is chosen for the processor at load time (IFUNC) and is full of vector
 * instructions, but what they do is known.
 */
#include "priv.h"

#include <elf.h>
#include <string.h>

enum { NATIVE_MAX = 1 << 24, CHUNK = 4096, RESOLVER_LIMIT = 100000 };

/* Copy through a buffer, in the direction that is right for overlapping ranges. */
static bool
copy_bytes(struct emu *e, taddr to, taddr from, uint64_t n)
{
	uint8_t buf[CHUNK];
	bool down = to > from;

	for (uint64_t done = 0; done < n;) {
		size_t now = n - done < CHUNK ? (size_t)(n - done) : CHUNK;
		uint64_t at = down ? n - done - now : done;
		if (emu_read(e, from + at, buf, now) != MS_OK ||
			emu_write(e, to + at, buf, now) != MS_OK)
			return false;
		done += now;
	}
	return true;
}

static enum emu_verdict
do_memcpy(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	*value = a[0];
	return a[2] <= NATIVE_MAX && copy_bytes(e, a[0], a[1], a[2]) ? EMU_GO_ON
								     : EMU_STOP;
}

static enum emu_verdict
do_memset(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	uint8_t buf[CHUNK];

	(void)self;
	(void)return_to;
	memset(buf, (int)(uint8_t)a[1], sizeof(buf));
	*value = a[0];
	if (a[2] > NATIVE_MAX)
		return EMU_STOP;
	for (uint64_t at = 0; at < a[2]; at += CHUNK) {
		size_t now = a[2] - at < CHUNK ? (size_t)(a[2] - at) : CHUNK;
		if (emu_write(e, a[0] + at, buf, now) != MS_OK)
			return EMU_STOP;
	}
	return EMU_GO_ON;
}

/* Compare byte by byte, to n bytes or (text) to a NUL. */
static enum emu_verdict
compare(struct emu *e, const uint64_t a[6], uint64_t n, bool text, uint64_t *value)
{
	for (uint64_t i = 0; i < n; i++) {
		uint8_t x, y;
		if (i >= NATIVE_MAX || emu_read(e, a[0] + i, &x, 1) != MS_OK ||
			emu_read(e, a[1] + i, &y, 1) != MS_OK)
			return EMU_STOP;
		if (x != y) {
			*value = (uint64_t)(int64_t)((int)x - (int)y);
			return EMU_GO_ON;
		}
		if (text && x == 0)
			break;
	}
	*value = 0;
	return EMU_GO_ON;
}

static enum emu_verdict
do_memcmp(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	return compare(e, a, a[2], false, value);
}

static enum emu_verdict
do_strcmp(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	return compare(e, a, UINT64_MAX, true, value);
}

static enum emu_verdict
do_strncmp(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	return compare(e, a, a[2], true, value);
}

/*
 * The first byte c from a[0] on, within n bytes or (text) up to a NUL; *found is its
 * address or 0.
 */
static bool
find_byte(struct emu *e, taddr at, uint8_t c, uint64_t n, bool text, taddr *found)
{
	*found = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t x;
		if (i >= NATIVE_MAX || emu_read(e, at + i, &x, 1) != MS_OK)
			return false;
		if (x == c) {
			*found = at + i;
			return true;
		}
		if (text && x == 0)
			return true;
	}
	return true;
}

static enum emu_verdict
do_memchr(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	return find_byte(e, a[0], (uint8_t)a[1], a[2], false, value) ? EMU_GO_ON
								     : EMU_STOP;
}

static enum emu_verdict
do_strchr(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	(void)self;
	(void)return_to;
	return find_byte(e, a[0], (uint8_t)a[1], UINT64_MAX, true, value) ? EMU_GO_ON
									  : EMU_STOP;
}

static enum emu_verdict
do_strlen(
	void *self, struct emu *e, const uint64_t a[6], taddr return_to, uint64_t *value)
{
	taddr end;

	(void)self;
	(void)return_to;
	if (!find_byte(e, a[0], 0, UINT64_MAX, false, &end))
		return EMU_STOP;
	*value = end - a[0];
	return EMU_GO_ON;
}

taddr
foreign_function(struct foreign *f, struct module *m, const char *name)
{
	struct elf_symbol sym;
	uint64_t chosen;

	if (elf_symbol(m, name, &sym) != MS_OK)
		return 0;
	if (sym.type != STT_GNU_IFUNC)
		return sym.addr;
	if (emu_call(f->emu, sym.addr, NULL, 0, RESOLVER_LIMIT, &chosen) != EMU_RETURNED)
		return 0;
	return chosen;
}

void
natives_set(struct foreign *f)
{
	static const struct {
		const char *name;
		emu_hook hook;
	} natives[] = {
		{"memcpy", do_memcpy},
		{"memmove", do_memcpy},
		{"memset", do_memset},
		{"memcmp", do_memcmp},
		{"bcmp", do_memcmp},
		{"memchr", do_memchr},
		{"strlen", do_strlen},
		{"strcmp", do_strcmp},
		{"strncmp", do_strncmp},
		{"strchr", do_strchr},
	};

	for (size_t i = 0; i < modules_count(f->modules); i++) {
		struct module *m = modules_at(f->modules, i);
		struct elf_symbol sym;
		/*
		 * The library that has all of them is the C library, whatever its name.
		 */
		if (elf_symbol(m, "memcpy", &sym) != MS_OK ||
			elf_symbol(m, "__libc_start_main", &sym) != MS_OK)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(natives); j++) {
			taddr at = foreign_function(f, m, natives[j].name);
			if (at != 0)
				emu_hook_set(f->emu, at, natives[j].hook, f);
		}
	}
}
