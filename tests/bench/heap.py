"""A heap of a million mixed objects that ticks: heap.py [OBJECTS]. "ready", then for each line read the longest gap
of its 1 ms tick since the last one, in nanoseconds. No module but what is needed, so that the objects are what is measured."""
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


def main():
    kept = build(int(sys.argv[1]) if len(sys.argv) > 1 else 1000000)
    os.write(1, b"ready\n")
    longest, last = 0, time.monotonic_ns()
    while True:
        readable = select.select([0], [], [], 0.001)[0]
        now = time.monotonic_ns()
        longest, last = max(longest, now - last), now
        if readable:
            if not os.read(0, 100):
                break
            os.write(1, b"%d\n" % longest)
            longest = 0
    os._exit(len(kept) == 0)


main()
