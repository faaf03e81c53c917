# -*- coding: utf-8 -*-
"""Enough objects of each of many kinds that they are decoded in batches, in one syntax from 2.7 on.

Kinds alternate, so that what one thread decodes and what is left to the other is mixed in every batch; values are the
same in many objects and different in more. Says "ready", then waits for the end of its standard input.
"""
import collections
import functools
import gc
import itertools
import sys
import weakref

ROUNDS = 1500


class Plain(object):
    def __init__(self, i):
        self.number = i
        self.text = "plain %d" % i


class Sometimes(object):
    """Attributes in another order for every other one, and a dict that somebody asked for."""

    def __init__(self, i):
        if i % 2:
            self.first = i
        self.second = str(i)
        self.made = self.__dict__ if i % 3 == 0 else None


class Slots(object):
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, i):
        self.left = i
        self.right = float(i) / 3


class Big(int):
    pass


class Named(dict):
    pass


class Failure(Exception):
    pass


def closure(i):
    def inner(x=i):
        return x + i
    return inner


def suspended(i):
    local = [i]
    yield local
    yield i


def started(i):
    g = suspended(i)
    next(g)
    return g


MAKERS = [
    Plain, Sometimes, Slots, Big, Failure, closure, started, float, str,
    lambda i: u"\u00e9\u00e8 %d" % i,
    lambda i: u"\u20ac %d" % i,
    lambda i: u"\U0001f40d" * (i % 40) + u"x",
    lambda i: "long %d " % i * 40,
    lambda i: u"\u0416 %d " % i * 40,
    lambda i: b"bytes " * (i % 50),
    lambda i: 7 ** (i % 300),
    lambda i: -3 ** (i % 40),
    lambda i: complex(i, -i),
    lambda i: [i, str(i), None],
    lambda i: (i, float(i), ()),
    lambda i: {"id": i, "name": str(i)},
    lambda i: {i: "x", "y": i, (i,): None},
    lambda i: dict.fromkeys(range(i % 30)),
    lambda i: set(range(i % 20)),
    lambda i: frozenset([i, "x", None]),
    lambda i: collections.deque([i] * (i % 100)),
    lambda i: collections.OrderedDict([("a", i), (i, "b")]),
    lambda i: collections.defaultdict(list, {i: [i]}),
    lambda i: Named(a=i),
    lambda i: functools.partial(closure, i),
    lambda i: itertools.repeat(i),
    lambda i: iter([i, i]),
    lambda i: bytearray(b"x" * (i % 60)),
    lambda i: memoryview(b"seen %d" % i if sys.version_info >= (3, 5) else b"seen"),
    lambda i: slice(i, None, str(i)),
    lambda i: Plain(i).__init__,
]

KEEP = [[make(i) for make in MAKERS] for i in range(ROUNDS)]
KEEP.append([weakref.ref(row[0]) for row in KEEP])
KEEP.append([type("Made%d" % i, (object,), {"__slots__": ("only",), "number": i}) for i in range(100)])
KEEP.append([made() for made in KEEP[-1]])
# Much that one object refers to, and one object that refers to one, a thousand times over.
KEEP.append(list(range(100000, 200000)))
chain = None
for i in range(1000):
    chain = (chain, i)
KEEP.append(chain)
gc.collect()
gc.disable()
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
