#!/bin/bash
# The completion scripts are right for their shells, and bash's completes what it should.
set -u
memscan=${MEMSCAN:-build/memscan}
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

for shell in bash zsh fish; do
	"$memscan" completion $shell > "$dir/$shell" || failed=1
	[ -s "$dir/$shell" ] || {
		echo "nothing for $shell"
		failed=1
	}
	command -v $shell > /dev/null || continue
	$shell -n "$dir/$shell" || failed=1
done

. "$dir/bash"
# completes WORDS -- EXPECTED
completes() {
	COMP_WORDS=()
	while [ "$1" != : ]; do
		COMP_WORDS+=("$1")
		shift
	done
	shift
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_memscan
	[ "${COMPREPLY[*]}" = "$*" ] && return
	echo "${COMP_WORDS[*]}: completed to '${COMPREPLY[*]}', not '$*'"
	failed=1
}
completes memscan su : summary
completes memscan comp :
completes memscan summary --so : --sort
completes memscan summary --sort '' : size count name
completes memscan summary --sort c : count
completes memscan --for : --force
exit $failed
