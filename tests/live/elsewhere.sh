#!/bin/sh
# Targets whose files are not where their maps say: another mount namespace, a chroot, files that were
# replaced after the start.
. tests/live/lib.sh

# A copy of the interpreter with its own library, to be replaced under its feet.
real=$("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))')
home=$("$PYTHON" -c 'import sys; print(sys.base_prefix)')
mkdir "$TMP/app"
cp "$real" "$TMP/app/python"
library=$(ldd "$real" | sed -n 's/.*=> \(.*libpython[^ ]*\) .*/\1/p')
[ -z "$library" ] || cp "$library" "$TMP/app/"
export LD_LIBRARY_PATH=$TMP/app PYTHONHOME=$home

start "$TMP/app/python" -S $live/small.py ""
for f in "$TMP"/app/*; do
	echo "another release" > "$f.new"
	mv "$f.new" "$f"
done
(
	unset LD_LIBRARY_PATH PYTHONHOME
	dump
	worked
	[ $failures = 0 ]
) || fail "dump of a process whose files were replaced"
rm -rf "$TMP/app"
dump
worked
unharmed

# The same with nothing under its name at all, through a mount that only the target sees.
unset LD_LIBRARY_PATH PYTHONHOME
[ "$(id -u)" = 0 ] || { echo "skip: mount namespaces: only root can do this"; done_testing; }
need unshare chroot
mkdir "$TMP/place"
unshare -m true 2> /dev/null || { echo "skip: no mount namespaces here"; done_testing; }
script=$PWD/$live/small.py
start unshare -m sh -c 'mount --make-rprivate / && mount --bind / "$1" && exec "$1$2" -S "$3" ""' - \
	"$TMP/place" "$real" "$script"
[ ! -e "$TMP/place/bin" ] || fail "the mount can be seen from outside"
dump
worked
unharmed

# A chroot with a mount of the whole system, whose paths name other files here.
start unshare -m sh -c 'mount --make-rprivate / && mount --rbind / "$1" && exec chroot "$1" "$2" -S "$3" ""' - \
	"$TMP/place" "$real" "$script"
dump
worked
unharmed
done_testing
