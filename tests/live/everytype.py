"""A target with an object of every type of the standard library that is written in C.

Not by belief: census.py looks for all such types after everything was imported, and the target does not get
ready unless each of them has an object that can be reached, or a reason here or in everylater.py why it cannot have
one. Prints how many there are. Written for Python 3.10 and later: everylater.py has what came after 3.11.
"""
import truth  # first, see there

import asyncio
import builtins
import collections
import contextvars
import ctypes
import functools
import gc
import io
import itertools
import operator
import os
import sys
import tempfile
import threading
import types
import weakref

import census
import everylater
import threads

KEEP = {}

# Some modules write to the terminal when they are imported; standard output is for truth.py.
STDOUT = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
census.import_everything()

# Why there is no object of a type. Those that this build does not have are not missed.
ABSTRACT = "abstract: its constructor refuses"
BY_SUBCLASS = "its constructor needs what only subclasses have; there are objects of those"
REASONS = {
    "_ctypes.Array": ABSTRACT,
    "_ctypes.CFuncPtr": ABSTRACT,
    "_ctypes.Structure": ABSTRACT,
    "_ctypes.Union": ABSTRACT,
    "_ctypes._CData": ABSTRACT,
    "_ctypes._Pointer": ABSTRACT,
    "_ctypes._SimpleCData": ABSTRACT,
    "_ctypes.PyCFuncPtr": ABSTRACT,
    "_ctypes.StructParam_Type": "lives in a C variable, while a function is called with a struct",
    "_multibytecodec.MultibyteIncrementalDecoder": BY_SUBCLASS,
    "_multibytecodec.MultibyteIncrementalEncoder": BY_SUBCLASS,
    "_multibytecodec.MultibyteStreamReader": BY_SUBCLASS,
    "_multibytecodec.MultibyteStreamWriter": BY_SUBCLASS,
    "MultibyteIncrementalDecoder": BY_SUBCLASS,
    "MultibyteIncrementalEncoder": BY_SUBCLASS,
    "MultibyteStreamReader": BY_SUBCLASS,
    "MultibyteStreamWriter": BY_SUBCLASS,
    "Generic": ABSTRACT,
    "RecursingInfinitelyError": "its constructor calls itself until there is no stack left",
}


def tried(*those):
    """What each of those returns that this release can do; census.py says whether a type remained without an object."""
    out = []
    for f in those:
        try:
            out.append(f())
        except (AttributeError, KeyError, NameError, TypeError):
            pass
    return out


def keeps(f):
    """Run f and keep what it returns; an interpreter without the module does without."""
    try:
        KEEP[f.__name__] = f()
    except ModuleNotFoundError:
        pass
    return f


# ---- the interpreter's own ----


def some_generator():
    held = [(yield 1)]
    yield held


async def some_coroutine():
    held = ["awaited"]
    await asyncio.sleep(0)
    return held


async def some_async_generator():
    held = ["yielded"]
    yield held
    await asyncio.sleep(0)
    yield held


@keeps
def iterators():
    d, s = {"a": [1], "b": [2]}, [1, 2, 3]
    out = [iter(d), iter(d.values()), iter(d.items()), reversed(d), reversed(d.values()), reversed(d.items())]
    out += [d.keys(), d.values(), d.items(), iter(s), reversed(s), iter((1, 2)), iter({1, 2}), iter("\u20ac"), iter("ascii"),
            iter(b"bytes")]
    out += [iter(bytearray(b"bytes")), iter(range(5)), iter(range(1 << 70)), range(1 << 70), iter(memoryview(b"xyz"))]
    out += [iter(lambda: 1, 2), enumerate(s), enumerate(s, 1 << 70), zip(s, s), map(str, s), filter(None, s), reversed(range(3))]
    o = collections.OrderedDict(d)
    out += [o.keys(), o.values(), o.items(), iter(o), iter(o.values()), iter(o.items()), reversed(o)]
    q = collections.deque(s)
    out += [iter(q), reversed(q), q]

    class Sequence:
        def __getitem__(self, i):
            return s[i]

        def __len__(self):
            return 3

    out += [iter(Sequence()), reversed(Sequence())] + tried(lambda: iter(list[int]))
    for it in out[:]:
        try:
            out.append(next(it))
        except TypeError:
            pass
    return out


@keeps
def tools():
    """Each iterator of itertools three times: new, used, used up."""
    s = [1, 2, 3, 4]
    make = [
        lambda: itertools.accumulate(s), lambda: itertools.chain(s, s), lambda: itertools.combinations(s, 2),
        lambda: itertools.combinations_with_replacement(s, 2), lambda: itertools.compress(s, s),
        lambda: itertools.count(1 << 70, 3),
        lambda: itertools.count(1), lambda: itertools.cycle(s), lambda: itertools.dropwhile(bool, s + [0, 1]),
        lambda: itertools.filterfalse(None, s + [0]), lambda: itertools.groupby(s, str), lambda: itertools.islice(s, 1, 4, 2),
        lambda: itertools.pairwise(s), lambda: itertools.permutations(s, 2), lambda: itertools.product(s, s),
        lambda: itertools.repeat(s), lambda: itertools.repeat(s, 3), lambda: itertools.starmap(divmod, [(1, 2), (3, 4)]),
        lambda: itertools.takewhile(bool, s), lambda: itertools.tee(s)[1], lambda: itertools.zip_longest(s, s, fillvalue=[]),
    ]
    out = []
    for f in make:
        if not tried(f):
            continue
        used, used_up = f(), f()
        out += [f(), used, next(used), used_up, list(itertools.islice(used_up, 100))]
    group = itertools.groupby("aabb")
    out += [group, next(group)]
    one, other = itertools.tee(range(200))
    blocks = [r for r in gc.get_referents(one) if "tee" in type(r).__name__]
    out += [one, other, list(itertools.islice(one, 150)), blocks]
    return out


@keeps
def functions():
    class WithMethods:
        @classmethod
        def c(cls):
            pass

        @staticmethod
        def s():
            pass

        @property
        def p(self):
            return 1

        def up(self):
            return super()

    w = WithMethods()
    cached = functools.lru_cache(3)(lambda *a: list(a))
    for i in range(5):
        cached(i, str(i))
    out = [w.up(), vars(WithMethods).copy(), w.c, w.s, w.up, [].append, (1).__add__, int.__add__, dict.__dict__["fromkeys"],
           cached]
    out += [int.__dict__["real"], types.FunctionType.__dict__["__closure__"], operator.itemgetter(1, 2), operator.itemgetter("k")]
    out += [operator.attrgetter("a.b", "c"), operator.methodcaller("m", 1, k=[2]), functools.partial(print, [1], sep=""),
            types.SimpleNamespace(a=[1])]
    key = functools.cmp_to_key(lambda a, b: 0)
    out += [key, key([1]), functools.reduce, types.MappingProxyType({"a": 1}), slice([1], 2), types.CellType([1])]
    out += tried(lambda: list[int], lambda: int | str)
    ctypes.pythonapi.PyInstanceMethod_New.restype = ctypes.py_object
    ctypes.pythonapi.PyInstanceMethod_New.argtypes = [ctypes.py_object]
    ctypes.pythonapi.PyFile_NewStdPrinter.restype = ctypes.py_object
    out += [ctypes.pythonapi.PyInstanceMethod_New(w.up), ctypes.pythonapi.PyFile_NewStdPrinter(2)]
    return out + [sys._getframe(), sys.exc_info(), types.ModuleType("made"), compile("x = 1", "name", "exec"),
                  types.CoroutineType, cached.cache_info()]


def borrowed(f):
    """What a C function without arguments returns as a borrowed reference."""
    f.restype = ctypes.c_void_p
    at = ctypes.c_void_p(f())
    return ctypes.cast(ctypes.pointer(at), ctypes.POINTER(ctypes.py_object)).contents.value


@keeps
def definitions():
    """PyInit functions of modules that are made in two steps return a PyModuleDef."""
    import importlib.util

    out = []
    for name in ("_queue", "_json", "_testmultiphase", "_zoneinfo"):
        spec = importlib.util.find_spec(name)
        if spec and spec.has_location:
            out.append(borrowed(getattr(ctypes.PyDLL(spec.origin), "PyInit_" + name)))
    return out


class Traced:
    """What an async generator yields is wrapped between two instructions, or to 3.10 when it is returned: caught by tracing
    each of them."""

    def __init__(self):
        self.found = []

    def __call__(self, frame, event, arg):
        frame.f_trace_opcodes = True
        if type(arg).__name__ == "async_generator_wrapped_value":
            self.found = [arg]
        if event == "opcode" and not self.found:
            self.found = [o for o in gc.get_objects() if type(o).__name__ == "async_generator_wrapped_value"]
        return self


@keeps
def coroutines():
    sys._getframe().f_trace_opcodes = True
    started, coroutine, agen = some_generator(), some_coroutine(), some_async_generator()
    next(started)
    out = [some_generator(), started, some_coroutine(), coroutine, coroutine.__await__(), agen, agen.asend(None),
           agen.athrow(ValueError)]
    out += [agen.__anext__(), agen.aclose(), sys.get_asyncgen_hooks()]
    out += tried(lambda: anext(some_async_generator(), "default"))
    traced = Traced()
    sys.settrace(traced)
    try:
        some_async_generator().__anext__().send(None)
    except StopIteration as e:
        out.append(e)
    sys.settrace(None)
    return out + [traced.found]


@keeps
def exceptions():
    special = {
        UnicodeDecodeError: ("utf-8", b"\xff", 0, 1, "reason"), UnicodeEncodeError: ("ascii", "\u20ac", 0, 1, "reason"),
        UnicodeTranslateError: ("\u20ac", 0, 1, "reason"),
        SyntaxError: ("message", ("file", 1, 2, "text", 3, 4)), OSError: (5000, "an unknown error", "one", None, "two"),
    }
    out = []
    if hasattr(builtins, "ExceptionGroup"):
        special[BaseExceptionGroup] = "group", [KeyboardInterrupt([1])]
        special[ExceptionGroup] = "group", [ValueError([1]), ExceptionGroup("inner", [KeyError(1)])]

    def make(t):
        if t.__module__ in ("builtins", "_csv", "ssl", "interpreters", "concurrent.interpreters"):
            try:
                raise t(*next((special[b] for b in t.__mro__ if b in special), ("argument", [1])))
            except BaseException as e:
                e.__cause__ = KeyError("cause")
                e.__notes__ = ["note"]
                e.attribute = [t]
                out.append(e)
        for s in t.__subclasses__():
            make(s)

    make(BaseException)
    for text in ("1 +", "  x", "if x:\n\ty\n        z"):
        try:
            compile(text, "name", "exec")
        except SyntaxError as e:
            out.append(e)
    for code in ("undefined_name", "int.undefined", "import undefined_module", "from os import undefined"):
        try:
            exec(code)
        except Exception as e:
            out.append(e)
    return out


@keeps
def hooks():
    """What the interpreter hands to its hooks."""
    out = []

    class Fails:
        def __del__(self):
            raise ValueError("in __del__")

    before = sys.unraisablehook
    sys.unraisablehook = out.append
    Fails()
    sys.unraisablehook = before
    thread = threading.Thread(target=lambda: 1 / 0)
    before = threading.excepthook
    threading.excepthook = out.append
    thread.start()
    thread.join()
    threading.excepthook = before
    return out


@keeps
def structs():
    """Struct sequences, with and without what has no index."""
    out = []
    for module in ("grp", "os", "posix", "pwd", "resource", "signal", "spwd", "time", "_thread", "_lsprof", "_curses",
                   "threading"):
        if module not in sys.modules:
            continue
        for t in list(vars(sys.modules[module]).values()):
            if isinstance(t, type) and issubclass(t, tuple) and hasattr(t, "n_sequence_fields"):
                try:
                    out += [t([[i] for i in range(t.n_sequence_fields)]), t([[i] for i in range(t.n_fields)])]
                except TypeError:
                    pass  # one that is made once, by its module
    return out


class Named(str):
    """A name with a hash as wanted: a variable's own hash comes from its address and this."""

    def __new__(cls, name, wanted):
        self = super().__new__(cls, name)
        self.wanted = wanted
        return self

    def __hash__(self):
        return self.wanted


def variable_with_hash(wanted):
    """A ContextVar of this hash: made where one was just freed, as that one's address is known.

    An allocator may hand out first what it has left: it gets no more of it back.
    """
    used = []
    for attempt in range(10000):
        other = contextvars.ContextVar(Named("other", 0))
        by_address = hash(other)
        name = Named("collides", by_address ^ wanted)
        del other
        v = contextvars.ContextVar(name, default=[attempt])
        if hash(v) == wanted:
            return v
        used.append(v)
    sys.exit("no two context variables with the same hash")


@keeps
def contexts():
    """Nodes of every kind: few, many, and many with equal hashes."""
    out = []
    variables = [contextvars.ContextVar("v%d" % i, default=[i]) for i in range(300)]
    variables += [variable_with_hash(hash(variables[0])) for i in range(3)]
    tokens = []
    for n in (0, 1, 5, 20, len(variables)):
        context = contextvars.Context()
        context.run(lambda: tokens.extend(v.set([n]) for v in variables[-n:] if n))
        out += [context, context.copy(), iter(context), iter(context.keys()), iter(context.values()), iter(context.items())]
    for it in out:
        if type(it).__name__ in ("keys", "values", "items"):
            next(it, None)
    for v in variables[:3]:
        tokens.append(v.set([v]))
    return out + [variables, tokens, contextvars.copy_context()]


@keeps
def testing():
    """The types of CPython's modules for its own tests, with whatever arguments they take."""
    out = []
    for module in ("_testcapi", "_testinternalcapi", "_testbuffer", "_testmultiphase", "_testimportmultiple", "xxlimited",
                   "xxlimited_35", "xxsubtype"):
        for t in list(vars(sys.modules.get(module, types)).values()) if module in sys.modules else ():
            if not isinstance(t, type):
                continue
            for made, arguments in itertools.product(t.__mro__[:-1], ((), ([1, 2],), ("text", [1]), (print,))):
                if made.__name__ in REASONS:
                    continue
                try:
                    out.append(made(*arguments))
                except Exception:
                    pass
    import _testcapi

    out += tried(lambda: sys.modules["xxlimited"].new(),
                 lambda: sys.modules["_testmultiphase"].StateAccessType().get_defining_module)
    hamt = getattr(sys.modules.get("_testinternalcapi"), "hamt", None) or _testcapi.hamt
    return out + [hamt(), _testcapi.Generic[int]]


@keeps
def test_buffers():
    import _testbuffer as b

    flags = b.ND_WRITABLE
    out = [b.ndarray(list(range(12)), shape=[3, 4], format="L", flags=flags), b.ndarray([1, 2, 3], shape=[3]), b.staticarray()]
    view = memoryview(out[0])
    return out + [view, view[0:2], b.ndarray(view, getbuf=b.PyBUF_FULL_RO), b.ndarray(out[0], getbuf=b.PyBUF_FULL)]


# ---- modules ----


@keeps
def memory():
    import array
    import mmap
    import pickle
    import struct

    out = [array.array(c, range(50)) for c in "bBhHiIlLqQfd"] + [array.array("u", "text"), array.array("i")]
    base = bytearray(range(240))
    view = memoryview(base)
    out += [iter(out[0]), view, view[3:100:7], view.cast("I"), view.cast("B", [4, 5, 12]), memoryview(view[::-1]),
            view.toreadonly()]
    out += [memoryview(out[0]), memoryview(b"bytes"), mmap.mmap(-1, 5000), pickle.PickleBuffer(base), base, bytearray()]
    released = memoryview(base)
    released.release()
    unpack = struct.iter_unpack("<i", bytes(40))
    return out + [released, struct.Struct("<ihq3s"), unpack, next(unpack)]


@keeps
def foreign_functions():
    class Pair(ctypes.Structure):
        _fields_ = [("a", ctypes.c_int), ("s", ctypes.c_char_p), ("o", ctypes.py_object), ("bits", ctypes.c_int, 3)]

    class Either(ctypes.Union):
        _fields_ = [("i", ctypes.c_int), ("pair", Pair)]

    class Big(ctypes.BigEndianStructure):
        _fields_ = [("a", ctypes.c_int)]

    pair = Pair(1, b"kept", [1])
    either = Either(pair=pair)
    prototype = ctypes.CFUNCTYPE(Pair, ctypes.c_int, ctypes.POINTER(Pair))
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda i: i)
    libc = ctypes.CDLL(None)
    libc.strlen.argtypes, libc.strlen.restype, libc.strlen.errcheck = [ctypes.c_char_p], ctypes.c_size_t, lambda *a: a[0]
    array = (Pair * 3)(pair, pair, pair)
    out = [pair, either, either.pair, Big(3), prototype, callback, libc.strlen, array, array[1], ctypes.byref(array),
           ctypes.pointer(pair)]
    out += [ctypes.c_char_p.from_param(b"text"), ctypes.c_wchar_p("wide"), ctypes.py_object(out), ctypes.c_longdouble(1),
            (ctypes.c_char * 9000)()]
    return out + [Pair.a, Pair.bits, ctypes.cast(array, ctypes.c_void_p), ctypes.c_int.from_buffer(bytearray(8)),
                  ctypes.pointer(ctypes.pointer(pair))]


@keeps
def numbers():
    import datetime
    import decimal
    import random

    flags = decimal.getcontext().flags
    out = [decimal.Decimal(1) / 7, decimal.Decimal(10) ** 5000, decimal.localcontext(), decimal.Context(), flags,
           decimal.Decimal("nan")]
    base = type(flags).__bases__[0]
    out += [base(), random.Random(), sys.modules["_random"].Random(3), 1j, 1 << 1000, True, 1.5]
    day = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, datetime.timezone(datetime.timedelta(hours=1), "name"))
    return out + [day, day.date(), day.timetz(), day - day, day.isocalendar(), datetime.tzinfo(), datetime.timezone.utc,
                  day.time()]


@keeps
def zones():
    import struct
    import zoneinfo

    # RFC 8536, the least a file can have: no transitions, one type, and a rule for the time to come.
    head = b"TZif2" + bytes(15) + struct.pack(">6L", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb", 3600, 0, 0) + b"XYZ\0"
    data = head + body + head + body + b"\nXYZ-1XYS,M3.5.0,M10.5.0/3\n"
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(data), key="Some/Where")
    return [zone, zoneinfo.ZoneInfo.from_file(io.BytesIO(data))]


@keeps
def streams():
    raw = [tempfile.TemporaryFile(buffering=0) for i in range(4)]
    raw[0].write(b"some lines\nto read\n" * 500)
    raw[0].seek(0)
    reader, writer, random = io.BufferedReader(raw[0]), io.BufferedWriter(raw[1], 100), io.BufferedRandom(raw[2])
    text = io.TextIOWrapper(io.BytesIO(b"one\r\ntwo\r\nthree" * 1000), "utf-8", newline=None)
    strings = io.StringIO("some text")
    strings.write("more")
    writer.write(b"pending")
    a, b = io.BytesIO(b"bytes"), io.StringIO()
    a.attribute = b.attribute = [1]
    exported = io.BytesIO(b"exported").getbuffer()
    newlines = io.IncrementalNewlineDecoder(None, True)
    newlines.decode("\r")
    out = [reader.readline(), text.readline(), text.tell() if text.seekable() else 0, next(strings, None)]
    for name in ("_IOBase", "_RawIOBase", "_BufferedIOBase", "_TextIOBase"):
        out.append(getattr(sys.modules["_io"], name)())
    return out + [raw, reader, writer, random, text, strings, a, b, exported, newlines, io.BufferedRWPair(raw[0], raw[3]),
                  io.FileIO(os.devnull)]


@keeps
def directories():
    entries = os.scandir("/")
    first = next(entries)
    first.stat(), first.is_dir()
    return [entries, first, os.stat("/"), os.statvfs("/"), os.uname(), os.times()]


@keeps
def regular_expressions():
    import re

    pattern = re.compile(r"(?P<word>\w+)(\s)?(?P<none>x{9})?")
    scanner = pattern.scanner("some words here")
    matches = list(pattern.finditer("some words here"))
    return [pattern, scanner, scanner.match(), scanner.search(), matches, re.compile(b"[a-z]+"), pattern.match,
            re.Scanner([("a", None)])]


@keeps
def compressors():
    out = []
    for module, packs, unpacks, file in (("bz2", "BZ2Compressor", "BZ2Decompressor", "BZ2File"),
                                         ("lzma", "LZMACompressor", "LZMADecompressor", "LZMAFile"),
                                         ("zlib", "compressobj", "decompressobj", None)):
        m = sys.modules.get(module)
        if m is None:
            continue
        pack, unpack = getattr(m, packs)(), getattr(m, unpacks)()
        unpack.decompress(pack.compress(bytes(1000)) + pack.flush() + b"left over")
        out += [pack, unpack, getattr(m, file)(io.BytesIO(), "w") if file else m.compressobj().copy()]
    return out + [sys.modules["zlib"].decompressobj(zdict=b"dictionary")]


@keeps
def digests():
    import hashlib
    import hmac

    out = [hashlib.new(n, b"data") for n in ("md5", "sha256", "shake_128", "sha3_256")]
    out += tried(lambda: hmac.new(b"k", b"m", "sha256")._hmac, lambda: sys.modules["_hashlib"].hmac_new(b"k", b"m", "sha256"))
    for module in ("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2"):
        m = sys.modules.get(module)
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512",
                     "shake_128", "shake_256",
                     "blake2b", "blake2s"):
            if hasattr(m, name):
                digest = getattr(m, name)(b"data" * 100)
                out += [digest, digest.copy()]
    return out


@keeps
def formats():
    import csv
    import json.decoder
    import json.encoder
    import pickle

    pickler = pickle.Pickler(io.BytesIO(), protocol=5, buffer_callback=lambda b: None)
    pickler.dispatch_table = {}
    shared = [[i] for i in range(20)]
    pickler.dump([shared, shared, {"k": shared}])
    unpickler = pickle.Unpickler(io.BytesIO(pickle.dumps([shared, shared], 4)), buffers=[b"x"])
    unpickler.load()

    class Persistent(pickle.Pickler):
        def persistent_id(self, o):
            return None

    persistent = Persistent(io.BytesIO())
    persistent.dump(shared)
    reader = csv.reader(["a,b", '"c']), csv.reader(io.StringIO("a,b\n1,2\n"), "unix")
    writer = csv.writer(io.StringIO(), lineterminator="\n")
    writer.writerow([1, "b,c", None])
    encode = json.encoder.c_make_encoder({}, print, str, 1, ":", ",", True, False, True)
    out = [next(reader[0]), next(reader[1]), reader, writer, reader[1].dialect, encode, json.decoder.JSONDecoder().scan_once]
    return out + [pickler, pickler.memo, unpickler, unpickler.memo, persistent, pickle.Unpickler(io.BytesIO())]


@keeps
def markup():
    from xml.etree import ElementTree as tree
    from xml.parsers import expat

    root = tree.fromstring("<a x='1' y='2'>" + "<b>text</b>tail" * 30 + "</a>")
    lonely, builder = tree.Element("lonely"), tree.TreeBuilder(comment_factory=tree.Comment, insert_comments=True)
    builder.start("x", {"k": "v"})
    builder.data("half")
    it, texts = root.iter(), root.itertext()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = parser.CharacterDataHandler = lambda *a: None
    parser.Parse("<doc a='b'><half>", False)
    pull = tree.XMLPullParser(["start", "end", "comment"])
    pull.feed("<x><y/><!-- c --><half")
    return [root, lonely, builder, it, next(it), texts, next(texts), parser, parser.ExternalEntityParserCreate(None), pull,
            tree.XMLParser(target=builder)]


@keeps
def codecs():
    import codecs
    import encodings.cp1252
    import unicodedata

    out = [encodings.cp1252.encoding_table, codecs.charmap_build("".join(map(chr, range(256)))), unicodedata.ucd_3_2_0]
    for name in ("shift_jis", "gb18030", "big5hkscs", "euc_kr", "iso2022_jp"):
        try:
            codecs.lookup(name)
        except LookupError:  # not built
            continue
        encoder, decoder = codecs.getincrementalencoder(name)(), codecs.getincrementaldecoder(name)()
        encoder.encode("x")
        decoder.decode(b"\x1b" if name.startswith("iso") else b"\xb0")
        out += [encoder, decoder, codecs.getreader(name)(io.BytesIO()), codecs.getwriter(name)(io.BytesIO()), codecs.lookup(name)]
    return out


@keeps
def syntax():
    import _string
    import _symtable
    import ast

    source = "def f(a, *b):\n    global g\n    return [x for x in a if (lambda: x)]\nclass C: y = f\n"
    parts, (_, rest) = _string.formatter_parser("{a.b[0]} and {c!r:>10}"), _string.formatter_field_name_split("a.b[0].c")
    new = getattr(sys.modules.get("_tokenize"), "TokenizerIter", None)
    tokens = tried(lambda: new(source)) or tried(lambda: new(io.StringIO(source).readline, extra_tokens=True))
    node = ast.AST()
    node.a = [1]
    return [next(parts), parts, rest, next(rest), tokens, list(map(next, tokens)), ast.parse(source), ast.AST(), node,
            _symtable.symtable(source, "f", "exec"), *tried(lambda: sys.modules["parser"].expr("1"))]


@keeps
def databases():
    import sqlite3

    con = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    con.row_factory = sqlite3.Row
    con.create_function("f", 1, lambda x: x)
    con.create_collation("c", lambda a, b: 0)
    con.set_authorizer(lambda *a: 0)
    con.set_trace_callback(lambda s: None)
    con.set_progress_handler(lambda: 0, 1000)
    con.execute("create table t (a, b)")
    con.executemany("insert into t values (?, ?)", [(i, bytes(100)) for i in range(50)])
    cursor = con.execute("select f(a), b from t")
    row = cursor.fetchone()
    out = [con, cursor, row, iter(row), con.cursor(), sqlite3.PrepareProtocol(), con("select 1")]
    if hasattr(con, "blobopen"):
        out.append(con.blobopen("t", "b", 1))
    if hasattr(sqlite3, "Cache"):
        cache = sqlite3.Cache(lambda key: [key], 5)
        out += [cache, cache.get("a"), cache.get("b")]
    closed = sqlite3.connect(":memory:")
    closed.close()
    return out + [closed]


@keeps
def other_databases():
    out = []
    for name in ("_dbm", "_gdbm"):
        if name in sys.modules:
            with tempfile.TemporaryDirectory() as place:
                db = sys.modules[name].open(place + "/db", "n")
                db[b"key"] = b"value"
                out.append(db)
    return out


@keeps
def network():
    import select
    import socket

    a, b = socket.socketpair()
    a.settimeout(3)
    poll, epoll = select.poll(), select.epoll()
    poll.register(a)
    epoll.register(b)
    return [a, b, a.makefile("rwb"), sys.modules["_socket"].socket(), poll, epoll, epoll.poll(0), socket.CAPI]


KEY_AND_CERTIFICATE = """
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg25OGRLnmb3Y6dhyr
TJsm0FohMQNL2HF4eFcFsJPqyn2hRANCAASwvwyXTfGfopNyxKgc8Q0um7s1YdR7
HW521TH3EuGWS7KDMibm5f16qF/3qcngEHwYaKPHQA1ILIYVr4rXsqyN
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUFWPE8a51ujfu5VnoqQPjSPqUAjowCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwMDQyMDBaGA8yMTI2MTAyODAwNDIw
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLC/
DJdN8Z+ik3LEqBzxDS6buzVh1HsdbnbVMfcS4ZZLsoMyJubl/XqoX/epyeAQfBho
o8dADUgshhWviteyrI2jUzBRMB0GA1UdDgQWBBQ7N8gliqvXCFxEAkXOEZTrPx4m
VjAfBgNVHSMEGDAWgBQ7N8gliqvXCFxEAkXOEZTrPx4mVjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCcLzofoJ82eco1FNjBIBQO0bVf3tgnsZeA
BKLAKH5hfQIgTl86E+0+0+5ZtgFA18xZEo5FXofEZMtzbXAlD0rU5V4=
-----END CERTIFICATE-----
"""


@keeps
def secure():
    """Two ends of a connection that shake hands in memory."""
    import _ssl
    import ssl

    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server.sni_callback = lambda *a: None
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(KEY_AND_CERTIFICATE)
        f.flush()
        server.load_cert_chain(f.name)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname="test"), server.wrap_bio(up, down, server_side=True)]
    for i in range(10):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    ends[1].write(b"data")
    chain = tried(lambda: ends[0]._sslobj.get_unverified_chain())
    return [ends, up, down, chain, ends[0].session, ends[0].read(2), _ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            ends[0].getpeercert(True)]


@keeps
def screens():
    """A window without a terminal: what curses writes goes nowhere."""
    import _curses
    import _curses_panel

    for term in ("linux", "vt100", "xterm", "ansi", "dumb"):
        try:
            _curses.setupterm(term, os.open(os.devnull, os.O_WRONLY))
            break
        except _curses.error:
            pass
    else:
        REASONS["_curses.window"] = REASONS["_curses_panel.panel"] = "no terminal is described here"
        return []
    os.environ["TERM"] = term
    screen = _curses.initscr()
    pad, panel = _curses.newpad(10, 20), _curses_panel.new_panel(screen)
    panel.set_userptr([1])
    return [screen, pad, pad.subpad(2, 3, 0, 0), panel]


@keeps
def tcl():
    import _tkinter

    tk = _tkinter.create(None, "everytype", "Tcl", False, 1, False, False, None)
    tk.setvar("v", ["a", "b"])
    tk.createcommand("python", lambda *a: None)
    out = [tk, tk.call("dict", "create", "a", "1"), tk.createtimerhandler(1 << 30, print)]
    if "tkinter" in sys.modules:  # its part in Python may be in a package that is not here
        out.append(sys.modules["tkinter"].Tcl())
    return out


@keeps
def sound():
    import ossaudiodev

    out = []
    for kind, make in (("oss_audio_device", lambda: ossaudiodev.open("w")), ("oss_mixer_device", ossaudiodev.openmixer)):
        try:
            out.append(make())
        except OSError as e:
            REASONS["ossaudiodev." + kind] = str(e)
    return out


@keeps
def profiles():
    import cProfile

    profiler = cProfile.Profile()
    profiler.enable()
    sorted([3, 1, 2], key=lambda i: abs(i))
    profiler.disable()
    plain = sys.modules["_lsprof"].Profiler()
    plain.enable()
    abs(-1)
    plain.disable()
    return [profiler, profiler.getstats(), plain]


@keeps
def interpreters():
    import _xxsubinterpreters

    create = getattr(_xxsubinterpreters, "channel_create", None)
    return [_xxsubinterpreters.get_main(), create and create()]


@keeps
def locks():
    import _multiprocessing
    import _queue
    import _thread

    queue = _queue.SimpleQueue()
    for i in range(50):
        queue.put([i])
    lock, r_lock = _thread.allocate_lock(), _thread.RLock()
    lock.acquire(), r_lock.acquire()
    return [queue, _queue.SimpleQueue(), lock, r_lock, _multiprocessing.SemLock(1, 1, 1, "/memscan-%d" % os.getpid(), True)]


@keeps
def weak():
    class Referent:
        def __call__(self):
            pass

    r, s = Referent(), set()
    dead = weakref.ref(Referent())
    return [r, s, dead, weakref.ref(r), weakref.ref(r, print), weakref.proxy(s), weakref.proxy(r),
            weakref.WeakValueDictionary({1: r}), weakref.WeakSet([r])]


@keeps
def typed():
    import typing

    T = typing.TypeVar("T")
    out = tried(lambda: typing.ParamSpec("P"), lambda: typing.TypeVarTuple("Ts"))
    out += tried(lambda: typing.Callable[typing.ParamSpec("P"), T], lambda: tuple[int, ...], lambda: dict[T, list[T]])
    return out + [T, typing.Optional[int], typing.Dict[str, T], typing.Literal[1]]


for made_later in everylater.LATER:
    keeps(made_later)


# ---- threads and tasks ----


def in_thread(local, number):
    local.values = [number]
    local.other = {"number": number}
    threads.block()


@keeps
def thread_locals():
    class WithInit(threading.local):
        def __init__(self, argument):
            self.made = [argument]

    out = []
    for i in range(4):
        local = (threading.local(), WithInit(i))[i % 2]
        local.values = ["main"]
        t = threading.Thread(target=in_thread, args=(local, i), daemon=True)
        t.start()
        out += [local, t]
    waiting = out[1::2]
    while waiting:
        os.sched_yield()
        waiting = [t for t in waiting if not threads.is_reading(t.native_id)]
    return out


async def fails():
    raise ValueError([1])


async def main():
    """Tasks in each state that they can be in, below a loop that runs."""
    loop = asyncio.get_running_loop()
    never = loop.create_future()
    waiting = [asyncio.create_task(some_task(never)) for i in range(5)]
    failed, cancelled = asyncio.create_task(fails()), asyncio.create_task(some_task(never))
    await asyncio.sleep(0)
    cancelled.cancel()
    for i in range(3):
        await asyncio.sleep(0)
    failed.exception()
    done = loop.create_future()
    done.set_result([1])
    called = loop.create_future()
    for callback in (print, id, repr):
        called.add_done_callback(callback)
    KEEP["tasks"] = [waiting, failed, cancelled, done, called, never, done.__await__(), called.__await__(),
                     asyncio.shield(called)]
    KEEP["tasks"] += [asyncio.create_task(some_coroutine()), asyncio.gather(*waiting[:2]), loop.call_later(1 << 20, print, [1]),
                      loop]
    next(KEEP["tasks"][7])
    # This thread's own dict, with the loop that runs and its part of each threading.local.
    KEEP["thread"] = borrowed(ctypes.pythonapi.PyThreadState_GetDict)
    serve()


async def some_task(future):
    held = ["waiting"]
    await future
    return held


def serve():
    gc.collect()
    gc.collect()
    # In a child: it takes references to what an extension module has freed but says that it refers to (3.12's _asyncio).
    pid = truth.raw_fork()()
    if pid > 0:
        if os.waitpid(pid, 0)[1] != 0:
            os._exit(1)
        os.dup2(STDOUT, 1)
        truth.serve(truth.raw_fork())
    wrong, have, of = census.check({**REASONS, **everylater.REASONS})
    print("result: everytype: objects of %d of %d C types; %d have a reason" % (have, of, of - have), file=sys.stderr)
    for line in wrong:
        print("everytype.py: " + line, file=sys.stderr)
    os._exit(len(wrong) > 0)


if __name__ == "__main__":
    asyncio.new_event_loop().run_until_complete(main())
