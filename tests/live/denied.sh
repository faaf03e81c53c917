#!/bin/sh
# Not permitted: the message says which lock it was and where the key is.
. tests/live/lib.sh

start_small
if [ "$(id -u)" != 0 ]; then
	target=1
	dump
	refused 3 "uid 0.*uid $(id -u).*root"
	echo "skip: other users' processes and capabilities: only root can do this"
	done_testing
fi
need setpriv
chmod 755 "$TMP"
cp "$MEMSCAN" "$TMP/memscan"
mkdir -m 777 "$TMP/open"

# try OPTION...: with the identity that these options of setpriv say.
try() {
	setpriv "$@" "$TMP/memscan" --pid "$target" -o "$TMP/open/dump" 2> "$TMP/err" > "$TMP/stdout" < /dev/null
	status=$?
	[ $status = 0 ] || [ -z "$(ls "$TMP/open")" ] || fail "a file was left behind"
	rm -f "$TMP"/open/*
}

try --reuid=65534 --regid=65534 --clear-groups
refused 3 "uid 0.*uid 65534.*root"

try --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace --reuid=0
refused 3 "CAP_SYS_PTRACE"

# Its own user's process, without and with something else in the way.
start setpriv --reuid=65534 --regid=65534 --clear-groups "$PYTHON" -S $live/small.py ""
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2> /dev/null || echo 0)" -lt 2 ]; then
	try --reuid=65534 --regid=65534 --clear-groups
	[ $status = 0 ] || fail "exit status $status for a process of the same user"
fi
start setpriv --reuid=65534 --regid=65534 --clear-groups "$PYTHON" -S $live/small.py \
	"import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"
try --reuid=65534 --regid=65534 --clear-groups
refused 3 "PR_SET_DUMPABLE|not to be dumped"
done_testing
