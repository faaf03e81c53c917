"""Floats and strs whose previews are hard to get right, and what the interpreter says of them: previews.py FILE.
"ready", then it waits for the end of its input."""
import json
import os
import random
import struct
import sys

random.seed(1)
floats = [0.0, -0.0, 1.0, 10.0, -20.0, 100000.0, 123456.0, 1e15, 999999999999999.0, 1e16, 12345678901234567.0,
          1.5e16, 1e17, 1e22, 1e23, 0.1, 0.001, 0.0001, 0.00012345, 1e-5, 5e-324, 2.5e-310, 1.7976931348623157e308,
          2.2250738585072014e-308, 1 / 3.0, 2 / 3.0, 4.35, -1234.5678, float("inf"), float("-inf"), float("nan")]
floats += [struct.unpack("<d", struct.pack("<Q", random.getrandbits(64)))[0] for i in range(3000)]
floats += [random.random() * 10 ** random.randint(-8, 20) for i in range(3000)]
floats += [float(round(random.random() * 10000, 2)) for i in range(1000)]
strs = [c * n for c in ("a", "\xe9", "\u20ac", "\U0001f40d", "\ud800") for n in (1, 24, 25, 26, 33, 34, 49, 50, 51, 99, 100, 101, 2000)]
strs += ["a" * n + "\u20ac" for n in (96, 97, 98, 99, 100)]
ints = [1000, -1000, 2 ** 30, -2 ** 30, 2 ** 60 - 1, 1 - 2 ** 60, 2 ** 59]
whole = {}
for s in strs:
    n = len(s)
    while len(s[:n].encode("utf-8", "surrogatepass")) > 100:
        n -= 1
    whole[id(s)] = [len(s), n, n < len(s)]
with open(sys.argv[1], "w") as f:
    json.dump({"floats": {str(id(x)): repr(x) for x in floats}, "strs": {str(k): v for k, v in whole.items()},
               "ints": {str(id(i)): str(i) for i in ints}}, f)
os.write(1, b"ready\n")
sys.stdin.read()
