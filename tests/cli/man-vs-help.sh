#!/bin/sh
# The man page and -h say the same: synopsis and options of every command, and the exit
# statuses of the program's one list of errors.
set -u
memscan=${MEMSCAN:-build/memscan}
man=man/memscan.1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

same() { # what, expected, found
	[ "$2" = "$3" ] && return
	failed=1
	printf '%s: man page and program differ\n' "$1"
	printf '%s\n' "$2" > "$dir/a"
	printf '%s\n' "$3" > "$dir/b"
	diff "$dir/a" "$dir/b"
}

# "-o, --output FILE" for each option listed under a heading of the man page.
man_options() {
	awk -v heading="$1" '
		/^\.S[sh] / { here = (substr($0, 5) == heading) }
		here && /^\.It Fl / {
			sub(/^\.It /, "")
			gsub(/ , /, ", ")
			gsub(/Fl -/, "--")
			gsub(/Fl /, "-")
			gsub(/Ar /, "")
			print
		}' "$man" | LC_ALL=C sort
}

# The same from -h: what stands before two spaces.
help_options() {
	"$memscan" "$1" -h | sed -n '/^options:/,$s/^  *\(-.*[^ ]\)   *[^ ].*$/\1/p' |
		sed 's/   *.*//' | LC_ALL=C sort
}

synopses() {
	awk '
		/^\.Sh / { here = ($2 == "SYNOPSIS") }
		!here { next }
		/^\.Nm/ { if (line != "") print line; line = "memscan" }
		/^\.Cm/ { line = line " " $2 }
		/^\.Fl/ { sub(/^\.Fl -/, "--"); sub(/^\.Fl /, "-"); gsub(/ Fl -/, " --"); gsub(/ Ar /, " "); line = line " " $0 }
		/^\.Ar/ { sub(/^\.Ar /, ""); line = line " " $0 }
		/^\.Op/ { sub(/^\.Op Ar /, ""); gsub(/ Ns /, ""); line = line " [" $0 "]" }
		END { print line }' "$man"
}

commands=$(sed -n 's/^\t&cmd_\([a-z]*\),$/\1/p' src/cmd/cmd.c)
[ -n "$commands" ] || {
	echo "no commands in src/cmd/cmd.c"
	exit 1
}
common=$(man_options "Options of all commands")
formats=$(man_options "Output formats")

usages=
for c in $commands; do
	usage=$("$memscan" "$c" -h | sed -n 's/^usage: //p')
	usages="$usages$usage
"
	own=$(man_options "$c")
	all=$(help_options "$c")
	[ -n "$all" ] || {
		echo "$c -h lists no options"
		failed=1
	}
	expected="$own
$common"
	case $all in *--json*) expected="$expected
$formats" ;; esac
	same "options of $c" "$(printf '%s\n' "$expected" | grep . | LC_ALL=C sort)" "$all"
done
same "synopses" "$(synopses)" "$(printf '%s' "$usages")"

# Exit statuses: code and text of each row of the list, in the man page under that code.
rows=$(sed -n 's/^\tX([A-Z]*, *\([0-9]*\), "\(.*\)").*/\1 \2/p' include/memscan/status.h)
[ -n "$rows" ] || {
	echo "no statuses in include/memscan/status.h"
	failed=1
}
statuses=$(awk '
	/^\.Sh / { here = ($2 == "EXIT") }
	here && /^\.It / { code = $2; next }
	here && !/^\./ { text = $0; sub(/;$/, "", text); print code, text }' "$man")
listed=$(printf '%s\n' "$statuses" | grep -v '^1 \|^6 ')
same "exit statuses" "$(printf '%s\n' "$listed" | LC_ALL=C sort)" "$(printf '%s\n' "$rows" | LC_ALL=C sort)"
exit $failed
