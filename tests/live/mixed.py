"""A target with objects of every builtin kind, and of the core types of the standard library.

Nothing here needs threads or an extension outside the interpreter's core set; see wide.py and
threads.py for those. Written for Python 3.6 and later.
"""
import truth  # first, see there

import _thread
import abc
import array
import collections
import contextlib
import enum
import functools
import io
import itertools
import operator
import re
import sys
import types
import typing
import weakref

KEEP = {}


def keep(**named):
    KEEP.update(named)


def keeps(f):
    """Run f and keep what it returns under its name."""
    KEEP[f.__name__] = f()
    return f


# ---- classes ----


class Plain:
    """Instances with shared-key dictionaries."""

    shared = "class attribute"

    def __init__(self, i):
        self.number = i
        self.name = "plain %d" % i
        self.parts = [i, str(i)]

    def method(self):
        return self.number

    @classmethod
    def make(cls):
        return cls(0)

    @staticmethod
    def nothing():
        pass

    @property
    def double(self):
        return self.number * 2


class Child(Plain):
    def __init__(self, i):
        super().__init__(i)
        self.more = {"i": i}
        self.up = super()


class Slots:
    __slots__ = ("a", "b", "unset", "__weakref__")

    def __init__(self, i):
        self.a = i
        self.b = (i, "b%d" % i)


class SlotsChild(Slots):
    """Slots of a base, slots of its own, and a dictionary."""

    __slots__ = ("c", "__dict__")

    def __init__(self, i):
        super().__init__(i)
        self.c = [i]
        self.extra = i


class SlotsThenDict(Slots):
    def __init__(self, i):
        super().__init__(i)
        self.free = i


class Empty:
    __slots__ = ()


class Mangled:
    __slots__ = ("__private",)

    def __init__(self):
        self.__private = object()


class Diamond(SlotsThenDict, typing.Generic[typing.TypeVar("T")]):
    pass


class Meta(type):
    def __new__(mcs, name, bases, ns, **kw):
        cls = super().__new__(mcs, name, bases, ns)
        cls.registry = {"kw": kw}
        return cls

    def __init__(cls, name, bases, ns, **kw):
        super().__init__(name, bases, ns)

    @property
    def on_meta(cls):
        return 1


class WithMeta(metaclass=Meta, option=3):
    pass


class MetaWithLies(type):
    """What it says of its classes is not what their memory says."""

    __module__ = property(lambda cls: "elsewhere")

    def __getattribute__(cls, name):
        return super().__getattribute__(name)


class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self):
        ...


class Concrete(Abstract):
    def f(self):
        return self


class Descriptor:
    def __init__(self):
        self.seen = weakref.WeakKeyDictionary()

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, obj, owner=None):
        return self if obj is None else self.seen.setdefault(obj, [obj.__class__])


class Described:
    described = Descriptor()


class Hooked:
    def __init_subclass__(cls, **kw):
        cls.kw = kw

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item) if hasattr(types, "GenericAlias") else item


class HookedChild(Hooked, a=1, b=[2]):
    pass


class ListSub(list):
    pass


class ListSlots(list):
    __slots__ = ("x",)


class DictSub(dict):
    def __missing__(self, key):
        return key


class DictSlots(dict):
    __slots__ = ("x", "__weakref__")


class StrSub(str):
    pass


class StrSlots(str):
    __slots__ = ()


class IntSub(int):
    pass


class IntSlots(int):
    __slots__ = ()


class TupleSub(tuple):
    pass


class TupleSlots(tuple):
    __slots__ = ()


class SetSub(set):
    pass


class FrozenSub(frozenset):
    pass


class FloatSub(float):
    pass


class ComplexSub(complex):
    pass


class BytesSub(bytes):
    pass


class BytearraySub(bytearray):
    pass


class ModuleSub(types.ModuleType):
    pass


class DequeSub(collections.deque):
    pass


class DefaultSub(collections.defaultdict):
    pass


class OrderedSub(collections.OrderedDict):
    pass


class PropertySub(property):
    pass


class StaticSub(staticmethod):
    pass


class PartialSub(functools.partial):
    pass


class RefSub(weakref.ref):
    __slots__ = ("tag",)


class RefDict(weakref.ref):
    pass


class ErrorSub(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.extra = list(args)


Point = collections.namedtuple("Point", "x y z")


class Typed(typing.NamedTuple):
    name: str
    value: int = 3


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    BLUE = (1, 2)


class Number(enum.IntEnum):
    ONE = 1
    BIG = 1 << 70


class Bits(enum.Flag):
    A = enum.auto()
    B = enum.auto()
    AB = A | B


class WeirdName:
    pass


WeirdName.__qualname__ = "Weird \u00fc \U0001f600 \"quoted\" \\ \n name"
WeirdName.__module__ = "a module that is not"


class NoModule:
    pass


NoModule.__module__ = 17

# ---- instances ----


@keeps
def instances():
    out = [Plain(i) for i in range(6000)] + [Child(i) for i in range(3000)]
    out += [Slots(i) for i in range(3000)] + [SlotsChild(i) for i in range(2000)]
    out += [SlotsThenDict(i) for i in range(2000)] + [Diamond(i) for i in range(100)]
    out += [Empty(), Mangled(), WithMeta(), Concrete(), Described(), HookedChild(), WeirdName(), NoModule()]
    out += [MetaWithLies("Lying", (), {"x": 1}), MetaWithLies("Lying", (Plain,), {})(3)]
    return out


@keeps
def materialized():
    """Instances whose __dict__ was asked for, grew other keys, lost keys, was replaced, has keys that are no names."""
    a, b, c, d, e, f = (Plain(i) for i in range(6))
    a.__dict__
    b.__dict__["new key"] = 1
    del c.name
    d.__dict__ = {"number": 1, 2: 3}
    for i in range(100):
        setattr(e, "attribute_%d" % i, i)
    f.__dict__[17] = "int key"
    del f.number
    many = [Plain(i) for i in range(200)]
    for i, p in enumerate(many):
        if i % 3 == 0:
            vars(p)["late_%d" % (i % 7)] = i
        if i % 5 == 0:
            del p.parts
    cleared = Plain(9)
    cleared.__dict__.clear()
    return [a, b, c, d, e, f, many, cleared, vars(a), vars(b)]


@keeps
def many_attributes():
    """More attributes than keys are shared for, in different orders."""
    out = []
    for i in range(40):
        o = WeirdName()
        for j in range(i):
            setattr(o, "a%d" % ((i * 7 + j) % 50), j)
        out.append(o)
    return out


@keeps
def local_classes():
    out = []
    for i in range(60):
        cls = type("Local%d" % i, (Slots,) if i % 2 else (Plain,), {"__slots__": ("own",)} if i % 3 == 0 else {"v": i})
        out += [cls, cls(i), cls(i + 1)]
    return out


@keeps
def dataclass_instances():
    try:
        import dataclasses
    except ImportError:
        return None

    @dataclasses.dataclass
    class Data:
        a: int
        b: str = "b"
        c: list = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(frozen=True, order=True)
    class Frozen:
        a: int
        b: typing.Optional[str] = None

    return [Data(i) for i in range(300)] + [Frozen(i, str(i)) for i in range(300)]


@keeps
def subclasses():
    def with_attr(o):
        o.attr = [1]
        return o

    ls, ds = ListSlots([1, 2]), DictSlots(a=1)
    ls.x = ds.x = "slot"
    out = [ls, ds, StrSlots("slots"), IntSlots(5), TupleSlots((1, 2))]
    for cls, arg in [(ListSub, [1, 2]), (DictSub, {"a": 1}), (StrSub, "text"), (StrSub, "t\u00e9xt"),
                     (StrSub, "\u20ac"), (StrSub, "\U0001f600"), (StrSub, ""), (IntSub, 0), (IntSub, 7),
                     (IntSub, 1 << 100), (IntSub, -(1 << 31)), (TupleSub, ()), (TupleSub, (1, [2])),
                     (SetSub, {1, 2}), (FrozenSub, {1, 2, 3}), (FloatSub, 1.5), (ComplexSub, 1j),
                     (BytesSub, b""), (BytesSub, b"bytes"), (BytearraySub, b"bytes"), (DequeSub, [1, 2, 3]),
                     (OrderedSub, {"a": 1, "b": []}), (ModuleSub, "no_such_module")]:
        out += [cls(arg), with_attr(cls(arg))]
    out += [DefaultSub(list, {1: [2]}), with_attr(PropertySub(len)), with_attr(PartialSub(len, [1]))]
    out += [with_attr(StaticSub(len)), with_attr(ErrorSub("a", 1))]
    return out


@keeps
def tuples():
    stat = __import__("os").stat("/")
    return [Point(i, str(i), None) for i in range(500)] + [Typed("a"), Typed("b", 4), (), (1,), ((),), stat,
            sys.version_info, sys.flags, sys.float_info, __import__("time").gmtime(0), tuple(range(1000))]


# ---- numbers and text ----


@keeps
def numbers():
    out = list(range(-10, 2000)) + [sign * (1 << i) + d for i in range(0, 300, 7) for sign in (1, -1) for d in (-1, 0, 1)]
    out += [i / 7.0 for i in range(3000)] + [complex(i, -i) for i in range(200)]
    out += [float("inf"), float("nan"), -0.0, True, False, None, Ellipsis, NotImplemented, 10 ** 5000]
    return out


@keeps
def texts():
    out = []
    for letter in ("a", "\x7f", "\x80", "\xe9", "\xff", "\u0100", "\u20ac", "\uffff", "\U00010000", "\U0001f600", "\ud800", "\0"):
        for n in (0, 1, 2, 3, 7, 8, 15, 16, 255, 256, 5000):
            out += [letter * n, "x" + letter * n]
    out += ["text number %d" % i for i in range(5000)] + [chr(i) for i in range(0, 0x3000, 11)]
    return out


@keeps
def texts_with_utf8():
    """int() and float() of a str leave its UTF-8 form cached beside it; so does being a file name of compile()."""
    out = []
    for i in range(50):
        s = "fichier \u00e9 %d" % i
        t = "\u20ac \U0001f600 %d" % i
        for text in (s, t):
            exec(compile("pass", text, "exec"), {})
            try:
                __import__(text)
            except ImportError:
                pass
            out.append(text)
    return out


@keeps
def interned_and_bytes():
    out = [sys.intern("interned text %d" % i) for i in range(300)]
    out += [bytes(range(256)), b"", b"a", b"\0" * 10000] + [b"bytes %d" % i for i in range(2000)]
    growing = bytearray()
    for i in range(1000):
        growing.append(i & 255)
    eaten = bytearray(b"x" * 5000)
    del eaten[:100]
    out += [bytearray(), bytearray(b"abc"), growing, eaten, [bytearray(b"y" * i) for i in range(0, 2000, 97)]]
    return out


# ---- containers ----


@keeps
def lists():
    grown, shrunk, sparse = [], list(range(1000)), [None] * 17
    for i in range(1234):
        grown.append(i)
    del shrunk[10:]
    cycle = []
    cycle.append(cycle)
    mutual = [[], {}]
    mutual[0].append(mutual[1])
    mutual[1]["back"] = mutual[0]
    return [[], [1], grown, shrunk, sparse, cycle, mutual, [[i] * (i % 20) for i in range(4000)]]


@keeps
def million():
    some = ["element %d" % i for i in range(1000)]
    return some * 1000


@keeps
def deep():
    """100,000 levels, of lists, of tuples, of dictionaries and of instances."""
    chain = types.SimpleNamespace(next=None)
    link, nest, pair, table = Slots(0), [], (), {}
    for i in range(100000):
        nest = [nest]
    for i in range(20000):
        pair = (i, pair)
        table = {"in": table}
        chain = types.SimpleNamespace(next=chain)
        nxt = Slots(i)
        nxt.a = link
        link = nxt
    return [nest, pair, table, chain, link]


@keeps
def dicts():
    out = [{}, {"a": 1}, {1: 2}, {None: None, (1, 2): [3], 2.5: "x", b"k": "v", True: 0}, dict.fromkeys("abc")]
    deleted = {"key %d" % i: i for i in range(100)}
    for i in range(0, 100, 3):
        del deleted["key %d" % i]
    general = {i: str(i) for i in range(5000)}
    for i in range(0, 5000, 2):
        del general[i]
    was_general = {"a": 1, 7: 2}
    del was_general[7]
    popped = {"key %d" % i: [i] for i in range(50)}
    while len(popped) > 3:
        popped.popitem()
    huge = {"huge %d" % i: i for i in range(70000)}
    subkeys = {StrSub("a"): 1, StrSub("b"): [2], "c": 3}
    cleared = {"a": 1}
    cleared.clear()
    out += [deleted, general, was_general, popped, huge, subkeys, cleared, dict(deleted), {"k": {}, "l": {"m": {}}}]
    for n in list(range(1, 24)) + [42, 43, 85, 86, 170, 171, 341, 10922, 10923]:
        out += [{"n%d" % i: i for i in range(n)}, {(i,): i for i in range(n)}]
    keywords = (lambda **kw: kw)(a=1, b=2, c=[3])
    return out + [keywords]


@keeps
def sets():
    out = [set(), {1}, set(range(8)), set(range(9)), {"a", "b", (1, 2)}, frozenset(), frozenset([1, 2]), set(range(50000))]
    deleted = {"s%d" % i for i in range(100)}
    for i in range(60):
        deleted.discard("s%d" % i)
    out += [deleted, {frozenset([i, i + 1]) for i in range(500)}, {Slots}, set(map(str, range(300)))]
    return out


@keeps
def collections_objects():
    d = collections.deque(range(10))
    long = collections.deque(map(str, range(1000)), maxlen=900)
    for i in range(300):
        long.popleft()
        long.append([i])
    od = collections.OrderedDict((str(i), [i]) for i in range(100))
    for i in range(0, 100, 3):
        del od[str(i)]
    od.move_to_end("1")
    od_small = collections.OrderedDict(a=1)
    od_attr = collections.OrderedDict(a=1)
    od_attr.attr = "attribute"
    odd = collections.OrderedDict({(1, 2): 3, 4: 5})
    dd = collections.defaultdict(list)
    for i in range(50):
        dd[i % 7].append(i)
    counter = collections.Counter("a long text with letters")
    chain = collections.ChainMap({"a": 1}, counter, dd)
    user = [collections.UserDict(a=1), collections.UserList([1]), collections.UserString("u")]
    out = [d, collections.deque(), long, iter(d), reversed(long), od, od_small, od_attr, odd, dd, counter, chain, user]
    out += [iter(od), od.keys(), od.items(), od.values(), reversed(od), iter(od.items()), reversed(od.values())]
    empty = collections.defaultdict(None, {"x": {}})
    return out + [empty, collections.OrderedDict()]


# ---- functions, code, frames ----


@keeps
def functions():
    def outer(a, b=2, *args, c=3, **kw):
        total = [a, b]

        def inner(x: int = 5) -> "list":
            """Documented."""
            nonlocal b
            b += 1
            return total, a, x, outer

        inner.attribute = {"on": inner}
        return inner

    unbound_cell = (lambda: later) if sys else None
    later = None
    del later

    out = [outer(i) for i in range(1000)] + [outer, unbound_cell, lambda: (yield)]
    out += [types.FunctionType((lambda: 1).__code__, {"__builtins__": {}}, "renamed")]
    out += [compile("x = [i for i in (1, 2, 'three')]", "<text>", "exec"), outer.__code__]
    out += [types.CellType() if hasattr(types, "CellType") else None, outer.__closure__, outer(3).__closure__]
    outer.__code__.co_code
    outer.__code__.co_varnames
    return out


@keeps
def methods():
    p = Plain(1)
    out = [p.method, Plain.method, Plain.make, p.nothing, Plain.__dict__["make"], Plain.__dict__["nothing"],
           Plain.__dict__["double"], len, [].append, "".join, {}.get, p.__init__, p.__str__, (1).__add__,
           object().__repr__, int.__add__, str.join, dict.fromkeys, type.__dict__["__dict__"],
           Slots.__dict__["a"], Plain.__dict__["__dict__"], types.FunctionType.__dict__["__code__"],
           str.maketrans, type.__subclasses__, Plain.__dict__, type(p).__mro__, super(Child, Child(1)),
           super(Child, Child), types.MethodType(len, [1]), operator.attrgetter("a.b", "c"), operator.itemgetter(1, "x"),
           operator.itemgetter(3), operator.methodcaller("m", 1, k=[2]), int.from_bytes, bytes.fromhex]
    return out + [[Plain(i).method for i in range(300)]]


@keeps
def generators():
    def simple(n):
        local = ["local", n]
        for i in range(n):
            got = yield (i, local)  # unbound before
        return local

    def delegating(n):
        held = {"held": n}
        result = yield from simple(n)
        return result, held

    def handling():
        try:
            raise ValueError("inside", [1])
        except ValueError as e:
            yield e
            yield [e]

    def with_stack():
        return [1, [2], (yield "on the stack"), (yield 2)]

    created = [simple(i) for i in range(300)]
    suspended, delegated, finished = [], [], []
    for i in range(1, 300):
        g = simple(i)
        next(g)
        suspended.append(g)
        d = delegating(i)
        next(d)
        delegated.append(d)
    for i in range(5):
        g = simple(i)
        list(g)
        finished.append(g)
    closed = simple(3)
    next(closed)
    closed.close()
    handlers = [handling() for i in range(20)]
    for h in handlers:
        next(h)
    stack = with_stack()
    next(stack)
    expr = (x * 2 for x in [1, 2, 3] if x)
    half = (y for y in ["a", "b"])
    next(half)
    frames = [g.gi_frame for g in suspended[:20]]
    return [created, suspended, delegated, finished, closed, handlers, stack, expr, half, frames]


@keeps
def coroutines():
    @types.coroutine
    def pause(value):
        yield value

    async def leaf(n):
        kept = ["coroutine", n]
        await pause(kept)
        return n

    async def parent(n):
        async with Managed():
            return await leaf(n)

    async def agen(n):
        for i in range(n):
            yield [i]
            await pause(i)

    async def consume(g):
        return [x async for x in g]

    class Managed:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *exc):
            return False

    def advance(c):
        c.send(None)
        return c

    created = [leaf(i) for i in range(30)]
    waiting = [advance(parent(i)) for i in range(30)]
    gens = [agen(i) for i in range(10)]
    consuming = [advance(consume(agen(3))) for i in range(10)]
    g = agen(3)
    asend = g.asend(None)
    athrow = g.athrow(ValueError, ValueError("v"), None) if sys.version_info < (3, 12) else g.athrow(ValueError("v"))
    aclose = agen(3).aclose()
    anext_ = g.__anext__()
    wrapper = created[0].__await__()
    return [created, waiting, gens, consuming, g, asend, athrow, aclose, anext_, wrapper, Managed]


@keeps
def exceptions():
    def fail(depth, kind):
        local = [depth]
        if depth:
            return fail(depth - 1, kind)
        raise kind("message", local)

    out = []
    for kind in (ValueError, KeyError, OSError, ErrorSub, SystemExit, StopIteration, AttributeError, ImportError, NameError):
        for depth in range(8):
            try:
                fail(depth, kind)
            except BaseException as e:
                out.append(e)
    for f in (lambda: open("/no/such/file"), lambda: undefined, lambda: [].nothing, lambda: compile("x +", "<s>", "exec"),
              lambda: b"\xff".decode("utf-8"), lambda: "\ud800".encode("utf-8"), lambda: __import__("no.such"),
              lambda: 1 / 0, lambda: {}["k"], lambda: "\u20ac".translate({8364: 1 << 40}), lambda: next(iter(()))):
        try:
            f()
        except Exception as e:
            out.append(e)
    try:
        try:
            fail(2, ValueError)
        except ValueError as e:
            raise RuntimeError("chained") from e
    except RuntimeError as e:
        out.append(e)
    try:
        try:
            fail(2, ValueError)
        finally:
            {}["context"]
    except Exception as e:
        e.attribute = [1]
        if hasattr(e, "add_note"):
            e.add_note("a note")
        out.append(e)
    if sys.version_info >= (3, 11):
        out.append(ExceptionGroup("group", [ValueError(1), TypeError([2])]))
    out += [e.__traceback__ for e in out] + [UnicodeTranslateError("x", 0, 1, "why"), BlockingIOError(1, "m", 3), GeneratorExit()]
    return out


# ---- iterators and other small types ----


@keeps
def iterators():
    seq = [1, [2], "3"]

    class Items:
        def __getitem__(self, i):
            return [i][i]

    def used(it):
        next(it, None)
        return it

    source = {"a": 1, "b": [2]}
    fresh = [lambda: iter(seq), lambda: iter(tuple(seq)), lambda: iter("text"), lambda: iter("\u20ac\u20ac"),
             lambda: iter(b"bytes"), lambda: iter(bytearray(b"ba")), lambda: iter(source), lambda: iter(source.items()),
             lambda: iter(source.values()), lambda: iter({1, 2}), lambda: iter(range(10)), lambda: iter(range(1 << 70)),
             lambda: reversed(seq), lambda: reversed(range(5)), lambda: reversed("text"), lambda: enumerate(seq),
             lambda: enumerate(seq, 1 << 70), lambda: zip(seq, "abc"), lambda: map(str, seq), lambda: filter(None, seq),
             lambda: iter(Items()), lambda: iter(lambda: seq, None), lambda: iter(memoryview(b"mv"))]
    if sys.version_info >= (3, 8):
        fresh += [lambda: reversed(source), lambda: reversed(source.items()), lambda: reversed(source.values())]
    out = [make() for make in fresh] + [used(make()) for make in fresh]
    exhausted = iter(seq)
    list(exhausted)
    views = [source.keys(), source.items(), source.values(), types.MappingProxyType(source)]
    return out + [exhausted, views, source, Items]


@keeps
def itertools_objects():
    def used(it):
        next(it, None)
        return it

    it = itertools
    makes = [lambda: it.count(3), lambda: it.count(1.5, 2), lambda: it.count(1 << 80, 3), lambda: it.cycle([1, [2]]),
             lambda: it.repeat([1]), lambda: it.repeat("x", 5), lambda: it.accumulate([1, 2, 3]),
             lambda: it.accumulate([[1], [2]], operator.add), lambda: it.chain([1], (2,)),
             lambda: it.chain.from_iterable([[1], [2]]), lambda: it.compress("abc", [1, 0, 1]),
             lambda: it.dropwhile(bool, [1, 0]), lambda: it.filterfalse(None, [0, 1]), lambda: it.groupby("aab"),
             lambda: it.islice([1, 2, 3, 4], 1, 3), lambda: it.permutations([1, 2, 3], 2),
             lambda: it.combinations("abcd", 2), lambda: it.combinations_with_replacement("abc", 2),
             lambda: it.product([1, 2], "ab", repeat=2), lambda: it.starmap(pow, [(1, 2)]),
             lambda: it.takewhile(bool, [1, 0]), lambda: it.zip_longest([1], "ab", fillvalue=[0])]
    if hasattr(it, "pairwise"):
        makes.append(lambda: it.pairwise("abc"))
    out = [make() for make in makes] + [used(make()) for make in makes]
    a, b = it.tee(iter([[i] for i in range(200)]))
    for i in range(130):
        next(a)
    key, group = next(it.groupby([1, 1, 2]))
    return out + [a, b, key, group]


@keeps
def small_types():
    out = [slice(1, [2], None), slice(None), range(0), range(10), range(1 << 70, 1 << 71, 3), object(), type(None), property(),
           types.SimpleNamespace(a=1, b=[2]), types.SimpleNamespace(), memoryview(b"bytes"), memoryview(bytearray(100))[3:50],
           memoryview(array.array("i", [1, 2, 3, 4])), memoryview(bytearray(24)).cast("b", (2, 3, 4)),
           types.ModuleType("made_here", "doc"), sys.modules[__name__], types.MethodType(lambda s: s, 3)]
    released = memoryview(b"released")
    released.release()
    out += [array.array(code, [1, 2, 3]) for code in "bBhHiIlLqQfd"] + [array.array("u", "text"), array.array("i"), released]
    grown = array.array("d")
    for i in range(1000):
        grown.append(i)
    return out + [grown, iter(grown)]


@keeps
def functools_objects():
    @functools.lru_cache(maxsize=50)
    def cached(a, b=None):
        return [a, b]

    @functools.lru_cache(maxsize=None)
    def unbounded(a):
        return (a, str(a))

    @functools.lru_cache(maxsize=0)
    def uncached(a):
        return a

    @functools.lru_cache(typed=True)
    def typed(*a):
        return a

    for i in range(80):
        cached(i, b=(i,))
        unbounded(i)
        uncached(i)
        typed(i, float(i))

    @functools.singledispatch
    def dispatch(x):
        return x

    @dispatch.register(int)
    def dispatch_int(x):
        return x

    dispatch(3), dispatch("s")

    class Cached:
        @functools.lru_cache()
        def method(self, a):
            return [a]

    if hasattr(functools, "cached_property"):
        Cached.prop = functools.cached_property(lambda self: [self])
        Cached.prop.__set_name__(Cached, "prop")
    c = Cached()
    c.method(3)
    getattr(c, "prop", None)

    @functools.total_ordering
    class Ordered:
        def __lt__(self, other):
            return True

        def __eq__(self, other):
            return True

    @functools.wraps(cached)
    def wrapped():
        pass

    key = functools.cmp_to_key(lambda a, b: 0)
    return [cached, unbounded, uncached, typed, dispatch, c, c.method, wrapped, Ordered, key, key([1]), functools.partial(print, 1, sep=[]),
            functools.partial(functools.partial(len, [1]), 2), functools.partialmethod(len, 3), functools.reduce]


@keeps
def weak():
    alive = [Slots(i) for i in range(50)] + [Plain(i) for i in range(50)]
    refs = [weakref.ref(o) for o in alive] + [weakref.ref(o, id) for o in alive]
    proxies = [weakref.proxy(o) for o in alive] + [weakref.proxy(lambda: 1), weakref.proxy(Plain.method)]
    tagged = RefSub(alive[0], id)
    tagged.tag = ["tag"]
    with_dict = RefDict(alive[1])
    with_dict.attr = [1]
    dead = [weakref.ref(Slots(1)), weakref.ref(Plain(2), id), weakref.proxy(Slots(3))]
    values = weakref.WeakValueDictionary((i, o) for i, o in enumerate(alive))
    keys = weakref.WeakKeyDictionary((o, [i]) for i, o in enumerate(alive))
    weak_set = weakref.WeakSet(alive)
    method = weakref.WeakMethod(alive[-1].method)
    final = weakref.finalize(alive[0], id, "never")
    final.atexit = False
    # Kept in a holder that is no list of proxies' owners, for a proxy compares as what it stands for.
    return [alive, refs, {"p%d" % i: p for i, p in enumerate(proxies)}, tagged, with_dict, {"dead": dead}, values, keys,
            weak_set, method, final]


@keeps
def context_variables():
    try:
        import contextvars
    except ImportError:
        return None
    variables = [contextvars.ContextVar("v%d" % i) for i in range(200)]
    default = contextvars.ContextVar("default", default=[1])
    ctx = contextvars.copy_context()

    def fill():
        tokens = [v.set([i]) for i, v in enumerate(variables)]
        inner = contextvars.copy_context()
        return tokens, inner, default.get()

    tokens, inner, got = ctx.run(fill)
    one = contextvars.copy_context()
    one.run(variables[0].set, "one")
    used = contextvars.ContextVar("used")
    token = used.set(1)
    used.reset(token)
    return [variables, default, ctx, tokens, inner, got, one, used, token, iter(ctx), ctx.items(), contextvars.Token.MISSING]


@keeps
def regular_expressions():
    p = re.compile(r"(?P<first>\w+)-(\d+)?")
    b = re.compile(rb"bytes(.)", re.S)
    m = p.match("word-12 and more")
    scanner = p.scanner("text-1")
    it = p.finditer("a-1 b-2")
    next(it)
    return [p, b, m, b.search(b"some bytes!"), scanner, it, p.match("nothing-"), re.compile("\u20ac{2,}")]


@keeps
def io_objects():
    raw = open("/dev/null", "rb", buffering=0)
    buffered = open("/dev/null", "rb")
    text = open("/proc/self/status", "r", encoding="utf-8", newline="\n")
    text.readline()
    writer = open("/dev/null", "w", encoding="latin-1")
    writer.write("not flushed yet")
    both = open("/dev/null", "r+b")
    bio = io.BytesIO(b"initial")
    bio.write(b"grown" * 100)
    bio.attribute = [1]
    shared = io.BytesIO(b"shared with its initial value")
    sio = io.StringIO("text\u20ac")
    sio.write("more" * 10)
    accumulating = io.StringIO()
    accumulating.write("a")
    accumulating.write("b")
    rw = io.BufferedRWPair(io.BytesIO(), io.BytesIO())
    rand = io.BufferedRandom(io.BytesIO(b"r"))
    decoder = io.IncrementalNewlineDecoder(None, True)
    wrapper = io.TextIOWrapper(io.BytesIO(b"l1\nl2\n"), encoding="utf-8")
    wrapper.readline()
    closed = open("/dev/null")
    closed.close()
    view = bio.getbuffer()
    return [raw, buffered, text, writer, both, bio, shared, sio, rw, rand, decoder, wrapper, closed, view, sys.stdin]


@keeps
def locks():
    lock, held, rlock, rheld = _thread.allocate_lock(), _thread.allocate_lock(), _thread.RLock(), _thread.RLock()
    held.acquire()
    rheld.acquire()
    rheld.acquire()
    local = _thread._local()
    local.x = [1]

    class Local(_thread._local):
        def __init__(self):
            self.y = 2

    mine = Local()
    mine.z = {"z": mine}
    return [lock, held, rlock, rheld, local, mine]


@keeps
def annotations():
    T = typing.TypeVar("T", int, str)
    B = typing.TypeVar("B", bound=Plain, covariant=True)

    class Box(typing.Generic[T]):
        def get(self, x: "T") -> typing.Optional[T]:
            return x

    out = [T, B, Box[int], Box, typing.Union[int, str, None], typing.Callable[[int], str], typing.List[typing.Dict[str, T]],
           typing.Any, typing.Tuple[int, ...], typing.ClassVar[int], typing.get_type_hints(Typed), Typed.__annotations__]
    if sys.version_info >= (3, 8):
        out += [typing.Literal[1, "x"], typing.Final[int]]

        class Proto(typing.Protocol):
            def meth(self) -> int:
                ...

        class Keys(typing.TypedDict):
            a: int

        out += [Proto, Keys]
    if sys.version_info >= (3, 9):
        out += [list[int], dict[str, list[T]], tuple[int, ...], type[Plain], iter(list[int]) if sys.version_info >= (3, 11) else 0]
    if sys.version_info >= (3, 10):
        out += [int | str, list[T] | None, typing.ParamSpec("P").args, typing.Concatenate]
    if sys.version_info >= (3, 11):
        out += [typing.TypeVarTuple("Ts"), *tuple[int, str]]
    return out


@keeps
def context_managers():
    @contextlib.contextmanager
    def managed(x):
        held = [x]
        yield held

    m = managed(3)
    m.__enter__()
    stack = contextlib.ExitStack()
    stack.enter_context(managed(4))
    stack.callback(len, [1])
    return [m, stack, contextlib.suppress(ValueError), contextlib.nullcontext([1]) if hasattr(contextlib, "nullcontext") else None]


@keeps
def modules():
    import importlib.util

    spec = importlib.util.spec_from_loader("made", loader=None)
    return [spec, importlib.util.module_from_spec(spec), sys.implementation, sys.path_importer_cache, list(sys.modules.values())]


@keeps
def odd_cycles():
    """Objects in cycles through every kind of holder."""
    p = Plain(0)
    p.self = p
    p.method_of_self = p.method
    t = ([],)
    t[0].append(t)
    f = lambda: f
    f.me = f
    cls = type("Cyclic", (), {})
    cls.me = cls
    cls.instance = cls()
    cls.instance.up = cls

    def g():
        me = yield
        yield me

    gen = g()
    next(gen)
    gen.send(gen)
    d = collections.deque()
    d.append(d)
    e = ValueError()
    e.args = (e,)
    e.__cause__ = e
    part = functools.partial(print)
    part.__setstate__((print, (part,), {}, {"me": part}))
    return [p, t, f, cls, gen, d, e, part, Color, Number, Bits, list(Color), list(Number), Bits.A | Bits.B, Meta, MetaWithLies]


def main():
    # Types keep references to strings that are made when they are first asked for.
    repr(KEEP["numbers"][:10])
    truth.serve()


if __name__ == "__main__":
    main()
