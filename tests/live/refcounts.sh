#!/bin/sh
# The audit of reference counts on an interpreter of the matrix that has run much of the standard library: next to
# nothing is left over, and what an extension leaks then comes first. `refcounts.sh ROW`
. tests/live/lib.sh
. tests/live/leaker.sh

row=$1
interpreter=build/interpreters/$row/python
[ -x "$interpreter" ] || no_python "there is no $row"

# References that may be left over: 25 were seen in 2.7, 21 in 3.15 and 3.7, 18 in others; it is not the same each time.
most=40

build_leaker "$interpreter" || echo "no headers of $row: ctypes has to leak, if there is one"
start "$interpreter" -S $live/stdlib.py "$TMP"
blocked
dump
[ $status = 0 ] || fail "exit status $status"
mv "$TMP/dump" "$TMP/before"
ask leak
victim=$answer
case $victim in 0x*) ;; *) echo "nothing can leak in $row: $victim" ;; esac
dump
[ $status = 0 ] || fail "exit status $status"
stop_target
"$PYTHON" $live/refcounts-compare.py "$MEMSCAN" $most "$TMP/before" "$TMP/dump" "$victim" || fail "the audit is wrong ($row)"
done_testing
