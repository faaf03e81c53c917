# -*- coding: utf-8 -*-
"""A heap of the kinds that every CPython from 2.7 on has, in one syntax that all of them read.

The first argument is the file that the truth goes to; see truth.py.
"""
import truth

import array
import collections
import functools
import io
import itertools
import re
import sys
import threading
import weakref

KEEP = []


class Plain(object):
    def __init__(self, i):
        self.number = i
        self.text = "plain %d" % i
        self.items = [i, str(i)]


class Slots(object):
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, i):
        self.left = i
        self.right = (i, float(i))


class SlotsThenDict(Slots):
    def __init__(self, i):
        Slots.__init__(self, i)
        self.extra = {i: str(i)}


class Meta(type):
    registry = {}


Made = Meta("Made", (object,), {"field": [1, 2]})


class Old:
    """In 2.7 an old-style class."""

    def __init__(self, i):
        self.value = i

    def method(self):
        return self.value


class IntSub(int):
    pass


class FloatSub(float):
    pass


class StrSub(str):
    pass


class TupleSub(tuple):
    pass


class ListSub(list):
    pass


class DictSub(dict):
    __slots__ = ("slot",)


class SetSub(set):
    pass


class Failure(Exception):
    def __init__(self, text, detail):
        Exception.__init__(self, text)
        self.detail = detail


def outer(a, b):
    c = [a, b]

    def inner(d):
        return a, b, c, d

    return inner


def count(n):
    local = [n]
    for i in range(n):
        yield i, local


def fail(depth):
    here = ["depth", depth]
    if depth == 0:
        raise Failure("failed", here)
    fail(depth - 1)


def failure():
    try:
        fail(5)
    except Failure:
        return sys.exc_info()


def build():
    KEEP.extend(Plain(i) for i in range(3000))
    KEEP.extend(Slots(i) for i in range(1000))
    KEEP.extend(SlotsThenDict(i) for i in range(1000))
    KEEP.extend(Old(i) for i in range(100))
    KEEP.extend(Old(i).method for i in range(100))
    KEEP.append([Made(), Made, Meta])
    if sys.version_info > (3,):
        KEEP.append(IntSub(10 ** 30))
    KEEP.append([IntSub(7), FloatSub(0.5), StrSub("text"), TupleSub((1, 2)), ListSub([3]),
                 DictSub(a=1), SetSub([1, 2])])
    changed = Plain(1)
    changed.__dict__["added"] = KEEP
    del changed.text
    KEEP.append(changed)
    KEEP.append({i: {str(i): (i, [i])} for i in range(500)})
    KEEP.append({(i, i): frozenset([i, str(i)]) for i in range(500)})
    holed = {i: i for i in range(2000)}
    for i in range(0, 2000, 3):
        del holed[i]
    KEEP.append(holed)
    thinned = set(range(3000))
    thinned.difference_update(range(0, 3000, 7))
    KEEP.append(thinned)
    KEEP.append([u"ascii", u"caf\xe9", u"\u4e2d\u6587" * 30, u"\U0001f600" * 10, b"bytes" * 50, bytearray(b"array" * 99)])
    KEEP.append([1 << n for n in range(0, 400, 7)] + [-(1 << n) for n in range(0, 400, 7)] + [2.5, 1j, None, True, Ellipsis])
    # Its size asks for that of the bytes that it alone holds.
    grown = io.BytesIO(b"shared at first")
    grown.write(b"its own" * 20)
    KEEP.extend([grown, io.BytesIO(b"shared")])
    KEEP.append(collections.deque(range(300), 1000))
    KEEP.append(collections.OrderedDict((str(i), i) for i in range(300)))
    KEEP.append(collections.defaultdict(list, a=[1]))
    KEEP.append(collections.namedtuple("Point", "x y")(1, [2]))
    KEEP.extend([outer(1, 2), functools.partial(outer, 3, b=[4]), failure(), property(len), classmethod(len), staticmethod(len)])
    started = [count(i) for i in range(50)]
    for g in started[1:]:
        next(g)
    KEEP.append(started)
    KEEP.append([count(3) for _ in range(50)])
    target = Slots(0)
    KEEP.extend([target, weakref.ref(target), weakref.ref(target, KEEP.append), weakref.proxy(target)])
    KEEP.extend([iter([1]), iter((1,)), iter({1: 2}), iter({1}), iter("s"), enumerate([1]), reversed([1]), slice(1, [2], 3)])
    KEEP.extend([itertools.chain([1], [2]), itertools.count(10 ** 20), itertools.cycle([1]), itertools.groupby([1, 1])])
    KEEP.extend([re.compile("(a)(b)"), re.match("(a)", "a"), array.array("d", range(100)), memoryview(b"view")])
    KEEP.extend([threading.Lock(), threading.RLock(), threading.local(), super(SlotsThenDict, KEEP[4500])])
    KEEP.append({}.keys())
    cycle = []
    cycle.append(cycle)
    KEEP.append(cycle)
    nested = []
    for _ in range(10000):
        nested = [nested]
    KEEP.append(nested)


build()
truth.serve()
