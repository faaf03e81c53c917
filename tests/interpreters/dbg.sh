# Debian's builds with Py_DEBUG: the program python-dbg of the root that the interpreter deb-X was made with.
. "$PWD/$here/deb.sh"

make_dbg() {
	other=deb-${name#dbg-}
	[ -f "$base/$other/info" ] || absent "it is in the root of $other, which is not there"
	machine=x86_64-linux-gnu
	ln -s "../$other/root" "../$other/libs" "$new"
	source=$(sed -n 's/^source=//p' "$base/$other/info")-dbg
	program=root/usr/bin/$(readlink "$new/root/usr/bin/python$version-dbg" || echo "python$version-dbg")
	dwarf=$(cd "$new" && find_dwarf "$program")
	start_how "$program"
}
