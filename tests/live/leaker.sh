# The extension that leaks, for the tests that need it. Sourced.

# build_leaker PYTHON: leaker.c for it in $TMP; false if there is nothing to build it with.
build_leaker() {
	rm -f "$TMP/leaker.so"
	includes=$("$1" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
	[ -f "$includes/Python.h" ] || return 1
	compiler=${CC:-cc}
	command -v "${compiler%% *}" > /dev/null || return 1
	$compiler -shared -fPIC -O1 -I "$includes" -o "$TMP/leaker.so" $live/leaker.c || fail "the extension does not compile"
}
