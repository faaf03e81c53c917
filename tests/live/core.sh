#!/bin/sh
# core.sh TARGET PYTHON: the dump of a process, of a core that gcore makes of it, and of the core that the
# kernel writes when it is killed by SIGABRT, are the same byte for byte but for what says how they were taken;
# and every object that the interpreter can reach is in them, as in exact.sh.
name=$1
python=$2
. tests/live/lib.sh
. tests/live/corelib.sh

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || skip "$python does not run"
here=$PWD
mkdir "$TMP/cwd"
# The kernel's names of threads are not in a core.
names=
[ "$name" != threads ] || names=names

# same FILE NAME: the core FILE gives the dump that the live process gave.
same() {
	run --core "$1" -o "$TMP/dump"
	[ $status = 0 ] || fail "$2: exit status $status"
	[ -f "$TMP/dump" ] || return
	python3 $live/samedump.py "$TMP/live" "$TMP/dump" $names || fail "$2: not the dump of the live process"
	"$MEMSCAN" export --format jsonl "$TMP/dump" |
		python3 $live/compare.py "$2 of $name $version ($python)" "$TMP/truth" || fail "$2: the dump is not exact"
	rm -f "$TMP/dump"
}

start env -C "$TMP/cwd" "$python" -S -W ignore "$here/$live/$name.py" "$TMP/truth"
blocked
run --pid "$target" -o "$TMP/live"
[ $status = 0 ] || fail "exit status $status"

if [ -z "$no_gcore" ]; then
	gcore_core
	same "$core" "gcore's core"
else
	echo "not tried: $no_gcore"
fi

if [ -z "$no_kernel" ]; then
	kernel_core ABRT
	same "$core" "the kernel's core"
else
	echo "not tried: $no_kernel"
fi
done_testing
