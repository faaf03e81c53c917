"""Heaps that are extreme in one way: extremes.py KIND N. "ready", then it waits for the end of its input."""
import ctypes
import os
import sys
import threading


class Node:
    __slots__ = ("next",)

    def __init__(self, following):
        self.next = following


def chain(n):
    node = None
    for i in range(n):
        node = Node(node)
    return node


def types(n):
    return [type("T%d" % i, (), {}) for i in range(n)]


def threads(n):
    threading.stack_size(65536)
    go, started = threading.Event(), []
    for i in range(n):
        t = threading.Thread(target=go.wait, daemon=True)
        t.start()
        started.append(t)
    return started


def mappings(n):
    """Pages with access rights of their own, by turns, so that the kernel cannot make them one mapping."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    made = []
    for i in range(n):
        at = libc.mmap(None, 4096, 1 + (i % 2) * 2, 0x22, -1, 0)
        if at in (None, ctypes.c_void_p(-1).value):
            break
        made.append(at)
    return made


def keys(n):
    return dict.fromkeys(range(n))


KINDS = {
    "references": lambda n: [None] * n,
    "text": lambda n: "x" * n,
    "types": types,
    "threads": threads,
    "mappings": mappings,
    "chain": chain,
    "keys": keys,
    "bytes": lambda n: b"x" * n,
}

if __name__ == "__main__":
    kept = KINDS[sys.argv[1]](int(sys.argv[2]))
    os.write(1, b"ready\n")
    sys.stdin.read()
    os._exit(0)
