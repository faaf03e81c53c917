/*
 * __sizeof__ methods written in C: their result is taken where the int would be made.
 *
 * Such a method ends in `return PyLong_FromSsize_t(n)` or a relative; by a tail call n is
 * caught on the way in, otherwise the int is made on scratch pages and read there. CPython: METH_NOARGS, Include/methodobject.h.
 */
#include "priv.h"

enum { SIZE_LIMIT = 200000 };

static enum emu_verdict
on_make_int(void *self, struct emu *e, const uint64_t args[6], taddr return_to, uint64_t *value)
{
	struct foreign *f = self;

	(void)value;
	/* Made on the way, not to be returned at once: let it be made. */
	if (return_to != emu_return_magic(e))
		return EMU_PASS;
	f->has_size = true;
	f->size = args[0];
	return EMU_STOP;
}

void
foreign_size_init(struct foreign *f, const struct pyruntime *rt)
{
	static const char *const makers[] = {
		"PyLong_FromSsize_t", "PyLong_FromSize_t", "PyLong_FromLong", "PyLong_FromUnsignedLong",
		"PyLong_FromLongLong", "PyLong_FromUnsignedLongLong", "PyInt_FromSsize_t", "PyInt_FromLong",
	};

	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		struct elf_symbol sym;
		if (elf_symbol(rt->module, makers[i], &sym) == MS_OK)
			emu_hook_set(f->emu, sym.addr, on_make_int, f);
	}
}

/* The int object that a method returned, made on the interpreter's own pages or found among the small ones. */
static bool
read_made(struct foreign *f, taddr obj, uint64_t *ret)
{
	uint8_t bytes[32];

	return emu_read(f->emu, obj, bytes, sizeof(bytes)) == MS_OK && py_int_value(f->p, bytes, ret) == MS_OK;
}

enum status
foreign_size_of(struct foreign *f, taddr fn, taddr obj, taddr cls, uint64_t *ret)
{
	const uint64_t args[] = {obj, cls, 0, 0, 0};
	uint64_t result = 0;

	if (f->emu == NULL)
		return MS_ABSENT;
	enum emu_end end = foreign_call(f, fn, args, ARRAY_LEN(args), SIZE_LIMIT, &result);
	if (end == EMU_STOPPED && f->has_size) {
		*ret = f->size;
		return MS_OK;
	}
	if (end == EMU_RETURNED && read_made(f, result, ret))
		return MS_OK;
	f->unknown++;
	foreign_tell(f, "__sizeof__", fn, obj, end);
	return MS_ABSENT;
}
