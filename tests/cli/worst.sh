#!/bin/sh
# What `make check-live` prints at its end: a line for each interpreter, the worst first, and its exit status.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# figures INTERPRETER FOUND DAMAGE: of 200000 objects, with all that is found right
figures() {
	echo "result: something"
	echo "figures: {\"interpreter\": \"$1\", \"version\": \"3.11.2\", \"flavour\": \"release\", \"objects\": 200000, \"found\": $2," \
		"\"type\": $2, \"size\": $2, \"referents\": $2, \"beyond\": 5, \"guesses\": 1, \"damage\": $3}"
}

# ended STATUS LINE...: the interpreters of the last run, in this order.
ended() {
	[ $rc = "$1" ] || { echo "exit status $rc, not $1"; cat "$tmp/out"; exit 1; }
	shift
	sed 1d "$tmp/out" > "$tmp/lines"
	for line; do
		read -r got
		echo "$got" | grep -q -e "^$line" || { echo "not '$line' but '$got'"; exit 1; }
	done < "$tmp/lines"
}

run() {
	python3 tests/live/worst.py "$tmp/log" > "$tmp/out"
	rc=$?
}

{ figures good 200000 0; figures other 200000 0; figures good 200000 0; } > "$tmp/log"
run
ended 0 'good *3\.11\.2 *release *400000 *100% *100% *100% *100% *10 *2 *0$' 'other ' 'Exact: 2 of 2'
{ figures good 200000 0; figures damaged 200000 1; figures bad 199999 0; figures worse 150000 0; } > "$tmp/log"
run
ended 1 'worse .* 75\.0000%' 'bad .* 99\.9995%' 'damaged .* 1$' 'good ' 'Exact: 1 of 4'
