#!/bin/sh
# A compressed dump, one made by more threads, and one through a pipe tell of the same heap: what is exported of
# them is alike, and the compressed one is much smaller.
. tests/live/lib.sh

# What a dump says of the heap, without what it says of how it was taken.
heap_of() {
	"$MEMSCAN" export --format jsonl "$1" | grep -v '"record": "meta"' > "$2" || fail "$1 cannot be exported"
	[ -s "$2" ] || fail "$1 is empty"
}

start_small
dump --threads 1
worked
heap_of "$TMP/dump" "$TMP/plain"
plain=$(wc -c < "$TMP/dump")

dump --threads 3
worked
heap_of "$TMP/dump" "$TMP/threads"
cmp -s "$TMP/plain" "$TMP/threads" || fail "three threads make another heap"

dump --compress --threads 2
worked
heap_of "$TMP/dump" "$TMP/compressed"
cmp -s "$TMP/plain" "$TMP/compressed" || fail "the compressed dump has another heap"
small=$(wc -c < "$TMP/dump")
[ $((small * 3)) -lt "$plain" ] || fail "$small bytes compressed, $plain otherwise"

"$MEMSCAN" --pid "$target" --compress -o - > "$TMP/piped" 2> "$TMP/err" || fail "the pipe: exit status $?"
heap_of "$TMP/piped" "$TMP/from-pipe"
cmp -s "$TMP/plain" "$TMP/from-pipe" || fail "the dump through a pipe has another heap"

run --pid "$target" --threads 0 -o "$TMP/none"
[ $status = 2 ] || fail "--threads 0: exit status $status"
unharmed
stop_target
echo "result: $plain bytes, $small compressed"
done_testing
