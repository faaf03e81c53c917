"""A small target that answers: "answer N" with 7 * N, and how many signals it has received.

The first argument is Python code to run before it says that it is ready.
"""
import os
import signal
import sys

KEEP = []
received = []


class Thing:
    def __init__(self, i):
        self.number = i
        self.text = "thing %d" % i


def listen():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, lambda n, frame: received.append(n))
        except (OSError, ValueError, RuntimeError):
            pass


def main():
    KEEP.extend(Thing(i) for i in range(2000))
    listen()
    exec(sys.argv[1] if len(sys.argv) > 1 else "", globals())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in iter(sys.stdin.readline, ""):
        what, argument = line.split(" ", 1)
        if what == "answer":
            sys.stdout.write("%d %d\n" % (7 * int(argument), len(received)))
        else:
            exec(argument, globals())
            sys.stdout.write("done\n")
        sys.stdout.flush()


main()
