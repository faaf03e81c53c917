#!/bin/sh
# Where the dump goes: a name that exists, no permission, a full disk, a limit, a closed pipe.
. tests/live/lib.sh

start_small

echo precious > "$TMP/mine"
run --pid "$target" -o "$TMP/mine"
refused 5 "exist"
[ "$(cat "$TMP/mine")" = precious ] || fail "an existing file was changed"
run --force --pid "$target" -o "$TMP/mine"
[ $status = 0 ] || fail "exit status $status with --force"
[ "$(stat -c %a "$TMP/mine")" = 600 ] || fail "the dump's mode is $(stat -c %a "$TMP/mine")"
[ "$(head -c 7 "$TMP/mine")" = memscan ] || fail "the file is no dump"
[ -z "$(find "$TMP" -name '*.part*')" ] || fail "a half file was left behind"

run --pid "$target" -o "$TMP/no/such/place"
refused 5 "no such file"

# Python's own answer to what a limit on the size of files is.
(
	ulimit -f 8
	dump
	refused 5 "large|space|full|limit"
	exit $failures
) || fail "RLIMIT_FSIZE"
[ -e /dev/full ] && {
	"$MEMSCAN" --pid "$target" -o - > /dev/full 2> "$TMP/err"
	status=$?
	refused 5 "space"
}

# The pipe's reader takes a little and goes. Its end is a command of its own, to have memscan's status.
{ "$MEMSCAN" --pid "$target" -o - 2> "$TMP/err"; echo $? > "$TMP/status"; } | head -c 100 > /dev/null
status=$(cat "$TMP/status")
refused 5 "pipe"
unharmed

dump
worked
for command in "export --format jsonl" "export --format meliae"; do
	{ "$MEMSCAN" $command "$TMP/dump" 2> "$TMP/err"; echo $? > "$TMP/status"; } | head -c 100 > /dev/null
	status=$(cat "$TMP/status")
	# What prints ends as other filters do: by SIGPIPE, without a word.
	[ "$status" = 141 ] || [ "$status" = 5 ] || fail "$command to a closed pipe: exit status $status"
done

# A whole dump through a pipe is as good as a file.
"$MEMSCAN" --pid "$target" -o - 2> "$TMP/err" | cat > "$TMP/piped"
"$MEMSCAN" summary "$TMP/piped" > /dev/null 2> "$TMP/err" || fail "a dump through a pipe cannot be read"
rm -f "$TMP/dump"

[ "$(id -u)" = 0 ] || { echo "skip: a full disk: only root can do this"; done_testing; }
unshare -m true 2> /dev/null || { echo "skip: a full disk: no mount namespaces here"; done_testing; }
mkdir "$TMP/small"
unshare -m sh -c 'mount -t tmpfs -o size=64k none "$1" || exit 77
	"$2" --pid "$3" -o "$1/dump"; rc=$?; ls "$1" >&2; [ -z "$(ls "$1")" ] || exit 99; exit $rc' - \
	"$TMP/small" "$MEMSCAN" "$target" > "$TMP/stdout" 2> "$TMP/err" < /dev/null
status=$?
[ $status != 77 ] || { echo "skip: a full disk: tmpfs cannot be mounted"; done_testing; }
refused 5 "space|full"
unharmed
done_testing
