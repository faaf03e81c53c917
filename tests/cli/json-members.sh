#!/bin/sh
# The manual pages name every member of every command's JSON.
set -u
memscan=${MEMSCAN:-build/memscan}
build=${BUILD:-build/release}
python3 -c pass 2> /dev/null || { echo "skip: python3 is not installed"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

"$build/tests/bench/synth" 3000 3 "$dir/synth.dump" || exit 1
address=$("$memscan" find --tsv --limit 1 tests/data/golden.dump all | sed -n '2s/\t.*//p')
for d in tests/data/golden.dump "$dir/synth.dump"; do
	while read -r arguments; do
		command=${arguments%% *}
		page=$("$memscan" "$command" -h | sed -n '$s/^See \(.*\)(1)\.$/\1/p')
		python3 tests/cli/json-members.py "$memscan" "$page" $arguments || failed=1
	done <<- END
		diff $d $d
		diff --retained --brief $d $d
		dups $d
		find --limit 2 $d all
		info -v --types $d
		leaks --min 1 $d
		leaks --refcounts $d
		path $d all
		path --all --limit 2 $d all
		referrers $d all
		refs $d all
		retained --depth 2 --limit 2 $d
		retained --limit 2 $d all
		retained --by type $d
		summary --limit 1 $d
		summary --by module $d
		summary --by type --then size $d
		threads $d
		top --limit 2 $d
		trend $d $d $d
		waste $d
	END
done
for arguments in "show tests/data/golden.dump $address" "show --depth 2 --limit 1 tests/data/golden.dump $address" check; do
	command=${arguments%% *}
	page=$("$memscan" "$command" -h | sed -n '$s/^See \(.*\)(1)\.$/\1/p')
	python3 tests/cli/json-members.py "$memscan" "$page" $arguments || failed=1
done
exit $failed
