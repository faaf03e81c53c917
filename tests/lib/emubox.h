/*
 * An interpreter with an address space of its own for a test: a page or two of code,
 * memory to work on, and calling what was put there.
 */
#ifndef TEST_EMUBOX_H
#define TEST_EMUBOX_H

#include "image.h"
#include "memscan/emu.h"

enum {
	BOX_CODE = 0x400000,
	BOX_CODE_LEN = 0x2000,
	BOX_MEM = 0x10000000,
	BOX_MEM_LEN = 0x1100000, /* more than may be kept */
};

struct emubox {
	struct target *t;
	struct emu *e;
	uint8_t *code, *mem; /* the bytes at BOX_CODE and BOX_MEM */
	uint64_t result;
};

/* word: 4 for i386, 8 for x86-64; extra_prot: PROT_WRITE makes the code writable too. */
void emubox_open(struct emubox *b, unsigned word, uint32_t extra_prot,
                 enum image_mode mode);
void emubox_close(struct emubox *b);

/*
 * Put the bytes that the text in hexadecimal names at offset off of the code; what was
 * decoded before is forgotten. A box that is read is read once: its code cannot change.
 */
void emubox_code(struct emubox *b, size_t off, const char *hex);

/* Call the code at its beginning with two arguments, for at most limit instructions. */
enum emu_end emubox_call(struct emubox *b, uint64_t a0, uint64_t a1, uint64_t limit);

/* Both at once, with a limit of 10,000. */
enum emu_end emubox_run(struct emubox *b, const char *hex, uint64_t a0, uint64_t a1);

#endif
