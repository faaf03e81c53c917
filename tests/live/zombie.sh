#!/bin/sh
# A process that has exited and that nobody has waited for.
. tests/live/lib.sh

start "$PYTHON" -S -c '
import os
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print("ready", flush=True)
print(pid, flush=True)
os.read(0, 1)
'
parent=$target
read -r target <&8
dump
refused 3 "zombie|exited"
target=$parent
stop_target
done_testing
