#!/bin/sh
# The graph that show --dot prints is one that Graphviz reads, and bounded; text and JSON have the same objects.
set -u
memscan=${MEMSCAN:-build/memscan}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
fail() {
	echo "$*"
	failed=1
}

dump=tests/data/golden.dump
"$memscan" find --tsv "$dump" all > "$dir/all" || fail "find failed"
for addr in $(tail -n +2 "$dir/all" | cut -f 1); do
	for limit in 1 0; do
		"$memscan" show --dot --depth 3 --limit $limit "$dump" "$addr" > "$dir/dot" || fail "$addr: exit status $?"
		head -n 1 "$dir/dot" | grep -q '^digraph memscan {$' || fail "$addr: no graph"
		tail -n 1 "$dir/dot" | grep -q '^}$' || fail "$addr: the graph does not end"
		[ "$(grep -c 'style=bold' "$dir/dot")" = 1 ] || fail "$addr: not one object in the middle"
		# Each node that an edge names is declared, once.
		sed -n 's/^  \(n[0-9]*\) \[.*/\1/p' "$dir/dot" | sort > "$dir/nodes"
		[ -z "$(uniq -d "$dir/nodes")" ] || fail "$addr: a node is there twice"
		grep -o '\<n[0-9]* -> n[0-9]*' "$dir/dot" | grep -o 'n[0-9]*' | sort -u > "$dir/ends"
		[ -z "$(comm -13 "$dir/nodes" "$dir/ends")" ] || fail "$addr: an edge to nowhere"
		"$memscan" show --json --depth 3 --limit $limit "$dump" "$addr" > "$dir/json" || fail "$addr: no JSON"
		[ "$(grep -c -- ' -> n' "$dir/dot")" -ge "$(grep -c '"depth"' "$dir/json")" ] || fail "$addr: JSON and graph differ"
		command -v dot > /dev/null || continue
		dot -Tcanon "$dir/dot" > /dev/null 2> "$dir/err" || fail "$addr: Graphviz: $(cat "$dir/err")"
	done
done
[ -s "$dir/nodes" ] || fail "no objects in $dump"
[ $failed = 0 ] || exit 1
command -v dot > /dev/null || { echo "skip: graphviz is not installed"; exit 77; }
