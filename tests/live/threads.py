"""A target with threads that hold objects in their frames, all of them blocked in a read.

Their frames are no objects, mostly: what they hold is found from the threads. Written for Python 3.8 and later.
"""
import truth  # first, see there

import os
import sys
import threading

RELEASE, HOLD = os.pipe()
KEEP = {"frames": [], "locals": threading.local(), "condition": threading.Condition(), "event": threading.Event(),
        "barrier": threading.Barrier(3), "semaphore": threading.BoundedSemaphore(3), "timer": threading.Timer(1000, print)}


class Request:
    def __init__(self, number):
        self.number = number
        self.body = {"number": number, "lines": ["line %d" % i for i in range(50)]}


def block():
    os.read(RELEASE, 1)


def recurse(depth, request):
    local = [depth, request]
    if depth:
        return recurse(depth - 1, request), local
    block()


def generator(request):
    held = {"in a running generator": request}
    yield held
    block()
    yield held


def in_plain(request):
    recurse(20, request)


def in_generator(request):
    held = "before"
    for held in generator(request):
        pass


def in_frame(request):
    KEEP["frames"].append(sys._getframe())
    recurse(3, request)


def in_except(request):
    try:
        raise ValueError(request)
    except ValueError:
        KEEP["locals"].request = request
        block()


def in_native(request):
    """The callback of a C function that holds what it works on."""
    sorted([3, 1, 2], key=lambda i: block() or i)


def in_class_body(request):
    class Unfinished:
        attribute = request
        block()


def in_exec(request):
    exec("inner = [request]\nblock()", {"block": block, "request": request}, {})


def in_coroutine(request):
    async def waits():
        held = [request]
        block()

    waits().send(None)


def is_reading(tid):
    """Whether the thread is inside read(2), system call 0 on x86-64, 63 on newer machines, and 3 on i386."""
    try:
        with open("/proc/self/task/%d/syscall" % tid) as f:
            return f.read().split()[0] in (("0", "63") if sys.maxsize > 1 << 32 else ("3",))
    except OSError as e:
        sys.exit("cannot tell when threads are blocked: %s" % e)


def main():
    bodies = [in_plain, in_generator, in_frame, in_except, in_native, in_class_body, in_exec, in_coroutine]
    threads = []
    for i in range(24):
        t = threading.Thread(target=bodies[i % len(bodies)], args=(Request(i),), name="worker %d" % i, daemon=True)
        t.start()
        threads.append(t)
    KEEP["threads"] = threads
    waiting = list(threads)
    while waiting:
        os.sched_yield()
        waiting = [t for t in waiting if not is_reading(t.native_id)]
    truth.serve(truth.raw_fork())


if __name__ == "__main__":
    main()
