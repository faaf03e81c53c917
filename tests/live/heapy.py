"""A program like that of heapy's tutorial: packages with data dicts, name strings in slots that are stored over and
over, and a weak table by key. Asks itself the tutorial's questions with plain loops: heapy.py ANSWERS N [more].
"""
import gc
import json
import sys
import weakref

NAMES = ["sys-apps/portage", "dev-lang/python", "net-misc/curl", "app-editors/vim", "x11-base/xorg"]


class Package(object):
    __slots__ = ("cpvstr", "data", "key", "__weakref__")

    def __init__(self, n, shared):
        self.cpvstr = "".join([NAMES[n * n % len(NAMES)], "-", str(n % 40)])
        self.key = (self.cpvstr, n)
        self.data = {"SLOT": str(n % 3), "DEPEND": [n]}
        if n % 4 == 0:
            self.data["EAPI"] = n
        self.data["RDEPEND"] = shared


class Repo(object):
    def __init__(self, n):
        self.by_key = {}
        self.weak = weakref.WeakValueDictionary()
        self.first = None
        self.category = []
        for i in range(n):
            if i % 2 == 0:
                shared = ["shared by two", i]
            p = Package(i, shared)
            self.by_key[p.key] = p
            self.weak[p.key] = p
            if i % 10 == 0:
                self.category.append(p)
        self.first = p


def closure():
    """All objects that the collector and the references it sees lead to; what this function makes is left out."""
    todo = gc.get_objects()
    seen = {}
    skip = set([id(todo), id(seen), id(sys._getframe()), id(sys._getframe(1))])
    while todo:
        o = todo.pop()
        if id(o) in seen or id(o) in skip:
            continue
        seen[id(o)] = o
        todo.extend(gc.get_referents(o))
    return seen


def kind(o, owners):
    t = type(o)
    name = t.__name__ if t.__module__ in ("builtins", "__builtin__") else t.__module__ + "." + t.__name__
    if t is dict:
        return name + (" of " + owners[id(o)] if id(o) in owners else " (no owner)")
    return name


def count(objects, of):
    """{what of() says: [how many, bytes]}"""
    found = {}
    for o in objects:
        row = found.setdefault(of(o), [0, 0])
        row[0] += 1
        row[1] += sys.getsizeof(o)
    return found


def united(found):
    return dict((", ".join(sorted(k)), v) for k, v in found.items())


def ways(o):
    """How an object refers to others: (name, what)."""
    if type(o) is Package:
        return [("." + s, getattr(o, s)) for s in ("cpvstr", "data", "key")]
    if type(o) is tuple:
        return [("[%d]" % i, x) for i, x in enumerate(o)]
    if type(o) is weakref.KeyedRef:
        return [(".key", o.key)]
    if type(o) is dict:
        return [("a key", k) for k in o] + [("[*]", v) for v in o.values()]
    if type(o) is list:
        return [("[*]", v) for v in o]
    return []


def reached(avoid, roots=[sys.modules] + [chr(i) for i in range(256)] + list(range(-5, 257))):
    """What modules, and what there is one of for ever, lead to without passing one of these, by id."""
    todo = list(roots)
    seen = {}
    while todo:
        o = todo.pop()
        if id(o) in seen or id(o) in avoid:
            continue
        seen[id(o)] = o
        todo.extend(gc.get_referents(o))
        # The collector is not shown constants.
        if type(o) is type(reached.__code__):
            todo.extend([o.co_consts, o.co_names, o.co_name, o.co_filename])
    return seen


def domisize(objects):
    """How many objects, and bytes, would go with them."""
    whole = reached(())
    kept = reached(set(id(o) for o in objects))
    freed = [o for i, o in whole.items() if i not in kept]
    return [len(freed), sum(sys.getsizeof(o) for o in freed)]


def answers(repo):
    gc.collect()
    everything = closure()
    packages = [o for o in everything.values() if type(o) is Package]
    owners = {id(repo.__dict__): "__main__.Repo"}
    strings = dict((id(p.cpvstr), p.cpvstr) for p in packages)
    keys = dict((id(p.key), p.key) for p in packages)
    referents = {}
    for p in packages:
        for r in gc.get_referents(p):
            referents[id(r)] = r
    names = dict((i, set()) for i in strings)
    held = dict((i, set()) for i in list(strings) + list(keys))
    mine = (Package, tuple, weakref.KeyedRef, list, dict)
    for o in everything.values():
        if type(o) not in mine or o is packages:
            continue
        for r in gc.get_referents(o):
            if id(r) in held:
                held[id(r)].add(kind(o, owners))
        if type(o) in (Package, tuple):
            for way, r in ways(o):
                if id(r) in names:
                    names[id(r)].add(way)
    return {
        "packages": count(packages, lambda o: kind(o, owners)),
        "referents": count(referents.values(), lambda o: kind(o, owners)),
        "byrcs": united(count(list(strings.values()) + list(keys.values()), lambda o: frozenset(held[id(o)]))),
        "byvia": united(count(strings.values(), lambda o: frozenset(names[id(o)]))),
        "identical": count(strings.values(), lambda o: o),
        "sizes": dict((str(k), v) for k, v in count([p.data for p in packages], sys.getsizeof).items()),
        "shapes": united(count([p.data for p in packages], frozenset)),
        "first": sys.getsizeof(repo.first),
        "weak": len(repo.weak),
        "domisize": domisize(packages),
        "alone": dict((str(id(p)), domisize([p])) for p in packages[:3]),
    }


repo = Repo(int(sys.argv[2]))
found = answers(repo)
with open(sys.argv[1], "w") as out:
    json.dump(found, out)
del found, out
gc.collect()
print("ready")
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    made = [Package(100000000 + i, []) for i in range(int(line))]
    print("made")
    sys.stdout.flush()
