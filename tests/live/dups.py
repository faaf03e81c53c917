"""Equal values, dicts of one shape and wasted bytes, each with one answer: dups.py FILE gets what this process says of
them, by sys.getsizeof() and loops. "ready", then it waits for the end of its input."""
import json
import os
import sys

size = sys.getsizeof
try:
    unicode
except NameError:
    unicode = str


class Package(object):
    def __init__(self, key):
        self.data = {"cpv": "".join(["app-editors/", key]), "slot": len(key)}


class Point(object):
    def __init__(self, x, y):
        self.x = x
        self.y = y


class Asked(object):
    def __init__(self, i):
        self.alpha = i
        self.beta = i


def total(objects):
    """[how many, bytes, bytes without the largest]"""
    sizes = [size(o) for o in objects]
    return [len(sizes), sum(sizes), sum(sizes) - max(sizes)]


def fresh(text):
    return text[:3] + text[3:]


# 24,681 equal keys in dicts; a long one that differs from another at its end alone.
packages = [Package("zed-%d" % 7) for i in range(24681)]
long_text = "x" * 5000
same = [long_text + "y" for i in range(31)]
other = [long_text + "z" for i in range(17)]
raw = [bytes(bytearray([250, 1, 2] * 40 + [i])) for i in (5, 5, 5, 6, 6)]
numbers = [int("98765432%d" % (109876500 + 43)) for i in range(40)]
huge = [3 ** (1991 + len("%d" % 7) * 9) for i in range(9)]
nans = [float("nan") for i in range(20)]
floats = [float("2.71828%d" % 18) for i in range(50)]
# (x, (y, z)) of parts that are equal, not the same; and one whose list is another each time.
tuples = [(fresh("outer"), (fresh("inner"), int("70001"))) for i in range(60)]
lists = [(fresh("outer"), []) for i in range(60)]
frozen = [frozenset([fresh("left%d" % k) for k in (order, 1 - order)]) for order in (0, 1) * 20]
records = [{"name": i, "size": i, "owner": None} for i in range(700)]
points = [Point(i, i) for i in range(300)]

# Waste.
over = []
for i in range(10000):
    over.append(None)
grown = list(range(1000))
del grown[1:]
bare = [[] for i in range(400)]
sparse = dict((i, i) for i in range(5000))
for i in range(4990):
    del sparse[i]
thin = set(range(5000))
for i in range(4990):
    thin.remove(i)
wide = u"a" * 6000 + u"\U0001f40d"
tall = u"\xe9" * 3000
asked = [Asked(i) for i in range(250)]
for a in asked:
    a.__dict__

word = size((1,)) - size(())
header = size(()) - word


def values(objects):
    return [[id(o) for o in objects], total(objects)]


def least(n):
    """Bytes of the smallest dict that holds n: one that grows passes through all sizes, in 2.7 every other."""
    if sys.version_info < (3,):
        entries = 8
        while n * 3 >= entries * 2:
            entries *= 2
        return size({}) + (0 if entries == 8 else entries * 3 * word)
    holds, d = {}, {}
    for i in range(4 * n + 10):
        d[i] = i
        holds[size(d)] = len(d)
    return min(s for s in holds if holds[s] >= n)


def thin_set(n):
    """Bytes of the smallest set that is less than three fifths full."""
    entries = 8
    while n * 5 >= (entries - 1) * 3:
        entries *= 2
    return size(set()) + (0 if entries == 8 else entries * 2 * word)


is_pep393 = sys.version_info >= (3, 3)
is_managed = sys.version_info >= (3, 11)
answers = {
    "values": {
        "packages": values([p.data["cpv"] for p in packages]), "same": values(same), "other": values(other), "raw5": values(raw[:3]),
        "raw6": values(raw[3:]), "numbers": values(numbers), "huge": values(huge), "floats": values(floats),
        "tuples": values(tuples), "inner": values([t[1] for t in tuples]), "frozen": values(frozen)},
    "lists": [id(t) for t in lists],
    "records": [len(records), sum(map(size, records)), sum(size(d) - header - 3 * word for d in records)],
    "waste": {
        "over": [id(over), {"room": size(over) - size([]) - word * len(over)}],
        "grown": [id(grown), {"room": size(grown) - size([]) - word} if size(grown) > size([]) + word else {}],
        "sparse": [id(sparse), {"nearly-empty": size(sparse) - least(10)}],
        "thin": [id(thin), {"nearly-empty": size(thin) - thin_set(10)}],
        "wide": [id(wide), {"few": 3 * len(wide)} if is_pep393 else {}],
        "tall": [id(tall), {}],
    },
    "many": {
        "bare": [[id(b) for b in bare], {"empty": size([])}],
        # A dict's own bytes: what it has without keys and values.
        "asked": [[id(a) for a in asked], {"made": size({})} if is_managed else {}],
        "points": [[id(p) for p in points], {}],
    },
}
with open(sys.argv[1], "w") as f:
    json.dump(answers, f)
os.write(1, b"ready\n")
sys.stdin.read()
