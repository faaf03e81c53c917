#!/bin/sh
# What a worker has in common with the server that forked it stays so: reading it makes no copy of it in the process.
. tests/live/lib.sh

# KiB of memory that is the process's own, and written to: pages of files that it reads for the first time are no copies.
own() {
	awk '$1 == "Private_Dirty:" { sum += $2 } END { print sum }' "/proc/$1/smaps"
}

start "$PYTHON" -S $live/family.py "$TMP/truth" 60000
server=$target
for worker in $(cat "/proc/$server/task/$server/children"); do break; done
target=$worker
for how in "--snapshot memory" "--snapshot disk" "--snapshot none" --no-stop --dry-run; do
	before=$(own "$worker")
	dump $how
	[ $status = 0 ] || fail "$how: exit status $status"
	after=$(own "$worker")
	echo "result: $how: the worker has $before KiB of its own, and $after afterwards"
	[ "$after" -le $((before + 1000)) ] || fail "$how: the worker has grown from $before to $after KiB of its own"
done
# It is a test only if there was something to lose.
[ "$before" -lt $(($(awk '$1 == "Rss:" { sum += $2 } END { print sum }' "/proc/$worker/smaps") / 2)) ] || fail "the worker shares nothing"
target=$server
stop_target
done_testing
