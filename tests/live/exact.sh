#!/bin/sh
# exact.sh TARGET PYTHON: every object that the interpreter can reach is in the dump, with the same
# address, type, size and referents, in tests/live/TARGET.py run by PYTHON; and the dump says what PYTHON is.
name=$1
python=$2
. tests/live/lib.sh

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || no_python "$python does not run"

start "$python" -S -W ignore "$live/$name.py" "$TMP/truth"
# SNAPSHOT: where the copy goes.
dump --values none ${SNAPSHOT:+--snapshot "$SNAPSHOT"}
# Debian's unstable suites may be ahead of the tables: then it is done as the refusal says.
row=build/interpreters/$(name_of "$python")
if [ $status = 4 ] && grep -q ': no offset table covers it.*, make one: ' "$TMP/err" && moves "${row##*/}"; then
	echo "result: no table of $version is built in: made one, and used it with --offsets"
	"$MEMSCAN" offsets --sysroot "$row/root" "$row/$(sed -n 's/^program=//p' "$row/info")" > "$TMP/made.tbl" || fail "no table can be made"
	dump --values none --offsets "$TMP/made.tbl"
fi
[ $status = 0 ] || fail "exit status $status"

# The truth is told again: had anything changed in between, it would be another one.
mv "$TMP/truth" "$TMP/before"
ask again
cmp -s "$TMP/truth" "$TMP/before" || fail "the target's own account of its heap is not the same afterwards"
stop_target

[ -f "$TMP/dump" ] || exit 1
"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "$name $version ($python)" "$TMP/truth" "$(name_of "$python")" ||
	fail "the dump is not exact"
"$python" -S tests/interpreters/verify.py > "$TMP/verify" && "$MEMSCAN" info -v --json "$TMP/dump" > "$TMP/info" &&
	python3 $live/told.py "$TMP/verify" "$TMP/info" || fail "info does not say what the interpreter is"
done_testing
