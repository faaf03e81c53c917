"""A target that changes its memory in every way that a copy made beforehand could miss: precopy.py TRUTH.

Lists have their items in pages of mappings made for them, one mapping for each way. "ready" is said when the truth is written; of the
lines read one makes all mappings anew, the next changes them, and so on by turns, and each writes the truth anew ("ready").
"""
import truth  # first: it must see no hooks

import ctypes
import mmap
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
for name in "mmap", "mremap":
    getattr(LIBC, name).restype = ctypes.c_void_p
PAGE, HUGE = 4096, 2 << 20
ITEMS = 100
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
MAP_FIXED, MREMAP_BOTH = 0x10, 3  # MREMAP_MAYMOVE | MREMAP_FIXED
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLLAPSE = 14, 15, 25
round_of = [0]
OB_ITEM = list.__basicsize__ - 2 * ctypes.sizeof(ctypes.c_void_p)
KEEP = [("item", i) for i in range(ITEMS * 4)]


def words(address):
    return (ctypes.c_size_t * ITEMS).from_address(address)


def call(f, *args):
    got = f(*[ctypes.c_size_t(a) for a in args])
    if got == -1 or got == ctypes.c_size_t(-1).value:
        raise OSError(ctypes.get_errno(), f.__name__)
    return got


def anew(at=0, length=PAGE, prot=READ_WRITE, flags=mmap.MAP_PRIVATE):
    fixed = MAP_FIXED if at else 0
    return call(LIBC.mmap, at, length, prot, flags | mmap.MAP_ANONYMOUS | fixed, ctypes.c_size_t(-1).value, 0)


def move(a, b, length):
    call(LIBC.mremap, a, length, length, MREMAP_BOTH, b)


class Place:
    """Some pages in a mapping of their own, with room that is not mapped on both sides; a list has its items in each of the
    first two."""

    def __init__(self, step=PAGE, pages=8, flags=mmap.MAP_PRIVATE, huge=False):
        self.step, self.pages, self.flags, self.huge = step, pages, flags, huge
        room = anew(0, step * (pages + 6), 0)
        self.at = -(-(room + step) // step) * step
        self.spare = self.at + step * (pages + 1)
        self.lists = []
        self.make()
        for i in range(2):
            v = [None] * ITEMS
            ctypes.c_size_t.from_address(id(v) + OB_ITEM).value = self.at + i * step
            self.lists.append(v)

    def make(self):
        anew(self.at, self.step * self.pages, flags=self.flags)
        call(LIBC.madvise, self.at, self.step * self.pages, MADV_HUGEPAGE if self.huge else MADV_NOHUGEPAGE)
        for i in range(self.pages):
            for page in range(0, min(self.step, 64 * PAGE), PAGE):
                self.fill(i, round_of[0] + i, page)

    def fill(self, i, shift, page=0):
        w = words(self.at + i * self.step + page)
        for k in range(ITEMS):
            w[k] = id(KEEP[(k + shift) % len(KEEP)])


def write(place):
    place.fill(0, round_of[0])


def swap(place):
    """Where both are, the other is; no page has been written to."""
    move(place.at, place.spare, place.step)
    move(place.at + place.step, place.at, place.step)
    move(place.spare, place.at + place.step, place.step)


def take_away(place):
    """One page comes from elsewhere, and where the other was is nothing."""
    move(place.at + 2 * place.step, place.at, place.step)
    call(LIBC.madvise, place.at + place.step, place.step, mmap.MADV_DONTNEED)


def forget(place):
    """Zeros, which nobody has written: the page of one list is read, that of the other is not."""
    call(LIBC.madvise, place.at, 2 * PAGE, mmap.MADV_DONTNEED)
    ctypes.c_char.from_address(place.at).value


def map_anew(place):
    anew(place.at, PAGE)
    ctypes.c_char.from_address(place.at).value
    call(LIBC.munmap, place.at + PAGE, PAGE)
    anew(place.at + PAGE, PAGE)
    place.fill(1, round_of[0])


def protect(place):
    call(LIBC.mprotect, place.at, PAGE, mmap.PROT_READ)
    call(LIBC.mprotect, place.at, PAGE, READ_WRITE)
    place.fill(0, round_of[0])


def grow(place):
    """The mapping grows, which marks it as a whole, and shrinks."""
    anew(place.at + 8 * PAGE, PAGE)
    place.fill(0, round_of[0])
    call(LIBC.munmap, place.at + 8 * PAGE, PAGE)


def merge(place):
    """A mapping that grew becomes a part of one that did not, and the kernel forgets that it had marked all of it."""
    anew(place.at + 8 * PAGE, PAGE)
    protect(place)
    call(LIBC.mprotect, place.at - PAGE, PAGE, READ_WRITE)


def before_merge(place):
    anew(place.at - 2 * PAGE, 2 * PAGE)
    call(LIBC.mprotect, place.at - PAGE, PAGE, 0)
    call(LIBC.munmap, place.at + 8 * PAGE, PAGE)


def child(place):
    """A child has the pages in common, and writes to its own; the parent to its."""
    pid = os.fork()
    if pid == 0:
        place.fill(0, 7)
        os._exit(0)
    place.fill(1, round_of[0])
    os.waitpid(pid, 0)


def by_file(place):
    """As a debugger writes: not through these page tables."""
    fd = os.open("/proc/self/mem", os.O_RDWR)
    os.pwrite(fd, bytes(words(place.at + 3 * PAGE)), place.at)
    os.close(fd)


def elsewhere(place):
    """Shared with a child, which alone writes."""
    pid = os.fork()
    if pid == 0:
        place.fill(0, round_of[0])
        os._exit(0)
    os.waitpid(pid, 0)


def collapse(place):
    place.fill(0, round_of[0])
    LIBC.madvise(ctypes.c_size_t(place.at), ctypes.c_size_t(HUGE), MADV_COLLAPSE)
    place.fill(1, round_of[0] + 1)


def heap(place):
    """Objects made and freed, and others changed where they are."""
    place.table.update(("key %d" % i, [i, round_of[0]]) for i in range(round_of[0] * 100, round_of[0] * 100 + 300))
    for k in list(place.table)[:150]:
        del place.table[k]
    place.table["self"] = place.table
    place.lists.reverse()


def table(place):
    place.table = {}


def main():
    shared = mmap.MAP_SHARED
    ways = [(f, Place()) for f in (write, swap, take_away, forget, map_anew, protect, grow, merge, child, by_file, heap)]
    ways += [(f, Place(HUGE, 4)) for f in (write, swap, take_away)]
    ways += [(f, Place(HUGE, 4, huge=True)) for f in (write, swap, collapse)]
    ways.append((elsewhere, Place(flags=shared)))
    first = {merge: before_merge, heap: table}
    truth.write_truth(os.devnull)

    def fork():
        """Called for each telling of the truth: what happens comes before it."""
        for f, place in ways:
            if round_of[0] % 2:
                f(place)
                continue
            place.make()
            if f in first:
                first[f](place)
        round_of[0] += 1
        return os.fork()

    truth.serve(fork)


main()
