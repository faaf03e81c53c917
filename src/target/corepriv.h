/*
 * What the files that read cores share: the parsers are pure functions of bytes, core.c
 * makes a target of what they return.
 */
#ifndef MEMSCAN_TARGET_COREPRIV_H
#define MEMSCAN_TARGET_COREPRIV_H

#include "priv.h"

/* ---- coreelf.c ---- */

/* A PT_LOAD: [start, end) of the process, of which the file has the first `has` bytes. */
struct core_load {
	taddr start, end;
	uint64_t off;  /* in the file */
	uint64_t size; /* bytes that the file should have */
	uint64_t has;  /* and has: fewer if it was cut off */
	uint32_t prot;
};

/* A PT_NOTE: bytes of the file. */
struct core_note_range {
	uint64_t off, len;
};

struct core_image {
	struct machine machine;
	bool swap;
	VEC(struct core_load) loads; /* by address, disjoint */
	VEC(struct core_note_range) notes;
	uint64_t want; /* bytes that the file would have, were it whole */
	uint64_t bad;  /* segments that make no sense */
};

/*
 * The headers of a core: a pure function of its bytes.
 * MS_FORMAT  not ELF, not a core (says what else), or cut off within its headers
 * MS_LIMIT   over LIM_REGIONS segments
 */
MUST_CHECK enum status core_parse(const uint8_t *p, size_t len, struct core_image *ret,
                                  struct errbuf *eb);
void core_image_fini(struct core_image *im);

/* ---- corenotes.c ---- */

struct core_notes {
	VEC(struct thread_regs) threads; /* in the order of the notes */
	VEC(struct core_range) ranges;   /* of NT_FILE, by address */
	VEC(struct core_file) files;     /* paths point into text */
	VEC(char *) texts;               /* owned */
	VEC(uint64_t) auxv;              /* pairs of type and value */
	struct core_signal signal;
	bool has_file_note;
	bool has_psinfo;
	pid_t pid;
	unsigned uid, gid;
	char comm[17], args[81];
	uint64_t bad; /* notes that make no sense */
};

/* Add what the notes in these bytes say to *ret: a pure function of the bytes. */
void core_notes_parse(const uint8_t *p, size_t len, const struct machine *m,
                      struct core_notes *ret);
void core_notes_fini(struct core_notes *n);

/* A value of the auxiliary vector. */
bool core_auxv(const struct core_notes *n, uint64_t type, uint64_t *ret);

/* ---- coreregs.c ---- */

/*
 * Decode the fields of one NT_PRSTATUS; false if its length is not that of this machine.
 */
bool prstatus_parse(const uint8_t *p, size_t len, const struct machine *m,
                    struct thread_regs *ret, int *signal);

/* The thread pointer in a note of its own (aarch64); n is the note's type. */
bool regs_note_tls(uint64_t type, const uint8_t *p, size_t len, const struct machine *m,
                   struct thread_regs *ret);

/* ---- core.c ---- */

struct core {
	char *path;
	int fd;
	const uint8_t *map;
	size_t len;
	struct core_image image;
	struct core_notes notes;
	struct core_info info;
	char *cmdline;
	VEC(int) fds; /* of each file, -1 while none is attached */
};

/* The segment that holds addr, or NULL. */
const struct core_load *core_load_at(const struct core *c, taddr addr);

/* ---- coreargs.c ---- */

/* Set c->info.cmdline, to what the notes say if the stack does not tell. */
void core_find_args(struct core *c);

/* ---- unpack.c ---- */

/*
 * If fd is a packed file, unpack it into a nameless file in TMPDIR and put that into *fd
 * in its stead, closing the packed one. What can be unpacked of a damaged file is kept.
 */
MUST_CHECK enum status core_unpack(const char *path, int *fd, struct errbuf *eb);

#endif
