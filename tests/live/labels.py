"""Objects each of which is held in one way, and is of a type that says which: labels.py"""
import sys


class Holder(object):
    pass


class Set(frozenset):
    pass


class Tuple(tuple):
    pass


class Item(object):
    pass


class Element(object):
    pass


class Few(object):
    pass


class Last(object):
    pass


class Cached(object):
    pass


held = Holder()
held.items = (1, 2, None, Item())
held.derived = Tuple([None, Last()])
held.few = frozenset([Few()])
held.many = Set([Element()] + list(range(100, 200)))
held.cache = {"key": Cached()}
print("ready")
sys.stdout.flush()
sys.stdin.readline()
