"""What each interpreter of subint.py has: objects of the kinds whose state an interpreter keeps for itself, in every
generation of its collector. Imported in each of them; Python 2.7 and later.
"""
import truth  # first, see there

import collections
import functools
import gc
import os
import re
import sys
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


class IntSub(int):
    """A subclass of a static type, which has it in a dict of subclasses."""


class DictSub(dict):
    pass


class Failure(Exception):
    pass


def count(n):
    for i in range(n):
        yield [i]


def fill(n):
    KEEP.extend(Plain(i) for i in range(n))
    KEEP.extend(Slots(i) for i in range(n))
    KEEP.append({str(i): (i, [i]) for i in range(n)})
    started = [count(3) for _ in range(n // 10)]
    for g in started:
        next(g)
    KEEP.append(started)
    KEEP.extend([functools.partial(fill, [n]), collections.deque(range(n)), collections.OrderedDict(a=1), re.compile("(a)b"),
                 collections.defaultdict(list, a=[1]), Failure("text", n), DictSub(a=1), {1, "two", 3.0}, weakref.ref(Plain),
                 [u"caf\xe9", b"bytes", 1 << 90, 2.5, 1j, None, True, Ellipsis, 7, -5, "", b"", (), "a"], int, sys, len])
    cycle = [n]
    cycle.append(cycle)


def build(which, path):
    KEEP.append("interpreter %d" % which)
    KEEP.append(path)
    # What is looked up on first use is looked up here, not in a child alone.
    KEEP.append("")
    truth.write_truth(os.devnull, transient)
    write_own(os.devnull)
    fill(1000 + 100 * which)
    gc.collect()
    gc.disable()
    fill(300)
    gc.collect(0)
    fill(200)
    KEEP.append(" ".join(map(str, private())))
    # 3.10 counts versions of types anew then, which the caches of the other interpreters still go by.
    if sys.version_info[:2] != (3, 10):
        truth.drop_cached_names()


def private():
    """Addresses of what nobody but this interpreter can have, most of it not for the collector."""
    ids = []
    for o in KEEP:
        if type(o) is Plain:
            ids.extend([id(o), id(o.text), id(o.items)])
        elif type(o) is Slots:
            ids.extend([id(o), id(o.right), id(o.right[1])])
    return ids + [id(Plain), id(Slots), id(KEEP)]


def transient():
    """The addresses of what is there while an interpreter is asked, and only then: frames, the code that asks, the
    function that runs it, and what holds that code's text.
    """
    ids = truth.own_frames()
    if sys.version_info < (3, 7):
        # Running frames are the collector's, and those of the main interpreter are in everybody's lists.
        for frame in sys._current_frames().values():
            while frame is not None:
                ids.add(id(frame))
                frame = frame.f_back
    frame = sys._getframe()
    codes = []
    while frame is not None:
        if frame.f_code.co_filename.startswith("<"):
            codes.append(frame.f_code)
        frame = frame.f_back
    for c in codes:
        ids.add(id(c))
        for part in (c.co_consts, c.co_names, c.co_varnames, c.co_freevars, c.co_cellvars):
            ids.add(id(part))
    for o in gc.get_objects():
        if type(o) in (tuple, list):
            # The compiler has a list of what it made: of the code's names, too.
            if any([x in (ASK, ASK_BYTES) or x == "tell" and type(o) is list for x in o if type(x) in (str, bytes)]):
                ids.add(id(o))
        elif type(o) is FUNCTION and id(o.__code__) in ids:
            ids.add(id(o))
    return ids


FUNCTION = type(transient)
ASK = "import subheap; subheap.tell()"
ASK_BYTES = ASK.encode("ascii")


def tell():
    path = KEEP[1]
    truth.write_truth(path, transient)
    write_own(path + ".own")


def write_own(path):
    """The addresses of what is tracked in each generation, or in one line all that is, and of what is private. State is
    in locals.
    """
    if sys.version_info >= (3, 8):
        # No list comprehension: to 3.11 its frame is an object.
        generations = [gc.get_objects(generation=0), gc.get_objects(generation=1), gc.get_objects(generation=2)]
    else:
        generations = [gc.get_objects()]
    skip = transient()
    skip.update(map(id, generations))
    skip.add(id(generations))
    lines = []
    for i, objects in enumerate(generations):
        lines.append("%d %s\n" % (i, " ".join([str(id(o)) for o in objects if id(o) not in skip])))
    lines.append("private %s\n" % KEEP[-1])
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    truth.write_all(out, "".join(lines).encode("ascii"))
    os.close(out)
