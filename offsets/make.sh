#!/bin/sh
# Makes anew every offset table whose binaries are installed: `make tables`, or
#	MEMSCAN=build/memscan sh offsets/make.sh
# The same binaries give the same bytes, so that `git diff --exit-code offsets` is a check.
memscan=${MEMSCAN:-build/memscan}
dir=$(dirname "$0")
pyenv=${PYENV_ROOT:-$HOME/.pyenv}/versions
rc=0

# table NAME BINARY...: each interpreter, followed by its C modules.
table() {
	name=$1
	shift
	for f in "$@"; do
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

table cpython-3.11-x86_64.tbl \
	/usr/bin/python3.11 \
	/usr/lib/python3.11/lib-dynload/*.cpython-311-x86_64-linux-gnu.so \
	"$pyenv/3.11.7/lib/libpython3.11.so.1.0" \
	"$pyenv/3.11.7/lib/python3.11/lib-dynload"/*.cpython-311-x86_64-linux-gnu.so

exit $rc
