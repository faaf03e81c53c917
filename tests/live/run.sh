#!/bin/sh
# run.sh PYTHON...: the comparison of exact.sh for each target and each interpreter named.
rc=0
for python; do
	for target in mixed wide threads; do
		MEMSCAN=${MEMSCAN:-build/memscan} BUILD=${BUILD:-build/release} sh tests/live/exact.sh $target "$python" || {
			status=$?
			[ $status = 77 ] || rc=1
		}
	done
done
exit $rc
