#!/bin/sh
# --pre-copy: a process that changes its memory in every way between the copy beforehand and the stop is dumped as
# it is in the stop, wherever memscan just is. Where the kernel does not mark written pages the dump is an ordinary one, and the
# rest is done in a virtual machine.
. tests/live/lib.sh

# info KEY: a number of the dump's own account.
info() {
	"$MEMSCAN" info --json "$TMP/dump" | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

start_small
run --dry-run --pid "$target" --pre-copy
[ $status = 0 ] || fail "exit status $status of --dry-run"
obstacle=$(sed -n 's/^pre-copy   not possible: //p' "$TMP/stdout")
case $obstacle in
"") ;;
*CAP_SYS_ADMIN* | *CONFIG_MEM_SOFT_DIRTY*)
	dump --pre-copy
	grep -q -e "--pre-copy is not possible, all is copied while the process is held: the kernel" "$TMP/err" || fail "nothing is said of it"
	worked
	"$MEMSCAN" info --json "$TMP/dump" | grep -q '"precopy_obstacle": "the kernel ' || fail "the dump does not say why"
	[ -z "$(info precopy_bytes)" ] || fail "it says that something was copied before"
	unharmed
	stop_target
	[ $failures = 0 ] || exit 1
	[ -z "${IN_VM-}" ] || fail "not even here: $obstacle"
	[ $failures = 0 ] || exit 1
	sh tests/live/vm.sh tests/live/precopy.sh
	exit
	;;
*) fail "an obstacle that should not be: $obstacle" ;;
esac

# An idle process: all that is copied in the stop is what cannot be copied before.
dump --pre-copy
worked
same=$(info precopy_same_bytes) before=$(info precopy_bytes)
[ "${same:-0}" -gt $((${before:-1} * 9 / 10)) ] || fail "of ${before:-?} bytes only ${same:-?} were the same"
unharmed

# until CALL:N [CALL:N] OPTION...: memscan begins, and waits at the Nth call; counted from the second on, if there is one.
# finished: it goes on to its end.
mkfifo "$TMP/meet.at" "$TMP/meet.go"
until_call() {
	at=$1 after=${2:+SHIM_AFTER=$2}
	shift 2
	(
		env $after SHIM_MEET="$TMP/meet" SHIM_DO=meet SHIM_AT="$at" LD_PRELOAD="$tools/shim.so" \
			"$MEMSCAN" -v --pid "$target" --pre-copy -f -o "$TMP/dump" "$@" > "$TMP/stdout" 2> "$TMP/err"
		echo "ended $?" > "$TMP/meet.at"
	) &
	keeper=$!
	met=
	read -r met < "$TMP/meet.at"
	[ -z "$met" ] || { fail "$at: it $met without that"; return 1; }
	tracer=$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$target/status")
	[ "$tracer" = 0 ] || fail "$at: the target is held already"
}

finished() {
	echo > "$TMP/meet.go"
	read -r met < "$TMP/meet.at"
	# Not while a FIFO is opened: that is broken off by the end of a child.
	wait $keeper
	[ "$met" = "ended 0" ] || fail "$at: it $met"
}

# What two of them do at once would be wrong for both.
if until_call ptrace:1 pwrite:2; then
	"$MEMSCAN" --pid "$target" --pre-copy -o "$TMP/dump.other" 2> "$TMP/other" || fail "the second of two at once failed"
	grep -q 'another memscan copies' "$TMP/other" || fail "the second does not know of the first"
	finished
	unharmed
fi

# Somebody else clears the marks: what was copied before is not believed.
export SHIM_THEN=ptrace:1
if until_call process_vm_readv:1 pwrite:2; then
	ask "do KEEP.append(Thing(1))"
	echo > "$TMP/meet.go"
	read -r met < "$TMP/meet.at"
	ask "do KEEP[0].number = 2"
	echo 4 > "/proc/$target/clear_refs"
	finished
	[ "$(info precopy_same_bytes)" = 0 ] || fail "another cleared the marks, and $(info precopy_same_bytes) bytes are believed all the same"
	unharmed
fi
unset SHIM_THEN
stop_target

# Rings that the kernel fills: what it writes has no mark.
for rings in "CALL(206, 8, ctypes.byref(ctypes.c_size_t()))" "KEEP.append(mmap.mmap(CALL(425, 8, (ctypes.c_uint * 30)()), 4096))"; do
	start_small "import ctypes, mmap; CALL = ctypes.CDLL(None).syscall; $rings"
	dump --pre-copy
	grep -q 'uses io_uring or aio' "$TMP/err" || fail "nothing is said of the rings of $rings"
	worked
	[ -z "$(info precopy_bytes)" ] || fail "with rings that the kernel fills, something was copied before"
	unharmed
	stop_target
done

# changed CALL:N [CALL:N]: the target changes while memscan waits there. With that much time it does not copy anew.
changed() {
	until_call "$1" "${2-}" --threads 1 --values none --max-pause 3600000 || return
	ask change
	finished
	mv "$TMP/truth" "$TMP/changed"
	ask prepare
	"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "changed at $at" "$TMP/changed" || fail "$at: the dump is not exact"
	same=$(info precopy_same_bytes)
	[ "${same:-0}" -gt 1000000 ] || fail "$at: only ${same:-0} bytes of the copy made before were used"
	sed -n 's/.*copied before/result:     copied before/p' "$TMP/err"
}

start "$PYTHON" -S -W ignore $live/precopy.py "$TMP/truth"
changed pwrite:2
changed pread:1 pwrite:2
changed process_vm_readv:2 pwrite:2
changed ptrace:1 pwrite:2
stop_target
done_testing
