#!/bin/sh
# Every interpreter that the matrix says must be there is there and starts. Which it has to be with MATRIX=whole,
# as CI says after `make interpreters`; elsewhere the tests take what is at hand, and this lists the rest.
missing= optional=
while read -r name need _; do
	case $name in '' | '#'*) continue ;; esac
	python=build/interpreters/$name/python
	[ -x "$python" ] && "$python" -S -c 'import os' < /dev/null > /dev/null 2>&1 && continue
	case $need in
	must) missing="$missing $name" ;;
	*) optional="$optional $name" ;;
	esac
done < tests/interpreters/matrix
[ -z "$optional" ] || echo "skip: optional, and not to be had here:$optional"
[ -n "$missing" ] || exit 0
echo "skip: not there ('make interpreters' makes them):$missing"
[ "${MATRIX-}" = whole ] || exit 77
echo "the matrix is not whole"
exit 1
