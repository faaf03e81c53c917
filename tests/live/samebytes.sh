#!/bin/sh
# samebytes.sh PYTHON: with any number of threads, and wherever the copy goes or if there is none, the dump of a process is
# the same byte for byte, but for what says how it was taken; and with several threads, most objects were decoded by others
# than the one that gives them their ids.
python=${1-}
. tests/live/lib.sh
[ -n "$python" ] || python=$PYTHON

"$python" -c 'import sys' 2> /dev/null || skip "$python does not run"

# of_batches: objects decoded in batches, and all.
of_batches() {
	sed -n 's/.*: \([0-9,]*\) of \([0-9,]*\) objects were decoded in batches.*/\1 \2/p' "$TMP/err" | tr -d ,
}

# take NAME OPTION...
take() {
	name=$1
	shift
	run --verbose --pid "$target" -o "$TMP/dump.$name" "$@"
	case $status:$* in
	0:* | 6:*--no-interpret*) ;; # what is guessed may be no object
	*) fail "exit status $status with $*" ;;
	esac
}

# same A B HOW...: two of them
same() {
	python3 $live/samedump.py "$TMP/dump.$1" "$TMP/dump.$2" regions ${3-} || fail "$2 is not the same as $1"
}

start "$python" -S -W ignore $live/plenty.py
blocked
for threads in 1 2 3 8; do
	take $threads --threads $threads
	of_batches | {
		read -r batches all && [ "$batches" -gt 20000 ] && [ $((2 * batches)) -gt "$all" ]
	} || fail "$threads threads: $(of_batches) objects were decoded in batches"
	[ $threads = 1 ] || same 1 $threads
done

for mode in disk none; do
	take $mode --snapshot $mode
	same 1 $mode
done
take none4 --snapshot none --threads 4
same 1 none4
take guessed --no-interpret
take guessed-none --no-interpret --snapshot none
same guessed guessed-none

# Nobody has the registers of a process that is not held: more than that is not missing.
take unheld --no-stop
same 1 unheld unheld
take unheld-none --no-stop --snapshot none
same unheld unheld-none
stop_target
done_testing
