#!/bin/sh
# Memory that objects own beside themselves: the target's own account of it, with the C library's malloc_usable_size(),
# must be what the dump says; with pymalloc, with malloc() for all, and with blocks that are neither's.
. tests/live/lib.sh

check() {
	start "$PYTHON" -W ignore $live/buffers.py "$TMP/account"
	dump --values none
	[ $status = 0 ] || fail "exit status $status"
	"$MEMSCAN" summary --json "$TMP/dump" > "$TMP/summary" 2> "$TMP/err" || fail "no summary"
	"$MEMSCAN" export --format jsonl "$TMP/dump" |
		python3 $live/buffers-compare.py "$TMP/account" "$TMP/summary" || fail "buffers differ ($1)"
	"$MEMSCAN" summary "$TMP/dump" 2> "$TMP/err" | grep -q ' bytes in buffers\.$' || fail "the summary does not tell of buffers"
	stop_target
}

check pymalloc
export PYTHONMALLOC
for PYTHONMALLOC in malloc debug; do
	check $PYTHONMALLOC
done
done_testing
