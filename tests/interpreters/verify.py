"""What the running interpreter is, as KEY=VALUE lines for make.sh. Works from Python 2.7 on.

That it can walk its own heap is part of the answer: "objects" counts what gc can reach.
"""
import gc
import sys


def config(name):
    try:
        import sysconfig

        return sysconfig.get_config_var(name)
    except Exception:  # Debian has the data in a package that a light root lacks
        return None


def flavour():
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "nogil"
    if hasattr(sys, "gettotalrefcount"):
        return "debug"
    if hasattr(sys, "getobjects"):
        return "tracerefs"
    if config("WITH_PYMALLOC") == 0:
        return "nopymalloc"
    if "musl" in getattr(getattr(sys, "implementation", None), "_multiarch", ""):
        return "musl"
    return "clang" if "Clang" in sys.version else "release"


def lacks():
    """Modules with libraries of their own that cannot be imported."""
    missing = []
    for name in ("ctypes", "zlib", "bz2", "sqlite3", "ssl", "hashlib", "pyexpat", "decimal"):
        try:
            __import__(name)
        except ImportError:
            missing.append(name)
    return missing


def reachable():
    objects = gc.get_objects()
    known = set(map(id, objects))
    for o in objects:  # grows while it is walked
        for r in gc.get_referents(o):
            if id(r) not in known:
                known.add(id(r))
                objects.append(r)
    return len(objects)


print("version=" + sys.version.split()[0].rstrip("+"))
print("flavour=" + flavour())
print("compiler=" + sys.version.split("[")[-1].split("]")[0].strip())
print("bits=%d" % (sys.maxsize.bit_length() + 1))
print("lacks=" + ",".join(lacks()))
print("objects=%d" % reachable())
