"""Run basic.py inside a program that Python is embedded in, whatever it has done to its descriptors.

HOST_DIR has the FIFOs "to" and "from", which become descriptors 0 and 1; the truth goes to "truth" there.
"""
import ctypes
import os
import sys

place = os.environ["HOST_DIR"]
here = os.environ["HOST_LIVE"]
for path, flags, fd in (("/from", os.O_WRONLY, 1), ("/to", os.O_RDONLY, 0)):
    got = os.open(place + path, flags)
    os.dup2(got, fd)
    os.close(got)
# The hooks that threading has for a child would change what the child is to describe.
os.fork = ctypes.PyDLL(None).fork
sys.argv = ["host", place + "/truth"]
sys.path.insert(0, here)
with open(here + "/basic.py") as source:
    code = compile(source.read(), "basic.py", "exec")
exec(code, {"__name__": "__main__", "__builtins__": __builtins__})
