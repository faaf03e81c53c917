/*
 * The list of ELF images mapped into a target. Headers, load addresses and build ids are
 * taken from the target's memory, which is what runs; a file is opened only when symbols
 * are asked for, and only believed if its build id is that of the memory.
 */
#include "priv.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memscan/limits.h"
#include "memscan/mem.h"

enum {
	IMAGE_REGIONS_MAX = 4096
}; /* mappings of one image: a handful, more if pages are protected singly */

/* ---- files ---- */

int
open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

Elf *
elf_of_fd(int fd)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	/* Read, not mapped: a file that is truncated meanwhile must not end memscan. */
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf != NULL && elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

bool
elf_has_build_id(Elf *elf, const uint8_t *id, size_t len)
{
	const void *theirs;

	if (len == 0)
		return true;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &theirs);
	return n == (ssize_t)len && memcmp(theirs, id, len) == 0;
}

/*
 * The file of a module: by way of the process, or by its name alone if the build id
 * proves it.
 */
static int
open_module_file(const struct module *m)
{
	const struct elf_file *f = m->file;
	int fd;

	if (m->path[0] != '/' && f->list->t != NULL)
		return -1;
	if (f->list->pid > 0) {
		if (live_open_file(f->list->pid, &f->region, &fd) == MS_OK)
			return fd;
		if (m->build_id_len == 0)
			return -1;
	}
	if (f->list->is_core)
		return target_open_file(f->list->t, &f->region, &fd) == MS_OK ? fd : -1;
	return open_regular(m->path);
}

Elf *
module_elf(struct module *m)
{
	struct elf_file *f = m->file;

	if (f->is_opened)
		return f->elf;
	f->is_opened = true;
	if (f->fd < 0)
		f->fd = open_module_file(m);
	if (f->fd < 0)
		return NULL;
	f->elf = elf_of_fd(f->fd);
	if (f->elf != NULL && !elf_has_build_id(f->elf, m->build_id, m->build_id_len)) {
		elf_end(f->elf);
		f->elf = NULL;
	}
	return f->elf;
}

/* ---- making and freeing ---- */

/* All that is opened again when it is asked for; names of symbols may lie in it. */
static void
file_drop_debug(struct elf_file *f)
{
	symtab_free(f->symtab);
	dwarf_end(f->dwarf);
	dwarf_end(f->alt);
	elf_end(f->alt_elf);
	elf_end(f->debug);
	f->symtab = NULL;
	f->dwarf = f->alt = NULL;
	f->alt_elf = f->debug = NULL;
	mem_clean_close(&f->alt_fd);
	mem_clean_close(&f->debug_fd);
	f->alt_fd = f->debug_fd = -1;
	free(f->debug_path);
	free(f->origin);
	f->debug_path = f->origin = NULL;
	f->is_debug_sought = f->is_dwarf_sought = false;
}

static void
file_free(struct elf_file *f)
{
	if (f == NULL)
		return;
	file_drop_debug(f);
	elf_end(f->elf);
	mem_clean_close(&f->fd);
	head_fini(&f->head);
	free(f);
}

static struct elf_file *
file_new(struct modules *list, const struct region *r, struct elf_head *head)
{
	struct elf_file *f = xcalloc(1, sizeof(*f));

	f->list = list;
	f->region = *r;
	f->fd = f->debug_fd = f->alt_fd = -1;
	f->head = *head;
	*head = (struct elf_head){0};
	return f;
}

void
modules_free(struct modules *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->n; i++) {
		char *path;
		memcpy(&path, &list->at[i].path, sizeof(path));
		file_free(list->at[i].file);
		free(path);
	}
	free(list->at);
	free(list);
}

void
modules_drop_debug(struct modules *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].file != NULL && list->at[i].file->is_dwarf_sought)
			file_drop_debug(list->at[i].file);
}

static void
modules_clean(struct modules **at)
{
	modules_free(*at);
}

static struct module *
add_module(struct modules *list, const struct region *r, struct elf_head *head)
{
	list->at = xrealloc(list->at, (list->n + 1) * sizeof(*list->at));
	struct module *m = &list->at[list->n++];
	*m = (struct module){
		.path = xstrdup(r->path),
		.start = r->start,
		.end = r->end,
		.is_deleted = r->is_deleted,
	};
	m->file = file_new(list, r, head);
	m->file->region.path = m->path;
	return m;
}

/* ---- finding the images ---- */

/* Addresses of 32-bit programs wrap at 4 GiB. */
static uint64_t
address_mask(const struct machine *m)
{
	return m->ptr_width == 4 ? UINT32_MAX : UINT64_MAX;
}

/* The bias by the segment that the mapping of offset 0 belongs to. */
static bool
bias_of(const struct elf_head *h, const struct region *r, uint64_t *ret)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->segments[i];
		if (s->type != PT_LOAD || s->offset != 0)
			continue;
		*ret = (r->start - s->vaddr) & address_mask(&h->machine);
		return true;
	}
	return false;
}

static bool
is_same_file(const struct region *a, const struct region *b)
{
	return a->inode == b->inode && a->dev == b->dev && strcmp(a->path, b->path) == 0;
}

/*
 * How far the image that starts with region i is mapped: over the regions of its file and
 * the anonymous ones for its zeros, up to another image. False if nothing of it may be
 * executed: then it is a file that somebody reads.
 */
static bool
find_end(const struct region *regions, size_t n, size_t i, taddr limit, taddr *end)
{
	const struct region *head = &regions[i];
	bool has_code = false;

	*end = head->end;
	for (size_t k = i; k < n && k - i < IMAGE_REGIONS_MAX; k++) {
		const struct region *r = &regions[k];
		if (k > i && r->start >= limit)
			break;
		if (!is_same_file(r, head) && r->path[0] != '\0')
			break;
		has_code |= (r->prot & PROT_EXEC) != 0;
		*end = r->end;
	}
	return has_code;
}

/*
 * True if every segment lies where the header has it. Another mapping of the file as a
 * whole, which somebody made to read it, has the later ones where they are in the file.
 */
static bool
is_laid_out(const struct region *regions, size_t n, size_t i, const struct elf_head *h,
	uint64_t bias)
{
	const struct region *head = &regions[i];

	for (size_t k = 0; k < h->n; k++) {
		const struct segment *s = &h->segments[k];
		taddr at = (bias + s->vaddr) & address_mask(&h->machine);
		size_t j = i;
		while (j < n && j - i < IMAGE_REGIONS_MAX && regions[j].end <= at)
			j++;
		if (s->type != PT_LOAD || s->filesz == 0 || j == n ||
			regions[j].start > at || !is_same_file(&regions[j], head))
			continue;
		if (regions[j].file_off + (at - regions[j].start) != s->offset)
			return false;
	}
	return true;
}

/* The header in memory; where it may not be read, that of the file. */
static enum status
read_head(struct target *t, pid_t pid, const struct region *r, struct elf_head *head)
{
	struct source src = source_target(t, r->start);
	int fd;

	enum status st = head_parse(&src, head);
	if (st != MS_FAULT || pid <= 0 || live_open_file(pid, r, &fd) != MS_OK)
		return st;
	src = source_file(fd);
	st = head_parse(&src, head);
	close(fd);
	return st;
}

static enum status
try_region(struct modules *list, const struct region *regions, size_t n, size_t i,
	struct errbuf *eb)
{
	const struct region *r = &regions[i];
	CLEAN(head_fini) struct elf_head head = {0};
	uint64_t bias, low, high;
	taddr end;

	if (read_head(list->t, list->pid, r, &head) != MS_OK ||
		!bias_of(&head, r, &bias) || !head_extent(&head, &low, &high))
		return MS_OK;
	taddr limit = (bias + high) & address_mask(&head.machine);
	if (!find_end(regions, n, i, limit, &end) ||
		!is_laid_out(regions, n, i, &head, bias))
		return MS_OK;
	if (list->n == LIM_MODULES)
		return errbuf_set(eb, MS_LIMIT, "more than %d program files are mapped",
			LIM_MODULES);

	struct module *m = add_module(list, r, &head);
	struct source src = source_target(list->t, r->start);
	m->bias = bias;
	m->end = end;
	m->build_id_len = head_build_id(&m->file->head, &src, true, bias, m->build_id);
	return MS_OK;
}

enum status
modules_load(struct target *t, pid_t pid, struct modules **ret, struct errbuf *eb)
{
	CLEAN(modules_clean) struct modules *list = xcalloc(1, sizeof(*list));
	size_t n;
	const struct region *regions = target_regions(t, &n);

	list->t = t;
	list->pid = pid;
	for (size_t i = 0; i < n; i++) {
		const struct region *r = &regions[i];
		bool is_file = r->path[0] == '/' && r->file_off == 0;
		if (!is_file && strcmp(r->path, "[vdso]") != 0)
			continue;
		/*
		 * The data of a small image may lie in its first page too, which is then
		 * mapped twice.
		 */
		if (list->n > 0 && r->start < list->at[list->n - 1].end)
			continue;
		enum status st = try_region(list, regions, n, i, eb);
		if (st != MS_OK)
			return st;
	}
	*ret = STEAL(list);
	return MS_OK;
}

enum status
elf_open_file(const char *path, struct modules **ret, struct errbuf *eb)
{
	CLEAN(modules_clean) struct modules *list = xcalloc(1, sizeof(*list));
	CLEAN(head_fini) struct elf_head head = {0};
	uint64_t low = 0, high = 0;

	CLEAN_CLOSE int fd = open_regular(path);
	if (fd < 0)
		return errbuf_sys(
			eb, MS_IO, "%s: cannot be opened, or is no regular file", path);
	struct source src = source_file(fd);
	if (head_parse(&src, &head) != MS_OK)
		return errbuf_set(eb, MS_FORMAT, "%s: not an ELF file", path);

	struct module *m = add_module(list, &(struct region){.path = path}, &head);
	m->build_id_len = head_build_id(&m->file->head, &src, false, 0, m->build_id);
	if (head_extent(&m->file->head, &low, &high)) {
		m->start = low;
		m->end = high;
	}
	m->file->fd = fd;
	fd = -1;
	if (module_elf(m) == NULL)
		return errbuf_set(eb, MS_FORMAT, "%s: not a whole ELF file", path);
	*ret = STEAL(list);
	return MS_OK;
}

/* ---- the list ---- */

size_t
modules_count(const struct modules *list)
{
	return list->n;
}

struct module *
modules_at(struct modules *list, size_t i)
{
	return &list->at[i];
}

struct module *
modules_find(struct modules *list, taddr addr)
{
	size_t lo = 0, hi = list->n;

	/* Images start in the order of regions and end before the next one starts. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (list->at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < list->n && list->at[lo].start <= addr ? &list->at[lo] : NULL;
}

const struct machine *
elf_machine(struct module *m)
{
	return &m->file->head.machine;
}

/* ---- sections and bytes ---- */

enum status
elf_section(struct module *m, const char *name, taddr *addr, uint64_t *size)
{
	Elf *elf = module_elf(m);
	size_t names;

	if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0)
		return MS_ABSENT;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
		GElf_Shdr sh;
		if (gelf_getshdr(scn, &sh) == NULL || (sh.sh_flags & SHF_ALLOC) == 0)
			continue;
		const char *found = elf_strptr(elf, names, sh.sh_name);
		if (found == NULL || strcmp(found, name) != 0)
			continue;
		*addr = (sh.sh_addr + m->bias) & address_mask(elf_machine(m));
		*size = sh.sh_size;
		return MS_OK;
	}
	return MS_ABSENT;
}

/*
 * Read from one segment as much of [addr, addr + n) as it has; the part behind its file
 * bytes is zeros.
 */
static enum status
read_segment(
	struct module *m, const struct segment *s, uint64_t vaddr, uint8_t *buf, size_t n)
{
	struct source src = source_file(m->file->fd);
	uint64_t off = vaddr - s->vaddr;
	size_t in_file = 0;

	if (off < s->filesz)
		in_file = s->filesz - off < n ? (size_t)(s->filesz - off) : n;
	memset(buf + in_file, 0, n - in_file);
	if (in_file == 0)
		return MS_OK;
	return off <= UINT64_MAX - s->offset
		? src.read(&src, s->offset + off, buf, in_file)
		: MS_FAULT;
}

enum status
elf_read(struct module *m, taddr addr, void *buf, size_t n)
{
	uint64_t vaddr = (addr - m->bias) & address_mask(elf_machine(m));

	if (module_elf(m) == NULL)
		return m->file->list->t != NULL
			? target_read(m->file->list->t, addr, buf, n)
			: MS_FAULT;
	for (size_t i = 0; i < m->file->head.n; i++) {
		const struct segment *s = &m->file->head.segments[i];
		uint64_t off = vaddr - s->vaddr;
		if (s->type == PT_LOAD && off < s->memsz && n <= s->memsz - off)
			return read_segment(m, s, vaddr, buf, n);
	}
	return MS_FAULT;
}

void
modules_set_sysroot(struct modules *m, const char *dir)
{
	m->sysroot = dir;
}

void
modules_set_core(struct modules *m, const char *debug_dir)
{
	m->is_core = true;
	m->debug_dir = debug_dir;
}
