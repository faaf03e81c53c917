#!/bin/sh
# Items of tuples and elements of sets are named as such, and attributes by their names, in releases where other fields
# lie before the items (3.14), where types are asked by their own code, and where names are bytes (2.7).
. tests/live/lib.sh

# says TYPE WAY: the one object of that type, or all of them, is held so.
says() {
	"$MEMSCAN" path --tsv "$TMP/dump" "$1" > "$TMP/ways" || fail "$row: no ways to $1"
	cut -f 5 "$TMP/ways" | grep -qxF "$2" || {
		cat "$TMP/ways"
		fail "$row: $1 is not held as $2"
	}
}

walk() { # interpreter
	start "$1" -S $live/labels.py
	dump
	[ $status = 0 ] || fail "$row: exit status $status"
	stop_target
	says Item '__main__.held.items[3]'
	says Last '__main__.held.derived[1]'
	says Few '__main__.held.few{...}'
	says Element '__main__.held.many{...}'
	says Cached "__main__.held.cache[$2'key']"
	"$MEMSCAN" refs --tsv "$TMP/dump" 'tuple or frozenset' > "$TMP/refs" || fail "$row: no references"
	! grep '+0x' "$TMP/refs" || fail "$row: items without names"
	ran=yes
}

ran=
for row in deb-2.7 pyenv-3.8.18 deb-3.11 deb-3.13 deb-3.14 deb-3.15; do
	[ ! -x build/interpreters/$row/python ] || walk build/interpreters/$row/python "$([ $row != deb-2.7 ] || echo b)"
done
row=$PYTHON
[ -n "$ran" ] || walk "$PYTHON"
done_testing
