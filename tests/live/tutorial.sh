#!/bin/sh
# memscan-tutorial(7), done as it says: its server, taken from the page, and the answers that it promises.
. tests/live/lib.sh

{
	echo "print('ready', flush=True)"
	sed -n '/^\.\\" The test takes/,/^\.\\" to here/p' man/memscan-tutorial.7 | grep -v '^\.'
} > "$TMP/shop.py"

start "$PYTHON" "$TMP/shop.py"
for i in 1 2; do
	ask 20000
	[ "$answer" = "$((i * 20000)) visits" ] || fail "the server said '$answer'"
	dump
	[ $status = 0 ] || fail "exit status $status"
	mv "$TMP/dump" "$TMP/$i.dump"
done
stop_target

# says TEXT COMMAND...: a line of what the command prints has TEXT.
says() {
	text=$1
	shift
	"$MEMSCAN" "$@" > "$TMP/said" 2> "$TMP/err" || fail "$*: exit status $?"
	grep -qF -- "$text" "$TMP/said" || { fail "$*: nothing of '$text'"; sed 's/^/    /' "$TMP/said" | head -20; }
}

says '20,000   20,000  __main__.Session  __main__.cache.store[*]' diff "$TMP/1.dump" "$TMP/2.dump"
says '__main__.failures[*].__traceback__.tb_frame, local page' diff "$TMP/1.dump" "$TMP/2.dump"
says '40,000  100.0' path "$TMP/2.dump" __main__.Session
says '80  100.0' path "$TMP/2.dump" bytearray
says '__main__.failures[*].__traceback__.tb_frame, local page' path "$TMP/2.dump" bytearray
says ' bytes would be freed.' retained "$TMP/2.dump" __main__.Session
says 'held as __main__.cache.store' leaks "$TMP/2.dump"
says 'held as __main__.failures[0].__traceback__' leaks "$TMP/2.dump"
says '__main__.Session .user' dups "$TMP/2.dump"
says '{currency, items}' dups "$TMP/2.dump"
says 'list' waste "$TMP/2.dump"
says '40 objects' find "$TMP/2.dump" 'Session and attr.user == "user-7"'
echo "result: the answers of the tutorial, by $("$PYTHON" -V)"
done_testing
