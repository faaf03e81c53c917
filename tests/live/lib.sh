# For the live tests: start targets, wait until they are ready, run memscan and judge how it ended,
# and end everything that was started. Sourced by the scripts beside it, which run
# from the project's root with MEMSCAN and BUILD set.
#
# Nothing sleeps: a target says "ready" on a FIFO, and blocks reading another.

set -u
: "${MEMSCAN:=build/memscan}" "${BUILD:=build/release}" "${VARIANT:=release}"
live=tests/live
tools=$BUILD/tests/live
TMP=$(mktemp -d "${TMPDIR:-/tmp}/memscan-live.XXXXXX") || exit 1
pids=
failures=0
# A sanitizer's own search for leaks uses ptrace, and costs a second each time.
export ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0:${ASAN_OPTIONS-}"
export PYTHONDONTWRITEBYTECODE=1

# The interpreter that targets run in, unless a test takes another.
PYTHON=
for p in ${PYTHONS-} /usr/bin/python3 python3.11; do
	if "$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null; then
		PYTHON=$p
		break
	fi
done

# is_ours PID: this shell or what it started has started it. The number of what has ended may be somebody else's by now.
is_ours() {
	up=$1
	while [ "${up:-0}" -gt 1 ]; do
		up=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$up/status" 2> /dev/null)
		[ "$up" != $$ ] || return 0
	done
	return 1
}

# End what was started, and only that; mounts are gone with their namespaces.
end_targets() {
	ours=
	for p in $pids; do
		! is_ours "$p" || ours="$ours $p"
	done
	for p in $ours; do
		kill -KILL "$p" 2> /dev/null && wait "$p" 2> /dev/null
	done
}

finish() {
	rc=$?
	end_targets
	rm -rf "$TMP"
	exit $rc
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

skip() {
	echo "skip: $*"
	exit 77
}

[ -n "$PYTHON" ] || skip "no Python 3.11 was found (PYTHONS names interpreters)"

# An interpreter of the matrix is no reason to skip where the matrix is to be whole.
no_python() {
	[ "${MATRIX-}" != whole ] || { echo "FAIL: $*"; exit 1; }
	skip "$@"
}

# has_python PYTHON: of several interpreters one is here, or passed over and counted as skipped.
has_python() {
	[ ! -x "$(command -v "$1")" ] || return 0
	[ "${MATRIX-}" != whole ] || fail "there is no $(name_of "$1")"
	echo "skip: there is no $(name_of "$1") here"
	return 1
}

# name_of PYTHON: as the matrix names it, or its path.
name_of() {
	case $1 in
	*/build/interpreters/*/python) n=${1%/python}; echo "${n##*/}" ;;
	*/.pyenv/versions/*/bin/*) n=${1%/bin/*}; echo "pyenv-${n##*/}" ;;
	*) echo "$1" ;;
	esac
}

# moves ROW: it is what Debian's unstable suites have, or was built from their sources: newer than any table one day.
moves() {
	grep -q "^deb-${1#*-} .* sid" tests/interpreters/matrix
}

need() {
	for tool; do
		command -v "$tool" > /dev/null || skip "$tool is not installed"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "only root can do this"
}

fail() {
	echo "FAIL: $*"
	[ -f "$TMP/err" ] && sed 's/^/    stderr: /' "$TMP/err"
	failures=$((failures + 1))
}

# The end of every test.
done_testing() {
	[ $failures = 0 ] || exit 1
	exit 0
}

# waits: the main thread of the target waits again. When it said something it still ran: on a busy machine it may do so
# for a while, and would not be the same in two dumps.
waits() {
	while :; do
		waits_in=
		while read -r waits_key waits_value waits_rest; do
			[ "$waits_key" != State: ] || { waits_in=$waits_value; break; }
		done 2> /dev/null < "/proc/$target/status"
		case $waits_in in R | D) ;; *) return ;; esac
	done
}

# start COMMAND...: run a target that says "ready" on its standard output, and see it wait; its pid is in $target.
# What is written to descriptor 7 it reads, what it says is read from 8.
start() {
	# New ones each time: a child of the last target may have the old ones still open.
	rm -f "$TMP/in" "$TMP/out"
	mkfifo "$TMP/in" "$TMP/out"
	# Both ends are opened here: nobody waits for the other side, which the end of any child would break off (EINTR).
	exec 5<> "$TMP/in" 7> "$TMP/in" 3< "$TMP/in" 5>&-
	exec 5<> "$TMP/out" 8< "$TMP/out" 4> "$TMP/out" 5>&-
	"$tools/allow" "$@" <&3 >&4 3<&- 4>&- 7>&- 8<&- &
	target=$!
	pids="$pids $target"
	exec 3<&- 4>&-
	answer=
	read -r answer <&8
	if [ "$answer" != ready ]; then
		echo "the target did not get ready, it said '$answer': $*"
		exit 1
	fi
	waits
}

# blocked: every thread of the target waits for something, and none for another that runs: it changes no more. They are
# looked at twice, for one may have woken another: none has run in between.
blocked() {
	blocked_now=
	until [ -n "$blocked_now" ] && [ "$blocked_now" = "$blocked_before" ]; do
		[ -e "/proc/$target" ] || { echo "the target is gone"; exit 1; }
		blocked_before=$blocked_now
		blocked_now=$(sed -n '/^Pid:/p; /^State:/p; /ctxt_switches:/p' "/proc/$target/task"/*/status)
		! echo "$blocked_now" | grep -q '^State:[[:space:]]*[^S[:space:]]' || blocked_now=
	done
}

# ask LINE: the target's one line of answer is in $answer, and it waits again.
ask() {
	echo "$1" >&7
	answer=
	read -r answer <&8
	waits
}

# stop_target: let the target end by itself, and see that it can.
stop_target() {
	exec 7>&-
	wait "$target"
	[ $? = "${1-0}" ] || fail "the target did not end well"
	exec 8<&-
}

# A small target: what to do besides is Python code in the first argument.
start_small() {
	start "$PYTHON" -S $live/small.py "${1-}"
}

# dump ARGUMENT...: run memscan on $target into $TMP/dump; its exit status is in $status.
dump() {
	rm -f "$TMP/dump"
	run --pid "$target" -o "$TMP/dump" "$@"
}

run() {
	"$MEMSCAN" "$@" > "$TMP/stdout" 2> "$TMP/err" < /dev/null
	status=$?
	if grep -q 'ERROR: \(Address\|Undefined\)\|runtime error:\|WARNING: ThreadSanitizer' "$TMP/err"; then
		fail "a sanitizer complained"
	fi
}

# refused STATUS PATTERN: the last run ended with this status, said this, and left no file.
refused() {
	[ $status = "$1" ] || fail "exit status $status, not $1"
	grep -Eiq -e "$2" "$TMP/err" || fail "the message says nothing like '$2'"
	nothing_left
}

# worked: the last run wrote a dump that can be read, without damage.
worked() {
	[ $status = 0 ] || { fail "exit status $status"; return; }
	grep -q . "$TMP/dump" || { fail "no dump"; return; }
	"$MEMSCAN" summary "$TMP/dump" > "$TMP/summary" 2> "$TMP/err" || fail "the dump cannot be summed up"
	grep -q dict "$TMP/summary" || fail "the dump's summary has no dict"
}

# sound: the last run, on a target that changes all the time, worked; an object that a thread was changing just when it was
# stopped may be torn, which is all the damage there is.
sound() {
	if [ $status = 6 ]; then
		"$MEMSCAN" info --json "$TMP/dump" | sed -n '/damage_by_reason/,/]/p' | grep '"reason"' > "$TMP/damage" ||
			fail "no damage is told"
		! grep -v '"stopped just while a thread was changing it"' "$TMP/damage" > "$TMP/err" || fail "the dump has other damage"
		status=0
	fi
	worked
}

nothing_left() {
	for f in "$TMP"/dump*; do
		[ ! -e "$f" ] || fail "$f was left behind"
	done
}

# The target runs on, or sleeps as it did: neither stopped nor traced.
unharmed() {
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$target/status" 2> /dev/null)
	case $state in
	R | S) ;;
	*) fail "the target is in state '$state'" ;;
	esac
	tracer=$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$target/status" 2> /dev/null)
	[ "$tracer" = 0 ] || fail "the target is traced by $tracer"
	ask "answer 6"
	[ "$answer" = "42 0" ] || fail "the target answers '$answer'"
}
