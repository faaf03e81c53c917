#!/bin/sh
# Processes that are not Python: a C program, one without symbols, a thread of the kernel, memscan's own shell.
. tests/live/lib.sh

cat < /dev/zero > /dev/null &
target=$!
pids=$target
dump
refused 4 "python"

target=$$
dump
refused 4 "python"

# kthreadd, where it can be seen: it has neither program nor memory.
if [ "$(cat /proc/2/comm 2> /dev/null)" = kthreadd ] && [ "$(id -u)" = 0 ]; then
	target=2
	dump
	refused 3 "kernel|program"
fi
done_testing
