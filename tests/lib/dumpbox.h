/*
 * Dump files taken apart and put together again by hand, to make valid ones that the
 * writer would not write and invalid ones that nobody should. It knows the container
 * only, and shares no code with the dump layer.
 */
#ifndef MEMSCAN_TESTS_DUMPBOX_H
#define MEMSCAN_TESTS_DUMPBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memscan/vec.h"

enum { BOX_COLUMNS = 32 };

struct box_column {
	char name[5];
	VEC(uint8_t) b;
};

struct box {
	struct box_column column[BOX_COLUMNS];
	size_t n;
	uint16_t major;
};

/* Take a whole, valid dump apart. */
void box_read(struct box *x, const uint8_t *p, size_t len);
void box_read_fd(struct box *x, int fd);
void box_fini(struct box *x);

/* The column of this name, new and empty if there is none. */
struct box_column *box_get(struct box *x, const char *name);

/* Overwrite element i, of 4 or 8 bytes, of a column. */
void box_set_u32(struct box *x, const char *name, size_t i, uint32_t v);
void box_set_u64(struct box *x, const char *name, size_t i, uint64_t v);

/* Add or cut (negative) bytes at the end of a column. */
void box_resize(struct box *x, const char *name, int bytes);

/*
 * Put a dump together, with right checksums; free() it. Columns are one extent each,
 * packed; with a seed they are cut at any byte and strewn over the file with gaps
 * between.
 */
uint8_t *box_write(const struct box *x, uint64_t seed, size_t *len);

/* A file in memory with these bytes: its descriptor. */
int box_file(const uint8_t *p, size_t len);

#endif
