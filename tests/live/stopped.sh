#!/bin/sh
# A process stopped by a signal: dumped as it is, and stopped afterwards too, until somebody continues it.
. tests/live/lib.sh

# What a thread is in for good: let go of, it runs in the kernel until it has stopped again.
state() {
	while :; do
		now=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$target/task/${1-$target}/status")
		case $now in R | t) ;; *) break ;; esac
	done
	echo "$now"
}

start_small
# small.py handles every signal that it can, STOP is the one that it cannot.
kill -STOP "$target"
until [ "$(state)" = T ]; do :; done
for i in 1 2 3; do
	dump
	worked
	now=$(state)
	[ "$now" = T ] || fail "the process was stopped, and is in state $now"
done
kill -CONT "$target"
ask "answer 6"
# One signal it saw, SIGCONT itself.
[ "$answer" = "42 1" ] || fail "the target answers '$answer'"

# The same with threads.
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
for t in "/proc/$target"/task/*; do
	now=$(state "${t##*/}")
	[ "$now" = T ] || fail "a thread was stopped, and is in state $now"
done
kill -CONT "$target"
# Any thread may be given the signal, and Python counts it when that thread has run: the main one may answer before.
for i in $(seq 200); do
	ask "answer 6"
	[ "$answer" = "42 0" ] || break
done
[ "$answer" = "42 1" ] || fail "the target answers '$answer'"
ask "answer 6"
[ "$answer" = "42 1" ] || fail "the target answers '$answer' later"
done_testing
