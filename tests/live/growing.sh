#!/bin/sh
# diff and trend on a server with one cache that grows: they name it, and tell new objects from old ones as the server
# does. On 3.11, an older and a newer release.
. tests/live/lib.sh

take() { # name
	dump
	[ $status = 0 ] || fail "exit status $status"
	mv "$TMP/dump" "$TMP/$1"
}

check() { # interpreter
	start "$1" -S $live/growing.py
	take a
	: > "$TMP/told"
	for name in b c d; do
		ask 400
		echo "$answer" >> "$TMP/told"
		take $name
	done
	stop_target
	start "$1" -S $live/growing.py
	take other
	stop_target
	python3 $live/growing-compare.py "$MEMSCAN" "$TMP" || fail "$1: the answers are wrong"
	ran=yes
}

ran=
for row in deb-2.7 deb-3.11 deb-3.13; do
	[ -x build/interpreters/$row/python ] && check build/interpreters/$row/python
done
[ -n "$ran" ] || check "$PYTHON"
done_testing
