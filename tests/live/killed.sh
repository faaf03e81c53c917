#!/bin/sh
# kill -9 of memscan at every step it makes: the target runs on, and under the dump's name is nothing or a
# whole dump. The steps are its system calls on the target and on its output, the
# first forty one by one, then ever fewer, until it comes to its end.
. tests/live/lib.sh

start_small "
import threading
pipe = os.pipe()
for i in range(4):
    threading.Thread(target=os.read, args=(pipe[0], 1), daemon=True).start()
"
step=1
kills=0
while :; do
	rm -f "$TMP"/dump*
	# In a shell of its own, which says "Killed" where nobody reads it.
	SHIM_AT=any:$step SHIM_DO=kill sh -c 'LD_PRELOAD=$1 "$2" --pid "$3" -o "$4"; exit $?' - \
		"$tools/shim.so" "$MEMSCAN" "$target" "$TMP/dump" 2> "$TMP/err" > "$TMP/stdout" < /dev/null
	status=$?
	unharmed
	[ $failures = 0 ] || { echo "at step $step"; break; }
	[ $status = 137 ] || break
	kills=$((kills + 1))
	[ ! -e "$TMP/dump" ] || "$MEMSCAN" info "$TMP/dump" > /dev/null 2> "$TMP/err" || fail "a broken dump at step $step"
	if [ $step -lt 40 ]; then step=$((step + 1)); else step=$((step + step / 12 + 1)); fi
done
[ $status = 0 ] || fail "exit status $status"
[ $kills -ge 20 ] || fail "killed only $kills times"
echo "result: killed at $kills of $step steps"

# And at moments that nothing announces: the length of a whole run in 60 parts, in a target that works meanwhile.
"$PYTHON" -S $live/killed.py "$MEMSCAN" "$target" "$TMP/dump" || fail "a kill by the clock did harm"
unharmed
done_testing
