#!/bin/sh
# The questions of heapy's tutorial, each one command, have the answers that loops in the process find. HEAPY_N packages:
# the tutorial's hundred thousand take a while.
. tests/live/lib.sh
n=${HEAPY_N:-3000}

walk() { # interpreter
	start "$1" -S $live/heapy.py "$TMP/answers" "$n"
	dump
	[ $status = 0 ] || fail "$1: exit status $status"
	mv "$TMP/dump" "$TMP/old"
	ask 77
	dump
	[ $status = 0 ] || fail "$1: exit status $status"
	python3 $live/heapy-walk.py "$MEMSCAN" "$TMP/dump" "$TMP/old" 77 "$TMP/answers" || fail "$1: the answers differ"
	stop_target
	ran=yes
}

ran=
for row in deb-2.7 deb-3.11 deb-3.13; do
	[ -x build/interpreters/$row/python ] && walk build/interpreters/$row/python
done
[ -n "$ran" ] || walk "$PYTHON"
done_testing
