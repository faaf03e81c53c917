#!/bin/sh
# Two Pythons in one process: refused by a message that names both, until --library chooses one; and it is that one
# that is dumped. An interpreter that is loaded but was never started is in nobody's way.
. tests/live/lib.sh

first=$(ldconfig -p 2> /dev/null | sed -n 's/.*libpython3\.11\.so\.1\.0 .*=> //p' | head -n 1)
[ -n "$first" ] || skip "there is no libpython3.11"
first=$(readlink -f "$first")
first_home=/usr
second=
for r in clang-3.13 pyenv-3.12.1 pyenv-3.13.0; do
	info=build/interpreters/$r/info
	[ -f "$info" ] || continue
	second=$(sed -n 's/^library=//p' "$info")
	case $second in /*) ;; ?*) second=$PWD/build/interpreters/$r/$second ;; esac
	program=$(sed -n 's/^program=//p' "$info")
	case $program in /*) ;; *) program=$PWD/build/interpreters/$r/$program ;; esac
	second_home=$(dirname "$(dirname "$program")")
	second_version=$(sed -n 's/^version=//p' "$info")
	[ -f "$second" ] && second=$(readlink -f "$second") && break
	second=
done
[ -n "$second" ] || skip "there is no other libpython (make interpreters)"

# taken VERSION TEXT OTHER: the dump is of that release, has a string with TEXT, and none with OTHER.
taken() {
	worked
	"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info"
	grep -q "\"$1\"" "$TMP/info" || fail "the dump is not of $1"
	"$MEMSCAN" export --format jsonl "$TMP/dump" > "$TMP/jsonl"
	grep -q "$2" "$TMP/jsonl" || fail "the dump has no $2"
	! grep -q "$3" "$TMP/jsonl" || fail "the dump has $3, which is another interpreter's"
}

# choosing HOW: both are loaded by this word of host.c, and each is taken in turn.
choosing() {
	start "$tools/host" $1 "$first" home "$first_home" init run 'keep = ["of the" + " elder"]' \
		$1 "$second" home "$second_home" init run 'keep = ["of the" + " younger"]' ready
	dump
	refused 2 "$first at 0x[0-9a-f]*, $second at 0x|$second at 0x[0-9a-f]*, $first at 0x"
	grep -q -e --library "$TMP/err" || fail "the message does not name the option"
	dump --library "$first"
	first_version=$("$MEMSCAN" info --json "$TMP/dump" | sed -n 's/.*"python": "\([^"]*\)".*/\1/p')
	case $first_version in 3.11.*) ;; *) fail "--library $first took '$first_version'" ;; esac
	taken "$first_version" "of the elder" "of the younger"
	dump --library "${second##*/}"
	taken "$second_version" "of the younger" "of the elder"
	ln -sf "$second" "$TMP/other name"
	dump --library "$TMP/other name"
	taken "$second_version" "of the younger" "of the elder"
	dump --library libpython3
	refused 2 "choose"
	dump --library libpython2.7
	refused 4 "libpython2.7.*$first"
	# The other commands that look into processes speak the same way.
	run check --pid "$target"
	grep -q -e --library "$TMP/stdout" || fail "check does not name the option"
	run check --library "$first" --pid "$target"
	[ $status = 0 ] || fail "check --library: exit status $status"
	stop_target
}

choosing load
choosing space

# One file twice: they differ by their addresses.
start "$tools/host" space "$first" home "$first_home" init run 'keep = ["of the" + " elder"]' \
	space "$first" home "$first_home" init run 'keep = ["of the" + " younger"]' ready
dump
refused 2 "choose"
names=$(grep -o "at 0x[0-9a-f]*" "$TMP/err")
[ "$(echo "$names" | sort -u | wc -l)" = 2 ] || fail "the message has not two addresses"
for text in "of the elder" "of the younger"; do
	found=0
	for at in $(echo "$names" | cut -d ' ' -f 2); do
		dump --library "at $at"
		worked
		"$MEMSCAN" export --format jsonl "$TMP/dump" | grep -q "$text" && found=$((found + 1))
	done
	[ $found = 1 ] || fail "'$text' is in $found of the dumps"
done
stop_target

# Of two only one was started.
for how in load space; do
	start "$tools/host" $how "$second" $how "$first" home "$first_home" init run 'keep = ["of the" + " elder"]' ready
	dump
	taken "$first_version" "of the elder" "of the younger"
	dump --library "$second"
	refused 3 "not ready"
	stop_target
	start "$tools/host" $how "$first" $how "$second" home "$second_home" init run 'keep = ["of the" + " younger"]' ready
	dump
	taken "$second_version" "of the younger" "of the elder"
	stop_target
done
done_testing
