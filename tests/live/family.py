"""A server that forks: a heap, three workers that change a part of it each, one of which has a child of its own.

The first argument is the beginning of the files that each process writes: NAME.PID has the truth (see truth.py) and
NAME.PID.values a checksum of each value that cannot change. Works from Python 2.7 on. Says "ready" when all have written; a
line read lets all write once more, and the end of standard input ends them.
"""
import truth

import ctypes
import gc
import os
import sys
import zlib

KEEP = []
PLAIN = (str, bytes, type(u""), int, float)


class Item(object):
    def __init__(self, i):
        self.number = i
        self.text = "item %d of the heap" % i
        self.parts = [i, (i, str(i)), {"key %d" % i: float(i)}]


def write_values(path):
    lines = []
    for o in gc.get_objects():
        for r in gc.get_referents(o):
            if type(r) in PLAIN:
                lines.append("%d %d\n" % (id(r), zlib.crc32(repr(r).encode("ascii", "backslashreplace")) & 0xffffffff))
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    truth.write_all(out, "".join(lines).encode("ascii"))
    os.close(out)


def tell():
    """A child describes the heap that this process has."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            path = "%s.%d" % (sys.argv[1], os.getppid())
            truth.write_truth(path)
            write_values(path + ".values")
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("the child could not write the truth")


def live(orders, done):
    """Tell, and once more whenever a byte comes."""
    while True:
        tell()
        os.write(done, b"x")
        if not os.read(orders, 1):
            os._exit(0)


def change(worker):
    """What this worker alone has, and has not."""
    for item in KEEP[worker * 300:worker * 300 + 100]:
        item.text = "changed by %d" % worker
        item.parts.append(worker)
    KEEP[worker * 300 + 200].parts = None
    KEEP.append(["of worker %d" % worker] * 50)


def main():
    # What processes have in common is counted page by page: the kernel is not to make huge ones of them at any time
    # (PR_SET_THP_DISABLE; children inherit it).
    ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
    KEEP.extend(Item(i) for i in range(int(sys.argv[2])))
    # What is looked up on first use is looked up here, not in one of the children.
    truth.type_name(object).encode("utf-8", "surrogatepass")
    "x".encode("ascii")
    truth.write_truth(os.devnull)
    write_values(os.devnull)
    gc.collect()
    # A collection would write to every container, so that nothing was in common any more.
    gc.disable()
    pipes = [os.pipe() for _ in range(5)]
    done, said = os.pipe()
    nowhere = os.open(os.devnull, os.O_RDWR)

    def become(worker):
        for _, w in pipes:
            os.close(w)
        # Who talks to the server is not to be kept waiting by its workers.
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        change(worker)

    # No loop over a tuple: the type of its iterator would be made ready in the child that tells of it.
    worker = 0
    while worker < 3:
        worker += 1
        if os.fork() == 0:
            become(worker)
            if worker == 2 and os.fork() == 0:
                change(4)
                worker = 4
            live(pipes[worker][0], said)
    while True:
        tell()
        for _ in range(4):
            os.read(done, 1)
        os.write(1, b"ready\n")
        if not os.read(0, 100):
            os._exit(0)
        for _, w in pipes[1:]:
            os.write(w, b"x")


main()
