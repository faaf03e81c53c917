#!/bin/sh
# A process that has moved its own mappings about: where they came from is no longer what the kernel says of them, and
# every object is found all the same.
. tests/live/lib.sh

for python in "$PYTHON" $PWD/build/interpreters/deb-2.7/python $PWD/build/interpreters/pyenv-3.12.1/python \
	$PWD/build/interpreters/nogil-3.13/python $PWD/build/interpreters/deb-3.15/python; do
	has_python "$python" || continue
	# More objects lie across pages with the C library's malloc; a free-threaded build has its own alone.
	export PYTHONMALLOC=malloc
	case $python in */nogil*) unset PYTHONMALLOC ;; esac
	sh tests/live/exact.sh remapped "$python" || fail "not exact in $(name_of "$python")"
done
done_testing
