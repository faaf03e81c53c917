"""What CPython itself says of a heap: the oracle that a dump is compared with.

A target builds its objects and calls serve(). That forks a child, which writes one line for
every object that it can reach: address, type, sys.getsizeof() and gc.get_referents(). The
parent then says "ready" and blocks; its heap is the one that the child described, for
nothing happened in between but a fork and a wait. Each line that comes on
standard input asks for the truth once more, so that a caller can see that nothing changed.

Works from Python 2.7 on. No hook may run in the child, or it would describe a heap
that the parent does not have: therefore os.register_at_fork does nothing from here on, before any
module of the standard library can use it. Import this module first.
"""
import gc
import os
import sys

if hasattr(os, "register_at_fork"):
    os.register_at_fork = lambda **hooks: None

# The descriptors themselves, for a metaclass may say something else.
_module_of = type.__dict__["__module__"].__get__
_qualname_of = type.__dict__.get("__qualname__", type.__dict__["__name__"]).__get__


def type_name(t):
    """module.qualname as a dump has it: builtins without the module."""
    try:
        module, name = _module_of(t), _qualname_of(t)
    except AttributeError:  # a type made from C with a plain name
        return _qualname_of(t)
    if type(module) is not str or module in ("builtins", "__builtin__"):
        return name
    return module + "." + name


def own_frames():
    """The addresses of the frame objects of the running functions, where these are always objects."""
    ids = set()
    if sys.version_info < (3, 11):
        frame = sys._getframe()
        while frame is not None:
            ids.add(id(frame))
            frame = frame.f_back
    return ids


def write_truth(path, own=own_frames):
    """Write down what can be reached. All state is in locals, which no object that is walked refers to; own() says the
    addresses of what is there because of the telling alone.
    """
    objects = gc.get_objects()
    skip = own()
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    known = set(map(id, objects))
    types = {}
    lines = []
    for o in objects:  # grows while it is walked
        if id(o) in skip:
            continue
        t = type(o)
        if id(t) not in types:
            types[id(t)] = len(types)
            name = type_name(t).encode("utf-8", "surrogatepass")
            os.write(out, ("T %d " % types[id(t)]).encode("ascii") + name + b"\n")
        # Before its referents are held here: a size may depend on a reference count (io.BytesIO).
        size = sys.getsizeof(o)
        refs = gc.get_referents(o)
        lines.append("%d %d %d %s\n" % (id(o), types[id(t)], size, " ".join(map(str, map(id, refs)))))
        for r in refs:
            if id(r) not in known:
                known.add(id(r))
                objects.append(r)
        if len(lines) >= 10000:
            write_all(out, "".join(lines).encode("ascii"))
            lines = []
    write_all(out, "".join(lines).encode("ascii") + b"E\n")
    os.close(out)


def drop_cached_names():
    """The cache of attribute lookups holds names, by where they hash to: what it alone holds would go when the child
    looks up another.
    """
    for name in ("_clear_internal_caches", "_clear_type_cache"):
        if hasattr(sys, name):
            getattr(sys, name)()
            return


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def serve(fork=os.fork):
    """Write the truth to the file named by the first argument, say "ready", wait; repeat for each line read."""
    # What is looked up on first use is looked up here, not in the child alone.
    type_name(object).encode("utf-8", "surrogatepass")
    "x".encode("ascii")
    if sys.version_info < (3,):
        # Static types of C modules are made ready when they are first looked into, which the child does.
        write_truth(os.devnull)
    gc.collect()
    gc.disable()
    drop_cached_names()
    while True:
        pid = fork()
        if pid == 0:
            status = 1
            try:
                write_truth(sys.argv[1])
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit("the child could not write the truth")
        os.write(1, b"ready\n")
        if not os.read(0, 100):
            break
    # Going through the end of the interpreter would only take apart what was built.
    os._exit(0)


def raw_fork():
    """fork() alone, without what the interpreter does around it: other threads' states stay as they are."""
    import ctypes

    return ctypes.PyDLL(None).fork
