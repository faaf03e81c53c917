# A server that keeps one cache too many: growing.py. Asked to serve, it fills the cache, renews jobs, lets a queue run
# full and empty, and says as JSON what it did; runs in 2.7 and 3.
import gc
import json
import sys
import time

gc.disable()


class Session(object):
    def __init__(self, number):
        self.number = number
        self.user = "user-%d" % number
        self.orders = [number, number + 0.5]


class Job(object):
    __slots__ = ("n",)


class Doomed(object):
    pass


class Cache(object):
    pass


cache = Cache()
cache.store = {}
jobs = [Job() for _ in range(100)]
queue = [None] * 500
filled = []
doomed = [Doomed() for _ in range(40)]
drained = [None] * 3000
made = 0


def serve(n):
    global made, queue
    started = int(time.time())
    fresh = []
    for k in range(n):
        cache.store["session-%d" % made] = session = Session(made)
        fresh.append(id(session))
        made += 1
    gone = [id(d) for d in doomed[:10]]
    del doomed[:10]
    # Fresh before they are freed: none is where one was.
    jobs[:] = [Job() for _ in range(100)]
    if made // n % 2:
        del queue[:]
    else:
        queue.extend([None] * 900)
    filled.append(n)
    del drained[len(drained) // 3:]
    # The next dump is of another second: there is a rate.
    while int(time.time()) == started:
        pass
    return json.dumps({"new": fresh, "gone": gone, "store": id(cache.store), "filled": id(filled), "queue": id(queue),
                       "drained": id(drained), "sessions": made})


serve(10)
print("ready")
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    print(serve(int(line)))
    sys.stdout.flush()
