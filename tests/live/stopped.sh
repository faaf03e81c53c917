#!/bin/sh
# A process stopped by a signal: dumped as it is, and stopped afterwards too, until somebody continues it.
. tests/live/lib.sh

state() {
	sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$target/status"
}

start_small
for signal in STOP TSTP; do
	# small.py handles every signal it can; STOP is the one it cannot, TSTP it just counts.
	[ $signal = TSTP ] && continue
	kill -$signal "$target"
	until [ "$(state)" = T ]; do :; done
	for i in 1 2 3; do
		dump
		worked
		[ "$(state)" = T ] || fail "the process was stopped, and is in state $(state)"
	done
	kill -CONT "$target"
done
ask "answer 6"
case $answer in
"42 1") ;; # SIGCONT itself
*) fail "the target answers '$answer'" ;;
esac

# One that is stopped by a signal it sent itself, with threads.
start_small "
import threading, os, signal
pipe = os.pipe()
for i in range(5):
    threading.Thread(target=os.read, args=(pipe[0], 1), daemon=True).start()
"
kill -STOP "$target"
until [ "$(state)" = T ]; do :; done
dump
worked
for s in "/proc/$target"/task/*/status; do
	grep -q '^State:.*T' "$s" || fail "a thread was stopped and is no longer: $(grep State "$s")"
done
kill -CONT "$target"
ask "answer 6"
[ "$answer" = "42 1" ] || fail "the target answers '$answer'"
done_testing
