#!/bin/sh
# Raw buffers are not copied, tables as large as they are, and the dump is whole. A table that looked raw
# is noticed by the walk, and everything is copied anew.
. tests/live/lib.sh

start_small "
import array
raw = array.array('d', [1.5]) * (12 << 20)
text = b'12345678' * (4 << 20)
items = [('item', i) for i in range(400000)]
numbers = set(range(10**6, 10**6 + 400000))
found = {i: str(i) for i in range(300000)}
"
dump
worked
"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info"
left=$(sed -n 's/.*"left_out_bytes": *\([0-9]*\).*/\1/p' "$TMP/info")
[ "${left:-0}" -gt 120000000 ] || fail "only ${left:-nothing} was left out of 128 MB of raw buffers"
copied=$(sed -n 's/.*"copy_bytes": *\([0-9]*\).*/\1/p' "$TMP/info")
[ "$copied" -lt 300000000 ] || fail "$copied bytes were copied"
# Each item is held by its list, each number by its set, each text by its dict.
objects=$(sed -n 's/^.*"objects": *\([0-9]*\).*/\1/p' "$TMP/info" | head -n 1)
[ "$objects" -gt 1800000 ] || fail "only $objects objects"
stop_target

# Buffers of malloc's side by side are one run of raw pages. What is needed is the beginning of each, and no more is copied.
export MALLOC_MMAP_THRESHOLD_=1000000000 GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1000000000
start_small "raw = [bytearray(b'(%d)' % i * (1 << 18)) for i in range(10, 99)]"
unset MALLOC_MMAP_THRESHOLD_ GLIBC_TUNABLES
dump
cp "$TMP/err" "$TMP/said"
worked
copied=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"copy_bytes": *\([0-9]*\).*/\1/p')
[ "$copied" -lt 30000000 ] || fail "$copied bytes were copied, and 90 MB of raw buffers are to be left out"
grep -q "left out of the copy is needed" "$TMP/said" || fail "the buffers are not side by side"
"$MEMSCAN" export --format jsonl "$TMP/dump" > "$TMP/objects"
seen=$(grep -o '"value": "(\([1-9][0-9]\))(\1)' "$TMP/objects" | sort -u | wc -l)
[ "$seen" = 89 ] || fail "the dump has the beginning of $seen buffers of 89"
stop_target

# The dict's table is all hashes of keys that are gone but for its last entries.
start_small "
found = {i: None for i in range(1 << 21)}
found['kept'] = ['needle', 'in the hay']
for i in range(1 << 21):
    del found[i]
"
dump
grep -q 'left out of the copy is needed' "$TMP/err" || fail "the table was not left out at first"
worked
"$MEMSCAN" export --format jsonl "$TMP/dump" | grep -q 'in the hay' || fail "what the table holds is not in the dump"
# Where nothing can be written anew it is damage, and told.
"$MEMSCAN" --pid "$target" -o - > "$TMP/dump" 2> "$TMP/err" < /dev/null | cat
"$MEMSCAN" info "$TMP/dump" > "$TMP/info" || fail "the dump on standard output cannot be read"
unharmed
done_testing
