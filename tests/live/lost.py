"""Objects that nothing refers to but the collector's own memory: cycles, of the main thread and of threads that ended.

The first argument is the file that the truth goes to; see truth.py.
"""
import truth

import gc
import threading


class Node(object):
    def __init__(self, other):
        self.other = other
        self.me = self


class Slotted(object):
    __slots__ = ("other", "me", "__weakref__")

    def __init__(self, other):
        self.other = other
        self.me = self


def lose(n):
    for i in range(n):
        Node([i, str(i)])
        Slotted({i: [i]})
        cycle = [i]
        cycle.append(cycle)
    # Some are freed by another thread than the one that made them.
    return [[i] for i in range(n)]


def build():
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(lose(3000))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    del kept[1][::2], kept[2]
    lose(3000)
    huge = [(None,) * 5000000]
    huge.append(huge)


gc.disable()
# Nothing may be collected before the truth is written.
gc.collect = lambda: 0
build()
truth.serve()
