#!/bin/sh
# make.sh: fetch or build each interpreter of the file "matrix" into build/interpreters/NAME/, where
#
#	python   starts it
#	info     KEY=VALUE lines: what it is, where it is from, where its DWARF is (see "describe" below)
#	root/    its files, if they are not the machine's own
#	chroot   starts it as root of its own root (Debian's builds)
#
# One that is there and starts is left as it is; `rm -r build/interpreters/NAME` has it made again. Each is
# made under another name and renamed when it is whole, so a run that was broken off goes on where it was.
# NAME restricts it to the names or patterns given, JOBS says how many are made side by side.
# Ends with 1 if one cannot be had that the matrix says must be there.
#
# How "python" starts one of another Debian release: by itself with the libraries of its root, but on the
# machine's C library, where that is new enough; else through the dynamic loader of its root. Then /proc/PID/exe
# is the loader, and the interpreter one of the files that it mapped: a case of its own, and a legitimate one.
# Not by chroot, which would hide the targets' scripts, FIFOs and output from it; mounting those
# into the root would leave mounts behind whenever a test is killed.
set -uf
cd "$(dirname "$0")/../.." || exit 1
here=tests/interpreters
. $here/lib.sh

# make_one NAME NEED KIND SUITES ARCH VERSION FLAVOUR OPTION...: one line of the matrix, in a process of its own.
make_one() {
	row=$*
	name=$1 need=$2 kind=$3 suites=$(echo "$4" | tr , ' ') arch=$5 version=$6 flavour=$7
	shift 7
	log=$base/.log/$name
	if cached; then
		say cached "$(field version) $(field flavour)"
		return 0
	fi
	if asked_lately; then
		say skipped "$(cat "$base/.skipped/$name") (asked less than a day ago)"
		return 0
	fi

	began=$(date +%s)
	new=$base/.new-$name
	rm -rf "$new" "${base:?}/$name"
	mkdir -p "$new"
	( . "$PWD/$here/$kind.sh" && "make_$kind" "$@" && try && describe ) > "$log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		seconds=$(($(date +%s) - began))
		echo "seconds=$seconds" >> "$new/info"
		mv "$new" "$base/$name"
		say ready "$(field version) $(field flavour), $(du -sm "$base/$name" | cut -f 1) MB, $seconds s"
		return 0
	fi
	reason=$(cat "$new/why" 2> /dev/null || echo "see the end of $log")
	rm -rf "$new"
	if [ "$need:$status" = may:77 ]; then
		say skipped "$reason"
		return 0
	fi
	say FAILED "$reason"
	return 1
}

# It is there, made from the same line of the matrix, and starts.
cached() {
	[ "$(field row)" = "$row" ] && "$base/$name/python" -S -c 'import os' < /dev/null > /dev/null 2>&1
}

# A mirror that lacked it (source.sh notes that) will lack it still, and a whole run without news needs no
# network. Who names it asks again.
asked_lately() {
	[ "$need:$kind" = may:source ] && [ -z "${NAME-}" ] &&
		[ -n "$(find "$base/.skipped/$name" -mtime -1 2> /dev/null)" ]
}

field() {
	sed -n "s/^$1=//p" "$base/$name/info" 2> /dev/null
}

say() {
	printf '%-8s %-14s %s\n' "$1" "$name" "$2"
}

# Run what was made, and see that it is what the matrix says.
try() {
	"$new/python" -S $here/verify.py < /dev/null > "$new/seen" || broken "it does not run: $(tail -n 1 "$log")"
	cat "$new/seen"
	bits=64
	[ "$arch" != i386 ] || bits=32
	for want in "flavour=$flavour" "bits=$bits"; do
		grep -qx -- "$want" "$new/seen" || broken "$want was wanted, and it says: $(tr '\n' ' ' < "$new/seen")"
	done
	case $(sed -n 's/^version=//p' "$new/seen") in
	"$version" | "$version".* | "$version"[abr]*) ;;
	*) broken "it is $(head -n 1 "$new/seen")" ;;
	esac
	case $kind:$(sed -n 's/^lacks=//p' "$new/seen") in
	deb:?* | dbg:?*) broken "some of its modules cannot be imported: $(grep '^lacks=' "$new/seen")" ;;
	esac
}

describe() {
	{
		echo "name=$name"
		cat "$new/seen"            # version, flavour, bits, modules it lacks, objects it starts with
		echo "arch=$arch"
		echo "source=$source"      # where it is from, with the exact version of a package
		echo "launch=$launch"      # direct, or loader: see above
		echo "program=$program"    # the interpreter's file; relative names are relative to this directory
		echo "library=$library"    # libpython's, if the interpreter is in there
		echo "dwarf=$dwarf"        # the file with the DWARF of program or library, if there is one
		echo "row=$row"
	} > "$new/info"
	rm -f "$new/seen"
}

# The lines of the matrix that NAME selects; with a dbg comes the deb in whose root it is.
selected() {
	while read -r first rest; do
		case $first in
		'' | '#'*) continue ;;
		esac
		for pattern in ${NAME:-*}; do
			case $first in
			$pattern | deb-${pattern#dbg-})
				echo "$first $rest"
				break
				;;
			esac
		done
	done < $here/matrix
}

if [ "${1-}" = --one ]; then
	make_one $2
	exit
fi

lines=$(selected)
[ -n "$lines" ] || { echo "$here/matrix names no interpreter '$NAME'" >&2; exit 2; }
mkdir -p "$base/.lock" "$base/.log" "$base/.skipped"
exec 8> "$base/.lock/make"
flock -n 8 || { echo "waiting for another 'make interpreters'"; flock 8; }
rm -rf "$run"
find "$base" -maxdepth 1 -name '.new-*' -exec rm -rf {} +
mkdir "$run"

began=$(date +%s)
rc=0
# First all that stand alone, then those that are in another's root.
for wave in -v -e; do
	echo "$lines" | grep $wave ' dbg ' | tr '\n' '\0' |
		xargs -0 -r -n 1 -P "${JOBS:-$(nproc)}" sh $here/make.sh --one || rc=1
done
rm -rf "$run"
echo "$base: $(du -sm "$base" | cut -f 1) MB, $(($(date +%s) - began)) s"
exit $rc
