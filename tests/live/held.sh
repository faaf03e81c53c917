#!/bin/sh
# What holds an object and what would be freed without it, on a target with one answer to each question and against
# removing 1,000 objects one by one; on 3.11 and, as far as they are there, an older and a newer release.
. tests/live/lib.sh

check() { # interpreter, objects to remove one by one
	start "$1" -S $live/held.py "$TMP/account"
	dump
	[ $status = 0 ] || fail "exit status $status"
	stop_target
	"$MEMSCAN" export --format jsonl "$TMP/dump" > "$TMP/jsonl" || fail "no export"
	"$PYTHON" $live/held-compare.py "$MEMSCAN" "$TMP/dump" "$TMP/account" "$TMP/jsonl" "$2" || fail "ways or sizes differ ($1)"
	# People's format: something for each, and nothing that matches.
	"$MEMSCAN" retained --depth 3 --min 1% "$TMP/dump" | grep -q "_store" || fail "the tree does not show the store"
	"$MEMSCAN" path "$TMP/dump" nosuch 2> "$TMP/err" | grep -qi 'no objects match' || fail "not said that nothing matches"
}

check "$PYTHON" 1000
for row in pyenv-3.8.18 pyenv-3.13.0; do
	[ ! -x "build/interpreters/$row/python" ] || check "build/interpreters/$row/python" 200
done
done_testing
