#!/bin/sh
# stacks.sh [PYTHON]: functions, files, lines and variables of every thread's stack are those that the interpreter
# itself tells afterwards (frame.f_lineno is what traceback prints), with and without frame objects.
python=${1-}
. tests/live/lib.sh
[ -n "$python" ] || python=$PYTHON

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || skip "$python does not run"
gil=$("$python" -c 'import sys; print("spin" if getattr(sys, "_is_gil_enabled", lambda: 1)() else "none")')

# A thread that only spins lets go of the GIL now and then, if only for a moment (2.7, after so many instructions), and
# the main thread has it until it waits again: of many dumps one has to show the spinning thread with it.
dump_while_spinning() {
	tries=0
	while [ $tries -lt 50 ]; do
		dump
		worked
		run threads --no-locals "$TMP/dump"
		[ "$gil" = none ] && return
		grep -q '"spin".*holds the GIL' "$TMP/stdout" && return
		tries=$((tries + 1))
	done
}

start "$python" -S -W ignore "$live/stacks.py" "$TMP/truth"
for round in first second; do
	dump_while_spinning
	run threads --json "$TMP/dump"
	[ $status = 0 ] || fail "threads ended with $status"
	cp "$TMP/stdout" "$TMP/threads.json"
	run export --format jsonl "$TMP/dump"
	ask again
	[ "$answer" = told ] || fail "the target told nothing"
	python3 $live/stacks-compare.py "$round $version ($python)" "$TMP/truth" "$TMP/threads.json" "$TMP/stdout" "$gil" ||
		fail "the stacks are not those of the interpreter"
done
stop_target
done_testing
