"""A target whose objects own memory beside themselves, or look into another's, and which says so itself.

    buffers.py ACCOUNT      build them, write down what is known of each, say "ready", wait

Addresses and lengths come from the objects' own methods, what freeing would give back from the C library's
malloc_usable_size(), and owners from how the objects were made. Each line of the account is a JSON object; what is not
installed is a line of its own.
"""
import array
import ctypes
import io
import json
import mmap
import os
import pickle
import sys
import tempfile

LIBC = ctypes.CDLL(None)
LIBC.malloc_usable_size.restype = ctypes.c_size_t
LIBC.malloc_usable_size.argtypes = [ctypes.c_void_p]

WORD = ctypes.sizeof(ctypes.c_void_p)
BYTES_HEAD = bytes.__basicsize__ - 1
SMALL = 512
# With malloc there are no pools: every block is the C library's. With debug no block is: the interpreter's own words stand
# before it, and what was asked for is all that can be known.
ALLOCATOR = os.environ.get("PYTHONMALLOC", "pymalloc")

KEEP = []
ACCOUNT = []


def usable(block, asked, raw=False):
    """What freeing gives back: of a pool's block its class, which is a multiple of 16."""
    if ALLOCATOR == "debug" and not raw:
        return asked
    if ALLOCATOR == "pymalloc" and not raw and asked <= SMALL:
        return (asked + 15) // 16 * 16
    return LIBC.malloc_usable_size(block)


def address_of(o):
    """The first byte of what o exports for writing."""
    return ctypes.addressof(ctypes.c_char.from_buffer(o))


def field(o, offset):
    """A word of the object: for what has no method that would tell."""
    return ctypes.c_void_p.from_address(id(o) + offset).value


def note(what, o, **facts):
    KEEP.append(o)
    ACCOUNT.append(dict(facts, what=what, object=id(o)))
    return o


def owned(what, o, address, length, bytes, in_size, **more):
    return note(what, o, address=address, length=length, bytes=bytes, owned=True, in_size=in_size, **more)


def view(what, o, address, length, owner, **more):
    return note(what, o, address=address, length=length, bytes=0, owned=False, in_size=False,
                owner=None if owner is None else id(owner), **more)


def nothing(what, o):
    return note(what, o, nothing=True)


def bytearray_usable(start, b, raw=False):
    """Its size has what it asked for; since 3.15 that is for a bytes object."""
    head = BYTES_HEAD if sys.version_info >= (3, 15) else 0
    return usable(start - head, b.__sizeof__() - bytearray.__basicsize__, raw)


def bytearrays():
    for n in (1, 15, 16, 100, 300, 511, 512, 5000, 100000, 1 << 20, 40 << 20):
        b = bytearray(n)
        owned("bytearray(%d)" % n, b, address_of(b), n, bytearray_usable(address_of(b), b), True)
    nothing("empty bytearray", bytearray())
    b = bytearray(100000)
    start = address_of(b)
    del b[:1000]
    assert address_of(b) == start + 1000
    owned("bytearray without its front", b, start + 1000, 99000, bytearray_usable(start, b), True)
    b = bytearray(4000)
    del b[200:]
    # realloc() leaves a block where it is from, however small it gets.
    owned("bytearray that shrank", b, address_of(b), 200, bytearray_usable(address_of(b), b, raw=ALLOCATOR != "debug"), True)
    b = bytearray(480)
    b.extend(b"x" * 20)
    owned("bytearray that grew", b, address_of(b), 500, bytearray_usable(address_of(b), b), True)
    nothing("bytes", bytes(1000))


def arrays():
    for code, n in (("b", 7), ("d", 10), ("d", 100000), ("H", 33), ("q", 3 << 20)):
        a = array.array(code, bytes(n * array.array(code).itemsize))
        at, items = a.buffer_info()
        length = items * a.itemsize
        asked = a.__sizeof__() - array.array.__basicsize__
        owned("array.array %s %d" % (code, n), a, at, length, usable(at, asked), True, description="%s (%d,)" % (code, n))
    nothing("empty array", array.array("d"))
    return a


def mmaps():
    for n in (1, 4096, 100000, 8 << 20):
        m = mmap.mmap(-1, n)
        owned("mmap of %d" % n, m, address_of(m), n, -(-n // mmap.PAGESIZE) * mmap.PAGESIZE, False, mapped=True)
    with tempfile.TemporaryFile() as f:
        f.truncate(50000)
        m = mmap.mmap(f.fileno(), 50000)
        owned("mmap of a file", m, address_of(m), 50000, 53248, False, mapped=True)
    closed = mmap.mmap(-1, 4096)
    closed.close()
    nothing("closed mmap", closed)
    return m


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_int)]


class Outer(ctypes.Structure):
    _fields_ = [("pad", ctypes.c_char * 100), ("pair", Pair), ("pairs", Pair * 10)]


def ctypes_data(source):
    for n in (17, 100, 512, 513, 100000):
        c = (ctypes.c_char * n)()
        owned("ctypes array of %d" % n, c, ctypes.addressof(c), n, usable(ctypes.addressof(c), n), False)
    nothing("ctypes int", ctypes.c_int(3))
    small = nothing("small structure", Pair())
    outer = Outer()
    size = ctypes.sizeof(Outer)
    owned("structure", outer, ctypes.addressof(outer), size, usable(ctypes.addressof(outer), size), False)
    view("field of a structure", outer.pair, ctypes.addressof(outer) + 100, 8, outer)
    pairs = outer.pairs
    view("array in a structure", pairs, ctypes.addressof(outer) + 108, 80, outer)
    view("item of an array in a structure", pairs[3], ctypes.addressof(outer) + 108 + 24, 8, outer)
    pointer = nothing("pointer", ctypes.pointer(outer))
    view("what a pointer points to", pointer.contents, ctypes.addressof(outer), size, outer)
    view("ctypes from_buffer", (ctypes.c_char * 50).from_buffer(source, 10), address_of(source) + 10, 50, source)
    elsewhere = id(LIBC)
    view("ctypes from_address", (ctypes.c_char * 20).from_address(elsewhere), elsewhere, 20, None)
    KEEP.append(small)
    return c


def files():
    b = io.BytesIO()
    b.write(b"x" * 100000)
    block = address_of(b.getbuffer()) - BYTES_HEAD
    asked = b.__sizeof__() - io.BytesIO.__basicsize__
    owned("BytesIO", b, block + BYTES_HEAD, 100000, usable(block, asked), True)
    shared = b"shared bytes" * 1000
    view("BytesIO of bytes", io.BytesIO(shared), id(shared) + BYTES_HEAD, len(shared), shared)
    KEEP.append(shared)
    nothing("empty BytesIO", io.BytesIO())
    s = io.StringIO()
    s.write("y" * 3000)
    s.seek(0)
    s.write("z")  # not at its end: now it has a buffer
    at, room = field(s, 16), field(s, 40)
    owned("StringIO", s, at, 12000, usable(at, 4 * room), False)
    for mode, size in (("rb", -1), ("rb", 100000), ("r+b", 300)):
        f = open(tempfile.mkstemp(dir=PLACE.name)[1], mode, buffering=size)
        at, room = field(f, 56), field(f, 120)
        owned("%s %s" % (type(f).__name__, size), f, at, room, usable(at, room), True)
    return b


def memoryviews(source, numbers, mapping, data, file):
    m = memoryview(source)
    view("memoryview of a bytearray", m, address_of(source), len(source), source, description="B (%d,)" % len(source))
    view("slice of a memoryview", m[20:30], address_of(source) + 20, 10, source, description="B (10,)")
    view("memoryview backwards", m[::-1], address_of(source) + len(source) - 1, len(source), source)
    at = numbers.buffer_info()[0]
    view("memoryview of an array", memoryview(numbers), at, memoryview(numbers).nbytes, numbers,
         description="q (%d,)" % len(numbers))
    view("cast memoryview", memoryview(numbers).cast("B").cast("B", (16, memoryview(numbers).nbytes // 16)), at,
         memoryview(numbers).nbytes, numbers, description="B (16, %d)" % (memoryview(numbers).nbytes // 16))
    view("memoryview of a mmap", memoryview(mapping), address_of(mapping), len(mapping), mapping)
    view("memoryview of ctypes data", memoryview(data), ctypes.addressof(data), ctypes.sizeof(data), data)
    plain = bytes(10000)
    KEEP.append(plain)
    view("memoryview of bytes", memoryview(plain)[5:], id(plain) + BYTES_HEAD + 5, 9995, plain)
    view("memoryview of a BytesIO", file.getbuffer(), address_of(file.getbuffer()), len(file.getbuffer()), file)
    if hasattr(pickle, "PickleBuffer"):
        view("PickleBuffer", pickle.PickleBuffer(source), address_of(source), len(source), source)
    released = memoryview(bytearray(10))
    released.release()
    nothing("released memoryview", released)


class Held:
    """Held by an array, and by nothing else."""


def end_of(a):
    """Where the chain of bases ends."""
    while getattr(a, "base", None) is not None:
        a = a.base
    return a.obj if isinstance(a, memoryview) else a


def numpy_array(what, a, owner=None):
    at = a.__array_interface__["data"][0]
    # The type alone does not tell the unit of a time.
    name = a.dtype.name.split("[")[0]
    more = {"description": "%s %s" % (name, a.shape), "refs": [["base", id(a.base)]] * (a.base is not None) + [["dtype", id(a.dtype)]]}
    if a.flags.owndata:
        # What has no bytes takes memory all the same, and its size has none of it.
        return owned(what, a, at, a.nbytes, usable(at, a.nbytes, raw=True), a.nbytes > 0, **more)
    return view(what, a, at, a.nbytes, end_of(a) if owner is None else owner, **more)


def numpy_arrays(source, mapping):
    import numpy as np

    for dtype in "?bBhHiIlLqQefdgFDG":
        numpy_array("zeros " + dtype, np.zeros(100, dtype))
    for n in (1, 2, 3, 10, 127, 128, 129, 1000, 5000, 100000, 3 << 20, 20 << 20):
        numpy_array("empty %d" % n, np.empty(n, "u1"))
        numpy_array("ones %d" % n, np.ones(n // 8 + 1))
    a = np.arange(60000.0)
    numpy_array("arange", a)
    numpy_array("no dimensions", np.array(3.5))
    numpy_array("one dimension of 0", np.zeros((5, 0, 3)))
    for what, v in (("slice", a[10:20]), ("backwards", a[::-1]), ("reshaped", a.reshape(100, 600)), ("transposed", a.reshape(100, 600).T),
                    ("view of a view", a[5:].view("u1")[3:]), ("broadcast", np.broadcast_to(a[:3], (4, 3)))):
        numpy_array(what, v, a)
    numpy_array("frombuffer", np.frombuffer(source, "u1"), source)
    numpy_array("frombuffer, cut", np.frombuffer(source, "u1")[7:], source)
    numpy_array("of a mmap", np.frombuffer(mapping, "u1"), mapping)
    plain = bytes(8000)
    KEEP.append(plain)
    numpy_array("of bytes", np.frombuffer(plain, "f8"), plain)
    numpy_array("through DLPack", np.from_dlpack(a), a)
    view("memoryview of a view", memoryview(a[7:]), a.ctypes.data + 56, a.nbytes - 56, a)
    f = np.memmap(PLACE.name + "/map", "f4", "w+", shape=(3000,))
    numpy_array("memmap", f, f._mmap)
    m = np.matrix([[1.0, 2.0], [3.0, 4.0]] * 100)
    numpy_array("matrix", m, None)
    numpy_array("texts", np.array(["text", "longer"]))
    numpy_array("times", np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]"))
    numpy_array("void", np.zeros(4, "V7"))
    grown = np.arange(1000)
    grown.resize(5000, refcheck=False)
    numpy_array("resized", grown)

    objects = np.empty(500, "O")
    for i in range(500):
        objects[i] = Held()
    numpy_array("objects", objects)
    numpy_array("view of objects", objects[::2])
    records = np.zeros(100, np.dtype([("n", "i4"), ("o", "O"), ("sub", [("x", "f8"), ("two", "O", (2,))])], align=True))
    for r in records:
        r["o"] = Held()
        r["sub"]["two"][0], r["sub"]["two"][1] = Held(), Held()
    numpy_array("records", records)
    ACCOUNT.append({"held": [id(o) for o in objects] + [id(r["o"]) for r in records] + [id(o) for r in records for o in r["sub"]["two"]]})


def pandas_blocks():
    import pandas as pd

    frame = pd.DataFrame({"i": range(10000), "f": [0.5] * 10000, "g": [1.5] * 10000, "s": ["text"] * 10000})
    for i, block in enumerate(frame._mgr.arrays):
        numpy_array("block %d of a frame" % i, block)
    column = frame["f"].values
    numpy_array("column of a frame", column)
    numpy_array("index", frame.set_index("f").index.values)
    KEEP.append(frame)


def package(f, *args):
    try:
        f(*args)
    except ModuleNotFoundError as e:
        ACCOUNT.append({"absent": e.name})


def main():
    global PLACE
    PLACE = tempfile.TemporaryDirectory()
    bytearrays()
    source = bytearray(b"source" * 1000)
    owned("source", source, address_of(source), len(source), bytearray_usable(address_of(source), source), True)
    numbers, mapping = arrays(), mmaps()
    data, file = ctypes_data(source), files()
    memoryviews(source, numbers, mapping, data, file)
    package(numpy_arrays, source, mapping)
    package(pandas_blocks)
    with open(sys.argv[1], "w") as f:
        for entry in ACCOUNT:
            f.write(json.dumps(entry) + "\n")
    PLACE.cleanup()
    os.write(1, b"ready\n")
    os.read(0, 100)
    os._exit(0)


if __name__ == "__main__":
    main()
