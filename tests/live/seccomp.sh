#!/bin/sh
# System calls that are forbidden: without ptrace memscan refuses and names seccomp; without process_vm_readv
# it reads /proc/PID/mem, without that it uses process_vm_readv, and without both it refuses.
. tests/live/lib.sh

start_small
under() {
	rm -f "$TMP/dump"
	"$@" "$MEMSCAN" --pid "$target" -o "$TMP/dump" 2> "$TMP/err" > "$TMP/stdout" < /dev/null
	status=$?
}

under "$tools/deny" none -- true
[ $status != 77 ] || skip "no seccomp here: $(cat "$TMP/err")"

under "$tools/deny" ptrace --
refused 3 "seccomp"
unharmed

under "$tools/deny" process_vm_readv --
worked
unharmed

under env SHIM_NO_MEM=1 LD_PRELOAD="$tools/shim.so"
worked
unharmed

under "$tools/deny" process_vm_readv -- env SHIM_NO_MEM=1 LD_PRELOAD="$tools/shim.so"
refused 3 "seccomp|not permitted"
unharmed
done_testing
