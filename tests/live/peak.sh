#!/bin/sh
# The memory that memscan takes is what --dry-run says, and hardly less: of heaps that have as many bytes for each object as
# few others, or more, or none but references.
. tests/live/lib.sh

[ "$VARIANT" = release ] || skip "a sanitizer takes memory of its own"
# Nothing else has as many threads, or as few: buffers are for each.
threads="--threads 2"

# measured COMMAND...: run it; the most kilobytes that it had resident.
measured() {
	python3 - "$@" << 'EOF2'
import os, sys
child = os.fork()
if child == 0:
    # What this process had does not count.
    os.execvp("sh", ["sh", "-c", 'exec "$0" "$@"'] + sys.argv[1:])
_, status, usage = os.wait4(child, 0)
sys.exit("status %d" % status) if status else print(usage.ru_maxrss)
EOF2
}

# check NAME MODE...: of the target that runs.
check() {
	name=$1
	shift
	for mode; do
		run --dry-run $threads --snapshot "$mode" --pid "$target"
		said=$(sed -n 's/^memory *\([0-9.]*\)M at the peak.*/\1/p' "$TMP/stdout")
		rm -f "$TMP/dump"
		had=$(measured "$MEMSCAN" -q $threads --snapshot "$mode" --pid "$target" -o "$TMP/dump") || fail "$name, $mode: no dump"
		# The pages of the file that a copy is in are the kernel's to take back.
		copied=0
		[ "$mode" != disk ] || copied=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"copy_bytes": *\([0-9]*\).*/\1/p')
		echo "result: $name, $mode: $said M were said, $((had / 1024)) M were taken, $((copied >> 20)) M of it of a file"
		python3 -c "
said, had, copied = float('${said:-0}') * 1024, ${had:-0} or 1, ${copied:-0} / 1024
least = had - copied if copied else had
# Buffers that wait for a slow disk may be many or none.
raise SystemExit(not (said >= 0.97 * least - 1024 and (copied or said <= 1.5 * had + (16 << 10))))" ||
			fail "$name, $mode: it is not what --dry-run said"
	done
}

start_small "keep = [float(i) for i in range(10**6)]"
check floats memory disk none
stop_target
start_small "keep = [{'a': [i]} for i in range(200000)]"
check dicts memory none
stop_target
start_small "keep = [None] * 30000000"
check references memory none
unharmed
stop_target
done_testing
