/*
 * Allocators that end the program when memory is out, the checked one for sizes that
 * came from outside, and the functions behind the cleanup guards.
 */
#include "memscan/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2u << 20)

static void *
or_die(void *p)
{
	if (p != NULL)
		return p;
	static const char msg[] = "memscan: out of memory\n";
	ssize_t done = write(STDERR_FILENO, msg, sizeof(msg) - 1);
	(void)done;
	_exit(status_exit_code(MS_NOMEM));
}

void *
xmalloc(size_t n)
{
	return or_die(malloc(n ? n : 1));
}

void *
xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *
xrealloc(void *p, size_t n)
{
	return or_die(realloc(p, n ? n : 1));
}

char *
xstrdup(const char *s)
{
	return or_die(strdup(s));
}

enum status
mem_checked(size_t n, size_t size, size_t cap, void *ret, struct errbuf *eb)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > cap)
		return errbuf_set(eb, MS_LIMIT,
			"%zu elements of %zu bytes are more than the limit of %zu bytes",
			n, size, cap);
	void *p = calloc(bytes ? bytes : 1, 1);
	if (p == NULL)
		return errbuf_set(eb, MS_NOMEM, "out of memory for %zu bytes", bytes);
	memcpy(ret, &p, sizeof(p));
	return MS_OK;
}

/*
 * Large arrays are looked up at random places, and most of the time goes into finding
 * their pages: larger pages make that several times faster. It is advice, no more.
 */
static void
advise_huge(void *p, size_t bytes)
{
	uintptr_t from = ((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	uintptr_t end = ((uintptr_t)p + bytes) & ~(uintptr_t)(HUGE_PAGE - 1);

	if (bytes >= 4 * (size_t)HUGE_PAGE)
		(void)madvise((void *)from, end - from, MADV_HUGEPAGE);
}

enum status
mem_array(size_t n, size_t size, void *ret, struct errbuf *eb)
{
	void *p;

	enum status st = mem_checked(n, size, SIZE_MAX, &p, eb);
	if (st != MS_OK)
		return st;
	advise_huge(p, n * size);
	memcpy(ret, &p, sizeof(p));
	return MS_OK;
}

void
mem_clean_free(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof(p));
	free(p);
}

void
mem_clean_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void
mem_clean_fclose(void *fpp)
{
	FILE *f;
	memcpy(&f, fpp, sizeof(f));
	if (f != NULL)
		fclose(f);
}
