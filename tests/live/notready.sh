#!/bin/sh
# Pythons that are starting or ending: "not ready", by the exit status of a busy target, and no harm done; but as soon
# as, and as long as, all of Python is there, a dump.
. tests/live/lib.sh

libraries=
for l in $(ldconfig -p 2> /dev/null | sed -n 's/.*libpython3\.11\.so\.1\.0 .*=> //p' | head -n 1) \
	build/interpreters/clang-3.13/libs/libpython3.*.so.1.0 "$HOME"/.pyenv/versions/*/lib/libpython*.so.1.0; do
	[ -f "$l" ] && libraries="$libraries $l"
done
[ -n "$libraries" ] || skip "no libpython was found"

# A program with the library before Py_Initialize, and after Py_Finalize.
for l in $libraries; do
	# Where its modules are; 2.7 keeps the pointer alone.
	home=$(dirname "$(dirname "$l")")
	case $l in
	*/clang-*) home=$(dirname "$(dirname "$l")")/root ;;
	/lib/*-linux-gnu/* | /usr/lib/*) home=/usr ;;
	esac
	start "$tools/host" load "$l" home "$home" ready
	dump
	refused 3 "not ready.*try again"
	stop_target
	start "$tools/host" load "$l" home "$home" init final ready
	dump
	refused 3 "not ready.*try again"
	stop_target
done

tried=
# Interpreters that wait as they end. To 3.6 little can be told from outside, and much is still there: then, a dump is as good.
for python in "$PYTHON" build/interpreters/*/python; do
	[ -x "$python" ] || continue
	start "$python" -S "$PWD/$live/ending.py" last
	dump -vv
	tries=$(grep -c 'trying again$' "$TMP/err")
	case $("$python" -c 'import sys; print(sys.version_info < (3, 7))'):$status in
	*True:0) worked ;;
	*)
		refused 3 "not ready.*ending"
		# With pauses of half a second between all of them: nobody waits longer for what will not be ready.
		[ "$tries" -lt 50 ] || fail "$tries tries are more than memscan(1) says"
		[ "$tries" -lt 40 ] || tried=yes
		;;
	esac
	grep -q '^State:.S' "/proc/$target/status" || fail "$python does not sleep as it did"
	stop_target
done
[ -n "$tried" ] || fail "nothing was tried again"
start "$PYTHON" -S $live/ending.py exit
dump
worked
stop_target

# Interpreters that wait as they start: the file that makes a virtual environment is a FIFO. Opening it for writing returns
# when it has been opened for reading.
mkdir "$TMP/app"
mkfifo "$TMP/app/pyvenv.cfg"
for program in "$PYTHON" build/interpreters/clang-3.13/root/bin/python3.13 "$HOME"/.pyenv/versions/3.*/bin/python; do
	[ -x "$program" ] || continue
	program=$(readlink -f "$program")
	home=$(dirname "$(dirname "$program")")
	cp "$program" "$TMP/app/python"
	LD_LIBRARY_PATH=$home/lib:$home/../libs "$tools/allow" "$TMP/app/python" -S -c 'import sys; sys.exit(3)' \
		2> "$TMP/target.err" &
	target=$!
	pids="$pids $target"
	# It writes from the end of this script on, should the target die first.
	timeout 20 sh -c 'exec 9> "$1"; : > "$1.open"; read -r go' - "$TMP/app/pyvenv.cfg" < "$TMP/in" &
	writer=$!
	pids="$pids $writer"
	exec 7> "$TMP/in"
	until [ -e "$TMP/app/pyvenv.cfg.open" ] || ! kill -0 $writer 2> /dev/null; do :; done
	if [ -e "$TMP/app/pyvenv.cfg.open" ]; then
		dump
		refused 3 "not ready.*try again"
	else
		fail "$program did not open pyvenv.cfg"
	fi
	rm -f "$TMP/app/pyvenv.cfg.open"
	exec 7>&-
	wait $writer
	wait $target
	# Some find their modules from there, some do not; none is killed.
	[ $? -le 3 ] || fail "$program was killed"
done

# Python is there when site is imported, which may hang as well.
mkdir "$TMP/site"
cat > "$TMP/site/sitecustomize.py" << 'END'
import os
os.write(1, b"ready\n")
os.read(0, 10)
END
PYTHONPATH=$TMP/site start "$PYTHON" -c pass
dump
worked
stop_target
done_testing
