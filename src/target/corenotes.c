/*
 * The notes of a core: threads with their registers, the process, its auxiliary vector,
 * the files that it had mapped, the signal. A pure function of bytes; a note that makes
 * no sense is counted, and the others are read.
 *
 * Linux: fs/binfmt_elf.c (fill_note_info, fill_files_note); include/linux/elfcore.h.
 */
#include "corepriv.h"

#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/bytes.h"
#include "memscan/limits.h"

enum {
	FNAME_LEN = 16,
	ARGS_LEN = 80,
};

/* A note as it is read: what it is of, and its bytes. */
struct note {
	uint64_t type;
	const uint8_t *desc;
	size_t len;
	const struct machine *m;
	bool swap;
};

/* ---- the process ---- */

/* struct elf_prpsinfo: uid and gid are 16 bits wide on i386 and arm, which its length shows. */
static bool
read_psinfo(const struct note *n, struct core_notes *ret)
{
	unsigned word = n->m->ptr_width;
	struct bytes b = bytes_of(n->desc, n->len);
	unsigned id = word == 4 && n->len < 128 ? 2 : 4;

	b.swap = n->swap;
	bytes_take(&b, 4 + (word == 8 ? 4 : 0) + word); /* states, pr_flag */
	unsigned uid = (unsigned)bytes_uint(&b, id);
	unsigned gid = (unsigned)bytes_uint(&b, id);
	pid_t pid = (pid_t)bytes_uint(&b, 4);
	bytes_take(&b, 3 * 4); /* ppid, pgrp, sid */
	const char *fname = bytes_take(&b, FNAME_LEN);
	const char *args = bytes_take(&b, ARGS_LEN);
	if (fname == NULL || args == NULL)
		return false;
	if (ret->has_psinfo)
		return true;
	ret->has_psinfo = true;
	ret->pid = pid;
	ret->uid = uid;
	ret->gid = gid;
	/* The kernel's names have 15 characters; gcore fills the field with the file's name. */
	memcpy(ret->comm, fname, strnlen(fname, FNAME_LEN - 1));
	memcpy(ret->args, args, strnlen(args, ARGS_LEN));
	for (size_t i = strlen(ret->args); i > 0 && ret->args[i - 1] == ' '; i--)
		ret->args[i - 1] = '\0';
	return true;
}

static bool
read_prstatus(const struct note *n, struct core_notes *ret)
{
	struct thread_regs r;
	int signal;

	if (ret->threads.n >= LIM_THREADS ||
	    !prstatus_parse(n->desc, n->len, n->m, &r, &signal))
		return false;
	if (ret->threads.n == 0 && ret->signal.number == 0)
		ret->signal.number = signal;
	vec_push(&ret->threads, r);
	return true;
}

static bool
read_siginfo(const struct note *n, struct core_notes *ret)
{
	unsigned word = n->m->ptr_width;
	size_t at = word == 8 ? 16 : 12;

	if (n->len < at + word)
		return false;
	int number = (int)load_int(n->desc, 4, n->swap);
	int code = (int)load_int(n->desc + 8, 4, n->swap);
	if (number <= 0 || number > 64)
		return number == 0;
	struct core_signal s = {.number = number, .code = code};
	bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGILL ||
	                number == SIGFPE || number == SIGTRAP;
	/* Positive codes are the kernel's own; others were sent by somebody. */
	if (is_fault && code > 0) {
		s.has_addr = true;
		s.addr = load_uint(n->desc + at, word, n->swap);
	}
	ret->signal = s;
	return true;
}

static bool
read_auxv(const struct note *n, struct core_notes *ret)
{
	struct bytes b = bytes_of(n->desc, n->len);

	b.swap = n->swap;
	if (ret->auxv.n > 0)
		return true;
	while (bytes_left(&b) >= 2u * n->m->ptr_width) {
		uint64_t type = bytes_uint(&b, n->m->ptr_width);
		uint64_t value = bytes_uint(&b, n->m->ptr_width);
		if (type == AT_NULL)
			break;
		vec_push(&ret->auxv, type);
		vec_push(&ret->auxv, value);
	}
	return true;
}

bool
core_auxv(const struct core_notes *n, uint64_t type, uint64_t *ret)
{
	for (size_t i = 0; i + 1 < n->auxv.n; i += 2) {
		if (n->auxv.at[i] != type)
			continue;
		*ret = n->auxv.at[i + 1];
		return true;
	}
	return false;
}

/* ---- the files ---- */

/* Append a range; neighbours of one name are one file. */
static void
add_range(struct core_notes *ret, struct core_range r, char *path)
{
	static const char suffix[] = " (deleted)";
	size_t len = strlen(path);
	size_t cut = sizeof(suffix) - 1;
	bool is_deleted = len > cut && strcmp(path + len - cut, suffix) == 0;

	if (is_deleted)
		path[len - cut] = '\0';
	struct core_file *last =
	        ret->files.n > 0 ? &ret->files.at[ret->files.n - 1] : NULL;
	/* The same image twice begins with offset 0 again. */
	if (last == NULL || strcmp(last->path, path) != 0 ||
	    last->is_deleted != is_deleted || (r.off == 0 && last->n > 0 &&
	    ret->ranges.at[ret->ranges.n - 1].off != 0)) {
		vec_push(&ret->files, (struct core_file){
			.path = path,
			.is_deleted = is_deleted,
			.first = ret->ranges.n,
		});
		last = &ret->files.at[ret->files.n - 1];
	}
	r.file = (uint32_t)(ret->files.n - 1);
	last->n++;
	vec_push(&ret->ranges, r);
}

/*
 * NT_FILE: count, page size, then start, end and offset in pages of each, then the names.
 * Ranges out of order are left out.
 */
static bool
read_files(const struct note *n, struct core_notes *ret)
{
	unsigned word = n->m->ptr_width;
	struct bytes b = bytes_of(n->desc, n->len);

	b.swap = n->swap;
	uint64_t count = bytes_uint(&b, word);
	uint64_t page = bytes_uint(&b, word);
	if (b.bad || ret->has_file_note || count > bytes_left(&b) / (3 * word))
		return false;
	struct bytes names = bytes_of(b.p + count * 3 * word,
	                              bytes_left(&b) - (size_t)count * 3 * word);
	size_t left = bytes_left(&names);
	char *text = xmalloc(left + 1);
	memcpy(text, names.p, left);
	text[left] = '\0';
	vec_push(&ret->texts, text);
	ret->has_file_note = true;

	taddr end = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct core_range r = {0};
		r.start = bytes_uint(&b, word);
		r.end = bytes_uint(&b, word);
		uint64_t pages = bytes_uint(&b, word);
		size_t len = strlen(text);
		if (len >= left)
			return false; /* The names end before the ranges do. */
		char *path = text;
		text += len + 1;
		left -= len + 1;
		if (r.start >= r.end || r.start < end || page == 0 ||
		    pages > UINT64_MAX / page || r.end - r.start > UINT64_MAX - pages * page) {
			ret->bad++;
			continue;
		}
		end = r.end;
		r.off = pages * page;
		add_range(ret, r, path);
	}
	return true;
}

/* ---- one after the other ---- */

static bool
read_note(const struct note *n, bool is_core, struct core_notes *ret)
{
	if (is_core) {
		switch (n->type) {
		case NT_PRSTATUS: return read_prstatus(n, ret);
		case NT_PRPSINFO: return read_psinfo(n, ret);
		case NT_AUXV: return read_auxv(n, ret);
		case NT_FILE: return read_files(n, ret);
		case NT_SIGINFO: return read_siginfo(n, ret);
		default: return true;
		}
	}
	if (ret->threads.n > 0)
		(void)regs_note_tls(n->type, n->desc, n->len, n->m,
		                    &ret->threads.at[ret->threads.n - 1]);
	return true;
}

void
core_notes_parse(const uint8_t *p, size_t len, const struct machine *m,
                 struct core_notes *ret)
{
	struct bytes b = bytes_of(p, len);

	b.swap = m->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	while (bytes_left(&b) >= 12) {
		struct note n = {.m = m, .swap = b.swap};
		uint64_t name_len = bytes_uint(&b, 4);
		n.len = bytes_uint(&b, 4);
		n.type = bytes_uint(&b, 4);
		const char *name = bytes_take(&b, (name_len + 3) & ~3ULL);
		n.desc = bytes_take(&b, n.len);
		if (name == NULL || n.desc == NULL) {
			ret->bad++;
			return;
		}
		bool is_core = name_len >= 4 && memcmp(name, "CORE", 4) == 0;
		bool is_linux = name_len >= 5 && memcmp(name, "LINUX", 5) == 0;
		if ((is_core || is_linux) && !read_note(&n, is_core, ret))
			ret->bad++;
		size_t pad = (size_t)(-n.len & 3);
		bytes_take(&b, pad <= bytes_left(&b) ? pad : bytes_left(&b));
	}
}

void
core_notes_fini(struct core_notes *n)
{
	for (size_t i = 0; i < n->texts.n; i++)
		free(n->texts.at[i]);
	vec_fini(&n->texts);
	vec_fini(&n->threads);
	vec_fini(&n->ranges);
	vec_fini(&n->files);
	vec_fini(&n->auxv);
	*n = (struct core_notes){0};
}
