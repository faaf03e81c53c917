"""Damage a core at random, again and again, and see how memscan takes it.

    python3 coresweep.py MEMSCAN CORE SEED COUNT [EXTRA...]

COUNT times cut off, COUNT times with one byte changed, and COUNT times with eight: a third of them in the headers, a third
in the notes, a third in the memory. Each time memscan must end by itself within ten seconds, with an exit status that it has
for that, and without a word from a sanitizer. Prints how often each status was seen; ends with 1 if anything was amiss.
"""
import collections
import os
import random
import struct
import subprocess
import sys

STATUSES = {0, 3, 4, 5, 6}
SECONDS = 10


def segments(data):
    """Where the headers end, and [start, end) of the notes: of a 64-bit little-endian core."""
    table, = struct.unpack_from("<Q", data, 32)
    count, = struct.unpack_from("<H", data, 56)
    notes = (table, table + 56 * count)
    for i in range(count):
        kind, _, off, _, _, size = struct.unpack_from("<IIQQQQ", data, table + 56 * i)
        if kind == 4:
            notes = (off, off + size)
    return table + 56 * count, notes


class Sweep:
    def __init__(self, memscan, core, extra):
        self.memscan, self.core, self.extra = memscan, core, extra
        self.seen = collections.Counter()
        self.failures = 0
        self.slowest = 0.0

    def run(self, what):
        out = self.core + ".dump"
        command = [self.memscan, "--core", self.core, "-o", out, "-f", "--values", "none"] + self.extra
        try:
            p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               timeout=SECONDS)
            rc, err = p.returncode, p.stderr.decode("utf-8", "replace")
        except subprocess.TimeoutExpired as e:
            rc, err = "hangs", repr(e.stderr)
        self.seen[rc] += 1
        is_bad = rc not in STATUSES or "Sanitizer" in err or "runtime error" in err
        # A dump is there if and only if it was said to be.
        is_bad |= os.path.exists(out) != (rc in (0, 6))
        if is_bad:
            self.failures += 1
            print("%s: exit status %s: %s" % (what, rc, err[-2000:]))
        if os.path.exists(out):
            os.unlink(out)


def main():
    memscan, core, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    rng = random.Random(seed)
    sweep = Sweep(memscan, core, sys.argv[5:])
    with open(core, "r+b") as f:
        data = f.read()
        headers, notes = segments(data)
        for width in (1, 8):
            for i in range(count):
                low, high = [(0, headers), notes, (notes[1], len(data))][i % 3]
                at = rng.randrange(low, max(low + 1, high - width))
                if i % 3 == 2:
                    # Of the memory, most is not looked at: prefer what is not zero.
                    while not any(data[at:at + width]):
                        at = rng.randrange(low, high - width)
                value = bytes(rng.randrange(256) for _ in range(width))
                f.seek(at)
                f.write(value)
                f.flush()
                sweep.run("seed %d: %r at %d" % (seed, value, at))
                f.seek(at)
                f.write(data[at:at + width])
                f.flush()
        # Most of a core is memory: a third each is cut off within its headers, its notes and that.
        lengths = [rng.randrange(*[(0, headers), notes, (notes[1], len(data))][i % 3]) for i in range(count)]
        for n in sorted(lengths, reverse=True):
            f.truncate(n)
            sweep.run("seed %d: cut off at %d" % (seed, n))
    print("result: %d cores damaged, exit statuses: %s" % (
        3 * count, ", ".join("%s %d times" % item for item in sorted(sweep.seen.items(), key=str))))
    sys.exit(1 if sweep.failures else 0)


if __name__ == "__main__":
    main()
