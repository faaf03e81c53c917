#!/bin/sh
# stripped.sh ROW: an interpreter of the matrix without its debug information and every other symbol that it can do without,
# as distributions have them: all offsets come from the built-in table, and every object is as exact as with it.
name=stripped
row=$1
. tests/live/lib.sh
need strip

from=$(readlink -f "build/interpreters/$row") || no_python "there is no $row"
[ -x "$from/python" ] || no_python "there is no $row"
field() {
	file=$(sed -n "s/^$1=//p" "$from/info")
	case $file in '' | /*) echo "$file" ;; *) echo "$from/$file" ;; esac
}
program=$(field program) library=$(field library)

# strip_to FILE COPY
strip_to() {
	strip --strip-all -o "$2" "$1" && ! readelf -SW "$2" | grep -q debug_info || fail "$1 cannot be stripped"
}

mkdir "$TMP/libs"
strip_to "$program" "$TMP/python"
[ -z "$library" ] || strip_to "$library" "$TMP/libs/${library##*/}"
set -- "$TMP/python"
case $(sed -n 's/^launch=//p' "$from/info") in
loader)
	machine=x86_64-linux-gnu
	set -- "$from/root/usr/lib/$machine/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$from/root/usr/lib/$machine" "$@"
	;;
*)
	LD_LIBRARY_PATH=$TMP/libs:$from/libs
	export LD_LIBRARY_PATH
	;;
esac
# It finds its modules from where it was.
PYTHONHOME=${program%/bin/*}
export PYTHONHOME
start "$@" -S -W ignore "$live/basic.py" "$TMP/truth"
unset PYTHONHOME LD_LIBRARY_PATH

dump --values none
if [ $status = 4 ] && grep -q ': no offset table covers it.*, make one: ' "$TMP/err" && moves "$row"; then
	stop_target
	skip "$row is ahead of the tables: $(sed -n 's/.*\(CPython [0-9.a-z]*\).*/\1/p' "$TMP/err")"
fi
[ $status = 0 ] || fail "exit status $status"
stop_target
[ -f "$TMP/dump" ] || exit 1
"$MEMSCAN" info "$TMP/dump" > "$TMP/info"
grep -q "interpreter in: *$TMP/" "$TMP/info" || fail "not the copy was looked into"
grep -q 'offsets from: *table cpython-[^ ]*\.tbl$' "$TMP/info" ||
	fail "the offsets are not those of a table: $(grep 'offsets from' "$TMP/info")"
"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "$name $row" "$TMP/truth" ||
	fail "the dump is not exact"
done_testing
