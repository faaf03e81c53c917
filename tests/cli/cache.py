"""Spoil copies of a cache file, each in its own way: cache.py HOW COUNT GOOD makes GOOD.HOW.1 .. COUNT.

flip      a bit somewhere
cut       the end is missing
array     numbers of an array are others, with a right checksum"""
import random
import struct
import sys
import zlib

HEADER, PARTS = 96, 8


def change_array(data, rng):
    nobj, n_entry, _, n_order = struct.unpack_from("<4I", data, 48)
    lengths = [n_entry, n_entry, nobj, nobj, nobj, nobj, nobj, n_order]
    part = rng.randrange(PARTS)
    at = HEADER + 4 * sum(lengths[:part])
    for _ in range(rng.choice([1, 1, 50])):
        value = rng.choice([0, nobj - 1, nobj, nobj + 1, 2**32 - 1, 2**32 - 2, rng.randrange(nobj), rng.randrange(2**32)])
        struct.pack_into("<I", data, at + 4 * rng.randrange(lengths[part]), value)
    struct.pack_into("<I", data, 64 + 4 * part, zlib.crc32(data[at:at + 4 * lengths[part]]))
    if rng.random() < 0.1:
        struct.pack_into("<I", data, 48 + 4 * rng.randrange(4), rng.randrange(2**32))
    struct.pack_into("<I", data, 12, 0)
    struct.pack_into("<I", data, 12, zlib.crc32(data[:HEADER]))


how, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(path, "rb") as f:
    good = f.read()
for number in range(1, count + 1):
    rng = random.Random(number)
    data = bytearray(good)
    if how == "flip":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del data[rng.randrange(len(data)):]
    else:
        change_array(data, rng)
    with open(f"{path}.{how}.{number}", "wb") as f:
        f.write(data)
