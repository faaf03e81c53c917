"""A heap of a million mixed objects that ticks: heap.py [OBJECTS [MB of raw buffers]]. "ready", then for each line read the longest gap
of its 1 ms tick since the last one, in nanoseconds. No module but what is needed, so that the objects are what is measured."""
import array
import os
import select
import sys
import time


class Record:
    def __init__(self, i):
        self.number = i
        self.name = "record %d" % i
        self.tags = ["tag", i]


class Node:
    __slots__ = ("value", "next")

    def __init__(self, value, following):
        self.value = value
        self.next = following


def build(n):
    """About n objects: each round makes 10, as programs have them."""
    kept, node = [], None
    for i in range(n // 10):
        r = Record(i + 1000)
        node = Node(float(i), node)
        kept.append((r, {"id": r.number, i: node}, {i, "x"}, b"bytes %d" % i))
    return kept, node


def loop():
    """What a tool inside the process does: type, size and referents of every object to a file, those that the collector does not
    track where they are first met. Nanoseconds, and how many objects."""
    import gc
    tracked, referents, size = gc.is_tracked, gc.get_referents, sys.getsizeof
    began = time.monotonic_ns()
    seen, n = set(), 0
    with open("/dev/null", "w") as out:
        for o in gc.get_objects():
            stack = [o]
            while stack:
                o = stack.pop()
                refs = referents(o)
                n += 1
                out.write("%d %s %d %s\n" % (id(o), type(o).__name__, size(o), [id(r) for r in refs]))
                for r in refs:
                    if not tracked(r) and id(r) not in seen:
                        seen.add(id(r))
                        stack.append(r)
    return time.monotonic_ns() - began, n


def main():
    kept = build(int(sys.argv[1]) if len(sys.argv) > 1 else 1000000)
    raw = [array.array("d", [1.5]) * (1 << 23) for i in range(int(sys.argv[2]) // 64)] if len(sys.argv) > 2 else []
    os.write(1, b"ready\n")
    longest, last = 0, time.monotonic_ns()
    while True:
        readable = select.select([0], [], [], 0.001)[0]
        now = time.monotonic_ns()
        longest, last = max(longest, now - last), now
        if readable:
            line = os.read(0, 100)
            if not line:
                break
            if line.startswith(b"loop"):
                os.write(1, b"%d %d\n" % loop())
                longest, last = 0, time.monotonic_ns()
                continue
            os.write(1, b"%d\n" % longest)
            longest = 0
    os._exit(len(kept) + len(raw) == 0)


main()
