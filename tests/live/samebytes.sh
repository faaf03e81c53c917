#!/bin/sh
# samebytes.sh PYTHON: with any number of threads the dump of a process is the same byte for byte, but for what says how
# it was taken; and with several, most objects were decoded by other threads than the one that gives them their ids.
python=${1-}
. tests/live/lib.sh
[ -n "$python" ] || python=$PYTHON

"$python" -c 'import sys' 2> /dev/null || skip "$python does not run"

# of_batches: objects decoded in batches, and all.
of_batches() {
	sed -n 's/.*: \([0-9,]*\) of \([0-9,]*\) objects were decoded in batches.*/\1 \2/p' "$TMP/err" | tr -d ,
}

start "$python" -S -W ignore $live/plenty.py
for threads in 1 2 3 8; do
	run --verbose --pid "$target" --threads $threads -o "$TMP/dump.$threads"
	[ $status = 0 ] || fail "exit status $status with $threads threads"
	of_batches | {
		read -r batches all && [ "$batches" -gt 20000 ] && [ $((2 * batches)) -gt "$all" ]
	} || fail "$threads threads: $(of_batches) objects were decoded in batches"
	[ $threads = 1 ] ||
		python3 $live/samedump.py "$TMP/dump.1" "$TMP/dump.$threads" || fail "not the same with $threads threads"
done
stop_target
done_testing
