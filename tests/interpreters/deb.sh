# Debian's own builds: stripped, optimised with profiles and at link time, libpython linked in. A light
# root of the few packages that one needs, with the separate DWARF that Debian publishes in its -dbg packages.
. "$PWD/$here/apt.sh"

# fetch SUITE DIRECTORY: all packages of this interpreter.
fetch() {
	need_index "$1" "$arch" && fetch_debs "$1" "$arch" "$2" "python$version" "python$version-dbg"
}

# start_how PROGRAM: write the launcher for a program in root. What is tried has to import what is in other libraries.
start_how() {
	launch=direct
	launcher "$new/python" libs "$1"
	"$new/python" -S $here/verify.py 2>&1 | grep -qx 'lacks=' && return
	launch=loader
	loader=ld-linux-x86-64.so.2
	[ "$arch" = amd64 ] || loader=ld-linux.so.2
	launcher "$new/python" "root/usr/lib/$machine" "$1" "root/usr/lib/$machine/$loader"
}

make_deb() {
	need_apt
	for suite in $suites; do
		fetch "$suite" "$new/debs" && break
		rm -rf "$new/debs"
	done
	[ -d "$new/debs" ] || absent "Debian's $suites have no python$version for $arch to be fetched"
	set +f
	deb=$(ls "$new"/debs/python"${version}"_*.deb) || absent "there is no package python$version"
	package=$(dpkg-deb -f "$deb" Version)
	source="debian $suite python$version $package"

	# Libraries for the machine's own C library to load: all but the C library, which is unpacked last.
	machine=x86_64-linux-gnu
	[ "$arch" = amd64 ] || machine=i386-linux-gnu
	mkdir "$new/libc"
	mv "$new"/debs/libc6_*.deb "$new/libc"
	unpack "$new/root" "$new"/debs/*.deb || broken "the packages cannot be unpacked"
	mkdir "$new/libs"
	for lib in "$new/root/usr/lib/$machine"/*.so*; do
		ln -s "../root/usr/lib/$machine/${lib##*/}" "$new/libs/"
	done
	unpack "$new/root" "$new"/libc/*.deb || broken "the C library cannot be unpacked"
	rm -rf "$new/debs" "$new/libc"

	program=root/usr/bin/python$version
	dwarf=$(cd "$new" && find_dwarf "$program")
	[ -n "$dwarf" ] || broken "the -dbg package has no DWARF for its build-id"
	# The rest is of no use: DWARF of other builds, headers' and documentation's companions.
	find "$new/root/usr/lib/debug" -name '*.debug' ! -path "$new/$dwarf" ! -path '*/.dwz/*' -delete
	set -f

	start_how "$program"
	{
		echo '#!/bin/sh'
		echo 'exec chroot "$(dirname "$(readlink -f "$0")")/root"' "/usr/bin/python$version"' "$@"'
	} > "$new/chroot"
	chmod 755 "$new/chroot"
}
