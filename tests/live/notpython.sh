#!/bin/sh
# Processes that are not CPython: C programs, one of them static, Go, Java, PyPy, Ruby, a thread of the kernel, memscan's own
# shell. Each is refused by a message that says what it is, at once.
. tests/live/lib.sh

# soon PATTERN: refused with this message, within 0.2 s; on a machine that has other things to do, at one of many tries.
soon() {
	limit=200000
	[ "$VARIANT" = release ] || limit=5000000
	took=$limit
	tries=0
	while [ $took -ge $limit ] && [ $tries -lt 30 ]; do
		tries=$((tries + 1))
		began=$(date +%s%N)
		dump
		took=$((($(date +%s%N) - began) / 1000))
	done
	refused 4 "$1"
	[ $took -lt $limit ] || fail "the refusal took $took us"
	echo "result: $(sed -n 's/^memscan: dump: pid [0-9]*: \(.\{0,60\}\).*/\1/p' "$TMP/err") ...: in $took us"
}

# started COMMAND...: a target that says "ready" as the others do, if it is installed.
started() {
	command -v "$1" > /dev/null || { echo "skip: $1 is not installed"; return 1; }
	start "$@"
}

end() {
	exec 7>&-
	wait "$target"
	exec 8<&-
}

cat < /dev/zero > /dev/null &
target=$!
pids=$target
# Until the shell's child has become cat, it may end before it is looked at: that would be another answer.
until grep -q '^cat' "/proc/$target/comm"; do :; done
soon "not a CPython process \(/.*cat\)"

target=$$
soon "not a CPython process"

cat > "$TMP/static.c" << 'END'
#include <unistd.h>
int main(void) { char c; return write(1, "ready\n", 6) != 6 || read(0, &c, 1) != 0; }
END
if ${CC:-cc} -static -O1 -s -o "$TMP/static" "$TMP/static.c" 2> "$TMP/err"; then
	start "$TMP/static"
	soon "not a CPython process \(.*/static\)"
	end
else
	echo "skip: ${CC:-cc} -static makes no program here"
fi

# A Go program, static and stripped, that waits until somebody reads what it says.
if command -v gosu > /dev/null; then
	mkfifo "$TMP/full"
	exec 6<> "$TMP/full"
	dd if=/dev/zero of="$TMP/full" bs=4096 oflag=nonblock 2> /dev/null < /dev/zero
	gosu --help > "$TMP/full" 2>&1 &
	target=$!
	pids="$pids $target"
	until grep -q gosu "/proc/$target/comm"; do :; done
	soon "a Go program.*gosu"
	exec 6>&-
else
	echo "skip: gosu is not installed"
fi

cat > "$TMP/Hello.java" << 'END'
public class Hello {
	public static void main(String[] a) throws Exception {
		System.out.println("ready");
		System.in.read();
	}
}
END
if started java -Xmx64m "$TMP/Hello.java"; then
	soon "a Java virtual machine.*libjvm"
	end
fi
if started pypy3 -c 'import os; os.write(1, b"ready\n"); os.read(0, 1)'; then
	soon "PyPy.*pypy"
	end
fi
if started ruby -e '$stdout.syswrite("ready\n"); STDIN.read(1)'; then
	soon "Ruby"
	end
fi

# kthreadd, where it can be seen: it has neither program nor memory.
if [ "$(cat /proc/2/comm 2> /dev/null)" = kthreadd ] && [ "$(id -u)" = 0 ]; then
	target=2
	dump
	refused 3 "kernel|program"
fi
done_testing
