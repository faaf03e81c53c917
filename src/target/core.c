/*
 * A core file as a target. The file is mapped, and what it has of the memory is served
 * from there; what the kernel left out because a file has it too is read from that file,
 * once somebody above has proven which one it is and attached it.
 *
 * What is neither in the core nor in an attached file is a region all the same, whose
 * bytes cannot be read.
 */
#include "corepriv.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/bytes.h"
#include "memscan/mem.h"

enum {
	PAGE = 4096,           /* the kernel's unit of what it leaves out, at least */
	BRK_MAX = 1 << 30,     /* the heap begins at most so far behind the program */
};

/* ---- opening ---- */

static enum status
open_core(const char *path, int *fd, struct errbuf *eb)
{
	struct stat st;
	CLEAN_CLOSE int f = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (f < 0) {
		enum status code = errno == ENOENT || errno == ENOTDIR ? MS_ABSENT
		                   : errno == EACCES || errno == EPERM ? MS_DENIED
		                                                       : MS_IO;
		return errbuf_sys(eb, code, "cannot open it");
	}
	if (fstat(f, &st) != 0 || !S_ISREG(st.st_mode))
		return errbuf_set(eb, MS_FORMAT, "not a core file: it is no regular file");
	*fd = f;
	f = -1;
	return MS_OK;
}

static enum status
map_core(struct core *c, struct errbuf *eb)
{
	struct stat st;

	if (fstat(c->fd, &st) != 0)
		return errbuf_sys(eb, MS_IO, "cannot ask for its size");
	if (st.st_size == 0)
		return errbuf_set(eb, MS_FORMAT, "the file is empty");
	if ((uint64_t)st.st_size > SIZE_MAX)
		return errbuf_set(eb, MS_LIMIT, "larger than this program's addresses");
	c->len = (size_t)st.st_size;
	void *p = mmap(NULL, c->len, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, c->fd, 0);
	if (p == MAP_FAILED)
		return errbuf_sys(eb, MS_NOMEM, "cannot map it");
	c->map = p;
	return MS_OK;
}

/* Lists of both notes and image are as they shall be; derive what they say together. */
static void
mark_exe(struct core *c)
{
	uint64_t at;

	if (!core_auxv(&c->notes, AT_PHDR, &at) && !core_auxv(&c->notes, AT_ENTRY, &at))
		return;
	for (size_t i = 0; i < c->notes.ranges.n; i++) {
		const struct core_range *r = &c->notes.ranges.at[i];
		if (at < r->start || at >= r->end)
			continue;
		c->notes.files.at[r->file].is_exe = true;
		c->info.exe = c->notes.files.at[r->file].path;
	}
}

const struct core_load *
core_load_at(const struct core *c, taddr addr)
{
	size_t lo = 0, hi = c->image.loads.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->image.loads.at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->image.loads.n || c->image.loads.at[lo].start > addr)
		return NULL;
	return &c->image.loads.at[lo];
}

static const struct core_range *
range_at(const struct core *c, taddr addr)
{
	size_t lo = 0, hi = c->notes.ranges.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->notes.ranges.at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->notes.ranges.n || c->notes.ranges.at[lo].start > addr)
		return NULL;
	return &c->notes.ranges.at[lo];
}

/* ---- what it says ---- */

static void
fill_info(struct core *c)
{
	const struct core_image *im = &c->image;
	struct core_info *info = &c->info;
	struct core_notes *n = &c->notes;

	*info = (struct core_info){
		.pid = n->pid,
		.uid = n->uid,
		.gid = n->gid,
		.comm = n->comm,
		.exe = "",
		.signal = n->signal,
		.threads = n->threads.at,
		.n_threads = n->threads.n,
		.file_len = c->len,
		.cut = im->want > c->len ? im->want - c->len : 0,
		.bad = im->bad + n->bad,
		.has_file_note = n->has_file_note,
	};
	if (info->pid == 0 && n->threads.n > 0)
		info->pid = n->threads.at[0].tid;
	for (size_t i = im->loads.n; i-- > 0;)
		if (im->loads.at[i].has < im->loads.at[i].size)
			info->cut_at = im->loads.at[i].start + im->loads.at[i].has;
}

static void
clean_core(struct core **c)
{
	core_close(*c);
}

enum status
core_open(const char *path, struct core **ret, struct errbuf *eb)
{
	CLEAN(clean_core) struct core *c = xcalloc(1, sizeof(*c));

	c->fd = -1;
	c->path = xstrdup(path);
	enum status st = open_core(path, &c->fd, eb);
	if (st == MS_OK)
		st = core_unpack(path, &c->fd, eb);
	if (st == MS_OK)
		st = map_core(c, eb);
	if (st == MS_OK)
		st = core_parse(c->map, c->len, &c->image, eb);
	if (st != MS_OK)
		return st;
	for (size_t i = 0; i < c->image.notes.n; i++) {
		const struct core_note_range *r = &c->image.notes.at[i];
		core_notes_parse(c->map + r->off, (size_t)r->len, &c->image.machine,
		                 &c->notes);
	}
	for (size_t i = 0; i < c->notes.files.n; i++)
		vec_push(&c->fds, -1);
	for (size_t i = 0; i < c->notes.ranges.n; i++) {
		struct core_range *r = &c->notes.ranges.at[i];
		const struct core_load *l = core_load_at(c, r->start);
		r->has_prot = l != NULL;
		r->prot = l != NULL ? l->prot : PROT_READ;
	}
	fill_info(c);
	mark_exe(c);
	core_find_args(c);
	*ret = STEAL(c);
	return MS_OK;
}

void
core_close(struct core *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->fds.n; i++)
		mem_clean_close(&c->fds.at[i]);
	vec_fini(&c->fds);
	core_image_fini(&c->image);
	core_notes_fini(&c->notes);
	if (c->map != NULL)
		munmap((void *)(uintptr_t)c->map, c->len);
	mem_clean_close(&c->fd);
	free(c->cmdline);
	free(c->path);
	free(c);
}

const struct core_info *
core_info(const struct core *c)
{
	return &c->info;
}

const struct machine *
core_machine(const struct core *c)
{
	return &c->image.machine;
}

/* ---- files ---- */

const struct core_file *
core_files(const struct core *c, size_t *n)
{
	*n = c->notes.files.n;
	return c->notes.files.at;
}

const struct core_range *
core_ranges(const struct core *c, size_t *n)
{
	*n = c->notes.ranges.n;
	return c->notes.ranges.at;
}

void
core_attach(struct core *c, size_t file, int fd, const char *path)
{
	if (!c->info.has_file_note) {
		char *text = xstrdup(path);
		vec_push(&c->notes.texts, text);
		c->notes.files.at[file].path = text;
		mark_exe(c);
	}
	mem_clean_close(&c->fds.at[file]);
	c->fds.at[file] = fd;
}

void
core_set_prot(struct core *c, size_t range, uint32_t prot)
{
	c->notes.ranges.at[range].prot = prot;
	c->notes.ranges.at[range].has_prot = true;
}

enum status
core_add_file(struct core *c, const char *path, const struct core_range *ranges, size_t n,
              struct errbuf *eb)
{
	taddr end = c->notes.ranges.n > 0
	                    ? c->notes.ranges.at[c->notes.ranges.n - 1].end
	                    : 0;

	/* Images are found in the order of addresses. */
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].start < end || ranges[i].end <= ranges[i].start)
			return errbuf_set(eb, MS_FORMAT, "%s overlaps what is known",
			                  path);
		end = ranges[i].end;
	}
	char *text = xstrdup(path);
	vec_push(&c->notes.texts, text);
	vec_push(&c->notes.files, (struct core_file){
		.path = text, .first = c->notes.ranges.n, .n = n});
	vec_push(&c->fds, -1);
	for (size_t i = 0; i < n; i++) {
		struct core_range r = ranges[i];
		r.file = (uint32_t)(c->notes.files.n - 1);
		vec_push(&c->notes.ranges, r);
	}
	mark_exe(c);
	return MS_OK;
}

/* ---- reading ---- */

/* As the kernel maps a file: zeros up to the end of its last page, nothing behind. */
static bool
read_mapped_file(int fd, uint64_t off, uint8_t *buf, size_t n)
{
	size_t got = 0;

	if (off > INT64_MAX || n > INT64_MAX - off)
		return false;
	while (got < n) {
		ssize_t k = pread(fd, buf + got, n - got, (off_t)(off + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return false;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	if (got == n)
		return true;
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	uint64_t last = ((uint64_t)st.st_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	memset(buf + got, 0, n - got);
	return off + n <= last;
}

static enum status
core_read(void *self, taddr addr, void *buf, size_t n)
{
	const struct core *c = self;
	uint8_t *out = buf;

	while (n > 0) {
		const struct core_load *l = core_load_at(c, addr);
		const struct core_range *r = range_at(c, addr);
		size_t part = n;
		if (l != NULL && addr - l->start < l->has) {
			uint64_t off = addr - l->start;
			if (part > l->has - off)
				part = (size_t)(l->has - off);
			memcpy(out, c->map + l->off + off, part);
		} else {
			if (r == NULL || c->fds.at[r->file] < 0)
				return MS_FAULT;
			if (part > r->end - addr)
				part = (size_t)(r->end - addr);
			if (!read_mapped_file(c->fds.at[r->file],
			                      r->off + (addr - r->start), out, part))
				return MS_FAULT;
		}
		addr += part;
		out += part;
		n -= part;
	}
	return MS_OK;
}

static enum status
core_open_file(void *self, const struct region *r, int *fd)
{
	const struct core *c = self;
	const struct core_range *range = range_at(c, r->start);

	if (range == NULL || c->fds.at[range->file] < 0)
		return MS_ABSENT;
	int copy = fcntl(c->fds.at[range->file], F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return MS_ABSENT;
	*fd = copy;
	return MS_OK;
}

static const struct target_ops core_ops = {
	.name = "core",
	.read = core_read,
	.open_file = core_open_file,
};

/* ---- regions ---- */

typedef VEC(struct region) region_vec;

/* Names that only the kernel's list of mappings has. */
struct special {
	const struct core_load *vdso, *stack, *heap;
};

/* The break begins somewhere behind the last part of the program and its zeros. */
static const struct core_load *
find_heap(const struct core *c)
{
	taddr end = 0;

	for (size_t i = 0; i < c->notes.ranges.n; i++)
		if (c->notes.files.at[c->notes.ranges.at[i].file].is_exe)
			end = c->notes.ranges.at[i].end;
	for (size_t i = 0; end != 0 && i < c->image.loads.n; i++) {
		const struct core_load *l = &c->image.loads.at[i];
		if (l->start < end)
			continue;
		if (l->start - end > BRK_MAX || range_at(c, l->start) != NULL)
			return NULL;
		if (l->start > end && (l->prot & PROT_WRITE) != 0)
			return l;
	}
	return NULL;
}

static struct special
find_special(const struct core *c)
{
	struct special s = {.heap = find_heap(c)};
	uint64_t at;

	if (core_auxv(&c->notes, AT_SYSINFO_EHDR, &at))
		s.vdso = core_load_at(c, at);
	if (core_auxv(&c->notes, AT_RANDOM, &at))
		s.stack = core_load_at(c, at);
	return s;
}

static const char *
path_of(const struct core *c, const struct special *s, const struct core_load *l,
        const struct core_range *r)
{
	if (r != NULL)
		return c->notes.files.at[r->file].path;
	if (l == NULL)
		return "";
	return l == s->vdso ? "[vdso]" : l == s->stack ? "[stack]" : l == s->heap ? "[heap]" : "";
}

/*
 * One region, [start, end) inside of one segment or range or both. Read-only memory of a
 * file is one region, of which the core may have the first page and the file the rest;
 * elsewhere what the core has not is a region of its own, so that the rest is at hand.
 */
static void
emit(const struct core *c, region_vec *v, struct region of, const struct core_load *l,
     const struct core_range *r)
{
	taddr has_end = l != NULL ? l->start + l->has : of.start;
	bool is_mixed = r != NULL && c->fds.at[r->file] >= 0 && (of.prot & PROT_WRITE) == 0;

	if (has_end > of.end)
		has_end = of.end;
	if (has_end <= of.start || (has_end < of.end && is_mixed)) {
		vec_push(v, of);
		return;
	}
	struct region first = of;
	first.end = has_end;
	first.data = c->map + l->off + (of.start - l->start);
	vec_push(v, first);
	if (has_end == of.end)
		return;
	if (r != NULL)
		of.file_off += has_end - of.start;
	of.start = has_end;
	vec_push(v, of);
}

static taddr
min_addr(taddr a, taddr b)
{
	return a < b ? a : b;
}

enum status
core_target(struct core *c, struct target **ret, struct errbuf *eb)
{
	struct special special = find_special(c);
	region_vec v = {0};
	size_t i = 0, k = 0;
	taddr at = 0;

	while (i < c->image.loads.n || k < c->notes.ranges.n) {
		const struct core_load *l =
		        i < c->image.loads.n ? &c->image.loads.at[i] : NULL;
		const struct core_range *r =
		        k < c->notes.ranges.n ? &c->notes.ranges.at[k] : NULL;
		/* The next place where something begins, then where something changes. */
		taddr start = min_addr(l != NULL ? l->start : UINT64_MAX,
		                       r != NULL ? r->start : UINT64_MAX);
		at = start > at ? start : at;
		taddr end = UINT64_MAX;
		bool in_l = l != NULL && l->start <= at, in_r = r != NULL && r->start <= at;
		if (l != NULL)
			end = min_addr(end, in_l ? l->end : l->start);
		if (r != NULL)
			end = min_addr(end, in_r ? r->end : r->start);
		struct region of = {
			.start = at,
			.end = end,
			.prot = in_l ? l->prot : in_r ? r->prot : 0,
			.path = path_of(c, &special, in_l ? l : NULL, in_r ? r : NULL),
			.file_off = in_r ? r->off + (at - r->start) : 0,
			.is_deleted = in_r && c->notes.files.at[r->file].is_deleted,
		};
		emit(c, &v, of, in_l ? l : NULL, in_r ? r : NULL);
		at = end;
		i += in_l && l->end == end;
		k += in_r && r->end == end;
	}
	enum status st = target_new(&core_ops, c, &c->image.machine, v.at, v.n, ret, eb);
	vec_fini(&v);
	return st;
}
