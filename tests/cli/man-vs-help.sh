#!/bin/sh
# The manual pages and -h say the same: synopsis and options of every command, in the page that its -h
# names; the list of commands, and the exit statuses of the program's one list of errors.
set -u
memscan=${MEMSCAN:-build/memscan}
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

# "-o, --output FILE" for each option listed under a heading of a page.
man_options() { # page, heading
	awk -v heading="$2" '
		/^\.S[sh] / { here = (substr($0, 5) == heading) }
		here && /^\.It Fl / {
			sub(/^\.It /, "")
			gsub(/ , /, ", ")
			gsub(/Fl -/, "--")
			gsub(/Fl /, "-")
			gsub(/Ar /, "")
			print
		}' "man/$1.1" | LC_ALL=C sort
}

# The same from -h: what stands before two spaces.
help_options() {
	"$memscan" "$1" -h | sed -n '/^options:/,$s/^  *\(-.*[^ ]\)   *[^ ].*$/\1/p' |
		sed 's/   *.*//' | LC_ALL=C sort
}

# Those of a page, but for what is no command of its own.
synopses() {
	awk '
		/^\.Sh / { here = ($2 == "SYNOPSIS") }
		!here { next }
		/^\.Nm/ { if (line != "") print line; line = "memscan" }
		/^\.Cm/ { line = line " " $2 }
		/^\.Fl/ { sub(/^\.Fl -/, "--"); sub(/^\.Fl /, "-"); gsub(/ Fl -/, " --"); gsub(/ Ar /, " "); line = line " " $0 }
		/^\.Ar/ { sub(/^\.Ar /, ""); line = line " " $0 }
		/^\.Op/ { sub(/^\.Op Ar /, ""); gsub(/ Ns /, ""); line = line " [" $0 "]" }
		END { print line }' "man/$1.1" | grep -v '^memscan help\|^memscan COMMAND'
}

# The list of commands in memscan(1): those under the sentence that names a page, and all with what they do.
listed() {
	awk -v page="$1" '
		/^\.S[sh] / { here = ($0 == ".Ss Commands") }
		!here { next }
		/^\.Pp/ { of = "memscan" }
		/^\.Xr/ { of = $2 }
		/^\.It Cm/ && of == page { print $3 }' man/memscan.1 | LC_ALL=C sort
}

listed_summaries() {
	awk '
		/^\.S[sh] / { here = ($0 == ".Ss Commands") }
		!here { next }
		/^\.It Cm/ { name = $3; next }
		name != "" { print name " " $0; name = "" }' man/memscan.1 | LC_ALL=C sort
}

commands=$(sed -n 's/^\t&cmd_\([a-z]*\),$/\1/p' src/cmd/cmd.c)
[ -n "$commands" ] || {
	echo "no commands in src/cmd/cmd.c"
	exit 1
}
common=$(man_options memscan "Options of all commands")
formats=$(man_options memscan "Output formats")

for c in $commands; do
	"$memscan" "$c" -h > "$dir/help"
	page=$(sed -n '$s/^See \(memscan[a-z-]*\)(1)\.$/\1/p' "$dir/help")
	[ -f "man/$page.1" ] || {
		echo "$c -h names no manual page that there is: '$page'"
		failed=1
		continue
	}
	sed -n 's/^usage: //p' "$dir/help" >> "$dir/usage.$page"
	echo "$c" >> "$dir/commands.$page"
	own=$(man_options "$page" "$c")
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

# A page has the commands that name it and no other, and the overview lists each under its page.
for man in man/*.1; do
	page=${man#man/}
	page=${page%.1}
	[ -f "$dir/usage.$page" ] || {
		echo "no command names $man"
		failed=1
		continue
	}
	same "synopses of $page" "$(synopses "$page")" "$(cat "$dir/usage.$page")"
	same "commands listed under $page" "$(listed "$page")" \
		"$(grep -v '^completion$' "$dir/commands.$page" | LC_ALL=C sort)"
done
same "what the commands do" "$(listed_summaries)" \
	"$("$memscan" -h | sed -n '/^commands:/,$s/^  \([a-z]*\)  *\(.*\)$/\1 \2/p')"

# Exit statuses: code and text of each row of the list, in the man page under that code.
rows=$(sed -n 's/^\tX([A-Z]*, *\([0-9]*\), "\(.*\)").*/\1 \2/p' include/memscan/status.h)
[ -n "$rows" ] || {
	echo "no statuses in include/memscan/status.h"
	failed=1
}
statuses=$(awk '
	/^\.Sh / { here = ($2 == "EXIT") }
	here && /^\.It / { code = $2; next }
	here && !/^\./ { text = $0; sub(/;$/, "", text); print code, text }' man/memscan.1)
listed=$(printf '%s\n' "$statuses" | grep -v '^1 \|^6 ')
same "exit statuses" "$(printf '%s\n' "$listed" | LC_ALL=C sort)" "$(printf '%s\n' "$rows" | LC_ALL=C sort)"
exit $failed
