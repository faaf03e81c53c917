#!/bin/sh
# A release that nobody has seen: a build of 3.13 that calls itself 3.16. Without debug information it is refused, with the
# one command that makes a table for it; that command is run on the build with its debug information, and
# with the table every object is exact. With debug information it needs no table at all.
. tests/live/lib.sh
need strip

row=build/interpreters/nomalloc-3.13
[ -x $row/python ] || no_python "there is no nomalloc-3.13 of the matrix"
home=$(readlink -f $row/root)
program=$home/bin/python3.13

# Py_Version, in the constants, and the word of the debug offsets behind the cookie.
python3 - "$program" "$TMP/python3.16" <<-'END' || fail "the interpreter cannot be changed"
	import re, struct, subprocess, sys
	data = bytearray(open(sys.argv[1], "rb").read())
	symbols = subprocess.check_output(["readelf", "-W", "--dyn-syms", sys.argv[1]], universal_newlines=True)
	sections = subprocess.check_output(["readelf", "-W", "-S", sys.argv[1]], universal_newlines=True)
	address, index = next((int(f[1], 16), f[6]) for f in map(str.split, symbols.splitlines()) if f[7:] == ["Py_Version"])
	section = next(s for s in sections.splitlines() if s.strip().startswith("[%2s]" % index))
	start, offset = (int(x, 16) for x in section.split("]")[1].split()[2:4])
	for at in (address - start + offset, re.search(b"xdebugpy..\x0d\x03\0{4}", data, re.S).start() + 8):
	    assert struct.unpack_from("<Q", data, at)[0] >> 16 == 0x030d, hex(at)
	    struct.pack_into("<Q", data, at, 0x031000f0)
	open(sys.argv[2], "wb").write(data)
END
mkdir "$TMP/bin"
chmod 755 "$TMP/python3.16" && strip --strip-all -o "$TMP/bin/python3.16" "$TMP/python3.16" || fail "strip"

run_as() {
	PYTHONHOME=$home LD_LIBRARY_PATH=$(readlink -f $row)/libs start "$1" -S -W ignore $live/basic.py "$TMP/truth"
}

# exact FROM: the dump is whole, and says where its offsets came from.
exact() {
	[ $status = 0 ] || fail "exit status $status"
	"$MEMSCAN" info "$TMP/dump" > "$TMP/info"
	grep -q '^python: *3\.16\.0$' "$TMP/info" || fail "info does not say 3.16.0"
	grep -q "^offsets from: *$1" "$TMP/info" || fail "not the offsets that were meant: $(grep '^offsets' "$TMP/info")"
	"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "unseen $1" "$TMP/truth" ||
		fail "the dump is not exact"
}

run_as "$TMP/bin/python3.16"
dump
refused 4 'CPython 3\.16\.0 \(release, x86_64\): no offset table covers it and its binary carries no debug information'
command=$(sed -n 's/.*make one: \(memscan offsets .*\), then use \(--offsets [^ ]*\)$/\1/p' "$TMP/err")
option=$(sed -n 's/.*, then use \(--offsets [^ ]*\)$/\1/p' "$TMP/err")
[ "$command" = "memscan offsets $TMP/bin/python3.16 > cpython-3.16.tbl" ] || fail "the command is '$command'"
[ "$option" = "--offsets cpython-3.16.tbl" ] || fail "the option is '$option'"

# As it says, "with the debug symbols installed": the program with them in its place, while the process runs on.
mv "$TMP/bin/python3.16" "$TMP/stripped" && mv "$TMP/python3.16" "$TMP/bin"
memscan=$(readlink -f "$MEMSCAN")
(cd "$TMP" && memscan() { "$memscan" "$@"; } && eval "$command") || fail "the command does not work"
dump $(echo "$option" | sed "s, ,&$TMP/,")
exact "table $TMP/cpython-3.16.tbl"
sed 's/^covers .*/covers 031001f0 031001f0/' "$TMP/cpython-3.16.tbl" > "$TMP/other.tbl"
dump --offsets "$TMP/other.tbl"
refused 4 'does not describe the target: it covers 3\.16\.1 to 3\.16\.1, not 3\.16\.0'
stop_target

run_as "$TMP/bin/python3.16"
dump
exact 'python3\.16 build-id'
stop_target
done_testing
