#!/bin/sh
# Makes anew every offset table whose binaries are here: `make tables`, or
#	MEMSCAN=build/memscan sh offsets/make.sh
# The same binaries give the same bytes, so that `git diff --exit-code offsets` is a check.
# Interpreters of other Debian releases are those that `make interpreters` fetches.
memscan=${MEMSCAN:-build/memscan}
dir=$(dirname "$0")
pyenv=${PYENV_ROOT:-$HOME/.pyenv}/versions
fetched=$dir/../build/interpreters
rc=0

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
	if "$memscan" offsets "$@" >"$dir/$name.new"; then
		mv "$dir/$name.new" "$dir/$name"
	else
		rm -f "$dir/$name.new"
		rc=1
	fi
}

# debian NAME ENTRY PROGRAM: an interpreter of a Debian release with its separate debug information.
debian() {
	table "$1" "--sysroot=$fetched/$2/root" "$fetched/$2/root/usr/bin/$3"
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
debian cpython-2.7.18-x86_64.tbl deb-2.7 python2.7
debian cpython-2.7.18-i386.tbl i386-2.7 python2.7
debian cpython-3.9.2-x86_64.tbl deb-3.9 python3.9
debian cpython-3.13.5-x86_64.tbl deb-3.13 python3.13
beside cpython-3.13.5-upstream-x86_64.tbl "$fetched/static-3.13/root/bin/python3.13"
debian cpython-3.13.5-i386.tbl i386-3.13 python3.13
debian cpython-3.13.18-x86_64.tbl deb-3.13-new python3.13
debian cpython-3.14.10-x86_64.tbl deb-3.14 python3.14
debian cpython-3.15.2-x86_64.tbl deb-3.15 python3.15

exit $rc
