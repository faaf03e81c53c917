"""Which C types does this interpreter have, and of which is there an object?

import_everything() imports the whole standard library; check() compares the C types that can then be
found with those of the objects that can be reached, and with the reasons why there is no object of some.
"""
import ctypes
import gc
import importlib
import os
import pkgutil
import sys

# What does more at its import than define something, and what has no C types at all and is large.
NOT_IMPORTED = {"__main__", "__phello__", "antigravity", "idlelib", "lib2to3", "site", "sitecustomize", "test", "this",
                "turtledemo",
                "usercustomize"}

# CPython: Py_TPFLAGS_*, Include/object.h.
HEAPTYPE, TYPE_SUBCLASS = 1 << 9, 1 << 31
flags_of = type.__dict__["__flags__"].__get__
dict_of = type.__dict__["__dict__"].__get__
module_of = type.__dict__["__module__"].__get__
qualname_of = type.__dict__["__qualname__"].__get__


def import_tree(name):
    try:
        module = importlib.import_module(name)
    except BaseException:  # of another system, or it needs a library that is not here
        return
    for sub in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if sub.name not in ("__main__", "test", "tests"):
            import_tree(name + "." + sub.name)


def import_everything():
    places = [p for p in sys.path if os.path.isdir(p) and p != sys.path[0] and not p.endswith("-packages")]
    names = set(sys.builtin_module_names) | {m.name for m in pkgutil.iter_modules(places)}
    for name in sorted(names - NOT_IMPORTED):
        import_tree(name)


def name_of(t):
    try:
        module = module_of(t)
    except AttributeError:  # a few of the interpreter's own have none
        module = "builtins"
    return qualname_of(t) if module == "builtins" else "%s.%s" % (module, qualname_of(t))


class Probe:
    """A class as Python makes them, to see what C ones have not."""


# CPython: struct _typeobject, Include/cpython/object.h: 20 words are between the header, with ob_size, and tp_traverse.
# A build that traces references has two more words in each object.
TP_TRAVERSE = object.__basicsize__ + 21 * ctypes.sizeof(ctypes.c_void_p)


def traverse_of(t):
    return ctypes.c_void_p.from_address(id(t) + TP_TRAVERSE).value


def is_c(t):
    """Whether no class statement made it: those have subtype_traverse, or no traverse and __slots__."""
    if not flags_of(t) & HEAPTYPE:
        return True
    return traverse_of(t) != traverse_of(Probe) and "__slots__" not in (dict_of(t) or {})


def reachable():
    """Every object that truth.py will find, but for those of this function."""
    objects = gc.get_objects()
    known = set(map(id, objects))
    mine = {id(objects), id(known)}
    for o in objects:  # grows while it is walked
        if id(o) in mine:
            continue
        for r in gc.get_referents(o):
            if id(r) not in known:
                known.add(id(r))
                objects.append(r)
    return objects


def add_subclasses(t, types):
    if id(t) not in types:
        types[id(t)] = t
        for s in type.__subclasses__(t):
            add_subclasses(s, types)


def take():
    """All C types in lists by name, and the names of those that have an object of exactly this type."""
    types = {}
    used = {}
    add_subclasses(object, types)
    for o in reachable():
        t = type(o)
        used[id(t)] = t
        if flags_of(t) & TYPE_SUBCLASS:
            types[id(o)] = o
    types.update(used)
    every = {}
    have = set()
    for t in types.values():
        if is_c(t):
            every.setdefault(name_of(t), []).append(t)
            if id(t) in used:
                have.add(name_of(t))
    # Two types may bear one name; each of them must have its object.
    short = {n for n, of in every.items() if not all(id(t) in used for t in of)}
    return every, have - short


def make_empty(types, bad, say):
    """Objects as __new__ without arguments makes them; none is freed."""
    made = []
    for i, t in enumerate(types):
        if i in bad:
            continue
        say(i)
        try:
            o = t.__new__(t)
            if type(o) is t:
                made.append(o)
                sys.getsizeof(o)
                gc.get_referents(o)
        except Exception:
            pass
    return made


def empty_ones(types):
    """Empty objects of those types that let themselves be made so. Some crash or end the process then, or when
    they are looked at: a child goes first, and says of each type when it begins with it."""
    r, w = os.pipe()
    bad = set()
    while True:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            kept = make_empty(types, bad, lambda i: os.write(w, b"%d\n" % i))
            os._exit(kept is None)
        status = os.waitpid(pid, 0)[1]
        said = os.read(r, 1 << 20).split()
        if status == 0 or not said:
            return make_empty(types, bad, id)
        bad.add(int(said[-1]))


def check(reasons):
    """What is wrong with the list of reasons, as lines of text; and how many C types have an object, of how many."""
    every, have = take()
    wrong = ["no object of %s, and no reason why" % n for n in sorted(set(every) - have - set(reasons))]
    wrong += ["there is an object of %s, which has a reason why there is none: %s" % (n, reasons[n])
              for n in sorted(have & set(reasons))]
    return wrong, len(have), len(every)
