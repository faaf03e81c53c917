#!/bin/sh
# Ctrl-C at many steps: the target runs on, no half file stays, the exit status is 130.
. tests/live/lib.sh

start_small
interrupted=0
for point in ptrace:1 ptrace:2 ptrace:3 process_vm_readv:1 process_vm_readv:2 process_vm_readv:10 pread:10 detach:1 write:1 write:2; do
	rm -f "$TMP/dump"
	SHIM_AT=$point SHIM_DO=int LD_PRELOAD=$tools/shim.so "$PYTHON" -S -c '
import signal, os, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts its background commands with it ignored
os.execv(sys.argv[1], sys.argv[1:])
' "$MEMSCAN" --pid "$target" -o "$TMP/dump" 2> "$TMP/err" > "$TMP/stdout" < /dev/null
	status=$?
	if [ $status = 130 ]; then
		interrupted=$((interrupted + 1))
		refused 130 "interrupt"
	else
		# The signal came when nothing was left to interrupt, or the step was not come to.
		worked
	fi
	unharmed
done
[ $interrupted -ge 4 ] || fail "only $interrupted runs were interrupted"
done_testing
