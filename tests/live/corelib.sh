# For tests that need a core, whoever makes it. Sourced after lib.sh.

# How the kernel can be made to write a core into $TMP/cwd; $no_kernel says why not.
pattern=$(cat /proc/sys/kernel/core_pattern 2> /dev/null)
case $pattern in
\|* | */* | '') no_kernel="the kernel hands cores elsewhere: core_pattern is '$pattern'" ;;
*) ulimit -c unlimited 2> /dev/null && no_kernel= || no_kernel="cores are limited (ulimit -c)" ;;
esac
no_gcore=
command -v gcore > /dev/null || no_gcore="gcore is not installed"
[ -z "$no_kernel" ] || [ -z "$no_gcore" ] || skip "$no_kernel; $no_gcore"

# Kill $target by a signal and take the core that it leaves; its path is in $core.
kernel_core() {
	kill "-$1" "$target"
	wait "$target" 2> /dev/null
	core=
	for f in "$TMP"/cwd/core* "$TMP"/cwd/*; do
		[ -f "$f" ] && core=$f && break
	done
	[ -n "$core" ] || { fail "the kernel wrote no core"; exit 1; }
}

gcore_core() {
	timeout 120 gcore -o "$TMP/gcore" "$target" > "$TMP/gcore.log" 2>&1 || cat "$TMP/gcore.log"
	core=$TMP/gcore.$target
	[ -f "$core" ] || { fail "gcore wrote no core"; exit 1; }
}

# make_core START [SIGNAL]: run START, which starts a target in $TMP/cwd, and take its core.
make_core() {
	"$1"
	if [ -z "$no_kernel" ]; then
		kernel_core "${2-ABRT}"
	else
		gcore_core
		kill -KILL "$target"
		wait "$target" 2> /dev/null
	fi
}
