#!/bin/sh
# Runs every script here, from the project's root, with MEMSCAN naming the program to test.
# A script ends with 0 (passed), 77 (skipped; its last line says why) or anything else (failed).
set -u
cd "$(dirname "$0")/../.." || exit 1
MEMSCAN=${MEMSCAN:-build/memscan}
export MEMSCAN
if [ ! -x "$MEMSCAN" ]; then
	echo "cli: no program at $MEMSCAN" >&2
	exit 1
fi

passed=0 failed=0 skipped=0
for script in tests/cli/*.sh; do
	[ "$script" = tests/cli/run.sh ] && continue
	shell="sh"
	case $(head -n 1 "$script") in *bash*) shell=bash ;; esac
	output=$($shell "$script" 2>&1 < /dev/null)
	case $? in
	0)
		passed=$((passed + 1))
		echo "ok    $script"
		;;
	77)
		skipped=$((skipped + 1))
		echo "skip  $script: $(printf '%s\n' "$output" | tail -n 1)"
		;;
	*)
		failed=$((failed + 1))
		echo "FAIL  $script"
		printf '%s\n' "$output" | sed 's/^/      /'
		;;
	esac
done
echo "cli: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
