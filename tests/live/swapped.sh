#!/bin/sh
# A process that is swapped out, in a cgroup of version 2: only what a dump reads comes back, nothing where there is no room for
# it, and a question brings back nothing. Where there is no swap space to be had this is done in a virtual machine.
. tests/live/lib.sh

if [ -z "${IN_VM-}" ]; then
	sh tests/live/vm.sh tests/live/swapped.sh
	exit
fi
dir=/sys/fs/cgroup/memscan
mkdir $dir || fail "no cgroup can be made"
cat > "$TMP/within" << EOF
#!/bin/sh
echo \$\$ > "$dir/cgroup.procs" || exit 99
exec "\$@"
EOF
raw=20480
start sh "$TMP/within" "$PYTHON" -S $live/small.py "keep = [('x%d' % i, [i]) for i in range(100000)], bytearray(b'x') * ($raw << 10)"

# swapped: KiB of it that are.
swapped() {
	sed -n 's/^VmSwap:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$target/status"
}
# push: swap all of it out. The kernel says that it could not find as much.
push() {
	echo 1G > $dir/memory.reclaim 2> "$TMP/pushed"
	before=$(swapped)
	[ "$before" -gt 40000 ] || fail "only $before KiB could be swapped out"
}

dump
worked
"$MEMSCAN" summary --tsv --limit 0 "$TMP/dump" > "$TMP/all" 2> "$TMP/err"
for mode in memory disk none; do
	push
	run --dry-run --snapshot $mode --pid "$target" -o "$TMP/dump"
	[ $status = 0 ] || fail "exit status $status of --dry-run"
	grep -q "^swapped .*, which reading brings back" "$TMP/stdout" || fail "--dry-run says nothing of it: $(cat "$TMP/stdout")"
	after=$(swapped)
	[ $((before - after)) -lt $((before / 4)) ] || fail "--dry-run --snapshot $mode brought back $((before - after)) of $before KiB"
	rm -f "$TMP/dump"
	dump --snapshot $mode
	worked
	"$MEMSCAN" summary --tsv --limit 0 "$TMP/dump" > "$TMP/now" 2> "$TMP/err"
	cmp "$TMP/all" "$TMP/now" || fail "--snapshot $mode: not the same objects"
	after=$(swapped)
	[ "$after" -gt $((raw / 2)) ] || fail "--snapshot $mode brought raw buffers back: $after KiB are left"
	[ "$after" -lt $((before - raw / 2)) ] || fail "--snapshot $mode left $after KiB, and is complete"
	echo "result: --snapshot $mode: $before KiB were swapped out, then $after"
done

# No room: what is present is not enough for a dump, and nothing is brought back or killed.
push
echo $(($(cat $dir/memory.current) + (10 << 20))) > $dir/memory.max
rm -f "$TMP/dump"
run --pid "$target" -o "$TMP/dump"
grep -q 'there is no room to bring it back, and it is left so' "$TMP/err" || fail "nothing is said of it"
refused 4 'are swapped out, and without a higher limit'
after=$(swapped)
[ $((before - after)) -lt $((before / 4)) ] || fail "without room $((before - after)) of $before KiB were brought back"
killed=$(sed -n 's/^oom_kill //p' $dir/memory.events)
[ "$killed" = 0 ] || fail "the OOM killer was at work: $killed"
echo max > $dir/memory.max
unharmed
done_testing
