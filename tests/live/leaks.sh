#!/bin/sh
# Leaks of every kind are named, with the extension's that forgets a Py_DECREF; on 3.11 and, as far as they are there,
# an older and newer releases.
. tests/live/lib.sh
. tests/live/leaker.sh

check() { # interpreter
	if build_leaker "$1"; then built=yes; else echo "no headers of $1: no extension"; fi
	start "$1" -S $live/leaks.py "$TMP/account" "$TMP"
	dump
	[ $status = 0 ] || fail "exit status $status"
	stop_target
	"$PYTHON" $live/leaks-compare.py "$MEMSCAN" "$TMP/dump" "$TMP/account" || fail "leaks are not named ($1)"
	# People's format.
	"$MEMSCAN" leaks "$TMP/dump" > "$TMP/text" || fail "no report"
	grep -q 'held as __main__.CACHE$' "$TMP/text" || fail "the report does not name the cache"
	"$MEMSCAN" leaks --refcounts "$TMP/dump" > "$TMP/text" || fail "no audit"
	grep -q 'objects audited' "$TMP/text" || fail "the audit does not say what it did"
}

built=
check "$PYTHON"
for row in pyenv-3.8.18 pyenv-3.13.0; do
	[ ! -x "build/interpreters/$row/python" ] || check "build/interpreters/$row/python"
done

# What only imported modules has no suspect of weight.
plain() { # interpreter
	start "$1" $live/imported.py
	dump
	[ $status = 0 ] || fail "exit status $status"
	stop_target
	"$MEMSCAN" leaks "$TMP/dump" > "$TMP/text" || fail "no report"
	head -n 1 "$TMP/text" | grep -qx 'No suspects.' || {
		cat "$TMP/text"
		fail "a plain interpreter has suspects ($1)"
	}
}

plain "$PYTHON"
for row in deb-2.7 pyenv-3.8.18 deb-3.13 deb-3.15; do
	[ ! -x "build/interpreters/$row/python" ] || plain "build/interpreters/$row/python"
done
[ -n "$built" ] || skip "there are no headers of Python to build an extension with"
done_testing
