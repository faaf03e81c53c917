#!/bin/sh
# What analyses cost, on a dump made up and on one of a real target: OBJECTS=n and TARGET_OBJECTS=n change the sizes.
set -eu
: "${BUILD:=build/release}" "${MEMSCAN:=build/memscan}" "${OBJECTS:=10000000}" "${TARGET_OBJECTS:=5000000}"
dir=$(mktemp -d)
target=
trap '[ -z "$target" ] || kill "$target"; rm -rf "$dir"' EXIT
echo "made up (goals at 10,000,000 objects: reverse references under 2 s, dominators and retained under 8 s):"
"$BUILD/tests/bench/synth" "$OBJECTS" 3 "$dir/synth"
"$BUILD/tests/bench/analyse" "$dir/synth"
rm "$dir/synth"

mkfifo "$dir/in" "$dir/out"
python=python3
for p in ${PYTHONS-}; do
	python=$p
	break
done
"$python" tests/bench/heap.py "$TARGET_OBJECTS" < "$dir/in" > "$dir/out" &
target=$!
exec 7> "$dir/in" 8< "$dir/out"
read -r answer <&8
[ "$answer" = ready ]
"$MEMSCAN" -q --pid "$target" -o "$dir/real"
echo "a real target:"
"$BUILD/tests/bench/analyse" "$dir/real"
