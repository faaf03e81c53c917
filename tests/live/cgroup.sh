#!/bin/sh
# A cgroup with 64 MB to spare beside the target, memscan in it too: the dump succeeds, and nobody is killed. Where
# cgroups are of version 1, those of version 2 are in a virtual machine.
. tests/live/lib.sh

need_root
[ "$VARIANT" != asan ] || skip "a sanitizer's shadow alone is more than 64 MB"
group=memscan-test-$$
if [ -w /sys/fs/cgroup/memory/memory.usage_in_bytes ] || [ -d /sys/fs/cgroup/memory ]; then
	dir=/sys/fs/cgroup/memory/$group limit=memory.limit_in_bytes usage=memory.usage_in_bytes events=memory.oom_control
else
	dir=/sys/fs/cgroup/$group limit=memory.max usage=memory.current events=memory.events
fi
mkdir "$dir" 2> /dev/null || skip "no cgroup can be made"
# Its processes have to be gone, and waited for, before it can go.
leave() {
	rc=$?
	end_targets
	rmdir "$dir"
	rm -rf "$TMP"
	exit $rc
}
trap leave EXIT
[ -w "$dir/$limit" ] || skip "the cgroup has no memory controller"

# within COMMAND...: run it in the cgroup.
cat > "$TMP/within" << EOF
#!/bin/sh
echo \$\$ > "$dir/cgroup.procs" || exit 99
exec "\$@"
EOF
start sh "$TMP/within" "$PYTHON" -S $live/small.py "keep = [('x%d' % i, [i]) for i in range(200000)]"
used=$(cat "$dir/$usage")
echo $((used + (64 << 20))) > "$dir/$limit" || skip "the limit cannot be set"

for mode in auto disk none; do
	rm -f "$TMP/dump"
	sh "$TMP/within" "$MEMSCAN" --snapshot $mode --pid "$target" -o "$TMP/dump" > "$TMP/stdout" 2> "$TMP/err" < /dev/null
	status=$?
	cp "$TMP/err" "$TMP/said"
	worked
	taken=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"snapshot": *"\([a-z]*\)".*/\1/p')
	[ "$taken" != memory ] || fail "--snapshot $mode took a copy in memory"
	echo "result: --snapshot $mode was $taken"
done
# What does not fit is refused, not tried.
rm -f "$TMP/dump"
sh "$TMP/within" "$MEMSCAN" --snapshot memory --pid "$target" -o "$TMP/dump" > "$TMP/stdout" 2> "$TMP/err" < /dev/null
status=$?
refused 5 'only .* can be spared'
killed=$(sed -n 's/^oom_kill //p' "$dir/$events")
[ "${killed:-0}" = 0 ] || fail "the OOM killer was at work: $killed"
unharmed
[ "$failures" = 0 ] || exit 1
case $dir in
*/memory/*) sh tests/live/vm.sh tests/live/cgroup.sh ;;
esac
