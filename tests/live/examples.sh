#!/bin/sh
# The examples of all manual pages, with the program of memscan-tutorial(7).
. tests/live/lib.sh

{
	echo "print('ready', flush=True)"
	sed -n '/^\.\\" The test takes/,/^\.\\" to here/p' man/memscan-tutorial.7 | grep -v '^\.'
} > "$TMP/shop.py"

start "$PYTHON" "$TMP/shop.py"
for i in 1 2 3; do
	ask 20000
	[ "$answer" = "$((i * 20000)) visits" ] || fail "the server said '$answer'"
	dump
	[ $status = 0 ] || fail "exit status $status"
	mv "$TMP/dump" "$TMP/$i.dump"
	# Rates want dumps of different seconds.
	now=$(date +%s)
	while [ "$(date +%s)" = "$now" ]; do :; done
done
# The names that pages without output of their own take.
for name in before 09; do ln -s 1.dump "$TMP/$name.dump"; done
for name in heap after 10; do ln -s 2.dump "$TMP/$name.dump"; done

MEMSCAN=$(realpath "$MEMSCAN")
PID=$target root=$PWD
export MEMSCAN PID
cd "$TMP" || exit 1
for page in "$root"/man/*.[17]; do
	case $page in
	*/memscan-*.1) whole=yes ;;
	*) whole=no ;;
	esac
	"$PYTHON" "$root/tests/live/examples.py" "$page" $whole || fail "examples of ${page##*/}"
done
cd "$root" || exit 1
echo "result: the examples of the manual pages, by $("$PYTHON" -V)"
done_testing
