/*
 * Separate debug files: by build id below /usr/lib/debug, or by the name in
 * .gnu_debuglink (binutils manual, "Separate Debug Info"). The target's own root comes
 * first: the file that goes with a container's program is in the container.
 */
#include "priv.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "memscan/mem.h"

enum {
	PATH_LEN = 4096,
	ROOTS = 3,
	ROOT_LEN = 1024,
	HEX_ID = 2 * BUILD_ID_MAX + 1,
};

/* A file that is tried, and what proves that it is the right one. */
struct candidate {
	const uint8_t *id; /* build id, or */
	size_t id_len;
	uint32_t crc;      /* with id_len 0: the CRC of the whole file */
};

/* Prefixes for absolute names: a root that was named, the target's, then ours. Returns how many. */
static size_t
list_roots(const struct module *m, char roots[ROOTS][ROOT_LEN])
{
	size_t n = 0;

	if (m->file->list->sysroot != NULL)
		snprintf(roots[n++], ROOT_LEN, "%s", m->file->list->sysroot);
	if (m->file->list->pid > 0)
		snprintf(roots[n++], ROOT_LEN, "/proc/%d/root", m->file->list->pid);
	roots[n++][0] = '\0';
	return n;
}

static bool
has_crc(int fd, uint32_t want)
{
	uint8_t buf[64 * 1024];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		crc = crc32(crc, buf, (uInt)n);
		at += n;
	}
	return n == 0 && crc == want;
}

/* Open the candidate and keep it if it is the right one; -1. */
static int
try_file(const char *path, const struct candidate *c, Elf **ret)
{
	CLEAN_CLOSE int fd = open_regular(path);
	if (fd < 0 || (c->id_len == 0 && !has_crc(fd, c->crc)))
		return -1;
	Elf *elf = elf_of_fd(fd);
	if (elf == NULL)
		return -1;
	if (!elf_has_build_id(elf, c->id, c->id_len)) {
		elf_end(elf);
		return -1;
	}
	*ret = elf;
	int kept = fd;
	fd = -1;
	return kept;
}

/* Try one candidate for the module's debug file. */
static bool
accept(struct module *m, const char *path, const struct candidate *c)
{
	struct elf_file *f = m->file;

	f->debug_fd = try_file(path, c, &f->debug);
	if (f->debug_fd < 0)
		return false;
	f->debug_path = xstrdup(path);
	return true;
}

static void
hex_id(const uint8_t *id, size_t len, char out[HEX_ID])
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", id[i]);
	out[2 * len] = '\0';
}

/* "/usr/lib/debug/.build-id/4f/3c9a....debug" */
static void
path_of_id(const char *root, const uint8_t *id, size_t len, char *path, size_t cap)
{
	char hex[HEX_ID];

	hex_id(id, len, hex);
	snprintf(path, cap, "%s/usr/lib/debug/.build-id/%.2s/%s.debug", root, hex,
	         hex + 2);
}

/* In the directory that was named to be searched like /usr/lib/debug. */
static bool
seek_in_dir(struct module *m, const struct candidate *c)
{
	const char *dir = m->file->list->debug_dir;
	char hex[HEX_ID], path[PATH_LEN];

	if (dir == NULL)
		return false;
	hex_id(c->id, c->id_len, hex);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", dir, hex, hex + 2);
	return accept(m, path, c);
}

static bool
seek_on_server(struct module *m, const struct candidate *c)
{
	char *path = NULL;

	if (!m->file->list->is_core || c->id_len < 2)
		return false;
	CLEAN_CLOSE int fd =
	        debuginfod_open(DEBUGINFOD_DEBUGINFO, c->id, c->id_len, &path);
	bool is_found = fd >= 0 && path != NULL && accept(m, path, c);
	free(path);
	return is_found;
}

static bool
seek_by_id(struct module *m)
{
	char roots[ROOTS][ROOT_LEN], path[PATH_LEN];
	struct candidate c = {.id = m->build_id, .id_len = m->build_id_len};

	if (m->build_id_len < 2 || m->build_id_len > BUILD_ID_MAX)
		return false;
	if (seek_in_dir(m, &c))
		return true;
	size_t n = list_roots(m, roots);
	for (size_t i = 0; i < n; i++) {
		path_of_id(roots[i], m->build_id, m->build_id_len, path, sizeof(path));
		if (accept(m, path, &c))
			return true;
	}
	return seek_on_server(m, &c);
}

/* A name that came out of a file and is used in a path: one component, and not "..". */
static bool
is_plain_name(const char *name)
{
	return *name != '\0' && strchr(name, '/') == NULL && strcmp(name, "..") != 0 &&
	       strcmp(name, ".") != 0;
}

/* Beside the program, in .debug there, and at the same place below /usr/lib/debug. */
static bool
seek_link_below(struct module *m, const char *root, const char *name,
                const struct candidate *c)
{
	static const struct {
		const char *front, *back;
	} places[] = {{"", ""}, {"", "/.debug"}, {"/usr/lib/debug", ""}};
	char path[PATH_LEN];
	const char *slash = strrchr(m->path, '/');
	const char *dir = slash != NULL ? m->path : ".";
	int dir_len = slash != NULL ? (int)(slash - m->path) : 1;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(path, sizeof(path), "%s%s%.*s%s/%s", root, places[i].front,
		         dir_len, dir, places[i].back, name);
		if (accept(m, path, c))
			return true;
	}
	return false;
}

static bool
seek_by_link(struct module *m)
{
	char roots[ROOTS][ROOT_LEN];
	GElf_Word crc;

	const char *name = dwelf_elf_gnu_debuglink(module_elf(m), &crc);
	if (name == NULL || !is_plain_name(name))
		return false;
	if (m->file->list->debug_dir != NULL) {
		char path[PATH_LEN];
		const char *slash = strrchr(m->path, '/');
		snprintf(path, sizeof(path), "%s%.*s/%s", m->file->list->debug_dir,
		         slash != NULL ? (int)(slash - m->path) : 0, m->path, name);
		if (accept(m, path, &(struct candidate){.crc = crc}))
			return true;
	}
	size_t n = list_roots(m, roots);
	for (size_t i = 0; i < n; i++) {
		if (seek_link_below(m, roots[i], name, &(struct candidate){.crc = crc}))
			return true;
	}
	return false;
}

Elf *
debug_elf(struct module *m)
{
	struct elf_file *f = m->file;

	if (f->is_debug_sought)
		return f->debug;
	f->is_debug_sought = true;
	if (!seek_by_id(m) && module_elf(m) != NULL)
		(void)seek_by_link(m);
	return f->debug;
}

int
debug_alt_open(struct module *m, const char *path, const char *name, const uint8_t *id,
               size_t len)
{
	struct candidate c = {.id = id, .id_len = len};
	struct elf_file *f = m->file;
	char roots[ROOTS][ROOT_LEN], try[PATH_LEN];

	if (len < 2 || len > BUILD_ID_MAX)
		return -1;
	size_t n = list_roots(m, roots);
	for (size_t i = 0; i < n; i++) {
		path_of_id(roots[i], id, len, try, sizeof(try));
		int fd = try_file(try, &c, &f->alt_elf);
		if (fd < 0 && name[0] == '/') {
			snprintf(try, sizeof(try), "%s%s", roots[i], name);
			fd = try_file(try, &c, &f->alt_elf);
		}
		if (fd >= 0)
			return fd;
	}
	/*
	 * Relative to the file that names it;
	 * "../../.dwz/x86_64-linux-gnu/python3.11.debug".
	 */
	const char *slash = strrchr(path, '/');
	if (name[0] == '/' || slash == NULL)
		return -1;
	snprintf(try, sizeof(try), "%.*s/%s", (int)(slash - path), path, name);
	return try_file(try, &c, &f->alt_elf);
}
