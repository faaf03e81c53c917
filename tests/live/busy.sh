#!/bin/sh
# A target that does not hold still by itself: threads that allocate, collect garbage, start and end other
# threads and children, all the time. Every dump of it is sound. A thread that is stopped while it makes an
# object may leave one that is not whole: that is told (exit status 6), and is rare.
. tests/live/lib.sh

start_small "
import gc, threading, subprocess
def churn():
    kept = []
    while True:
        kept.append({'n': [Thing(i) for i in range(50)]})
        if len(kept) > 200:
            del kept[:150]
            gc.collect()
def spawn():
    while True:
        t = threading.Thread(target=lambda: [Thing(i) for i in range(100)])
        t.start()
        t.join()
def fork():
    while True:
        subprocess.call(['/bin/true'])
for f in (churn, churn, spawn, spawn, fork):
    threading.Thread(target=f, daemon=True).start()
"
runs=15 torn=0
[ "$VARIANT" = asan ] && runs=5
for i in $(seq $runs); do
	dump
	if [ $status = 6 ]; then
		torn=$((torn + 1))
		echo "result: dump $i met the target in the midst of something:"
		"$MEMSCAN" info "$TMP/dump" | grep -A5 -i damage
		[ $torn -le 1 ] || fail "$torn of $i dumps have damage"
		status=0
	fi
	worked
done
# Children send SIGCHLD, and the target counts them: only the number is compared.
ask "answer 6"
[ "${answer%% *}" = 42 ] || fail "the target answers '$answer'"
done_testing
