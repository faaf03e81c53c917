#!/bin/sh
# A garbage collection that does not end, as a finalizer hangs in it: it is waited for, and then the dump is made in its midst, as exact as
# any other, and says so.
. tests/live/lib.sh

for python in "$PYTHON" "$PWD/build/interpreters/pyenv-3.6.15/python" "$PWD/build/interpreters/deb-3.15/python"; do
	has_python "$python" || continue
	start "$python" -S -W ignore $live/collecting.py "$TMP/truth"
	dump --values none
	[ $status = 6 ] || fail "exit status $status of $python"
	grep -q "garbage collection of process $target does not end" "$TMP/err" || fail "$python: nothing is said of it"
	if [ "$python" = "$PYTHON" ]; then
		run check --pid "$target"
		[ $status = 0 ] || fail "exit status $status of check"
		grep -q '^probes  *yes .*a garbage collection does not end' "$TMP/stdout" || fail "check says nothing of the collection"
	fi
	stop_target
	"$MEMSCAN" info --json "$TMP/dump" | sed -n '/damage_by_reason/,/]/p' | grep '"reason"' > "$TMP/damage"
	[ "$(grep -c . "$TMP/damage")" = 1 ] || fail "$python: there is other damage: $(cat "$TMP/damage")"
	"$MEMSCAN" export --format jsonl "$TMP/dump" | grep -v '"damage".*"a garbage collection was in progress"' |
		python3 $live/compare.py "in the midst of a collection, $python" "$TMP/truth" || fail "the dump of $python is not exact"
done
done_testing
