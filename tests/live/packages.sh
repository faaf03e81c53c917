#!/bin/sh
# Objects of packages that memscan has no table for are in the dump as the interpreter sees them: in each interpreter of
# PYTHONS that has one of them.
verdict=77
for python in ${PYTHONS:-/usr/bin/python3}; do
	"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null || continue
	"$python" -S -W ignore tests/live/packages.py --any > /dev/null 2>&1 || {
		echo "skip: $python has none of the packages"
		continue
	}
	sh tests/live/exact.sh packages "$python"
	case $? in
	0) [ $verdict = 1 ] || verdict=0 ;;
	77) ;;
	*) verdict=1 ;;
	esac
done
exit $verdict
