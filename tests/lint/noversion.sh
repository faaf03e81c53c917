#!/bin/sh
# Nothing decides by Python's version but the choice of a table, in the layer "layout". noversion.awk has the rules; that
# each of them finds what it is for is seen first.
set -u
awk=tests/lint/noversion.awk
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/src/py" "$tmp/src/cmd" "$tmp/src/layout"

# finds FILE LINE, passes FILE LINE
finds() {
	printf '%s\n' "$2" > "$tmp/$1"
	[ -n "$(awk -f $awk "$tmp/$1")" ] || { echo "the lint does not see in $1: $2"; exit 1; }
}
passes() {
	printf '%s\n' "$2" > "$tmp/$1"
	[ -z "$(awk -f $awk "$tmp/$1")" ] || { echo "the lint objects in $1 to: $2"; exit 1; }
}
finds src/py/x.c 'if (l->hexversion >= limit)'
finds src/py/x.c 'return word >> 16 == 0x030b;'
finds src/py/x.c 'return word >> 16 == 0x30d;'
finds src/py/x.c 'static const uint32_t first = 0x030d00f0u;'
finds src/py/x.c 'if (v < 0x031000A1) /* 3.16 */'
finds src/py/x.c 'if (strncmp(rt->version, "3.1", 3) == 0)'
finds src/py/x.c "if (rt->version[2] == '1')"
finds src/py/x.c 'if (strcmp(l->flavour, "debug") == 0)'
finds src/py/x.c 'return strstr(m->path, "python3.11") != NULL;'
finds src/py/x.c 'return py_minor > 11;'
finds src/py/x.c '#if PY_VERSION_HEX > 1'
finds src/cmd/x.c 'if (a->rt.hexversion > 7)'
finds src/cmd/x.c 'new = a->rt.hexversion >= limit;'
finds src/cmd/x.c 'const char *v = heap_meta_get(h, "python");'
finds src/layout/derive.c 'if (l->hexversion > 1)'
finds src/layout/build.c 'if (strcmp(rt->version, x) == 0)'
passes src/py/x.c '/* PY_VERSION_HEX 0x030b02f0: CPython 3.11 */ f(x); // hexversion'
passes src/py/x.c 'put("hexversion", "0x%08x", 0x200);'
passes src/cmd/x.c 'put_meta(s, "hexversion", "0x%08x", a->rt.hexversion);'
passes src/layout/embedded.c 'if (rt->hexversion < table->covers_first)'

found=$(find src include -name '*.[ch]' -o -name '*.def' | sort | xargs awk -f $awk)
[ -z "$found" ] || { echo "$found"; exit 1; }
