"""Objects that only a C library holds: in its static data behind a large table, and on a thread's stack above another.

    python3 tables.py tables.so
"""
import ctypes
import os
import sys
import threading


class InData(object):
    pass


class OnStack(object):
    pass


def held(cls):
    """An object that one reference is counted of, which no other object has."""
    thing = cls()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return id(thing)


@ctypes.CFUNCTYPE(ctypes.c_int)
def wait():
    os.write(1, b"ready\n")
    return len(os.read(0, 1))


library = ctypes.CDLL(sys.argv[1])
library.tables_hold(ctypes.c_void_p(held(InData)))
threading.stack_size(8 << 20)
thread = threading.Thread(target=library.tables_within, args=(wait, ctypes.c_void_p(held(OnStack))))
thread.start()
thread.join()
