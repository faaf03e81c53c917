# What all kinds of interpreters need. Sourced by make.sh, which sets name, new, version, suites, arch;
# a make_KIND fills the directory $new and sets source, launch, program, library and dwarf.

base=$PWD/build/interpreters
run=$base/.run # of this run alone: package lists, sources, tools
library= dwarf=
# The interpreters are made and started as if nobody had set anything.
unset MAKEFLAGS MAKELEVEL MFLAGS CC CFLAGS CPPFLAGS LDFLAGS LIBS PYTHONHOME PYTHONPATH PYTHONSTARTUP LD_LIBRARY_PATH
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1

# absent REASON, broken REASON: give up on this interpreter, for it cannot be had here, or has become wrong
# in the making. The reason is what make.sh prints; only what is absent can be skipped.
absent() {
	echo "$*" | tee "$new/why"
	exit 77
}

broken() {
	echo "$*" | tee "$new/why"
	exit 1
}

# once KEY COMMAND...: run it the first time that a process of this run asks; all others wait, and get its status.
once() (
	key=$1
	shift
	exec 9> "$base/.lock/$key"
	flock 9
	[ -e "$run/$key.status" ] || {
		"$@" 9>&-
		echo $? > "$run/$key.status"
	}
	exit "$(cat "$run/$key.status")"
)

# launcher FILE LIBRARIES PROGRAM [LOADER]: the script that starts PROGRAM, all relative to the script.
launcher() {
	{
		echo '#!/bin/sh'
		echo 'here=$(dirname "$(readlink -f "$0")")'
		if [ $# = 4 ]; then
			echo "exec \"\$here/$4\" --inhibit-cache --library-path \"\$here/$2\" \"\$here/$3\" \"\$@\""
		else
			echo "export LD_LIBRARY_PATH=\"\$here/$2\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""
			echo "exec \"\$here/$3\" \"\$@\""
		fi
	} > "$1"
	chmod 755 "$1"
}

# find_dwarf FILE: what has the DWARF of this ELF file: itself, or the file for its build-id below root.
find_dwarf() {
	if readelf -SW "$1" | grep -q ' \.debug_info '; then
		echo "$1"
		return
	fi
	id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
	file=root/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug
	[ ! -f "$new/$file" ] || echo "$file"
}
