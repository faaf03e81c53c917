#!/bin/sh
# Selections and kinds on the command line: where an expression is wrong, in what order kinds come, what
# --then adds, and that --rel refuses what is no older dump of the same process.
set -u
memscan=${MEMSCAN:-build/memscan}
dump=tests/data/golden.dump
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# says STATUS TEXT ARGUMENT...: the command ends so, and prints that on standard error.
says() {
	status=$1 text=$2
	shift 2
	"$memscan" "$@" > "$dir/out" 2> "$dir/err"
	rc=$?
	printf '%s\n' "$text" > "$dir/expected"
	head -n "$(wc -l < "$dir/expected")" "$dir/err" > "$dir/begin"
	[ $rc -eq "$status" ] && cmp -s "$dir/expected" "$dir/begin" && return
	failed=1
	echo "memscan $*: exit status $rc; expected $status and:"
	diff "$dir/expected" "$dir/begin"
}

# prints TEXT ARGUMENT...: the command does well, and standard output is that.
prints() {
	text=$1
	shift
	"$memscan" "$@" > "$dir/out" 2> "$dir/err"
	rc=$?
	[ $rc -eq 0 ] && [ "$(cat "$dir/out")" = "$text" ] && return
	failed=1
	echo "memscan $*: exit status $rc, and this instead of what was expected:"
	printf '%s\n' "$text" | diff - "$dir/out"
	cat "$dir/err"
}

says 2 "memscan: find: a number belongs here
    dict and size > x
                    ^" find "$dump" dict and 'size > x'
says 2 "memscan: summary: this parenthesis is not closed
    not (list
        ^" summary "$dump" 'not (list'
says 4 "memscan: top: no object begins at 0x1234
    0x1234
    ^" top "$dump" 0x1234
# An expression is read before the dump is.
says 2 "memscan: find: a set of objects is missing
    
    ^" find /nonexistent ''
says 0 "memscan: note: the dump has no type 'dcit'" find "$dump" dcit
prints "No objects match." find -q "$dump" 'dict and list'
# That dump does not say of which process it is.
says 2 "memscan: find: $dump is no dump of the same process" find "$dump" --rel "$dump" all
prints "1 object, 232 bytes.
Address         Size  Type  Value
0x7f2a10b00040   232  dict  len 1" find "$dump" dict
prints "address	size	refcount	len	flags	type	value
0x959ea0	28	4294967297		immortal static	int	42" find --tsv "$dump" 'value == 42'

"$memscan" summary -q --sort name --tsv "$dump" > "$dir/out"
[ "$(cut -f 11 "$dir/out" | tail -n +2 | tr '\n' ' ')" = "bytes dict (no owner) int list myapp.models.User str type " ] || {
	failed=1
	echo "--sort name:"
	cat "$dir/out"
}
"$memscan" summary -q --by module --then type --tsv "$dump" 'str or User' > "$dir/out"
[ "$(cut -f 1,2,11,12 "$dir/out" | tail -n +2 | tr '\t\n' ',;')" = \
	"0,2,builtins,;0,2,builtins,str;1,2,myapp.models,;1,2,myapp.models,myapp.models.User;" ] || {
	failed=1
	echo "--then:"
	cat "$dir/out"
}
exit $failed
