/*
 * A program with Python in it, or several of them: does what its arguments say, one after the other.
 *
 * load PATH     dlopen a libpython, its names for itself; what follows is done with it
 * global PATH   dlopen a libpython, its names for everybody's use
 * linked        the libpython that this program is linked with
 * space PATH    the same in a namespace of its own (dlmopen)
 * home DIR      Py_SetPythonHome
 * site          let the next init import site
 * init          Py_InitializeEx
 * run CODE      PyRun_SimpleString
 * final         Py_Finalize
 * ready         say "ready", then wait for the end of the standard input
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static void *lib;
static int has_site;

static void
die(const char *what)
{
	fprintf(stderr, "host: %s\n", what);
	exit(1);
}

static void *
find(const char *name)
{
	void *at = lib != NULL ? dlsym(lib, name) : NULL;
	if (at == NULL)
		die(name);
	return at;
}

static void
load(const char *how, const char *path)
{
	if (strcmp(how, "space") == 0)
		lib = dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
	else
		lib = dlopen(path, RTLD_NOW | (strcmp(how, "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL));
	if (lib == NULL)
		die(dlerror());
}

/* Text is wide since Python 3. The copy stays: Python keeps the pointer. */
static void
set_home(const char *dir)
{
	void (*set)(void *);
	size_t n = strlen(dir);
	wchar_t *wide = calloc(n + 1, sizeof(*wide));

	for (size_t i = 0; wide != NULL && i < n; i++)
		wide[i] = (unsigned char)dir[i];
	*(void **)&set = find("Py_SetPythonHome");
	set(dlsym(lib, "PyString_FromString") != NULL ? (void *)strdup(dir) : (void *)wide);
}

static void
init(void)
{
	void (*f)(int);
	/* site may want modules, which want libpython's names. */
	int *no_site = dlsym(lib, "Py_NoSiteFlag");

	if (no_site != NULL)
		*no_site = !has_site;
	has_site = 0;
	*(void **)&f = find("Py_InitializeEx");
	f(0);
}

static void
run(const char *code)
{
	int (*f)(const char *);

	*(void **)&f = dlsym(lib, "PyRun_SimpleString");
	if (f != NULL) {
		if (f(code) != 0)
			die("the code failed");
		return;
	}
	int (*g)(const char *, void *);
	*(void **)&g = find("PyRun_SimpleStringFlags");
	if (g(code, NULL) != 0)
		die("the code failed");
}

static void
final(void)
{
	void (*f)(void);
	*(void **)&f = find("Py_Finalize");
	f();
}

static void
ready(void)
{
	char buf[256];

	if (write(1, "ready\n", 6) != 6)
		die("nobody listens");
	while (read(0, buf, sizeof(buf)) > 0)
		;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *what = argv[i];
		if (strcmp(what, "init") == 0)
			init();
		else if (strcmp(what, "final") == 0)
			final();
		else if (strcmp(what, "ready") == 0)
			ready();
		else if (strcmp(what, "site") == 0)
			has_site = 1;
		else if (strcmp(what, "linked") == 0)
			lib = dlopen(NULL, RTLD_NOW);
		else if (i + 1 == argc)
			die("an argument is missing");
		else if (strcmp(what, "load") == 0 || strcmp(what, "global") == 0 ||
		         strcmp(what, "space") == 0)
			load(what, argv[++i]);
		else if (strcmp(what, "home") == 0)
			set_home(argv[++i]);
		else if (strcmp(what, "run") == 0)
			run(argv[++i]);
		else
			die(what);
	}
	return 0;
}
