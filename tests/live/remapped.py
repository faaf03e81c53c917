"""The heap of basic.py in a process that has moved what it runs from: the interpreter's code and constants lie on anonymous
pages at their old addresses (as with huge pages for code), a library has lost its ELF header, the program's file is
mapped once more, without being the program. And to the kernel every other page of the heap is a mapping of its own, as
parts are whose owner has given advice on huge pages: objects lie across them. Behind a static type no memory is mapped.
"""
import truth  # first, see there

import ctypes
import mmap
import os
import sys

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 2, 16, 32
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
MADV_DONTDUMP = 16
PAGES = 20000  # the kernel allows 65,530 mappings
FAILED = ctypes.c_void_p(-1).value

libc = ctypes.CDLL(None)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.madvise.argtypes = libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def mappings():
    """(start, length, permissions, file offset, path) of each."""
    with open("/proc/self/maps") as f:
        lines = [line.split(None, 5) for line in f]
    for parts in lines:
        start, end = (int(x, 16) for x in parts[0].split("-"))
        yield start, end - start, parts[1], int(parts[2], 16), parts[5].strip() if len(parts) > 5 else ""


def make_anonymous(start, length, prot):
    """In one step, as the code that calls this may be what is moved."""
    at = libc.mmap(None, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if at == FAILED:
        sys.exit("mmap failed")
    ctypes.memmove(at, start, length)
    if libc.mprotect(at, length, prot) != 0 or libc.mremap(at, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, start) != start:
        sys.exit("the mapping at 0x%x cannot be replaced" % start)


def main():
    moved = headers = 0
    for start, length, perms, offset, path in list(mappings()):
        name = os.path.basename(path)
        if name.startswith(("python", "libpython")) and (perms == "r-xp" or perms == "r--p" and offset > 0):
            make_anonymous(start, length, PROT_READ | (PROT_EXEC if "x" in perms else 0))
            moved += 1
        elif name.startswith("libm") and offset == 0 and perms[0] == "r":
            # What the loader needed it has read.
            page = libc.mmap(start, mmap.PAGESIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0)
            headers += page == start
    if moved < 2 or headers != 1:
        sys.exit("%d mappings of the interpreter were moved, %d headers of libm" % (moved, headers))
    with open(sys.executable, "rb") as f:
        return mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)


def static_type_at_an_end():
    """A static type whose last bytes are the last of a mapping, as those of an extension may be: a copy of one."""
    import datetime
    if datetime.timedelta.__flags__ & 2:
        return None  # managed: the interpreter has a record of this very type (3.13)
    size = sys.getsizeof(datetime.timedelta)  # of a static type alone: the collector has nothing in front of it
    start = libc.mmap(None, 2 * mmap.PAGESIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if start == FAILED or libc.munmap(start + mmap.PAGESIZE, mmap.PAGESIZE) != 0:
        sys.exit("no page of its own")
    at = start + mmap.PAGESIZE - size
    ctypes.memmove(at, id(datetime.timedelta), size)
    return ctypes.cast(at, ctypes.py_object).value


def divide():
    pages = []
    for start, length, perms, _, path in mappings():
        if perms == "rw-p" and path in ("", "[heap]"):
            pages.extend(range(start, start + length, 2 * mmap.PAGESIZE))
    before = sum(1 for _ in mappings())
    for page in pages[-PAGES:]:
        libc.madvise(page, mmap.PAGESIZE, MADV_DONTDUMP)
    if sum(1 for _ in mappings()) < before + 500:
        sys.exit("the heap is not divided")


def divide_and_serve(serve=truth.serve):
    divide()
    # With ctypes 2.7 has threads, whose module has work to do after a fork of the interpreter's.
    serve(truth.raw_fork())


again = main()
at_an_end = [static_type_at_an_end()]
truth.serve = divide_and_serve
import basic  # noqa: F401, E402: it builds, and serves
