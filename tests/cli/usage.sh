#!/bin/sh
# Wrong command lines: exit 2, one message on standard error that names the culprit and the
# help to read, nothing on standard output. And right ones that ask for help or version.
set -u
memscan=${MEMSCAN:-build/memscan}
failed=0
out=$(mktemp) err=$(mktemp) empty=$(mktemp)
trap 'rm -f "$out" "$err" "$empty"' EXIT

# expect CODE PATTERN ARGUMENT...: the pattern is looked for in what was printed.
expect() {
	code=$1 pattern=$2
	shift 2
	"$memscan" "$@" > "$out" 2> "$err"
	rc=$?
	if [ $rc -ne "$code" ]; then
		echo "memscan $*: exit $rc, not $code"
		failed=1
	fi
	if [ "$code" -ne 0 ] && [ -s "$out" ]; then
		echo "memscan $*: printed on standard output"
		failed=1
	fi
	if ! cat "$out" "$err" | grep -q -e "$pattern"; then
		echo "memscan $*: does not say '$pattern' but:"
		cat "$out" "$err"
		failed=1
	fi
}

expect 2 "See 'memscan -h'"
expect 0 '^usage: memscan COMMAND' -h
expect 0 '^usage: memscan COMMAND' --help
expect 0 '^memscan [0-9]*\.[0-9]*\.[0-9]*$' -V
expect 0 '^memscan [0-9]*\.[0-9]*\.[0-9]*$' --version

expect 2 "no command 'sumary'; did you mean 'summary'?" sumary
expect 2 "no command 'frobnicate'$" frobnicate
expect 2 "no command ''" ''
expect 2 "^memscan: summary: unknown option --frob$" summary --frob x
expect 2 "See 'memscan summary -h'" summary --frob x
expect 2 'unknown option -Z' summary -Z x
expect 2 'an operand is missing: FILE' summary
expect 2 "unexpected operand 'zsh'" completion bash zsh
expect 2 'size|count|name' summary --sort=colour a
expect 2 '--sort needs a value' summary a --sort
expect 2 '--json takes no value' summary --json=yes a
expect 2 'exclude each other' summary --json --csv a
expect 2 "--limit needs a number, not 'many'" summary --limit many a
expect 2 'formats are: jsonl, meliae' export a
expect 2 "no format 'xml'; formats are: jsonl, meliae" export --format xml a
expect 2 "no format 'xml'" export a --format=xml
expect 2 "'and', 'or' or 'minus' belongs here" show a 'zzz ('
expect 2 'a set of objects is missing' show a ''
expect 2 'FILE SEL' show a
expect 2 "no shell 'tcsh'" completion tcsh
expect 2 '^memscan: dump: unknown option --frob$' --frob
expect 0 '^usage: memscan dump' dump -h
expect 0 '^usage: memscan dump' -v -h

# Help by its word.
expect 0 '^usage: memscan COMMAND' help
expect 0 '^usage: memscan summary' help summary
expect 0 '^See memscan-summary(1)\.$' help summary
expect 2 "no command 'sumary'; did you mean 'summary'?" help sumary
expect 2 "unexpected operand 'x'" help dump x

# Files that are no dumps.
expect 5 '/nonexistent/x' summary /nonexistent/x
expect 4 '/etc/passwd' info /etc/passwd
expect 4 "$empty" summary "$empty"

# Help does not need the rest to be right in number.
for c in check completion dump export find info offsets show summary top; do
	expect 0 "^usage: memscan $c" $c -h
	expect 0 "^usage: memscan $c" $c --help
done
exit $failed
