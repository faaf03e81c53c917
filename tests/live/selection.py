# A target with objects that differ in whatever a selection can ask for; runs in 2.7 and 3.
import sys


class Named(object):
    def __init__(self, n):
        self.name = "name-%d" % n
        self.age = n
        self.data = {"id": n, "tags": ["t%d" % n, "t%d" % (n + 1)]}
        if n % 3 == 0:
            self.extra = None


class Slotted(object):
    __slots__ = ("name", "mate")

    def __init__(self, n, mate):
        self.name = "slot-%d" % n
        self.mate = mate


class Sub(Named):
    pass


# A name of 300 characters, not all of them ASCII where that is legal.
Long = type("L\u00f6ng" + "x" * 296 if sys.version_info[0] > 2 else "L" * 300, (object,), {})
longs = [Long() for n in range(5)]
named = [Named(n) for n in range(60)] + [Sub(n) for n in range(20)]
slotted = [Slotted(n, named[n]) for n in range(30)]
floats = [n / 7.0 for n in range(50)]
ints = [n * 10 ** n for n in range(30)]
texts = ["text \"%d\" \\ \x1b[31m" % n for n in range(20)] + ["x" * 300, "y" * 5000]
octets = [b"bytes-%d" % n if sys.version_info[0] > 2 else "bytes-%d" % n for n in range(20)]
shared = {"a": 1, "key with blanks": 2.5, "": "empty"}
holders = [{"a": n, "own": shared} for n in range(10)] + [(shared, n) for n in range(10)]
sets = [set(range(n)) for n in range(20)] + [frozenset("ab")]

print("ready")
sys.stdout.flush()
made = None
for line in iter(sys.stdin.readline, ""):
    if line.strip() == "more":
        made = [Named(1000 + n) for n in range(25)]
        del named[:10]
        print("made")
    sys.stdout.flush()
