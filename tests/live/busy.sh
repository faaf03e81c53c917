#!/bin/sh
# A target that does not hold still by itself: threads that allocate, collect garbage, start and end other
# threads and children, all the time. It is dumped many times in a row (BUSY_RUNS), and every dump is sound:
# the only damage there may be is that of an object which a thread was changing just when it was stopped, as
# the thread's registers and stack say. Before and after, the target finds itself in order.
. tests/live/lib.sh

busy="
import gc, threading, subprocess
wrong, checked = [], [0]
def churn():
    kept = []
    while True:
        kept.append({'n': [Thing(i) for i in range(50)]})
        if len(kept) > 200:
            for d in kept:
                if [t.number for t in d['n']] != list(range(50)):
                    wrong.append(d)
            checked[0] += 1
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
    t = threading.Thread(target=f)
    t.daemon = True
    t.start()
"

# dumps N: so many in a row.
dumps() {
	torn=0
	for i in $(seq "$1"); do
		dump
		[ $status != 6 ] || torn=$((torn + 1))
		sound
	done
	echo "result: $(name_of "$PYTHON"): $1 dumps, $torn of them with an object that was being changed"
	# Children send SIGCHLD, and the target counts them: only the number is compared.
	ask "answer 6"
	[ "${answer%% *}" = 42 ] || fail "the target answers '$answer'"
	ask "check [None for _ in iter(lambda: checked[0] > 0, True)]; assert not wrong, wrong"
	[ "$answer" = "done" ] || fail "the target is not in order: '$answer'"
}

few=10
[ "$VARIANT" != asan ] || few=3
runs=${BUSY_RUNS:-$((2 * few))}
for row in '' deb-3.13 deb-3.14 deb-3.15 nogil-3.13 pyenv-2.7.18; do
	[ -z "$row" ] || PYTHON=$PWD/build/interpreters/$row/python
	has_python "$PYTHON" || continue
	start_small "$busy"
	dumps "$runs"
	kill -KILL "$target"
	wait "$target" 2> /dev/null
	exec 7>&- 8<&-
	runs=${BUSY_RUNS:-$few}
done
done_testing
