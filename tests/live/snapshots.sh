#!/bin/sh
# Wherever the copy goes, and if there is none, the dump is exact.
. tests/live/lib.sh

exact() { # mode, target, interpreter
	SNAPSHOT=$1 sh tests/live/exact.sh "$2" "$3" > "$TMP/said" 2>&1
	case $? in
	0 | 77) ;;
	*)
		cat "$TMP/said"
		fail "--snapshot $1: $2 on $3"
		;;
	esac
}

# In memory it is what all other tests compare.
for mode in disk none; do
	exact $mode mixed "$PYTHON"
	for row in pyenv-2.7.18 deb-3.14; do
		[ ! -x "build/interpreters/$row/python" ] || exact $mode basic "$PWD/build/interpreters/$row/python"
	done
done

# What lies behind memory that is not copied is seen all the same.
start "$PYTHON" -S -W ignore $live/tables.py "$PWD/$tools/tables.so"
blocked
for mode in memory none disk; do
	run --verbose --pid "$target" --snapshot $mode -o "$TMP/held.$mode"
	[ $status = 0 ] || fail "exit status $status with --snapshot $mode"
	grep -q ' 1[0-9]M of raw buffers are left out' "$TMP/err" || fail "the tables are not left out"
	[ $mode = memory ] || python3 $live/samedump.py "$TMP/held.memory" "$TMP/held.$mode" regions || fail "--snapshot $mode is not the same as memory"
done
"$MEMSCAN" export --format jsonl "$TMP/held.memory" > "$TMP/held" || fail "no export"
# root CLASS KIND NAME: of the one object of the class
root() {
	at=$(sed -n "s/^{\"record\": \"object\", \"address\": \([0-9]*\), \"type\": \"__main__.$1\".*/\1/p" "$TMP/held")
	grep -q "\"record\": \"root\".*: $at, \"kind\": \"$2\", \"name\": \"$3\"" "$TMP/held" || fail "no root '$2' '$3' of the $1 at '$at'"
}
root InData native tables.so
root OnStack word "C stack"
kill -KILL "$target" && wait "$target" 2> /dev/null

# What would be done is said, and nothing is.
start_small
run --dry-run --pid "$target" --snapshot none
[ $status = 0 ] || fail "exit status $status of --dry-run"
grep -q '^snapshot   none$' "$TMP/stdout" || fail "--dry-run does not say the mode"
# Between two times, for nobody knows in what order the objects will be met.
grep -Eq '^held       about [0-9.]+ (ms|s) to [0-9.]+ (ms|s)$' "$TMP/stdout" || fail "--dry-run does not say for how long"
run --dry-run --pid "$target" --snapshot memory
grep -Eq '^held       about [0-9.]+ (us|ms|s)$' "$TMP/stdout" || fail "--dry-run does not say for how long with a copy"
nothing_left
for mode in memory disk none auto; do
	dump --snapshot $mode
	worked
	# Not in memory unless told so: nothing else is short here.
	want=$mode
	[ $mode != auto ] || want=memory
	"$MEMSCAN" info --json "$TMP/dump" | grep -q "\"snapshot\": *\"$want\"" || fail "--snapshot $mode is not $want in the dump"
	[ "$(ls -A "$TMP" | grep -c memscan)" = 0 ] || fail "a file of the copy was left behind"
done
dump --snapshot disk --no-stop
[ $status = 0 ] || [ $status = 6 ] || fail "exit status $status with --no-stop"
grep -q 'torn, as it was not held\|nothing changed meanwhile' "$TMP/err" || fail "nothing said of what changed"
unharmed
done_testing
