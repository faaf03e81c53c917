#!/bin/sh
# A core that is cut off, or has bytes changed, at random: memscan ends by itself, and neither crashes nor hangs.
# `COUNT=1000 SEED=7 sh tests/live/coresweep.sh` does more of it.
. tests/live/lib.sh

python=${SWEEP_PYTHON:-$PYTHON}
start_core() {
	mkdir "$TMP/cwd"
	start env -C "$TMP/cwd" "$python" -S -E -c 'import sys; print("ready"); sys.stdout.flush(); sys.stdin.readline()'
}
. tests/live/corelib.sh
make_core start_core
python3 $live/coresweep.py "$PWD/$MEMSCAN" "$core" "${SEED:-1}" "${COUNT:-30}" || fail "a damaged core was too much"
done_testing
