#!/bin/sh
# The process is let go in time, and what was not seen is said; never less, never silently. As little as was
# copied is a dump.
. tests/live/lib.sh

objects() {
	"$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"objects": *\([0-9]*\).*/\1/p' | head -n 1
}

# more MS: what should be enough is more than what was not.
more() {
	enough=$(sed -n 's/.*--max-pause \([0-9]*\) should be enough.*/\1/p' "$TMP/err")
	[ -z "$enough" ] || [ "$enough" -gt "$1" ] || fail "$1 ms were not enough, and $enough should be"
}

# too_short MODE: nothing was seen at all; how much longer it takes is said.
too_short() {
	refused 3 'in the time that it may be held|the time was over before anything|let go before enough was seen'
	grep -Eq 'max-pause [0-9]+ should be enough|in the time that it may be held|before anything was copied' "$TMP/err" ||
		fail "$1: how much would be enough is not said"
}

start_small "keep = [[('x', i)] for i in range(1500000)]"
dump
worked
whole=$(objects)

# cut: what a dump says that is not of all.
cut() {
	"$MEMSCAN" info "$TMP/dump" | grep -q 'not copied, the time for it was over' || fail "$1: what is missing is not said"
	grep -Eq 'let go before all was seen: .* --max-pause [0-9]+ should be enough' "$TMP/err" || fail "$1: nothing was said"
	said=$(sed -n 's/.*\(--max-pause [0-9]*\) should be enough.*/\1/p' "$TMP/err")
	"$MEMSCAN" summary "$TMP/dump" > "$TMP/summary" 2>&1 || fail "$1: the dump cannot be summed up"
}

# However fast or busy the machine is: memscan waits at the 40th read of the copy until the process was let go.
mkfifo "$TMP/meet.at" "$TMP/meet.go"
(
	SHIM_MEET=$TMP/meet SHIM_DO=meet SHIM_AFTER=ptrace:2 SHIM_AT=process_vm_readv:40 LD_PRELOAD=$tools/shim.so \
		"$MEMSCAN" --pid "$target" --threads 1 --max-pause 2000 -f -o "$TMP/dump" 2> "$TMP/err" > "$TMP/stdout" < /dev/null
	echo "ended $?" > "$TMP/meet.at"
) &
keeper=$!
read -r met < "$TMP/meet.at"
if [ -z "$met" ]; then
	until grep -q '^TracerPid:[[:space:]]*0$' "/proc/$target/status"; do :; done
	unharmed
	echo > "$TMP/meet.go"
	read -r met < "$TMP/meet.at"
fi
wait $keeper
[ "$met" = "ended 6" ] || fail "let go at the 40th read: it $met"
cut "let go at the 40th read"
n=$(objects)
[ "$n" -gt 5000 ] && [ "$n" -lt $((whole - 1000)) ] || fail "let go at the 40th read: $n objects of $whole"
echo "result: let go at the 40th read: $n of $whole objects; $said"

for ms in 1 3 10 30 100 100000; do
	dump --max-pause $ms
	said=
	case $status in
	0) # All of it.
		n=$(objects)
		[ "$n" -gt $((whole - 1000)) ] || fail "$ms ms: $n objects of $whole, and no word of it"
		;;
	6)
		n=$(objects)
		cut "$ms ms"
		more $ms
		;;
	3)
		n=0
		too_short "$ms ms"
		more $ms
		;;
	*) fail "$ms ms: exit status $status" ;;
	esac
	echo "result: --max-pause $ms: exit status $status, $n of $whole objects; $said"
	[ $ms != 1 ] || [ $status != 0 ] || fail "a millisecond cannot be enough"
	[ $ms != 100000 ] || [ $status = 0 ] || fail "a hundred seconds were not enough"
	unharmed
done
# Without a copy the walk itself is cut.
dump --max-pause 20 --snapshot none
case $status in
6) grep -q 'let go before all was seen' "$TMP/err" || fail "none: nothing was said" ;;
3) too_short none ;;
*) fail "none: exit status $status" ;;
esac
unharmed
done_testing
