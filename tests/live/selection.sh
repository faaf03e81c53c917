#!/bin/sh
# What a selection means on a real dump is what plain loops over the exported dump find, for each predicate and for
# random combinations of them; what --rel leaves out is what the target made in between; and
# the commands' output fits narrow and wide terminals, whatever names and values hold.
. tests/live/lib.sh

check() { # interpreter
	start "$1" -S $live/selection.py
	dump
	[ $status = 0 ] || fail "$1: exit status $status"
	mv "$TMP/dump" "$TMP/old"
	ask "more"
	dump
	[ $status = 0 ] || fail "$1: exit status $status"
	"$MEMSCAN" export --format jsonl "$TMP/dump" > "$TMP/jsonl" || fail "$1: no export"
	"$MEMSCAN" export --format jsonl "$TMP/old" > "$TMP/old.jsonl" || fail "$1: no export"
	python3 $live/selection-brute.py "$MEMSCAN" "$TMP/dump" "$TMP/jsonl" "$TMP/old" "$TMP/old.jsonl" || fail "$1: selections differ"
	case $1 in *2.7*) ;; *)
		python3 $live/selection-look.py "$MEMSCAN" "$TMP/dump" || fail "$1: the output does not read well"
	esac
	stop_target
	ran=yes
}

ran=
for row in deb-2.7 deb-3.11 deb-3.13; do
	[ -x build/interpreters/$row/python ] && check build/interpreters/$row/python
done
[ -n "$ran" ] || check "$PYTHON"
done_testing
