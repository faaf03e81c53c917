/*
 * The box: two regions of an image, and hexadecimal text as the assembler's language.
 */
#include "emubox.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/priv.h"

void
emubox_open(struct emubox *b, unsigned word, uint32_t extra_prot, enum image_mode mode)
{
	struct image *im = image_new(word, false);
	struct errbuf eb = {0};

	*b = (struct emubox){0};
	b->code = image_region(im, BOX_CODE, BOX_CODE_LEN,
	                       PROT_READ | PROT_EXEC | extra_prot, "code");
	b->mem = image_region(im, BOX_MEM, BOX_MEM_LEN, PROT_READ | PROT_WRITE, NULL);
	memset(b->code, 0xcc, BOX_CODE_LEN);
	b->t = image_target(im, mode);
	ck_assert_int_eq(emu_new(b->t, &b->e, &eb), MS_OK);
}

void
emubox_close(struct emubox *b)
{
	emu_free(b->e);
	target_close(b->t);
}

void
emubox_code(struct emubox *b, size_t off, const char *hex)
{
	while (*hex != '\0') {
		char *end;
		unsigned long v = strtoul(hex, &end, 16);
		ck_assert_ptr_ne(end, hex);
		b->code[off++] = (uint8_t)v;
		hex = end + strspn(end, " ");
	}
	blocks_flush(&b->e->blocks);
}

enum emu_end
emubox_call(struct emubox *b, uint64_t a0, uint64_t a1, uint64_t limit)
{
	const uint64_t args[] = {a0, a1};
	b->result = 0;
	return emu_call(b->e, BOX_CODE, args, 2, limit, &b->result);
}

enum emu_end
emubox_run(struct emubox *b, const char *hex, uint64_t a0, uint64_t a1)
{
	emubox_code(b, 0, hex);
	return emubox_call(b, a0, a1, 10000);
}
