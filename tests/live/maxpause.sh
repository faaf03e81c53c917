#!/bin/sh
# The process is let go in time, and what was not seen is said; never less, never silently.
. tests/live/lib.sh

start_small "keep = [[('x', i)] for i in range(1500000)]"
dump
worked
whole=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"objects": *\([0-9]*\).*/\1/p' | head -n 1)
for ms in 1 3 10 30 100 100000; do
	dump --max-pause $ms
	case $status in
	0) # All of it.
		n=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"objects": *\([0-9]*\).*/\1/p' | head -n 1)
		[ "$n" -gt $((whole - 1000)) ] || fail "$ms ms: $n objects of $whole, and no word of it"
		;;
	6)
		"$MEMSCAN" info "$TMP/dump" | grep -q 'not copied, the time for it was over' || fail "$ms ms: what is missing is not said"
		grep -q 'let go before all was seen' "$TMP/err" || fail "$ms ms: nothing was said"
		;;
	3 | 4) refused $status 'let go before enough was seen|does not stop' ;;
	*) fail "$ms ms: exit status $status" ;;
	esac
	echo "result: --max-pause $ms: exit status $status"
	[ $ms != 1 ] || [ $status != 0 ] || fail "a millisecond cannot be enough"
	[ $ms != 100000 ] || [ $status = 0 ] || fail "a hundred seconds were not enough"
	unharmed
done
# Without a copy the walk itself is cut.
dump --max-pause 20 --snapshot none
case $status in
6) grep -q 'let go before all was seen' "$TMP/err" || fail "none: nothing was said" ;;
3 | 4) refused $status 'let go before enough was seen|does not stop' ;;
*) fail "none: exit status $status" ;;
esac
unharmed
done_testing
