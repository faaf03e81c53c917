#!/bin/sh
# Of every type of the standard library that is written in C, an object is in the dump as the interpreter sees it:
# in each interpreter of PYTHONS, and in the debug build where there is one (its layout comes from its own DWARF).
# Rows of the matrix are run one by one: EVERY in tests.mk.
verdict=77
for python in ${PYTHONS:-/usr/bin/python3} $(command -v python3.11-dbg); do
	# everytype.py was written for this series and later ones.
	"$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 10))' 2> /dev/null || continue
	sh tests/live/exact.sh everytype "$python"
	case $? in
	0) [ $verdict = 1 ] || verdict=0 ;;
	77) ;;
	*) verdict=1 ;;
	esac
done
exit $verdict
