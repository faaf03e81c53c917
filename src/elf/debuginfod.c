/*
 * Files by build id from a debuginfod server (elfutils), where DEBUGINFOD_URLS names one.
 * The library is loaded when it is asked for: memscan works without it.
 */
#include "priv.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/log.h"

typedef void *begin_fn(void);
typedef void end_fn(void *client);
typedef int find_fn(void *client, const unsigned char *id, int id_len, char **path);

/* POSIX makes a function of dlsym's pointer; C needs the detour. */
static void
find_symbol(void *lib, const char *name, void *fn, size_t size)
{
	void *p = dlsym(lib, name);
	memcpy(fn, &p, size);
}

int
debuginfod_open(enum debuginfod_what what, const uint8_t *id, size_t len, char **path)
{
	static const char *const names[] = {
		[DEBUGINFOD_EXECUTABLE] = "debuginfod_find_executable",
		[DEBUGINFOD_DEBUGINFO] = "debuginfod_find_debuginfo",
	};
	const char *urls = getenv("DEBUGINFOD_URLS");
	begin_fn *begin;
	end_fn *end;
	find_fn *find;
	int fd = -1;

	if (urls == NULL || *urls == '\0')
		return -1;
	void *lib = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		log_at(LOG_VERBOSE,
		       "DEBUGINFOD_URLS is set, but libdebuginfod of elfutils is not there");
		return -1;
	}
	find_symbol(lib, "debuginfod_begin", &begin, sizeof(begin));
	find_symbol(lib, "debuginfod_end", &end, sizeof(end));
	find_symbol(lib, names[what], &find, sizeof(find));
	void *client = begin != NULL && end != NULL && find != NULL ? begin() : NULL;
	if (client != NULL) {
		fd = find(client, id, (int)len, path);
		end(client);
	}
	/* Not closed: libcurl does not like to be unloaded. */
	return fd < 0 ? -1 : fd;
}
