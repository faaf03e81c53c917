/*
 * __sizeof__ methods written in C: their result is taken where the int would be made.
 *
 * Such a method ends in `return PyLong_FromSsize_t(n)` or a relative; by a tail call n is
 * caught on the way in, otherwise the int is made on scratch pages and read there.
 * CPython: METH_NOARGS, Include/methodobject.h.
 */
#include "priv.h"

enum { SIZE_LIMIT = 200000 };

static enum emu_verdict
on_make_int(void *self, struct emu *e, const uint64_t args[6], taddr return_to,
	uint64_t *value)
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
		"PyLong_FromSsize_t",
		"PyLong_FromSize_t",
		"PyLong_FromLong",
		"PyLong_FromUnsignedLong",
		"PyLong_FromLongLong",
		"PyLong_FromUnsignedLongLong",
		"PyInt_FromSsize_t",
		"PyInt_FromLong",
	};

	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		struct elf_symbol sym;
		if (elf_symbol(rt->module, makers[i], &sym) == MS_OK)
			emu_hook_set(f->emu, sym.addr, on_make_int, f);
	}
}

/*
 * The int object that a method returned, made on the interpreter's own pages or found
 * among the small ones.
 */
static bool
read_made(struct foreign *f, taddr obj, uint64_t *ret)
{
	uint8_t bytes[PYINT_VIEW];

	return emu_read(f->emu, obj, bytes, sizeof(bytes)) == MS_OK &&
		py_int_value(f->p, bytes, ret) == MS_OK;
}

/* Run the method; true if *ret is the integer that it returns. */
static bool
ask(struct foreign *f, taddr fn, taddr obj, taddr cls, uint64_t *ret, enum emu_end *end)
{
	const uint64_t args[] = {obj, cls, 0, 0, 0};
	uint64_t result = 0;

	*end = foreign_call(f, fn, args, ARRAY_LEN(args), SIZE_LIMIT, &result);
	if (*end == EMU_STOPPED && f->has_size) {
		*ret = f->size;
		return true;
	}
	return *end == EMU_RETURNED && read_made(f, result, ret);
}

/*
 * Put a word into the interpreter's view, for all later calls. What the last one wrote
 * goes with a call of nothing.
 */
static bool
set_word(struct foreign *f, taddr at, uint64_t v)
{
	uint64_t result;

	if (emu_call(f->emu, 0, NULL, 0, 1, &result) == EMU_RETURNED)
		return false;
	return emu_write(f->emu, at, &v, target_machine(f->t)->ptr_width) == MS_OK &&
		emu_keep(f->emu);
}

bool
foreign_find_tstate(struct foreign *f, taddr tls_base, taddr tstate)
{
	enum { TLS_WORDS = 512 };
	uint64_t width = target_machine(f->t)->ptr_width, want, got, now;
	enum emu_end end;
	taddr fn, obj;

	if (tls_base < (TLS_WORDS + 1) * width ||
		!py_known_sizeof(f->p, &fn, &obj, &want))
		return false;
	if (ask(f, fn, obj, 0, &got, &end))
		return got == want;
	for (unsigned i = 1; i <= TLS_WORDS; i++) {
		taddr at = tls_base - i * width;
		if (target_word(f->t, at, &now) != MS_OK)
			return false;
		if (now != 0)
			continue;
		if (!set_word(f, at, tstate))
			return false;
		if (ask(f, fn, obj, 0, &got, &end) && got == want)
			return true;
		if (!set_word(f, at, 0))
			return false;
	}
	return false;
}

enum status
foreign_size_of(struct foreign *f, taddr fn, taddr obj, taddr cls, uint64_t *ret)
{
	enum emu_end end;

	if (f->emu == NULL)
		return MS_ABSENT;
	if (ask(f, fn, obj, cls, ret, &end))
		return MS_OK;
	f->unknown++;
	foreign_tell(f, "__sizeof__", fn, obj, end);
	return MS_ABSENT;
}
