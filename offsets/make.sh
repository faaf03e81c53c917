#!/bin/sh
# Makes anew every offset table whose binaries are here: `make tables`, or
#	MEMSCAN=build/memscan sh offsets/make.sh
# The same binaries give the same bytes, so that `git diff --exit-code offsets` is a check.
# Interpreters of other Debian releases are those that `make interpreters` fetches. A table that is there
# stays as it is if only its origin would be another: an interpreter that was built again, from the same
# source, has another build-id, and the same rows. So does one whose release has been followed by a newer one
# in Debian's unstable suites: it covers what it was measured on, and the newer one wants a line of its own.
memscan=${MEMSCAN:-build/memscan}
here=$(dirname "$0")
dir=${TABLES:-$here} # where they are, and go to
pyenv=${PYENV_ROOT:-$HOME/.pyenv}/versions
fetched=$here/../build/interpreters
rc=0
moving= # set for what Debian replaces by newer releases

# table NAME ARGUMENT...: options and binaries; each interpreter, followed by its C modules.
table() {
	name=$1
	shift
	for f in "$@"; do
		case $f in --*) continue ;; esac
		[ -e "$f" ] && continue
		echo "$name: left as it is, there is no $f"
		return
	done
	if ! "$memscan" offsets "$@" >"$dir/$name.new"; then
		rm -f "$dir/$name.new"
		rc=1
	elif same_rows "$name"; then
		rm -f "$dir/$name.new"
	elif [ -n "$moving" ] && [ -e "$dir/$name" ] && [ "$(line covers "$name")" != "$(line covers "$name.new")" ]; then
		echo "$name: left as it is, the interpreter is of another release by now: $(line covers "$name.new")"
		rm -f "$dir/$name.new"
	else
		mv "$dir/$name.new" "$dir/$name"
	fi
}

# Table and new table say the same but for where they are from.
same_rows() {
	[ -e "$dir/$1" ] && grep -v '^origin ' "$dir/$1" | {
		grep -v '^origin ' "$dir/$1.new" | cmp -s - /dev/fd/3
	} 3<&0
}

# line WORD TABLE
line() {
	grep "^$1 " "$dir/$2"
}

# debian NAME ENTRY PROGRAM: an interpreter of a Debian release with its separate debug information.
debian() {
	table "$1" "--sysroot=$fetched/$2/root" "$fetched/$2/root/usr/bin/$3"
}

# built NAME ENTRY PROGRAM: one that `make interpreters` built from source, with its C modules.
built() {
	table "$1" "$fetched/$2/root/bin/$3" "$fetched/$2/root/lib/$3/lib-dynload"/*.so
}

# beside NAME PROGRAM: an interpreter without any symbol, whose debug information is in PROGRAM.debug
# and nothing in it says so: it is shown where a distribution would have put it.
beside() {
	[ -e "$2.debug" ] || { echo "$1: left as it is, there is no $2.debug"; return; }
	id=$(readelf -n "$2" | sed -n 's/.*Build ID: //p')
	root=$(mktemp -d) || exit 1
	rest=${id#??}
	at=$root/usr/lib/debug/.build-id/${id%"$rest"}
	mkdir -p "$at"
	ln -s "$(readlink -f "$2.debug")" "$at/$rest.debug"
	table "$1" "--sysroot=$root" "$2"
	rm -r "$root"
}

table cpython-3.11-x86_64.tbl \
	/usr/bin/python3.11 \
	/usr/lib/python3.11/lib-dynload/*.cpython-311-x86_64-linux-gnu.so \
	"$pyenv/3.11.7/lib/libpython3.11.so.1.0" \
	"$pyenv/3.11.7/lib/python3.11/lib-dynload"/*.cpython-311-x86_64-linux-gnu.so
for release in 3.6.15 3.7.16 3.8.18 3.9.18 3.10.13 3.12.1 3.13.0; do
	table cpython-$release-x86_64.tbl \
		"$pyenv/$release"/lib/libpython"${release%.*}"*.so.1.0 \
		"$pyenv/$release/lib/python${release%.*}/lib-dynload"/*.so
done
debian cpython-2.7.18-x86_64.tbl deb-2.7 python2.7
debian cpython-2.7.18-i386.tbl i386-2.7 python2.7
debian cpython-3.9.2-x86_64.tbl deb-3.9 python3.9
debian cpython-3.11.2-debug-x86_64.tbl dbg-3.11 python3.11d
debian cpython-3.13.5-x86_64.tbl deb-3.13 python3.13
debian cpython-3.13.5-debug-x86_64.tbl dbg-3.13 python3.13d
debian cpython-3.13.5-i386.tbl i386-3.13 python3.13
beside cpython-3.13.5-upstream-x86_64.tbl "$fetched/static-3.13/root/bin/python3.13"
built cpython-3.13.5-free-threaded-x86_64.tbl nogil-3.13 python3.13t
built cpython-3.13.5-trace-refs-x86_64.tbl refs-3.13 python3.13
built cpython-3.13.5-musl-x86_64.tbl musl-3.13 python3.13
moving=yes
debian cpython-3.13.18-x86_64.tbl deb-3.13-new python3.13
debian cpython-3.14.10-x86_64.tbl deb-3.14 python3.14
debian cpython-3.14.10-debug-x86_64.tbl dbg-3.14 python3.14d
debian cpython-3.15.2-x86_64.tbl deb-3.15 python3.15
debian cpython-3.15.2-debug-x86_64.tbl dbg-3.15 python3.15d

exit $rc
