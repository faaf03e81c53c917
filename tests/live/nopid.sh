#!/bin/sh
# A pid that names nothing, and what is no pid at all.
. tests/live/lib.sh

sleep 0 &
gone=$!
wait $gone
target=$gone
dump
refused 4 "no (such )?process|does not exist"

for word in 0 -1 abc 12x 99999999999999999999 ""; do
	target=$word
	dump
	refused 2 "pid"
done
done_testing
