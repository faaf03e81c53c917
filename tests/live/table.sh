#!/bin/sh
# A stripped interpreter without debug information, as most machines have it: everything comes from the embedded table.
# Where debug information is installed, it is hidden from both by mounts of their own: memscan looks in the target's root, too.
. tests/live/lib.sh
need_root
need unshare
[ "$PYTHON" = /usr/bin/python3 ] || skip "the system's python3 is not 3.11"
mkdir -p /usr/lib/debug 2> /dev/null

hidden='mount -t tmpfs none /usr/lib/debug && exec "$@"'
start unshare -m sh -c "$hidden" sh "$PYTHON" -S -W ignore "$live/basic.py" "$TMP/truth"
unshare -m sh -c "$hidden" sh "$MEMSCAN" --pid "$target" -o "$TMP/dump" 2> "$TMP/err" < /dev/null
status=$?
[ $status = 0 ] || fail "exit status $status"
stop_target
[ -f "$TMP/dump" ] || exit 1
"$MEMSCAN" info "$TMP/dump" > "$TMP/info"
grep -q 'offsets from: *table cpython-3.11-x86_64.tbl$' "$TMP/info" || fail "the offsets are not those of the table: $(grep 'offsets from' "$TMP/info")"
"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "basic by table ($PYTHON)" "$TMP/truth" ||
	fail "the dump is not exact"
done_testing
