# Interpreters that pyenv built on this machine: a shared libpython with its DWARF. Nothing is copied.

make_pyenv() {
	home=${PYENV_ROOT:-$HOME/.pyenv}/versions/$version
	program=$home/bin/python${version%.*}
	[ -x "$program" ] || absent "pyenv has no $version here"
	source="pyenv $version"
	launch=direct
	library=$(ldd "$program" | sed -n 's/.*=> \(.*libpython[^ ]*\) .*/\1/p')
	dwarf=$(find_dwarf "${library:-$program}")
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" > "$new/python"
	chmod 755 "$new/python"
}
