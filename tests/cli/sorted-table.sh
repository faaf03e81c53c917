#!/bin/sh
# The table of commands is sorted, in its source and in what -h prints, and has every command
# that there is a file for.
set -u
memscan=${MEMSCAN:-build/memscan}

table=$(sed -n '/^const struct cmd \*const cmd_table/,/^};/s/^\t&cmd_\([a-z]*\),$/\1/p' src/cmd/cmd.c)
files=$(ls src/cmd/cmd_*.c | sed 's/.*cmd_\(.*\)\.c/\1/' | LC_ALL=C sort)
listed=$("$memscan" -h | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')

fail() {
	echo "$1"
	exit 1
}
[ -n "$table" ] || fail "no table in src/cmd/cmd.c"
[ "$table" = "$(printf '%s\n' "$table" | LC_ALL=C sort -u)" ] || fail "not sorted: $table"
[ "$table" = "$files" ] || fail "table: $table, files: $files"
[ -n "$listed" ] || fail "-h lists nothing"
[ "$listed" = "$(printf '%s\n' "$listed" | LC_ALL=C sort)" ] || fail "-h is not sorted: $listed"
[ "$listed" = "$(printf '%s\n' "$table" | grep -vx completion)" ] || fail "-h lists: $listed"
