#!/bin/sh
# The target exits, or becomes another program, while it is being dumped: at the first and at later steps
# of ptrace and of reading, and after it was let go. A whole dump or a clear error, nothing else.
. tests/live/lib.sh
export SHIM_MEET=$TMP/meet SHIM_DO=meet
mkfifo "$TMP/meet.at" "$TMP/meet.go"
met=0

# at POINT COMMAND...: start memscan, run COMMAND when it has come to POINT, then let it go on.
at() {
	point=$1
	shift
	rm -f "$TMP/dump"
	SHIM_AT=$point LD_PRELOAD=$tools/shim.so "$MEMSCAN" --pid "$target" -o "$TMP/dump" \
		2> "$TMP/err" > "$TMP/stdout" < /dev/null &
	scan=$!
	# If memscan never comes to that point, the reader of the FIFO must not wait for ever.
	( wait_for_exit $scan; : > "$TMP/meet.at" ) &
	watcher=$!
	read -r line < "$TMP/meet.at"
	if kill -0 $scan 2> /dev/null && [ "${line+x}" ]; then
		met=$((met + 1))
		"$@"
		echo go > "$TMP/meet.go"
	fi
	wait $scan
	status=$?
	kill -KILL $watcher 2> /dev/null
	wait $watcher 2> /dev/null
	case $status in
	0 | 6) [ -s "$TMP/dump" ] || fail "$point: exit status $status and no dump" ;;
	3) refused 3 "exited|gone|went away|program|no such|exec" ;;
	*) fail "$point: exit status $status" ;;
	esac
}

wait_for_exit() {
	while kill -0 "$1" 2> /dev/null; do read -r nothing < /dev/null; sleep 0.05; done
}

end_target() {
	kill -KILL "$target"
	wait "$target" 2> /dev/null
}

exec_target() {
	echo "run os.execv('/bin/cat', ['cat'])" >&7
	until grep -q cat "/proc/$target/comm"; do :; done
}

for point in ptrace:1 ptrace:2 ptrace:3 process_vm_readv:1 process_vm_readv:2 process_vm_readv:5 process_vm_readv:20 \
	pread:1 pread:5 pread:50 detach:1 write:1 write:3 rename:1; do
	start_small
	at $point end_target
done
[ $met -ge 8 ] || fail "only $met of the points were come to"

# It can only exec while it runs: before it is seized, and after it was let go.
for point in process_vm_readv:1 ptrace:1 detach:1; do
	start_small
	at $point exec_target
done
done_testing
