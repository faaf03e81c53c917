#!/bin/sh
# A process that a debugger holds already: refused, with the debugger's name; the debugger keeps it.
. tests/live/lib.sh
need strace

start_small
mkfifo "$TMP/trace"
strace -q -p "$target" -e trace=none -o "$TMP/trace" 2> /dev/null &
tracer_pid=$!
pids="$pids $tracer_pid"
# strace opens its output, then attaches; the kernel says when it has.
exec 9< "$TMP/trace"
until grep -q "^TracerPid:[[:space:]]*$tracer_pid\$" "/proc/$target/status"; do
	kill -0 $tracer_pid 2> /dev/null || skip "strace could not attach"
done
dump
refused 3 "strace|traced|debugger|$tracer_pid"
grep -q "^TracerPid:[[:space:]]*$tracer_pid\$" "/proc/$target/status" || fail "the debugger lost its process"
kill -INT $tracer_pid
wait $tracer_pid
dump
worked
unharmed
done_testing
