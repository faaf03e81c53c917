#!/bin/sh
# Targets whose files are not where their maps say, or not called what one would think: another mount, PID or user
# namespace, a chroot, files that were replaced, renamed or deleted after the start, a start through ld.so.
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
stop_target

# A program is called anything: what the kernel says of deleted files, a library's name, a line break.
for name in "web server" "python (deleted)" "libserver.so.1" "pypy" "two
lines" "$(printf '\303\251\377\033[31m')"; do
	mkdir "$TMP/app"
	cp "$real" "$TMP/app/$name"
	[ -z "$library" ] || cp "$library" "$TMP/app/"
	start "$TMP/app/$name" -S $live/small.py ""
	dump
	worked
	mv "$TMP/app/$name" "$TMP/app/another name"
	dump
	worked
	# Its old name is another program's now.
	cp "$(command -v cat)" "$TMP/app/$name"
	dump
	worked
	rm -rf "$TMP/app"
	dump
	worked
	unharmed
	stop_target
done

# Started by the dynamic loader, which is then the process's executable, by its own name or another.
unset LD_LIBRARY_PATH PYTHONHOME
loader=$(ldd "$real" | sed -n 's/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p')
if [ -n "$loader" ]; then
	mkdir "$TMP/app"
	cp "$real" "$TMP/app/program"
	cp "$loader" "$TMP/app/ld"
	for ld in "$loader" "$TMP/app/ld"; do
		start "$ld" --library-path /nowhere "$TMP/app/program" -S $live/small.py ""
		dump
		worked
		unharmed
		stop_target
	done
	rm -rf "$TMP/app"
else
	fail "$real names no loader"
fi

# Linked at a fixed address, and anywhere.
libpython=$(ldconfig -p 2> /dev/null | sed -n 's/.*libpython3\.11\.so\.1\.0 .*=> //p' | head -n 1)
if [ -n "$libpython" ]; then
	for how in -no-pie -pie; do
		${CC:-cc} -D_GNU_SOURCE -fPIE $how -Wl,--no-as-needed -o "$TMP/host" $live/host.c "$libpython" -ldl 2> "$TMP/err" ||
			fail "no host can be linked with $how"
		start "$TMP/host" linked home /usr init ready
		dump
		worked
		stop_target
	done
else
	echo "skip: there is no libpython3.11"
fi

# The same with nothing under its name at all, through a mount that only the target sees.
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
stop_target

# A chroot with a mount of the whole system, whose paths name other files here.
start unshare -m sh -c 'mount --make-rprivate / && mount --rbind / "$1" && exec chroot "$1" "$2" -S "$3" ""' - \
	"$TMP/place" "$real" "$script"
dump
worked
unharmed
stop_target

# inside PYTHON: a thread's number is that of its namespace, and its name the kernel's all the same.
inside() {
	start unshare -p -f "$1" -S $live/small.py '
import threading
begun, end = threading.Event(), threading.Event()
def work():
    with open("/proc/thread-self/comm", "w") as f:
        f.write("worker inside")
    begun.set()
    end.wait()
threading.Thread(target=work).start()
begun.wait()
'
	outer=$target
	target=$(cat "/proc/$target/task/$target/children") && target=${target% }
	pids="$pids $target"
	dump
	worked
	"$MEMSCAN" export --format jsonl "$TMP/dump" | grep '"record": "thread"' > "$TMP/threads"
	grep -q "\"native_id\": 1, \"name\": \"$(cat "/proc/$target/comm")\"" "$TMP/threads" || fail "$1: no thread 1 that is called as its program"
	grep -q '"native_id": [2-9], "name": "worker inside"' "$TMP/threads" || fail "$1: no thread with a small number called 'worker inside'"
	ask "do end.set()"
	unharmed
	exec 7>&-
	wait "$outer"
	exec 8<&-
}
if unshare -p -f true 2> /dev/null; then
	for python in "$PYTHON" "$PWD/build/interpreters/pyenv-3.9.18/python" "$PWD/build/interpreters/deb-3.14/python"; do
		[ ! -x "$python" ] || inside "$python"
	done
else
	echo "skip: no unshare -p -f here"
fi

# Namespaces of users and of PIDs: the pid is that of outside. Inside, it is 1, and so are its thread's.
for what in "-p -f" "-U -r" "-U -r -p -f -m --mount-proc -n -i -u"; do
	if ! unshare $what true 2> /dev/null; then
		echo "skip: no unshare $what here"
		continue
	fi
	start unshare $what "$PYTHON" -S $live/small.py "import os; KEEP.append('pid is %d' % os.getpid())"
	outer=$target
	case $what in *-f*) target=$(cat "/proc/$target/task/$target/children") && target=${target% } ;; esac
	pids="$pids $target"
	dump
	worked
	case $what in
	*-f*) "$MEMSCAN" export --format jsonl "$TMP/dump" | grep -q '"pid is 1"' || fail "$what: its pid is not 1 inside" ;;
	esac
	unharmed
	exec 7>&-
	wait "$outer"
	exec 8<&-
done
done_testing
