#!/bin/sh
# setup.sh build|check|demo: install what is missing to build memscan, to test it, or to show it.
#
# Looks for the things themselves, not for packages: a machine that has them all is not touched and needs
# no network. Packages come from the system's own manager, with sudo when not root.
# On a system that is not known it says exactly what is missing, and ends with 1.
set -u
PURPOSE=${1:-build}

# What is looked for, by purpose: c (a compiler), pc:NAME (a library by its pkg-config name), a
# command's name, headers (of Python's C API, for /usr/bin/python3), py:NAME (a module of /usr/bin/python3), host:NAME (a program with that Python in it). A word ending in "?" is installed if it can be, and otherwise done without.
case $PURPOSE in
build) wanted="c make pkg-config pc:libelf pc:libdw pc:libbsd-overlay pc:zlib pc:libzstd pc:liblz4 pc:liblzma" ;;
check)
	wanted="c make pkg-config pc:libelf pc:libdw pc:libbsd-overlay pc:zlib pc:libzstd pc:liblz4 pc:liblzma pc:check python3 headers? strace? zstd? lz4? xz? setpriv? unshare? mandoc? dot? jq?"
	# Packages with types of their own, and the debug build, for the system's Python 3.11.
	wanted="$wanted py:numpy? py:pandas? py:lxml? py:gevent? py:greenlet? py:aiohttp? py:multidict? py:yarl? py:frozenlist?"
	wanted="$wanted py:psycopg2? py:msgpack? py:cffi? py:regex? py:BTrees? py:uvloop? py:cryptography? py:gi? python3.11-dbg?"
	# Programs that Python is embedded in, and some that are no CPython at all.
	wanted="$wanted gdb? host:vim? host:uwsgi? host:mod_wsgi? host:libpython? pypy3? java? gosu? ruby?"
	# A kernel that marks written pages, and a machine to run it.
	wanted="$wanted qemu-system-x86_64? busybox? mke2fs? kernel?"
	;;
demo) wanted="c make pkg-config pc:libelf pc:libdw pc:libbsd-overlay pc:zlib pc:libzstd pc:liblz4 pc:liblzma python3" ;;
*) echo "usage: setup.sh build|check|demo" >&2; exit 2 ;;
esac

# The package of each, by package manager.
package() {
	case $manager:$1 in
	*:make | *:strace | *:mandoc | *:jq | *:zstd | *:lz4) echo "$1" ;;
	*:dot) echo graphviz ;; # what show --dot prints is read by it
	apt:xz) echo xz-utils ;; # for the sources of the interpreters
	*:xz) echo xz ;;
	apt:py:BTrees) echo python3-btrees ;;
	apt:py:*) echo "python3-${1#py:}" ;;
	apt:headers) echo python3-dev ;; # an extension that leaks is built with them
	dnf:headers | zypper:headers) echo python3-devel ;;
	apk:headers) echo python3-dev ;;
	pacman:headers) ;;
	apt:python3.11-dbg) is_311 && echo python3.11-dbg ;;
	apt:host:*) is_311 && host_package "${1#host:}" ;;
	*:py:* | *:host:* | *:python3.11-dbg) ;;
	apt:qemu-system-x86_64) echo qemu-system-x86 ;;
	apt:busybox) echo busybox-static ;;
	apt:mke2fs) echo e2fsprogs ;;
	apt:kernel) echo kernel ;; # unpacked, not installed
	*:qemu-system-x86_64 | *:busybox | *:mke2fs | *:kernel) ;;
	*:gdb | *:pypy3 | *:ruby | *:gosu) echo "$1" ;;
	apt:java) echo default-jdk-headless ;;
	apk:c) echo gcc musl-dev ;;
	apt:c) echo gcc libc6-dev ;;
	*:c) echo gcc ;;
	apt:pkg-config) echo pkg-config ;;
	dnf:pkg-config | zypper:pkg-config) echo pkgconf-pkg-config ;;
	*:pkg-config) echo pkgconf ;;
	apt:python3 | dnf:python3 | zypper:python3 | apk:python3) echo python3 ;;
	*:python3) echo python ;;
	*:setpriv | *:unshare) echo util-linux ;;
	apt:pc:libelf) echo libelf-dev ;;
	apt:pc:libdw) echo libdw-dev ;;
	apt:pc:libbsd-overlay) echo libbsd-dev ;;
	apt:pc:zlib) echo zlib1g-dev ;;
	apt:pc:libzstd) echo libzstd-dev ;;
	apt:pc:liblz4) echo liblz4-dev ;;
	apt:pc:liblzma) echo liblzma-dev ;;
	apt:pc:check) echo check ;;
	dnf:pc:libelf) echo elfutils-libelf-devel ;;
	dnf:pc:libdw) echo elfutils-devel ;;
	zypper:pc:libelf) echo libelf-devel ;;
	zypper:pc:libdw) echo libdw-devel ;;
	dnf:pc:libbsd-overlay | zypper:pc:libbsd-overlay) echo libbsd-devel ;;
	dnf:pc:zlib | zypper:pc:zlib) echo zlib-devel ;;
	dnf:pc:libzstd | zypper:pc:libzstd) echo libzstd-devel ;;
	dnf:pc:liblz4) echo lz4-devel ;;
	zypper:pc:liblz4) echo liblz4-devel ;;
	dnf:pc:liblzma | zypper:pc:liblzma) echo xz-devel ;;
	dnf:pc:check | zypper:pc:check) echo check-devel ;;
	apk:pc:libelf | apk:pc:libdw) echo elfutils-dev ;;
	apk:pc:libbsd-overlay) echo libbsd-dev ;;
	apk:pc:zlib) echo zlib-dev ;;
	apk:pc:libzstd) echo zstd-dev ;;
	apk:pc:liblz4) echo lz4-dev ;;
	apk:pc:liblzma) echo xz-dev ;;
	apk:pc:check) echo check-dev ;;
	pacman:pc:libelf | pacman:pc:libdw) echo libelf ;;
	pacman:pc:libzstd) echo zstd ;;
	pacman:pc:liblz4) echo lz4 ;;
	pacman:pc:liblzma) echo xz ;;
	pacman:pc:*) echo "${1#pc:}" | sed 's/-overlay//' ;;
	esac
}

# The packages of a host, and what shows that it is there.
host_package() {
	case $1 in
	vim) echo vim-nox ;;
	uwsgi) echo uwsgi-core uwsgi-plugin-python3 ;;
	mod_wsgi) echo apache2-bin libapache2-mod-wsgi-py3 ;;
	libpython) echo libpython3.11 ;;
	esac
}

have_host() {
	case $1 in
	vim) for v in vim.nox vim.gtk3 vim; do $v --version 2> /dev/null | grep -q '+python3' && return; done; false ;;
	uwsgi) command -v uwsgi > /dev/null && [ -e /usr/lib/uwsgi/plugins/python3_plugin.so ] ;;
	mod_wsgi) [ -x /usr/sbin/apache2 ] && [ -e /usr/lib/apache2/modules/mod_wsgi.so ] ;;
	libpython) ldconfig -p 2> /dev/null | grep -q 'libpython3\.11\.so\.1\.0' ;;
	esac
}

is_311() {
	/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null
}

have() {
	case $1 in
	# Other releases are not asked for them: the tests that use them are for this one.
	headers) [ -f "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])' 2> /dev/null)/Python.h" ] ;;
	py:*) ! is_311 || /usr/bin/python3 -c "import ${1#py:}" > /dev/null 2>&1 ;;
	host:*) ! is_311 || have_host "${1#host:}" ;;
	python3.11-dbg) ! is_311 || command -v python3.11-dbg > /dev/null ;;
	c) command -v "${CC:-gcc}" > /dev/null && printf '#include <stdio.h>\n' | "${CC:-gcc}" -E - > /dev/null 2>&1 ;;
	pc:*) pkg-config --exists "${1#pc:}" 2> /dev/null ;;
	mke2fs) PATH=$PATH:/usr/sbin:/sbin command -v mke2fs > /dev/null ;;
	kernel) [ "$(uname -m)" != x86_64 ] || marks_pages || [ -f build/vm/ext4.ko ] ;;
	*) command -v "$1" > /dev/null ;;
	esac
}

# Does this kernel mark pages that are written to? Of a new mapping it says so of every page.
marks_pages() {
	python3 -c '
import sys
at = int(next(l for l in open("/proc/self/maps") if "[stack]" in l).split("-")[1].split()[0], 16) // 4096 - 1
f = open("/proc/self/pagemap", "rb")
f.seek(at * 8)
sys.exit(not int.from_bytes(f.read(8), sys.byteorder) >> 55 & 1)' 2> /dev/null
}

# The newest of Debian's kernels 6.1: build/vm/vmlinuz, and what it takes to see files of the machine that it runs on.
fetch_kernel() (
	dir=$PWD/build/vm
	work=$(mktemp -d) && chmod 755 "$work" && cd "$work" || exit 1
	trap 'rm -rf "$work"' EXIT
	name=$(apt-cache search --names-only '^linux-image-6\.1\..*-amd64$' | sed -n 's/^\(linux-image-6[-.0-9]*-amd64\) .*/\1/p' | sort -V | tail -n 1)
	[ -n "$name" ] && apt-get download "$name" && dpkg-deb --fsys-tarfile "$name"_*.deb > all.tar || exit 1
	tar -xf all.tar --wildcards './boot/vmlinuz-*' '*/net/9p/9pnet.ko*' '*/net/9p/9pnet_virtio.ko*' '*/fs/9p/9p.ko*' '*/fs/netfs/netfs.ko*' \
		'*/fs/fscache/fscache.ko*' '*/drivers/virtio/virtio.ko*' '*/drivers/virtio/virtio_ring.ko*' '*/drivers/virtio/virtio_pci*.ko*' \
		'*/drivers/block/virtio_blk.ko*' '*/fs/ext4/ext4.ko*' '*/fs/jbd2/jbd2.ko*' '*/fs/mbcache.ko*' '*/lib/crc16.ko*' \
		'*/crypto/crc32c_generic.ko*' || exit 1
	mkdir -p "$dir" && find . -name '*.ko' -exec cp {} "$dir" \; && cp boot/vmlinuz-* "$dir/vmlinuz"
)

missing() {
	for w in $wanted; do
		have "${w%\?}" || echo "$w"
	done
}

# as_root COMMAND...
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

install() {
	case $manager in
	apt) as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ;;
	dnf) as_root dnf install -y "$@" ;;
	zypper) as_root zypper --non-interactive install "$@" ;;
	pacman) as_root pacman -S --needed --noconfirm "$@" ;;
	apk) as_root apk add "$@" ;;
	esac
}

refresh() {
	case $manager in
	apt) as_root apt-get update ;;
	pacman) as_root pacman -Sy ;;
	apk) as_root apk update ;;
	*) true ;;
	esac
}

lacks=$(missing)
[ -n "$lacks" ] || exit 0

manager=none
for m in apt-get dnf zypper pacman apk; do
	command -v $m > /dev/null && { manager=${m%-get}; break; }
done

required= optional= packages=
for w in $lacks; do
	case $w in
	*\?) optional="$optional $(package "${w%\?}")" ;;
	*) required="$required $w"; packages="$packages $(package "$w")" ;;
	esac
done

say_what_is_missing() {
	{
		echo "To $PURPOSE memscan, these are missing:"
		for w in $required; do
			case $w in
			c) echo "  a C compiler (gcc or clang) with the C library's headers" ;;
			pc:*) echo "  the library ${w#pc:} with its headers and its pkg-config file" ;;
			*) echo "  the program $w" ;;
			esac
		done
		[ "$manager" = none ] || echo "Its packages:$packages$optional"
	} >&2
}

if [ "$manager" = none ]; then
	[ -n "$required" ] || exit 0
	say_what_is_missing
	echo "Install them with your system's package manager, then run this again." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null; then
	[ -n "$required" ] || exit 0
	say_what_is_missing
	echo "Installing needs root, and there is no sudo: run 'sh tests/setup.sh $PURPOSE' as root." >&2
	exit 1
fi
# Without a terminal nobody can be asked for a password, and what is optional is not worth a question.
if [ -z "$required" ] && [ "$(id -u)" != 0 ] && ! sudo -n true 2> /dev/null; then
	exit 0
fi

if [ -n "$required" ]; then
	echo "Installing:$packages$optional"
	install $packages || { refresh && install $packages; } || { say_what_is_missing; exit 1; }
fi
for p in $optional; do
	if [ "$p" = kernel ]; then
		fetch_kernel > /dev/null 2>&1 || { refresh && fetch_kernel; } > /dev/null 2>&1 || echo "no kernel can be fetched; tests that need one are skipped"
		continue
	fi
	install "$p" > /dev/null 2>&1 || { refresh && install "$p"; } > /dev/null 2>&1 || echo "$p cannot be installed; tests that need it are skipped"
done
required=
for w in $(missing); do
	case $w in *\?) ;; *) required="$required $w" ;; esac
done
[ -z "$required" ] || { say_what_is_missing; exit 1; }
