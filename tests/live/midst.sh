#!/bin/sh
# A list that a thread is changing just when it is stopped may have an item that is none: such damage is told
# from any other by the registers of the thread. Here it is made, as a list that grows is so too rarely: the call
# that says "ready" does not return before it is read to its end, and has the address of the list in a register.
. tests/live/lib.sh

start "$PYTHON" -S -c '
import ctypes, gc, os, sys
gc.disable()
word = ctypes.c_size_t.from_address
lists = [[i] * 10 for i in range(50)]
for v in lists:
    word(word(id(v) + object.__basicsize__ + 8).value).value = 16
with open(sys.argv[1], "w") as f:
    f.write("%#x" % id(lists[25]))
text = b"ready\n" + b"x" * (1 << 20)
SYS_write = 1
ctypes.CDLL(None).syscall(SYS_write, 1, text, ctypes.c_size_t(len(text)), ctypes.c_void_p(id(lists[25])))
sys.stdin.read()
' "$TMP/changed"
dump
[ $status = 6 ] || fail "exit status $status"
"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info"
reason() {
	sed -n "s/.*\"reason\": \"$1\", \"count\": \([0-9]*\), \"examples\": \"\([^\"]*\)\".*/\1 \2/p" "$TMP/info"
}
changing=$(reason 'stopped just while a thread was changing it')
[ "$changing" = "1 $(cat "$TMP/changed")" ] || fail "of the list at $(cat "$TMP/changed") it says '$changing'"
other=$(reason 'reference to what is no object')
[ "${other%% *}" = 49 ] || fail "of the other 49 it says '$other'"
done_testing
