#!/bin/sh
# Four threads that change dicts and lists, allocate and collect garbage all the time, dumped RUNS times in a row:
# every dump is sound, but for what a thread was changing just when it was stopped, and what the threads believe of their
# own objects stays true.
. tests/live/lib.sh

start_small "
import gc, threading
wrong = []
rounds = [0] * 4
def mutate(me):
    table, items, n = {}, [], 0
    while True:
        n += 1
        rounds[me] += 1
        table[n] = thing = Thing(n)
        items.append((n, thing))
        if len(items) > 500:
            for k, t in items[:400]:
                if table.pop(k) is not t or t.number != k:
                    wrong.append(k)
            del items[:400]
            if len(table) != len(items):
                wrong.append(n)
            if n % 4000 == me:
                gc.collect()
for i in range(4):
    threading.Thread(target=mutate, args=(i,), daemon=True).start()
"
runs=${RUNS:-20}
[ "$VARIANT" = asan ] && runs=4
for i in $(seq "$runs"); do
	dump --values none
	sound
done
ask "do sys.stdout.write('%d %d ' % (len(wrong), min(rounds) > 0))"
[ "$answer" = "0 1 done" ] || fail "the threads say: $answer"
ask "answer 6"
[ "${answer%% *}" = 42 ] || fail "the target answers '$answer'"
done_testing
