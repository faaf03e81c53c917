/*
 * An address space built in memory, as a target.
 *
 * The bytes of every region end at a page that cannot be touched, so that a reader that
 * looks one byte too far crashes instead of passing. Addresses are what the test says
 * they are; nothing of the machine that runs the test shows through.
 */
#ifndef MEMSCAN_TESTS_IMAGE_H
#define MEMSCAN_TESTS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/target.h"

struct image;

/* An empty address space of pointers of 4 or 8 bytes. */
struct image *image_new(unsigned ptr_width, bool big_endian);
void image_free(struct image *im);

/*
 * Add a region of len zero bytes at start, which must be free. Returns the bytes, that
 * may be written at any time until the image is freed. path may be NULL.
 */
uint8_t *image_region(struct image *im, taddr start, size_t len, uint32_t prot,
                      const char *path);

/*
 * Add a readable and writable region of len bytes at the next free address, pages of
 * which nobody has on both sides.
 */
taddr image_alloc(struct image *im, size_t len);

/* The bytes [addr, addr + n), that lie in one region; ends the test if they do not. */
uint8_t *image_at(struct image *im, taddr addr, size_t n);

/* Write into a region; where there is none, one of exactly these bytes is added. */
void image_put(struct image *im, taddr addr, const void *p, size_t n);
void image_uint(struct image *im, taddr addr, uint64_t v, unsigned width);
void image_u8(struct image *im, taddr addr, uint8_t v);
void image_u32(struct image *im, taddr addr, uint32_t v);
void image_u64(struct image *im, taddr addr, uint64_t v);
void image_word(struct image *im, taddr addr, uint64_t v);
void image_str(struct image *im, taddr addr, const char *s);

/* How the target gets at the bytes: as data at hand, or by its backend's read. */
enum image_mode { IMAGE_DATA, IMAGE_READ };

/* The image as a target; takes the image: target_close frees it. */
struct target *image_target(struct image *im, enum image_mode mode);

/* Calls of the backend's read so far, for tests of caching. */
unsigned image_reads(const struct image *im);

#endif
