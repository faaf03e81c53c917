#!/bin/sh
# A core whose executable was moved away, was replaced by another build, or is named with --exe, --sysroot, --debug-dir or
# found by a debuginfod server: what is said, and what comes of it.
. tests/live/lib.sh
. tests/live/corelib.sh

start_copy() {
	mkdir "$TMP/cwd" "$TMP/bin"
	cp "$("$PYTHON" -c 'import sys; print(sys.executable)')" "$TMP/bin/pythonx"
	start env -C "$TMP/cwd" PYTHONHOME="$("$PYTHON" -c 'import sys; print(sys.prefix)')" \
		"$TMP/bin/pythonx" -S -c 'import sys; print("ready"); sys.stdout.flush(); sys.stdin.readline()'
	run --pid "$target" -o "$TMP/live"
	[ $status = 0 ] || fail "live: exit status $status"
}
make_core start_copy SEGV

from_core() {
	rm -f "$TMP/dump"
	run --core "$core" -o "$TMP/dump" "$@"
}

says() {
	grep -Eq -e "$1" "$TMP/err" || fail "the message says nothing like '$1'"
}

# The dump is that of the live process.
whole() {
	[ $status = 0 ] || { fail "$1: exit status $status"; return; }
	python3 $live/samedump.py "$TMP/live" "$TMP/dump" || fail "$1: not the dump of the live process"
}

from_core
whole "as it was"
grep -q 'missing\|another build' "$TMP/err" && fail "something is said to be amiss"

# Without notes nothing says which files there were, nor how it ended; named with --exe, the executable is enough.
cp "$core" "$TMP/bare"
python3 - "$TMP/bare" << 'PY'
import struct, sys
with open(sys.argv[1], "r+b") as f:
    data = f.read(1 << 20)
    table, = struct.unpack_from("<Q", data, 32)
    for i in range(struct.unpack_from("<H", data, 56)[0]):
        if struct.unpack_from("<I", data, table + 56 * i)[0] == 4:
            f.seek(table + 56 * i)
            f.write(bytes(4))
PY
rm -f "$TMP/dump"
run --core "$TMP/bare" -o "$TMP/dump" --exe "$TMP/bin/pythonx"
case $status in 0 | 6) ;; *) fail "without notes: exit status $status" ;; esac
says 'the core does not say which files were mapped'
"$MEMSCAN" summary --json "$TMP/dump" > "$TMP/bare.json"
"$MEMSCAN" summary --json "$TMP/live" > "$TMP/live.json"
python3 - "$TMP/bare.json" "$TMP/live.json" << 'PY' || fail "without notes: other objects than in the live process"
import json, sys
bare, live = (json.load(open(path))["kinds"] for path in sys.argv[1:])
count = lambda kinds: {k["kind"]: k["count"] for k in kinds}
sys.exit(count(bare) != count(live))
PY

mv "$TMP/bin/pythonx" "$TMP/away"
from_core
says 'bin/pythonx: the executable of the process is not there \(build-id [0-9a-f]{40}\); name the right one with --exe'
case $status in
4 | 6) ;;
*) fail "without the executable: exit status $status" ;;
esac
[ $status = 6 ] || says 'program files are missing \(--exe, --sysroot\), which may be why'

from_core --exe "$TMP/away"
whole "--exe"

cp /bin/ls "$TMP/bin/pythonx"
from_core
says 'bin/pythonx: another build \(build-id [0-9a-f]{40}\) than the executable that the process ran \([0-9a-f]{40}\): not used'
from_core --exe "$TMP/away"
whole "--exe beside another build"

from_core --exe /bin/ls
refused 4 '--exe /bin/ls: another build \(build-id [0-9a-f]+\) than the process ran \(.*bin/pythonx, build-id [0-9a-f]+\)'
from_core --exe /nonexistent
refused 4 '--exe /nonexistent: .*No such file'
from_core --exe /etc/passwd
refused 4 '--exe /etc/passwd: not a program'

# At the same place below another root.
mkdir -p "$TMP/root$TMP/bin"
cp "$TMP/away" "$TMP/root$TMP/bin/pythonx"
from_core --sysroot "$TMP/root"
whole "--sysroot"

# By its build-id.
from_core
id=$(sed -n 's/.*that the process ran (\([0-9a-f]*\)).*/\1/p' "$TMP/err" | head -n 1)
rest=${id#??}
first=${id%"$rest"}
mkdir -p "$TMP/debug/.build-id/$first" "$TMP/server/buildid/$id"
cp "$TMP/away" "$TMP/debug/.build-id/$first/$rest"
from_core --debug-dir "$TMP/debug"
whole "--debug-dir"
cp "$TMP/away" "$TMP/server/buildid/$id/executable"
DEBUGINFOD_URLS=file://$TMP/server DEBUGINFOD_CACHE_PATH=$TMP/cache
export DEBUGINFOD_URLS DEBUGINFOD_CACHE_PATH
from_core -v
if grep -q 'libdebuginfod of elfutils is not there' "$TMP/err"; then
	echo "not tried: a debuginfod server: libdebuginfod is not installed"
else
	whole "debuginfod"
fi
unset DEBUGINFOD_URLS

# Packed; and packed and then cut off.
for tool in zstd lz4 xz gzip; do
	command -v $tool > /dev/null || { echo "not tried: $tool is not installed"; continue; }
	$tool -c < "$core" > "$TMP/packed"
	rm -f "$TMP/dump"
	mkdir -p "$TMP/tmp"
	TMPDIR=$TMP/tmp run --core "$TMP/packed" --exe "$TMP/away" -o "$TMP/dump"
	whole "$tool"
	says "unpacked into a temporary file of .* in $TMP/tmp"
	[ -z "$(ls "$TMP/tmp")" ] || fail "$tool: $(ls "$TMP/tmp") was left behind"
	head -c $(($(wc -c < "$TMP/packed") / 2)) "$TMP/packed" > "$TMP/half"
	rm -f "$TMP/dump"
	run --core "$TMP/half" --exe "$TMP/away" -o "$TMP/dump"
	says "the $tool file is (cut off|damaged)"
	case $status in 3 | 4 | 6) ;; *) fail "$tool, cut off: exit status $status" ;; esac
	# A packed file of something else.
	echo "no core" | $tool -c > "$TMP/packed"
	rm -f "$TMP/dump"
	run --core "$TMP/packed" -o "$TMP/dump"
	refused 4 'not a core file'
done
rm -f "$TMP/dump"
TMPDIR=/nonexistent run --core "$TMP/half" -o "$TMP/dump"
refused 5 'cannot make a temporary file in /nonexistent'

# What is no core of a Python at all.
for f in /bin/ls /etc/passwd /dev/null "$TMP"; do
	run --core "$f" -o "$TMP/dump"
	refused 4 'not a core file'
done
run --core "$TMP/none" -o "$TMP/dump"
refused 4 'No such file'
python3 - "$TMP/aarch64" "$TMP/s390x" << 'PY'
import struct, sys
for path, order, data, machine in (sys.argv[1], "<", 1, 183), (sys.argv[2], ">", 2, 22):
    ehdr = b"\x7fELF" + bytes([2, data, 1]) + bytes(9)
    ehdr += struct.pack(order + "HHIQQQIHHHHHH", 4, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    phdr = struct.pack(order + "IIQQQQQQ", 1, 6, 4096, 0x10000, 0, 4096, 4096, 4096)
    open(path, "wb").write((ehdr + phdr).ljust(8192, b"\0"))
PY
run --core "$TMP/aarch64" -o "$TMP/dump"
refused 4 'a core of aarch64, 64-bit little-endian: not a CPython process'
run --core "$TMP/s390x" -o "$TMP/dump"
refused 4 'a core of s390x, 64-bit big-endian: not a CPython process'

# A crash while garbage was collected.
rm -rf "$TMP/cwd"
start_collecting() {
	mkdir "$TMP/cwd"
	start env -C "$TMP/cwd" "$PYTHON" -S -c 'import gc, sys
def stand(*args):
    print("ready")
    sys.stdout.flush()
    sys.stdin.readline()
gc.callbacks.append(stand)
gc.collect()'
}
make_core start_collecting
rm -f "$TMP/dump"
run --core "$core" -o "$TMP/dump"
[ $status = 6 ] || fail "a core of a collection: exit status $status"
"$MEMSCAN" info "$TMP/dump" | grep -q 'garbage collection was in progress' || fail "the collection is not told of"
"$MEMSCAN" info "$TMP/dump" | grep -q '^ended by signal: *6$' || [ -n "$no_kernel" ] || fail "the signal is not told"
rm -f "$TMP/dump"

rm -rf "$TMP/cwd"
start_sleep() {
	mkdir "$TMP/cwd"
	start env -C "$TMP/cwd" sh -c 'echo ready; exec sleep 1000'
}
make_core start_sleep
run --core "$core" -o "$TMP/dump"
refused 4 'not a CPython process'
done_testing
