/*
 * The program files that a core was made of. The kernel leaves out of a core what a file
 * has as well, so that code and constants come from files; but which file it was is only
 * known by name, and names lie: the machine may be another, the file replaced by an
 * upgrade. So a file is believed if its build id is that of the image in memory, or, if
 * there is none, if its first page is the one in memory. Any other is said, and not used.
 */
#include "priv.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/log.h"
#include "memscan/mem.h"

enum {
	PATH_LEN = 4096,
	FIRST_PAGE = 4096,
};

/* What the core knows of one file. */
struct image {
	const struct core_file *file;
	size_t index;
	taddr start;     /* where its header is, or would be */
	bool has_header; /* in the core */
	uint8_t id[BUILD_ID_MAX];
	size_t id_len;
};

/* The search as it goes on. */
struct search {
	struct core *core;
	struct target *t; /* the core alone */
	const struct core_search *opts;
	size_t found, missing;
};

enum match { MATCH_NO_ELF, MATCH_OTHER, MATCH_UNPROVEN, MATCH_YES };

/* ---- is it the file? ---- */

static bool
same_first_page(const struct search *s, const struct image *im, int fd)
{
	uint8_t here[FIRST_PAGE], there[FIRST_PAGE];
	struct source src = source_file(fd);

	return target_read(s->t, im->start, here, sizeof(here)) == MS_OK &&
	       src.read(&src, 0, there, sizeof(there)) == MS_OK &&
	       memcmp(here, there, sizeof(here)) == 0;
}

static enum match
match_file(const struct search *s, const struct image *im, int fd,
           uint8_t id[BUILD_ID_MAX], size_t *id_len)
{
	CLEAN(head_fini) struct elf_head head = {0};
	struct source src = source_file(fd);

	*id_len = 0;
	if (head_parse(&src, &head) != MS_OK || head.type == ET_CORE)
		return MATCH_NO_ELF;
	*id_len = head_build_id(&head, &src, false, 0, id);
	if (im->id_len > 0)
		return *id_len == im->id_len && memcmp(id, im->id, im->id_len) == 0
		               ? MATCH_YES
		               : MATCH_OTHER;
	if (!im->has_header)
		return MATCH_UNPROVEN;
	return same_first_page(s, im, fd) ? MATCH_YES : MATCH_OTHER;
}

static void
id_text(const uint8_t *id, size_t len, char out[2 * BUILD_ID_MAX + 1])
{
	snprintf(out, 2 * BUILD_ID_MAX + 1, "none");
	for (size_t i = 0; i < len && i < BUILD_ID_MAX; i++)
		snprintf(out + 2 * i, 3, "%02x", id[i]);
}

/* ---- attaching ---- */

uint32_t
prot_of_flags(uint32_t p_flags)
{
	return ((p_flags & PF_R) != 0 ? PROT_READ : 0) |
	       ((p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
	       ((p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

/* Ranges that no segment of the core describes have the rights that the file asks for. */
static void
fill_prot(struct search *s, const struct image *im, int fd)
{
	CLEAN(head_fini) struct elf_head head = {0};
	struct source src = source_file(fd);
	size_t n;
	const struct core_range *ranges = core_ranges(s->core, &n);

	if (head_parse(&src, &head) != MS_OK)
		return;
	for (size_t i = im->file->first; i < im->file->first + im->file->n; i++) {
		if (ranges[i].has_prot)
			continue;
		for (size_t k = 0; k < head.n; k++) {
			const struct segment *g = &head.segments[k];
			if (g->type != PT_LOAD || g->filesz == 0 ||
			    ranges[i].off < (g->offset & ~(uint64_t)(FIRST_PAGE - 1)) ||
			    ranges[i].off >= g->offset + g->filesz)
				continue;
			core_set_prot(s->core, i, prot_of_flags(g->flags));
		}
	}
}

static void
attach(struct search *s, const struct image *im, const char *path, int fd)
{
	log_at(LOG_VERBOSE, "%s is %s", im->file->path, path);
	fill_prot(s, im, fd);
	core_attach(s->core, im->index, fd, path);
	s->found++;
}

/* ---- where to look ---- */

/* What came of looking: the first file that bore the name and was another. */
struct verdict {
	bool is_found, is_unproven;
	char other[PATH_LEN];
	char other_id[2 * BUILD_ID_MAX + 1];
};

/*
 * Try one path. is_named: it was named by the user, so that it may be used where the core
 * has nothing to compare it with.
 */
static bool
try_path(struct search *s, const struct image *im, const char *path, bool is_named,
         struct verdict *v)
{
	uint8_t id[BUILD_ID_MAX];
	size_t id_len;
	int fd = open_regular(path);

	if (fd < 0)
		return false;
	enum match m = match_file(s, im, fd, id, &id_len);
	if (m == MATCH_UNPROVEN && is_named)
		log_at(LOG_NORMAL,
		       "%s: used as %s, although the core has nothing that proves it", path,
		       im->file->path);
	if (m == MATCH_YES || (m == MATCH_UNPROVEN && is_named)) {
		attach(s, im, path, fd);
		v->is_found = true;
		return true;
	}
	close(fd);
	if (m == MATCH_UNPROVEN)
		v->is_unproven = true;
	if (m == MATCH_OTHER && v->other[0] == '\0') {
		snprintf(v->other, sizeof(v->other), "%s", path);
		id_text(id, id_len, v->other_id);
	}
	return false;
}

/* Below DIR/.build-id, where distributions and debuggers keep files by what they are. */
static bool
try_by_id(struct search *s, const struct image *im, const char *dir, const char *below,
          struct verdict *v)
{
	char id[2 * BUILD_ID_MAX + 1], path[PATH_LEN];

	if (dir == NULL || im->id_len < 2)
		return false;
	id_text(im->id, im->id_len, id);
	snprintf(path, sizeof(path), "%s%s/.build-id/%.2s/%s", dir, below, id, id + 2);
	return try_path(s, im, path, false, v);
}

static bool
try_debuginfod(struct search *s, const struct image *im)
{
	char *path = NULL;

	if (im->id_len == 0)
		return false;
	int fd = debuginfod_open(DEBUGINFOD_EXECUTABLE, im->id, im->id_len, &path);
	if (fd < 0)
		return false;
	attach(s, im, path, fd);
	free(path);
	return true;
}

/* The places of a file, one after the other, until one has it. */
static void
look(struct search *s, const struct image *im, struct verdict *v)
{
	const struct core_search *o = s->opts;
	char path[PATH_LEN];

	if (o->sysroot != NULL) {
		snprintf(path, sizeof(path), "%s%s", o->sysroot, im->file->path);
		if (try_path(s, im, path, true, v))
			return;
	}
	if (im->file->path[0] == '/' && try_path(s, im, im->file->path, false, v))
		return;
	if (try_by_id(s, im, o->debug_dir, "", v) ||
	    try_by_id(s, im, o->sysroot, "/usr/lib/debug", v) ||
	    try_by_id(s, im, "", "/usr/lib/debug", v))
		return;
	v->is_found = try_debuginfod(s, im);
}

/* ---- what is said ---- */

static const char *
role_of(const struct image *im)
{
	return im->file->is_exe ? "the executable" : "a library";
}

static void
tell_missing(struct search *s, const struct image *im, const struct verdict *v)
{
	char id[2 * BUILD_ID_MAX + 1];
	bool is_python = strstr(im->file->path, "python") != NULL &&
	                 strstr(im->file->path, "-packages/") == NULL &&
	                 strstr(im->file->path, "/lib-dynload/") == NULL;
	enum log_level level = im->file->is_exe || is_python ? LOG_NORMAL : LOG_VERBOSE;
	const char *hint = im->file->is_exe ? "name the right one with --exe, or"
	                                    : "name";

	/* A file that is no program is not missed. */
	if (!im->has_header && !v->is_unproven)
		return;
	s->missing++;
	id_text(im->id, im->id_len, id);
	if (v->other[0] != '\0')
		log_at(level,
		       "%s: another build (build-id %s) than %s that the process ran "
		       "(%s): not used; %s the root of its system with --sysroot",
		       v->other, v->other_id, role_of(im), id, hint);
	else if (v->is_unproven)
		log_at(level,
		       "%s: not used, for the core has nothing that proves it to be %s that "
		       "the process ran; %s the root of its system with --sysroot",
		       im->file->path, role_of(im), hint);
	else
		log_at(level,
		       "%s: %s of the process is not there (build-id %s); %s the root of "
		       "its system with --sysroot",
		       im->file->path, role_of(im), id, hint);
}

/* ---- one file ---- */

static void
examine(const struct search *s, struct image *im)
{
	CLEAN(head_fini) struct elf_head head = {0};
	struct source src = source_target(s->t, im->start);

	if (head_parse(&src, &head) != MS_OK)
		return;
	im->has_header = true;
	uint64_t bias = im->start;
	for (size_t i = 0; i < head.n; i++)
		if (head.segments[i].type == PT_LOAD && head.segments[i].offset == 0)
			bias = im->start - head.segments[i].vaddr;
	if (head.machine.ptr_width == 4)
		bias &= UINT32_MAX;
	im->id_len = head_build_id(&head, &src, true, bias, im->id);
}

/* A file whose header was, or would be, in the core; false of a file mapped without. */
static bool
image_at(const struct search *s, size_t i, struct image *ret)
{
	size_t n;
	const struct core_file *file = &core_files(s->core, &n)[i];
	const struct core_range *ranges = core_ranges(s->core, &n);

	*ret = (struct image){.file = file, .index = i};
	if (file->n == 0 || ranges[file->first].off != 0)
		return false;
	ret->start = ranges[file->first].start;
	examine(s, ret);
	return true;
}

/*
 * Which file it is that --exe names: the one that it proves to be, for the kernel calls
 * the loader the executable where that was started by hand; else the executable.
 */
static enum status
exe_index(const struct search *s, size_t n, size_t *ret, struct errbuf *eb)
{
	uint8_t id[BUILD_ID_MAX];
	size_t id_len;
	struct image im;

	*ret = SIZE_MAX;
	if (s->opts->exe == NULL)
		return MS_OK;
	CLEAN_CLOSE int fd = open_regular(s->opts->exe);
	if (fd < 0)
		return errbuf_sys(eb, MS_ABSENT, "--exe %s: cannot be opened, or is no "
		                  "regular file", s->opts->exe);
	for (size_t i = 0; i < n; i++) {
		if (!image_at(s, i, &im))
			continue;
		if (match_file(s, &im, fd, id, &id_len) == MATCH_YES) {
			*ret = i;
			return MS_OK;
		}
		if (im.file->is_exe)
			*ret = i;
	}
	if (*ret != SIZE_MAX)
		return MS_OK;
	return errbuf_set(eb, MS_FORMAT,
	                  "--exe %s: it is none of the program files of the core, which "
	                  "does not say which of them is the executable",
	                  s->opts->exe);
}

/* The file that was named with --exe is the one, or the user shall hear of it. */
static enum status
use_exe(struct search *s, const struct image *im, struct errbuf *eb)
{
	char id[2 * BUILD_ID_MAX + 1];
	struct verdict v = {0};
	const char *path = s->opts->exe;

	if (try_path(s, im, path, true, &v))
		return MS_OK;
	if (v.other[0] == '\0')
		return errbuf_set(eb, MS_FORMAT, "--exe %s: not a program", path);
	id_text(im->id, im->id_len, id);
	return errbuf_set(eb, MS_FORMAT,
	                  "--exe %s: another build (build-id %s) than the process ran (%s, "
	                  "build-id %s)",
	                  path, v.other_id, im->file->path, id);
}

static enum status
find_all(struct search *s, struct errbuf *eb)
{
	size_t n, exe;
	struct image im;

	core_files(s->core, &n);
	enum status st = exe_index(s, n, &exe, eb);
	for (size_t i = 0; i < n && st == MS_OK; i++) {
		struct verdict v = {0};
		if (!image_at(s, i, &im))
			continue;
		if (i == exe) {
			st = use_exe(s, &im, eb);
			continue;
		}
		look(s, &im, &v);
		if (!v.is_found)
			tell_missing(s, &im, &v);
	}
	if (st == MS_OK && s->missing > 0)
		log_at(LOG_NORMAL,
		       "%zu of %zu program files are missing: code and constants in them "
		       "cannot be read (-v lists them)",
		       s->missing, s->missing + s->found);
	return st;
}

enum status
core_find_files(struct core *c, const struct core_search *opts, size_t *missing,
                struct errbuf *eb)
{
	struct search s = {.core = c, .opts = opts};

	enum status st = core_target(c, &s.t, eb);
	if (st == MS_OK && !core_info(c)->has_file_note)
		core_add_images(c, s.t);
	if (st == MS_OK)
		st = find_all(&s, eb);
	target_close(s.t);
	*missing = s.missing;
	return st;
}
