#!/bin/sh
# What is known of an interpreter's structs from its debug information, from the built-in table and, since 3.13, from
# the runtime itself (_Py_DebugOffsets) agrees about every field that they share: `memscan offsets --check` for each
# interpreter of the matrix that has debug information. And a runtime that says something else is noticed.
set -u
memscan=${MEMSCAN:-build/memscan}
matrix=build/interpreters
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0 checked=0 stated=0

fail() {
	echo "FAIL: $*"
	failed=1
}

# beside PROGRAM DWARF: a root where DWARF is the separate debug information of PROGRAM, in $sysroot.
beside() {
	id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
	rest=${id#??}
	sysroot=$tmp/root
	mkdir -p "$sysroot/usr/lib/debug/.build-id/${id%"$rest"}"
	ln -s "$(readlink -f "$2")" "$sysroot/usr/lib/debug/.build-id/${id%"$rest"}/$rest.debug"
}

# check ROW
check() {
	dir=$matrix/$1
	field() {
		file=$(sed -n "s/^$1=//p" "$dir/info")
		case $file in '' | /*) echo "$file" ;; *) echo "$dir/$file" ;; esac
	}
	file=$(field library) dwarf=$(field dwarf) sysroot=$dir/root
	file=${file:-$(field program)}
	[ -n "$dwarf" ] || return
	case $dwarf in "$file".debug) beside "$file" "$dwarf" ;; esac
	"$memscan" offsets --check --sysroot "$sysroot" "$file" > "$tmp/out" 2> "$tmp/err"
	rc=$?
	checked=$((checked + 1))
	if [ $rc = 4 ] && grep -q "^deb-${1#*-} .* sid" tests/interpreters/matrix && grep -q "agree about .*no offset table covers" "$tmp/err" &&
		! grep -q "not agree\|of another build" "$tmp/err"; then
		echo "skip: $1: Debian has a newer release by now: $(cat "$tmp/err")"
		return
	fi
	[ $rc = 0 ] || fail "$1: exit status $rc: $(cat "$tmp/err" "$tmp/out")"
	[ ! -s "$tmp/out" ] || fail "$1: differences: $(cat "$tmp/out")"
	version=$(sed -n 's/^version=//p' "$dir/info")
	rows=$(sed -n 's/.*_Py_DebugOffsets (\([0-9]*\) rows) agree$/\1/p' "$tmp/err")
	case $version in
	2.* | 3.[0-9].* | 3.1[0-2].*)
		grep -q 'debug information and built-in table .* agree$' "$tmp/err" || fail "$1: $(cat "$tmp/err")"
		;;
	*)
		[ "${rows:-0}" -ge 50 ] || fail "$1: not all three are compared: $(cat "$tmp/err")"
		stated=$((stated + 1))
		;;
	esac
}

# lie ROW: the same with a word of the debug offsets changed, which gives it away.
lie() {
	program=$matrix/$1/$(sed -n 's/^program=//p' "$matrix/$1/info")
	[ -f "$program" ] || return
	python3 - "$program" "$tmp/liar" <<-'END' || { fail "$1 cannot be changed"; return; }
		import re, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		at = re.search(b"xdebugpy..\x0d\x03\0{4}", data, re.S).start() + 432 # list_object.ob_item
		assert data[at] == 24, data[at]
		data[at] = 32
		open(sys.argv[2], "wb").write(data)
	END
	"$memscan" offsets --check "$tmp/liar" > "$tmp/out" 2> "$tmp/err"
	rc=$?
	[ $rc = 1 ] || [ $rc = 4 ] || fail "$1, changed: exit status $rc"
	grep -q 'PyListObject.ob_item: 24 in .*, 32 in _Py_DebugOffsets' "$tmp/out" || fail "$1, changed: $(cat "$tmp/out")"
	[ "$(wc -l < "$tmp/out")" = 1 ] || fail "$1, changed: more differs than was changed: $(cat "$tmp/out")"
	grep -q 'do not agree' "$tmp/err" || fail "$1, changed: $(cat "$tmp/err")"
}

for info in "$matrix"/*/info; do
	[ -f "$info" ] || continue
	row=${info%/info}
	check "${row##*/}"
done
[ $checked -gt 0 ] || { echo "skip: no interpreter of the matrix is here"; exit 77; }
lie nomalloc-3.13
echo "result: $checked interpreters with debug information, $stated with debug offsets"
exit $failed
