/*
 * What a process or file is that has no CPython in it, as far as its program files tell:
 * the refusal shall name it, so that nobody looks for the mistake elsewhere.
 */
#include <string.h>

#include "layout/priv.h"
#include "memscan/mem.h"

/* CPython to 3.6 that legacy_find could not make out. */
static struct module *
legacy_search(struct modules *list)
{
	struct elf_symbol sym;

	for (size_t i = 0; i < modules_count(list); i++) {
		struct module *m = modules_at(list, i);
		if (elf_symbol(m, "PyInterpreterState_Head", &sym) == MS_OK)
			return m;
	}
	return NULL;
}

/* Other Pythons and other runtimes, by the names of their files; Pythons first. */
static const struct other {
	const char *word, *name;
	bool is_start; /* the file's name begins with it */
} others[] = {
	{"pypy", "PyPy", false},
	{"graalpy", "GraalPy", false},
	{"libpythonvm", "GraalPy", false},
	{"micropython", "MicroPython", false},
	{"libjvm.so", "a Java virtual machine", true},
	{"libcoreclr.so", "a .NET program", true},
	{"libruby", "Ruby", true},
	{"libperl", "Perl", true},
	{"libnode", "Node.js", true},
};

static const struct module *
other_program(struct modules *list, const char **name)
{
	for (size_t k = 0; k < ARRAY_LEN(others); k++) {
		for (size_t i = 0; i < modules_count(list); i++) {
			const struct module *m = modules_at(list, i);
			const char *file = module_name(m);
			const char *at = strstr(file, others[k].word);
			if (at == NULL || (others[k].is_start && at != file))
				continue;
			*name = others[k].name;
			return m;
		}
	}
	return NULL;
}

/* The Go linker leaves a section of its own, which a program that is stripped has, too. */
static const struct module *
go_program(struct modules *list)
{
	uint64_t size;
	taddr addr;

	if (modules_count(list) == 0)
		return NULL;
	struct module *m = modules_at(list, 0);
	bool is_go = elf_section(m, ".go.buildinfo", &addr, &size) == MS_OK ||
		elf_section(m, ".gopclntab", &addr, &size) == MS_OK;
	return is_go ? m : NULL;
}

static enum status
explain_legacy(struct target *t, struct module *legacy, struct errbuf *eb)
{
	char text[PYVERSION_TEXT] = "";
	struct image im = {t, legacy};
	uint32_t hex;

	if (!version_find(&im, &(struct pyruntime){.module = legacy}, &hex) ||
		!pyversion_text(hex, text))
		snprintf(text, sizeof(text), "of some release before 3.7");
	return errbuf_set(eb, MS_VERSION,
		"this is CPython %s (%s); it has no _PyRuntime (new in 3.7), and the code of its "
		"PyInterpreterState_Head is not of a kind that tells where its interpreters are",
		text, module_name(legacy));
}

enum status
explain_absence(struct target *t, struct modules *list, struct errbuf *eb)
{
	const char *name = "a Go program";

	struct module *legacy = legacy_search(list);
	if (legacy != NULL)
		return explain_legacy(t, legacy, eb);
	const struct module *other = other_program(list, &name);
	if (other == NULL)
		other = go_program(list);
	if (other != NULL)
		return errbuf_set(eb, MS_ABSENT, "this is %s, not CPython (%s)", name,
			other->path);
	if (t == NULL)
		return errbuf_set(eb, MS_ABSENT,
			"no _PyRuntime and no PyInterpreterState_Head are defined here; "
			"if this program is linked with libpython, name that library");
	const char *program = modules_count(list) > 0 ? modules_at(list, 0)->path : "";
	return errbuf_set(eb, MS_ABSENT,
		"not a CPython process%s%s%s: none of the %zu program files mapped into it "
		"defines _PyRuntime or PyInterpreterState_Head",
		program[0] != '\0' ? " (" : "", program, program[0] != '\0' ? ")" : "",
		modules_count(list));
}
