#!/bin/sh
# A server that forks, its workers, and a worker's own child, in one go: the dump of each is exact, each is held for what
# it has of its own, and what it has in common with its parent is copied once.
. tests/live/lib.sh

# The value of a member of the JSON object in a file.
member() {
	sed -n 's/.*"'"$2"'": *"\{0,1\}\([^",}]*\)"\{0,1\},\{0,1\}.*/\1/p' "$1" | head -n 1
}

# KiB of memory that is the process's own, and written to: pages of files that it reads for the first time are no copies.
own() {
	awk '$1 == "Private_Dirty:" { sum += $2 } END { print sum }' "/proc/$1/smaps"
}

children_of() {
	for task in /proc/"$1"/task/*; do cat "$task/children"; done
}

nested=

# family INTERPRETER: start it; its processes are in $all, $workers and $nested.
family() {
	name=$(name_of "$1")
	start "$1" -S -W ignore $live/family.py "$TMP/truth" 4000
	workers=$(children_of "$target")
	all=$target
	for w in $workers; do
		below=$(children_of "$w")
		all="$all $w $below"
		nested=$(echo ${below:-$nested})
	done
	all=$(echo $all)
	first=${workers%% *}
	[ "$(echo $all | wc -w)" = 5 ] || fail "$name: not five processes: $all"
	server=$target
	for target in $all; do waits; done
	target=$server
}

# dump_family OPTION...: a dump of each is there, and says what it is of.
dump_family() {
	[ "$(id -u)" != 0 ] || python3 $live/family-pages.py $all before > "$TMP/pages" || fail "$name: pages cannot be counted"
	own_before=$(own "$first")
	rm -f "$TMP"/heap.*
	run --pid "$target" --children -o "$TMP/heap.dump" "$@"
	[ $status = 0 ] || fail "$name $*: exit status $status"
	[ "$(ls "$TMP"/heap.* | wc -l)" = 5 ] || fail "$name $*: not five dumps"
	own_after=$(own "$first")
	[ "$own_after" -le $((own_before + 1000)) ] || fail "$name $*: a worker has grown from $own_before to $own_after KiB"
	infos=
	for pid in $all; do
		"$MEMSCAN" info --json "$TMP/heap.$pid.dump" > "$TMP/info.$pid" || fail "$name $*: no dump of $pid"
		infos="$infos $TMP/info.$pid"
		[ "$(member "$TMP/info.$pid" pid)" = "$pid" ] || fail "$name $*: heap.$pid.dump is of another process"
		[ "$(member "$TMP/info.$pid" group_pids)" = "$all" ] || fail "$name $*: $pid: not the group $all"
		[ "$(member "$TMP/info.$pid" group)" = "$(member "$TMP/info.$target" group)" ] || fail "$name $*: two groups"
		parent=$(sed 's/.*) [^ ]* \([0-9]*\) .*/\1/' "/proc/$pid/stat")
		[ "$(member "$TMP/info.$pid" parent)" = "$parent" ] || fail "$name $*: $pid has not the parent $parent"
	done
}

# exact PID...: their dumps are.
exact() {
	for pid; do
		"$MEMSCAN" export --format jsonl "$TMP/heap.$pid.dump" |
			python3 $live/compare.py "$name: $pid" "$TMP/truth.$pid" || fail "$name: the dump of $pid is not exact"
	done
}

# same: what is said to be the same in all is so.
same() {
	exports=
	for pid in $all; do
		"$MEMSCAN" export --format jsonl "$TMP/heap.$pid.dump" > "$TMP/jsonl.$pid"
		exports="$exports $TMP/jsonl.$pid $pid"
	done
	"$MEMSCAN" info --json "$TMP"/heap.*.dump > "$TMP/info.all" || fail "$name: info of all dumps"
	python3 $live/family-compare.py "$TMP/truth" "$TMP/info.all" $exports || fail "$name: what is the same is another matter"
}

# unchanged: what the processes say of themselves is what they said before.
unchanged() {
	for pid in $all; do mv "$TMP/truth.$pid" "$TMP/before.$pid"; done
	ask again
	for pid in $all; do
		cmp -s "$TMP/truth.$pid" "$TMP/before.$pid" || fail "$name: $pid's own account is not the same afterwards"
	done
}

# shared: hardly anything was copied twice.
shared() {
	[ "$(id -u)" = 0 ] || return
	python3 $live/family-pages.py "$TMP/pages" $infos || fail "$name: pages were copied twice"
}

for python in "$PWD/build/interpreters/deb-3.13/python" "$PWD/build/interpreters/pyenv-2.7.18/python" "$PYTHON"; do
	has_python "$python" || continue
	family "$python"
	dump_family
	exact $all
	shared
	same
	unchanged
	[ "$python" = "$PYTHON" ] || stop_target
done
dump_family --snapshot disk --compress
[ "$(member "$TMP/info.$nested" snapshot)" = disk ] || fail "not copied to disk"
shared
exact "$nested"
dump_family --snapshot none
exact "$nested"
dump_family --no-stop
exact "$nested"
dump_family --max-pause 60000
shared
unchanged

# The same processes, named; and what each would take.
rm -f "$TMP"/heap.*
run --pid "$target,$first" -p "$first" -o "$TMP/heap.%p"
[ $status = 0 ] || fail "two processes: exit status $status"
[ "$(cd "$TMP" && echo heap.*)" = "$(printf 'heap.%s\n' "$target" "$first" | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')" ] ||
	fail "two processes: $(ls "$TMP")"
run --pid "$target" --children -o "$TMP/heap.%p"
[ $status = 5 ] || fail "two dumps are there already: exit status $status"
[ "$(ls "$TMP"/heap.* | wc -l)" = 5 ] || fail "the other three were not made"
grep -q '2 of 5 processes were not dumped' "$TMP/err" || fail "not said how many were not dumped"
run -q --pid "$target" --children -f -o "$TMP/heap.%p"
[ $status = 0 ] || fail "--force: exit status $status"
[ ! -s "$TMP/err" ] || fail "--quiet is not"
run --pid "$target" --children --dry-run
[ $status = 0 ] || fail "--dry-run: exit status $status"
for pid in $all; do
	grep -q "^process    $pid: " "$TMP/stdout" || fail "--dry-run does not say what $pid takes"
done
if [ "$(id -u)" = 0 ]; then
	[ "$(grep -c '^in common  [0-9.]*M with process' "$TMP/stdout")" = 4 ] || fail "--dry-run does not say what is in common"
fi
run --pid "$target" --children -o -
refused 2 "standard output"

# Without the right to see page frames everything is copied, and that is said.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	rm -f "$TMP"/heap.*
	setpriv --inh-caps -sys_admin --bounding-set -sys_admin "$MEMSCAN" --pid "$target" --children -o "$TMP/heap.dump" 2> "$TMP/err"
	status=$?
	[ $status = 0 ] || fail "without CAP_SYS_ADMIN: exit status $status"
	grep -q CAP_SYS_ADMIN "$TMP/err" || fail "without CAP_SYS_ADMIN: not said what is missing"
	"$MEMSCAN" export --format jsonl "$TMP/heap.$first.dump" | python3 $live/compare.py "unprivileged" "$TMP/truth.$first" ||
		fail "without CAP_SYS_ADMIN: the dump is not exact"
fi
stop_target
done_testing
