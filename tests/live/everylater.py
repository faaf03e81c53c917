"""What everytype.py keeps of types that came after 3.11, and of those that a later release makes in another way.

LATER has functions, each of which returns objects; one that needs a module that is not here ends with
ModuleNotFoundError. A name that a release lacks is left out: whether a type has its object is for census.py to say.
REASONS is as in everytype.py.
"""
import ctypes
import gc
import itertools
import os
import sys
import tempfile
import types

REASONS = {
    "_testcapi.HeapCTypeMetaclassNullNew": "abstract: its constructor refuses",
    "sys.legacy_event_handler": "only the interpreter's own table of callbacks refers to one",
    "typing.Generic": "abstract: its constructor refuses",
    "uop_executor": "made by a just-in-time compiler, which is not built in",
}
LATER = []


def later(f):
    LATER.append(f)
    return f


def named(name):
    """The C type of this name that no module gives away, or None."""
    return next((t for t in type.__subclasses__(object) if t.__name__ == name), None)


@later
def from_code():
    def f(a=1):
        b = [a]
        return sys._getframe().f_locals, b

    if not hasattr(f.__code__, "co_positions"):
        return []
    lines, positions = f.__code__.co_lines(), f.__code__.co_positions()
    next(lines), next(positions)
    return [lines, positions, f(), f.__code__.co_lines(), f.__code__.co_positions()]


@later
def local_variables():
    """A frame's variables, and its iterators, in a generator that holds them."""
    def generator():
        held, other = ["held"], 2
        yield held
        yield other

    def closed_over():
        cell = ["in a cell"]

        def inner():
            yield cell
        return inner()

    out = []
    for g in (generator(), closed_over()):
        next(g)
        proxy = g.gi_frame.f_locals
        out += [g, g.gi_frame, proxy, iter(proxy), proxy.items(), reversed(proxy)]
    try:
        out[2]["added"] = ["not one of the code's own"]
    except TypeError:
        pass
    return out


@later
def instructions():
    t = named("InstructionSequence")
    if t is None:
        return []
    try:
        made = sys.modules["_testinternalcapi"].new_instruction_sequence()
    except KeyError:
        made = t()
    label = made.new_label()
    made.addop(0, 0, 1, 0, 0, 0), made.use_label(label)
    nested = t()
    nested.addop(0, 0, 1, 0, 0, 0)
    made.add_nested(nested)
    return [made]


@later
def buffers():
    """A class of Python with a buffer: what a view of it keeps stands between the two."""
    class Buffer:
        def __buffer__(self, flags):
            return memoryview(b"of a class")

        def __release_buffer__(self, view):
            pass

    try:
        view = memoryview(Buffer())
    except TypeError:
        return []
    return [view, view.obj, view[2:]]


@later
def batches():
    if not hasattr(itertools, "batched"):
        return []
    used = itertools.batched("abcdefg", 3)
    return [used, next(used), itertools.batched([1, 2], 2)]


@later
def more_of_typing():
    """typing's types in C, with what they compute when asked."""
    import typing

    if not hasattr(typing, "ParamSpec"):
        return []
    P, T = typing.ParamSpec("P", bound=int), typing.TypeVar("T", bound=int)
    out = [P, P.args, P.kwargs, T, typing.TypeVar("Of", int, str)]
    code = """
def function[T: int, *Ts, **P](a: T, *b: *Ts) -> list[T]: pass
class Class[T: (int, str)]:
    value: T
    def method(self): return T
type Alias[K] = dict[K, list[K]]
type Recursive = list[Recursive]
"""
    names = {}
    try:
        exec(code, names)
    except SyntaxError:
        return out
    out += [names, names["Alias"][int], names["Alias"].__value__, names["function"].__type_params__[0].__bound__]
    for p in (T, names["function"].__type_params__[0], *names["Class"].__type_params__):
        out += [getattr(p, "evaluate_" + what, None) for what in ("bound", "constraints", "default")]
    out += [getattr(names["Alias"], "evaluate_value", None)]
    code = "def function[T = int, *Ts = *tuple[int, str], **P = [int]](): pass"
    try:
        exec(code, names)
    except SyntaxError:
        return out
    for p in names["function"].__type_params__:
        out += [p, p.__default__, getattr(p, "evaluate_default", None)]
    return out + [typing.NoDefault, typing.Union[int, "str"], int | T]


@later
def annotations():
    """Those that are computed when asked for, in each of their formats."""
    import annotationlib

    names = {"__name__": "made"}
    exec("class C:\n a: int\n b: undefined\ndef f(x: undefined, y: list[int]) -> C: pass\nmodule: undefined", names)
    out = [names, names["f"].__annotate__]
    for format in (annotationlib.Format.FORWARDREF, annotationlib.Format.STRING):
        out += [annotationlib.get_annotations(names[n], format=format) for n in "Cf"]
    return out


@later
def templates():
    names = {"x": [1], "width": 3}
    try:
        exec("made = [t'a {x} b {x!r:>{width}} c', t'', t'{x}']", names)
    except SyntaxError:
        return []
    made = names["made"]
    used = iter(made[0])
    return [made, iter(made[0]), used, next(used), next(used), made[0] + made[2], made[0].interpolations[1]]


@later
def frozen():
    """Dicts that do not change, and a marker with a name."""
    import builtins

    out = []
    if hasattr(builtins, "frozendict"):
        class Sub(builtins.frozendict):
            pass

        full = builtins.frozendict({"a": [1], "b": 2})
        mixed = builtins.frozendict({1: "one", (2,): [2]})
        out += [full, mixed, builtins.frozendict(), full | {"c": [3]}, Sub(a=[1]), iter(full), full.items(),
                reversed(full.values()), types.MappingProxyType(full)]
        out[4].attribute = [1]
    if hasattr(builtins, "sentinel"):
        out += [builtins.sentinel("MISSING"), builtins.sentinel("OTHER") | int]
    return out


@later
def lazy_imports():
    """Modules that are imported when they are first looked at: not yet, and already."""
    module = types.ModuleType("with_lazy")
    code = "lazy import json.tool\nlazy import this as never\nlazy from os import path, getcwd as used\nused()\n"
    try:
        exec(compile(code, "lazy", "exec"), vars(module))
    except SyntaxError:
        return []
    return [module, dict(vars(module))]


@later
def watched():
    """Callbacks for what code does, which the interpreter keeps by tool and event, and code that is instrumented."""
    def f(n):
        for i in range(n):
            abs(i)
        return n

    if not hasattr(sys, "monitoring"):
        return []
    m = sys.monitoring
    m.use_tool_id(3, "everytype")
    callbacks = []
    for event in (m.events.LINE, m.events.CALL, m.events.PY_RETURN, m.events.INSTRUCTION):
        callbacks.append(lambda *a, kept=[event]: None)
        m.register_callback(3, event, callbacks[-1])
    m.set_local_events(3, f.__code__, m.events.LINE | m.events.CALL | m.events.PY_RETURN | m.events.INSTRUCTION)
    f(3)
    return [f, callbacks, m.MISSING, m.DISABLE]


@later
def wrapped_values():
    """What an async generator yields, caught between two of its instructions."""
    async def generator():
        yield ["wrapped"]

    if not hasattr(sys, "monitoring"):
        return []
    found, m = [], sys.monitoring

    def look(code, offset):
        found.extend(o for o in gc.get_objects() if type(o).__name__ == "async_generator_wrapped_value")
        return m.DISABLE if found else None

    m.use_tool_id(4, "everytype")
    m.register_callback(4, m.events.INSTRUCTION, look)
    m.set_local_events(4, generator.__code__, m.events.INSTRUCTION)
    try:
        generator().__anext__().send(None)
    except StopIteration:
        pass
    m.set_local_events(4, generator.__code__, 0)
    m.register_callback(4, m.events.INSTRUCTION, None)
    m.free_tool_id(4)
    return found


@later
def other_interpreters():
    """What goes from one interpreter to another, through channels and queues."""
    modules = [sys.modules.get(a) or sys.modules.get(b) for a, b in (
        ("_interpreters", "_xxsubinterpreters"), ("_interpchannels", "_xxinterpchannels"), ("_interpqueues", None))]
    out = []
    if modules[0]:
        out.append(modules[0].get_main())
    channels = modules[1]
    if channels and hasattr(channels, "create"):
        out += through(channels)
    try:
        from concurrent import interpreters
    except ImportError:
        return out
    queue = interpreters.create_queue()
    queue.put([1, "two", (3,)])
    return out + [queue, interpreters.list_all(), queue.get()]


def through(channels):
    try:
        channel = channels.create()
    except TypeError:
        channel = channels.create(1)
    out = [channel]
    if hasattr(channels, "get_info"):
        out.append(channels.get_info(channel))
    send = getattr(channels, "send_buffer", channels.send)
    try:
        send(channel, bytearray(b"shared"), blocking=False)
    except TypeError:
        send(channel, b"shared")
    received = channels.recv(channel)
    received = received[0] if type(received) is tuple else received
    return out + [received, getattr(received, "obj", None)]


@later
def frames_from_outside():
    """This process, read by its own module for it. Its handle keeps the size of a cache: no call is in it."""
    import _remote_debugging as remote

    out = []
    try:
        unwinder = remote.RemoteUnwinder(os.getpid(), all_threads=True)
        out += [unwinder, unwinder.get_stack_trace(), unwinder.get_all_awaited_by()]
    except (RuntimeError, PermissionError, OSError) as e:
        REASONS["_remote_debugging.RemoteUnwinder"] = str(e)
    if hasattr(remote, "GCMonitor"):
        out += [remote.GCMonitor(os.getpid()), remote.get_gc_stats(os.getpid())]
    if hasattr(remote, "BinaryWriter"):
        with tempfile.TemporaryDirectory() as place:
            writer = remote.BinaryWriter(place + "/a", 1000, 5)
            writer.finalize()
            out += [writer, remote.BinaryReader(place + "/a"), remote.BinaryWriter(place + "/b", 1000, 5)]
    return out


@later
def zlib_decompressor():
    import zlib

    if not hasattr(zlib, "_ZlibDecompressor"):
        return []
    out = zlib._ZlibDecompressor()
    out.decompress(zlib.compress(bytes(1000)) + b"left over")
    return out


@later
def compressors_of_zstd():
    import _zstd
    from compression import zstd

    words = zstd.ZstdDict(b"a dictionary as it is" * 10, is_raw=True)
    pack, unpack = zstd.ZstdCompressor(zstd_dict=words), zstd.ZstdDecompressor(zstd_dict=words)
    data = pack.compress(bytes(1000)) + pack.flush()
    unpack.decompress(data + b"left over")
    half = zstd.ZstdDecompressor()
    half.decompress(zstd.compress(b"half" * 100)[:20])
    options = {zstd.CompressionParameter.compression_level: 3}
    return [words, words.as_digested_dict, pack, unpack, half, zstd.ZstdCompressor(options=options), _zstd]


@later
def graphemes():
    import unicodedata

    if not hasattr(unicodedata, "iter_graphemes"):
        return []
    it = unicodedata.iter_graphemes("e\u0301a\U0001f1e9\U0001f1ea")
    return [it, next(it), unicodedata.iter_graphemes("text")]


@later
def keyed_digests():
    import _hmac

    return [_hmac.new(b"key", b"message", "sha256"), _hmac.new(b"key" * 100, None, "sha3_256")]


@later
def records():
    """Struct sequences of modules that are not in everytype.py's list."""
    out = [os.statx("/", os.STATX_BASIC_STATS)] if hasattr(os, "statx") else []
    for module in ("_remote_debugging", "_interpchannels"):
        for t in vars(sys.modules.get(module, types)).values() if module in sys.modules else ():
            if isinstance(t, type) and hasattr(t, "n_sequence_fields"):
                out.append(t([[i] for i in range(t.n_sequence_fields)]))
    return out


@later
def metatypes():
    """Classes whose metaclass is a C type that nothing else is a direct object of."""
    out = []
    those = [type(ctypes.Structure).__mro__[1]]
    those += [getattr(sys.modules.get("_testcapi"), "HeapCTypeMetaclass" + s, type) for s in ("", "CustomNew")]
    for t in those:
        if t is not type:
            out.append(t("Made", (), {"attribute": [1]}))
    return out


@later
def more_testing():
    """The newer modules for CPython's own tests."""
    out = []
    for module in ("_testclinic", "_testclinic_limited", "_testlimitedcapi", "_testimportexec", "xxlimited_3_13", "_testcapi"):
        for t in list(vars(sys.modules[module]).values()) if module in sys.modules else ():
            if not isinstance(t, type) or issubclass(t, (type, BaseException)):
                continue
            for arguments in ((), (1,), (1, 2), (10, 0), (b"ab", 2)):
                try:
                    out.append(t(*arguments))
                except (TypeError, ValueError, IndexError):
                    pass
    t = named("hashinheritancetester")
    return out + ([t()] if t else [])
