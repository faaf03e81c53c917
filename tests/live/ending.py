"""Says "ready" and waits for a line at a certain point of its end: at an "exit" hook, or when the "last" object goes."""
import atexit
import os
import sys


def wait(write=os.write, read=os.read):
    write(1, b"ready\n")
    read(0, 10)


class Last(object):
    def __del__(self, wait=wait):
        wait()


if sys.argv[1] == "exit":
    atexit.register(wait)
else:
    last = Last()
