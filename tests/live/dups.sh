#!/bin/sh
# Equal values, dicts of one shape and wasted bytes are found, each with the figures that loops and sys.getsizeof() find
# in the process.
. tests/live/lib.sh

check() { # interpreter
	start "$1" -S $live/dups.py "$TMP/answers"
	dump
	[ $status = 0 ] || fail "$1: exit status $status"
	"$MEMSCAN" dups --json --limit 0 "$TMP/dump" > "$TMP/dups" 2> "$TMP/err" || fail "$1: dups"
	grep -q 'equal by a digest' "$TMP/err" || fail "$1: dups does not tell of the digest"
	"$MEMSCAN" waste --json --limit 0 "$TMP/dump" > "$TMP/waste" 2> "$TMP/err" || fail "$1: waste"
	python3 $live/dups-compare.py "$TMP/answers" "$TMP/dups" "$TMP/waste" || fail "$1: the answers differ"
	# The one answer stands at the top, at any width, and for a selection.
	"$MEMSCAN" dups "$TMP/dump" 2> /dev/null | grep -A 1 '^Saves.*Mostly held by' | grep "'app-editors/zed-7'" |
		grep -q "\[b*'cpv'\]" || fail "$1: the keys are not at the top"
	"$MEMSCAN" dups --json "$TMP/dump" 'str and value ~ "^app-editors"' 2> /dev/null | grep -q '"count": 24681' ||
		fail "$1: not 24,681 keys of the selection"
	for command in dups waste; do
		[ "$("$MEMSCAN" $command "$TMP/dump" 'size > 100G' 2>&1)" = "No objects match." ] ||
			fail "$1: $command of nothing"
		"$MEMSCAN" $command --json --limit 0 "$TMP/dump" 2> /dev/null | cmp -s - "$TMP/$command" ||
			fail "$1: $command says another thing the second time"
	done
	dump --values none
	"$MEMSCAN" dups --json --limit 0 "$TMP/dump" > "$TMP/dups" 2> "$TMP/err" || fail "$1: dups without values"
	grep -q 'taken with --values none' "$TMP/err" || fail "$1: dups does not say that there are no values"
	"$MEMSCAN" export --format jsonl "$TMP/dump" | grep -q '"digest"' && fail "$1: a digest in spite of --values none"
	grep -q '"type": "str"' "$TMP/dups" && fail "$1: equal strs without values"
	stop_target
	ran=yes
}

ran=
for row in deb-2.7 pyenv-3.6.15 pyenv-3.8.18 deb-3.11 pyenv-3.12.1 deb-3.13 nogil-3.13 i386-3.13 deb-3.15; do
	[ -x build/interpreters/$row/python ] && check build/interpreters/$row/python
done
[ -n "$ran" ] || check "$PYTHON"

# Large values that were left out of the copy: that they are not compared is said, with how many bytes.
start_small 'big = [bytes(bytearray(range(256))) * 40000 for i in range(3)]'
dump
[ $status = 0 ] || fail "exit status $status"
stop_target
"$MEMSCAN" dups "$TMP/dump" 'size > 1M' > "$TMP/said" || fail "dups of large values"
grep -qx 'No two objects that could be compared are equal\.' "$TMP/said" || fail "dups says that large values differ"
grep -q '^3 long values of 30,720,099 bytes could not be compared' "$TMP/said" || fail "dups does not say what it could not compare"
"$MEMSCAN" dups --json "$TMP/dump" 'size > 1M' | grep -q '"not_compared": 3,' || fail "nor in JSON"
done_testing
