"""A process with several interpreters, each of which writes down its own truth.

    subint.py TRUTH isolated|shared|host[:LIBRARY] [N]

Interpreter i writes TRUTH.i, as truth.py does, and TRUTH.i.own: a line for each generation of its collector with the
addresses of what is in it. The main one is 0. They are told in a child of fork() each, whose other threads and
interpreters are as they were, because nothing of Python runs around the fork.

With "isolated" and "shared" the interpreters are made by the module that the release has for that; "host" is a
library that calls Py_NewInterpreter, for releases without one (newinterp.c).
"""
import truth  # first, see there

import ctypes
import functools
import os
import sys

# What each interpreter does: the file is imported there, so that its globals are a module's.
SETUP = """
import sys
sys.path.insert(0, %r)
import subheap
subheap.build(%d, %r)
"""


class Module(object):
    """Interpreters as _xxsubinterpreters (3.8 to 3.12) or _interpreters (3.13) makes them."""

    def __init__(self, is_isolated):
        try:
            import _interpreters as module
            self.create = lambda: module.create("isolated" if is_isolated else "legacy", reqrefs=True)
            self.execute = getattr(module, "exec")
        except ImportError:
            import _xxsubinterpreters as module
            has_kinds = sys.version_info >= (3, 9)
            self.create = lambda: module.create(isolated=is_isolated) if has_kinds else module.create()
            self.execute = module.run_string
        self.kept = []

    def make(self):
        self.kept.append(self.create())
        return self.kept[-1]

    def run(self, interp, code):
        failed = self.execute(interp, code)
        if failed is not None:
            sys.exit("interpreter %s: %s" % (interp, failed))


class Host(object):
    def __init__(self, path):
        self.library = ctypes.PyDLL(path)
        self.library.newinterp_make.restype = ctypes.c_void_p
        self.library.newinterp_run.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

    def make(self):
        return self.library.newinterp_make()

    def run(self, interp, code):
        if self.library.newinterp_run(interp, code.encode("ascii")) != 0:
            sys.exit("the interpreter at %s failed" % interp)


def main():
    path, mode = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    here = os.path.dirname(os.path.abspath(__file__))
    maker = Host(mode.split(":", 1)[1]) if mode.startswith("host:") else Module(mode == "isolated")
    fork = truth.raw_fork()
    import subheap
    jobs = [subheap.tell]
    for i in range(count):
        interp = maker.make()
        maker.run(interp, SETUP % (here, i + 1, "%s.%d" % (path, i + 1)))
        jobs.append(functools.partial(maker.run, interp, subheap.ASK))
    subheap.build(0, path + ".0")
    # No object comes and goes from here on: in releases with one collector for all, it would be in everybody's truth.
    while True:
        i = 0
        while i < len(jobs):
            pid = fork()
            if pid == 0:
                jobs[i]()
                os._exit(0)
            if os.waitpid(pid, 0)[1] != 0:
                sys.exit("a child could not write the truth")
            i += 1
        os.write(1, b"ready\n")
        if not os.read(0, 100):
            break
    os._exit(0)


if __name__ == "__main__":
    main()
