#!/bin/sh
# The progress line: on a terminal, of a dump and of long analyses, and nothing anywhere else.
. tests/live/lib.sh

on_terminal() { "$PYTHON" $live/progress.py "$@" || fail "progress of $*"; }

start_small
on_terminal 'walking: 0%' "$MEMSCAN" --pid "$target" -o "$TMP/small.dump"
dump
[ "$(tr -d '\n' < "$TMP/err" | tr '\r\033' '??')" = "$(cat "$TMP/err")" ] || fail "a line was drawn into a file"
unharmed
stop_target

# Long enough that there is a share between the first and the last on any machine.
"$BUILD/tests/bench/synth" 1000000 3 "$TMP/big.dump" || fail "no dump was made"
on_terminal '(depth-first order|dominators|retained sizes|shortest ways|tree): [1-9]' "$MEMSCAN" retained "$TMP/big.dump"
on_terminal 'kinds: 0%' "$MEMSCAN" dups "$TMP/small.dump"
on_terminal 'what holds what: 0%' "$MEMSCAN" leaks "$TMP/small.dump"
on_terminal 'roots: 0%' "$MEMSCAN" path "$TMP/small.dump" dict
on_terminal 'kinds: 0%' "$MEMSCAN" diff "$TMP/small.dump" "$TMP/dump"
on_terminal 'reverse references: 0%' "$MEMSCAN" show --depth 2 "$TMP/small.dump" "$("$MEMSCAN" find --tsv --limit 1 \
	"$TMP/small.dump" dict | sed -n '2s/\t.*//p')"

# Not with --quiet, nor where there is no terminal.
"$PYTHON" -c '
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
try:
    drawn = os.read(fd, 100)
except OSError:
    drawn = b""
os.waitpid(pid, 0)
sys.exit(drawn != b"")' "$MEMSCAN" retained --quiet "$TMP/big.dump" || fail "--quiet draws"
run retained "$TMP/big.dump"
[ ! -s "$TMP/err" ] || fail "a line was drawn into a file"
echo "result: the progress line on a terminal, and nowhere else"
done_testing
