# Builds that Debian has no package for, from its source packages: the upstream archive in them as it was
# released, without Debian's changes. Light: little optimisation, DWARF, no tests, no pip, and only the
# extension modules that need no library but libffi and zlib.
. "$PWD/$here/apt.sh"

# The release that the few libraries and musl come from: old enough to run on what memscan is developed on.
tools=bookworm
machine=x86_64-linux-gnu
machine_musl=x86_64-linux-musl

# Modules that are left out: their libraries may or may not be on the machine.
without='_bz2 _lzma _zstd _ssl _hashlib _sqlite3 _decimal _dbm _gdbm _curses _curses_panel _tkinter _uuid readline
	nis _crypt _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _multibytecodec'

# fetch_source SUITE: the archive of python$version, unpacked into $run/src-SUITE-X.Y/.
fetch_source() (
	need_index "$1" source || exit 3
	dir=$run/src-$1-$version
	mkdir "$dir" && cd "$dir" || exit 1
	apt_in "$1-source" apt-get source -q --tar-only --download-only "python$version" || exit 1
	set +f
	set -- python*.orig.tar.*
	tar -xf "$1" --strip-components=1 --exclude='*/Lib/test/*' --exclude='*/Doc/*' || exit 1
	echo "$1" | sed 's/[^_]*_//; s/\.orig.*//' > package
	rm -f "$1"
)

# The libraries that modules are linked with.
fetch_libraries() {
	need_index $tools amd64 && fetch_debs $tools amd64 "$run/libraries.debs" libffi-dev zlib1g-dev &&
		(set +f && rm -f "$run"/libraries.debs/libc6* && unpack "$run/libraries" "$run"/libraries.debs/*.deb)
}

# A musl that stays, for its C library runs what is made with it: Debian's musl-gcc, told where it is.
fetch_musl() {
	[ ! -x "$base/.musl/gcc" ] || return 0
	rm -rf "$base/.musl"
	need_index $tools amd64 && fetch_debs $tools amd64 "$run/musl.debs" musl musl-dev || return 1
	(set +f && unpack "$run/musl" "$run"/musl.debs/musl*.deb) || return 1
	lib=$base/.musl/usr/lib
	sed "s,/usr/,$base/.musl/usr/,g; s,/lib/ld-musl,$lib/ld-musl," \
		"$run/musl/usr/lib/$machine_musl/musl-gcc.specs" > "$run/musl/specs"
	{
		echo '#!/bin/sh'
		# configure compares this with what the headers say.
		echo "[ \"\$*\" != --print-multiarch ] || { echo $machine_musl; exit; }"
		echo "exec gcc \"\$@\" -specs $base/.musl/specs"
	} > "$run/musl/gcc"
	chmod 755 "$run/musl/gcc"
	mv "$run/musl" "$base/.musl"
}

# configure_for OPTION...: configure in the current directory for the options of the matrix; sets static.
configure_for() {
	cc=gcc static=
	for option; do
		shift
		case $option in
		cc:*) cc=${option#cc:} ;;
		static) static=yes ;;
		*) set -- "$@" "$option" ;;
		esac
	done
	export PKG_CONFIG=false # or what is found depends on the machine
	lib=$run/libraries/usr/lib/$machine
	if [ "$cc" = musl ]; then
		once musl fetch_musl || absent "Debian's musl-dev cannot be fetched"
		cc=$base/.musl/gcc
	else
		command -v "$cc" > /dev/null || absent "$cc is not installed"
		once libraries fetch_libraries || absent "libffi and zlib cannot be fetched"
		include=$run/libraries/usr/include
		export ZLIB_CFLAGS="-I$include" ZLIB_LIBS="$lib/libz.so.1"
		export LIBFFI_CFLAGS="-I$include/$machine" LIBFFI_LIBS="$lib/libffi.so.8"
	fi
	if [ -n "$static" ]; then
		without="$without _ctypes"
		set -- "$@" MODULE_BUILDTYPE=static LINKFORSHARED=' ' LDFLAGS=-static
		export ZLIB_LIBS="$lib/libz.a"
	fi
	mkdir Modules
	printf '*disabled*\n%s\n' "$without" > Modules/Setup.local
	# Installed it will be below $base/$name; it finds its modules from its own place anyway.
	"$tree/configure" -q --prefix="$base/$name/root" --without-ensurepip --disable-test-modules \
		CC="$cc" OPT=-DNDEBUG CFLAGS='-O1 -g' "$@"
}

# Into root what `make install` would put there, without compiling all modules three times.
install_built() {
	thread=$(sed -n 's/^ABI_THREAD=[[:space:]]*//p' Makefile)
	modules=$new/root/lib/python$version$thread
	program=root/bin/python$version$thread
	mkdir -p "$new/root/bin" "$modules" "$new/libs"
	(cd "$tree/Lib" && tar -c --exclude=./test --exclude=./idlelib --exclude=./ensurepip --exclude=./turtledemo .) |
		tar -x -C "$modules" || return 1
	mkdir "$modules/lib-dynload"
	cp python "$new/$program"
	set +f
	cp build/lib.*/_sysconfigdata*.py "$modules" || return 1
	for file in Modules/*.so; do
		[ ! -e "$file" ] || cp "$file" "$modules/lib-dynload" || return 1
	done
	for file in libpython*.so.1.0; do
		[ -e "$file" ] || continue
		cp "$file" "$new/libs" || return 1
		library=libs/$file
	done
	[ "$cc" = "$base/.musl/gcc" ] || cp -a "$run"/libraries/usr/lib/$machine/lib[fz]*.so.* "$new/libs" || return 1
	set -f
}

make_source() {
	need_apt
	served=no
	for suite in $suites; do
		tree=$run/src-$suite-$version
		once "src-$suite-$version" fetch_source "$suite"
		case $? in
		0) served=yes; break ;;
		3) served=unknown ;;
		esac
	done
	case $served in
	unknown) absent "the mirror cannot be asked for its source package, in $suites" ;;
	no)
		echo "its source package is not served by the mirror, in $suites" > "$base/.skipped/$name"
		absent "$(cat "$base/.skipped/$name")"
		;;
	esac
	source="debian $suite python$version $(cat "$tree/package"), as released upstream"

	mkdir "$new/obj"
	cd "$new/obj" || exit 1
	configure_for "$@" || broken "configure failed: $log"
	# Others may be made at the same time, and this may be the last.
	if ! nice make -j"$(nproc)" -l"$(nproc)" python sharedmods > make.log 2>&1; then
		tail -n 50 make.log
		broken "make failed: $log"
	fi
	install_built || broken "it cannot be installed"
	cd - > /dev/null || exit 1
	rm -rf "$new/obj"

	dwarf=${library:-$program}
	if [ -n "$static" ]; then
		dwarf=$program.debug
		objcopy --only-keep-debug "$new/$program" "$new/$dwarf" || broken "its DWARF cannot be put aside"
		strip --strip-all "$new/$program" || broken "it cannot be stripped"
	fi
	launch=direct
	launcher "$new/python" libs "$program"
}
