#!/bin/sh
# The target exits, or becomes another program, while it is being dumped: at the first and at later steps
# of ptrace and of reading, and after it was let go. A whole dump or a clear error, nothing else.
. tests/live/lib.sh
export SHIM_MEET=$TMP/meet SHIM_DO=meet
mkfifo "$TMP/meet.at" "$TMP/meet.go"
exec 9<> "$TMP/meet.at"
met=0

# at POINT COMMAND...: start memscan, run COMMAND when it has come to POINT, then let it go on. A line comes
# through the FIFO when it is there, and another one when it has ended.
at() {
	point=$1
	shift
	rm -f "$TMP/dump"
	(
		SHIM_AT=$point LD_PRELOAD=$tools/shim.so "$MEMSCAN" --pid "$target" -o "$TMP/dump" \
			2> "$TMP/err" > "$TMP/stdout" < /dev/null 9>&-
		echo $? > "$TMP/status"
		echo ended >&9
	) &
	keeper=$!
	read -r line <&9
	if [ "$line" != ended ]; then
		met=$((met + 1))
		"$@"
		echo go > "$TMP/meet.go"
		read -r line <&9
	fi
	# Not while a FIFO is opened: that is broken off by the end of a child.
	wait $keeper
	status=$(cat "$TMP/status")
	case $status in
	0 | 6) [ -s "$TMP/dump" ] || fail "$point: exit status $status and no dump" ;;
	3) refused 3 "exited|gone|went away|another program|exec" ;;
	# Before anything of it was seen, it is no process at all.
	4) refused 4 "no process" ;;
	*) fail "$point: exit status $status" ;;
	esac
	kill -KILL "$target" 2> /dev/null
	wait "$target" 2> /dev/null
}

# A traced process that was killed cannot be waited for by its parent before its tracer has noticed.
end_target() {
	kill -KILL "$target"
	until grep -q '^State:.*[ZX]' "/proc/$target/status" 2> /dev/null || [ ! -e "/proc/$target" ]; do :; done
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
